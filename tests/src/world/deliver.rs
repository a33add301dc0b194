//! Carries actions out: hands inputs to shards and coordinator, and their effects on.

use sluicedb::core::effect::{CoordinatorEffect, CoordinatorInput, Effect, Input, Order, Report};
use sluicedb::core::frame::Frame;
use sluicedb::core::ids::{FeederId, ShardId, Time};
use sluicedb::core::morsel::Morsel;
use sluicedb_wal::{DiskOp, Failure, Issued, Ticket};

use super::World;
use super::actions::Action;
use super::life::Look;
use crate::disk::Moved;

/// Owners of the coordinator's tickets are the highest; a shard's number is in its own.
const COORDINATOR_OWNER: u16 = u16::MAX - 1;

impl World {
    pub(super) fn carry_out(&mut self, action: Action) {
        match action {
            Action::Frame { lane } => self.take_frames(lane),
            Action::Fed { feeder, shard } => self.take_fed(feeder, shard),
            Action::Look { feeder, shard } => self.look(feeder, shard),
            Action::Room { lane } => self.report_room(lane),
            Action::Work { shard } => self.work(shard),
            Action::Disk { at } => self.advance_disk(at),
            Action::Order { shard } => self.take_order(shard),
            Action::Report { shard } => self.take_report(shard),
            Action::ShardClock { shard } => {
                let now_ns = self.now_ns;
                self.trace.add(self.turn, &self.life.seats[shard].id(), format_args!("clock"));
                self.life.seats[shard].clock_ns = now_ns;
                self.step(shard, Input::Clock(now_ns));
            }
            Action::CoordinatorClock => {
                self.note("coordinator", "clock");
                self.life.coordinator_ns = self.now_ns;
                self.coordinate(CoordinatorInput::Clock(self.now_ns));
            }
            Action::Feeder { feeder } => self.step_feeder(feeder),
            Action::Push { feeder } => self.push(feeder),
            Action::Attach { feeder } => self.attach(feeder),
            Action::Detach { feeder } => self.detach(feeder),
            Action::Time { until_ns } => {
                self.trace.add(self.turn, &"time", format_args!("passes until={until_ns}"));
                self.now_ns = until_ns;
            }
            Action::Want => self.want(),
            Action::Install => self.install(),
            Action::Read => self.read_some(),
            Action::Sink { at } => self.sink_written(at),
        }
    }

    /// Gives a shard an input and carries out what it asks.
    pub(super) fn step(&mut self, shard: usize, input: Input) {
        let mut effects = Vec::new();
        let seat = &mut self.life.seats[shard];
        seat.hungry = true;
        seat.shard.step(input, &mut effects);
        self.absorb(shard, effects);
    }

    fn work(&mut self, shard: usize) {
        let fuel = 1 + self.schedule.below(self.fuel_max());
        let mut effects = Vec::new();
        let seat = &mut self.life.seats[shard];
        self.trace.add(self.turn, &seat.id(), format_args!("work fuel={fuel}"));
        seat.hungry = seat.shard.work(fuel, &mut effects);
        self.absorb(shard, effects);
        if self.turn.is_multiple_of(64) {
            let arena = self.life.seats[shard].shard.arena();
            arena.verify();
            self.blocks_seen = self.blocks_seen.max(arena.used_blocks());
        }
    }

    fn take_frames(&mut self, at: usize) {
        // The ring shows some of what is on it.
        let shown = 1 + self.schedule.below(self.life.lanes[at].lane.len());
        for _ in 0..shown {
            let lane = &mut self.life.lanes[at];
            let (id, to) = (lane.id, lane.id.to.index());
            if !self.life.seats[to].shard.accepts(id) {
                self.saw("lane held or stage full");
                return;
            }
            let frame = lane.lane.take();
            let what = describe(&frame);
            self.trace.add(self.turn, &id.to, format_args!("frame lane={id} {what}"));
            self.step(to, Input::Frame { lane: id, frame });
        }
    }

    fn take_fed(&mut self, feeder: usize, shard: usize) {
        let fed = self.life.mouths[feeder].lanes[shard].take();
        let (marks, rows) = (fed.marks(), fed.rows());
        let (epoch, sequence) = (marks.epoch, marks.sequence);
        let what = format_args!("fed by=f{feeder} {epoch} seq={sequence} rows={rows}");
        self.trace.add(self.turn, &ShardId(shard as u16), what);
        self.life.seats[shard].looks[feeder] = Look::Away;
        let merged = self.life.seats[shard].shard.merged();
        self.step(shard, Input::Fed(fed));
        if self.life.seats[shard].shard.merged() > merged {
            self.saw("rows merged at stage 0");
        }
    }

    /// The word is read, then the lane found empty, then the progress read: others may act between.
    fn look(&mut self, feeder: usize, shard: usize) {
        let mouth = &self.life.mouths[feeder];
        let look = &mut self.life.seats[shard].looks[feeder];
        let id = ShardId(shard as u16);
        match *look {
            Look::Away => {
                *look = Look::Word(mouth.word);
                self.trace.add(
                    self.turn,
                    &id,
                    format_args!("look at=f{feeder} word={:x}", mouth.word),
                );
            }
            Look::Word(word) => {
                let empty = mouth.lanes[shard].is_empty();
                *look = if empty { Look::Empty(word) } else { Look::Away };
                self.trace.add(self.turn, &id, format_args!("look at=f{feeder} empty={empty}"));
            }
            Look::Empty(word) => {
                *look = Look::Away;
                let progress = mouth.progress;
                let sequence = progress.sequence;
                let what = format_args!("quiet f{feeder} word={word:x} seq={sequence}");
                self.trace.add(self.turn, &id, what);
                let feeder = FeederId(feeder as u32);
                self.step(shard, Input::Quiet { feeder, word, progress });
            }
        }
    }

    fn report_room(&mut self, at: usize) {
        let lane = &mut self.life.lanes[at];
        let news = lane.lane.room() - lane.lane.known();
        let places = lane.lane.known() + 1 + self.schedule.below(news);
        let frames = lane.lane.report(places) as u32;
        let id = lane.id;
        self.trace.add(self.turn, &id.from, format_args!("room lane={id} frames={frames}"));
        self.step(id.from.index(), Input::Room { lane: id, frames });
    }

    fn take_order(&mut self, shard: usize) {
        let seat = &mut self.life.seats[shard];
        let order = seat.orders.pop_front().expect("listed because there is one");
        let what = match &order {
            Order::Close(barrier) => format!("close {}{}", barrier.epoch, kinds(barrier)),
            Order::Attach { feeder, source } => format!("attach {feeder} {source}"),
            Order::Detach { feeder } => format!("detach {feeder}"),
            Order::Idle { feeder } => format!("idle {feeder}"),
            Order::Wake { feeder } => format!("wake {feeder}"),
            Order::Advance { source, by_us } => format!("advance {source} by={by_us}"),
            Order::Install(change) => {
                format!("install come={:?} gone={:?}", change.come, change.gone)
            }
            Order::Release => "release".to_owned(),
            Order::Stop(stopped) => format!("stop {:?}", stopped.operators),
            Order::Sealed { epoch, log_from } => format!("sealed {epoch} log_from={log_from}"),
        };
        self.trace.add(self.turn, &seat.id(), format_args!("{what}"));
        self.step(shard, Input::Order(order));
    }

    fn take_report(&mut self, shard: usize) {
        let seat = &mut self.life.seats[shard];
        let report = seat.reports.pop_front().expect("listed because there is one");
        let what = match &report {
            Report::Rows(epoch) => format!("rows {epoch}"),
            Report::Fed(feeder) => format!("fed by={feeder}"),
            Report::Attached(mark) => format!("attached {} at={}", mark.feeder, mark.watermark),
            Report::Passed(epoch) => format!("passed {epoch}"),
            Report::Acknowledged(part) => {
                format!("acknowledged {} files={}", part.epoch, part.files.len())
            }
            Report::Open => "open".to_owned(),
            Report::Durable(statement) => {
                format!("durable f{} seq={}", statement.feeder, statement.sequence)
            }
            Report::Stopped(stopped) => format!("stopped {:?}", stopped.operators),
            Report::Poisoned(poison) => format!("poisoned {poison:?}"),
        };
        let id = seat.id();
        self.trace.add(self.turn, &"coordinator", format_args!("report from={id} {what}"));
        self.coordinate(CoordinatorInput::Report(id, report));
    }

    fn advance_disk(&mut self, at: usize) {
        let what = self.disk.describe(at);
        self.trace.add(self.turn, &"disk", format_args!("{what}"));
        if let Moved::Completed { ticket, result } = self.disk.advance(at, self.turn) {
            self.complete(ticket, result);
        }
    }

    fn complete(&mut self, ticket: Ticket, result: Result<(), Failure>) {
        if ticket.owner() >= COORDINATOR_OWNER {
            return self.coordinate(CoordinatorInput::Completed { ticket, result });
        }
        let shard = shard_of(ticket);
        // A file that is not removed is one too many, and harms nobody.
        self.life.seats[shard].failed |= result.is_err() && !is_removal(ticket);
        self.step(shard, Input::Completed { ticket, result });
    }

    /// Gives the coordinator an input and carries out what it asks.
    pub(super) fn coordinate(&mut self, input: CoordinatorInput) {
        let mut effects = Vec::new();
        let coordinator = self.life.coordinator.as_mut().expect("a life has a coordinator");
        coordinator.step(input, &mut effects);
        for effect in effects {
            match effect {
                CoordinatorEffect::Ready => self.life.ready = true,
                CoordinatorEffect::Open(epoch) => self.opened(epoch),
                CoordinatorEffect::Order(shard, order) => {
                    if let Order::Close(barrier) = order {
                        if barrier.checkpoint {
                            self.checkpointed = barrier.epoch;
                        }
                        self.growth.closes(barrier.epoch, &self.producers);
                    }
                    if shard == ShardId(0) {
                        self.ordered(&order);
                    }
                    self.life.seats[shard.index()].orders.push_back(order);
                }
                CoordinatorEffect::Disk(issued) => self.issue(issued),
                CoordinatorEffect::Passed(epoch) => self.passed(epoch),
                CoordinatorEffect::Attached { feeder, progress, position } => {
                    self.attached(feeder.index(), progress, position);
                }
                CoordinatorEffect::Detached { feeder } => self.detached(feeder.index()),
                CoordinatorEffect::Installed(change) => self.installed(&change),
                CoordinatorEffect::Readable(epoch) => self.readable(epoch),
                CoordinatorEffect::Settled { feeder, sequence } => self.settled(feeder, sequence),
                CoordinatorEffect::Sealed { epoch, feeders } => self.sealed(epoch, &feeders),
                CoordinatorEffect::Stopped(stopped) => self.given_up(&stopped),
                CoordinatorEffect::Pinned(_) => unreachable!("nobody here asks for a copy"),
                CoordinatorEffect::Poisoned(poison) => self.poisoned(poison),
            }
        }
    }

    pub(super) fn absorb(&mut self, shard: usize, effects: Vec<Effect>) {
        let mut wanted = None;
        for effect in effects {
            match effect {
                Effect::Send { lane, frame } => self.send(shard, lane, frame),
                Effect::Disk(issued) => self.issue(issued),
                Effect::Tell(report) => self.tell(shard, report),
                Effect::Publish { view, epoch, morsel } => {
                    let rows = morsel.rows();
                    let who = ShardId(shard as u16);
                    let what = format_args!("publish {view} {epoch} rows={rows}");
                    self.trace.add(self.turn, &who, what);
                    if morsel.weights.iter().any(|weight| *weight < 0) {
                        self.saw("retraction");
                    }
                    let subscriber = self.life.subscribers[view.index()].as_mut();
                    let subscriber = subscriber.expect("what is published is there");
                    subscriber.take(epoch, deltas(&morsel));
                    self.give_sink(view, (shard, epoch), deltas(&morsel));
                    self.life.seats[shard].shard.pool().put(morsel);
                }
                Effect::Marked { stage, epoch } => self.mark_sinks(stage, (shard, epoch)),
                Effect::Changed(change) => self.changed(shard, &change),
                Effect::Stopped(_) => {}
                Effect::Late { operator, epoch: _, morsel } => {
                    let behind = |row| morsel.behind(row) > Time::MIN;
                    let late = (0..morsel.rows()).all(behind);
                    assert!(late, "{operator}: a late row is behind a watermark");
                    self.saw("late row");
                    self.life.seats[shard].shard.pool().put(morsel);
                }
                Effect::DeadLetters { operator, epoch: _, morsel, errors } => {
                    assert_eq!(morsel.rows(), errors.len(), "{operator}: a reason for each row");
                    self.saw("dead letter");
                    self.life.seats[shard].shard.pool().put(morsel);
                }
                Effect::Withheld { operator, epoch: _, morsel } => {
                    assert!(!morsel.is_empty(), "{operator}: some group has turned");
                    self.saw("group withheld");
                    self.life.seats[shard].shard.pool().put(morsel);
                }
                Effect::LettersWanted { since, epoch } => wanted = Some((since, epoch)),
            }
        }
        if let Some((since, epoch)) = wanted {
            let bytes = self.letters.tell(ShardId(shard as u16), since, epoch);
            self.step(shard, Input::Letters { epoch, bytes });
        }
    }

    fn issue(&mut self, issued: Issued) {
        let latency = self.latency();
        let may_fail =
            matches!(issued.op, DiskOp::Write { .. } | DiskOp::Sync { .. } | DiskOp::SyncDirectory);
        let strikes = self.is_rough() && may_fail && self.failures_left > 0;
        let struck = strikes && self.chaos.below(100) == 0;
        self.failures_left -= usize::from(struck);
        let told = self.fail_at == Some(self.disk.operations());
        let fails = struck || told || may_fail && std::mem::take(&mut self.fail_next);
        self.disk.issue(issued, self.turn, latency, fails);
    }
}

/// Whether a shard removes a segment.
fn is_removal(ticket: Ticket) -> bool {
    ticket.owner() & 0x8000 != 0
}

/// The shard that issued an operation: its log, its checkpoints or its removals.
fn shard_of(ticket: Ticket) -> usize {
    let owner = ticket.owner();
    let shard = if is_removal(ticket) { owner & 0x7fff } else { owner / 2 };
    usize::from(shard)
}

fn deltas(morsel: &Morsel) -> impl Iterator<Item = (Vec<sluicedb_sql::Value>, i64)> + '_ {
    (0..morsel.rows()).map(|row| (morsel.row(row), morsel.weight(row)))
}

fn kinds(barrier: &sluicedb::core::frame::Barrier) -> &'static str {
    match (barrier.checkpoint, barrier.read) {
        (false, false) => "",
        (true, false) => " checkpoint",
        (false, true) => " read",
        (true, true) => " checkpoint read",
    }
}

fn describe(frame: &Frame) -> String {
    match frame {
        Frame::Rows { edge, morsel } => format!("rows edge={edge} rows={}", morsel.rows()),
        Frame::Watermark { edge, time } => format!("watermark edge={edge} time={time}"),
        Frame::Barrier(barrier) => format!("barrier {}{}", barrier.epoch, kinds(barrier)),
    }
}

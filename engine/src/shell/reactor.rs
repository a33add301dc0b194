//! One shard on a machine: takes what its rings hold, lets the shard work, carries out its effects.
//!
//! No decision about data, epochs or recovery is taken here.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use rtrb::{Consumer, Producer};
use sluicedb_wal::worker::{Completion, Disk};

use super::bell::Bell;
use super::clock::Clock;
use super::desk::Desk;
use super::inbox::{Guest, Installed, Part};
use super::lane::{Receiver, Sender};
use super::mark::Mark;
use super::outlet::{self, Call, Callback, Outlet, Outlets};
use super::refused::Refused;
use super::scan::Scan;
use super::stats::{ShardStats, is_tight};
use super::survey::{Questions, ShardSurvey};
use crate::core::effect::{Effect, Input, Order, Report, Stopped};
use crate::core::frame::{Fed, Frame};
use crate::core::graph::Change;
use crate::core::ids::{Epoch, FeederId, LaneId, StageId, ViewId};
use crate::core::morsel::{Morsel, Pool};
use crate::core::shard::Shard;

/// Rows a shard may work on before what came of them is handed on.
const FUEL: usize = 4 * 1024;
/// How often it works in a turn, at most, before it looks at its rings again.
const SLICES_PER_TURN: usize = 16;
/// Frames or rows that are taken off one lane in a turn, so that no lane waits for another.
const FRAMES_PER_TURN: usize = 1024;

/// What a shard is told by the coordinator's thread.
pub(crate) enum ToShard {
    Order(Order),
    /// The lane of a feeder that will be attached.
    Door(FeederId, Door),
    /// The feeder is detached.
    CloseDoor(FeederId),
    /// Lanes of a graph that will be installed.
    Lanes(LaneEnds),
    Install(Part, Installed),
    /// The frozen state is to be read.
    Scan(Scan),
    /// What is there to tell?
    Survey(Questions),
    Stop,
}

/// A feeder's lane, and what is read of the feeder beside it.
pub(crate) struct Door {
    pub(crate) lane: Receiver<Fed>,
    pub(crate) mark: Arc<Mark>,
    /// Rung when frames have been taken.
    pub(crate) room: Arc<Bell>,
}

/// A lane to another shard.
pub(crate) struct LaneOut {
    pub(crate) id: LaneId,
    pub(crate) sender: Sender<Frame>,
    /// The room the shard knows of.
    pub(crate) known: usize,
    /// Whether frames were sent in this turn.
    pub(crate) sent: bool,
}

/// A lane from another shard.
pub(crate) struct LaneIn {
    pub(crate) id: LaneId,
    pub(crate) receiver: Receiver<Frame>,
    /// Rung when frames have been taken: the other shard may sleep because it lacks room.
    pub(crate) room: Arc<Bell>,
}

/// The lanes that lead to a shard, and those that lead away.
pub(crate) type LaneEnds = (Vec<LaneIn>, Vec<LaneOut>);

/// Everything a shard is connected to.
pub(crate) struct Ports {
    pub(crate) orders: Consumer<ToShard>,
    pub(crate) reports: Producer<Report>,
    /// At which the coordinator sleeps.
    pub(crate) coordinator: Arc<Bell>,
    /// At which this shard sleeps.
    pub(crate) bell: Arc<Bell>,
    pub(crate) lanes_in: Vec<LaneIn>,
    pub(crate) lanes_out: Vec<LaneOut>,
    pub(crate) disk: Option<Disk>,
    pub(crate) stats: Arc<ShardStats>,
    pub(crate) clock: Clock,
}

/// What a turn came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Turn {
    /// Something was done; there may be more.
    Worked,
    /// There was nothing to do.
    Idle,
    /// The shard was told to stop.
    Stopped,
}

/// A shard and all it is connected to.
pub(crate) struct Reactor<C = Call> {
    shard: Shard,
    ports: Ports,
    /// By feeder.
    doors: Vec<Option<Door>>,
    outlets: Outlets<C>,
    desks: Vec<(ViewId, Desk)>,
    /// Views and streams that were given up, which nobody comes to any more.
    closed: BTreeSet<ViewId>,
    guests: Vec<Guest>,
    scans: Vec<Scan>,
    /// Ways out of what comes with the next graph.
    ahead: Vec<(ViewId, Outlet)>,
    effects: Vec<Effect>,
    /// Reports that found no room.
    unsent: VecDeque<Report>,
    completions: Vec<Completion>,
    refused: Refused,
    /// What a checkpoint waits for.
    letters: Option<(Epoch, Vec<u8>)>,
    /// Whether the coordinator has news to wake up for.
    told: bool,
    /// Whether a feeder that the closing epoch waits for was found in the middle of a push. It may
    /// publish to other shards only, and then rings no bell here.
    undecided: bool,
    stopped: bool,
}

impl<C: Callback> Reactor<C> {
    /// A shard that is launched with its first turn, and what it has refused in earlier lives.
    pub(crate) fn new(mut shard: Shard, ports: Ports, refused: Refused) -> Reactor<C> {
        let mut effects = Vec::new();
        shard.launch(&mut effects);
        Reactor {
            outlets: Outlets::new(shard.graph().views.len()),
            shard,
            ports,
            doors: Vec::new(),
            desks: Vec::new(),
            closed: BTreeSet::new(),
            guests: Vec::new(),
            scans: Vec::new(),
            ahead: Vec::new(),
            effects,
            unsent: VecDeque::new(),
            completions: Vec::new(),
            refused,
            letters: None,
            told: false,
            undecided: false,
            stopped: false,
        }
    }

    /// The shard.
    pub(crate) fn shard(&self) -> &Shard {
        &self.shard
    }

    /// At which the shard sleeps.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.ports.bell
    }

    /// Has a function called with the deltas of a view, from the next turn on.
    pub(crate) fn add_call(&mut self, view: ViewId, call: C) {
        self.outlets.add_call(view, call);
    }

    /// Has the deltas of a view go to a sink, from the first turn on.
    pub(crate) fn add_sink(&mut self, view: ViewId, lane: outlet::LaneOut) {
        self.outlets.add(view, Outlet::Lane(lane.with_marks()));
    }

    /// Tells the sinks of a stage that a checkpoint is of what it has published so far.
    fn mark(&mut self, stage: StageId, epoch: Epoch) {
        // The shard may be at the next graph already.
        let graph = self.refused.graph();
        let stage = &graph.stages[stage.index()];
        for (view, spec) in graph.views.places() {
            if stage.position(spec.operator).is_some() {
                let (view, shard) = (ViewId(view as u16), self.shard.id());
                self.outlets.mark(view, epoch, shard, self.shard.pool());
            }
        }
    }

    /// One turn: takes what is there, works on it, hands on what came of it.
    pub(crate) fn turn(&mut self) -> Turn {
        self.tell_time();
        let mut worked = self.take_orders();
        if self.stopped {
            self.leave();
            return Turn::Stopped;
        }
        worked |= self.take_completions();
        // Even if the shard is stuck: a guest may be the subscriber that it waits for.
        worked |= self.visit_guests();
        if self.outlets.is_stuck() {
            self.outlets.retry(self.shard.pool());
        }
        if !self.outlets.is_stuck() {
            worked |= self.take_frames();
            worked |= self.take_fed();
            self.report_room();
        }
        worked |= self.work();
        worked |= self.answer();
        worked |= self.scan();
        self.wake_others();
        if worked { Turn::Worked } else { Turn::Idle }
    }

    /// The log wants to know the time; a database in memory does not.
    fn tell_time(&mut self) {
        if self.ports.disk.is_some() {
            self.shard.step(Input::Clock(self.ports.clock.now_ns()), &mut self.effects);
        }
    }

    /// Leaves all who talk to a shard that has stopped, so that they hear of it.
    fn leave(&mut self) {
        self.outlets = Outlets::new(0);
        self.desks.clear();
        self.doors.clear();
        self.guests.clear();
        self.scans.clear();
    }

    fn take_orders(&mut self) -> bool {
        let waiting = self.ports.orders.slots();
        for _ in 0..waiting {
            let Ok(told) = self.ports.orders.pop() else { break };
            match told {
                ToShard::Order(order) => self.shard.step(Input::Order(order), &mut self.effects),
                ToShard::Door(feeder, door) => {
                    let doors = self.doors.len().max(feeder.index() + 1);
                    self.doors.resize_with(doors, || None);
                    self.doors[feeder.index()] = Some(door);
                }
                ToShard::CloseDoor(feeder) => self.doors[feeder.index()] = None,
                ToShard::Lanes(ends) => self.connect(ends),
                ToShard::Scan(scan) => self.scans.push(scan),
                ToShard::Survey(questions) => questions.answer(self.survey()),
                ToShard::Install(part, installed) => {
                    self.install(part);
                    installed.confirm();
                }
                ToShard::Stop => self.stopped = true,
            }
        }
        waiting > 0
    }

    /// The shard takes no notice of the lanes before the graph is there that they come with.
    fn connect(&mut self, (lanes_in, lanes_out): LaneEnds) {
        self.ports.lanes_in.extend(lanes_in);
        self.ports.lanes_in.sort_by_key(|lane| lane.id);
        self.ports.lanes_out.extend(lanes_out);
        self.ports.lanes_out.sort_by_key(|lane| lane.id);
    }

    /// The graph has become another one. Nobody looks up what is gone, nor what comes in its place.
    fn changed(&mut self, change: &Change) {
        self.outlets.change(change);
        self.ahead.drain(..).for_each(|(view, outlet)| self.outlets.add(view, outlet));
        self.desks.retain(|(view, _)| !change.views_gone.contains(view));
        self.closed.retain(|view| !change.views_gone.contains(view));
        self.refused.changed(change);
    }

    /// A query was given up, and whoever holds a handle of it has heard of that.
    fn stopped_query(&mut self, stopped: &Stopped) {
        self.outlets.stop(&stopped.views);
        self.desks.retain(|(view, _)| !stopped.views.contains(view));
        self.closed.extend(&stopped.views);
    }

    fn survey(&self) -> ShardSurvey {
        self.refused.survey(self.shard.id(), self.shard.census())
    }

    fn install(&mut self, part: Part) {
        match part {
            // Whoever has the other end finds it left, and has heard why.
            Part::Outlet(view, _) | Part::Desk(view, _) if self.closed.contains(&view) => {}
            Part::Outlet(view, outlet) => self.outlets.add(view, outlet),
            Part::OutletAhead(view, outlet) => self.ahead.push((view, outlet)),
            Part::Desk(view, desk) => {
                self.desks.retain(|(_, desk)| !desk.is_abandoned());
                self.desks.push((view, desk));
            }
            Part::Guest(guest) => self.guests.push(guest),
        }
    }

    fn take_completions(&mut self) -> bool {
        let Some(disk) = &mut self.ports.disk else { return false };
        disk.completions(&mut self.completions);
        let any = !self.completions.is_empty();
        for (ticket, result) in self.completions.drain(..) {
            self.shard.step(Input::Completed { ticket, result }, &mut self.effects);
        }
        any
    }

    fn take_frames(&mut self) -> bool {
        let mut any = false;
        for lane in &mut self.ports.lanes_in {
            let waiting = lane.receiver.waiting().min(FRAMES_PER_TURN);
            let mut taken = false;
            for _ in 0..waiting {
                if !self.shard.accepts(lane.id) {
                    break;
                }
                let Some(frame) = lane.receiver.take() else { break };
                if let Frame::Rows { morsel, .. } = &frame {
                    give_back(self.shard.pool(), &mut lane.receiver, morsel);
                }
                self.shard.step(Input::Frame { lane: lane.id, frame }, &mut self.effects);
                taken = true;
            }
            if taken {
                lane.room.ring();
                any = true;
            }
        }
        any
    }

    fn take_fed(&mut self) -> bool {
        let mut any = false;
        self.undecided = false;
        // State that nears its limit slows feeders down: what frees memory gets its turns first.
        let tight = is_tight(self.shard.arena());
        let most = if tight { 1 } else { FRAMES_PER_TURN };
        let (mut rows, mut slowed) = (0, 0);
        for (at, door) in self.doors.iter_mut().enumerate() {
            let Some(door) = door else { continue };
            let feeder = FeederId(at as u32);
            let mut taken = 0;
            let waiting = door.lane.waiting();
            slowed += usize::from(tight && waiting > most);
            while taken < waiting.min(most) && self.shard.accepts_feeder(feeder) {
                if let Some(Fed::Row(row)) = door.lane.first() {
                    rows += 1;
                    self.shard.step_row(row, &mut self.effects);
                    door.lane.drop_first();
                } else {
                    let Some(fed) = door.lane.take() else { break };
                    if let Fed::Frame(frame) = &fed {
                        rows += frame.morsel.rows();
                        give_back(self.shard.pool(), &mut door.lane, &frame.morsel);
                    }
                    self.shard.step(Input::Fed(fed), &mut self.effects);
                }
                taken += 1;
            }
            if taken > 0 {
                door.room.ring();
                any = true;
            }
            if self.shard.asks(feeder) {
                look(&mut self.shard, feeder, door, &mut self.effects);
                self.undecided |= self.shard.asks(feeder);
                any |= !self.shard.asks(feeder);
            }
        }
        self.ports.stats.add_rows_in(rows);
        self.ports.stats.set_feeders_slowed(slowed);
        any
    }

    fn visit_guests(&mut self) -> bool {
        let mut any = false;
        self.guests.retain_mut(|guest| {
            let did = guest();
            any |= did == Some(true);
            did.is_some()
        });
        any
    }

    fn report_room(&mut self) {
        for lane in &mut self.ports.lanes_out {
            let room = lane.sender.room();
            if room > lane.known && self.shard.sends(lane.id) {
                lane.known = room;
                let input = Input::Room { lane: lane.id, frames: room as u32 };
                self.shard.step(input, &mut self.effects);
            }
        }
    }

    /// Lets the shard work, and hands on what comes of it as it comes.
    fn work(&mut self) -> bool {
        let mut any = false;
        for _ in 0..SLICES_PER_TURN {
            let more = !self.outlets.is_stuck() && self.shard.work(FUEL, &mut self.effects);
            any |= more || !self.effects.is_empty();
            self.carry_out();
            if !more {
                break;
            }
        }
        any
    }

    fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send { lane, frame } => self.send(lane, frame),
                Effect::Disk(issued) => {
                    let disk = self.ports.disk.as_mut();
                    disk.expect("only a database with a disk has use for one").submit(issued);
                }
                Effect::Tell(report) => {
                    self.unsent.push_back(report);
                }
                Effect::Publish { view, epoch, morsel } => {
                    self.ports.stats.add_rows_out(morsel.rows());
                    let from = (epoch, self.shard.id());
                    self.outlets.publish(view, from, morsel, self.shard.pool());
                }
                Effect::Marked { stage, epoch } => self.mark(stage, epoch),
                Effect::Changed(change) => self.changed(&change),
                Effect::Stopped(stopped) => self.stopped_query(&stopped),
                Effect::Late { operator, epoch, morsel } => {
                    self.refused.keep((operator, epoch), &morsel, None, &self.ports.stats);
                    self.shard.pool().put(morsel);
                }
                Effect::DeadLetters { operator, epoch, morsel, errors } => {
                    let errors = Some(errors);
                    self.refused.keep((operator, epoch), &morsel, errors, &self.ports.stats);
                    self.shard.pool().put(morsel);
                }
                Effect::Withheld { operator, epoch, morsel } => {
                    self.refused.withhold((operator, epoch), &morsel);
                    self.shard.pool().put(morsel);
                }
                Effect::LettersWanted { since, epoch } => {
                    self.letters = Some((epoch, self.refused.save(since, epoch)));
                }
            }
        }
        // Its capacity is kept; nothing was added meanwhile.
        self.effects = effects;
        if let Some((epoch, bytes)) = self.letters.take() {
            self.shard.step(Input::Letters { epoch, bytes }, &mut self.effects);
        }
        while let Some(report) = self.unsent.pop_front() {
            self.told = true;
            if let Report::Passed(_) = &report {
                self.ports.stats.set_blocks(self.shard.arena());
                self.ports.stats.set_epoch_rows(self.shard.epoch_rows());
            }
            if let Err(rtrb::PushError::Full(report)) = self.ports.reports.push(report) {
                self.unsent.push_front(report);
                break;
            }
        }
    }

    fn send(&mut self, id: LaneId, frame: Frame) {
        let found = self.ports.lanes_out.binary_search_by_key(&id, |lane| lane.id);
        let at = found.unwrap_or_else(|_| panic!("{id} does not lead away from this shard"));
        let lane = &mut self.ports.lanes_out[at];
        lane.sender.send(frame);
        lane.known -= 1;
        lane.sent = true;
        while let Some(spare) = lane.sender.returned() {
            self.shard.pool().put(spare);
        }
    }

    fn answer(&mut self) -> bool {
        let mut any = false;
        for (_, desk) in &mut self.desks {
            any |= desk.answer(&self.shard);
        }
        any
    }

    /// Reads a slice for each reader.
    fn scan(&mut self) -> bool {
        let any = !self.scans.is_empty();
        self.scans.retain_mut(|scan| !scan.advance(&self.shard));
        any
    }

    fn wake_others(&mut self) {
        for lane in &mut self.ports.lanes_out {
            if std::mem::take(&mut lane.sent) {
                lane.sender.ring();
            }
        }
        if std::mem::take(&mut self.told) {
            self.ports.coordinator.ring();
        }
    }

    /// When the shard wants a turn though nothing has come.
    pub(crate) fn wake_at(&self) -> Option<u64> {
        let waits = self.outlets.is_stuck() || !self.unsent.is_empty() || self.undecided;
        if waits { Some(self.ports.clock.now_ns() + RETRY_NS) } else { self.shard.wake_at() }
    }
}

/// How often a shard that waits for somebody who rings no bell looks again.
const RETRY_NS: u64 = 200_000;

/// Sends an empty buffer back for one that came.
#[inline]
fn give_back<T>(pool: &mut Pool, lane: &mut Receiver<T>, came: &Morsel) {
    if lane.wants_back()
        && let Some(spare) = pool.spare(came.shape())
        && let Err(spare) = lane.give_back(spare)
    {
        pool.put(spare);
    }
}

/// Looks at a feeder that the closing epoch waits for: its word, then its lane, then its progress.
fn look(shard: &mut Shard, feeder: FeederId, door: &Door, effects: &mut Vec<Effect>) {
    let word = door.mark.word();
    if !door.lane.is_empty() {
        return;
    }
    if let Some(progress) = door.mark.progress() {
        shard.step(Input::Quiet { feeder, word, progress }, effects);
    }
}

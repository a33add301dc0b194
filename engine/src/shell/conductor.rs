//! The coordinator on a machine: takes reports and requests, carries out what the coordinator asks.
//!
//! Invariants:
//! - Only this thread sends to shards, so that what it sends arrives in one order.
//! - A feeder's lanes are with all shards before the order that attaches it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use rtrb::{Consumer, Producer};
use sluicedb_wal::worker::{Completion, Disk};

use super::bell::Bell;
use super::clock::{Clock, Day};
use super::epochs::{Epochs, SealedEpoch};
use super::inbox::{Attached, Inbox, NotAttached, Pinned, Reply, Request};
use super::inlet::{Inlet, InletParts};
use super::lane::{Place, Sender, near_lane};
use super::lanes::connect;
use super::life::{Ending, Life};
use super::mark::{Mark, OpenEpoch};
use super::producers::{Asked, Coming, Producers};
use super::reactor::{Door, ToShard, Turn};
use super::scan::{Found, Gathering, Kept, Scan};
use super::settled::Settled;
use super::stats::ShardStats;
use super::stops::Stops;
use super::survey::Questions;
use crate::core::coordinator::Coordinator;
use crate::core::effect::{CoordinatorEffect, CoordinatorInput, Order, ProducerMark, Report};
use crate::core::feeder::{Feeder, FeederOptions, Keys, Position, Progress};
use crate::core::frame::{Fed, FeederRow};
use crate::core::graph::{Change, Graph};
use crate::core::ids::{Epoch, FeederId, ShardId, SourceId};
use crate::core::limits::FEEDERS_MAX;
use crate::core::morsel::Pool;

/// The way to one shard and back.
pub(crate) struct ShardPort {
    pub(crate) orders: Producer<ToShard>,
    pub(crate) reports: Consumer<Report>,
    /// Where the shard runs, and sleeps.
    pub(crate) place: Place,
    /// What found no room.
    pub(crate) unsent: VecDeque<ToShard>,
}

/// What a conductor is made of.
pub(crate) struct Parts {
    pub(crate) coordinator: Coordinator,
    pub(crate) graph: Arc<Graph>,
    pub(crate) shards: Vec<ShardPort>,
    pub(crate) open: Arc<OpenEpoch>,
    pub(crate) sealed: Arc<SealedEpoch>,
    pub(crate) inbox: Arc<Inbox>,
    pub(crate) life: Arc<Life>,
    pub(crate) stops: Arc<Stops>,
    pub(crate) disk: Option<Disk>,
    pub(crate) clock: Clock,
    pub(crate) day: Arc<Day>,
    pub(crate) bell: Arc<Bell>,
    pub(crate) stats: Arc<[Arc<ShardStats>]>,
    /// Frames or rows on a feeder's lane.
    pub(crate) lane_frames: usize,
    /// Frames on a lane between two shards.
    pub(crate) exchange_frames: usize,
    /// By source.
    pub(crate) logged: Vec<bool>,
    /// The sources of the feeders that files know.
    pub(crate) feeders: Vec<SourceId>,
    /// Those of them that belong to producers with names.
    pub(crate) producers: Vec<ProducerMark>,
}

/// A producer that waits to be attached.
struct Arrival {
    source: SourceId,
    life: Arc<Life>,
    mark: Arc<Mark>,
    lanes: Vec<Sender<Fed>>,
    room: Arc<Bell>,
    reply: Reply<Attached>,
}

/// The coordinator and all it is connected to.
pub(crate) struct Conductor {
    parts: Parts,
    effects: Vec<CoordinatorEffect>,
    completions: Vec<Completion>,
    ready: bool,
    /// The source of each feeder there ever was; none where that was dropped.
    feeders: Vec<Option<SourceId>>,
    /// Detached feeders that anybody may have.
    free: Vec<FeederId>,
    producers: Producers,
    /// Those of them whose feeders have just become free, and who are to have them.
    successors: VecDeque<((SourceId, Arc<str>), Asked)>,
    /// What those knew of the keys of their sources.
    keys: BTreeMap<FeederId, Keys>,
    arrivals: BTreeMap<FeederId, Arrival>,
    /// What producers read of the feeders that are attached.
    marks: BTreeMap<FeederId, (Arc<Mark>, Arc<Bell>)>,
    /// What they are to hear at the end of the turn.
    settled: Settled,
    /// Who waits for the graph to change, in order.
    changes: VecDeque<Reply<()>>,
    /// Who waits for the state at the end of an epoch to be readable.
    reads: VecDeque<(Epoch, Vec<Kept>, Reply<Vec<Found>>)>,
    /// Readers of the state that is frozen.
    readers: usize,
    /// Who waits for everything up to an epoch to be worked on.
    flushes: VecDeque<(Epoch, Reply<()>)>,
    /// Who waits for it to be in a checkpoint.
    saves: VecDeque<(Epoch, Reply<()>)>,
    /// Who waits for it to be in one whose files stay.
    pins: VecDeque<(Epoch, Reply<Pinned>)>,
    epochs: Epochs,
    stopped: bool,
}

impl Conductor {
    pub(crate) fn new(parts: Parts) -> Conductor {
        let feeders: Vec<_> = parts.feeders.iter().copied().map(Some).collect();
        let mut epochs = Epochs::default();
        epochs.open(parts.coordinator.open());
        let producers = Producers::new(&parts.producers);
        let ids = (0..feeders.len() as u32).map(FeederId);
        Conductor {
            free: ids.filter(|id| !producers.have(*id)).collect(),
            producers,
            successors: VecDeque::new(),
            feeders,
            parts,
            effects: Vec::new(),
            completions: Vec::new(),
            ready: false,
            keys: BTreeMap::new(),
            arrivals: BTreeMap::new(),
            marks: BTreeMap::new(),
            settled: Settled::default(),
            changes: VecDeque::new(),
            reads: VecDeque::new(),
            readers: 0,
            flushes: VecDeque::new(),
            saves: VecDeque::new(),
            pins: VecDeque::new(),
            epochs,
            stopped: false,
        }
    }

    /// At which it sleeps.
    pub(crate) fn bell(&self) -> &Arc<Bell> {
        &self.parts.bell
    }

    /// When it wants a turn though nothing has come.
    pub(crate) fn wake_at(&self) -> Option<u64> {
        let unsent = self.parts.shards.iter().any(|shard| !shard.unsent.is_empty());
        let soon = unsent.then(|| self.parts.clock.now_ns() + RETRY_NS);
        soon.or(self.parts.coordinator.wake_at())
    }

    /// One turn.
    pub(crate) fn turn(&mut self) -> Turn {
        if self.stopped {
            self.parts.shards.iter_mut().for_each(ShardPort::flush);
            let told = self.parts.shards.iter().all(|port| port.unsent.is_empty());
            return if told { Turn::Stopped } else { Turn::Idle };
        }
        let now = CoordinatorInput::Clock(self.parts.clock.now_ns());
        if let Some(quiet) = self.parts.day.quiet_ns() {
            self.step(CoordinatorInput::Quiet(quiet));
        }
        self.step(now);
        let mut worked = self.take_reports();
        worked |= self.take_completions();
        self.tell_settled();
        // Nobody can be served before all shards are there.
        while (self.ready || self.parts.life.has_ended()) && !self.stopped {
            let Some(request) = self.parts.inbox.take() else { break };
            self.serve(request);
            worked = true;
        }
        self.follow_on();
        for port in &mut self.parts.shards {
            port.flush();
        }
        if self.stopped || worked { Turn::Worked } else { Turn::Idle }
    }

    fn step(&mut self, input: CoordinatorInput) {
        let mut effects = std::mem::take(&mut self.effects);
        self.parts.coordinator.step(input, &mut effects);
        for effect in effects.drain(..) {
            self.carry_out(effect);
        }
        self.effects = effects;
    }

    fn take_reports(&mut self) -> bool {
        let mut any = false;
        for shard in 0..self.parts.shards.len() {
            for _ in 0..self.parts.shards[shard].reports.slots() {
                let Ok(report) = self.parts.shards[shard].reports.pop() else { break };
                if let Report::Acknowledged(part) = &report {
                    // The last file is the one that was written for it.
                    let bytes = part.files.last().map_or(0, |file| file.bytes);
                    self.epochs.write(part.epoch, bytes);
                }
                self.step(CoordinatorInput::Report(ShardId(shard as u16), report));
                any = true;
            }
        }
        any
    }

    fn take_completions(&mut self) -> bool {
        let Some(disk) = &mut self.parts.disk else { return false };
        let mut completions = std::mem::take(&mut self.completions);
        disk.completions(&mut completions);
        let any = !completions.is_empty();
        for (ticket, result) in completions.drain(..) {
            self.step(CoordinatorInput::Completed { ticket, result });
        }
        self.completions = completions;
        any
    }

    fn serve(&mut self, request: Request) {
        match request {
            Request::Attach { source, life, producer: None, reply } => {
                self.attach_any(source, Asked { life, reply });
            }
            Request::Attach { source, life, producer: Some(name), reply } => {
                self.attach_named((source, name), Asked { life, reply });
            }
            Request::Detach { feeder, keys } => {
                self.keys.extend(keys.map(|keys| (feeder, keys)));
                self.producers.goes(feeder);
                self.step(CoordinatorInput::Detach { feeder });
            }
            Request::DropProducer { source, producer, reply } => {
                let dropped = self.producers.drop_name(&(source, producer));
                if let Ok(feeder) = dropped {
                    self.free.push(feeder);
                    self.step(CoordinatorInput::Disown { feeder });
                }
                reply.give(dropped.map(drop));
            }
            Request::Install { parts, installed } => {
                for (shard, part) in parts {
                    let told = ToShard::Install(part, installed.clone());
                    self.parts.shards[usize::from(shard)].send(told);
                }
            }
            Request::Change { change, reply } => {
                self.connect(&change);
                self.changes.push_back(reply);
                self.step(CoordinatorInput::Install(change));
            }
            Request::Flush { save, reply } => {
                let checkpoint = save && self.parts.disk.is_some();
                // What was published so far is in the open epoch or before it.
                let epoch = self.parts.coordinator.open();
                let waiting = if checkpoint { &mut self.saves } else { &mut self.flushes };
                waiting.push_back((epoch, reply));
                self.step(CoordinatorInput::Wanted { checkpoint, read: false });
            }
            Request::Read { asked, reply } => {
                let epoch = self.parts.coordinator.open();
                self.reads.push_back((epoch, asked, reply));
                self.step(CoordinatorInput::Wanted { checkpoint: false, read: true });
            }
            Request::Pin { reply } => {
                self.pins.push_back((self.parts.coordinator.open(), reply));
                self.step(CoordinatorInput::Wanted { checkpoint: true, read: false });
            }
            Request::Unpin { epoch } => self.step(CoordinatorInput::Unpin(epoch)),
            Request::ReadDone => self.read_done(),
            Request::Written { sink, epoch, position } => {
                self.step(CoordinatorInput::Written { sink, epoch, position });
            }
            Request::Failed { sink } => self.step(CoordinatorInput::Failed { sink }),
            Request::Survey { reply } => {
                let shards = self.parts.shards.len();
                let (epochs, producers) = (self.epochs.look(), self.producers.look());
                let questions = Questions::to(shards, epochs, producers, reply);
                for port in &mut self.parts.shards {
                    port.send(ToShard::Survey(questions.clone()));
                }
            }
            Request::Close => self.stop(Ending::Closed),
        }
    }

    /// Has all shards read what was asked for by the end of an epoch, whose state is frozen.
    fn read(&mut self, epoch: Epoch) {
        while let Some((_, asked, reply)) = self.reads.pop_front_if(|(at, ..)| *at <= epoch) {
            self.readers += 1;
            let shards = self.parts.shards.len();
            let gathering = Gathering::of(shards, &self.parts.inbox, reply);
            for port in &mut self.parts.shards {
                port.send(ToShard::Scan(Scan::new(&asked, gathering.clone())));
            }
        }
        if self.readers == 0 {
            self.step(CoordinatorInput::ReadDone);
        }
    }

    /// Lets the frozen state go behind its last reader. Who has asked meanwhile gets the next.
    fn read_done(&mut self) {
        self.readers -= 1;
        if self.readers > 0 {
            return;
        }
        self.step(CoordinatorInput::ReadDone);
        if !self.reads.is_empty() {
            self.step(CoordinatorInput::Wanted { checkpoint: false, read: true });
        }
    }

    /// Makes the lanes that come with a graph.
    fn connect(&mut self, change: &Change) {
        let shards = self.parts.shards.len() as u16;
        let places: Vec<Place> = self.parts.shards.iter().map(|port| port.place.clone()).collect();
        let ids = (0..shards).flat_map(|shard| change.lanes(ShardId(shard), shards));
        let ends = connect(ids, &places, self.parts.exchange_frames);
        for (port, ends) in self.parts.shards.iter_mut().zip(ends) {
            if !ends.0.is_empty() || !ends.1.is_empty() {
                port.send(ToShard::Lanes(ends));
            }
        }
    }

    /// All shards have the next graph.
    fn installed(&mut self, change: &Change) {
        self.parts.graph = Arc::clone(&change.graph);
        self.parts.stops.forget(&change.views_gone);
        self.parts.logged.resize(change.graph.sources.len(), false);
        for source in &change.sources_come {
            self.parts.logged[source.index()] = change.logged;
        }
        self.free.extend(self.producers.forget(&change.sources_gone));
        for (at, fed) in self.feeders.iter_mut().enumerate() {
            *fed = fed.filter(|source| !change.sources_gone.contains(source));
            if let (None, Some((_, room))) = (fed, self.marks.get(&FeederId(at as u32))) {
                // Who waits for room hears that the source is gone.
                room.ring();
            }
        }
        let reply = self.changes.pop_front();
        reply.expect("a change is installed because it was asked for").give(());
    }

    /// Gives whoever asks a feeder that anybody may have.
    fn attach_any(&mut self, source: SourceId, asked: Asked) {
        let known = self.free_of(Some(source));
        match known.or_else(|| self.fresh()) {
            Some(feeder) => self.attach(feeder, source, None, asked),
            None => asked.reply.give(Err(NotAttached::TooMany)),
        }
    }

    /// Gives a producer the feeder that belongs to it.
    fn attach_named(&mut self, name: (SourceId, Arc<str>), asked: Asked) {
        let (feeder, asked) = match self.producers.ask(name.clone(), asked) {
            Coming::Nobody => return,
            Coming::Known(feeder, asked) => (feeder, asked),
            Coming::Fresh(asked) => {
                let Some(feeder) = self.fresh() else {
                    return asked.reply.give(Err(NotAttached::TooMany));
                };
                self.producers.add(name.clone(), feeder);
                (feeder, asked)
            }
        };
        let (source, name) = name;
        self.attach(feeder, source, Some(name), asked);
    }

    /// Gives producers the feeders that the handles before had.
    fn follow_on(&mut self) {
        // While the graph changes nobody knows whether their source stays.
        while self.changes.is_empty()
            && let Some((name, asked)) = self.successors.pop_front()
        {
            let there = self.parts.graph.sources.get(name.0.index()).is_some();
            match there {
                true => self.attach_named(name, asked),
                false => asked.reply.give(Err(NotAttached::Gone)),
            }
        }
    }

    /// A feeder that nobody has, and that feeds this source, or none.
    fn free_of(&mut self, source: Option<SourceId>) -> Option<FeederId> {
        let at = self.free.iter().position(|id| self.feeders[id.index()] == source)?;
        Some(self.free.swap_remove(at))
    }

    /// A feeder that has fed nothing that is still there, unless there are too many.
    fn fresh(&mut self) -> Option<FeederId> {
        self.free_of(None).or_else(|| {
            let feeder = FeederId(u32::try_from(self.feeders.len()).ok()?);
            (feeder.index() < FEEDERS_MAX).then(|| {
                self.feeders.push(None);
                feeder
            })
        })
    }

    fn attach(
        &mut self,
        feeder: FeederId,
        source: SourceId,
        producer: Option<Arc<str>>,
        Asked { life, reply }: Asked,
    ) {
        if self.feeders[feeder.index()].replace(source) != Some(source) {
            self.keys.remove(&feeder);
        }
        let mark = Arc::new(Mark::new(&Progress::START));
        let room = Arc::new(Bell::new());
        let mut lanes = Vec::with_capacity(self.parts.shards.len());
        let blank = Fed::Row(FeederRow::EMPTY);
        for port in &mut self.parts.shards {
            let (sender, receiver) = near_lane(self.parts.lane_frames, &port.place, &blank);
            lanes.push(sender);
            let door = Door { lane: receiver, mark: Arc::clone(&mark), room: Arc::clone(&room) };
            port.send(ToShard::Door(feeder, door));
        }
        self.arrivals.insert(feeder, Arrival { source, life, mark, lanes, room, reply });
        self.step(CoordinatorInput::Attach { feeder, source, producer });
    }

    fn attached(&mut self, feeder: FeederId, progress: Progress, position: Option<Position>) {
        let arrival = self.arrivals.remove(&feeder).expect("attached because it was asked for");
        let Arrival { source, life, mark, lanes, room, reply } = arrival;
        mark.store_progress(&progress);
        mark.settle(progress.sequence);
        self.marks.insert(feeder, (Arc::clone(&mark), Arc::clone(&room)));
        let spec = &self.parts.graph.sources[source.index()];
        let options = FeederOptions {
            feeder,
            source,
            schema: spec.schema.clone(),
            shape: spec.shape,
            key: spec.key.clone(),
            time: spec.time,
            tied: spec.tied,
            logged: self.parts.logged[source.index()],
            shards: self.parts.shards.len() as u16,
        };
        let shared = InletParts {
            shape: spec.shape,
            logged: self.parts.logged[source.index()],
            saves: self.parts.disk.is_some(),
            pool: Pool::new(&self.parts.graph.shapes),
            mark,
            open: Arc::clone(&self.parts.open),
            lanes,
            room,
            life,
            inbox: Arc::clone(&self.parts.inbox),
            day: Arc::clone(&self.parts.day),
        };
        let made = Feeder::new(options, progress).with_keys(self.keys.remove(&feeder));
        let given = (Inlet::new(made.with_position(position), shared), reply);
        if self.producers.attached(given, (feeder, progress.epoch), self.parts.disk.is_some()) {
            self.step(CoordinatorInput::Wanted { checkpoint: true, read: false });
        }
    }

    fn carry_out(&mut self, effect: CoordinatorEffect) {
        match effect {
            CoordinatorEffect::Ready => self.ready = true,
            CoordinatorEffect::Open(epoch) => {
                self.parts.open.open(epoch);
                self.epochs.open(epoch);
            }
            CoordinatorEffect::Order(shard, order) => {
                if let Order::Close(barrier) = &order {
                    self.epochs.close(*barrier, self.parts.clock.now_ns());
                }
                self.parts.shards[shard.index()].send(ToShard::Order(order));
            }
            CoordinatorEffect::Disk(issued) => {
                let disk = self.parts.disk.as_mut();
                disk.expect("only a database with a disk has use for one").submit(issued);
            }
            CoordinatorEffect::Passed(epoch) => {
                let rows = self.parts.stats.iter().map(|shard| shard.epoch_rows()).sum();
                self.epochs.pass(epoch, rows, self.parts.clock.now_ns());
                answer_up_to(epoch, &mut self.flushes);
            }
            CoordinatorEffect::Attached { feeder, progress, position } => {
                self.attached(feeder, progress, position);
            }
            CoordinatorEffect::Detached { feeder } => {
                if self.producers.have(feeder) {
                    self.successors.extend(self.producers.gone(feeder));
                } else {
                    self.free.push(feeder);
                }
                self.marks.remove(&feeder);
                for port in &mut self.parts.shards {
                    port.send(ToShard::CloseDoor(feeder));
                }
            }
            CoordinatorEffect::Installed(change) => self.installed(&change),
            CoordinatorEffect::Stopped(stopped) => self.parts.stops.stop(&stopped),
            CoordinatorEffect::Readable(epoch) => self.read(epoch),
            CoordinatorEffect::Settled { feeder, sequence } => self.settled.note(feeder, sequence),
            CoordinatorEffect::Sealed { epoch, feeders } => {
                self.epochs.seal(epoch);
                self.parts.sealed.seal(epoch);
                self.producers.sealed(epoch);
                answer_up_to(epoch, &mut self.saves);
                // Each takes the first of them with it, before anything else is sealed.
                let pins = self.pins.iter().take_while(|(wanted, _)| *wanted <= epoch).count();
                (0..pins).for_each(|_| self.step(CoordinatorInput::Pin));
                feeders.iter().for_each(|mark| self.settled.note(mark.feeder, mark.sequence));
            }
            CoordinatorEffect::Pinned(manifest) => {
                let (_, reply) = self.pins.pop_front().expect("a pin is asked for by somebody");
                reply.give(Pinned { manifest, inbox: Arc::clone(&self.parts.inbox) });
            }
            CoordinatorEffect::Poisoned(poison) => self.stop(Ending::Poisoned(poison)),
        }
    }

    /// Lets producers know how much of theirs is durable. A disk that completes many statements at a
    /// time wakes each producer once.
    fn tell_settled(&mut self) {
        for (feeder, sequence) in self.settled.take() {
            if let Some((mark, room)) = self.marks.get(&feeder) {
                mark.settle(sequence);
                room.ring();
            }
        }
    }

    /// Ends the life of the database; shards stop when they hear of it.
    pub(crate) fn stop(&mut self, ending: Ending) {
        if self.stopped {
            return;
        }
        self.stopped = true;
        self.parts.inbox.close(ending);
        self.changes.clear();
        self.reads.clear();
        self.flushes.clear();
        self.saves.clear();
        self.pins.clear();
        self.arrivals.clear();
        self.producers.clear();
        self.successors.clear();
        // Producers that wait for room hear that there will be none.
        self.marks.values().for_each(|(_, room)| room.ring());
        for port in &mut self.parts.shards {
            port.send(ToShard::Stop);
        }
    }
}

/// Answers those who wait for an epoch up to this one.
fn answer_up_to(epoch: Epoch, waiting: &mut VecDeque<(Epoch, Reply<()>)>) {
    while let Some((_, reply)) = waiting.pop_front_if(|(wanted, _)| *wanted <= epoch) {
        reply.give(());
    }
}

/// How often it tries again to reach a shard that is behind.
const RETRY_NS: u64 = 100_000;

impl ShardPort {
    fn send(&mut self, told: ToShard) {
        self.unsent.push_back(told);
        self.flush();
    }

    fn flush(&mut self) {
        let mut any = false;
        if self.orders.is_abandoned() {
            // The shard has ended, by a panic if nobody told it to.
            self.unsent.clear();
        }
        while let Some(told) = self.unsent.pop_front() {
            if let Err(rtrb::PushError::Full(told)) = self.orders.push(told) {
                self.unsent.push_front(told);
                break;
            }
            any = true;
        }
        if any {
            self.place.bell.ring();
        }
    }
}

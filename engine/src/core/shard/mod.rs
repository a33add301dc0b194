//! One shard: its operators, their state, its log.
//!
//! The shell gives inputs with [`Shard::step`] and fuel with [`Shard::work`], takes frames off a lane
//! only while the shard accepts them, and carries out the effects in order.
//!
//! Invariants:
//! - Stage 0 is fed by feeders, every other by lanes from lower stages of all shards.
//! - A shard passes one barrier at a time: the coordinator closes an epoch only after the one before
//!   has passed everywhere.
//! - The graph changes when all stages have passed a barrier, in one step; see `install.rs`.

mod build;
mod census;
mod flush;
mod install;
mod intake;
mod journal;
mod relief;
mod stage;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use sluicedb_sql::SqlError;
use sluicedb_wal::{Failure, FileRef, Log, Lsn, Ticket};

use super::arena::{Arena, FreezeKind, Freezes, Frozen, Region};
use super::effect::{Effect, FeederMark, Input, Order, Poison, Report, Stopped};
use super::frame::{Barrier, Fed, FedMarks, FeederFrame, FeederRow, Frame};
use super::graph::{Change, Graph, SourceSpec, ViewSpec};
use super::ids::{Epoch, FeederId, LaneId, ShardId, SourceId, StageId, Time, ViewId};
use super::morsel::Pool;
use super::operator::{RetainReader, Stop, ViewReader};
pub use build::check;
pub(crate) use build::{operator_over, owns_empty_key, zone};
pub use census::{Census, OperatorFigures, SourceFigures};
pub(crate) use flush::{Applied, ApplyError, blocks_of, decode_watermarks};
use flush::{Flush, Front};
use intake::{Intake, Settled, Taken};
use journal::Journal;
pub(crate) use journal::{frame_of, source_of};
pub(crate) use relief::give_up_everywhere;
use stage::{Resources, SourceRows, Stage};

/// What a shard is told when it is made.
#[derive(Clone, Debug)]
pub struct ShardOptions {
    /// Which shard it is.
    pub shard: ShardId,
    /// How many there are.
    pub shards: u16,
    /// By source: whether its rows are logged before they are acknowledged.
    pub logged: Vec<bool>,
    /// The database, as its files name it.
    pub database: u128,
    /// Deltas between two full checkpoints.
    pub checkpoint_deltas_max: usize,
    /// Disk writes of a checkpoint in flight at a time.
    pub checkpoint_writes_max: usize,
}

/// Where a shard goes on.
pub struct ShardStart {
    /// The first epoch of this life.
    pub epoch: Epoch,
    /// The log, behind what recovery found; none without a disk.
    pub log: Option<Log>,
    /// State of the newest checkpoint; none if there is none.
    pub restored: Option<Restored>,
    /// How far each feeder had come at that checkpoint; its watermark is the one it is known to have
    /// reached, on whatever shard. All are detached.
    pub feeders: Vec<FeederMark>,
    /// The watermark of each source at that checkpoint.
    pub sources: Vec<Time>,
    /// Statements that were logged after it, in the order of the log.
    pub replay: Vec<FeederFrame>,
}

/// A shard's part of a checkpoint, read back.
pub struct Restored {
    /// The state.
    pub arena: Arena,
    /// The watermark of each lane, by stage and entry.
    pub watermarks: Vec<Vec<Vec<Time>>>,
    /// The epoch of the checkpoint.
    pub epoch: Epoch,
    /// Its files: the base, then the deltas on it. None where it was of another number of shards.
    pub files: Vec<FileRef>,
}

/// One shard.
pub struct Shard {
    options: ShardOptions,
    graph: Arc<Graph>,
    arena: Arena,
    pool: Pool,
    stages: Vec<Stage>,
    intake: Intake,
    /// By source; none where it is gone.
    sources: Vec<Option<SourceRows>>,
    /// Frames and rows that joined others at stage 0.
    merged: u64,
    replay: VecDeque<FeederFrame>,
    journal: Option<Journal>,
    flush: Flush,
    /// Stages that have yet to pass the closing barrier; none where none closes.
    stages_left: usize,
    /// Rows of sources in the last epoch whose barrier stage 0 has passed.
    epoch_rows: u64,
    /// What the state at the closing barrier consists of beside the arena, if it is kept.
    front: Option<Front>,
    settled: Settled,
    /// What the graph becomes at the end of the open epoch, or of the one that is being passed.
    change: Option<Arc<Change>>,
    /// How far each source had come at the barrier with which the graph changes.
    changed_at: Vec<Time>,
    /// By view; none for a stream.
    readers: Vec<Option<ViewReader>>,
    /// By source; none for one that keeps no rows.
    retained: Vec<Option<RetainReader>>,
    /// The views and streams that were given up.
    stopped: BTreeMap<ViewId, Arc<Stopped>>,
    /// Readers of views that were given up while their rows go into a checkpoint.
    leaving: Vec<ViewReader>,
    stop: Option<Stop>,
    poison: Option<Poison>,
}

impl Shard {
    /// A shard; unless its state is restored, over memory for state and for the copies that freezes
    /// need.
    pub fn new(
        options: ShardOptions,
        graph: Arc<Graph>,
        start: ShardStart,
        memory: Option<(Region, Region)>,
    ) -> Result<Shard, SqlError> {
        let ShardStart { epoch, log, restored, feeders, sources, replay } = start;
        let fresh = restored.is_none();
        let (mut arena, watermarks, base) = match restored {
            Some(Restored { arena, watermarks, epoch, files }) => {
                (arena, Some(watermarks), (!files.is_empty()).then_some((epoch, files)))
            }
            None => {
                let memory = memory.expect("a shard that is not restored is given memory");
                (empty_arena(&graph, epoch, memory), None, None)
            }
        };
        assert_eq!(sources.len(), graph.sources.len(), "a watermark for each source");
        let stopped = relief::restore(&graph, &mut arena);
        let rows = |at| graph.sources.get(at).map(SourceRows::new);
        let intake = Intake::new(&feeders, &sources);
        let mut shard = Shard {
            pool: Pool::new(&graph.shapes),
            stages: stages(&graph, &options, &arena)?,
            readers: readers(&graph, &arena)?,
            retained: retained(&graph, &arena),
            flush: Flush::new(&options, base),
            arena,
            intake,
            sources: (0..graph.sources.len()).map(rows).collect(),
            merged: 0,
            replay: replay.into(),
            journal: log.map(Journal::new),
            stages_left: 0,
            epoch_rows: 0,
            front: None,
            settled: Settled::default(),
            change: None,
            changed_at: Vec::new(),
            stopped,
            leaving: Vec::new(),
            stop: None,
            poison: None,
            options,
            graph,
        };
        for (at, source) in shard.graph.sources.places() {
            shard.intake.watch(SourceId(at as u16), source.may_idle());
        }
        shard.start(epoch, watermarks.as_deref(), fresh);
        Ok(shard)
    }

    fn start(&mut self, epoch: Epoch, watermarks: Option<&[Vec<Vec<Time>>]>, fresh: bool) {
        self.intake.start(epoch);
        for (at, stage) in self.stages.iter_mut().enumerate() {
            stage.start(epoch, watermarks.map(|stages| stages[at].as_slice()));
            if fresh {
                stage.create(&mut self.arena);
            } else {
                stage.enter(epoch, &mut self.arena);
            }
        }
    }

    /// Tells the coordinator that a shard without a log is ready, and lets one with a log begin.
    pub fn launch(&mut self, effects: &mut Vec<Effect>) {
        self.tell_given_up(effects);
        match &mut self.journal {
            Some(journal) => journal.pump(effects),
            None => effects.push(Effect::Tell(Report::Open)),
        }
    }

    /// Which shard it is.
    pub fn id(&self) -> ShardId {
        self.options.shard
    }

    /// Applies a row that a feeder published, where it lies: the same as an [`Input::Fed`] of it, which
    /// is too large to be moved for nothing.
    #[inline]
    pub fn step_row(&mut self, row: &FeederRow, effects: &mut Vec<Effect>) {
        if self.poison.is_some() {
            return;
        }
        self.admit_row(row);
        self.end_epoch(effects);
    }

    /// Applies one input and appends what must happen next.
    pub fn step(&mut self, input: Input, effects: &mut Vec<Effect>) {
        if self.poison.is_some() {
            return;
        }
        match input {
            Input::Frame { lane, frame } => self.frame(lane, frame),
            Input::Fed(Fed::Row(ref row)) => return self.step_row(row, effects),
            Input::Fed(Fed::Frame(frame)) => {
                assert!(self.accepts_feeder(frame.feeder), "{} was not accepted", frame.feeder);
                self.admit(frame);
            }
            Input::Quiet { feeder, word, progress } => self.intake.quiet(feeder, word, &progress),
            Input::Room { lane, frames } => {
                self.stages[lane.from_stage.index()].set_room(lane, frames);
            }
            Input::Completed { ticket, result } => self.completed(ticket, result, effects),
            Input::Order(order) => self.order(order, effects),
            Input::Letters { epoch, bytes } => self.flush.letters(epoch, bytes),
            Input::Clock(now_ns) => {
                if let Some(journal) = &mut self.journal {
                    journal.clock(now_ns);
                }
            }
        }
        self.end_epoch(effects);
    }

    fn frame(&mut self, lane: LaneId, frame: Frame) {
        assert_eq!(lane.to, self.id(), "{lane} leads to another shard");
        self.stages[lane.to_stage.index()].take(lane, frame);
    }

    /// Whether the next frame of a lane may be taken off its ring.
    pub fn accepts(&self, lane: LaneId) -> bool {
        let stage = self.stages.get(lane.to_stage.index());
        self.poison.is_none() && stage.is_some_and(|stage| stage.accepts(lane))
    }

    /// Whether the shard sends on a lane, so that it wants to hear of its room: not yet while the graph
    /// that it comes with is ahead.
    pub fn sends(&self, lane: LaneId) -> bool {
        self.stages.get(lane.from_stage.index()).is_some_and(|stage| stage.sends(lane))
    }

    /// Whether the next frame or row of a feeder's lane may be taken off its ring.
    #[inline]
    pub fn accepts_feeder(&self, feeder: FeederId) -> bool {
        self.poison.is_none()
            && self.replay.is_empty()
            && self.intake.accepts(feeder)
            && self.stages[0].has_room_for_rows()
            && self.journal.as_ref().is_none_or(Journal::has_room)
    }

    /// Whether the shard waits to hear that a feeder is quiet.
    pub fn asks(&self, feeder: FeederId) -> bool {
        self.poison.is_none() && self.replay.is_empty() && self.intake.asks(feeder)
    }

    /// When the shard wants a `Clock` at the latest.
    pub fn wake_at(&self) -> Option<u64> {
        let journal = self.journal.as_ref().filter(|_| self.poison.is_none());
        journal.and_then(Journal::wake_at)
    }

    /// Works on what was taken until that is done, stuck, or out of fuel, or until there is something
    /// to publish, which nobody is to wait for; returns whether another call would get further. If
    /// not, only an input does.
    pub fn work(&mut self, fuel: usize, effects: &mut Vec<Effect>) -> bool {
        if self.poison.is_some() {
            return false;
        }
        let mut left = fuel;
        self.feed_replay();
        for at in (0..self.stages.len()).rev() {
            self.work_stage(at, &mut left, effects);
            if matches!(effects.last(), Some(Effect::Publish { .. })) {
                break;
            }
        }
        let published = matches!(effects.last(), Some(Effect::Publish { .. }));
        self.end_epoch(effects);
        let relieved = match self.stop.take() {
            None => false,
            Some(Stop::Memory) => self.relieve(effects),
            Some(Stop::Weight(operator)) => {
                self.poison_with(Poison::Weight { operator }, effects);
                false
            }
        };
        if self.poison.is_some() {
            return false;
        }
        if let Some(journal) = &mut self.journal {
            journal.pump(effects);
        }
        let owes = self.flush.work(fuel, &mut self.arena, effects);
        // An operator may stop early because it was only allowed a few rows at a time.
        let moved = published || left < fuel;
        let worked = moved && !self.stages.iter().all(Stage::rests);
        worked || relieved || owes || !self.replay.is_empty() && self.stages[0].has_room_for_rows()
    }

    fn work_stage(&mut self, at: usize, fuel: &mut usize, effects: &mut Vec<Effect>) {
        loop {
            let resources = &mut Resources {
                arena: &mut self.arena,
                pool: &mut self.pool,
                fuel: &mut *fuel,
                effects: &mut *effects,
                stop: &mut self.stop,
            };
            let Some(barrier) = self.stages[at].work(resources) else { return };
            self.passed(at, barrier, effects);
        }
    }

    /// A stage has passed a barrier; with the last one the shard has.
    fn passed(&mut self, at: usize, barrier: Barrier, effects: &mut Vec<Effect>) {
        assert!(self.stages_left > 0, "the epoch ended where rows enter");
        self.stages_left -= 1;
        if at == 0 {
            self.epoch_rows = self.stages[0].take_entered();
        }
        if barrier.checkpoint {
            effects.push(Effect::Marked { stage: StageId(at as u16), epoch: barrier.epoch });
        }
        if let Some(front) = &mut self.front {
            front.passed(at, self.stages[at].take_watermarks());
        }
        if self.stages_left > 0 {
            return;
        }
        let Barrier { epoch, checkpoint, read } = barrier;
        self.arena.freeze(epoch.0, Freezes { read, checkpoint });
        if let Some(front) = self.front.take() {
            let frozen = self.arena.frozen(FreezeKind::Checkpoint).expect("all zones joined it");
            let readers = self.readers.iter().flatten().chain(&self.leaving);
            let digest = readers.map(|reader| reader.digest(&frozen)).fold(0, u64::wrapping_add);
            self.leaving.clear();
            self.flush.begin(barrier.epoch, (front, digest), &mut self.arena, effects);
        }
        self.become_next(barrier, effects);
    }

    /// Takes rows in: logs them if they are of the open epoch, and hands them to stage 0.
    fn admit(&mut self, mut frame: FeederFrame) {
        match self.intake.take(&frame.marks()) {
            Taken::Held => self.intake.hold(Fed::Frame(frame)),
            Taken::Duplicate => self.pool.put(frame.morsel),
            Taken::Rows => {
                let floor = self.intake.floor(frame.feeder);
                if floor > Time::MIN {
                    self.rows_of(frame.source).raise(&mut frame.morsel, floor);
                }
                if self.options.logged[frame.source.index()] {
                    let journal = self.journal.as_mut().expect("a logged source has a log");
                    journal.append(&frame);
                }
                self.enter(frame);
            }
        }
    }

    /// The same for a row.
    #[inline]
    fn admit_row(&mut self, row: &FeederRow) {
        assert!(self.accepts_feeder(row.feeder), "{} was not accepted", row.feeder);
        self.take_row(row);
    }

    #[inline]
    fn take_row(&mut self, row: &FeederRow) {
        let marks = row.marks();
        match self.intake.take(&marks) {
            Taken::Held => self.intake.hold(Fed::Row(*row)),
            Taken::Duplicate => {}
            Taken::Rows => {
                let shard = self.options.shard;
                let floor = self.intake.floor(row.feeder);
                let rows = self.sources[row.source.index()].as_ref();
                let rows = rows.expect("rows of a source that is gone are not taken");
                let raised;
                let row = if floor > Time::MIN {
                    raised = rows.raised(row, floor);
                    &raised
                } else {
                    row
                };
                if self.options.logged[row.source.index()] {
                    let journal = self.journal.as_mut().expect("a logged source has a log");
                    journal.append_row(row, shard, &rows.layout, rows.tied);
                }
                let merged = self.stages[0].gather_row(row, rows, &mut self.pool);
                self.merged += u64::from(merged);
                self.promise(&marks);
            }
        }
    }

    fn rows_of(&self, source: SourceId) -> &SourceRows {
        let rows = self.sources[source.index()].as_ref();
        rows.expect("rows of a source that is gone are not taken")
    }

    /// Hands rows to stage 0.
    fn enter(&mut self, frame: FeederFrame) {
        let marks = frame.marks();
        let merged = self.stages[0].gather(frame.source, frame.morsel, &mut self.pool);
        self.merged += u64::from(merged);
        self.promise(&marks);
    }

    #[inline]
    fn promise(&mut self, marks: &FedMarks) {
        if let Some(time) = self.intake.promise(marks.feeder, marks.watermark) {
            self.stages[0].source_watermark(marks.source, time);
        }
    }

    fn feed_replay(&mut self) {
        while self.stages[0].has_room_for_rows() {
            let Some(mut frame) = self.replay.pop_front() else { return };
            frame.epoch = self.intake.open();
            match self.intake.take(&frame.marks()) {
                Taken::Rows => self.enter(frame),
                Taken::Duplicate => self.pool.put(frame.morsel),
                Taken::Held => unreachable!("replay belongs to the open epoch"),
            }
        }
    }

    /// Puts the barrier behind the rows of the open epoch once they are all here.
    #[inline]
    fn end_epoch(&mut self, effects: &mut Vec<Effect>) {
        self.tell_of_rows(effects);
        if !self.intake.is_closing() || !self.replay.is_empty() || self.poison.is_some() {
            return;
        }
        if let Some(barrier) = self.intake.ended() {
            self.end_with(barrier, effects);
        }
    }

    fn end_with(&mut self, barrier: Barrier, effects: &mut Vec<Effect>) {
        self.intake.settle(&mut self.settled);
        for &(source, time) in &self.settled.moved {
            self.stages[0].source_watermark(source, time);
        }
        let attached = self.settled.attached.drain(..).map(Report::Attached);
        effects.extend(attached.map(Effect::Tell));
        assert_eq!(self.stages_left, 0, "one barrier at a time");
        self.stages_left = self.stages.len();
        self.front = barrier.checkpoint.then(|| {
            let log_from = self.journal.as_ref().map_or(Lsn(0), Journal::end);
            let (feeders, sources) = (self.intake.marks(), self.intake.watermarks());
            Front::new(self.stages.len(), feeders, sources, log_from)
        });
        if self.change.is_some() {
            self.changed_at = self.intake.watermarks();
        }
        self.stages[0].end(barrier);
        self.intake.advance();
        if let Some(change) = &self.change {
            // What was held for the next epoch is of the next graph.
            self.intake.change(&change.sources_come, &change.sources_gone);
            for source in &change.sources_come {
                self.intake.watch(*source, change.graph.sources[source.index()].may_idle());
            }
        }
        for feeder in 0..self.intake.feeders() {
            match self.intake.release(feeder) {
                Some(Fed::Frame(frame)) => self.admit(frame),
                Some(Fed::Row(row)) => self.take_row(&row),
                None => {}
            }
        }
        self.tell_of_rows(effects);
    }

    #[inline]
    fn tell_of_rows(&mut self, effects: &mut Vec<Effect>) {
        if let Some(epoch) = self.intake.news() {
            effects.push(Effect::Tell(Report::Rows(epoch)));
        }
        effects.extend(self.intake.heard().map(|feeder| Effect::Tell(Report::Fed(feeder))));
    }

    fn order(&mut self, order: Order, effects: &mut Vec<Effect>) {
        match order {
            Order::Attach { feeder, source } => self.intake.attach(feeder, source),
            Order::Detach { feeder } => self.intake.detach(feeder),
            Order::Idle { feeder } => self.intake.rest(feeder),
            Order::Wake { feeder } => self.intake.wake(feeder),
            Order::Advance { source, by_us } => self.intake.go_on(source, by_us),
            Order::Install(change) => self.announce(change),
            Order::Close(barrier) => self.intake.close(barrier),
            Order::Release => self.arena.release(FreezeKind::Read),
            Order::Stop(stopped) => {
                self.give_up(&stopped, effects);
                effects.push(Effect::Stopped(stopped));
            }
            Order::Sealed { epoch, log_from } => {
                let retired = self.journal.as_mut().map(|journal| journal.sealed(epoch, log_from));
                self.flush.sealed(epoch, retired.unwrap_or_default(), effects);
            }
        }
    }

    fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        effects: &mut Vec<Effect>,
    ) {
        let outcome = if ticket.owner() == log_owner(self.id()) {
            let journal = self.journal.as_mut().expect("only a log has its tickets");
            journal.completed(ticket, result, effects)
        } else {
            self.flush.completed(ticket, result, effects)
        };
        match outcome {
            Ok(()) => {
                let log_durable = self.journal.as_ref().map_or(Lsn(0), Journal::durable);
                self.flush.acknowledge(log_durable, effects);
            }
            Err(failure) => self.poison_with(Poison::Disk(failure), effects),
        }
    }

    fn poison_with(&mut self, poison: Poison, effects: &mut Vec<Effect>) {
        effects.push(Effect::Tell(Report::Poisoned(poison.clone())));
        self.poison = Some(poison);
    }

    /// Whether nothing waits in the shard: no row, no barrier, no unwritten state.
    pub fn rests(&self) -> bool {
        self.replay.is_empty()
            && self.stages_left == 0
            && self.stages.iter().all(Stage::rests)
            && self.flush.rests()
    }

    /// Frames and rows of feeders that joined others before anything worked on them.
    pub fn merged(&self) -> u64 {
        self.merged
    }

    /// What runs on the shard.
    pub fn graph(&self) -> &Arc<Graph> {
        &self.graph
    }

    /// How to read a view; a stream keeps nothing that could be read.
    pub fn reader(&self, view: ViewId) -> Option<&ViewReader> {
        self.readers.get(view.index())?.as_ref()
    }

    /// How to read the rows that a source keeps, if it keeps any.
    pub fn retained(&self, source: SourceId) -> Option<&RetainReader> {
        self.retained.get(source.index())?.as_ref()
    }

    /// The state that was frozen for reading, once all stages have passed the barrier.
    pub fn frozen(&self) -> Option<Frozen<'_>> {
        self.arena.frozen(FreezeKind::Read)
    }

    /// The state of all operators, as it is between two steps.
    pub fn arena(&self) -> &Arena {
        &self.arena
    }

    /// The digest of all views, computed from their rows.
    pub fn recounted_digest(&self) -> u64 {
        let digests = self.readers.iter().flatten().map(|reader| reader.recount(&self.arena).1);
        digests.fold(0, u64::wrapping_add)
    }

    /// Morsels that are not in use.
    pub fn pool(&mut self) -> &mut Pool {
        &mut self.pool
    }
}

// A shard is made on one thread and works on another.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Shard>();
};

/// The owner of a shard's log tickets.
pub(crate) fn log_owner(shard: ShardId) -> u16 {
    shard.0 * 2
}

/// The owner of a shard's checkpoint tickets.
pub(crate) fn flush_owner(shard: ShardId) -> u16 {
    shard.0 * 2 + 1
}

/// The owner of tickets for the removal of a shard's segments.
pub(crate) fn removal_owner(shard: ShardId) -> u16 {
    0x8000 | shard.0
}

/// State in which every operator has its zone, and nothing in there.
pub(crate) fn empty_arena(graph: &Graph, epoch: Epoch, (state, shadow): (Region, Region)) -> Arena {
    let mut arena = Arena::new(state, shadow);
    for operator in 0..graph.operators {
        let zone = arena.create_zone(epoch.0);
        assert_eq!(zone.0 as usize, operator, "zones are numbered like operators");
    }
    arena
}

fn stages(
    graph: &Arc<Graph>,
    options: &ShardOptions,
    arena: &Arena,
) -> Result<Vec<Stage>, SqlError> {
    let ShardOptions { shard, shards, .. } = *options;
    let stage = |spec| {
        let built = build::build(graph, spec, shard, shards, arena)?;
        Ok(Stage::new(spec, shard, shards, built))
    };
    graph.stages.iter().map(stage).collect()
}

fn readers(graph: &Graph, arena: &Arena) -> Result<Vec<Option<ViewReader>>, SqlError> {
    let reader = |view: &ViewSpec| {
        let zone = build::zone(view.operator);
        let kept = view.kept.as_ref().filter(|_| arena.has_zone(zone));
        kept.map(|options| ViewReader::new(options, arena.root(zone))).transpose()
    };
    (0..graph.views.len()).map(|at| graph.views.get(at).map_or(Ok(None), reader)).collect()
}

fn retained(graph: &Graph, arena: &Arena) -> Vec<Option<RetainReader>> {
    let reader = |source: &SourceSpec| {
        let (operator, options) = source.retained.as_ref()?;
        Some(RetainReader::new(options, arena.root(build::zone(*operator))))
    };
    (0..graph.sources.len()).map(|at| graph.sources.get(at).and_then(reader)).collect()
}

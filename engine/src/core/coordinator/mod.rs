//! Opens, closes and seals epochs.
//!
//! Invariants:
//! - An epoch is closed only after the one before it has passed all stages of all shards.
//! - At most one checkpoint and one read are open.
//! - At most one change of the graph goes out with a barrier. A manifest names the graph that ran
//!   in its epoch, which is the old one where both come together.
//! - Time alone closes an epoch only if rows are in it, if a checkpoint of earlier rows is due, or if
//!   a source has an idle timeout and what it says changes.
//! - A checkpoint is sealed by its manifest, which is written once every shard has acknowledged its
//!   part and every sink has made safe what it was given, and nothing that only older checkpoints need
//!   is removed before.
//! - Where the state is that of another number of shards, nobody is attached and the graph stays as it
//!   is until a checkpoint has it: until then the one before is the truth, and its logs end there.

mod front;
mod idle;
mod roster;
mod seal;
mod sinks;

use std::collections::VecDeque;
use std::sync::Arc;

use sluicedb_wal::settle::Settling;
use sluicedb_wal::{FileName, Manifest, Ticket};

use super::effect::{
    CoordinatorEffect, CoordinatorInput, FeederMark, Order, Part, Poison, ProducerMark, Report,
    SinkMark,
};
use super::frame::Barrier;
use super::graph::{Change, Graph};
use super::ids::{Epoch, FeederId, ShardId, SourceId};
pub use front::Front;
use idle::Idleness;
use roster::Roster;
use seal::{Running, Seal};

/// How often epochs end.
#[derive(Clone, Debug)]
pub struct CoordinatorOptions {
    /// How many shards there are.
    pub shards: u16,
    /// The longest an epoch stays open that has rows.
    pub epoch_interval_ns: u64,
    /// The longest that rows wait for a checkpoint, counted from the one before; none without a disk.
    pub checkpoint_interval_ns: Option<u64>,
    /// The database, as its files name it.
    pub database: u128,
    /// Names the operators whose state is kept.
    pub plan: u128,
    /// How the graph came about; see [`Change::history`].
    pub history: Arc<[u8]>,
}

/// What recovery found.
#[derive(Clone, Debug)]
pub struct CoordinatorStart {
    /// The first epoch of this life; above every epoch that may have left a trace.
    pub epoch: Epoch,
    /// The newest manifests, the newest last.
    pub manifests: Vec<Manifest>,
    /// All files there are.
    pub files: Vec<FileName>,
    /// How far each feeder had come; all are detached.
    pub feeders: Vec<FeederMark>,
    /// Those of them that belong to producers with names.
    pub producers: Vec<ProducerMark>,
    /// How far each sink had come.
    pub sinks: Vec<SinkMark>,
    /// Whether the state is that of another number of shards: a checkpoint comes before anybody pushes.
    pub moves: bool,
}

/// What concerns all shards.
pub struct Coordinator {
    options: CoordinatorOptions,
    now_ns: u64,
    /// The time by which silence counts, if it is another than that of the clock.
    quiet_ns: Option<u64>,
    open: Epoch,
    /// When the coordinator heard of the first rows of the open epoch.
    fed_ns: Option<u64>,
    /// Whether rows are in that no checkpoint holds.
    dirty: bool,
    /// The epoch of the last checkpoint that was begun.
    checkpointed: Epoch,
    checkpointed_ns: u64,
    /// Shards that do not yet take rows.
    unready: u64,
    /// The epoch that shards are passing, and those that have not passed it.
    closing: Option<(Barrier, u64)>,
    reading: bool,
    wanted: Wanted,
    roster: Roster,
    idleness: Idleness,
    /// Changes of the graph that wait for a barrier.
    changes: VecDeque<Arc<Change>>,
    /// The one that went out with the barrier that is closing.
    installing: Option<Arc<Change>>,
    settling: Settling,
    settled: Vec<u64>,
    seal: Seal,
    /// Whether no checkpoint has the state as it lies on these shards.
    moves: bool,
    poison: Option<Poison>,
}

#[derive(Clone, Copy, Default)]
struct Wanted {
    barrier: bool,
    checkpoint: bool,
    read: bool,
}

impl Coordinator {
    /// A coordinator of shards that begin with this graph; it waits for them to be ready.
    pub fn new(options: CoordinatorOptions, graph: &Graph, start: CoordinatorStart) -> Coordinator {
        let CoordinatorStart { epoch, manifests, files, feeders, producers, sinks, moves } = start;
        let mut idleness = Idleness::default();
        for (at, source) in graph.sources.places() {
            idleness.add(SourceId(at as u16), source);
        }
        let settled: Vec<u64> = feeders.iter().map(|mark| mark.sequence).collect();
        Coordinator {
            now_ns: 0,
            quiet_ns: None,
            open: epoch,
            fed_ns: None,
            dirty: false,
            checkpointed: Epoch(0),
            checkpointed_ns: 0,
            unready: all(options.shards),
            closing: None,
            reading: false,
            wanted: Wanted { barrier: moves, checkpoint: moves, read: false },
            moves,
            roster: Roster::new(&feeders, &producers),
            idleness,
            changes: VecDeque::new(),
            installing: None,
            settling: Settling::new(usize::from(options.shards), &settled),
            settled,
            seal: Seal::new(&options, manifests, files, sinks),
            poison: None,
            options,
        }
    }

    /// The open epoch.
    pub fn open(&self) -> Epoch {
        self.open
    }

    /// When the coordinator wants a `Clock` at the latest; never while nothing was pushed, nobody wants
    /// anything and no source waits for the time to pass.
    pub fn wake_at(&self) -> Option<u64> {
        let idle = self.unready == 0 && self.closing.is_none() && self.poison.is_none();
        self.due_at().filter(|_| idle)
    }

    /// When time alone closes the open epoch.
    fn due_at(&self) -> Option<u64> {
        let fed = self.fed_ns.map(|at| at.saturating_add(self.options.epoch_interval_ns));
        let rows = fed.or_else(|| self.checkpoint_due_at().filter(|_| !self.seal.is_open()));
        let left = |at: u64| at.saturating_sub(self.quiet_ns());
        let idle = self.idleness.due_at().map(|at| self.now_ns.saturating_add(left(at)));
        rows.into_iter().chain(idle).min()
    }

    /// The time by which silence counts.
    fn quiet_ns(&self) -> u64 {
        self.quiet_ns.unwrap_or(self.now_ns)
    }

    /// When the rows that no checkpoint holds want one.
    fn checkpoint_due_at(&self) -> Option<u64> {
        let interval = self.options.checkpoint_interval_ns.filter(|_| self.dirty);
        interval.map(|interval| self.checkpointed_ns.saturating_add(interval))
    }

    /// Applies one input and appends what must happen next.
    pub fn step(&mut self, input: CoordinatorInput, effects: &mut Vec<CoordinatorEffect>) {
        if self.poison.is_some() {
            // Nothing is acknowledged by a database that has stopped.
            return;
        }
        match input {
            CoordinatorInput::Quiet(quiet_ns) => {
                // Who sets it may have read the clock before the last turn did.
                self.quiet_ns = Some(quiet_ns.max(self.quiet_ns()));
            }
            CoordinatorInput::Clock(now_ns) => {
                assert!(now_ns >= self.now_ns, "monotonic time went back");
                self.now_ns = now_ns;
            }
            CoordinatorInput::Wanted { checkpoint, read } => {
                self.wanted.barrier = true;
                self.wanted.checkpoint |=
                    checkpoint && self.options.checkpoint_interval_ns.is_some();
                self.wanted.read |= read;
            }
            CoordinatorInput::ReadDone => {
                assert!(self.reading, "nothing is being read");
                self.reading = false;
                self.order_all(Order::Release, effects);
            }
            CoordinatorInput::Attach { feeder, source, producer } => {
                self.roster.attach(feeder, source, producer);
            }
            CoordinatorInput::Detach { feeder } => {
                self.roster.detach(feeder);
                self.idleness.leaves(feeder);
            }
            CoordinatorInput::Disown { feeder } => self.roster.disown(feeder),
            CoordinatorInput::Install(change) => self.changes.push_back(change),
            CoordinatorInput::Written { sink, epoch, position } => {
                let mut issued = Vec::new();
                self.seal.written((sink, epoch), position, &mut issued);
                effects.extend(issued.into_iter().map(CoordinatorEffect::Disk));
            }
            CoordinatorInput::Failed { sink } => {
                let mut issued = Vec::new();
                self.seal.failed(sink, &mut issued);
                effects.extend(issued.into_iter().map(CoordinatorEffect::Disk));
            }
            CoordinatorInput::Pin => effects.push(CoordinatorEffect::Pinned(self.seal.pin())),
            CoordinatorInput::Unpin(epoch) => {
                let mut issued = Vec::new();
                self.seal.unpin(epoch, &mut issued);
                effects.extend(issued.into_iter().map(CoordinatorEffect::Disk));
            }
            CoordinatorInput::Report(shard, report) => self.report(shard, report, effects),
            CoordinatorInput::Completed { ticket, result } => {
                self.completed(ticket, result, effects);
            }
        }
        self.close_if_due(effects);
    }

    fn report(&mut self, from: ShardId, report: Report, effects: &mut Vec<CoordinatorEffect>) {
        match report {
            Report::Open => {
                assert!(self.unready & bit(from) != 0, "{from} was ready before");
                self.unready &= !bit(from);
                if self.unready == 0 {
                    self.checkpointed_ns = self.now_ns;
                    effects.push(CoordinatorEffect::Open(self.open));
                    effects.push(CoordinatorEffect::Ready);
                }
            }
            Report::Rows(epoch) => self.rows(epoch),
            Report::Fed(feeder) => self.idleness.fed(feeder, self.quiet_ns()),
            Report::Attached(mark) => self.roster.told(mark),
            Report::Passed(epoch) => self.passed(from, epoch, effects),
            Report::Acknowledged(part) => self.acknowledged(from, part, effects),
            Report::Durable(statement) => {
                self.settling.durable(from.0, statement);
                self.settle(effects);
            }
            Report::Stopped(stopped) => {
                // Whoever reads it hears of that before shards have nothing more for them.
                effects.push(CoordinatorEffect::Stopped(Arc::clone(&stopped)));
                self.order_all(Order::Stop(stopped), effects);
            }
            Report::Poisoned(poison) => self.poisoned(poison, effects),
        }
    }

    fn rows(&mut self, epoch: Epoch) {
        assert!(epoch <= self.open, "{epoch} has rows and is not open yet");
        // A report may come after its epoch was closed.
        self.dirty |= epoch > self.checkpointed;
        if epoch == self.open {
            self.fed_ns.get_or_insert(self.now_ns);
        }
    }

    fn passed(&mut self, from: ShardId, epoch: Epoch, effects: &mut Vec<CoordinatorEffect>) {
        let Some((barrier, missing)) = &mut self.closing else {
            panic!("{from} passed {epoch}, which is not closing")
        };
        assert_eq!(barrier.epoch, epoch, "{from} passed another epoch than is closing");
        assert!(*missing & bit(from) != 0, "{from} passed {epoch} twice");
        *missing &= !bit(from);
        if *missing == 0 {
            let read = barrier.read;
            self.closing = None;
            effects.push(CoordinatorEffect::Passed(epoch));
            let come = self.roster.passed(epoch, self.options.shards, effects);
            for (feeder, source) in come {
                self.idleness.attached(feeder, source, self.quiet_ns());
            }
            if let Some(change) = self.installing.take() {
                change.sources_gone.iter().for_each(|source| self.idleness.remove(*source));
                for source in &change.sources_come {
                    self.idleness.add(*source, &change.graph.sources[source.index()]);
                }
                self.roster.forget(&change.sources_gone);
                effects.push(CoordinatorEffect::Installed(change));
            }
            if read {
                effects.push(CoordinatorEffect::Readable(epoch));
            }
        }
    }

    fn acknowledged(&mut self, from: ShardId, part: Part, effects: &mut Vec<CoordinatorEffect>) {
        let mut issued = Vec::new();
        self.seal.acknowledged(from, part, &mut issued);
        effects.extend(issued.into_iter().map(CoordinatorEffect::Disk));
    }

    fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), sluicedb_wal::Failure>,
        effects: &mut Vec<CoordinatorEffect>,
    ) {
        let mut issued = Vec::new();
        let sealed = self.seal.completed(ticket, result, &mut issued);
        effects.extend(issued.into_iter().map(CoordinatorEffect::Disk));
        match sealed {
            Ok(None) => {}
            Ok(Some(sealed)) => {
                self.moves = false;
                for (shard, log_from) in sealed.log_from.into_iter().enumerate() {
                    let order = Order::Sealed { epoch: sealed.epoch, log_from };
                    effects.push(CoordinatorEffect::Order(ShardId(shard as u16), order));
                }
                let (epoch, feeders) = (sealed.epoch, sealed.feeders);
                effects.push(CoordinatorEffect::Sealed { epoch, feeders });
            }
            Err(failure) => self.poisoned(Poison::Disk(failure), effects),
        }
    }

    fn settle(&mut self, effects: &mut Vec<CoordinatorEffect>) {
        for statement in self.settling.take_settled() {
            let feeder = statement.feeder as usize;
            self.settled.resize(self.settled.len().max(feeder + 1), 0);
            let settled = &mut self.settled[feeder];
            // Statements settle together in no order; only the last of a feeder is worth telling.
            *settled = (*settled).max(statement.sequence);
            let (feeder, sequence) = (FeederId(statement.feeder), *settled);
            effects.push(CoordinatorEffect::Settled { feeder, sequence });
        }
    }

    fn poisoned(&mut self, poison: Poison, effects: &mut Vec<CoordinatorEffect>) {
        if self.poison.is_none() {
            self.poison = Some(poison.clone());
            effects.push(CoordinatorEffect::Poisoned(poison));
        }
    }

    fn close_if_due(&mut self, effects: &mut Vec<CoordinatorEffect>) {
        if self.unready != 0 || self.closing.is_some() || self.poison.is_some() {
            return;
        }
        let due = self.checkpoint_due_at().is_some_and(|at| at <= self.now_ns);
        // A second checkpoint or read waits until the first is done; it must not close epoch after
        // epoch meanwhile.
        let checkpoint = (self.wanted.checkpoint || due) && !self.seal.is_open();
        let read = self.wanted.read && !self.reading;
        let over = self.due_at().is_some_and(|at| at <= self.now_ns);
        let wanted = self.wanted;
        let asked = wanted.barrier || wanted.checkpoint && checkpoint || read;
        // What is logged and what the graph becomes builds on a checkpoint of these shards.
        let comes = !self.moves && (self.roster.wants() || !self.changes.is_empty());
        if !(over || asked || comes) {
            return;
        }
        self.wanted = Wanted {
            barrier: false,
            checkpoint: wanted.checkpoint && !checkpoint,
            read: wanted.read && !read,
        };
        self.reading |= read;
        let barrier = Barrier { epoch: self.open, checkpoint, read };
        let come = if self.moves { Vec::new() } else { self.roster.take_orders() };
        if checkpoint {
            (self.checkpointed, self.checkpointed_ns) = (barrier.epoch, self.now_ns);
            self.dirty = false;
            // Who goes out with this barrier is in the parts.
            self.seal.open(barrier.epoch, self.roster.producers());
        }
        self.fed_ns = None;
        self.open = self.open.next();
        self.closing = Some((barrier, all(self.options.shards)));
        effects.push(CoordinatorEffect::Open(self.open));
        let idle = self.idleness.take_orders(self.quiet_ns());
        for order in come.into_iter().chain(idle) {
            self.order_all(order, effects);
        }
        if !self.moves {
            self.install_next(effects);
        }
        self.order_all(Order::Close(barrier), effects);
    }

    fn install_next(&mut self, effects: &mut Vec<CoordinatorEffect>) {
        assert!(self.installing.is_none(), "a barrier closes after the one before has passed");
        let Some(change) = self.changes.pop_front() else { return };
        if self.options.checkpoint_interval_ns.is_some() {
            // A checkpoint that begins with this barrier has taken note of the graph before.
            let (plan, history) = (change.graph.fingerprint(), Arc::clone(&change.history));
            self.seal.becomes(Running { plan, history }, &change);
        }
        self.order_all(Order::Install(Arc::clone(&change)), effects);
        self.installing = Some(change);
    }

    fn order_all(&self, order: Order, effects: &mut Vec<CoordinatorEffect>) {
        let shards = (0..self.options.shards).map(ShardId);
        effects.extend(shards.map(|shard| CoordinatorEffect::Order(shard, order.clone())));
    }
}

// It is made on one thread and works on another.
const _: fn() = || {
    fn is_send<T: Send>() {}
    is_send::<Coordinator>();
};

fn all(shards: u16) -> u64 {
    assert!((1..=64).contains(&shards), "{shards} shards");
    u64::MAX >> (64 - shards)
}

fn bit(shard: ShardId) -> u64 {
    1 << shard.0
}

#[cfg(test)]
mod tests;

//! What is measured, as the harness sees it.
//!
//! A mode is a row of [`crate::modes::MODES`]: two functions that build a [`Paced`] and a [`Bulk`].

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::clock::Clock;
use crate::histogram::Latencies;
use crate::schedule::{Operations, Walk};
use crate::sys;
use crate::trades::{Query, Tick, Trades, symbols};

/// Which CPUs a run uses.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cpus {
    /// Of the thread that sends.
    pub producer: usize,
    /// Of the shards, as far as there are others; that of the producer where there is one CPU.
    pub shards: Vec<usize>,
}

impl Cpus {
    /// The first CPU that is allowed sends, and the others are for shards.
    pub fn choose() -> Result<Cpus, String> {
        let allowed = sys::allowed_cpus().map_err(|error| format!("no CPU to pin to: {error}"))?;
        let (&producer, others) = allowed.split_first().ok_or("no CPU is allowed")?;
        let shards = if others.is_empty() { vec![producer] } else { others.to_vec() };
        Ok(Cpus { producer, shards })
    }
}

/// What a mode is told.
#[derive(Clone, Debug)]
pub struct Setup {
    /// What is computed: [`crate::trades::timed_plan`] of it when paced, or
    /// [`crate::trades::plan`].
    pub query: Query,
    /// How many shards the database has.
    pub shards: usize,
    /// The clock of the run.
    pub clock: Clock,
    /// The harness pins the sending thread itself, after the subject is made.
    pub cpus: Cpus,
    /// The symbols by index.
    pub names: Vec<String>,
    /// Rows or batches that may wait on the lane to a shard.
    pub lane_frames: usize,
}

/// As many as the engine chooses by itself.
pub const LANE_FRAMES: usize = 256;

impl Setup {
    /// On this machine.
    pub fn new(query: Query, shards: usize) -> Result<Setup, String> {
        let (clock, cpus) = (Clock::calibrated(), Cpus::choose()?);
        Ok(Setup { query, shards, clock, cpus, names: symbols(), lane_frames: LANE_FRAMES })
    }
}

/// Refuses a setup with more shards than a mode without threads has.
pub fn one_shard(setup: &Setup, mode: &str) -> Result<(), String> {
    match setup.shards {
        1 => Ok(()),
        shards => Err(format!("mode {mode} has one shard, not {shards}: leave out --shards")),
    }
}

/// A system that takes trades one by one, or looks them up one by one.
///
/// Whoever makes one hands its [`Recorder`] to the code that sees the answers, on whatever thread
/// that runs. When the subject is dropped, its recorders are.
pub trait Paced {
    /// Pushes the trade; for [`Query::Lookup`], looks its symbol up and records the answer. False:
    /// there is no room at this moment.
    fn send(&mut self, tick: Tick) -> bool;

    /// A turn of a system that has no thread of its own. Called all the time between two trades.
    fn idle(&mut self);

    /// Sends a stretch of trades, of which `first` is the number of the first, to its end. One that
    /// sends from another thread than the caller's goes through it there.
    fn go(&mut self, first: usize, mut walk: Walk) -> Result<Walk, String> {
        let mut sender = Sender { subject: self, first };
        while walk.step(&mut sender)? {}
        Ok(walk)
    }
}

/// A subject behind the pacing loop.
struct Sender<'a, P: ?Sized> {
    subject: &'a mut P,
    first: usize,
}

impl<P: Paced + ?Sized> Operations for Sender<'_, P> {
    #[inline]
    fn send(&mut self, at: usize, due_ns: u64) -> bool {
        self.subject.send(Tick::new(self.first + at, due_ns))
    }

    #[inline]
    fn idle(&mut self) {
        self.subject.idle();
    }
}

/// A system that takes batches as fast as it can.
pub trait Bulk {
    /// Pushes a batch of the load, which was made ready when the subject was. False: there is no
    /// room at this moment. Batches come in order, each once.
    fn push(&mut self, batch: usize) -> bool;

    /// A turn of a system that has no thread of its own. Called while there is no room.
    fn idle(&mut self);

    /// Works, or waits, until the results of everything pushed are there.
    fn settle(&mut self) -> Result<(), String>;
}

/// What a bulk run pushes.
#[derive(Clone, Debug)]
pub struct Load {
    /// All rows.
    pub trades: Trades,
    /// Rows in a push, but for the last.
    pub batch: usize,
}

impl Load {
    /// How many pushes it is.
    pub fn batches(&self) -> usize {
        self.trades.prices.len().div_ceil(self.batch)
    }

    /// The rows of one push.
    pub fn rows(&self, batch: usize) -> Range<usize> {
        let start = batch * self.batch;
        start..self.trades.prices.len().min(start + self.batch)
    }
}

/// Notes when answers arrive. It belongs to the thread that sees them.
#[derive(Debug)]
pub struct Recorder {
    clock: Clock,
    latencies: Latencies,
    answered: u64,
    shared: Arc<Shared>,
    collector: Collect,
}

/// What a recorder knows of its collector.
#[derive(Clone, Debug)]
struct Collect {
    sender: mpsc::Sender<Latencies>,
    recorders: Arc<Mutex<Vec<Arc<Shared>>>>,
}

/// What the sending thread and the one with the answers both see.
#[derive(Debug, Default)]
struct Shared {
    /// Answers to what was due before this are warm-up. Written between two stretches only.
    from_ns: AtomicU64,
    progress: Progress,
}

/// Written by the recorder alone, in a cache line of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Progress {
    answered: AtomicU64,
    latest_ns: AtomicU64,
}

impl Recorder {
    fn of(clock: Clock, collector: Collect) -> Recorder {
        let shared = Arc::new(Shared::default());
        shared.from_ns.store(u64::MAX, Ordering::Relaxed);
        let recorders = collector.recorders.lock();
        recorders.unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&shared));
        Recorder { clock, latencies: Latencies::new(), answered: 0, shared, collector }
    }

    /// The answer to what was due at `due_ns` is visible.
    #[inline]
    pub fn arrived(&mut self, due_ns: u64) {
        if due_ns >= self.shared.from_ns.load(Ordering::Relaxed) {
            self.latencies.record(self.clock.now_ns().saturating_sub(due_ns));
        }
        self.answered += 1;
        self.shared.progress.answered.store(self.answered, Ordering::Relaxed);
        self.shared.progress.latest_ns.store(due_ns, Ordering::Relaxed);
    }
}

/// A further one of the same collector, which has seen nothing.
impl Clone for Recorder {
    fn clone(&self) -> Recorder {
        Recorder::of(self.clock, self.collector.clone())
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Nobody waits for it if the run was given up.
        let _ = self.collector.sender.send(std::mem::take(&mut self.latencies));
    }
}

/// Makes recorders, one for each thread that sees answers, and gathers what they noted.
#[derive(Debug)]
pub struct Collector {
    clock: Clock,
    collect: Collect,
    receiver: Receiver<Latencies>,
}

impl Collector {
    /// Without recorders.
    pub fn new(clock: Clock) -> Collector {
        let (sender, receiver) = channel();
        Collector { clock, collect: Collect { sender, recorders: Arc::default() }, receiver }
    }

    /// A further recorder. Everything is warm-up until [`Collector::measure_from`].
    pub fn recorder(&self) -> Recorder {
        Recorder::of(self.clock, self.collect.clone())
    }

    /// What is due from this moment on counts.
    pub fn measure_from(&self, from_ns: u64) {
        self.each(|recorders| {
            for shared in recorders.iter() {
                shared.from_ns.store(from_ns, Ordering::Relaxed);
            }
        });
    }

    /// How many answers there were, and when the latest was due.
    pub fn progress(&self) -> (u64, u64) {
        self.each(|recorders| {
            let each = recorders.iter().map(|shared| &shared.progress);
            each.fold((0, 0), |(answered, latest), progress| {
                let ns = progress.latest_ns.load(Ordering::Relaxed);
                (answered + progress.answered.load(Ordering::Relaxed), latest.max(ns))
            })
        })
    }

    /// All latencies. Waits for the recorders to be dropped.
    pub fn finish(self) -> Latencies {
        let Collector { collect, receiver, .. } = self;
        drop(collect);
        let mut all = Latencies::new();
        receiver.iter().for_each(|latencies| all.add(&latencies));
        all
    }

    fn each<T>(&self, act: impl FnOnce(&mut Vec<Arc<Shared>>) -> T) -> T {
        act(&mut self.collect.recorders.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_of_all_recorders_count_from_the_end_of_the_warm_up() {
        let clock = Clock::calibrated();
        let collector = Collector::new(clock);
        let (mut one, mut other) = (collector.recorder(), collector.recorder());
        one.arrived(1);
        let from = clock.now_ns();
        collector.measure_from(from);
        let thread = std::thread::spawn(move || {
            other.arrived(from - 1);
            other.arrived(from + 5);
        });
        thread.join().unwrap();
        one.arrived(from);
        assert_eq!(collector.progress(), (4, from + 5));
        drop(one);
        assert_eq!(collector.finish().count(), 2);
    }

    #[test]
    fn an_answer_before_its_time_has_no_latency() {
        let collector = Collector::new(Clock::calibrated());
        let mut recorder = collector.recorder();
        collector.measure_from(0);
        recorder.arrived(u64::MAX - 1);
        drop(recorder);
        assert_eq!(collector.finish().percentiles().max_ns, 0);
    }

    #[test]
    fn the_last_batch_of_a_load_is_what_is_left() {
        let load = Load { trades: crate::trades::trades(10, 1), batch: 4 };
        let batches: Vec<_> = (0..load.batches()).map(|batch| load.rows(batch)).collect();
        assert_eq!(batches, [0..4, 4..8, 8..10]);
    }
}

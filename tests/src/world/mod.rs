//! The simulated shell: shards, coordinator, feeders, lanes, disk and clock in one thread, and a
//! seed that decides who steps and how far.
//!
//! Invariants:
//! - All that happens is a function of seed, options and load.
//! - What survives a crash is the disk, what feeders were told, and what the checkers remember; all
//!   else is in the `Life` that ends with it.

mod actions;
mod attach;
mod check;
mod crash;
mod deliver;
mod feed;
mod install;
mod letters;
mod life;
mod pause;
mod producer;
mod read;
mod run;
mod script;
mod shards;
mod sinks;
mod starved;
mod subscriber;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use sluicedb::core::graph::{Graph, lower};
use sluicedb::core::ids::{Epoch, LaneId, SourceId};
use sluicedb_sql::SqlError;
use sluicedb_wal::{FileName, Files, identity};

use crate::disk::{CrashMode, Disk, Latency};
use crate::load::Load;
use crate::options::{Faults, Options};
use crate::prng::Prng;
use crate::reference::{Clocks, Relation};
use crate::trace::Trace;
use life::Life;
use producer::Producer;

pub use run::{Failure, Outcome, Replay, Summary, draw, quietly, replay, run, run_load};

/// Turns in which all statements are pushed; after it the faults stop.
const PUSH_TURNS_MAX: u64 = 10_000;
/// Turns without faults in which everything comes to rest.
const CALM_TURNS_MAX: u64 = 1_000_000;

/// The name of the database in its files.
const DATABASE: u128 = 0x51_u128 << 64 | 0xdb;

/// Everything there is in a run.
pub struct World {
    options: Options,
    load: Arc<Load>,
    graph: Arc<Graph>,
    /// What has come and gone since the start.
    growth: install::Growing,
    schedule: Prng,
    chaos: Prng,
    turn: u64,
    now_ns: u64,
    phase: Phase,
    disk: Disk,
    life: Life,
    lives: u64,
    producers: Vec<Producer>,
    reshaping: shards::Reshaping,
    /// By the names of what they follow.
    sinks: BTreeMap<String, sinks::Sink>,
    letters: letters::Letters,
    /// What becomes of those.
    outside: Prng,
    /// How far sources and feeders had come at the end of the last epoch that all shards passed.
    clocks: Clocks,
    /// The same at the end of every epoch that may still be read or recovered.
    cuts: BTreeMap<Epoch, Clocks>,
    /// The newest checkpoint that was reported as sealed.
    sealed: Option<Epoch>,
    /// The newest checkpoint that was asked for: none can be found that is newer.
    checkpointed: Epoch,
    crashes_left: usize,
    /// How often power is lost behind a checkpoint that lacks a query which was given up.
    losses_left: usize,
    /// Set by tests: power is lost behind this many moves of the disk, in this way. Ascending.
    crash_at: VecDeque<(u64, CrashMode)>,
    /// Set by tests: the next write or sync fails.
    fail_next: bool,
    /// Set by tests: the operation with this number fails, whatever it is. They count from 0.
    fail_at: Option<u64>,
    /// Set by tests: lanes that show nothing.
    hidden: BTreeSet<LaneId>,
    failures_left: usize,
    /// What the views held when they were last read.
    views: BTreeMap<String, Relation>,
    trace: Trace,
    seen: BTreeMap<&'static str, u64>,
    /// The most blocks of state that a shard was seen to use.
    blocks_seen: u32,
    menu: actions::Menu,
}

/// What a run is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Phase {
    /// Statements are pushed, and things go wrong.
    Push,
    /// Nothing goes wrong any more, and everything is to be published, sealed and acknowledged.
    Calm {
        /// The turn in which it began.
        since: u64,
    },
    /// Everything is; no more time passes and nobody asks for anything.
    Drain,
}

impl World {
    /// A world at its first turn.
    pub fn new(seed: u64, options: Options, load: Load) -> Result<World, SqlError> {
        let root = Prng::new(seed);
        let graph = Arc::new(lower(&load.plan, options.route)?);
        let producers = load.feeders.iter().enumerate().map(|(at, feeder)| {
            let (_, _, time) = load.sources().nth(feeder.source).expect("a source of the plan");
            Producer::new(at as u16, SourceId(feeder.source as u16), time, &feeder.batches)
        });
        let Faults { crashes, failed_sync, .. } = options.faults;
        let producers: Vec<Producer> = producers.collect();
        let mut world = World {
            schedule: root.split("schedule"),
            chaos: root.split("faults"),
            outside: root.split("outside"),
            turn: 0,
            now_ns: 0,
            phase: Phase::Push,
            disk: Disk::holding(FileName::Identity, identity::encode(DATABASE)),
            life: Life::none(),
            lives: 0,
            clocks: Clocks::new(0, std::iter::empty()),
            cuts: BTreeMap::new(),
            producers,
            reshaping: shards::Reshaping::new(root.split("shards"), options.reshapings),
            sinks: BTreeMap::new(),
            letters: letters::Letters::default(),
            sealed: None,
            checkpointed: Epoch(0),
            crashes_left: crashes,
            losses_left: crashes.min(2),
            crash_at: VecDeque::new(),
            fail_next: false,
            fail_at: None,
            hidden: BTreeSet::new(),
            failures_left: usize::from(failed_sync) * 2,
            views: BTreeMap::new(),
            trace: Trace::new(),
            seen: BTreeMap::new(),
            blocks_seen: 0,
            menu: actions::Menu::default(),
            growth: install::Growing::new(&root, &options, &load, &graph),
            options,
            load: Arc::new(load),
            graph,
        };
        world.open();
        Ok(world)
    }

    /// The files as they are.
    pub fn files(&self) -> &dyn Files {
        &self.disk
    }

    /// Runs to the end.
    pub fn run(&mut self) {
        while !self.is_over() {
            self.next_turn();
        }
        if self.life.exhausted().is_none() {
            self.check_rest();
        }
    }

    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        // One that stopped at the last moment is opened again.
        let stopped = self.life.poison.is_some();
        let idle = self.disk.is_idle() && self.sinks_due_at().is_none() && !stopped;
        let drained = self.phase == Phase::Drain && self.menu.is_empty() && idle;
        drained || self.life.exhausted().is_some()
    }

    /// One turn: one action of those that can be done.
    pub fn next_turn(&mut self) {
        self.turn += 1;
        self.advance_phase();
        if self.strike() {
            return;
        }
        let menu = std::mem::take(&mut self.menu);
        self.menu = self.list(menu);
        match self.menu.choose(&self.options.weights, &mut self.schedule) {
            Some(action) => self.carry_out(action),
            None => self.wait(),
        }
    }

    /// Nobody can do anything before the disk or a sink can.
    fn wait(&mut self) {
        let until = self.disk.ready_at().into_iter().chain(self.life.paused_until());
        let until = until.chain(self.sinks_due_at()).min();
        if let Some(until) = until {
            self.turn = self.turn.max(until.saturating_sub(1));
        }
    }

    fn advance_phase(&mut self) {
        match self.phase {
            Phase::Push => {
                let all = self.producers.iter().all(Producer::is_published);
                if all && self.life.feeders_rest() || self.turn > PUSH_TURNS_MAX {
                    if self.crashes_left > 0 && self.chaos.chance(30) {
                        return self.crash_now();
                    }
                    self.phase = Phase::Calm { since: self.turn };
                    self.life.unpause();
                    self.note("calm", "from here on nothing goes wrong");
                }
            }
            Phase::Calm { since } => {
                self.ask_for_the_end();
                if self.is_done() {
                    self.phase = Phase::Drain;
                }
                let turns = self.turn - since;
                assert!(
                    turns < CALM_TURNS_MAX,
                    "no end after {turns} turns: {}",
                    self.unfinished()
                );
            }
            Phase::Drain => {}
        }
    }

    /// Whether faults may strike.
    fn is_rough(&self) -> bool {
        self.phase == Phase::Push
    }

    /// The most fuel a shard gets at a time.
    fn fuel_max(&self) -> usize {
        // One row at a time never brings the matches of a large join to an end.
        if self.is_rough() { self.options.fuel_max } else { self.options.fuel_max.max(256) }
    }

    /// How long the disk takes for the next operation: most are quick, some very slow.
    fn latency(&mut self) -> Latency {
        let mut turns = || {
            let slowest = self.options.disk_turns_max;
            if slowest == 0 || !self.schedule.chance(15) {
                return self.schedule.below(3) as u64;
            }
            let magnitude = self.schedule.below(slowest.ilog10() as usize + 1) as u32;
            let most = 10_u64.pow(magnitude + 1).min(slowest);
            self.schedule.below(most as usize + 1) as u64
        };
        Latency { apply: turns(), complete: turns() }
    }

    /// Counts something that a run may or may not see.
    fn saw(&mut self, what: &'static str) {
        *self.seen.entry(what).or_insert(0) += 1;
    }

    fn note(&mut self, who: &'static str, what: &str) {
        self.trace.add(self.turn, &who, format_args!("{what}"));
    }
}

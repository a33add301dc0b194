//! What a run is like: drawn from its seed, so that runs differ in shape and not only in order.
//!
//! Whole kinds of faults are off in many runs: that is what lets the others add up.

use std::fmt;

use sluicedb::core::graph::Route;

use crate::prng::Prng;

/// Blocks of state that are enough for every drawn load, with a quarter to spare: where there is less,
/// sources give up rows that they retain. The memory of many shards is set up in
/// every life of a run, so that more would take most of its time.
pub const STATE_BLOCKS: u32 = 4096;

/// Everything about a run but the query, the rows and the order of things.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// How many shards there are.
    pub shards: u16,
    /// Feeders of each source.
    pub feeders: usize,
    /// Places of a lane between two shards.
    pub lane_frames: usize,
    /// Places of a lane from a feeder to a shard.
    pub feeder_lane_frames: usize,
    /// The most rows of work that a shard may do at a time.
    pub fuel_max: usize,
    /// How feeders place rows.
    pub route: Route,
    /// Bit `n` is set if source `n` is logged; the others wait for checkpoints.
    pub logged: u64,
    /// Blocks of a log segment.
    pub segment_blocks: u32,
    /// The longest an epoch stays open.
    pub epoch_interval_ns: u64,
    /// The longest between two checkpoints.
    pub checkpoint_interval_ns: u64,
    /// Deltas between two full checkpoints.
    pub checkpoint_deltas_max: usize,
    /// Writes of a checkpoint in flight at a time.
    pub checkpoint_writes_max: usize,
    /// Blocks of state a shard may have.
    pub state_blocks: u32,
    /// Blocks it may copy for frozen state.
    pub shadow_blocks: u32,
    /// Statements of all feeders together.
    pub statements: usize,
    /// The most rows of a statement.
    pub rows_max: usize,
    /// The slowest disk operation takes this many times a turn.
    pub disk_turns_max: u64,
    /// How likely kinds of actions are, one against the other.
    pub weights: Weights,
    /// How feeders come and go.
    pub comings: Comings,
    /// How often relations come or go while the database runs, in runs without crashes.
    pub installs: usize,
    /// How often the database is opened with another number of shards, at most.
    pub reshapings: usize,
    /// What goes wrong.
    pub faults: Faults,
}

/// How likely kinds of actions are; none is 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Weights {
    /// Frames, looks at feeders and news of room.
    pub lanes: usize,
    /// Fuel for a shard.
    pub work: usize,
    /// Disk operations.
    pub disk: usize,
    /// Orders, reports and the clock, as they reach someone.
    pub control: usize,
    /// Steps of feeders.
    pub feeders: usize,
    /// New statements, and feeders that come and go.
    pub push: usize,
    /// The passing of time.
    pub time: usize,
    /// Barriers that somebody waits for.
    pub wants: usize,
    /// Reads of frozen state.
    pub reads: usize,
}

/// How feeders come and go, each in so many of 100 cases.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Comings {
    /// A feeder is not attached when the database opens, but later.
    pub late_percent: usize,
    /// A feeder that is attached goes after a while, and comes back.
    pub leave_percent: usize,
    /// A producer of a logged source remembers less than the database when that is opened again.
    pub forget_percent: usize,
}

impl Comings {
    /// All are there from the beginning to the end.
    pub const NONE: Comings = Comings { late_percent: 0, leave_percent: 0, forget_percent: 0 };
}

/// What goes wrong in a run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Faults {
    /// How often power is lost at most.
    pub crashes: usize,
    /// Whether sectors that were not synced may be torn.
    pub torn: bool,
    /// Whether a write or sync may fail.
    pub failed_sync: bool,
    /// Whether a shard may stand still for a while.
    pub pause: bool,
}

/// A kind of fault that can be left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Loss of power.
    Crash,
    /// Torn sectors.
    Torn,
    /// A failed write or sync.
    FailedSync,
    /// A shard that stands still.
    Pause,
}

impl Fault {
    /// All of them, each with its name.
    pub const ALL: [(&'static str, Fault); 4] = [
        ("crash", Fault::Crash),
        ("torn_write", Fault::Torn),
        ("failed_sync", Fault::FailedSync),
        ("pause", Fault::Pause),
    ];
}

impl Faults {
    /// Nothing goes wrong.
    pub const NONE: Faults = Faults { crashes: 0, torn: false, failed_sync: false, pause: false };

    /// The same without one kind.
    pub fn without(self, fault: Fault) -> Faults {
        match fault {
            Fault::Crash => Faults { crashes: 0, ..self },
            Fault::Torn => Faults { torn: false, ..self },
            Fault::FailedSync => Faults { failed_sync: false, ..self },
            Fault::Pause => Faults { pause: false, ..self },
        }
    }
}

impl Options {
    /// The options of a seed.
    pub fn draw(prng: &mut Prng) -> Options {
        let ms = 1_000_000;
        // Few shards run long with little traffic between them; many shards the other way round.
        let shards = *prng.pick(&[1, 2, 2, 3, 3, 4, 5, 8]);
        Options {
            shards,
            feeders: 1 + prng.below(3),
            lane_frames: *prng.pick(&[2, 2, 3, 4, 16]),
            feeder_lane_frames: *prng.pick(&[1, 1, 2, 4, 16]),
            fuel_max: *prng.pick(&[1, 3, 10, 100, 1000]),
            route: *prng.pick(&[Route::Aligned, Route::Rows]),
            logged: *prng.pick(&[0, 1, 2, u64::MAX, u64::MAX]),
            segment_blocks: *prng.pick(&[2, 3, 5, 64]),
            epoch_interval_ns: *prng.pick(&[ms, 10 * ms, 100 * ms]),
            checkpoint_interval_ns: *prng.pick(&[1, 10 * ms, 30 * ms, 1000 * ms]),
            checkpoint_deltas_max: prng.below(4),
            checkpoint_writes_max: 1 + prng.below(3),
            state_blocks: STATE_BLOCKS,
            shadow_blocks: *prng.pick(&[128, 256]),
            statements: 2 + prng.below(60),
            rows_max: *prng.pick(&[1, 3, 8, 20]),
            disk_turns_max: *prng.pick(&[0, 1, 10, 100, 1000]),
            weights: Weights::draw(prng),
            comings: Comings {
                late_percent: *prng.pick(&[0, 30, 60]),
                leave_percent: *prng.pick(&[0, 30, 60]),
                forget_percent: 30,
            },
            faults: Faults {
                crashes: *prng.pick(&[0, 1, 1, 2, 4]),
                torn: prng.chance(50),
                failed_sync: prng.chance(20),
                pause: prng.chance(30),
            },
            installs: *prng.pick(&[0, 3, 8]),
            reshapings: *prng.pick(&[0, 0, 1, 2]),
        }
    }
}

impl Weights {
    /// Everything at its usual pace.
    pub const EVEN: Weights = Weights {
        lanes: 24,
        work: 12,
        disk: 8,
        control: 8,
        feeders: 8,
        push: 3,
        time: 1,
        wants: 1,
        reads: 2,
    };

    fn draw(prng: &mut Prng) -> Weights {
        let mut weights = Weights::EVEN;
        let Weights { lanes, work, disk, control, feeders, push, time, wants, reads } =
            &mut weights;
        for weight in [lanes, work, disk, control, feeders, push, time, wants, reads] {
            // Off from the usual by up to four times, in either direction.
            *weight = (*weight * *prng.pick(&[1, 2, 4, 4, 4, 8, 16])).div_ceil(4);
        }
        weights
    }
}

impl fmt::Display for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // No `..`: an option that is not printed does not compile.
        let Options {
            shards,
            feeders,
            lane_frames,
            feeder_lane_frames,
            fuel_max,
            route,
            logged,
            segment_blocks,
            epoch_interval_ns,
            checkpoint_interval_ns,
            checkpoint_deltas_max,
            checkpoint_writes_max,
            state_blocks,
            shadow_blocks,
            statements,
            rows_max,
            disk_turns_max,
            weights,
            comings: Comings { late_percent, leave_percent, forget_percent },
            installs,
            reshapings,
            faults: Faults { crashes, torn, failed_sync, pause },
        } = self;
        let Weights { lanes, work, disk, control, feeders: steps, push, time, wants, reads } =
            weights;
        writeln!(
            f,
            "shards={shards} feeders={feeders} lane_frames={lane_frames} \
             feeder_lane_frames={feeder_lane_frames} fuel_max={fuel_max} route={route:?}"
        )?;
        writeln!(
            f,
            "logged={logged:x} segment_blocks={segment_blocks} epoch_interval_ns={epoch_interval_ns} \
             checkpoint_interval_ns={checkpoint_interval_ns} deltas_max={checkpoint_deltas_max} \
             writes_max={checkpoint_writes_max}"
        )?;
        writeln!(
            f,
            "state_blocks={state_blocks} shadow_blocks={shadow_blocks} statements={statements} \
             rows_max={rows_max} disk_turns_max={disk_turns_max}"
        )?;
        writeln!(
            f,
            "weights lanes={lanes} work={work} disk={disk} control={control} feeders={steps} \
             push={push} time={time} wants={wants} reads={reads}"
        )?;
        writeln!(
            f,
            "comings late_percent={late_percent} leave_percent={leave_percent} \
             forget_percent={forget_percent} installs={installs} reshapings={reshapings}"
        )?;
        write!(f, "faults crashes={crashes} torn={torn} failed_sync={failed_sync} pause={pause}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_has_its_options_and_seeds_differ() {
        let draw = |seed| Options::draw(&mut Prng::new(seed));
        assert_eq!(draw(7), draw(7));
        let shards: std::collections::BTreeSet<u16> = (0..100).map(|s| draw(s).shards).collect();
        assert!(shards.contains(&1) && shards.contains(&8), "{shards:?}");
        assert!((0..100).any(|seed| draw(seed).faults == Faults::NONE));
    }

    #[test]
    fn a_fault_that_is_left_out_is_off() {
        let all = Faults { crashes: 2, torn: true, failed_sync: true, pause: true };
        let left = Fault::ALL.iter().fold(all, |faults, (_, fault)| faults.without(*fault));
        assert_eq!(left, Faults::NONE);
    }
}

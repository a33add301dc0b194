//! Power is lost at every moment at which the disk moved in a calm run: behind each operation that was
//! carried out, and behind each that was completed. Nothing is sampled.

use std::ops::AddAssign;

use sluicedb::core::graph::Route;
use sluicedb_tests::disk::CrashMode;
use sluicedb_tests::load::Load;
use sluicedb_tests::options::{Comings, Faults, Options, Weights};
use sluicedb_tests::prng::Prng;
use sluicedb_tests::report;
use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{Outcome, Summary, World, draw, quietly, run_load};

const MODES: [CrashMode; 3] =
    [CrashMode::DropAll, CrashMode::KeepAll, CrashMode::Random { torn: true }];

/// Operations of the long script, each of which moves the disk twice.
pub(crate) const OPERATIONS: u64 = 1_000;
/// A script is run once for each, and each takes its share of the crashes.
const PARTS: u64 = 32;
/// Blocks of state: enough for these scripts, and few, because each life gets memory of its own.
const STATE_BLOCKS: u32 = 512;
/// The same for the long script, with lives by the ten thousand.
const LONG_STATE_BLOCKS: u32 = 256;
/// Turns behind a second crash until some state was compared; none is so far from it.
const LOOK_TURNS_MAX: u64 = 20_000;

/// What is run, and crashed.
#[derive(Clone)]
pub(crate) struct Script {
    pub(crate) seed: u64,
    pub(crate) options: Options,
    pub(crate) load: Load,
    /// Whether power is lost once more behind each move of the recoveries. These, then, are run to their
    /// end, and the others until their state was compared.
    twice: bool,
}

/// What there was of it.
#[derive(Clone, Copy, Default, Debug)]
struct Ran {
    operations: u64,
    moves: u64,
    crashes: u64,
    second_crashes: u64,
    compared: u64,
    /// Crashes before a checkpoint of other shards than before was sealed.
    moving: u64,
}

impl AddAssign for Ran {
    fn add_assign(&mut self, other: Ran) {
        let Ran { operations, moves, crashes, second_crashes, compared, moving } = other;
        // Every part runs the whole script.
        self.operations = self.operations.max(operations);
        self.moves = self.moves.max(moves);
        self.crashes += crashes;
        self.second_crashes += second_crashes;
        self.compared += compared;
        self.moving += moving;
    }
}

impl Script {
    /// The load of a seed under a calm sky, with a disk that is quick but not too quick.
    fn calm(seed: u64) -> Script {
        let (mut options, load) = draw(seed, &[]);
        options.faults = Faults::NONE;
        options.disk_turns_max = 10;
        options.state_blocks = STATE_BLOCKS;
        Script { seed, options, load, twice: false }
    }

    /// The first seed with such options whose run is short enough to be crashed a thousand times.
    fn first(wanted: impl Fn(&Options) -> bool) -> Script {
        Script::first_that(wanted, |_| true)
    }

    /// The same of those whose run saw something.
    fn first_that(wanted: impl Fn(&Options) -> bool, saw: impl Fn(&Summary) -> bool) -> Script {
        let is_it = |script: &Script| {
            if !wanted(&script.options) || script.load.rows() < 30 {
                return false;
            }
            let Script { seed, options, load, .. } = script.clone();
            let ran = run_load(seed, options, load, |_| {}, |_| {});
            ran.is_ok_and(|ran| {
                let short = (100..350).contains(&ran.disk_moves) && ran.turns < 6_000;
                short && ran.outcome == Outcome::Done && saw(&ran)
            })
        };
        (0..2_000).map(Script::calm).find(is_it).expect("some seed is like that")
    }

    /// A long one: a logged source and one that is not, two shards, short segments, many checkpoints, and
    /// relations that come and go.
    pub(crate) fn long() -> Script {
        let scripts = (330..1_000).step_by(10).map(Script::with_statements);
        let mut long = scripts.filter(|script| script.operations() >= OPERATIONS);
        long.next().expect("more statements take more operations")
    }

    /// The operations of its calm run.
    fn operations(&self) -> u64 {
        let Script { seed, options, load, .. } = self.clone();
        let mut world = World::new(seed, options, load).expect("the plan is one of ours");
        world.run();
        world.disk_operations()
    }

    fn with_statements(statements: usize) -> Script {
        let seed = 3;
        let options = Options {
            shards: 2,
            feeders: 1,
            lane_frames: 4,
            feeder_lane_frames: 4,
            fuel_max: 100,
            route: Route::Aligned,
            logged: 1,
            segment_blocks: 3,
            epoch_interval_ns: 1_000_000,
            checkpoint_interval_ns: 1,
            checkpoint_deltas_max: 2,
            checkpoint_writes_max: 2,
            state_blocks: LONG_STATE_BLOCKS,
            shadow_blocks: 64,
            statements,
            rows_max: 1,
            disk_turns_max: 10,
            weights: Weights::EVEN,
            comings: Comings::NONE,
            installs: 3,
            reshapings: 0,
            faults: Faults::NONE,
        };
        let load = Load::draw(&mut Prng::new(seed).split("input"), &options);
        Script { seed, options, load, twice: true }
    }

    /// Loses power behind each move of the disk, in each way.
    fn crash_everywhere(&self) -> Ran {
        let mut ran = Ran::default();
        if let Err(problem) = spread(PARTS, |part| self.part(part), |of| ran += *of) {
            panic!("{problem}");
        }
        assert_eq!(ran.crashes, (ran.moves + 1) * MODES.len() as u64, "one behind each move");
        ran
    }

    /// Its share of that: behind every so many-th move.
    fn part(&self, part: u64) -> Result<Ran, String> {
        let Script { seed, options, load, .. } = self.clone();
        let mut world = World::new(seed, options, load).expect("the plan is one of ours");
        let mut ran = Ran::default();
        let mut struck = None;
        loop {
            let moves = world.disk_moves();
            if struck != Some(moves) && moves % PARTS == part {
                struck = Some(moves);
                for (at, mode) in MODES.into_iter().enumerate() {
                    // The recovery from one of the ways is crashed; which, goes round.
                    let chosen = (moves as usize + at).is_multiple_of(MODES.len());
                    let struck = quietly(|| world.struck(mode)).map_err(|said| format!(": {said}"));
                    let then = struck.and_then(|first| match (self.twice, chosen) {
                        (true, true) => strike_again(first, at),
                        (true, false) => quietly(|| look(first)).map(|_| Ran::default()),
                        (false, _) => to_the_end(first).map(|()| Ran::default()),
                    });
                    ran += then.map_err(|said| {
                        format!("{mode:?} behind move {moves} of seed {seed}{said}")
                    })?;
                    ran.crashes += 1;
                    ran.moving += u64::from(world.is_between_shards());
                }
            }
            if world.is_over() {
                break;
            }
            quietly(|| world.next_turn())?;
        }
        assert!(!world.is_exhausted(), "there are too few blocks of state");
        ran.operations = world.disk_operations();
        ran.moves = world.disk_moves();
        Ok(ran)
    }
}

/// Loses power in a copy behind each move of a recovery, and goes on with it to the end.
fn strike_again(mut first: World, at: usize) -> Result<Ran, String> {
    let mut ran = Ran::default();
    let begun = first.disk_moves();
    while !first.is_ready() {
        let before = first.disk_moves();
        quietly(|| first.next_turn()).map_err(|said| format!(": {said}"))?;
        let moves = first.disk_moves() - begun;
        if first.disk_moves() > before {
            let mode = MODES[(at + moves as usize) % MODES.len()];
            let compared = quietly(|| look(first.struck(mode)));
            let compared = compared.map_err(|said| {
                format!(", then {mode:?} behind move {moves} of the recovery: {said}")
            })?;
            ran.compared += u64::from(compared);
            ran.second_crashes += 1;
        }
    }
    to_the_end(first)?;
    Ok(ran)
}

fn to_the_end(mut world: World) -> Result<(), String> {
    quietly(|| world.run())
        .map_err(|said| format!(": {said}\n{}", world.lines().collect::<Vec<_>>().join("\n")))
}

/// Goes on until the state was compared, if it comes to that.
fn look(mut world: World) -> bool {
    let compared = world.compared();
    for _ in 0..LOOK_TURNS_MAX {
        if world.compared() > compared || world.is_over() {
            break;
        }
        world.next_turn();
    }
    world.compared() > compared
}

#[test]
fn a_logged_load_survives_a_crash_behind_every_move_of_the_disk() {
    let wanted = |options: &Options| options.logged == u64::MAX && options.shards > 1;
    Script::first(wanted).crash_everywhere();
}

#[test]
fn a_load_that_is_not_logged_survives_a_crash_behind_every_move_of_the_disk() {
    let wanted = |options: &Options| options.logged == 0 && options.shards > 1;
    Script::first(wanted).crash_everywhere();
}

#[test]
fn short_segments_and_many_checkpoints_survive_a_crash_behind_every_move_of_the_disk() {
    let wanted = |options: &Options| {
        options.segment_blocks == 2 && options.checkpoint_interval_ns == 1 && options.shards > 1
    };
    Script::first(wanted).crash_everywhere();
}

#[test]
fn a_change_of_shards_survives_a_crash_behind_every_move_of_the_disk() {
    let moved = "opened with another number of shards";
    let wanted = |options: &Options| options.reshapings > 0;
    let script = Script::first_that(wanted, |ran| ran.seen.get(moved).is_some_and(|n| *n > 1));
    let ran = script.crash_everywhere();
    assert!(ran.moving >= 60, "{ran:?}");
}

#[test]
fn a_long_script_survives_a_crash_behind_every_move_and_behind_every_one_of_each_recovery() {
    let ran = Script::long().crash_everywhere();
    let crashes = 2 * OPERATIONS * MODES.len() as u64;
    let counts = [
        ("operations of a script", ran.operations, OPERATIONS),
        ("crashes, three behind each move", ran.crashes, crashes),
        ("crashes behind each move of the recoveries", ran.second_crashes, 20 * OPERATIONS),
        ("states compared after those", ran.compared, ran.second_crashes * 9 / 10),
    ];
    report::lane(2, &counts);
}

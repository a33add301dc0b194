//! Power is lost at every moment at which the disk moved in a calm run.

use sluicedb_tests::disk::CrashMode;
use sluicedb_tests::load::Load;
use sluicedb_tests::options::{Faults, Options};
use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{World, draw, run_load};

const MODES: [CrashMode; 3] =
    [CrashMode::DropAll, CrashMode::KeepAll, CrashMode::Random { torn: true }];

/// The load of a seed under a calm sky, with a disk that is quick but not too quick.
fn calm(seed: u64) -> (Options, Load) {
    let (mut options, load) = draw(seed, &[]);
    options.faults = Faults::NONE;
    options.disk_turns_max = 10;
    (options, load)
}

/// Crashes behind each move of the disk, to the end; `again` adds more crashes behind it.
fn crash_everywhere(seed: u64, again: impl Fn(u64) -> Option<u64> + Sync) {
    let (options, load) = calm(seed);
    let calm = run_load(seed, options.clone(), load.clone(), |_| {}, |_| {});
    let moves = calm.unwrap_or_else(|failure| panic!("\n{failure}")).disk_moves;
    assert!(moves > 50, "seed {seed} has {moves} moves of the disk only");
    let crash = |at: u64| {
        let (mode, moves) = (MODES[at as usize % MODES.len()], 1 + at / MODES.len() as u64);
        let set = |world: &mut World| {
            world.crash_at(moves, mode);
            if let Some(later) = again(moves) {
                world.crash_at(moves + later, MODES[moves as usize % MODES.len()]);
            }
        };
        run_load(seed, options.clone(), load.clone(), set, |_| {})
            .map_err(|failure| format!("crash {mode:?} behind move {moves}:\n{failure}"))
    };
    if let Err(problem) = spread(moves * MODES.len() as u64, crash, |_| {}) {
        panic!("{problem}");
    }
}

#[test]
fn a_logged_load_survives_a_crash_behind_every_move_of_the_disk() {
    crash_everywhere(
        seed_where(|options| options.logged == u64::MAX && options.shards > 1),
        |_| None,
    );
}

#[test]
fn a_load_that_is_not_logged_survives_a_crash_behind_every_move_of_the_disk() {
    crash_everywhere(seed_where(|options| options.logged == 0 && options.shards > 1), |_| None);
}

#[test]
fn short_segments_and_many_checkpoints_survive_a_crash_behind_every_move_of_the_disk() {
    let wanted = |options: &Options| {
        options.segment_blocks == 2 && options.checkpoint_interval_ns == 1 && options.shards > 1
    };
    crash_everywhere(seed_where(wanted), |_| None);
}

#[test]
fn a_second_crash_may_hit_the_recovery_from_the_first() {
    let wanted = |options: &Options| options.logged == u64::MAX && options.shards > 2;
    crash_everywhere(seed_where(wanted), |moves| Some(1 + moves % 17));
}

/// The first seed with such options whose run is short enough to be run a thousand times.
fn seed_where(wanted: impl Fn(&Options) -> bool) -> u64 {
    let is_it = |seed: &u64| {
        let (options, load) = calm(*seed);
        if !wanted(&options) || load.rows() < 30 {
            return false;
        }
        let ran = run_load(*seed, options, load, |_| {}, |_| {});
        ran.is_ok_and(|summary| (100..350).contains(&summary.disk_moves) && summary.turns < 6_000)
    };
    (0..2_000).find(is_it).expect("some seed is like that")
}

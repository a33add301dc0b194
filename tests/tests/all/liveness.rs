//! Whatever happened before, once nothing goes wrong any more everything is published, sealed and
//! acknowledged in a bounded number of turns. Every run ends that way; these begin the worst.

use sluicedb_tests::options::Options;
use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{Outcome, draw, run_load};

const SEEDS: u64 = 100;

fn check(change: impl Fn(&mut Options) + Sync) {
    let run = |seed| {
        let (mut options, load) = draw(seed, &[]);
        change(&mut options);
        run_load(seed, options, load, |_| {}, |_| {}).map_err(|failure| failure.to_string())
    };
    let summaries = spread(SEEDS, run, |_| {}).unwrap_or_else(|problem| panic!("\n{problem}"));
    assert!(summaries.iter().all(|summary| summary.outcome == Outcome::Done));
}

#[test]
fn the_shortest_lanes_carry_everything() {
    check(|options| {
        (options.lane_frames, options.feeder_lane_frames) = (2, 1);
        options.fuel_max = options.fuel_max.min(3);
    });
}

#[test]
fn the_slowest_disk_seals_everything() {
    check(|options| options.disk_turns_max = 1_000);
}

#[test]
fn few_copies_for_frozen_state_are_enough() {
    check(|options| options.shadow_blocks = 64);
}

#[test]
fn every_fault_at_once_is_outlived() {
    check(|options| {
        options.faults.crashes = 6;
        options.faults.torn = true;
        options.faults.failed_sync = true;
        options.faults.pause = true;
    });
}

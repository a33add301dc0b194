//! Many seeds, all faults.

use std::time::{SystemTime, UNIX_EPOCH};

use sluicedb_tests::sweep::sweep;
use sluicedb_tests::world::Outcome;

use crate::fixed;

/// Seeds that no run of the suite has seen before.
const FRESH: u64 = 500;

#[test]
fn fixed_seeds_show_no_bug() {
    match fixed::summaries() {
        Ok(summaries) => assert_eq!(summaries.len() as u64, fixed::SEEDS),
        Err(failure) => panic!("\n{failure}"),
    }
}

#[test]
fn fresh_seeds_show_no_bug() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    // Printed, so that a run that is killed can be replayed too.
    let start = now.as_secs() << 16;
    println!("fresh seeds from {start}: cargo sim --seeds {FRESH} --start {start}");
    if let Err(failure) = sweep(start..start + FRESH, &[], |_| {}) {
        panic!("\n{failure}");
    }
}

#[test]
fn no_fixed_seed_runs_out_of_memory() {
    let exhausted = fixed::passed().iter().filter(|run| run.outcome == Outcome::Exhausted);
    assert_eq!(exhausted.map(|run| run.seed).collect::<Vec<u64>>(), Vec::<u64>::new());
}

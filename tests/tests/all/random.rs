//! Many seeds, all faults.

use std::time::{SystemTime, UNIX_EPOCH};

use sluicedb_tests::report;
use sluicedb_tests::sweep::sweep;
use sluicedb_tests::world::Outcome;

use crate::fixed;

/// Seeds that no run of the suite has seen before.
const FRESH: u64 = 500;

#[test]
fn fixed_seeds_show_no_bug() {
    let summaries = match fixed::summaries() {
        Ok(summaries) => summaries,
        Err(failure) => panic!("\n{failure}"),
    };
    let runs = |what: &str| summaries.iter().filter(|run| run.seen.contains_key(what)).count();
    let times = |what: &str| summaries.iter().filter_map(|run| run.seen.get(what)).sum::<u64>();
    let counts = [
        ("seeds", summaries.len() as u64, fixed::SEEDS),
        ("of them with a loss of power", runs("crash") as u64, 800),
        ("losses of power", times("crash"), 1_500),
        ("of them with torn sectors", times("torn crash"), 200),
        ("disks that failed", times("stopped by the disk"), 50),
        ("states compared with the reference", times("compared epoch"), 5_000),
    ];
    report::lane(1, &counts);
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

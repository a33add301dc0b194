//! The seeds that every run of the suite runs, run once for all who ask.

use std::sync::OnceLock;

use sluicedb_tests::sweep::sweep;
use sluicedb_tests::world::{Failure, Summary};

/// How many there are, from 0 on.
pub(crate) const SEEDS: u64 = 2_000;

/// What came of them.
pub(crate) fn summaries() -> &'static Result<Vec<Summary>, Box<Failure>> {
    static SUMMARIES: OnceLock<Result<Vec<Summary>, Box<Failure>>> = OnceLock::new();
    SUMMARIES.get_or_init(|| sweep(0..SEEDS, &[], |_| {}))
}

/// The same, where a failure is somebody else's to report.
pub(crate) fn passed() -> &'static [Summary] {
    match summaries() {
        Ok(summaries) => summaries,
        Err(failure) => panic!("seed {} fails, see family random", failure.seed),
    }
}

//! Figures of repeated runs.

use std::time::Duration;

/// Rows a second over repeated runs.
#[derive(Clone, Debug)]
pub struct Rate {
    rows: usize,
    runs: Vec<Duration>,
}

impl Rate {
    /// Of runs over `rows` rows each.
    pub fn new(rows: usize, mut runs: Vec<Duration>) -> Rate {
        assert!(!runs.is_empty(), "a rate is of at least one run");
        runs.sort_unstable();
        Rate { rows, runs }
    }

    /// The median, in millions of rows a second.
    pub fn median(&self) -> f64 {
        self.millions(self.runs.len() / 2)
    }

    /// The slowest and the fastest run, in millions of rows a second.
    pub fn spread(&self) -> (f64, f64) {
        (self.millions(self.runs.len() - 1), self.millions(0))
    }

    fn millions(&self, at: usize) -> f64 {
        self.rows as f64 / self.runs[at].as_secs_f64() / 1e6
    }
}

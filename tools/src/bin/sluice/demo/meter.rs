//! How long results take: from when a row was due to when a result with it came.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use sluicedb::db::Changes;

use super::query::SENT;

/// What takes longer is counted as that long.
const LONGEST_NS: u64 = 3_600_000_000_000;

/// Measures on the turn of the shard that made the result. Cheap to clone: all clones are one.
#[derive(Clone)]
pub(super) struct Meter {
    /// Rows that were due before are not measured.
    warm_ns: i64,
    start: Instant,
    on: Arc<AtomicBool>,
    latency_ns: Arc<Mutex<Histogram<u64>>>,
    /// How long after it was due a row was pushed: what the machine keeps from the feeder.
    late_ns: Arc<Mutex<Histogram<u64>>>,
}

impl Meter {
    /// A meter that is off, and whose clock starts.
    pub(super) fn new(warm_up: Duration) -> Meter {
        let histogram = || {
            let bounds = Histogram::new_with_bounds(1, LONGEST_NS, 3);
            Arc::new(Mutex::new(bounds.expect("three digits between rising bounds are possible")))
        };
        Meter {
            warm_ns: warm_up.as_nanos() as i64,
            start: Instant::now(),
            on: Arc::new(AtomicBool::new(false)),
            latency_ns: histogram(),
            late_ns: histogram(),
        }
    }

    /// Nanoseconds since the start.
    pub(super) fn now_ns(&self) -> i64 {
        self.start.elapsed().as_nanos() as i64
    }

    /// Whether results are measured from here on.
    pub(super) fn set(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
    }

    /// Measures the changes that have come this moment.
    pub(super) fn take(&self, changes: &Changes<'_>) {
        if !self.on.load(Ordering::Relaxed) {
            return;
        }
        let now = self.now_ns();
        let sent = changes.column::<Option<i64>>(SENT).expect("it was looked for");
        let mut latency = self.latency_ns();
        for row in (0..changes.len()).filter(|row| changes.weight(*row) > 0) {
            if let Some(sent) = sent.get(row).filter(|sent| *sent >= self.warm_ns) {
                latency.saturating_record((now - sent).max(0) as u64);
            }
        }
    }

    /// What was measured, in nanoseconds.
    pub(super) fn latency_ns(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.latency_ns.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A row that was due is pushed at this moment.
    pub(super) fn pushed(&self, due_ns: i64, now_ns: i64) {
        if due_ns >= self.warm_ns {
            self.late_ns().saturating_record((now_ns - due_ns) as u64);
        }
    }

    /// How late rows were pushed, in nanoseconds.
    pub(super) fn late_ns(&self) -> MutexGuard<'_, Histogram<u64>> {
        self.late_ns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

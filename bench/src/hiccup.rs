//! What the machine takes away from a thread: gaps in the polling of a loop that only looks at the
//! clock.
//!
//! The loop that paces a measurement is such a loop, so the meter of its CPU costs no further CPU.
//! A gap counts for every moment in it: the percentiles are of the delay that a task would have met
//! which was due at any microsecond of the time that was watched.

use crate::histogram::Latencies;

/// Gaps from this length on are kept one by one. Reading the clock takes about 20 ns.
const GAP_MIN_NS: u64 = GRID_NS;

/// Distance of the moments for which the delay is computed.
const GRID_NS: u64 = 1_000;

/// The gaps of one loop.
#[derive(Clone, Debug)]
pub struct Hiccups {
    last_ns: u64,
    watched_ns: u64,
    gaps: Latencies,
}

impl Default for Hiccups {
    fn default() -> Hiccups {
        Hiccups::new()
    }
}

impl Hiccups {
    /// Nothing watched so far.
    pub fn new() -> Hiccups {
        Hiccups { last_ns: 0, watched_ns: 0, gaps: Latencies::new() }
    }

    /// The loop polls from this moment on; what it did before does not count.
    #[inline]
    pub fn resume(&mut self, now_ns: u64) {
        self.last_ns = now_ns;
    }

    /// The loop polls.
    #[inline]
    pub fn poll(&mut self, now_ns: u64) {
        let gap = now_ns.saturating_sub(self.last_ns);
        self.last_ns = now_ns;
        self.watched_ns += gap;
        if gap >= GAP_MIN_NS {
            self.gaps.record(gap);
        }
    }

    /// How long the loop was polling.
    pub fn watched_ns(&self) -> u64 {
        self.watched_ns
    }

    /// The delay at every grid point of the time watched; 0 where the loop polled in time.
    pub fn delays(&self) -> Latencies {
        let mut delays = Latencies::new();
        let mut late = 0;
        for (gap, count) in self.gaps.recorded() {
            for point in 0..gap / GRID_NS {
                delays.record_many(gap - point * GRID_NS, count);
                late += count;
            }
        }
        delays.record_many(0, (self.watched_ns / GRID_NS).saturating_sub(late));
        delays
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loop_that_polls_in_time_has_no_delay() {
        let mut hiccups = Hiccups::new();
        hiccups.resume(1_000_000);
        for at in 1..=100_000 {
            hiccups.poll(1_000_000 + at * 20);
        }
        assert_eq!(hiccups.watched_ns(), 2_000_000);
        let delays = hiccups.delays().percentiles();
        assert_eq!((delays.count, delays.max_ns), (2000, 0));
    }

    #[test]
    fn a_gap_counts_for_every_moment_in_it() {
        let mut hiccups = Hiccups::new();
        hiccups.resume(0);
        // One gap of 40 us in 1 ms: every 25th moment is delayed, by 20 us on average.
        hiccups.poll(40_000);
        for at in 1..=96_000 {
            hiccups.poll(40_000 + at * 10);
        }
        let delays = hiccups.delays().percentiles();
        assert_eq!(delays.count, 1000);
        assert_eq!(delays.p90_ns, 0);
        // One moment in a hundred is delayed by more than 30 us.
        assert!((29_000..=31_100).contains(&delays.p99_ns), "{}", delays.p99_ns);
        assert!((39_900..=40_100).contains(&delays.max_ns), "{}", delays.max_ns);
    }

    #[test]
    fn what_the_loop_did_between_is_not_watched() {
        let mut hiccups = Hiccups::new();
        hiccups.resume(0);
        hiccups.poll(500);
        hiccups.resume(90_000_000);
        hiccups.poll(90_000_500);
        assert_eq!(hiccups.watched_ns(), 1000);
        assert_eq!(hiccups.delays().percentiles().max_ns, 0);
    }
}

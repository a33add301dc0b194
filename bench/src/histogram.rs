//! Latencies with three digits, from a nanosecond to a minute.

use hdrhistogram::Histogram;

/// A minute: what takes longer counts as that.
const LONGEST_NS: u64 = 60_000_000_000;
const DIGITS: u8 = 3;

/// How often each latency was met. Its memory is touched when it is made, so recording neither
/// allocates nor faults.
#[derive(Clone, Debug)]
pub struct Latencies(Histogram<u64>);

impl Default for Latencies {
    fn default() -> Latencies {
        Latencies::new()
    }
}

impl Latencies {
    /// None so far.
    pub fn new() -> Latencies {
        let histogram = Histogram::new_with_bounds(1, LONGEST_NS, DIGITS);
        let mut histogram = histogram.expect("the bounds are constants, and in order");
        // The counts come as untouched zero pages; writing zeros makes them memory.
        histogram.clear();
        Latencies(histogram)
    }

    /// One more.
    #[inline]
    pub fn record(&mut self, ns: u64) {
        self.0.saturating_record(ns);
    }

    /// `count` more of the same.
    pub fn record_many(&mut self, ns: u64, count: u64) {
        if count > 0 {
            self.0.saturating_record_n(ns, count);
        }
    }

    /// All of another.
    pub fn add(&mut self, other: &Latencies) {
        self.0.add(&other.0).expect("all histograms have the same bounds");
    }

    /// How many.
    pub fn count(&self) -> u64 {
        self.0.len()
    }

    /// The latency that a share of them does not exceed.
    pub fn at_quantile(&self, quantile: f64) -> u64 {
        self.0.value_at_quantile(quantile)
    }

    /// Each latency that was met, and how often.
    pub fn recorded(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let values = self.0.iter_recorded();
        values.map(|step| (step.value_iterated_to(), step.count_at_value()))
    }

    /// The figures that are printed.
    pub fn percentiles(&self) -> Percentiles {
        Percentiles {
            count: self.count(),
            p50_ns: self.at_quantile(0.5),
            p90_ns: self.at_quantile(0.9),
            p99_ns: self.at_quantile(0.99),
            p999_ns: self.at_quantile(0.999),
            p9999_ns: self.at_quantile(0.9999),
            max_ns: if self.0.is_empty() { 0 } else { self.0.max() },
        }
    }
}

/// Figures of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Percentiles {
    /// How many latencies there were.
    pub count: u64,
    /// Half of them were at most this.
    pub p50_ns: u64,
    /// Nine in ten.
    pub p90_ns: u64,
    /// 99 in a hundred.
    pub p99_ns: u64,
    /// 999 in a thousand.
    pub p999_ns: u64,
    /// 9999 in ten thousand.
    pub p9999_ns: u64,
    /// The longest.
    pub max_ns: u64,
}

/// One figure over repeated runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Spread {
    /// Of the best run.
    pub min: u64,
    /// Of the middle run; of the upper of two.
    pub median: u64,
    /// Of the worst run.
    pub max: u64,
}

impl Spread {
    /// Over at least one run.
    pub fn of(values: impl IntoIterator<Item = u64>) -> Spread {
        let mut values: Vec<u64> = values.into_iter().collect();
        assert!(!values.is_empty(), "a spread is of at least one run");
        values.sort_unstable();
        let last = values.len() - 1;
        Spread { min: values[0], median: values[values.len() / 2], max: values[last] }
    }
}

/// Each percentile over repeated runs, named as it is printed.
pub fn spreads(runs: &[Percentiles]) -> [(&'static str, Spread); 6] {
    let over = |figure: fn(&Percentiles) -> u64| Spread::of(runs.iter().map(figure));
    [
        ("p50", over(|run| run.p50_ns)),
        ("p90", over(|run| run.p90_ns)),
        ("p99", over(|run| run.p99_ns)),
        ("p99.9", over(|run| run.p999_ns)),
        ("p99.99", over(|run| run.p9999_ns)),
        ("max", over(|run| run.max_ns)),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::new();
        for ns in 1..=100_000 {
            latencies.record(ns);
        }
        let percentiles = latencies.percentiles();
        assert_eq!(percentiles.count, 100_000);
        let expected = [50_000, 90_000, 99_000, 99_900, 99_990, 100_000];
        for ((name, found), expected) in spreads(&[percentiles]).into_iter().zip(expected) {
            let error = found.median.abs_diff(expected) as f64 / expected as f64;
            assert!(error <= 0.001, "{name} is {} and not {expected}", found.median);
        }
    }

    #[test]
    fn what_takes_longer_than_a_minute_counts_as_a_minute() {
        let mut latencies = Latencies::new();
        latencies.record(u64::MAX);
        assert!(latencies.percentiles().max_ns >= LONGEST_NS);
        assert_eq!(latencies.count(), 1);
    }

    #[test]
    fn no_latency_has_no_figures() {
        assert_eq!(Latencies::new().percentiles(), Percentiles::default());
    }

    #[test]
    fn runs_are_reported_by_their_middle_and_their_ends() {
        let run = |p50_ns, p99_ns| Percentiles { p50_ns, p99_ns, ..Percentiles::default() };
        let merged = spreads(&[run(30, 500), run(10, 900), run(20, 700)]);
        assert_eq!(merged[0], ("p50", Spread { min: 10, median: 20, max: 30 }));
        assert_eq!(merged[2], ("p99", Spread { min: 500, median: 700, max: 900 }));
        assert_eq!(Spread::of([4, 2]), Spread { min: 2, median: 4, max: 4 });
    }

    #[test]
    fn histograms_add_up() {
        let (mut one, mut other) = (Latencies::new(), Latencies::new());
        one.record(10);
        other.record_many(1000, 3);
        other.record_many(5, 0);
        one.add(&other);
        assert_eq!(one.recorded().collect::<Vec<_>>(), [(10, 1), (1000, 3)]);
    }
}

//! Monotonic nanoseconds that cost a few of them to read, the same for all threads.
//!
//! Where the processor has a time stamp counter that runs at one speed on all CPUs, that is read
//! and scaled; elsewhere the clock of the operating system is.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A point from which nanoseconds are counted. A copy reads the same clock.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
    counter: Option<Counter>,
}

#[derive(Clone, Copy, Debug)]
struct Counter {
    base: u64,
    /// Nanoseconds a tick, times 2^32.
    scale: u64,
}

/// How long one calibration takes: an error of 50 ns at its ends is then 2 parts in a million.
const CALIBRATION: Duration = Duration::from_millis(25);

/// Two calibrations that differ by more than this do not measure a counter of constant speed.
const DRIFT_MAX: f64 = 1e-4;

impl Clock {
    /// The clock of this process, calibrated at the first call.
    pub fn calibrated() -> Clock {
        static CLOCK: OnceLock<Clock> = OnceLock::new();
        *CLOCK.get_or_init(|| Clock { origin: Instant::now(), counter: calibrate() })
    }

    /// Nanoseconds since some moment of this process.
    #[inline]
    pub fn now_ns(&self) -> u64 {
        match self.counter {
            Some(Counter { base, scale }) => {
                let ticks = u128::from(ticks().wrapping_sub(base));
                ((ticks * u128::from(scale)) >> 32) as u64
            }
            None => self.origin.elapsed().as_nanos() as u64,
        }
    }

    /// Where its time comes from.
    pub fn source(&self) -> &'static str {
        if self.counter.is_some() { "time stamp counter" } else { "clock of the operating system" }
    }

    /// What one reading costs: the median over repeated stretches of readings.
    pub fn cost_ns(&self) -> f64 {
        const STRETCHES: usize = 101;
        const READINGS: u32 = 200;
        let mut costs: Vec<u64> = (0..STRETCHES)
            .map(|_| {
                let start = self.now_ns();
                for _ in 0..READINGS {
                    std::hint::black_box(self.now_ns());
                }
                self.now_ns() - start
            })
            .collect();
        costs.sort_unstable();
        costs[STRETCHES / 2] as f64 / f64::from(READINGS)
    }
}

fn calibrate() -> Option<Counter> {
    if !steady() {
        return None;
    }
    let [first, second] = [nanos_per_tick(), nanos_per_tick()];
    if !first.is_finite() || (first - second).abs() > first * DRIFT_MAX {
        return None;
    }
    let scale = (first.midpoint(second) * (1_u64 << 32) as f64) as u64;
    Some(Counter { base: ticks(), scale })
}

fn nanos_per_tick() -> f64 {
    let (started, first) = together();
    while started.elapsed() < CALIBRATION {
        std::hint::spin_loop();
    }
    let (ended, last) = together();
    (ended - started).as_nanos() as f64 / last.wrapping_sub(first) as f64
}

/// Both clocks at one moment: of several readings the one that was interrupted least.
fn together() -> (Instant, u64) {
    let read = || {
        let before = ticks();
        let instant = Instant::now();
        let after = ticks();
        (after.wrapping_sub(before), instant, before + after.wrapping_sub(before) / 2)
    };
    let closest = (0..32).map(|_| read()).min_by_key(|(width, ..)| *width);
    let (_, instant, ticks) = closest.expect("there are 32 readings");
    (instant, ticks)
}

/// Whether the kernel says that the counter neither stops nor changes its speed.
#[cfg(target_arch = "x86_64")]
fn steady() -> bool {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let flags = info.lines().find(|line| line.starts_with("flags")).unwrap_or_default();
    ["constant_tsc", "nonstop_tsc"].iter().all(|flag| flags.split(' ').any(|word| word == *flag))
}

#[cfg(target_arch = "x86_64")]
#[inline]
fn ticks() -> u64 {
    // SAFETY: every x86-64 processor has the instruction, and it touches no memory.
    unsafe { std::arch::x86_64::_rdtsc() }
}

#[cfg(not(target_arch = "x86_64"))]
fn steady() -> bool {
    false
}

#[cfg(not(target_arch = "x86_64"))]
fn ticks() -> u64 {
    0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_agrees_with_that_of_the_operating_system() {
        let clock = Clock::calibrated();
        // One within the other, so that an interruption between two readings cannot part them.
        let outer = Instant::now();
        let start = clock.now_ns();
        let inner = Instant::now();
        while inner.elapsed() < Duration::from_millis(20) {}
        let least = inner.elapsed().as_nanos() as f64;
        let measured = (clock.now_ns() - start) as f64;
        let most = outer.elapsed().as_nanos() as f64;
        let range = least * 0.999..=most * 1.001;
        assert!(range.contains(&measured), "{measured} ns, and not in {range:?}");
    }

    #[test]
    fn the_clock_does_not_run_backwards_on_one_thread() {
        let clock = Clock::calibrated();
        let readings: Vec<u64> = (0..10_000).map(|_| clock.now_ns()).collect();
        assert!(readings.is_sorted());
        assert!(readings[0] < readings[9_999]);
    }

    #[test]
    fn a_reading_has_a_cost() {
        assert!(Clock::calibrated().cost_ns() > 0.0);
    }
}

//! Monotonic time as the core counts it, and the time of day: the machine's, or one that stands still
//! until a statement moves it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Counts nanoseconds since it was made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Clock {
        Clock(Instant::now())
    }

    #[inline]
    pub(crate) fn now_ns(&self) -> u64 {
        // 584 years fit.
        self.0.elapsed().as_nanos() as u64
    }
}

/// The time of day, in microseconds since 1970.
pub(crate) fn wall_us() -> i64 {
    let micros = |of: std::time::Duration| i64::try_from(of.as_micros()).unwrap_or(i64::MAX);
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => micros(since),
        Err(before) => -micros(before.duration()),
    }
}

/// The time of day of a database, and the time by which silence counts.
#[derive(Debug)]
pub(crate) struct Day {
    clock: Clock,
    /// Whether it has ever been another than the machine's.
    set: AtomicBool,
    state: Mutex<DayState>,
}

#[derive(Debug)]
struct DayState {
    /// The time at which it stands still.
    still_us: Option<i64>,
    /// How long silence had lasted when it was last set, in all.
    quiet_ns: u64,
    /// When that was, by the clock.
    since_ns: u64,
}

impl DayState {
    fn quiet_ns(&self, clock: Clock) -> u64 {
        match self.still_us {
            Some(_) => self.quiet_ns,
            None => self.quiet_ns + clock.now_ns().saturating_sub(self.since_ns),
        }
    }
}

impl Day {
    /// The machine's.
    pub(crate) fn of(clock: Clock) -> Day {
        let state = DayState { still_us: None, quiet_ns: 0, since_ns: 0 };
        Day { clock, set: AtomicBool::new(false), state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, DayState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The time of day, in microseconds since 1970.
    pub(crate) fn now_us(&self) -> i64 {
        self.still_us().unwrap_or_else(wall_us)
    }

    /// The time at which it stands still, if it does.
    pub(crate) fn still_us(&self) -> Option<i64> {
        if self.set.load(Ordering::Acquire) { self.lock().still_us } else { None }
    }

    /// The time by which silence counts, where it is not that of the clock. It never goes back.
    pub(crate) fn quiet_ns(&self) -> Option<u64> {
        self.set.load(Ordering::Acquire).then(|| self.lock().quiet_ns(self.clock))
    }

    /// Has it stand still at a time, or go on with the machine's.
    pub(crate) fn set(&self, still_us: Option<i64>) {
        let mut state = self.lock();
        state.quiet_ns = state.quiet_ns(self.clock);
        (state.since_ns, state.still_us) = (self.clock.now_ns(), still_us);
        self.set.store(true, Ordering::Release);
    }

    /// Moves it on to a later time; silence has lasted as much longer. None if it does not stand still,
    /// and the time at which it stands if that is later.
    pub(crate) fn advance(&self, to_us: i64) -> Result<(), Option<i64>> {
        let mut state = self.lock();
        let now_us = state.still_us.ok_or(None)?;
        let by_us = to_us.checked_sub(now_us).and_then(|by| u64::try_from(by).ok());
        let by_us = by_us.ok_or(Some(now_us))?;
        state.quiet_ns = state.quiet_ns.saturating_add(by_us.saturating_mul(1_000));
        state.still_us = Some(to_us);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_stands_still_and_goes_on_where_it_was_told_to() {
        let day = Day::of(Clock::start());
        assert_eq!((day.still_us(), day.quiet_ns()), (None, None));
        assert_eq!(day.advance(5), Err(None), "the machine's clock cannot be moved");
        day.set(Some(1_000));
        let quiet = day.quiet_ns().unwrap();
        assert_eq!((day.now_us(), day.quiet_ns()), (1_000, Some(quiet)));
        day.advance(1_007).unwrap();
        assert_eq!((day.now_us(), day.quiet_ns()), (1_007, Some(quiet + 7_000)));
        assert_eq!(day.advance(1_006), Err(Some(1_007)));
        day.set(None);
        assert!(day.still_us().is_none() && day.now_us() > 1_000_000_000_000_000);
        assert!(day.quiet_ns().unwrap() >= quiet + 7_000, "silence never gets shorter");
    }
}

//! How event time goes on in a feeder: what each row makes of the watermark.
//!
//! Invariant: the watermark is a function of the rows, of their order and of what the clock was told,
//! and does not depend on how rows were put into batches.

use sluicedb_sql::TimeUnit;
use sluicedb_sql::plan::{Ahead, SourceTime};

use super::keys::Keys;
use crate::core::ids::Time;

/// What moves the watermark of a feeder.
#[derive(Clone, Debug)]
pub(super) struct Pace {
    time: SourceTime,
    /// What the clock showed last, in microseconds since 1970.
    clock_us: Option<i64>,
    /// No time up to this is too far ahead.
    near: Time,
    /// Rows that were too far ahead to move the watermark.
    ahead: u64,
    /// How far each key has come, where each has a watermark of its own.
    keys: Option<Keys>,
}

impl Pace {
    pub(super) fn new(time: SourceTime) -> Pace {
        let near = if time.ahead == Ahead::Any { Time::MAX } else { Time::MIN };
        let keys = time.by.map(|_| Keys::default());
        Pace { time, clock_us: None, near, ahead: 0, keys }
    }

    /// The column that tells the time, and what it counts.
    #[inline]
    pub(super) fn column(&self) -> usize {
        self.time.column
    }

    /// The column whose values have a watermark each.
    #[inline]
    pub(super) fn by(&self) -> Option<usize> {
        self.time.by
    }

    /// What is known of the keys.
    pub(super) fn keys(&mut self) -> Option<&mut Keys> {
        self.keys.as_mut()
    }

    /// Rows that were too far ahead to move the watermark.
    pub(super) fn rows_ahead(&self) -> u64 {
        self.ahead
    }

    /// Whether the clock matters.
    pub(super) fn wants_clock(&self) -> bool {
        self.time.ahead != Ahead::Any || self.keys_may_idle()
    }

    fn keys_may_idle(&self) -> bool {
        self.time.by.is_some() && self.time.idle.is_some()
    }

    /// Whether the clock matters to a row, as far as it was told.
    #[inline]
    pub(super) fn wants_clock_for(&self, value: i64) -> bool {
        let ahead = || self.time.unit.to_us(value).is_some_and(|us| us > self.near.0);
        self.near != Time::MAX && ahead() || self.keys_may_idle()
    }

    /// Tells the clock, in microseconds since 1970.
    pub(super) fn tell_clock(&mut self, now_us: i64) {
        self.clock_us = Some(now_us);
        self.near = match self.time.ahead {
            Ahead::Any => Time::MAX,
            Ahead::Near(us) | Ahead::Within(us) => Time(now_us.saturating_add(us)),
        };
    }

    /// Takes the next row, of which `key` is the hash if keys have watermarks: moves the watermark, and
    /// says whether the row was behind it.
    #[inline]
    pub(super) fn take(&mut self, value: i64, key: u64, watermark: &mut Time) -> bool {
        let time = match self.time.unit {
            TimeUnit::Micros => Time(value),
            unit => match unit.to_us(value) {
                Some(us) => Time(us),
                // No window can hold it.
                None => return false,
            },
        };
        let behind = time < *watermark;
        if time <= self.near || !self.is_ahead(time, *watermark) {
            let reached = time.minus(self.time.delay_us);
            let reached = if self.keys.is_some() { self.reach(key, reached) } else { reached };
            *watermark = (*watermark).max(reached);
        }
        behind
    }

    /// A key has come so far; how far have all?
    fn reach(&mut self, key: u64, reached: Time) -> Time {
        let timeout_us = self.time.idle.map(|idle| idle.timeout_us);
        let keys = self.keys.as_mut().expect("called where keys have watermarks");
        keys.reach(key, reached, self.clock_us.unwrap_or(0), timeout_us)
    }

    #[cold]
    fn is_ahead(&mut self, time: Time, watermark: Time) -> bool {
        let Some(now_us) = self.clock_us else { return false };
        let ahead = time.0 > self.time.ahead.ceiling_us(watermark.0, now_us);
        self.ahead += u64::from(ahead);
        ahead
    }
}

#[cfg(test)]
mod tests {
    use sluicedb_sql::plan::Idle;

    use super::*;

    /// The watermark behind each value, `!` where the row was behind it before.
    fn watermarks(pace: &mut Pace, values: &[i64]) -> String {
        let mut watermark = Time::MIN;
        let mut text = String::new();
        for &value in values {
            let behind = pace.take(value, 0, &mut watermark);
            text += &format!(" {}{watermark}", if behind { "!" } else { "" });
        }
        text.trim().to_owned()
    }

    fn pace(ahead: Ahead) -> Pace {
        let mut pace = Pace::new(SourceTime { ahead, ..SourceTime::of(0, 10) });
        pace.tell_clock(1_000);
        pace
    }

    #[test]
    fn a_time_too_far_ahead_of_the_clock_moves_nothing() {
        let mut near = pace(Ahead::Near(100));
        assert_eq!(watermarks(&mut near, &[500, 1_101, 1_100, 9_000]), "490us 490us 1090us 1090us");
        assert_eq!(near.rows_ahead(), 2);
        near.tell_clock(9_000);
        assert_eq!(watermarks(&mut near, &[500, 9_100]), "490us 9090us");
    }

    #[test]
    fn times_that_begin_ahead_of_the_clock_have_nothing_to_do_with_it_unless_that_is_asked_for() {
        assert_eq!(watermarks(&mut pace(Ahead::Near(100)), &[5_000, 9_000]), "4990us 8990us");
        assert_eq!(watermarks(&mut pace(Ahead::Within(100)), &[5_000, 900]), "-inf 890us");
        assert_eq!(watermarks(&mut pace(Ahead::Any), &[500, 9_000]), "490us 8990us");
    }

    #[test]
    fn the_slowest_key_is_waited_for_until_it_is_silent_for_too_long() {
        let idle = Some(Idle { timeout_us: 100, advances: false });
        let mut pace = Pace::new(SourceTime { by: Some(1), idle, ..SourceTime::of(0, 0) });
        assert!(pace.wants_clock() && pace.wants_clock_for(0));
        let mut watermark = Time::MIN;
        let mut take = |now_us, key, value| {
            pace.tell_clock(now_us);
            let behind = pace.take(value, key, &mut watermark);
            (watermark.0, behind)
        };
        assert_eq!(take(0, 1, 50), (50, false));
        assert_eq!(take(10, 2, 40), (50, true));
        assert_eq!(take(90, 1, 70), (50, false));
        assert_eq!(take(95, 1, 80), (50, false), "the second is at 40");
        assert_eq!(take(110, 1, 90), (90, false));
        assert_eq!(take(120, 2, 60), (90, true));
    }

    #[test]
    fn without_a_clock_nothing_is_ahead() {
        let mut pace = Pace::new(SourceTime { ahead: Ahead::Within(1), ..SourceTime::of(0, 0) });
        assert!(pace.wants_clock() && pace.wants_clock_for(3));
        assert_eq!(watermarks(&mut pace, &[3, 2]), "3us !3us");
    }

    #[test]
    fn a_count_beyond_what_a_timestamp_says_moves_nothing() {
        let time = SourceTime { unit: TimeUnit::Millis, ..SourceTime::of(0, 1_000) };
        assert_eq!(watermarks(&mut Pace::new(time), &[7, i64::MAX, 5]), "6000us 6000us !6000us");
    }
}

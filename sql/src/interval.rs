//! INTERVAL: months, days and microseconds.
//!
//! Two intervals compare by their span, in which a month has 30 days and a day 24 hours, as in
//! PostgreSQL: `1 month` equals `30 days`. Both keep what they are for display and arithmetic.
//!
//! In a column an interval is an `i128`: the span in the upper bits, then months, then days. So
//! the order of the numbers is an order of the intervals that never contradicts their spans, and
//! [`span_of`] tells in one shift whether two are equal.

mod parse;

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::error::SqlError;
use crate::limits::{INTERVAL_DAYS_MAX, INTERVAL_MONTHS_MAX};

pub(crate) use parse::parse;

/// Microseconds of a day.
pub const DAY_US: i64 = 86_400_000_000;
const MONTH_DAYS: i64 = 30;

const MONTH_BITS: u32 = 28;
const DAY_BITS: u32 = 29;
const FIELD_BITS: u32 = MONTH_BITS + DAY_BITS;

/// The widest span still has room above months and days.
const _: () = {
    let days = INTERVAL_MONTHS_MAX as i128 * MONTH_DAYS as i128 + INTERVAL_DAYS_MAX as i128;
    let span = days * DAY_US as i128 + (1 << 63);
    assert!(span < 1 << (127 - FIELD_BITS));
};

/// An interval: months, days and microseconds, each with its own sign.
#[derive(Clone, Copy, Debug, Default)]
pub struct Interval {
    months: i32,
    days: i32,
    micros: i64,
}

impl Interval {
    /// `None` where there are more than [`INTERVAL_MONTHS_MAX`] months or [`INTERVAL_DAYS_MAX`]
    /// days.
    pub const fn new(months: i32, days: i32, micros: i64) -> Option<Interval> {
        let fits = months.unsigned_abs() <= INTERVAL_MONTHS_MAX as u32
            && days.unsigned_abs() <= INTERVAL_DAYS_MAX as u32;
        if fits { Some(Interval { months, days, micros }) } else { None }
    }

    /// Microseconds alone.
    pub const fn of_micros(micros: i64) -> Interval {
        Interval { months: 0, days: 0, micros }
    }

    /// The months; a year is 12.
    pub const fn months(self) -> i32 {
        self.months
    }

    /// The days beside the months.
    pub const fn days(self) -> i32 {
        self.days
    }

    /// The microseconds beside the days.
    pub const fn micros(self) -> i64 {
        self.micros
    }

    /// The microseconds of all, where a month has 30 days and a day 24 hours.
    pub const fn span(self) -> i128 {
        let days = self.months as i64 * MONTH_DAYS + self.days as i64;
        days as i128 * DAY_US as i128 + self.micros as i128
    }

    /// As a column holds it.
    pub const fn to_i128(self) -> i128 {
        let months = (self.months as i128) & ((1 << MONTH_BITS) - 1);
        let days = (self.days as i128) & ((1 << DAY_BITS) - 1);
        self.span() << FIELD_BITS | months << DAY_BITS | days
    }

    /// What [`Interval::to_i128`] gave. Other numbers give some interval.
    pub const fn of_i128(packed: i128) -> Interval {
        let months = (packed << (128 - FIELD_BITS)) >> (128 - MONTH_BITS);
        let days = (packed << (128 - DAY_BITS)) >> (128 - DAY_BITS);
        let whole = (months as i64 * MONTH_DAYS + days as i64) as i128 * DAY_US as i128;
        let micros = (packed >> FIELD_BITS) - whole;
        Interval { months: months as i32, days: days as i32, micros: micros as i64 }
    }
}

/// The span of an interval in a column: equal spans, equal intervals.
#[inline]
pub const fn span_of(packed: i128) -> i128 {
    packed >> FIELD_BITS
}

impl Ord for Interval {
    fn cmp(&self, other: &Interval) -> Ordering {
        self.span().cmp(&other.span())
    }
}

impl PartialOrd for Interval {
    fn partial_cmp(&self, other: &Interval) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Interval {
    fn eq(&self, other: &Interval) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Interval {}

impl Hash for Interval {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.span().hash(state);
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        format(*self, f)
    }
}

/// Writes as PostgreSQL does: `1 year 2 mons -3 days 04:05:06.7`.
pub(crate) fn format(interval: Interval, f: &mut impl fmt::Write) -> fmt::Result {
    let (years, months) = (interval.months / 12, interval.months % 12);
    let mut before = Before { any: false, negative: false };
    for (number, unit) in [(years, "year"), (months, "mon"), (interval.days, "day")] {
        if number != 0 {
            let plural = if number == 1 { "" } else { "s" };
            write!(f, "{}{number} {unit}{plural}", before.lead(number < 0))?;
        }
    }
    if interval.micros == 0 && before.any {
        return Ok(());
    }
    let negative = interval.micros < 0;
    let sign = if negative { "-" } else { "" };
    let micros = interval.micros.unsigned_abs();
    let seconds = micros / 1_000_000;
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    write!(f, "{}{sign}{hours:02}:{minutes:02}:{:02}", before.lead(negative), seconds % 60)?;
    crate::timestamp::format_fraction((micros % 1_000_000) as i64, f)
}

/// What stands in front of a field: a space, and a `+` where the field before it was negative.
struct Before {
    any: bool,
    negative: bool,
}

impl Before {
    fn lead(&mut self, negative: bool) -> &'static str {
        let lead = match (self.any, self.negative && !negative) {
            (false, _) => "",
            (true, false) => " ",
            (true, true) => " +",
        };
        *self = Before { any: true, negative };
        lead
    }
}

impl Interval {
    /// Refuses what has too many months or days.
    pub fn checked(months: i64, days: i64, micros: i128) -> Result<Interval, SqlError> {
        let found = i32::try_from(months).ok().zip(i32::try_from(days).ok());
        let micros = i64::try_from(micros).ok();
        found
            .zip(micros)
            .and_then(|((months, days), micros)| Interval::new(months, days, micros))
            .ok_or_else(|| SqlError::datetime_overflow("interval out of range"))
    }
}

#[cfg(test)]
mod tests;

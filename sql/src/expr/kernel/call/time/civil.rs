//! Moments as people write them.

use crate::interval::DAY_US;
use crate::timestamp::{date_of, days_of};

/// The parts of a moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Civil {
    /// Since the Unix epoch.
    pub(super) days: i64,
    /// Microseconds since midnight.
    pub(super) time: i64,
    /// The year before the first is 0.
    pub(super) year: i64,
    pub(super) month: i64,
    pub(super) day: i64,
}

impl Civil {
    pub(super) fn of(micros: i64) -> Civil {
        let (days, time) = (micros.div_euclid(DAY_US), micros.rem_euclid(DAY_US));
        let (year, month, day) = date_of(days);
        Civil { days, time, year, month, day }
    }

    /// The parts of another moment, if it is of the same day.
    pub(super) fn on_same_day(self, micros: i64) -> Option<Civil> {
        let time = micros.checked_sub(self.days.checked_mul(DAY_US)?)?;
        (0..DAY_US).contains(&time).then_some(Civil { time, ..self })
    }

    /// Sunday is 0.
    pub(super) fn day_of_week(&self) -> i64 {
        // The epoch was a Thursday.
        (self.days + 4).rem_euclid(7)
    }

    /// Monday is 1, Sunday 7.
    pub(super) fn iso_day_of_week(&self) -> i64 {
        (self.days + 3).rem_euclid(7) + 1
    }

    /// From 1.
    pub(super) fn day_of_year(&self) -> i64 {
        self.days - days_of(self.year, 1, 1) + 1
    }

    /// The year and number of the week; a week belongs to the year of its Thursday.
    pub(super) fn iso_week(&self) -> (i64, i64) {
        let thursday = self.days - self.iso_day_of_week() + 4;
        let (year, ..) = date_of(thursday);
        (year, (thursday - days_of(year, 1, 1)) / 7 + 1)
    }
}

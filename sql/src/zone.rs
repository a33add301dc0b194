//! Time zones: what clocks show somewhere, and when they show it.
//!
//! Invariant: [`Zone::utc`] never goes back as what clocks show goes on, so that what is cut there
//! is cut without holes and overlaps, also on the days on which clocks are changed.

use std::fmt;
use std::str::FromStr;

use chrono::{DateTime, NaiveDateTime, Offset, TimeZone};
use chrono_tz::{TZ_VARIANTS, Tz};

use crate::error::SqlError;

const HOUR_US: i64 = 3_600_000_000;
const DAY_US: i64 = 24 * HOUR_US;

/// Clocks have never been changed by more than this: on the date line a day was left out or had twice.
pub(crate) const CHANGE_US_MAX: i64 = 25 * HOUR_US;

/// A time zone by its name in the IANA database.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Zone(Tz);

impl Zone {
    /// The zone of this name, in any case.
    pub fn named(name: &str) -> Result<Zone, SqlError> {
        let name = name.trim();
        if let Ok(zone) = Tz::from_str(name) {
            return Ok(Zone(zone));
        }
        let found = TZ_VARIANTS.iter().find(|zone| zone.name().eq_ignore_ascii_case(name));
        found.map(|zone| Zone(*zone)).ok_or_else(|| {
            SqlError::invalid_parameter(format!("there is no time zone '{name}'"))
                .hint("Name it like 'Europe/Berlin' or 'UTC'.")
        })
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.0.name()
    }

    /// What clocks show at a moment, both in microseconds; none where years have too many digits.
    pub fn local(self, utc_us: i64) -> Option<i64> {
        utc_us.checked_add(self.offset_us(utc_us)?)
    }

    /// How far clocks are ahead of UTC at a moment.
    fn offset_us(self, utc_us: i64) -> Option<i64> {
        let offset = self.0.offset_from_utc_datetime(&civil(utc_us)?);
        Some(i64::from(offset.fix().local_minus_utc()) * 1_000_000)
    }

    /// The first moment at which clocks show `local_us` or later.
    pub fn utc(self, local_us: i64) -> Option<i64> {
        let found = self.0.offset_from_local_datetime(&civil(local_us)?);
        if let Some(offset) = found.earliest() {
            let offset_us = i64::from(offset.fix().local_minus_utc()) * 1_000_000;
            return local_us.checked_sub(offset_us);
        }
        // Clocks never show it: they are put forward over it at a moment between these two.
        let mut before = local_us.checked_sub(CHANGE_US_MAX)?;
        let mut after = local_us.checked_add(CHANGE_US_MAX)?;
        while after - before > 1 {
            let middle = before + (after - before) / 2;
            if self.local(middle)? < local_us { before = middle } else { after = middle }
        }
        Some(after)
    }

    /// The moment that a time on the clock stands for in `AT TIME ZONE`. Of two it is the later one,
    /// and one that clocks are put forward over is meant as if they had not been yet.
    pub fn meant(self, local_us: i64) -> Option<i64> {
        let found = self.0.offset_from_local_datetime(&civil(local_us)?);
        let offset_us = match found.latest() {
            Some(offset) => i64::from(offset.fix().local_minus_utc()) * 1_000_000,
            None => self.offset_us(self.utc(local_us)?.checked_sub(1)?)?,
        };
        local_us.checked_sub(offset_us)
    }

    /// The greatest time that clocks have shown by a moment.
    pub fn shown(self, utc_us: i64) -> Option<i64> {
        let now = self.local(utc_us)?;
        if self.utc(now.checked_add(1)?)? > utc_us {
            return Some(now);
        }
        // They were put back before.
        let (mut shown, mut ahead) = (now, now.checked_add(CHANGE_US_MAX)?);
        while ahead - shown > 1 {
            let middle = shown + (ahead - shown) / 2;
            if self.utc(middle)? <= utc_us { shown = middle } else { ahead = middle }
        }
        Some(shown)
    }

    /// How far clocks are ahead of UTC but for whole steps of `step_us`, if that never changes: then
    /// they show a multiple of the step at equal distances.
    pub fn constant_us(self, step_us: i64) -> Option<i64> {
        // Once a week, for changes come less often, from 1970 until rules are not known any more.
        let weeks = (0..70 * 52).map(|week| week * 7 * DAY_US);
        let mut rests = weeks.map(|at| self.offset_us(at).map(|us| us.rem_euclid(step_us)));
        let first = rests.next()??;
        rests.all(|rest| rest == Some(first)).then_some(first)
    }
}

/// A moment as chrono writes it.
fn civil(us: i64) -> Option<NaiveDateTime> {
    DateTime::from_timestamp_micros(us).map(|moment| moment.naive_utc())
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    fn at(text: &str) -> i64 {
        let date = text.parse::<NaiveDateTime>().unwrap();
        date.and_utc().timestamp_micros()
    }

    fn show(us: Option<i64>) -> String {
        Value::Timestamp(us.unwrap()).to_string()
    }

    #[test]
    fn clocks_show_no_hour_in_spring_and_one_twice_in_autumn() {
        let berlin = Zone::named("europe/BERLIN").unwrap();
        assert_eq!(berlin.name(), "Europe/Berlin");
        let utc = |text: &str| show(berlin.utc(at(text)));
        assert_eq!(utc("2024-01-01T00:00:00"), "2023-12-31 23:00:00");
        assert_eq!(utc("2024-03-31T01:59:59"), "2024-03-31 00:59:59");
        assert_eq!(utc("2024-03-31T02:00:00"), "2024-03-31 01:00:00");
        assert_eq!(utc("2024-03-31T02:30:00"), "2024-03-31 01:00:00");
        assert_eq!(utc("2024-03-31T03:00:00"), "2024-03-31 01:00:00");
        assert_eq!(utc("2024-10-27T02:30:00"), "2024-10-27 00:30:00");
        assert_eq!(utc("2024-10-27T03:00:00"), "2024-10-27 02:00:00");
        let shown = |text: &str| show(berlin.shown(at(text)));
        assert_eq!(shown("2024-10-27T00:59:59"), "2024-10-27 02:59:59");
        assert_eq!(shown("2024-10-27T01:30:00"), "2024-10-27 02:59:59.999999");
        assert_eq!(shown("2024-10-27T02:00:00"), "2024-10-27 03:00:00");
        assert_eq!(shown("2024-03-31T01:00:00"), "2024-03-31 03:00:00");
    }

    /// Results: PostgreSQL 15.
    #[test]
    fn a_time_that_clocks_show_twice_is_the_later_one_and_one_that_they_skip_is_after_the_change() {
        let meant = |name: &str, text: &str| show(Zone::named(name).unwrap().meant(at(text)));
        assert_eq!(meant("Europe/Berlin", "2024-07-15T12:00:00"), "2024-07-15 10:00:00");
        assert_eq!(meant("Europe/Berlin", "2024-03-31T02:30:00"), "2024-03-31 01:30:00");
        assert_eq!(meant("Europe/Berlin", "2024-03-31T03:00:00"), "2024-03-31 01:00:00");
        assert_eq!(meant("Europe/Berlin", "2024-10-27T02:30:00"), "2024-10-27 01:30:00");
        assert_eq!(meant("Australia/Lord_Howe", "2024-10-06T02:15:00"), "2024-10-05 15:45:00");
        assert_eq!(meant("Pacific/Apia", "2011-12-30T12:00:00"), "2011-12-30 22:00:00");
    }

    #[test]
    fn what_clocks_show_and_when_they_first_show_it_belong_together() {
        for name in ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"] {
            let zone = Zone::named(name).unwrap();
            let (from, until) = (at("2011-12-01T00:00:00"), at("2012-11-30T00:00:00"));
            for moment in (from..until).step_by(17 * 60_000_000) {
                let shown = zone.shown(moment).unwrap();
                assert!(zone.utc(shown).unwrap() <= moment, "{name} {moment}");
                assert!(zone.utc(shown + 1).unwrap() > moment, "{name} {moment}");
                assert!(zone.local(moment).unwrap() <= shown, "{name} {moment}");
            }
        }
    }

    #[test]
    fn hours_are_cut_at_equal_distances_where_clocks_change_by_hours() {
        let rest = |name: &str, step| Zone::named(name).unwrap().constant_us(step);
        assert_eq!(rest("Europe/Berlin", HOUR_US), Some(0));
        assert_eq!(rest("Asia/Kolkata", HOUR_US), Some(HOUR_US / 2));
        assert_eq!(rest("Asia/Kolkata", DAY_US), Some(HOUR_US * 11 / 2));
        assert_eq!(rest("Europe/Berlin", DAY_US), None);
        assert_eq!(rest("Australia/Lord_Howe", HOUR_US), None);
        assert_eq!(rest("UTC", DAY_US), Some(0));
    }

    #[test]
    fn a_zone_that_is_not_there_is_refused() {
        let error = Zone::named("Europe/Atlantis").unwrap_err();
        assert_eq!((error.sqlstate, error.message.contains("Atlantis")), ("22023", true));
        assert_eq!(Zone::named("UTC").unwrap().local(i64::MAX), None);
    }
}

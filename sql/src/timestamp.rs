//! Dates, times and timestamps as text: `2024-02-29 12:00:00.5`, proleptic Gregorian, years before
//! the first as `BC`.

mod parse;

use std::fmt;

use crate::interval::DAY_US;

pub(crate) use parse::{parse, parse_date, parse_time, parse_tz, read_fraction};

/// Writes microseconds since the Unix epoch as date and time.
pub(crate) fn format(micros: i64, f: &mut impl fmt::Write) -> fmt::Result {
    format_moment(micros, "", f)
}

/// The same with the zone, which is UTC.
pub(crate) fn format_tz(micros: i64, f: &mut impl fmt::Write) -> fmt::Result {
    format_moment(micros, "+00", f)
}

fn format_moment(micros: i64, zone: &str, f: &mut impl fmt::Write) -> fmt::Result {
    let era = format_day(micros.div_euclid(DAY_US), f)?;
    f.write_str(" ")?;
    format_time(micros.rem_euclid(DAY_US), f)?;
    write!(f, "{zone}{era}")
}

/// Writes days since the Unix epoch as a date.
pub(crate) fn format_date(days: i64, f: &mut impl fmt::Write) -> fmt::Result {
    let era = format_day(days, f)?;
    f.write_str(era)
}

/// Writes the day and gives what stands behind it and a time.
fn format_day(days: i64, f: &mut impl fmt::Write) -> Result<&'static str, fmt::Error> {
    let (year, month, day) = date_of(days);
    let (shown, era) = if year > 0 { (year, "") } else { (1 - year, " BC") };
    write!(f, "{shown:04}-{month:02}-{day:02}")?;
    Ok(era)
}

/// Writes microseconds since midnight.
pub(crate) fn format_time(micros: i64, f: &mut impl fmt::Write) -> fmt::Result {
    let seconds = micros / 1_000_000;
    write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    format_fraction(micros % 1_000_000, f)
}

/// Writes microseconds of a second without the zeros at the end, and nothing for none.
pub(crate) fn format_fraction(micros: i64, f: &mut impl fmt::Write) -> fmt::Result {
    if micros == 0 {
        return Ok(());
    }
    let (mut fraction, mut width) = (micros, 6);
    while fraction % 10 == 0 {
        fraction /= 10;
        width -= 1;
    }
    write!(f, ".{fraction:0width$}")
}

/// Days since the epoch to year, month, day. Years begin in March here, so that the leap day is
/// the last of its year, and 400 years are a cycle of 146097 days.
pub(crate) fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// Days since the epoch of year, month, day; a day behind the end of its month is one of the next.
pub(crate) fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days of a month of a year.
pub(crate) fn days_in_month(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days_of(next_year, next, 1) - days_of(year, month, 1)
}

#[cfg(test)]
mod tests;

//! The fields of moments, times and intervals, by their names in SQL.

use crate::expr::failure::RowError;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::time::civil::Civil;
use crate::interval::{DAY_US, Interval};

/// A field that `extract` and `date_trunc` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expr) enum Field {
    Microseconds,
    Milliseconds,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
    Decade,
    Century,
    Millennium,
    Epoch,
    DayOfWeek,
    IsoDayOfWeek,
    DayOfYear,
    IsoYear,
    Julian,
    Zone,
}

/// The longest name of a field.
const NAME_BYTES_MAX: usize = 15;

impl Field {
    /// The field of this name, in any case.
    pub(super) fn named(name: &str) -> Option<Field> {
        let mut lower = [0; NAME_BYTES_MAX];
        let lower = lower.get_mut(..name.len())?;
        lower.copy_from_slice(name.as_bytes());
        lower.make_ascii_lowercase();
        Some(match &*lower {
            b"microseconds" | b"microsecond" | b"us" | b"usec" | b"usecs" => Field::Microseconds,
            b"milliseconds" | b"millisecond" | b"ms" | b"msec" | b"msecs" => Field::Milliseconds,
            b"second" | b"seconds" | b"s" | b"sec" | b"secs" => Field::Second,
            b"minute" | b"minutes" | b"m" | b"min" | b"mins" => Field::Minute,
            b"hour" | b"hours" | b"h" | b"hr" | b"hrs" => Field::Hour,
            b"day" | b"days" | b"d" => Field::Day,
            b"week" | b"weeks" | b"w" => Field::Week,
            b"month" | b"months" | b"mon" | b"mons" => Field::Month,
            b"quarter" | b"qtr" => Field::Quarter,
            b"year" | b"years" | b"y" | b"yr" | b"yrs" => Field::Year,
            b"decade" | b"decades" | b"dec" | b"decs" => Field::Decade,
            b"century" | b"centuries" | b"c" | b"cent" => Field::Century,
            b"millennium" | b"millennia" | b"mil" | b"mils" => Field::Millennium,
            b"epoch" => Field::Epoch,
            b"dow" => Field::DayOfWeek,
            b"isodow" => Field::IsoDayOfWeek,
            b"doy" => Field::DayOfYear,
            b"isoyear" => Field::IsoYear,
            b"julian" | b"j" | b"jd" => Field::Julian,
            b"timezone" | b"timezone_hour" | b"timezone_minute" => Field::Zone,
            _ => return None,
        })
    }

    /// The field of a moment.
    pub(super) fn of_moment(self, micros: i64) -> Found<f64> {
        let civil = Civil::of(micros);
        let whole = |value: i64| Ok(value as f64);
        match self {
            Field::Day => whole(civil.day),
            Field::Week => whole(civil.iso_week().1),
            Field::IsoYear => whole(shown(civil.iso_week().0)),
            Field::Month => whole(civil.month),
            Field::Quarter => whole((civil.month + 2) / 3),
            Field::Year => whole(shown(civil.year)),
            Field::Decade => whole(civil.year.div_euclid(10)),
            Field::Century => whole(hundreds(civil.year, 100)),
            Field::Millennium => whole(hundreds(civil.year, 1000)),
            Field::Epoch => Ok(micros as f64 / 1e6),
            Field::DayOfWeek => whole(civil.day_of_week()),
            Field::IsoDayOfWeek => whole(civil.iso_day_of_week()),
            Field::DayOfYear => whole(civil.day_of_year()),
            Field::Julian => {
                Ok((civil.days + 2_440_588) as f64 + civil.time as f64 / DAY_US as f64)
            }
            Field::Zone => Ok(0.0),
            _ => self.of_time(civil.time),
        }
    }

    /// The field of a time of day.
    pub(super) fn of_time(self, micros: i64) -> Found<f64> {
        let of_minute = micros % 60_000_000;
        Ok(match self {
            Field::Microseconds => of_minute as f64,
            Field::Milliseconds => of_minute as f64 / 1e3,
            Field::Second => of_minute as f64 / 1e6,
            Field::Minute => (micros / 60_000_000 % 60) as f64,
            Field::Hour => (micros / 3_600_000_000) as f64,
            Field::Epoch => micros as f64 / 1e6,
            _ => return Err(RowError::InvalidArgument),
        })
    }

    /// The field of an interval. Months make years and microseconds hours; days stay days.
    pub(super) fn of_interval(self, interval: Interval) -> Found<f64> {
        let months = i64::from(interval.months());
        let years = months / 12;
        let whole = |value: i64| Ok(value as f64);
        match self {
            Field::Day => whole(i64::from(interval.days())),
            Field::Month => whole(months % 12),
            Field::Quarter => whole(months % 12 / 3 + 1),
            Field::Year => whole(years),
            Field::Decade => whole(years / 10),
            Field::Century => whole(years / 100),
            Field::Millennium => whole(years / 1000),
            // A year has 365.25 days here, although a month has 30.
            Field::Epoch => {
                let days = years * 36_525 * 36 * 24 + months % 12 * 30 * 86_400;
                let days = days + i64::from(interval.days()) * 86_400;
                Ok(days as f64 + interval.micros() as f64 / 1e6)
            }
            _ => self.of_time(interval.micros()),
        }
    }
}

/// Years before the first are counted from 1 backwards.
pub(super) fn shown(year: i64) -> i64 {
    if year > 0 { year } else { year - 1 }
}

/// The century, or millennium, of a year; there is none of number 0.
fn hundreds(year: i64, unit: i64) -> i64 {
    match year {
        1.. => (year + unit - 1) / unit,
        _ => -((unit - 1 - (year - 1)) / unit),
    }
}

/// The beginning of the unit of a field that a moment is in.
pub(super) fn truncate(field: Field, micros: i64) -> Found<i64> {
    let unit = match field {
        Field::Microseconds => return Ok(micros),
        Field::Milliseconds => 1000,
        Field::Second => 1_000_000,
        Field::Minute => 60_000_000,
        Field::Hour => 3_600_000_000,
        Field::Day => DAY_US,
        _ => return truncate_date(field, micros),
    };
    micros.checked_sub(micros.rem_euclid(unit)).ok_or(RowError::DatetimeOverflow)
}

fn truncate_date(field: Field, micros: i64) -> Found<i64> {
    let civil = Civil::of(micros);
    let first = |year: i64, unit: i64| match year {
        1.. => (year - 1) / unit * unit + 1,
        _ => hundreds(year, unit) * unit + 1,
    };
    let (year, month) = match field {
        Field::Week => {
            let monday = civil.days - (civil.iso_day_of_week() - 1);
            return moment(monday, 0);
        }
        Field::Month => (civil.year, civil.month),
        Field::Quarter => (civil.year, (civil.month - 1) / 3 * 3 + 1),
        Field::Year => (civil.year, 1),
        Field::Decade => (civil.year.div_euclid(10) * 10, 1),
        Field::Century => (first(civil.year, 100), 1),
        Field::Millennium => (first(civil.year, 1000), 1),
        _ => return Err(RowError::InvalidArgument),
    };
    moment(crate::timestamp::days_of(year, month, 1), 0)
}

/// A moment of a day and a time, inside the range of moments.
pub(super) fn moment(days: i64, time: i64) -> Found<i64> {
    let micros = i128::from(days) * i128::from(DAY_US) + i128::from(time);
    in_range(i64::try_from(micros).map_err(|_| RowError::DatetimeOverflow)?)
}

/// Refuses a moment that a column of moments does not hold.
pub(super) fn in_range(micros: i64) -> Found<i64> {
    let far = micros.unsigned_abs() > crate::limits::TIMESTAMP_US_MAX as u64;
    if far { Err(RowError::DatetimeOverflow) } else { Ok(micros) }
}

/// An interval cut to the unit of a field.
pub(super) fn truncate_interval(field: Field, interval: Interval) -> Found<Interval> {
    let (months, days, micros) = (interval.months(), interval.days(), interval.micros());
    let cut = |micros: i64, unit: i64| micros - micros % unit;
    let found = match field {
        Field::Microseconds => Some(interval),
        Field::Milliseconds => Interval::new(months, days, cut(micros, 1000)),
        Field::Second => Interval::new(months, days, cut(micros, 1_000_000)),
        Field::Minute => Interval::new(months, days, cut(micros, 60_000_000)),
        Field::Hour => Interval::new(months, days, cut(micros, 3_600_000_000)),
        Field::Day => Interval::new(months, days, 0),
        Field::Month => Interval::new(months, 0, 0),
        Field::Quarter => Interval::new(months - months % 3, 0, 0),
        Field::Year => Interval::new(months - months % 12, 0, 0),
        Field::Decade => Interval::new(months - months % 120, 0, 0),
        Field::Century => Interval::new(months - months % 1200, 0, 0),
        Field::Millennium => Interval::new(months - months % 12_000, 0, 0),
        _ => return Err(RowError::InvalidArgument),
    };
    found.ok_or(RowError::DatetimeOverflow)
}

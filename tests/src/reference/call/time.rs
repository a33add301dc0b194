//! Functions of moments, counted year by year.

use sluicedb_sql::Value;
use sluicedb_sql::expr::Native;

use super::super::expr::Computed;
use super::{REFUSED, text_of, whole_of};

const DAY_US: i64 = 86_400_000_000;

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    match month {
        2 => 28 + i64::from(is_leap(year)),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn days_of_year(year: i64) -> i64 {
    365 + i64::from(is_leap(year))
}

/// Year, month and day of days since the epoch.
fn date(mut days: i64) -> (i64, i64, i64) {
    let (mut year, mut month) = (1970, 1);
    // Whole cycles at once: whatever the year, 400 years have as many days.
    year += days.div_euclid(146_097) * 400;
    days = days.rem_euclid(146_097);
    while days >= days_of_year(year) {
        days -= days_of_year(year);
        year += 1;
    }
    while days >= days_of_month(year, month) {
        days -= days_of_month(year, month);
        month += 1;
    }
    (year, month, days + 1)
}

pub(super) fn call(native: Native, args: &[Value]) -> Option<Computed> {
    match (native, args) {
        (Native::DatePart, [Value::Text(field), Value::Timestamp(moment)]) => {
            Some(part(field, *moment).map(Value::Double).ok_or(REFUSED))
        }
        (Native::DateTrunc, [Value::Text(field), Value::Timestamp(moment)]) => {
            Some(truncated(field, *moment).map(Value::Timestamp).ok_or(REFUSED))
        }
        (Native::TumbleStart | Native::TumbleEnd, [Value::Timestamp(moment), size, rest @ ..]) => {
            let (size, offset) = (i128::from(whole_of(size)), rest.first().map_or(0, whole_of));
            if size <= 0 {
                return Some(Err(REFUSED));
            }
            let behind = i128::from(*moment) - i128::from(offset);
            let mut start = behind / size * size;
            start -= if start > behind { size } else { 0 };
            let found = start + i128::from(offset);
            let found = if native == Native::TumbleEnd { found + size } else { found };
            let fits = found.abs() <= 9_000_000_000_000_000_000;
            Some(if fits { Ok(Value::Timestamp(found as i64)) } else { Err(REFUSED) })
        }
        (
            Native::OfSeconds | Native::OfMillis | Native::OfMicros | Native::OfNanos,
            [Value::BigInt(count)],
        ) => {
            let count = i128::from(*count);
            let micros = match native {
                Native::OfSeconds => count * 1_000_000,
                Native::OfMillis => count * 1_000,
                Native::OfMicros => count,
                _ => (count - count.rem_euclid(1_000)) / 1_000,
            };
            let fits = micros.abs() <= 9_000_000_000_000_000_000;
            Some(if fits { Ok(Value::Timestamp(micros as i64)) } else { Err(REFUSED) })
        }
        (Native::ToChar, [Value::Timestamp(moment), Value::Text(_)]) => {
            let pattern = text_of(&args[1]);
            (pattern == "YYYY-MM-DD HH24:MI:SS.US").then(|| {
                let (year, month, day) = date(moment.div_euclid(DAY_US));
                let time = moment.rem_euclid(DAY_US);
                let seconds = time / 1_000_000;
                let (hour, minute) = (seconds / 3600, seconds / 60 % 60);
                let shown = if year > 0 { year } else { 1 - year };
                Ok(Value::text(&format!(
                    "{shown:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{:02}.{:06}",
                    seconds % 60,
                    time % 1_000_000
                )))
            })
        }
        _ => None,
    }
}

fn part(field: &str, moment: i64) -> Option<f64> {
    let days = moment.div_euclid(DAY_US);
    let (year, month, day) = date(days);
    let time = moment.rem_euclid(DAY_US);
    let of_year: i64 = (1..month).map(|month| days_of_month(year, month)).sum::<i64>() + day;
    // The first day of 1970 was a Thursday.
    let weekday = (days + 4).rem_euclid(7);
    Some(match field {
        "year" if year <= 0 => (year - 1) as f64,
        "year" => year as f64,
        "quarter" => ((month - 1) / 3 + 1) as f64,
        "month" => month as f64,
        "day" => day as f64,
        "doy" => of_year as f64,
        "dow" => weekday as f64,
        "isodow" => {
            if weekday == 0 {
                7.0
            } else {
                weekday as f64
            }
        }
        "hour" => (time / 3_600_000_000) as f64,
        "minute" => (time / 60_000_000 % 60) as f64,
        "second" => (time % 60_000_000) as f64 / 1e6,
        "milliseconds" => (time % 60_000_000) as f64 / 1e3,
        "epoch" => moment as f64 / 1e6,
        _ => return None,
    })
}

fn truncated(field: &str, moment: i64) -> Option<i64> {
    let days = moment.div_euclid(DAY_US);
    let (year, month, day) = date(days);
    let back: i64 = match field {
        "second" => return Some(moment - moment.rem_euclid(1_000_000)),
        "minute" => return Some(moment - moment.rem_euclid(60_000_000)),
        "hour" => return Some(moment - moment.rem_euclid(3_600_000_000)),
        "day" => 0,
        "week" => (days + 3).rem_euclid(7),
        "month" => day - 1,
        "quarter" => {
            let first = (month - 1) / 3 * 3 + 1;
            (first..month).map(|month| days_of_month(year, month)).sum::<i64>() + day - 1
        }
        "year" => (1..month).map(|month| days_of_month(year, month)).sum::<i64>() + day - 1,
        _ => return None,
    };
    let found = i128::from(days - back) * i128::from(DAY_US);
    i64::try_from(found).ok().filter(|found| found.unsigned_abs() <= 9_000_000_000_000_000_000)
}

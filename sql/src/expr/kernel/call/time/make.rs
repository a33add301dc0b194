//! Moments out of numbers.

use crate::column::Column;
use crate::expr::failure::RowError;
use crate::expr::kernel::call::fill::numbers;
use crate::expr::kernel::call::time::field::{in_range, moment};
use crate::expr::kernel::{Found, map};
use crate::expr::program::{Operand, Register};
use crate::limits::DATE_DAYS_MAX;
use crate::time_unit::TimeUnit;
use crate::timestamp::{date_of, days_of};

const OUT_OF_RANGE: RowError = RowError::DatetimeOverflow;

/// No date has a year of more digits.
const YEAR_MAX: i64 = 300_000;

/// Seconds since the Unix epoch.
pub(in crate::expr::kernel::call) fn to_timestamp(args: &[Operand<'_>], out: &mut Register) {
    map(args[0].column.f64s(), out, Column::i64s_mut, |seconds| {
        let micros = (seconds * 1e6).round_ties_even();
        let limit = 2_f64.powi(63);
        let fits = (-limit..limit).contains(&micros);
        if fits { in_range(micros as i64) } else { Err(OUT_OF_RANGE) }
    });
}

/// Counts since the Unix epoch.
pub(in crate::expr::kernel::call) fn of_count(
    unit: TimeUnit,
    args: &[Operand<'_>],
    out: &mut Register,
) {
    map(args[0].column.i64s(), out, Column::i64s_mut, |count| {
        unit.to_us(count).ok_or(OUT_OF_RANGE)
    });
}

/// The day of a date. Years before the first are negative, and there is none of number 0.
fn day(year: i64, month: i64, day: i64) -> Found<i64> {
    let known = year != 0 && year.abs() <= YEAR_MAX && (1..=12).contains(&month);
    if !known || !(1..=31).contains(&day) {
        return Err(OUT_OF_RANGE);
    }
    let year = if year < 0 { year + 1 } else { year };
    let days = days_of(year, month, day);
    // A day that its month does not have comes back as another date.
    if date_of(days) == (year, month, day) { Ok(days) } else { Err(OUT_OF_RANGE) }
}

pub(in crate::expr::kernel::call) fn make_date(args: &[Operand<'_>], out: &mut Register) {
    let [years, months, days] = [0, 1, 2].map(|at| args[at].column.i64s());
    numbers(out, Column::i32s_mut, |row| {
        let days = day(years[row], months[row], days[row])?;
        let days = i32::try_from(days).ok().filter(|days| days.abs() <= DATE_DAYS_MAX);
        days.ok_or(OUT_OF_RANGE)
    });
}

pub(in crate::expr::kernel::call) fn make_timestamp(args: &[Operand<'_>], out: &mut Register) {
    let [years, months, days, hours, minutes] = [0, 1, 2, 3, 4].map(|at| args[at].column.i64s());
    let seconds = args[5].column.f64s();
    numbers(out, Column::i64s_mut, |row| {
        let days = day(years[row], months[row], days[row])?;
        moment(days, time(hours[row], minutes[row], seconds[row])?)
    });
}

/// Microseconds since midnight; 24:00 and second 60 are the beginning of what follows.
fn time(hour: i64, minute: i64, second: f64) -> Found<i64> {
    let fits =
        (0..=24).contains(&hour) && (0..60).contains(&minute) && (0.0..=60.0).contains(&second);
    let micros = (second * 1e6).round_ties_even() as i64;
    let whole = hour < 24 || minute == 0 && micros == 0;
    if !fits || !whole {
        return Err(OUT_OF_RANGE);
    }
    Ok((hour * 60 + minute) * 60_000_000 + micros)
}

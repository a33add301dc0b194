//! `+ - * /` on dates, times, moments and intervals.

use crate::column::Column;
use crate::expr::BinaryOp;
use crate::expr::failure::RowError;
use crate::expr::kernel::{Found, map, zip};
use crate::expr::program::Register;
use crate::interval::{DAY_US, Interval};
use crate::limits::{DATE_DAYS_MAX, TIMESTAMP_US_MAX};
use crate::timestamp::{date_of, days_in_month, days_of};
use crate::types::DataType;

const OUT_OF_RANGE: RowError = RowError::DatetimeOverflow;

pub(super) fn binary(op: BinaryOp, left: &Column, right: &Column, out: &mut Register) {
    use DataType::{Date, Double, Int, Interval as Span, Time, Timestamp, TimestampTz};
    let back = op == BinaryOp::Sub;
    let (i32s, i64s, i128s) = (Column::i32s_mut, Column::i64s_mut, Column::i128s_mut);
    match (left.data_type(), right.data_type()) {
        (Date, Int) => zip(left.i32s(), right.i32s(), out, i32s, |date, days| {
            let moved = if back { date.checked_sub(days) } else { date.checked_add(days) };
            moved.filter(|days| days.abs() <= DATE_DAYS_MAX).ok_or(OUT_OF_RANGE)
        }),
        (Date, Date) => zip(left.i32s(), right.i32s(), out, i32s, |left, right| Ok(left - right)),
        (Timestamp | TimestampTz, Span) => {
            zip(left.i64s(), right.i128s(), out, i64s, |moment, packed| {
                moved(moment, signed(packed, back)?)
            });
        }
        (Time, Span) => zip(left.i64s(), right.i128s(), out, i64s, |time, packed| {
            let micros = signed(packed, back)?.micros() % DAY_US;
            Ok((time + micros).rem_euclid(DAY_US))
        }),
        (Time, Time) => zip(left.i64s(), right.i64s(), out, i128s, |left, right| {
            Ok(Interval::of_micros(left - right).to_i128())
        }),
        (Timestamp | TimestampTz, Timestamp | TimestampTz) => {
            zip(left.i64s(), right.i64s(), out, i128s, between);
        }
        (Span, Span) => zip(left.i128s(), right.i128s(), out, i128s, |left, right| {
            sum(Interval::of_i128(left), signed(right, back)?)
        }),
        (Span, Double) => zip(left.i128s(), right.f64s(), out, i128s, |packed, factor| {
            scaled(Interval::of_i128(packed), op, factor)
        }),
        (left, right) => unreachable!("{left} {op:?} {right}"),
    }
}

pub(super) fn negate(input: &Column, out: &mut Register) {
    map(input.i128s(), out, Column::i128s_mut, |packed| {
        signed(packed, true).map(Interval::to_i128)
    });
}

fn made(months: i64, days: i64, micros: i64) -> Found<Interval> {
    let fields = i32::try_from(months).ok().zip(i32::try_from(days).ok());
    fields.and_then(|(months, days)| Interval::new(months, days, micros)).ok_or(OUT_OF_RANGE)
}

/// The interval of a column, or minus that.
fn signed(packed: i128, negative: bool) -> Found<Interval> {
    let found = Interval::of_i128(packed);
    if !negative {
        return Ok(found);
    }
    let micros = found.micros().checked_neg().ok_or(OUT_OF_RANGE)?;
    made(-i64::from(found.months()), -i64::from(found.days()), micros)
}

fn sum(left: Interval, right: Interval) -> Found<i128> {
    let micros = left.micros().checked_add(right.micros()).ok_or(OUT_OF_RANGE)?;
    let months = i64::from(left.months()) + i64::from(right.months());
    let days = i64::from(left.days()) + i64::from(right.days());
    made(months, days, micros).map(Interval::to_i128)
}

/// A moment and an interval: first the months, to the last day of a month where it is shorter, then
/// the days, then the rest.
fn moved(moment: i64, by: Interval) -> Found<i64> {
    let (mut days, time) = (moment.div_euclid(DAY_US), moment.rem_euclid(DAY_US));
    if by.months() != 0 {
        let (year, month, day) = date_of(days);
        let months = year * 12 + month - 1 + i64::from(by.months());
        let (year, month) = (months.div_euclid(12), months.rem_euclid(12) + 1);
        days = days_of(year, month, day.min(days_in_month(year, month)));
    }
    days += i64::from(by.days());
    let micros = i128::from(days) * i128::from(DAY_US) + i128::from(time) + i128::from(by.micros());
    let found = i64::try_from(micros).map_err(|_| OUT_OF_RANGE)?;
    if found.unsigned_abs() > TIMESTAMP_US_MAX as u64 { Err(OUT_OF_RANGE) } else { Ok(found) }
}

/// The days and the rest between two moments.
fn between(left: i64, right: i64) -> Found<i128> {
    let micros = i128::from(left) - i128::from(right);
    let (days, rest) = (micros / i128::from(DAY_US), micros % i128::from(DAY_US));
    // Both fit: days are bounded by those of two moments, the rest by a day.
    made(0, days as i64, rest as i64).map(Interval::to_i128)
}

/// An interval times or by a number. What of a month or a day is not whole spills into the smaller
/// fields, with 30 days a month and 24 hours a day, rounded to the microsecond.
fn scaled(interval: Interval, op: BinaryOp, factor: f64) -> Found<i128> {
    if op == BinaryOp::Div && factor == 0.0 {
        return Err(RowError::DivisionByZero);
    }
    let times = |value: f64| if op == BinaryOp::Div { value / factor } else { value * factor };
    let (all_months, all_days) =
        (times(f64::from(interval.months())), times(f64::from(interval.days())));
    let all_micros = times(interval.micros() as f64);
    if ![all_months, all_days, all_micros].iter().all(|value| value.is_finite()) {
        return Err(OUT_OF_RANGE);
    }
    let round = |value: f64| (value * 1e6).round_ties_even() / 1e6;
    let (months, mut days) = (all_months.trunc(), all_days.trunc());
    let spilled = round((all_months - months) * 30.0);
    let mut seconds = round((all_days - days + spilled - spilled.trunc()) * 86_400.0);
    if seconds.abs() >= 86_400.0 {
        let more = (seconds / 86_400.0).trunc();
        days += more;
        seconds -= more * 86_400.0;
    }
    days += spilled.trunc();
    let micros = (all_micros + seconds * 1e6).round_ties_even();
    // Casts to integers saturate, and what saturated is out of range.
    if micros.abs() >= 2_f64.powi(63) {
        return Err(OUT_OF_RANGE);
    }
    made(months as i64, days as i64, micros as i64).map(Interval::to_i128)
}

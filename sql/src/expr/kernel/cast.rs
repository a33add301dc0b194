//! Conversions between types.

mod nested;
mod text;
mod time;

use crate::column::{Column, Values};
use crate::decimal;
use crate::expr::failure::RowError;
use crate::expr::kernel::compare::fill;
use crate::expr::kernel::{Found, map};
use crate::expr::program::Register;
use crate::short_text::ShortText;
use crate::types::DataType;

const OVERFLOW: RowError = RowError::Overflow;

pub(super) fn cast(input: &Column, out: &mut Register) {
    let (from, to) = (input.data_type(), out.column.data_type());
    match (from, to) {
        (_, DataType::Text) => text::to_text(input, out),
        (DataType::Text, to) => text::from_text(input.texts(), to, out),
        (DataType::Json, to) if to != DataType::Json && !to.is_nested() => {
            text::from_json(input.texts(), to, out);
        }
        (_, DataType::Json) => nested::cast(input, out),
        (_, to) if to.is_nested() => nested::cast(input, out),
        (_, DataType::Boolean) => {
            let values = input.i32s();
            fill(out.column.bools_mut(), |row| values[row] != 0);
        }
        (_, DataType::SmallInt) => to_small_int(input, out),
        (_, DataType::Int) => to_int(input, out),
        (_, DataType::Real) => to_real(input, out),
        (_, DataType::Double) => to_double(input, out),
        (_, DataType::Decimal { precision, scale }) => to_decimal(input, precision, scale, out),
        // Plans compute with the microseconds of a moment.
        (_, DataType::BigInt) => to_bigint(input, out),
        (DataType::BigInt, DataType::Timestamp | DataType::TimestampTz) => to_bigint(input, out),
        _ => time::cast(input, out),
    }
}

fn to_small_int(input: &Column, out: &mut Register) {
    let slots = Column::i32s_mut;
    match input.values() {
        Values::I32(values) => map(values, out, slots, |value| small(value.into())),
        Values::I64(values) => map(values, out, slots, small),
        Values::F64(values) => map(values, out, slots, |value| round(value).and_then(small)),
        Values::I128(values) => {
            let scale = scale_of(input);
            map(values, out, slots, |value| whole(value, scale).and_then(small));
        }
        Values::Bool(_) | Values::Text(_) => unreachable!("{} to SMALLINT", input.data_type()),
    }
}

/// The value as a SMALLINT, which a column holds as an `i32`.
pub(super) fn small(value: i64) -> Found<i32> {
    i16::try_from(value).map(i32::from).map_err(|_| OVERFLOW)
}

/// A REAL from the nearest double, which must not become infinity or zero by that.
pub(super) fn narrow_real(value: f64) -> Found<f64> {
    let found = f64::from(value as f32);
    if found.is_infinite() && value.is_finite() {
        return Err(OVERFLOW);
    }
    if found == 0.0 && value != 0.0 { Err(RowError::Underflow) } else { Ok(found) }
}

fn to_real(input: &Column, out: &mut Register) {
    let slots = Column::f64s_mut;
    match input.values() {
        Values::I32(values) => map(values, out, slots, |value| Ok(f64::from(value as f32))),
        // By way of a double it would be rounded twice.
        Values::I64(values) => map(values, out, slots, |value| Ok(f64::from(value as f32))),
        Values::F64(values) => map(values, out, slots, narrow_real),
        Values::I128(values) => {
            let scale = scale_of(input);
            map(values, out, slots, |value| {
                let text = ShortText::of(|text| decimal::format(value, scale, text));
                crate::value::real(text.as_str())
            });
        }
        Values::Bool(_) | Values::Text(_) => unreachable!("{} to REAL", input.data_type()),
    }
}

fn to_int(input: &Column, out: &mut Register) {
    let slots = Column::i32s_mut;
    match input.values() {
        Values::Bool(bits) => {
            let slots = slots(&mut out.column).iter_mut().enumerate();
            slots.for_each(|(row, slot)| *slot = i32::from(bits.get(row)));
        }
        Values::I64(values) => map(values, out, slots, narrow),
        Values::F64(values) => map(values, out, slots, |value| round(value).and_then(narrow)),
        Values::I128(values) => {
            let scale = scale_of(input);
            map(values, out, slots, |value| whole(value, scale).and_then(narrow));
        }
        Values::I32(values) => map(values, out, slots, Ok),
        Values::Text(_) => unreachable!("{} to INT", input.data_type()),
    }
}

fn to_bigint(input: &Column, out: &mut Register) {
    let slots = Column::i64s_mut;
    match input.values() {
        Values::I32(values) => map(values, out, slots, |value| Ok(i64::from(value))),
        Values::I64(values) => map(values, out, slots, Ok),
        Values::F64(values) => map(values, out, slots, round),
        Values::I128(values) => {
            let scale = scale_of(input);
            map(values, out, slots, |value| whole(value, scale));
        }
        Values::Bool(_) | Values::Text(_) => unreachable!("{} to BIGINT", input.data_type()),
    }
}

fn to_double(input: &Column, out: &mut Register) {
    let slots = Column::f64s_mut;
    match input.values() {
        Values::F64(values) => map(values, out, slots, Ok),
        Values::I32(values) => map(values, out, slots, |value| Ok(f64::from(value))),
        Values::I64(values) => map(values, out, slots, |value| Ok(value as f64)),
        Values::I128(values) => {
            let scale = scale_of(input);
            map(values, out, slots, |value| Ok(decimal::to_f64(value, scale)));
        }
        _ => unreachable!("{} to DOUBLE", input.data_type()),
    }
}

fn to_decimal(input: &Column, precision: u8, scale: u8, out: &mut Register) {
    let slots = Column::i128s_mut;
    let fit = |units: i128, from: u8| {
        let units = decimal::rescale(units, from, scale).ok_or(OVERFLOW)?;
        if decimal::fits(units, precision) { Ok(units) } else { Err(OVERFLOW) }
    };
    match input.values() {
        Values::I32(values) => map(values, out, slots, |value| fit(value.into(), 0)),
        Values::I64(values) => map(values, out, slots, |value| fit(value.into(), 0)),
        Values::F64(values) if input.data_type() == DataType::Real => {
            map(values, out, slots, |value| {
                decimal::from_f32(value as f32, precision, scale).ok_or(OVERFLOW)
            });
        }
        Values::F64(values) => map(values, out, slots, |value| {
            decimal::from_f64(value, precision, scale).ok_or(OVERFLOW)
        }),
        Values::I128(values) => {
            let from = scale_of(input);
            map(values, out, slots, |value| fit(value, from));
        }
        Values::Bool(_) | Values::Text(_) => unreachable!("{} to DECIMAL", input.data_type()),
    }
}

pub(super) fn scale_of(column: &Column) -> u8 {
    match column.data_type() {
        DataType::Decimal { scale, .. } => scale,
        other => unreachable!("{other} has no scale"),
    }
}

pub(super) fn narrow(value: i64) -> Found<i32> {
    i32::try_from(value).map_err(|_| OVERFLOW)
}

/// Half to even, as PostgreSQL rounds doubles.
fn round(value: f64) -> Found<i64> {
    let (value, limit) = (value.round_ties_even(), 2_f64.powi(63));
    if (-limit..limit).contains(&value) { Ok(value as i64) } else { Err(OVERFLOW) }
}

fn whole(units: i128, scale: u8) -> Found<i64> {
    let units = decimal::rescale(units, scale, 0).ok_or(OVERFLOW)?;
    i64::try_from(units).map_err(|_| OVERFLOW)
}

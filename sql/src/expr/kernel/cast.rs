//! Conversions between types.

use std::num::IntErrorKind;
use std::str::FromStr;

use crate::column::{Column, Text, Values};
use crate::decimal::{self, ParseError};
use crate::expr::failure::RowError;
use crate::expr::kernel::compare::fill;
use crate::expr::kernel::{Found, map, note_failures};
use crate::expr::program::Register;
use crate::short_text::ShortText;
use crate::timestamp;
use crate::types::DataType;
use crate::value::format_double;

const OVERFLOW: RowError = RowError::Overflow;

pub(super) fn cast(input: &Column, out: &mut Register) {
    match (input.data_type(), out.column.data_type()) {
        (_, DataType::Text) => to_text(input, out),
        (DataType::Text, to) => from_text(input.texts(), to, out),
        (_, DataType::Boolean) => {
            let values = input.i32s();
            fill(out.column.bools_mut(), |row| values[row] != 0);
        }
        (_, DataType::Int) => to_int(input, out),
        (_, DataType::BigInt | DataType::Timestamp) => to_bigint(input, out),
        (_, DataType::Double) => to_double(input, out),
        (_, DataType::Decimal { precision, scale }) => to_decimal(input, precision, scale, out),
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
        Values::I32(_) | Values::Text(_) => unreachable!("{} to INT", input.data_type()),
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

fn scale_of(column: &Column) -> u8 {
    match column.data_type() {
        DataType::Decimal { scale, .. } => scale,
        other => unreachable!("{other} has no scale"),
    }
}

fn narrow(value: i64) -> Found<i32> {
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

fn to_text(input: &Column, out: &mut Register) {
    let Register { column, .. } = out;
    let rows = column.len();
    column.texts_mut().clear();
    for row in 0..rows {
        let text = ShortText::of(|text| match (input.values(), input.data_type()) {
            _ if input.is_null(row) => Ok(()),
            (Values::Bool(bits), _) => write(text, bits.get(row)),
            (Values::I32(values), _) => write(text, values[row]),
            (Values::I64(values), DataType::Timestamp) => timestamp::format(values[row], text),
            (Values::I64(values), _) => write(text, values[row]),
            (Values::F64(values), _) => format_double(values[row], text),
            (Values::I128(values), _) => decimal::format(values[row], scale_of(input), text),
            (Values::Text(_), _) => unreachable!("TEXT to TEXT"),
        });
        column.texts_mut().push(text.as_str());
    }
}

fn write(text: &mut ShortText, value: impl std::fmt::Display) -> std::fmt::Result {
    std::fmt::Write::write_fmt(text, format_args!("{value}"))
}

fn from_text(input: &Text, to: DataType, out: &mut Register) {
    match to {
        DataType::Boolean => {
            fill(out.column.bools_mut(), |row| boolean(input.get(row)) == Ok(true));
            note_failures(out, |row| boolean(input.get(row)));
        }
        DataType::Int => parse(input, out, Column::i32s_mut, integer),
        DataType::BigInt => parse(input, out, Column::i64s_mut, integer),
        DataType::Double => parse(input, out, Column::f64s_mut, double),
        DataType::Timestamp => parse(input, out, Column::i64s_mut, |text| {
            timestamp::parse(text).ok_or(RowError::InvalidTimestamp)
        }),
        DataType::Decimal { precision, scale } => parse(input, out, Column::i128s_mut, |text| {
            decimal::parse(text, precision, scale).map_err(|error| match error {
                ParseError::Invalid => RowError::InvalidText,
                ParseError::TooWide => OVERFLOW,
            })
        }),
        DataType::Text => unreachable!("TEXT to TEXT"),
    }
}

fn parse<T: Copy + Default>(
    input: &Text,
    out: &mut Register,
    slots: impl Fn(&mut Column) -> &mut [T],
    find: impl Fn(&str) -> Found<T>,
) {
    let mut any = false;
    for (row, slot) in slots(&mut out.column).iter_mut().enumerate() {
        let found = find(input.get(row));
        any |= found.is_err();
        *slot = found.unwrap_or_default();
    }
    if any {
        note_failures(out, |row| find(input.get(row)));
    }
}

/// Any beginning of the words that PostgreSQL knows, if it can only be one of them.
fn boolean(text: &str) -> Found<bool> {
    let text = text.trim_ascii();
    let begins = |word: &str, least: usize| {
        let start = word.get(..text.len()).filter(|_| text.len() >= least);
        start.is_some_and(|start| start.eq_ignore_ascii_case(text))
    };
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1" {
        Ok(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Ok(false)
    } else {
        Err(RowError::InvalidText)
    }
}

fn integer<T: FromStr<Err = std::num::ParseIntError>>(text: &str) -> Found<T> {
    text.trim_ascii().parse().map_err(|error: T::Err| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => OVERFLOW,
        _ => RowError::InvalidText,
    })
}

fn double(text: &str) -> Found<f64> {
    let text = text.trim_ascii();
    let value: f64 = text.parse().map_err(|_| RowError::InvalidText)?;
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(OVERFLOW);
    }
    if value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(RowError::Underflow);
    }
    Ok(value)
}

//! Anything to text, text to anything, and JSON to what it holds.

use std::fmt::{self, Write};

use super::{narrow, scale_of, small};
use crate::column::{Column, Text, Values};
use crate::expr::failure::RowError;
use crate::expr::kernel::compare::fill;
use crate::expr::kernel::{Found, note_failures};
use crate::expr::program::Register;
use crate::interval::{self, Interval};
use crate::json::Tree;
use crate::limits::TEXT_BYTES_MAX;
use crate::types::DataType;
use crate::value::{
    Value, boolean, double, format_double, format_real, integer, parse_decimal, real,
};
use crate::{binary, decimal, nested, timestamp};

/// A text on its way into a column; kept from row to row and from morsel to morsel.
type Buffer = String;

pub(super) fn to_text(input: &Column, out: &mut Register) {
    let rows = out.column.len();
    let (mut buffer, mut any) = (std::mem::take(&mut out.work.text), false);
    let texts = out.column.texts_mut();
    texts.clear();
    for row in 0..rows {
        buffer.clear();
        if !input.is_null(row) {
            format(input, row, &mut buffer).expect("a String takes all");
        }
        if buffer.len() > TEXT_BYTES_MAX {
            buffer.clear();
            any = true;
        }
        texts.push(&buffer);
    }
    out.work.text = buffer;
    if any {
        note_failures(out, |row| {
            let mut text = Buffer::new();
            format(input, row, &mut text).expect("a String takes all");
            if text.len() > TEXT_BYTES_MAX { Err(RowError::TooLong) } else { Ok(()) }
        });
    }
}

fn format(input: &Column, row: usize, out: &mut Buffer) -> fmt::Result {
    match (input.values(), input.data_type()) {
        (Values::Bool(bits), _) => write!(out, "{}", bits.get(row)),
        (Values::I32(values), DataType::Date) => {
            timestamp::format_date(i64::from(values[row]), out)
        }
        (Values::I32(values), _) => write!(out, "{}", values[row]),
        (Values::I64(values), DataType::Time) => timestamp::format_time(values[row], out),
        (Values::I64(values), DataType::Timestamp) => timestamp::format(values[row], out),
        (Values::I64(values), DataType::TimestampTz) => timestamp::format_tz(values[row], out),
        (Values::I64(values), _) => write!(out, "{}", values[row]),
        (Values::F64(values), DataType::Real) => format_real(values[row] as f32, out),
        (Values::F64(values), _) => format_double(values[row], out),
        (Values::I128(values), DataType::Uuid) => {
            binary::format_uuid(binary::uuid_of_i128(values[row]), out)
        }
        (Values::I128(values), DataType::Interval) => {
            interval::format(Interval::of_i128(values[row]), out)
        }
        (Values::I128(values), _) => decimal::format(values[row], scale_of(input), out),
        (Values::Text(texts), DataType::Bytea) => binary::format_bytea(texts.bytes(row), out),
        (Values::Text(texts), data_type) if data_type.is_utf8() => out.write_str(texts.get(row)),
        (Values::Text(_), _) => write!(out, "{}", input.value(row)),
    }
}

pub(super) fn from_text(input: &Text, to: DataType, out: &mut Register) {
    match to {
        DataType::Boolean => truths(input, out, boolean),
        DataType::SmallInt => {
            parse(input, out, Column::i32s_mut, |text| integer::<i16>(text).map(i32::from))
        }
        DataType::Int => parse(input, out, Column::i32s_mut, integer),
        DataType::BigInt => parse(input, out, Column::i64s_mut, integer),
        DataType::Real => parse(input, out, Column::f64s_mut, real),
        DataType::Double => parse(input, out, Column::f64s_mut, double),
        DataType::Decimal { precision, scale } => {
            parse(input, out, Column::i128s_mut, |text| parse_decimal(text, precision, scale))
        }
        DataType::Uuid => parse(input, out, Column::i128s_mut, |text| {
            binary::parse_uuid(text).map(binary::uuid_to_i128)
        }),
        DataType::Date => parse(input, out, Column::i32s_mut, timestamp::parse_date),
        DataType::Time => parse(input, out, Column::i64s_mut, timestamp::parse_time),
        DataType::Timestamp => parse(input, out, Column::i64s_mut, timestamp::parse),
        DataType::TimestampTz => parse(input, out, Column::i64s_mut, timestamp::parse_tz),
        DataType::Interval => parse(input, out, Column::i128s_mut, |text| {
            interval::parse(text).map(Interval::to_i128)
        }),
        DataType::Bytea
        | DataType::Json
        | DataType::Array(_)
        | DataType::Map
        | DataType::Struct(_) => bytes(out, |row| read_bytes(input.get(row), to)),
        DataType::Text => unreachable!("TEXT to TEXT"),
    }
}

/// The bytes that a column of `to` holds for a text.
fn read_bytes(text: &str, to: DataType) -> Found<Vec<u8>> {
    let bytes = match Value::parse_text(text, to)? {
        Value::Bytea(bytes) => bytes.into_vec(),
        Value::Json(json) => json.as_str().as_bytes().to_vec(),
        value => nested::encoded(&value, to),
    };
    if bytes.len() > TEXT_BYTES_MAX { Err(RowError::TooLong) } else { Ok(bytes) }
}

/// Fills a register in the layout of texts, row by row.
pub(super) fn bytes(out: &mut Register, find: impl Fn(usize) -> Found<Vec<u8>>) {
    let mut failed = Vec::new();
    let Register { column, .. } = out;
    let rows = column.len();
    // What is NULL is not looked at: an empty text is no value of most types.
    let nulls = column.nulls().clone();
    let texts = column.texts_mut();
    texts.clear();
    for row in 0..rows {
        let null = !nulls.is_empty() && nulls.get(row);
        match if null { Ok(Vec::new()) } else { find(row) } {
            Ok(bytes) => texts.push_bytes(&bytes),
            Err(error) => {
                texts.push_bytes(&[]);
                failed.push((row, error));
            }
        }
    }
    for (row, error) in failed {
        out.failed.add(row as u32, error);
        out.column.set_null(row);
    }
}

/// A JSON number or truth value as a value of SQL.
pub(super) fn from_json(input: &Text, to: DataType, out: &mut Register) {
    match to {
        DataType::Boolean => truths(input, out, |text| match Tree::parse(text)? {
            Tree::Bool(value) => Ok(value),
            _ => Err(RowError::InvalidText),
        }),
        DataType::SmallInt => {
            parse(input, out, Column::i32s_mut, |text| json_whole(text).and_then(small))
        }
        DataType::Int => {
            parse(input, out, Column::i32s_mut, |text| json_whole(text).and_then(narrow))
        }
        DataType::BigInt => parse(input, out, Column::i64s_mut, json_whole),
        DataType::Real => parse(input, out, Column::f64s_mut, |text| real(&json_number(text)?)),
        DataType::Double => parse(input, out, Column::f64s_mut, |text| double(&json_number(text)?)),
        DataType::Decimal { precision, scale } => parse(input, out, Column::i128s_mut, |text| {
            parse_decimal(&json_number(text)?, precision, scale)
        }),
        other => unreachable!("JSON to {other}"),
    }
}

fn json_number(text: &str) -> Found<String> {
    match Tree::parse(text)? {
        Tree::Number(digits) => Ok(digits),
        _ => Err(RowError::InvalidText),
    }
}

fn json_whole(text: &str) -> Found<i64> {
    let units = parse_decimal(&json_number(text)?, decimal::PRECISION_MAX, 0)?;
    i64::try_from(units).map_err(|_| RowError::Overflow)
}

fn truths(input: &Text, out: &mut Register, find: impl Fn(&str) -> Found<bool>) {
    fill(out.column.bools_mut(), |row| find(input.get(row)) == Ok(true));
    note_failures(out, |row| find(input.get(row)));
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

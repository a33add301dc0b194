//! Values out of text, as PostgreSQL reads its input.

use std::num::IntErrorKind;
use std::str::FromStr;

use super::Value;
use crate::decimal::{self, ParseError};
use crate::error::SqlError;
use crate::expr::RowError;
use crate::interval;
use crate::json::{Json, Tree};
use crate::limits::TEXT_BYTES_MAX;
use crate::types::DataType;
use crate::{binary, nested, timestamp};

const OVERFLOW: RowError = RowError::Overflow;

type Found<T> = Result<T, RowError>;

impl Value {
    /// Reads the text of a value of `data_type`; the error names both.
    pub fn parse(text: &str, data_type: DataType) -> Result<Value, SqlError> {
        Value::parse_text(text, data_type).map_err(|error| error.of_text(text, data_type))
    }

    /// The same with the reason alone, as a row fails by it.
    pub(crate) fn parse_text(text: &str, data_type: DataType) -> Found<Value> {
        if text.len() > TEXT_BYTES_MAX {
            return Err(RowError::TooLong);
        }
        Ok(match data_type {
            DataType::Boolean => Value::Boolean(boolean(text)?),
            DataType::SmallInt => Value::SmallInt(integer(text)?),
            DataType::Int => Value::Int(integer(text)?),
            DataType::BigInt => Value::BigInt(integer(text)?),
            DataType::Real => Value::Real(real(text)? as f32),
            DataType::Double => Value::Double(double(text)?),
            DataType::Decimal { precision, scale } => {
                Value::Decimal { units: decimal(text, precision, scale)?, scale }
            }
            DataType::Text => Value::text(text),
            DataType::Bytea => {
                let mut bytes = Vec::new();
                binary::parse_bytea(text, &mut bytes)?;
                Value::Bytea(bytes.into())
            }
            DataType::Uuid => Value::Uuid(binary::parse_uuid(text)?),
            DataType::Date => Value::Date(timestamp::parse_date(text)?),
            DataType::Time => Value::Time(timestamp::parse_time(text)?),
            DataType::Timestamp => Value::Timestamp(timestamp::parse(text)?),
            DataType::TimestampTz => Value::TimestampTz(timestamp::parse_tz(text)?),
            DataType::Interval => Value::Interval(interval::parse(text)?),
            DataType::Json => Value::Json(Json::of_canonical(&Tree::parse(text)?.to_text()?)),
            DataType::Array(_) | DataType::Map | DataType::Struct(_) => {
                nested::parse(text, data_type)?
            }
        })
    }
}

impl RowError {
    /// The error of a statement that holds `text` as a value of `data_type`.
    pub(crate) fn of_text(self, text: &str, data_type: DataType) -> SqlError {
        const SHOWN_CHARS: usize = 80;
        let name = data_type.postgres_name();
        let shown = match text.char_indices().nth(SHOWN_CHARS) {
            None => format!("\"{text}\""),
            Some((end, _)) => format!("\"{}...\" of {} bytes", &text[..end], text.len()),
        };
        let syntax = format!("invalid input syntax for type {name}: {shown}");
        match self {
            RowError::InvalidText => SqlError::invalid_text(syntax),
            RowError::InvalidTimestamp => SqlError::invalid_datetime(syntax),
            RowError::DatetimeOverflow => SqlError::datetime_overflow(format!(
                "date/time field value out of range for type {name}: {shown}"
            )),
            RowError::TooLong => {
                let what = format!("bytes or levels of a value of type {name}");
                SqlError::limit_exceeded(&what, text.len(), TEXT_BYTES_MAX)
            }
            _ => SqlError::out_of_range(format!("value {shown} is out of range for type {name}")),
        }
    }
}

/// Any beginning of the words that PostgreSQL knows, if it can only be one of them.
pub(crate) fn boolean(text: &str) -> Found<bool> {
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

pub(crate) fn integer<T: FromStr<Err = std::num::ParseIntError>>(text: &str) -> Found<T> {
    text.trim_ascii().parse().map_err(|error: T::Err| match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => OVERFLOW,
        _ => RowError::InvalidText,
    })
}

pub(crate) fn decimal(text: &str, precision: u8, scale: u8) -> Found<i128> {
    decimal::parse(text, precision, scale).map_err(|error| match error {
        ParseError::Invalid => RowError::InvalidText,
        ParseError::TooWide => OVERFLOW,
    })
}

pub(crate) fn double(text: &str) -> Found<f64> {
    let text = text.trim_ascii();
    let value: f64 = text.parse().map_err(|_| RowError::InvalidText)?;
    check_float(text, value)
}

/// A REAL, as the double that a column holds for it. Reading it as a double first would round it
/// twice.
pub(crate) fn real(text: &str) -> Found<f64> {
    let text = text.trim_ascii();
    let value: f32 = text.parse().map_err(|_| RowError::InvalidText)?;
    check_float(text, f64::from(value))
}

/// Refuses digits that became infinity, and digits other than zero that became zero.
fn check_float(text: &str, value: f64) -> Found<f64> {
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    if value.is_infinite() && text.bytes().any(|byte| byte.is_ascii_digit()) {
        return Err(OVERFLOW);
    }
    if value == 0.0 && mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9')) {
        return Err(RowError::Underflow);
    }
    Ok(value)
}

//! Values as text, the way PostgreSQL writes them.

use std::fmt::{self, Write as _};

use super::Value;
use crate::short_text::ShortText;
use crate::{binary, decimal, interval, nested, timestamp};

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Boolean(value) => write!(f, "{value}"),
            Value::SmallInt(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::BigInt(value) => write!(f, "{value}"),
            Value::Real(value) => format_real(*value, f),
            Value::Double(value) => format_double(*value, f),
            Value::Decimal { units, scale } => decimal::format(*units, *scale, f),
            Value::Text(value) => f.write_str(value),
            Value::Bytea(value) => binary::format_bytea(value, f),
            Value::Uuid(value) => binary::format_uuid(*value, f),
            Value::Date(value) => timestamp::format_date(i64::from(*value), f),
            Value::Time(value) => timestamp::format_time(*value, f),
            Value::Timestamp(value) => timestamp::format(*value, f),
            Value::TimestampTz(value) => timestamp::format_tz(*value, f),
            Value::Interval(value) => interval::format(*value, f),
            Value::Json(value) => f.write_str(value.as_str()),
            Value::Array { items, .. } => nested::format_array(items, f),
            Value::Map(value) => write!(f, "{value}"),
            Value::Struct { values, .. } => nested::format_struct(values, f),
        }
    }
}

/// The shortest digits that read back as the same double, with an exponent where PostgreSQL
/// writes one: below 1e-4 and from 1e15 on.
pub(crate) fn format_double(value: f64, f: &mut impl fmt::Write) -> fmt::Result {
    if value.is_nan() {
        return f.write_str("NaN");
    }
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "Infinity" } else { "-Infinity" });
    }
    let size = value.abs();
    if size == 0.0 || (1e-4..1e15).contains(&size) {
        return write!(f, "{value}");
    }
    exponential(ShortText::of(|text| write!(text, "{value:e}")), f)
}

/// The shortest digits that read back as the same REAL, with an exponent below 1e-4 and from 1e6
/// on.
pub(crate) fn format_real(value: f32, f: &mut impl fmt::Write) -> fmt::Result {
    let size = value.abs();
    if !value.is_finite() {
        return format_double(f64::from(value), f);
    }
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return write!(f, "{value}");
    }
    exponential(ShortText::of(|text| write!(text, "{value:e}")), f)
}

/// The exponent with its sign and at least two digits.
fn exponential(text: ShortText, f: &mut impl fmt::Write) -> fmt::Result {
    let (digits, exponent) = text.as_str().split_once('e').expect("the format writes an exponent");
    match exponent.strip_prefix('-') {
        Some(exponent) => write!(f, "{digits}e-{exponent:0>2}"),
        None => write!(f, "{digits}e+{exponent:0>2}"),
    }
}

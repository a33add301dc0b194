//! One value as another type.

use sluicedb_sql::{DataType, Value};

use super::expr::{Failure, OVERFLOW};
use super::number::Number;

const NOT_A_NUMBER: Failure = Failure::Row("not a number");
const NOT_A_TRUTH_VALUE: Failure = Failure::Row("neither true nor false");

/// The value as another type; NULL is of every type.
pub(super) fn cast(value: Value, to: DataType) -> Result<Value, Failure> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    match to {
        DataType::Text => Ok(Value::text(&value.to_string())),
        DataType::Boolean => boolean(value),
        DataType::Int => {
            let whole = whole(value)?;
            i32::try_from(whole).map(Value::Int).map_err(|_| OVERFLOW)
        }
        DataType::BigInt => {
            let whole = whole(value)?;
            i64::try_from(whole).map(Value::BigInt).map_err(|_| OVERFLOW)
        }
        DataType::Double => double(value),
        DataType::Decimal { precision, scale } => {
            let (number, from) = decimal(value)?;
            let units = number.rescaled(from, scale).units(precision).ok_or(OVERFLOW)?;
            Ok(Value::Decimal { units, scale })
        }
        DataType::Timestamp => match value {
            Value::Timestamp(_) => Ok(value),
            Value::BigInt(micros) => Ok(Value::Timestamp(micros)),
            other => Err(unsupported(&other, to)),
        },
        to => Err(unsupported(&value, to)),
    }
}

fn unsupported(value: &Value, to: DataType) -> Failure {
    Failure::Unsupported(format!("CAST({value:?} AS {to})"))
}

fn boolean(value: Value) -> Result<Value, Failure> {
    match value {
        Value::Boolean(_) => Ok(value),
        Value::Int(number) => Ok(Value::Boolean(number != 0)),
        Value::Text(text) => {
            // PostgreSQL takes any beginning of these that tells them apart.
            let text = text.trim_ascii().to_ascii_lowercase();
            let begins =
                |whole: &str, least: usize| text.len() >= least && whole.starts_with(&text);
            if begins("true", 1) || begins("yes", 1) || text == "on" || text == "1" {
                Ok(Value::Boolean(true))
            } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
                Ok(Value::Boolean(false))
            } else {
                Err(NOT_A_TRUTH_VALUE)
            }
        }
        other => Err(unsupported(&other, DataType::Boolean)),
    }
}

/// The nearest whole number: of decimals half away from zero, of doubles half to even.
fn whole(value: Value) -> Result<i128, Failure> {
    match value {
        Value::Boolean(value) => Ok(i128::from(value)),
        Value::Int(value) => Ok(i128::from(value)),
        Value::BigInt(value) | Value::Timestamp(value) => Ok(i128::from(value)),
        Value::Decimal { units, scale } => {
            let whole = Number::of(units).rescaled(scale, 0).units(38);
            Ok(whole.expect("fewer digits than the decimal had"))
        }
        // A double beyond 128 bits becomes the nearest that fits, which is still out of range.
        Value::Double(value) if value.is_nan() => Err(OVERFLOW),
        Value::Double(value) => Ok(value.round_ties_even() as i128),
        Value::Text(text) => text.trim_ascii().parse().map_err(|_| NOT_A_NUMBER),
        other => Err(unsupported(&other, DataType::BigInt)),
    }
}

fn double(value: Value) -> Result<Value, Failure> {
    match value {
        Value::Double(_) => Ok(value),
        Value::Int(value) => Ok(Value::Double(f64::from(value))),
        Value::BigInt(value) => Ok(Value::Double(value as f64)),
        // The standard library reads digits as the nearest double.
        Value::Decimal { .. } => {
            let nearest = value.to_string().parse();
            Ok(Value::Double(nearest.expect("a decimal is written as digits with a point")))
        }
        Value::Text(text) => {
            let number: f64 = text.trim_ascii().parse().map_err(|_| NOT_A_NUMBER)?;
            let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
            // Infinity is written as a word and zero without any other digit.
            let too_large = number.is_infinite() && text.contains(|c: char| c.is_ascii_digit());
            let too_small = number == 0.0 && mantissa.contains(|c| ('1'..='9').contains(&c));
            if too_large || too_small { Err(OVERFLOW) } else { Ok(Value::Double(number)) }
        }
        other => Err(unsupported(&other, DataType::Double)),
    }
}

/// A whole number and how many of its digits are behind the point.
fn decimal(value: Value) -> Result<(Number, u8), Failure> {
    match value {
        Value::Int(value) => Ok((Number::of(i128::from(value)), 0)),
        Value::BigInt(value) => Ok((Number::of(i128::from(value)), 0)),
        Value::Decimal { units, scale } => Ok((Number::of(units), scale)),
        Value::Double(value) if !value.is_finite() => Err(OVERFLOW),
        // A double is taken with the 15 digits that all doubles have.
        Value::Double(value) => scientific(&format!("{value:.14e}")),
        Value::Text(text) => scientific(text.trim_ascii()),
        other => unreachable!("binding refuses {other} as a decimal"),
    }
}

/// Reads `[sign]digits[.digits][e[sign]digits]`.
fn scientific(text: &str) -> Result<(Number, u8), Failure> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let exponent: i32 = exponent.parse().map_err(|_| NOT_A_NUMBER)?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = Number::read(&format!("{whole}{fraction}")).ok_or(NOT_A_NUMBER)?;
    let scale = fraction.len() as i64 - i64::from(exponent);
    match (u8::try_from(scale), u8::try_from(-scale)) {
        (Ok(scale), _) => Ok((digits, scale)),
        (_, Ok(zeros)) => Ok((digits.shifted(zeros), 0)),
        _ if digits.is_zero() || scale > 0 => Ok((Number::ZERO, 0)),
        _ => Err(OVERFLOW),
    }
}

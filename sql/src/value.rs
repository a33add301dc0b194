//! One value of one column.

mod convert;
mod display;
mod parse;

use std::cmp::Ordering;

use crate::error::SqlError;
use crate::interval::Interval;
use crate::json::Json;
use crate::limits::{DATE_DAYS_MAX, TEXT_BYTES_MAX, TIMESTAMP_US_MAX};
use crate::nested::{self, Map};
use crate::schema::Field;
use crate::types::{DataType, StructType};
use crate::{decimal, interval};

pub(crate) use display::{format_double, format_real};
pub(crate) use parse::{boolean, decimal as parse_decimal, double, integer, real};

/// One value. Values of one type are ordered as in PostgreSQL: NaN equals NaN and is the largest
/// double, both zeros are equal, texts compare by bytes, decimals by what they mean whatever their
/// scale, intervals by their span, arrays and structs value by value. JSON is ordered by its text,
/// which is some order and not PostgreSQL's. Values of different types are ordered by type, and
/// NULL comes last.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value.
    Null,
    /// BOOLEAN.
    Boolean(bool),
    /// SMALLINT.
    SmallInt(i16),
    /// INT.
    Int(i32),
    /// BIGINT.
    BigInt(i64),
    /// REAL.
    Real(f32),
    /// DOUBLE.
    Double(f64),
    /// DECIMAL: `units` times 10^-`scale`.
    Decimal {
        /// The digits.
        units: i128,
        /// How many of them are behind the point.
        scale: u8,
    },
    /// TEXT.
    Text(Box<str>),
    /// BYTEA.
    Bytea(Box<[u8]>),
    /// UUID: its bytes as they are written.
    Uuid([u8; 16]),
    /// DATE: days since the Unix epoch.
    Date(i32),
    /// TIME: microseconds since midnight.
    Time(i64),
    /// TIMESTAMP: microseconds since the Unix epoch.
    Timestamp(i64),
    /// TIMESTAMPTZ: microseconds since the Unix epoch, at UTC.
    TimestampTz(i64),
    /// INTERVAL.
    Interval(Interval),
    /// JSON.
    Json(Json),
    /// An array.
    Array {
        /// The type of the items.
        element: &'static DataType,
        /// In order.
        items: Box<[Value]>,
    },
    /// MAP of texts by text.
    Map(Map),
    /// STRUCT.
    Struct {
        /// The names and types.
        of: &'static StructType,
        /// A value for each field.
        values: Box<[Value]>,
    },
}

impl Value {
    /// A text.
    pub fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// Bytes.
    pub fn bytea(bytes: &[u8]) -> Value {
        Value::Bytea(bytes.into())
    }

    /// An array of values of type `element`, or NULLs.
    pub fn array(element: DataType, items: Vec<Value>) -> Result<Value, SqlError> {
        let DataType::Array(element) = DataType::array(element)? else {
            unreachable!("an array of something")
        };
        Ok(Value::Array { element, items: items.into() })
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The type, for a decimal the widest of its scale; `None` for NULL, which is of every type.
    pub fn data_type(&self) -> Option<DataType> {
        Some(match self {
            Value::Null => return None,
            Value::Boolean(_) => DataType::Boolean,
            Value::SmallInt(_) => DataType::SmallInt,
            Value::Int(_) => DataType::Int,
            Value::BigInt(_) => DataType::BigInt,
            Value::Real(_) => DataType::Real,
            Value::Double(_) => DataType::Double,
            Value::Decimal { scale, .. } => {
                DataType::Decimal { precision: decimal::PRECISION_MAX, scale: *scale }
            }
            Value::Text(_) => DataType::Text,
            Value::Bytea(_) => DataType::Bytea,
            Value::Uuid(_) => DataType::Uuid,
            Value::Date(_) => DataType::Date,
            Value::Time(_) => DataType::Time,
            Value::Timestamp(_) => DataType::Timestamp,
            Value::TimestampTz(_) => DataType::TimestampTz,
            Value::Interval(_) => DataType::Interval,
            Value::Json(_) => DataType::Json,
            Value::Array { element, .. } => DataType::Array(element),
            Value::Map(_) => DataType::Map,
            Value::Struct { of, .. } => DataType::Struct(of),
        })
    }

    /// Whether a column of `data_type` holds this as it is: the same type, for a decimal the same
    /// scale.
    pub fn is_of(&self, data_type: DataType) -> bool {
        let found = self.data_type().is_none_or(|found| data_type.holds(found));
        found
            && match (self, data_type) {
                (Value::Array { items, .. }, DataType::Array(element)) => {
                    items.iter().all(|item| item.is_of(*element))
                }
                (Value::Struct { values, .. }, DataType::Struct(of)) => {
                    values.len() == of.fields.len()
                        && values.iter().zip(of.fields).all(|(v, f)| v.is_of(f.data_type))
                }
                _ => true,
            }
    }

    /// Refuses a value that column `field` cannot hold.
    pub fn fits(&self, field: &Field) -> Result<(), SqlError> {
        let name = &field.name;
        if !self.is_of(field.data_type) {
            let found = self.data_type().expect("NULL is of every type");
            let wanted = field.data_type;
            return Err(SqlError::datatype_mismatch(format!(
                "column \"{name}\" is {wanted} and was given {found}"
            ))
            .hint(format!("Cast the value to {wanted}.")));
        }
        if self.is_null() && !field.nullable {
            return Err(SqlError::not_null(name));
        }
        self.in_range(field.data_type, name)?;
        let bytes = match self {
            Value::Text(text) => text.len(),
            Value::Bytea(bytes) => bytes.len(),
            Value::Json(json) => json.as_str().len(),
            Value::Array { .. } | Value::Map(_) | Value::Struct { .. } => {
                nested::encoded(self, field.data_type).len()
            }
            _ => 0,
        };
        if bytes > TEXT_BYTES_MAX {
            let what = match field.data_type {
                DataType::Text => "a text".to_owned(),
                other => format!("a value of {other}"),
            };
            let what = format!("bytes of {what} for column \"{name}\"");
            return Err(SqlError::limit_exceeded(&what, bytes, TEXT_BYTES_MAX));
        }
        Ok(())
    }

    /// Refuses a value of the right type outside of its range, itself or inside.
    fn in_range(&self, data_type: DataType, name: &str) -> Result<(), SqlError> {
        match (self, data_type) {
            (Value::Decimal { units, .. }, DataType::Decimal { precision, .. })
                if !decimal::fits(*units, precision) =>
            {
                Err(SqlError::out_of_range(format!(
                    "column \"{name}\" is {data_type} and {self} has more than {precision} digits"
                )))
            }
            (Value::Timestamp(us) | Value::TimestampTz(us), _)
                if us.unsigned_abs() > TIMESTAMP_US_MAX as u64 =>
            {
                Err(SqlError::out_of_range(format!(
                    "{us} us for column \"{name}\" is farther from 1970 than {TIMESTAMP_US_MAX} us"
                )))
            }
            (Value::Date(days), _) if days.unsigned_abs() > DATE_DAYS_MAX as u32 => {
                Err(SqlError::out_of_range(format!(
                    "{days} days for column \"{name}\" are farther from 1970 than {DATE_DAYS_MAX}"
                )))
            }
            (Value::Time(us), _) if !(0..=interval::DAY_US).contains(us) => {
                Err(SqlError::out_of_range(format!(
                    "{us} us for column \"{name}\" is no time of a day"
                )))
            }
            (Value::Array { items, .. }, DataType::Array(element)) => {
                items.iter().try_for_each(|item| item.in_range(*element, name))
            }
            (Value::Struct { values, .. }, DataType::Struct(of)) => {
                let mut pairs = values.iter().zip(of.fields);
                pairs.try_for_each(|(value, field)| value.in_range(field.data_type, name))
            }
            _ => Ok(()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Boolean(_) => 0,
            Value::SmallInt(_) => 1,
            Value::Int(_) => 2,
            Value::BigInt(_) => 3,
            Value::Decimal { .. } => 4,
            Value::Real(_) => 5,
            Value::Double(_) => 6,
            Value::Text(_) => 7,
            Value::Bytea(_) => 8,
            Value::Uuid(_) => 9,
            Value::Date(_) => 10,
            Value::Time(_) => 11,
            Value::Timestamp(_) => 12,
            Value::TimestampTz(_) => 13,
            Value::Interval(_) => 14,
            Value::Json(_) => 15,
            Value::Array { .. } => 16,
            Value::Map(_) => 17,
            Value::Struct { .. } => 18,
            Value::Null => 19,
        }
    }
}

/// Doubles in the order of PostgreSQL: both zeros equal, NaN equal to itself and last.
pub fn compare_doubles(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right).unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
}

impl Ord for Value {
    fn cmp(&self, other: &Value) -> Ordering {
        match (self, other) {
            (Value::Boolean(left), Value::Boolean(right)) => left.cmp(right),
            (Value::SmallInt(left), Value::SmallInt(right)) => left.cmp(right),
            (Value::Int(left), Value::Int(right)) => left.cmp(right),
            (Value::BigInt(left), Value::BigInt(right)) => left.cmp(right),
            (Value::Date(left), Value::Date(right)) => left.cmp(right),
            (Value::Time(left), Value::Time(right))
            | (Value::Timestamp(left), Value::Timestamp(right))
            | (Value::TimestampTz(left), Value::TimestampTz(right)) => left.cmp(right),
            (Value::Interval(left), Value::Interval(right)) => left.cmp(right),
            (Value::Real(left), Value::Real(right)) => {
                compare_doubles(f64::from(*left), f64::from(*right))
            }
            (Value::Double(left), Value::Double(right)) => compare_doubles(*left, *right),
            (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
            (Value::Bytea(left), Value::Bytea(right)) => left.cmp(right),
            (Value::Uuid(left), Value::Uuid(right)) => left.cmp(right),
            (Value::Json(left), Value::Json(right)) => left.cmp(right),
            (Value::Map(left), Value::Map(right)) => left.cmp(right),
            // NULL is the largest value inside too, and of a shorter array that is the beginning of
            // a longer one it is the end that counts.
            (Value::Array { items: left, .. }, Value::Array { items: right, .. })
            | (Value::Struct { values: left, .. }, Value::Struct { values: right, .. }) => {
                left.cmp(right)
            }
            (
                Value::Decimal { units: left, scale: left_scale },
                Value::Decimal { units: right, scale: right_scale },
            ) => decimal::compare(*left, *left_scale, *right, *right_scale),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

impl PartialOrd for Value {
    fn partial_cmp(&self, other: &Value) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Value {
    fn eq(&self, other: &Value) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Value {}

#[cfg(test)]
mod tests;

//! One value of one column.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use crate::error::SqlError;
use crate::limits::{TEXT_BYTES_MAX, TIMESTAMP_US_MAX};
use crate::schema::Field;
use crate::short_text::ShortText;
use crate::types::DataType;
use crate::{decimal, timestamp};

/// One value. Values of one type are ordered as in PostgreSQL: NaN equals NaN and is the largest
/// double, both zeros are equal, texts compare by bytes, decimals by what they mean whatever their
/// scale. Values of different types are ordered by type, and NULL comes last.
#[derive(Clone, Debug)]
pub enum Value {
    /// No value.
    Null,
    /// BOOLEAN.
    Boolean(bool),
    /// INT.
    Int(i32),
    /// BIGINT.
    BigInt(i64),
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
    /// TIMESTAMP: microseconds since the Unix epoch.
    Timestamp(i64),
}

impl Value {
    /// A text.
    pub fn text(text: &str) -> Value {
        Value::Text(text.into())
    }

    /// Whether this is NULL.
    pub fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    /// The type, for a decimal the widest of its scale; `None` for NULL, which is of every type.
    pub fn data_type(&self) -> Option<DataType> {
        match self {
            Value::Null => None,
            Value::Boolean(_) => Some(DataType::Boolean),
            Value::Int(_) => Some(DataType::Int),
            Value::BigInt(_) => Some(DataType::BigInt),
            Value::Double(_) => Some(DataType::Double),
            Value::Decimal { scale, .. } => {
                Some(DataType::Decimal { precision: decimal::PRECISION_MAX, scale: *scale })
            }
            Value::Text(_) => Some(DataType::Text),
            Value::Timestamp(_) => Some(DataType::Timestamp),
        }
    }

    /// Whether a column of `data_type` holds this as it is: the same type, for a decimal the same
    /// scale.
    pub fn is_of(&self, data_type: DataType) -> bool {
        match (self, data_type) {
            (Value::Null, _) => true,
            (Value::Decimal { scale, .. }, DataType::Decimal { scale: wanted, .. }) => {
                *scale == wanted
            }
            (Value::Decimal { .. }, _) => false,
            _ => self.data_type() == Some(data_type),
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
        match (self, field.data_type) {
            (Value::Null, _) if !field.nullable => Err(SqlError::not_null(name)),
            (Value::Decimal { units, .. }, DataType::Decimal { precision, .. })
                if !decimal::fits(*units, precision) =>
            {
                Err(SqlError::out_of_range(format!(
                    "column \"{name}\" is {} and {self} has more than {precision} digits",
                    field.data_type
                )))
            }
            (Value::Timestamp(us), _) if us.unsigned_abs() > TIMESTAMP_US_MAX as u64 => {
                Err(SqlError::out_of_range(format!(
                    "{us} us for column \"{name}\" is farther from 1970 than {TIMESTAMP_US_MAX} us"
                )))
            }
            (Value::Text(text), _) if text.len() > TEXT_BYTES_MAX => Err(SqlError::limit_exceeded(
                &format!("bytes of a text for column \"{name}\""),
                text.len(),
                TEXT_BYTES_MAX,
            )),
            _ => Ok(()),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Value::Boolean(_) => 0,
            Value::Int(_) => 1,
            Value::BigInt(_) => 2,
            Value::Decimal { .. } => 3,
            Value::Double(_) => 4,
            Value::Text(_) => 5,
            Value::Timestamp(_) => 6,
            Value::Null => 7,
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
            (Value::Int(left), Value::Int(right)) => left.cmp(right),
            (Value::BigInt(left), Value::BigInt(right)) => left.cmp(right),
            (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
            (Value::Double(left), Value::Double(right)) => compare_doubles(*left, *right),
            (Value::Text(left), Value::Text(right)) => left.as_bytes().cmp(right.as_bytes()),
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

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Null => f.write_str("NULL"),
            Value::Boolean(value) => write!(f, "{value}"),
            Value::Int(value) => write!(f, "{value}"),
            Value::BigInt(value) => write!(f, "{value}"),
            Value::Double(value) => format_double(*value, f),
            Value::Decimal { units, scale } => decimal::format(*units, *scale, f),
            Value::Text(value) => f.write_str(value),
            Value::Timestamp(value) => timestamp::format(*value, f),
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
    let text = ShortText::of(|text| write!(text, "{value:e}"));
    let (digits, exponent) = text.as_str().split_once('e').expect("the format writes an exponent");
    match exponent.strip_prefix('-') {
        Some(exponent) => write!(f, "{digits}e-{exponent:0>2}"),
        None => write!(f, "{digits}e+{exponent:0>2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nan_is_the_largest_double_and_null_the_largest_value() {
        let mut values = [
            Value::Null,
            Value::Double(f64::NAN),
            Value::Double(f64::INFINITY),
            Value::Double(-1.0),
        ];
        values.sort();
        let text: Vec<String> = values.iter().map(Value::to_string).collect();
        assert_eq!(text, ["-1", "Infinity", "NaN", "NULL"]);
        assert_eq!(Value::Double(f64::NAN), Value::Double(-f64::NAN));
        assert_eq!(Value::Double(0.0), Value::Double(-0.0));
    }

    #[test]
    fn decimals_are_equal_whatever_their_scale() {
        let decimal = |units, scale| Value::Decimal { units, scale };
        assert_eq!(decimal(15, 1), decimal(150, 2));
        assert!(decimal(15, 1) < decimal(151, 2));
    }

    #[test]
    fn doubles_are_written_as_postgresql_writes_them() {
        let text = |value| Value::Double(value).to_string();
        assert_eq!(text(1e15), "1e+15");
        assert_eq!(text(999_999_999_999_999.0), "999999999999999");
        assert_eq!(text(0.0001), "0.0001");
        assert_eq!(text(-1.5e-5), "-1.5e-05");
        assert_eq!(text(1e300), "1e+300");
        assert_eq!(text(-0.0), "-0");
    }

    #[test]
    fn a_value_that_a_column_cannot_hold_is_refused_with_the_reason() {
        let data_type = DataType::Decimal { precision: 3, scale: 1 };
        let state = |value: Value, nullable| {
            let field = Field { name: "a".into(), data_type, nullable };
            value.fits(&field).err().map_or("ok", |error| error.sqlstate)
        };
        assert_eq!(state(Value::Decimal { units: 999, scale: 1 }, false), "ok");
        assert_eq!(state(Value::Decimal { units: 1000, scale: 1 }, false), "22003");
        assert_eq!(state(Value::Decimal { units: 1, scale: 2 }, false), "42804");
        assert_eq!(state(Value::Int(1), false), "42804");
        assert_eq!(state(Value::Null, false), "23502");
        assert_eq!(state(Value::Null, true), "ok");
    }

    #[test]
    fn a_text_has_a_bound() {
        let field = Field::nullable("a", DataType::Text);
        assert!(Value::text(&"x".repeat(TEXT_BYTES_MAX)).fits(&field).is_ok());
        assert!(Value::text(&"x".repeat(TEXT_BYTES_MAX + 1)).fits(&field).is_err());
    }
}

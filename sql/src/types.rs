//! The types of columns, and how each is laid out in memory.

mod intern;
mod name;

use crate::decimal;
use crate::error::SqlError;
use crate::limits::{COLUMNS_MAX, NAME_BYTES_MAX, TYPE_DEPTH_MAX};

/// The type of a column. Two descriptions of a nested type are equal when they say the same,
/// wherever they lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataType {
    /// True or false.
    Boolean,
    /// 16 bit signed.
    SmallInt,
    /// 32 bit signed.
    Int,
    /// 64 bit signed.
    BigInt,
    /// 32 bit binary floating point; NaN equals NaN and sorts last.
    Real,
    /// 64 bit binary floating point; NaN equals NaN and sorts last.
    Double,
    /// Exact decimal: `precision` digits (1 to 38), `scale` of them behind the point.
    Decimal {
        /// All digits.
        precision: u8,
        /// Digits behind the point, at most `precision`.
        scale: u8,
    },
    /// UTF-8, compared byte by byte.
    Text,
    /// Any bytes, compared one by one.
    Bytea,
    /// 16 bytes, compared one by one.
    Uuid,
    /// Days since the Unix epoch.
    Date,
    /// Microseconds since midnight; 24:00:00 is the last.
    Time,
    /// Microseconds since the Unix epoch, without time zone.
    Timestamp,
    /// Microseconds since the Unix epoch, at UTC.
    TimestampTz,
    /// Months, days and microseconds; compared as if a month had 30 days of 24 hours.
    Interval,
    /// JSON with the meaning of JSONB: keys are sorted and there once, numbers are normalised.
    Json,
    /// Values of one type, in order, any of which may be NULL.
    Array(&'static DataType),
    /// Texts by text, sorted by key; a value may be NULL.
    Map,
    /// Named values, any of which may be NULL.
    Struct(&'static StructType),
}

/// The fields of a STRUCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StructType {
    /// In order.
    pub fields: &'static [StructField],
}

/// One field of a STRUCT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StructField {
    /// Unique within the struct; case matters.
    pub name: &'static str,
    /// The type of every value that is not NULL.
    pub data_type: DataType,
}

/// The layout of a column in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Physical {
    /// One bit a row.
    Bool,
    /// `i32`.
    I32,
    /// `i64`.
    I64,
    /// `f64`.
    F64,
    /// `i128`.
    I128,
    /// 16-byte views and a heap.
    Text,
}

impl DataType {
    /// The array of `element`. Refuses what nests too deep.
    pub fn array(element: DataType) -> Result<DataType, SqlError> {
        let array = DataType::Array(intern::data_type(element)?);
        array.check()?;
        Ok(array)
    }

    /// The struct of these fields. Refuses names that are empty, too long or there twice, and what
    /// nests too deep.
    pub fn structure<'a>(
        fields: impl IntoIterator<Item = (&'a str, DataType)>,
    ) -> Result<DataType, SqlError> {
        let fields: Vec<(&str, DataType)> = fields.into_iter().collect();
        check_names(&fields)?;
        let structure = DataType::Struct(intern::structure(&fields)?);
        structure.check()?;
        Ok(structure)
    }

    /// How a column of this type is laid out.
    pub const fn physical(self) -> Physical {
        match self {
            DataType::Boolean => Physical::Bool,
            DataType::SmallInt | DataType::Int | DataType::Date => Physical::I32,
            DataType::BigInt | DataType::Time | DataType::Timestamp | DataType::TimestampTz => {
                Physical::I64
            }
            DataType::Real | DataType::Double => Physical::F64,
            DataType::Decimal { .. } | DataType::Uuid | DataType::Interval => Physical::I128,
            DataType::Text
            | DataType::Bytea
            | DataType::Json
            | DataType::Array(_)
            | DataType::Map
            | DataType::Struct(_) => Physical::Text,
        }
    }

    /// Whether arithmetic among numbers is defined on this type.
    pub const fn is_numeric(self) -> bool {
        matches!(
            self,
            DataType::SmallInt
                | DataType::Int
                | DataType::BigInt
                | DataType::Real
                | DataType::Double
                | DataType::Decimal { .. }
        )
    }

    /// Whether this is SMALLINT, INT or BIGINT.
    pub const fn is_integer(self) -> bool {
        matches!(self, DataType::SmallInt | DataType::Int | DataType::BigInt)
    }

    /// Whether this is REAL or DOUBLE.
    pub const fn is_float(self) -> bool {
        matches!(self, DataType::Real | DataType::Double)
    }

    /// Whether the bytes of a value in the text layout are UTF-8.
    pub const fn is_utf8(self) -> bool {
        matches!(self, DataType::Text | DataType::Json)
    }

    /// Whether values consist of values of other types.
    pub const fn is_nested(self) -> bool {
        matches!(self, DataType::Array(_) | DataType::Map | DataType::Struct(_))
    }

    /// Whether a value of the type `other` is one of this type as it is: a decimal of the same
    /// scale, alone or inside.
    pub fn holds(self, other: DataType) -> bool {
        match (self, other) {
            (DataType::Decimal { scale, .. }, DataType::Decimal { scale: other, .. }) => {
                scale == other
            }
            (DataType::Array(element), DataType::Array(other)) => element.holds(*other),
            (DataType::Struct(wanted), DataType::Struct(other)) => {
                wanted.fields.len() == other.fields.len()
                    && wanted
                        .fields
                        .iter()
                        .zip(other.fields)
                        .all(|(wanted, other)| wanted.data_type.holds(other.data_type))
            }
            _ => self == other,
        }
    }

    /// Refuses a type that cannot be: digits out of range, structs without fields or with too many,
    /// and what nests too deep.
    pub fn check(self) -> Result<(), SqlError> {
        self.check_at(0)
    }

    fn check_at(self, depth: usize) -> Result<(), SqlError> {
        if depth > TYPE_DEPTH_MAX {
            return Err(SqlError::limit_exceeded("levels of a nested type", depth, TYPE_DEPTH_MAX)
                .hint("Keep what is deeper as JSON."));
        }
        match self {
            DataType::Decimal { precision, scale } => check_digits(self, precision, scale),
            DataType::Array(element) => element.check_at(depth + 1),
            DataType::Struct(of) => {
                if of.fields.is_empty() {
                    return Err(SqlError::invalid_parameter("a STRUCT has no fields"));
                }
                if of.fields.len() > COLUMNS_MAX {
                    let count = of.fields.len();
                    return Err(SqlError::limit_exceeded("fields of a STRUCT", count, COLUMNS_MAX));
                }
                of.fields.iter().try_for_each(|field| field.data_type.check_at(depth + 1))
            }
            _ => Ok(()),
        }
    }
}

fn check_digits(data_type: DataType, precision: u8, scale: u8) -> Result<(), SqlError> {
    if !(1..=decimal::PRECISION_MAX).contains(&precision) {
        return Err(SqlError::invalid_parameter(format!(
            "{data_type}: the precision must be between 1 and {}",
            decimal::PRECISION_MAX
        )));
    }
    if scale > precision {
        return Err(SqlError::invalid_parameter(format!(
            "{data_type}: the scale must be between 0 and the precision {precision}"
        )));
    }
    Ok(())
}

fn check_names(fields: &[(&str, DataType)]) -> Result<(), SqlError> {
    let mut names: Vec<&str> = fields.iter().map(|field| field.0).collect();
    for name in &names {
        if name.is_empty() {
            return Err(SqlError::invalid_name("the name of a field is empty"));
        }
        if name.len() > NAME_BYTES_MAX {
            let what = "bytes of the name of a field";
            return Err(SqlError::limit_exceeded(what, name.len(), NAME_BYTES_MAX));
        }
    }
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => Err(SqlError::duplicate_column(pair[0])),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;

//! The types of columns, and how each is laid out in memory.

use std::fmt;

use crate::decimal;
use crate::error::SqlError;

/// The type of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataType {
    /// True or false.
    Boolean,
    /// 32 bit signed.
    Int,
    /// 64 bit signed.
    BigInt,
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
    /// Microseconds since the Unix epoch, without time zone.
    Timestamp,
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
    /// How a column of this type is laid out.
    pub const fn physical(self) -> Physical {
        match self {
            DataType::Boolean => Physical::Bool,
            DataType::Int => Physical::I32,
            DataType::BigInt | DataType::Timestamp => Physical::I64,
            DataType::Double => Physical::F64,
            DataType::Decimal { .. } => Physical::I128,
            DataType::Text => Physical::Text,
        }
    }

    /// Whether arithmetic is defined on this type.
    pub const fn is_numeric(self) -> bool {
        matches!(
            self,
            DataType::Int | DataType::BigInt | DataType::Double | DataType::Decimal { .. }
        )
    }

    /// Refuses a DECIMAL that cannot be.
    pub fn check(self) -> Result<(), SqlError> {
        let DataType::Decimal { precision, scale } = self else { return Ok(()) };
        if !(1..=decimal::PRECISION_MAX).contains(&precision) {
            return Err(SqlError::invalid_parameter(format!(
                "{self}: the precision must be between 1 and {}",
                decimal::PRECISION_MAX
            )));
        }
        if scale > precision {
            return Err(SqlError::invalid_parameter(format!(
                "{self}: the scale must be between 0 and the precision {precision}"
            )));
        }
        Ok(())
    }
}

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Boolean => f.write_str("BOOLEAN"),
            DataType::Int => f.write_str("INT"),
            DataType::BigInt => f.write_str("BIGINT"),
            DataType::Double => f.write_str("DOUBLE"),
            DataType::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            DataType::Text => f.write_str("TEXT"),
            DataType::Timestamp => f.write_str("TIMESTAMP"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_decimal_has_1_to_38_digits_and_no_more_of_them_behind_the_point() {
        let check = |precision, scale| DataType::Decimal { precision, scale }.check().is_ok();
        assert!(check(1, 0) && check(1, 1) && check(38, 38));
        assert!(!check(0, 0) && !check(39, 0) && !check(5, 6));
    }
}

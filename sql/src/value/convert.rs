//! A value as one of another type, where that loses nothing.

use super::Value;
use crate::SqlError;
use crate::decimal;
use crate::types::DataType;

/// Whole numbers up to here are doubles too.
const DOUBLE_WHOLE_MAX: i128 = 1 << 53;
/// Whole numbers up to here are reals too.
const REAL_WHOLE_MAX: i128 = 1 << 24;

impl Value {
    /// The same value as one of type `to`: numbers become wider ones, and narrower ones where they
    /// fit. A BIGINT is also the microseconds of a TIME, TIMESTAMP or TIMESTAMPTZ, and an INT the
    /// days of a DATE. `what` names the place of the value in the error.
    pub fn converted(self, to: DataType, what: &str) -> Result<Value, SqlError> {
        if self.is_of(to) {
            return Ok(self);
        }
        let mismatch = |found: &Value| {
            let found = found.data_type().expect("NULL is of every type");
            SqlError::datatype_mismatch(format!("{what} is {to} and was given {found}"))
                .hint(format!("Give a value of type {to}, or cast in the statement."))
        };
        let made = match (&self, to) {
            (Value::BigInt(us), DataType::Time) => Some(Value::Time(*us)),
            (Value::BigInt(us), DataType::Timestamp) => Some(Value::Timestamp(*us)),
            (Value::BigInt(us), DataType::TimestampTz) => Some(Value::TimestampTz(*us)),
            (Value::Int(days), DataType::Date) => Some(Value::Date(*days)),
            (Value::Real(value), DataType::Double) => Some(Value::Double(f64::from(*value))),
            (Value::Decimal { units, scale }, DataType::Decimal { .. }) => {
                rescaled(*units, *scale, to)
            }
            _ => {
                let Some(number) = self.whole() else { return Err(mismatch(&self)) };
                if !is_number(to) {
                    return Err(mismatch(&self));
                }
                of_whole(number, to)
            }
        };
        made.ok_or_else(|| SqlError::out_of_range(format!("{what} is {to}, which holds no {self}")))
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Value::SmallInt(value) => Some((*value).into()),
            Value::Int(value) => Some((*value).into()),
            Value::BigInt(value) => Some((*value).into()),
            _ => None,
        }
    }
}

fn is_number(data_type: DataType) -> bool {
    use DataType::{BigInt, Decimal, Double, Int, Real, SmallInt};
    matches!(data_type, SmallInt | Int | BigInt | Real | Double | Decimal { .. })
}

fn of_whole(number: i128, to: DataType) -> Option<Value> {
    match to {
        DataType::SmallInt => number.try_into().ok().map(Value::SmallInt),
        DataType::Int => number.try_into().ok().map(Value::Int),
        DataType::BigInt => number.try_into().ok().map(Value::BigInt),
        DataType::Real => (number.abs() <= REAL_WHOLE_MAX).then_some(Value::Real(number as f32)),
        DataType::Double => {
            (number.abs() <= DOUBLE_WHOLE_MAX).then_some(Value::Double(number as f64))
        }
        _ => rescaled(number, 0, to),
    }
}

/// Digits at the scale of a DECIMAL, if none is lost.
fn rescaled(units: i128, scale: u8, to: DataType) -> Option<Value> {
    let DataType::Decimal { precision, scale: wanted } = to else { return None };
    let factor = 10_i128.checked_pow(u32::from(wanted.abs_diff(scale)))?;
    let units = if wanted >= scale {
        units.checked_mul(factor)?
    } else if units % factor == 0 {
        units / factor
    } else {
        return None;
    };
    decimal::fits(units, precision).then_some(Value::Decimal { units, scale: wanted })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MONEY: DataType = DataType::Decimal { precision: 6, scale: 2 };

    fn check(value: Value, to: DataType, expected: &str) {
        let found = match value.converted(to, "x") {
            Ok(value) => format!("{value} {}", value.data_type().unwrap()),
            Err(error) => format!("{} {}", error.sqlstate, error.message),
        };
        assert_eq!(found, expected);
    }

    #[test]
    fn numbers_become_others_that_hold_them() {
        check(Value::BigInt(7), DataType::Int, "7 INT");
        check(Value::SmallInt(-7), DataType::BigInt, "-7 BIGINT");
        check(Value::Int(7), DataType::Double, "7 DOUBLE");
        check(
            Value::BigInt(40_000),
            DataType::SmallInt,
            "22003 x is SMALLINT, which holds no 40000",
        );
        check(
            Value::BigInt((1 << 53) + 1),
            DataType::Double,
            "22003 x is DOUBLE, which holds no 9007199254740993",
        );
    }

    #[test]
    fn decimals_keep_all_their_digits_or_are_refused() {
        let cents = |units, scale| Value::Decimal { units, scale };
        check(Value::Int(12), MONEY, "12.00 DECIMAL(38,2)");
        check(cents(1250, 3), MONEY, "1.25 DECIMAL(38,2)");
        check(cents(1255, 3), MONEY, "22003 x is DECIMAL(6,2), which holds no 1.255");
        check(Value::Int(10_000), MONEY, "22003 x is DECIMAL(6,2), which holds no 10000");
    }

    #[test]
    fn microseconds_and_days_are_moments() {
        check(Value::BigInt(0), DataType::Timestamp, "1970-01-01 00:00:00 TIMESTAMP");
        check(Value::Int(1), DataType::Date, "1970-01-02 DATE");
    }

    #[test]
    fn another_kind_of_value_is_refused_by_both_types() {
        check(Value::text("7"), DataType::Int, "42804 x is INT and was given TEXT");
        check(Value::Int(7), DataType::Text, "42804 x is TEXT and was given INT");
        check(Value::Double(7.0), DataType::Int, "42804 x is INT and was given DOUBLE");
        assert_eq!(Value::Null.converted(DataType::Int, "x"), Ok(Value::Null));
    }
}

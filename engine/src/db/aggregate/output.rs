//! Results of aggregates as values.

use sluicedb_sql::{DataType, Interval, Value};

use crate::db::time::{Date, Time, Timestamptz};

/// A Rust type that the result of an aggregate may have: a `bool`, `i16`, `i32`, `i64` (also the
/// microseconds of a TIMESTAMP), `f32`, `f64`, `i128` (the digits of a DECIMAL), `String`, `Vec<u8>`
/// (BYTEA), `[u8; 16]` (UUID), [`Date`], [`Time`], [`Timestamptz`] or [`Interval`], or an `Option` of
/// one of them.
pub trait AggregateOutput: sealed::Sealed {
    /// Whether values of this type are of that type in SQL.
    fn holds(of: DataType) -> bool;

    /// The value of a type that it holds.
    fn into_value(self, of: DataType) -> Value;
}

mod sealed {
    /// Keeps the list of types in one place, so that it can grow.
    pub trait Sealed {}
}

macro_rules! output {
    ($type:ty, $of:pat, |$value:ident, $wanted:ident| $made:expr) => {
        impl sealed::Sealed for $type {}
        impl AggregateOutput for $type {
            fn holds(of: DataType) -> bool {
                matches!(of, $of)
            }

            fn into_value(self, $wanted: DataType) -> Value {
                let $value = self;
                $made
            }
        }
    };
}

output!(bool, DataType::Boolean, |value, _of| Value::Boolean(value));
output!(i16, DataType::SmallInt, |value, _of| Value::SmallInt(value));
output!(i32, DataType::Int, |value, _of| Value::Int(value));
output!(i64, DataType::BigInt | DataType::Timestamp, |value, of| match of {
    DataType::BigInt => Value::BigInt(value),
    _ => Value::Timestamp(value),
});
output!(f32, DataType::Real, |value, _of| Value::Real(value));
output!(f64, DataType::Double, |value, _of| Value::Double(value));
output!(i128, DataType::Decimal { .. }, |units, of| match of {
    DataType::Decimal { scale, .. } => Value::Decimal { units, scale },
    other => unreachable!("{other} is no decimal"),
});
output!(String, DataType::Text, |value, _of| Value::text(&value));
output!(Vec<u8>, DataType::Bytea, |value, _of| Value::bytea(&value));
output!([u8; 16], DataType::Uuid, |value, _of| Value::Uuid(value));
output!(Date, DataType::Date, |value, _of| Value::Date(value.0));
output!(Time, DataType::Time, |value, _of| Value::Time(value.0));
output!(Timestamptz, DataType::TimestampTz, |value, _of| Value::TimestampTz(value.0));
output!(Interval, DataType::Interval, |value, _of| Value::Interval(value));

impl<T: sealed::Sealed> sealed::Sealed for Option<T> {}

impl<T: AggregateOutput> AggregateOutput for Option<T> {
    fn holds(of: DataType) -> bool {
        T::holds(of)
    }

    fn into_value(self, of: DataType) -> Value {
        self.map_or(Value::Null, |value| value.into_value(of))
    }
}

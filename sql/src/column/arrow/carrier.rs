//! The array whose buffers a column of the type has, and the checks on the way there.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryViewBuilder, Decimal128Array, PrimitiveArray, StringViewBuilder,
};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{
    ArrowPrimitiveType, DataType as ArrowType, Date32Type, Date64Type, Decimal128Type, Int64Type,
    IntervalDayTimeType, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

use super::nested;
use crate::binary::uuid_to_i128;
use crate::decimal;
use crate::error::SqlError;
use crate::interval::{DAY_US, Interval};
use crate::json::Json;
use crate::limits::{DATE_DAYS_MAX, TIMESTAMP_US_MAX};
use crate::schema::Field;
use crate::types::DataType;

/// The carrier of an array whose type was checked for the column. Values that the column does not
/// hold are refused with their row.
pub(super) fn carrier(array: ArrayRef, field: &Field) -> Result<ArrayRef, SqlError> {
    match field.data_type {
        DataType::Boolean => Ok(array),
        DataType::SmallInt | DataType::Int => exact(array, &ArrowType::Int32, field),
        DataType::BigInt => exact(array, &ArrowType::Int64, field),
        DataType::Real | DataType::Double => exact(array, &ArrowType::Float64, field),
        DataType::Text => match array.data_type() {
            ArrowType::Dictionary(..) => exact(array, &ArrowType::Utf8View, field),
            _ => Ok(array),
        },
        DataType::Json => json(exact(array, &ArrowType::Utf8View, field)?, field),
        DataType::Bytea => exact(array, &ArrowType::BinaryView, field),
        DataType::Decimal { precision, scale } => decimals(array, precision, scale, field),
        DataType::Uuid => uuids(&*array, field),
        DataType::Date => dates(array, field),
        DataType::Time => times(array, field),
        DataType::Timestamp | DataType::TimestampTz => moments(array, field),
        DataType::Interval => intervals(&*array, field),
        DataType::Array(_) | DataType::Map | DataType::Struct(_) => {
            let mut out = BinaryViewBuilder::with_capacity(array.len());
            for value in nested::values(array, field)? {
                if value.is_null() {
                    out.append_null();
                } else {
                    out.append_value(crate::nested::encoded(&value, field.data_type));
                }
            }
            Ok(Arc::new(out.finish()))
        }
    }
}

/// The array as another type that holds all values of its own.
fn exact(array: ArrayRef, to: &ArrowType, field: &Field) -> Result<ArrayRef, SqlError> {
    if array.data_type() == to {
        return Ok(array);
    }
    let options = CastOptions { safe: false, ..CastOptions::default() };
    cast_with_options(&array, to, &options)
        .map_err(|error| SqlError::out_of_range(format!("column \"{}\": {error}", field.name)))
}

fn refused(row: usize, field: &Field, value: impl std::fmt::Display, why: &str) -> SqlError {
    let name = &field.name;
    SqlError::out_of_range(format!("row {row} of column \"{name}\": {value} {why}"))
        .hint("Leave the row out, or make the value NULL.")
}

/// The first row that has a value which is not good. A NULL may hold anything.
fn first_bad<T: Copy>(array: &dyn Array, values: &[T], good: impl Fn(T) -> bool) -> Option<usize> {
    if values.iter().all(|value| good(*value)) {
        return None;
    }
    (0..values.len()).find(|row| array.is_valid(*row) && !good(values[*row]))
}

/// Every value by a function that may refuse it; NULLs are not asked.
fn each<From: ArrowPrimitiveType, To: ArrowPrimitiveType>(
    array: &dyn Array,
    field: &Field,
    why: &str,
    find: impl Fn(From::Native) -> Option<To::Native>,
) -> Result<ArrayRef, SqlError>
where
    From::Native: std::fmt::Debug,
{
    let typed = array.as_primitive::<From>();
    let mut out = Vec::with_capacity(typed.len());
    for (row, value) in typed.values().iter().enumerate() {
        out.push(match find(*value) {
            Some(found) => found,
            None if typed.is_null(row) => To::Native::default(),
            None => {
                let shown = format!("{value:?} as {}", array.data_type());
                return Err(refused(row, field, shown, why));
            }
        });
    }
    Ok(Arc::new(PrimitiveArray::<To>::new(out.into(), typed.nulls().cloned())))
}

fn decimals(
    array: ArrayRef,
    precision: u8,
    scale: u8,
    field: &Field,
) -> Result<ArrayRef, SqlError> {
    let array = match array.data_type() {
        ArrowType::Decimal128(..) => array,
        _ => {
            let to = ArrowType::Decimal128(decimal::PRECISION_MAX, scale as i8);
            exact(array, &to, field)?
        }
    };
    let values = array.as_primitive::<Decimal128Type>().values();
    match first_bad(&*array, values, |units| decimal::fits(units, precision)) {
        None => Ok(array),
        Some(row) => {
            let (name, wanted) = (&field.name, field.data_type);
            Err(SqlError::out_of_range(format!(
                "row {row} of column \"{name}\" has more than the {precision} digits of {wanted}"
            ))
            .hint("Leave the row out, or declare the column with more digits."))
        }
    }
}

fn json(array: ArrayRef, field: &Field) -> Result<ArrayRef, SqlError> {
    let texts = array.as_string_view();
    let mut out = StringViewBuilder::with_capacity(texts.len());
    for (row, text) in texts.iter().enumerate() {
        let json = text.map(Json::parse).transpose().map_err(|mut error| {
            error.message = format!("row {row} of column \"{}\": {}", field.name, error.message);
            error
        })?;
        out.append_option(json.as_ref().map(Json::as_str));
    }
    Ok(Arc::new(out.finish()))
}

/// Numbers of 128 bits travel as decimals, whatever they mean.
fn numbers(values: Vec<i128>, array: &dyn Array) -> ArrayRef {
    Arc::new(Decimal128Array::new(values.into(), array.nulls().cloned()))
}

fn uuids(array: &dyn Array, field: &Field) -> Result<ArrayRef, SqlError> {
    let bytes = array.as_fixed_size_binary();
    let mut out = Vec::with_capacity(bytes.len());
    for row in 0..bytes.len() {
        let found = bytes.value(row).try_into().map_err(|_| {
            let error = format!("column \"{}\": a UUID has 16 bytes", field.name);
            SqlError::datatype_mismatch(error)
        })?;
        out.push(if bytes.is_null(row) { 0 } else { uuid_to_i128(found) });
    }
    Ok(numbers(out, array))
}

fn dates(array: ArrayRef, field: &Field) -> Result<ArrayRef, SqlError> {
    let days = array.as_primitive::<Date32Type>().values();
    let bad = first_bad(&*array, days, |days| days.unsigned_abs() <= DATE_DAYS_MAX as u32);
    if let Some(row) = bad {
        let why = format!("days are farther from 1970 than {DATE_DAYS_MAX}");
        return Err(refused(row, field, days[row], &why));
    }
    Ok(array)
}

fn times(array: ArrayRef, field: &Field) -> Result<ArrayRef, SqlError> {
    const WHY: &str = "is no time of a day in whole microseconds";
    let day = |us: i64| (0..=DAY_US).contains(&us).then_some(us);
    let scaled = |units: i32, factor: i64| day(i64::from(units) * factor);
    match array.data_type() {
        ArrowType::Time32(TimeUnit::Second) => {
            each::<Time32SecondType, Int64Type>(&*array, field, WHY, |v| scaled(v, 1_000_000))
        }
        ArrowType::Time32(_) => {
            each::<Time32MillisecondType, Int64Type>(&*array, field, WHY, |v| scaled(v, 1000))
        }
        ArrowType::Time64(TimeUnit::Nanosecond) => {
            each::<Time64NanosecondType, Int64Type>(&*array, field, WHY, |v| {
                if v % 1000 == 0 { day(v / 1000) } else { None }
            })
        }
        _ => {
            let micros = array.as_primitive::<Time64MicrosecondType>().values();
            if let Some(row) = first_bad(&*array, micros, |us| day(us).is_some()) {
                return Err(refused(row, field, micros[row], WHY));
            }
            Ok(array)
        }
    }
}

fn moments(array: ArrayRef, field: &Field) -> Result<ArrayRef, SqlError> {
    let why = || format!("is farther from 1970 than {TIMESTAMP_US_MAX} us");
    let near = |us: i64| (us.unsigned_abs() <= TIMESTAMP_US_MAX as u64).then_some(us);
    let by = |factor: i64| move |units: i64| units.checked_mul(factor).and_then(near);
    match array.data_type() {
        ArrowType::Timestamp(TimeUnit::Second, _) => {
            each::<TimestampSecondType, Int64Type>(&*array, field, &why(), by(1_000_000))
        }
        ArrowType::Timestamp(TimeUnit::Millisecond, _) => {
            each::<TimestampMillisecondType, Int64Type>(&*array, field, &why(), by(1000))
        }
        ArrowType::Date64 => each::<Date64Type, Int64Type>(&*array, field, &why(), by(1000)),
        ArrowType::Date32 => each::<Date32Type, Int64Type>(&*array, field, &why(), |days| {
            by(DAY_US)(i64::from(days))
        }),
        ArrowType::Timestamp(TimeUnit::Nanosecond, _) => {
            let why = "is no whole number of microseconds";
            each::<TimestampNanosecondType, Int64Type>(&*array, field, why, |nanos| {
                (nanos % 1000 == 0).then_some(nanos / 1000)
            })
        }
        _ => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().values();
            if let Some(row) = first_bad(&*array, micros, |us| near(us).is_some()) {
                let shown = format!("{} as {}", micros[row], array.data_type());
                return Err(refused(row, field, shown, &why()));
            }
            Ok(array)
        }
    }
}

fn intervals(array: &dyn Array, field: &Field) -> Result<ArrayRef, SqlError> {
    const WHY: &str = "is out of range or no whole number of microseconds";
    let packed = |months, days, nanos: i64| {
        let interval = Interval::new(months, days, nanos / 1000);
        interval.filter(|_| nanos % 1000 == 0).map(Interval::to_i128)
    };
    match array.data_type() {
        ArrowType::Interval(IntervalUnit::YearMonth) => {
            each::<IntervalYearMonthType, Decimal128Type>(array, field, WHY, |months| {
                packed(months, 0, 0)
            })
        }
        ArrowType::Interval(IntervalUnit::DayTime) => {
            each::<IntervalDayTimeType, Decimal128Type>(array, field, WHY, |value| {
                packed(0, value.days, i64::from(value.milliseconds) * 1_000_000)
            })
        }
        _ => each::<IntervalMonthDayNanoType, Decimal128Type>(array, field, WHY, |value| {
            packed(value.months, value.days, value.nanoseconds)
        }),
    }
}

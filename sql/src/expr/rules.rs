//! Which types go together: casts, operators, and the type that holds the values of two.

use crate::decimal::{PRECISION_MAX, QUOTIENT_SCALE};
use crate::expr::BinaryOp;
use crate::types::DataType;

/// Whether a value of one type can be made into one of the other: what PostgreSQL casts
/// explicitly, and BIGINT as the microseconds of a moment, which is how plans compute with time.
pub fn can_cast(from: DataType, to: DataType) -> bool {
    use DataType::{
        BigInt, Boolean, Date, Int, Interval, Json, Map, Struct, Text, Time, Timestamp, TimestampTz,
    };
    match (from, to) {
        (left, right) if left == right => true,
        (Text, _) | (_, Text) => true,
        (Boolean, Int) | (Int, Boolean) => true,
        (Timestamp | TimestampTz, BigInt) | (BigInt, Timestamp | TimestampTz) => true,
        (Timestamp | TimestampTz | Date, Timestamp | TimestampTz | Date) => true,
        (Timestamp | TimestampTz, Time) => true,
        (Time, Interval) | (Interval, Time) => true,
        (Map, Json) | (Json, Map | Boolean) => true,
        (Json, number) => number.is_numeric(),
        (DataType::Array(from), DataType::Array(to)) => can_cast(*from, *to),
        (Struct(from), Struct(to)) => {
            from.fields.len() == to.fields.len()
                && from
                    .fields
                    .iter()
                    .zip(to.fields)
                    .all(|(from, to)| can_cast(from.data_type, to.data_type))
        }
        (from, to) => from.is_numeric() && to.is_numeric(),
    }
}

/// The types that two numbers are brought to before an operator. Decimals keep their scales:
/// operators align them exactly. A REAL with any other number is computed as DOUBLE, as in
/// PostgreSQL.
pub(super) fn coerced(left: DataType, right: DataType) -> (DataType, DataType) {
    if left == right {
        return (left, right);
    }
    if left.is_float() || right.is_float() {
        return (DataType::Double, DataType::Double);
    }
    if is_decimal(left) || is_decimal(right) {
        return (as_decimal(left), as_decimal(right));
    }
    let wider = left.max(right);
    (wider, wider)
}

/// The decimal that holds every value of an integer type.
pub(super) fn as_decimal(data_type: DataType) -> DataType {
    let precision = match data_type {
        DataType::SmallInt => 5,
        DataType::Int => 10,
        DataType::BigInt => 19,
        other => return other,
    };
    DataType::Decimal { precision, scale: 0 }
}

fn is_decimal(data_type: DataType) -> bool {
    matches!(data_type, DataType::Decimal { .. })
}

/// The types that an operator on dates, times, moments and intervals takes for two operands, and
/// whether they are to be swapped; `None` where there is no such operator.
pub(super) fn temporal(
    op: BinaryOp,
    left: DataType,
    right: DataType,
) -> Option<(DataType, DataType, bool)> {
    use BinaryOp::{Add, Div, Mul, Sub};
    use DataType::{Date, Double, Int, Interval, Time, Timestamp, TimestampTz};
    Some(match (op, left, right) {
        (Add | Sub, Date, right) if right.is_integer() => (Date, Int, false),
        (Add, left, Date) if left.is_integer() => (Int, Date, true),
        (Sub, Date, Date) => (Date, Date, false),
        (Add, Date, Time) => (Timestamp, Interval, false),
        (Add, Time, Date) => (Interval, Timestamp, true),
        (Add | Sub, Date, Interval) => (Timestamp, Interval, false),
        (Add, Interval, Date) => (Interval, Timestamp, true),
        (Add | Sub, Timestamp | TimestampTz | Time | Interval, Interval) => (left, right, false),
        (Add, Interval, Timestamp | TimestampTz | Time) => (left, right, true),
        (Sub, Time, Time) => (Time, Time, false),
        (Sub, Timestamp | TimestampTz | Date, Timestamp | TimestampTz | Date) => {
            let common = moment(left, right)?;
            (common, common, false)
        }
        (Mul | Div, Interval, right) if right.is_numeric() => (Interval, Double, false),
        (Mul, left, Interval) if left.is_numeric() => (Double, Interval, true),
        _ => return None,
    })
}

/// The type in which a date or a moment is compared with another.
pub(super) fn moment(left: DataType, right: DataType) -> Option<DataType> {
    let rank = |data_type: DataType| match data_type {
        DataType::Date => Some(0),
        DataType::Timestamp => Some(1),
        DataType::TimestampTz => Some(2),
        _ => None,
    };
    Some(if rank(left)? < rank(right)? { right } else { left })
}

/// The result of an operator on operands that binding has brought to its types.
pub(super) fn arithmetic_type(op: BinaryOp, left: DataType, right: DataType) -> DataType {
    use DataType::{Date, Decimal, Int, Interval, Time, Timestamp, TimestampTz};
    let (left, left_scale, right, right_scale) = match (left, right) {
        (
            Decimal { precision: left, scale: left_scale },
            Decimal { precision: right, scale: right_scale },
        ) => (left, left_scale, right, right_scale),
        (Date, Date) => return Int,
        (Timestamp | TimestampTz, Timestamp | TimestampTz) | (Time, Time) => return Interval,
        _ => return left,
    };
    let scale = left_scale.max(right_scale);
    let whole = (left - left_scale).max(right - right_scale);
    let (precision, scale) = match op {
        BinaryOp::Mul => (left + right, left_scale + right_scale),
        BinaryOp::Div => (PRECISION_MAX, scale.max(QUOTIENT_SCALE)),
        BinaryOp::Mod => (whole + scale, scale),
        _ => (whole + scale + 1, scale),
    };
    DataType::Decimal { precision: precision.min(PRECISION_MAX), scale: scale.min(PRECISION_MAX) }
}

/// The type that holds the values of both, as for the branches of one CASE.
pub fn common_type(left: DataType, right: DataType) -> Option<DataType> {
    if left == right {
        return Some(left);
    }
    if let Some(moment) = moment(left, right) {
        return Some(moment);
    }
    if let (DataType::Array(left), DataType::Array(right)) = (left, right) {
        return DataType::array(common_type(*left, *right)?).ok();
    }
    if !left.is_numeric() || !right.is_numeric() {
        return None;
    }
    if left == DataType::Double || right == DataType::Double {
        return Some(DataType::Double);
    }
    // What is exact goes into REAL by itself, and nothing comes back.
    if left == DataType::Real || right == DataType::Real {
        return Some(DataType::Real);
    }
    if !is_decimal(left) && !is_decimal(right) {
        return Some(left.max(right));
    }
    match (as_decimal(left), as_decimal(right)) {
        (
            DataType::Decimal { precision: left, scale: left_scale },
            DataType::Decimal { precision: right, scale: right_scale },
        ) => {
            let scale = left_scale.max(right_scale);
            let whole = (left - left_scale).max(right - right_scale);
            Some(DataType::Decimal { precision: (whole + scale).min(PRECISION_MAX), scale })
        }
        (left, right) => unreachable!("{left} and {right} are decimals"),
    }
}

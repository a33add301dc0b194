//! Names to positions, and the casts that operators need between numeric types.

use crate::decimal::{PRECISION_MAX, QUOTIENT_SCALE};
use crate::error::SqlError;
use crate::expr::{BinaryOp, Expr};
use crate::limits::EXPR_DEPTH_MAX;
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

type Typed = (Expr, DataType);

/// The bound expression and its type.
pub(super) fn bind(expr: &Expr, schema: &Schema) -> Result<Typed, SqlError> {
    bind_at(expr, schema, 0)
}

fn bind_at(expr: &Expr, schema: &Schema, depth: usize) -> Result<Typed, SqlError> {
    if depth >= EXPR_DEPTH_MAX {
        return Err(SqlError::limit_exceeded("levels of an expression", depth + 1, EXPR_DEPTH_MAX));
    }
    let inner = |expr: &Expr| bind_at(expr, schema, depth + 1);
    match expr {
        Expr::Column(index) => column(*index, schema),
        Expr::Named(name) => column(schema.resolve(name)?, schema),
        Expr::Literal(value, data_type) => literal(value, *data_type),
        Expr::Binary { op, left, right } => binary(*op, inner(left)?, inner(right)?),
        Expr::Not(input) => {
            let input = boolean("NOT", inner(input)?)?;
            Ok((input.not(), DataType::Boolean))
        }
        Expr::IsNull(input) => Ok((inner(input)?.0.is_null(), DataType::Boolean)),
        Expr::Negate(input) => {
            let (input, data_type) = inner(input)?;
            if !data_type.is_numeric() {
                return Err(SqlError::datatype_mismatch(format!("- does not take {data_type}")));
            }
            Ok((input.negate(), data_type))
        }
        Expr::Case { branches, otherwise } => {
            let mut bound = Vec::with_capacity(branches.len());
            for (condition, value) in branches {
                bound.push((boolean("WHEN", inner(condition)?)?, inner(value)?));
            }
            let otherwise = otherwise.as_ref().map(|otherwise| inner(otherwise)).transpose()?;
            case(bound, otherwise)
        }
        Expr::Cast { input, to } => {
            to.check()?;
            let (input, from) = inner(input)?;
            if !can_cast(from, *to) {
                return Err(SqlError::datatype_mismatch(format!("cannot cast {from} to {to}")));
            }
            Ok((cast((input, from), *to), *to))
        }
    }
}

fn column(index: usize, schema: &Schema) -> Result<Typed, SqlError> {
    match schema.fields().get(index) {
        Some(field) => Ok((Expr::Column(index), field.data_type)),
        None => Err(SqlError::undefined_column(&format!("#{index}"), schema.names())),
    }
}

fn literal(value: &Value, data_type: DataType) -> Result<Typed, SqlError> {
    data_type.check()?;
    value.fits(&crate::schema::Field::nullable("?column?", data_type))?;
    Ok((Expr::Literal(value.clone(), data_type), data_type))
}

fn boolean(place: &str, (expr, data_type): Typed) -> Result<Expr, SqlError> {
    match data_type {
        DataType::Boolean => Ok(expr),
        _ => Err(SqlError::datatype_mismatch(format!("{place} takes BOOLEAN, not {data_type}"))),
    }
}

fn binary(op: BinaryOp, left: Typed, right: Typed) -> Result<Typed, SqlError> {
    let sign = op.sign();
    if op.is_logic() {
        let (left, right) = (boolean(sign, left)?, boolean(sign, right)?);
        return Ok((join(op, left, right), DataType::Boolean));
    }
    let refuse = |left: DataType, right: DataType| {
        SqlError::datatype_mismatch(format!("there is no {left} {sign} {right}"))
            .hint("Cast one side to the type of the other.")
    };
    let (left_type, right_type) = (left.1, right.1);
    let comparable = left_type.physical() == right_type.physical() && left_type == right_type;
    let numeric = left_type.is_numeric() && right_type.is_numeric();
    if !numeric && (op.is_arithmetic() || !comparable) {
        return Err(refuse(left_type, right_type));
    }
    let (left, right) = if numeric { coerce(left, right) } else { (left, right) };
    if !op.is_arithmetic() {
        return Ok((join(op, left.0, right.0), DataType::Boolean));
    }
    if op == BinaryOp::Mod && left.1 == DataType::Double {
        return Err(refuse(left_type, right_type).hint("Cast both sides to DECIMAL."));
    }
    let data_type = arithmetic_type(op, left.1, right.1);
    Ok((join(op, left.0, right.0), data_type))
}

fn join(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary { op, left: Box::new(left), right: Box::new(right) }
}

/// Brings two numbers to one layout. Decimals keep their scales: operators align them exactly.
fn coerce(left: Typed, right: Typed) -> (Typed, Typed) {
    let to = |expr: Typed, data_type: DataType| (cast(expr, data_type), data_type);
    match (left.1, right.1) {
        (left_type, right_type) if left_type == right_type => (left, right),
        (DataType::Double, _) => (left, to(right, DataType::Double)),
        (_, DataType::Double) => (to(left, DataType::Double), right),
        (DataType::Decimal { .. }, DataType::Decimal { .. }) => (left, right),
        (DataType::Decimal { .. }, other) => (left, to(right, as_decimal(other))),
        (other, DataType::Decimal { .. }) => (to(left, as_decimal(other)), right),
        _ => (to(left, DataType::BigInt), to(right, DataType::BigInt)),
    }
}

/// The decimal that holds every value of an integer type.
fn as_decimal(data_type: DataType) -> DataType {
    match data_type {
        DataType::Int => DataType::Decimal { precision: 10, scale: 0 },
        DataType::BigInt => DataType::Decimal { precision: 19, scale: 0 },
        other => other,
    }
}

/// The result of an operator on operands of one layout.
pub(super) fn arithmetic_type(op: BinaryOp, left: DataType, right: DataType) -> DataType {
    let (
        DataType::Decimal { precision: left, scale: left_scale },
        DataType::Decimal { precision: right, scale: right_scale },
    ) = (left, right)
    else {
        return left;
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

fn case(branches: Vec<(Expr, Typed)>, otherwise: Option<Typed>) -> Result<Typed, SqlError> {
    let values = || branches.iter().map(|(_, value)| value).chain(&otherwise);
    // A bare NULL is of any type: it has a say only where all values are NULL.
    let is_null = |value: &&Typed| matches!(&value.0, Expr::Literal(Value::Null, _));
    let typed = values().filter(|value| !is_null(value)).map(|value| value.1);
    let common = typed.map(Ok).reduce(|left, right| common_type(left?, right?));
    let common = match (common, values().next()) {
        (Some(common), _) => common?,
        (None, Some(null)) => null.1,
        (None, None) => return Err(SqlError::invalid_parameter("CASE has no branches")),
    };
    let branches = branches.into_iter().map(|(when, value)| (when, cast(value, common))).collect();
    let otherwise = match otherwise {
        Some(value) => cast(value, common),
        None => Expr::null(common),
    };
    Ok((Expr::case(branches, Some(otherwise)), common))
}

/// The type that holds the values of both.
fn common_type(left: DataType, right: DataType) -> Result<DataType, SqlError> {
    if left == right {
        return Ok(left);
    }
    if !left.is_numeric() || !right.is_numeric() {
        return Err(SqlError::datatype_mismatch(format!(
            "the values of one CASE are {left} and {right}"
        ))
        .hint("Cast them to one type."));
    }
    if left == DataType::Double || right == DataType::Double {
        return Ok(DataType::Double);
    }
    Ok(match (as_decimal(left), as_decimal(right)) {
        _ if !is_decimal(left) && !is_decimal(right) => DataType::BigInt,
        (
            DataType::Decimal { precision: left, scale: left_scale },
            DataType::Decimal { precision: right, scale: right_scale },
        ) => {
            let scale = left_scale.max(right_scale);
            let whole = (left - left_scale).max(right - right_scale);
            DataType::Decimal { precision: (whole + scale).min(PRECISION_MAX), scale }
        }
        (left, right) => unreachable!("{left} and {right} are decimals"),
    })
}

fn is_decimal(data_type: DataType) -> bool {
    matches!(data_type, DataType::Decimal { .. })
}

fn cast((expr, from): Typed, to: DataType) -> Expr {
    match expr {
        expr if from == to => expr,
        Expr::Literal(Value::Null, _) => Expr::null(to),
        expr => expr.cast(to),
    }
}

/// Whether a value of one type can be made into one of the other. BIGINT is the microseconds of a
/// TIMESTAMP, which is how plans do arithmetic on time.
fn can_cast(from: DataType, to: DataType) -> bool {
    let number = |data_type: DataType| data_type.is_numeric();
    match (from, to) {
        (left, right) if left == right => true,
        (DataType::Text, _) | (_, DataType::Text) => true,
        (DataType::Boolean, DataType::Int) | (DataType::Int, DataType::Boolean) => true,
        (DataType::Timestamp, DataType::BigInt) | (DataType::BigInt, DataType::Timestamp) => true,
        (from, to) => number(from) && number(to),
    }
}

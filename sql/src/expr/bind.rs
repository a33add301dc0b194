//! Names to positions, and the casts that operators need between numeric types.

use crate::error::SqlError;
use crate::expr::{BinaryOp, Expr, function, rules};
use crate::limits::EXPR_DEPTH_MAX;
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

/// An expression and its type.
pub(super) type Typed = (Expr, DataType);

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
            if !data_type.is_numeric() && data_type != DataType::Interval {
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
        Expr::Call { function, args } => {
            let args = args.iter().map(inner).collect::<Result<Vec<_>, _>>()?;
            function::bind(function, args)
        }
        Expr::Cast { input, to } => {
            to.check()?;
            let (input, from) = inner(input)?;
            if !rules::can_cast(from, *to) {
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

pub(super) fn binary(op: BinaryOp, left: Typed, right: Typed) -> Result<Typed, SqlError> {
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
    if left_type.is_numeric() && right_type.is_numeric() {
        if op == BinaryOp::Mod && (left_type.is_float() || right_type.is_float()) {
            return Err(refuse(left_type, right_type).hint("Cast both sides to DECIMAL."));
        }
        let (left_as, right_as) = rules::coerced(left_type, right_type);
        let data_type = match op.is_arithmetic() {
            true => rules::arithmetic_type(op, left_as, right_as),
            false => DataType::Boolean,
        };
        return Ok((join(op, cast(left, left_as), cast(right, right_as)), data_type));
    }
    if op.is_arithmetic() {
        let Some((left_as, right_as, swap)) = rules::temporal(op, left_type, right_type) else {
            return Err(refuse(left_type, right_type));
        };
        let (left, right) = ((cast(left, left_as), left_as), (cast(right, right_as), right_as));
        let (left, right) = if swap { (right, left) } else { (left, right) };
        let data_type = rules::arithmetic_type(op, left.1, right.1);
        return Ok((join(op, left.0, right.0), data_type));
    }
    let common = match rules::moment(left_type, right_type) {
        Some(common) => common,
        None if left_type.holds(right_type) => left_type,
        None => return Err(refuse(left_type, right_type)),
    };
    Ok((join(op, cast(left, common), cast(right, common)), DataType::Boolean))
}

fn join(op: BinaryOp, left: Expr, right: Expr) -> Expr {
    Expr::Binary { op, left: Box::new(left), right: Box::new(right) }
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
    rules::common_type(left, right).ok_or_else(|| {
        SqlError::datatype_mismatch(format!("the values of one CASE are {left} and {right}"))
            .hint("Cast them to one type.")
    })
}

pub(super) fn cast((expr, from): Typed, to: DataType) -> Expr {
    match expr {
        expr if from == to => expr,
        Expr::Literal(Value::Null, _) => Expr::null(to),
        expr => expr.cast(to),
    }
}

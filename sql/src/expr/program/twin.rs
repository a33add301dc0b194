//! The slow evaluator: one row, one value at a time, by recursion. Shares nothing with the
//! kernels but decimal arithmetic, which has its own tests.

use crate::decimal;
use crate::expr::failure::RowError;
use crate::expr::{BinaryOp, Expr};
use crate::schema::Schema;
use crate::types::DataType;
use crate::value::Value;

type Found = Result<Value, RowError>;

const OVERFLOW: RowError = RowError::Overflow;

/// The value of a bound expression for one row.
pub(super) fn evaluate(expr: &Expr, schema: &Schema, row: &[Value]) -> Found {
    let inner = |expr: &Expr| evaluate(expr, schema, row);
    match expr {
        Expr::Column(index) => Ok(row[*index].clone()),
        Expr::Named(name) => panic!("{name} is not bound"),
        Expr::Literal(value, _) => Ok(value.clone()),
        Expr::Binary { op, left, right } if op.is_logic() => logic(*op, inner(left), inner(right)),
        Expr::Binary { op, left, right } => {
            let (left, right) = both(inner(left), inner(right))?;
            if left.is_null() || right.is_null() {
                return Ok(Value::Null);
            }
            if op.is_arithmetic() {
                return arithmetic(*op, &left, &right, expr.data_type(schema).unwrap());
            }
            Ok(Value::Boolean(match op {
                BinaryOp::Eq => left == right,
                BinaryOp::NotEq => left != right,
                BinaryOp::Lt => left < right,
                BinaryOp::LtEq => left <= right,
                BinaryOp::Gt => left > right,
                _ => left >= right,
            }))
        }
        Expr::Not(input) => Ok(match inner(input)? {
            Value::Boolean(value) => Value::Boolean(!value),
            _ => Value::Null,
        }),
        Expr::IsNull(input) => Ok(Value::Boolean(inner(input)?.is_null())),
        Expr::Negate(input) => negate(inner(input)?),
        Expr::Case { branches, otherwise } => {
            for (condition, value) in branches {
                if inner(condition)? == Value::Boolean(true) {
                    return inner(value);
                }
            }
            inner(otherwise.as_ref().unwrap())
        }
        Expr::Call { function, .. } => panic!("{} has its twin elsewhere", function.name()),
        Expr::Cast { input, to } => match inner(input)? {
            Value::Null => Ok(Value::Null),
            value => cast(&value, *to),
        },
    }
}

fn both(left: Found, right: Found) -> Result<(Value, Value), RowError> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(left), Err(right)) => Err(left.min(right)),
        (Err(error), _) | (_, Err(error)) => Err(error),
    }
}

fn logic(op: BinaryOp, left: Found, right: Found) -> Found {
    let decides = Value::Boolean(op == BinaryOp::Or);
    if left.as_ref() == Ok(&decides) || right.as_ref() == Ok(&decides) {
        return Ok(decides);
    }
    let (left, right) = both(left, right)?;
    if left.is_null() || right.is_null() { Ok(Value::Null) } else { Ok(left) }
}

fn negate(value: Value) -> Found {
    match value {
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(OVERFLOW),
        Value::BigInt(value) => value.checked_neg().map(Value::BigInt).ok_or(OVERFLOW),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Decimal { units, scale } => Ok(Value::Decimal { units: -units, scale }),
        other => Ok(other),
    }
}

fn arithmetic(op: BinaryOp, left: &Value, right: &Value, result: DataType) -> Found {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let found = integer(op, i128::from(*left), i128::from(*right))?;
            i32::try_from(found).map(Value::Int).map_err(|_| OVERFLOW)
        }
        (Value::BigInt(left), Value::BigInt(right)) => {
            let found = integer(op, i128::from(*left), i128::from(*right))?;
            i64::try_from(found).map(Value::BigInt).map_err(|_| OVERFLOW)
        }
        (Value::Double(left), Value::Double(right)) => double(op, *left, *right),
        (Value::Decimal { units: a, scale: sa }, Value::Decimal { units: b, scale: sb }) => {
            let DataType::Decimal { scale, .. } = result else { panic!("{result}") };
            let (a, b, sa, sb) = (*a, *b, *sa, *sb);
            let divides = matches!(op, BinaryOp::Div | BinaryOp::Mod);
            if divides && b == 0 {
                return Err(RowError::DivisionByZero);
            }
            let units = match op {
                BinaryOp::Add => decimal::add(a, sa, b, sb),
                BinaryOp::Sub => decimal::add(a, sa, -b, sb),
                BinaryOp::Mul => decimal::multiply(a, b, sa + sb),
                BinaryOp::Div => decimal::divide(a, b, scale + sb - sa),
                _ => decimal::remainder(a, sa, b, sb),
            };
            units.map(|units| Value::Decimal { units, scale }).ok_or(OVERFLOW)
        }
        _ => panic!("{left:?} {op:?} {right:?}"),
    }
}

fn integer(op: BinaryOp, left: i128, right: i128) -> Result<i128, RowError> {
    match op {
        BinaryOp::Add => Ok(left + right),
        BinaryOp::Sub => Ok(left - right),
        BinaryOp::Mul => Ok(left * right),
        _ if right == 0 => Err(RowError::DivisionByZero),
        BinaryOp::Div => Ok(left / right),
        _ => Ok(left % right),
    }
}

fn double(op: BinaryOp, left: f64, right: f64) -> Found {
    let found = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        _ if right == 0.0 && !left.is_nan() => return Err(RowError::DivisionByZero),
        _ => left / right,
    };
    let finite = left.is_finite() && right.is_finite();
    if finite && found.is_infinite() {
        return Err(OVERFLOW);
    }
    let product = matches!(op, BinaryOp::Mul) && left != 0.0 && right != 0.0;
    let quotient = matches!(op, BinaryOp::Div) && left != 0.0 && !right.is_infinite();
    if found == 0.0 && (product || quotient) {
        return Err(RowError::Underflow);
    }
    Ok(Value::Double(found))
}

/// Casts by way of text wherever that says the same.
fn cast(value: &Value, to: DataType) -> Found {
    match (value, to) {
        (value, DataType::Text) => Ok(Value::text(&value.to_string())),
        (Value::Boolean(value), DataType::Int) => Ok(Value::Int(i32::from(*value))),
        (Value::Int(value), DataType::Boolean) => Ok(Value::Boolean(*value != 0)),
        (Value::BigInt(value), DataType::Timestamp) => Ok(Value::Timestamp(*value)),
        (Value::Timestamp(value), DataType::BigInt) => Ok(Value::BigInt(*value)),
        (Value::Double(value), DataType::Int | DataType::BigInt) => {
            let rounded = value.round_ties_even();
            let text = format!("{rounded:.0}");
            let found: i128 = text.parse().map_err(|_| OVERFLOW)?;
            whole(found, to)
        }
        (Value::Double(value), DataType::Decimal { precision, scale }) => {
            let units = decimal::from_f64(*value, precision, scale).ok_or(OVERFLOW)?;
            Ok(Value::Decimal { units, scale })
        }
        (value, DataType::Double) => {
            let text = value.to_string();
            let parsed = text.parse().map_err(|_| RowError::InvalidText)?;
            Ok(Value::Double(parsed))
        }
        (value, DataType::Decimal { precision, scale }) => {
            match decimal::parse(&value.to_string(), precision, scale) {
                Ok(units) => Ok(Value::Decimal { units, scale }),
                Err(decimal::ParseError::TooWide) => Err(OVERFLOW),
                Err(decimal::ParseError::Invalid) => Err(RowError::InvalidText),
            }
        }
        // Too many digits are noticed before what follows them, as in PostgreSQL.
        (Value::Text(text), DataType::Int) => {
            text.parse().map(Value::Int).map_err(|error| invalid_integer(&error))
        }
        (Value::Text(text), DataType::BigInt) => {
            text.parse().map(Value::BigInt).map_err(|error| invalid_integer(&error))
        }
        (value, to) => match decimal::parse(&value.to_string(), 38, 0) {
            Ok(units) => whole(units, to),
            Err(_) => Err(OVERFLOW),
        },
    }
}

fn invalid_integer(error: &std::num::ParseIntError) -> RowError {
    match error.to_string().contains("too") {
        true => OVERFLOW,
        false => RowError::InvalidText,
    }
}

fn whole(value: i128, to: DataType) -> Found {
    match to {
        DataType::Int => i32::try_from(value).map(Value::Int).map_err(|_| OVERFLOW),
        _ => i64::try_from(value).map(Value::BigInt).map_err(|_| OVERFLOW),
    }
}

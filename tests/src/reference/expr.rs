//! Expressions, one row and one node of the tree at a time.

use std::cmp::Ordering;

use sluicedb_sql::Value;
use sluicedb_sql::expr::{BinaryOp, Expr};

use super::call::call;
use super::cast::cast;
use super::number::Number;

/// Digits of the widest decimal.
pub(super) const DIGITS_MAX: u8 = 38;

/// Digits behind the point that a quotient of decimals has at least.
pub(super) const QUOTIENT_DIGITS: u8 = 16;

/// Why an expression has no value for a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The row is to blame: PostgreSQL would raise an error.
    Row(&'static str),
    /// The reference does not know how.
    Unsupported(String),
}

pub(super) const OVERFLOW: Failure = Failure::Row("out of range");
pub(super) const ZERO_DIVISOR: Failure = Failure::Row("division by zero");

/// The value, or why there is none.
pub(super) type Computed = Result<Value, Failure>;

/// The value of a bound expression over a row.
pub(super) fn evaluate(expr: &Expr, row: &[Value]) -> Computed {
    match expr {
        Expr::Column(column) => Ok(row[*column].clone()),
        Expr::Named(name) => Err(Failure::Unsupported(format!("column {name} is not bound"))),
        Expr::Literal(value, _) => Ok(value.clone()),
        Expr::Binary { op: BinaryOp::And, left, right } => {
            connect(false, evaluate(left, row), evaluate(right, row))
        }
        Expr::Binary { op: BinaryOp::Or, left, right } => {
            connect(true, evaluate(left, row), evaluate(right, row))
        }
        Expr::Binary { op, left, right } => {
            let (left, right) = (evaluate(left, row)?, evaluate(right, row)?);
            match op.is_arithmetic() {
                _ if left.is_null() || right.is_null() => Ok(Value::Null),
                true => compute(*op, &left, &right),
                false => Ok(Value::Boolean(compare(*op, left.cmp(&right)))),
            }
        }
        Expr::Not(input) => match evaluate(input, row)? {
            Value::Boolean(value) => Ok(Value::Boolean(!value)),
            null => Ok(null),
        },
        Expr::IsNull(input) => Ok(Value::Boolean(evaluate(input, row)?.is_null())),
        Expr::Negate(input) => negate(evaluate(input, row)?),
        Expr::Case { branches, otherwise } => {
            for (condition, value) in branches {
                if evaluate(condition, row)? == Value::Boolean(true) {
                    return evaluate(value, row);
                }
            }
            otherwise.as_ref().map_or(Ok(Value::Null), |otherwise| evaluate(otherwise, row))
        }
        Expr::Call { function, args } => call(function, args, row),
        Expr::Cast { input, to } => cast(evaluate(input, row)?, *to),
    }
}

/// AND where `decides` is false, OR where it is true: one side that has that value decides,
/// whatever the other one is, even where it fails.
fn connect(decides: bool, left: Computed, right: Computed) -> Computed {
    let decided = Ok(Value::Boolean(decides));
    if left == decided || right == decided {
        return decided;
    }
    let (left, right) = (left?, right?);
    Ok(if left.is_null() { left } else { right })
}

fn compare(op: BinaryOp, order: Ordering) -> bool {
    match op {
        BinaryOp::Eq => order.is_eq(),
        BinaryOp::NotEq => order.is_ne(),
        BinaryOp::Lt => order.is_lt(),
        BinaryOp::LtEq => order.is_le(),
        BinaryOp::Gt => order.is_gt(),
        BinaryOp::GtEq => order.is_ge(),
        other => unreachable!("{other:?} does not compare"),
    }
}

fn negate(value: Value) -> Computed {
    match value {
        Value::Null => Ok(Value::Null),
        Value::Int(value) => value.checked_neg().map(Value::Int).ok_or(OVERFLOW),
        Value::BigInt(value) => value.checked_neg().map(Value::BigInt).ok_or(OVERFLOW),
        Value::Double(value) => Ok(Value::Double(-value)),
        Value::Decimal { units, scale } => Ok(Value::Decimal { units: -units, scale }),
        other => unreachable!("binding refuses -{other}"),
    }
}

/// Arithmetic on operands of one type, neither of them NULL.
fn compute(op: BinaryOp, left: &Value, right: &Value) -> Computed {
    match (left, right) {
        (Value::Int(left), Value::Int(right)) => {
            let result = integers(op, i128::from(*left), i128::from(*right))?;
            i32::try_from(result).map(Value::Int).map_err(|_| OVERFLOW)
        }
        (Value::BigInt(left), Value::BigInt(right)) => {
            let result = integers(op, i128::from(*left), i128::from(*right))?;
            i64::try_from(result).map(Value::BigInt).map_err(|_| OVERFLOW)
        }
        (Value::Double(left), Value::Double(right)) => doubles(op, *left, *right),
        (
            Value::Decimal { units: left, scale: left_scale },
            Value::Decimal { units: right, scale: right_scale },
        ) => decimals(op, (*left, *left_scale), (*right, *right_scale)),
        _ => unreachable!("binding refuses {left} {op:?} {right}"),
    }
}

/// Two integers of at most 64 bits, whose results all fit 128.
fn integers(op: BinaryOp, left: i128, right: i128) -> Result<i128, Failure> {
    match op {
        BinaryOp::Add => Ok(left + right),
        BinaryOp::Sub => Ok(left - right),
        BinaryOp::Mul => Ok(left * right),
        BinaryOp::Div | BinaryOp::Mod if right == 0 => Err(ZERO_DIVISOR),
        BinaryOp::Div => Ok(left / right),
        BinaryOp::Mod => Ok(left % right),
        other => unreachable!("{other:?} is not arithmetic"),
    }
}

fn doubles(op: BinaryOp, left: f64, right: f64) -> Computed {
    if op == BinaryOp::Div && right == 0.0 && !left.is_nan() {
        return Err(ZERO_DIVISOR);
    }
    let result = match op {
        BinaryOp::Add => left + right,
        BinaryOp::Sub => left - right,
        BinaryOp::Mul => left * right,
        BinaryOp::Div => left / right,
        other => unreachable!("binding refuses {other:?} of doubles"),
    };
    let infinite_right = right.is_infinite() && op != BinaryOp::Div;
    if result.is_infinite() && !left.is_infinite() && !infinite_right {
        return Err(OVERFLOW);
    }
    let vanished = match op {
        BinaryOp::Mul => result == 0.0 && left != 0.0 && right != 0.0,
        BinaryOp::Div => result == 0.0 && left != 0.0 && !right.is_infinite(),
        _ => false,
    };
    if vanished { Err(OVERFLOW) } else { Ok(Value::Double(result)) }
}

/// Decimals as units and scale. Sums need both operands at the larger scale; a product has the
/// digits of both, a quotient at least 16 behind the point, and either at most 38.
fn decimals(op: BinaryOp, left: (i128, u8), right: (i128, u8)) -> Computed {
    let larger = left.1.max(right.1);
    let aligned = |(units, scale): (i128, u8)| {
        let number = Number::of(units).rescaled(scale, larger);
        number.units(DIGITS_MAX).map(|_| number).ok_or(OVERFLOW)
    };
    let (result, scale) = match op {
        BinaryOp::Add => (aligned(left)?.plus(&aligned(right)?), larger),
        BinaryOp::Sub => (aligned(left)?.plus(&aligned(right)?.negated()), larger),
        BinaryOp::Mul => {
            let (product, scale) =
                (Number::of(left.0).times(&Number::of(right.0)), left.1 + right.1);
            (product.rescaled(scale, scale.min(DIGITS_MAX)), scale.min(DIGITS_MAX))
        }
        BinaryOp::Div | BinaryOp::Mod if right.0 == 0 => return Err(ZERO_DIVISOR),
        BinaryOp::Div => {
            let scale = larger.max(QUOTIENT_DIGITS);
            let dividend = Number::of(left.0).shifted(scale + right.1);
            (dividend.divided_rounded(&Number::of(right.0).shifted(left.1)), scale)
        }
        BinaryOp::Mod => (aligned(left)?.divided(&aligned(right)?).1, larger),
        other => unreachable!("{other:?} is not arithmetic"),
    };
    let units = result.units(DIGITS_MAX).ok_or(OVERFLOW)?;
    Ok(Value::Decimal { units, scale })
}

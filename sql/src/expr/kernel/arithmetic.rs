//! `+ - * / %` and minus, checked.

use crate::column::Column;
use crate::decimal;
use crate::expr::BinaryOp;
use crate::expr::failure::RowError;
use crate::expr::kernel::cast::{narrow_real, small};
use crate::expr::kernel::{Found, map, temporal, zip};
use crate::expr::program::Register;
use crate::types::{DataType, Physical};

const ZERO: RowError = RowError::DivisionByZero;
const OVERFLOW: RowError = RowError::Overflow;

/// The operators of one integer type.
macro_rules! integers {
    ($op:expr, $left:expr, $right:expr, $out:expr, $read:ident, $write:ident) => {{
        let (left, right) = ($left.$read(), $right.$read());
        match $op {
            BinaryOp::Add => zip(left, right, $out, Column::$write, |left, right| {
                left.checked_add(right).ok_or(OVERFLOW)
            }),
            BinaryOp::Sub => zip(left, right, $out, Column::$write, |left, right| {
                left.checked_sub(right).ok_or(OVERFLOW)
            }),
            BinaryOp::Mul => zip(left, right, $out, Column::$write, |left, right| {
                left.checked_mul(right).ok_or(OVERFLOW)
            }),
            BinaryOp::Div => zip(left, right, $out, Column::$write, |left, right| match right {
                0 => Err(ZERO),
                _ => left.checked_div(right).ok_or(OVERFLOW),
            }),
            // The remainder of the least number by -1 is 0, although the quotient overflows.
            BinaryOp::Mod => zip(left, right, $out, Column::$write, |left, right| match right {
                0 => Err(ZERO),
                _ => Ok(left.wrapping_rem(right)),
            }),
            other => unreachable!("{other:?} is not arithmetic"),
        }
    }};
}

pub(super) fn binary(op: BinaryOp, left: &Column, right: &Column, out: &mut Register) {
    if !left.data_type().is_numeric() {
        return temporal::binary(op, left, right, out);
    }
    match out.column.data_type().physical() {
        Physical::I32 if out.column.data_type() == DataType::SmallInt => {
            small_integers(op, left.i32s(), right.i32s(), out);
        }
        Physical::F64 if out.column.data_type() == DataType::Real => {
            reals(op, left.f64s(), right.f64s(), out);
        }
        Physical::I32 => integers!(op, left, right, out, i32s, i32s_mut),
        Physical::I64 => integers!(op, left, right, out, i64s, i64s_mut),
        Physical::F64 => doubles(op, left.f64s(), right.f64s(), out),
        Physical::I128 => decimals(op, left, right, out),
        other => unreachable!("{other:?} has no arithmetic"),
    }
}

/// SMALLINT lies in an `i32`, in which no operator on two of them overflows.
fn small_integers(op: BinaryOp, left: &[i32], right: &[i32], out: &mut Register) {
    zip(left, right, out, Column::i32s_mut, |left, right| {
        let found = match op {
            BinaryOp::Add => left + right,
            BinaryOp::Sub => left - right,
            BinaryOp::Mul => left * right,
            BinaryOp::Div | BinaryOp::Mod if right == 0 => return Err(ZERO),
            BinaryOp::Div => left / right,
            BinaryOp::Mod => left % right,
            other => unreachable!("{other:?} is not arithmetic"),
        };
        small(found.into())
    });
}

/// REAL lies in an `f64`, computes there and is rounded. That rounds twice, and gives what one
/// rounding gives: a double has more than twice the digits of a REAL and two more, so that a
/// sum, product or quotient that lies between two doubles is never mistaken for a tie of REALs.
fn reals(op: BinaryOp, left: &[f64], right: &[f64], out: &mut Register) {
    zip(left, right, out, Column::f64s_mut, |left, right| {
        narrow_real(match op {
            BinaryOp::Add => left + right,
            BinaryOp::Sub => left - right,
            BinaryOp::Mul => left * right,
            BinaryOp::Div => quotient(left, right)?,
            other => unreachable!("{other:?} is not defined for REAL"),
        })
    });
}

pub(super) fn negate(input: &Column, out: &mut Register) {
    match out.column.data_type().physical() {
        Physical::I32 if out.column.data_type() == DataType::SmallInt => {
            map(input.i32s(), out, Column::i32s_mut, |value| small((-value).into()));
        }
        Physical::I128 if out.column.data_type() == DataType::Interval => {
            temporal::negate(input, out);
        }
        Physical::I32 => {
            map(input.i32s(), out, Column::i32s_mut, |value| value.checked_neg().ok_or(OVERFLOW));
        }
        Physical::I64 => {
            map(input.i64s(), out, Column::i64s_mut, |value| value.checked_neg().ok_or(OVERFLOW));
        }
        Physical::F64 => map(input.f64s(), out, Column::f64s_mut, |value| Ok(-value)),
        Physical::I128 => map(input.i128s(), out, Column::i128s_mut, |value| Ok(-value)),
        other => unreachable!("{other:?} has no minus"),
    }
}

fn doubles(op: BinaryOp, left: &[f64], right: &[f64], out: &mut Register) {
    let slots = Column::f64s_mut;
    match op {
        BinaryOp::Add => zip(left, right, out, slots, |left, right| sum(left, right, left + right)),
        BinaryOp::Sub => zip(left, right, out, slots, |left, right| sum(left, right, left - right)),
        BinaryOp::Mul => zip(left, right, out, slots, |left, right| {
            let found = sum(left, right, left * right)?;
            let lost = found == 0.0 && left != 0.0 && right != 0.0;
            if lost { Err(RowError::Underflow) } else { Ok(found) }
        }),
        BinaryOp::Div => zip(left, right, out, slots, quotient),
        other => unreachable!("{other:?} is not defined for doubles"),
    }
}

/// Infinity comes only from infinity.
fn sum(left: f64, right: f64, found: f64) -> Found<f64> {
    let new = found.is_infinite() && !left.is_infinite() && !right.is_infinite();
    if new { Err(OVERFLOW) } else { Ok(found) }
}

fn quotient(left: f64, right: f64) -> Found<f64> {
    if right == 0.0 && !left.is_nan() {
        return Err(ZERO);
    }
    let found = left / right;
    if found.is_infinite() && !left.is_infinite() {
        return Err(OVERFLOW);
    }
    let lost = found == 0.0 && left != 0.0 && !right.is_infinite();
    if lost { Err(RowError::Underflow) } else { Ok(found) }
}

fn decimals(op: BinaryOp, left: &Column, right: &Column, out: &mut Register) {
    let (left_scale, right_scale) = (scale(left), scale(right));
    let result_scale = scale(&out.column);
    let (left, right, slots) = (left.i128s(), right.i128s(), Column::i128s_mut);
    match op {
        BinaryOp::Add => zip(left, right, out, slots, |left, right| {
            decimal::add(left, left_scale, right, right_scale).ok_or(OVERFLOW)
        }),
        BinaryOp::Sub => zip(left, right, out, slots, |left, right| {
            decimal::add(left, left_scale, -right, right_scale).ok_or(OVERFLOW)
        }),
        BinaryOp::Mul => zip(left, right, out, slots, |left, right| {
            decimal::multiply(left, right, left_scale + right_scale).ok_or(OVERFLOW)
        }),
        BinaryOp::Div => {
            let shift = result_scale + right_scale - left_scale;
            zip(left, right, out, slots, |left, right| match right {
                0 => Err(ZERO),
                _ => decimal::divide(left, right, shift).ok_or(OVERFLOW),
            });
        }
        BinaryOp::Mod => zip(left, right, out, slots, |left, right| match right {
            0 => Err(ZERO),
            _ => decimal::remainder(left, left_scale, right, right_scale).ok_or(OVERFLOW),
        }),
        other => unreachable!("{other:?} is not arithmetic"),
    }
}

fn scale(column: &Column) -> u8 {
    match column.data_type() {
        DataType::Decimal { scale, .. } => scale,
        other => unreachable!("{other} has no scale"),
    }
}

//! What instructions do: one function a kind of instruction, one plain loop a type.

mod arithmetic;
mod call;
mod cast;
mod compare;
mod logic;
mod select;
mod temporal;

use crate::column::Column;
use crate::expr::BinaryOp;
use crate::expr::failure::{Failures, RowError};
use crate::expr::program::{Instruction, Operand, Operation, Register, Slot};
use crate::types::DataType;
use crate::value::Value;

pub(super) use call::{Prepared, Work};

/// What a kernel finds for one row.
type Found<T> = Result<T, RowError>;

/// Computes `instruction` over `rows` rows.
pub(super) fn execute<'a>(
    instruction: &Instruction,
    operand: impl Fn(Slot) -> Operand<'a>,
    rows: usize,
    out: &mut Register,
) {
    out.failed.clear();
    out.column.clear_nulls();
    out.column.resize(rows);
    match &instruction.operation {
        &Operation::Binary(op, left, right) => {
            let (left, right) = (operand(left), operand(right));
            match op {
                BinaryOp::And | BinaryOp::Or => logic::combine(op, left, right, out),
                _ => strict(&[left, right], out),
            }
            match op {
                BinaryOp::And | BinaryOp::Or => {}
                _ if op.is_arithmetic() => arithmetic::binary(op, left.column, right.column, out),
                _ => compare::compare(op, left.column, right.column, out),
            }
        }
        &Operation::Not(input) => {
            strict(&[operand(input)], out);
            logic::not(operand(input).column, out);
        }
        &Operation::IsNull(input) => logic::is_null(operand(input), out),
        &Operation::Negate(input) => {
            strict(&[operand(input)], out);
            arithmetic::negate(operand(input).column, out);
        }
        &Operation::Cast(input) => {
            strict(&[operand(input)], out);
            cast::cast(operand(input).column, out);
        }
        Operation::Call(call) => call::call(call, operand, rows, out),
        &Operation::Select { condition, then, otherwise } => {
            select::select(operand(condition), operand(then), operand(otherwise), out);
        }
    }
    out.failed.settle();
    assert_eq!(out.column.len(), rows, "a kernel fills its register");
}

/// A value as another type; `None` where it is none of that type.
pub(super) fn cast_of(value: &Value, from: DataType, to: DataType) -> Option<Value> {
    let (column, failed) = (Column::of(from, [value]), Failures::new());
    let operand = |_| Operand { column: &column, failed: &failed };
    let mut out = Register::new(to);
    let operation = Operation::Cast(Slot::Input(0));
    execute(&Instruction { operation, data_type: to }, operand, 1, &mut out);
    out.failed.is_empty().then(|| out.column.value(0))
}

/// NULL in, NULL out; failed in, failed out.
#[inline]
fn strict(operands: &[Operand<'_>], out: &mut Register) {
    let plain = |operand: &Operand<'_>| !operand.column.has_nulls() && operand.failed.is_empty();
    if !operands.iter().all(plain) {
        hand_on(operands, out);
    }
}

/// Makes the rows NULL that are NULL in an operand, and fails those that failed in one.
fn hand_on(operands: &[Operand<'_>], out: &mut Register) {
    out.column.fill_nulls(|word| {
        operands.iter().fold(0, |nulls, operand| nulls | null_word(operand.column, word))
    });
    for operand in operands {
        out.failed.add_if(operand.failed, |_| true);
    }
}

fn null_word(column: &Column, word: usize) -> u64 {
    column.nulls().words().get(word).copied().unwrap_or(0)
}

/// Lists the rows for which `find` fails, after a loop saw that there are some. What is NULL did
/// not fail: its slot held no value to compute with.
#[cold]
fn note_failures<T>(out: &mut Register, find: impl Fn(usize) -> Found<T>) {
    for row in 0..out.column.len() {
        if out.column.is_null(row) {
            continue;
        }
        if let Err(error) = find(row) {
            out.failed.add(row as u32, error);
            out.column.set_null(row);
        }
    }
}

/// Fills the register from one column, row by row.
fn map<A: Copy, B: Copy + Default>(
    input: &[A],
    out: &mut Register,
    slots: impl Fn(&mut Column) -> &mut [B],
    find: impl Fn(A) -> Found<B>,
) {
    let mut any = false;
    for (slot, value) in slots(&mut out.column).iter_mut().zip(input) {
        let found = find(*value);
        any |= found.is_err();
        *slot = found.unwrap_or_default();
    }
    if any {
        note_failures(out, |row| find(input[row]));
    }
}

/// Fills the register from two columns, row by row.
fn zip<A: Copy, B: Copy, C: Copy + Default>(
    left: &[A],
    right: &[B],
    out: &mut Register,
    slots: impl Fn(&mut Column) -> &mut [C],
    find: impl Fn(A, B) -> Found<C>,
) {
    let mut any = false;
    for ((slot, left), right) in slots(&mut out.column).iter_mut().zip(left).zip(right) {
        let found = find(*left, *right);
        any |= found.is_err();
        *slot = found.unwrap_or_default();
    }
    if any {
        note_failures(out, |row| find(left[row], right[row]));
    }
}

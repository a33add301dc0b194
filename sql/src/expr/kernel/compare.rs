//! Comparisons.

use std::cmp::Ordering;

use crate::column::{Bitmap, Column, Values};
use crate::decimal;
use crate::expr::BinaryOp;
use crate::expr::program::Register;
use crate::interval::span_of;
use crate::types::DataType;
use crate::value::compare_doubles;

pub(super) fn compare(op: BinaryOp, left: &Column, right: &Column, out: &mut Register) {
    let bits = out.column.bools_mut();
    match (left.values(), right.values()) {
        (Values::I32(left), Values::I32(right)) => each(op, left, right, bits, |l, r| l.cmp(&r)),
        (Values::I64(left), Values::I64(right)) => each(op, left, right, bits, |l, r| l.cmp(&r)),
        (Values::F64(left), Values::F64(right)) => each(op, left, right, bits, compare_doubles),
        (Values::I128(left_units), Values::I128(right_units)) => {
            match (left.data_type(), right.data_type()) {
                (DataType::Decimal { scale: left, .. }, DataType::Decimal { scale: right, .. })
                    if left != right =>
                {
                    each(op, left_units, right_units, bits, |l, r| {
                        decimal::compare(l, left, r, right)
                    })
                }
                (DataType::Interval, _) => {
                    each(op, left_units, right_units, bits, |l, r| span_of(l).cmp(&span_of(r)))
                }
                _ => each(op, left_units, right_units, bits, |l, r| l.cmp(&r)),
            }
        }
        (Values::Bool(left), Values::Bool(right)) => {
            rows(op, bits, |row| left.get(row).cmp(&right.get(row)));
        }
        (Values::Text(left), Values::Text(right)) => match op {
            BinaryOp::Eq => fill(bits, |row| left.equal(row, right, row)),
            BinaryOp::NotEq => fill(bits, |row| !left.equal(row, right, row)),
            _ => rows(op, bits, |row| left.bytes(row).cmp(right.bytes(row))),
        },
        _ => unreachable!("{} and {} are not compared", left.data_type(), right.data_type()),
    }
}

/// Compares plain values.
fn each<T: Copy>(
    op: BinaryOp,
    left: &[T],
    right: &[T],
    bits: &mut Bitmap,
    order: impl Fn(T, T) -> Ordering,
) {
    let (left, right) = (&left[..bits.len()], &right[..bits.len()]);
    rows(op, bits, |row| order(left[row], right[row]));
}

/// Branches on the operator once, and then only on values.
fn rows(op: BinaryOp, bits: &mut Bitmap, order: impl Fn(usize) -> Ordering) {
    match op {
        BinaryOp::Eq => fill(bits, |row| order(row).is_eq()),
        BinaryOp::NotEq => fill(bits, |row| order(row).is_ne()),
        BinaryOp::Lt => fill(bits, |row| order(row).is_lt()),
        BinaryOp::LtEq => fill(bits, |row| order(row).is_le()),
        BinaryOp::Gt => fill(bits, |row| order(row).is_gt()),
        BinaryOp::GtEq => fill(bits, |row| order(row).is_ge()),
        other => unreachable!("{other:?} is not a comparison"),
    }
}

pub(super) fn fill(bits: &mut Bitmap, bit: impl Fn(usize) -> bool) {
    let len = bits.len();
    bits.fill_words(|word| {
        let start = word * 64;
        if len - start < 64 {
            return (start..len).fold(0, |word, row| word | u64::from(bit(row)) << (row % 64));
        }
        pack(&std::array::from_fn(|at| bit(start + at)))
    });
}

/// One bit for each truth, the first in the lowest.
fn pack(found: &[bool; 64]) -> u64 {
    let (bytes, _) = found.as_chunks::<8>();
    let bytes = bytes.iter().map(|bytes| u64::from_le_bytes(bytes.map(u8::from)));
    // The factor moves the lowest bit of byte `i` to bit `56 + i`; no two products meet in a bit.
    let bits = bytes.map(|bytes| bytes.wrapping_mul(0x0102_0408_1020_4080) >> 56);
    bits.enumerate().fold(0, |word, (at, bits)| word | bits << (at * 8))
}

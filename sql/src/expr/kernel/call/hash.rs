//! The hash of values. It is the one that places rows, so that a query can tell where a key lies.

use crate::column::{Column, Values};
use crate::expr::kernel::call::texts::spread_failures;
use crate::expr::program::{Operand, Register};
use crate::interval::span_of;
use crate::types::DataType;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const WORD: u64 = 0xd6e8_feb8_6659_fd93;
const FINAL: u64 = 0xa076_1d64_78bd_642f;
const NULL: u64 = 0x6a09_e667_f3bc_c909;

fn fold(state: u64, word: u64) -> u64 {
    let product = u128::from(state ^ word) * u128::from(WORD);
    (product as u64 ^ (product >> 64) as u64).wrapping_add(state.rotate_left(23))
}

fn finish(state: u64) -> u64 {
    let product = u128::from(state ^ (state >> 32)) * u128::from(FINAL);
    product as u64 ^ (product >> 64) as u64
}

fn fold_bytes(mut state: u64, bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = fold(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    fold(fold(state, u64::from_le_bytes(last)), bytes.len() as u64)
}

fn double_bits(value: f64) -> u64 {
    match value {
        value if value.is_nan() => f64::NAN.to_bits(),
        0.0 => 0,
        value => value.to_bits(),
    }
}

fn fold_value(state: u64, column: &Column, row: usize) -> u64 {
    match column.values() {
        _ if column.is_null(row) => fold(state, NULL),
        Values::Bool(bits) => fold(state, u64::from(bits.get(row))),
        Values::I32(values) => fold(state, i64::from(values[row]) as u64),
        Values::I64(values) => fold(state, values[row] as u64),
        Values::F64(values) => fold(state, double_bits(values[row])),
        // Intervals of one span are equal, whatever their months and days.
        Values::I128(values) if column.data_type() == DataType::Interval => {
            let span = span_of(values[row]);
            fold(fold(state, span as u64), (span >> 64) as u64)
        }
        Values::I128(values) => fold(fold(state, values[row] as u64), (values[row] >> 64) as u64),
        Values::Text(texts) => fold_bytes(state, texts.bytes(row)),
    }
}

pub(super) fn hash64(args: &[Operand<'_>], out: &mut Register) {
    for (row, slot) in out.column.i64s_mut().iter_mut().enumerate() {
        let state = args.iter().fold(SEED, |state, arg| fold_value(state, arg.column, row));
        *slot = finish(state) as i64;
    }
    spread_failures(args, out);
}

/// The hash of one value, by which sets of constants place it.
pub(super) fn of_value(column: &Column, row: usize) -> u64 {
    finish(fold_value(SEED, column, row))
}

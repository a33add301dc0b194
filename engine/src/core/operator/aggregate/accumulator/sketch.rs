//! APPROX_DISTINCT and APPROX_PERCENTILE over input that never retracts.
//!
//! APPROX_DISTINCT is a HyperLogLog of 4096 registers, a byte each, in four states: the standard
//! error is `1.04 / sqrt(4096)`, 1.6 %. Its estimate is the one of Ertl ("New cardinality
//! estimation algorithms for HyperLogLog sketches", algorithm 6), which has no bias for few values
//! and needs neither tables nor logarithms.
//!
//! APPROX_PERCENTILE counts numbers by their sign, exponent and first six bits of fraction, and
//! gives the middle of such a range: within 1/128 of the number. Ranges do not depend on what came,
//! so that sketches add up without loss. A group has at most 262 144 of them, of which data of
//! nine orders of magnitude and one sign meets 1 920.

use sluicedb_sql::Column;

use super::super::layout::Group;
use super::{Entry, Store};
use crate::core::hash::hash_rows;
use crate::core::morsel::Morsel;

/// States of a sketch, and bytes of each.
pub(super) const STATES: usize = 4;
pub(super) const STATE_BYTES: usize = REGISTERS / STATES;

const REGISTERS: usize = 1 << INDEX_BITS;
const INDEX_BITS: u32 = 12;

/// The largest register: all bits behind the index are zero.
const RANK_MAX: usize = 64 - INDEX_BITS as usize + 1;

/// Bits of the fraction of a double that a rounded one has not.
const CUT_BITS: u32 = 46;

/// How many different values a column has, about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sketch {
    pub(super) column: usize,
}

/// The middle of the range that a number is in.
pub(super) fn rounded(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    f64::from_bits(number.to_bits() >> CUT_BITS << CUT_BITS | 1 << (CUT_BITS - 1))
}

impl Sketch {
    pub(super) fn update(&self, store: &mut Store<'_>, morsel: &Morsel, entries: &[Entry]) {
        let column = &morsel.columns[self.column];
        let mut hashes = Vec::new();
        hash_rows(std::iter::once(column), morsel.rows(), &mut hashes);
        for entry in entries {
            let row = entry.row as usize;
            if !column.is_null(row) {
                let (register, rank) = place(hashes[row]);
                raise(store, entry.group, register, rank);
            }
        }
    }

    /// Raises the registers of one group to those of another.
    pub(super) fn merge(
        &self,
        store: &mut Store<'_>,
        from: Group,
        into: Group,
        scratch: &mut Vec<u8>,
    ) {
        for field in store.fields {
            scratch.clear();
            scratch.extend_from_slice(&store.layout.state(store.arena, from, field)[..STATE_BYTES]);
            let registers = store.layout.state_mut(store.arena, into, field);
            for (own, other) in registers.iter_mut().zip(scratch.iter()) {
                *own = (*own).max(*other);
            }
        }
    }

    /// Appends the estimate.
    pub(super) fn push(&self, registers: [&[u8]; STATES], out: &mut Column) {
        let mut counts = [0; RANK_MAX + 1];
        for state in registers {
            state[..STATE_BYTES].iter().for_each(|rank| counts[usize::from(*rank)] += 1);
        }
        out.push_i64(estimate(&counts).round() as i64);
    }
}

/// The register of a hash, and what it says there: how many zeros come before the first one.
fn place(hash: u64) -> (usize, u8) {
    // A group has rows whose keys hash alike in the upper bits, where its partition is.
    let mixed = (hash ^ hash >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = mixed ^ mixed >> 32;
    let rest = mixed << INDEX_BITS | 1 << (INDEX_BITS - 1);
    ((mixed >> (64 - INDEX_BITS)) as usize, rest.leading_zeros() as u8 + 1)
}

fn raise(store: &mut Store<'_>, group: Group, register: usize, rank: u8) {
    let field = store.fields[register / STATE_BYTES];
    let at = register % STATE_BYTES;
    // Most rows change nothing, and what is not written need not be copied for a freeze.
    if store.layout.state(store.arena, group, field)[at] < rank {
        store.layout.state_mut(store.arena, group, field)[at] = rank;
    }
}

/// How many values leave so many registers of each rank.
fn estimate(counts: &[u32; RANK_MAX + 1]) -> f64 {
    let all = REGISTERS as f64;
    let part = |rank: usize| f64::from(counts[rank]) / all;
    let mut sum = all * above(1.0 - part(RANK_MAX));
    for rank in (1..RANK_MAX).rev() {
        sum = 0.5 * (sum + f64::from(counts[rank]));
    }
    sum += all * below(part(0));
    all * all / (2.0 * std::f64::consts::LN_2 * sum)
}

/// What registers that are full stand for.
fn above(part: f64) -> f64 {
    if part == 0.0 || part == 1.0 {
        return 0.0;
    }
    let (mut x, mut y, mut z) = (part, 1.0, 1.0 - part);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z == before {
            return z / 3.0;
        }
    }
}

/// What registers that are empty stand for.
fn below(part: f64) -> f64 {
    if part == 1.0 {
        return f64::INFINITY;
    }
    let (mut x, mut y, mut z) = (part, 1.0, part);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z == before {
            return z;
        }
    }
}

const _: () = assert!(REGISTERS == STATES * STATE_BYTES);

#[cfg(test)]
mod tests {
    use super::*;
    use sluicedb_sql::{DataType, Value};

    fn estimated(values: impl Iterator<Item = i64>) -> f64 {
        let values: Vec<Value> = values.map(Value::BigInt).collect();
        let column = Column::of(DataType::BigInt, &values);
        let (mut hashes, mut registers) = (Vec::new(), [0_u8; REGISTERS]);
        hash_rows(std::iter::once(&column), values.len(), &mut hashes);
        for hash in hashes {
            let (register, rank) = place(hash);
            registers[register] = registers[register].max(rank);
        }
        let mut counts = [0; RANK_MAX + 1];
        registers.iter().for_each(|rank| counts[usize::from(*rank)] += 1);
        estimate(&counts)
    }

    #[test]
    fn an_estimate_is_within_three_standard_errors() {
        for count in [0, 1, 2, 10, 100, 1_000, 5_000, 20_000, 300_000] {
            for (start, step) in [(0, 1), (-7, 1 << 33), (1 << 50, 1000)] {
                let found = estimated((0..count).map(|at| start + at * step));
                let error = (found - count as f64).abs();
                assert!(error <= count as f64 * 0.049, "{found} for {count} from {start}");
            }
        }
        assert_eq!(estimated(std::iter::repeat_n(5, 1000)).round(), 1.0);
    }

    #[test]
    fn a_rounded_number_is_near_and_in_order() {
        let mut last = f64::NEG_INFINITY;
        for at in -2000..2000 {
            let number = (f64::from(at) / 7.0).powi(5);
            let near = rounded(number);
            assert!((near - number).abs() <= number.abs() / 128.0 && near >= last);
            last = near;
        }
        assert!(rounded(f64::NAN).is_nan() && rounded(f64::INFINITY) == f64::INFINITY);
    }
}

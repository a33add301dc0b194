//! SUM and AVG of doubles.
//!
//! State: the number of values; then, over input that never retracts, the sum in order of arrival
//! and a byte of marks for NaN and the infinities; over input that can retract, how many of those
//! there are and the exact sum of the rest.
//!
//! A sum of finite values that is beyond all doubles does not fit, as in PostgreSQL. Added in order
//! of arrival it never fits again.

use sluicedb_sql::{Column, DataType};

use super::exact::{self, EXACT_BYTES};
use super::rows::Rows;
use super::{Store, add_i64, i64_at};

const SUM_AT: usize = 8;
const MARKS_AT: usize = 16;
const NAN: u8 = 1;
const PLUS: u8 = 2;
const MINUS: u8 = 4;

const NANS_AT: usize = 8;
const PLUSES_AT: usize = 16;
const MINUSES_AT: usize = 24;
const EXACT_AT: usize = 32;

/// A sum or mean of one column of doubles.
#[derive(Clone, Copy, Debug)]
pub(super) struct Double {
    pub(super) column: usize,
    /// Whether the mean is the result.
    pub(super) mean: bool,
    /// Whether values can be taken back.
    pub(super) exact: bool,
}

impl Double {
    /// Bytes of the state.
    pub(super) fn bytes(&self) -> usize {
        if self.exact { EXACT_AT + EXACT_BYTES } else { MARKS_AT + 1 }
    }

    pub(super) fn update(&self, store: &mut Store<'_>, rows: Rows<'_>) {
        let column = &rows.columns[self.column];
        let values = column.f64s();
        let some = rows.entries.iter().filter(|entry| !column.is_null(entry.row as usize));
        for entry in some {
            let (value, weight) = (values[entry.row as usize], rows.weight(entry.row as usize));
            if self.exact {
                add_exact(store.entry_mut::<{ EXACT_AT + EXACT_BYTES }>(entry), value, weight);
            } else {
                add_in_order(store.entry_mut::<{ MARKS_AT + 1 }>(entry), value, weight);
            }
        }
    }

    /// Adds one group's state to another's.
    pub(super) fn merge(&self, from: &[u8], into: &mut [u8]) {
        add_i64(into, i64_at(from, 0));
        if self.exact {
            for at in [NANS_AT, PLUSES_AT, MINUSES_AT] {
                add_i64(&mut into[at..], i64_at(from, at));
            }
            exact::merge(&mut into[EXACT_AT..], &from[EXACT_AT..]);
        } else {
            add_f64(into, f64_at(from));
            into[MARKS_AT] |= from[MARKS_AT];
        }
    }

    /// Whether the result has a place among the doubles.
    pub(super) fn fits(&self, state: &[u8]) -> bool {
        let count = i64_at(state, 0);
        count == 0 || count > 0 && self.sum(state).is_some()
    }

    /// Appends the result.
    pub(super) fn push(&self, state: &[u8], out: &mut Column) {
        let count = i64_at(state, 0);
        if count == 0 {
            return out.push_null();
        }
        let sum = self.sum(state).expect("only groups whose results fit are put out");
        let result = if self.mean { sum / count as f64 } else { sum };
        let real = out.data_type() == DataType::Real;
        out.push_f64(if real { f64::from(result as f32) } else { result });
    }

    fn sum(&self, state: &[u8]) -> Option<f64> {
        let (nan, plus, minus) = if self.exact {
            let has = |at| i64_at(state, at) != 0;
            (has(NANS_AT), has(PLUSES_AT), has(MINUSES_AT))
        } else {
            let has = |mark| state[MARKS_AT] & mark != 0;
            (has(NAN), has(PLUS), has(MINUS))
        };
        match (nan, plus, minus) {
            (true, ..) | (_, true, true) => return Some(f64::NAN),
            (_, true, _) => return Some(f64::INFINITY),
            (_, _, true) => return Some(f64::NEG_INFINITY),
            _ => {}
        }
        let sum = if self.exact { exact::round(&state[EXACT_AT..]) } else { f64_at(state) };
        sum.is_finite().then_some(sum)
    }
}

fn add_exact(state: &mut [u8], value: f64, weight: i64) {
    add_i64(state, weight);
    if value.is_finite() {
        exact::add(&mut state[EXACT_AT..], value, weight);
    } else if value.is_nan() {
        add_i64(&mut state[NANS_AT..], weight);
    } else if value > 0.0 {
        add_i64(&mut state[PLUSES_AT..], weight);
    } else {
        add_i64(&mut state[MINUSES_AT..], weight);
    }
}

fn add_in_order(state: &mut [u8], value: f64, weight: i64) {
    add_i64(state, weight);
    if value.is_finite() {
        add_f64(state, value * weight as f64);
    } else if value.is_nan() {
        state[MARKS_AT] |= NAN;
    } else {
        state[MARKS_AT] |= if value > 0.0 { PLUS } else { MINUS };
    }
}

fn f64_at(state: &[u8]) -> f64 {
    f64::from_bits(i64_at(state, SUM_AT) as u64)
}

fn add_f64(state: &mut [u8], value: f64) {
    let sum = f64_at(state) + value;
    state[SUM_AT..SUM_AT + 8].copy_from_slice(&sum.to_le_bytes());
}

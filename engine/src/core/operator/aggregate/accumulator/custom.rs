//! Aggregates of the application's: its states, and beside them what tells whether there are rows.
//!
//! State: a mark; over input that can retract, how many rows count and the sum of their hashes; then
//! the bytes of the function. A row may be taken back before it comes, so that rows may be left over
//! where as many came as went: the sum of hashes tells.
//!
//! A function that fails on a row, or where states are merged, leaves the group without a row of
//! results for as long as the state is there, as a sum does that has no place in its type.

use sluicedb_sql::plan::{AggregateFunction, Arguments, CustomCall};
use sluicedb_sql::{Column, Value};

use super::rows::Rows;
use super::{Entry, Store, add_i64, i64_at};
use crate::core::hash::hash_rows;
use crate::core::morsel::Morsel;

/// The mark of a state without rows.
const EMPTY: u8 = 0;
/// The mark of a state of rows.
const KEPT: u8 = 1;
/// The mark of a state on which the function failed.
const FAILED: u8 = 2;

const MARK: usize = 0;
const COUNT: usize = 1;
const PRINT: usize = COUNT + 8;

/// Bytes before those of the function.
const HEAD_BYTES: usize = 1;
const RETRACTING_HEAD_BYTES: usize = PRINT + 8;

/// An aggregate of the application's over some columns.
#[derive(Clone, Debug)]
pub(super) struct Custom {
    function: AggregateFunction,
    args: Vec<usize>,
    /// Whether rows can be taken back.
    retracts: bool,
}

impl Custom {
    pub(super) fn new(call: &CustomCall, retracts: bool) -> Custom {
        let CustomCall { function, args } = call;
        Custom { function: function.clone(), args: args.clone(), retracts }
    }

    fn head_bytes(&self) -> usize {
        if self.retracts { RETRACTING_HEAD_BYTES } else { HEAD_BYTES }
    }

    /// Bytes of the state.
    pub(super) fn bytes(&self) -> usize {
        self.head_bytes() + self.function.body.state_bytes()
    }

    /// Works rows in. Those that the function fails on are added to `failed`.
    pub(super) fn update(
        &self,
        store: &mut Store<'_>,
        morsel: &Morsel,
        entries: &[Entry],
        hashes: &mut Vec<u64>,
        failed: &mut Vec<u32>,
    ) {
        let Rows { columns, .. } = Rows::of(morsel, entries);
        if self.retracts {
            let args = self.args.iter().map(|&column| &columns[column]);
            hash_rows(args, morsel.rows(), hashes);
        }
        for entry in entries {
            let row = entry.row as usize;
            let args = Arguments::new(columns, &self.args, row);
            if !self.function.body.takes(args) {
                continue;
            }
            let state = &mut store.state_mut(entry.group)[..self.bytes()];
            let weight = morsel.weight(row);
            if !self.work(state, args, weight) {
                failed.push(entry.row);
            }
            if self.retracts {
                count(state, weight, hashes[row].wrapping_mul(weight as u64));
            }
        }
    }

    /// Whether the function did not fail on the row, or had failed before.
    fn work(&self, state: &mut [u8], args: Arguments<'_>, weight: i64) -> bool {
        let fresh = match state[MARK] {
            FAILED => return true,
            mark => mark == EMPTY,
        };
        let own = &mut state[self.head_bytes()..];
        let done = self.function.update(own, fresh, args, weight).is_ok();
        state[MARK] = if done { KEPT } else { FAILED };
        done
    }

    /// Adds one group's state to another's.
    pub(super) fn merge(&self, from: &[u8], into: &mut [u8]) {
        let head = self.head_bytes();
        match (from[MARK], into[MARK]) {
            (EMPTY, _) => return,
            (_, EMPTY) => return into[..from.len()].copy_from_slice(from),
            (KEPT, KEPT) => {
                let own = &mut into[head..self.bytes()];
                let done = self.function.merge(own, &from[head..]).is_ok();
                into[MARK] = if done { KEPT } else { FAILED };
            }
            _ => into[MARK] = FAILED,
        }
        if self.retracts {
            let into = &mut into[..self.bytes()];
            count(into, i64_at(from, COUNT), i64_at(from, PRINT) as u64);
        }
    }

    /// Whether there is a result, and a place for it in its type.
    pub(super) fn fits(&self, state: &[u8]) -> bool {
        self.result(state).is_some()
    }

    /// Appends the result.
    pub(super) fn push(&self, state: &[u8], out: &mut Column) {
        let result = self.result(state);
        out.push(&result.expect("only groups whose results fit are put out"));
    }

    fn result(&self, state: &[u8]) -> Option<Value> {
        let own = &state[self.head_bytes()..self.bytes()];
        match state[MARK] {
            FAILED => None,
            mark => self.function.finish((mark == KEPT).then_some(own)).ok(),
        }
    }
}

/// Counts rows, and forgets all once what came was taken back.
fn count(state: &mut [u8], rows: i64, print: u64) {
    add_i64(&mut state[COUNT..], rows);
    let print = (i64_at(state, PRINT) as u64).wrapping_add(print);
    state[PRINT..PRINT + 8].copy_from_slice(&print.to_le_bytes());
    if i64_at(state, COUNT) == 0 && print == 0 {
        state.fill(0);
    }
}

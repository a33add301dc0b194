//! The rows that a join puts out, as they are being made.
//!
//! Columns of the other side are read from the arena row by row; those of the morsel that is worked on
//! are gathered for runs of rows.

use sluicedb_sql::Column;
use sluicedb_sql::plan::JoinKind;

use super::Given;
use super::side::Side;
use crate::core::arena::{Arena, SlotId};
use crate::core::limits::{BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX};
use crate::core::morsel::{Morsel, Tie};

/// Rows that are being made.
pub(super) struct Output {
    kind: JoinKind,
    left_columns: usize,
    rows: usize,
    /// For each of the last rows, the row of the input whose columns are still to be gathered.
    picked: Vec<u32>,
}

impl Output {
    pub(super) fn new(kind: JoinKind, left_columns: usize) -> Output {
        Output { kind, left_columns, rows: 0, picked: Vec::new() }
    }

    /// Whether no more rows are taken: rows are few bytes, but their texts may be many.
    pub(super) fn is_full(&self, given: &Given, out: &Morsel) -> bool {
        let others: usize = out.columns.iter().map(Column::text_bytes).sum();
        let own = given.morsel.text_bytes(given.row..given.row + 1) * self.picked.len();
        self.rows == MORSEL_ROWS_MAX || others + own > BATCH_TEXT_BYTES_MAX
    }

    /// The columns of the input's side, and those of the other; where rows of the left side stand
    /// alone, the right side has none.
    fn split<'a>(
        &self,
        side: usize,
        columns: &'a mut [Column],
    ) -> (&'a mut [Column], &'a mut [Column]) {
        let (left, right) = columns.split_at_mut(self.left_columns);
        let right = if self.kind.pairs() { right } else { &mut [] };
        if side == 0 { (left, right) } else { (right, left) }
    }

    /// Makes the pair of the delta and a row of the other side.
    pub(super) fn pair(
        &mut self,
        given: &Given,
        (other, arena, slot): (&Side, &Arena, SlotId),
        weight: i64,
        out: &mut Morsel,
    ) {
        let (_, others) = self.split(given.side, &mut out.columns);
        other.read(arena, slot, others);
        self.picked.push(given.row as u32);
        let ties = [given.morsel.tie(given.row).0 as u64, other.marks(arena, slot).1];
        self.count(out, weight, [ties[given.side], ties[1 - given.side]]);
    }

    /// Makes the row of the delta without one of the other side.
    pub(super) fn alone(&mut self, given: &Given, matched: bool, weight: i64, out: &mut Morsel) {
        let (_, others) = self.split(given.side, &mut out.columns);
        others.iter_mut().for_each(Column::push_null);
        self.mark(matched, out);
        self.picked.push(given.row as u32);
        let mut ties = [0, 0];
        ties[given.side] = given.morsel.tie(given.row).0 as u64;
        self.count(out, weight, ties);
    }

    /// Makes a row of the other side alone.
    pub(super) fn other_alone(
        &mut self,
        given: &Given,
        (other, arena, slot): (&Side, &Arena, SlotId),
        (matched, weight): (bool, i64),
        out: &mut Morsel,
    ) {
        self.gather(given, out);
        let (own, others) = self.split(given.side, &mut out.columns);
        own.iter_mut().for_each(Column::push_null);
        other.read(arena, slot, others);
        self.mark(matched, out);
        let mut ties = [0, 0];
        ties[1 - given.side] = other.marks(arena, slot).1;
        self.count(out, weight, ties);
    }

    fn mark(&self, matched: bool, out: &mut Morsel) {
        if self.kind == JoinKind::Mark {
            out.columns[self.left_columns].push_bool(matched);
        }
    }

    fn count(&mut self, out: &mut Morsel, weight: i64, [left, right]: [u64; 2]) {
        let tie = match self.kind.pairs() {
            true => u128::from(left) << 64 | u128::from(right),
            false => u128::from(left),
        };
        out.weights.push(weight);
        out.ties.push(self.rows, Tie(tie));
        self.rows += 1;
    }

    /// Gathers what was picked.
    fn gather(&mut self, given: &Given, out: &mut Morsel) {
        let (own, _) = self.split(given.side, &mut out.columns);
        for (column, source) in own.iter_mut().zip(&given.morsel.columns) {
            column.append(source, &self.picked);
        }
        self.picked.clear();
    }

    /// Completes the morsel.
    pub(super) fn complete(&mut self, given: &Given, out: &mut Morsel) {
        self.gather(given, out);
        if (0..self.rows).all(|row| out.ties.get(row) == Tie::default()) {
            out.ties.clear();
        }
        out.set_weighed_rows();
        self.rows = 0;
    }
}

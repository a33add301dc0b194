//! Bounded columnar batches of deltas.
//!
//! Invariants:
//! - All columns have `rows` values, and `rows` is at most [`MORSEL_ROWS_MAX`].
//! - `weights`, `ties` and `behind` are empty, which stands for the default of each, or have one
//!   value a row.

mod codec;
mod pool;
mod ties;

pub(crate) use codec::encode_row_marks;
pub use codec::{DecodeError, Sink, decode, encode, encoded_len};
pub use pool::{Pool, Shape, ShapeId};
pub use ties::Ties;

use std::ops::Range;

use sluicedb_sql::column::Values;
use sluicedb_sql::{Column, Value};

use super::ids::{FeederId, Time};
use super::limits::{FEEDER_ROWS_MAX, MORSEL_ROWS_MAX};

/// Breaks ties of event time: where a row came from and its number there.
///
/// The upper 64 bits are the left input's for a row that a join made. Of an input that is itself a
/// join only the lower half has room; rows that it cannot tell apart are ordered by their values.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Tie(pub u128);

impl Tie {
    /// Of the row to which a feeder gave this number.
    pub fn numbered(feeder: FeederId, row: u64) -> Tie {
        Tie(u128::from(feeder.0) * u128::from(FEEDER_ROWS_MAX) + u128::from(row))
    }

    /// Of the row that many behind the one with this tie, of the same feeder.
    #[inline]
    fn after(self, rows: usize) -> Tie {
        Tie(self.0.wrapping_add(rows as u128))
    }
}

/// Deltas of one relation.
#[derive(Clone, Debug)]
pub struct Morsel {
    shape: ShapeId,
    rows: u32,
    /// One buffer per column of the relation.
    pub columns: Vec<Column>,
    /// The signed multiplicity of each row; empty where every weight is +1.
    pub weights: Vec<i64>,
    /// Where each row came from; empty where no operator above asks.
    pub ties: Ties,
    /// The watermark that each row's source partition had when the row entered; empty where every
    /// row entered ahead of it.
    pub behind: Vec<Time>,
}

impl Morsel {
    /// The pool shelf this morsel returns to.
    pub fn shape(&self) -> ShapeId {
        self.shape
    }

    /// How many deltas it holds.
    #[inline]
    pub fn rows(&self) -> usize {
        self.rows as usize
    }

    /// Whether it holds no delta.
    pub fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// The weight of a row.
    pub fn weight(&self, row: usize) -> i64 {
        debug_assert!(row < self.rows(), "row {row} of {}", self.rows);
        self.weights.get(row).copied().unwrap_or(1)
    }

    /// The tie of a row.
    pub fn tie(&self, row: usize) -> Tie {
        debug_assert!(row < self.rows(), "row {row} of {}", self.rows);
        self.ties.get(row)
    }

    /// The watermark that the row's partition had when it entered.
    pub fn behind(&self, row: usize) -> Time {
        debug_assert!(row < self.rows(), "row {row} of {}", self.rows);
        self.behind.get(row).copied().unwrap_or(Time::MIN)
    }

    /// The values of one row.
    pub fn row(&self, row: usize) -> Vec<Value> {
        self.columns.iter().map(|column| column.value(row)).collect()
    }

    /// Takes note of rows that were written to the columns. Asserts that all buffers agree.
    pub fn set_rows(&mut self, rows: usize) {
        assert!(rows <= MORSEL_ROWS_MAX, "{rows} rows in a morsel of at most {MORSEL_ROWS_MAX}");
        for (at, column) in self.columns.iter().enumerate() {
            assert_eq!(column.len(), rows, "column {at} of a morsel of {rows} rows");
        }
        for len in [self.weights.len(), self.behind.len()] {
            assert!(len == 0 || len == rows, "{len} entries beside {rows} rows");
        }
        assert!(self.ties.fit(rows), "each of {rows} rows has a tie, or none has");
        self.rows = rows as u32;
    }

    /// The same of rows that were given a weight each, which is left out where all are 1.
    pub fn set_weighed_rows(&mut self) {
        let rows = self.weights.len();
        if self.weights.iter().all(|&weight| weight == 1) {
            self.weights.clear();
        }
        self.set_rows(rows);
    }

    /// Appends the marks of a row whose columns were written and counts it.
    #[inline]
    pub(crate) fn count_row(&mut self, tie: Option<Tie>, behind: Time) {
        let row = self.rows();
        assert!(row < MORSEL_ROWS_MAX, "one more row than a morsel may have");
        debug_assert!(self.columns.iter().all(|column| column.len() == row + 1), "row {row}");
        debug_assert!(self.weights.is_empty(), "a row that was fed is there once");
        if let Some(tie) = tie {
            self.ties.push(row, tie);
        }
        if behind > Time::MIN || !self.behind.is_empty() {
            self.behind.resize(row, Time::MIN);
            self.behind.push(behind);
        }
        self.rows += 1;
    }

    /// Appends all rows of another morsel of the same relation.
    pub(crate) fn append(&mut self, from: &Morsel) {
        for (column, source) in self.columns.iter_mut().zip(&from.columns) {
            column.append_range(source, 0, source.len());
        }
        let (before, rows) = (self.rows(), from.rows());
        append(&mut self.weights, &from.weights, before, rows, 1);
        self.ties.append(&from.ties, before, rows);
        append(&mut self.behind, &from.behind, before, rows, Time::MIN);
        self.set_rows(before + rows);
    }

    /// Appends rows of another morsel of the same relation.
    pub fn gather(&mut self, from: &Morsel, rows: &[u32]) {
        assert_eq!(self.columns.len(), from.columns.len(), "columns of one relation");
        for (column, source) in self.columns.iter_mut().zip(&from.columns) {
            column.append(source, rows);
        }
        self.gather_marks(from, rows);
        self.set_rows(self.rows() + rows.len());
    }

    /// Appends what goes with rows beside their columns: weights, ties and lateness.
    ///
    /// The caller has appended or is about to append the columns, and calls `set_rows` after.
    pub fn gather_marks(&mut self, from: &Morsel, rows: &[u32]) {
        let before = self.rows();
        gather(&mut self.weights, &from.weights, before, rows, 1);
        self.ties.gather(&from.ties, before, rows);
        gather(&mut self.behind, &from.behind, before, rows, Time::MIN);
    }

    /// Moves what goes with all rows of another morsel here, where there is none.
    ///
    /// The caller has moved or is about to move the columns, and calls `set_rows` after.
    pub fn take_marks(&mut self, from: &mut Morsel) {
        assert!(self.is_empty(), "marks are moved to an empty morsel");
        std::mem::swap(&mut self.weights, &mut from.weights);
        std::mem::swap(&mut self.ties, &mut from.ties);
        std::mem::swap(&mut self.behind, &mut from.behind);
    }

    /// Appends one delta.
    pub fn push_row(&mut self, values: &[Value], weight: i64) {
        assert_eq!(values.len(), self.columns.len(), "one value per column");
        for (column, value) in self.columns.iter_mut().zip(values) {
            column.push(value);
        }
        self.push_weight(weight);
        self.set_rows(self.rows() + 1);
    }

    /// Appends the weight of a row that is being written and is not yet counted by `set_rows`.
    pub fn push_weight(&mut self, weight: i64) {
        if weight == 1 && self.weights.is_empty() {
            return;
        }
        self.weights.resize(self.rows(), 1);
        self.weights.push(weight);
    }

    /// Bytes of text in some of its rows.
    pub fn text_bytes(&self, rows: Range<usize>) -> usize {
        let texts = self.columns.iter().filter_map(|column| match column.values() {
            Values::Text(text) => Some(text),
            _ => None,
        });
        texts.map(|text| rows.clone().map(|row| text.views()[row].len()).sum::<usize>()).sum()
    }

    /// Forgets all rows and keeps the buffers.
    pub fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.weights.clear();
        self.ties.clear();
        self.behind.clear();
        self.rows = 0;
    }
}

/// Appends `from[rows]` to `into`, which stands for `before` values; an empty buffer stands for
/// `default` in every row.
fn gather<T: Copy>(into: &mut Vec<T>, from: &[T], before: usize, rows: &[u32], default: T) {
    if into.is_empty() && from.is_empty() {
        return;
    }
    into.resize(before, default);
    if from.is_empty() {
        into.resize(before + rows.len(), default);
    } else {
        into.extend(rows.iter().map(|&row| from[row as usize]));
    }
}

/// Appends `from`, which stands for `rows` values, to `into`, which stands for `before`; an empty
/// buffer stands for `default` in every row.
fn append<T: Copy>(into: &mut Vec<T>, from: &[T], before: usize, rows: usize, default: T) {
    if into.is_empty() && from.is_empty() {
        return;
    }
    into.resize(before, default);
    into.extend_from_slice(from);
    into.resize(before + rows, default);
}

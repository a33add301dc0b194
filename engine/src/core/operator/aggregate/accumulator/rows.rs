//! Rows as calls see them: filtered, and with weights of their own where values count once.

use sluicedb_sql::column::Values;
use sluicedb_sql::{Column, DataType, decimal};

use super::Entry;
use super::distinct::Found;
use crate::core::morsel::Morsel;

/// Rows to work into states.
#[derive(Clone, Copy)]
pub(super) struct Rows<'a> {
    pub(super) columns: &'a [Column],
    /// One for each row of the columns, or none.
    pub(super) weights: &'a [i64],
    /// The weight of every row where there are none.
    pub(super) sign: i64,
    pub(super) entries: &'a [Entry],
}

/// Scratch space that calls share.
#[derive(Debug, Default)]
pub(in crate::core::operator::aggregate) struct Scratch {
    pub(super) kept: Vec<Entry>,
    pub(super) set: Found,
    /// Of the arguments of a call.
    pub(super) hashes: Vec<u64>,
    /// Rows that a function of the application's failed on.
    pub(in crate::core::operator::aggregate) failed: Vec<u32>,
}

impl Scratch {
    /// To be called before the calls work on other rows.
    pub(in crate::core::operator::aggregate) fn begin(&mut self) {
        self.set.forget();
        self.failed.clear();
    }
}

impl<'a> Rows<'a> {
    /// Rows of a morsel with its weights.
    pub(super) fn of(morsel: &'a Morsel, entries: &'a [Entry]) -> Rows<'a> {
        Rows { columns: &morsel.columns, weights: &morsel.weights, sign: 1, entries }
    }

    /// Whether each row is there once.
    #[inline]
    pub(super) fn plain(&self) -> bool {
        self.weights.is_empty() && self.sign == 1
    }

    /// The weight of a row.
    #[inline]
    pub(super) fn weight(&self, row: usize) -> i64 {
        self.weights.get(row).copied().unwrap_or(self.sign)
    }
}

/// The entries of rows whose `filter` is true.
pub(super) fn keep<'a>(
    filter: &Column,
    entries: &[Entry],
    kept: &'a mut Vec<Entry>,
) -> &'a [Entry] {
    let (truths, nulls) = (filter.bools(), filter.has_nulls());
    let passes = |entry: &&Entry| {
        let row = entry.row as usize;
        truths.get(row) && !(nulls && filter.is_null(row))
    };
    kept.clear();
    kept.extend(entries.iter().filter(passes).copied());
    kept
}

/// The numbers of a column as doubles.
pub(super) struct Numbers<'a> {
    column: &'a Column,
    /// Digits behind the point of a decimal.
    scale: u8,
}

impl<'a> Numbers<'a> {
    /// Those of a column of this type.
    pub(super) fn new(column: &'a Column, data_type: DataType) -> Numbers<'a> {
        let scale = if let DataType::Decimal { scale, .. } = data_type { scale } else { 0 };
        Numbers { column, scale }
    }

    /// The number in a row; none for NULL.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<f64> {
        if self.column.is_null(row) {
            return None;
        }
        Some(match self.column.values() {
            Values::I32(values) => f64::from(values[row]),
            Values::I64(values) => values[row] as f64,
            Values::F64(values) => values[row],
            Values::I128(values) => decimal::to_f64(values[row], self.scale),
            _ => unreachable!("the plan lets only numbers through"),
        })
    }
}

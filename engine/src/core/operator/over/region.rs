//! The rows of a partition around those that have changed.

use sluicedb_sql::Column;
use sluicedb_sql::column::Values;
use sluicedb_sql::plan::OrderBy;

use super::reach::{Extent, Reach};
use crate::core::arena::{Arena, SlotId};
use crate::core::operator::ordered::Ordered;

/// Rows in order, whatever their weights are.
#[derive(Debug, Default)]
pub(super) struct Region {
    pub(super) slots: Vec<SlotId>,
    /// Which of them may have other results.
    pub(super) changed: std::ops::Range<usize>,
    /// Scratch space.
    row: Vec<Column>,
}

/// A walk away from a row.
struct Side<'a> {
    ordered: &'a Ordered,
    arena: &'a Arena,
    by: &'a [OrderBy],
    back: bool,
}

impl Region {
    /// The rows from `first` to `last`, those in front and behind whose results change with them, and
    /// those that these results are made of.
    pub(super) fn find(
        &mut self,
        ordered: &Ordered,
        arena: &Arena,
        (first, last): (SlotId, SlotId),
        by: &[OrderBy],
        reach: &Reach,
    ) {
        self.slots.clear();
        let side = Side { ordered, arena, by, back: true };
        let changed = side.walk(first, reach.changes_before, &mut self.row, &mut self.slots);
        let anchor = self.slots.last().copied().unwrap_or(first);
        let read = side.walk(anchor, reach.reads_before, &mut self.row, &mut self.slots);
        self.slots.reverse();
        let start = read;
        assert_eq!(self.slots.len(), read + changed, "all rows in front are of one kind");
        self.slots.push(first);
        if first != last {
            ordered.walk_at(arena, first, false, &mut self.row, |slot| {
                self.slots.push(slot);
                slot != last
            });
        }
        let side = Side { back: false, ..side };
        side.walk(last, reach.changes_behind, &mut self.row, &mut self.slots);
        let end = self.slots.len();
        let anchor = *self.slots.last().expect("the row itself is there");
        side.walk(anchor, reach.reads_behind, &mut self.row, &mut self.slots);
        self.changed = start..end;
    }
}

impl Side<'_> {
    /// Adds the rows away from `anchor` that the extent covers; returns how many those are.
    fn walk(
        &self,
        anchor: SlotId,
        extent: Extent,
        row: &mut Vec<Column>,
        out: &mut Vec<SlotId>,
    ) -> usize {
        if extent == Extent::default() {
            return 0;
        }
        let (mut rows, before) = (0, out.len());
        let from = extent.within.map(|_| self.key(anchor));
        self.ordered.walk_at(self.arena, anchor, self.back, row, |slot| {
            let covered = extent.all
                || rows < extent.rows
                || extent.peers && self.ordered.are_peers(self.arena, anchor, slot)
                || from.is_some_and(|from| self.is_within(from, slot, extent.within));
            if covered {
                out.push(slot);
                // Others see a row that has gone or is to come as one that is there.
                rows += self.ordered.weight(self.arena, slot).max(0).unsigned_abs();
            }
            covered
        });
        out.len() - before
    }

    fn key(&self, slot: SlotId) -> Option<i128> {
        let column = self.by[0].column;
        let mut value = Column::new(self.ordered.types()[column]);
        self.ordered.read_at(self.arena, slot, column, &mut value);
        key(&value, 0)
    }

    fn is_within(&self, from: Option<i128>, slot: SlotId, within: Option<i128>) -> bool {
        let (Some(from), Some(key), Some(within)) = (from, self.key(slot), within) else {
            return false;
        };
        from.abs_diff(key) <= within.unsigned_abs()
    }
}

/// A value whose differences are counted.
pub(super) fn key(column: &Column, row: usize) -> Option<i128> {
    if column.is_null(row) {
        return None;
    }
    Some(match column.values() {
        Values::I32(values) => i128::from(values[row]),
        Values::I64(values) => i128::from(values[row]),
        Values::I128(values) => values[row],
        Values::Bool(_) | Values::F64(_) | Values::Text(_) => {
            unreachable!("the plan lets only exact numbers and times have differences")
        }
    })
}

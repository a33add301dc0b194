//! How rows of a partition compare.
//!
//! A cell of the tree is the slot of the partition, the first 8 bytes of what orders its rows, and the
//! slot of the row: bytes alone decide unless two rows of one partition begin alike.

use std::cmp::Ordering;

use sluicedb_sql::column::Values;
use sluicedb_sql::plan::OrderBy;
use sluicedb_sql::{Column, DataType};

use crate::core::arena::bytes::{sortable, u64_at};
use crate::core::arena::{Blocks, Order, SlotId};
use crate::core::row::{Row, RowSlab};

/// Bytes of a cell.
pub(super) const CELL_BYTES: usize = 16;

const PREFIX: usize = 4;
const SLOT: usize = 12;

/// Stands for a row in front of all others that begin as it does.
const FRONT: SlotId = SlotId(u32::MAX - 1);

/// The cell of a row.
pub(super) fn cell(partition: SlotId, prefix: u64, slot: SlotId) -> [u8; CELL_BYTES] {
    let mut cell = [0; CELL_BYTES];
    cell[..PREFIX].copy_from_slice(&partition.0.to_be_bytes());
    cell[PREFIX..SLOT].copy_from_slice(&prefix.to_be_bytes());
    cell[SLOT..].copy_from_slice(&slot.0.to_be_bytes());
    cell
}

/// The bound in front of all cells of a partition.
pub(super) fn front(partition: SlotId) -> [u8; CELL_BYTES] {
    cell(partition, 0, FRONT)
}

/// The partition of a cell.
pub(super) fn partition_of(cell: &[u8]) -> SlotId {
    slot_at(cell, 0)
}

/// The row of a cell.
pub(super) fn slot_of(cell: &[u8]) -> SlotId {
    slot_at(cell, SLOT)
}

fn slot_at(cell: &[u8], at: usize) -> SlotId {
    SlotId(u32::from_be_bytes(cell[at..at + 4].try_into().expect("four bytes")))
}

/// The row that is looked for, and the slot that its cell names.
#[derive(Clone, Copy)]
pub(super) struct Probe<'a> {
    pub(super) slot: SlotId,
    pub(super) row: Row<'a>,
    pub(super) tie: u64,
}

/// Orders cells, of which one names the row of the probe.
#[derive(Clone, Copy)]
pub(super) struct RowOrder<'a> {
    pub(super) rows: &'a RowSlab,
    pub(super) by: &'a [OrderBy],
    /// Where the tie of a row is in its head.
    pub(super) tie_at: usize,
    /// None where only bounds are looked for.
    pub(super) probe: Option<Probe<'a>>,
}

impl RowOrder<'_> {
    /// Orders a kept row against the probe, by what the query orders by alone.
    pub(super) fn compare_keys(
        &self,
        blocks: &impl Blocks,
        slot: SlotId,
        row: Row<'_>,
    ) -> Ordering {
        let found = self.by.iter().find_map(|by| {
            let other = (&row.columns[by.column], row.row);
            let nulls = self.rows.is_null(blocks, slot, by.column) || other.0.is_null(row.row);
            let order = self.rows.compare_at(blocks, slot, by.column, other);
            let turned = if nulls { by.nulls_first } else { by.descending };
            let order = if turned { order.reverse() } else { order };
            order.is_ne().then_some(order)
        });
        found.unwrap_or(Ordering::Equal)
    }

    /// Orders a kept row against the probe: only the same row orders as equal.
    pub(super) fn compare_row(
        &self,
        blocks: &impl Blocks,
        slot: SlotId,
        probe: &Probe<'_>,
    ) -> Ordering {
        self.compare_keys(blocks, slot, probe.row)
            .then_with(|| u64_at(self.rows.head(blocks, slot), self.tie_at).cmp(&probe.tie))
            .then_with(|| self.rows.compare_same(blocks, slot, probe.row))
    }

    fn compare_slots(&self, blocks: &impl Blocks, left: SlotId, right: SlotId) -> Ordering {
        if left == right {
            return Ordering::Equal;
        }
        match (left, right) {
            (FRONT, _) => return Ordering::Less,
            (_, FRONT) => return Ordering::Greater,
            _ => {}
        }
        let probe = self.probe.as_ref().expect("rows are compared where one is looked for");
        if right == probe.slot {
            self.compare_row(blocks, left, probe)
        } else {
            assert_eq!(left, probe.slot, "one of two rows is the one that is looked for");
            self.compare_row(blocks, right, probe).reverse()
        }
    }
}

impl<B: Blocks> Order<B> for RowOrder<'_> {
    #[inline]
    fn compare(&self, blocks: &B, left: &[u8], right: &[u8]) -> Ordering {
        left[..SLOT]
            .cmp(&right[..SLOT])
            .then_with(|| self.compare_slots(blocks, slot_of(left), slot_of(right)))
    }
}

/// The beginning of what orders a row, as a number: rows with a lower one are in front. The first bit
/// says on which side of all values NULL is.
pub(super) fn prefix(by: &[OrderBy], row: Row<'_>) -> u64 {
    const FIRST: u64 = 1 << 63;
    let Some(first) = by.first() else { return 0 };
    let column = &row.columns[first.column];
    if column.is_null(row.row) {
        return if first.nulls_first { 0 } else { FIRST };
    }
    let value = beginning(column, row.row);
    let value = if first.descending { !value } else { value };
    value >> 1 | if first.nulls_first { FIRST } else { 0 }
}

/// The first 64 bits of a value, which order as the values do as far as they differ.
fn beginning(column: &Column, row: usize) -> u64 {
    const SIGN: u64 = 1 << 63;
    match column.values() {
        Values::Bool(bits) => u64::from(bits.get(row)) << 63,
        Values::I32(values) => i64::from(values[row]) as u64 ^ SIGN,
        Values::I64(values) => values[row] as u64 ^ SIGN,
        Values::F64(values) => sortable(values[row]),
        // Intervals that are equal may differ in all their bits.
        Values::I128(_) if column.data_type() == DataType::Interval => 0,
        Values::I128(values) => of_wide(values[row]),
        Values::Text(texts) => {
            let text = texts.bytes(row);
            let mut first = [0; 8];
            let len = text.len().min(8);
            first[..len].copy_from_slice(&text[..len]);
            u64::from_be_bytes(first)
        }
    }
}

/// Of 128 bits: numbers that fit 63 keep them all but the last, and larger ones are at the ends.
fn of_wide(value: i128) -> u64 {
    const SIGN: u64 = 1 << 63;
    let near = value.clamp(i128::from(i64::MIN), i128::from(i64::MAX));
    (near as i64) as u64 ^ SIGN
}

#[cfg(test)]
mod tests {
    use sluicedb_sql::Value;

    use super::*;

    fn ascending(data_type: DataType, values: &[Value]) {
        let column = Column::of(data_type, values);
        let columns = [column];
        let of = |descending, nulls_first| {
            let by = [OrderBy { column: 0, descending, nulls_first }];
            let of = |row| prefix(&by, Row { columns: &columns, picks: &[0], row });
            (0..values.len()).map(of).collect::<Vec<_>>()
        };
        assert!(of(false, false).is_sorted(), "{data_type} {:?}", of(false, false));
        let mut turned = of(true, true);
        turned.reverse();
        assert!(turned.is_sorted(), "{data_type} {turned:?}");
    }

    #[test]
    fn beginnings_order_as_values_do_with_null_behind_them() {
        let ints = [i64::MIN, -2, -1, 0, 1, 2, i64::MAX].map(Value::BigInt);
        ascending(DataType::BigInt, &[ints.as_slice(), &[Value::Null]].concat());
        let doubles = [f64::NEG_INFINITY, -1.5, -0.0, 0.0, 1e-300, 2.0, f64::INFINITY, f64::NAN];
        ascending(DataType::Double, &[&doubles.map(Value::Double), &[Value::Null][..]].concat());
        let units = [i128::MIN, -(1 << 70), -1, 0, 1, 1 << 62, 1 << 70, i128::MAX];
        let decimal = DataType::Decimal { precision: 38, scale: 0 };
        ascending(decimal, &units.map(|units| Value::Decimal { units, scale: 0 }));
        let texts = ["", "a", "ab", "abcdefgh", "abcdefghi", "b", "\u{e9}"].map(Value::text);
        ascending(DataType::Text, &[texts.as_slice(), &[Value::Null]].concat());
        ascending(DataType::Boolean, &[Value::Boolean(false), Value::Boolean(true), Value::Null]);
        ascending(DataType::Int, &[i32::MIN, -1, 0, i32::MAX].map(Value::Int));
    }
}

//! Where the values of a row lie in the bytes of a slot.
//!
//! One bit a column that says NULL comes first, then the values of 1, 4, 8 and 16 bytes, the
//! columns of one width in their order. Numbers are little-endian; the value of a NULL is zero.

use std::cmp::Ordering;

use sluicedb_sql::column::{Values, View};
use sluicedb_sql::{Column, DataType, Physical, SqlError, Value};

use super::cell::{Cell, INLINE_BYTES, short};
use crate::core::arena::{Arena, BLOCK_BYTES, BlockId, Blocks, Heap, Slab};

/// One row of a morsel, or some of its columns.
#[derive(Clone, Copy)]
pub struct Row<'a> {
    /// The columns of the morsel.
    pub columns: &'a [Column],
    /// Which of them, in the order of the layout.
    pub picks: &'a [usize],
    /// Which row.
    pub row: usize,
}

/// Where a row of a morsel is to be encoded.
#[derive(Clone, Copy, Debug)]
pub struct Spot {
    /// The block.
    pub block: BlockId,
    /// The offset in the block.
    pub at: usize,
    /// Which row.
    pub row: u32,
}

/// Rows of a morsel that are compared with encoded ones, one after the other.
#[derive(Clone, Copy)]
pub struct Probe<'a> {
    layout: &'a RowLayout,
    columns: &'a [Column],
    picks: &'a [usize],
}

/// The only column of rows, if no value of it is NULL and it is of a kind that loops compare
/// without a look at types: [`only_i64`] and [`only_text`] do.
pub enum Only<'a> {
    /// BIGINT, TIME, TIMESTAMP and TIMESTAMPTZ.
    I64(&'a [i64]),
    /// TEXT, and what else lies as texts do.
    Text(&'a [View]),
}

/// Bytes of an encoded row of one text: its bit, then its cell. No other only value takes more.
pub const ONLY_BYTES: usize = 17;

/// Rows with texts that are written or freed before the memory that is left is looked at again.
/// Each text may take a block beyond its bytes, and copy four: so more rows would ask for more
/// memory than they ever need.
const ROWS_PER_LOOK: usize = 8;

/// Blocks that slab and indexes may take once, whatever the rows: for directories that grow a level.
const GROWTH_BLOCKS: usize = 8;

/// How rows of some columns are encoded.
#[derive(Clone, Debug)]
pub struct RowLayout {
    cells: Box<[Cell]>,
    bytes: usize,
}

impl RowLayout {
    /// What `slack_bytes` are where no row has a text that is not in its slot: any number of such
    /// rows may be written or freed after one look.
    pub const GROWTH_BYTES: usize = GROWTH_BLOCKS * BLOCK_BYTES / 2;

    /// The layout of rows of these columns.
    pub fn new(types: &[DataType]) -> RowLayout {
        let mut bytes = types.len().div_ceil(8);
        let mut offsets = vec![0; types.len()];
        for width in [1, 4, 8, 16] {
            for (offset, &data_type) in offsets.iter_mut().zip(types) {
                if Cell::width(data_type) == width {
                    *offset = bytes;
                    bytes += width;
                }
            }
        }
        let cells = types.iter().zip(offsets);
        let cells = cells.map(|(&data_type, offset)| Cell { data_type, offset }).collect();
        RowLayout { cells, bytes }
    }

    /// Bytes of an encoded row.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many columns there are.
    pub fn columns(&self) -> usize {
        self.cells.len()
    }

    /// Bytes of a slot that holds a row behind `head_bytes` of its operator, if a slot can be that
    /// large.
    pub fn slot_bytes(&self, head_bytes: usize) -> Result<u32, SqlError> {
        let bytes = head_bytes + self.bytes;
        let (min, max) = (*Slab::SLOT_BYTES.start(), *Slab::SLOT_BYTES.end() as usize);
        if bytes > max {
            let what =
                format!("bytes of a row of {} columns that is kept as state", self.columns());
            return Err(SqlError::limit_exceeded(&what, bytes, max).hint(
                "A BOOLEAN takes 1 byte, a SMALLINT, INT or DATE 4, a BIGINT, REAL, DOUBLE, TIME or \
                 TIMESTAMP 8, all else 16: select fewer columns below joins, groups and views.",
            ));
        }
        Ok((bytes as u32).max(min))
    }

    /// How many rows may be written or freed after one look at the memory that is left.
    pub fn rows_per_look(&self) -> usize {
        if self.texts() == 0 { usize::MAX } else { ROWS_PER_LOOK }
    }

    /// Bytes to add to those of the texts for a look that is meant for `rows_per_look`: what is
    /// asked for bytes of text is a block for each half block.
    pub fn slack_bytes(&self) -> usize {
        self.texts() * ROWS_PER_LOOK * 4 * BLOCK_BYTES / 2 + Self::GROWTH_BYTES
    }

    /// Bytes of the texts of an encoded row that do not lie in its slot.
    pub fn long_text_bytes(&self, slot: &[u8]) -> usize {
        self.cells.iter().map(|cell| cell.long_text_bytes(slot)).sum()
    }

    fn texts(&self) -> usize {
        self.cells.iter().filter(|cell| cell.data_type.physical() == Physical::Text).count()
    }

    /// Encodes a row into `slot`, of `bytes` bytes. Long texts are put into the heap; `free` takes
    /// them out.
    pub fn write(&self, arena: &mut Arena, heap: Heap, row: Row<'_>, slot: &mut [u8]) {
        assert_eq!(slot.len(), self.bytes, "a row is encoded into as many bytes as it has");
        assert_eq!(row.picks.len(), self.cells.len(), "one column for each value");
        slot.fill(0);
        for (at, (cell, &pick)) in self.cells.iter().zip(row.picks).enumerate() {
            let column = &row.columns[pick];
            if column.is_null(row.row) {
                slot[at / 8] |= 1 << (at % 8);
            } else {
                cell.write(arena, heap, column, row.row, slot);
            }
        }
    }

    /// Encodes rows into slots of zeros that were taken in this step, column by column.
    pub fn write_all(
        &self,
        arena: &mut Arena,
        heap: Heap,
        columns: &[Column],
        picks: &[usize],
        spots: &[Spot],
    ) {
        assert_eq!(picks.len(), self.cells.len(), "one column for each value");
        for (at, (cell, &pick)) in self.cells.iter().zip(picks).enumerate() {
            let column = &columns[pick];
            cell.write_all(arena, heap, column, spots);
            if column.has_nulls() {
                for spot in spots.iter().filter(|spot| column.is_null(spot.row as usize)) {
                    arena.written_mut(spot.block)[spot.at + at / 8] |= 1 << (at % 8);
                }
            }
        }
    }

    /// Appends the values of a row to `out`, one column each.
    pub fn read(&self, blocks: &impl Blocks, heap: Heap, slot: &[u8], out: &mut [Column]) {
        assert_eq!(out.len(), self.cells.len(), "one column for each value");
        for (at, (cell, column)) in self.cells.iter().zip(out).enumerate() {
            if is_null(slot, at) {
                column.push_null();
            } else {
                cell.read(blocks, heap, slot, column);
            }
        }
    }

    /// Appends value `at` of a row to `out`.
    #[inline]
    pub fn read_at(
        &self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        at: usize,
        out: &mut Column,
    ) {
        if is_null(slot, at) {
            out.push_null();
        } else {
            self.cells[at].read(blocks, heap, slot, out);
        }
    }

    /// Whether all values of an encoded row equal those of `row`.
    pub fn equals(&self, blocks: &impl Blocks, heap: Heap, slot: &[u8], row: Row<'_>) -> bool {
        debug_assert_eq!(row.picks.len(), self.cells.len(), "one column for each value");
        let mut picks = row.picks.iter().enumerate();
        picks.all(|(at, &pick)| self.equals_at(blocks, heap, slot, at, &row.columns[pick], row.row))
    }

    /// For many comparisons with the rows of these columns.
    pub fn probe<'a>(&'a self, columns: &'a [Column], picks: &'a [usize]) -> Probe<'a> {
        assert_eq!(picks.len(), self.cells.len(), "one column for each value");
        Probe { layout: self, columns, picks }
    }

    /// Whether all values of an encoded row are the same as those of `row`, down to the sign of zero.
    #[inline]
    pub fn is_same(&self, blocks: &impl Blocks, heap: Heap, slot: &[u8], row: Row<'_>) -> bool {
        let mut picks = row.picks.iter().enumerate();
        picks.all(|(at, &pick)| {
            let (column, null) = (&row.columns[pick], is_null(slot, at));
            null == column.is_null(row.row)
                && (null || self.cells[at].is_same(blocks, heap, slot, column, row.row))
        })
    }

    /// Whether value `at` of an encoded row equals row `row` of a column.
    #[inline]
    pub fn equals_at(
        &self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        at: usize,
        column: &Column,
        row: usize,
    ) -> bool {
        let (null, other_null) = (is_null(slot, at), column.is_null(row));
        if null || other_null {
            return null == other_null;
        }
        self.cells[at].equals(blocks, heap, slot, column, row)
    }

    /// Whether value `at` of an encoded row is NULL.
    #[inline]
    pub fn is_null(slot: &[u8], at: usize) -> bool {
        is_null(slot, at)
    }

    /// Orders value `at` of an encoded row against row `row` of a column; NULL is behind all else.
    pub fn compare_at(
        &self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        at: usize,
        (column, row): (&Column, usize),
    ) -> Ordering {
        match (is_null(slot, at), column.is_null(row)) {
            (false, false) => self.cells[at].compare(blocks, heap, slot, column, row),
            (null, other_null) => null.cmp(&other_null),
        }
    }

    /// Orders an encoded row against another by their columns from left to right, so that only rows
    /// that are the same, down to the sign of zero, order as equal.
    pub fn compare_same(
        &self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        row: Row<'_>,
    ) -> Ordering {
        // All values first: what equals is told apart only where nothing else tells rows apart.
        let values = row.picks.iter().enumerate().find_map(|(at, &pick)| {
            let other = (&row.columns[pick], row.row);
            Some(self.compare_at(blocks, heap, slot, at, other)).filter(|order| order.is_ne())
        });
        let bits = || {
            let mut picks = row.picks.iter().enumerate();
            picks.find_map(|(at, &pick)| {
                let (column, row) = (&row.columns[pick], row.row);
                let there = !is_null(slot, at);
                let order = there.then(|| self.cells[at].compare_bits(slot, column, row));
                order.filter(|order| order.is_ne())
            })
        };
        values.or_else(bits).unwrap_or(Ordering::Equal)
    }

    /// Whether value `at` of two encoded rows is equal.
    pub fn equals_other(
        &self,
        blocks: &impl Blocks,
        heap: Heap,
        (slot, other): (&[u8], &[u8]),
        at: usize,
    ) -> bool {
        let (null, other_null) = (is_null(slot, at), is_null(other, at));
        null == other_null && (null || self.cells[at].equals_other(blocks, heap, slot, other))
    }

    /// Value `at` of an encoded row.
    pub fn value(&self, blocks: &impl Blocks, heap: Heap, slot: &[u8], at: usize) -> Value {
        let mut column = Column::new(self.cells[at].data_type);
        if is_null(slot, at) {
            return Value::Null;
        }
        self.cells[at].read(blocks, heap, slot, &mut column);
        column.value(0)
    }

    /// Takes the long texts of an encoded row out of the heap.
    pub fn free(&self, arena: &mut Arena, heap: Heap, slot: &[u8]) {
        for (at, cell) in self.cells.iter().enumerate() {
            if let (false, Some(text)) = (is_null(slot, at), cell.long_text(slot)) {
                heap.free(arena, text);
            }
        }
    }
}

impl<'a> Probe<'a> {
    /// Row `row`.
    #[inline]
    pub fn row(&self, row: usize) -> Row<'a> {
        Row { columns: self.columns, picks: self.picks, row }
    }

    /// The values, where there is one column and loops need not ask for its type.
    pub fn only(&self) -> Option<Only<'a>> {
        let &[pick] = self.picks else { return None };
        let column = &self.columns[pick];
        match column.values() {
            _ if column.has_nulls() => None,
            Values::I64(values) => Some(Only::I64(values)),
            Values::Text(texts) => Some(Only::Text(texts.views())),
            _ => None,
        }
    }

    /// Whether all values of an encoded row equal those of row `row`.
    pub fn equals(&self, blocks: &impl Blocks, heap: Heap, slot: &[u8], row: usize) -> bool {
        self.layout.equals(blocks, heap, slot, self.row(row))
    }
}

/// Whether an encoded row of one number is this one.
#[inline(always)]
pub fn only_i64(slot: &[u8; 9], value: i64) -> bool {
    let [bits, value_bytes @ ..] = slot;
    *bits == 0 && *value_bytes == value.to_le_bytes()
}

/// Whether an encoded row of one text is this one; false for one that does not lie in its view.
#[inline(always)]
pub fn only_text(slot: &[u8; ONLY_BYTES], view: &View) -> bool {
    let [bits, text @ ..] = slot;
    *bits == 0 && view.len() <= INLINE_BYTES && *text == short(view)
}

#[inline]
fn is_null(slot: &[u8], at: usize) -> bool {
    slot[at / 8] & (1 << (at % 8)) != 0
}

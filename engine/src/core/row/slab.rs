//! A slab of encoded rows, each behind a few bytes of the operator that keeps it.

use std::cmp::Ordering;

use sluicedb_sql::{Column, SqlError};

use super::{Row, RowLayout, Spot};
use crate::core::arena::{Anchor, Arena, BlockId, Blocks, ExtentId, Heap, Slab, SlotId};

/// Rows in slots, and the heap of their long texts.
#[derive(Clone, Debug)]
pub struct RowSlab {
    layout: RowLayout,
    head_bytes: usize,
    slot_bytes: u32,
    slab: Slab,
    heap: Heap,
    anchor: Anchor,
    scratch: Vec<u8>,
}

impl RowSlab {
    /// Bytes of the headers at the anchor.
    pub const HEADER_BYTES: usize = Slab::HEADER_BYTES + Heap::HEADER_BYTES;

    /// Rows of `layout` behind `head_bytes` each, with headers at `anchor`; refused if a row is
    /// larger than a slot can be.
    pub fn new(layout: RowLayout, head_bytes: usize, anchor: Anchor) -> Result<RowSlab, SqlError> {
        let slot_bytes = layout.slot_bytes(head_bytes)?;
        let slab = Slab::open(anchor);
        let heap = Heap::open(anchor.plus(Slab::HEADER_BYTES as u16));
        let scratch = vec![0; layout.bytes()];
        Ok(RowSlab { layout, head_bytes, slot_bytes, slab, heap, anchor, scratch })
    }

    /// Lays out an empty slab whose blocks belong to `extent`.
    pub fn create(&self, arena: &mut Arena, extent: ExtentId) {
        Slab::create(arena, extent, self.anchor, self.slot_bytes);
        Heap::create(arena, extent, self.anchor.plus(Slab::HEADER_BYTES as u16));
    }

    /// How the rows are encoded.
    pub fn layout(&self) -> &RowLayout {
        &self.layout
    }

    /// Rows in the slab.
    pub fn live(&self, blocks: &impl Blocks) -> u32 {
        self.slab.live(blocks)
    }

    /// Adds a row behind a head of zeros.
    pub fn insert(&mut self, arena: &mut Arena, row: Row<'_>) -> SlotId {
        // The slot lies in the arena, which the heap needs too: so the row is encoded beside it.
        self.layout.write(arena, self.heap, row, &mut self.scratch);
        let slot = self.slab.insert(arena);
        let bytes = &mut self.slab.slot_mut(arena, slot)[self.head_bytes..];
        bytes[..self.scratch.len()].copy_from_slice(&self.scratch);
        slot
    }

    /// Takes a slot of zeros for a row that [`RowSlab::write_all`] is to encode before anyone looks at
    /// it. The head begins where the slot lies, as [`RowSlab::locate`] says.
    #[inline]
    pub fn take(&self, arena: &mut Arena) -> (SlotId, BlockId, usize) {
        self.slab.take(arena)
    }

    /// The block of a row and the offset of its head there.
    #[inline]
    pub fn locate(&self, blocks: &impl Blocks, slot: SlotId) -> (BlockId, usize) {
        self.slab.locate(blocks, slot)
    }

    /// The spot of a row whose head is at an offset.
    #[inline]
    pub fn spot(&self, block: BlockId, at: usize, row: usize) -> Spot {
        Spot { block, at: at + self.head_bytes, row: row as u32 }
    }

    /// Encodes rows for which slots were taken in this step.
    pub fn write_all(
        &self,
        arena: &mut Arena,
        columns: &[Column],
        picks: &[usize],
        spots: &[Spot],
    ) {
        self.layout.write_all(arena, self.heap, columns, picks, spots);
    }

    /// Whether the row whose head is at an offset of a block equals another.
    #[inline]
    pub fn equals_at(
        &self,
        blocks: &impl Blocks,
        (block, at): (BlockId, usize),
        row: Row<'_>,
    ) -> bool {
        let bytes = &blocks.block(block)[at + self.head_bytes..][..self.layout.bytes()];
        self.layout.equals(blocks, self.heap, bytes, row)
    }

    /// Removes a row.
    pub fn free(&mut self, arena: &mut Arena, slot: SlotId) {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.copy_from_slice(self.row(arena, slot));
        self.layout.free(arena, self.heap, &scratch);
        self.scratch = scratch;
        self.slab.free(arena, slot);
    }

    /// What the operator keeps with a row.
    #[inline]
    pub fn head<'a>(&self, blocks: &'a impl Blocks, slot: SlotId) -> &'a [u8] {
        &self.slab.slot(blocks, slot)[..self.head_bytes]
    }

    /// What the operator keeps with a row, to write.
    #[inline]
    pub fn head_mut<'a>(&self, arena: &'a mut Arena, slot: SlotId) -> &'a mut [u8] {
        &mut self.slab.slot_mut(arena, slot)[..self.head_bytes]
    }

    #[inline]
    fn row<'a>(&self, blocks: &'a impl Blocks, slot: SlotId) -> &'a [u8] {
        &self.slab.slot(blocks, slot)[self.head_bytes..][..self.layout.bytes()]
    }

    /// Whether the row in a slot equals another.
    #[inline]
    pub fn equals(&self, blocks: &impl Blocks, slot: SlotId, row: Row<'_>) -> bool {
        self.layout.equals(blocks, self.heap, self.row(blocks, slot), row)
    }

    /// Whether the row in a slot is the same as another, down to the sign of zero.
    #[inline]
    pub fn is_same(&self, blocks: &impl Blocks, slot: SlotId, row: Row<'_>) -> bool {
        self.layout.is_same(blocks, self.heap, self.row(blocks, slot), row)
    }

    /// Whether some columns of the row in a slot equal another: `at[i]` is the column here of which
    /// `row.picks[i]` is the one there.
    #[inline]
    pub fn equals_on(
        &self,
        blocks: &impl Blocks,
        slot: SlotId,
        at: &[usize],
        row: Row<'_>,
    ) -> bool {
        debug_assert_eq!(at.len(), row.picks.len(), "as many columns here as there");
        let bytes = self.row(blocks, slot);
        at.iter().zip(row.picks).all(|(&at, &pick)| {
            self.layout.equals_at(blocks, self.heap, bytes, at, &row.columns[pick], row.row)
        })
    }

    /// Whether value `at` of the row in a slot is NULL.
    #[inline]
    pub fn is_null(&self, blocks: &impl Blocks, slot: SlotId, at: usize) -> bool {
        RowLayout::is_null(self.row(blocks, slot), at)
    }

    /// Orders value `at` of the row in a slot against a value of a column; NULL is behind all else.
    #[inline]
    pub fn compare_at(
        &self,
        blocks: &impl Blocks,
        slot: SlotId,
        at: usize,
        other: (&Column, usize),
    ) -> Ordering {
        self.layout.compare_at(blocks, self.heap, self.row(blocks, slot), at, other)
    }

    /// Orders the row in a slot against another: only those that are the same order as equal.
    pub fn compare_same(&self, blocks: &impl Blocks, slot: SlotId, row: Row<'_>) -> Ordering {
        self.layout.compare_same(blocks, self.heap, self.row(blocks, slot), row)
    }

    /// Whether column `at` of the rows in two slots is equal.
    pub fn equals_other(
        &self,
        blocks: &impl Blocks,
        (slot, other): (SlotId, SlotId),
        at: usize,
    ) -> bool {
        let rows = (self.row(blocks, slot), self.row(blocks, other));
        self.layout.equals_other(blocks, self.heap, rows, at)
    }

    /// Appends the values of a row to `out`, one column each.
    #[inline]
    pub fn read(&self, blocks: &impl Blocks, slot: SlotId, out: &mut [Column]) {
        self.layout.read(blocks, self.heap, self.row(blocks, slot), out);
    }

    /// Appends value `at` of a row to `out`.
    #[inline]
    pub fn read_at(&self, blocks: &impl Blocks, slot: SlotId, at: usize, out: &mut Column) {
        self.layout.read_at(blocks, self.heap, self.row(blocks, slot), at, out);
    }

    /// The first row that is not before slot `from`.
    pub fn next(&self, blocks: &impl Blocks, from: SlotId) -> Option<SlotId> {
        self.slab.next_live(blocks, from)
    }
}

//! The rows of a side in the order of their times, so that those that can match nothing more are found.

use super::side::Delta;
use crate::core::arena::{Anchor, Arena, BLOCK_BYTES, Blocks, Bytes, ExtentId, SlotId, Tree};

/// Bytes of a cell: the time, so that bytes order as times do, and the slot.
const CELL_BYTES: usize = 12;
const SLOT: usize = 8;

/// More levels than a tree has that names all slots there can be, and a root.
const GROWTH_BLOCKS: usize = 17;

/// A tree of times and slots.
#[derive(Clone, Copy)]
pub(super) struct ByTime {
    column: usize,
    tree: Tree,
}

impl ByTime {
    /// Bytes to ask for in each look beside those of its rows: blocks for levels that the tree does not
    /// have yet.
    pub(super) const GROWTH_BYTES: usize = GROWTH_BLOCKS * BLOCK_BYTES / 2;

    pub(super) fn open(column: usize, anchor: Anchor) -> ByTime {
        ByTime { column, tree: Tree::open(anchor) }
    }

    pub(super) fn create(arena: &mut Arena, extent: ExtentId, anchor: Anchor) {
        Tree::create(arena, extent, anchor, CELL_BYTES, 0);
    }

    /// The time of a delta, which has one: the plan sees to it that the column is never NULL.
    pub(super) fn of(self, delta: &Delta<'_>) -> i64 {
        delta.columns[self.column].i64s()[delta.row]
    }

    pub(super) fn first(self, blocks: &impl Blocks) -> Option<(i64, SlotId)> {
        self.tree.first(blocks).map(|(cell, _)| {
            let (time, slot) = cell.split_at(SLOT);
            let time = u64::from_be_bytes(time.try_into().expect("eight bytes"));
            let slot = u32::from_be_bytes(slot.try_into().expect("four bytes"));
            ((time ^ 1 << 63) as i64, SlotId(slot))
        })
    }

    pub(super) fn insert(self, arena: &mut Arena, time: i64, slot: SlotId) {
        let added = self.tree.insert(arena, &Bytes, &cell(time, slot), &[]);
        assert!(added, "a slot has one row");
    }

    pub(super) fn remove(self, arena: &mut Arena, time: i64, slot: SlotId) {
        let removed = self.tree.remove(arena, &Bytes, &cell(time, slot));
        assert!(removed, "every row is in the order of times");
    }

    #[cfg(test)]
    pub(super) fn entries(self, blocks: &impl Blocks) -> u32 {
        self.tree.entries(blocks)
    }
}

fn cell(time: i64, slot: SlotId) -> [u8; CELL_BYTES] {
    let mut cell = [0; CELL_BYTES];
    cell[..SLOT].copy_from_slice(&((time as u64) ^ 1 << 63).to_be_bytes());
    cell[SLOT..].copy_from_slice(&slot.0.to_be_bytes());
    cell
}

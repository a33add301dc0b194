//! The rows of a view in its zone, and what is counted about them.
//!
//! Invariants:
//! - A row is in the slab once, with the sum of its weights; a row of weight zero is in there only
//!   while it is in the list of touched rows.
//! - `rows`, `digest` and `negative` follow from the slab alone: the sum of weights, the sum of
//!   row hashes times weights, the number of rows whose weight is below zero.
//! - What is not kept is not counted: all its rows are touched, and none is left at a barrier.
//! - Only a consolidated view has a list of touched rows. It is empty behind a barrier, and then
//!   every row's published weight is its weight.

mod apply;

use sluicedb_sql::{Column, SqlError};

use super::ViewOptions;
use crate::core::arena::bytes::{i64_at, put_i64, put_u32, put_u64, u32_at, u64_at};
use crate::core::arena::{Anchor, Arena, BlockId, Blocks, ExtentId, HashIndex, SlotId};
use crate::core::row::{Row, RowLayout, RowSlab, Spot};
pub(super) use apply::Deltas;

// Offsets in the root block.
const SLAB: usize = 0;
const INDEX: usize = SLAB + RowSlab::HEADER_BYTES;
const ROWS: usize = INDEX + HashIndex::HEADER_BYTES;
const DIGEST: usize = ROWS + 8;
const NEGATIVE: usize = DIGEST + 8;
const FIRST: usize = NEGATIVE + 8;
const LAST: usize = FIRST + 4;

// Offsets in the head of a row; the last two are there in a consolidated view only.
const KEY_HASH: usize = 0;
const WEIGHT: usize = 8;
const PUBLISHED: usize = 16;
/// The touched row behind this one: its slot plus one, [`END`] for none, 0 if this one is not
/// touched.
const NEXT: usize = 24;
const HEAD_BYTES: usize = 16;
const CONSOLIDATED_HEAD_BYTES: usize = 28;

const END: u32 = u32::MAX;

/// The contents of a view; everything in it is in the zone.
#[derive(Clone, Debug)]
pub(super) struct Contents {
    root: BlockId,
    all: Box<[usize]>,
    key: Box<[usize]>,
    consolidated: bool,
    kept: bool,
    rows: RowSlab,
    index: HashIndex,
    /// Rows that have a slot and are to be encoded before anyone looks at them: scratch space.
    unwritten: Vec<Spot>,
}

/// What deltas changed in the counters.
#[derive(Default)]
pub(super) struct Tally {
    rows: i64,
    digest: u64,
    negative: i64,
}

impl Contents {
    pub(super) fn new(options: &ViewOptions, root: BlockId) -> Result<Contents, SqlError> {
        // The id and the shape are for those who publish.
        let ViewOptions { view: _, types, shape: _, key, consolidated, kept } = options;
        assert!(!key.is_empty(), "a view without a key has all its columns for one");
        assert!(key.iter().all(|&column| column < types.len()), "keys are columns of the view");
        assert!(*kept || *consolidated, "what is published at once needs no memory of an epoch");
        let head_bytes = if *consolidated { CONSOLIDATED_HEAD_BYTES } else { HEAD_BYTES };
        let layout = RowLayout::new(types);
        Ok(Contents {
            root,
            all: (0..types.len()).collect(),
            key: key.as_slice().into(),
            consolidated: *consolidated,
            kept: *kept,
            rows: RowSlab::new(layout, head_bytes, Anchor::new(root, SLAB as u16))?,
            index: HashIndex::open(Anchor::new(root, INDEX as u16)),
            unwritten: Vec::new(),
        })
    }

    pub(super) fn create(&self, arena: &mut Arena, extent: ExtentId) {
        self.rows.create(arena, extent);
        HashIndex::create(arena, extent, Anchor::new(self.root, INDEX as u16));
        let root = arena.block_mut(self.root);
        root[ROWS..FIRST].fill(0);
        put_u32(root, FIRST, END);
        put_u32(root, LAST, END);
    }

    /// How the rows are encoded.
    pub(super) fn layout(&self) -> &RowLayout {
        self.rows.layout()
    }

    /// Adds what deltas changed to the counters.
    pub(super) fn count(&self, arena: &mut Arena, tally: &Tally) {
        let (rows, digest) = self.totals(arena);
        let negative = self.negative(arena) + tally.negative;
        assert!(negative >= 0, "no fewer than no rows have a negative weight");
        let root = arena.block_mut(self.root);
        put_i64(root, ROWS, rows.wrapping_add(tally.rows));
        put_u64(root, DIGEST, digest.wrapping_add(tally.digest));
        put_i64(root, NEGATIVE, negative);
    }

    fn remove(&mut self, arena: &mut Arena, slot: SlotId) {
        let key_hash = u64_at(self.rows.head(arena, slot), KEY_HASH);
        let removed = self.index.remove(arena, key_hash, slot.0);
        assert!(removed, "every row of a view is in its index");
        self.rows.free(arena, slot);
    }

    /// Puts a row at the end of the list of touched rows, unless it is in there.
    fn touch(&mut self, arena: &mut Arena, slot: SlotId) {
        let head = self.rows.head_mut(arena, slot);
        if u32_at(head, NEXT) != 0 {
            return;
        }
        put_u32(head, NEXT, END);
        let link = slot.0 + 1;
        let last = u32_at(arena.block(self.root), LAST);
        if last == END {
            put_u32(arena.block_mut(self.root), FIRST, link);
        } else {
            put_u32(self.rows.head_mut(arena, SlotId(last - 1)), NEXT, link);
        }
        put_u32(arena.block_mut(self.root), LAST, link);
    }

    /// Whether a row was touched since the last barrier.
    pub(super) fn is_touched(&self, blocks: &impl Blocks) -> bool {
        u32_at(blocks.block(self.root), FIRST) != END
    }

    /// Takes at most `max` rows off the list of touched rows, oldest first, and appends those whose
    /// weight has changed to `out`, with the change. Returns how many it took.
    pub(super) fn settle(
        &mut self,
        arena: &mut Arena,
        max: usize,
        out: &mut [Column],
        weights: &mut Vec<i64>,
    ) -> usize {
        let mut link = u32_at(arena.block(self.root), FIRST);
        let mut taken = 0;
        while taken < max && link != END {
            let slot = SlotId(link - 1);
            let head = self.rows.head_mut(arena, slot);
            link = u32_at(head, NEXT);
            assert!(link != 0, "a row in the list of touched rows is marked as touched");
            put_u32(head, NEXT, 0);
            let weight = i64_at(head, WEIGHT);
            let net = weight.checked_sub(i64_at(head, PUBLISHED));
            put_i64(head, PUBLISHED, weight);
            let net = net.expect("a row is held less than 2^62 times");
            if net != 0 {
                self.rows.read(arena, slot, out);
                weights.push(net);
            }
            if weight == 0 || !self.kept {
                self.remove(arena, slot);
            }
            taken += 1;
        }
        let root = arena.block_mut(self.root);
        put_u32(root, FIRST, link);
        if link == END {
            put_u32(root, LAST, END);
        }
        taken
    }

    /// Visits at most `max` rows from slot `from` on. Returns where to go on, or nothing at the end.
    pub(super) fn walk(
        &self,
        blocks: &impl Blocks,
        from: SlotId,
        max: usize,
        mut visit: impl FnMut(SlotId),
    ) -> Option<SlotId> {
        let mut next = Some(from);
        for _ in 0..max {
            let slot = self.rows.next(blocks, next?)?;
            visit(slot);
            next = Some(SlotId(slot.0 + 1));
        }
        next
    }

    /// Visits the rows whose key columns equal those of `key`.
    pub(super) fn find(
        &self,
        blocks: &impl Blocks,
        key_hash: u64,
        key: Row<'_>,
        mut visit: impl FnMut(SlotId),
    ) {
        let all = self.index.find(blocks, key_hash, |slot| {
            let slot = SlotId(slot);
            if u64_at(self.rows.head(blocks, slot), KEY_HASH) == key_hash
                && self.rows.equals_on(blocks, slot, &self.key, key)
            {
                visit(slot);
            }
            false
        });
        assert!(all.is_none(), "no row ends the search");
    }

    pub(super) fn read(&self, blocks: &impl Blocks, slot: SlotId, out: &mut [Column]) {
        self.rows.read(blocks, slot, out);
    }

    /// The weight of a row with all that was applied.
    pub(super) fn weight(&self, blocks: &impl Blocks, slot: SlotId) -> i64 {
        i64_at(self.rows.head(blocks, slot), WEIGHT)
    }

    /// The weight of a row as subscribers know it.
    pub(super) fn published(&self, blocks: &impl Blocks, slot: SlotId) -> i64 {
        let at = if self.consolidated { PUBLISHED } else { WEIGHT };
        i64_at(self.rows.head(blocks, slot), at)
    }

    /// The sum of all weights, and the digest.
    pub(super) fn totals(&self, blocks: &impl Blocks) -> (i64, u64) {
        let root = blocks.block(self.root);
        (i64_at(root, ROWS), u64_at(root, DIGEST))
    }

    /// How many rows have a weight below zero.
    pub(super) fn negative(&self, blocks: &impl Blocks) -> i64 {
        i64_at(blocks.block(self.root), NEGATIVE)
    }
}

//! The rows of one side of a join in its zone.
//!
//! Rows are found by all their columns, to apply a delta, and by their key, to match the other
//! side. Two indexes keep both to one probe however many rows have a key; rows of one key are
//! chained, so that a walk over them can stop at any slot.
//!
//! Invariants:
//! - A row is in the slab once, with the sum of its weights, which is not zero. Rows that came from
//!   different places are different rows, or which of them is first would depend on the order in
//!   which they arrived. So are 0.0 and -0.0: a retraction takes back the pairs that were made.
//! - `by_row` has one entry for each row, `by_key` one for each key: the first row of its chain.
//! - Nothing but `apply` on this side moves a row, so a place in a chain stays good while deltas of
//!   the other side are matched.

use sluicedb_sql::{Column, DataType, SqlError};

use crate::core::arena::bytes::{i64_at, put_i64, put_u32, put_u64, u32_at, u64_at};
use crate::core::arena::{Anchor, Arena, Blocks, ExtentId, HashIndex, SlotId};
use crate::core::row::{Row, RowLayout, RowSlab};

// Offsets behind the anchor.
const SLAB: usize = 0;
const BY_ROW: usize = SLAB + RowSlab::HEADER_BYTES;
const BY_KEY: usize = BY_ROW + HashIndex::HEADER_BYTES;

// Offsets in the head of a row.
const KEY_HASH: usize = 0;
const WEIGHT: usize = 8;
const TIE: usize = 16;
const NEXT: usize = 24;
const PREV: usize = 28;
const HEAD_BYTES: usize = 32;

/// One side.
pub(super) struct Side {
    anchor: Anchor,
    types: Box<[DataType]>,
    all: Box<[usize]>,
    key: Box<[usize]>,
    rows: RowSlab,
    by_row: HashIndex,
    by_key: HashIndex,
}

/// A delta of this side, with the hashes of all its columns and its tie, and of its key.
pub(super) struct Delta<'a> {
    pub(super) columns: &'a [Column],
    pub(super) row: usize,
    pub(super) row_hash: u64,
    pub(super) key_hash: u64,
    pub(super) weight: i64,
    pub(super) tie: u64,
}

impl Side {
    /// Bytes of the headers behind the anchor.
    pub(super) const HEADER_BYTES: usize = BY_KEY + HashIndex::HEADER_BYTES;

    pub(super) fn new(types: &[DataType], key: &[usize], anchor: Anchor) -> Result<Side, SqlError> {
        let at = |offset: usize| anchor.plus(offset as u16);
        Ok(Side {
            anchor,
            types: types.into(),
            all: (0..types.len()).collect(),
            key: key.into(),
            rows: RowSlab::new(RowLayout::new(types), HEAD_BYTES, at(SLAB))?,
            by_row: HashIndex::open(at(BY_ROW)),
            by_key: HashIndex::open(at(BY_KEY)),
        })
    }

    pub(super) fn create(&self, arena: &mut Arena, extent: ExtentId) {
        self.rows.create(arena, extent);
        HashIndex::create(arena, extent, self.anchor.plus(BY_ROW as u16));
        HashIndex::create(arena, extent, self.anchor.plus(BY_KEY as u16));
    }

    /// How the rows are encoded.
    pub(super) fn layout(&self) -> &RowLayout {
        self.rows.layout()
    }

    /// The columns of the key.
    pub(super) fn key(&self) -> &[usize] {
        &self.key
    }

    /// The first row whose key equals `key`, or `SlotId::NONE`.
    pub(super) fn first(&self, blocks: &impl Blocks, key_hash: u64, key: Row<'_>) -> SlotId {
        let found = self.by_key.find(blocks, key_hash, |slot| {
            let slot = SlotId(slot);
            u64_at(self.rows.head(blocks, slot), KEY_HASH) == key_hash
                && self.rows.equals_on(blocks, slot, &self.key, key)
        });
        found.map_or(SlotId::NONE, SlotId)
    }

    /// The row behind another of the same key, or `SlotId::NONE`.
    pub(super) fn next(&self, blocks: &impl Blocks, slot: SlotId) -> SlotId {
        SlotId(u32_at(self.rows.head(blocks, slot), NEXT))
    }

    /// The types of its columns.
    pub(super) fn types(&self) -> impl Iterator<Item = DataType> {
        self.types.iter().copied()
    }

    /// The first row that is not before a slot.
    pub(super) fn next_row(&self, blocks: &impl Blocks, from: SlotId) -> Option<SlotId> {
        self.rows.next(blocks, from)
    }

    /// The hash of a row's key.
    pub(super) fn key_hash(&self, blocks: &impl Blocks, slot: SlotId) -> u64 {
        u64_at(self.rows.head(blocks, slot), KEY_HASH)
    }

    /// Weight and tie of a row.
    pub(super) fn marks(&self, blocks: &impl Blocks, slot: SlotId) -> (i64, u64) {
        let head = self.rows.head(blocks, slot);
        (i64_at(head, WEIGHT), u64_at(head, TIE))
    }

    /// Appends the values of a row to `out`, one column each.
    pub(super) fn read(&self, blocks: &impl Blocks, slot: SlotId, out: &mut [Column]) {
        self.rows.read(blocks, slot, out);
    }

    /// Adds the weight of a delta to the row that is the same and has its tie.
    pub(super) fn apply(&mut self, arena: &mut Arena, delta: &Delta<'_>) {
        let row = Row { columns: delta.columns, picks: &self.all, row: delta.row };
        let blocks: &Arena = arena;
        let equals = |slot| {
            let slot = SlotId(slot);
            u64_at(self.rows.head(blocks, slot), TIE) == delta.tie
                && self.rows.is_same(blocks, slot, row)
        };
        match self.by_row.find(blocks, delta.row_hash, equals) {
            None => self.insert(arena, delta),
            Some(slot) => {
                let head = self.rows.head_mut(arena, SlotId(slot));
                let weight = i64_at(head, WEIGHT).checked_add(delta.weight);
                let weight = weight.expect("a row is there less than 2^63 times");
                put_i64(head, WEIGHT, weight);
                if weight == 0 {
                    self.remove(arena, SlotId(slot), delta);
                }
            }
        }
    }

    fn insert(&mut self, arena: &mut Arena, delta: &Delta<'_>) {
        let &Delta { columns, row, row_hash, key_hash, weight, tie } = delta;
        let first = self.first(arena, key_hash, Row { columns, picks: &self.key, row });
        let slot = self.rows.insert(arena, Row { columns, picks: &self.all, row });
        let second = if first.is_some() { self.next(arena, first) } else { SlotId::NONE };
        let head = self.rows.head_mut(arena, slot);
        put_u64(head, KEY_HASH, key_hash);
        put_i64(head, WEIGHT, weight);
        put_u64(head, TIE, tie);
        put_u32(head, NEXT, second.0);
        put_u32(head, PREV, first.0);
        self.by_row.insert(arena, row_hash, slot.0);
        // Behind the first row, so that the index keeps naming that one.
        if first.is_some() {
            self.link(arena, first, NEXT, slot);
            self.link(arena, second, PREV, slot);
        } else {
            self.by_key.insert(arena, key_hash, slot.0);
        }
    }

    fn remove(&mut self, arena: &mut Arena, slot: SlotId, delta: &Delta<'_>) {
        let head = self.rows.head(arena, slot);
        assert_eq!(u64_at(head, KEY_HASH), delta.key_hash, "equal rows have equal keys");
        let (next, prev) = (SlotId(u32_at(head, NEXT)), SlotId(u32_at(head, PREV)));
        let removed = self.by_row.remove(arena, delta.row_hash, slot.0);
        assert!(removed, "every row is in the index of rows");
        if prev.is_some() {
            self.link(arena, prev, NEXT, next);
        } else {
            let removed = self.by_key.remove(arena, delta.key_hash, slot.0);
            assert!(removed, "the first row of a key is in the index of keys");
            if next.is_some() {
                self.by_key.insert(arena, delta.key_hash, next.0);
            }
        }
        self.link(arena, next, PREV, prev);
        self.rows.free(arena, slot);
    }

    /// Makes a row that is there point to another.
    fn link(&self, arena: &mut Arena, slot: SlotId, field: usize, to: SlotId) {
        if slot.is_some() {
            put_u32(self.rows.head_mut(arena, slot), field, to.0);
        }
    }

    /// Rows, and entries of the two indexes.
    #[cfg(test)]
    pub(super) fn counts(&self, blocks: &impl Blocks) -> [u32; 3] {
        [self.rows.live(blocks), self.by_row.entries(blocks), self.by_key.entries(blocks)]
    }
}

//! The rows of one side of a join in its zone.
//!
//! Rows are found by their key, to match the other side, and where some may be taken back by all
//! their columns too. Two indexes keep both to one probe however many rows have a key; rows of one
//! key are chained, so that a walk over them can stop at any slot. How many rows a key has is in the
//! head of the first of them, where the probe ends.
//!
//! Invariants:
//! - A row is in the slab once, with the sum of its weights, which is not zero. Rows that came from
//!   different places are different rows, or which of them is first would depend on the order in
//!   which they arrived. So are 0.0 and -0.0: a retraction takes back the pairs that were made.
//! - `by_key` has one entry for each key, the first row of its chain; `by_row`, where there is one, has
//!   one for each row. Without it equal rows lie beside each other, and none goes.
//! - Nothing but `apply` on this side and `forget` moves a row, and rows are forgotten only between
//!   morsels, so a place in a chain stays good while deltas of the other side are matched.

use sluicedb_sql::{Column, DataType, SqlError};

use super::by_time::ByTime;
use super::kept_hash;
use super::options::{Count, Keeping};
use crate::core::arena::bytes::{i64_at, put_i64, put_u32, put_u64, u32_at, u64_at};
use crate::core::arena::{Anchor, Arena, Blocks, ExtentId, HashIndex, SlotId, Tree};
use crate::core::hash::hash_rows;
use crate::core::row::{Row, RowLayout, RowSlab};

// Offsets behind the anchor.
const SLAB: usize = 0;
const BY_ROW: usize = SLAB + RowSlab::HEADER_BYTES;
const BY_KEY: usize = BY_ROW + HashIndex::HEADER_BYTES;
const BY_TIME: usize = BY_KEY + HashIndex::HEADER_BYTES;

// Offsets in the head of a row.
const KEY_HASH: usize = 0;
const WEIGHT: usize = 8;
const TIE: usize = 16;
const NEXT: usize = 24;
const PREV: usize = 28;
/// Only where something is counted.
const COUNT: usize = 32;
const HEAD_BYTES: usize = 40;

/// One side.
pub(super) struct Side {
    anchor: Anchor,
    types: Box<[DataType]>,
    all: Box<[usize]>,
    key: Box<[usize]>,
    rows: RowSlab,
    by_row: Option<HashIndex>,
    by_key: HashIndex,
    by_time: Option<ByTime>,
    count: Count,
}

/// A delta of this side, with the hashes of all its columns and its tie, and of its key.
pub(super) struct Delta<'a> {
    pub(super) columns: &'a [Column],
    pub(super) row: usize,
    pub(super) row_hash: u64,
    pub(super) key_hash: u64,
    pub(super) weight: i64,
    pub(super) tie: u64,
    /// How many rows match it, where that is counted.
    pub(super) matches: i64,
}

impl Side {
    /// Bytes of the headers behind the anchor.
    pub(super) const HEADER_BYTES: usize = BY_TIME + Tree::HEADER_BYTES;

    pub(super) fn new(
        types: &[DataType],
        key: &[usize],
        keeping: Keeping,
        anchor: Anchor,
    ) -> Result<Side, SqlError> {
        let at = |offset: usize| anchor.plus(offset as u16);
        let Keeping { finds, time, count } = keeping;
        let head_bytes = if count == Count::None { COUNT } else { HEAD_BYTES };
        Ok(Side {
            anchor,
            types: types.into(),
            all: (0..types.len()).collect(),
            key: key.into(),
            rows: RowSlab::new(RowLayout::new(types), head_bytes, at(SLAB))?,
            by_row: finds.then(|| HashIndex::open(at(BY_ROW))),
            by_key: HashIndex::open(at(BY_KEY)),
            by_time: time.map(|column| ByTime::open(column, at(BY_TIME))),
            count,
        })
    }

    pub(super) fn create(&self, arena: &mut Arena, extent: ExtentId) {
        self.rows.create(arena, extent);
        if self.by_row.is_some() {
            HashIndex::create(arena, extent, self.anchor.plus(BY_ROW as u16));
        }
        HashIndex::create(arena, extent, self.anchor.plus(BY_KEY as u16));
        if self.by_time.is_some() {
            ByTime::create(arena, extent, self.anchor.plus(BY_TIME as u16));
        }
    }

    /// The row with the least time, where rows go by their time.
    pub(super) fn oldest(&self, blocks: &impl Blocks) -> Option<(i64, SlotId)> {
        self.by_time.and_then(|by_time| by_time.first(blocks))
    }

    /// Removes the row with the least time. Its values are read into `columns` where they have to be
    /// hashed into `hashes`.
    pub(super) fn forget(
        &mut self,
        arena: &mut Arena,
        (time, slot): (i64, SlotId),
        (columns, hashes): (&mut [Column], &mut Vec<u64>),
    ) {
        let mut row_hash = 0;
        if self.by_row.is_some() {
            columns.iter_mut().for_each(Column::clear);
            self.read(arena, slot, columns);
            hash_rows(columns.iter(), 1, hashes);
            let (_, tie) = self.marks(arena, slot);
            row_hash = kept_hash(hashes[0], tie);
        }
        self.take_out(arena, slot, row_hash, time);
    }

    /// How the rows are encoded.
    pub(super) fn layout(&self) -> &RowLayout {
        self.rows.layout()
    }

    /// Bytes to add to those of the texts for a look, as [`RowLayout::slack_bytes`].
    pub(super) fn slack_bytes(&self) -> usize {
        let times = if self.by_time.is_some() { ByTime::GROWTH_BYTES } else { 0 };
        self.rows.layout().slack_bytes() + times
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

    /// How many rows have a key, by the first of them; or how many rows match a row.
    pub(super) fn count(&self, blocks: &impl Blocks, slot: SlotId) -> i64 {
        if slot.is_some() && self.count != Count::None {
            i64_at(self.rows.head(blocks, slot), COUNT)
        } else {
            0
        }
    }

    /// Takes note of how many rows match a row.
    pub(super) fn set_matches(&mut self, arena: &mut Arena, slot: SlotId, matches: i64) {
        assert_eq!(self.count, Count::Matches, "matches are counted only where they are asked for");
        put_i64(self.rows.head_mut(arena, slot), COUNT, matches);
    }

    /// Appends the values of a row to `out`, one column each.
    pub(super) fn read(&self, blocks: &impl Blocks, slot: SlotId, out: &mut [Column]) {
        self.rows.read(blocks, slot, out);
    }

    /// Adds the weight of a delta to the row that is the same and has its tie, or adds the row. `first`
    /// is the first row of its key, if that was looked for.
    pub(super) fn apply(&mut self, arena: &mut Arena, delta: &Delta<'_>, first: Option<SlotId>) {
        let find = |side: &Side, arena: &Arena| {
            let key = Row { columns: delta.columns, picks: &side.key, row: delta.row };
            first.unwrap_or_else(|| side.first(arena, delta.key_hash, key))
        };
        let counted = (self.count == Count::Key).then(|| {
            let first = find(self, arena);
            (first, self.count(arena, first) + delta.weight)
        });
        let first = match self.find(arena, delta) {
            Some(slot) => self.add(arena, slot, delta),
            None => {
                let first = find(self, arena);
                let slot = self.insert(arena, delta, first);
                if first.is_some() { None } else { Some(slot) }
            }
        };
        if let Some((before, count)) = counted {
            let first = first.unwrap_or(before);
            if first.is_some() {
                put_i64(self.rows.head_mut(arena, first), COUNT, count);
            }
        }
    }

    /// The row that is the same as a delta and has its tie, where rows are found.
    fn find(&self, arena: &Arena, delta: &Delta<'_>) -> Option<SlotId> {
        let row = Row { columns: delta.columns, picks: &self.all, row: delta.row };
        let equals = |slot| {
            let slot = SlotId(slot);
            u64_at(self.rows.head(arena, slot), TIE) == delta.tie
                && self.rows.is_same(arena, slot, row)
        };
        self.by_row.and_then(|by_row| by_row.find(arena, delta.row_hash, equals)).map(SlotId)
    }

    /// Adds the weight of a delta to a row. Returns the first row of the key if it is another now.
    fn add(&mut self, arena: &mut Arena, slot: SlotId, delta: &Delta<'_>) -> Option<SlotId> {
        let head = self.rows.head_mut(arena, slot);
        let weight = i64_at(head, WEIGHT).checked_add(delta.weight);
        let weight = weight.expect("a row is there less than 2^63 times");
        put_i64(head, WEIGHT, weight);
        if weight == 0 { self.remove(arena, slot, delta) } else { None }
    }

    /// Adds a row behind the first one of its key, so that the index keeps naming that one.
    fn insert(&mut self, arena: &mut Arena, delta: &Delta<'_>, first: SlotId) -> SlotId {
        let &Delta { columns, row, row_hash, key_hash, weight, tie, matches } = delta;
        let slot = self.rows.insert(arena, Row { columns, picks: &self.all, row });
        let second = if first.is_some() { self.next(arena, first) } else { SlotId::NONE };
        let head = self.rows.head_mut(arena, slot);
        put_u64(head, KEY_HASH, key_hash);
        put_i64(head, WEIGHT, weight);
        put_u64(head, TIE, tie);
        put_u32(head, NEXT, second.0);
        put_u32(head, PREV, first.0);
        if self.count == Count::Matches {
            put_i64(head, COUNT, matches);
        }
        if let Some(by_row) = self.by_row {
            by_row.insert(arena, row_hash, slot.0);
        }
        if let Some(by_time) = self.by_time {
            by_time.insert(arena, by_time.of(delta), slot);
        }
        if first.is_some() {
            self.link(arena, first, NEXT, slot);
            self.link(arena, second, PREV, slot);
        } else {
            self.by_key.insert(arena, key_hash, slot.0);
        }
        slot
    }

    /// Removes a row. Returns the first row of its key if it was that one.
    fn remove(&mut self, arena: &mut Arena, slot: SlotId, delta: &Delta<'_>) -> Option<SlotId> {
        let head = self.rows.head(arena, slot);
        assert_eq!(u64_at(head, KEY_HASH), delta.key_hash, "equal rows have equal keys");
        let time = self.by_time.map_or(0, |by_time| by_time.of(delta));
        self.take_out(arena, slot, delta.row_hash, time)
    }

    /// Removes a row from all indexes and from the slab. Returns the first row of its key if it was
    /// that one. The hash matters where rows are found by it, and the time where they go by it.
    fn take_out(
        &mut self,
        arena: &mut Arena,
        slot: SlotId,
        row_hash: u64,
        time: i64,
    ) -> Option<SlotId> {
        if let Some(by_row) = self.by_row {
            let removed = by_row.remove(arena, row_hash, slot.0);
            assert!(removed, "every row is in the index of rows");
        }
        if let Some(by_time) = self.by_time {
            by_time.remove(arena, time, slot);
        }
        let first = self.unlink(arena, slot);
        self.rows.free(arena, slot);
        first
    }

    /// Takes a row out of the chain of its key. Returns the first row of the key if it was that one.
    fn unlink(&mut self, arena: &mut Arena, slot: SlotId) -> Option<SlotId> {
        let head = self.rows.head(arena, slot);
        let (next, prev) = (SlotId(u32_at(head, NEXT)), SlotId(u32_at(head, PREV)));
        let key_hash = u64_at(head, KEY_HASH);
        self.link(arena, next, PREV, prev);
        if prev.is_some() {
            self.link(arena, prev, NEXT, next);
            return None;
        }
        let removed = self.by_key.remove(arena, key_hash, slot.0);
        assert!(removed, "the first row of a key is in the index of keys");
        if next.is_some() {
            self.by_key.insert(arena, key_hash, next.0);
        }
        Some(next)
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
        let by_row = self.by_row.map_or(0, |by_row| by_row.entries(blocks));
        let by_time = self.by_time.map(|by_time| by_time.entries(blocks));
        assert!(
            by_time.is_none_or(|times| times == self.rows.live(blocks)),
            "each row is in order"
        );
        [self.rows.live(blocks), by_row, self.by_key.entries(blocks)]
    }
}

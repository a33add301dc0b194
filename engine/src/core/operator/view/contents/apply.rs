//! Deltas of a morsel go to the rows that equal them.
//!
//! Rows that are not there yet get their slots one by one and are encoded together, column by
//! column, at the latest before one of them could be met.

use std::ops::Range;

use sluicedb_sql::Column;

use super::{Contents, KEY_HASH, Tally, WEIGHT};
use crate::core::arena::bytes::{i64_at, put_i64, put_u64, u64_at};
use crate::core::arena::{Arena, BlockId, Blocks, SlotId};
use crate::core::row::Row;

/// Deltas of a morsel, with the hashes of their keys and of all their columns.
#[derive(Clone, Copy)]
pub(in crate::core::operator::view) struct Deltas<'a> {
    pub(in crate::core::operator::view) columns: &'a [Column],
    pub(in crate::core::operator::view) key_hashes: &'a [u64],
    pub(in crate::core::operator::view) row_hashes: &'a [u64],
    /// Empty where all are one.
    pub(in crate::core::operator::view) weights: &'a [i64],
}

/// A row's slot, and where that lies.
#[derive(Clone, Copy)]
struct Found {
    slot: SlotId,
    block: BlockId,
    at: usize,
}

impl Contents {
    /// Adds the weights of some deltas to the rows that equal them.
    pub(in crate::core::operator::view) fn apply(
        &mut self,
        arena: &mut Arena,
        deltas: &Deltas<'_>,
        rows: Range<usize>,
        tally: &mut Tally,
    ) {
        assert!(self.unwritten.is_empty(), "rows are encoded before their morsel is left");
        for row in rows {
            let weight = if deltas.weights.is_empty() { 1 } else { deltas.weights[row] };
            if weight == 0 {
                continue;
            }
            let Found { slot, block, at } = self.place(arena, deltas, row);
            let head = &mut arena.block_mut(block)[at..][..WEIGHT + 8];
            let before = i64_at(head, WEIGHT);
            let after = before.checked_add(weight).expect("a row is held less than 2^63 times");
            put_i64(head, WEIGHT, after);
            tally.rows = tally.rows.wrapping_add(weight);
            let digest = deltas.row_hashes[row].wrapping_mul(weight as u64);
            tally.digest = tally.digest.wrapping_add(digest);
            tally.negative += i64::from(after < 0) - i64::from(before < 0);
            if self.consolidated {
                self.touch(arena, slot);
            } else if after == 0 {
                // It was there before, so it was found, and what is found is encoded.
                self.remove(arena, slot);
            }
        }
        self.encode(arena, deltas.columns);
    }

    /// The row that equals a delta; if there is none, a slot for it.
    fn place(&mut self, arena: &mut Arena, deltas: &Deltas<'_>, row: usize) -> Found {
        let key_hash = deltas.key_hashes[row];
        let values = Row { columns: deltas.columns, picks: &self.all, row };
        let blocks: &Arena = arena;
        let (mut place, mut early) = ((BlockId::NONE, 0), false);
        let sought = self.index.seek(blocks, key_hash, |slot| {
            early = !self.unwritten.is_empty();
            place = self.rows.locate(blocks, SlotId(slot));
            early
                || u64_at(blocks.block(place.0), place.1 + KEY_HASH) == key_hash
                    && self.rows.equals_at(blocks, place, values)
        });
        match sought {
            Ok(_) if early => {
                self.encode(arena, deltas.columns);
                self.place(arena, deltas, row)
            }
            Ok(slot) => Found { slot: SlotId(slot), block: place.0, at: place.1 },
            Err(vacancy) => {
                let (slot, block, at) = self.rows.take(arena);
                put_u64(arena.written_mut(block), at + KEY_HASH, key_hash);
                self.index.fill(arena, vacancy, slot.0);
                self.unwritten.push(self.rows.spot(block, at, row));
                Found { slot, block, at }
            }
        }
    }

    /// Encodes the rows that are not yet.
    fn encode(&mut self, arena: &mut Arena, columns: &[Column]) {
        if !self.unwritten.is_empty() {
            self.rows.write_all(arena, columns, &self.all, &self.unwritten);
            self.unwritten.clear();
        }
    }
}

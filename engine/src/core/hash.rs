//! The hash that places rows: on partitions, and in indexes that reach the disk.
//!
//! It is fixed for ever by the vectors in its tests: a database written on one machine is read on
//! another, with another number of shards. Each word is folded in by one widening multiplication
//! whose halves are added by exclusive or, so that every input bit reaches the upper bits, which
//! choose the partition, and the lower ones, which choose the place in an index.

use sluicedb_sql::column::{Text, Values};
use sluicedb_sql::interval::span_of;
use sluicedb_sql::{Column, DataType};

use super::ids::{Partition, ShardId};
use super::limits::{PARTITIONS, SHARDS_MAX};

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const WORD: u64 = 0xd6e8_feb8_6659_fd93;
const FINAL: u64 = 0xa076_1d64_78bd_642f;
/// What a NULL contributes; no value of eight bytes is told apart from it by more than the hash.
const NULL: u64 = 0x6a09_e667_f3bc_c909;

/// Bytes of the longest text that lies in its view.
const VIEW_TEXT_BYTES: usize = 12;

/// The hash of the empty key.
pub const EMPTY: u64 = finish(SEED);

const fn fold(state: u64, word: u64) -> u64 {
    let product = (state ^ word) as u128 * WORD as u128;
    // The state is added back because a product with zero forgets everything before it.
    (product as u64 ^ (product >> 64) as u64).wrapping_add(state.rotate_left(23))
}

const fn finish(state: u64) -> u64 {
    let product = (state ^ (state >> 32)) as u128 * FINAL as u128;
    product as u64 ^ (product >> 64) as u64
}

#[inline(never)]
fn fold_bytes(mut state: u64, bytes: &[u8]) -> u64 {
    let mut words = bytes.chunks_exact(8);
    for word in &mut words {
        let word = u64::from_le_bytes(word.try_into().expect("chunks of eight bytes"));
        state = fold(state, word);
    }
    let mut last = [0; 8];
    last[..words.remainder().len()].copy_from_slice(words.remainder());
    state = fold(state, u64::from_le_bytes(last));
    fold(state, bytes.len() as u64)
}

fn fold_wide(state: u64, value: i128) -> u64 {
    fold(fold(state, value as u64), (value >> 64) as u64)
}

fn fold_double(value: f64) -> u64 {
    if value.is_nan() {
        f64::NAN.to_bits()
    } else if value == 0.0 {
        0
    } else {
        value.to_bits()
    }
}

/// What [`fold_bytes`] makes of text `row`. A text that lies in its view is two words at known
/// places, padded with zeros: the loop over words and the copy of the last one fall away.
#[inline(always)]
fn fold_text(state: u64, texts: &Text, row: usize) -> u64 {
    let view = &texts.views()[row];
    if view.len() > VIEW_TEXT_BYTES {
        return fold_bytes(state, texts.bytes(row));
    }
    // As a number of the lowest byte first, whatever the byte order of the machine.
    let view_bits = u128::from_le_bytes(view.to_u128().to_ne_bytes());
    let (first, last) = ((view_bits >> 32) as u64, (view_bits >> 96) as u64);
    let len = view.len();
    let state = fold(state, first);
    fold(if len < 8 { state } else { fold(state, last) }, len as u64)
}

/// The hashes of the key columns of each row, in place of what `hashes` held.
pub fn hash_rows<'a>(keys: impl Iterator<Item = &'a Column>, rows: usize, hashes: &mut Vec<u64>) {
    hashes.clear();
    hashes.resize(rows, SEED);
    for column in keys {
        assert_eq!(column.len(), rows, "key columns have as many values as there are rows");
        fold_column(column, hashes);
    }
    hashes.iter_mut().for_each(|hash| *hash = finish(*hash));
}

fn fold_column(column: &Column, hashes: &mut [u64]) {
    match column.values() {
        Values::Bool(bits) => {
            fold_all(column, hashes, |hash, row| fold(hash, u64::from(bits.get(row))));
        }
        // Integers of either width hash alike, as they compare alike.
        Values::I32(values) => {
            fold_all(column, hashes, |hash, row| fold(hash, i64::from(values[row]) as u64));
        }
        Values::I64(values) => fold_all(column, hashes, |hash, row| fold(hash, values[row] as u64)),
        Values::F64(values) => {
            fold_all(column, hashes, |hash, row| fold(hash, fold_double(values[row])));
        }
        // Intervals of one span are equal, whatever their months and days.
        Values::I128(values) if column.data_type() == DataType::Interval => {
            fold_all(column, hashes, |hash, row| fold_wide(hash, span_of(values[row])));
        }
        Values::I128(values) => fold_all(column, hashes, |hash, row| fold_wide(hash, values[row])),
        Values::Text(texts) => fold_all(column, hashes, |hash, row| fold_text(hash, texts, row)),
    }
}

#[inline(always)]
fn fold_all(column: &Column, hashes: &mut [u64], fold_value: impl Fn(u64, usize) -> u64) {
    if column.has_nulls() {
        for (row, hash) in hashes.iter_mut().enumerate() {
            let null = column.is_null(row);
            *hash = if null { fold(*hash, NULL) } else { fold_value(*hash, row) };
        }
    } else {
        hashes.iter_mut().enumerate().for_each(|(row, hash)| *hash = fold_value(*hash, row));
    }
}

/// The hash of one row, taken key by key; the same as [`hash_rows`] says of it.
#[derive(Clone, Copy, Debug)]
pub struct RowHash(u64);

impl RowHash {
    /// Of no key yet.
    pub const START: RowHash = RowHash(SEED);

    /// Folds in a NULL.
    #[inline]
    pub fn null(self) -> RowHash {
        RowHash(fold(self.0, NULL))
    }

    /// Folds in a BOOLEAN, an integer, a date or a time, the narrow ones sign extended.
    #[inline]
    pub fn word(self, value: u64) -> RowHash {
        RowHash(fold(self.0, value))
    }

    /// Folds in a REAL or a DOUBLE.
    #[inline]
    pub fn double(self, value: f64) -> RowHash {
        RowHash(fold(self.0, fold_double(value)))
    }

    /// Folds in a DECIMAL or a UUID, as a column holds it: its lower, then its upper half.
    #[inline]
    pub fn wide(self, value: i128) -> RowHash {
        RowHash(fold_wide(self.0, value))
    }

    /// Folds in an INTERVAL, as a column holds it.
    #[inline]
    pub fn interval(self, value: i128) -> RowHash {
        RowHash(fold_wide(self.0, span_of(value)))
    }

    /// Folds in a TEXT, or what else lies as texts do.
    #[inline]
    pub fn text(self, bytes: &[u8]) -> RowHash {
        RowHash(fold_bytes(self.0, bytes))
    }

    /// The hash.
    #[inline]
    pub fn finish(self) -> u64 {
        finish(self.0)
    }
}

/// The partition of a hash.
pub fn partition(hash: u64) -> Partition {
    // The upper ten bits; an index inside a shard uses the lower ones, which stay independent.
    Partition((hash >> (64 - PARTITIONS.ilog2())) as u16)
}

/// The shard that owns a partition: each owns a range of them.
pub fn owner(partition: Partition, shards: u16) -> ShardId {
    assert!(shards > 0 && usize::from(shards) <= SHARDS_MAX, "{shards} shards");
    ShardId((usize::from(partition.0) * usize::from(shards) / PARTITIONS) as u16)
}

#[cfg(test)]
mod tests;

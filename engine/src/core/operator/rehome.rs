//! Moves what operators keep from shards of one number to shards of another.
//!
//! An operator reads what it keeps on each shard of before, and adds each part of it to what it keeps
//! on the shard that owns the part now. Nothing is put out: whoever was told of a row was told before.
//!
//! Invariant: running out of memory is seen before something is added, as everywhere.

use sluicedb_sql::Column;

use crate::core::arena::{Arena, BLOCK_BYTES, Headroom};
use crate::core::hash::{hash_rows, owner, partition};
use crate::core::ids::ShardId;
use crate::core::limits::STATE_BLOCKS_PER_ROW;

/// An operator on one shard, and the state of that shard.
pub struct Home<'a, O> {
    /// The operator.
    pub operator: O,
    /// The state.
    pub arena: &'a mut Arena,
}

/// A shard has no memory for what it owns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom(pub ShardId);

/// Rows that are moved at a time, at most.
pub(super) const ROWS: usize = 16;

/// The shard, out of so many, that owns what has this hash.
pub(super) fn shard_of(hash: u64, shards: usize) -> usize {
    let shards = u16::try_from(shards).expect("shards are numbered in 16 bits");
    owner(partition(hash), shards).index()
}

/// Sees to it that a shard has memory for so many rows with so much text.
pub(super) fn make_room<O>(
    homes: &mut [Home<'_, O>],
    shard: usize,
    rows: usize,
    text_bytes: usize,
) -> Result<(), NoRoom> {
    let blocks = rows * STATE_BLOCKS_PER_ROW + text_bytes.div_ceil(BLOCK_BYTES / 2);
    let state_blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
    let need = Headroom { state_blocks, shadow_blocks: 0 };
    let arena = &mut *homes[shard].arena;
    let there = arena.headroom().covers(need) && arena.reserve(need).is_ok();
    there.then_some(()).ok_or(NoRoom(ShardId(shard as u16)))
}

/// Rows by the shard that owns them.
pub(super) struct Dealt {
    hashes: Vec<u64>,
    picks: Vec<Vec<u32>>,
}

impl Dealt {
    /// For so many shards.
    pub(super) fn new(shards: usize) -> Dealt {
        Dealt { hashes: Vec::new(), picks: vec![Vec::new(); shards] }
    }

    /// Deals rows by the hash of these columns.
    pub(super) fn deal(&mut self, columns: &[Column], placed: &[usize], rows: usize) {
        hash_rows(placed.iter().map(|&column| &columns[column]), rows, &mut self.hashes);
        self.picks.iter_mut().for_each(Vec::clear);
        let shards = self.picks.len();
        for (row, &hash) in self.hashes.iter().enumerate() {
            self.picks[shard_of(hash, shards)].push(row as u32);
        }
    }

    /// The shards that own some of the rows, with those.
    pub(super) fn parts(&self) -> impl Iterator<Item = (usize, &[u32])> {
        let parts = self.picks.iter().enumerate();
        parts.filter(|(_, picks)| !picks.is_empty()).map(|(shard, picks)| (shard, picks.as_slice()))
    }
}

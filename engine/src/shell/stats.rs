//! What is counted on the way, for whoever asks.

use super::sync::{AtomicU64, Ordering};
use crate::core::arena::Arena;

/// Blocks in use, in percent of all, from which feeders are slowed down.
const TIGHT_PERCENT: u64 = 90;

/// Of one shard. Written by the shard alone.
#[derive(Debug, Default)]
pub(crate) struct ShardStats {
    dead_letters: AtomicU64,
    blocks_used: AtomicU64,
    blocks_max: AtomicU64,
}

impl ShardStats {
    pub(crate) fn add_dead_letters(&self, rows: usize) {
        let before = self.dead_letters.load(Ordering::Relaxed);
        self.dead_letters.store(before + rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_blocks(&self, arena: &Arena) {
        self.blocks_used.store(u64::from(arena.used_blocks()), Ordering::Relaxed);
        self.blocks_max.store(u64::from(arena.blocks_max()), Ordering::Relaxed);
    }

    /// Whether a shard's state is close to its limit.
    #[inline]
    pub(crate) fn is_tight(&self, arena: &Arena) -> bool {
        u64::from(arena.used_blocks()) * 100 >= u64::from(arena.blocks_max()) * TIGHT_PERCENT
    }

    pub(crate) fn dead_letters(&self) -> u64 {
        self.dead_letters.load(Ordering::Relaxed)
    }

    pub(crate) fn blocks_used(&self) -> u64 {
        self.blocks_used.load(Ordering::Relaxed)
    }

    pub(crate) fn blocks_max(&self) -> u64 {
        self.blocks_max.load(Ordering::Relaxed)
    }
}

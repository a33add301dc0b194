//! What is counted on the way, for whoever asks.

use super::sync::{AtomicU64, Ordering};
use crate::core::arena::Arena;

/// Blocks in use, in percent of all, from which feeders are slowed down.
const TIGHT_PERCENT: u64 = 90;

/// Whether a shard's state is close to its limit.
#[inline]
pub(crate) fn is_tight(arena: &Arena) -> bool {
    u64::from(arena.used_blocks()) * 100 >= u64::from(arena.blocks_max()) * TIGHT_PERCENT
}

/// Of one shard. Written by the shard alone, on cache lines of its own.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ShardStats {
    dead_letters: AtomicU64,
    late_rows: AtomicU64,
    dead_letters_gone: AtomicU64,
    late_rows_gone: AtomicU64,
    epoch_rows: AtomicU64,
    blocks_used: AtomicU64,
    blocks_max: AtomicU64,
    feeders_slowed: AtomicU64,
    rows_in: AtomicU64,
    rows_out: AtomicU64,
}

/// Adds to a figure that nobody else writes.
#[inline]
fn add(figure: &AtomicU64, rows: u64) {
    figure.store(figure.load(Ordering::Relaxed) + rows, Ordering::Relaxed);
}

impl ShardStats {
    pub(crate) fn add_dead_letters(&self, rows: u64) {
        add(&self.dead_letters, rows);
    }

    pub(crate) fn add_late_rows(&self, rows: u64) {
        add(&self.late_rows, rows);
    }

    /// How many of either were kept and have gone.
    pub(crate) fn set_gone(&self, late: u64, dead: u64) {
        self.late_rows_gone.store(late, Ordering::Relaxed);
        self.dead_letters_gone.store(dead, Ordering::Relaxed);
    }

    /// Rows of the epoch whose barrier the shard has passed; told before that is.
    pub(crate) fn set_epoch_rows(&self, rows: u64) {
        self.epoch_rows.store(rows, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn add_rows_in(&self, rows: usize) {
        add(&self.rows_in, rows as u64);
    }

    #[inline]
    pub(crate) fn add_rows_out(&self, rows: usize) {
        add(&self.rows_out, rows as u64);
    }

    /// So many feeders had to leave rows on their lanes in this turn because state is close to its
    /// limit.
    #[inline]
    pub(crate) fn set_feeders_slowed(&self, feeders: usize) {
        self.feeders_slowed.store(feeders as u64, Ordering::Relaxed);
    }

    pub(crate) fn set_blocks(&self, arena: &Arena) {
        self.blocks_used.store(u64::from(arena.used_blocks()), Ordering::Relaxed);
        self.blocks_max.store(u64::from(arena.blocks_max()), Ordering::Relaxed);
    }

    pub(crate) fn dead_letters(&self) -> u64 {
        self.dead_letters.load(Ordering::Relaxed)
    }

    pub(crate) fn late_rows(&self) -> u64 {
        self.late_rows.load(Ordering::Relaxed)
    }

    pub(crate) fn late_rows_gone(&self) -> u64 {
        self.late_rows_gone.load(Ordering::Relaxed)
    }

    pub(crate) fn dead_letters_gone(&self) -> u64 {
        self.dead_letters_gone.load(Ordering::Relaxed)
    }

    pub(crate) fn epoch_rows(&self) -> u64 {
        self.epoch_rows.load(Ordering::Relaxed)
    }

    pub(crate) fn blocks_used(&self) -> u64 {
        self.blocks_used.load(Ordering::Relaxed)
    }

    pub(crate) fn blocks_max(&self) -> u64 {
        self.blocks_max.load(Ordering::Relaxed)
    }

    pub(crate) fn feeders_slowed(&self) -> u64 {
        self.feeders_slowed.load(Ordering::Relaxed)
    }

    pub(crate) fn rows_in(&self) -> u64 {
        self.rows_in.load(Ordering::Relaxed)
    }

    pub(crate) fn rows_out(&self) -> u64 {
        self.rows_out.load(Ordering::Relaxed)
    }
}

//! The last epochs, and how long each took.

use std::collections::VecDeque;

use super::clock::wall_us;
use super::sync::{AtomicU64, Ordering};
use crate::core::frame::Barrier;
use crate::core::ids::Epoch;
use crate::core::limits::EPOCHS_KEPT;

/// The epoch of the last checkpoint that is sealed.
pub(crate) struct SealedEpoch(AtomicU64);

impl SealedEpoch {
    pub(crate) fn new(epoch: Epoch) -> SealedEpoch {
        SealedEpoch(AtomicU64::new(epoch.0))
    }

    /// Only the coordinator's thread does.
    pub(crate) fn seal(&self, epoch: Epoch) {
        self.0.store(epoch.0, Ordering::Release);
    }

    pub(crate) fn read(&self) -> Epoch {
        Epoch(self.0.load(Ordering::Acquire))
    }
}

/// What is known of one epoch. Moments are microseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EpochMark {
    pub(crate) epoch: Epoch,
    /// Feeders push into it from here on.
    pub(crate) opened_us: i64,
    /// The barrier is on its way.
    pub(crate) closed_us: Option<i64>,
    /// All shards have passed the barrier.
    pub(crate) passed_us: Option<i64>,
    /// Its checkpoint is durable.
    pub(crate) sealed_us: Option<i64>,
    /// From closed to passed.
    pub(crate) barrier_ns: Option<u64>,
    /// Rows of sources in it, over all shards.
    pub(crate) rows: u64,
    /// Whether it ends with a checkpoint.
    pub(crate) checkpoint: bool,
    /// Bytes that its checkpoint has written.
    pub(crate) checkpoint_bytes: u64,
}

/// The last of them, the oldest first.
#[derive(Debug, Default)]
pub(crate) struct Epochs {
    marks: VecDeque<EpochMark>,
    closed_ns: u64,
}

impl Epochs {
    fn mark(&mut self, epoch: Epoch) -> Option<&mut EpochMark> {
        // What happens happens to one of the last.
        self.marks.iter_mut().rev().find(|mark| mark.epoch == epoch)
    }

    pub(crate) fn open(&mut self, epoch: Epoch) {
        // The first one is open before it is told.
        if self.mark(epoch).is_some() {
            return;
        }
        if self.marks.len() == EPOCHS_KEPT {
            self.marks.pop_front();
        }
        self.marks.push_back(EpochMark {
            epoch,
            opened_us: wall_us(),
            closed_us: None,
            passed_us: None,
            sealed_us: None,
            barrier_ns: None,
            rows: 0,
            checkpoint: false,
            checkpoint_bytes: 0,
        });
    }

    /// Told once for each shard.
    pub(crate) fn close(&mut self, barrier: Barrier, now_ns: u64) {
        let Some(mark) = self.mark(barrier.epoch).filter(|mark| mark.closed_us.is_none()) else {
            return;
        };
        mark.closed_us = Some(wall_us());
        mark.checkpoint = barrier.checkpoint;
        self.closed_ns = now_ns;
    }

    pub(crate) fn pass(&mut self, epoch: Epoch, rows: u64, now_ns: u64) {
        let barrier_ns = now_ns.saturating_sub(self.closed_ns);
        if let Some(mark) = self.mark(epoch) {
            mark.passed_us = Some(wall_us());
            mark.barrier_ns = Some(barrier_ns);
            mark.rows = rows;
        }
    }

    /// A shard has written its part of a checkpoint.
    pub(crate) fn write(&mut self, epoch: Epoch, bytes: u64) {
        if let Some(mark) = self.mark(epoch) {
            mark.checkpoint_bytes += bytes;
        }
    }

    pub(crate) fn seal(&mut self, epoch: Epoch) {
        if let Some(mark) = self.mark(epoch) {
            mark.sealed_us = Some(wall_us());
        }
    }

    /// All that is remembered.
    pub(crate) fn look(&self) -> Vec<EpochMark> {
        self.marks.iter().cloned().collect()
    }
}

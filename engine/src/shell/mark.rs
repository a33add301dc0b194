//! What feeders and shards read of each other beside the lanes between them.
//!
//! The argument for the epoch word is in `core/feeder`; here is how it is kept in memory. A feeder
//! stores its word, fences, and reads the open epoch; the coordinator stores the open epoch, fences,
//! and orders the shards to close the one before; a shard that has the order reads the word. So
//! either the feeder sees the epoch that was opened, or the shards see its word.

use super::sync::{AtomicU64, Ordering, fence};
use crate::core::feeder::{FEEDER_IDLE, Progress};
use crate::core::ids::{Epoch, Time};

/// The epoch that feeders publish in.
#[repr(align(128))]
pub(crate) struct OpenEpoch(AtomicU64);

impl OpenEpoch {
    pub(crate) fn new(epoch: Epoch) -> OpenEpoch {
        OpenEpoch(AtomicU64::new(epoch.0))
    }

    /// Opens an epoch; orders to close the one before are given after this.
    pub(crate) fn open(&self, epoch: Epoch) {
        self.0.store(epoch.0, Ordering::Release);
        fence(Ordering::SeqCst);
    }

    #[inline]
    pub(crate) fn read(&self) -> Epoch {
        Epoch(self.0.load(Ordering::Acquire))
    }
}

/// One feeder's word and progress, on cache lines of their own.
#[repr(align(128))]
pub(crate) struct Mark {
    word: AtomicU64,
    /// Odd while the progress is being stored.
    version: AtomicU64,
    progress: [AtomicU64; 5],
    settled: Settled,
}

/// Statements up to this one are safe from a crash. Written by the coordinator's thread, so it has a
/// cache line of its own.
#[repr(align(128))]
struct Settled(AtomicU64);

impl Mark {
    /// Of a feeder that publishes nothing.
    pub(crate) fn new(progress: &Progress) -> Mark {
        Mark {
            word: AtomicU64::new(FEEDER_IDLE),
            version: AtomicU64::new(0),
            progress: words(progress).map(AtomicU64::new),
            settled: Settled(AtomicU64::new(progress.sequence)),
        }
    }

    /// Stores the word and fences: what the feeder reads after it is not older.
    #[inline]
    pub(crate) fn store_word(&self, word: u64) {
        // Released, so that who reads it as idle sees everything that was published before.
        self.word.store(word, Ordering::Release);
        if word != FEEDER_IDLE {
            fence(Ordering::SeqCst);
        }
    }

    /// Stores the progress. Only the feeder itself does.
    #[inline]
    pub(crate) fn store_progress(&self, progress: &Progress) {
        let version = self.version.load(Ordering::Relaxed);
        self.version.store(version + 1, Ordering::Relaxed);
        fence(Ordering::Release);
        for (place, value) in self.progress.iter().zip(words(progress)) {
            place.store(value, Ordering::Relaxed);
        }
        self.version.store(version + 2, Ordering::Release);
    }

    /// Reads the word.
    #[inline]
    pub(crate) fn word(&self) -> u64 {
        fence(Ordering::SeqCst);
        self.word.load(Ordering::Acquire)
    }

    /// Reads the progress, unless it is being stored this moment.
    pub(crate) fn progress(&self) -> Option<Progress> {
        let before = self.version.load(Ordering::Acquire);
        let [epoch, sequence, opening, watermark, rows_numbered] =
            std::array::from_fn(|at| self.progress[at].load(Ordering::Relaxed));
        fence(Ordering::Acquire);
        let whole = before.is_multiple_of(2) && self.version.load(Ordering::Relaxed) == before;
        whole.then_some(Progress {
            epoch: Epoch(epoch),
            sequence,
            opening: Time(opening as i64),
            watermark: Time(watermark as i64),
            rows_numbered,
        })
    }
}

impl Mark {
    /// Statements up to this one are safe from a crash.
    pub(crate) fn settle(&self, sequence: u64) {
        let before = self.settled.0.load(Ordering::Relaxed);
        self.settled.0.store(before.max(sequence), Ordering::Release);
    }

    /// The last statement that is safe from a crash.
    #[inline]
    pub(crate) fn settled(&self) -> u64 {
        self.settled.0.load(Ordering::Acquire)
    }
}

fn words(progress: &Progress) -> [u64; 5] {
    let Progress { epoch, sequence, opening, watermark, rows_numbered } = *progress;
    [epoch.0, sequence, opening.0 as u64, watermark.0 as u64, rows_numbered]
}

//! A producer's end: numbers, marks and routes rows, and publishes each statement in one epoch.
//!
//! Feeder lanes carry no barriers, so a feeder that falls silent holds nothing back. Instead each
//! feeder has a word that shards read: the epoch it is publishing in, or idle. It stores the open
//! epoch in its word, fences, reads the open epoch again and starts over if that has moved; then it
//! publishes its frames, stores its progress, and only then stores idle. A shard that reads the word
//! as idle or later, and *after that* finds the lane empty, has every frame of the epoch: a frame
//! that comes later was stamped after a second look that saw the newer epoch.
//!
//! Invariants:
//! - All frames of a statement bear the same epoch.
//! - Epochs, sequences and watermarks of a feeder never go back.

mod cells;
mod push;
mod rows;

pub use cells::Cells;
pub use push::{FEEDER_IDLE, PushError};
pub use rows::RowsError;

use sluicedb_sql::Schema;

use super::frame::FeederFrame;
use super::ids::{Epoch, FeederId, ShardId, SourceId, Time};
use super::morsel::Morsel;
use push::Phase;

/// What a feeder must know of its source.
#[derive(Clone, Debug)]
pub struct FeederOptions {
    /// The feeder; also its partition of the source.
    pub feeder: FeederId,
    /// The source it feeds.
    pub source: SourceId,
    /// The columns of the source.
    pub schema: Schema,
    /// The columns whose hash places a row.
    pub key: Vec<usize>,
    /// The event-time column and how far the watermark stays behind the latest of it.
    pub time: Option<(usize, i64)>,
    /// Whether an operator above asks where rows came from.
    pub tied: bool,
    /// Whether its statements are logged, and so are settled one day.
    pub logged: bool,
    /// How many shards there are.
    pub shards: u16,
}

/// What a feeder has published, as shards may read it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Progress {
    /// The epoch of the last statement.
    pub epoch: Epoch,
    /// The number of the last statement.
    pub sequence: u64,
    /// The watermark after the last statement of any earlier epoch.
    pub opening: Time,
    /// The watermark after the last statement.
    pub watermark: Time,
    /// Rows numbered so far.
    pub rows_numbered: u64,
}

impl Progress {
    /// Of a feeder that has published nothing.
    pub const START: Progress = Progress {
        epoch: Epoch(0),
        sequence: 0,
        opening: Time::MIN,
        watermark: Time::MIN,
        rows_numbered: 0,
    };

    /// The watermark after the last statement of `epoch` or an earlier one.
    pub fn watermark_at(&self, epoch: Epoch) -> Time {
        if self.epoch <= epoch { self.watermark } else { self.opening }
    }
}

/// What the caller must do next, in this order, for a statement to be published.
#[derive(Debug)]
pub enum FeederStep {
    /// Store the feeder's word, then fence.
    StoreWord(u64),
    /// Read the open epoch and hand it to [`Feeder::opened`].
    ReadOpen,
    /// Publish a frame on the lane to a shard.
    Publish(ShardId, FeederFrame),
    /// Store the feeder's progress.
    StoreProgress(Progress),
    /// Nothing: the last statement is published.
    Rest,
}

/// One producer of rows of one source.
#[derive(Clone, Debug)]
pub struct Feeder {
    options: FeederOptions,
    progress: Progress,
    settled: u64,
    phase: Phase,
    hashes: Vec<u64>,
    picks: Vec<Vec<u32>>,
}

impl Feeder {
    /// A feeder that goes on behind `progress`: [`Progress::START`] for a new one, and otherwise
    /// exactly what opening the database said. From an older one shards would drop what they have,
    /// but end epochs with a lower watermark than they had reached.
    pub fn new(options: FeederOptions, progress: Progress) -> Feeder {
        assert!(options.feeder.index() < super::limits::FEEDERS_MAX, "{}", options.feeder);
        let picks = vec![Vec::new(); usize::from(options.shards)];
        let settled = progress.sequence;
        Feeder { options, progress, settled, phase: Phase::Rest, hashes: Vec::new(), picks }
    }

    /// The feeder's id.
    pub fn id(&self) -> FeederId {
        self.options.feeder
    }

    /// What it has published.
    pub fn progress(&self) -> &Progress {
        &self.progress
    }

    /// Its statements up to this one are settled.
    pub fn settle(&mut self, sequence: u64) {
        assert!(sequence <= self.progress.sequence, "a statement is settled after it is published");
        self.settled = self.settled.max(sequence);
    }

    /// Whether the last statement is published.
    pub fn rests(&self) -> bool {
        matches!(self.phase, Phase::Rest)
    }
}

/// One shard's part of a statement that is not yet stamped with its epoch.
type Part = (ShardId, Morsel);

#[cfg(test)]
mod tests;

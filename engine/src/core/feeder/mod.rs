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
mod keys;
mod pace;
mod position;
mod push;
mod record;
mod rows;
mod write;

pub use cells::Cells;
pub use keys::Keys;
pub use position::Position;
pub use push::{FEEDER_IDLE, Outlet, PushError, Refused};
pub use record::{Record, RecordLayout};
pub use rows::RowsError;
#[cfg(feature = "shell")]
pub(crate) use rows::record_bytes_max;
pub use write::{BatchWriter, RowWriter};

use std::sync::Arc;

use sluicedb_sql::Schema;
use sluicedb_sql::plan::SourceTime;

use super::frame::{FeederFrame, FeederRow};
use super::ids::{Epoch, FeederId, ShardId, SourceId, Time};
use super::morsel::{Morsel, ShapeId};
use pace::Pace;
use push::{Outgoing, Phase};

/// What a feeder must know of its source.
#[derive(Clone, Debug)]
pub struct FeederOptions {
    /// The feeder; also its partition of the source.
    pub feeder: FeederId,
    /// The source it feeds.
    pub source: SourceId,
    /// The columns of the source.
    pub schema: Schema,
    /// The kind of morsel that carries its rows.
    pub shape: ShapeId,
    /// The columns whose hash places a row.
    pub key: Vec<usize>,
    /// What tells event time and moves the watermark.
    pub time: Option<SourceTime>,
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
    /// Publish the row that [`Feeder::row`] shows on the lane to a shard.
    PublishRow(ShardId),
    /// Store the feeder's progress.
    StoreProgress(Progress),
    /// Nothing: the last statement is published.
    Rest,
}

/// One producer of rows of one source.
#[derive(Clone, Debug)]
pub struct Feeder {
    options: FeederOptions,
    /// How event time goes on, if there is one.
    pace: Option<Pace>,
    layout: Arc<RecordLayout>,
    progress: Progress,
    settled: u64,
    /// Where whoever pushes goes on behind its last statement, if it says so.
    position: Option<Position>,
    phase: Phase,
    /// The progress once the statement that is being published bears its epoch.
    after: Progress,
    outgoing: Outgoing,
    /// Whether a row was written and not pushed.
    written: bool,
    row: FeederRow,
    /// The row that was written, if it does not fit a record.
    wide: Option<Morsel>,
    hashes: Vec<u64>,
    /// The same by the column whose values have watermarks.
    key_hashes: Vec<u64>,
    picks: Vec<Vec<u32>>,
}

impl Feeder {
    /// A feeder that goes on behind `progress`, with which it was attached.
    pub fn new(options: FeederOptions, progress: Progress) -> Feeder {
        assert!(options.feeder.index() < super::limits::FEEDERS_MAX, "{}", options.feeder);
        let Progress { epoch, sequence, opening, watermark, rows_numbered } = progress;
        let (feeder, source) = (options.feeder, options.source);
        let row = FeederRow {
            feeder,
            source,
            epoch,
            sequence,
            opening,
            watermark,
            rows_numbered,
            ..FeederRow::EMPTY
        };
        Feeder {
            layout: Arc::new(RecordLayout::new(&options.schema)),
            pace: options.time.map(Pace::new),
            picks: vec![Vec::new(); usize::from(options.shards)],
            hashes: Vec::new(),
            key_hashes: Vec::new(),
            options,
            progress,
            settled: progress.sequence,
            position: None,
            phase: Phase::Rest,
            after: progress,
            outgoing: Outgoing::NONE,
            written: false,
            row,
            wide: None,
        }
    }

    /// The same feeder, before its first statement, with a producer that remembers less than the
    /// database: it says again what came after its statement `sequence`, by which it had numbered
    /// `rows_numbered` rows. Shards drop what they have.
    pub fn restating(mut self, sequence: u64, rows_numbered: u64) -> Feeder {
        assert!(self.rests() && self.settled == self.progress.sequence, "it has pushed already");
        assert!(sequence <= self.progress.sequence, "{sequence} is not known to the database");
        (self.progress.sequence, self.progress.rows_numbered) = (sequence, rows_numbered);
        self
    }

    /// The same feeder, behind a statement that was pushed with this position.
    #[must_use]
    pub fn with_position(mut self, position: Option<Position>) -> Feeder {
        self.position = position;
        self
    }

    /// Where whoever pushed goes on behind the last statement, if it said so.
    pub fn position(&self) -> Option<Position> {
        self.position
    }

    /// The statement that is pushed next, which is a batch, has this position.
    pub fn tell_position(&mut self, position: Option<Position>) {
        assert!(self.rests(), "a statement is still being published");
        self.position = position;
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

    /// Statements that are published and not settled.
    pub fn unsettled(&self) -> u64 {
        // What a feeder says again was settled before.
        self.progress.sequence.saturating_sub(self.settled)
    }

    /// Whether a batch wants the clock to be told before it is pushed.
    #[inline]
    pub fn wants_clock(&self) -> bool {
        self.pace.as_ref().is_some_and(Pace::wants_clock)
    }

    /// Whether the row that was written does.
    #[inline]
    pub fn wants_clock_for_row(&self) -> bool {
        match &self.pace {
            None => false,
            Some(pace) if self.wide.is_some() => pace.wants_clock(),
            Some(pace) => pace.wants_clock_for(self.layout.count(&self.row.record, pace.column())),
        }
    }

    /// Tells what the clock shows, in microseconds since 1970.
    pub fn tell_clock(&mut self, now_us: i64) {
        if let Some(pace) = &mut self.pace {
            pace.tell_clock(now_us);
        }
    }

    /// Takes what is known of keys that have watermarks, for the feeder of this id that comes next.
    pub fn take_keys(&mut self) -> Option<Keys> {
        self.pace.as_mut().and_then(Pace::keys).map(std::mem::take)
    }

    /// The same feeder, which goes on with what the one before it knew.
    #[must_use]
    pub fn with_keys(mut self, keys: Option<Keys>) -> Feeder {
        if let (Some(keys), Some(known)) = (keys, self.pace.as_mut().and_then(Pace::keys)) {
            *known = keys;
        }
        self
    }

    /// Rows whose time was too far ahead of the clock to move the watermark.
    pub fn rows_ahead(&self) -> u64 {
        self.pace.as_ref().map_or(0, Pace::rows_ahead)
    }

    /// Whether the last statement is published.
    #[inline]
    pub fn rests(&self) -> bool {
        matches!(self.phase, Phase::Rest)
    }
}

#[cfg(test)]
mod tests;

//! What crosses a lane.

use super::feeder::{Position, Record};
use super::ids::{EdgeId, Epoch, FeederId, SourceId, Time};
use super::morsel::Morsel;

/// The unit on a lane between two shards.
#[derive(Clone, Debug)]
pub enum Frame {
    /// Deltas of the relation that travels on `edge`.
    Rows {
        /// The exchange the rows are on.
        edge: EdgeId,
        /// The deltas.
        morsel: Morsel,
    },
    /// No row of `edge` below `time` follows on this lane.
    Watermark {
        /// The exchange the promise is about.
        edge: EdgeId,
        /// The promise.
        time: Time,
    },
    /// Everything before it belongs to its epoch, everything after it to a later one.
    Barrier(Barrier),
}

/// The mark that ends an epoch.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Barrier {
    /// The epoch that ends.
    pub epoch: Epoch,
    /// Whether the state at the end of this epoch is to be made durable.
    pub checkpoint: bool,
    /// Whether the state at the end of this epoch is to stay readable until it is released.
    pub read: bool,
}

/// The unit on a lane from a feeder to a shard: one shard's part of one pushed batch.
#[derive(Clone, Debug)]
pub struct FeederFrame {
    /// Who pushed.
    pub feeder: FeederId,
    /// The source the rows are of.
    pub source: SourceId,
    /// The epoch the feeder read before it published.
    pub epoch: Epoch,
    /// Number of the statement among those of its feeder, from 1.
    pub sequence: u64,
    /// The shards that hold a part of the statement, as a mask.
    pub parts: u64,
    /// The feeder's watermark after its last statement of any earlier epoch.
    pub opening: Time,
    /// The feeder's watermark after this statement.
    pub watermark: Time,
    /// Rows the feeder had numbered after this statement.
    pub rows_numbered: u64,
    /// Where whoever pushed goes on behind this statement, if it said so.
    pub position: Option<Position>,
    /// The rows.
    pub morsel: Morsel,
}

/// The unit on a lane from a feeder to a shard, where the statement is a single row that fits a
/// record.
#[derive(Clone, Copy, Debug)]
pub struct FeederRow {
    /// Who pushed.
    pub feeder: FeederId,
    /// The source the row is of.
    pub source: SourceId,
    /// The epoch the feeder read before it published.
    pub epoch: Epoch,
    /// Number of the statement among those of its feeder, from 1.
    pub sequence: u64,
    /// The feeder's watermark after its last statement of any earlier epoch.
    pub opening: Time,
    /// The feeder's watermark after this statement.
    pub watermark: Time,
    /// Rows the feeder had numbered after this one.
    pub rows_numbered: u64,
    /// The feeder's watermark before this row, if the row is behind it; otherwise the least time.
    pub behind: Time,
    /// The values.
    pub record: Record,
}

impl FeederRow {
    /// A row without values, of no statement.
    pub const EMPTY: FeederRow = FeederRow {
        feeder: FeederId(0),
        source: SourceId(0),
        epoch: Epoch(0),
        sequence: 0,
        opening: Time::MIN,
        watermark: Time::MIN,
        rows_numbered: 0,
        behind: Time::MIN,
        record: Record::EMPTY,
    };
}

/// What a feeder's lane carries.
#[derive(Clone, Debug)]
pub enum Fed {
    /// One shard's part of a batch.
    Frame(FeederFrame),
    /// A single row.
    Row(FeederRow),
}

// Three cache lines.
const _: () = assert!(size_of::<Fed>() <= 192);

/// What a frame and a row have in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FedMarks {
    /// Who pushed.
    pub feeder: FeederId,
    /// The source.
    pub source: SourceId,
    /// The epoch the feeder read before it published.
    pub epoch: Epoch,
    /// Number of the statement.
    pub sequence: u64,
    /// The feeder's watermark after its last statement of any earlier epoch.
    pub opening: Time,
    /// The feeder's watermark after this statement.
    pub watermark: Time,
    /// Rows the feeder had numbered after this statement.
    pub rows_numbered: u64,
    /// Where whoever pushed goes on behind this statement, if it said so.
    pub position: Option<Position>,
}

impl Fed {
    /// Who pushed.
    #[inline]
    pub fn feeder(&self) -> FeederId {
        match self {
            Fed::Frame(frame) => frame.feeder,
            Fed::Row(row) => row.feeder,
        }
    }

    /// How many rows it brings.
    pub fn rows(&self) -> usize {
        match self {
            Fed::Frame(frame) => frame.morsel.rows(),
            Fed::Row(_) => 1,
        }
    }

    /// What is said of the rows.
    #[inline]
    pub fn marks(&self) -> FedMarks {
        match self {
            Fed::Frame(frame) => frame.marks(),
            Fed::Row(row) => row.marks(),
        }
    }
}

macro_rules! marks {
    ($name:ident, $position:expr) => {
        impl $name {
            /// What is said of the rows.
            #[inline]
            pub fn marks(&self) -> FedMarks {
                FedMarks {
                    feeder: self.feeder,
                    source: self.source,
                    epoch: self.epoch,
                    sequence: self.sequence,
                    opening: self.opening,
                    watermark: self.watermark,
                    rows_numbered: self.rows_numbered,
                    position: $position(self),
                }
            }
        }
    };
}

marks!(FeederFrame, |frame: &FeederFrame| frame.position);
// A row has no room for one: what reads its rows from somewhere pushes batches.
marks!(FeederRow, |_: &FeederRow| None);

//! What crosses a lane.

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
    /// The rows.
    pub morsel: Morsel,
}

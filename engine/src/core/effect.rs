//! What the outside tells the core, and what the core asks of it.

use sluicedb_sql::expr::RowError;
use sluicedb_wal::{Failure, FileRef, Issued, Lsn, Statement, Ticket};

use super::feeder::Progress;
use super::frame::{Barrier, Fed, Frame};
use super::ids::{Epoch, FeederId, LaneId, OperatorId, ShardId, ViewId};
use super::morsel::Morsel;

/// What the outside tells a shard.
#[derive(Debug)]
pub enum Input {
    /// The oldest frame of a lane was taken off its ring.
    Frame {
        /// The lane.
        lane: LaneId,
        /// The frame.
        frame: Frame,
    },
    /// The oldest frame or row of a feeder's lane was taken off its ring.
    Fed(Fed),
    /// A feeder's word was read, *then* its lane was found empty, then its progress was read.
    Quiet {
        /// Whose.
        feeder: FeederId,
        /// The word that was read.
        word: u64,
        /// The progress that was read.
        progress: Progress,
    },
    /// A lane now has room for this many more frames.
    Room {
        /// The lane.
        lane: LaneId,
        /// Free places.
        frames: u32,
    },
    /// The effect with this ticket is done, or failed.
    Completed {
        /// Of the effect.
        ticket: Ticket,
        /// How it went.
        result: Result<(), Failure>,
    },
    /// The coordinator wants something.
    Order(Order),
    /// Monotonic time in nanoseconds. Comes once a turn: what happens in a turn happens at its time.
    Clock(u64),
}

/// What the coordinator asks of every shard.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Order {
    /// End an epoch: the next one has been opened to feeders.
    Close(Barrier),
    /// The reader of the frozen state is done with it.
    Release,
    /// A checkpoint is sealed: what only older ones needed may go.
    Sealed {
        /// Its epoch.
        epoch: Epoch,
        /// Records below this are not replayed again.
        log_from: Lsn,
    },
}

/// What a shard asks of the outside, in order.
#[derive(Debug)]
pub enum Effect {
    /// Publish a frame on a lane. There is room: the shard was told.
    Send {
        /// The lane.
        lane: LaneId,
        /// The frame.
        frame: Frame,
    },
    /// Carry out a disk operation; operations may complete in any order.
    Disk(Issued),
    /// Tell the coordinator.
    Tell(Report),
    /// Hand deltas of a view to its subscribers.
    Publish {
        /// The view.
        view: ViewId,
        /// The epoch the deltas belong to.
        epoch: Epoch,
        /// The deltas.
        morsel: Morsel,
    },
    /// Keep rows whose expression failed; the view they were meant for goes on without them.
    DeadLetters {
        /// The operator that failed on them.
        operator: OperatorId,
        /// The rows as they reached it.
        morsel: Morsel,
        /// Why, row by row.
        errors: Vec<RowError>,
    },
}

/// What a shard tells the coordinator.
#[derive(Clone, PartialEq, Debug)]
pub enum Report {
    /// All stages have passed the barrier of an epoch.
    Passed(Epoch),
    /// The shard's part of a checkpoint is durable.
    Acknowledged(Part),
    /// What recovery cut off the shard's log can never come back: it may take rows.
    Open,
    /// The shard's part of a statement is durable in its log.
    Durable(Statement),
    /// The shard cannot go on; the database must be opened again.
    Poisoned(Poison),
}

/// Why a shard stopped for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Poison {
    /// A disk operation failed. What was not acknowledged may or may not be there.
    Disk(Failure),
    /// State has grown to its limit.
    Memory {
        /// Blocks of state the arena may hold.
        blocks_max: u32,
    },
    /// A join makes one row more often than a weight can count.
    Weight {
        /// The join.
        operator: OperatorId,
    },
}

/// A shard's part of a checkpoint, as it reports it.
#[derive(Clone, PartialEq, Debug)]
pub struct Part {
    /// Of which epoch.
    pub epoch: Epoch,
    /// The base, then the deltas on it.
    pub files: Vec<FileRef>,
    /// Replay starts here.
    pub log_from: Lsn,
    /// The log was durable up to here when the part was.
    pub log_durable: Lsn,
    /// Digest of the shard's view contents at the end of the epoch.
    pub digest: u64,
    /// What each feeder had published here at the end of the epoch.
    pub feeders: Vec<FeederMark>,
}

/// How far a feeder had come, as one shard saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeederMark {
    /// The feeder.
    pub feeder: FeederId,
    /// Its last statement with a part on the shard.
    pub sequence: u64,
    /// Its watermark.
    pub watermark: super::ids::Time,
    /// Rows it had numbered by that statement.
    pub rows_numbered: u64,
}

/// What the outside tells the coordinator.
#[derive(Debug)]
pub enum CoordinatorInput {
    /// Monotonic time in nanoseconds.
    Clock(u64),
    /// A read, a change of the catalog or a statement waits for a barrier.
    Wanted {
        /// Whether the state at the barrier is to be made durable.
        checkpoint: bool,
        /// Whether the state at the barrier is to stay readable until `ReadDone`.
        read: bool,
    },
    /// Whoever read the frozen state is done with it.
    ReadDone,
    /// A shard reports.
    Report(ShardId, Report),
    /// The effect with this ticket is done, or failed.
    Completed {
        /// Of the effect.
        ticket: Ticket,
        /// How it went.
        result: Result<(), Failure>,
    },
}

/// What the coordinator asks of the outside, in order.
#[derive(Debug)]
pub enum CoordinatorEffect {
    /// Every shard is ready: feeders may push from here on.
    Ready,
    /// Store the open epoch where feeders read it, before any order that follows is delivered.
    Open(Epoch),
    /// Deliver an order to a shard.
    Order(ShardId, Order),
    /// Carry out a disk operation.
    Disk(Issued),
    /// All shards have passed the barrier: the frozen state of the epoch may be read.
    Readable(Epoch),
    /// All statements of a feeder up to this one are durable and in no danger of being cut.
    Settled {
        /// The feeder.
        feeder: FeederId,
        /// Its last settled statement.
        sequence: u64,
    },
    /// The checkpoint of an epoch is durable: statements in it are, whatever their log.
    Sealed {
        /// The epoch.
        epoch: Epoch,
        /// How far each feeder had come, over all shards.
        feeders: Vec<FeederMark>,
    },
    /// The database cannot go on; open it again.
    Poisoned(Poison),
}

//! What the outside tells the core, and what the core asks of it.

use std::sync::Arc;

use sluicedb_sql::expr::RowError;
use sluicedb_wal::{Failure, FileRef, Issued, Lsn, Manifest, Statement, Ticket};

use super::feeder::{Position, Progress};
use super::frame::{Barrier, Fed, Frame};
use super::graph::Change;
use super::ids::{Epoch, FeederId, LaneId, OperatorId, ShardId, SourceId, StageId, Time, ViewId};
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
    /// What was kept of the rows that were refused; answers [`Effect::LettersWanted`].
    Letters {
        /// Of the checkpoint.
        epoch: Epoch,
        /// In the form of whoever keeps them.
        bytes: Vec<u8>,
    },
    /// Monotonic time in nanoseconds. Comes once a turn: what happens in a turn happens at its time.
    Clock(u64),
}

/// What the coordinator asks of every shard.
#[derive(Clone, Debug)]
pub enum Order {
    /// A feeder counts from the end of the epoch on that the next `Close` ends.
    Attach {
        /// The feeder: a known one that is detached, or the one after the last.
        feeder: FeederId,
        /// The source it feeds.
        source: SourceId,
    },
    /// A feeder that is gone counts until the end of the epoch that the next `Close` ends.
    Detach {
        /// The feeder.
        feeder: FeederId,
    },
    /// A feeder that has been silent for long holds its source back until the end of the epoch that
    /// the next `Close` ends.
    Idle {
        /// The feeder.
        feeder: FeederId,
    },
    /// A feeder that was silent holds its source back again from there on.
    Wake {
        /// The feeder.
        feeder: FeederId,
    },
    /// Event time of a source whose feeders are all silent goes on with the clock, at the end of that
    /// epoch.
    Advance {
        /// The source.
        source: SourceId,
        /// How far.
        by_us: i64,
    },
    /// The graph becomes another one at the end of the epoch that the next `Close` ends.
    Install(Arc<Change>),
    /// End an epoch: the next one has been opened to feeders.
    Close(Barrier),
    /// The reader of the frozen state is done with it.
    Release,
    /// A query was given up on some shard: what is left of it here goes too.
    Stop(Arc<Stopped>),
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
    /// A stage has published all of an epoch of which there is a checkpoint, and nothing behind it: the
    /// sinks of its views and streams are to make safe what they were given.
    Marked {
        /// The stage.
        stage: StageId,
        /// The epoch.
        epoch: Epoch,
    },
    /// The graph has become another one: everything before this is of the old one. Lanes of the new
    /// one can be read and written, ways out of views that are gone can be closed.
    Changed(Arc<Change>),
    /// A checkpoint is being written: it waits for [`Input::Letters`], with what was kept of the rows
    /// that were refused up to the end of its epoch.
    LettersWanted {
        /// The checkpoint that this one is written over, which has those up to its epoch; without it
        /// all are wanted.
        since: Option<Epoch>,
        /// Of the checkpoint.
        epoch: Epoch,
    },
    /// A query was given up on all shards, and everybody may know it: ways out of its views and streams
    /// can be closed.
    Stopped(Arc<Stopped>),
    /// Keep rows that came too late for all their windows, wherever else they go.
    Late {
        /// The operator that refused them.
        operator: OperatorId,
        /// The epoch they belong to.
        epoch: Epoch,
        /// The rows as they reached it, each with the watermark that it was behind.
        morsel: Morsel,
    },
    /// Keep rows whose expression failed; the view they were meant for goes on without them.
    DeadLetters {
        /// The operator that failed on them.
        operator: OperatorId,
        /// The epoch they belong to.
        epoch: Epoch,
        /// The rows as they reached it.
        morsel: Morsel,
        /// Why, row by row.
        errors: Vec<RowError>,
    },
    /// Keep which groups have no row because a result does not fit its type.
    Withheld {
        /// The operator that groups.
        operator: OperatorId,
        /// The epoch in which they did.
        epoch: Epoch,
        /// Windows and keys, without results; the weight is negative where a group has a row again,
        /// or has lost all of its rows.
        morsel: Morsel,
    },
}

/// What a shard tells the coordinator.
#[derive(Clone, PartialEq, Debug)]
pub enum Report {
    /// The first rows of an epoch are in.
    Rows(Epoch),
    /// The first rows in an epoch of a feeder that may become idle are in.
    Fed(FeederId),
    /// A feeder is attached at the end of the epoch that the shard reports as passed next: how far
    /// it had come here, and the watermark it goes on from, which is the same on all shards.
    Attached(FeederMark),
    /// All stages have passed the barrier of an epoch.
    Passed(Epoch),
    /// The shard's part of a checkpoint is durable.
    Acknowledged(Part),
    /// What recovery cut off the shard's log can never come back: it may take rows.
    Open,
    /// The shard's part of a statement is durable in its log.
    Durable(Statement),
    /// The shard has given up a query, because its memory for state was full.
    Stopped(Arc<Stopped>),
    /// The shard cannot go on; the database must be opened again.
    Poisoned(Poison),
}

/// A query that was given up for good, with all that reads it: what it kept is gone, and what comes to
/// it vanishes.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stopped {
    /// The view or stream that kept the most.
    pub relation: String,
    /// What goes: its operators, and those that read it.
    pub operators: Vec<OperatorId>,
    /// The views and streams among them.
    pub views: Vec<ViewId>,
    /// What the query kept on the shard that gave it up. It is not known of one that a checkpoint has as
    /// given up.
    pub state_bytes: Option<u64>,
    /// How much state that shard may keep.
    pub state_bytes_max: u64,
}

/// Why a shard stopped for good.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Poison {
    /// A disk operation failed. What was not acknowledged may or may not be there.
    Disk(Failure),
    /// State has grown to its limit, and there is no query that could be given up.
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
    /// The watermark of each source at the end of the epoch, the same on all shards.
    pub sources: Vec<Time>,
}

/// How far a feeder had come, as one shard saw it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct FeederMark {
    /// The feeder.
    pub feeder: FeederId,
    /// Its source; means nothing while `sequence` is 0.
    pub source: SourceId,
    /// Its last statement with a part on the shard.
    pub sequence: u64,
    /// Its watermark.
    pub watermark: Time,
    /// Rows it had numbered by that statement.
    pub rows_numbered: u64,
    /// Where whoever pushed goes on behind that statement, if it said so.
    pub position: Option<Position>,
}

impl FeederMark {
    /// What the feeder goes on from.
    pub fn progress(&self) -> Progress {
        let FeederMark { sequence, watermark, rows_numbered, .. } = *self;
        Progress { epoch: Epoch(0), sequence, opening: watermark, watermark, rows_numbered }
    }

    /// Of a feeder that has published nothing.
    pub fn start(feeder: FeederId, source: SourceId) -> FeederMark {
        let (sequence, rows_numbered, position) = (0, 0, None);
        FeederMark { feeder, source, sequence, watermark: Time::MIN, rows_numbered, position }
    }

    /// Goes as far as another shard saw the same feeder come.
    pub fn reach(&mut self, other: &FeederMark) {
        let (mine, theirs) = ((self.feeder, self.source), (other.feeder, other.source));
        assert_eq!(mine, theirs, "marks of one feeder");
        if other.sequence > self.sequence {
            self.position = other.position;
        }
        self.sequence = self.sequence.max(other.sequence);
        self.watermark = self.watermark.max(other.watermark);
        self.rows_numbered = self.rows_numbered.max(other.rows_numbered);
    }
}

/// A feeder that belongs to a producer with a name, in this life and in those that follow.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ProducerMark {
    /// The feeder, which nobody else pushes with.
    pub feeder: FeederId,
    /// The source it feeds.
    pub source: SourceId,
    /// How the producer calls itself.
    pub name: Arc<str>,
}

/// How far a sink that writes in step with checkpoints had come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SinkMark {
    /// The stream that feeds it.
    pub sink: ViewId,
    /// Where it goes on; none while it has made nothing safe.
    pub position: Option<Position>,
    /// Whether it has failed behind that, so that what it was given later is lost to it.
    pub failed: bool,
}

/// A sink that writes in step with checkpoints. The number of its stream is free once that is gone, and
/// another sink may have it while this one is still in a checkpoint that is on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SinkId {
    /// The stream that feeds it.
    pub view: ViewId,
    /// Counts those that came since the database was opened; 0 for those that were there.
    pub number: u64,
}

/// What the outside tells the coordinator.
#[derive(Debug)]
pub enum CoordinatorInput {
    /// Monotonic time in nanoseconds. Given before a report, it says when that came.
    Clock(u64),
    /// The time by which silence counts from here on, where it is not that of the clock.
    Quiet(u64),
    /// A read, a change of the catalog or a statement waits for a barrier.
    ///
    /// The epoch that is open before this input is closed for it, so what was published before it
    /// is worked on once `Passed` names that epoch or a later one. The checkpoint or the read it
    /// asks for may come with a later barrier, if one is still under way.
    Wanted {
        /// Whether the state at the barrier is to be made durable.
        checkpoint: bool,
        /// Whether the state at the barrier is to stay readable until `ReadDone`.
        read: bool,
    },
    /// Whoever read the frozen state is done with it.
    ReadDone,
    /// A producer wants to feed a source: answered by `Attached`, before which it pushes nothing.
    ///
    /// The feeder is a detached one that fed the same source before or has never pushed, or, for a
    /// fresh one, the id one above the last. One that belongs to a producer with a name comes with that,
    /// each time.
    Attach {
        /// The feeder.
        feeder: FeederId,
        /// The source.
        source: SourceId,
        /// The name of its producer, if it has one. It is kept with the checkpoint of the epoch that
        /// `Attached` names, and with all that follow.
        producer: Option<Arc<str>>,
    },
    /// The producer of an attached feeder is gone: its word is idle and it publishes nothing more.
    /// Answered by `Detached`, before which its lanes must stay readable.
    Detach {
        /// The feeder.
        feeder: FeederId,
    },
    /// A feeder that is detached belongs to its producer no more: from the next checkpoint on its name is
    /// not known.
    Disown {
        /// The feeder.
        feeder: FeederId,
    },
    /// The graph is to become another one: answered by `Installed`. The change was made over the graph
    /// that the one before it left, and one is made after the other.
    ///
    /// The lanes that come are with all shards before this.
    Install(Arc<Change>),
    /// A sink was given the marks of all shards, and has made safe what came before them.
    Written {
        /// The stream that feeds it.
        sink: ViewId,
        /// Of the marks.
        epoch: Epoch,
        /// Where it goes on after a restart.
        position: Position,
    },
    /// A sink can write no more, and makes nothing safe.
    Failed {
        /// Which one.
        sink: SinkId,
    },
    /// Somebody copies the files of the newest checkpoint, and one is sealed: answered by `Pinned`. They
    /// stay until `Unpin`, whatever is sealed meanwhile.
    Pin,
    /// Whoever copied the files of a checkpoint is done with them.
    Unpin(Epoch),
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
    /// Every shard is ready: feeders can be attached.
    Ready,
    /// Store the open epoch where feeders read it, before any order that follows is delivered.
    Open(Epoch),
    /// Deliver an order to a shard.
    Order(ShardId, Order),
    /// Carry out a disk operation.
    Disk(Issued),
    /// All shards have passed the barrier of an epoch: every row in it is worked on.
    Passed(Epoch),
    /// A feeder is attached: its producer may push from here on.
    Attached {
        /// The feeder.
        feeder: FeederId,
        /// Where it goes on.
        progress: Progress,
        /// Where whoever pushes goes on, if the one before it said so.
        position: Option<Position>,
    },
    /// All frames of a feeder are in, and it holds nothing back: it may be attached again.
    Detached {
        /// The feeder.
        feeder: FeederId,
    },
    /// The graph has become another one on all shards. Comes after the `Passed` of the epoch that was
    /// the last of the old one, and after all that happened in that.
    Installed(Arc<Change>),
    /// A query was given up on a shard, and will be on the others. May come more than once, and also
    /// when it was given up in an earlier life.
    Stopped(Arc<Stopped>),
    /// All shards have passed the barrier: the frozen state of the epoch may be read.
    Readable(Epoch),
    /// All statements of a feeder up to this one are durable and in no danger of being cut. May come
    /// after the feeder was detached.
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
    /// The files that this manifest names stay until `Unpin` of its epoch.
    Pinned(Arc<Manifest>),
    /// The database cannot go on; open it again.
    Poisoned(Poison),
}

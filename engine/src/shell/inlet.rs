//! A producer's end: its feeder, and the feeder's lanes to all shards.

use std::sync::Arc;

use super::bell::Bell;
use super::clock::Day;
use super::in_turn;
use super::inbox::{Inbox, Request};
use super::lane::Sender;
use super::life::{Ending, Life};
use super::mark::{Mark, OpenEpoch};
use crate::core::feeder::{Feeder, FeederStep, Position, PushError, Refused, RowWriter, RowsError};
use crate::core::frame::Fed;
use crate::core::ids::{Epoch, ShardId};
use crate::core::limits::UNSETTLED_STATEMENTS_MAX;
use crate::core::morsel::{Morsel, Pool, ShapeId};

/// Why a row was not pushed.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum RowRefused {
    /// It does not fit its source.
    Rows(RowsError),
    /// There is no room; the row was dropped and is to be written again.
    Push(PushError),
    /// The database is gone.
    Ended(Ending),
}

/// A feeder and its lanes. Dropping it detaches the feeder.
pub(crate) struct Inlet {
    feeder: Feeder,
    shape: ShapeId,
    logged: bool,
    saves: bool,
    pool: Pool,
    mark: Arc<Mark>,
    open: Arc<OpenEpoch>,
    /// The open epoch as last read.
    seen: Epoch,
    lanes: Vec<Sender<Fed>>,
    room: Arc<Bell>,
    life: Arc<Life>,
    inbox: Arc<Inbox>,
    day: Arc<Day>,
}

/// What an inlet shares with the shards and the coordinator.
pub(crate) struct InletParts {
    pub(crate) shape: ShapeId,
    pub(crate) logged: bool,
    /// Whether what it pushes becomes durable one day.
    pub(crate) saves: bool,
    pub(crate) pool: Pool,
    pub(crate) mark: Arc<Mark>,
    pub(crate) open: Arc<OpenEpoch>,
    pub(crate) lanes: Vec<Sender<Fed>>,
    /// Rung when shards have taken frames.
    pub(crate) room: Arc<Bell>,
    pub(crate) life: Arc<Life>,
    pub(crate) inbox: Arc<Inbox>,
    /// What too far ahead is measured by.
    pub(crate) day: Arc<Day>,
}

impl Inlet {
    /// A feeder that is attached, with its lanes.
    pub(crate) fn new(feeder: Feeder, parts: InletParts) -> Inlet {
        let InletParts { shape, logged, saves, pool, mark, open, lanes, room, life, inbox, day } =
            parts;
        let seen = open.read();
        Inlet {
            feeder,
            shape,
            logged,
            saves,
            pool,
            mark,
            open,
            seen,
            lanes,
            room,
            life,
            inbox,
            day,
        }
    }

    /// Whether the database takes anything.
    pub(crate) fn life(&self) -> &Life {
        &self.life
    }

    /// Rung when shards have taken frames off the lanes.
    pub(crate) fn room(&self) -> &Arc<Bell> {
        &self.room
    }

    /// Rows whose time was too far ahead of the clock to move the watermark.
    pub(crate) fn rows_ahead(&self) -> u64 {
        self.feeder.rows_ahead()
    }

    /// The number of its last statement.
    pub(crate) fn sequence(&self) -> u64 {
        self.feeder.progress().sequence
    }

    /// Its statements up to this one are safe from a crash.
    pub(crate) fn settled(&self) -> u64 {
        self.mark.settled()
    }

    /// Whether what it pushes becomes durable one day.
    pub(crate) fn saves(&self) -> bool {
        self.saves
    }

    /// Tells the feeder what the disk has.
    #[inline]
    fn hear(&mut self) {
        if self.logged {
            self.feeder.settle(self.mark.settled().min(self.feeder.progress().sequence));
        }
    }

    /// Whether this thread may wait for the database.
    pub(crate) fn may_wait(&self) -> bool {
        !self.inbox.is_inline() && !in_turn()
    }

    /// The most frames that can be pushed at a time.
    pub(crate) fn frames_max(&self) -> usize {
        let places = self.lanes.iter().map(Sender::places).min().unwrap_or(0);
        if self.logged { places.min(UNSETTLED_STATEMENTS_MAX as usize) } else { places }
    }

    /// What keeps so many frames from being pushed to every shard, if anything does.
    pub(crate) fn lacks_room(&self, frames: usize) -> Option<PushError> {
        if self.logged {
            let statements = self.feeder.progress().sequence - self.mark.settled();
            if statements + frames as u64 > UNSETTLED_STATEMENTS_MAX {
                return Some(PushError::Unsettled { statements });
            }
        }
        let full = self.lanes.iter().position(|lane| !lane.has_room(frames))?;
        Some(PushError::Full { shard: ShardId(full as u16) })
    }

    /// An empty morsel of the source.
    pub(crate) fn take(&mut self) -> Morsel {
        let spare = self.pool.spare(self.shape);
        let spare = spare.or_else(|| self.lanes.iter_mut().find_map(Sender::returned));
        spare.unwrap_or_else(|| self.pool.take(self.shape))
    }

    /// Takes back a morsel that was not pushed.
    pub(crate) fn put(&mut self, morsel: Morsel) {
        self.pool.put(morsel);
    }

    /// The feeder, to make rows with.
    pub(crate) fn feeder(&self) -> &Feeder {
        &self.feeder
    }

    /// Publishes rows as one statement.
    pub(crate) fn push(&mut self, rows: Morsel) -> Result<(), Refused> {
        self.hear();
        if self.feeder.wants_clock() {
            self.feeder.tell_clock(self.day.now_us());
        }
        let lanes = &self.lanes;
        let room = |shard: ShardId| usize::from(lanes[shard.index()].has_room(1));
        self.feeder.push(rows, self.seen, room, &mut self.pool)?;
        self.publish();
        Ok(())
    }

    /// The same, with the position at which whoever pushes goes on behind these rows.
    pub(crate) fn push_at(&mut self, rows: Morsel, position: Position) -> Result<(), Refused> {
        let before = self.feeder.position();
        self.feeder.tell_position(Some(position));
        self.push(rows).inspect_err(|_| self.feeder.tell_position(before))
    }

    /// Publishes one row, written by `write`, as one statement.
    #[inline]
    pub(crate) fn push_row(
        &mut self,
        write: impl FnOnce(&mut RowWriter<'_>),
    ) -> Result<(), RowRefused> {
        if self.life.has_ended() {
            return Err(RowRefused::Ended(self.life.why()));
        }
        let mut writer = self.feeder.write_row(&mut self.pool);
        write(&mut writer);
        writer.finish().map_err(RowRefused::Rows)?;
        self.hear();
        if self.feeder.wants_clock_for_row() {
            self.feeder.tell_clock(self.day.now_us());
        }
        let lanes = &self.lanes;
        let room = |shard: ShardId| usize::from(lanes[shard.index()].has_room(1));
        self.feeder.push_row(self.seen, room, &mut self.pool).map_err(RowRefused::Push)?;
        self.publish();
        Ok(())
    }

    /// Promises that nothing comes any more: event time comes to its end.
    pub(crate) fn finish(&mut self) {
        self.feeder.finish(self.seen);
        self.publish();
    }

    /// Carries out the steps of the feeder until the statement is published.
    #[inline]
    fn publish(&mut self) {
        let mut to = 0_u64;
        loop {
            match self.feeder.next_step() {
                FeederStep::StoreWord(word) => self.mark.store_word(word),
                FeederStep::ReadOpen => {
                    self.seen = self.open.read();
                    self.feeder.opened(self.seen);
                }
                FeederStep::Publish(shard, frame) => {
                    self.lanes[shard.index()].send(Fed::Frame(frame));
                    to |= 1 << shard.0;
                }
                FeederStep::PublishRow(shard) => {
                    let row = self.feeder.row();
                    self.lanes[shard.index()].send_made(|| Fed::Row(*row));
                    to |= 1 << shard.0;
                }
                FeederStep::StoreProgress(progress) => self.mark.store_progress(&progress),
                FeederStep::Rest => break,
            }
        }
        while to != 0 {
            self.lanes[to.trailing_zeros() as usize].ring();
            to &= to - 1;
        }
    }
}

impl Drop for Inlet {
    fn drop(&mut self) {
        debug_assert!(self.feeder.rests(), "a statement is published before its push returns");
        // Nobody waits for it: a database that has ended has no use for the news.
        let _ = self
            .inbox
            .post(Request::Detach { feeder: self.feeder.id(), keys: self.feeder.take_keys() });
    }
}

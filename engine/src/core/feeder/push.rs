//! The steps of one push: mark, route, stamp, publish.

use std::collections::VecDeque;
use std::fmt;

use super::{Feeder, FeederStep, Progress};
use crate::core::frame::{Fed, FeederFrame, FeederRow};
use crate::core::hash::{hash_rows, owner, partition};
use crate::core::ids::{Epoch, ShardId, Time};
use crate::core::limits::{FEEDER_ROWS_MAX, UNSETTLED_STATEMENTS_MAX};
use crate::core::morsel::{Morsel, Pool, Tie};

/// The word of a feeder that is not publishing.
pub const FEEDER_IDLE: u64 = u64::MAX;

/// Why a push did not happen. Nothing of it was taken; push it again later.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PushError {
    /// The lane to a shard is full.
    Full {
        /// The shard that is behind.
        shard: ShardId,
    },
    /// As many statements as may be are published and not settled: a disk is behind.
    Unsettled {
        /// How many.
        statements: u64,
    },
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Full { shard } => write!(f, "the lane to shard {shard} is full: try again"),
            PushError::Unsettled { statements } => {
                write!(f, "{statements} statements wait for the disk: try again")
            }
        }
    }
}

impl std::error::Error for PushError {}

/// Rows that were refused, and why.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub error: PushError,
    /// The rows as they were handed over.
    pub rows: Morsel,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Refused {}

/// How far a push has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Phase {
    Rest,
    /// The word is to be stored.
    Word,
    /// The open epoch is to be read again.
    Confirm,
    /// Frames, or the row, are to be published.
    Publish,
    /// The progress is to be stored.
    Progress,
    /// The word is to be stored as idle.
    Idle,
}

/// What is on its way from a feeder.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// Each shard's part of a batch; none if the statement is a row.
    parts: VecDeque<(ShardId, Morsel)>,
    /// The shards that hold a part, as a mask.
    mask: u64,
    /// Where the row goes.
    row_to: ShardId,
}

impl Outgoing {
    pub(super) const NONE: Outgoing =
        Outgoing { parts: VecDeque::new(), mask: 0, row_to: ShardId(0) };
}

impl Feeder {
    /// Starts to publish a batch as one statement; `open` is the open epoch as last read and
    /// `room` how many frames the lane to a shard still takes. What does not travel itself goes to
    /// the pool.
    ///
    /// The caller then carries out [`Feeder::next_step`] until it says `Rest`.
    pub fn push(
        &mut self,
        mut rows: Morsel,
        open: Epoch,
        room: impl Fn(ShardId) -> usize,
        pool: &mut Pool,
    ) -> Result<(), Refused> {
        assert!(self.rests(), "a statement is still being published");
        assert_eq!(rows.shape(), self.options.shape, "rows of another source");
        let plain = rows.weights.is_empty() && rows.ties.is_empty() && rows.behind.is_empty();
        assert!(plain, "marks are written where rows enter");
        if rows.is_empty() {
            pool.put(rows);
            return Ok(());
        }
        let only = self.place(&rows);
        if let Err(error) = self.may_push(only, room) {
            return Err(Refused { error, rows });
        }
        let watermark = self.mark(&mut rows);
        self.begin(open, watermark, rows.rows() as u64);
        self.outgoing.mask = 0;
        match only {
            Some(shard) => self.add_part(shard, rows),
            None => {
                self.split(&rows, pool);
                pool.put(rows);
            }
        }
        Ok(())
    }

    /// Starts to publish the row that was written as one statement, like [`Feeder::push`]. On an
    /// error it stays written, to be pushed again.
    #[inline]
    pub fn push_row(
        &mut self,
        open: Epoch,
        room: impl Fn(ShardId) -> usize,
        pool: &mut Pool,
    ) -> Result<(), PushError> {
        assert!(self.rests(), "a statement is still being published");
        assert!(self.written, "a row is written before it is pushed");
        if let Some(wide) = self.wide.take() {
            let before = self.position.take();
            let pushed = self.push(wide, open, room, pool);
            return pushed.map(|()| self.written = false).map_err(|Refused { error, rows }| {
                (self.wide, self.position) = (Some(rows), before);
                error
            });
        }
        let shard = match self.options.shards {
            1 => ShardId(0),
            shards => {
                let hash = self.layout.hash(&self.row.record, &self.options.key);
                owner(partition(hash), shards)
            }
        };
        self.may_push(Some(shard), room)?;
        let mut watermark = self.progress.watermark;
        self.row.behind = Time::MIN;
        if let Some(pace) = &mut self.pace {
            let count = self.layout.count(&self.row.record, pace.column());
            let by = pace.by().map(|column| self.layout.hash(&self.row.record, &[column]));
            let before = watermark;
            if pace.take(count, by.unwrap_or(0), &mut watermark) {
                self.row.behind = before;
            }
        }
        self.begin(open, watermark, 1);
        self.outgoing.mask = 1 << shard.0;
        self.outgoing.row_to = shard;
        self.written = false;
        self.position = None;
        Ok(())
    }

    /// Starts to promise that no row comes any more: event time comes to its end, and every window
    /// with it. No statement, and nothing on a lane; shards hear of it at the end of the epoch. Of a
    /// source without event time there is nothing to promise.
    ///
    /// The caller then carries out [`Feeder::next_step`] until it says `Rest`.
    pub fn finish(&mut self, open: Epoch) {
        assert!(self.rests(), "a statement is still being published");
        if self.options.time.is_none() {
            return;
        }
        self.after = Progress {
            epoch: open,
            opening: self.progress.watermark,
            watermark: Time::MAX,
            ..self.progress
        };
        self.outgoing.mask = 0;
        self.phase = Phase::Word;
    }

    /// Whether a statement may be published whose rows all go to one shard, or as they were picked.
    #[inline]
    fn may_push(
        &self,
        only: Option<ShardId>,
        room: impl Fn(ShardId) -> usize,
    ) -> Result<(), PushError> {
        let statements = self.unsettled();
        if self.options.logged && statements >= UNSETTLED_STATEMENTS_MAX {
            return Err(PushError::Unsettled { statements });
        }
        let full = match only {
            Some(shard) => (room(shard) == 0).then_some(shard),
            None => self.picked().find(|&shard| room(shard) == 0),
        };
        full.map_or(Ok(()), |shard| Err(PushError::Full { shard }))
    }

    /// The shards for which rows were picked.
    fn picked(&self) -> impl Iterator<Item = ShardId> + '_ {
        let picks = self.picks.iter().enumerate().filter(|(_, picks)| !picks.is_empty());
        picks.map(|(shard, _)| ShardId(shard as u16))
    }

    /// Takes note of what a statement will have moved once it bears its epoch.
    #[inline]
    fn begin(&mut self, open: Epoch, watermark: Time, rows: u64) {
        self.after = Progress {
            epoch: open,
            sequence: self.progress.sequence + 1,
            opening: self.progress.watermark,
            watermark,
            rows_numbered: self.progress.rows_numbered + rows,
        };
        let numbered = self.after.rows_numbered;
        assert!(numbered < FEEDER_ROWS_MAX, "a feeder has numbered all it can");
        self.phase = Phase::Word;
    }

    /// The one shard that all rows go to; if there are several, picks the rows of each.
    fn place(&mut self, rows: &Morsel) -> Option<ShardId> {
        let shards = self.options.shards;
        if shards == 1 {
            return Some(ShardId(0));
        }
        let keys = self.options.key.iter().map(|&column| &rows.columns[column]);
        hash_rows(keys, rows.rows(), &mut self.hashes);
        let mut owners = self.hashes.iter().map(|&hash| owner(partition(hash), shards));
        let first = owners.next()?;
        if owners.all(|owner| owner == first) {
            return Some(first);
        }
        self.picks.iter_mut().for_each(Vec::clear);
        for (row, &hash) in self.hashes.iter().enumerate() {
            self.picks[owner(partition(hash), shards).index()].push(row as u32);
        }
        None
    }

    /// Writes down where each row came from and whether it entered behind its own watermark;
    /// returns the watermark after the batch.
    fn mark(&mut self, rows: &mut Morsel) -> Time {
        if self.options.tied {
            let first = Tie::numbered(self.options.feeder, self.progress.rows_numbered);
            rows.ties.push_run(0, first, rows.rows());
        }
        let mut watermark = self.progress.watermark;
        let Some(pace) = &mut self.pace else { return watermark };
        self.key_hashes.clear();
        if let Some(column) = pace.by() {
            let keys = std::iter::once(&rows.columns[column]);
            hash_rows(keys, rows.rows(), &mut self.key_hashes);
        }
        for (row, &count) in rows.columns[pace.column()].i64s().iter().enumerate() {
            let before = watermark;
            let key = self.key_hashes.get(row).copied().unwrap_or(0);
            if pace.take(count, key, &mut watermark) {
                rows.behind.resize(row, Time::MIN);
                rows.behind.push(before);
            }
        }
        if !rows.behind.is_empty() {
            rows.behind.resize(rows.rows(), Time::MIN);
        }
        watermark
    }

    fn split(&mut self, rows: &Morsel, pool: &mut Pool) {
        for at in 0..self.picks.len() {
            if !self.picks[at].is_empty() {
                let mut part = pool.take(rows.shape());
                part.gather(rows, &self.picks[at]);
                self.add_part(ShardId(at as u16), part);
            }
        }
    }

    fn add_part(&mut self, shard: ShardId, rows: Morsel) {
        self.outgoing.mask |= 1 << shard.0;
        self.outgoing.parts.push_back((shard, rows));
    }

    /// Takes the open epoch that was read for [`FeederStep::ReadOpen`].
    #[inline]
    pub fn opened(&mut self, open: Epoch) {
        assert_eq!(self.phase, Phase::Confirm, "the open epoch was read when nobody asked");
        let epoch = self.after.epoch;
        assert!(open >= epoch, "the open epoch went back from {epoch} to {open}");
        self.phase = if open == epoch {
            self.stamp();
            if self.outgoing.mask == 0 { Phase::Progress } else { Phase::Publish }
        } else {
            self.after.epoch = open;
            Phase::Word
        };
    }

    #[inline]
    fn stamp(&mut self) {
        let epoch = self.after.epoch;
        assert!(epoch >= self.progress.epoch, "{epoch} after {}", self.progress.epoch);
        if epoch == self.progress.epoch {
            self.after.opening = self.progress.opening;
        }
        self.progress = self.after;
        let Progress { epoch, sequence, opening, watermark, rows_numbered } = self.progress;
        self.row.epoch = epoch;
        self.row.sequence = sequence;
        self.row.opening = opening;
        self.row.watermark = watermark;
        self.row.rows_numbered = rows_numbered;
    }

    /// The row that [`FeederStep::PublishRow`] is about.
    #[inline]
    pub fn row(&self) -> &FeederRow {
        &self.row
    }

    /// What to do next for the statement that is being published.
    #[inline]
    pub fn next_step(&mut self) -> FeederStep {
        match self.phase {
            Phase::Rest => FeederStep::Rest,
            Phase::Word => {
                self.phase = Phase::Confirm;
                FeederStep::StoreWord(self.after.epoch.0)
            }
            Phase::Confirm => FeederStep::ReadOpen,
            Phase::Publish => self.next_part(),
            Phase::Progress => {
                self.phase = Phase::Idle;
                FeederStep::StoreProgress(self.progress)
            }
            Phase::Idle => {
                self.phase = Phase::Rest;
                FeederStep::StoreWord(FEEDER_IDLE)
            }
        }
    }

    #[inline]
    fn next_part(&mut self) -> FeederStep {
        let Some((shard, morsel)) = self.outgoing.parts.pop_front() else {
            self.phase = Phase::Progress;
            return FeederStep::PublishRow(self.outgoing.row_to);
        };
        if self.outgoing.parts.is_empty() {
            self.phase = Phase::Progress;
        }
        let Progress { epoch, sequence, opening, watermark, rows_numbered } = self.progress;
        let frame = FeederFrame {
            feeder: self.options.feeder,
            source: self.options.source,
            epoch,
            sequence,
            parts: self.outgoing.mask,
            opening,
            watermark,
            rows_numbered,
            position: self.position,
            morsel,
        };
        FeederStep::Publish(shard, frame)
    }

    /// Carries out all that is left of the statement that is being published.
    #[inline]
    pub fn publish(&mut self, outlet: &mut impl Outlet) {
        loop {
            match self.next_step() {
                FeederStep::StoreWord(word) => outlet.store_word(word),
                FeederStep::ReadOpen => self.opened(outlet.read_open()),
                FeederStep::Publish(shard, frame) => outlet.publish(shard, Fed::Frame(frame)),
                FeederStep::PublishRow(shard) => outlet.publish(shard, Fed::Row(self.row)),
                FeederStep::StoreProgress(progress) => outlet.store_progress(&progress),
                FeederStep::Rest => return,
            }
        }
    }
}

/// Where a feeder's steps are carried out.
pub trait Outlet {
    /// Stores the feeder's word, then fences.
    fn store_word(&mut self, word: u64);
    /// Reads the open epoch.
    fn read_open(&mut self) -> Epoch;
    /// Publishes on the lane to a shard.
    fn publish(&mut self, shard: ShardId, fed: Fed);
    /// Stores the feeder's progress.
    fn store_progress(&mut self, progress: &Progress);
}

//! The steps of one push: mark, route, stamp, publish.

use std::collections::VecDeque;
use std::fmt;

use super::{Feeder, FeederStep, Part, Progress};
use crate::core::frame::FeederFrame;
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

/// How far a push has come.
#[derive(Clone, Debug)]
pub(super) enum Phase {
    Rest,
    /// The word is to be stored.
    Word {
        epoch: Epoch,
        parts: Vec<Part>,
        after: Progress,
    },
    /// The open epoch is to be read again.
    Confirm {
        epoch: Epoch,
        parts: Vec<Part>,
        after: Progress,
    },
    /// Frames are to be published.
    Publish {
        frames: VecDeque<(ShardId, FeederFrame)>,
    },
    /// The progress is to be stored.
    Progress,
    /// The word is to be stored as idle.
    Idle,
}

impl Feeder {
    /// Starts to publish a batch as one statement; `open` is the open epoch as last read and
    /// `room` how many frames the lane to a shard still takes.
    ///
    /// The caller then carries out [`Feeder::next_step`] until it says `Rest`.
    pub fn push(
        &mut self,
        rows: &Morsel,
        open: Epoch,
        room: impl Fn(ShardId) -> usize,
        pool: &mut Pool,
    ) -> Result<(), PushError> {
        assert!(self.rests(), "a statement is still being published");
        if rows.is_empty() {
            return Ok(());
        }
        let statements = self.progress.sequence - self.settled;
        if self.options.logged && statements >= UNSETTLED_STATEMENTS_MAX {
            return Err(PushError::Unsettled { statements });
        }
        self.place(rows);
        let placed = self.picks.iter().enumerate().filter(|(_, picks)| !picks.is_empty());
        for (shard, _) in placed {
            let shard = ShardId(shard as u16);
            if room(shard) == 0 {
                return Err(PushError::Full { shard });
            }
        }
        let mut marked = pool.copy(rows);
        let watermark = self.mark(&mut marked);
        let parts = self.split(&marked, pool);
        pool.put(marked);
        let after = Progress {
            epoch: open,
            sequence: self.progress.sequence + 1,
            opening: self.progress.watermark,
            watermark,
            rows_numbered: self.progress.rows_numbered + rows.rows() as u64,
        };
        assert!(after.rows_numbered < FEEDER_ROWS_MAX, "a feeder has numbered all it can");
        self.phase = Phase::Word { epoch: open, parts, after };
        Ok(())
    }

    /// Chooses the shard of each row.
    fn place(&mut self, rows: &Morsel) {
        let keys = self.options.key.iter().map(|&column| &rows.columns[column]);
        hash_rows(keys, rows.rows(), &mut self.hashes);
        self.picks.iter_mut().for_each(Vec::clear);
        for (row, &hash) in self.hashes.iter().enumerate() {
            let shard = owner(partition(hash), self.options.shards);
            self.picks[shard.index()].push(row as u32);
        }
    }

    /// Writes down where each row came from and whether it entered behind its own watermark;
    /// returns the watermark after the batch.
    fn mark(&self, rows: &mut Morsel) -> Time {
        if self.options.tied {
            let first = u128::from(self.options.feeder.0) * u128::from(FEEDER_ROWS_MAX)
                + u128::from(self.progress.rows_numbered);
            rows.ties.extend((0..rows.rows() as u128).map(|row| Tie(first + row)));
        }
        let mut watermark = self.progress.watermark;
        let Some((column, delay_us)) = self.options.time else { return watermark };
        for row in 0..rows.rows() {
            let time = Time(rows.columns[column].i64s()[row]);
            if time < watermark {
                rows.behind.resize(row, Time::MIN);
                rows.behind.push(watermark);
            }
            watermark = watermark.max(time.minus(delay_us));
        }
        if !rows.behind.is_empty() {
            rows.behind.resize(rows.rows(), Time::MIN);
        }
        watermark
    }

    fn split(&self, rows: &Morsel, pool: &mut Pool) -> Vec<Part> {
        let mut parts = Vec::with_capacity(self.picks.len());
        for (shard, picks) in self.picks.iter().enumerate().filter(|(_, picks)| !picks.is_empty()) {
            let mut part = pool.take(rows.shape());
            part.gather(rows, picks);
            parts.push((ShardId(shard as u16), part));
        }
        parts
    }

    /// Takes the open epoch that was read for [`FeederStep::ReadOpen`].
    pub fn opened(&mut self, open: Epoch) {
        let phase = std::mem::replace(&mut self.phase, Phase::Rest);
        let Phase::Confirm { epoch, parts, after } = phase else {
            panic!("the open epoch was read when nobody asked")
        };
        assert!(open >= epoch, "the open epoch went back from {epoch} to {open}");
        self.phase = if open == epoch {
            Phase::Publish { frames: self.stamp(epoch, parts, after) }
        } else {
            Phase::Word { epoch: open, parts, after }
        };
    }

    fn stamp(
        &mut self,
        epoch: Epoch,
        parts: Vec<Part>,
        mut after: Progress,
    ) -> VecDeque<(ShardId, FeederFrame)> {
        assert!(epoch >= self.progress.epoch, "{epoch} after {}", self.progress.epoch);
        if epoch == self.progress.epoch {
            after.opening = self.progress.opening;
        }
        after.epoch = epoch;
        self.progress = after;
        let mask = parts.iter().fold(0, |mask, (shard, _)| mask | 1u64 << shard.0);
        let frame = |morsel| FeederFrame {
            feeder: self.options.feeder,
            source: self.options.source,
            epoch,
            sequence: after.sequence,
            parts: mask,
            opening: after.opening,
            watermark: after.watermark,
            rows_numbered: after.rows_numbered,
            morsel,
        };
        parts.into_iter().map(|(shard, morsel)| (shard, frame(morsel))).collect()
    }

    /// What to do next for the statement that is being published.
    pub fn next_step(&mut self) -> FeederStep {
        match std::mem::replace(&mut self.phase, Phase::Rest) {
            Phase::Rest => FeederStep::Rest,
            Phase::Word { epoch, parts, after } => {
                self.phase = Phase::Confirm { epoch, parts, after };
                FeederStep::StoreWord(epoch.0)
            }
            confirm @ Phase::Confirm { .. } => {
                self.phase = confirm;
                FeederStep::ReadOpen
            }
            Phase::Publish { mut frames } => {
                let (shard, frame) = frames.pop_front().expect("a statement has a part");
                let done = frames.is_empty();
                self.phase = if done { Phase::Progress } else { Phase::Publish { frames } };
                FeederStep::Publish(shard, frame)
            }
            Phase::Progress => {
                self.phase = Phase::Idle;
                FeederStep::StoreProgress(self.progress)
            }
            Phase::Idle => FeederStep::StoreWord(FEEDER_IDLE),
        }
    }
}

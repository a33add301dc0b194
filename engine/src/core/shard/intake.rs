//! Where rows enter a shard: one lane per feeder, none of which carries barriers.
//!
//! Invariants:
//! - A frame of a later epoch than the open one is held, and its lane with it, until the open epoch
//!   has ended here.
//! - The open epoch ends once every feeder has either shown a later frame, or was quiet: its word
//!   was idle or later, and its lane was found empty after that.
//! - The watermark at the end of an epoch is a function of what feeders published in it, not of when
//!   it was seen: a feeder tells what it was when it moved on.

use crate::core::effect::FeederMark;
use crate::core::feeder::{FEEDER_IDLE, Progress};
use crate::core::frame::{Barrier, Fed, FedMarks};
use crate::core::ids::{Epoch, FeederId, SourceId, Time};
use crate::core::watermark::Watermarks;

/// The feeder lanes of one shard.
#[derive(Debug)]
pub(super) struct Intake {
    feeders: Vec<Lane>,
    sources: Vec<Watermarks>,
    open: Epoch,
    closing: Option<Barrier>,
}

#[derive(Debug)]
struct Lane {
    source: SourceId,
    /// The lane's place among those of its source.
    place: usize,
    mark: FeederMark,
    held: Option<Fed>,
    /// The watermark with which the open epoch ended on this lane.
    ended: Option<Time>,
}

/// What is to become of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// It belongs to the open epoch: log it and work on it.
    Rows,
    /// It waits for the open epoch to end: [`Intake::hold`] it.
    Held,
    /// The statement is here already.
    Duplicate,
}

impl Intake {
    /// Lanes for feeders in the order of their ids, each of a source, going on behind `marks`.
    pub(super) fn new(feeders: &[SourceId], marks: &[FeederMark], sources: usize) -> Intake {
        assert_eq!(feeders.len(), marks.len(), "a mark for each feeder");
        let mut times = vec![Vec::new(); sources];
        let lane = |(&source, &mark): (&SourceId, &FeederMark)| {
            let of_source: &mut Vec<Time> = &mut times[source.index()];
            of_source.push(mark.watermark);
            Lane { source, place: of_source.len() - 1, mark, held: None, ended: None }
        };
        let feeders = feeders.iter().zip(marks).map(lane).collect();
        let sources = times.into_iter().map(Watermarks::restore).collect();
        Intake { feeders, sources, open: Epoch(0), closing: None }
    }

    /// Goes on in `epoch`.
    pub(super) fn start(&mut self, epoch: Epoch) {
        assert!(self.open < epoch, "{epoch} after {}", self.open);
        self.open = epoch;
    }

    /// Whether a feeder's next frame may be taken.
    #[inline]
    pub(super) fn accepts(&self, feeder: FeederId) -> bool {
        self.feeders[feeder.index()].held.is_none()
    }

    /// Whether the epoch waits to hear whether a feeder is quiet.
    pub(super) fn asks(&self, feeder: FeederId) -> bool {
        self.closing.is_some() && self.feeders[feeder.index()].ended.is_none()
    }

    /// Takes note of a frame that came off a feeder's lane.
    #[inline]
    pub(super) fn take(&mut self, marks: &FedMarks) -> Taken {
        let lane = &mut self.feeders[marks.feeder.index()];
        assert!(lane.held.is_none(), "a held lane delivered another frame");
        assert_eq!(lane.source, marks.source, "a feeder feeds one source");
        if marks.epoch > self.open {
            lane.ended.get_or_insert(marks.opening.max(lane.mark.watermark));
            return Taken::Held;
        }
        assert!(lane.ended.is_none(), "{} after its feeder ended {}", marks.epoch, self.open);
        if marks.sequence <= lane.mark.sequence {
            return Taken::Duplicate;
        }
        lane.mark.sequence = marks.sequence;
        lane.mark.rows_numbered = marks.rows_numbered;
        Taken::Rows
    }

    /// Holds a frame until the open epoch has ended.
    pub(super) fn hold(&mut self, fed: Fed) {
        let feeder = fed.feeder();
        self.feeders[feeder.index()].held = Some(fed);
    }

    /// Takes note of what a feeder promised with a frame whose rows are in; returns the watermark of
    /// the source if it moved.
    #[inline]
    pub(super) fn promise(&mut self, feeder: FeederId, watermark: Time) -> Option<Time> {
        let lane = &mut self.feeders[feeder.index()];
        // A feeder that restates its statements after a crash promises less than it once did.
        lane.mark.watermark = lane.mark.watermark.max(watermark);
        self.sources[lane.source.index()].advance(lane.place, lane.mark.watermark)
    }

    /// A feeder's word was read as `word`, and its lane was empty after that.
    pub(super) fn quiet(&mut self, feeder: FeederId, word: u64, progress: &Progress) {
        let Some(barrier) = self.closing else { return };
        let lane = &mut self.feeders[feeder.index()];
        if lane.ended.is_none() && (word == FEEDER_IDLE || word > barrier.epoch.0) {
            lane.ended = Some(progress.watermark_at(barrier.epoch).max(lane.mark.watermark));
        }
    }

    /// The coordinator ended the open epoch.
    pub(super) fn close(&mut self, barrier: Barrier) {
        assert_eq!(barrier.epoch, self.open, "the coordinator closes the open epoch");
        assert!(self.closing.is_none(), "{} is closing already", self.open);
        self.closing = Some(barrier);
    }

    /// The barrier, once the open epoch has ended on all lanes.
    pub(super) fn ended(&self) -> Option<Barrier> {
        self.closing.filter(|_| self.feeders.iter().all(|lane| lane.ended.is_some()))
    }

    /// Settles the watermarks of the epoch that ended: those of the sources that moved.
    pub(super) fn settle(&mut self) -> Vec<(SourceId, Time)> {
        let mut moved = Vec::new();
        for feeder in 0..self.feeders.len() {
            let ended = self.feeders[feeder].ended.expect("the epoch has ended on all lanes");
            if let Some(time) = self.promise(FeederId(feeder as u32), ended) {
                moved.push((self.feeders[feeder].source, time));
            }
        }
        moved
    }

    /// Opens the next epoch; returns the frames that were held for it.
    pub(super) fn advance(&mut self) -> Vec<Fed> {
        let barrier = self.closing.take().expect("an epoch ends before the next opens");
        self.open = barrier.epoch.next();
        let lanes = self.feeders.iter_mut();
        let held = lanes.filter_map(|lane| {
            lane.ended = None;
            lane.held.take()
        });
        held.collect()
    }

    /// How far each feeder has come.
    pub(super) fn marks(&self) -> Vec<FeederMark> {
        self.feeders.iter().map(|lane| lane.mark).collect()
    }

    /// The open epoch.
    pub(super) fn open(&self) -> Epoch {
        self.open
    }
}

#[cfg(test)]
mod tests;

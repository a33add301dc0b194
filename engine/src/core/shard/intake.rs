//! Where rows enter a shard: one lane per feeder, none of which carries barriers.
//!
//! Invariants:
//! - A frame of a later epoch than the open one is held, and its lane with it, until the open epoch
//!   has ended here.
//! - The open epoch ends once every attached feeder has either shown a later frame, or was quiet: its
//!   word was idle or later, and its lane was found empty after that.
//! - The watermark at the end of an epoch is a function of what feeders published in it, not of when
//!   it was seen: a feeder tells what it was when it moved on.
//! - The watermark of a source is the least of its attached feeders, stays where it was while there
//!   are none, and never goes back. Feeders come and go at the ends of epochs only.
//! - A feeder that is idle does not hold its source back, and what it pushes behind the watermark
//!   that the source had at the end of the epoch before is late. It becomes idle, and wakes, at the
//!   ends of epochs only, when the coordinator says so; so both are the same on all shards. Once all
//!   are idle, nobody is waited for, and the source is where the furthest of them is. A source with
//!   an idle feeder moves at the ends of epochs only.
//! - What a feeder pushes whose source is gone is dropped, and it holds nothing back. It keeps its
//!   numbers, and may be attached to another source once it is detached.

use crate::core::effect::FeederMark;
use crate::core::feeder::{FEEDER_IDLE, Progress};
use crate::core::frame::{Barrier, Fed, FedMarks};
use crate::core::ids::{Epoch, FeederId, SourceId, Time};

/// The feeder lanes of one shard.
#[derive(Debug)]
pub(super) struct Intake {
    feeders: Vec<Lane>,
    sources: Vec<Source>,
    /// Feeders that come or go when the open epoch ends.
    changes: Vec<Change>,
    open: Epoch,
    closing: Option<Barrier>,
    /// Whether rows of the open epoch are in.
    fed: bool,
    /// Whether that is still to be told.
    news: bool,
    /// Feeders of which the same is to be told.
    heard: Vec<FeederId>,
}

#[derive(Debug)]
struct Lane {
    mark: FeederMark,
    attached: bool,
    /// Whether its source is gone.
    homeless: bool,
    held: Option<Fed>,
    /// The watermark with which the open epoch ended on this lane.
    ended: Option<Time>,
    /// Whether it does not hold its source back.
    idle: bool,
    /// What it pushes below this is late: the watermark that its source had when it was last idle.
    floor: Time,
    /// Whether its rows of the open epoch were told of.
    told: bool,
}

#[derive(Debug)]
struct Source {
    watermark: Time,
    /// What it was before the end of the epoch that is being settled.
    before: Time,
    attached: Vec<FeederId>,
    /// Whether its feeders may become idle, so that what they push is told of.
    watched: bool,
}

#[derive(Debug)]
enum Change {
    Attach(FeederId, SourceId),
    Detach(FeederId),
    Idle(FeederId),
    Wake(FeederId),
    Advance(SourceId, i64),
}

/// What is to become of a frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Taken {
    /// It belongs to the open epoch: log it and work on it.
    Rows,
    /// It waits for the open epoch to end: [`Intake::hold`] it.
    Held,
    /// Nothing: the statement is here already, or its source is gone.
    Duplicate,
}

/// What the end of an epoch brings. One is used for all of them, so that an end asks for no memory.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Settled {
    /// The watermarks of the sources that moved.
    pub(super) moved: Vec<(SourceId, Time)>,
    /// Where the feeders that are attached from here on go on.
    pub(super) attached: Vec<FeederMark>,
}

impl Intake {
    /// Detached feeders in the order of their ids, and the watermark of each source.
    pub(super) fn new(marks: &[FeederMark], sources: &[Time]) -> Intake {
        let lane = |mark: &FeederMark| Lane::detached(*mark);
        let source = |time: &Time| Source::at(*time);
        Intake {
            feeders: marks.iter().map(lane).collect(),
            sources: sources.iter().map(source).collect(),
            changes: Vec::new(),
            open: Epoch(0),
            closing: None,
            fed: false,
            news: false,
            heard: Vec::new(),
        }
    }

    /// Goes on in `epoch`.
    pub(super) fn start(&mut self, epoch: Epoch) {
        assert!(self.open < epoch, "{epoch} after {}", self.open);
        self.open = epoch;
    }

    /// Whether the feeders of a source may become idle.
    pub(super) fn watch(&mut self, source: SourceId, watched: bool) {
        self.sources[source.index()].watched = watched;
    }

    fn attached(&self, feeder: FeederId) -> Option<&Lane> {
        self.feeders.get(feeder.index()).filter(|lane| lane.attached)
    }

    /// Whether a feeder's next frame may be taken.
    #[inline]
    pub(super) fn accepts(&self, feeder: FeederId) -> bool {
        self.attached(feeder).is_some_and(|lane| lane.held.is_none())
    }

    /// A lane that the end of an epoch waits for.
    fn counts(&self, feeder: FeederId) -> Option<&Lane> {
        self.attached(feeder).filter(|lane| !lane.homeless)
    }

    /// Whether the epoch waits to hear whether a feeder is quiet.
    pub(super) fn asks(&self, feeder: FeederId) -> bool {
        self.closing.is_some() && self.counts(feeder).is_some_and(|lane| lane.ended.is_none())
    }

    /// Takes note of a frame that came off a feeder's lane, or out of the log.
    #[inline]
    pub(super) fn take(&mut self, marks: &FedMarks) -> Taken {
        let lane = &mut self.feeders[marks.feeder.index()];
        assert!(lane.held.is_none(), "a held lane delivered another frame");
        if lane.homeless {
            return Taken::Duplicate;
        }
        assert_eq!(lane.mark.source, marks.source, "a feeder feeds one source");
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
        lane.mark.position = marks.position;
        if !lane.told && self.sources[marks.source.index()].watched {
            lane.told = true;
            self.heard.push(marks.feeder);
        }
        self.news |= !self.fed;
        self.fed = true;
        Taken::Rows
    }

    /// Holds a frame until the open epoch has ended.
    pub(super) fn hold(&mut self, fed: Fed) {
        let feeder = fed.feeder();
        self.feeders[feeder.index()].held = Some(fed);
    }

    /// The open epoch, once, when the first rows of it are in.
    #[inline]
    pub(super) fn news(&mut self) -> Option<Epoch> {
        std::mem::take(&mut self.news).then_some(self.open)
    }

    /// Feeders of sources that are watched whose first rows of the open epoch are in, once.
    pub(super) fn heard(&mut self) -> impl Iterator<Item = FeederId> + '_ {
        self.heard.drain(..)
    }

    /// What a feeder pushes below this is late, whatever it knows itself.
    #[inline]
    pub(super) fn floor(&self, feeder: FeederId) -> Time {
        self.feeders[feeder.index()].floor
    }

    /// Takes note of what a feeder promised with a frame whose rows are in; returns the watermark of
    /// the source if it moved.
    #[inline]
    pub(super) fn promise(&mut self, feeder: FeederId, watermark: Time) -> Option<Time> {
        let lane = &mut self.feeders[feeder.index()];
        let before = lane.mark.watermark;
        // A statement out of the log was promised by a feeder that may have come further since.
        lane.mark.watermark = before.max(watermark);
        let (source, counts) = (lane.mark.source, lane.attached && !lane.idle);
        // Only the slowest holds its source back.
        let slowest = counts && before <= self.sources[source.index()].watermark;
        if slowest && !self.has_idle(source) { self.advance_source(source) } else { None }
    }

    /// Whether a source has a feeder that is idle. What that one pushes in an epoch is judged by the end
    /// of the one before, so that within an epoch the source must not move beneath it.
    fn has_idle(&self, source: SourceId) -> bool {
        let source = &self.sources[source.index()];
        source.watched && source.attached.iter().any(|id| self.feeders[id.index()].idle)
    }

    /// Moves a source on to the least of its attached feeders that are not idle; returns its watermark if it moved.
    fn advance_source(&mut self, source: SourceId) -> Option<Time> {
        let source = &mut self.sources[source.index()];
        let lanes = || source.attached.iter().map(|id| &self.feeders[id.index()]);
        let counting = lanes().filter(|lane| !lane.idle).map(|lane| lane.mark.watermark);
        // The end is there once all have come to it: who is silent may speak again.
        let least = match counting.min() {
            Some(Time::MAX) | None if !lanes().all(Lane::has_finished) => None,
            None if lanes().next().is_some() => Some(Time::MAX),
            least => least,
        };
        let least = least.filter(|least| *least > source.watermark)?;
        source.watermark = least;
        Some(least)
    }

    fn advance_sources(&mut self) {
        (0..self.sources.len()).for_each(|source| {
            self.advance_source(SourceId(source as u16));
        });
    }

    /// A feeder's word was read as `word`, and its lane was empty after that.
    pub(super) fn quiet(&mut self, feeder: FeederId, word: u64, progress: &Progress) {
        let Some(barrier) = self.closing.filter(|_| self.asks(feeder)) else { return };
        let lane = &mut self.feeders[feeder.index()];
        if word == FEEDER_IDLE || word > barrier.epoch.0 {
            lane.ended = Some(progress.watermark_at(barrier.epoch).max(lane.mark.watermark));
        }
    }

    /// A feeder counts from the end of the open epoch on.
    pub(super) fn attach(&mut self, feeder: FeederId, source: SourceId) {
        self.changes.push(Change::Attach(feeder, source));
    }

    /// A feeder counts until the end of the open epoch.
    pub(super) fn detach(&mut self, feeder: FeederId) {
        self.changes.push(Change::Detach(feeder));
    }

    /// A feeder is idle from the end of the open epoch on.
    pub(super) fn rest(&mut self, feeder: FeederId) {
        self.changes.push(Change::Idle(feeder));
    }

    /// A feeder that was idle counts again from the end of the open epoch on.
    pub(super) fn wake(&mut self, feeder: FeederId) {
        self.changes.push(Change::Wake(feeder));
    }

    /// A source goes on with the clock at the end of the open epoch, if nobody holds it back.
    pub(super) fn go_on(&mut self, source: SourceId, by_us: i64) {
        self.changes.push(Change::Advance(source, by_us));
    }

    /// The coordinator ended the open epoch.
    pub(super) fn close(&mut self, barrier: Barrier) {
        assert_eq!(barrier.epoch, self.open, "the coordinator closes the open epoch");
        assert!(self.closing.is_none(), "{} is closing already", self.open);
        self.closing = Some(barrier);
    }

    /// Whether the coordinator has ended the open epoch.
    #[inline]
    pub(super) fn is_closing(&self) -> bool {
        self.closing.is_some()
    }

    /// The barrier, once the open epoch has ended on all lanes.
    pub(super) fn ended(&self) -> Option<Barrier> {
        let over = |lane: &Lane| lane.ended.is_some() || !lane.attached || lane.homeless;
        self.closing.filter(|_| self.feeders.iter().all(over))
    }

    /// Settles the epoch that ended, and lets feeders come and go.
    ///
    /// Those that come go on from the watermark of their source or from their own, whichever is
    /// later: what they push behind that is late, and no window is opened again.
    pub(super) fn settle(&mut self, settled: &mut Settled) {
        settled.moved.clear();
        settled.attached.clear();
        self.sources.iter_mut().for_each(|source| source.before = source.watermark);
        for lane in self.feeders.iter_mut().filter(|lane| lane.attached && !lane.homeless) {
            let ended = lane.ended.expect("the epoch has ended on all lanes");
            lane.mark.watermark = lane.mark.watermark.max(ended);
        }
        // What a feeder that goes has promised still counts.
        self.advance_sources();
        if !self.changes.is_empty() {
            self.come_and_go(&mut settled.attached);
        }
        for lane in self.feeders.iter_mut().filter(|lane| lane.idle) {
            lane.floor = self.sources[lane.mark.source.index()].watermark;
        }
        let moved = self.sources.iter().enumerate().filter(|(_, at)| at.watermark > at.before);
        settled.moved.extend(moved.map(|(source, at)| (SourceId(source as u16), at.watermark)));
    }

    /// Lets feeders go, rest and wake, then come.
    fn come_and_go(&mut self, attached: &mut Vec<FeederMark>) {
        let mut fresh = Vec::new();
        let (mut advances, mut fewer) = (Vec::new(), Vec::new());
        for change in std::mem::take(&mut self.changes) {
            match change {
                Change::Detach(feeder) => fewer.push(self.leave(feeder)),
                Change::Attach(feeder, source) => fresh.push((feeder, source)),
                Change::Idle(feeder) => fewer.push(self.fall_idle(feeder)),
                Change::Wake(feeder) => self.count_again(feeder),
                Change::Advance(source, by_us) => advances.push((source, by_us)),
            }
        }
        self.advance_sources();
        fewer.into_iter().for_each(|source| self.advance_if_all_idle(source));
        advances.into_iter().for_each(|(source, by_us)| self.advance_by(source, by_us));
        let floors = self.watermarks();
        let enter = |(feeder, source): (FeederId, SourceId)| {
            self.enter(feeder, source, floors[source.index()])
        };
        attached.extend(fresh.into_iter().map(enter));
        self.advance_sources();
    }

    /// A feeder counts no more for its source.
    fn leave(&mut self, feeder: FeederId) -> SourceId {
        let lane = &mut self.feeders[feeder.index()];
        assert!(lane.attached && lane.held.is_none(), "{feeder} is gone and published");
        (lane.attached, lane.ended) = (false, None);
        (lane.idle, lane.floor) = (false, Time::MIN);
        let source = lane.mark.source;
        self.sources[source.index()].attached.retain(|other| *other != feeder);
        source
    }

    /// A feeder does not count for its source.
    fn fall_idle(&mut self, feeder: FeederId) -> SourceId {
        let lane = &mut self.feeders[feeder.index()];
        assert!(lane.attached && !lane.idle, "{feeder} becomes idle and does not count");
        lane.idle = true;
        lane.mark.source
    }

    /// Nobody is waited for where all are idle: the source goes to the furthest of them.
    fn advance_if_all_idle(&mut self, source: SourceId) {
        let source = &mut self.sources[source.index()];
        let lanes = || source.attached.iter().map(|id| &self.feeders[id.index()]);
        let open = lanes().filter(|lane| !lane.has_finished());
        if lanes().all(|lane| lane.idle || lane.has_finished())
            && let Some(furthest) = open.map(|lane| lane.mark.watermark).max()
        {
            source.watermark = source.watermark.max(furthest);
        }
    }

    fn count_again(&mut self, feeder: FeederId) {
        let lane = &mut self.feeders[feeder.index()];
        assert!(lane.attached && lane.idle, "{feeder} wakes and was not idle");
        let reached = self.sources[lane.mark.source.index()].watermark;
        lane.idle = false;
        lane.floor = reached;
        lane.mark.watermark = lane.mark.watermark.max(reached);
    }

    fn advance_by(&mut self, source: SourceId, by_us: i64) {
        let source = &mut self.sources[source.index()];
        let idle = |id: &FeederId| self.feeders[id.index()].idle;
        // The ends of time do not move.
        if source.attached.iter().all(idle) {
            source.watermark = source.watermark.minus(-by_us);
        }
    }

    fn enter(&mut self, feeder: FeederId, source: SourceId, floor: Time) -> FeederMark {
        if feeder.index() == self.feeders.len() {
            self.feeders.push(Lane::detached(FeederMark::start(feeder, source)));
        }
        let lane = &mut self.feeders[feeder.index()];
        assert!(!lane.attached, "{feeder} is attached already");
        if lane.homeless || lane.mark.source != source {
            let free = lane.homeless || lane.mark.sequence == 0;
            assert!(free, "{feeder} has fed {}", lane.mark.source);
            lane.mark = FeederMark { source, watermark: Time::MIN, position: None, ..lane.mark };
            lane.homeless = false;
        }
        lane.attached = true;
        (lane.idle, lane.floor, lane.told) = (false, Time::MIN, false);
        lane.mark.watermark = lane.mark.watermark.max(floor);
        self.sources[source.index()].attached.push(feeder);
        lane.mark
    }

    /// Sources come and go with the end of the epoch that has just been settled.
    pub(super) fn change(&mut self, come: &[SourceId], gone: &[SourceId]) {
        for lane in &mut self.feeders {
            lane.homeless |= gone.contains(&lane.mark.source);
        }
        let none = || Source::at(Time::MIN);
        let places = come.iter().map(|source| source.index() + 1).max().unwrap_or(0);
        let places = places.max(self.sources.len());
        self.sources.resize_with(places, none);
        come.iter().chain(gone).for_each(|source| self.sources[source.index()] = none());
    }

    /// Opens the next epoch. What was held for it is taken with [`Intake::release`].
    pub(super) fn advance(&mut self) {
        let barrier = self.closing.take().expect("an epoch ends before the next opens");
        self.open = barrier.epoch.next();
        self.fed = false;
        self.feeders.iter_mut().for_each(|lane| (lane.ended, lane.told) = (None, false));
    }

    /// How many feeders there ever were.
    pub(super) fn feeders(&self) -> usize {
        self.feeders.len()
    }

    /// What is held of the feeder at this place.
    pub(super) fn release(&mut self, feeder: usize) -> Option<Fed> {
        self.feeders[feeder].held.take()
    }

    /// How far each feeder has come.
    pub(super) fn marks(&self) -> Vec<FeederMark> {
        self.feeders.iter().map(|lane| lane.mark).collect()
    }

    /// The watermark of each source.
    pub(super) fn watermarks(&self) -> Vec<Time> {
        self.sources.iter().map(|source| source.watermark).collect()
    }

    /// The open epoch.
    pub(super) fn open(&self) -> Epoch {
        self.open
    }
}

impl Lane {
    /// Whether its feeder has promised that nothing comes any more.
    fn has_finished(&self) -> bool {
        self.mark.watermark == Time::MAX
    }

    fn detached(mark: FeederMark) -> Lane {
        Lane {
            mark,
            attached: false,
            homeless: false,
            held: None,
            ended: None,
            idle: false,
            floor: Time::MIN,
            told: false,
        }
    }
}

impl Source {
    fn at(watermark: Time) -> Source {
        Source { watermark, before: watermark, attached: Vec::new(), watched: false }
    }
}

#[cfg(test)]
mod tests;

//! Feeders that come and go, and what the reference makes of that.

use sluicedb::core::effect::{CoordinatorInput, FeederMark, Order, ProducerMark};
use sluicedb::core::feeder::{Feeder, FeederOptions, Position, Progress};
use sluicedb::core::ids::{Epoch, FeederId};
use sluicedb::core::morsel::Pool;

use super::World;
use super::life::{Mouth, Stand};
use crate::options::Comings;
use crate::reference::{Change, Clocks};

/// The turns within which a feeder that comes late has come.
const LATE_TURNS_MAX: usize = 1_500;
/// The turns that a feeder that goes has stayed at most, and those that it is away.
const STAY_TURNS_MAX: usize = 1_500;
const AWAY_TURNS_MAX: usize = 500;

/// No checkpoint knows a feeder, and its statements are replayed.
const FROM_LOG: &str = "feeder known from the log alone";

impl World {
    /// Compares what the database knows of feeders with what was pushed.
    pub(super) fn recover_feeders(&mut self, marks: &[FeederMark], names: &[ProducerMark]) {
        let cut = self.sealed.map(|epoch| self.cuts[&epoch].clone());
        let sources = self.producers.iter().map(|producer| producer.source.index());
        let none = || Clocks::new(self.graph.sources.len(), sources);
        let mut clocks = cut.unwrap_or_else(none).detached();
        assert!(marks.len() <= self.producers.len(), "{} feeders were found", marks.len());
        for (feeder, producer) in self.producers.iter_mut().enumerate() {
            let id = FeederId(feeder as u32);
            if producer.recognise(id, names.iter().find(|name| name.feeder == id)) {
                *self.seen.entry("producer known by its name").or_insert(0) += 1;
            }
            let mark = marks.get(feeder);
            let logged =
                mark.is_some_and(|mark| mark.sequence > 0) && !clocks.feeders[feeder].known;
            if logged {
                *self.seen.entry(FROM_LOG).or_insert(0) += 1;
            }
            clocks.reach(feeder, producer.recover(mark));
            let found = mark.map_or(i64::MIN, |mark| mark.watermark.0);
            assert_eq!(found, clocks.feeders[feeder].watermark, "the watermark of f{feeder}");
        }
        self.clocks = clocks;
        let sealed = self.sealed;
        self.cuts.retain(|epoch, _| Some(*epoch) == sealed);
    }

    /// One mouth for each producer; nobody is attached.
    pub(super) fn mouths(&mut self) -> Vec<Mouth> {
        let late_percent = self.options.comings.late_percent;
        let mut mouths = Vec::with_capacity(self.producers.len());
        for feeder in 0..self.producers.len() {
            let feeder = Feeder::new(self.feeder_options(feeder), Progress::START);
            let pool = Pool::new(&self.graph.shapes);
            let places = self.options.feeder_lane_frames;
            let mut mouth = Mouth::new(feeder, pool, places, self.options.shards);
            if self.is_rough() && self.schedule.chance(late_percent) {
                mouth.change_at = self.turn + 1 + self.schedule.below(LATE_TURNS_MAX) as u64;
            }
            mouths.push(mouth);
        }
        mouths
    }

    fn feeder_options(&self, at: usize) -> FeederOptions {
        let source = self.producers[at].source;
        let spec = &self.graph.sources[source.index()];
        FeederOptions {
            feeder: FeederId(at as u32),
            source,
            schema: spec.schema.clone(),
            shape: spec.shape,
            key: spec.key.clone(),
            time: spec.time,
            tied: spec.tied,
            logged: self.is_logged(at),
            shards: self.options.shards,
        }
    }

    fn is_logged(&self, feeder: usize) -> bool {
        self.options.logged >> self.producers[feeder].source.index() & 1 == 1
    }

    /// Attaches all that are there when the database opens.
    pub(super) fn attach_those_there(&mut self) {
        for feeder in 0..self.producers.len() {
            if self.life.mouths[feeder].change_at <= self.turn && feeder <= self.life.known {
                self.attach(feeder);
            }
        }
    }

    /// A feeder comes.
    pub(super) fn attach(&mut self, feeder: usize) {
        let (id, source) = (FeederId(feeder as u32), self.producers[feeder].source);
        self.life.known = self.life.known.max(feeder + 1);
        let mouth = &mut self.life.mouths[feeder];
        mouth.stand = Stand::Coming;
        if mouth.change_at > 0 && mouth.comings == 0 {
            self.saw("feeder attached late");
        }
        self.trace.add(self.turn, &id, format_args!("comes"));
        let producer = self.producers[feeder].name();
        self.coordinate(CoordinatorInput::Attach { feeder: id, source, producer });
    }

    /// A feeder goes. Its word is idle, and all it has published lies on its lanes.
    pub(super) fn detach(&mut self, feeder: usize) {
        let id = FeederId(feeder as u32);
        self.life.mouths[feeder].stand = Stand::Going;
        self.trace.add(self.turn, &id, format_args!("goes"));
        self.coordinate(CoordinatorInput::Detach { feeder: id });
    }

    /// Takes note of what is ordered to happen at the end of the epoch that closes.
    pub(super) fn ordered(&mut self, order: &Order) {
        match *order {
            Order::Attach { feeder, .. } => self.life.changes.push(Change::Attach(feeder.index())),
            Order::Detach { feeder } => self.life.changes.push(Change::Detach(feeder.index())),
            Order::Idle { feeder } => {
                self.life.changes.push(Change::Idle(feeder.index()));
                self.saw("feeder idle");
            }
            Order::Wake { feeder } => {
                self.life.changes.push(Change::Wake(feeder.index()));
                self.saw("feeder woken");
            }
            Order::Advance { source, by_us } => {
                self.life.changes.push(Change::Advance(source.index(), by_us));
                self.saw("event time with the clock");
            }
            Order::Install(_)
            | Order::Close(_)
            | Order::Release
            | Order::Stop(_)
            | Order::Sealed { .. } => {}
        }
    }

    /// All shards have passed an epoch, so all that was pushed in it is known.
    pub(super) fn passed(&mut self, epoch: Epoch) {
        self.trace.add(self.turn, &"coordinator", format_args!("passed {epoch}"));
        let changes = std::mem::take(&mut self.life.changes);
        self.raise(epoch, &self.clocks.clone());
        self.end_epoch(epoch, &changes);
        self.cuts.insert(epoch, self.clocks.clone());
        self.growth.passed(epoch, &self.clocks.sources, &self.producers);
        self.life.passing = epoch.next();
    }

    fn end_epoch(&mut self, epoch: Epoch, changes: &[Change]) {
        let watermarks = self.producers.iter().map(|producer| producer.watermark(epoch));
        self.clocks.end(&watermarks.collect::<Vec<_>>(), changes);
    }

    /// What was pushed in an epoch by feeders that had been idle is late below their floors.
    fn raise(&mut self, epoch: Epoch, clocks: &Clocks) {
        for (feeder, clock) in clocks.feeders.iter().enumerate() {
            if self.producers[feeder].raise(epoch, clock.floor) {
                self.saw("row behind its source after silence");
            }
        }
    }

    /// The database is about to be gone: what shards may have logged is late as they found it, though
    /// not all of them have told of the end of the epoch before.
    pub(super) fn raise_before_crash(&mut self) {
        let (epoch, before) = (self.life.passing, self.clocks.clone());
        self.raise(epoch, &before);
        let changes = std::mem::take(&mut self.life.changes);
        self.end_epoch(epoch, &changes);
        self.raise(epoch.next(), &self.clocks.clone());
        self.clocks = before;
    }

    /// A feeder may push from here on. Some producers remember less than the database.
    pub(super) fn attached(
        &mut self,
        feeder: usize,
        progress: Progress,
        position: Option<Position>,
    ) {
        let Progress { sequence, watermark, .. } = progress;
        let what = format_args!("attached seq={sequence} at={watermark}");
        self.trace.add(self.turn, &FeederId(feeder as u32), what);
        let floor = self.clocks.feeders[feeder].watermark;
        self.producers[feeder].attach(&progress, position, floor);
        let mut made = Feeder::new(self.feeder_options(feeder), progress);
        let first = self.life.mouths[feeder].comings == 0;
        let Comings { leave_percent, forget_percent, .. } = self.options.comings;
        // What a feeder says again would be all that it knows of keys.
        let by = self.graph.sources[self.producers[feeder].source.index()].time;
        let keyed = by.is_some_and(|time| time.by.is_some());
        if first
            && sequence > 0
            && !keyed
            && self.is_logged(feeder)
            && self.schedule.chance(forget_percent)
        {
            let forgotten = 1 + self.schedule.below(sequence as usize);
            let (sequence, rows_numbered) = self.producers[feeder].forget(forgotten);
            made = made.restating(sequence, rows_numbered);
        }
        let goes = self.schedule.chance(leave_percent);
        let stay = 1 + self.schedule.below(STAY_TURNS_MAX) as u64;
        let mouth = &mut self.life.mouths[feeder];
        assert_eq!(mouth.stand, Stand::Coming, "f{feeder} is attached unasked");
        mouth.stand = Stand::There;
        mouth.comings += 1;
        mouth.feeder = made;
        mouth.change_at = if goes { self.turn + stay } else { u64::MAX };
        if !first {
            self.saw("feeder attached again");
        }
    }

    /// A feeder is gone.
    pub(super) fn detached(&mut self, feeder: usize) {
        let id = FeederId(feeder as u32);
        self.trace.add(self.turn, &id, format_args!("detached"));
        let away = self.schedule.below(AWAY_TURNS_MAX) as u64;
        let mouth = &mut self.life.mouths[feeder];
        assert_eq!(mouth.stand, Stand::Going, "{id} is detached unasked");
        assert!(mouth.lanes.iter().all(crate::lane::Lane::is_empty), "{id} left frames behind");
        mouth.stand = Stand::Away;
        mouth.change_at = self.turn + away;
        self.saw("feeder detached");
    }

    /// A statement was given its epoch.
    pub(super) fn stamped(&mut self, feeder: usize, progress: &Progress) {
        let before = self.producers[feeder].behind_floor();
        if self.producers[feeder].stamp(progress) {
            self.saw("statement pushed again");
        }
        if self.producers[feeder].behind_floor() > before {
            self.saw("row behind the floor");
        }
    }
}

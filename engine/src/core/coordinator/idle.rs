//! Which feeders have been silent for so long that nobody waits for them.
//!
//! Invariants:
//! - A feeder that is told to be idle is told to wake before it is told to be idle again.
//! - What is ordered here goes out with a barrier, so that it takes effect at the end of the same epoch
//!   on every shard.

use crate::core::effect::Order;
use crate::core::graph::SourceSpec;
use crate::core::ids::{FeederId, SourceId};
use crate::core::limits::ADVANCE_EVERY_NS;

/// The feeders of sources that say when a feeder is idle.
#[derive(Debug, Default)]
pub(super) struct Idleness {
    /// By source.
    sources: Vec<Option<Watch>>,
    feeders: Vec<Watched>,
    /// Feeders that have gone, of whose last rows a shard may tell yet.
    left: Vec<(FeederId, SourceId)>,
    /// Feeders that wake with the next barrier.
    woken: Vec<FeederId>,
}

/// A source.
#[derive(Debug)]
struct Watch {
    timeout_ns: u64,
    /// Whether event time goes on with the clock while nobody pushes.
    advances: bool,
    /// When rows came last; none before the first.
    heard_ns: Option<u64>,
    /// Until when event time has gone on, by rows or by the clock.
    reached_ns: u64,
}

/// A feeder that is attached.
#[derive(Clone, Copy, Debug)]
struct Watched {
    feeder: FeederId,
    source: SourceId,
    heard_ns: u64,
    idle: bool,
}

impl Idleness {
    /// Takes a source up, whose feeders are watched if it says when one is idle.
    pub(super) fn add(&mut self, source: SourceId, spec: &SourceSpec) {
        let idle = spec.time.and_then(|time| time.idle);
        let watch = idle.map(|idle| Watch {
            timeout_ns: idle.timeout_us.unsigned_abs().saturating_mul(1_000),
            advances: idle.advances,
            heard_ns: None,
            reached_ns: 0,
        });
        let places = self.sources.len().max(source.index() + 1);
        self.sources.resize_with(places, || None);
        self.sources[source.index()] = watch;
    }

    /// A source is gone, and who fed it need not be watched.
    pub(super) fn remove(&mut self, source: SourceId) {
        self.sources[source.index()] = None;
        self.feeders.retain(|watched| watched.source != source);
        self.left.retain(|left| left.1 != source);
    }

    /// A feeder counts from here on.
    pub(super) fn attached(&mut self, feeder: FeederId, source: SourceId, now_ns: u64) {
        self.left.retain(|left| left.0 != feeder);
        if self.sources.get(source.index()).is_some_and(Option::is_some) {
            self.feeders.push(Watched { feeder, source, heard_ns: now_ns, idle: false });
        }
    }

    /// A feeder is to go.
    pub(super) fn leaves(&mut self, feeder: FeederId) {
        let gone = self.feeders.extract_if(.., |watched| watched.feeder == feeder);
        self.left.extend(gone.map(|watched| (watched.feeder, watched.source)));
        self.woken.retain(|woken| *woken != feeder);
    }

    /// Rows of a feeder are in.
    pub(super) fn fed(&mut self, feeder: FeederId, now_ns: u64) {
        let source = match self.feeders.iter_mut().find(|watched| watched.feeder == feeder) {
            Some(watched) => {
                watched.heard_ns = now_ns;
                if std::mem::take(&mut watched.idle) {
                    self.woken.push(feeder);
                }
                watched.source
            }
            // It may have left since, and what it brought counts.
            None => match self.left.iter().find(|left| left.0 == feeder) {
                Some(left) => left.1,
                None => return,
            },
        };
        let watch = self.sources[source.index()].as_mut();
        let watch = watch.expect("a feeder is watched as long as its source is");
        (watch.heard_ns, watch.reached_ns) = (Some(now_ns), now_ns);
    }

    /// When something is due though nobody pushes.
    pub(super) fn due_at(&self) -> Option<u64> {
        let idle = self.feeders.iter().filter(|watched| !watched.idle).map(|watched| {
            let timeout_ns = self.watch(watched.source).timeout_ns;
            watched.heard_ns.saturating_add(timeout_ns)
        });
        let sources = (0..self.sources.len()).map(|source| SourceId(source as u16));
        let advance = sources.filter_map(|source| self.advance_at(source));
        let due = idle.chain(advance).min();
        if self.woken.is_empty() { due } else { Some(0) }
    }

    /// When event time of a source goes on with the clock; never while somebody feeds it.
    fn advance_at(&self, source: SourceId) -> Option<u64> {
        let watch = self.sources[source.index()].as_ref().filter(|watch| watch.advances)?;
        let mut mine = self.feeders.iter().filter(|watched| watched.source == source);
        let silent = mine.all(|watched| watched.idle) && !self.wakes(source);
        let idle_at = watch.heard_ns.filter(|_| silent)?.saturating_add(watch.timeout_ns);
        Some(idle_at.max(watch.reached_ns.saturating_add(ADVANCE_EVERY_NS)))
    }

    fn wakes(&self, source: SourceId) -> bool {
        let of = |watched: &Watched| watched.source == source;
        self.feeders.iter().any(|watched| of(watched) && self.woken.contains(&watched.feeder))
    }

    fn watch(&self, source: SourceId) -> &Watch {
        let watch = self.sources[source.index()].as_ref();
        watch.expect("a feeder is watched as long as its source is")
    }

    /// What goes out with the barrier that is to close.
    pub(super) fn take_orders(&mut self, now_ns: u64) -> Vec<Order> {
        let woken = std::mem::take(&mut self.woken);
        let mut orders: Vec<Order> =
            woken.into_iter().map(|feeder| Order::Wake { feeder }).collect();
        for at in 0..self.feeders.len() {
            let Watched { feeder, source, heard_ns, idle } = self.feeders[at];
            if !idle && heard_ns.saturating_add(self.watch(source).timeout_ns) <= now_ns {
                self.feeders[at].idle = true;
                orders.push(Order::Idle { feeder });
            }
        }
        for source in (0..self.sources.len()).map(|source| SourceId(source as u16)) {
            let due = self.advance_at(source).is_some_and(|at| at <= now_ns);
            if let Some(watch) = self.sources[source.index()].as_mut().filter(|_| due) {
                let reached_ns = std::mem::replace(&mut watch.reached_ns, now_ns);
                let by_us = i64::try_from((now_ns - reached_ns) / 1_000).unwrap_or(i64::MAX);
                orders.push(Order::Advance { source, by_us });
            }
        }
        orders
    }
}

#[cfg(test)]
mod tests {
    use sluicedb_sql::plan::{Idle, SourceTime};
    use sluicedb_sql::{DataType, Field, Schema};

    use super::*;
    use crate::core::morsel::ShapeId;

    const MS: u64 = 1_000_000;
    const SOURCE: SourceId = SourceId(0);

    /// A source whose feeders are idle after a second.
    fn idleness(advances: bool) -> Idleness {
        let idle = Some(Idle { timeout_us: 1_000_000, advances });
        let spec = SourceSpec {
            name: "s".into(),
            schema: Schema::new(vec![Field::not_null("ts", DataType::Timestamp)]).unwrap(),
            shape: ShapeId(0),
            key: vec![0],
            time: Some(SourceTime { idle, ..SourceTime::of(0, 0) }),
            tied: false,
            retained: None,
        };
        let mut idleness = Idleness::default();
        idleness.add(SOURCE, &spec);
        idleness
    }

    fn orders(idleness: &mut Idleness, now_ns: u64) -> String {
        let say = |order: Order| match order {
            Order::Idle { feeder } => format!("idle {feeder}"),
            Order::Wake { feeder } => format!("wake {feeder}"),
            Order::Advance { source, by_us } => format!("advance {source} {by_us}"),
            other => panic!("{other:?}"),
        };
        let orders: Vec<String> = idleness.take_orders(now_ns).into_iter().map(say).collect();
        orders.join(", ")
    }

    #[test]
    fn a_silent_feeder_is_idle_once_and_wakes_once() {
        let mut idleness = idleness(false);
        assert_eq!(idleness.due_at(), None, "nobody is there");
        idleness.attached(FeederId(3), SOURCE, 0);
        idleness.attached(FeederId(4), SOURCE, 500 * MS);
        assert_eq!(idleness.due_at(), Some(1_000 * MS));
        assert_eq!(orders(&mut idleness, 999 * MS), "");
        idleness.fed(FeederId(4), 900 * MS);
        assert_eq!(orders(&mut idleness, 1_000 * MS), "idle f3");
        assert_eq!(idleness.due_at(), Some(1_900 * MS), "it is waited for nobody else");
        idleness.fed(FeederId(3), 1_100 * MS);
        idleness.fed(FeederId(3), 1_200 * MS);
        assert_eq!(idleness.due_at(), Some(0), "it wakes with the next barrier");
        assert_eq!(orders(&mut idleness, 1_200 * MS), "wake f3");
        assert_eq!(orders(&mut idleness, 2_500 * MS), "idle f3, idle f4");
        assert_eq!(idleness.due_at(), None, "an idle database is silent");
    }

    #[test]
    fn who_has_left_or_feeds_another_source_is_not_watched() {
        let mut idleness = idleness(false);
        idleness.attached(FeederId(3), SOURCE, 0);
        idleness.attached(FeederId(5), SourceId(1), 0);
        idleness.leaves(FeederId(3));
        idleness.fed(FeederId(3), 10);
        assert_eq!(orders(&mut idleness, u64::MAX), "");
        idleness.attached(FeederId(3), SOURCE, 0);
        idleness.remove(SOURCE);
        assert_eq!((orders(&mut idleness, u64::MAX), idleness.due_at()), (String::new(), None));
    }

    #[test]
    fn event_time_goes_on_with_the_clock_from_the_last_rows_on_until_there_are_others() {
        let mut idleness = idleness(true);
        idleness.attached(FeederId(0), SOURCE, 0);
        assert_eq!(orders(&mut idleness, 1_000 * MS), "idle f0", "no time is known to go on from");
        idleness.fed(FeederId(0), 2_000 * MS);
        assert_eq!(orders(&mut idleness, 2_000 * MS), "wake f0");
        assert_eq!(orders(&mut idleness, 3_000 * MS), "idle f0, advance src0 1000000");
        assert_eq!(idleness.due_at(), Some(3_100 * MS));
        assert_eq!(orders(&mut idleness, 4_100 * MS), "advance src0 1100000");
        idleness.fed(FeederId(0), 4_200 * MS);
        assert_eq!(orders(&mut idleness, 5_150 * MS), "wake f0");
        idleness.leaves(FeederId(0));
        assert_eq!(orders(&mut idleness, 5_200 * MS), "advance src0 1000000", "nobody is there");
    }

    #[test]
    fn what_a_feeder_brought_before_it_left_counts_though_it_is_told_afterwards() {
        let mut idleness = idleness(true);
        idleness.attached(FeederId(0), SOURCE, 0);
        idleness.leaves(FeederId(0));
        assert_eq!(orders(&mut idleness, 2_000 * MS), "", "no time is known to go on from");
        idleness.fed(FeederId(0), 2_000 * MS);
        assert_eq!(idleness.due_at(), Some(3_000 * MS));
        assert_eq!(orders(&mut idleness, 3_000 * MS), "advance src0 1000000");
        idleness.remove(SOURCE);
        idleness.fed(FeederId(0), 4_000 * MS);
        assert_eq!(idleness.due_at(), None);
    }
}

//! Which feeders there are, and which of them come or go with the next barrier.
//!
//! Invariant: a feeder comes or goes at the end of the same epoch on every shard, so all shards
//! attach it with the same watermark.

use std::sync::Arc;

use crate::core::effect::{CoordinatorEffect, FeederMark, Order, ProducerMark};
use crate::core::feeder::Progress;
use crate::core::ids::{Epoch, FeederId, SourceId};
use crate::core::limits::FEEDERS_MAX;

/// The feeders of a database.
#[derive(Debug)]
pub(super) struct Roster {
    feeders: Vec<Known>,
    /// What goes out with the next barrier.
    asked: Vec<Order>,
    /// What went out with the barrier that is closing.
    under_way: Vec<Change>,
    /// Feeders below this are known to shards, or will be at the end of the epoch that is closing.
    told: usize,
}

#[derive(Debug)]
struct Known {
    /// What it feeds; none for one that has never pushed.
    source: Option<SourceId>,
    /// The name of the producer that it belongs to.
    producer: Option<Arc<str>>,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Detached,
    /// It comes or goes.
    Changing,
    Attached,
}

#[derive(Debug)]
enum Change {
    /// How far it had come, over the shards that have told.
    Attach {
        feeder: FeederId,
        mark: Option<FeederMark>,
        told: u16,
    },
    Detach {
        feeder: FeederId,
    },
}

impl Roster {
    /// All feeders that recovery found, detached.
    pub(super) fn new(marks: &[FeederMark], producers: &[ProducerMark]) -> Roster {
        let known = |mark: &FeederMark| Known {
            source: (mark.sequence > 0).then_some(mark.source),
            producer: None,
            state: State::Detached,
        };
        let mut feeders: Vec<Known> = marks.iter().map(known).collect();
        for ProducerMark { feeder, source, name } in producers {
            let known = &mut feeders[feeder.index()];
            (known.source, known.producer) = (Some(*source), Some(Arc::clone(name)));
        }
        Roster { feeders, asked: Vec::new(), under_way: Vec::new(), told: marks.len() }
    }

    /// A producer wants to feed a source.
    pub(super) fn attach(
        &mut self,
        feeder: FeederId,
        source: SourceId,
        producer: Option<Arc<str>>,
    ) {
        if feeder.index() == self.feeders.len() {
            assert!(feeder.index() < FEEDERS_MAX, "{feeder}: there are too many feeders");
            let (source, producer) = (None, None);
            self.feeders.push(Known { source, producer, state: State::Detached });
        }
        let count = self.feeders.len();
        let Some(known) = self.feeders.get_mut(feeder.index()) else {
            panic!("{feeder} is attached as a fresh one, and there are {count}")
        };
        assert_eq!(known.state, State::Detached, "{feeder} is attached");
        let before = *known.source.get_or_insert(source);
        assert_eq!(before, source, "{feeder} has fed another source");
        assert!(known.producer.is_none() || known.producer == producer, "{feeder} is not its own");
        known.producer = producer;
        known.state = State::Changing;
        self.asked.push(Order::Attach { feeder, source });
    }

    /// The producer of an attached feeder is gone.
    pub(super) fn detach(&mut self, feeder: FeederId) {
        let known = &mut self.feeders[feeder.index()];
        assert_eq!(known.state, State::Attached, "{feeder} is detached");
        known.state = State::Changing;
        self.asked.push(Order::Detach { feeder });
    }

    /// The name of a feeder's producer is given up.
    pub(super) fn disown(&mut self, feeder: FeederId) {
        let known = &mut self.feeders[feeder.index()];
        assert_eq!(known.state, State::Detached, "{feeder} is disowned");
        known.producer = None;
    }

    /// Sources are gone: who fed them may feed another one once it is detached.
    pub(super) fn forget(&mut self, sources: &[SourceId]) {
        for known in &mut self.feeders {
            if known.source.is_some_and(|source| sources.contains(&source)) {
                (known.source, known.producer) = (None, None);
            }
        }
    }

    /// The feeders that belong to producers with names, and that shards know.
    pub(super) fn producers(&self) -> Vec<ProducerMark> {
        let named = |(at, known): (usize, &Known)| {
            let (source, name) = (known.source?, known.producer.clone()?);
            Some(ProducerMark { feeder: FeederId(at as u32), source, name })
        };
        self.feeders[..self.told].iter().enumerate().filter_map(named).collect()
    }

    /// Whether a feeder waits for a barrier to come or go.
    pub(super) fn wants(&self) -> bool {
        !self.asked.is_empty()
    }

    /// What goes out with the barrier that is to close.
    pub(super) fn take_orders(&mut self) -> Vec<Order> {
        assert!(self.under_way.is_empty(), "a barrier closes after the one before has passed");
        let orders = std::mem::take(&mut self.asked);
        self.told = self.feeders.len();
        let change = |order: &Order| match *order {
            Order::Attach { feeder, .. } => Change::Attach { feeder, mark: None, told: 0 },
            Order::Detach { feeder } => Change::Detach { feeder },
            _ => unreachable!("only feeders that come or go are asked for here"),
        };
        self.under_way = orders.iter().map(change).collect();
        orders
    }

    /// A shard has attached a feeder.
    pub(super) fn told(&mut self, shard: FeederMark) {
        let mine = |change: &&mut Change| matches!(change, Change::Attach { feeder, .. } if *feeder == shard.feeder);
        let Some(Change::Attach { mark, told, .. }) = self.under_way.iter_mut().find(mine) else {
            panic!("{} is attached and nobody asked", shard.feeder)
        };
        *told += 1;
        let merged = mark.get_or_insert(shard);
        assert_eq!(merged.watermark, shard.watermark, "shards attach {} apart", shard.feeder);
        merged.reach(&shard);
    }

    /// All shards have passed the barrier of `epoch`; returns who counts from there on, and for which
    /// source.
    pub(super) fn passed(
        &mut self,
        epoch: Epoch,
        shards: u16,
        effects: &mut Vec<CoordinatorEffect>,
    ) -> Vec<(FeederId, SourceId)> {
        let mut come = Vec::new();
        for change in std::mem::take(&mut self.under_way) {
            let (feeder, state, effect) = match change {
                Change::Attach { feeder, mark, told } => {
                    assert_eq!(told, shards, "a shard passed {epoch} without {feeder}");
                    let mark = mark.expect("told by all shards");
                    let progress = Progress { epoch, ..mark.progress() };
                    come.push((feeder, mark.source));
                    let position = mark.position;
                    let effect = CoordinatorEffect::Attached { feeder, progress, position };
                    (feeder, State::Attached, effect)
                }
                Change::Detach { feeder } => {
                    (feeder, State::Detached, CoordinatorEffect::Detached { feeder })
                }
            };
            self.feeders[feeder.index()].state = state;
            effects.push(effect);
        }
        come
    }
}

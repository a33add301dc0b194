//! What can be done at a turn, and which of it is.

use sluicedb::core::feeder::FEEDER_IDLE;
use sluicedb::core::ids::FeederId;

use super::life::{Look, Seat, Stand};
use super::{Phase, World};
use crate::options::Weights;
use crate::prng::Prng;

/// One thing that can be done; numbers are places in the tables of the life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Action {
    /// A shard takes frames off a lane.
    Frame { lane: usize },
    /// A shard takes the oldest frame off a feeder's lane.
    Fed { feeder: usize, shard: usize },
    /// A shard reads what it needs to know that a feeder is quiet: one read at a time.
    Look { feeder: usize, shard: usize },
    /// A shard hears of free places on a lane.
    Room { lane: usize },
    /// A shard works.
    Work { shard: usize },
    /// A disk operation is carried out or completed.
    Disk { at: usize },
    /// A shard takes an order.
    Order { shard: usize },
    /// The coordinator takes a report.
    Report { shard: usize },
    /// A shard looks at the clock.
    ShardClock { shard: usize },
    /// The coordinator looks at the clock.
    CoordinatorClock,
    /// A feeder does the next step of its push.
    Feeder { feeder: usize },
    /// A feeder starts to push a statement.
    Push { feeder: usize },
    /// A feeder comes.
    Attach { feeder: usize },
    /// A feeder goes.
    Detach { feeder: usize },
    /// Time passes until somebody waits for it.
    Time { until_ns: u64 },
    /// Somebody asks for a barrier.
    Want,
    /// A relation comes or goes.
    Install,
    /// The reader reads some rows of the frozen state.
    Read,
    /// A sink has made safe what it had.
    Sink { at: usize },
}

const KINDS: usize = 9;

/// What can be done, by kind.
#[derive(Default)]
pub(super) struct Menu {
    kinds: [Vec<Action>; KINDS],
}

impl Menu {
    /// Whether nothing can be done.
    pub(super) fn is_empty(&self) -> bool {
        self.kinds.iter().all(Vec::is_empty)
    }

    fn clear(&mut self) {
        self.kinds.iter_mut().for_each(Vec::clear);
    }

    fn offer(&mut self, action: Action) {
        let kind = match action {
            Action::Frame { .. }
            | Action::Fed { .. }
            | Action::Look { .. }
            | Action::Room { .. } => 0,
            Action::Work { .. } => 1,
            Action::Disk { .. } => 2,
            Action::Order { .. }
            | Action::Report { .. }
            | Action::ShardClock { .. }
            | Action::CoordinatorClock
            | Action::Sink { .. } => 3,
            Action::Feeder { .. } => 4,
            Action::Push { .. } | Action::Attach { .. } | Action::Detach { .. } => 5,
            Action::Time { .. } => 6,
            Action::Want | Action::Install => 7,
            Action::Read => 8,
        };
        self.kinds[kind].push(action);
    }

    /// One of them, a kind by its weight.
    pub(super) fn choose(&self, weights: &Weights, prng: &mut Prng) -> Option<Action> {
        let Weights { lanes, work, disk, control, feeders, push, time, wants, reads } = *weights;
        let weights = [lanes, work, disk, control, feeders, push, time, wants, reads];
        let offered = || self.kinds.iter().zip(weights).filter(|(kind, _)| !kind.is_empty());
        let total: usize = offered().map(|(_, weight)| weight).sum();
        if total == 0 {
            return None;
        }
        let mut at = prng.below(total);
        for (kind, weight) in offered() {
            if at < weight {
                return Some(*prng.pick(kind));
            }
            at -= weight;
        }
        unreachable!("the draw is below the sum of the weights")
    }
}

impl World {
    /// Everything that can be done at this turn.
    pub(super) fn list(&self, mut menu: Menu) -> Menu {
        menu.clear();
        self.disk.ready(self.turn).for_each(|at| menu.offer(Action::Disk { at }));
        for (shard, seat) in self.life.seats.iter().enumerate() {
            if !seat.reports.is_empty() {
                menu.offer(Action::Report { shard });
            }
            if seat.paused_until <= self.turn {
                self.list_shard(shard, seat, &mut menu);
            }
        }
        self.list_lanes(&mut menu);
        self.list_feeders(&mut menu);
        self.list_coordinator(&mut menu);
        menu
    }

    fn list_shard(&self, shard: usize, seat: &Seat, menu: &mut Menu) {
        if seat.hungry {
            menu.offer(Action::Work { shard });
        }
        if !seat.orders.is_empty() {
            menu.offer(Action::Order { shard });
        }
        let due = seat.shard.wake_at().is_some_and(|at| at <= self.now_ns);
        if due && seat.clock_ns < self.now_ns {
            menu.offer(Action::ShardClock { shard });
        }
        for (feeder, mouth) in self.life.mouths.iter().enumerate() {
            let id = FeederId(feeder as u32);
            if !mouth.lanes[shard].is_empty() && seat.shard.accepts_feeder(id) {
                menu.offer(Action::Fed { feeder, shard });
            }
            if seat.shard.asks(id) {
                // A feeder that is not quiet is looked at too, but not again and again.
                let idle = mouth.word == FEEDER_IDLE || mouth.word >= self.life.open.0;
                let tells = idle && mouth.lanes[shard].is_empty();
                let under_way = seat.looks[feeder] != Look::Away;
                if tells || under_way || self.turn.is_multiple_of(64) {
                    menu.offer(Action::Look { feeder, shard });
                }
            }
        }
    }

    fn list_lanes(&self, menu: &mut Menu) {
        for (at, lane) in self.life.lanes.iter().enumerate() {
            let reader = &self.life.seats[lane.id.to.index()];
            let shown = reader.paused_until <= self.turn && !self.hidden.contains(&lane.id);
            if !lane.lane.is_empty() && shown && reader.shard.accepts(lane.id) {
                menu.offer(Action::Frame { lane: at });
            }
            let writer = &self.life.seats[lane.id.from.index()];
            let sends = writer.shard.sends(lane.id);
            if lane.lane.has_news() && sends && writer.paused_until <= self.turn {
                menu.offer(Action::Room { lane: at });
            }
        }
    }

    fn list_feeders(&self, menu: &mut Menu) {
        for (feeder, mouth) in self.life.mouths.iter().enumerate() {
            if !mouth.feeder.rests() {
                menu.offer(Action::Feeder { feeder });
                continue;
            }
            if self.life.poison.is_some() || self.phase == Phase::Drain {
                continue;
            }
            let due = mouth.change_at <= self.turn;
            match mouth.stand {
                // In the end all must come; a fresh one has the number after the last.
                Stand::Away if (due || !self.is_rough()) && feeder <= self.life.known => {
                    menu.offer(Action::Attach { feeder });
                }
                Stand::There if due && self.is_rough() => menu.offer(Action::Detach { feeder }),
                Stand::There
                    if mouth.retry <= self.turn
                        && self.producers[feeder].next().is_some()
                        && !self.reshaping.rests() =>
                {
                    menu.offer(Action::Push { feeder });
                }
                _ => {}
            }
        }
    }

    fn list_coordinator(&self, menu: &mut Menu) {
        self.sinks_due().for_each(|at| menu.offer(Action::Sink { at }));
        if self.life.reading.is_some() {
            menu.offer(Action::Read);
        }
        let due = self.coordinator().wake_at().is_some_and(|at| at <= self.now_ns);
        if due && self.life.coordinator_ns < self.now_ns {
            menu.offer(Action::CoordinatorClock);
        }
        if self.phase == Phase::Drain {
            return;
        }
        if self.life.ready && self.life.poison.is_none() && self.life.wants_after <= self.turn {
            menu.offer(Action::Want);
        }
        if self.may_install() {
            menu.offer(Action::Install);
        }
        let shards = self.life.seats.iter().filter_map(|seat| seat.shard.wake_at());
        let wakes = shards.chain(self.coordinator().wake_at());
        if let Some(until_ns) = wakes.filter(|at| *at > self.now_ns).min() {
            menu.offer(Action::Time { until_ns });
        }
    }
}

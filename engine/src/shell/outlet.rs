//! Where the deltas of a view leave a shard: a callback on its turn, or a lane to a subscriber.

use std::collections::VecDeque;
use std::sync::Arc;

use super::lane::Sender;
use super::sync::{AtomicU64, Ordering};
use crate::core::graph::Change;
use crate::core::ids::{Epoch, ShardId, ViewId};
use crate::core::morsel::{Morsel, Pool};

/// Deltas on their way to a subscriber.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) epoch: Epoch,
    pub(crate) shard: ShardId,
    /// None is the mark of a checkpoint: all of the epoch came before it, and nothing behind the epoch.
    pub(crate) morsel: Option<Morsel>,
}

impl Delivery {
    fn rows(&self) -> usize {
        self.morsel.as_ref().map_or(0, Morsel::rows)
    }

    fn drop_into(self, pool: &mut Pool) {
        self.morsel.into_iter().for_each(|morsel| pool.put(morsel));
    }
}

/// What happens to a subscriber that does not keep up.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Overflow {
    /// It is disconnected, and told so. The engine goes on.
    #[default]
    Disconnect,
    /// What it has no room for is left out and counted. The engine goes on.
    Skip,
    /// The engine waits for it, and so do all who push.
    Block,
}

/// What a subscriber missed.
#[derive(Debug, Default)]
pub(crate) struct Gap {
    /// Deltas that were left out.
    skipped: AtomicU64,
    /// Shards that disconnected it.
    cut: AtomicU64,
}

impl Gap {
    /// Deltas that were left out so far.
    pub(crate) fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }

    /// Whether it was disconnected. Whoever sees that sees what it missed, and what it was given.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire) > 0
    }
}

/// A callback that goes to the thread of a shard: epoch and deltas.
pub(crate) type Call = Box<dyn FnMut(Epoch, &Morsel) + Send>;

/// A callback that stays on the thread of whoever turns the database.
pub(crate) type LocalCall = Box<dyn FnMut(Epoch, &Morsel)>;

/// The callbacks of a shard.
pub(crate) trait Callback: FnMut(Epoch, &Morsel) {
    /// One that came from anywhere.
    fn of(call: Call) -> Self;
}

impl Callback for Call {
    fn of(call: Call) -> Call {
        call
    }
}

impl Callback for LocalCall {
    fn of(call: Call) -> LocalCall {
        call
    }
}

/// A lane to a subscriber.
pub(crate) struct LaneOut {
    lane: Sender<Delivery>,
    overflow: Overflow,
    gap: Arc<Gap>,
    /// What waits for room, in order, where the engine waits for the subscriber.
    held: VecDeque<Delivery>,
    /// Whether it leads nowhere any more.
    cut: bool,
    /// Whether it leads to a sink that writes in step with checkpoints.
    marked: bool,
}

impl LaneOut {
    pub(crate) fn new(lane: Sender<Delivery>, overflow: Overflow, gap: Arc<Gap>) -> LaneOut {
        LaneOut { lane, overflow, gap, held: VecDeque::new(), cut: false, marked: false }
    }

    /// The same, with the marks of checkpoints on it.
    pub(crate) fn with_marks(self) -> LaneOut {
        LaneOut { marked: true, ..self }
    }

    /// Hands deltas on, or does with them what the subscriber chose.
    fn pass(&mut self, delivery: Delivery, pool: &mut Pool) {
        // Where one shard has cut the subscriber off, the others do too: what it is given ends.
        self.cut |= self.lane.is_abandoned() || self.gap.is_cut();
        if !self.cut && self.held.is_empty() && self.lane.has_room(1) {
            self.send(delivery, pool);
            return;
        }
        if !self.cut && self.overflow == Overflow::Block {
            self.held.push_back(delivery);
            return;
        }
        self.gap.skipped.fetch_add(delivery.rows() as u64, Ordering::Relaxed);
        if self.overflow == Overflow::Disconnect {
            self.cut = true;
            self.gap.cut.fetch_add(1, Ordering::Release);
            // It may have taken the last there was and gone to sleep.
            self.lane.ring();
        }
        delivery.drop_into(pool);
    }

    fn send(&mut self, delivery: Delivery, pool: &mut Pool) {
        self.lane.send(delivery);
        self.lane.ring();
        while let Some(spare) = self.lane.returned() {
            pool.put(spare);
        }
    }

    /// Hands on what waits, as far as there is room. Returns whether some still waits.
    fn retry(&mut self, pool: &mut Pool) -> bool {
        self.cut |= self.lane.is_abandoned();
        while let Some(delivery) = self.held.pop_front() {
            if self.cut {
                delivery.drop_into(pool);
            } else if self.lane.has_room(1) {
                self.send(delivery, pool);
            } else {
                self.held.push_front(delivery);
                return true;
            }
        }
        false
    }
}

/// One way out of a view on one shard.
pub(crate) enum Outlet {
    Call(Call),
    Lane(LaneOut),
}

/// The ways out of one view.
struct Exits<C> {
    calls: Vec<C>,
    lanes: Vec<LaneOut>,
}

/// All ways out of one shard.
pub(crate) struct Outlets<C = Call> {
    /// By view.
    views: Vec<Exits<C>>,
    /// Of views that are gone, while something waits on them for whoever takes all.
    leaving: Vec<LaneOut>,
    /// Whether deltas wait for a subscriber that the engine waits for.
    stuck: bool,
}

impl<C> Default for Exits<C> {
    fn default() -> Exits<C> {
        Exits { calls: Vec::new(), lanes: Vec::new() }
    }
}

impl<C: Callback> Outlets<C> {
    pub(crate) fn new(views: usize) -> Outlets<C> {
        let views = (0..views).map(|_| Exits::default()).collect();
        Outlets { views, leaving: Vec::new(), stuck: false }
    }

    /// Has a function called with the deltas of a view.
    pub(crate) fn add_call(&mut self, view: ViewId, call: C) {
        self.views[view.index()].calls.push(call);
    }

    /// The graph has become another one: closes the ways out of what is gone. Whoever they lead to
    /// hears of it, and ids may be used again.
    pub(crate) fn change(&mut self, change: &Change) {
        let views = self.views.len().max(change.graph.views.len());
        self.views.resize_with(views, Exits::default);
        for view in &change.views_gone {
            let Exits { calls: _, lanes } = std::mem::take(&mut self.views[view.index()]);
            self.leaving.extend(lanes.into_iter().filter(|lane| !lane.held.is_empty()));
        }
    }

    /// Closes the ways out of views that were given up. Whoever they lead to has heard why.
    pub(crate) fn stop(&mut self, views: &[ViewId]) {
        for view in views {
            // One that is gone by now has none.
            let Some(exits) = self.views.get_mut(view.index()) else { continue };
            let Exits { calls: _, lanes } = std::mem::take(exits);
            self.leaving.extend(lanes.into_iter().filter(|lane| !lane.held.is_empty()));
        }
    }

    /// Puts the mark of a checkpoint on the lanes of a view that want it.
    pub(crate) fn mark(&mut self, view: ViewId, epoch: Epoch, shard: ShardId, pool: &mut Pool) {
        let lanes = self.views[view.index()].lanes.iter_mut();
        for lane in lanes.filter(|lane| lane.marked) {
            lane.pass(Delivery { epoch, shard, morsel: None }, pool);
            self.stuck |= !lane.held.is_empty();
        }
    }

    /// Adds a way out of a view.
    pub(crate) fn add(&mut self, view: ViewId, outlet: Outlet) {
        let exits = &mut self.views[view.index()];
        match outlet {
            Outlet::Call(call) => exits.calls.push(C::of(call)),
            Outlet::Lane(lane) => {
                // Subscribers that left are seen when another one comes, if no row came before.
                exits.lanes.retain(|lane| !lane.lane.is_abandoned());
                exits.lanes.push(lane);
            }
        }
    }

    /// Whether a subscriber holds the shard up.
    #[inline]
    pub(crate) fn is_stuck(&self) -> bool {
        self.stuck
    }

    /// Tries again to hand on what waits.
    pub(crate) fn retry(&mut self, pool: &mut Pool) {
        self.stuck = false;
        for lane in self.views.iter_mut().flat_map(|exits| &mut exits.lanes) {
            self.stuck |= lane.retry(pool);
        }
        self.leaving.retain_mut(|lane| lane.retry(pool));
        self.stuck |= !self.leaving.is_empty();
    }

    /// Hands deltas of a view to all who want them.
    #[inline]
    pub(crate) fn publish(
        &mut self,
        view: ViewId,
        (epoch, shard): (Epoch, ShardId),
        morsel: Morsel,
        pool: &mut Pool,
    ) {
        let exits = &mut self.views[view.index()];
        exits.calls.iter_mut().for_each(|call| call(epoch, &morsel));
        let lanes = exits.lanes.len();
        let mut all = Some(morsel);
        for (at, lane) in exits.lanes.iter_mut().enumerate() {
            // The last one gets the deltas themselves.
            let own = if at + 1 == lanes { all.take() } else { None };
            let morsel = own
                .unwrap_or_else(|| pool.copy(all.as_ref().expect("taken by the last lane only")));
            lane.pass(Delivery { epoch, shard, morsel: Some(morsel) }, pool);
            self.stuck |= !lane.held.is_empty();
        }
        if let Some(morsel) = all {
            pool.put(morsel);
        }
        if exits.lanes.iter().any(|lane| lane.cut) {
            exits.lanes.retain(|lane| !lane.cut);
        }
    }
}

#[cfg(test)]
mod tests {
    use sluicedb_sql::DataType;

    use super::super::bell::Bell;
    use super::super::lane::{Receiver, lane};
    use super::*;
    use crate::core::morsel::{Shape, ShapeId};

    const VIEW: ViewId = ViewId(0);

    struct Bench {
        outlets: Outlets,
        pool: Pool,
        bell: Arc<Bell>,
        gap: Arc<Gap>,
        taker: Receiver<Delivery>,
    }

    impl Bench {
        fn new(overflow: Overflow) -> Bench {
            let (bell, gap) = (Arc::new(Bell::new()), Arc::new(Gap::default()));
            let (sender, taker) = lane(1, &bell);
            let mut outlets: Outlets = Outlets::new(1);
            outlets.add(VIEW, Outlet::Lane(LaneOut::new(sender, overflow, Arc::clone(&gap))));
            let pool = Pool::new(&[Shape(vec![DataType::BigInt].into())]);
            Bench { outlets, pool, bell, gap, taker }
        }

        /// Publishes a row in an epoch, by which it is known again.
        fn publish(&mut self, epoch: u64) {
            let mut morsel = self.pool.take(ShapeId(0));
            morsel.columns[0].push_i64(0);
            morsel.set_rows(1);
            let from = (Epoch(epoch), ShardId(0));
            self.outlets.publish(VIEW, from, morsel, &mut self.pool);
        }

        fn take(&mut self) -> Option<u64> {
            self.taker.take().map(|delivery| delivery.epoch.0)
        }
    }

    #[test]
    fn what_waits_for_room_is_not_overtaken() {
        let mut bench = Bench::new(Overflow::Block);
        bench.publish(1);
        bench.publish(2);
        bench.publish(3);
        assert!(bench.outlets.is_stuck());
        assert_eq!(bench.take(), Some(1));
        bench.publish(4);
        let mut taken = Vec::new();
        while bench.outlets.is_stuck() {
            bench.outlets.retry(&mut bench.pool);
            taken.extend(bench.take());
        }
        taken.extend(bench.take());
        assert_eq!(taken, [2, 3, 4]);
    }

    #[test]
    fn a_subscriber_that_is_cut_while_it_sleeps_is_rung_and_finds_how_much_it_missed() {
        let mut bench = Bench::new(Overflow::Disconnect);
        bench.publish(1);
        // It has seen no cut when it goes to sleep.
        bench.bell.arm();
        bench.publish(2);
        bench.bell.sleep(None);
        assert!(bench.gap.is_cut());
        assert_eq!((bench.gap.skipped(), bench.take()), (1, Some(1)));
        assert!(bench.taker.is_abandoned(), "the lane ends with the cut");
    }

    #[test]
    fn a_subscriber_that_sleeps_is_rung_when_its_shard_ends() {
        let Bench { outlets, bell, taker, .. } = Bench::new(Overflow::Block);
        bell.arm();
        drop(outlets);
        bell.sleep(None);
        assert!(taker.is_abandoned());
    }
}

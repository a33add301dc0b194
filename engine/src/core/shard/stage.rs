//! The operators between two exchanges, and the order in which they run.
//!
//! Invariants:
//! - Frames wait in one queue; the next is taken only when every operator is idle. So while an
//!   operator owes rows its stage goes no further, and barriers and watermarks stay behind them.
//! - Operators are in topological order, and the deepest busy one runs first: an operator that is
//!   given an item is always idle.
//! - A barrier enters all outgoing lanes and freezes all zones in one step.
//! - Where the graph changes behind a barrier, the stage takes nothing more from where it is queued
//!   on, and works on nothing behind it, until it is renewed.

mod gather;
mod renew;

use std::collections::{BTreeSet, VecDeque};

use crate::core::arena::{Arena, FreezeKind, Freezes, ZoneId};
use crate::core::effect::Effect;
use crate::core::frame::{Barrier, Frame};
use crate::core::graph::{EntryKey, Kind, OperatorSpec, StageSpec, Target};
use crate::core::ids::{Epoch, LaneId, OperatorId, ShardId, SourceId, StageId, Time};
use crate::core::limits::STAGE_QUEUE_FRAMES;
use crate::core::morsel::{Morsel, Pool};
use crate::core::operator::{Context, Discard, Item, Lanes, Operator, Reading, Stop, Work};
use crate::core::watermark::Watermarks;

use super::build::Built;
use crate::core::align::Align;
pub(super) use gather::SourceRows;
pub(super) use renew::Renewal;

/// One stage on one shard.
pub(super) struct Stage {
    id: StageId,
    entries: Vec<Entry>,
    /// Incoming lanes from shards, sorted; none where feeders are the input.
    incoming: Vec<LaneId>,
    align: Option<Align>,
    operators: Vec<Node>,
    /// No operator from here on owes anything.
    busy_below: usize,
    queue: VecDeque<Queued>,
    /// Rows that have entered since the last barrier.
    entered: u64,
    /// Items on their way to an operator that is not idle, or was not when they were made.
    deliveries: Vec<(Target, Item)>,
    lanes: Lanes,
    epoch: Epoch,
    passing: Option<Barrier>,
    turnover: Turnover,
    /// The watermarks at the last barrier of a checkpoint: what arrives behind it moves them before
    /// it is passed.
    ended: Vec<Vec<Time>>,
}

/// How far the stage is on its way to another graph.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Turnover {
    /// None is ahead.
    None,
    /// It comes with the next barrier.
    Ahead,
    /// That barrier is queued, or being passed.
    Ending,
    /// It was passed.
    Ended,
}

/// Where an input enters the stage.
struct Entry {
    key: EntryKey,
    watermarks: Watermarks,
    outlet: Outlet,
    /// Rows that have entered.
    rows: u64,
}

/// Who is given what comes out somewhere.
struct Outlet {
    rows: Vec<Target>,
    /// Those of them that a watermark matters to.
    times: Vec<Target>,
}

struct Node {
    id: OperatorId,
    operator: Box<dyn Operator>,
    busy: bool,
    zone: ZoneId,
    outputs: Vec<Outlet>,
    tally: Tally,
    /// Whether what it puts out leaves the stage as effects.
    leaves: bool,
}

/// What an operator was given and has put out on this shard, counted item by item.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Tally {
    pub(super) rows_in: u64,
    pub(super) rows_out: u64,
    /// The last watermark that it was given.
    pub(super) watermark: Option<Time>,
}

enum Queued {
    Rows { entry: usize, morsel: Morsel },
    Watermark { entry: usize, time: Time },
    Barrier(Barrier),
}

/// What a stage needs from its shard to work.
pub(super) struct Resources<'a> {
    pub(super) arena: &'a mut Arena,
    pub(super) pool: &'a mut Pool,
    pub(super) fuel: &'a mut usize,
    pub(super) effects: &'a mut Vec<Effect>,
    pub(super) stop: &'a mut Option<Stop>,
}

/// What one move of a stage came to.
enum Move {
    Done,
    Stuck,
    Passed(Barrier),
}

impl Stage {
    pub(super) fn new(spec: &StageSpec, shard: ShardId, shards: u16, built: Built) -> Stage {
        let incoming = spec.incoming(shard, shards);
        let heeds = heeds_time(&spec.operators);
        let outlet = |targets: &Vec<Target>| Outlet::new(targets, &heeds);
        let entry = |key: &EntryKey, targets: &Vec<Target>| Entry {
            key: *key,
            watermarks: match key {
                EntryKey::Edge(_) => Watermarks::new(usize::from(shards)),
                // The watermark of a source is made where its feeders are.
                EntryKey::Source(_) => Watermarks::new(0),
            },
            outlet: outlet(targets),
            rows: 0,
        };
        let node = |((mut operator, zone), made): ((Box<dyn Operator>, _), &OperatorSpec)| {
            let outputs: Vec<Outlet> = made.outputs.iter().map(outlet).collect();
            if let Kind::View(_) | Kind::Retain(_) = made.kind {
                let passes_on = outputs.iter().any(|outlet| !outlet.rows.is_empty());
                operator.read(Reading { passes_on, owed: None, mark: None });
            }
            Node {
                id: made.id,
                operator,
                busy: false,
                zone,
                outputs,
                tally: Tally::default(),
                leaves: leaves(&made.kind),
            }
        };
        Stage {
            id: spec.id,
            entries: spec.entries.iter().map(|(key, targets)| entry(key, targets)).collect(),
            align: (!incoming.is_empty()).then(|| Align::new(incoming.len())),
            incoming,
            operators: built.operators.into_iter().zip(&spec.operators).map(node).collect(),
            busy_below: 0,
            queue: VecDeque::new(),
            entered: 0,
            deliveries: Vec::new(),
            lanes: Lanes::new(spec.outgoing(shard, shards).into_iter()),
            epoch: Epoch(0),
            passing: None,
            turnover: Turnover::None,
            ended: Vec::new(),
        }
    }

    /// Goes on in `epoch` with the watermarks a checkpoint left, entry by entry.
    pub(super) fn start(&mut self, epoch: Epoch, watermarks: Option<&[Vec<Time>]>) {
        assert!(self.epoch < epoch, "{epoch} after {}", self.epoch);
        self.epoch = epoch;
        let Some(watermarks) = watermarks else { return };
        assert_eq!(watermarks.len(), self.entries.len(), "a checkpoint knows every entry");
        for (entry, lanes) in self.entries.iter_mut().zip(watermarks) {
            assert_eq!(lanes.len(), entry.watermarks.lanes().len(), "a watermark for each lane");
            entry.watermarks = Watermarks::restore(lanes.clone());
        }
    }

    /// The watermark of each lane of each entry at the last barrier, which was one of a checkpoint.
    pub(super) fn take_watermarks(&mut self) -> Vec<Vec<Time>> {
        std::mem::take(&mut self.ended)
    }

    pub(super) fn create(&mut self, arena: &mut Arena) {
        for node in &mut self.operators {
            node.operator.create(arena);
            node.busy = true;
        }
        self.busy_below = self.operators.len();
    }

    /// Goes on in restored zones.
    pub(super) fn enter(&mut self, epoch: Epoch, arena: &mut Arena) {
        for node in &self.operators {
            if arena.has_zone(node.zone) && arena.epoch(node.zone) < epoch.0 {
                arena.barrier(node.zone, epoch.0 - 1, Freezes::NONE);
            }
        }
    }

    /// The stage is renewed behind the next barrier.
    pub(super) fn announce(&mut self) {
        assert_eq!(self.turnover, Turnover::None, "one change of the graph at a time");
        self.turnover = Turnover::Ahead;
    }

    /// Whether what comes is of a graph that the stage does not know yet.
    #[inline]
    fn turns(&self) -> bool {
        matches!(self.turnover, Turnover::Ending | Turnover::Ended)
    }

    fn lane(&self, lane: LaneId) -> usize {
        let found = self.incoming.binary_search(&lane);
        found.unwrap_or_else(|_| panic!("{lane} does not lead to stage {}", self.id))
    }

    /// Whether another frame of a shard may be queued.
    fn has_room(&self) -> bool {
        self.queue.len() < STAGE_QUEUE_FRAMES && self.idle()
    }

    /// Whether no operator owes anything.
    #[inline]
    fn idle(&self) -> bool {
        self.deliveries.is_empty()
            && self.operators[..self.busy_below].iter().all(|node| !node.busy)
    }

    /// Rows that have entered since this was asked last, which is at each barrier.
    pub(super) fn take_entered(&mut self) -> u64 {
        std::mem::take(&mut self.entered)
    }

    /// Puts nothing in the place of some operators, whatever they were in the middle of.
    pub(super) fn give_up(&mut self, operators: &BTreeSet<OperatorId>) {
        for node in self.operators.iter_mut().filter(|node| operators.contains(&node.id)) {
            node.operator = Box::new(Discard);
            node.busy = false;
        }
    }

    /// Has operators give up what they keep only as long as nobody else wants the memory.
    pub(super) fn shed(&mut self, arena: &mut Arena) {
        for node in &mut self.operators {
            let kinds = [FreezeKind::Read, FreezeKind::Checkpoint];
            let read = |kind| arena.has_joined(node.zone, kind);
            // What a freeze reads comes back only when that ends.
            if arena.has_zone(node.zone) && !kinds.into_iter().any(read) {
                node.operator.shed(arena);
            }
        }
    }

    /// What each operator was given and has put out.
    pub(super) fn tallies(&self) -> impl Iterator<Item = (OperatorId, Tally, &dyn Operator)> {
        self.operators.iter().map(|node| (node.id, node.tally, &*node.operator))
    }

    /// Rows of each source that have entered.
    pub(super) fn source_rows(&self) -> impl Iterator<Item = (SourceId, u64)> {
        self.entries.iter().filter_map(|entry| match entry.key {
            EntryKey::Source(source) => Some((source, entry.rows)),
            EntryKey::Edge(_) => None,
        })
    }

    /// Whether nothing at all waits in the stage.
    #[inline]
    pub(super) fn rests(&self) -> bool {
        self.queue.is_empty() && self.passing.is_none() && self.idle()
    }

    pub(super) fn accepts(&self, lane: LaneId) -> bool {
        // A lane of the graph to come is not known yet.
        let Ok(at) = self.incoming.binary_search(&lane) else { return false };
        self.has_room()
            && !self.turns()
            && self.align.as_ref().is_some_and(|align| align.accepts(at))
    }

    /// Whether the stage sends on a lane.
    pub(super) fn sends(&self, lane: LaneId) -> bool {
        self.lanes.knows(lane)
    }

    pub(super) fn set_room(&mut self, lane: LaneId, frames: u32) {
        self.lanes.set_room(lane, frames);
    }

    /// Takes a frame off a lane from a shard.
    pub(super) fn take(&mut self, lane: LaneId, frame: Frame) {
        assert!(self.accepts(lane), "{lane} delivered a frame that was not accepted");
        match frame {
            Frame::Rows { edge, morsel } => self.rows(EntryKey::Edge(edge), morsel),
            Frame::Watermark { edge, time } => {
                let entry = self.entry(EntryKey::Edge(edge));
                let moved = self.entries[entry].watermarks.advance(lane.from.index(), time);
                if let Some(time) = moved {
                    self.watermark(entry, time);
                }
            }
            Frame::Barrier(barrier) => {
                let at = self.lane(lane);
                let align = self.align.as_mut().expect("a stage with lanes aligns them");
                if let Some(barrier) = align.arrive(at, barrier) {
                    self.end(barrier);
                }
            }
        }
    }

    fn entry(&self, key: EntryKey) -> usize {
        let found = self.entries.iter().position(|entry| entry.key == key);
        found.unwrap_or_else(|| panic!("{key:?} does not enter stage {}", self.id))
    }

    /// Queues rows that came on a lane from a shard.
    fn rows(&mut self, key: EntryKey, morsel: Morsel) {
        let entry = self.entry(key);
        self.queue.push_back(Queued::Rows { entry, morsel });
    }

    fn watermark(&mut self, entry: usize, time: Time) {
        if !self.entries[entry].outlet.times.is_empty() {
            self.queue.push_back(Queued::Watermark { entry, time });
        }
    }

    /// Queues the end of the open epoch.
    pub(super) fn end(&mut self, barrier: Barrier) {
        if barrier.checkpoint {
            let entries = self.entries.iter();
            self.ended = entries.map(|entry| entry.watermarks.lanes().to_vec()).collect();
        }
        self.queue.push_back(Queued::Barrier(barrier));
        if self.turnover == Turnover::Ahead {
            self.turnover = Turnover::Ending;
        }
    }

    /// Works until it is done, stuck, has published something, or has passed a barrier, which it
    /// returns.
    pub(super) fn work(&mut self, resources: &mut Resources<'_>) -> Option<Barrier> {
        loop {
            match self.advance(resources) {
                Move::Done if matches!(resources.effects.last(), Some(Effect::Publish { .. })) => {
                    return None;
                }
                Move::Done => {}
                Move::Stuck => return None,
                Move::Passed(barrier) => return Some(barrier),
            }
        }
    }

    #[inline]
    fn advance(&mut self, resources: &mut Resources<'_>) -> Move {
        if let Some((target, _)) = self.deliveries.last()
            && !self.operators[target.operator].busy
        {
            let (target, item) = self.deliveries.pop().expect("the delivery that was looked at");
            self.hand(target, item, resources);
            return Move::Done;
        }
        let below = &self.operators[..self.busy_below];
        if let Some(deepest) = below.iter().rposition(|node| node.busy) {
            self.busy_below = deepest + 1;
            return self.run(deepest, resources);
        }
        self.busy_below = 0;
        if let Some(barrier) = self.passing {
            return self.pass(barrier, resources);
        }
        if *resources.fuel == 0 || self.turnover == Turnover::Ended {
            return Move::Stuck;
        }
        match self.queue.pop_front() {
            None => return Move::Stuck,
            Some(Queued::Rows { entry, morsel }) => {
                self.entries[entry].rows += morsel.rows() as u64;
                self.entered += morsel.rows() as u64;
                self.deliver(Origin::Entry(entry), Item::Rows(morsel), resources);
            }
            Some(Queued::Watermark { entry, time }) => {
                self.deliver(Origin::Entry(entry), Item::Watermark(time), resources);
            }
            Some(Queued::Barrier(barrier)) => {
                assert_eq!(barrier.epoch, self.epoch, "a barrier ends the open epoch");
                for node in &mut self.operators {
                    node.operator.barrier(barrier);
                    node.busy = true;
                }
                self.busy_below = self.operators.len();
                self.passing = Some(barrier);
            }
        }
        Move::Done
    }

    fn run(&mut self, at: usize, resources: &mut Resources<'_>) -> Move {
        let node = &mut self.operators[at];
        let before = resources.effects.len();
        let context = &mut context(resources, &mut self.lanes, self.epoch, node.zone);
        let work = node.operator.work(context);
        if node.leaves {
            node.tally.rows_out += rows_of(&resources.effects[before..]);
        }
        match work {
            Work::Idle => node.busy = false,
            Work::Emit(port, item) => {
                node.busy = !node.operator.rests();
                if let (false, Item::Rows(morsel)) = (node.leaves, &item) {
                    node.tally.rows_out += morsel.rows() as u64;
                }
                let origin = Origin::Operator { at, port: usize::from(port.0) };
                self.deliver(origin, item, resources);
            }
            Work::Yield => return Move::Stuck,
        }
        Move::Done
    }

    /// Sends an item on its way to every target of an output.
    #[inline(always)]
    fn deliver(&mut self, origin: Origin, item: Item, resources: &mut Resources<'_>) {
        if let &[only] = self.targets(origin, &item)
            && self.deliveries.is_empty()
            && !self.operators[only.operator].busy
        {
            return self.hand(only, item, resources);
        }
        self.deliver_to_all(origin, item, resources);
    }

    #[inline(always)]
    fn targets(&self, origin: Origin, item: &Item) -> &[Target] {
        let outlet = match origin {
            Origin::Entry(entry) => &self.entries[entry].outlet,
            Origin::Operator { at, port } => &self.operators[at].outputs[port],
        };
        match item {
            Item::Rows(_) => &outlet.rows,
            Item::Watermark(_) => &outlet.times,
        }
    }

    fn deliver_to_all(&mut self, origin: Origin, item: Item, resources: &mut Resources<'_>) {
        let start = self.deliveries.len();
        let mut deliveries = std::mem::take(&mut self.deliveries);
        let targets = self.targets(origin, &item);
        // The last target to be served gets the item itself; deliveries are taken from the end.
        let mut item = Some(item);
        for (left, &target) in targets.iter().enumerate() {
            let given = match item.as_ref().expect("taken by the first target only") {
                _ if left + 1 == targets.len() => item.take().expect("looked at above"),
                Item::Rows(morsel) => Item::Rows(resources.pool.copy(morsel)),
                Item::Watermark(time) => Item::Watermark(*time),
            };
            deliveries.push((target, given));
        }
        deliveries[start..].reverse();
        self.deliveries = deliveries;
        if let Some(Item::Rows(unwanted)) = item {
            resources.pool.put(unwanted);
        }
    }

    #[inline(always)]
    fn hand(&mut self, target: Target, item: Item, resources: &mut Resources<'_>) {
        let node = &mut self.operators[target.operator];
        match &item {
            Item::Rows(morsel) => node.tally.rows_in += morsel.rows() as u64,
            Item::Watermark(time) => node.tally.watermark = Some(*time),
        }
        let before = resources.effects.len();
        let context = &mut context(resources, &mut self.lanes, self.epoch, node.zone);
        assert!(!node.busy, "an operator was handed an item while it owes");
        node.operator.accept(target.port, item, context);
        if node.leaves {
            node.tally.rows_out += rows_of(&resources.effects[before..]);
        }
        if !node.operator.rests() {
            node.busy = true;
            self.busy_below = self.busy_below.max(target.operator + 1);
        }
    }

    fn pass(&mut self, barrier: Barrier, resources: &mut Resources<'_>) -> Move {
        if !self.lanes.all_have_room() {
            return Move::Stuck;
        }
        for lane in self.lanes.take_all() {
            resources.effects.push(Effect::Send { lane, frame: Frame::Barrier(barrier) });
        }
        let kinds = Freezes { read: barrier.read, checkpoint: barrier.checkpoint };
        for node in &self.operators {
            // One that was given up has none.
            if resources.arena.has_zone(node.zone) {
                resources.arena.barrier(node.zone, barrier.epoch.0, kinds);
            }
        }
        self.epoch = barrier.epoch.next();
        self.passing = None;
        if self.turnover == Turnover::Ending {
            self.turnover = Turnover::Ended;
        }
        Move::Passed(barrier)
    }
}

#[inline(always)]
fn context<'a>(
    resources: &'a mut Resources<'_>,
    lanes: &'a mut Lanes,
    epoch: Epoch,
    zone: ZoneId,
) -> Context<'a> {
    let Resources { arena, pool, fuel, effects, stop } = resources;
    Context { arena, pool, fuel, lanes, effects, epoch, zone, stop }
}

/// Whether an operator puts its rows out as effects: to subscribers, or to other shards.
fn leaves(kind: &Kind) -> bool {
    match kind {
        Kind::View(_) | Kind::Stream(_) | Kind::Exchange(_) => true,
        Kind::Map(_)
        | Kind::Aggregate(_)
        | Kind::Join(_)
        | Kind::Over(_)
        | Kind::Top(_)
        | Kind::Retain(_) => false,
    }
}

/// Rows that an operator has put out as effects.
#[inline]
fn rows_of(effects: &[Effect]) -> u64 {
    let rows = |effect: &Effect| match effect {
        Effect::Publish { morsel, .. } => morsel.rows() as u64,
        Effect::Send { frame: Frame::Rows { morsel, .. }, .. } => morsel.rows() as u64,
        _ => 0,
    };
    effects.iter().map(rows).sum()
}

/// By operator: whether a watermark matters to it, or to one that it passes watermarks on to.
fn heeds_time(operators: &[OperatorSpec]) -> Vec<bool> {
    let mut heeds = vec![false; operators.len()];
    for (at, operator) in operators.iter().enumerate().rev() {
        heeds[at] = match operator.kind {
            Kind::Aggregate(_) | Kind::Exchange(_) => true,
            // It tells those who come what the watermark was.
            Kind::Retain(ref options) if options.timed => true,
            // What keeps its rows does where others read it.
            Kind::Map(_) | Kind::View(_) | Kind::Retain(_) => {
                operator.outputs.iter().flatten().any(|to| heeds[to.operator])
            }
            // It frees rows by it, and tells those above if both of its inputs do.
            Kind::Join(ref options) => options.within.is_some(),
            Kind::Over(_) | Kind::Top(_) | Kind::Stream(_) => false,
        };
    }
    heeds
}

impl Outlet {
    fn new(targets: &[Target], heeds: &[bool]) -> Outlet {
        Outlet {
            rows: targets.to_vec(),
            times: targets.iter().copied().filter(|target| heeds[target.operator]).collect(),
        }
    }
}

/// Where an item comes from.
#[derive(Clone, Copy)]
enum Origin {
    Entry(usize),
    Operator { at: usize, port: usize },
}

#[cfg(test)]
mod tests;

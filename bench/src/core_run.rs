//! One shard of the engine's core on the calling thread: what its operators cost, without lanes,
//! disk or other cores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::subject::Recorder;
use crate::trades::{Tick, Trades};
use sluicedb::core::arena::Region;
use sluicedb::core::coordinator::Coordinator;
use sluicedb::core::effect::{CoordinatorEffect, CoordinatorInput, Effect, Input};
use sluicedb::core::feeder::{Feeder, FeederOptions, FeederStep};
use sluicedb::core::frame::FeederFrame;
use sluicedb::core::graph::{Graph, Route, lower};
use sluicedb::core::ids::{Epoch, FeederId, SourceId, ViewId};
use sluicedb::core::morsel::{Morsel, Pool};
use sluicedb::core::recovery::{DatabaseOptions, NoFiles, Opened, RecoverError, open};
use sluicedb::core::shard::Shard;
use sluicedb_sql::plan::Plan;
use sluicedb_sql::{Column, Value};

/// Blocks of 4 KiB for state, and for the copies that freezes need.
const ARENA_BLOCKS: u32 = 1 << 16;
const FUEL: usize = 1 << 20;

/// A database of one shard that is driven by its caller.
pub struct CoreRun {
    graph: Arc<Graph>,
    shard: Shard,
    coordinator: Coordinator,
    feeder: Feeder,
    open: Epoch,
    pool: Pool,
    effects: Vec<Effect>,
    orders: Vec<CoordinatorEffect>,
    /// Rows handed to subscribers.
    pub published: u64,
    /// Told when rows are handed to subscribers; their last column says when they were due.
    pub recorder: Option<Recorder>,
}

impl CoreRun {
    /// A database that runs the plan.
    pub fn new(plan: &Plan) -> Result<CoreRun, RecoverError> {
        let graph = Arc::new(lower(plan, Route::Aligned)?);
        let options = DatabaseOptions {
            shards: 1,
            feeders: vec![SourceId(0)],
            logged: vec![false],
            log: None,
            epoch_interval_ns: 1,
            checkpoint_interval_ns: 1,
            checkpoint_deltas_max: 1,
            checkpoint_writes_max: 1,
            seed: 0,
        };
        let memory = |_| (Region::heap(ARENA_BLOCKS), Region::heap(ARENA_BLOCKS));
        let Opened { mut shards, coordinator, feeders, .. } =
            open(&NoFiles, &graph, &options, memory)?;
        let source = &graph.sources[0];
        let feeder = FeederOptions {
            feeder: FeederId(0),
            source: SourceId(0),
            schema: source.schema.clone(),
            key: source.key.clone(),
            time: source.time.map(|time| (time.column, time.delay_us)),
            tied: source.tied,
            logged: false,
            shards: 1,
        };
        let mut run = CoreRun {
            pool: Pool::new(&graph.shapes),
            shard: shards.remove(0),
            coordinator,
            feeder: Feeder::new(feeder, feeders[0]),
            open: Epoch(0),
            effects: Vec::new(),
            orders: Vec::new(),
            published: 0,
            recorder: None,
            graph,
        };
        run.shard.launch(&mut run.effects);
        run.settle();
        Ok(run)
    }

    /// Batches of trades as the source takes them.
    pub fn batches(&mut self, trades: &Trades, names: &[String], batch: usize) -> Vec<Morsel> {
        let rows = trades.prices.len();
        let shape = self.graph.sources[0].shape;
        let fill = |start: usize| {
            let mut morsel = self.pool.take(shape);
            let end = rows.min(start + batch);
            for row in start..end {
                let [symbol, price, size, ts] = &mut morsel.columns[..] else {
                    panic!("trades have four columns")
                };
                symbol.push_text(&names[trades.symbols[row]]);
                price.push_i64(trades.prices[row]);
                size.push_i64(trades.sizes[row]);
                ts.push_i64(trades.times[row]);
            }
            morsel.set_rows(end - start);
            morsel
        };
        (0..rows).step_by(batch).map(fill).collect()
    }

    /// An empty morsel of the source.
    pub fn morsel(&mut self) -> Morsel {
        self.pool.take(self.graph.sources[0].shape)
    }

    /// Pushes one timed trade, by way of a morsel that the caller keeps for it.
    pub fn push_tick(&mut self, tick: Tick, name: &str, morsel: &mut Morsel) {
        morsel.clear();
        let [symbol, price, size, ts, sent] = &mut morsel.columns[..] else {
            panic!("timed trades have five columns")
        };
        symbol.push_text(name);
        price.push_i64(tick.price);
        size.push_i64(tick.size);
        ts.push_i64(tick.ts_us);
        sent.push_i64(tick.sent);
        morsel.set_rows(1);
        self.push(morsel);
    }

    /// Appends the rows with this key in the one view, as it is between two steps.
    pub fn find(&self, key: &[Value], out: &mut [Column], weights: &mut Vec<i64>) {
        self.shard.reader(ViewId(0)).find(self.shard.arena(), key, out, weights);
    }

    /// Pushes a batch and lets the shard work until it is done.
    pub fn push(&mut self, batch: &Morsel) {
        self.hand_in(batch);
        self.settle();
    }

    /// The same in turns of `fuel`. Returns how long the first rows took to come out, if any did,
    /// and how long all of it took.
    pub fn push_timed(&mut self, batch: &Morsel, fuel: usize) -> (Option<Duration>, Duration) {
        let start = Instant::now();
        self.hand_in(batch);
        let mut first = None;
        loop {
            let goes_on = self.shard.work(fuel, &mut self.effects);
            let is_published = |effect: &Effect| matches!(effect, Effect::Publish { .. });
            if first.is_none() && self.effects.iter().any(is_published) {
                first = Some(start.elapsed());
            }
            self.carry_out();
            if !goes_on {
                self.settle();
                return (first, start.elapsed());
            }
        }
    }

    fn hand_in(&mut self, batch: &Morsel) {
        let room = |_| 1;
        self.feeder.push(batch, self.open, room, self.shard.pool()).expect("the one lane has room");
        loop {
            match self.feeder.next_step() {
                FeederStep::ReadOpen => self.feeder.opened(self.open),
                FeederStep::Publish(_, frame) => {
                    self.shard.step(Input::Fed(frame), &mut self.effects);
                }
                FeederStep::StoreWord(_) | FeederStep::StoreProgress(_) => {}
                FeederStep::Rest => break,
            }
        }
    }

    /// Pushes batches as frames that the shard has not taken yet.
    pub fn frames(&mut self, batches: &[Morsel]) -> Vec<FeederFrame> {
        let mut frames = Vec::with_capacity(batches.len());
        for batch in batches {
            let room = |_| 1;
            self.feeder
                .push(batch, self.open, room, self.shard.pool())
                .expect("the one lane has room");
            loop {
                match self.feeder.next_step() {
                    FeederStep::ReadOpen => self.feeder.opened(self.open),
                    FeederStep::Publish(_, frame) => frames.push(frame),
                    FeederStep::StoreWord(_) | FeederStep::StoreProgress(_) => {}
                    FeederStep::Rest => break,
                }
            }
        }
        frames
    }

    /// Lets the shard take frames one by one, each until its result is published.
    pub fn take(&mut self, frames: Vec<FeederFrame>) {
        for frame in frames {
            self.shard.step(Input::Fed(frame), &mut self.effects);
            while self.shard.work(FUEL, &mut self.effects) {}
            self.carry_out();
        }
    }

    /// Ends the open epoch.
    pub fn end_epoch(&mut self) {
        let wanted = CoordinatorInput::Wanted { checkpoint: false, read: false };
        self.coordinator.step(wanted, &mut self.orders);
        self.settle();
    }

    /// Works until nothing is left to do.
    fn settle(&mut self) {
        loop {
            while self.shard.work(FUEL, &mut self.effects) {}
            if self.effects.is_empty() && self.orders.is_empty() {
                return;
            }
            self.carry_out();
        }
    }

    fn carry_out(&mut self) {
        let mut effects = std::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Publish { morsel, .. } => {
                    self.published += morsel.rows() as u64;
                    if let Some(recorder) = &mut self.recorder {
                        record(&morsel, recorder);
                    }
                    self.shard.pool().put(morsel);
                }
                Effect::Tell(report) => {
                    let report = CoordinatorInput::Report(self.shard.id(), report);
                    self.coordinator.step(report, &mut self.orders);
                }
                Effect::DeadLetters { morsel, .. } => self.shard.pool().put(morsel),
                Effect::Send { .. } | Effect::Disk(_) => panic!("one stage, and no disk"),
            }
        }
        assert!(self.effects.is_empty(), "nothing that is carried out here asks for more");
        self.effects = effects;
        for order in std::mem::take(&mut self.orders) {
            match order {
                CoordinatorEffect::Open(epoch) => self.open = epoch,
                CoordinatorEffect::Order(_, order) => {
                    self.shard.step(Input::Order(order), &mut self.effects);
                    if self.shard.asks(FeederId(0)) {
                        let quiet = Input::Quiet {
                            feeder: FeederId(0),
                            word: sluicedb::core::feeder::FEEDER_IDLE,
                            progress: *self.feeder.progress(),
                        };
                        self.shard.step(quiet, &mut self.effects);
                    }
                }
                _ => {}
            }
        }
    }
}

/// Rows that are taken back are not answers.
fn record(morsel: &Morsel, recorder: &mut Recorder) {
    let sent = morsel.columns.last().expect("a view has columns").i64s();
    for (row, &due_ns) in sent.iter().enumerate() {
        if morsel.weight(row) > 0 {
            recorder.arrived(due_ns as u64);
        }
    }
}

//! One shard of the engine's core on the calling thread: what its operators cost, without lanes,
//! disk or other cores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::subject::Recorder;
use crate::trades::{Tick, Trades};
use sluicedb::core::arena::Region;
use sluicedb::core::coordinator::Coordinator;
use sluicedb::core::effect::{CoordinatorEffect, CoordinatorInput, Effect, Input};
use sluicedb::core::feeder::{Cells, FEEDER_IDLE, Feeder, FeederOptions, Outlet, Progress};
use sluicedb::core::frame::Fed;
use sluicedb::core::graph::{Graph, Route, lower};
use sluicedb::core::ids::{Epoch, FeederId, ShardId, SourceId, ViewId};
use sluicedb::core::morsel::{Morsel, Pool};
use sluicedb::core::recovery::{DatabaseOptions, NoFiles, Opened, RecoverError, open};
use sluicedb::core::shard::Shard;
use sluicedb_sql::plan::Plan;
use sluicedb_sql::{Column, Value};

/// Blocks of 4 KiB for state, and for the copies that freezes need.
const ARENA_BLOCKS: u32 = 1 << 16;
/// Rows between two turns of the shard, where rows are pushed one by one.
pub const RING_ROWS: usize = 64;
const FUEL: usize = 1 << 20;

/// A database of one shard that is driven by its caller.
pub struct CoreRun {
    graph: Arc<Graph>,
    shard: Shard,
    coordinator: Coordinator,
    feeder: Feeder,
    attached: bool,
    open: Epoch,
    /// The lane from the feeder.
    ring: Vec<Fed>,
    /// Of the producer.
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
            logged: vec![false],
            log: None,
            epoch_interval_ns: 1,
            checkpoint_interval_ns: 1,
            checkpoint_deltas_max: 1,
            checkpoint_writes_max: 1,
            seed: 0,
        };
        let memory = |_| (Region::heap(ARENA_BLOCKS), Region::heap(ARENA_BLOCKS));
        let Opened { mut shards, coordinator, .. } = open(&NoFiles, &graph, &options, memory)?;
        let mut run = CoreRun {
            pool: Pool::new(&graph.shapes),
            shard: shards.remove(0),
            coordinator,
            feeder: Feeder::new(feeder(&graph), Progress::START),
            attached: false,
            open: Epoch(0),
            ring: Vec::with_capacity(RING_ROWS),
            effects: Vec::new(),
            orders: Vec::new(),
            published: 0,
            recorder: None,
            graph,
        };
        run.shard.launch(&mut run.effects);
        run.settle();
        let attach =
            CoordinatorInput::Attach { feeder: FEEDER, source: SourceId(0), producer: None };
        run.coordinator.step(attach, &mut run.orders);
        run.settle();
        assert!(run.attached, "a shard that rests attaches a feeder at once");
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

    /// Pushes one timed trade and lets the shard work until it is done.
    pub fn push_tick(&mut self, tick: Tick, name: &str) {
        let mut row = self.feeder.write_row(&mut self.pool);
        row.text(name);
        row.i64(tick.price);
        row.i64(tick.size);
        row.i64(tick.ts_us);
        row.i64(tick.sent);
        row.finish().expect("a timed trade fits its schema");
        self.publish_row();
        self.take();
    }

    /// Puts a trade on the ring.
    #[inline]
    pub fn push_row(&mut self, symbol: &str, price: i64, size: i64, ts_us: i64) {
        let mut row = self.feeder.write_row(&mut self.pool);
        row.text(symbol);
        row.i64(price);
        row.i64(size);
        row.i64(ts_us);
        row.finish().expect("a trade fits its schema");
        self.publish_row();
    }

    #[inline]
    fn publish_row(&mut self) {
        let pushed = self.feeder.push_row(self.open, |_| 1, &mut self.pool);
        pushed.expect("the one lane has room");
        self.feeder.publish(&mut Producer { ring: &mut self.ring, open: self.open });
    }

    /// Puts a batch on the ring.
    pub fn enqueue(&mut self, batch: Morsel) {
        let pushed = self.feeder.push(batch, self.open, |_| 1, &mut self.pool);
        pushed.expect("the one lane has room");
        self.feeder.publish(&mut Producer { ring: &mut self.ring, open: self.open });
    }

    /// The shard takes what is on the ring, one by one, and works until nothing is left of it.
    pub fn take(&mut self) {
        self.hand_in();
        self.settle();
    }

    /// The same, and after each batch the results go out.
    pub fn take_each(&mut self) {
        let mut ring = std::mem::take(&mut self.ring);
        for fed in ring.drain(..) {
            self.shard.step(Input::Fed(fed), &mut self.effects);
            while self.shard.work(FUEL, &mut self.effects) {}
            self.carry_out();
        }
        self.ring = ring;
        self.settle();
    }

    fn hand_in(&mut self) {
        for fed in self.ring.drain(..) {
            self.shard.step(Input::Fed(fed), &mut self.effects);
        }
    }

    /// Appends the rows with this key in the one view, as it is between two steps.
    pub fn find(&self, key: &[Value], out: &mut [Column], weights: &mut Vec<i64>) {
        let reader = self.shard.reader(ViewId(0)).expect("the plan keeps a view");
        reader.find(self.shard.arena(), key, out, weights);
    }

    /// Pushes a batch and lets the shard work until it is done.
    pub fn push(&mut self, batch: Morsel) {
        self.enqueue(batch);
        self.take();
    }

    /// The same in turns of `fuel`. Returns how long the first rows took to come out, if any did,
    /// and how long all of it took.
    pub fn push_timed(&mut self, batch: Morsel, fuel: usize) -> (Option<Duration>, Duration) {
        let start = Instant::now();
        self.enqueue(batch);
        self.hand_in();
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

    /// Morsels that were made because none was free.
    pub fn morsels_made(&mut self) -> u64 {
        self.pool.made() + self.shard.pool().made()
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
                Effect::Late { morsel, .. }
                | Effect::DeadLetters { morsel, .. }
                | Effect::Withheld { morsel, .. } => {
                    self.shard.pool().put(morsel);
                }
                Effect::Send { .. }
                | Effect::Disk(_)
                | Effect::Marked { .. }
                | Effect::LettersWanted { .. }
                | Effect::Changed(_)
                | Effect::Stopped(_) => {
                    panic!("one stage, no disk, one plan, and memory for it")
                }
            }
        }
        assert!(self.effects.is_empty(), "nothing that is carried out here asks for more");
        self.effects = effects;
        while !self.orders.is_empty() {
            for order in std::mem::take(&mut self.orders) {
                self.obey(order);
            }
        }
    }

    fn obey(&mut self, order: CoordinatorEffect) {
        match order {
            CoordinatorEffect::Open(epoch) => self.open = epoch,
            CoordinatorEffect::Order(_, order) => {
                self.shard.step(Input::Order(order), &mut self.effects);
                if self.shard.asks(FEEDER) {
                    let progress = *self.feeder.progress();
                    let quiet = Input::Quiet { feeder: FEEDER, word: FEEDER_IDLE, progress };
                    self.shard.step(quiet, &mut self.effects);
                }
            }
            CoordinatorEffect::Attached { progress, .. } => {
                self.feeder = Feeder::new(feeder(&self.graph), progress);
                self.attached = true;
            }
            _ => {}
        }
    }
}

const FEEDER: FeederId = FeederId(0);

fn feeder(graph: &Graph) -> FeederOptions {
    let source = &graph.sources[0];
    FeederOptions {
        feeder: FEEDER,
        source: SourceId(0),
        schema: source.schema.clone(),
        shape: source.shape,
        key: source.key.clone(),
        time: source.time,
        tied: source.tied,
        logged: false,
        shards: 1,
    }
}

/// The producer's end of the ring; words that other cores would read go nowhere.
struct Producer<'a> {
    ring: &'a mut Vec<Fed>,
    open: Epoch,
}

impl Outlet for Producer<'_> {
    #[inline]
    fn store_word(&mut self, word: u64) {
        std::hint::black_box(word);
    }

    #[inline]
    fn read_open(&mut self) -> Epoch {
        std::hint::black_box(self.open)
    }

    #[inline]
    fn publish(&mut self, _: ShardId, fed: Fed) {
        self.ring.push(fed);
    }

    #[inline]
    fn store_progress(&mut self, progress: &Progress) {
        std::hint::black_box(progress);
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

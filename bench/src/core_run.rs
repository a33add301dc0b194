//! One shard of the engine's core on the calling thread: what its operators cost, without lanes,
//! disk or other cores.

use std::sync::Arc;

use crate::trades::{Query, Trades, plan};
use sluicedb::core::arena::Region;
use sluicedb::core::coordinator::Coordinator;
use sluicedb::core::effect::{CoordinatorEffect, CoordinatorInput, Effect, Input};
use sluicedb::core::feeder::{Cells, Feeder, FeederOptions, Outlet, Progress};
use sluicedb::core::frame::Fed;
use sluicedb::core::graph::{Graph, Route, lower};
use sluicedb::core::ids::{Epoch, FeederId, ShardId, SourceId};
use sluicedb::core::morsel::{Morsel, Pool};
use sluicedb::core::recovery::{DatabaseOptions, NoFiles, Opened, RecoverError, open};
use sluicedb::core::shard::Shard;

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
    open: Epoch,
    /// The lane from the feeder.
    ring: Vec<Fed>,
    pool: Pool,
    effects: Vec<Effect>,
    orders: Vec<CoordinatorEffect>,
    /// Rows handed to subscribers.
    pub published: u64,
}

impl CoreRun {
    /// A database that runs `query`.
    pub fn new(query: Query) -> Result<CoreRun, RecoverError> {
        let graph = Arc::new(lower(&plan(query)?, Route::Aligned)?);
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
            shape: source.shape,
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
            ring: Vec::with_capacity(RING_ROWS),
            effects: Vec::new(),
            orders: Vec::new(),
            published: 0,
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

    /// Pushes a copy of a batch and lets the shard work until it is done.
    pub fn push(&mut self, batch: &Morsel) {
        let rows = self.shard.pool().copy(batch);
        let pushed = self.feeder.push(rows, self.open, |_| 1, self.shard.pool());
        pushed.expect("the one lane has room");
        self.feeder.publish(&mut Producer { ring: &mut self.ring, open: self.open });
        self.take();
    }

    /// Pushes a trade as a row onto the ring.
    #[inline]
    pub fn push_row(&mut self, symbol: &str, price: i64, size: i64, ts: i64) {
        let mut row = self.feeder.write_row(&mut self.pool);
        row.text(symbol);
        row.i64(price);
        row.i64(size);
        row.i64(ts);
        row.finish().expect("a trade fits its schema");
        let pushed = self.feeder.push_row(self.open, |_| 1, &mut self.pool);
        pushed.expect("the one lane has room");
        self.feeder.publish(&mut Producer { ring: &mut self.ring, open: self.open });
    }

    /// The shard takes what is on the ring and works until it is done.
    pub fn take(&mut self) {
        for fed in self.ring.drain(..) {
            self.shard.step(Input::Fed(fed), &mut self.effects);
        }
        self.settle();
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

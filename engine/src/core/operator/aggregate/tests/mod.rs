//! A bench that drives an aggregate through the operator interface, with a twin beside it.
//!
//! Every item is cut at random, worked off with random fuel, and now and then interrupted by a
//! barrier that freezes the zone. Whenever the operator is idle, and whenever it passes a watermark
//! on, the sum of what it put out must be what the twin computes from all rows.

mod random;
mod scenario;
mod squares;
mod statistics;
mod twin;

use std::collections::BTreeMap;

use sluicedb_sql::plan::{Call, Function, Window};
use sluicedb_sql::{DataType, Value, decimal};

use super::super::{Context, Item, Lanes, Operator, Place, Port, Work};
use super::{Aggregate, AggregateOptions, WindowOptions};
use crate::core::arena::{Arena, FreezeKind, Freezes, Region, ZoneId};
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::ids::{Epoch, OperatorId, Time};
use crate::core::morsel::{Pool, Shape, ShapeId, Tie};

const INPUT: ShapeId = ShapeId(0);
const OUTPUT: ShapeId = ShapeId(1);

/// A seeded stream of numbers.
struct Prng(u64);

impl Prng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }
}

/// One delta of the input.
#[derive(Clone, Debug)]
struct Delta {
    values: Vec<Value>,
    weight: i64,
    tie: u128,
    behind: Time,
}

/// Rows and their weights.
type Sum = BTreeMap<Vec<Value>, i64>;

fn add(sum: &mut Sum, row: Vec<Value>, weight: i64) {
    let count = sum.entry(row.clone()).or_default();
    *count += weight;
    if *count == 0 {
        sum.remove(&row);
    }
}

/// An aggregate, what went in and the sum of what came out.
struct Bench {
    options: AggregateOptions,
    aggregate: Aggregate,
    arena: Arena,
    zone: ZoneId,
    pool: Pool,
    prng: Prng,
    fuel_max: usize,
    /// Fuel that was burned so far.
    burned: usize,
    epoch: u64,
    /// The freeze that is open, if one is.
    frozen: bool,
    given: Vec<Delta>,
    watermark: Time,
    results: Sum,
    late: Sum,
    /// Late rows, as the outside is told of them.
    told_late: Sum,
    /// How many rows the outside is told of that have no time.
    told_dead: u64,
    /// Groups that are withheld, as the outside is told of them.
    told_withheld: i64,
    /// Morsels of results as they came.
    trace: Vec<(Vec<Value>, i64)>,
    checks: bool,
}

impl Bench {
    fn new(options: AggregateOptions, seed: u64) -> Bench {
        // Now and then so few copies that a freeze makes the operator wait.
        let copies = [96, 1 << 11][(seed % 2) as usize];
        let mut arena = Arena::new(Region::heap(1 << 11), Region::heap(copies));
        let zone = arena.create_zone(1);
        let place = Place { operator: OperatorId(0), zone };
        let root = arena.root(zone);
        let mut aggregate = Aggregate::new(place, options.clone(), root, true).unwrap();
        aggregate.create(&mut arena);
        let shapes = [Shape(options.input.clone().into()), Shape(options.output.clone().into())];
        let mut bench = Bench {
            options,
            aggregate,
            arena,
            zone,
            pool: Pool::new(&shapes),
            prng: Prng(seed),
            fuel_max: 1,
            burned: 0,
            epoch: 1,
            frozen: false,
            given: Vec::new(),
            watermark: Time::MIN,
            results: Sum::new(),
            late: Sum::new(),
            told_late: Sum::new(),
            told_dead: 0,
            told_withheld: 0,
            trace: Vec::new(),
            checks: true,
        };
        bench.fuel_max = [1, 3, 40, 5000][bench.prng.below(4)];
        bench.work_off(None);
        bench.check("after create");
        bench
    }

    /// Feeds deltas in their order, cut into morsels at random.
    fn feed(&mut self, deltas: &[Delta]) {
        let mut rest = deltas;
        while !rest.is_empty() {
            let rows = 1 + self.prng.below(rest.len().min(1024));
            let (now, later) = rest.split_at(rows);
            self.feed_morsel(now);
            rest = later;
            self.maybe_barrier();
        }
    }

    fn feed_morsel(&mut self, deltas: &[Delta]) {
        let mut morsel = self.pool.take(INPUT);
        for delta in deltas {
            morsel.push_row(&delta.values, delta.weight);
        }
        morsel.ties = deltas.iter().map(|delta| Tie(delta.tie)).collect();
        if deltas.iter().any(|delta| delta.behind != Time::MIN) {
            morsel.behind.extend(deltas.iter().map(|delta| delta.behind));
        }
        morsel.set_rows(deltas.len());
        self.given.extend_from_slice(deltas);
        let burned = self.burned;
        let skipped = |bench: &Bench| {
            bench.aggregate.late_rows(&bench.arena) + bench.aggregate.untimed_rows(&bench.arena)
        };
        let before = skipped(self);
        self.work_off(Some(Item::Rows(morsel)));
        let taken = deltas.len() - (skipped(self) - before) as usize;
        assert!(self.burned - burned >= taken, "{taken} rows for {} of fuel", self.burned - burned);
        self.check("after rows");
    }

    fn advance(&mut self, time: Time) {
        assert!(time >= self.watermark);
        self.work_off(Some(Item::Watermark(time)));
        assert_eq!(self.watermark, time, "the watermark was passed on");
        self.maybe_barrier();
    }

    fn maybe_barrier(&mut self) {
        if self.frozen && self.prng.one_in(3) {
            self.arena.release(FreezeKind::Read);
            self.frozen = false;
        }
        if self.prng.one_in(3) {
            let barrier = Barrier { epoch: Epoch(self.epoch), checkpoint: false, read: true };
            self.aggregate.barrier(barrier);
            assert!(matches!(self.work(1), Work::Idle));
            let kinds = if self.frozen { Freezes::NONE } else { Freezes::READ };
            self.frozen = true;
            self.arena.barrier(self.zone, self.epoch, kinds);
            self.epoch += 1;
            self.arena.verify();
            // What is remembered lies in the zone: another operator goes on where this one stopped.
            let place = Place { operator: OperatorId(0), zone: self.zone };
            let root = self.arena.root(self.zone);
            self.aggregate = Aggregate::new(place, self.options.clone(), root, true).unwrap();
        }
    }

    fn work(&mut self, fuel: usize) -> Work {
        let mut left = fuel;
        let (lanes, stop) = (&mut Lanes::default(), &mut None);
        let mut effects = Vec::new();
        let context = &mut Context {
            arena: &mut self.arena,
            pool: &mut self.pool,
            fuel: &mut left,
            lanes,
            effects: &mut effects,
            epoch: Epoch(self.epoch),
            zone: self.zone,
            stop,
        };
        let work = self.aggregate.work(context);
        let done = fuel - left;
        self.burned += done;
        if let Work::Emit(Port(0), Item::Rows(rows)) = &work {
            assert!(rows.rows() <= done, "{} rows for {done} of fuel", rows.rows());
        }
        effects.into_iter().for_each(|effect| self.hear(effect));
        work
    }

    fn hear(&mut self, effect: Effect) {
        let morsel = match effect {
            Effect::Late { morsel, .. } => {
                for row in 0..morsel.rows() {
                    assert_ne!(morsel.behind(row), Time::MIN, "late rows keep their mark");
                    add(&mut self.told_late, morsel.row(row), morsel.weight(row));
                }
                morsel
            }
            Effect::DeadLetters { morsel, errors, .. } => {
                assert_eq!(morsel.rows(), errors.len(), "a reason for each row");
                self.told_dead += morsel.rows() as u64;
                morsel
            }
            Effect::Withheld { morsel, .. } => {
                self.told_withheld += (0..morsel.rows()).map(|row| morsel.weight(row)).sum::<i64>();
                morsel
            }
            effect => panic!("an aggregate asks for {effect:?}"),
        };
        self.pool.put(morsel);
    }

    fn accept(&mut self, item: Item) {
        let (mut fuel, mut stop) = (0, None);
        let context = &mut Context {
            arena: &mut self.arena,
            pool: &mut self.pool,
            fuel: &mut fuel,
            lanes: &mut Lanes::default(),
            effects: &mut Vec::new(),
            epoch: Epoch(self.epoch),
            zone: self.zone,
            stop: &mut stop,
        };
        self.aggregate.accept(Port(0), item, context);
    }

    /// Gives the item and works until the operator is idle.
    fn work_off(&mut self, item: Option<Item>) {
        if let Some(item) = item {
            self.accept(item);
        }
        let mut stuck = 0;
        loop {
            let fuel = self.prng.below(self.fuel_max + 1);
            match self.work(fuel) {
                Work::Idle => return,
                Work::Yield => stuck += 1,
                Work::Emit(port, item) => {
                    stuck = 0;
                    self.collect(port, item);
                }
            }
            assert!(stuck < 10_000, "no progress with fuel up to {}", self.fuel_max);
            if self.frozen && stuck > 100 {
                self.arena.release(FreezeKind::Read);
                self.frozen = false;
            }
        }
    }

    fn collect(&mut self, port: Port, item: Item) {
        match (port, item) {
            (Port(0), Item::Watermark(time)) => {
                self.watermark = time;
                self.check("before the watermark is passed on");
            }
            (Port(0), Item::Rows(rows)) => {
                assert!(!rows.is_empty() && rows.shape() == OUTPUT);
                for row in 0..rows.rows() {
                    self.trace.push((rows.row(row), rows.weight(row)));
                    add(&mut self.results, rows.row(row), rows.weight(row));
                }
                self.pool.put(rows);
            }
            (Port(1), Item::Rows(rows)) => {
                assert!(!rows.is_empty() && rows.shape() == INPUT);
                for row in 0..rows.rows() {
                    assert_ne!(rows.behind(row), Time::MIN, "late rows keep their mark");
                    add(&mut self.late, rows.row(row), rows.weight(row));
                }
                self.pool.put(rows);
            }
            (port, item) => panic!("{item:?} on port {}", port.0),
        }
    }

    fn check(&self, when: &str) {
        if !self.checks {
            return;
        }
        let expected = twin::evaluate(&self.options, &self.given, self.watermark);
        if expected.results != self.results {
            let odd = |left: &Sum, right: &Sum| {
                let differ = |(row, weight): &(&Vec<Value>, &i64)| right.get(*row) != Some(*weight);
                let odd: Vec<_> =
                    left.iter().filter(differ).take(3).map(|pair| format!("{pair:?}")).collect();
                odd.join("\n  ")
            };
            panic!(
                "{when}, watermark {}, {:?}\nexpected only:\n  {}\nfound only:\n  {}",
                self.watermark,
                self.options.window,
                odd(&expected.results, &self.results),
                odd(&self.results, &expected.results)
            );
        }
        if when != "before the watermark is passed on" {
            assert_eq!(expected.late, self.late, "late rows");
            assert_eq!(expected.late, self.told_late, "late rows that are told of");
            assert_eq!(self.aggregate.untimed_rows(&self.arena), expected.untimed);
            assert_eq!(self.told_dead, expected.untimed);
            assert_eq!(self.aggregate.withheld(&self.arena) as i64, self.told_withheld);
            assert_eq!(self.aggregate.late_rows(&self.arena), expected.late_rows);
        }
    }
}

fn call(function: Function, argument: Option<usize>, order: Option<usize>) -> Call {
    Call { order, ..Call::new("", function, argument) }
}

/// Options with the output columns worked out.
fn options(
    input: &[DataType],
    window: Option<WindowOptions>,
    keys: &[usize],
    calls: Vec<Call>,
    retracts: bool,
) -> AggregateOptions {
    let mut output = Vec::new();
    if window.is_some() {
        output.extend([DataType::Timestamp; 2]);
    }
    output.extend(keys.iter().map(|&key| input[key]));
    output.extend(calls.iter().map(|call| {
        if let Some(custom) = &call.custom {
            return custom.function.result;
        }
        let argument = call.argument.map_or(DataType::BigInt, |argument| input[argument]);
        call.function.result_type(argument).unwrap()
    }));
    AggregateOptions {
        window,
        keys: keys.to_vec(),
        calls,
        retracts,
        input: input.to_vec(),
        output,
        output_shape: OUTPUT,
        late_shape: INPUT,
    }
}

fn tumble(time: usize, size_us: i64) -> Window {
    Window::Tumble { time, size_us, offset_us: 0 }
}

fn hop(time: usize, size_us: i64, slide_us: i64) -> Window {
    Window::Hop { time, size_us, slide_us, offset_us: 0 }
}

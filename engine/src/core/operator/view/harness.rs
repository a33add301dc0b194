//! Drives one operator the way a stage does, with morsels split and fuel drawn at random.

use std::collections::BTreeMap;

use sluicedb_sql::{DataType, Value};

use crate::core::arena::{Arena, BlockId, FreezeKind, Freezes, Region, ZoneId};
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::ids::{Epoch, OperatorId, Time};
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::{Morsel, Pool, Shape, ShapeId, Tie};
use crate::core::operator::{Context, Item, Lanes, Operator, Place, Port, Stop, Work};
use crate::core::row::random::Prng;

/// Rows with their weights.
pub(in crate::core::operator) type Bag = BTreeMap<Vec<Value>, i64>;

/// A delta and where it came from.
#[derive(Clone, Debug)]
pub(in crate::core::operator) struct Given {
    pub(in crate::core::operator) row: Vec<Value>,
    pub(in crate::core::operator) weight: i64,
    pub(in crate::core::operator) tie: u128,
}

pub(in crate::core::operator) fn delta(row: Vec<Value>, weight: i64) -> Given {
    Given { row, weight, tie: 0 }
}

/// Adds a delta to rows that are kept by the book.
pub(in crate::core::operator) fn add(bag: &mut Bag, row: &[Value], weight: i64) {
    let held = bag.entry(row.to_vec()).or_default();
    *held += weight;
    if *held == 0 {
        bag.remove(row);
    }
}

pub(in crate::core::operator) struct Harness {
    pub(in crate::core::operator) arena: Arena,
    pub(in crate::core::operator) prng: Prng,
    pub(in crate::core::operator) fuel_max: usize,
    pub(in crate::core::operator) epoch: Epoch,
    pub(in crate::core::operator) zone: ZoneId,
    pub(in crate::core::operator) stop_expected: Option<Stop>,
    /// Whether rows may be told of that have no result that fits.
    pub(in crate::core::operator) withholds: bool,
    pool: Pool,
    copies_max: u32,
}

impl Harness {
    pub(in crate::core::operator) fn new(seed: u64, shapes: &[&[DataType]]) -> Harness {
        Harness::with_copies(seed, shapes, 10_000)
    }

    /// A harness whose arena can copy that many blocks for freezes.
    pub(in crate::core::operator) fn with_copies(
        seed: u64,
        shapes: &[&[DataType]],
        copies_max: u32,
    ) -> Harness {
        let mut arena = Arena::new(Region::heap(20_000), Region::heap(copies_max));
        // A fuel of 1 is as likely as all the others.
        let mut prng = Prng::new(seed);
        let fuel_max = [1, 3, 100, 5000][prng.below(4)];
        let shapes: Vec<_> = shapes.iter().map(|&types| Shape(types.into())).collect();
        let zone = arena.create_zone(1);
        Harness {
            arena,
            prng,
            fuel_max,
            epoch: Epoch(1),
            zone,
            stop_expected: None,
            withholds: false,
            pool: Pool::new(&shapes),
            copies_max,
        }
    }

    pub(in crate::core::operator) fn place(&self) -> Place {
        Place { operator: OperatorId(0), zone: self.zone }
    }

    pub(in crate::core::operator) fn root(&self) -> BlockId {
        self.arena.root(self.zone)
    }

    /// Hands an item over, or calls `work` once; whether the operator is idle then.
    pub(in crate::core::operator) fn work(
        &mut self,
        operator: &mut dyn Operator,
        given: Option<(Port, Item)>,
        made: &mut Made,
    ) -> bool {
        let (mut fuel, mut stop) = (1 + self.prng.below(self.fuel_max), None);
        let (before, mut effects) = (fuel, Vec::new());
        let mut context = Context {
            arena: &mut self.arena,
            pool: &mut self.pool,
            fuel: &mut fuel,
            lanes: &mut Lanes::default(),
            effects: &mut effects,
            epoch: self.epoch,
            zone: self.zone,
            stop: &mut stop,
        };
        let idle = match given {
            Some((port, item)) => {
                operator.accept(port, item, &mut context);
                false
            }
            None => match operator.work(&mut context) {
                Work::Idle => true,
                Work::Yield => {
                    assert!(fuel == 0 || self.copies_max == 0, "only fuel is short");
                    false
                }
                Work::Emit(port, Item::Rows(morsel)) => {
                    assert_eq!(port, Port(0));
                    assert!(morsel.rows() <= before - fuel, "every row is paid for");
                    made.emitted.push(morsel);
                    false
                }
                Work::Emit(port, Item::Watermark(time)) => {
                    assert_eq!(port, Port(0));
                    made.passed.push(time);
                    false
                }
            },
        };
        assert_eq!(stop, self.stop_expected, "what stops an operator for good");
        let withheld = |effect: &Effect| matches!(effect, Effect::Withheld { .. });
        effects.retain(|effect| !self.withholds || !withheld(effect));
        for effect in effects {
            let Effect::Publish { epoch, morsel, .. } = effect else { panic!("{effect:?}") };
            assert_eq!(epoch, self.epoch);
            made.published.push(morsel);
        }
        idle
    }

    /// What an operator asks of the outside while something is done with it.
    pub(in crate::core::operator) fn with_context(
        &mut self,
        effects: &mut Vec<Effect>,
        act: impl FnOnce(&mut Context<'_>),
    ) {
        act(&mut Context {
            arena: &mut self.arena,
            pool: &mut self.pool,
            fuel: &mut 1000,
            lanes: &mut Lanes::default(),
            effects,
            epoch: self.epoch,
            zone: self.zone,
            stop: &mut None,
        });
    }

    /// Works until the operator is idle.
    pub(in crate::core::operator) fn drain(
        &mut self,
        operator: &mut dyn Operator,
        made: &mut Made,
    ) {
        let mut calls = 0;
        while !self.work(operator, None, made) {
            calls += 1;
            assert!(calls < 1_000_000, "the operator gets nowhere");
        }
    }

    pub(in crate::core::operator) fn morsel(&mut self, shape: ShapeId, part: &[Given]) -> Morsel {
        let mut morsel = self.pool.take(shape);
        part.iter().for_each(|given| morsel.push_row(&given.row, given.weight));
        if part.iter().any(|given| given.tie != 0) {
            morsel.ties = part.iter().map(|given| Tie(given.tie)).collect();
        }
        morsel
    }

    /// Hands deltas over in morsels of random size, with a watermark now and then.
    pub(in crate::core::operator) fn give(
        &mut self,
        operator: &mut dyn Operator,
        port: Port,
        shape: ShapeId,
        mut deltas: &[Given],
    ) -> Made {
        let mut made = Made::default();
        while !deltas.is_empty() {
            let rows = 1 + self.prng.below(deltas.len().min(MORSEL_ROWS_MAX));
            let (part, rest) = deltas.split_at(rows);
            let morsel = self.morsel(shape, part);
            self.work(operator, Some((port, Item::Rows(morsel))), &mut made);
            self.drain(operator, &mut made);
            if self.prng.below(4) == 0 {
                let watermark = Item::Watermark(Time(7));
                self.work(operator, Some((port, watermark)), &mut made);
                self.drain(operator, &mut made);
            }
            deltas = rest;
        }
        made
    }

    /// Ends the epoch; what was frozen before is released, and the end of this epoch is frozen.
    pub(in crate::core::operator) fn barrier(&mut self, operator: &mut dyn Operator) -> Made {
        let mut made = Made::default();
        operator.barrier(Barrier { epoch: self.epoch, checkpoint: false, read: true });
        self.drain(operator, &mut made);
        if self.arena.frozen_epoch(FreezeKind::Read).is_some() {
            self.arena.release(FreezeKind::Read);
        }
        self.arena.barrier(self.zone, self.epoch.0, Freezes::READ);
        self.arena.verify();
        self.epoch = self.epoch.next();
        made
    }
}

/// What came out of an operator.
#[derive(Default)]
pub(in crate::core::operator) struct Made {
    pub(in crate::core::operator) emitted: Vec<Morsel>,
    pub(in crate::core::operator) published: Vec<Morsel>,
    /// Watermarks that were passed on.
    pub(in crate::core::operator) passed: Vec<Time>,
}

/// The deltas in morsels, in their order.
pub(in crate::core::operator) fn deltas(morsels: &[Morsel]) -> Vec<Given> {
    let given = |morsel: &Morsel, row| Given {
        row: morsel.row(row),
        weight: morsel.weight(row),
        tie: morsel.tie(row).0,
    };
    morsels.iter().flat_map(|m| (0..m.rows()).map(move |row| given(m, row))).collect()
}

use std::collections::VecDeque;

use sluicedb_sql::{Column, DataType, Value};

use super::{Retain, RetainCursor, RetainOptions, RetainReader};
use crate::core::arena::{Arena, Blocks, FreezeKind, Freezes, Region, ZoneId};
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::ids::{Epoch, OperatorId, Time};
use crate::core::morsel::{Morsel, Pool, Shape, ShapeId, Tie};
use crate::core::operator::{
    Context, Item, Lanes, MarkId, OWED, Operator, Owing, PASSED_ON, Place, Port, Reading, Work,
};
use crate::core::row::random::Prng;

const TYPES: [DataType; 3] = [DataType::Timestamp, DataType::Text, DataType::Int];

/// A row, where it came from, what it was behind, and the watermark in front of it.
type Kept = (Vec<Value>, u128, i64, Time);

/// The operator on one shard that nobody else uses, and all that came to it.
struct Bench {
    arena: Arena,
    zone: ZoneId,
    pool: Pool,
    prng: Prng,
    fuel_max: usize,
    epoch: Epoch,
    retain: Retain,
    reader: RetainReader,
    came: VecDeque<Kept>,
    /// What came out for all readers.
    passed: Vec<Kept>,
    told: Time,
    watermark: Time,
}

fn options(rows: u64, bytes: u64) -> RetainOptions {
    RetainOptions { types: TYPES.to_vec(), shape: ShapeId(0), rows, bytes, timed: true, age: None }
}

impl Bench {
    fn new(seed: u64, options: RetainOptions, shards: u16, blocks: u32) -> Bench {
        let mut arena = Arena::new(Region::heap(blocks), Region::heap(64));
        let zone = arena.create_zone(1);
        let mut prng = Prng::new(seed);
        let root = arena.root(zone);
        let place = Place { operator: OperatorId(0), zone };
        let mut retain = Retain::new(place, options.clone(), root, shards);
        retain.create(&mut arena);
        retain.read(Reading { passes_on: true, owed: None, mark: None });
        Bench {
            reader: RetainReader::new(&options, root),
            pool: Pool::new(&[Shape(TYPES.into())]),
            fuel_max: [9, 70, 3000][prng.below(3)],
            epoch: Epoch(1),
            came: VecDeque::new(),
            passed: Vec::new(),
            told: Time::MIN,
            watermark: Time::MIN,
            arena,
            zone,
            prng,
            retain,
        }
    }

    /// Gives an item, or lets it work once.
    fn call(&mut self, given: Option<Item>) -> Option<Work> {
        let mut fuel = 1 + self.prng.below(self.fuel_max);
        let (mut stop, mut effects): (_, Vec<Effect>) = (None, Vec::new());
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
        let work = match given {
            Some(item) => {
                self.retain.accept(Port(0), item, &mut context);
                None
            }
            None => Some(self.retain.work(&mut context)),
        };
        assert!(stop.is_none() && effects.is_empty(), "it never stops a shard");
        work
    }

    /// Works until it is idle, ending a freeze that it waits for; returns what it owed and the last
    /// watermark.
    fn drain(&mut self) -> (Vec<Kept>, Time) {
        let (mut owed, mut time, mut waits) = (Vec::new(), Time::MIN, 0);
        loop {
            match self.call(None).expect("nothing is given") {
                Work::Idle => return (owed, time),
                Work::Emit(PASSED_ON, Item::Rows(morsel)) => {
                    self.passed.extend(kept(&morsel, self.told));
                    self.pool.put(morsel);
                }
                Work::Emit(OWED, Item::Rows(morsel)) => {
                    owed.extend(kept(&morsel, time));
                    self.pool.put(morsel);
                }
                Work::Emit(PASSED_ON, Item::Watermark(at)) => self.told = at,
                Work::Emit(_, Item::Watermark(at)) => {
                    assert!(at > time, "watermarks rise");
                    time = at;
                }
                Work::Emit(..) => panic!("there are two outputs"),
                Work::Yield => {
                    waits += 1;
                    assert!(waits < 10, "it waits for a freeze that has ended");
                    self.release();
                }
            }
        }
    }

    fn release(&mut self) {
        if self.arena.frozen_epoch(FreezeKind::Read).is_some() {
            self.arena.release(FreezeKind::Read);
        }
    }

    fn give(&mut self, rows: usize, time_us: i64) {
        let mut morsel = self.pool.take(ShapeId(0));
        let late = self.prng.below(3) == 0;
        for at in 0..rows {
            let text = match self.prng.below(6) {
                0 => Value::Null,
                1 => Value::text(&"long ".repeat(1 + self.prng.below(60))),
                _ => Value::text("short"),
            };
            let time = Value::Timestamp(time_us - self.prng.below(20) as i64);
            let number = self.came.len() + at;
            let row = [time, text, Value::Int(number as i32)];
            morsel.push_row(&row, 1);
        }
        let first = self.came.len() as u128;
        morsel.ties = (0..rows as u128).map(|at| Tie(first + at)).collect();
        if late {
            morsel.behind.extend((0..rows).map(|at| Time(time_us - at as i64 % 2)));
        }
        morsel.set_rows(rows);
        self.came.extend(kept(&morsel, self.watermark));
        self.call(Some(Item::Rows(morsel)));
        let (owed, _) = self.drain();
        assert!(owed.is_empty());
    }

    fn watermark(&mut self, time_us: i64) {
        self.watermark = Time(time_us);
        self.call(Some(Item::Watermark(self.watermark)));
        self.drain();
    }

    fn barrier(&mut self, read: bool) {
        self.release();
        self.retain.barrier(Barrier { epoch: self.epoch, checkpoint: false, read });
        self.drain();
        let kinds = if read { Freezes::READ } else { Freezes::NONE };
        self.arena.barrier(self.zone, self.epoch.0, kinds);
        self.arena.verify();
        self.epoch = self.epoch.next();
    }

    /// What it has for one who comes now.
    fn owe(&mut self) -> Vec<Kept> {
        let owed = Some(Owing { since: None, time: self.watermark });
        self.retain.read(Reading { passes_on: true, owed, mark: None });
        let (owed, time) = self.drain();
        assert_eq!(time, self.watermark, "it is told last");
        assert_eq!(self.reader.missed(&self.arena), (self.came.len() - owed.len()) as u64);
        owed
    }

    /// Somebody stands still from here on.
    fn mark(&mut self, mark: MarkId) {
        self.retain.read(Reading { passes_on: true, owed: None, mark: Some(mark) });
        assert!(!self.retain.rests(), "it is asked to work");
        let (owed, _) = self.drain();
        assert!(owed.is_empty());
    }

    /// What it has for one who stood still since then.
    fn owe_since(&mut self, mark: MarkId, came: usize) -> Vec<Kept> {
        let owed = Some(Owing { since: Some(mark), time: self.watermark });
        self.retain.read(Reading { passes_on: true, owed, mark: None });
        let (owed, _) = self.drain();
        let missed = self.came.len() - came - owed.len();
        assert_eq!(self.reader.missed(&self.arena), missed as u64);
        owed
    }

    fn latest(&self, rows: usize) -> Vec<Kept> {
        let gone = self.came.len().saturating_sub(rows);
        self.came.iter().skip(gone).cloned().collect()
    }
}

fn kept(morsel: &Morsel, told: Time) -> Vec<Kept> {
    let row = |row| (morsel.row(row), morsel.tie(row).0, morsel.behind(row).0, told);
    (0..morsel.rows()).map(row).collect()
}

/// All that a reader finds, in slices of random size.
fn read(reader: &RetainReader, blocks: &impl Blocks, prng: &mut Prng) -> Vec<Vec<Value>> {
    let mut columns = reader.columns();
    let mut cursor = Some(RetainCursor::default());
    while let Some(from) = cursor {
        cursor = reader.rows(blocks, from, 1 + prng.below(90), &mut columns);
    }
    (0..columns[0].len())
        .map(|row| columns.iter().map(|c: &Column| c.value(row)).collect())
        .collect()
}

fn values(kept: &[Kept]) -> Vec<Vec<Value>> {
    kept.iter().map(|(row, ..)| row.clone()).collect()
}

#[test]
fn the_latest_rows_are_there_for_readers_and_for_those_who_come() {
    for seed in 0..12 {
        let rows = [1, 30, 900, 1 << 20][seed as usize % 4];
        let mut bench = Bench::new(seed, options(rows, 64 << 20), 1, 4000);
        for _ in 0..12 {
            for _ in 0..bench.prng.below(4) {
                let most = [3, 300][bench.prng.below(2)];
                let count = 1 + bench.prng.below(most);
                bench.give(count, 1000);
                if bench.prng.below(3) == 0 {
                    let step = 1 + bench.prng.below(9) as i64;
                    bench.watermark(bench.watermark.0.max(0) + step);
                }
            }
            bench.barrier(true);
            let expected = bench.latest(rows as usize);
            // What comes behind the freeze changes nothing of it.
            bench.give(200, 1000);
            let frozen = bench.arena.frozen(FreezeKind::Read);
            if let Some(frozen) = frozen {
                let found = read(&bench.reader, &frozen, &mut bench.prng);
                assert_eq!(found, values(&expected));
            }
            bench.barrier(false);
            assert_eq!(bench.owe(), bench.latest(rows as usize));
        }
        assert_eq!(bench.passed, bench.latest(usize::MAX), "all are passed on");
    }
}

#[test]
fn who_stood_still_is_owed_what_came_behind_the_mark_and_is_still_there() {
    for seed in 0..12 {
        let rows = [1, 30, 900, 1 << 20][seed as usize % 4];
        let mut bench = Bench::new(seed, options(rows, 64 << 20), 1, 4000);
        let mut places: Vec<(usize, Time)> = Vec::new();
        for round in 0..12 {
            for _ in 0..bench.prng.below(4) {
                let most = [3, 300][bench.prng.below(2)];
                let count = 1 + bench.prng.below(most);
                bench.give(count, 1000);
                if bench.prng.below(3) == 0 {
                    let step = 1 + bench.prng.below(9) as i64;
                    bench.watermark(bench.watermark.0.max(0) + step);
                }
            }
            let read = bench.prng.below(2) == 0;
            bench.barrier(read);
            bench.mark(MarkId(round));
            places.push((bench.came.len(), bench.watermark));
            let at = bench.prng.below(places.len());
            let (came, watermark) = places[at];
            let owed = bench.owe_since(MarkId(at as u8), came);
            let behind = (bench.came.len() - came).min(rows as usize);
            // Those who stand still know the watermark of the mark already, and hear of later ones.
            let told = |kept: Kept| {
                if kept.3 <= watermark { (kept.0, kept.1, kept.2, Time::MIN) } else { kept }
            };
            let expected: Vec<Kept> = bench.latest(behind).into_iter().map(told).collect();
            assert_eq!(owed, expected);
        }
    }
}

#[test]
fn a_bound_in_bytes_is_shared_by_the_shards_and_holds() {
    let mut bench = Bench::new(1, options(u64::MAX, 80 * 4096), 4, 4000);
    for round in 0..200 {
        bench.give(1 + round % 300, 1000);
        assert!(bench.arena.used_blocks() <= 1 + 80 / 4, "and the root");
    }
    bench.barrier(false);
    let owed = bench.owe();
    assert!(owed.len() > 300, "{} rows", owed.len());
    assert_eq!(owed, bench.latest(owed.len()));
}

#[test]
fn rows_give_way_where_state_runs_short_and_their_shard_goes_on() {
    for seed in 0..6 {
        let blocks = 200;
        let mut bench = Bench::new(seed, options(u64::MAX, 1 << 30), 1, blocks);
        for round in 0..300 {
            let count = 1 + bench.prng.below(1000);
            bench.give(count, 1000);
            if round % 7 == 0 {
                bench.barrier(round % 2 == 0);
            }
        }
        bench.barrier(false);
        assert!(bench.arena.used_blocks() <= blocks - blocks / 4);
        let owed = bench.owe();
        assert!(!owed.is_empty());
        assert_eq!(owed, bench.latest(owed.len()), "what is kept are the latest rows");
        assert_eq!(bench.passed.len(), bench.came.len());
    }
}

#[test]
fn rows_of_an_age_go_when_the_watermark_has_moved_on() {
    for seed in 0..10 {
        let age = RetainOptions {
            age: Some((0, sluicedb_sql::TimeUnit::Micros, 100)),
            ..options(u64::MAX, 64 << 20)
        };
        let mut bench = Bench::new(seed, age, 1, 4000);
        for round in 1..60 {
            let count = 1 + bench.prng.below(40);
            bench.give(count, round * 10);
            bench.watermark(round * 10);
            bench.barrier(true);
            let young = |kept: &&Kept| kept.0[0] >= Value::Timestamp(round * 10 - 100);
            let expected: Vec<Kept> = bench.came.iter().filter(young).cloned().collect();
            let frozen = bench.arena.frozen(FreezeKind::Read).unwrap();
            assert_eq!(read(&bench.reader, &frozen, &mut bench.prng), values(&expected));
            assert_eq!(bench.owe(), expected);
        }
        assert!(bench.arena.used_blocks() < 40, "what is too old takes no memory");
    }
}

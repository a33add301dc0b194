//! Random queries over random rows against the twin.

use super::*;
use sluicedb_sql::plan::{Fraction, Moment};

/// Enough that every planted bug was found; a run takes a few milliseconds.
const SEEDS: u64 = 400;

/// Blocks that the slabs and indices of the pane of sessions may have.
const SESSION_BLOCKS: usize = 40;

const TS: usize = 0;
const COLUMNS: [DataType; 10] = [
    DataType::Timestamp,
    DataType::Text,
    DataType::Int,
    DataType::BigInt,
    DataType::Double,
    DataType::Decimal { precision: 38, scale: 2 },
    DataType::Text,
    DataType::Boolean,
    DataType::Decimal { precision: 12, scale: 3 },
    DataType::Timestamp,
];

struct World {
    prng: Prng,
    time_max: i64,
    odd: bool,
    /// Rows that could be taken back, each once.
    alive: Vec<Delta>,
    retracts: bool,
    untimed: bool,
}

impl World {
    fn value(&mut self, column: usize) -> Value {
        if column != TS && self.prng.one_in(9) {
            return Value::Null;
        }
        let pick = self.prng.below(12);
        let odd = self.odd && self.prng.one_in(5);
        match column {
            1 => Value::text(
                ["a", "b", "", "a key of 20 bytes...", "a key of 20 bytes,.,", "c"][pick % 6],
            ),
            2 if odd => Value::Int([i32::MIN, i32::MAX][pick % 2]),
            2 => Value::Int(pick as i32 - 6),
            3 if odd => Value::BigInt([i64::MIN, i64::MAX, 1 << 40][pick % 3]),
            3 => Value::BigInt(pick as i64 * 7 - 40),
            4 if odd => {
                Value::Double([f64::INFINITY, f64::NAN, -0.0, 0.0, f64::NEG_INFINITY][pick % 5])
            }
            4 => Value::Double((pick as f64 - 5.0) / 8.0),
            5 if odd => {
                let most = 10_i128.pow(38) - 1;
                Value::Decimal { units: [most, -most, most / 2][pick % 3], scale: 2 }
            }
            5 => Value::Decimal { units: pick as i128 * 1001 - 5000, scale: 2 },
            6 if pick == 0 => Value::text(&"y".repeat(5000)),
            6 => {
                let tail = self.prng.below(4);
                Value::text(&format!("{}{tail}", "prefix1\0long text ".get(..pick).unwrap()))
            }
            7 => Value::Boolean(pick.is_multiple_of(2)),
            8 => Value::Decimal { units: pick as i128 * 333 - 1500, scale: 3 },
            9 => Value::Timestamp(pick as i64 - 6),
            _ => unreachable!(),
        }
    }

    /// A row of which the source's watermark is at least `watermark`.
    fn row(&mut self, watermark: Time, lag_us: i64) -> Delta {
        let time = if self.untimed && self.prng.one_in(10) {
            [Value::Null, Value::Timestamp(i64::MAX), Value::Timestamp(i64::MIN)]
                [self.prng.below(3)]
            .clone()
        } else {
            Value::Timestamp(self.prng.below(self.time_max as usize) as i64 - self.time_max / 3)
        };
        let mut values = vec![time];
        values.extend((1..COLUMNS.len()).map(|column| self.value(column)));
        let behind = self.behind(&values[TS], watermark, lag_us, Time::MIN);
        let weight = if self.prng.one_in(6) { 2 } else { 1 };
        Delta { values, weight, tie: self.prng.below(50) as u128, behind }
    }

    /// The mark of a row: its own source is somewhere at or ahead of the operator's watermark.
    fn behind(&mut self, time: &Value, watermark: Time, lag_us: i64, least: Time) -> Time {
        if watermark == Time::MIN && self.prng.one_in(2) {
            return least;
        }
        let Time(us) = watermark.max(Time(-self.time_max)).max(least);
        let own = Time(us + [0, 1, 3, 17][self.prng.below(4)]);
        let ahead = match time {
            Value::Timestamp(time) => *time >= own.minus(lag_us).0,
            _ => true,
        };
        // The mark of a row that is ahead of its source says nothing, and may be left out.
        if ahead && least == Time::MIN && self.prng.one_in(2) { Time::MIN } else { own }
    }

    fn batch(&mut self, watermark: Time, lag_us: i64, shuffled: bool) -> Vec<Delta> {
        let count = 1 + self.prng.below(60);
        let mut deltas = Vec::new();
        for _ in 0..count {
            let takes_back = self.retracts && !self.alive.is_empty() && self.prng.one_in(2);
            if takes_back {
                let at = self.prng.below(self.alive.len());
                let mut delta = self.alive.swap_remove(at);
                delta.behind =
                    self.behind(&delta.values[TS].clone(), watermark, lag_us, delta.behind);
                delta.weight = -delta.weight;
                deltas.push(delta);
            } else {
                let delta = self.row(watermark, lag_us);
                if self.retracts {
                    self.alive.push(delta.clone());
                }
                deltas.push(delta);
            }
        }
        if shuffled {
            for at in (1..deltas.len()).rev() {
                let other = self.prng.below(at + 1);
                deltas.swap(at, other);
            }
        }
        deltas
    }
}

fn random_calls(prng: &mut Prng, retracts: bool) -> Vec<Call> {
    let part = Fraction::new([0.0, 0.1, 0.5, 0.99, 1.0][prng.below(5)]).unwrap();
    let moments = [
        Moment::VarSamp,
        Moment::VarPop,
        Moment::StddevSamp,
        Moment::StddevPop,
        Moment::CovarSamp,
        Moment::CovarPop,
        Moment::Corr,
        Moment::RegrSlope,
        Moment::RegrIntercept,
        Moment::RegrR2,
    ];
    let functions = [
        Function::CountRows,
        Function::Count,
        Function::Sum,
        Function::Min,
        Function::Max,
        Function::Avg,
        Function::First,
        Function::Last,
        Function::BoolAnd,
        Function::BoolOr,
        Function::Moment(moments[prng.below(moments.len())]),
        Function::Moment(moments[prng.below(moments.len())]),
        Function::PercentileCont(part),
        Function::PercentileDisc(part),
        Function::Mode,
        Function::ApproxPercentile(part),
        Function::StringAgg,
        Function::ArrayAgg,
        Function::ApproxDistinct,
        Function::Custom,
    ];
    let count = prng.below(9);
    (0..count)
        .map(|_| {
            let function = functions[prng.below(functions.len())];
            random_call(function, prng, retracts)
        })
        .collect()
}

fn random_call(function: Function, prng: &mut Prng, retracts: bool) -> Call {
    let pick = |prng: &mut Prng, columns: &[usize]| Some(columns[prng.below(columns.len())]);
    if function == Function::Custom {
        return Call { filter: prng.one_in(4).then_some(7), ..squares::call(2, retracts) };
    }
    let argument = match function {
        Function::CountRows => None,
        Function::Sum => pick(prng, &[2, 3, 4, 5, 8]),
        Function::Avg => pick(prng, &[2, 3, 4, 8]),
        Function::BoolAnd | Function::BoolOr => Some(7),
        Function::Moment(_) => pick(prng, &[2, 4]),
        Function::PercentileCont(_) | Function::ApproxPercentile(_) => pick(prng, &[2, 4, 8]),
        Function::StringAgg => pick(prng, &[1, 6]),
        // The sketch has a test of its own.
        Function::ApproxDistinct if !retracts => return call(Function::Count, Some(1), None),
        _ => Some(prng.below(COLUMNS.len())),
    };
    let order = match function {
        Function::First | Function::Last => pick(prng, &[TS, 9]),
        Function::StringAgg | Function::ArrayAgg if prng.one_in(2) => {
            pick(prng, &[TS, 2, 3, 4, 5, 7, 9])
        }
        Function::StringAgg | Function::ArrayAgg if prng.one_in(2) => argument,
        _ => None,
    };
    let texts = function == Function::StringAgg;
    let listed = texts || function == Function::ArrayAgg;
    let ranked = matches!(function, Function::PercentileCont(_) | Function::PercentileDisc(_));
    let takes_distinct = match function {
        Function::Count | Function::Sum | Function::Avg | Function::Min | Function::Max => true,
        Function::StringAgg | Function::ArrayAgg => order.is_none() || order == argument,
        Function::Moment(moment) => !moment.takes_two(),
        Function::BoolAnd | Function::BoolOr => true,
        _ => false,
    };
    Call {
        second: match function {
            Function::Moment(moment) if moment.takes_two() => pick(prng, &[2, 4]),
            _ => None,
        },
        descending: (listed && order.is_some() || ranked) && prng.one_in(3),
        filter: prng.one_in(4).then_some(7),
        distinct: takes_distinct && prng.one_in(2),
        separator: if texts { ["", ", "][prng.below(2)].into() } else { String::new() },
        ..call(function, argument, order)
    }
}

fn random_window(prng: &mut Prng) -> WindowOptions {
    let window = match prng.below(9) {
        0 => Window::Tumble { time: TS, size_us: 10, offset_us: 3 },
        1 => tumble(TS, 1 + prng.below(30) as i64),
        2 => hop(TS, 12, 4),
        3 => Window::Cumulate { time: TS, step_us: 4, size_us: 20, offset_us: -3 },
        4 => Window::Cumulate { time: TS, step_us: 6, size_us: 12, offset_us: 0 },
        7 | 8 => Window::Session { time: TS, gap_us: 1 + prng.below(12) as i64 },
        5 => Window::Hop { time: TS, size_us: 10, slide_us: 4, offset_us: -3 },
        _ => hop(TS, 9, 9),
    };
    let lag_us = [Some(0), Some(5), Some(-4), None][prng.below(4)];
    WindowOptions {
        window,
        lag_us,
        allowed_lateness_us: if lag_us.is_some() { [0, 0, 1, 7, 25][prng.below(5)] } else { 0 },
        on_close: lag_us.is_some() && prng.one_in(2),
    }
}

fn run(seed: u64) {
    let mut prng = Prng(seed);
    let retracts = prng.one_in(2);
    let window = if prng.one_in(4) { None } else { Some(random_window(&mut prng)) };
    let keys: &[usize] = [&[][..], &[1], &[1, 2], &[4], &[6], &[3], &[7, 3]][prng.below(7)];
    let calls = random_calls(&mut prng, retracts);
    let lag_us = window.as_ref().and_then(|window| window.lag_us).unwrap_or(0);
    let options = options(&COLUMNS, window, keys, calls, retracts);
    let mut world = World {
        prng: Prng(seed ^ 0xabcd),
        time_max: 90,
        odd: prng.one_in(2),
        alive: Vec::new(),
        retracts,
        untimed: prng.one_in(3),
    };
    let shuffled = retracts && prng.one_in(3);
    let mut bench = Bench::new(options, seed.wrapping_mul(31));
    let blocks = bench.arena.used_blocks();
    bench.checks = !shuffled;
    let mut watermark = Time::MIN;
    for _ in 0..2 + prng.below(6) {
        let deltas = world.batch(watermark, lag_us, shuffled);
        bench.feed(&deltas);
        if prng.one_in(2) {
            let Time(now) = watermark.max(Time(-40));
            watermark = Time(now + prng.below(40) as i64);
            bench.advance(watermark);
        }
    }
    bench.checks = true;
    bench.check("at the end");
    bench.advance(Time::MAX);
    bench.check("after the last watermark");
    let windowed = bench.options.window.as_ref();
    if let Some(window) = windowed.filter(|window| window.lag_us.is_some()) {
        // The trees of panes are empty again: nothing is left but the root. What is left of
        // sessions are the slabs and indices of their one pane.
        let left = bench.arena.used_blocks() - blocks;
        let session = window.window.is_session();
        let spec = &bench.aggregate.spec;
        let most = if session { SESSION_BLOCKS } else { 0 };
        assert!(left as usize <= most, "{left} blocks are left, {most} may be");
        assert!(!session || spec.root.pane().groups(&bench.arena) == 0, "sessions are left");
    }
    bench.arena.verify();
}

#[test]
fn random_queries_agree_with_the_twin() {
    for seed in 0..SEEDS {
        let failed = std::panic::catch_unwind(|| run(seed)).is_err();
        assert!(!failed, "seed {seed}");
    }
}

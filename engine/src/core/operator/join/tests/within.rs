//! Rows that are near each other in time: what is made is what nested loops over all rows make, and
//! what can match nothing more is gone.

use std::sync::Arc;

use sluicedb_sql::expr::{Expr, Program, lit};
use sluicedb_sql::plan::{JoinKind, Within};
use sluicedb_sql::{DataType, Field, Schema, Value};

use super::super::{Join, JoinOptions};
use super::{options, start_with};
use crate::core::effect::Effect;
use crate::core::ids::Time;
use crate::core::morsel::ShapeId;
use crate::core::operator::view::harness::{Bag, Given, Harness, Made, add, delta, deltas};
use crate::core::operator::{Item, Operator, Port};
use crate::core::row::random::Prng;

/// A key, a time and a text.
const ROW: [DataType; 3] = [DataType::Int, DataType::BigInt, DataType::Text];

#[derive(Clone, Copy, Debug)]
struct Case {
    kind: JoinKind,
    within: Within,
    retracts: [bool; 2],
    /// Whether the times are part of the key, so that nothing else is compared.
    keyed: bool,
}

impl Case {
    fn options(self) -> JoinOptions {
        let names = |side: &str| ["0", "1", "2"].map(|at| format!("{side}{at}"));
        let fields = [names("l"), names("r")].concat();
        let fields = fields.into_iter().zip([ROW, ROW].concat());
        let schema = fields.map(|(name, of)| Field::nullable(name, of)).collect();
        let schema = Schema::new(schema).unwrap();
        let (left, right) = (|| Expr::col("l1"), |us: i64| Expr::col("r1").add(lit(us)));
        let least = self.within.least_us.map(|us| left().gt_eq(right(us)));
        let most = self.within.most_us.map(|us| left().lt_eq(right(us)));
        let bound = least.into_iter().chain(most).reduce(Expr::and).unwrap();
        let bound = bound.bind(&schema).unwrap();
        let program = || Arc::new(Program::compile(&[bound], &schema).unwrap());
        let keys: &[usize] = if self.keyed { &[0, 1] } else { &[0] };
        let compares = !self.keyed && self.kind != JoinKind::Inner;
        JoinOptions {
            kind: self.kind,
            condition: compares.then(program),
            retracts: self.retracts,
            within: Some(self.within),
            ..options([keys, keys], [&ROW, &ROW])
        }
    }

    fn matches(self, left: &[Value], right: &[Value]) -> bool {
        let apart = time(left) - time(right);
        let Within { least_us, most_us, .. } = self.within;
        left[0] == right[0]
            && least_us.is_none_or(|us| apart >= us)
            && most_us.is_none_or(|us| apart <= us)
    }

    fn nested_loops(self, [left, right]: &[Bag; 2]) -> Bag {
        let mut joined = Bag::new();
        let nulls = || vec![Value::Null; 3];
        for (row, weight) in left {
            let mut matched = false;
            for (other, other_weight) in right.iter().filter(|(other, _)| self.matches(row, other))
            {
                matched = true;
                if self.kind.pairs() {
                    add(&mut joined, &[row.as_slice(), other].concat(), weight * other_weight);
                }
            }
            let alone = match self.kind {
                JoinKind::Mark => [row.as_slice(), &[Value::Boolean(matched)]].concat(),
                _ if !self.kind.shows(0, matched) => continue,
                JoinKind::Semi | JoinKind::Anti => row.clone(),
                _ => [row.clone(), nulls()].concat(),
            };
            add(&mut joined, &alone, *weight);
        }
        for (row, weight) in right {
            let matched = left.keys().any(|other| self.matches(other, row));
            if self.kind.shows(1, matched) {
                add(&mut joined, &[nulls(), row.clone()].concat(), *weight);
            }
        }
        joined
    }

    /// Whether a row of a side can match nothing more and is not taken back.
    fn is_over(self, side: usize, time: i64, watermarks: [i64; 2]) -> bool {
        let limits = [0, 1].map(|at| watermarks[at].saturating_sub(self.within.lags_us[at]));
        let ahead = self.within.ahead_us(side);
        ahead.is_some_and(|ahead| time < limits[side] && time + ahead < limits[1 - side])
    }
}

fn time(row: &[Value]) -> i64 {
    match row[1] {
        Value::BigInt(time) => time,
        ref other => panic!("{other:?}"),
    }
}

/// Rows that are not behind the limit, and some that are taken back.
fn random(prng: &mut Prng, limit: i64, retracts: bool, twin: &mut Bag) -> Vec<Given> {
    let mut given = Vec::new();
    for _ in 0..prng.below(12) {
        let there = twin.iter().filter(|(row, _)| time(row) >= limit);
        let there: Vec<_> = there.map(|(row, &weight)| (row.clone(), weight)).collect();
        if retracts && !there.is_empty() && prng.below(3) == 0 {
            let (row, weight) = there[prng.below(there.len())].clone();
            add(twin, &row, -weight);
            given.push(delta(row, -weight));
            continue;
        }
        let text = Value::text(["a", "b"][prng.below(2)]);
        let at = limit + prng.below(7) as i64;
        let row = vec![Value::Int(prng.below(3) as i32), Value::BigInt(at), text];
        add(twin, &row, 1);
        given.push(delta(row, 1));
    }
    given
}

fn run(seed: u64, case: Case) {
    let (mut harness, mut join) = start_with(seed, case.options());
    let prng = &mut Prng::new(seed + 500);
    let (mut twins, mut joined) = ([Bag::new(), Bag::new()], Bag::new());
    let (mut watermarks, mut passed) = ([0, 0], i64::MIN);
    let (mut told, mut forgot) = ([i64::MIN; 2], false);
    for turn in 0..60 {
        let side = prng.below(2);
        let limit = watermarks[side] - case.within.lags_us[side];
        let given = random(prng, limit, case.retracts[side], &mut twins[side]);
        let mut made = Made::default();
        for part in given.chunks(5) {
            let item = Item::Rows(harness.morsel(ShapeId(side as u16), part));
            harness.work(&mut join, Some((Port(side as u8), item)), &mut made);
            harness.drain(&mut join, &mut made);
        }
        for given in deltas(&made.emitted) {
            let apart =
                case.kind == JoinKind::Inner && !case.matches(&given.row[..3], &given.row[3..]);
            // Above it such pairs are filtered out.
            if !apart {
                add(&mut joined, &given.row, given.weight);
            }
        }
        assert_eq!(joined, case.nested_loops(&twins), "seed {seed} turn {turn} of {case:?}");
        watermarks[side] += prng.below(4) as i64;
        told[side] = watermarks[side];
        let before: u32 = join.sides.iter().map(|side| side.counts(&harness.arena)[0]).sum();
        let mut made = Made::default();
        let item = Item::Watermark(Time(watermarks[side]));
        harness.work(&mut join, Some((Port(side as u8), item)), &mut made);
        harness.drain(&mut join, &mut made);
        let least = told[0].min(told[1]);
        let expected: Vec<_> = (least > passed).then_some(Time(least)).into_iter().collect();
        assert_eq!(made.passed, expected, "seed {seed} turn {turn} of {case:?}");
        passed = passed.max(least);
        let after: u32 = join.sides.iter().map(|side| side.counts(&harness.arena)[0]).sum();
        forgot |= after < before;
        for (at, side) in join.sides.iter().enumerate() {
            let oldest = side.oldest(&harness.arena);
            let stays = oldest.is_none_or(|(time, _)| !case.is_over(at, time, told));
            assert!(least == i64::MIN || stays, "seed {seed} turn {turn} of {case:?}: {oldest:?}");
        }
        if prng.below(5) == 0 {
            harness.barrier(&mut join);
            // Nothing of a join is outside of its zone.
            join = Join::new(harness.place(), case.options(), harness.root()).unwrap();
        }
    }
    assert!(forgot, "no row went in seed {seed} of {case:?}");
    for side in [0, 1] {
        let item = Item::Watermark(Time::MAX);
        harness.work(&mut join, Some((Port(side), item)), &mut Made::default());
        harness.drain(&mut join, &mut Made::default());
    }
    for (at, side) in join.sides.iter().enumerate() {
        let left = side.counts(&harness.arena);
        assert!(left == [0; 3] || !case.within.frees(at), "{left:?} stay on side {at} of {case:?}");
    }
}

#[test]
fn rows_go_when_the_watermarks_have_passed_what_they_match_and_are_missed_by_none() {
    let bounds = [(Some(-3), Some(2)), (Some(0), Some(0)), (Some(1), Some(4)), (None, Some(0))];
    for seed in 0..56 {
        let kind = JoinKind::ALL[seed % 7];
        let (least_us, most_us) = bounds[seed / 7 % 4];
        let draw = &mut Prng::new(seed as u64);
        let lags_us = [draw.below(3) as i64, draw.below(3) as i64];
        let within = Within { columns: [1, 1], lags_us, least_us, most_us };
        let retracts = [draw.below(2) == 0, draw.below(2) == 0];
        let keyed = least_us == most_us && seed % 56 < 28;
        run(seed as u64, Case { kind, within, retracts, keyed });
    }
}

/// Gives rows that are behind a watermark; the rows that are refused.
fn give_late(harness: &mut Harness, join: &mut Join, side: u8, (at, behind): (i64, i64)) -> usize {
    let row = vec![Value::Int(1), Value::BigInt(at), Value::text("late")];
    let mut morsel = harness.morsel(ShapeId(u16::from(side)), &[delta(row, 1)]);
    morsel.behind.push(Time(behind));
    let mut effects = Vec::new();
    harness.with_context(&mut effects, |context| {
        join.accept(Port(side), Item::Rows(morsel), context);
    });
    harness.drain(join, &mut Made::default());
    let late = |effect: &Effect| match effect {
        Effect::Late { morsel, .. } => morsel.rows(),
        other => panic!("{other:?}"),
    };
    effects.iter().map(late).sum()
}

#[test]
fn a_row_behind_its_own_mark_is_refused_where_rows_of_the_other_side_go() {
    let case = |least_us, most_us| Case {
        kind: JoinKind::Inner,
        within: Within { columns: [1, 1], lags_us: [2, 0], least_us, most_us },
        retracts: [false; 2],
        keyed: false,
    };
    let (mut harness, mut join) = start_with(3, case(Some(0), Some(0)).options());
    assert_eq!(give_late(&mut harness, &mut join, 0, (8, 10)), 0, "no further behind than its lag");
    assert_eq!(give_late(&mut harness, &mut join, 0, (7, 10)), 1);
    assert_eq!(give_late(&mut harness, &mut join, 1, (9, 10)), 1);
    assert_eq!(give_late(&mut harness, &mut join, 1, (10, 10)), 0);
    assert_eq!(join.sides.each_ref().map(|side| side.counts(&harness.arena)[0]), [1, 1]);
    let (mut harness, mut join) = start_with(3, case(None, Some(0)).options());
    assert_eq!(give_late(&mut harness, &mut join, 1, (5, 10)), 0, "what it matches never goes");
    assert_eq!(give_late(&mut harness, &mut join, 0, (5, 10)), 1);
}

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicedb_sql::expr::{Expr, Program};
use sluicedb_sql::plan::JoinKind;
use sluicedb_sql::{DataType, Field, Schema, Value};

use super::by_time::ByTime;
use super::{Join, JoinOptions};
use crate::core::arena::{BLOCK_BYTES, BlockId, FreezeKind, HashIndex, Headroom, Heap, Slab};
use crate::core::ids::OperatorId;
use crate::core::limits::{SHADOW_BLOCKS_PER_ROW, STATE_BLOCKS_PER_ROW};
use crate::core::morsel::{Morsel, ShapeId};
use crate::core::operator::view::harness::{Bag, Given, Harness, Made, add, delta, deltas};
use crate::core::operator::{Item, Operator, Port, Stop};
use crate::core::row::RowLayout;
use crate::core::row::random::Prng;

const LEFT: [DataType; 3] = [DataType::Text, DataType::Int, DataType::Double];
const RIGHT: [DataType; 2] = [DataType::Int, DataType::Text];
const KEYS: [&[usize]; 2] = [&[0, 1], &[1, 0]];

fn options(keys: [&[usize]; 2], inputs: [&[DataType]; 2]) -> JoinOptions {
    JoinOptions {
        kind: JoinKind::Inner,
        keys: keys.map(<[usize]>::to_vec),
        nulls_equal: false,
        condition: None,
        inputs: inputs.map(<[DataType]>::to_vec),
        retracts: [true, true],
        within: None,
        left_shape: ShapeId(0),
        both_shape: ShapeId(2),
        output_shape: ShapeId(2),
    }
}

fn start(seed: u64, keys: [&[usize]; 2], inputs: [&[DataType]; 2]) -> (Harness, Join) {
    start_with(seed, options(keys, inputs))
}

fn start_with(seed: u64, options: JoinOptions) -> (Harness, Join) {
    let [left, right] = &options.inputs;
    let output = match options.kind {
        JoinKind::Semi | JoinKind::Anti => left.clone(),
        JoinKind::Mark => [left.as_slice(), &[DataType::Boolean]].concat(),
        _ => [left.as_slice(), right].concat(),
    };
    let mut harness = Harness::new(seed, &[left, right, &output]);
    let mut join = Join::new(harness.place(), options, harness.root()).unwrap();
    join.create(&mut harness.arena);
    (harness, join)
}

/// What a join is to be like.
#[derive(Clone, Copy, Debug)]
struct Case {
    kind: JoinKind,
    keys: [&'static [usize]; 2],
    nulls_equal: bool,
    /// Whether the text of the right side must be above that of the left.
    condition: bool,
    retracts: [bool; 2],
}

impl Case {
    fn options(self) -> JoinOptions {
        let names = |side: &str, types: &[DataType]| -> Vec<Field> {
            let field = |(at, of): (usize, &DataType)| Field::nullable(format!("{side}{at}"), *of);
            types.iter().enumerate().map(field).collect()
        };
        let both = [names("l", &LEFT), names("r", &RIGHT)].concat();
        let above = Expr::col("r1").gt(Expr::col("l0"));
        let compiled = |schema: Schema| {
            let bound = above.bind(&schema).unwrap();
            Arc::new(Program::compile(&[bound], &schema).unwrap())
        };
        JoinOptions {
            kind: self.kind,
            nulls_equal: self.nulls_equal,
            condition: self.condition.then(|| compiled(Schema::new(both).unwrap())),
            retracts: self.retracts,
            ..options(self.keys, [&LEFT, &RIGHT])
        }
    }

    fn matches(self, left: &[Value], right: &[Value]) -> bool {
        let mut pairs = self.keys[0].iter().zip(self.keys[1]).map(|(&l, &r)| (&left[l], &right[r]));
        let equal = pairs.all(|(left, right)| match left.is_null() || right.is_null() {
            true => self.nulls_equal && left == right,
            false => left == right,
        });
        let above = || !left[0].is_null() && !right[1].is_null() && right[1] > left[0];
        equal && (!self.condition || above())
    }

    /// The join of two bags, pair by pair.
    fn nested_loops(self, left: &Bag, right: &Bag) -> Bag {
        let mut joined = Bag::new();
        let nulls = |width| vec![Value::Null; width];
        let some = |weights: i64| weights > 0;
        for (row, weight) in left {
            let mut matches = 0;
            for (other, other_weight) in right.iter().filter(|(other, _)| self.matches(row, other))
            {
                matches += other_weight;
                if self.kind.pairs() {
                    let pair = [row.as_slice(), other].concat();
                    add(&mut joined, &pair, weight * other_weight);
                }
            }
            let alone = match (self.kind, some(matches)) {
                (JoinKind::Left | JoinKind::Full, false) => [row.clone(), nulls(2)].concat(),
                (JoinKind::Semi, true) | (JoinKind::Anti, false) => row.clone(),
                (JoinKind::Mark, is) => [row.as_slice(), &[Value::Boolean(is)]].concat(),
                _ => continue,
            };
            add(&mut joined, &alone, *weight);
        }
        if let JoinKind::Right | JoinKind::Full = self.kind {
            for (row, weight) in right {
                let matches = left.iter().filter(|(other, _)| self.matches(other, row));
                if !some(matches.map(|(_, weight)| weight).sum()) {
                    add(&mut joined, &[nulls(3), row.clone()].concat(), *weight);
                }
            }
        }
        joined
    }
}

fn random_deltas(
    prng: &mut Prng,
    types: &[DataType],
    retracts: bool,
    twin: &mut Bag,
) -> Vec<Given> {
    let mut given = Vec::new();
    for _ in 0..prng.below(40) {
        let known = twin.keys().nth(prng.below(twin.len().max(1) * 2)).cloned();
        let row = known.unwrap_or_else(|| prng.row(types, 3));
        let weights = if retracts { [1, 1, 2, 0, -1, -1, -2] } else { [1; 7] };
        let weight = weights[prng.below(7)];
        add(twin, &row, weight);
        given.push(delta(row, weight));
    }
    given
}

fn run(seed: u64, case: Case) {
    let inputs: [&[DataType]; 2] = [&LEFT, &RIGHT];
    let (mut harness, mut join) = start_with(seed, case.options());
    let prng = &mut Prng::new(seed + 1000);
    let (mut twins, mut joined) = ([Bag::new(), Bag::new()], Bag::new());
    let mut give = |harness: &mut Harness, join: &mut Join, side: usize, given: &[Given]| {
        let made = harness.give(join, Port(side as u8), ShapeId(side as u16), given);
        for given in deltas(&made.emitted) {
            assert_ne!(given.weight, 0);
            add(&mut joined, &given.row, given.weight);
        }
        joined.clone()
    };
    for turn in 0..40 {
        let side = prng.below(2);
        let given = random_deltas(prng, inputs[side], case.retracts[side], &mut twins[side]);
        let joined = give(&mut harness, &mut join, side, &given);
        let expected = case.nested_loops(&twins[0], &twins[1]);
        assert_eq!(joined, expected, "seed {seed} turn {turn} of {case:?}");
        if prng.below(5) == 0 {
            harness.barrier(&mut join);
            // Nothing of a join is outside of its zone.
            join = Join::new(harness.place(), case.options(), harness.root()).unwrap();
        }
    }
    if case.retracts != [true, true] {
        return;
    }
    for (side, twin) in twins.iter().enumerate() {
        let all: Vec<_> = twin.iter().map(|(row, &weight)| delta(row.clone(), -weight)).collect();
        give(&mut harness, &mut join, side, &all);
    }
    assert_eq!(give(&mut harness, &mut join, 0, &[]), Bag::new());
    for side in &join.sides {
        assert_eq!(side.counts(&harness.arena), [0; 3], "nothing is left behind");
    }
}

#[test]
fn random_deltas_on_both_sides_make_what_nested_loops_make() {
    let keys: [[&[usize]; 2]; 3] = [KEYS, [&[1], &[0]], [&[], &[]]];
    for seed in 0..84 {
        let kind = JoinKind::ALL[seed % 7];
        let draw = &mut Prng::new(seed as u64);
        let mut is = || draw.below(3) == 0;
        let (nulls_equal, condition, appends) = (is(), is(), [is(), is()]);
        let condition = condition && kind != JoinKind::Inner;
        let retracts = appends.map(|appends| !appends);
        let keys = keys[draw.below(3)];
        run(seed as u64, Case { kind, keys, nulls_equal, condition, retracts });
    }
}

const IDS: [DataType; 2] = [DataType::Int, DataType::BigInt];

fn pair(key: i32, id: i64) -> Given {
    Given { row: vec![Value::Int(key), Value::BigInt(id)], weight: 1, tie: id as u128 }
}

fn ids(morsels: &[Morsel]) -> Vec<(Value, Value)> {
    let made = deltas(morsels).into_iter();
    made.map(|given| (given.row[1].clone(), given.row[3].clone())).collect()
}

#[test]
fn a_delta_with_more_matches_than_fuel_or_a_morsel_holds_makes_each_once() {
    for fuel_max in [1, 7, 5000] {
        let (mut harness, mut join) = start(1, [&[0], &[0]], [&IDS, &IDS]);
        let many: Vec<_> = (0..2500).map(|id| pair(7, id)).collect();
        harness.give(&mut join, Port(0), ShapeId(0), &many);
        harness.fuel_max = fuel_max;
        let made = harness.give(&mut join, Port(1), ShapeId(1), &[pair(7, 1), pair(7, 2)]).emitted;
        assert!(fuel_max < 5000 || made.iter().any(|morsel| morsel.rows() == 1024));
        let mut seen = BTreeMap::new();
        ids(&made).into_iter().for_each(|pair| *seen.entry(pair).or_insert(0) += 1);
        assert_eq!(seen.len(), 5000);
        assert!(seen.values().all(|&count| count == 1));
    }
}

#[test]
fn the_tie_of_a_pair_is_the_left_tie_and_the_right_tie() {
    let (mut harness, mut join) = start(4, [&[0], &[0]], [&IDS, &IDS]);
    let prng = &mut Prng::new(4);
    for turn in 0..20 {
        let side = prng.below(2);
        let given: Vec<_> =
            (0..20).map(|at| pair(prng.below(5) as i32, 1 + turn * 20 + at)).collect();
        let made = harness.give(&mut join, Port(side as u8), ShapeId(side as u16), &given);
        for given in deltas(&made.emitted) {
            let &[_, Value::BigInt(left), _, Value::BigInt(right)] = given.row.as_slice() else {
                panic!("{:?}", given.row)
            };
            assert_eq!(given.tie, (left as u128) << 64 | right as u128);
        }
    }
}

#[test]
fn pairs_of_plain_rows_carry_neither_weights_nor_ties() {
    let (mut harness, mut join) = start(5, [&[0], &[0]], [&IDS, &IDS]);
    let plain = Given { tie: 0, ..pair(1, 1) };
    harness.give(&mut join, Port(0), ShapeId(0), std::slice::from_ref(&plain));
    let made = harness.give(&mut join, Port(1), ShapeId(1), &[plain]).emitted;
    assert_eq!(made.len(), 1);
    assert_eq!((made[0].rows(), made[0].weights.len(), made[0].ties.is_empty()), (1, 0, true));
}

#[test]
fn weights_multiply_and_a_retraction_takes_its_pairs_back() {
    let (mut harness, mut join) = start(6, [&[0], &[0]], [&IDS, &IDS]);
    let give = |harness: &mut Harness, join: &mut Join, side: usize, weight| {
        let given = Given { weight, ..pair(1, 1) };
        let made = harness.give(join, Port(side as u8), ShapeId(side as u16), &[given]);
        deltas(&made.emitted).iter().map(|given| given.weight).collect::<Vec<_>>()
    };
    assert!(give(&mut harness, &mut join, 0, 3).is_empty());
    assert_eq!(give(&mut harness, &mut join, 1, -2), [-6]);
    assert_eq!(give(&mut harness, &mut join, 0, -1), [2]);
    assert_eq!(give(&mut harness, &mut join, 1, 2), [4]);
    assert!(give(&mut harness, &mut join, 0, 5).is_empty());
}

#[test]
fn a_join_that_a_freeze_leaves_no_memory_waits_behind_the_matches_it_has_made() {
    let mut harness = Harness::with_copies(7, &[&IDS, &IDS, &[IDS, IDS].concat()], 0);
    let options = options([&[0], &[0]], [&IDS, &IDS]);
    let mut join = Join::new(harness.place(), options, harness.root()).unwrap();
    join.create(&mut harness.arena);
    harness.give(&mut join, Port(0), ShapeId(0), &[pair(7, 1), pair(7, 2)]);
    harness.barrier(&mut join);
    let item = Item::Rows(harness.morsel(ShapeId(1), &[pair(7, 1), pair(7, 2)]));
    let mut made = Made::default();
    harness.work(&mut join, Some((Port(1), item)), &mut made);
    for _ in 0..10 {
        assert!(!harness.work(&mut join, None, &mut made));
    }
    assert_eq!(ids(&made.emitted).len(), 2, "those of the first row");
    harness.arena.release(FreezeKind::Read);
    harness.drain(&mut join, &mut made);
    assert_eq!(ids(&made.emitted).len(), 4);
}

#[test]
fn what_rows_take_at_most_is_asked_for() {
    for (texts, rows) in [(0, 1), (0, 300), (1, 8), (60, 8)] {
        let layout = RowLayout::new(&vec![DataType::Text; texts]);
        assert!(rows <= layout.rows_per_look());
        let index = HashIndex::headroom(rows as u32);
        // A tree of times that is as high as one with as many rows as slots have numbers.
        let tree = rows as u32 * 6 + 16;
        let tree = Headroom { state_blocks: tree, shadow_blocks: tree + 1 };
        let need = Slab::headroom(rows as u32).plus(index).plus(index).plus(tree);
        let need = need.plus(Heap::headroom((rows * texts) as u32, 0));
        let slack = (layout.slack_bytes() + ByTime::GROWTH_BYTES) / (BLOCK_BYTES / 2);
        assert!(need.state_blocks as usize <= rows * STATE_BLOCKS_PER_ROW + slack);
        // Beside its own slot, a row that comes or goes writes to both neighbours in its chain, and to
        // the first of the chain.
        let copies = need.shadow_blocks as usize + rows * 3;
        assert!(copies <= rows * SHADOW_BLOCKS_PER_ROW + slack, "{copies} for {rows} rows");
    }
}

#[test]
fn a_join_of_too_wide_rows_is_refused() {
    let wide = [DataType::Text; 70];
    let place = Harness::new(0, &[]).place();
    let error = Join::new(place, options([&[0], &[1]], [&wide, &RIGHT]), BlockId(0)).err().unwrap();
    assert_eq!(error.sqlstate, "54000");
}

#[test]
fn a_pair_that_is_there_too_often_stops_the_operator_and_not_the_process() {
    let (mut harness, mut join) = start(1, KEYS, [&LEFT, &RIGHT]);
    harness.fuel_max = 5000;
    let (left, right) = (
        vec![Value::text("k"), Value::Int(1), Value::Double(0.0)],
        vec![Value::Int(1), Value::text("k")],
    );
    let often = 1 << 20;
    let mut made = Made::default();
    let morsel = harness.morsel(ShapeId(0), &[delta(left, often)]);
    harness.work(&mut join, Some((Port(0), Item::Rows(morsel))), &mut made);
    harness.drain(&mut join, &mut made);
    let morsel = harness.morsel(ShapeId(1), &[delta(right, often)]);
    harness.work(&mut join, Some((Port(1), Item::Rows(morsel))), &mut made);
    harness.stop_expected = Some(Stop::Weight(OperatorId(0)));
    harness.work(&mut join, None, &mut made);
}

#[test]
fn rows_that_came_from_different_places_or_differ_in_the_sign_of_zero_are_kept_apart() {
    let (mut harness, mut join) = start(1, KEYS, [&LEFT, &RIGHT]);
    let row = |zero| vec![Value::text("k"), Value::Int(1), Value::Double(zero)];
    let from = |zero, tie| Given { row: row(zero), weight: 1, tie };
    let given = [from(0.0, 1), from(0.0, 2), from(-0.0, 1), from(0.0, 1)];
    let mut made = Made::default();
    let morsel = harness.morsel(ShapeId(0), &given);
    harness.work(&mut join, Some((Port(0), Item::Rows(morsel))), &mut made);
    harness.drain(&mut join, &mut made);
    let [left, _] = &join.sides;
    assert_eq!(left.counts(&harness.arena), [3, 3, 1]);
}

mod within;

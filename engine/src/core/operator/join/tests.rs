use std::collections::BTreeMap;

use sluicedb_sql::{DataType, Value};

use super::{Join, JoinOptions};
use crate::core::arena::{BLOCK_BYTES, BlockId, FreezeKind, HashIndex, Heap, Slab};
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
        keys: keys.map(<[usize]>::to_vec),
        inputs: inputs.map(<[DataType]>::to_vec),
        output_shape: ShapeId(2),
    }
}

fn start(seed: u64, keys: [&[usize]; 2], inputs: [&[DataType]; 2]) -> (Harness, Join) {
    let both: Vec<_> = inputs.concat();
    let mut harness = Harness::new(seed, &[inputs[0], inputs[1], &both]);
    let mut join = Join::new(harness.place(), options(keys, inputs), harness.root()).unwrap();
    join.create(&mut harness.arena);
    (harness, join)
}

/// The join of two bags, pair by pair.
fn nested_loops(left: &Bag, right: &Bag, keys: [&[usize]; 2]) -> Bag {
    let mut joined = Bag::new();
    for (left, left_weight) in left {
        for (right, right_weight) in right {
            let mut pairs = keys[0].iter().zip(keys[1]).map(|(&l, &r)| (&left[l], &right[r]));
            if pairs.all(|(left, right)| !left.is_null() && left == right) {
                let row = [left.as_slice(), right].concat();
                add(&mut joined, &row, left_weight * right_weight);
            }
        }
    }
    joined
}

fn random_deltas(prng: &mut Prng, types: &[DataType], twin: &mut Bag) -> Vec<Given> {
    let mut given = Vec::new();
    for _ in 0..prng.below(40) {
        let known = twin.keys().nth(prng.below(twin.len().max(1) * 2)).cloned();
        let row = known.unwrap_or_else(|| prng.row(types, 3));
        let weight = [1, 1, 2, 0, -1, -1, -2][prng.below(7)];
        add(twin, &row, weight);
        given.push(delta(row, weight));
    }
    given
}

fn run(seed: u64) {
    let inputs: [&[DataType]; 2] = [&LEFT, &RIGHT];
    let (mut harness, mut join) = start(seed, KEYS, inputs);
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
        let given = random_deltas(prng, inputs[side], &mut twins[side]);
        let joined = give(&mut harness, &mut join, side, &given);
        assert_eq!(joined, nested_loops(&twins[0], &twins[1], KEYS), "seed {seed} turn {turn}");
        if prng.below(5) == 0 {
            harness.barrier(&mut join);
            // Nothing of a join is outside of its zone.
            let options = options(KEYS, inputs);
            join = Join::new(harness.place(), options, harness.root()).unwrap();
        }
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
    for seed in 0..30 {
        run(seed);
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
        let need = Slab::headroom(rows as u32).plus(index).plus(index);
        let need = need.plus(Heap::headroom((rows * texts) as u32, 0));
        let slack = layout.slack_bytes() / (BLOCK_BYTES / 2);
        assert!(need.state_blocks as usize <= rows * STATE_BLOCKS_PER_ROW + slack);
        // Beside its own slot, a row that comes or goes writes to both neighbours in its chain.
        let copies = need.shadow_blocks as usize + rows * 2;
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

use std::cmp::Ordering;

use sluicedb_sql::plan::{OrderBy, Ranking};
use sluicedb_sql::{DataType, Value};

use super::{Top, TopOptions};
use crate::core::morsel::ShapeId;
use crate::core::operator::view::harness::{Bag, Given, Harness, add, delta, deltas};
use crate::core::operator::{Operator, Port};
use crate::core::row::random::Prng;

const TYPES: [DataType; 4] = [DataType::Text, DataType::Int, DataType::Text, DataType::BigInt];

fn options(prng: &mut Prng) -> TopOptions {
    let by = |prng: &mut Prng| OrderBy {
        column: 1 + prng.below(3),
        descending: prng.below(2) == 0,
        nulls_first: prng.below(2) == 0,
    };
    let first = 1 + prng.below(3) as u64 / 2;
    TopOptions {
        partition: [vec![], vec![0], vec![0, 2]][prng.below(3)].clone(),
        by: (0..prng.below(3)).map(|_| by(prng)).collect(),
        ranking: [Ranking::RowNumber, Ranking::Rank, Ranking::DenseRank][prng.below(3)],
        first,
        last: first - 1 + prng.below(5) as u64,
        numbered: prng.below(2) == 0,
        as_they_came: prng.below(2) == 0,
        retracts: prng.below(2) == 0,
        input: TYPES.to_vec(),
        output_shape: ShapeId(1),
    }
}

/// Rows as often as they are there, with where they came from.
type Kept = std::collections::BTreeMap<(Vec<Value>, u128), i64>;

fn order(by: &[OrderBy], left: &[Value], right: &[Value]) -> Ordering {
    let one = |by: &OrderBy| {
        let (left, right) = (&left[by.column], &right[by.column]);
        let nulls = left.is_null() || right.is_null();
        let turned = if nulls { by.nulls_first } else { by.descending };
        if turned { right.cmp(left) } else { left.cmp(right) }
    };
    by.iter().map(one).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The first rows of each partition, by sorting all rows.
fn sorted(kept: &Kept, options: &TopOptions) -> Bag {
    let mut partitions = std::collections::BTreeMap::<Vec<Value>, Vec<&(Vec<Value>, u128)>>::new();
    for (row, &weight) in kept {
        let key = options.partition.iter().map(|&column| row.0[column].clone()).collect();
        let times = usize::try_from(weight).unwrap_or(0);
        partitions.entry(key).or_default().extend(std::iter::repeat_n(row, times));
    }
    let mut out = Bag::new();
    for rows in partitions.values_mut() {
        rows.sort_by(|(left, left_tie), (right, right_tie)| {
            order(&options.by, left, right)
                .then(left_tie.cmp(right_tie))
                .then_with(|| left.cmp(right))
        });
        let (mut rank, mut dense) = (0, 0);
        for (at, (row, _)) in rows.iter().enumerate() {
            if at == 0 || order(&options.by, &rows[at - 1].0, row).is_ne() {
                (rank, dense) = (at as u64 + 1, dense + 1);
            }
            let number = match options.ranking {
                Ranking::RowNumber => at as u64 + 1,
                Ranking::Rank => rank,
                Ranking::DenseRank => dense,
            };
            if (options.first..=options.last).contains(&number) {
                let mut row = row.clone();
                row.extend(options.numbered.then_some(Value::BigInt(number as i64)));
                add(&mut out, &row, 1);
            }
        }
    }
    out
}

fn random_deltas(
    prng: &mut Prng,
    options: &TopOptions,
    kept: &mut Kept,
    next: &mut u128,
) -> Vec<Given> {
    let mut given = Vec::new();
    for _ in 0..prng.below(40) {
        let known = kept.keys().nth(prng.below(kept.len().max(1) * 2)).cloned();
        let (row, tie, weight) = match known.filter(|_| options.retracts) {
            Some((row, tie)) => (row, tie, [1, 2, 0, -1, -1, -2][prng.below(6)]),
            None => (prng.row(&TYPES, 4), if options.as_they_came { *next } else { 0 }, 1),
        };
        *next += 1;
        let held = kept.entry((row.clone(), tie)).or_default();
        *held += weight;
        if *held == 0 {
            kept.remove(&(row.clone(), tie));
        }
        given.push(Given { row, weight, tie });
    }
    given
}

fn run(seed: u64) {
    let prng = &mut Prng::new(seed + 1000);
    let options = options(prng);
    let mut output = TYPES.to_vec();
    output.extend(options.numbered.then_some(DataType::BigInt));
    let mut harness = Harness::new(seed, &[&TYPES, &output]);
    let make =
        |harness: &Harness| Top::new(harness.place(), options.clone(), harness.root()).unwrap();
    let mut top = make(&harness);
    top.create(&mut harness.arena);
    let (mut kept, mut held, mut next) = (Kept::new(), Bag::new(), 1);
    for turn in 0..40 {
        let given = random_deltas(prng, &options, &mut kept, &mut next);
        for given in deltas(&harness.give(&mut top, Port(0), ShapeId(0), &given).emitted) {
            assert_ne!(given.weight, 0);
            add(&mut held, &given.row, given.weight);
        }
        assert_eq!(held, sorted(&kept, &options), "seed {seed} turn {turn} {options:?}");
        if prng.below(5) == 0 {
            harness.barrier(&mut top);
            // Nothing of it is outside of its zone.
            top = make(&harness);
        }
    }
    if !options.retracts {
        return;
    }
    let all: Vec<_> = kept
        .iter()
        .map(|((row, tie), &weight)| Given { row: row.clone(), weight: -weight, tie: *tie })
        .collect();
    for given in deltas(&harness.give(&mut top, Port(0), ShapeId(0), &all).emitted) {
        add(&mut held, &given.row, given.weight);
    }
    assert_eq!(held, Bag::new());
    assert_eq!(top.ordered.counts(&harness.arena), [0; 4], "nothing is left behind");
}

#[test]
fn random_deltas_leave_what_sorting_all_rows_leaves() {
    for seed in 0..60 {
        run(seed);
    }
}

fn first_two(retracts: bool) -> TopOptions {
    TopOptions {
        partition: vec![],
        by: vec![OrderBy { column: 0, descending: true, nulls_first: false }],
        ranking: Ranking::RowNumber,
        first: 1,
        last: 2,
        numbered: false,
        as_they_came: true,
        retracts,
        input: vec![DataType::BigInt],
        output_shape: ShapeId(0),
    }
}

#[test]
fn rows_behind_the_last_are_kept_only_where_one_in_front_may_go() {
    for retracts in [false, true] {
        let mut harness = Harness::new(1, &[&[DataType::BigInt]]);
        let options = first_two(retracts);
        let mut top = Top::new(harness.place(), options, harness.root()).unwrap();
        top.create(&mut harness.arena);
        let rows: Vec<_> =
            (0..100).map(|at| delta(vec![Value::BigInt(at * 37 % 100)], 1)).collect();
        harness.give(&mut top, Port(0), ShapeId(0), &rows);
        let rows = if retracts { 100 } else { 2 };
        assert_eq!(top.ordered.counts(&harness.arena), [rows, 1, 1, rows]);
        // Nothing is put out for a row that is behind.
        let made = harness.give(&mut top, Port(0), ShapeId(0), &[delta(vec![Value::BigInt(5)], 1)]);
        assert!(made.emitted.is_empty());
    }
}

use sluicedb_sql::plan::{Edge, Frame, Function, OrderBy, OverCall, OverFunction, Unit};
use sluicedb_sql::{DataType, Value};

use super::{Over, OverOptions};
use crate::core::morsel::ShapeId;
use crate::core::operator::view::harness::{Bag, Given, Harness, add, delta, deltas};
use crate::core::operator::{Operator, Port};
use crate::core::row::random::Prng;

const TYPES: [DataType; 4] = [DataType::Text, DataType::Int, DataType::Text, DataType::BigInt];

fn call(prng: &mut Prng, counted: bool) -> (OverCall, DataType) {
    let some = 1 + prng.below(3) as i64;
    let number = (DataType::BigInt, None);
    let argument = prng.below(TYPES.len());
    let value = (TYPES[argument], Some(argument));
    let (function, (data_type, argument)) = match prng.below(12) {
        0 => (OverFunction::RowNumber, number),
        1 => (OverFunction::Rank, number),
        2 => (OverFunction::DenseRank, number),
        3 => (OverFunction::CumeDist, (DataType::Double, None)),
        4 => (OverFunction::Ntile(some as u64), number),
        5 => (OverFunction::Lag(some), value),
        6 => (OverFunction::Lag(-some), value),
        7 => (OverFunction::FirstValue, value),
        8 => (OverFunction::LastValue, value),
        9 => (OverFunction::Aggregate(Function::Sum), (DataType::BigInt, Some(1))),
        10 => (OverFunction::Aggregate(Function::Max), value),
        _ => (OverFunction::NthValue(some as u64), value),
    };
    let edges = [Edge::First, Edge::Before(i128::from(some)), Edge::Current];
    let ends = [Edge::Current, Edge::After(i128::from(some)), Edge::Last];
    let unit = [Unit::Rows, Unit::Range, Unit::Groups][prng.below(3)];
    let mut frame = Frame { unit, start: edges[prng.below(3)], end: ends[prng.below(3)] };
    if unit == Unit::Range && !counted && frame.counts() {
        frame = Frame { unit, start: Edge::First, end: Edge::Current };
    }
    let name = String::new();
    (OverCall { name, function, argument, default: None, filter: None, frame }, data_type)
}

fn options(prng: &mut Prng) -> OverOptions {
    let by = |prng: &mut Prng| OrderBy {
        column: [1, 3, 1, 2][prng.below(4)],
        descending: prng.below(2) == 0,
        nulls_first: prng.below(2) == 0,
    };
    let by: Vec<OrderBy> = (0..prng.below(3)).map(|_| by(prng)).collect();
    let counted = matches!(by[..], [OrderBy { column: 1 | 3, .. }]);
    let (calls, results) = (0..1 + prng.below(3)).map(|_| call(prng, counted)).unzip();
    OverOptions {
        partition: [vec![], vec![0]][prng.below(2)].clone(),
        by,
        calls,
        as_they_came: false,
        input: TYPES.to_vec(),
        results,
        output_shape: ShapeId(1),
    }
}

fn made(harness: &mut Harness, over: &mut Over, given: &[Given], held: &mut Bag) {
    for given in deltas(&harness.give(over, Port(0), ShapeId(0), given).emitted) {
        assert_ne!(given.weight, 0);
        add(held, &given.row, given.weight);
    }
}

fn start(seed: u64, options: &OverOptions) -> (Harness, Over) {
    let output = [TYPES.to_vec(), options.results.clone()].concat();
    let mut harness = Harness::new(seed, &[&TYPES, &output]);
    let mut over = Over::new(harness.place(), options.clone(), harness.root()).unwrap();
    over.create(&mut harness.arena);
    (harness, over)
}

fn run(seed: u64) {
    let prng = &mut Prng::new(seed + 1000);
    let options = options(prng);
    let (mut harness, mut over) = start(seed, &options);
    let (mut kept, mut held) = (Bag::new(), Bag::new());
    for turn in 0..12 {
        let mut given = Vec::new();
        for _ in 0..prng.below(20) {
            let known = kept.keys().nth(prng.below(kept.len().max(1) * 2)).cloned();
            let row = known.unwrap_or_else(|| prng.row(&TYPES, 4));
            let weight = [1, 1, 2, 0, -1, -1, -2][prng.below(7)];
            add(&mut kept, &row, weight);
            given.push(delta(row, weight));
        }
        made(&mut harness, &mut over, &given, &mut held);
        // Whatever came when, the results are those of the rows that are there.
        let all: Vec<Given> =
            kept.iter().map(|(row, &weight)| delta(row.clone(), weight)).collect();
        let (mut other, mut fresh) = start(seed + 1, &options);
        let mut at_once = Bag::new();
        made(&mut other, &mut fresh, &all, &mut at_once);
        assert_eq!(held, at_once, "seed {seed} turn {turn} {options:?}");
        if prng.below(5) == 0 {
            harness.barrier(&mut over);
            // Nothing of it is outside of its zone.
            over = Over::new(harness.place(), options.clone(), harness.root()).unwrap();
        }
    }
    let all: Vec<Given> = kept.iter().map(|(row, &weight)| delta(row.clone(), -weight)).collect();
    made(&mut harness, &mut over, &all, &mut held);
    assert_eq!(held, Bag::new());
    assert_eq!(over.ordered.counts(&harness.arena), [0; 4], "nothing is left behind");
}

#[test]
fn results_hang_on_the_rows_that_are_there_and_not_on_how_they_came() {
    for seed in 0..80 {
        run(seed);
    }
}

#[test]
fn a_sum_that_does_not_fit_withholds_its_row_until_it_does() {
    let function = OverFunction::Aggregate(Function::Sum);
    let (name, frame) = (String::new(), Frame::ALL);
    let call = OverCall { name, function, argument: Some(0), default: None, filter: None, frame };
    let wide = DataType::Decimal { precision: 38, scale: 0 };
    let options = OverOptions {
        partition: vec![],
        by: vec![],
        calls: vec![call],
        as_they_came: false,
        input: vec![wide],
        results: vec![wide],
        output_shape: ShapeId(1),
    };
    let mut harness = Harness::new(1, &[&[wide], &[wide, wide]]);
    let mut over = Over::new(harness.place(), options, harness.root()).unwrap();
    over.create(&mut harness.arena);
    let units = 10_i128.pow(38) - 1;
    let row = |units| vec![Value::Decimal { units, scale: 0 }];
    harness.withholds = true;
    let mut held = Bag::new();
    made(&mut harness, &mut over, &[delta(row(units), 1)], &mut held);
    assert_eq!((held.len(), over.withheld(&harness.arena)), (1, 0));
    made(&mut harness, &mut over, &[delta(row(1), 1)], &mut held);
    assert_eq!((held.len(), over.withheld(&harness.arena)), (0, 2));
    made(&mut harness, &mut over, &[delta(row(-1), 1)], &mut held);
    assert_eq!((held.len(), over.withheld(&harness.arena)), (3, 0));
}

#[test]
fn a_frame_slides_and_a_row_in_front_hears_of_who_comes_behind() {
    let call = |function, argument, frame| {
        let name = String::new();
        OverCall { name, function, argument: Some(argument), default: None, filter: None, frame }
    };
    let (unit, start, end) = (Unit::Rows, Edge::Before(1), Edge::Current);
    let sum = call(OverFunction::Aggregate(Function::Sum), 0, Frame { unit, start, end });
    let next = call(OverFunction::Lag(-1), 0, Frame::ALL);
    let options = OverOptions {
        partition: vec![],
        by: vec![OrderBy { column: 0, descending: false, nulls_first: false }],
        calls: vec![sum, next],
        as_they_came: false,
        input: vec![DataType::Int],
        results: vec![DataType::BigInt, DataType::Int],
        output_shape: ShapeId(1),
    };
    let output = [DataType::Int, DataType::BigInt, DataType::Int];
    let mut harness = Harness::new(1, &[&[DataType::Int], &output]);
    let mut over = Over::new(harness.place(), options, harness.root()).unwrap();
    over.create(&mut harness.arena);
    let mut held = Bag::new();
    let given = |rows: &[i32]| -> Vec<Given> {
        rows.iter().map(|&row| delta(vec![Value::Int(row)], 1)).collect()
    };
    let is = |row: i32, sum: i64, next: Option<i32>| {
        let next = next.map_or(Value::Null, Value::Int);
        (vec![Value::Int(row), Value::BigInt(sum), next], 1)
    };
    made(&mut harness, &mut over, &given(&[1, 2, 4]), &mut held);
    assert_eq!(held, Bag::from([is(1, 1, Some(2)), is(2, 3, Some(4)), is(4, 6, None)]));
    made(&mut harness, &mut over, &given(&[3]), &mut held);
    assert_eq!(
        held,
        Bag::from([is(1, 1, Some(2)), is(2, 3, Some(3)), is(3, 5, Some(4)), is(4, 7, None)])
    );
}

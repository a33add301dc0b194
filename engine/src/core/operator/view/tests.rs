use std::panic::{AssertUnwindSafe, catch_unwind};

use sluicedb_sql::{Column, DataType, Value};

use super::harness::{Bag, Given, Harness, Made, add, delta, deltas};
use super::{View, ViewCursor, ViewOptions, ViewReader};
use crate::core::arena::{BlockId, Blocks, FreezeKind};
use crate::core::hash::hash_rows;
use crate::core::ids::ViewId;
use crate::core::morsel::ShapeId;
use crate::core::operator::{Item, Operator, Port};
use crate::core::row::random::{Prng, columns, rows};

const TYPES: [DataType; 4] =
    [DataType::Text, DataType::Int, DataType::Double, DataType::Decimal { precision: 9, scale: 2 }];

fn options(key: &[usize], consolidated: bool) -> ViewOptions {
    ViewOptions {
        view: ViewId(3),
        types: TYPES.to_vec(),
        shape: ShapeId(0),
        key: key.to_vec(),
        consolidated,
        kept: true,
    }
}

fn start(seed: u64, options: &ViewOptions) -> (Harness, View, ViewReader) {
    let mut harness = Harness::new(seed, &[&TYPES]);
    let mut view = View::new(harness.place(), options.clone(), harness.root()).unwrap();
    view.create(&mut harness.arena);
    let reader = ViewReader::new(options, harness.root()).unwrap();
    (harness, view, reader)
}

fn empty() -> Vec<Column> {
    TYPES.iter().map(|&data_type| Column::new(data_type)).collect()
}

fn bag(columns: &[Column], weights: &[i64]) -> Bag {
    let mut bag = Bag::new();
    for (row, &weight) in rows(columns).iter().zip(weights) {
        assert_eq!(bag.insert(row.clone(), weight), None, "a row is in a view once");
    }
    bag
}

/// Compares all ways of reading a view with rows that were kept by the book.
fn compare(reader: &ViewReader, blocks: &impl Blocks, twin: &Bag, prng: &mut Prng) {
    let (mut out, mut weights) = (empty(), Vec::new());
    let mut cursor = Some(ViewCursor::default());
    while let Some(from) = cursor {
        let max = 1 + prng.below(40);
        let before = weights.len();
        cursor = reader.rows(blocks, from, max, &mut out, &mut weights);
        assert!(weights.len() <= before + max);
    }
    assert_eq!(bag(&out, &weights), *twin);
}

fn compare_keys(reader: &ViewReader, key: &[usize], blocks: &impl Blocks, twin: &Bag) {
    let key_of = |row: &[Value]| key.iter().map(|&at| row[at].clone()).collect::<Vec<_>>();
    let mut keys: Vec<_> = twin.keys().map(|row| key_of(row)).collect();
    keys.push(key.iter().map(|_| Value::Null).collect());
    for key in &keys {
        let (mut out, mut weights) = (empty(), Vec::new());
        reader.find(blocks, key, &mut out, &mut weights);
        let expected = twin.iter().filter(|(row, _)| key_of(row) == *key);
        assert_eq!(bag(&out, &weights), expected.map(|(r, w)| (r.clone(), *w)).collect());
    }
}

fn totals(twin: &Bag) -> (i64, u64) {
    let rows: Vec<_> = twin.keys().cloned().collect();
    let mut hashes = Vec::new();
    hash_rows(columns(&TYPES, &rows).iter(), rows.len(), &mut hashes);
    let digest = hashes.iter().zip(twin.values());
    let digest =
        digest.fold(0_u64, |sum, (hash, &w)| sum.wrapping_add(hash.wrapping_mul(w as u64)));
    (twin.values().sum(), digest)
}

/// Deltas of either sign; retractions may come before what they retract.
fn random_deltas(prng: &mut Prng, twin: &mut Bag) -> Vec<Given> {
    let count = 1 + prng.below(60);
    let mut given = Vec::new();
    for _ in 0..count {
        let known = twin.keys().nth(prng.below(twin.len().max(1) * 2)).cloned();
        let row = known.unwrap_or_else(|| prng.row(&TYPES, 5));
        let weight = [1, 1, 1, 2, 0, -1, -2][prng.below(7)];
        add(twin, &row, weight);
        given.push(delta(row, weight));
    }
    given
}

/// What lifts every row out of the negative.
fn amends(twin: &mut Bag) -> Vec<Given> {
    let negative = twin.iter().filter(|&(_, &weight)| weight < 0);
    let given: Vec<_> = negative.map(|(row, &w)| delta(row.clone(), -w + w.abs() % 2)).collect();
    given.iter().for_each(|given| add(twin, &given.row, given.weight));
    given
}

fn run(seed: u64, key: &[usize], consolidated: bool) {
    let options = options(key, consolidated);
    let (mut harness, mut view, reader) = start(seed, &options);
    let (mut twin, mut sealed, mut published) = (Bag::new(), Bag::new(), Bag::new());
    let prng = &mut Prng::new(seed + 1000);
    for epoch in 0..8 {
        for last in [false, false, true] {
            let given = if last { amends(&mut twin) } else { random_deltas(prng, &mut twin) };
            let made = harness.give(&mut view, Port(0), ShapeId(0), &given);
            let made = deltas(&made.published);
            assert!(made.is_empty() || !consolidated, "nothing before the barrier");
            made.iter().for_each(|given| add(&mut published, &given.row, given.weight));
            let shown = if consolidated { &sealed } else { &twin };
            compare(&reader, &harness.arena, shown, prng);
            assert_eq!(published, *shown);
            assert_eq!(reader.recount(&harness.arena), totals(&twin));
            if let Some(frozen) = harness.arena.frozen(FreezeKind::Read) {
                compare(&reader, &frozen, &sealed, prng);
                assert_eq!(reader.recount(&frozen), totals(&sealed));
            }
        }
        let made = deltas(&harness.barrier(&mut view).published);
        let mut net = Bag::new();
        for given in &made {
            assert_eq!(net.insert(given.row.clone(), given.weight), None, "one net change a row");
            add(&mut published, &given.row, given.weight);
        }
        sealed = twin.clone();
        assert_eq!(published, sealed);
        let frozen = harness.arena.frozen(FreezeKind::Read).unwrap();
        compare_keys(&reader, key, &frozen, &sealed);
        assert_eq!((reader.count(&frozen), reader.digest(&frozen)), totals(&sealed));
        if epoch == 4 {
            // Nothing of a view is outside of its zone.
            view = View::new(harness.place(), options.clone(), harness.root()).unwrap();
        }
    }
    let all: Vec<_> = twin.iter().map(|(row, &weight)| delta(row.clone(), -weight)).collect();
    harness.give(&mut view, Port(0), ShapeId(0), &all);
    harness.barrier(&mut view);
    compare(&reader, &harness.arena, &Bag::new(), prng);
    assert_eq!(reader.recount(&harness.arena), (0, 0));
}

#[test]
fn random_deltas_leave_what_a_map_of_rows_says() {
    for seed in 0..6 {
        for key in [&[0][..], &[1, 0], &[0, 1, 2, 3]] {
            run(seed, key, false);
        }
    }
}

#[test]
fn a_consolidated_view_publishes_the_net_of_each_epoch() {
    for seed in 0..6 {
        for key in [&[0][..], &[1, 0], &[0, 1, 2, 3]] {
            run(seed, key, true);
        }
    }
}

#[test]
fn a_stream_by_epoch_publishes_its_net_and_forgets_it() {
    for seed in 0..6 {
        let options = ViewOptions { kept: false, ..options(&[0, 1, 2, 3], true) };
        let (mut harness, mut stream, reader) = start(seed, &options);
        let prng = &mut Prng::new(seed + 1000);
        for _ in 0..8 {
            // What an epoch takes back may have come in any epoch before it.
            let mut net = Bag::new();
            for _ in 0..3 {
                let given = random_deltas(prng, &mut net);
                let made = harness.give(&mut stream, Port(0), ShapeId(0), &given);
                assert!(deltas(&made.published).is_empty(), "nothing before the barrier");
            }
            let mut published = Bag::new();
            for given in deltas(&harness.barrier(&mut stream).published) {
                assert_eq!(published.insert(given.row, given.weight), None, "one change a row");
            }
            assert_eq!(published, net);
            compare(&reader, &harness.arena, &Bag::new(), prng);
            assert_eq!(reader.recount(&harness.arena), (0, 0));
            assert_eq!(reader.count(&harness.arena), 0);
            stream = View::new(harness.place(), options.clone(), harness.root()).unwrap();
        }
    }
}

fn row(at: i32) -> Vec<Value> {
    let decimal = Value::Decimal { units: 1, scale: 2 };
    vec![Value::text("the one key of them all"), Value::Int(at), Value::Double(0.5), decimal]
}

#[test]
fn net_changes_are_published_in_the_order_of_the_first_touch() {
    let (mut harness, mut view, _) = start(1, &options(&[0], true));
    let epoch = |deltas: &[(i32, i64)]| -> Vec<Given> {
        deltas.iter().map(|&(at, weight)| delta(row(at), weight)).collect()
    };
    let mut run = |given: &[(i32, i64)]| -> Vec<(Value, i64)> {
        harness.give(&mut view, Port(0), ShapeId(0), &epoch(given));
        let made = deltas(&harness.barrier(&mut view).published);
        made.into_iter().map(|given| (given.row[1].clone(), given.weight)).collect()
    };
    let int = Value::Int;
    assert_eq!(run(&[(5, 1), (2, 1), (9, 1), (5, 1)]), [(int(5), 2), (int(2), 1), (int(9), 1)]);
    assert_eq!(
        run(&[(9, -1), (7, 1), (5, 3), (9, 1), (2, -1), (5, -4)]),
        [(int(7), 1), (int(5), -1), (int(2), -1)]
    );
    assert_eq!(run(&[(4, -1), (4, 1)]), []);
    assert_eq!(run(&[]), []);
}

#[test]
fn more_rows_than_a_morsel_holds_are_published_in_several() {
    let (mut harness, mut view, reader) = start(2, &options(&[0], true));
    harness.fuel_max = 100_000;
    let given: Vec<_> = (0..2500).map(|at| delta(row(at), 1)).collect();
    harness.give(&mut view, Port(0), ShapeId(0), &given);
    let made = harness.barrier(&mut view).published;
    assert!(made.iter().any(|morsel| morsel.rows() == 1024));
    let ids = deltas(&made).into_iter().map(|given| given.row[1].clone());
    assert!(ids.eq((0..2500).map(Value::Int)));
    assert_eq!(reader.count(&harness.arena), 2500);
}

#[test]
fn a_view_that_a_freeze_leaves_no_memory_waits_for_its_release() {
    for consolidated in [false, true] {
        let options = options(&[0], consolidated);
        let mut harness = Harness::with_copies(7, &[&TYPES], 0);
        let mut view = View::new(harness.place(), options.clone(), harness.root()).unwrap();
        view.create(&mut harness.arena);
        let reader = ViewReader::new(&options, harness.root()).unwrap();
        harness.barrier(&mut view);
        let item = Item::Rows(harness.morsel(ShapeId(0), &[delta(row(1), 1), delta(row(2), 1)]));
        let mut made = Made::default();
        harness.work(&mut view, Some((Port(0), item)), &mut made);
        assert!(!harness.work(&mut view, None, &mut made));
        assert_eq!(reader.recount(&harness.arena).0, 0);
        harness.arena.release(FreezeKind::Read);
        harness.drain(&mut view, &mut made);
        assert_eq!(reader.recount(&harness.arena).0, 2);
    }
}

#[test]
fn a_negative_row_at_a_barrier_is_a_broken_promise() {
    for consolidated in [false, true] {
        let (mut harness, mut view, _) = start(3, &options(&[0], consolidated));
        harness.give(&mut view, Port(0), ShapeId(0), &[delta(row(1), -1)]);
        let barrier = AssertUnwindSafe(|| drop(harness.barrier(&mut view)));
        let cause = catch_unwind(barrier).unwrap_err();
        let cause = cause.downcast_ref::<String>().unwrap();
        assert!(cause.contains("a view holds a row less than zero times"), "{cause}");
    }
}

#[test]
fn a_view_of_too_wide_rows_is_refused() {
    let place = Harness::new(0, &[]).place();
    let wide = ViewOptions { types: vec![DataType::Text; 70], ..options(&[0], false) };
    let error = View::new(place, wide, BlockId(0)).err().unwrap();
    assert_eq!(error.sqlstate, "54000");
}

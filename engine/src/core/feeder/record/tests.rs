//! What a record says of a row, and that a morsel of the row says the same.

use sluicedb_sql::{Field, Interval, Value};

use super::*;
use crate::core::feeder::{Cells, Feeder, FeederOptions, Progress};
use crate::core::hash::hash_rows;
use crate::core::ids::{Epoch, FeederId, ShardId, SourceId, Time};
use crate::core::morsel::{Pool, Shape, ShapeId, encode};

fn fields() -> Vec<Field> {
    let decimal = DataType::Decimal { precision: 38, scale: 2 };
    let types = [
        DataType::Boolean,
        DataType::Int,
        DataType::BigInt,
        DataType::Double,
        decimal,
        DataType::Text,
        DataType::Timestamp,
        DataType::Bytea,
        DataType::SmallInt,
        DataType::Interval,
        DataType::Real,
    ];
    let field = |(at, data_type)| Field::nullable(format!("c{at}"), data_type);
    types.into_iter().enumerate().map(field).collect()
}

fn row() -> Vec<Value> {
    vec![
        Value::Boolean(true),
        Value::Int(-5),
        Value::BigInt(i64::MIN),
        Value::Double(-0.0),
        Value::Decimal { units: -(1_i128 << 100), scale: 2 },
        Value::text("twelve bytes"),
        Value::Timestamp(-1),
        Value::bytea(&[0xff; 12]),
        Value::SmallInt(-3),
        Value::Interval(Interval::new(1, -2, 3).unwrap()),
        Value::Real(0.1),
    ]
}

fn feeder() -> (Feeder, Pool) {
    let options = FeederOptions {
        feeder: FeederId(3),
        source: SourceId(0),
        schema: Schema::new(fields()).unwrap(),
        shape: ShapeId(0),
        key: vec![0],
        time: None,
        tied: true,
        logged: false,
        shards: 1,
    };
    let types: Vec<_> = fields().iter().map(|field| field.data_type).collect();
    let pool = Pool::new(&[Shape(types.into())]);
    (Feeder::new(options, Progress { rows_numbered: 7, ..Progress::START }), pool)
}

/// The row as a record, and as a morsel.
fn both(values: &[Value], behind: Time) -> (FeederRow, RecordLayout, Morsel) {
    let (mut feeder, mut pool) = feeder();
    let mut cells = feeder.write_row(&mut pool);
    for value in values {
        match value {
            Value::Null => cells.null(),
            Value::Boolean(value) => cells.bool(*value),
            Value::Int(value) => cells.i32(*value),
            Value::BigInt(value) | Value::Timestamp(value) => cells.i64(*value),
            Value::Double(value) => cells.f64(*value),
            Value::Decimal { units, .. } => cells.i128(*units),
            Value::Text(value) => cells.text(value),
            Value::Bytea(value) => cells.bytes(value),
            Value::SmallInt(value) => cells.i32(i32::from(*value)),
            Value::Interval(value) => cells.i128(value.to_i128()),
            // A column of REAL holds what is nearest.
            Value::Real(value) => cells.f64(f64::from(*value) + 1e-12),
            other => panic!("{other:?} is not among the columns"),
        }
    }
    cells.finish().unwrap();
    feeder.push_row(Epoch(1), |_: ShardId| 1, &mut pool).unwrap();
    feeder.next_step();
    feeder.opened(Epoch(1));
    let row = FeederRow { behind, ..*feeder.row() };
    let mut morsel = pool.take(ShapeId(0));
    morsel.push_row(values, 1);
    morsel.ties.push(0, Tie((3 << 48) + 7));
    if behind > Time::MIN {
        morsel.behind.push(behind);
    }
    (row, RecordLayout::new(&Schema::new(fields()).unwrap()), morsel)
}

/// The row, and the row with each of its values NULL.
fn variants() -> impl Iterator<Item = Vec<Value>> {
    (0..=row().len()).map(|null| {
        let mut values = row();
        values.iter_mut().skip(null).take(1).for_each(|value| *value = Value::Null);
        values
    })
}

#[test]
fn a_record_is_appended_to_a_morsel_with_its_values_and_marks() {
    for values in variants() {
        for behind in [Time::MIN, Time(40)] {
            let (row, layout, expected) = both(&values, behind);
            let mut morsel =
                Pool::new(&[Shape(fields().iter().map(|field| field.data_type).collect())])
                    .take(ShapeId(0));
            row.append(&layout, true, &mut morsel);
            assert_eq!(morsel.row(0), values);
            assert_eq!((morsel.tie(0), morsel.behind(0)), (expected.tie(0), behind));
        }
    }
}

#[test]
fn a_record_is_hashed_and_logged_like_a_morsel_of_the_row() {
    for values in variants() {
        for behind in [Time::MIN, Time(40)] {
            let (row, layout, morsel) = both(&values, behind);
            let (mut logged, mut expected) = (Vec::new(), Vec::new());
            layout.encode(&row, true, &mut logged);
            encode(&morsel, &mut expected);
            assert_eq!(logged, expected, "{values:?}");
            let key: Vec<usize> = (0..values.len()).collect();
            let mut hashes = Vec::new();
            hash_rows(morsel.columns.iter(), 1, &mut hashes);
            assert_eq!(layout.hash(&row.record, &key), hashes[0], "{values:?}");
        }
    }
}

#[test]
fn a_row_fits_up_to_the_last_word() {
    let schema = |columns: usize, nullable| {
        let field = |at| Field { name: format!("c{at}"), data_type: DataType::BigInt, nullable };
        Schema::new((0..columns).map(field).collect()).unwrap()
    };
    let fits = |columns, nullable| RecordLayout::new(&schema(columns, nullable)).fits();
    assert!(fits(RECORD_WORDS, false) && !fits(RECORD_WORDS + 1, false));
    assert!(fits(RECORD_WORDS - 1, true) && !fits(RECORD_WORDS, true));
}

//! What writers refuse, and what becomes of rows that do not fit a record.

use sluicedb_sql::{Field, Schema};

use super::*;
use crate::core::feeder::{FeederOptions, FeederStep, Progress, PushError};
use crate::core::ids::{Epoch, FeederId, ShardId, SourceId};
use crate::core::morsel::Shape;

const DECIMAL: DataType = DataType::Decimal { precision: 3, scale: 1 };
const TYPES: [DataType; 4] = [DataType::Text, DataType::Timestamp, DECIMAL, DataType::Text];

fn feeder(shards: u16) -> (Feeder, Pool) {
    let fields = vec![
        Field::nullable("k", TYPES[0]),
        Field::not_null("ts", TYPES[1]),
        Field::nullable("d", TYPES[2]),
        Field::nullable("note", TYPES[3]),
    ];
    let options = FeederOptions {
        feeder: FeederId(0),
        source: SourceId(0),
        schema: Schema::new(fields).unwrap(),
        shape: ShapeId(0),
        key: vec![0],
        time: Some(sluicedb_sql::plan::SourceTime::of(1, 10)),
        tied: true,
        logged: false,
        shards,
    };
    (Feeder::new(options, Progress::START), Pool::new(&[Shape(TYPES.into())]))
}

fn good(cells: &mut impl Cells, note: &str) {
    cells.text("key");
    cells.i64(5);
    cells.null();
    cells.text(note);
}

/// What the steps of a push publish: a record, or rows of a frame.
fn published(feeder: &mut Feeder) -> Vec<Option<Morsel>> {
    let mut published = Vec::new();
    loop {
        match feeder.next_step() {
            FeederStep::ReadOpen => feeder.opened(Epoch(1)),
            FeederStep::PublishRow(_) => published.push(None),
            FeederStep::Publish(_, frame) => published.push(Some(frame.morsel)),
            FeederStep::StoreWord(_) | FeederStep::StoreProgress(_) => {}
            FeederStep::Rest => return published,
        }
    }
}

/// Writes that are refused, each with a part of the error.
type Bad = (fn(&mut dyn Cells), &'static str);

const BAD: [Bad; 6] = [
    (|cells| cells.null(), "\"ts\""),
    (|cells| cells.i64(i64::MIN), "farther from 1970"),
    (
        |cells| {
            cells.i64(5);
            cells.i128(1000);
        },
        "\"d\" is DECIMAL(3,1) and 100.0 has more than 3 digits",
    ),
    (
        |cells| {
            cells.i64(5);
            cells.null();
            cells.text(&"x".repeat(TEXT_BYTES_MAX + 1));
        },
        "column \"note\": 1048577 is more than the limit",
    ),
    (|_| {}, "1 values for 4 columns"),
    (
        |cells| {
            cells.i64(5);
            cells.null();
            cells.text("a text that needs the heap");
            cells.null();
        },
        "5 values for 4 columns",
    ),
];

#[test]
fn a_row_that_its_columns_do_not_hold_leaves_nothing_behind() {
    let (mut feeder, mut pool) = feeder(1);
    for (write, expected) in BAD {
        let mut row = feeder.write_row(&mut pool);
        row.text("a key that is long");
        write(&mut row);
        let error = row.finish().unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
        assert_eq!(*feeder.progress(), Progress::START);
    }
    assert_eq!(pool.made(), 1, "the morsel of a refused row goes back");
    let mut batch = feeder.write_batch(pool.take(ShapeId(0)));
    for (write, expected) in BAD {
        good(&mut batch, "a note that is long");
        batch.finish_row().unwrap();
        batch.text("a key that is long");
        write(&mut batch);
        let error = batch.finish_row().unwrap_err().to_string();
        assert!(error.contains(expected), "{error:?} lacks {expected:?}");
    }
    let morsel = batch.into_morsel();
    assert_eq!(morsel.rows(), BAD.len());
    let heap: usize = morsel.columns.iter().map(Column::text_bytes).sum();
    assert_eq!(heap, BAD.len() * "a note that is long".len());
    assert!((0..BAD.len()).all(|row| morsel.row(row)[3] == Value::text("a note that is long")));
}

#[test]
fn a_batch_is_bounded_by_rows_and_by_text() {
    let (feeder, mut pool) = feeder(1);
    let mut batch = feeder.write_batch(pool.take(ShapeId(0)));
    for _ in 0..MORSEL_ROWS_MAX {
        good(&mut batch, "");
        batch.finish_row().unwrap();
    }
    good(&mut batch, "");
    let rows = MORSEL_ROWS_MAX + 1;
    assert_eq!(batch.finish_row(), Err(RowsError::TooManyRows { rows }));
    assert_eq!(batch.rows(), MORSEL_ROWS_MAX);
    let mut batch = feeder.write_batch(pool.take(ShapeId(0)));
    let long = "x".repeat(TEXT_BYTES_MAX);
    for _ in 0..3 {
        good(&mut batch, &long);
        batch.finish_row().unwrap();
    }
    good(&mut batch, &long);
    let bytes = BATCH_TEXT_BYTES_MAX + 12;
    assert_eq!(batch.finish_row(), Err(RowsError::Texts { bytes }));
    good(&mut batch, "short");
    batch.finish_row().unwrap();
    assert_eq!(batch.into_morsel().rows(), 4);
}

#[test]
fn a_row_with_a_long_text_is_pushed_as_a_morsel() {
    let (mut feeder, mut pool) = feeder(1);
    for note in ["twelve bytes", "thirteen byte"] {
        let mut row = feeder.write_row(&mut pool);
        good(&mut row, note);
        row.finish().unwrap();
        feeder.push_row(Epoch(1), |_| 1, &mut pool).unwrap();
        let expected = [Value::text("key"), Value::Timestamp(5), Value::Null, Value::text(note)];
        match &published(&mut feeder)[..] {
            [None] => assert!(note.len() <= 12),
            [Some(morsel)] => {
                assert!(note.len() > 12);
                assert_eq!((morsel.rows(), morsel.row(0)), (1, expected.to_vec()));
            }
            other => panic!("one part is published, not {other:?}"),
        }
    }
    assert_eq!((feeder.progress().sequence, feeder.progress().rows_numbered), (2, 2));
}

#[test]
fn a_row_that_finds_no_room_stays_written() {
    for note in ["short", "longer than a record holds"] {
        let (mut feeder, mut pool) = feeder(4);
        let mut row = feeder.write_row(&mut pool);
        good(&mut row, note);
        row.finish().unwrap();
        let refused = feeder.push_row(Epoch(1), |_| 0, &mut pool);
        let Err(PushError::Full { shard }) = refused else { panic!("{refused:?}") };
        assert!(feeder.rests());
        let room = |at: ShardId| usize::from(at == shard);
        feeder.push_row(Epoch(1), room, &mut pool).unwrap();
        assert_eq!(published(&mut feeder).len(), 1);
    }
}

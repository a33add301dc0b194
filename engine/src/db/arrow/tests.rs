use ::arrow::array::{AsArray, Int32Array, StringArray, StringViewArray};
use ::arrow::datatypes::Int64Type;
use sluicedb_sql::{DataType, Field, Value};

use super::*;
use crate::core::morsel::{Pool, Shape, ShapeId};

const TYPES: [DataType; 7] = [
    DataType::Boolean,
    DataType::Int,
    DataType::BigInt,
    DataType::Double,
    DataType::Decimal { precision: 20, scale: 3 },
    DataType::Text,
    DataType::Timestamp,
];

fn relation(types: &[DataType]) -> Schema {
    let field = |(at, data_type): (usize, &DataType)| Field::nullable(format!("c{at}"), *data_type);
    Schema::new(types.iter().enumerate().map(field).collect()).unwrap()
}

fn pool(types: &[DataType]) -> Pool {
    Pool::new(&[Shape(types.into())])
}

fn row(row: usize) -> Vec<Value> {
    let number = row as i64;
    let values = [
        Value::Boolean(row.is_multiple_of(2)),
        Value::Int(number as i32),
        Value::BigInt(-number),
        Value::Double(number as f64 / 3.0),
        Value::Decimal { units: i128::from(number) << 20, scale: 3 },
        Value::text(&"abcdefg ".repeat(row % 4)),
        Value::Timestamp(number * 1_000_000),
    ];
    let value = |(at, value)| if row % 7 == at { Value::Null } else { value };
    values.into_iter().enumerate().map(value).collect()
}

/// A batch of any number of rows of all types, with NULLs.
fn batch(rows: usize) -> RecordBatch {
    let schema = relation(&TYPES);
    let column = |at: usize| -> ArrayRef {
        let values: Vec<Value> = (0..rows).map(|number| row(number)[at].clone()).collect();
        Column::of(TYPES[at], &values).into_array()
    };
    let columns = (0..TYPES.len()).map(column).collect();
    RecordBatch::try_new(Arc::new(arrow_schema(&schema)), columns).unwrap()
}

/// All rows of a batch and the sizes of the morsels that they came in.
fn taken(batch: RecordBatch) -> (Vec<Vec<Value>>, Vec<usize>) {
    let mut pool = pool(&TYPES);
    let mut batch = Batch::new(batch, &relation(&TYPES)).unwrap();
    let (mut rows, mut sizes) = (Vec::new(), Vec::new());
    loop {
        let mut morsel = pool.take(ShapeId(0));
        let before = batch.rows_left();
        let more = batch.next_into(&mut morsel);
        assert_eq!(before - batch.rows_left(), morsel.rows());
        if !more {
            assert!(morsel.is_empty());
            return (rows, sizes);
        }
        rows.extend((0..morsel.rows()).map(|row| morsel.row(row)));
        sizes.push(morsel.rows());
        pool.put(morsel);
    }
}

#[test]
fn a_batch_of_any_length_comes_in_morsels_of_1024_rows() {
    for (rows, expected) in [
        (0, vec![]),
        (1, vec![1]),
        (1024, vec![1024]),
        (1025, vec![1024, 1]),
        (3000, vec![1024, 1024, 952]),
    ] {
        let (found, sizes) = taken(batch(rows));
        assert_eq!(sizes, expected, "{rows} rows");
        assert_eq!(found, (0..rows).map(row).collect::<Vec<_>>(), "{rows} rows");
    }
}

#[test]
fn a_slice_of_a_batch_comes_in_as_its_rows() {
    for (start, len) in [(0, 5), (1000, 24), (37, 1024), (1, 1999)] {
        let (found, _) = taken(batch(2000).slice(start, len));
        assert_eq!(found, (start..start + len).map(row).collect::<Vec<_>>());
    }
}

#[test]
fn buffers_move_through_a_morsel_and_out_again() {
    let addresses = |batch: &RecordBatch| -> Vec<usize> {
        let address = |array: &ArrayRef| array.to_data().buffers()[0].as_ptr().addr();
        batch.columns().iter().map(address).collect()
    };
    let schema = relation(&TYPES);
    let batch = batch(1024);
    let expected = addresses(&batch);
    let mut morsel = pool(&TYPES).take(ShapeId(0));
    assert!(Batch::new(batch, &schema).unwrap().next_into(&mut morsel));
    let given = BatchSchemas::new(&schema).unwrap().give(&mut morsel, Weights::WhereNeeded);
    assert_eq!(addresses(&given), expected);
    assert_eq!(taken(given).0, (0..1024).map(row).collect::<Vec<_>>());
    assert!(morsel.is_empty() && morsel.columns.len() == TYPES.len(), "ready for its pool");
}

#[test]
fn long_texts_make_morsels_smaller_than_a_push_may_be() {
    let text = "x".repeat(1 << 20);
    let array = StringViewArray::from_iter_values((0..10).map(|_| &text));
    let types = [DataType::Text];
    let schema = relation(&types);
    let batch =
        RecordBatch::try_new(Arc::new(arrow_schema(&schema)), vec![Arc::new(array)]).unwrap();
    let mut batch = Batch::new(batch, &schema).unwrap();
    let mut sizes = Vec::new();
    loop {
        let mut morsel = pool(&types).take(ShapeId(0));
        if !batch.next_into(&mut morsel) {
            break;
        }
        assert!(morsel.text_bytes(0..morsel.rows()) <= BATCH_TEXT_BYTES_MAX);
        sizes.push(morsel.rows());
    }
    assert_eq!(sizes, [4, 4, 2]);
}

#[test]
fn many_columns_make_morsels_smaller_than_a_record_of_the_log() {
    let types = [DataType::Int; 1024];
    let schema = relation(&types);
    let column = || Arc::new(Int32Array::from_iter_values(0..1024)) as ArrayRef;
    let columns = (0..1024).map(|_| column()).collect();
    let batch = RecordBatch::try_new(Arc::new(arrow_schema(&schema)), columns).unwrap();
    let mut batch = Batch::new(batch, &schema).unwrap();
    let mut morsel = pool(&types).take(ShapeId(0));
    assert!(batch.next_into(&mut morsel));
    let rows = morsel.rows();
    assert!(record_bytes_max(1024, rows, 0) <= BATCH_BYTES_MAX);
    assert!(record_bytes_max(1024, rows + 1, 0) > BATCH_BYTES_MAX);
}

#[test]
fn a_row_larger_than_any_push_is_refused_before_a_row_is_taken() {
    let types = [DataType::Text; 5];
    let schema = relation(&types);
    let array: ArrayRef = Arc::new(StringViewArray::from(vec!["a", &"x".repeat(1 << 20)]));
    let columns = vec![array; 5];
    let batch = RecordBatch::try_new(Arc::new(arrow_schema(&schema)), columns).unwrap();
    assert_eq!(
        Batch::new(batch.clone(), &schema).unwrap_err().to_string(),
        "bytes of text in row 1 of the batch: 5242880 is more than the limit of 4194304 (54000) \
         Shorten the texts, or keep them elsewhere and store a reference."
    );
    assert!(Batch::new(batch.slice(0, 1), &schema).is_ok());
}

#[test]
fn a_batch_of_other_columns_is_refused() {
    let schema = relation(&[DataType::Int]);
    let batch = |name, array: ArrayRef| RecordBatch::try_from_iter([(name, array)]).unwrap();
    let state = |batch| Batch::new(batch, &schema).map(|_| ()).map_err(|error| error.sqlstate);
    let int: ArrayRef = Arc::new(Int32Array::from(vec![1]));
    assert_eq!(state(batch("c0", int.clone())), Ok(()));
    assert_eq!(state(batch("C0", int)), Err("42804"));
    assert_eq!(state(batch("c0", Arc::new(StringArray::from(vec!["1"])))), Err("42804"));
}

#[test]
fn weights_are_a_column_where_asked_for_or_needed() {
    let schema = relation(&TYPES);
    let schemas = BatchSchemas::new(&schema).unwrap();
    let mut plain = pool(&TYPES).take(ShapeId(0));
    plain.push_row(&row(0), 1);
    let mut retracted = plain.clone();
    retracted.push_row(&row(1), -2);
    let weights = |batch: &RecordBatch| {
        let column = batch.column_by_name(WEIGHT_COLUMN)?;
        Some(column.as_primitive::<Int64Type>().values().to_vec())
    };
    assert_eq!(weights(&schemas.copy(&plain, Weights::WhereNeeded)), None);
    assert_eq!(weights(&schemas.copy(&plain, Weights::Always)), Some(vec![1]));
    assert_eq!(weights(&schemas.copy(&retracted, Weights::WhereNeeded)), Some(vec![1, -2]));
    let given = schemas.give(&mut retracted, Weights::WhereNeeded);
    assert_eq!(weights(&given), Some(vec![1, -2]));
    assert!(retracted.is_empty() && retracted.weights.is_empty());
    let empty = schemas.give(&mut retracted, Weights::Always);
    assert_eq!((empty.num_rows(), empty.schema_ref()), (0, schemas.schema(true)));
}

use sluicedb_sql::{DataType, Field, Value};

use super::*;
use crate::core::morsel::{Pool, Shape, ShapeId};
use crate::db::FromRow;

#[derive(FromRow, Debug, PartialEq)]
struct Level {
    symbol: String,
    volume: Option<i64>,
}

fn published() -> Published {
    let fields = vec![
        Field::not_null("symbol", DataType::Text),
        Field::nullable("volume", DataType::BigInt),
    ];
    Published::new("levels", Schema::new(fields).unwrap()).unwrap()
}

fn morsel(rows: &[(&str, Option<i64>, i64)]) -> Morsel {
    let types: Vec<DataType> = vec![DataType::Text, DataType::BigInt];
    let mut morsel = Pool::new(&[Shape(types.into())]).take(ShapeId(0));
    for (symbol, volume, weight) in rows {
        let volume = volume.map_or(Value::Null, Value::BigInt);
        morsel.push_row(&[Value::text(symbol), volume], *weight);
    }
    morsel
}

const ROWS: [(&str, Option<i64>, i64); 3] =
    [("ACME", Some(5), 1), ("a long name of a symbol", None, 1), ("ACME", Some(4), -1)];

#[test]
fn columns_are_found_by_name_or_position_and_read_by_row() {
    let (relation, morsel) = (published(), morsel(&ROWS));
    let changes = Changes::new(&relation, Epoch(3), &morsel);
    assert_eq!((changes.view(), changes.epoch(), changes.len()), ("levels", Epoch(3), 3));
    let symbol = changes.column::<&str>("symbol").unwrap();
    let volume = changes.column::<Option<i64>>(1).unwrap();
    let read: Vec<_> =
        (0..3).map(|row| (symbol.get(row), volume.get(row), changes.weight(row))).collect();
    assert_eq!(read, ROWS);
}

#[test]
fn a_column_that_cannot_be_read_as_asked_is_an_error() {
    let (relation, rows) = (published(), morsel(&ROWS));
    let changes = Changes::new(&relation, Epoch(3), &rows);
    let state = |error: SqlError| error.sqlstate;
    assert_eq!(changes.column::<i64>("Volume").map(|_| ()).map_err(state), Err("42703"));
    assert_eq!(changes.column::<i64>(2).map(|_| ()).map_err(state), Err("22023"));
    assert_eq!(changes.column::<f64>("volume").map(|_| ()).map_err(state), Err("42804"));
    let null = changes.column::<i64>("volume").map(|_| ()).unwrap_err();
    assert!(null.message.contains("is NULL"), "{null}");
    let plain = morsel(&ROWS[..1]);
    let changes = Changes::new(&relation, Epoch(3), &plain);
    assert_eq!(changes.column::<i64>("volume").unwrap().get(0), 5);
}

#[test]
fn rows_come_as_structs_with_their_weights() {
    let (relation, morsel) = (published(), morsel(&ROWS));
    let changes = Changes::new(&relation, Epoch(3), &morsel);
    let rows: Vec<(Level, i64)> = changes.rows().collect::<Result<_, _>>().unwrap();
    let expected =
        ROWS.map(|(symbol, volume, weight)| (Level { symbol: symbol.to_owned(), volume }, weight));
    assert_eq!(rows, expected);
}

#[test]
fn a_struct_with_other_fields_gives_one_error_and_no_row() {
    #[derive(FromRow, Debug)]
    struct Other {
        #[expect(dead_code, reason = "never read: the struct does not fit")]
        volume: Option<i64>,
    }
    let (relation, morsel) = (published(), morsel(&ROWS));
    let changes = Changes::new(&relation, Epoch(3), &morsel);
    let rows: Vec<_> = changes.rows::<Other>().collect();
    assert_eq!(rows.len(), 1);
    assert!(rows[0].is_err());
}

#[test]
fn a_record_batch_is_a_copy_with_weights_where_a_row_went() {
    let (relation, rows) = (published(), morsel(&ROWS));
    let changes = Changes::new(&relation, Epoch(3), &rows);
    assert_eq!(changes.to_record_batch(Weights::WhereNeeded).num_columns(), 3);
    assert_eq!(changes.len(), 3);
    let plain = morsel(&ROWS[..2]);
    let changes = Changes::new(&relation, Epoch(3), &plain);
    assert_eq!(changes.to_record_batch(Weights::WhereNeeded).num_columns(), 2);
    assert_eq!(changes.to_record_batch(Weights::Always).num_columns(), 3);
}

#[test]
fn a_relation_with_a_column_called_like_the_weights_is_refused() {
    let schema = Schema::new(vec![Field::nullable("_weight", DataType::BigInt)]).unwrap();
    assert_eq!(Published::new("v", schema).unwrap_err().sqlstate, "42701");
}

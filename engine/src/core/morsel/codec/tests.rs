//! Bytes of morsels, whole and cut.

use sluicedb_sql::{DataType, Value};

use super::*;
use crate::core::morsel::{Pool, Shape, ShapeId};

fn types() -> Vec<DataType> {
    let decimal = DataType::Decimal { precision: 20, scale: 2 };
    use DataType::*;
    vec![Boolean, Int, BigInt, Double, decimal, Text, Timestamp]
}

fn row(n: i64, text: &str) -> Vec<Value> {
    vec![
        Value::Boolean(n % 2 == 0),
        Value::Int(n as i32),
        Value::BigInt(i64::MIN + n),
        Value::Double(n as f64 / 8.0),
        Value::Decimal { units: i128::from(n) << 40, scale: 2 },
        Value::text(text),
        Value::Timestamp(n * 1000),
    ]
}

#[test]
fn a_morsel_is_read_back_with_its_nulls_and_marks() {
    let [list, run] = [|n: u128| Tie(n << 90), |n| Tie((3 << 48) + n)];
    let [list, run] = [list, run].map(|tie: fn(u128) -> Tie| read_back(tie));
    assert_eq!(list - run, 70 * 16, "of a run only the first is there");
}

/// The bytes of a morsel with these ties, which was read back from them.
fn read_back(tie: impl Fn(u128) -> Tie) -> usize {
    let mut pool = Pool::new(&[Shape(types().into())]);
    let mut morsel = pool.take(ShapeId(0));
    for n in 0..70 {
        let text = if n % 3 == 0 { "short" } else { "a text that does not fit its view" };
        morsel.push_row(&row(n, text), if n == 9 { -2 } else { 1 });
    }
    morsel.push_row(&vec![Value::Null; 7], 1);
    morsel.ties = (0..71).map(tie).collect();
    morsel.behind.extend((0..71).map(Time));
    morsel.set_rows(71);
    let mut bytes = Vec::new();
    encode(&morsel, &mut bytes);
    let mut read = pool.take(ShapeId(0));
    assert_eq!(decode(&bytes, &mut read), Ok(bytes.len()));
    assert_eq!(read.columns, morsel.columns);
    assert_eq!((&read.weights, &read.behind), (&morsel.weights, &morsel.behind));
    assert!((0..71).all(|row| read.tie(row) == morsel.tie(row)));
    bytes.len()
}

#[test]
fn ties_that_are_a_run_and_a_list_are_refused() {
    let mut pool = Pool::new(&[Shape(types().into())]);
    let mut morsel = pool.take(ShapeId(0));
    morsel.push_row(&row(5, "five"), 1);
    morsel.ties.push(0, Tie(9));
    let mut bytes = Vec::new();
    encode(&morsel, &mut bytes);
    bytes[4] |= TIES;
    assert!(decode(&bytes, &mut pool.take(ShapeId(0))).is_err());
}

#[test]
fn every_other_type_is_read_back_and_bytes_that_are_no_value_are_refused() {
    use DataType::*;
    let types =
        [SmallInt, Real, Bytea, Uuid, Date, Time, TimestampTz, Interval, Json, Map, Array(&Int)];
    let mut prng = crate::core::row::random::Prng::new(5);
    let mut pool = Pool::new(&[Shape(types.into())]);
    let mut morsel = pool.take(ShapeId(0));
    for _ in 0..100 {
        morsel.push_row(&prng.row(&types, 20), 1);
    }
    let mut bytes = Vec::new();
    encode(&morsel, &mut bytes);
    assert_eq!(encoded_len(&morsel), bytes.len());
    let mut read = pool.take(ShapeId(0));
    assert_eq!(decode(&bytes, &mut read), Ok(bytes.len()));
    assert_eq!(read.columns, morsel.columns);
    for (data_type, bytes, good) in [
        (Bytea, &[0xff][..], true),
        (Json, &[0xff], false),
        (Array(&Int), &[0], true),
        (Array(&Int), &[1, 0], false),
    ] {
        let mut pool = Pool::new(&[Shape([data_type].into())]);
        let mut written = pool.take(ShapeId(0));
        let mut raw = Column::new(Bytea);
        raw.push_bytes(bytes);
        written.columns[0] = raw;
        written.set_rows(1);
        let mut out = Vec::new();
        encode(&written, &mut out);
        assert_eq!(decode(&out, &mut pool.take(ShapeId(0))).is_ok(), good, "{data_type}");
    }
}

#[test]
fn bytes_that_end_early_are_refused() {
    let mut pool = Pool::new(&[Shape(types().into())]);
    let mut morsel = pool.take(ShapeId(0));
    morsel.push_row(&row(5, "five"), 1);
    let mut bytes = Vec::new();
    encode(&morsel, &mut bytes);
    for len in 0..bytes.len() {
        let mut read = pool.take(ShapeId(0));
        assert!(decode(&bytes[..len], &mut read).is_err(), "{len} of {} bytes", bytes.len());
        pool.put(read);
    }
}

use std::borrow::Cow;

use sluicedb_sql::{Column, DataType, Field, Schema, Value};

use super::*;
use crate::db::{FromRow, Row};

/// Cells as values, for columns of these types.
struct Columns(Vec<Column>, usize);

impl Columns {
    fn of<R: Row>(rows: &[R]) -> Vec<Column> {
        let columns = R::fields().iter().map(|field| Column::new(field.data_type)).collect();
        let mut cells = Columns(columns, 0);
        for row in rows {
            row.write(&mut cells);
            assert_eq!(cells.1, cells.0.len(), "one cell for each column");
            cells.1 = 0;
        }
        cells.0
    }

    fn next(&mut self) -> &mut Column {
        self.1 += 1;
        &mut self.0[self.1 - 1]
    }
}

impl Cells for Columns {
    fn bool(&mut self, value: bool) {
        self.next().push_bool(value);
    }
    fn i32(&mut self, value: i32) {
        self.next().push_i32(value);
    }
    fn i64(&mut self, value: i64) {
        self.next().push_i64(value);
    }
    fn f64(&mut self, value: f64) {
        self.next().push_f64(value);
    }
    fn i128(&mut self, value: i128) {
        self.next().push_i128(value);
    }
    fn text(&mut self, value: &str) {
        self.next().push_text(value);
    }
    fn bytes(&mut self, value: &[u8]) {
        self.next().push_bytes(value);
    }
    fn null(&mut self) {
        self.next().push_null();
    }
}

#[derive(Row, FromRow, Clone, Debug, PartialEq)]
struct Rare {
    small: i16,
    real: Option<f32>,
    raw: Vec<u8>,
    id: Option<[u8; 16]>,
    day: Date,
    time: Option<Time>,
    at: Timestamptz,
    span: Option<Interval>,
    json: Option<Json>,
}

#[test]
fn a_row_of_the_rarer_types_is_written_and_read_back() {
    let rare = Rare {
        small: i16::MIN,
        real: Some(0.1),
        raw: vec![0xff, 0],
        id: Some([0xab; 16]),
        day: Date(-1),
        time: Some(Time(1)),
        at: Timestamptz(-5),
        span: Interval::new(1, -2, 3),
        json: Some(Json::parse("{\"b\":1, \"a\": 2}").unwrap()),
    };
    let nulls = Rare { real: None, id: None, time: None, span: None, json: None, ..rare.clone() };
    let columns = Columns::of(&[rare.clone(), nulls.clone()]);
    check_read::<Rare>(&schema::<Rare>().unwrap()).unwrap();
    assert_eq!(
        schema::<Rare>().unwrap().to_string(),
        "(small SMALLINT NOT NULL, real REAL, raw BYTEA NOT NULL, id UUID, day DATE NOT NULL, time \
         TIME, at TIMESTAMPTZ NOT NULL, span INTERVAL, json JSON)"
    );
    for (row, expected) in [rare, nulls].into_iter().enumerate() {
        assert_eq!(Rare::read(&RowRef::new(&columns, row)), Ok(expected));
    }
    let text = RowRef::new(&columns, 0).get::<&str>(2);
    assert_eq!(text.unwrap_err().sqlstate, "42804", "bytes are no text");
}

#[derive(Row)]
struct Lent<'a> {
    symbol: &'a str,
    raw: Option<&'a [u8]>,
}

#[test]
fn a_struct_that_borrows_is_a_row_at_any_lifetime() {
    fn one<R: RowAt>(row: &R::At<'_>) -> usize {
        assert_eq!(schema::<R>().unwrap().len(), 2);
        Columns::of(std::slice::from_ref(row)).len()
    }
    let line = String::from("SLC 1");
    let row = Lent { symbol: &line[..3], raw: Some(line.as_bytes()) };
    assert_eq!(one::<Lent<'static>>(&row), 2);
}

#[derive(Row)]
struct Borrowed<'a> {
    flag: bool,
    int: Option<i32>,
    big: i64,
    #[row(timestamp)]
    ts: Option<i64>,
    double: Option<f64>,
    #[row(decimal(20, 2), name = "Net price")]
    price: i128,
    symbol: &'a str,
    venue: Option<Cow<'a, str>>,
    r#type: Option<&'a str>,
}

#[derive(Row, FromRow, Clone, Debug, PartialEq)]
struct Owned {
    flag: bool,
    int: Option<i32>,
    big: i64,
    #[row(timestamp)]
    ts: Option<i64>,
    double: Option<f64>,
    #[row(decimal(20, 2), name = "Net price")]
    price: i128,
    symbol: String,
    venue: Option<Cow<'static, str>>,
    r#type: Option<String>,
}

fn borrowed() -> [Borrowed<'static>; 2] {
    let long = "a text behind the views";
    [
        Borrowed {
            flag: true,
            int: Some(-1),
            big: i64::MAX,
            ts: Some(7),
            double: Some(0.5),
            price: 1 << 70,
            symbol: long,
            venue: Some(Cow::Borrowed("X")),
            r#type: Some("limit"),
        },
        Borrowed {
            flag: false,
            int: None,
            big: 0,
            ts: None,
            double: None,
            price: 0,
            symbol: "",
            venue: None,
            r#type: None,
        },
    ]
}

#[test]
fn a_struct_has_the_schema_of_its_fields() {
    let expected = "(flag BOOLEAN NOT NULL, int INT, big BIGINT NOT NULL, ts TIMESTAMP, double \
                    DOUBLE, Net price DECIMAL(20,2) NOT NULL, symbol TEXT NOT NULL, venue TEXT, \
                    type TEXT)";
    assert_eq!(schema::<Borrowed<'_>>().unwrap().to_string(), expected);
    assert_eq!(schema::<Owned>(), schema::<Borrowed<'_>>());
    assert_eq!(check_read::<Owned>(&schema::<Borrowed<'_>>().unwrap()), Ok(()));
}

#[test]
fn rows_are_written_and_read_back_with_their_nulls() {
    let columns = Columns::of(&borrowed());
    let first: Vec<Value> = columns.iter().map(|column| column.value(0)).collect();
    assert_eq!(first[5], Value::Decimal { units: 1 << 70, scale: 2 });
    assert_eq!(first[3], Value::Timestamp(7));
    let second: Vec<bool> = columns.iter().map(|column| column.is_null(1)).collect();
    assert_eq!(second, [false, true, false, true, true, false, false, true, true]);
    let read = |row| Owned::read(&RowRef::new(&columns, row)).unwrap();
    let rows = [read(0), read(1)];
    assert_eq!((rows[0].symbol.as_str(), rows[0].price), ("a text behind the views", 1 << 70));
    assert_eq!((rows[0].r#type.as_deref(), rows[1].venue.as_deref()), (Some("limit"), None));
    assert_eq!(Columns::of(&rows), columns);
}

#[test]
fn texts_are_read_where_they_lie() {
    let columns = Columns::of(&borrowed());
    let row = RowRef::new(&columns, 0);
    let text: &str = row.get(6).unwrap();
    assert_eq!(text.as_ptr(), columns[6].bytes(0).as_ptr());
    assert_eq!(row.get::<Option<&str>>(7), Ok(Some("X")));
}

#[test]
fn a_wrong_type_a_null_and_a_column_that_is_not_there_are_errors() {
    let columns = Columns::of(&borrowed());
    let row = RowRef::new(&columns, 1);
    assert_eq!(
        row.get::<f64>(2).unwrap_err().to_string(),
        "column 2 is BIGINT and is read as f64 (42804) Read it as the type that holds it, or cast \
         it in the query."
    );
    assert_eq!(
        row.get::<i32>(1).unwrap_err().to_string(),
        "column 1 is NULL and is read as i32 (42804) Read it as Option<i32>, or select COALESCE of \
         it and a default."
    );
    assert_eq!(
        row.get::<i32>(9).unwrap_err().to_string(),
        "column 9 of a row of 9 columns (22023) Columns are counted from 0."
    );
}

#[derive(Row, FromRow)]
struct Tick {
    symbol: String,
    volume: i64,
    price: Option<f64>,
}

const TICK: &str = "sluicedb::db::row::tests::Tick is not a row of this relation: ";

fn ticks(change: impl FnOnce(&mut Vec<Field>)) -> Schema {
    let mut fields = Tick::fields_of_row();
    change(&mut fields);
    Schema::new(fields).unwrap()
}

impl Tick {
    fn fields_of_row() -> Vec<Field> {
        <Tick as Row>::fields()
    }
}

fn differs(schema: &Schema, expected: &str) {
    for found in [check::<Tick>(schema), check_read::<Tick>(schema)] {
        assert_eq!(found.unwrap_err().to_string(), format!("{TICK}{expected}"));
    }
}

#[test]
fn the_first_difference_from_a_schema_is_named_with_both_sides() {
    differs(
        &ticks(|fields| fields.swap(0, 1)),
        "field 1 is \"symbol\" TEXT NOT NULL and column 1 \"volume\" BIGINT NOT NULL (42804) Fields \
         go in the order of the columns: put that of \"volume\" here, or name this one with \
         #[row(name = \"volume\")].",
    );
    differs(
        &ticks(|fields| fields[1].data_type = DataType::Timestamp),
        "field 2 is \"volume\" BIGINT NOT NULL and column 2 \"volume\" TIMESTAMP NOT NULL (42804) \
         Make the field i64 with #[row(timestamp)].",
    );
    differs(
        &ticks(|fields| fields.push(Field::nullable("venue", DataType::Text))),
        "there is no field for column 4, \"venue\" TEXT (42804) Add it at the end of the struct.",
    );
    differs(
        &ticks(|fields| fields.truncate(2)),
        "field \"price\" has no column: 3 fields, 2 columns (42804) Take the field out of the \
         struct.",
    );
}

#[test]
fn a_field_that_is_never_null_may_be_pushed_to_a_column_that_may_be_but_not_read_from_it() {
    let loose = ticks(|fields| fields[1].nullable = true);
    assert_eq!(check::<Tick>(&loose), Ok(()));
    assert_eq!(
        check_read::<Tick>(&loose).unwrap_err().to_string(),
        format!(
            "{TICK}column \"volume\" may be NULL and field \"volume\" cannot hold that (42804) Make \
             the field an Option, or select COALESCE of the column and a default."
        )
    );
    let strict = ticks(|fields| fields[2].nullable = false);
    assert_eq!(check_read::<Tick>(&strict), Ok(()));
    assert_eq!(
        check::<Tick>(&strict).unwrap_err().to_string(),
        format!(
            "{TICK}field \"price\" may be NULL and column \"price\" is NOT NULL (42804) Take the \
             Option off the field, or declare the column without NOT NULL."
        )
    );
}

//! Random relations: columns of every type, and their rows in the order in which they arrive.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use sluicedb_sql::column::arrow::{arrow_field, arrow_schema};
use sluicedb_sql::{Column, DataType, Field, Interval, Json, Map, Schema, Value};

use crate::prng::Prng;

/// Event times begin here: 2024-01-01 00:00:00.
pub(super) const START_US: i64 = 1_704_067_200_000_000;
/// And lie within so much.
const SPAN_MS: i64 = 120_000;

/// A relation.
#[derive(Clone, Debug)]
pub(super) struct Data {
    /// `id`, `ts`, and others of random types.
    pub(super) columns: Vec<Field>,
    /// In the order in which they arrive.
    pub(super) rows: Vec<Vec<Value>>,
    /// How far a row may be behind the latest, in seconds.
    pub(super) delay_s: i64,
    /// Whether no two rows have the same time.
    pub(super) times_differ: bool,
}

/// What is in texts: letters of one and of several bytes, digits, blanks.
const TEXTS: [&str; 14] = [
    "",
    "a",
    "b",
    "abc",
    "Abc",
    "déjà vu",
    "x y z",
    "42",
    "-7",
    "a,b,c",
    "longer than twelve bytes",
    "ABCabc",
    "%_",
    "a1b2",
];

impl Data {
    pub(super) fn draw(prng: &mut Prng) -> Data {
        let mut columns = vec![
            Field { name: "id".into(), data_type: DataType::Int, nullable: false },
            Field { name: "ts".into(), data_type: DataType::Timestamp, nullable: false },
        ];
        let firsts = [DataType::Int, DataType::Text, DataType::Double, DataType::BigInt];
        let more = 3 + prng.below(6);
        let types = firsts.into_iter().chain((0..more).map(|_| any_type(prng)));
        let types: Vec<DataType> = types.collect();
        for (at, data_type) in types.into_iter().enumerate() {
            columns.push(Field::nullable(format!("c{at}"), data_type));
        }
        let few: Vec<bool> = columns.iter().map(|_| prng.chance(50)).collect();
        let delay_s = prng.range(0..20);
        let times_differ = prng.chance(50);
        let count = if prng.chance(5) { prng.below(3) } else { 20 + prng.below(160) };
        let mut rows: Vec<(i64, Vec<Value>)> = (0..count)
            .map(|id| {
                let apart = if times_differ { id as i64 } else { 0 };
                let ms = prng.range(0..SPAN_MS / 250) * 250;
                let arrives = ms * 1000 + prng.range(0..delay_s * 1_000_000 + 1);
                let mut row =
                    vec![Value::Int(id as i32), Value::Timestamp(START_US + ms * 1000 + apart)];
                for (field, few) in columns.iter().zip(&few).skip(2) {
                    row.push(match prng.chance(15) {
                        true => Value::Null,
                        false => value(prng, field.data_type, *few),
                    });
                }
                (arrives, row)
            })
            .collect();
        rows.sort_by_key(|(arrives, _)| *arrives);
        let rows = rows.into_iter().map(|(_, row)| row).collect();
        Data { columns, rows, delay_s, times_differ }
    }

    /// `CREATE SOURCE` of it.
    pub(super) fn create(&self) -> String {
        let column = |field: &Field| {
            let required = if field.nullable { "" } else { " NOT NULL" };
            format!("{} {}{required}", field.name, field.data_type)
        };
        let columns: Vec<String> = self.columns.iter().map(column).collect();
        let (columns, delay) = (columns.join(", "), self.delay_s);
        format!(
            "CREATE SOURCE s ({columns}) WITH (watermark = 'ts', allowed_lateness = INTERVAL '{delay}' SECOND)"
        )
    }

    /// Rows `rows` as a source takes them.
    pub(super) fn batch(&self, rows: &[Vec<Value>]) -> RecordBatch {
        let schema = Schema::new(self.columns.clone()).expect("the names differ");
        let columns = self.columns.iter().enumerate();
        let columns = columns.map(|(at, field)| array(field.data_type, at, rows)).collect();
        let schema = Arc::new(arrow_schema(&schema));
        RecordBatch::try_new(schema, columns).expect("the values are of their types")
    }

    /// All rows as the bounded side reads them: beside each JSON column what is in it.
    pub(super) fn table(&self) -> RecordBatch {
        let batch = self.batch(&self.rows);
        let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
        let mut columns = batch.columns().to_vec();
        for (at, field) in self.columns.iter().enumerate() {
            if field.data_type != DataType::Json {
                continue;
            }
            for key in ["a", "b"] {
                let found: Vec<Value> = self.rows.iter().map(|row| member(&row[at], key)).collect();
                let name = format!("{}_{key}", field.name);
                fields.push(Arc::new(arrow_field(&name, DataType::Text, true)));
                columns.push(Column::of(DataType::Text, &found).into_array());
            }
        }
        let schema = Arc::new(arrow::datatypes::Schema::new(fields));
        RecordBatch::try_new(schema, columns).expect("the values are of their types")
    }
}

fn array(data_type: DataType, at: usize, rows: &[Vec<Value>]) -> ArrayRef {
    Column::of(data_type, rows.iter().map(|row| &row[at])).into_array()
}

/// Of `{"a": 1, "b": "x"}`, which is how [`value`] writes objects.
fn member(json: &Value, key: &str) -> Value {
    let Value::Json(json) = json else { return Value::Null };
    let text = json.as_str().trim_matches(['{', '}']);
    let found = text.split(", ").find_map(|pair| {
        let (name, value) = pair.split_once(": ")?;
        (name.trim_matches('"') == key).then(|| Value::text(value.trim_matches('"')))
    });
    found.unwrap_or(Value::Null)
}

fn any_type(prng: &mut Prng) -> DataType {
    let array = |of| DataType::array(of).expect("one level deep");
    match prng.below(35) {
        0 | 1 => DataType::Boolean,
        2 => DataType::SmallInt,
        3 => DataType::Int,
        4 => DataType::BigInt,
        5 | 6 => DataType::Real,
        7 => DataType::Double,
        8 | 9 => {
            let scale = prng.below(5) as u8;
            DataType::Decimal { precision: scale + 5 + prng.below(6) as u8, scale }
        }
        10 => DataType::Text,
        11 | 28 => DataType::Bytea,
        12 | 29 => DataType::Uuid,
        13 => DataType::Date,
        14 => DataType::Time,
        15 => DataType::Timestamp,
        16 => DataType::TimestampTz,
        17 | 27 | 30 => DataType::Interval,
        18 | 26 => DataType::Json,
        19..=22 => array(if prng.chance(50) { DataType::Int } else { DataType::Text }),
        23..=25 => DataType::Map,
        _ => {
            let fields = [("x", DataType::Int), ("y", DataType::Text)];
            DataType::structure(fields).expect("two fields")
        }
    }
}

/// The greatest absolute value of a column of whole numbers.
pub(super) fn bound_of(data_type: DataType) -> f64 {
    match data_type {
        DataType::SmallInt => 50.0,
        DataType::Int => 1000.0,
        DataType::BigInt => 1e9,
        _ => 1e6,
    }
}

/// A value; one of few where rows are to be alike.
fn value(prng: &mut Prng, data_type: DataType, few: bool) -> Value {
    let bound = bound_of(data_type) as i64;
    let mut whole = |bound: i64| prng.range(if few { -2..3 } else { -bound..bound + 1 });
    match data_type {
        DataType::Boolean => Value::Boolean(prng.chance(50)),
        DataType::SmallInt => Value::SmallInt(whole(bound) as i16),
        DataType::Int => Value::Int(whole(bound) as i32),
        DataType::BigInt => Value::BigInt(whole(bound)),
        // Quarters and eighths: their sums and products are exact, so that sides may not differ.
        DataType::Real => Value::Real(whole(400) as f32 / 4.0),
        DataType::Double => match few {
            true => Value::Double(whole(8000) as f64 / 8.0),
            false => Value::Double(prng.range(-100_000..100_001) as f64 / 70.0),
        },
        DataType::Decimal { precision, scale } => {
            let most = 10_i64.pow(u32::from(precision).min(9));
            Value::Decimal { units: i128::from(whole(most - 1)), scale }
        }
        DataType::Text => {
            let most = if few { 4 } else { TEXTS.len() };
            Value::text(TEXTS[prng.below(most)])
        }
        DataType::Bytea => Value::bytea(TEXTS[prng.below(4)].as_bytes()),
        DataType::Uuid => {
            let mut bytes = [7; 16];
            bytes[prng.below(16)] = prng.below(3) as u8;
            Value::Uuid(bytes)
        }
        DataType::Date => Value::Date(19_700 + prng.below(40) as i32),
        DataType::Time => Value::Time(prng.range(0..86_400) * 1_000_000),
        DataType::Timestamp => Value::Timestamp(START_US + prng.range(-90_000..90_000) * 1_000_000),
        DataType::TimestampTz => Value::TimestampTz(START_US + prng.range(-9000..9000) * 1_500_000),
        // Less than a day, so that spans that are equal look alike.
        DataType::Interval => {
            let micros = i128::from(prng.range(0..1000) * 1_000_000);
            Value::Interval(Interval::checked(0, 0, micros).expect("less than a day"))
        }
        DataType::Json => Value::Json(
            Json::parse(&format!(r#"{{"a": {}, "b": "{}"}}"#, whole(9), ["x", "y"][prng.below(2)]))
                .expect("an object"),
        ),
        nested => composed(prng, nested),
    }
}

fn composed(prng: &mut Prng, data_type: DataType) -> Value {
    match data_type {
        DataType::Array(element) => {
            let count = prng.below(4);
            let items = (0..count).map(|_| match prng.chance(15) {
                true => Value::Null,
                false => value(prng, *element, true),
            });
            let items = items.collect();
            Value::array(*element, items).expect("one level deep")
        }
        DataType::Map => {
            let pairs = ["k", "l"].into_iter().filter(|_| prng.chance(70));
            let pairs: Vec<&str> = pairs.collect();
            let pairs = pairs.into_iter().map(|key| (key, Some(*prng.pick(&["1", "two"]))));
            Value::Map(Map::new(pairs.collect::<Vec<_>>()))
        }
        DataType::Struct(of) => {
            let values = of.fields.iter().map(|field| value(prng, field.data_type, true));
            Value::Struct { of, values: values.collect() }
        }
        other => unreachable!("{other} is not composed of others"),
    }
}

//! Random rows for tests: few distinct values, so that rows and keys meet again.

use sluicedb_sql::{Column, DataType, Interval, Json, Map, Value};

/// A seeded stream of numbers.
pub(in crate::core) struct Prng(u64);

impl Prng {
    pub(in crate::core) fn new(seed: u64) -> Prng {
        Prng(seed)
    }

    pub(in crate::core) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// NULL, or one of `distinct` values, some texts longer than a slot, a heap cell or a block
    /// holds.
    pub(in crate::core) fn value(&mut self, data_type: DataType, distinct: usize) -> Value {
        if self.below(8) == 0 {
            return Value::Null;
        }
        let pick = self.below(distinct);
        match data_type {
            DataType::Boolean => Value::Boolean(pick.is_multiple_of(2)),
            DataType::Int => Value::Int(pick as i32 - 1),
            DataType::BigInt => Value::BigInt(pick as i64 - 1),
            DataType::Timestamp => Value::Timestamp(pick as i64),
            DataType::Double => Value::Double([0.0, -0.0, f64::NAN, -1.5][pick % 4] + pick as f64),
            DataType::Decimal { scale, .. } => Value::Decimal { units: 7 - pick as i128, scale },
            DataType::SmallInt => Value::SmallInt(pick as i16 - 1),
            DataType::Real => Value::Real([0.0, -0.0, f32::NAN, -1.5][pick % 4] + pick as f32),
            DataType::Date => Value::Date(pick as i32 - 1),
            DataType::Time => Value::Time(pick as i64),
            DataType::TimestampTz => Value::TimestampTz(pick as i64 - 1),
            DataType::Uuid => Value::Uuid([(pick as u8).wrapping_mul(67); 16]),
            // A month and 30 days are equal.
            DataType::Interval => {
                let (months, days) = (pick as i32 % 2, (pick / 2) as i32 * 30);
                Value::Interval(Interval::new(months, days, 0).expect("a few months"))
            }
            DataType::Bytea if pick == 0 => Value::bytea(&[0xff; 5000]),
            DataType::Bytea => Value::bytea(&[pick as u8 ^ 0xff, 0].repeat(pick % 9)),
            DataType::Json => {
                let text = format!("{{\"k\": [{pick}, \"{}\"]}}", "x".repeat(pick * 3));
                Value::Json(Json::parse(&text).expect("an object"))
            }
            DataType::Map => Value::Map(Map::new([(format!("key {}", pick / 2), Some("v"))])),
            DataType::Array(element) => {
                let items = (0..pick % 5).map(|_| self.value(*element, distinct)).collect();
                Value::Array { element, items }
            }
            DataType::Struct(of) => {
                let values = of.fields.iter().map(|field| self.value(field.data_type, distinct));
                Value::Struct { of, values: values.collect() }
            }
            DataType::Text if pick == 0 => Value::text(&"long".repeat(1030)),
            DataType::Text if pick % 4 == 3 => Value::text(&format!("t{pick}")),
            DataType::Text => {
                Value::text(&format!("a text {}{pick}", "x".repeat(pick / 4 * 8 + 8)))
            }
        }
    }

    pub(in crate::core) fn row(&mut self, types: &[DataType], distinct: usize) -> Vec<Value> {
        types.iter().map(|&data_type| self.value(data_type, distinct)).collect()
    }
}

/// Columns that hold these rows.
pub(in crate::core) fn columns(types: &[DataType], rows: &[Vec<Value>]) -> Vec<Column> {
    let column = |(at, &data_type)| Column::of(data_type, rows.iter().map(|row| &row[at]));
    types.iter().enumerate().map(column).collect()
}

/// The rows that columns hold.
pub(in crate::core) fn rows(columns: &[Column]) -> Vec<Vec<Value>> {
    let row = |row| columns.iter().map(|column| column.value(row)).collect();
    (0..columns[0].len()).map(row).collect()
}

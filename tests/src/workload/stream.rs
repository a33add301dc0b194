//! Rows of one feeder, whose time moves on.

use sluicedb_sql::{DataType, Value};

use super::source::{ColumnSpec, SourceSpec, TICK_US, Values};
use crate::prng::Prng;

/// A feeder's rows.
#[derive(Clone, Debug)]
pub struct RowStream {
    spec: SourceSpec,
    prng: Prng,
    /// The largest event time so far.
    now_us: i64,
}

impl RowStream {
    pub(super) fn new(spec: SourceSpec, prng: Prng) -> RowStream {
        let now_us = spec.start_us;
        RowStream { spec, prng, now_us }
    }

    /// The next `count` rows.
    pub fn rows(&mut self, count: usize) -> Vec<Vec<Value>> {
        (0..count).map(|_| self.row()).collect()
    }

    /// The next row.
    pub fn row(&mut self) -> Vec<Value> {
        let RowStream { spec, prng, now_us } = self;
        // Some rows share their time, so that ties have to be broken.
        *now_us += *prng.pick(&[0, 0, 1, 1, 2, 5]) * TICK_US / 2;
        let back_us = match prng.below(100) {
            draw if draw < spec.straggler_percent => prng.range(100..600) * TICK_US,
            _ if prng.chance(spec.disorder_percent) => prng.range(1..25) * TICK_US,
            _ => 0,
        };
        // Windows end at whole ticks: what lies a microsecond beside one tells on which side.
        let time_us = *now_us - back_us + *prng.pick(&[0, 0, 0, 0, -1, 1]);
        spec.columns.iter().map(|column| value(column, time_us, prng)).collect()
    }
}

fn value(column: &ColumnSpec, time_us: i64, prng: &mut Prng) -> Value {
    if prng.chance(column.null_percent) {
        return Value::Null;
    }
    match column.values {
        Values::Time => Value::Timestamp(time_us),
        Values::NearTime => Value::Timestamp(time_us + prng.range(-30..30) * TICK_US),
        Values::Key { distinct, long } => key(column.field.data_type, prng.below(distinct), long),
        Values::Number { extremes } => {
            number(column.field.data_type, extremes && prng.chance(4), prng)
        }
    }
}

fn key(data_type: DataType, index: usize, long: bool) -> Value {
    match data_type {
        DataType::Int => Value::Int(index as i32 - 3),
        // Far beyond 32 bits, and different in the upper half only.
        DataType::BigInt => Value::BigInt((index as i64 - 3) << 33),
        DataType::Text if long => Value::text(&format!("the customer with number {index}")),
        // The empty text is a key like any other.
        DataType::Text if index == 0 => Value::text(""),
        DataType::Text => Value::text(&format!("k\u{e9}{index}")),
        other => unreachable!("{other} is no type of keys"),
    }
}

/// A number around zero, which itself is frequent, or one at the end of its type.
fn number(data_type: DataType, extreme: bool, prng: &mut Prng) -> Value {
    let small = if prng.chance(10) { 0 } else { prng.range(-40..41) };
    match data_type {
        DataType::Boolean => Value::Boolean(prng.chance(60)),
        DataType::Int if extreme => Value::Int(*prng.pick(&[i32::MIN, i32::MAX])),
        DataType::Int => Value::Int(small as i32),
        DataType::BigInt if extreme => Value::BigInt(*prng.pick(&[i64::MIN, i64::MAX])),
        DataType::BigInt => Value::BigInt(small * prng.range(1..1000)),
        DataType::Double if extreme => {
            Value::Double(*prng.pick(&[f64::INFINITY, f64::NEG_INFINITY, f64::NAN]))
        }
        DataType::Double => Value::Double(prng.range(-8000..8000) as f64 / 8.0),
        DataType::Decimal { precision, scale } if extreme => {
            let most = 10_i128.pow(u32::from(precision)) - 1;
            Value::Decimal { units: *prng.pick(&[most, -most, most / 2]), scale }
        }
        DataType::Decimal { scale, .. } => {
            Value::Decimal { units: i128::from(small * prng.range(1..1000)), scale }
        }
        other => unreachable!("{other} is no number"),
    }
}

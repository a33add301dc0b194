//! Sources: which columns they have and what values those take.

use sluicedb_sql::plan::{Idle, SourceTime};
use sluicedb_sql::{DataType, Field, Schema};

use crate::prng::Prng;

/// The unit that event time and windows are drawn in.
pub(super) const TICK_US: i64 = 100_000;

/// What one source is given.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// The name in the plan.
    pub name: String,
    /// One for each column of the plan's schema.
    pub columns: Vec<ColumnSpec>,
    /// What moves the watermark.
    pub time: Option<SourceTime>,
    /// The event time of the first row.
    pub start_us: i64,
    /// How many of 100 rows are a little out of order.
    pub disorder_percent: usize,
    /// How many of 100 rows are far behind all others.
    pub straggler_percent: usize,
}

/// What values a column takes.
#[derive(Clone, Debug)]
pub struct ColumnSpec {
    /// Name, type, and whether NULL may be.
    pub field: Field,
    /// Which values.
    pub values: Values,
    /// How many of 100 are NULL.
    pub null_percent: usize,
}

/// Which values a column takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Values {
    /// The event time of the row.
    Time,
    /// A moment near the event time of the row.
    NearTime,
    /// One of `distinct` values of the type.
    Key {
        /// How many.
        distinct: usize,
        /// Texts that do not fit inline and begin alike.
        long: bool,
    },
    /// Small numbers around zero; rarely, where `extremes` says so, the ends of the type.
    Number {
        /// Also the least and the largest value, infinity, NaN.
        extremes: bool,
    },
}

impl SourceSpec {
    /// Any source; `index` makes its names unique.
    pub(super) fn draw(index: usize, start_us: i64, prng: &mut Prng) -> SourceSpec {
        let mut columns = keys(prng);
        columns.extend(numbers(prng));
        if prng.chance(30) {
            columns.push((DataType::Timestamp, Values::NearTime));
        }
        let timed = prng.chance(88);
        let mut columns: Vec<ColumnSpec> = columns
            .into_iter()
            .map(|(data_type, values)| {
                let null_percent = if prng.chance(50) { 0 } else { *prng.pick(&[3, 15]) };
                let field = Field { name: String::new(), data_type, nullable: null_percent > 0 };
                ColumnSpec { field, values, null_percent }
            })
            .collect();
        let field = Field::not_null("", DataType::Timestamp);
        columns.push(ColumnSpec { field, values: Values::Time, null_percent: 0 });
        prng.shuffle(&mut columns);
        for (at, column) in columns.iter_mut().enumerate() {
            column.field.name = format!("s{index}_{at}");
        }
        let time = columns.iter().position(|column| column.values == Values::Time);
        let delay_us = *prng.pick(&[0, 1, 5, 20]) * TICK_US;
        let time = time.filter(|_| timed).map(|column| SourceTime::of(column, delay_us));
        let is_key = |column: &ColumnSpec| matches!(column.values, Values::Key { .. });
        // Apart from the rest, so that what is computed of the rows does not hang on it.
        let mut own = prng.split("event time");
        let by = columns.iter().position(is_key).filter(|_| own.chance(15));
        let time = time.map(|time| SourceTime { idle: idle(&mut own), by, ..time });
        SourceSpec {
            name: format!("s{index}"),
            columns,
            time,
            start_us,
            disorder_percent: *prng.pick(&[0, 10, 40]),
            straggler_percent: *prng.pick(&[0, 2, 8]),
        }
    }

    /// The columns as the plan knows them.
    pub fn schema(&self) -> Schema {
        let fields = self.columns.iter().map(|column| column.field.clone());
        Schema::new(fields.collect()).expect("names are unique and types are plain")
    }
}

/// When nobody waits for a feeder: often never, and else after a few epochs.
fn idle(prng: &mut Prng) -> Option<Idle> {
    let timeout_us = *prng.pick(&[2_000, 15_000, 150_000]);
    let advances = prng.chance(30);
    prng.chance(35).then_some(Idle { timeout_us, advances })
}

/// One to three keys, the first with enough values to join on.
fn keys(prng: &mut Prng) -> Vec<(DataType, Values)> {
    let types = [DataType::Int, DataType::BigInt, DataType::Text];
    let counts: [&[usize]; 3] = [&[40, 80], &[1, 3, 8], &[3, 20]];
    let kept = 1 + prng.below(3);
    let key = |distinct: &&[usize]| {
        let long = prng.chance(50);
        let values = Values::Key { distinct: *prng.pick(distinct), long };
        (*prng.pick(&types), values)
    };
    counts.iter().take(kept).map(key).collect()
}

/// Two to four columns to compute with.
fn numbers(prng: &mut Prng) -> Vec<(DataType, Values)> {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let types = [
        DataType::Int,
        DataType::Int,
        DataType::BigInt,
        DataType::Double,
        DataType::Double,
        decimal(9, 2),
        decimal(20, 6),
        decimal(38, 2),
        DataType::Boolean,
    ];
    let count = 2 + prng.below(3);
    let mut number = || (*prng.pick(&types), Values::Number { extremes: prng.chance(25) });
    (0..count).map(|_| number()).collect()
}

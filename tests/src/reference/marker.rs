//! What a feeder writes down about the rows it takes.

use sluicedb_sql::Value;
use sluicedb_sql::plan::SourceTime;

use super::Row;

/// Rows that one feeder can number.
const ROWS_MAX: u128 = 1 << 48;

/// Follows one feeder: numbers its rows and says which of them enter behind its watermark.
#[derive(Clone, Debug)]
pub struct Marker {
    time: Option<SourceTime>,
    next_tie: u128,
    watermark: i64,
}

impl Marker {
    /// Of a feeder of a source with this event time that has taken nothing.
    pub fn new(feeder: u16, time: Option<SourceTime>) -> Marker {
        Marker { time, next_tie: u128::from(feeder) * ROWS_MAX, watermark: i64::MIN }
    }

    /// Takes the next row.
    pub fn mark(&mut self, values: Vec<Value>) -> Row {
        let mut row = Row { values, tie: self.next_tie, behind: i64::MIN };
        self.next_tie += 1;
        if let Some(time) = self.time {
            let Value::Timestamp(at) = row.values[time.column] else {
                panic!("a row without event time: {row:?}")
            };
            if at < self.watermark {
                row.behind = self.watermark;
            }
            self.watermark = self.watermark.max(at.saturating_sub(time.delay_us));
        }
        row
    }

    /// Below this the feeder's rows are behind; `i64::MIN` as long as none can be.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }
}

//! What a feeder writes down about the rows it takes.

use std::collections::BTreeMap;

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
    /// The watermark that its own rows alone would give it.
    own: i64,
    /// Rows that are behind only because the feeder was attached behind others.
    behind_floor: u64,
    /// Where keys have watermarks: how far each has come.
    keys: BTreeMap<String, i64>,
}

impl Marker {
    /// Of a feeder of a source with this event time that has taken nothing.
    pub fn new(feeder: u16, time: Option<SourceTime>) -> Marker {
        let next_tie = u128::from(feeder) * ROWS_MAX;
        Marker {
            time,
            next_tie,
            watermark: i64::MIN,
            own: i64::MIN,
            behind_floor: 0,
            keys: BTreeMap::new(),
        }
    }

    /// The same when it is attached at `floor`.
    pub fn raise(&mut self, floor: i64) {
        // A feeder that comes knows no keys.
        self.keys.clear();
        self.watermark = self.watermark.max(floor);
    }

    /// Whether the time of a row is below `floor`.
    pub fn is_below(&self, row: &Row, floor: i64) -> bool {
        let Some(time) = self.time else { return false };
        matches!(row.values[time.column], Value::Timestamp(at) if at < floor)
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
                self.behind_floor += u64::from(at >= self.own);
            }
            let mut reached = at.saturating_sub(time.delay_us);
            if let Some(by) = time.by {
                let key = self.keys.entry(format!("{:?}", row.values[by])).or_insert(reached);
                *key = reached.max(*key);
                reached = *self.keys.values().min().expect("the key of the row");
            }
            self.own = self.own.max(reached);
            self.watermark = self.watermark.max(self.own);
        }
        row
    }

    /// Below this the feeder's rows are behind; `i64::MIN` as long as none can be.
    pub fn watermark(&self) -> i64 {
        self.watermark
    }

    /// Rows that are behind only because the feeder was attached behind others.
    pub fn behind_floor(&self) -> u64 {
        self.behind_floor
    }
}

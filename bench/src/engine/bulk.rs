//! Batches as fast as the shards take them, from another CPU.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringViewArray, TimestampMicrosecondArray};
use sluicedb::Schema;
use sluicedb::db::{BatchSource, Changes, Database, Source};

use super::{Trade, database, text};
use crate::subject::{Bulk, Load, Setup};
use crate::trades::{Trades, plan};

/// A subscriber that looks at how much there is.
pub(super) fn seen() -> impl FnMut(&Changes<'_>) + Clone + Send + 'static {
    |changes| {
        std::hint::black_box(changes.len());
    }
}

pub(super) fn rows<'a>(setup: &'a Setup, load: &Load) -> Vec<Trade<'a>> {
    let rows = 0..load.trades.prices.len();
    rows.map(|row| Trade::of(&load.trades, &setup.names, row)).collect()
}

/// Rows of a load as Arrow has them.
pub fn record_batch(
    trades: &Trades,
    names: &[String],
    rows: impl Iterator<Item = usize> + Clone,
    schema: &Schema,
) -> RecordBatch {
    let pick = |values: &[i64]| rows.clone().map(|row| values[row]).collect::<Vec<i64>>();
    let symbols = rows.clone().map(|row| names[trades.symbols[row]].as_str());
    let columns: [ArrayRef; 4] = [
        Arc::new(StringViewArray::from_iter_values(symbols)),
        Arc::new(Int64Array::from(pick(&trades.prices))),
        Arc::new(Int64Array::from(pick(&trades.sizes))),
        Arc::new(TimestampMicrosecondArray::from(pick(&trades.times))),
    ];
    let names = schema.names();
    RecordBatch::try_from_iter(names.zip(columns)).expect("columns of one length")
}

struct Rows<'a> {
    source: Source<Trade<'a>>,
    rows: Vec<Trade<'a>>,
    load: &'a Load,
    database: Database,
}

impl Bulk for Rows<'_> {
    fn push(&mut self, batch: usize) -> bool {
        let pushed = match &self.rows[self.load.rows(batch)] {
            [row] => self.source.push(row),
            rows => self.source.push_all(rows),
        };
        match pushed {
            Ok(()) => true,
            Err(error) => {
                assert!(error.is_full(), "{error}");
                false
            }
        }
    }

    fn idle(&mut self) {
        std::hint::spin_loop();
    }

    fn settle(&mut self) -> Result<(), String> {
        self.database.flush().map_err(text)
    }
}

struct Batches {
    source: BatchSource,
    batches: Vec<Option<RecordBatch>>,
    database: Database,
}

impl Bulk for Batches {
    fn push(&mut self, batch: usize) -> bool {
        let place = &mut self.batches[batch];
        match self.source.push(place.take().expect("each batch is pushed once")) {
            Ok(()) => true,
            Err(refused) => {
                assert!(refused.is_full(), "{refused}");
                *place = Some(refused.into_batch());
                false
            }
        }
    }

    fn idle(&mut self) {
        std::hint::spin_loop();
    }

    fn settle(&mut self) -> Result<(), String> {
        self.database.flush().map_err(text)
    }
}

/// Arrow batches, or single rows where a batch has one.
pub fn cross<'a>(setup: &'a Setup, load: &'a Load) -> Result<Box<dyn Bulk + 'a>, String> {
    if load.batch == 1 {
        return cross_structs(setup, load);
    }
    let database = open(setup)?;
    let source = database.batch_source("trades").map_err(text)?;
    let of = |batch| {
        let rows = load.rows(batch);
        Some(record_batch(&load.trades, &setup.names, rows, source.schema()))
    };
    let batches = (0..load.batches()).map(of).collect();
    Ok(Box::new(Batches { source, batches, database }))
}

/// Batches of structs.
pub fn cross_structs<'a>(setup: &'a Setup, load: &'a Load) -> Result<Box<dyn Bulk + 'a>, String> {
    let database = open(setup)?;
    let source = database.source::<Trade<'a>>("trades").map_err(text)?;
    Ok(Box::new(Rows { source, rows: rows(setup, load), load, database }))
}

fn open(setup: &Setup) -> Result<Database, String> {
    let database = database(setup, &plan(setup.query).map_err(text)?)?;
    database.on_changes(setup.query.relation(), seen()).map_err(text)?;
    Ok(database)
}

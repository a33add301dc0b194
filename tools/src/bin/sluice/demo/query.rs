//! What is asked of the trades: a script, which people may change.

use std::io::{self, Write as _};

use sluicedb::arrow::array::RecordBatch;
use sluicedb::db::{DataType, Database, Error, Outcome, Row, Subscription, parse};

use super::meter::Meter;
use crate::command::Failure;
use crate::shell::report::Origin;

/// The column of the time that is measured.
pub(super) const SENT: &str = "sent";

/// The script that runs where none is named.
const MARKET: &str = include_str!("../../../../demo/market.sql");

/// A trade as it is pushed.
#[derive(Row)]
pub(super) struct Trade<'a> {
    pub(super) symbol: &'a str,
    #[row(decimal(12, 2))]
    pub(super) price: i128,
    pub(super) size: i64,
    #[row(timestamp)]
    pub(super) ts: i64,
    /// When it was due, in nanoseconds of the demo's clock.
    pub(super) sent: i64,
}

/// Sizes are from 1 to this.
pub(super) const SIZES: u64 = 1000;

/// A relation whose rows are printed.
pub(super) struct Shown {
    pub(super) changes: Subscription,
    /// Rows that are not printed yet.
    pub(super) came: Vec<RecordBatch>,
}

/// Carries out a script, or the one of the market; gives what it subscribes to.
pub(super) fn run(db: &Database, file: Option<&str>) -> Result<Vec<Shown>, Failure> {
    let read = |path| {
        let text = std::fs::read_to_string(path);
        text.map_err(|error| Failure::Failed(format!("{path}: {error}")))
    };
    let text = file.map_or_else(|| Ok(MARKET.to_owned()), read)?;
    let origin = Origin { file: Some(file.unwrap_or("market.sql")), text: &text };
    let told = |error: Error| {
        // Where nobody takes it there is nobody to tell.
        let _ = io::stderr().write_all(origin.error(&error, 0).as_bytes());
        Failure::Told
    };
    let mut shown = Vec::new();
    for statement in parse(&text).map_err(|error| told(Error::Sql(error)))? {
        let outcome = db.execute_parsed(&statement, &text).map_err(told)?;
        if let Outcome::Changes(changes) = outcome {
            shown.push(Shown { changes: *changes, came: Vec::new() });
        }
    }
    Ok(shown)
}

/// Measures every relation that says when its latest trade was due.
pub(super) fn measure(db: &Database, meter: &Meter) -> Result<(), Error> {
    let catalog = db.objects();
    for object in catalog.objects().filter(|object| !object.reads.is_empty()) {
        let measured = object
            .schema
            .index_of(SENT)
            .is_some_and(|at| object.schema.field(at).data_type == DataType::BigInt);
        if measured {
            let meter = meter.clone();
            db.on_changes(&object.name, move |changes| meter.take(changes))?;
        }
    }
    Ok(())
}

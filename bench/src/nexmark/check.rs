//! Runs all queries on a database and holds their results to those that are committed.

use arrow::array::RecordBatch;
use sluicedb::Plan;
use sluicedb::db::{BatchSource, Database};

use super::SOURCES;
use super::canonical::lines;
use super::events::{Events, Order, Source};
use super::golden::Golden;
use super::queries::QUERIES;

/// Rows in a push: not those of a morsel, so that morsels are cut anew.
const BATCH: usize = 700;
/// Enough for all views over the larger set.
const MEMORY_BYTES: u64 = 1 << 30;

/// One run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Case {
    /// How many of the first events: one of [`CHECKED`](super::queries::CHECKED).
    pub events: usize,
    /// How they arrive.
    pub order: Order,
    /// Shards of the database.
    pub shards: usize,
}

/// What one query came to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Checked {
    /// Which.
    pub query: &'static str,
    /// Rows of its result.
    pub rows: usize,
    /// What is not as committed, for people.
    pub difference: Option<String>,
}

/// All queries over one set of events, on a database of their own.
pub fn run(case: &Case) -> Result<Vec<Checked>, String> {
    let Case { events, order, shards } = *case;
    let events_of = Events::first(events, order);
    let builder = Database::builder().shards(shards).memory_limit(MEMORY_BYTES);
    let database = builder.start(&Plan::empty()).map_err(|error| error.to_string())?;
    let creating = SOURCES.split_inclusive(';').chain(QUERIES.iter().map(|query| query.sql));
    for statement in creating.filter(|text| !text.trim().is_empty()) {
        database.execute(statement).map_err(|error| format!("{error}, in\n{statement}"))?;
    }
    let open = |of: Source| database.batch_source(of.name()).map_err(|error| error.to_string());
    let handles = Source::ALL.map(|of| open(of).map(|handle| (of, handle)));
    for opened in handles {
        let (of, handle) = opened?;
        feed(handle, events_of.batches(of, BATCH))?;
    }
    database.flush().map_err(|error| error.to_string())?;
    let checked = QUERIES.iter().map(|query| {
        let golden = query.golden(events).ok_or("no results over so many events are committed")?;
        let golden = golden.map_err(|error| format!("{}: {error}", query.name))?;
        let found = found(&database, query.name, golden.every())?;
        let (rows, difference) = (found.rows(), golden.difference(&found));
        Ok(Checked { query: query.name, rows, difference })
    });
    let checked = checked.collect();
    database.close().map_err(|error| error.to_string())?;
    checked
}

/// Pushes all rows, and says that no more come, so that every window closes.
fn feed(mut into: BatchSource, batches: Vec<RecordBatch>) -> Result<(), String> {
    for batch in batches {
        into.push_wait(batch).map_err(|error| error.to_string())?;
    }
    into.finish().map_err(|error| error.to_string())
}

fn found(database: &Database, view: &str, every: usize) -> Result<Golden, String> {
    let rows = database.query(&format!("SELECT * FROM {view}"));
    let rows = rows.map_err(|error| format!("{view}: {error}"))?;
    let lines = lines(&rows.batches).map_err(|error| format!("{view}: {error}"))?;
    let names: Vec<&str> = rows.schema.fields().iter().map(|field| field.name().as_str()).collect();
    Ok(Golden::of(&names, lines, every))
}

//! How long a database takes to be there again after it was cut off.

use std::path::Path;
use std::time::Duration;

use sluicedb::Plan;
use sluicedb::db::{Builder, Database, Row, schema};
use sluicedb::plan;

use super::Folder;
use crate::clock::Clock;

/// What is found when it is opened.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Left {
    /// Rows in the log that no checkpoint covers.
    Log,
    /// A checkpoint with a row of state for each, and nothing behind it.
    State,
}

/// What was measured.
#[derive(Clone, Copy, Debug)]
pub struct Recovered {
    /// From the open until every row is there.
    pub elapsed_ns: u64,
    /// Of all files.
    pub file_bytes: u64,
    /// Of operators and views.
    pub state_bytes: u64,
}

/// A row of state, or one that meets a row of state.
#[derive(Row, Clone, Copy, Debug)]
pub(super) struct Reading {
    pub(super) sensor: i64,
    pub(super) value: i64,
}

/// Sensors of logged rows: the log is long, and the state small.
const SENSORS: u64 = 1000;
/// Rows in a push.
const BATCH: usize = 1024;
/// Longer than any run.
pub(super) const NEVER: Duration = Duration::from_secs(1 << 20);

/// Fills a database with `rows`, cuts it off and opens it again.
pub fn run(clock: Clock, base: &Path, left: Left, rows: u64) -> Result<Recovered, String> {
    let text = |error: sluicedb::db::Error| error.to_string();
    let plan = totals().map_err(|error| error.to_string())?;
    let sensors = if left == Left::Log { rows.min(SENSORS) } else { rows };
    let folder = Folder::new(base)?;
    let database = builder(&folder).start(&plan).map_err(text)?;
    fill(&database, rows, sensors)?;
    if left == Left::State {
        database.execute("CHECKPOINT").map_err(text)?;
    }
    let cut = folder.copy()?;
    database.close().map_err(text)?;
    let file_bytes = size(cut.path())?;
    let begun_ns = clock.now_ns();
    let database = builder(&cut).start(&plan).map_err(text)?;
    let elapsed_ns = clock.now_ns() - begun_ns;
    let found = count(&database)?;
    if found != (sensors, rows) {
        return Err(format!("{found:?} came back of {sensors} sensors with {rows} rows"));
    }
    let state_bytes = database.stats().state_bytes;
    database.close().map_err(text)?;
    Ok(Recovered { elapsed_ns, file_bytes, state_bytes })
}

fn builder(folder: &Folder) -> Builder {
    Database::builder().shards(1).checkpoint_interval(NEVER).directory(folder.path())
}

pub(super) fn totals() -> Result<Plan, sluicedb::SqlError> {
    use plan::{AggregateSpec, Call, Emit};
    let mut b = plan::Builder::new();
    let readings = b.source("readings", schema::<Reading>()?, None)?;
    let totals = b.aggregate(
        readings,
        &AggregateSpec {
            window: None,
            keys: vec!["sensor".into()],
            calls: vec![Call::count_rows("readings")],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        },
    )?;
    b.view(totals, "totals", &["sensor"])?;
    b.finish()
}

fn fill(database: &Database, rows: u64, sensors: u64) -> Result<(), String> {
    let mut source = database.source::<Reading>("readings").map_err(|error| error.to_string())?;
    let all: Vec<u64> = (0..rows).collect();
    for batch in all.chunks(BATCH) {
        let of = |at: &u64| Reading { sensor: (at % sensors) as i64, value: *at as i64 };
        let readings: Vec<Reading> = batch.iter().map(of).collect();
        source.push_all_wait(&readings).map_err(|error| error.to_string())?;
    }
    while source.durable() < source.pushed() {
        // A database that has ended makes nothing durable.
        database.flush().map_err(|error| error.to_string())?;
    }
    Ok(())
}

/// Sensors, and rows of all of them.
fn count(database: &Database) -> Result<(u64, u64), String> {
    let query = "SELECT count(*), CAST(sum(readings) AS BIGINT) FROM totals";
    let found = database.query(query).map_err(|error| error.to_string())?;
    let values: Vec<_> = found.batches.iter().flat_map(sluicedb::db::values).collect();
    match values.first().map(Vec::as_slice) {
        Some([sluicedb::Value::BigInt(sensors), sluicedb::Value::BigInt(rows)]) => {
            Ok((*sensors as u64, *rows as u64))
        }
        other => Err(format!("two numbers were asked for, and {other:?} came")),
    }
}

fn size(folder: &Path) -> Result<u64, String> {
    let said = |error: std::io::Error| format!("{}: {error}", folder.display());
    let entries = std::fs::read_dir(folder).map_err(said)?;
    entries.map(|entry| entry.and_then(|entry| Ok(entry.metadata()?.len())).map_err(said)).sum()
}

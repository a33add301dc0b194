//! Batches into a database that logs them, beside one that lives in memory.

use std::path::Path;

use arrow::array::RecordBatch;
use sluicedb::db::{BatchSource, Builder, Database, Durability};

use super::Folder;
use crate::clock::Clock;
use crate::engine::bulk::record_batch;
use crate::trades::{Query, Trades, plan, symbols};

/// Nanoseconds that both took for the same batches: in memory until the results are there, with a log
/// until all is durable too.
pub fn pair(
    clock: Clock,
    base: &Path,
    (trades, batch): (&Trades, usize),
) -> Result<(u64, u64), String> {
    let memory = timed(clock, Database::builder(), (trades, batch), false)?;
    let folder = Folder::new(base)?;
    let logged = Database::builder().directory(folder.path()).durability(Durability::Log);
    Ok((memory, timed(clock, logged, (trades, batch), true)?))
}

fn timed(
    clock: Clock,
    builder: Builder,
    (trades, batch): (&Trades, usize),
    durable: bool,
) -> Result<u64, String> {
    let text = |error: sluicedb::db::Error| error.to_string();
    let plan = plan(Query::Tumble).map_err(|error| error.to_string())?;
    let database = builder.shards(1).start(&plan).map_err(text)?;
    let mut source = database.batch_source("trades").map_err(text)?;
    let batches = batches(&source, trades, batch);
    let start_ns = clock.now_ns();
    for batch in batches {
        source.push_wait(batch).map_err(|error| error.to_string())?;
    }
    database.flush().map_err(text)?;
    while durable && source.durable() < source.pushed() {
        // A database that has ended makes nothing durable.
        database.flush().map_err(text)?;
        std::thread::yield_now();
    }
    let elapsed_ns = clock.now_ns() - start_ns;
    database.close().map_err(text)?;
    Ok(elapsed_ns)
}

fn batches(source: &BatchSource, trades: &Trades, batch: usize) -> Vec<RecordBatch> {
    let (rows, names) = (trades.prices.len(), symbols());
    let starts = (0..rows).step_by(batch);
    starts
        .map(|start| {
            let part = start..rows.min(start + batch);
            record_batch(trades, &names, part, source.schema())
        })
        .collect()
}

//! Two shards over one, without a feeder: rows lie ready with each shard, and a function of the
//! application on the shard's own thread pushes them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use arrow::array::RecordBatch;
use sluicedb::core::hash::{hash_rows, owner, partition};
use sluicedb::db::BatchSource;
use sluicedb::{DataType, Schema};
use sluicedb_sql::Column;

use super::bulk::{record_batch, seen};
use super::{database, text};
use crate::subject::Setup;
use crate::trades::{Trades, plan};

/// How often the caller looks whether the shards are through, so that it takes no CPU from them.
const LOOK: Duration = Duration::from_millis(1);

/// How long the shards may take.
const PATIENCE_NS: u64 = 120_000_000_000;

/// What the functions on the shards and the caller share.
#[derive(Default)]
struct Race {
    /// Shards whose rows lie ready.
    ready: AtomicU64,
    begun: AtomicBool,
    /// Shards whose rows are all pushed.
    through: AtomicU64,
    failed: AtomicBool,
}

/// The time for all rows, each preloaded on the shard that owns its symbol, in nanoseconds.
pub fn run(setup: &Setup, trades: &Arc<Trades>, batch: usize) -> Result<u64, String> {
    let database = database(setup, &plan(setup.query).map_err(text)?)?;
    database.on_changes(setup.query.relation(), seen()).map_err(text)?;
    let race = Arc::new(Race::default());
    let owners = Arc::new(owners(&setup.names, setup.shards as u16));
    for shard in 0..setup.shards {
        let source = database.batch_source("trades").map_err(text)?;
        let (trades, owners) = (Arc::clone(trades), Arc::clone(&owners));
        let names = setup.names.clone();
        let load = move |schema: &Schema| batches(&trades, &names, &owners, shard, batch, schema);
        database.run_on(shard, guest(source, load, Arc::clone(&race))).map_err(text)?;
    }
    let all = |count: &AtomicU64| count.load(Ordering::Acquire) == setup.shards as u64;
    wait(setup, || all(&race.ready))?;
    let start = setup.clock.now_ns();
    race.begun.store(true, Ordering::Release);
    wait(setup, || all(&race.through))?;
    database.flush().map_err(text)?;
    let elapsed = setup.clock.now_ns() - start;
    match race.failed.load(Ordering::Relaxed) {
        true => Err("a shard refused a batch of its own".into()),
        false => Ok(elapsed),
    }
}

/// What a shard runs in each turn. The batches are made on its thread, so that it frees memory that
/// no other thread frees too.
fn guest(
    mut source: BatchSource,
    load: impl Fn(&Schema) -> Vec<RecordBatch> + Send + 'static,
    race: Arc<Race>,
) -> impl FnMut() -> Option<bool> + Send + 'static {
    let (mut left, mut waiting) = (None, None);
    move || {
        let left = left.get_or_insert_with(|| {
            let batches = load(source.schema()).into_iter();
            race.ready.fetch_add(1, Ordering::Release);
            batches
        });
        if !race.begun.load(Ordering::Acquire) {
            // A shard whose guest has nothing to do may sleep, and no bell rings for the start.
            return Some(true);
        }
        // One a turn: the shard works it off before the next.
        if let Some(batch) = waiting.take().or_else(|| left.next()) {
            match source.push(batch) {
                Ok(()) => return Some(true),
                // The shard waits for a barrier of the others.
                Err(refused) if refused.is_full() => {
                    waiting = Some(refused.into_batch());
                    return Some(true);
                }
                Err(_) => race.failed.store(true, Ordering::Relaxed),
            }
        }
        race.through.fetch_add(1, Ordering::Release);
        None
    }
}

fn wait(setup: &Setup, reached: impl Fn() -> bool) -> Result<(), String> {
    let start = setup.clock.now_ns();
    while !reached() {
        std::thread::sleep(LOOK);
        if setup.clock.now_ns() > start + PATIENCE_NS {
            return Err("the shards were not through after two minutes".into());
        }
    }
    Ok(())
}

/// The shard of each symbol.
fn owners(names: &[String], shards: u16) -> Vec<usize> {
    let mut column = Column::new(DataType::Text);
    names.iter().for_each(|name| column.push_text(name));
    let mut hashes = Vec::new();
    hash_rows(std::iter::once(&column), names.len(), &mut hashes);
    hashes.into_iter().map(|hash| owner(partition(hash), shards).index()).collect()
}

fn batches(
    trades: &Trades,
    names: &[String],
    owners: &[usize],
    shard: usize,
    batch: usize,
    schema: &Schema,
) -> Vec<RecordBatch> {
    let own: Vec<usize> =
        (0..trades.prices.len()).filter(|&row| owners[trades.symbols[row]] == shard).collect();
    let of = |rows: &[usize]| record_batch(trades, names, rows.iter().copied(), schema);
    own.chunks(batch).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trades::{Query, symbols, trades};

    #[test]
    fn the_symbols_are_shared_by_the_shards() {
        let owners = owners(&symbols(), 2);
        let first = owners.iter().filter(|owner| **owner == 0).count();
        assert!((400..600).contains(&first) && owners.len() == 1000, "{first}");
    }

    #[test]
    fn preloaded_rows_are_worked_on_by_each_number_of_shards() {
        let trades = Arc::new(trades(5_000, 1));
        for shards in [1, 2] {
            let setup = Setup::new(Query::Tumble, shards).unwrap();
            assert!(run(&setup, &trades, 256).unwrap() > 0);
        }
    }
}

//! What the ends of epochs ask of the allocator.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sluicedb::db::{Changes, Database, InlineDatabase, Source};
use sluicedb::plan::{Builder, Plan};

use super::Trade;
use super::bulk::rows;
use crate::alloc;
use crate::subject::{Load, Setup};
use crate::trades::{Query, plan, trades};

/// Pushes rows one by one, and lets the epoch of each end.
fn epochs<'a>(database: &mut InlineDatabase, source: &mut Source<Trade<'a>>, rows: &[Trade<'a>]) {
    for row in rows {
        source.push(row).unwrap();
        while database.turn() {}
    }
}

/// A stream of all rows, which tells of every epoch that has some.
const WATCHED: &str = "all";

fn watched(query: Query) -> Plan {
    let plan = plan(query).unwrap();
    let trades = plan.source("trades").unwrap();
    let mut builder = Builder::over(&plan);
    builder.stream(trades, WATCHED).unwrap();
    builder.finish().unwrap()
}

#[test]
fn the_ends_of_epochs_ask_for_no_memory() {
    for query in Query::ALL {
        let setup = Setup::new(query, 1).unwrap();
        let load = Load { trades: trades(20_000, 42), batch: 1 };
        let rows = rows(&setup, &load);
        let builder = Database::builder().epoch_interval(Duration::from_nanos(1));
        let mut database = builder.inline(&watched(query)).unwrap();
        let mut source = database.source::<Trade<'_>>("trades").unwrap();
        let epoch = Arc::new(AtomicU64::new(0));
        let last = Arc::clone(&epoch);
        let note = move |changes: &Changes<'_>| last.store(changes.epoch().0, Ordering::Relaxed);
        database.on_changes(WATCHED, note).unwrap();
        let (warm_up, steady) = rows.split_at(rows.len() / 2);
        epochs(&mut database, &mut source, warm_up);
        let (before, asked) = (epoch.load(Ordering::Relaxed), alloc::of_this_thread());
        epochs(&mut database, &mut source, steady);
        let asked = alloc::of_this_thread() - asked;
        let ended = epoch.load(Ordering::Relaxed) - before;
        assert!(ended > 1000, "{query:?}: {ended} epochs");
        assert_eq!(asked.allocations, 0, "{query:?}, {ended} epochs: {asked:?}");
    }
}

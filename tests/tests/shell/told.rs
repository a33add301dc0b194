//! What a database tells of itself: also when it is held up, and when its caller turns it.

use sluicedb::db::{Database, Overflow, Row, SubscribeOptions, schema};
use sluicedb::plan::{AggregateSpec, Builder, Function, Plan};

use crate::fixture::{Tick, small, stream_plan};
use crate::watchdog::within;

#[derive(Row)]
struct Reading {
    value: i64,
    #[row(timestamp)]
    ts: i64,
}

/// Sums over windows of ten, whose late rows nobody reads.
fn windows() -> Plan {
    let mut b = Builder::new();
    let readings = b.source("readings", schema::<Reading>().unwrap(), Some(("ts", 0))).unwrap();
    let sums = AggregateSpec::by([""; 0]).tumble("ts", 10);
    let sums = b.aggregate(readings, &sums.compute("sum", Function::Sum, "value").on_close());
    b.stream(sums.unwrap(), "sums").unwrap();
    b.finish().unwrap()
}

const LATE: &str = "SELECT * FROM sluice.late_rows WHERE relation = 'sums' AND source = 'readings'";

fn readings(from: i64) -> impl Iterator<Item = Reading> {
    // Every second one is behind the window that the one before it has closed.
    (from..from + 100).map(|n| Reading { value: n, ts: if n % 2 == 0 { n * 100 } else { 1 } })
}

#[test]
fn an_inline_database_shows_rows_that_were_pushed_and_not_turned_yet() {
    within("late rows inline", || {
        let mut db = Database::builder().memory_limit(256 << 20).inline(&windows()).unwrap();
        let mut source = db.source::<Reading>("readings").unwrap();
        for reading in readings(2) {
            source.push(&reading).unwrap();
        }
        let behind = format!("{LATE} AND event_time = '1970-01-01 00:00:00.000001'");
        assert_eq!(db.query(&behind).unwrap().len(), 50);
        assert_eq!(db.stats().late_rows, 50);
    });
}

#[test]
fn late_rows_of_all_shards_are_shown_and_as_many_are_kept_as_fit() {
    within("late rows", || {
        let db = small(2).start(&windows()).unwrap();
        let mut source = db.source::<Reading>("readings").unwrap();
        let mut late = 0;
        for round in 0..1000 {
            for reading in readings(2 + round * 100) {
                late += u64::from(reading.ts == 1);
                source.push_wait(&reading).unwrap();
            }
        }
        db.flush().unwrap();
        let stats = db.stats();
        assert_eq!(stats.late_rows, late);
        let kept = db.query(LATE).unwrap().len() as u64;
        assert_eq!(kept + stats.late_rows_gone, late);
        assert!(stats.late_rows_gone > 0 && kept > 8_000, "{kept} of {late} are kept");
        let steps = db.query("EXPLAIN ANALYZE sums").unwrap();
        let names: Vec<&str> = steps.schema.fields().iter().map(|f| f.name().as_str()).collect();
        assert_eq!(names[..4], ["operator", "kind", "stage", "rows_in"]);
        let known = "SELECT * FROM sluice.operators WHERE relation = 'sums'";
        assert_eq!(steps.len(), db.query(known).unwrap().len());
        assert!(steps.len() >= 2, "the aggregate and the stream");
        // The newest ones.
        let newest = format!("{LATE} AND data ->> 'value' = '{}'", 1 + 1000 * 100);
        assert_eq!(db.query(&newest).unwrap().len(), 1);
    });
}

#[test]
fn a_database_that_is_held_up_says_where() {
    within("held up", || {
        let db = small(1).start(&stream_plan()).unwrap();
        let options = SubscribeOptions { capacity: 1, overflow: Overflow::Block };
        let subscription = db.subscribe_with("all", options).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        // Until the shard takes nothing more, because nobody takes what it has.
        while source.push(&Tick { id: 1 }).is_ok() {}
        let published = "SELECT * FROM sluice.operators WHERE kind = 'stream' AND rows_out > 0";
        assert_eq!(db.query(published).unwrap().len(), 1);
        let open = "SELECT * FROM sluice.epochs WHERE passed_at IS NULL";
        assert!(!db.query(open).unwrap().is_empty());
        drop(subscription);
        db.flush().unwrap();
    });
}

//! Producers that fall silent, on the clock of this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use arrow::array::{Int64Array, RecordBatch, TimestampMicrosecondArray};
use sluicedb::db::{BatchSource, Database};

use crate::fixture::small;

/// Longer than any machine needs for a timeout of some milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

const VIEW: &str = "CREATE MATERIALIZED VIEW closed AS SELECT window_start, sum(x) AS s FROM s \
                    GROUP BY tumble(ts, INTERVAL '10' SECOND) EMIT ON WINDOW CLOSE";

fn database(options: &str) -> Database {
    let db = small(2).start(&sluicedb_sql::Plan::empty()).unwrap();
    let source = "CREATE SOURCE s (x BIGINT NOT NULL, ts TIMESTAMP NOT NULL)";
    db.execute(&format!("{source} WITH (watermark = 'ts', {options})")).unwrap();
    db.execute(VIEW).unwrap();
    db
}

/// Pushes one row, so many seconds after 1970 began.
fn push(db: &Database, source: &mut BatchSource, x: i64, second: i64) {
    let schema = sluicedb_sql::column::arrow::arrow_schema(source.schema());
    let times = TimestampMicrosecondArray::from(vec![second * 1_000_000]);
    let columns: Vec<arrow::array::ArrayRef> =
        vec![Arc::new(Int64Array::from(vec![x])), Arc::new(times)];
    let batch = RecordBatch::try_new(Arc::new(schema), columns).unwrap();
    source.push(batch).unwrap();
    db.flush().unwrap();
}

fn closed(db: &Database) -> usize {
    db.query("SELECT * FROM closed").unwrap().len()
}

/// Waits until so many windows are closed.
fn wait_for(db: &Database, windows: usize) {
    let begun = Instant::now();
    while closed(db) < windows {
        assert!(begun.elapsed() < PATIENCE, "{} windows are closed", closed(db));
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_producer_that_falls_silent_is_not_waited_for() {
    let db = database("idle_timeout = '20 milliseconds'");
    let (mut fast, mut slow) = (db.batch_source("s").unwrap(), db.batch_source("s").unwrap());
    push(&db, &mut slow, 1, 1);
    push(&db, &mut fast, 2, 12);
    wait_for(&db, 1);
    // What it brings behind the others is late.
    push(&db, &mut slow, 4, 2);
    push(&db, &mut fast, 8, 25);
    wait_for(&db, 2);
    let wrong = db.query("SELECT * FROM closed WHERE s NOT IN (1, 2)").unwrap();
    assert!(wrong.is_empty(), "{wrong:?}");
}

#[test]
fn one_that_is_only_slow_is_waited_for() {
    let db = database("idle_timeout = '1 hour'");
    let (mut fast, mut slow) = (db.batch_source("s").unwrap(), db.batch_source("s").unwrap());
    push(&db, &mut slow, 1, 1);
    push(&db, &mut fast, 2, 12);
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(closed(&db), 0);
    push(&db, &mut slow, 4, 11);
    assert_eq!(closed(&db), 1);
}

#[test]
fn event_time_goes_on_with_the_clock_where_that_is_asked_for() {
    let db = database("idle_timeout = '20 milliseconds', idle_advance = true");
    let mut only = db.batch_source("s").unwrap();
    push(&db, &mut only, 1, 9);
    // A second of the clock later nobody needs to push for the window to close.
    wait_for(&db, 1);
}

//! Rows that no result has, in a directory: they are there when it is opened again, each once.

use sluicedb::db::{Database, values};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::small;
use crate::watchdog::within;

const OBJECTS: &[&str] = &[
    "CREATE SOURCE trades (symbol TEXT, price SMALLINT, ts TIMESTAMP) WITH (watermark = 'ts')",
    "CREATE MATERIALIZED VIEW bars AS SELECT window_start, symbol, max(price) AS high FROM trades \
     GROUP BY symbol, tumble(ts, INTERVAL '10' SECOND) EMIT ON WINDOW CLOSE",
    "CREATE MATERIALIZED VIEW shares AS SELECT symbol, 100 / price AS share, ts FROM trades",
];

/// What each life pushes: a row that closes windows, one behind them, and one that cannot be divided by.
fn push(db: &Database, life: usize) {
    let minute = life + 1;
    let text = format!(
        "INSERT INTO trades VALUES ('A', 1, '2024-01-01 00:{minute:02}:00'), \
         ('late {life}', 2, '2024-01-01 00:00:0{life}'), \
         ('zero {life}', 0, '2024-01-01 00:{minute:02}:01')"
    );
    db.execute(&text).unwrap();
}

fn rows(db: &Database, query: &str) -> Vec<String> {
    let found = db.query(query).unwrap();
    found.batches.iter().flat_map(values).map(|row| format!("{row:?}")).collect()
}

/// All that is told of refused rows, but when they were seen, and in an order of its own.
fn told(db: &Database) -> [Vec<String>; 4] {
    [
        "SELECT source, relation, watermark, event_time, late_by, weight, data \
         FROM sluice.late_rows ORDER BY event_time",
        "SELECT source, relation, operator, sqlstate, reason, weight, data \
         FROM sluice.dead_letters ORDER BY CAST(data AS TEXT)",
        "SELECT relation, sum(late) AS late, sum(dead) AS dead FROM sluice.operators \
         GROUP BY relation ORDER BY relation",
        "SELECT name, value FROM sluice.stats WHERE name LIKE '%late%' OR name LIKE '%letters%' \
         ORDER BY name",
    ]
    .map(|query| rows(db, query))
}

fn outlive(name: &str, closes: bool, checkpoints: bool) {
    let place = Place::new(name);
    let twin = small(1).start(&Plan::empty()).unwrap();
    OBJECTS.iter().for_each(|text| drop(twin.execute(text).unwrap()));
    for (life, shards) in [1, 1, 3, 3, 2, 1].into_iter().enumerate() {
        let db = small(shards).directory(place.path()).start(&Plan::empty()).unwrap();
        if life == 0 {
            OBJECTS.iter().for_each(|text| drop(db.execute(text).unwrap()));
        }
        assert_eq!(told(&db), told(&twin), "at the start of life {life}");
        push(&db, life);
        push(&twin, life);
        if checkpoints {
            db.execute("CHECKPOINT").unwrap();
        }
        assert_eq!(told(&db), told(&twin), "at the end of life {life}");
        if closes {
            db.close().unwrap();
        }
    }
    let [late, dead, ..] = told(&twin);
    assert_eq!((late.len(), dead.len()), (6, 6), "one of each a life");
}

#[test]
fn refused_rows_outlive_a_process_that_closes() {
    within("closed", || outlive("letters-closed", true, false));
}

#[test]
fn refused_rows_are_in_checkpoints_and_made_again_from_the_log() {
    within("checkpoints", || outlive("letters-checkpoint", false, true));
    within("logs", || outlive("letters-log", false, false));
}

#[test]
fn what_a_view_that_is_gone_refused_goes_with_the_process() {
    within("dropped", || {
        let place = Place::new("letters-dropped");
        let open = || small(1).directory(place.path()).start(&Plan::empty()).unwrap();
        let db = open();
        OBJECTS.iter().for_each(|text| drop(db.execute(text).unwrap()));
        push(&db, 0);
        db.execute("CHECKPOINT").unwrap();
        db.execute("DROP MATERIALIZED VIEW shares").unwrap();
        // Its operators may have the numbers of those, and other columns.
        db.execute(
            "CREATE MATERIALIZED VIEW halves AS SELECT 100 / (p - 2) AS half \
             FROM (SELECT CAST(price AS BIGINT) AS p FROM trades) AS q",
        )
        .unwrap();
        push(&db, 1);
        db.execute("CHECKPOINT").unwrap();
        let [late, mut dead, ..] = told(&db);
        dead.retain(|row| !row.contains("shares"));
        assert!(!dead.is_empty(), "a row of each life fails");
        drop(db);
        let [found_late, found_dead, ..] = told(&open());
        assert_eq!((found_late, found_dead), (late, dead));
    });
}

//! Directories that are opened with another number of shards: everything is there, and goes on.

use sluicedb::db::{Database, Durability, Error, Row, Source, values};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::small;
use crate::watchdog::within;

#[derive(Row)]
struct Tick {
    k: String,
    g: i32,
    x: i64,
    d: f64,
    t: String,
    #[row(timestamp)]
    ts: i64,
}

/// Every operator that keeps something, in every way in which it does.
const OBJECTS: &[&str] = &[
    "CREATE SOURCE ticks (k TEXT, g INT, x BIGINT, d DOUBLE, t TEXT, ts TIMESTAMP) \
     WITH (watermark = 'ts', allowed_lateness = INTERVAL '1' SECOND)",
    "CREATE MATERIALIZED VIEW rows AS SELECT k, g, x, t FROM ticks",
    "CREATE MATERIALIZED VIEW dropped AS SELECT x * 2 AS y, t FROM ticks WHERE x % 3 <> 0",
    "CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(x) AS s, avg(d) AS a, \
     min(t) AS lo, max(t) AS hi, bool_or(x > 500) AS b FROM ticks GROUP BY k",
    "CREATE MATERIALIZED VIEW sets AS SELECT k, count(DISTINCT t) AS n, sum(DISTINCT g) AS s, \
     approx_distinct(x) AS about FROM ticks GROUP BY k",
    "CREATE MATERIALIZED VIEW lists AS SELECT g, string_agg(t, ',' ORDER BY x) AS texts, \
     percentile_cont(0.5) WITHIN GROUP (ORDER BY x) AS half, \
     percentile_disc(0.9) WITHIN GROUP (ORDER BY d) AS most FROM ticks GROUP BY g",
    "CREATE MATERIALIZED VIEW everything AS SELECT count(*) AS n, max(t) AS hi, sum(x) AS s FROM ticks",
    "CREATE MATERIALIZED VIEW two_keys AS SELECT g, k, min(x) AS lo, first(t) AS f, last(t) AS l \
     FROM ticks GROUP BY g, k",
    "CREATE MATERIALIZED VIEW by_count AS SELECT n, count(*) AS groups, min(hi) AS lo, max(lo) AS hi \
     FROM sums GROUP BY n",
    "CREATE MATERIALIZED VIEW tumbled AS SELECT window_start, k, count(*) AS n, max(t) AS hi \
     FROM ticks GROUP BY k, tumble(ts, INTERVAL '1' SECOND)",
    "CREATE MATERIALIZED VIEW hopped AS SELECT window_start, g, count(*) AS n, count(DISTINCT t) AS m \
     FROM ticks GROUP BY g, hop(ts, INTERVAL '2' SECOND, INTERVAL '500 milliseconds') \
     EMIT ON WINDOW CLOSE",
    "CREATE MATERIALIZED VIEW corrected WITH (allowed_lateness = INTERVAL '2' SECOND) AS SELECT window_start, g, sum(x) AS s \
     FROM ticks GROUP BY g, hop(ts, INTERVAL '2' SECOND, INTERVAL '1' SECOND) \
     EMIT ON WINDOW CLOSE",
    "CREATE MATERIALIZED VIEW visits AS SELECT window_start, window_end, k, count(*) AS n, \
     string_agg(t, ',' ORDER BY x) AS texts \
     FROM ticks GROUP BY k, session(ts, INTERVAL '300 milliseconds') EMIT ON WINDOW CLOSE",
    "CREATE MATERIALIZED VIEW visiting AS SELECT window_start, window_end, g, max(t) AS hi \
     FROM ticks GROUP BY g, session(ts, INTERVAL '20 milliseconds')",
    "CREATE MATERIALIZED VIEW returning AS SELECT window_start, window_end, count(*) AS n, max(t) AS hi \
     FROM (SELECT k, max(ts) AS ts, max(t) AS t FROM ticks GROUP BY k) AS q \
     GROUP BY session(ts, INTERVAL '20 milliseconds')",
];

const READ: &[&str] = &[
    "rows",
    "dropped",
    "sums",
    "sets",
    "lists",
    "everything",
    "two_keys",
    "by_count",
    "tumbled",
    "hopped",
    "corrected",
    "visits",
    "visiting",
    "returning",
    "ticks",
];

fn create(db: &Database) {
    for text in OBJECTS {
        db.execute(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
}

/// The rows of a relation, in an order of their own.
fn rows(db: &Database, relation: &str) -> Vec<String> {
    let found = db.query(&format!("SELECT * FROM {relation}")).unwrap();
    let rows = found.batches.iter().flat_map(values);
    let mut rows: Vec<String> = rows.map(|row| format!("{row:?}")).collect();
    rows.sort();
    rows
}

fn tick(number: i64) -> Tick {
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    let behind = (mixed % 800) as i64 * 1000;
    Tick {
        k: format!("key {}", mixed % 23),
        g: (mixed % 5) as i32,
        x: number,
        // Sums of these are exact, in whatever order they are added.
        d: mixed as f64 / 8.0,
        // Some lie in their slots, others in a heap.
        t: if mixed.is_multiple_of(2) {
            format!("t{}", mixed % 40)
        } else {
            format!("a text of some length {}", mixed % 40)
        },
        ts: number * 7_000 - behind,
    }
}

fn push(source: &mut Source<Tick>, numbers: std::ops::Range<i64>) {
    numbers.for_each(|number| source.push_wait(&tick(number)).unwrap());
}

/// Rows of a life.
const ROWS: i64 = 700;

fn goes_on(durability: Durability, closes: impl Fn(usize) -> bool, name: &str) {
    let place = Place::new(name);
    let twin = small(1).start(&Plan::empty()).unwrap();
    create(&twin);
    let mut twin_source = twin.source::<Tick>("ticks").unwrap();
    let mut pushed = 0;
    for (life, shards) in [1, 3, 2, 5, 1, 4].into_iter().enumerate() {
        let builder = small(shards).durability(durability).directory(place.path());
        let db = builder.start(&Plan::empty()).unwrap();
        if life == 0 {
            create(&db);
        }
        let same = |when: &str| {
            for relation in READ {
                let (found, expected) = (rows(&db, relation), rows(&twin, relation));
                assert_eq!(found, expected, "{relation} {when} life {life} on {shards} shards");
            }
        };
        // With it the watermark is where it was.
        let mut source = db.source::<Tick>("ticks").unwrap();
        same("at the start of");
        push(&mut source, pushed..pushed + ROWS);
        push(&mut twin_source, pushed..pushed + ROWS);
        pushed += ROWS;
        same("at the end of");
        source.wait_durable().unwrap();
        if closes(life) {
            drop(source);
            db.close().unwrap();
        }
    }
    assert!(READ.iter().all(|relation| !rows(&twin, relation).is_empty()), "all have rows");
}

#[test]
fn what_a_number_of_shards_wrote_goes_on_with_another() {
    within("closed and opened", || goes_on(Durability::Log, |_| true, "resharded-closed"));
}

#[test]
fn what_lies_in_the_logs_of_a_number_of_shards_goes_on_with_another() {
    within("opened behind a log", || {
        goes_on(Durability::Log, |life| life % 3 == 2, "resharded-log")
    });
}

#[test]
fn a_directory_is_opened_with_the_number_that_wrote_it_unless_another_is_asked_for() {
    within("no number asked", || {
        let place = Place::new("resharded-default");
        let open = |shards: Option<usize>| {
            let builder = Database::builder().memory_limit(256 << 20).directory(place.path());
            let builder = builder.runtime(sluicedb::db::Runtime::Thread);
            shards.into_iter().fold(builder, |b, shards| b.shards(shards)).start(&Plan::empty())
        };
        for (asked, found) in [(Some(3), 3), (None, 3), (Some(2), 2), (None, 2)] {
            let db = open(asked).unwrap();
            assert_eq!(db.stats_by_shard().len(), found, "{asked:?} asked");
            db.execute("CREATE SOURCE IF NOT EXISTS s (x BIGINT)").unwrap();
            db.close().unwrap();
        }
    });
}

#[test]
fn an_inline_database_takes_over_what_shards_wrote() {
    within("inline", || {
        let place = Place::new("resharded-inline");
        let db = small(3).directory(place.path()).start(&Plan::empty()).unwrap();
        db.execute("CREATE SOURCE s (x BIGINT)").unwrap();
        db.execute(
            "CREATE MATERIALIZED VIEW v AS SELECT x % 7 AS r, count(*) AS n FROM s GROUP BY x % 7",
        )
        .unwrap();
        db.execute("INSERT INTO s VALUES (1), (2), (3), (8), (9), (15)").unwrap();
        let expected = rows(&db, "v");
        // Not closed: the rows are in the logs.
        drop(db);
        let builder = Database::builder().memory_limit(256 << 20).directory(place.path());
        let mut db = builder.inline(&Plan::empty()).unwrap();
        let found = db.query("SELECT * FROM v").unwrap();
        let mut found: Vec<String> =
            found.batches.iter().flat_map(values).map(|row| format!("{row:?}")).collect();
        found.sort();
        assert_eq!(found, expected);
    });
}

#[test]
fn a_view_that_cannot_be_moved_is_named() {
    within("named", || {
        let place = Place::new("resharded-immovable");
        let db = small(2).directory(place.path()).start(&Plan::empty()).unwrap();
        db.execute("CREATE SOURCE s (k INT, x BIGINT)").unwrap();
        db.execute(
            "CREATE MATERIALIZED VIEW counts_alone AS \
             SELECT n FROM (SELECT k, count(*) AS n FROM s GROUP BY k) AS q",
        )
        .unwrap();
        db.execute("INSERT INTO s VALUES (1, 1), (2, 2), (3, 3), (1, 4)").unwrap();
        let expected = rows(&db, "counts_alone");
        db.close().unwrap();
        let open = |shards| small(shards).directory(place.path()).start(&Plan::empty());
        let refused = open(3).map(drop).unwrap_err();
        assert!(matches!(refused, Error::Recover { .. }), "{refused}");
        assert!(refused.to_string().contains("\"counts_alone\""), "{refused}");
        let db = open(2).unwrap();
        assert_eq!(rows(&db, "counts_alone"), expected);
        db.execute("DROP MATERIALIZED VIEW counts_alone").unwrap();
        db.close().unwrap();
        open(3).unwrap().close().unwrap();
    });
}

//! A query whose state outgrows the memory stops alone: it says so, its memory is there again, and
//! everything else goes on.

use sluicedb::db::{Builder, Database, Error, Row, Subscription, Value, values};
use sluicedb::plan::Plan;
use sluicedb::shell::memory::Budget;

use crate::directory::Place;
use crate::watchdog::within;

#[derive(Row)]
struct Note<'a> {
    id: i64,
    k: i64,
    body: &'a str,
}

/// `big` keeps every text, `counted` reads it, and the others keep little.
const QUERIES: &[&str] = &[
    "CREATE SOURCE notes (id BIGINT NOT NULL, k BIGINT NOT NULL, body TEXT NOT NULL) WITH (retain = 0)",
    "CREATE MATERIALIZED VIEW big AS SELECT id, max(body) AS body FROM notes GROUP BY id",
    "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM big",
    "CREATE MATERIALIZED VIEW sums AS SELECT k, count(*) AS n, sum(id)::BIGINT AS total FROM notes GROUP BY k",
    "CREATE STREAM passed AS SELECT id FROM notes",
];

fn little(shards: usize) -> Builder {
    Database::builder().shards(shards).memory_limit(Budget::minimum_bytes(shards))
}

fn start(builder: Builder) -> Database {
    builder.start(&Plan::empty()).unwrap()
}

fn run(db: &Database, statements: &[&str]) {
    for statement in statements {
        db.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn rows(db: &Database, query: &str) -> Vec<Vec<Value>> {
    db.query(query).unwrap().batches.iter().flat_map(values).collect()
}

/// Pushes from this number on; no push is refused.
fn push(db: &Database, ids: std::ops::Range<i64>) {
    let body = "x".repeat(1500);
    let mut source = db.source::<Note<'_>>("notes").unwrap();
    for id in ids {
        source.push_wait(&Note { id, k: id % 3, body: &body }).unwrap();
    }
    db.flush().unwrap();
}

fn state(db: &Database, name: &str) -> Vec<Value> {
    let query = format!("SELECT state, last_error FROM sluice.views WHERE name = '{name}'");
    rows(db, &query).swap_remove(0)
}

/// Pushes until `big` has stopped; returns how many rows there are.
fn fill(db: &Database) -> i64 {
    let mut pushed = 0;
    while state(db, "big")[0] == Value::text("running") {
        assert!(pushed < 400_000, "nothing ever fills the memory");
        push(db, pushed..pushed + 1000);
        pushed += 1000;
    }
    pushed
}

/// What `sums` holds behind so many rows.
fn sums(count: i64) -> Vec<Vec<Value>> {
    let of = |k: i64| (0..count).filter(move |id| id % 3 == k);
    let row = |k| vec![k, of(k).count() as i64, of(k).sum()];
    (0..3).map(|k| row(k).into_iter().map(Value::BigInt).collect()).collect()
}

const SUMS: &str = "SELECT k, n, total FROM sums ORDER BY k";

fn says_stopped(error: &dyn std::error::Error) {
    let text = error.to_string();
    for word in ["\"big\" was stopped", "MiB", "memory_limit", "DROP"] {
        assert!(text.contains(word), "no {word} in: {text}");
    }
}

fn refuses(db: &Database, statement: &str) {
    match db.execute(statement) {
        Err(Error::Sql(error)) => {
            assert_eq!(error.sqlstate, "53200", "{statement}: {error}");
            let hint = error.hint.clone().unwrap_or_default();
            assert!(error.to_string().contains("\"big\" was stopped"), "{statement}: {error}");
            assert!(hint.contains("memory_limit"), "{statement}: {error} ({hint})");
        }
        Err(error) => panic!("{statement}: {error}"),
        Ok(_) => panic!("{statement} reads what was given up"),
    }
}

fn ids_until(mut subscription: Subscription, ended: impl Fn(&Error) -> bool) -> Vec<i64> {
    let mut ids = Vec::new();
    loop {
        match subscription.next() {
            None => return ids,
            Some(Err(error)) => {
                assert!(ended(&error), "{error}");
                return ids;
            }
            Some(Ok(set)) => {
                let changes = set.changes();
                let column = changes.column::<i64>("id").unwrap();
                ids.extend((0..changes.len()).map(|row| column.get(row)));
            }
        }
    }
}

#[test]
fn the_query_that_keeps_the_most_stops_and_everything_else_goes_on() {
    for shards in [1, 2] {
        within("a query stops", move || {
            let db = start(little(shards));
            run(&db, QUERIES);
            let [big, passed] = ["big", "passed"].map(|name| db.subscribe(name).unwrap());
            let taken = std::thread::spawn(move || ids_until(passed, |_| false));
            let told = std::thread::spawn(move || {
                ids_until(big, |error| {
                    says_stopped(error);
                    true
                })
            });
            let mut looked_up = db.view("big").unwrap();
            let pushed = fill(&db);
            assert!(!told.join().unwrap().is_empty(), "changes came before it stopped");
            push(&db, pushed..pushed + 500);
            let all = pushed + 500;
            assert_eq!(rows(&db, SUMS), sums(all));
            for name in ["big", "counted"] {
                let state = state(&db, name);
                assert_eq!(state[0], Value::text("stopped"), "{name}");
                assert!(state[1].to_string().contains("\"big\" was stopped"), "{name}: {state:?}");
                refuses(&db, &format!("SELECT count(*) FROM {name}"));
                refuses(&db, &format!("SUBSCRIBE TO {name}"));
                let reads =
                    format!("CREATE MATERIALIZED VIEW more AS SELECT count(*) AS n FROM {name}");
                refuses(&db, &reads);
            }
            says_stopped(&looked_up.get(1_i64).map(drop).unwrap_err());
            assert!(db.subscribe("big").is_err() && db.view("big").is_err());
            let stats = db.stats();
            assert!(
                stats.state_bytes < stats.state_bytes_max / 2,
                "it has its memory back: {stats:?}"
            );
            run(&db, &["DROP MATERIALIZED VIEW counted", "DROP MATERIALIZED VIEW big", QUERIES[1]]);
            push(&db, all..all + 10);
            assert_eq!(rows(&db, "SELECT count(*) FROM big"), [[Value::BigInt(10)]]);
            assert_eq!(state(&db, "big"), [Value::text("running"), Value::Null]);
            assert_eq!(rows(&db, SUMS), sums(all + 10));
            db.close().unwrap();
            let mut taken = taken.join().unwrap();
            taken.sort_unstable();
            assert!(taken.into_iter().eq(0..all + 10), "each row passes once");
        });
    }
}

#[test]
fn a_query_that_was_stopped_stays_so_in_a_directory_and_nothing_else_is_lost() {
    for (shards, other) in [(1, 1), (2, 2), (2, 1)] {
        within("a query stops in a directory", move || {
            let place = Place::new(&format!("stopped-{shards}-{other}"));
            let db = start(little(shards).directory(place.path()));
            run(&db, QUERIES);
            let pushed = fill(&db);
            push(&db, pushed..pushed + 200);
            let all = pushed + 200;
            run(&db, &["CHECKPOINT"]);
            drop(db);
            let open = || start(little(other).directory(place.path()));
            let db = open();
            assert_eq!(rows(&db, SUMS), sums(all));
            refuses(&db, "SELECT count(*) FROM big");
            refuses(&db, "SELECT count(*) FROM counted");
            assert_eq!(state(&db, "counted")[0], Value::text("stopped"));
            run(&db, &["DROP MATERIALIZED VIEW counted", "DROP MATERIALIZED VIEW big", QUERIES[1]]);
            // Each of them is durable when its INSERT returns.
            for id in all..all + 10 {
                run(&db, &[&format!("INSERT INTO notes VALUES ({id}, {}, 'x')", id % 3)]);
            }
            drop(db);
            let db = open();
            assert_eq!(rows(&db, SUMS), sums(all + 10));
            assert_eq!(rows(&db, "SELECT count(*) FROM big"), [[Value::BigInt(10)]]);
        });
    }
}

#[test]
fn rows_that_a_source_keeps_go_before_a_query_does() {
    within("kept rows give way", || {
        let db = start(little(1));
        let source = QUERIES[0].replace("retain = 0", "retain = '10 GB'");
        run(&db, &[&source, QUERIES[3]]);
        push(&db, 0..30_000);
        let kept = |db: &Database| match rows(db, "SELECT count(*) FROM notes").swap_remove(0)[..] {
            [Value::BigInt(kept)] => kept,
            ref other => panic!("{other:?}"),
        };
        let before = kept(&db);
        // It is given the half of what is kept, which is more than what is free beside that.
        run(
            &db,
            &["CREATE MATERIALIZED VIEW texts AS SELECT id, body FROM notes WHERE id % 2 = 0"],
        );
        assert_eq!(state(&db, "texts"), [Value::text("running"), Value::Null]);
        let even = (30_000 - before..30_000).filter(|id| id % 2 == 0).count() as i64;
        assert_eq!(rows(&db, "SELECT count(*) FROM texts"), [[Value::BigInt(even)]]);
        assert!(kept(&db) < before, "{before} rows were kept");
        assert_eq!(rows(&db, SUMS), sums(30_000));
    });
}

#[test]
fn a_query_of_a_database_that_its_caller_turns_stops_too() {
    within("inline", || {
        let limit = Budget::minimum_bytes(1);
        let mut db = Database::builder().memory_limit(limit).inline(&Plan::empty()).unwrap();
        for query in QUERIES {
            db.execute(query).unwrap();
        }
        let mut view = db.view("big").unwrap();
        let mut source = db.source::<Note<'_>>("notes").unwrap();
        let body = "x".repeat(1500);
        let mut id = 0;
        let error = loop {
            assert!(id < 400_000, "nothing ever fills the memory");
            while source.push(&Note { id, k: 0, body: &body }).is_ok() {
                id += 1;
            }
            db.turn();
            match db.get(&mut view, 0_i64) {
                Ok(found) => assert_eq!(found.len(), 1),
                Err(error) => break error,
            }
        };
        says_stopped(&error);
        db.flush().unwrap();
        db.check().unwrap();
        let found = db.query("SELECT n FROM sums").unwrap();
        assert_eq!(
            found.batches.iter().flat_map(values).collect::<Vec<_>>(),
            [[Value::BigInt(id)]]
        );
    });
}

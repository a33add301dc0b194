//! Sources that keep their rows: what readers and late queries see of them while rows arrive.

use std::sync::atomic::{AtomicBool, Ordering};

use sluicedb::db::{Database, Outcome, Row, RowSet};
use sluicedb_sql::column::arrow::{Incoming, type_of_field};
use sluicedb_sql::{Field, Value};

use crate::fixture::{Tick, small};
use crate::watchdog::within;

#[derive(Row)]
struct Note<'a> {
    id: i64,
    body: &'a str,
}

fn numbers(rows: &RowSet) -> Vec<i64> {
    let batch = rows.batches.iter().find(|batch| batch.num_rows() > 0).expect("one row");
    let fields = rows.schema.fields().iter().zip(batch.columns());
    let number = |(field, array): (&std::sync::Arc<arrow::datatypes::Field>, _)| {
        let found = type_of_field(field).unwrap().unwrap();
        let field = Field::nullable(field.name(), found);
        match Incoming::new(std::sync::Arc::clone(array), &field).unwrap().into_column().value(0) {
            Value::BigInt(number) => number,
            other => panic!("{other:?} is no number"),
        }
    };
    fields.map(number).collect()
}

fn start(shards: usize, options: &str) -> Database {
    let db = small(shards).start(&sluicedb::plan::Plan::empty()).unwrap();
    db.execute(&format!("CREATE SOURCE ticks (id BIGINT NOT NULL) {options}")).unwrap();
    db
}

/// Pushes numbers one after another, not so many that one is not kept, until it is told to stop.
fn push(db: &Database, stop: &AtomicBool) -> i64 {
    let mut source = db.source::<Tick>("ticks").unwrap();
    let mut id = 0;
    while !stop.load(Ordering::Relaxed) {
        source.push_wait(&Tick { id }).unwrap();
        id += 1;
        if id % 50 == 0 || id > 100_000 {
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
    }
    id
}

#[test]
fn queries_that_come_and_go_while_rows_arrive_have_each_row_once() {
    for shards in [1, 2, 4] {
        within("come and go", move || {
            let db = start(shards, "");
            db.execute("CREATE MATERIALIZED VIEW early AS SELECT id FROM ticks").unwrap();
            let stop = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let pushed = scope.spawn(|| push(&db, &stop));
                let whole = "count(*) AS n, count(DISTINCT id) AS singly, max(id) + 1 AS after";
                while db.query("SELECT id FROM ticks").unwrap().len() < 200 {}
                let mut before = 0;
                for _ in 0..12 {
                    db.execute("CREATE MATERIALIZED VIEW later AS SELECT id FROM ticks").unwrap();
                    // All three as of one moment: each has what the others have, without a gap.
                    let all = format!(
                        "SELECT s.n, s.singly, s.after, f.n, f.singly, f.after, l.n, l.singly, l.after \
                         FROM (SELECT {whole} FROM ticks) s, (SELECT {whole} FROM early) f, \
                         (SELECT {whole} FROM later) l"
                    );
                    let seen = numbers(&db.query(&all).unwrap());
                    assert!(seen.iter().all(|n| *n == seen[0]), "{seen:?}");
                    assert!(seen[0] >= before, "rows are gone: {seen:?} after {before}");
                    before = seen[0];
                    db.execute("DROP MATERIALIZED VIEW later").unwrap();
                }
                stop.store(true, Ordering::Relaxed);
                let rows = pushed.join().unwrap();
                // What was pushed before is seen, without a flush.
                assert_eq!(db.query("SELECT id FROM ticks").unwrap().len() as i64, rows);
            });
            db.close().unwrap();
        });
    }
}

#[test]
fn a_query_that_comes_too_late_for_some_rows_is_told_how_many() {
    within("too late", || {
        let db = start(1, "WITH (retain = 10)");
        let create = |name: &str| {
            let text = format!("CREATE MATERIALIZED VIEW {name} AS SELECT id FROM ticks");
            let Outcome::Done(done) = db.execute(&text).unwrap() else { panic!("it is done") };
            let told = done.notices.into_iter().map(|notice| notice.message);
            told.filter(|message| message.contains("are gone")).collect::<Vec<_>>()
        };
        assert_eq!(create("early"), [""; 0]);
        let mut source = db.source::<Tick>("ticks").unwrap();
        (0..10).for_each(|id| source.push(&Tick { id }).unwrap());
        assert_eq!(create("whole"), [""; 0]);
        (10..25).for_each(|id| source.push(&Tick { id }).unwrap());
        let told = create("late");
        assert_eq!(told, ["15 older rows of \"ticks\" are gone and are not in the result"]);
        let rows = |name: &str| db.query(&format!("SELECT * FROM {name}")).unwrap().len();
        assert_eq!((rows("early"), rows("whole"), rows("late"), rows("ticks")), (25, 25, 10, 10));
    });
}

#[test]
fn what_is_kept_gives_way_to_other_state_and_stops_nothing() {
    within("little memory", || {
        let db = sluicedb::db::Database::builder().shards(1).memory_limit(64 << 20);
        let db = db.start(&sluicedb::plan::Plan::empty()).unwrap();
        let create = "CREATE SOURCE texts (id BIGINT NOT NULL, body TEXT NOT NULL)";
        db.execute(&format!("{create} WITH (retain = '10 GB')")).unwrap();
        let mut source = db.source::<Note<'_>>("texts").unwrap();
        let body = "x".repeat(900);
        for id in 0..60_000 {
            source.push_wait(&Note { id, body: &body }).unwrap();
        }
        let kept = numbers(
            &db.query("SELECT count(*) AS n, min(id) + count(*) AS after FROM texts").unwrap(),
        );
        assert!(kept[0] > 10_000 && kept[0] < 60_000, "{kept:?}");
        assert_eq!(kept[1], 60_000, "the latest rows are kept");
        let stats = db.stats();
        assert!(stats.state_bytes < stats.state_bytes_max, "{stats:?}");
        db.execute("CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM texts").unwrap();
        assert_eq!(numbers(&db.query("SELECT n FROM n").unwrap()), [kept[0]]);
        db.close().unwrap();
    });
}

#[test]
fn a_source_is_followed_as_its_rows_come() {
    for (shards, options) in [(1, ""), (2, "WITH (retain = 0)")] {
        within("follow a source", move || {
            let db = start(shards, options);
            let mut source = db.source::<Tick>("ticks").unwrap();
            source.push_wait(&Tick { id: -1 }).unwrap();
            db.flush().unwrap();
            let follow = || match db.execute("SUBSCRIBE TO ticks").unwrap() {
                Outcome::Changes(changes) => changes,
                _ => panic!("it follows"),
            };
            let mut both = [follow(), follow()];
            (0..500).for_each(|id| source.push_wait(&Tick { id }).unwrap());
            db.flush().unwrap();
            for changes in &mut both {
                let mut ids = Vec::new();
                while let Some(set) = changes.try_next().unwrap() {
                    let changes = set.changes();
                    let column = changes.column::<i64>("id").unwrap();
                    ids.extend((0..changes.len()).map(|row| column.get(row)));
                }
                ids.sort_unstable();
                assert!(ids.iter().copied().eq(0..500), "each row once: {ids:?}");
            }
        });
    }
}

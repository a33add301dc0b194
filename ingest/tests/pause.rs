//! Sources that are paused and go on.

use std::time::{Duration, Instant};

use sluicedb::db::{Database, Outcome, Runtime, Value, values};
use sluicedb::plan::Plan;

const ROWS: i64 = 40_000;

fn count(db: &Database) -> i64 {
    let found = db.query("SELECT n FROM counted").expect("a view");
    match found.batches.iter().flat_map(values).next().map(|row| row[0].clone()) {
        Some(Value::BigInt(count)) => count,
        None => 0,
        Some(other) => panic!("{other} rows"),
    }
}

fn said(outcome: Outcome) -> String {
    let Outcome::Done(done) = outcome else { panic!("it is done") };
    let notices: Vec<String> = done.notices.into_iter().map(|notice| notice.message).collect();
    format!("{} {}", done.tag, notices.join(", "))
}

#[test]
fn a_source_that_is_paused_reads_nothing_and_goes_on_where_it_was() {
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.shards(1).connectors(sluicedb_ingest::connectors());
    let db = builder.start(&Plan::empty()).expect("it starts");
    db.execute(&format!(
        "CREATE SOURCE trades (symbol TEXT, price DOUBLE) \
         FROM GENERATOR (preset = 'trades', rate = 40000, rows = {ROWS})"
    ))
    .expect("a source");
    let view = "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM trades";
    db.execute(view).expect("a view");
    let run = |text: &str| said(db.execute(text).expect(text));
    // Before its first row: it has not even started.
    assert_eq!(run("PAUSE SOURCE trades"), "PAUSE ");
    assert_eq!(count(&db), 0);
    assert!(db.links()[0].paused);
    assert_eq!(run("PAUSE trades"), "PAUSE source \"trades\" is paused already");
    db.drain().expect("a source that is paused is not waited for");
    assert_eq!(count(&db), 0);
    assert_eq!(run("RESUME SOURCE trades"), "RESUME ");
    let began = Instant::now();
    while count(&db) == 0 {
        assert!(began.elapsed() < Duration::from_secs(20), "it does not go on");
        std::thread::sleep(Duration::from_millis(1));
    }
    // In the middle: what was on its way comes, and then nothing.
    run("PAUSE SOURCE trades");
    std::thread::sleep(Duration::from_millis(50));
    let paused = count(&db);
    std::thread::sleep(Duration::from_millis(50));
    assert_eq!(count(&db), paused);
    run("RESUME SOURCE trades");
    assert_eq!(run("RESUME SOURCE trades"), "RESUME source \"trades\" runs already");
    db.drain().expect("it comes to its end");
    assert_eq!(count(&db), ROWS, "each row once");
    db.close().expect("it ends");
}

#[test]
fn a_database_with_a_source_that_is_paused_ends() {
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.shards(1).connectors(sluicedb_ingest::connectors());
    let db = builder.start(&Plan::empty()).expect("it starts");
    db.execute("CREATE SOURCE trades (symbol TEXT) FROM GENERATOR (preset = 'trades')")
        .expect("a source");
    let view = "CREATE MATERIALIZED VIEW counted AS SELECT count(*) AS n FROM trades";
    db.execute(view).expect("a view");
    db.execute("PAUSE SOURCE trades").expect("it is fed from outside");
    let over = "CREATE MATERIALIZED VIEW over AS SELECT max(n) AS n FROM counted";
    db.execute(over).expect("a view on a view");
    for (text, part) in [
        ("PAUSE VIEW counted", "\"counted\" is a materialized view"),
        ("PAUSE over", "Or pause what feeds it: PAUSE SOURCE trades."),
        ("PAUSE SOURCE nothing", "does not exist"),
    ] {
        let refused = db.execute(text).map(drop).expect_err(text).to_string();
        assert!(refused.contains(part), "{text}: {refused}");
    }
    db.execute("CREATE SOURCE pushed (n INT)").expect("a source");
    let refused = db.execute("PAUSE SOURCE pushed").map(drop).expect_err("pushed").to_string();
    assert!(refused.contains("Stop pushing."), "{refused}");
    db.close().expect("it ends");
}

#[test]
fn a_sink_that_is_paused_writes_nothing_and_then_what_came_meanwhile() {
    let folder = std::env::temp_dir().join(format!("sluice-paused-sink-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    let path = folder.join("out.ndjson");
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.shards(1).connectors(sluicedb_ingest::connectors());
    let db = builder.start(&Plan::empty()).expect("it starts");
    let run = |text: &str| said(db.execute(text).expect(text));
    run("CREATE SOURCE s (a INT)");
    let path_text = path.display();
    run(&format!("CREATE SINK k INTO FILE ('{path_text}') AS SELECT a FROM s WHERE a > 1"));
    run("INSERT INTO s VALUES (1), (2)");
    assert_eq!(run("PAUSE SINK k"), "PAUSE ");
    run("INSERT INTO s VALUES (3), (1), (4)");
    let state = db.query("SELECT state, rows_out FROM sluice.sinks").expect("a table");
    let state: Vec<Vec<Value>> = state.batches.iter().flat_map(values).collect();
    assert_eq!(state, [[Value::Text("paused".into()), Value::BigInt(1)]]);
    assert_eq!(run("RESUME SINK k"), "RESUME ");
    run("INSERT INTO s VALUES (5)");
    db.close().expect("it ends");
    let written = std::fs::read_to_string(&path).expect("a file");
    std::fs::remove_dir_all(&folder).expect("it is there");
    let rows: Vec<&str> = written.lines().collect();
    assert_eq!(rows, ["{\"a\":2}", "{\"a\":3}", "{\"a\":4}", "{\"a\":5}"]);
}

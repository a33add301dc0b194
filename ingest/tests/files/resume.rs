//! Sources of a database with a directory, which go on where they were when it is opened again.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::time::{Duration, Instant};

use sluicedb::db::{Database, Runtime};
use sluicedb::plan::Plan;

use super::{Folder, refused, rows, status};

/// Opens the database of a folder, where only what is asked for is saved.
fn open(folder: &Folder, shards: usize) -> Database {
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.checkpoint_interval(Duration::from_secs(3600));
    let builder = builder.shards(shards).connectors(sluicedb_ingest::connectors());
    builder.directory(folder.file("db")).start(&Plan::empty()).expect("it starts")
}

/// Waits until a query has this one row.
fn wait_for(db: &Database, query: &str, row: &str) {
    let began = Instant::now();
    loop {
        let found = rows(db, query);
        if found == [row] {
            return;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{query}: {found:?} and not {row}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

/// Lines of the numbers from one up to another.
fn numbers(format: &str, from: u64, to: u64) -> String {
    let line = |n: u64| match format {
        "csv" => format!("{n},\"number\n{n}\"\n"),
        _ => format!("{{\"n\":{n},\"text\":\"number {n}\"}}\n"),
    };
    (from..to).map(line).collect()
}

const TOTALS: &str = "SELECT rows, different, total FROM totals";

fn totals(count: u64) -> String {
    format!("{count}|{count}|{}", count * count.saturating_sub(1) / 2)
}

#[test]
fn a_file_that_is_followed_is_read_on_from_the_last_checkpoint() {
    for (format, shards) in [("csv", 1), ("csv", 2), ("json", 2)] {
        let folder = Folder::new(&format!("followed-{format}-{shards}"));
        let header = if format == "csv" { "n,text\n" } else { "" };
        let path = folder.write(&format!("rows.{format}"), header);
        let append = |text: &str| {
            let mut file = OpenOptions::new().append(true).open(&path).expect("it is there");
            file.write_all(text.as_bytes()).expect("room");
        };
        let db = open(&folder, shards);
        db.execute(&format!(
            "CREATE SOURCE s (n BIGINT NOT NULL, text TEXT) FROM FILE ('{path}', follow = true)"
        ))
        .unwrap();
        db.execute(
            "CREATE MATERIALIZED VIEW totals AS SELECT count(*) AS rows, \
             count(DISTINCT n) AS different, sum(n) AS total FROM s",
        )
        .unwrap();
        append(&numbers(format, 0, 3_000));
        wait_for(&db, TOTALS, &totals(3_000));
        db.execute("CHECKPOINT").unwrap();
        // These, and the half of a line, are in no checkpoint.
        append(&numbers(format, 3_000, 5_000));
        let next = numbers(format, 5_000, 5_001);
        let (half, rest) = next.split_at(next.len() / 2);
        append(half);
        wait_for(&db, TOTALS, &totals(5_000));
        drop(db);
        append(rest);
        append(&numbers(format, 5_001, 6_000));
        for life in 0..3 {
            let db = open(&folder, shards);
            wait_for(&db, TOTALS, &totals(6_000));
            assert_eq!(status(&db, "s").last_error, None, "life {life}");
            if life == 1 {
                db.execute("CHECKPOINT").unwrap();
            }
        }
        let db = open(&folder, shards);
        append("no row\n");
        wait_for(&db, "SELECT rejected FROM sluice.sources WHERE name = 's'", "1");
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        let why = status(&db, "s").last_error.unwrap();
        assert!(why.contains(&format!("rows.{format}, line {lines}: ")), "{why}");
        db.close().unwrap();
    }
}

#[test]
fn rows_that_are_made_up_go_on_where_they_were() {
    for shards in [1, 2] {
        let folder = Folder::new(&format!("made-on-{shards}"));
        let db = open(&folder, shards);
        db.execute(
            "CREATE SOURCE s (id BIGINT, price DOUBLE) \
             FROM GENERATOR ('trades', rate = 40000, rows = 20000, seed = 3)",
        )
        .unwrap();
        let view = "CREATE MATERIALIZED VIEW seen AS SELECT id, price FROM s";
        db.execute(view).unwrap();
        let count = "SELECT count(*) > 0 FROM seen";
        wait_for(&db, count, "true");
        db.execute("PAUSE SOURCE s").unwrap();
        db.execute("CHECKPOINT").unwrap();
        let saved = rows(&db, "SELECT count(*) FROM seen");
        db.execute("RESUME SOURCE s").unwrap();
        drop(db);
        let db = open(&folder, shards);
        let found = rows(&db, "SELECT count(*) >= $$ FROM seen".replace("$$", &saved[0]).as_str());
        assert_eq!(found, ["true"]);
        db.drain().unwrap();
        let found = rows(&db, "SELECT id, price FROM seen ORDER BY id");
        db.close().unwrap();
        let fresh = super::database(1);
        fresh
            .execute(
                "CREATE SOURCE s (id BIGINT, price DOUBLE) \
                 FROM GENERATOR ('trades', rate = 40000, rows = 20000, seed = 3)",
            )
            .unwrap();
        fresh.execute(view).unwrap();
        fresh.drain().unwrap();
        assert!(found == rows(&fresh, "SELECT id, price FROM seen ORDER BY id"), "each row once");
    }
}

/// A database that has read three rows of a file, saved them, and ended.
fn that_has_read(folder: &Folder, name: &str, text: &str, options: &str) -> String {
    let path = folder.write(name, text);
    let db = open(folder, 1);
    // Columns that nobody declared: the directory knows them from here on.
    db.execute(&format!("CREATE SOURCE s FROM FILE ('{path}'{options})")).expect("it is taken");
    db.execute("CREATE MATERIALIZED VIEW seen AS SELECT n FROM s").expect("it is taken");
    db.drain().expect("it is taken");
    wait_for(&db, "SELECT count(*) FROM seen", "3");
    db.close().expect("it is taken");
    path
}

#[test]
fn a_file_that_is_not_what_it_was_is_an_error_of_its_source_and_of_nothing_else() {
    let text = "n\n1\n2\n3\n";
    for (name, now, why) in [
        ("shorter", Some("n\n1\n"), "it has 4 bytes, and had 8"),
        ("other", Some("n\n1\n2\n4\n5\n"), "its first 8 bytes are not those that were there"),
        ("header", Some("n\n9\n2\n3\n4\n"), "its first 8 bytes are not those that were there"),
        ("missing", None, "cannot be read"),
    ] {
        let folder = Folder::new(&format!("changed-{name}"));
        let path = that_has_read(&folder, "rows.csv", text, ", follow = true");
        match now {
            Some(now) => fs::write(&path, now).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let db = open(&folder, 1);
        assert_eq!(rows(&db, "SELECT n FROM seen ORDER BY n"), ["1", "2", "3"], "{name}");
        let why_not = "SELECT last_error IS NOT NULL FROM sluice.sources WHERE name = 's'";
        wait_for(&db, why_not, "true");
        let status = status(&db, "s");
        let error = status.last_error.unwrap();
        assert!(!status.runs && error.contains(why) && error.contains("rows.csv"), "{error}");
        db.close().unwrap();
        // Put back, and with more behind it.
        fs::write(&path, format!("{text}4\n")).unwrap();
        let db = open(&folder, 1);
        wait_for(&db, "SELECT count(*) FROM seen", "4");
        db.execute("DROP SOURCE s CASCADE").unwrap();
        db.close().unwrap();
    }
}

#[test]
fn a_file_of_columns_is_recognised_too() {
    let folder = Folder::new("changed-columns");
    let path = folder.file("rows.parquet");
    let make = |rows: &str| {
        let db = super::database(1);
        db.execute("CREATE SOURCE given (n BIGINT)").unwrap();
        db.execute(&format!("CREATE SINK k INTO FILE ('{path}') AS SELECT n FROM given")).unwrap();
        db.execute(&format!("INSERT INTO given VALUES {rows}")).unwrap();
        db.close().unwrap();
        fs::read(&path).unwrap()
    };
    let (other, bytes) = (make("(1), (2), (3), (4)"), make("(1), (2), (3)"));
    let db = open(&folder, 1);
    db.execute(&format!("CREATE SOURCE s FROM FILE ('{path}')")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW seen AS SELECT n FROM s").unwrap();
    db.drain().unwrap();
    db.close().unwrap();
    fs::write(&path, &other).unwrap();
    let db = open(&folder, 1);
    wait_for(&db, "SELECT last_error IS NOT NULL FROM sluice.sources WHERE name = 's'", "true");
    let error = status(&db, "s").last_error.unwrap();
    assert!(error.contains("it is another file than the one that was read"), "{error}");
    db.close().unwrap();
    fs::write(&path, &bytes).unwrap();
    let db = open(&folder, 1);
    db.drain().unwrap();
    assert_eq!(rows(&db, "SELECT n FROM seen ORDER BY n"), ["1", "2", "3"]);
    assert_eq!(status(&db, "s").last_error, None);
    db.close().unwrap();
}

#[test]
fn a_file_in_a_query_that_runs_on_is_known_when_it_is_gone() {
    let folder = Folder::new("file-in-query");
    let path = folder.write("rows.csv", "n,ts\n1,2024-01-01\n2,2024-01-02\n");
    let db = open(&folder, 1);
    db.execute(&format!("CREATE MATERIALIZED VIEW seen AS SELECT n FROM '{path}'")).unwrap();
    db.drain().unwrap();
    db.close().unwrap();
    fs::remove_file(&path).unwrap();
    let db = open(&folder, 1);
    assert_eq!(rows(&db, "SELECT n FROM seen ORDER BY n"), ["1", "2"]);
    let links = db.links();
    assert!(links[0].last_error.as_ref().unwrap().contains("cannot be read"), "{links:?}");
    db.execute("DROP MATERIALIZED VIEW seen").unwrap();
    assert!(db.links().is_empty());
    db.close().unwrap();
}

#[test]
fn what_could_get_lost_is_refused_in_a_directory() {
    let folder = Folder::new("refused-in-directory");
    let db = open(&folder, 1);
    let pipe = "CREATE SOURCE p (n INT) FROM FILE ('/dev/null', format = 'csv', header = false)";
    let why = refused(&db, pipe);
    assert!(why.contains("\"p\" cannot be read again from where it was"), "{why}");
    let path = folder.write("rows.csv", "n\n1\n");
    db.execute(&format!("CREATE SOURCE s (n INT) FROM FILE ('{path}')")).unwrap();
    let why = refused(&db, "INSERT INTO s VALUES (2)");
    assert!(why.contains("\"s\" is fed from outside") && why.contains("UNION ALL"), "{why}");
    db.execute("DROP SOURCE s").unwrap();
    db.execute("CREATE SOURCE s (n INT)").unwrap();
    db.execute("INSERT INTO s VALUES (2)").unwrap();
    drop(db);
    let db = open(&folder, 1);
    assert_eq!(rows(&db, "SELECT n FROM s"), ["2"], "it is logged");
    db.close().unwrap();
}

//! Sinks of a database with a directory, which write in step with its checkpoints.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use sluicedb::db::{Database, Runtime};
use sluicedb::plan::Plan;

use super::{Folder, lines, refused, rows, status};

/// Opens the database of a folder, where only what is asked for is saved.
fn open(folder: &Folder, shards: usize) -> Database {
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.checkpoint_interval(Duration::from_secs(3600));
    let builder = builder.shards(shards).connectors(sluicedb_ingest::connectors());
    builder.directory(folder.file("db")).start(&Plan::empty()).expect("it starts")
}

fn insert(db: &Database, numbers: std::ops::Range<i64>) {
    let values: Vec<String> = numbers.map(|n| format!("({n})")).collect();
    db.execute(&format!("INSERT INTO s VALUES {}", values.join(", "))).expect("it is logged");
}

/// The numbers as lines of CSV with a header, sorted.
fn numbers(count: i64) -> Vec<String> {
    let mut lines: Vec<String> = (0..count).map(|n| n.to_string()).collect();
    lines.push("n".to_owned());
    lines.sort();
    lines
}

fn wait_until(what: &str, mut there: impl FnMut() -> bool) {
    let began = Instant::now();
    while !there() {
        assert!(began.elapsed() < Duration::from_secs(60), "{what}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

#[test]
fn lines_that_no_checkpoint_has_are_cut_off_and_come_again_once() {
    for shards in [1, 2] {
        let folder = Folder::new(&format!("kept-lines-{shards}"));
        let out = folder.write("out.csv", "what was there before\n");
        let db = open(&folder, shards);
        db.execute("CREATE SOURCE s (n BIGINT)").unwrap();
        db.execute(&format!("CREATE SINK k INTO FILE ('{out}') AS SELECT n FROM s")).unwrap();
        wait_until("it takes the place", || lines(&out) == numbers(0));
        insert(&db, 0..500);
        db.execute("CHECKPOINT").unwrap();
        insert(&db, 500..900);
        wait_until("lines come without a checkpoint", || lines(&out) == numbers(900));
        drop(db);
        for life in 0..3 {
            let db = open(&folder, shards);
            wait_until("they come again", || lines(&out).len() >= 901);
            assert!(lines(&out) == numbers(900), "life {life}");
            assert!(!Path::new(&format!("{out}.partial")).exists());
            drop(db);
        }
        let db = open(&folder, shards);
        insert(&db, 900..1000);
        db.close().unwrap();
        assert!(lines(&out) == numbers(1000));
    }
}

#[test]
fn columns_are_a_folder_with_a_part_for_each_checkpoint() {
    for (format, shards) in [("parquet", 1), ("arrow", 2)] {
        let folder = Folder::new(&format!("kept-parts-{format}-{shards}"));
        let out = folder.file(&format!("out.{format}"));
        let parts = || {
            let names = fs::read_dir(&out).unwrap().map(|entry| entry.unwrap().path());
            let whole = |path: &std::path::PathBuf| path.extension().is_some_and(|e| e == format);
            let mut paths: Vec<_> = names.filter(whole).collect();
            paths.sort();
            paths
        };
        let counts = || {
            let memory = super::database(1);
            let count = |path: &std::path::PathBuf| {
                rows(&memory, &format!("SELECT count(*) FROM '{}'", path.display()))[0].clone()
            };
            parts().iter().map(count).collect::<Vec<_>>()
        };
        let db = open(&folder, shards);
        db.execute("CREATE SOURCE s (n BIGINT)").unwrap();
        db.execute(&format!("CREATE SINK k INTO FILE ('{out}') AS SELECT n FROM s")).unwrap();
        insert(&db, 0..300);
        db.execute("CHECKPOINT").unwrap();
        wait_until("a part is shown", || parts().len() == 1);
        db.execute("CHECKPOINT").unwrap();
        insert(&db, 300..350);
        drop(db);
        assert_eq!(counts(), ["300"], "nothing is shown that no checkpoint has");
        let db = open(&folder, shards);
        db.execute("CHECKPOINT").unwrap();
        wait_until("the second one is shown", || parts().len() == 2);
        insert(&db, 350..360);
        db.execute("DROP SINK k").unwrap();
        assert_eq!(counts(), ["300", "50", "10"], "a sink that is dropped shows all it has");
        db.close().unwrap();
    }
}

#[test]
fn a_sink_takes_the_place_of_another_one_with_all_rows_that_are_kept() {
    let folder = Folder::new("kept-replaced");
    let out = folder.file("out.csv");
    let db = open(&folder, 1);
    db.execute("CREATE SOURCE s (n BIGINT)").unwrap();
    for text in ["CREATE SINK k", "CREATE OR REPLACE SINK k"] {
        insert(&db, 0..10);
        db.execute(&format!("{text} INTO FILE ('{out}') AS SELECT n % 10 AS n FROM s")).unwrap();
    }
    drop(db);
    let db = open(&folder, 1);
    db.execute("CHECKPOINT").unwrap();
    let mut expected: Vec<String> = (0..20).map(|n| (n % 10).to_string()).collect();
    expected.push("n".to_owned());
    expected.sort();
    wait_until("it has all of them", || lines(&out) == expected);
    db.close().unwrap();
}

#[test]
fn a_sink_whose_file_is_gone_has_failed_and_nothing_else_has() {
    let folder = Folder::new("kept-gone");
    let out = folder.file("out.csv");
    let db = open(&folder, 2);
    db.execute("CREATE SOURCE s (n BIGINT)").unwrap();
    let sink = format!("CREATE SINK k INTO FILE ('{out}') AS SELECT n FROM s");
    db.execute(&sink).unwrap();
    insert(&db, 0..10);
    db.close().unwrap();
    let bytes = fs::read(&out).unwrap();
    fs::remove_file(&out).unwrap();
    let failure = |db: &Database, part: &str| {
        wait_until("it fails", || status(db, "k").last_error.is_some() && !status(db, "k").runs);
        let why = status(db, "k").last_error.unwrap();
        assert!(why.contains(part), "{why}");
    };
    let db = open(&folder, 2);
    failure(&db, "drop the sink and create it anew");
    insert(&db, 10..20);
    // No checkpoint waits for it.
    db.execute("CHECKPOINT").unwrap();
    db.close().unwrap();
    // It lacks what came meanwhile, whatever is there by now.
    fs::write(&out, &bytes).unwrap();
    let db = open(&folder, 2);
    failure(&db, "failed in an earlier life");
    assert_eq!(rows(&db, "SELECT count(*) FROM s"), ["20"]);
    db.execute("DROP SINK k").unwrap();
    db.execute(&sink).unwrap();
    db.close().unwrap();
    assert!(lines(&out) == numbers(20));
}

#[test]
fn what_could_not_be_written_once_is_refused() {
    let folder = Folder::new("kept-refused");
    let db = open(&folder, 1);
    db.execute("CREATE SOURCE s (n BIGINT)").unwrap();
    let sink = |path: &str| format!("CREATE SINK k INTO FILE ('{path}') AS SELECT n FROM s");
    let why = refused(&db, &sink("/dev/null"));
    assert!(why.contains("is no file from which something can be cut off again"), "{why}");
    let path = folder.file("full.parquet");
    fs::create_dir(&path).unwrap();
    fs::write(format!("{path}/readme"), "mine").unwrap();
    let why = refused(&db, &sink(&path));
    assert!(why.contains("has something in it") && why.contains("name one that is empty"), "{why}");
    let why = refused(&db, &sink(&folder.write("file.parquet", "a file")));
    assert!(why.contains("cannot be a folder of parts"), "{why}");
    let why = refused(&db, &sink(&folder.file("nowhere/out.csv")));
    assert!(why.contains("cannot be written"), "{why}");
    db.execute(&sink(&folder.file("out.csv"))).unwrap();
    db.close().unwrap();
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread).shards(1);
    let error = builder.directory(folder.file("db")).start(&Plan::empty()).err().unwrap();
    assert!(error.to_string().contains("nothing can write what the sink \"k\" is owed"), "{error}");
    let db = open(&folder, 1);
    assert_eq!(status(&db, "k").last_error, None);
    db.close().unwrap();
}

//! Files in and files out, through a database that runs.

mod columns;
mod kept;
mod lines;
mod relations;
mod resume;
mod several;
mod stopped;

use std::fs;
use std::path::{Path, PathBuf};

use sluicedb::db::{DataType, Database, Field, LinkStatus, Runtime, Value, values};
use sluicedb::plan::Plan;
use sluicedb_sql::column::arrow::Incoming;

/// A folder that goes with the test.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("sluice-files-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("a folder for the test");
        Folder(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }

    fn write(&self, name: &str, text: &str) -> String {
        fs::write(self.0.join(name), text).expect("room for a file");
        self.file(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _gone = fs::remove_dir_all(&self.0);
    }
}

fn database(shards: usize) -> Database {
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread);
    let builder = builder.shards(shards).connectors(sluicedb_ingest::connectors());
    builder.start(&Plan::empty()).expect("it starts")
}

/// The rows of a query in its order, values with `|` between them.
fn rows(db: &Database, query: &str) -> Vec<String> {
    let found = db.query(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let row = |row: Vec<sluicedb::db::Value>| {
        row.iter().map(ToString::to_string).collect::<Vec<_>>().join("|")
    };
    found.batches.iter().flat_map(values).map(row).collect()
}

/// Why a statement is refused, with its hint.
fn refused(db: &Database, text: &str) -> String {
    match db.execute(text) {
        Ok(_) => panic!("{text} is not refused"),
        Err(sluicedb::db::Error::Sql(error)) => {
            format!("{} HINT {}", error.message, error.hint.unwrap_or_default())
        }
        Err(error) => panic!("{text}: {error}"),
    }
}

fn lines(path: impl AsRef<Path>) -> Vec<String> {
    let mut lines: Vec<String> =
        fs::read_to_string(path).expect("the file is there").lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

const TRADES: &str = "note,symbol,price,ts
first,ACME,101,2024-01-01 00:00:00.2
\"a, b\",ACME,107,2024-01-01 00:00:00.9
,INIT,50,2024-01-01 00:00:00.5
,ACME,not a price,2024-01-01 00:00:00.95
,ACME,104,2024-01-01 00:00:01
,INIT,55,2024-01-01 00:00:02.5
";

const BARS: [&str; 4] = [
    "{\"at\":\"2024-01-01 00:00:00\",\"symbol\":\"ACME\",\"high\":107,\"n\":2}",
    "{\"at\":\"2024-01-01 00:00:00\",\"symbol\":\"INIT\",\"high\":50,\"n\":1}",
    "{\"at\":\"2024-01-01 00:00:01\",\"symbol\":\"ACME\",\"high\":104,\"n\":1}",
    "{\"at\":\"2024-01-01 00:00:02\",\"symbol\":\"INIT\",\"high\":55,\"n\":1}",
];

const QUERY: &str = "SELECT window_start AS at, symbol, max(price) AS high, count(*) AS n \
     FROM trades GROUP BY symbol, tumble(ts, INTERVAL '1' SECOND) EMIT ON WINDOW CLOSE";

fn status(db: &Database, name: &str) -> LinkStatus {
    db.links().into_iter().find(|link| link.name == name).expect("it was created")
}

#[test]
fn a_file_of_trades_becomes_a_file_of_bars_with_every_window_closed() {
    for shards in [1, 2] {
        let folder = Folder::new("bars");
        let (trades, out) = (folder.write("trades.csv", TRADES), folder.file("bars.ndjson"));
        let db = database(shards);
        db.execute(&format!(
            "CREATE SOURCE trades (symbol TEXT, price BIGINT, ts TIMESTAMP, WATERMARK FOR ts) \
             FROM FILE (path = '{trades}')"
        ))
        .unwrap();
        db.execute(&format!("CREATE SINK bars INTO FILE (path = '{out}') AS {QUERY}")).unwrap();
        db.drain().unwrap();
        let source = status(&db, "trades");
        assert_eq!((source.runs, source.rejected, db.stats().dead_letters), (false, 1, 1));
        let why = source.last_error.unwrap();
        assert!(why.contains("line 5: column \"price\"") && why.contains("not a price"), "{why}");
        assert_eq!(status(&db, "bars").last_error, None);
        db.close().unwrap();
        assert_eq!(lines(&out), BARS);
    }
}

#[test]
fn lines_that_are_no_rows_are_dead_letters_with_their_bytes() {
    let folder = Folder::new("dead");
    let long = "x".repeat(200 << 10);
    let text = format!("a,b\n1,one\nx,two\n{long}\n4,\"fo\nur\",5\n6,six\n");
    let file = folder.write("rows.csv", &text);
    let db = database(1);
    let source = "CREATE SOURCE rows (a INT, b TEXT NOT NULL) FROM FILE";
    db.execute(&format!("{source} (path = '{file}')")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW seen AS SELECT a FROM rows").unwrap();
    db.drain().unwrap();
    assert_eq!(db.query("SELECT * FROM seen").unwrap().len(), 2);
    // Line, place in the file, bytes that are kept.
    let fits = |line: usize, at: usize, bytes: usize, begins: &str| {
        let found = db.query(&format!(
            "SELECT raw FROM sluice.dead_letters WHERE source = 'rows' AND relation IS NULL \
             AND position LIKE '%rows.csv, line {line}' AND source_offset = {at} AND weight = 1"
        ));
        let found = found.unwrap();
        assert_eq!(found.len(), 1, "line {line}");
        let array = found.batches[0].column(0).clone();
        let column = Incoming::new(array, &Field::nullable("raw", DataType::Bytea)).unwrap();
        let Value::Bytea(raw) = column.into_column().value(0) else { panic!("no bytes") };
        assert_eq!((raw.len(), raw.starts_with(begins.as_bytes())), (bytes, true), "line {line}");
    };
    fits(3, 10, 5, "x,two");
    fits(4, 16, 64 << 10, "xxx");
    fits(6, 16 + long.len() + 1, 11, "4,");
    assert_eq!(db.query("SELECT * FROM sluice.dead_letters").unwrap().len(), 3);
    let rejected = "SELECT * FROM sluice.sources WHERE name = 'rows' AND rejected = 3 AND rows = 2 \
                    AND state = 'stopped' AND last_error LIKE '%line 6: %'";
    assert_eq!(db.query(rejected).unwrap().len(), 1);
}

#[test]
fn rows_that_go_again_are_written_with_their_weight() {
    let folder = Folder::new("weights");
    let (rows, out) =
        (folder.write("rows.ndjson", "{\"a\":1}\n{\"a\":2}\n"), folder.file("out.csv"));
    let db = database(1);
    db.execute(&format!("CREATE SOURCE rows (a BIGINT) FROM FILE (path = '{rows}')")).unwrap();
    let sink = |options: &str| {
        db.execute(&format!(
            "CREATE SINK counts INTO FILE (path = '{out}'{options}) AS SELECT a % 1 AS k, count(*) AS n \
             FROM rows GROUP BY a % 1"
        ))
    };
    let refused = sink(", envelope = 'plain'").err().unwrap().to_string();
    assert!(refused.contains("can go again"), "{refused}");
    sink("").unwrap();
    db.drain().unwrap();
    drop(db);
    let lines = lines(&out);
    assert!(
        lines.contains(&"k,n,_weight".to_owned()) && lines.contains(&"0,2,1".to_owned()),
        "{lines:?}"
    );
}

#[test]
fn what_is_wrong_with_a_file_is_said_when_its_source_is_created() {
    let folder = Folder::new("wrong");
    let file = folder.write("trades.csv", "symbol,prise\nA,1\n");
    let db = database(1);
    let create = |path: &str| {
        let text =
            format!("CREATE SOURCE s (symbol TEXT, price BIGINT) FROM FILE (path = '{path}')");
        db.execute(&text).err().unwrap().to_string()
    };
    let missing = create(&folder.file("nothing.csv"));
    assert!(missing.contains("nothing.csv\" cannot be read"), "{missing}");
    let header = create(&file);
    assert!(
        header.contains("no column \"price\"") && header.contains("mean \"prise\""),
        "{header}"
    );
}

#[test]
fn made_up_rows_end_and_reach_a_view_and_a_file_whole() {
    let folder = Folder::new("made");
    let out = folder.file("out.ndjson");
    let db = database(2);
    db.execute(
        "CREATE SOURCE trades (id BIGINT, symbol TEXT, ts TIMESTAMP, WATERMARK FOR ts) \
         FROM GENERATOR (preset = 'trades', rate = 0, seed = 7, rows = 10000)",
    )
    .unwrap();
    db.execute(
        "CREATE MATERIALIZED VIEW seen AS SELECT symbol, count(*) AS n FROM trades GROUP BY symbol",
    )
    .unwrap();
    db.execute(&format!(
        "CREATE SINK out INTO FILE (path = '{out}', envelope = 'debezium') AS SELECT id FROM trades"
    ))
    .unwrap();
    db.drain().unwrap();
    assert_eq!(db.query("SELECT * FROM seen").unwrap().len(), 8);
    db.close().unwrap();
    let mut expected: Vec<String> = (0..10_000)
        .map(|id| format!("{{\"before\":null,\"after\":{{\"id\":{id}}},\"op\":\"c\"}}"))
        .collect();
    expected.sort();
    assert!(lines(&out) == expected, "every row is in the file, once");
}

#[test]
fn a_source_that_comes_to_an_end_is_read_whole_by_name_and_by_who_comes_later() {
    for shards in [1, 2] {
        let folder = Folder::new("kept");
        let text: String = (0..5000).map(|a| format!("{{\"a\":{a}}}\n")).collect();
        let (rows, out) = (folder.write("rows.ndjson", &text), folder.file("out.csv"));
        let db = database(shards);
        db.execute(&format!("CREATE SOURCE rows (a BIGINT) FROM FILE (path = '{rows}')")).unwrap();
        assert_eq!(db.query("SELECT a FROM rows").unwrap().len(), 5000, "the file is read then");
        assert_eq!(db.query("SELECT DISTINCT a FROM rows").unwrap().len(), 5000, "and only then");
        db.execute("CREATE MATERIALIZED VIEW odd AS SELECT a FROM rows WHERE a % 2 = 1").unwrap();
        assert_eq!(db.query("SELECT * FROM odd").unwrap().len(), 2500);
        let sink = format!("CREATE SINK out INTO FILE (path = '{out}') AS SELECT a FROM rows");
        db.execute(&sink).unwrap();
        db.close().unwrap();
        let mut expected: Vec<String> = (0..5000).map(|a| a.to_string()).collect();
        expected.push("a".to_owned());
        expected.sort();
        assert!(lines(&out) == expected, "a sink that comes later is given every row, once");
    }
}

//! Files of columns: Arrow and Parquet, in and out.

use std::fs;
use std::path::Path;

use super::{Folder, database, refused, rows, status};

/// A column of each type that a file of columns holds.
const TYPES: &str = "k BIGINT, flag BOOLEAN, small SMALLINT, num INT, big BIGINT, re REAL, dbl DOUBLE, \
     dec DECIMAL(20, 4), txt TEXT, raw BYTEA, id UUID, day DATE, tod TIME, ts TIMESTAMP, \
     tz TIMESTAMPTZ, js JSON, list INT[], tags MAP(TEXT, TEXT), s STRUCT<a INT, b TEXT>";

/// A row of them, and one of NULLs.
const ROWS: &str = r#"{"k":1,"flag":true,"small":-7,"num":2147483647,"big":-9223372036854775808,"re":1.5,"dbl":0.1,"dec":1234567890123456.7891,"txt":"grün, \"q\"","raw":"\\x00ff","id":"12345678-1234-1234-1234-1234567890ab","day":"2024-02-29","tod":"23:59:59.999999","ts":"2024-01-01 00:00:00.000001","tz":"2024-01-01 00:00:00+02","js":{"b":[1,null],"a":"x"},"list":[1,null,3],"tags":{"host":"a","zone":null},"s":{"a":7,"b":"x"}}
{"k":2}
"#;

#[test]
fn every_type_goes_to_a_file_of_columns_and_comes_back_as_it_was() {
    for (format, shards) in [("parquet", 1), ("arrow", 1), ("parquet", 2)] {
        let folder = Folder::new(&format!("types-{format}-{shards}"));
        let out = folder.file(&format!("out.{format}"));
        let db = database(shards);
        let given = folder.write("given.ndjson", ROWS);
        db.execute(&format!("CREATE SOURCE given ({TYPES}) FROM FILE ('{given}')")).unwrap();
        db.execute("CREATE MATERIALIZED VIEW kept AS SELECT * FROM given").unwrap();
        db.execute(&format!("CREATE SINK out INTO FILE ('{out}') AS SELECT * FROM given")).unwrap();
        db.drain().unwrap();
        db.execute("DROP SINK out").unwrap();
        let kept = rows(&db, "SELECT * FROM kept ORDER BY k");
        assert_eq!(kept.len(), 2);
        assert_eq!(rows(&db, &format!("SELECT * FROM '{out}' ORDER BY k")), kept, "as it is");
        db.execute(&format!("CREATE SOURCE read ({TYPES}) FROM FILE ('{out}')")).unwrap();
        db.execute("CREATE MATERIALIZED VIEW again AS SELECT * FROM read").unwrap();
        db.drain().unwrap();
        assert_eq!(rows(&db, "SELECT * FROM again ORDER BY k"), kept, "as declared");
        assert_eq!(status(&db, "read").rejected, 0);
        db.close().unwrap();
    }
}

#[test]
fn a_file_of_columns_appears_whole_when_its_sink_ends_and_replaces_the_one_before() {
    let folder = Folder::new("whole");
    let out = folder.write("out.parquet", "what was there before");
    let partial = format!("{out}.partial");
    let db = database(2);
    db.execute("CREATE SOURCE s (id BIGINT) FROM GENERATOR ('trades', rate = 0, rows = 30000)")
        .unwrap();
    db.execute(&format!(
        "CREATE SINK k INTO FILE ('{out}', compression = 'zstd') AS SELECT id FROM s"
    ))
    .unwrap();
    db.drain().unwrap();
    assert_eq!(fs::read_to_string(&out).unwrap(), "what was there before");
    assert!(Path::new(&partial).exists());
    db.close().unwrap();
    assert!(!Path::new(&partial).exists(), "it was renamed");
    let db = database(1);
    let found = rows(&db, &format!("SELECT count(*), sum(id), min(id), max(id) FROM '{out}'"));
    assert_eq!(found, ["30000|449985000|0|29999"]);
    // A statement that fails leaves nothing behind.
    let bad = format!("CREATE SINK k INTO FILE ('{out}') AS SELECT nothing FROM s");
    db.execute("CREATE SOURCE s (a BIGINT)").unwrap();
    refused(&db, &bad);
    assert!(!Path::new(&partial).exists());
}

#[test]
fn rows_that_go_again_have_their_weight_in_a_column() {
    let folder = Folder::new("column-weights");
    let out = folder.file("out.parquet");
    let db = database(1);
    db.execute("CREATE SOURCE s (a BIGINT)").unwrap();
    db.execute(&format!(
        "CREATE SINK k INTO FILE ('{out}') AS SELECT count(*) AS n FROM s GROUP BY a"
    ))
    .unwrap();
    for _ in 0..2 {
        db.execute("INSERT INTO s VALUES (1)").unwrap();
    }
    db.execute("DROP SINK k").unwrap();
    let found = rows(&db, &format!("SELECT n, _weight FROM '{out}' ORDER BY n, _weight"));
    assert_eq!(found, ["1|-1", "1|1", "2|1"]);
}

#[test]
fn columns_that_do_not_fit_are_refused_with_both_types() {
    let folder = Folder::new("misfits");
    let (out, other) = (folder.file("out.parquet"), folder.file("intervals.parquet"));
    let db = database(1);
    db.execute("CREATE SOURCE s (a BIGINT, b TEXT, i INTERVAL)").unwrap();
    db.execute(&format!("CREATE SINK k INTO FILE ('{out}') AS SELECT a, b FROM s")).unwrap();
    db.execute("INSERT INTO s VALUES (1, 'x', NULL), (NULL, 'y', NULL), (300, 'z', NULL)").unwrap();
    db.execute("DROP SINK k").unwrap();
    let source = |columns: &str| format!("CREATE SOURCE r ({columns}) FROM FILE ('{out}')");
    let said = refused(&db, &source("a TEXT"));
    assert!(said.contains("column \"a\" is TEXT and was given an Arrow array of Int64"), "{said}");
    assert!(said.contains("out.parquet"), "{said}");
    let said = refused(&db, &source("aa BIGINT"));
    assert!(said.contains("has no column \"aa\"") && said.contains("mean \"a\""), "{said}");
    let said = refused(&db, &format!("CREATE SINK k INTO FILE ('{other}') AS SELECT i FROM s"));
    assert!(said.contains("INTERVAL") && said.contains("format = 'arrow'"), "{said}");
    assert!(!Path::new(&format!("{other}.partial")).exists());
    let said =
        refused(&db, &format!("CREATE SOURCE r (a BIGINT) FROM FILE ('{out}', follow = true)"));
    assert!(said.contains("cannot be followed"), "{said}");

    // A row that a column does not hold is left out, and counted; the others go on.
    db.execute(&source("a BIGINT NOT NULL, b TEXT")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW v AS SELECT * FROM r").unwrap();
    db.drain().unwrap();
    assert_eq!(rows(&db, "SELECT * FROM v ORDER BY a"), ["1|x", "300|z"]);
    let status = status(&db, "r");
    assert_eq!(status.rejected, 1);
    let why = status.last_error.unwrap();
    assert!(why.contains("out.parquet, row 2: ") && why.contains("\"a\""), "{why}");
}

#[test]
fn a_file_that_is_none_of_its_format_is_refused() {
    let folder = Folder::new("no-columns");
    let db = database(1);
    for name in ["a.parquet", "a.arrow"] {
        let path = folder.write(name, "a,b\n1,2\n");
        let said = refused(&db, &format!("SELECT * FROM '{path}'"));
        assert!(said.contains("cannot be read") && said.contains("format = 'csv'"), "{said}");
        let path = folder.write(name, "");
        let said = refused(&db, &format!("SELECT * FROM '{path}'"));
        assert!(said.contains("it is empty"), "{said}");
    }
}

//! Several files under one path, and files that gzip packed.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use sluicedb::db::{Database, Runtime};
use sluicedb::plan::Plan;

use super::{Folder, database, refused, rows, status};

fn packed(text: &str) -> Vec<u8> {
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(text.as_bytes()).expect("memory takes it");
    out.finish().expect("memory takes it")
}

#[test]
fn a_pattern_stands_for_all_files_that_it_matches_in_order() {
    let folder = Folder::new("pattern");
    folder.write("b-2.csv", "k,v\n3,x\n");
    folder.write("a-1.csv", "v,k\nthree,1\n7,2\n");
    folder.write(".hidden.csv", "k,v\n9,z\n");
    folder.write("other.txt", "k,v\n9,z\n");
    fs::create_dir_all(folder.file("deeper.csv")).expect("a folder for the test");
    let path = folder.file("*.csv");
    let db = database(1);
    // Columns by their names, with a type that takes the values of all.
    assert_eq!(rows(&db, &format!("SELECT k, v FROM '{path}'")), ["1|three", "2|7", "3|x"]);
    assert_eq!(rows(&db, &format!("SELECT sum(k) FROM '{}'", folder.file("?-[12].csv"))), ["6"]);
    db.execute(&format!("CREATE SOURCE s (k BIGINT NOT NULL, v TEXT) FROM FILE ('{path}')"))
        .unwrap();
    db.execute("CREATE MATERIALIZED VIEW kept AS SELECT * FROM s").unwrap();
    db.drain().unwrap();
    assert_eq!(rows(&db, "SELECT * FROM kept ORDER BY k"), ["1|three", "2|7", "3|x"]);
    // A row that does not fit is known by its own file.
    folder.write("b-2.csv", "k,v\n3,x\nfour,y\n");
    db.execute(&format!("CREATE SOURCE again (k BIGINT) FROM FILE ('{path}')")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW numbers AS SELECT k FROM again").unwrap();
    db.drain().unwrap();
    let why = status(&db, "again").last_error.expect("a row was left out");
    assert!(why.contains("b-2.csv, line 3: column \"k\""), "{why}");
}

#[test]
fn several_files_of_columns_and_of_json_are_one_relation() {
    let folder = Folder::new("pattern-kinds");
    let db = database(2);
    db.execute("CREATE SOURCE s (a BIGINT, b TEXT)").unwrap();
    for part in 1..=3 {
        let out = folder.file(&format!("part-{part}.parquet"));
        db.execute(&format!(
            "CREATE SINK k INTO FILE ('{out}') AS SELECT a, b FROM s WHERE a = {part}"
        ))
        .unwrap();
        db.execute(&format!("INSERT INTO s VALUES ({part}, 'x')")).unwrap();
        db.execute("DROP SINK k").unwrap();
    }
    let parts = folder.file("part-*.parquet");
    assert_eq!(rows(&db, &format!("SELECT count(*), sum(a) FROM '{parts}'")), ["3|6"]);
    // A key that comes in a later file only, and a number that needs another type there.
    folder.write("1.ndjson", "{\"a\": 1}\n");
    folder.write("2.ndjson", "{\"a\": 2.5, \"b\": \"y\"}\n");
    let found = rows(&db, &format!("SELECT a, b FROM '{}' ORDER BY a", folder.file("*.ndjson")));
    assert_eq!(found, ["1|NULL", "2.5|y"]);
}

#[test]
fn what_is_wrong_with_one_of_several_files_is_said_before_one_is_read() {
    let folder = Folder::new("pattern-wrong");
    folder.write("1.csv", "k,v\n1,x\n");
    folder.write("2.csv", "k,w\n1,x\n");
    let path = folder.file("*.csv");
    let db = database(1);
    let source =
        |more: &str| format!("CREATE SOURCE s (k BIGINT, v TEXT) FROM FILE ('{path}'{more})");
    let said = refused(&db, &source(""));
    assert!(
        said.contains("2.csv\" has no column \"v\"") && said.contains("There is: k, w"),
        "{said}"
    );
    let said = refused(&db, &source(", follow = true"));
    assert!(said.contains("cannot be followed: it stands for several files"), "{said}");
    let said = refused(&db, &format!("SELECT * FROM '{}'", folder.file("no*.csv")));
    assert!(said.contains("no file matches"), "{said}");
    let said = refused(&db, &format!("SELECT * FROM '{}'", folder.file("a[.csv")));
    assert!(said.contains("is no pattern of files"), "{said}");
    // A name that looks like a pattern and is one of a file.
    folder.write("a[1].csv", "k\n7\n");
    assert_eq!(rows(&db, &format!("SELECT k FROM '{}'", folder.file("a[1].csv"))), ["7"]);
}

#[test]
fn text_that_gzip_packed_is_read_as_it_was() {
    let folder = Folder::new("gzip");
    let text = format!("k,v\n{}", (0..20_000).map(|k| format!("{k},x\n")).collect::<String>());
    // Two packed parts behind each other are a packed file too.
    let (head, tail) = text.split_at(text.len() / 2);
    let path = folder.file("trades.csv.gz");
    fs::write(&path, [packed(head), packed(tail)].concat()).expect("room for a file");
    let unnamed = folder.file("lines.ndjson");
    fs::write(&unnamed, packed("{\"a\":1}\n")).expect("room for a file");
    let db = database(1);
    assert_eq!(rows(&db, &format!("SELECT count(*), sum(k) FROM '{path}'")), ["20000|199990000"]);
    assert_eq!(rows(&db, &format!("SELECT a FROM '{unnamed}'")), ["1"], "whatever its name is");
    db.execute(&format!("CREATE SOURCE s (k BIGINT) FROM FILE ('{path}')")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM s").unwrap();
    db.drain().unwrap();
    assert_eq!(rows(&db, "SELECT n FROM n"), ["20000"]);
}

#[test]
fn what_gzip_cannot_do_is_refused() {
    let folder = Folder::new("gzip-wrong");
    let path = folder.file("cut.csv.gz");
    let all = packed("k\n1\n2\n");
    fs::write(&path, &all[..all.len() - 4]).expect("room for a file");
    let db = database(1);
    let said = refused(&db, &format!("SELECT * FROM '{path}'"));
    assert!(said.contains("cut.csv.gz"), "{said}");
    let said =
        refused(&db, &format!("CREATE SOURCE s (k BIGINT) FROM FILE ('{path}', follow = true)"));
    assert!(said.contains("cannot be followed: gzip packed it"), "{said}");
    db.execute("CREATE SOURCE r (k BIGINT)").unwrap();
    let said = refused(&db, &format!("CREATE SINK k INTO FILE ('{path}') AS SELECT k FROM r"));
    assert!(said.contains("packs its file by gzip") && said.contains("Leave .gz out"), "{said}");
}

#[test]
fn what_cannot_be_read_on_in_the_middle_is_refused_in_a_directory() {
    let folder = Folder::new("several-kept");
    folder.write("1.csv", "k\n1\n");
    folder.write("2.csv", "k\n2\n");
    let path = folder.file("packed.csv.gz");
    fs::write(&path, packed("k\n1\n")).expect("room for a file");
    let builder = Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread).shards(1);
    let builder = builder.connectors(sluicedb_ingest::connectors()).directory(folder.file("db"));
    let db = builder.start(&Plan::empty()).expect("it starts");
    for path in [folder.file("*.csv"), path] {
        let said = refused(&db, &format!("CREATE SOURCE s (k BIGINT) FROM FILE ('{path}')"));
        assert!(said.contains("cannot be read again from where it was"), "{said}");
    }
    db.execute(&format!("CREATE SOURCE s (k BIGINT) FROM FILE ('{}')", folder.file("1.csv")))
        .expect("one plain file is read on");
}

//! Lines of CSV and JSON as other programs write them.

use super::{Folder, database, rows, status};

/// The rows that a source has from a file, and how many were rejected.
fn read(name: &str, text: &str, columns: &str, options: &str) -> (Vec<String>, u64) {
    let folder = Folder::new(&format!("lines-{}", name.replace('.', "-")));
    let path = folder.write(name, text);
    let db = database(1);
    let source = format!("CREATE SOURCE s ({columns}) FROM FILE ('{path}'{options})");
    for text in [source.as_str(), "CREATE MATERIALIZED VIEW v AS SELECT * FROM s"] {
        db.execute(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    db.drain().expect("a file comes to its end");
    let rejected = status(&db, "s").rejected;
    let mut found = rows(&db, "SELECT * FROM v");
    found.sort();
    (found, rejected)
}

#[test]
fn csv_is_read_as_spreadsheets_and_databases_write_it() {
    let columns = "a BIGINT, b TEXT";
    let table = [
        // Columns in another order, and one that nobody wants.
        ("order.csv", "b,more,a\nx,?,1\n", vec!["1|x"]),
        // Ends of lines of Windows, a mark in front, no end of the last line.
        ("windows.csv", "\u{feff}a,b\r\n1,x\r\n2,y", vec!["1|x", "2|y"]),
        ("mark-quoted.csv", "\u{feff}\"a\",\"b\"\n1,x\n", vec!["1|x"]),
        // A field of two lines, quotes in it, a delimiter in it.
        ("quoted.csv", "a,b\n1,\"x\ny \"\"z\"\", w\"\n", vec!["1|x\ny \"z\", w"]),
        // An empty field is NULL, and an empty text is quoted.
        ("null.csv", "a,b\n,\n1,\"\"\n", vec!["1|", "NULL|NULL"]),
        ("only-header.csv", "a,b\n", vec![]),
    ];
    for (name, text, expected) in table {
        assert_eq!(
            read(name, text, columns, ""),
            (expected.into_iter().map(str::to_owned).collect(), 0),
            "{name}"
        );
    }
    let found = read("bare.csv", "1;x\n", columns, ", header = false, delimiter = ';'");
    assert_eq!(found, (vec!["1|x".to_owned()], 0));
}

#[test]
fn what_stands_for_null_can_be_said() {
    let columns = "a BIGINT, b TEXT";
    let found = read("na.csv", "a,b\nNA,x\n1,NA\n2,\"NA\"\n3,\n", columns, ", null = 'NA'");
    let expected = ["1|NULL", "2|NA", "3|", "NULL|x"].map(str::to_owned).to_vec();
    assert_eq!(found, (expected, 0));
}

#[test]
fn a_line_that_is_no_row_is_counted_and_the_others_go_on() {
    let text = "a,b\n1,x\n2\n3,y,z\nfour,w\n5,v\n";
    let (found, rejected) = read("bad.csv", text, "a BIGINT, b TEXT", "");
    assert_eq!(found, ["1|x", "5|v"]);
    assert_eq!(rejected, 3);
    let text = "{\"a\":1}\n\n  \nnone\n{\"a\":\"2\",\"more\":[1]}\n{\"b\":3}\n[1]\n";
    let (found, rejected) = read("bad.ndjson", text, "a BIGINT", "");
    assert_eq!(found, ["1", "2", "NULL"]);
    assert_eq!(rejected, 2);
}

#[test]
fn nested_json_fills_nested_columns() {
    let columns = "l INT[], m MAP(TEXT, TEXT), s STRUCT<x INT, y TEXT[]>, j JSON";
    let text = "{\"l\":[1,null],\"m\":{\"k\":\"v\",\"n\":1},\"s\":{\"y\":[\"q\"],\"x\":2},\"j\":{\"z\":[true,1.50]}}\n";
    let (found, rejected) = read("nested.json", text, columns, "");
    assert_eq!(rejected, 0);
    assert_eq!(found, ["{1,NULL}|{\"k\": \"v\", \"n\": \"1\"}|(2,{q})|{\"z\": [true, 1.5]}"]);
}

#[test]
fn decimals_and_moments_are_exact_both_ways() {
    let folder = Folder::new("exact");
    let columns = "d DECIMAL(38, 9), z TIMESTAMPTZ, t TIMESTAMP";
    let text = "d,z,t\n\
        12345678901234567890123456789.123456789,2024-03-31T02:30:00.123456+02:00,2024-03-31 02:30:00.000001\n\
        -0.000000001,2024-12-31 23:59:59.999999Z,1969-12-31T23:59:59.999999\n";
    let path = folder.write("exact.csv", text);
    for out in ["out.csv", "out.ndjson", "out.parquet", "out.arrow"].map(|name| folder.file(name)) {
        let db = database(1);
        db.execute(&format!("CREATE SOURCE s ({columns}) FROM FILE ('{path}')")).unwrap();
        db.execute(&format!("CREATE SINK k INTO FILE ('{out}') AS SELECT * FROM s")).unwrap();
        db.drain().unwrap();
        assert_eq!(status(&db, "s").rejected, 0);
        db.close().unwrap();
        let db = database(1);
        db.execute(&format!("CREATE SOURCE s ({columns}) FROM FILE ('{out}')")).unwrap();
        db.execute("CREATE MATERIALIZED VIEW v AS SELECT * FROM s").unwrap();
        db.drain().unwrap();
        let expected = [
            "-0.000000001|2024-12-31 23:59:59.999999+00|1969-12-31 23:59:59.999999",
            "12345678901234567890123456789.123456789|2024-03-31 00:30:00.123456+00|2024-03-31 02:30:00.000001",
        ];
        assert_eq!(rows(&db, "SELECT * FROM v ORDER BY d"), expected, "{out}");
    }
}

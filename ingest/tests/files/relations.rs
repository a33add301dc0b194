//! Files where a relation stands.

use super::{Folder, TRADES, database, lines, refused, rows};

#[test]
fn a_file_is_read_where_a_relation_stands() {
    let folder = Folder::new("relations");
    let csv =
        folder.write("trades.csv", "symbol,price,at\nACME,101.5,2024-01-01\nINIT,,2024-01-02\n");
    let json = folder.write("names.ndjson", "{\"symbol\":\"ACME\",\"name\":\"Acme\"}\n");
    let db = database(1);
    let sum = rows(&db, &format!("SELECT count(*), sum(price) FROM 'file://{csv}'"));
    assert_eq!(sum, ["2|101.5"]);
    assert_eq!(rows(&db, &format!("SELECT max(at) FROM file://{csv}")), ["2024-01-02"]);
    let joined = format!(
        "SELECT trades.price, n.name FROM '{csv}' JOIN '{json}' AS n ON n.symbol = trades.symbol"
    );
    assert_eq!(rows(&db, &joined), ["101.5|Acme"]);
    let nested = format!("SELECT (SELECT count(*) FROM '{json}') FROM '{csv}' WHERE price IS NULL");
    assert_eq!(rows(&db, &nested), ["1"]);
    let other = folder.write("trades.txt", "ACME;1\nINIT;2\n");
    let options = "format => 'csv', header => false, delimiter => ';'";
    let found =
        rows(&db, &format!("SELECT * FROM FILE ('{other}', {options}) ORDER BY column2 DESC"));
    assert_eq!(found, ["INIT|2", "ACME|1"]);
    db.execute("CREATE SOURCE s (symbol TEXT, price DOUBLE)").unwrap();
    db.execute("CREATE MATERIALIZED VIEW v AS SELECT * FROM s").unwrap();
    db.execute(&format!("INSERT INTO s SELECT symbol, price FROM '{csv}'")).unwrap();
    assert_eq!(rows(&db, "SELECT count(*) FROM v"), ["2"]);
}

#[test]
fn a_query_that_runs_on_reads_a_file_to_its_end_with_every_window_closed() {
    for shards in [1, 2] {
        let folder = Folder::new(&format!("continuous-{shards}"));
        // Without the line that cannot be read, whose column would be a text.
        let text = TRADES.replace(",ACME,not a price,2024-01-01 00:00:00.95\n", "");
        let (trades, out) = (folder.write("trades.csv", &text), folder.file("bars.ndjson"));
        let db = database(shards);
        db.execute(&format!(
            "CREATE SINK bars INTO FILE (path = '{out}') AS \
             SELECT window_start AS at, symbol, max(price) AS high, count(*) AS n \
             FROM FILE ('{trades}', watermark = 'ts') \
             GROUP BY symbol, tumble(ts, INTERVAL '1' SECOND) EMIT ON WINDOW CLOSE"
        ))
        .unwrap();
        db.execute(&format!("CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM '{trades}'"))
            .unwrap();
        db.drain().unwrap();
        assert_eq!(rows(&db, "SELECT n FROM n"), ["5"]);
        // A query that comes later has all rows too.
        db.execute(&format!(
            "CREATE OR REPLACE MATERIALIZED VIEW n AS SELECT sum(price) AS n FROM '{trades}'"
        ))
        .unwrap();
        db.drain().unwrap();
        assert_eq!(rows(&db, "SELECT n FROM n"), ["417"]);
        assert_eq!(db.objects().objects().count(), 4, "two queries, and a file for each");
        db.execute("DROP MATERIALIZED VIEW n").unwrap();
        assert_eq!(db.objects().objects().count(), 2, "its file goes with a query");
        db.close().unwrap();
        assert_eq!(lines(&out), super::BARS);
    }
}

#[test]
fn columns_that_are_not_declared_are_those_of_the_connector() {
    let folder = Folder::new("undeclared");
    let csv = folder.write("trades.csv", "symbol,ts\nACME,2024-01-01T00:00:00Z\n");
    let db = database(1);
    let with = "WITH (watermark = 'ts')";
    db.execute(&format!("CREATE SOURCE trades {with} FROM FILE ('{csv}')")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW v AS SELECT * FROM trades").unwrap();
    db.execute(&format!(
        "CREATE SOURCE made {with} FROM GENERATOR ('sensors', rows = 10, rate = 0)"
    ))
    .unwrap();
    db.execute("CREATE MATERIALIZED VIEW m AS SELECT count(temperature) AS n FROM made").unwrap();
    db.drain().unwrap();
    assert_eq!(rows(&db, "SELECT * FROM v"), ["ACME|2024-01-01 00:00:00+00"]);
    assert_eq!(rows(&db, "SELECT n FROM m"), ["10"]);
}

#[test]
fn what_is_wrong_with_a_file_is_said_before_anything_runs() {
    let folder = Folder::new("wrong-relations");
    let db = database(1);
    let said = |path: &str| refused(&db, &format!("SELECT * FROM '{path}'"));
    let missing = said(&folder.file("nothing.csv"));
    assert!(missing.contains("nothing.csv\" cannot be read"), "{missing}");
    let unknown = said(&folder.write("a.dat", "1\n"));
    assert!(unknown.contains("tells no format") && unknown.contains("format = 'csv'"), "{unknown}");
    assert!(said(&folder.write("empty.csv", "")).contains("it is empty"));
    assert!(said(&folder.write("empty.json", "")).contains("no row to take columns from"));
    assert!(said(&folder.0.display().to_string()).contains("tells no format"));
    let scheme = said("kafka://localhost/trades");
    assert!(scheme.contains("kafka://") && scheme.contains("Create a source"), "{scheme}");
    let twice = said(&folder.write("twice.csv", "a,a\n1,2\n"));
    assert!(twice.contains("twice.csv") && twice.contains("\"a\""), "{twice}");
    // A line that does not fit what the first ten thousand had.
    let many: String = (0..10_001).map(|n| format!("{n}\n")).collect();
    let late = folder.write("late.csv", &format!("a\n{many}x\n"));
    let said_late = said(&late);
    assert!(said_late.contains("late.csv, line 10003: column \"a\""), "{said_late}");
    let ragged = said(&folder.write("ragged.csv", "a,b\n1,2\n3\n"));
    assert!(ragged.contains("line 3: it has 1 fields, and 2 are wanted"), "{ragged}");
    let view = refused(&db, "CREATE VIEW v AS SELECT * FROM 'a.csv'");
    assert!(view.contains("MATERIALIZED VIEW"), "{view}");
    let emit = folder.write("t.csv", "ts\n2024-01-01 00:00:00\n");
    let unmarked = refused(
        &db,
        &format!(
            "CREATE STREAM s AS SELECT window_start, count(*) FROM '{emit}' GROUP BY tumble(ts, INTERVAL '1' SECOND) EMIT ON WINDOW CLOSE"
        ),
    );
    assert!(unmarked.contains("watermark"), "{unmarked}");
    assert_eq!(db.objects().objects().count(), 0, "nothing is left of what was refused");
}

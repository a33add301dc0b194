//! Statements that are planned once, and lookups by key.

use std::thread;

use sluicedb::db::{
    Database, Error, FromRow, InlineDatabase, Outcome, Prepared, RowSet, Value, values,
};
use sluicedb::plan::Plan;

fn database(shards: usize) -> Database {
    let db = Database::builder().memory_limit(256 << 20).shards(shards);
    let db = db.start(&Plan::empty()).unwrap();
    for text in SETUP {
        db.execute(text).unwrap();
    }
    db
}

const SETUP: [&str; 4] = [
    "CREATE SOURCE trades (symbol TEXT, venue INT, price DECIMAL(10,2))",
    "CREATE MATERIALIZED VIEW highs AS \
     SELECT symbol, venue, max(price) AS high, count(*) AS trades FROM trades GROUP BY symbol, venue",
    "INSERT INTO trades VALUES ('ACME', 1, 10.50), ('ACME', 1, 12.25), ('ACME', 2, 9), \
     ('INIT', 1, 50), (NULL, 1, 7), ('ACME', NULL, 3)",
    "CREATE MATERIALIZED VIEW all_trades AS SELECT symbol, price FROM trades",
];

fn rows(found: &RowSet) -> Vec<String> {
    let row = |row: Vec<Value>| {
        let cells: Vec<String> = row.iter().map(Value::to_string).collect();
        cells.join(" ")
    };
    found.batches.iter().flat_map(values).map(row).collect()
}

fn check_lookup(db: &Database, query: &str, expected: bool) {
    let plan = rows(&db.query(&format!("EXPLAIN {query}")).unwrap());
    let found = plan[0].starts_with("Lookup: view highs by key");
    assert_eq!(found, expected, "{query}: {plan:#?}");
}

#[test]
fn a_query_for_one_key_is_a_lookup_and_finds_what_a_scan_finds() {
    for shards in [1, 2] {
        let db = database(shards);
        // Each twice: as a lookup, and in a form that has to look at every row.
        let both = |condition: &str, columns: &str, expected: &[&str]| {
            let lookup = format!("SELECT {columns} FROM highs WHERE {condition}");
            let scan = format!("SELECT {columns} FROM highs WHERE ({condition}) IS TRUE");
            check_lookup(&db, &lookup, true);
            check_lookup(&db, &scan, false);
            assert_eq!(rows(&db.query(&lookup).unwrap()), expected, "{lookup}");
            assert_eq!(rows(&db.query(&scan).unwrap()), expected, "{scan}");
        };
        both("symbol = 'ACME' AND venue = 1", "*", &["ACME 1 12.25 2"]);
        both("venue = 1 AND 'ACME' = symbol", "high * trades AS x", &["24.50"]);
        both("symbol = 'ACME' AND venue = 2 AND high > 100", "high", &[]);
        both("symbol = 'ACME' AND venue = 2 AND high < 100", "high", &["9.00"]);
        both("symbol = 'NONE' AND venue = 2", "high", &[]);
        both("symbol = 'ACME' AND venue = 1", "count(*) AS n", &["1"]);
        both("symbol = 'ACME' AND venue = 1", "upper(lower(symbol)) AS s", &["ACME"]);
        // NULL equals nothing, though a row has that key.
        let nothing = "SELECT * FROM highs WHERE symbol = NULL AND venue = 1";
        assert_eq!(rows(&db.query(nothing).unwrap()), [""; 0]);
        for other in [
            nothing,
            "SELECT * FROM highs WHERE symbol = 'ACME'",
            "SELECT * FROM highs WHERE symbol = 'ACME' AND venue > 1",
            "SELECT * FROM highs WHERE symbol = 'ACME' OR venue = 1",
            "SELECT * FROM highs a JOIN highs b ON a.symbol = b.symbol \
             WHERE a.symbol = 'ACME' AND a.venue = 1",
        ] {
            check_lookup(&db, other, false);
        }
        db.close().unwrap();
    }
}

#[test]
fn a_lookup_fails_where_its_row_fails() {
    let db = database(1);
    let failed = db.query("SELECT 1 / (trades - 2) FROM highs WHERE symbol = 'ACME' AND venue = 1");
    assert!(failed.unwrap_err().to_string().contains("division by zero"));
    let kept = "SELECT 1 / (trades - 2) AS x FROM highs \
                WHERE symbol = 'ACME' AND venue = 1 AND trades <> 2";
    assert_eq!(db.query(kept).unwrap().len(), 0, "a row that is not taken is not computed");
}

#[test]
fn a_prepared_lookup_takes_other_values_each_time() {
    let db = database(2);
    let text = "SELECT trades, high::TEXT AS high FROM highs WHERE symbol = $1 AND venue = $2";
    let mut found = db.prepare(text).unwrap();
    let types: Vec<String> = found.parameters().iter().map(ToString::to_string).collect();
    assert_eq!(types, ["TEXT", "INT"]);
    let mut get = |symbol: Option<&str>, venue: i64| {
        rows(&db.query_with(&mut found, (symbol, venue)).unwrap())
    };
    assert_eq!(get(Some("ACME"), 1), ["2 12.25"]);
    assert_eq!(get(Some("ACME"), 2), ["1 9.00"]);
    assert_eq!(get(Some("INIT"), 2), [""; 0]);
    assert_eq!(get(None, 1), [""; 0]);
    db.execute("INSERT INTO trades VALUES ('INIT', 2, 1)").unwrap();
    assert_eq!(get(Some("INIT"), 2), ["1 1.00"]);
}

#[test]
fn prepared_queries_that_are_no_lookups_take_values_everywhere() {
    let db = database(1);
    let check = |text: &str, parameters: &[Value], expected: &[&str]| {
        let mut prepared = db.prepare(text).unwrap();
        for _ in 0..2 {
            let found = db.query_with(&mut prepared, parameters).unwrap();
            assert_eq!(rows(&found), expected, "{text}");
        }
    };
    let int = Value::Int;
    check("SELECT $1 + venue AS x FROM highs WHERE high = 50", &[int(4)], &["5"]);
    check("SELECT $1::TEXT || '!' AS x", &[Value::text("a")], &["a!"]);
    check("SELECT symbol FROM highs WHERE high BETWEEN $1 AND $2", &[int(10), int(20)], &["ACME"]);
    check("SELECT symbol FROM highs WHERE high IN ($1, $2)", &[int(50), int(51)], &["INIT"]);
    check("SELECT symbol FROM highs ORDER BY high DESC LIMIT $1", &[int(1)], &["INIT"]);
    check(
        "SELECT count(*) AS n FROM highs WHERE $1 IS NULL OR symbol = $1",
        &[Value::Null],
        &["5"],
    );
    check("SELECT count(*) AS n FROM highs WHERE symbol LIKE $1", &[Value::text("A%")], &["3"]);
    check("SELECT symbol FROM highs WHERE trades = $1 * 2", &[int(1)], &["ACME"]);
}

#[test]
fn a_prepared_insert_pushes_rows_of_the_columns_it_names() {
    let db = database(2);
    let mut insert = db.prepare("INSERT INTO trades (price, symbol) VALUES ($1, $2)").unwrap();
    for (price, symbol) in [(1_i64, "X"), (2, "X"), (3, "Y")] {
        let Outcome::Done(done) = db.execute_with(&mut insert, (price, symbol)).unwrap() else {
            panic!("an INSERT is done")
        };
        assert_eq!((done.tag, done.rows), ("INSERT", Some(1)));
    }
    let found = db.query("SELECT symbol, high, trades FROM highs WHERE venue IS NULL AND symbol > 'W' ORDER BY symbol");
    assert_eq!(rows(&found.unwrap()), ["X 2.00 2", "Y 3.00 1"]);
    let refused = db.execute_with(&mut insert, (1.5, "X")).map(drop).unwrap_err().to_string();
    assert!(refused.contains("parameter $1 is DECIMAL(10,2) and was given DOUBLE"), "{refused}");
}

#[test]
fn what_cannot_be_prepared_is_refused_with_what_to_do() {
    let db = database(1);
    for (text, part) in [
        ("SELECT $1", "nothing says which type parameter $1 has"),
        ("SELECT $2::INT", "nothing says which type parameter $1 has"),
        ("SELECT $name::INT", "Parameters are $1, $2 and so on"),
        ("SELECT $70000::INT", "Parameters are $1, $2 and so on"),
        ("DROP SOURCE trades", "only queries and INSERTs can be prepared"),
        ("SELECT 1; SELECT 2", "2 statements"),
        ("SELECT x FROM highs WHERE symbol = $1", "column \"x\" does not exist"),
    ] {
        let refused = db.prepare(text).map(drop).unwrap_err().to_string();
        assert!(refused.contains(part), "{text}: {refused}");
    }
    for text in [
        "SELECT * FROM highs WHERE symbol = $1",
        "CREATE STREAM s AS SELECT * FROM trades WHERE symbol = $1",
        "INSERT INTO trades VALUES ($1, 1, 1)",
    ] {
        let refused = db.execute(text).map(drop).unwrap_err().to_string();
        assert!(refused.contains("there is no parameter $1 here"), "{text}: {refused}");
    }
    let mut one = db.prepare("SELECT * FROM highs WHERE symbol = $1").unwrap();
    let refused = db.query_with(&mut one, ("ACME", 1)).unwrap_err().to_string();
    assert!(refused.contains("has 1 parameters and was given 2 values"), "{refused}");
    assert!(refused.contains("They are (TEXT)."), "{refused}");
}

#[test]
fn a_prepared_statement_follows_the_objects_it_reads() {
    let db = database(1);
    let text = "SELECT high FROM highs WHERE symbol = $1 AND venue = 1";
    let mut found: Prepared = db.prepare(text).unwrap();
    let mut get = |db: &Database| db.query_with(&mut found, "ACME").map(|found| rows(&found));
    assert_eq!(get(&db).unwrap(), ["12.25"]);
    db.execute("DROP MATERIALIZED VIEW highs").unwrap();
    let gone = get(&db).unwrap_err().to_string();
    assert!(gone.contains("relation \"highs\" does not exist"), "{gone}");
    db.execute("CREATE MATERIALIZED VIEW highs AS SELECT symbol, venue, max(price) + 1 AS high FROM trades GROUP BY symbol, venue").unwrap();
    db.execute("INSERT INTO trades VALUES ('ACME', 1, 1)").unwrap();
    assert_eq!(get(&db).unwrap(), ["13.25"], "the source has kept the rows of before");
    let other = database(1);
    assert_eq!(get(&other).unwrap(), ["12.25"], "another database is another set of objects");
}

#[test]
fn an_inline_database_answers_prepared_lookups_between_turns() {
    let mut db: InlineDatabase =
        Database::builder().memory_limit(64 << 20).inline(&Plan::empty()).unwrap();
    for text in SETUP {
        db.execute(text).unwrap();
    }
    let text = "SELECT high FROM highs WHERE symbol = $1 AND venue = $2";
    let mut found = db.prepare(text).unwrap();
    assert_eq!(rows(&db.query_with(&mut found, ("ACME", 1)).unwrap()), ["12.25"]);
    let mut insert = db.prepare("INSERT INTO trades VALUES ($1, $2, $3)").unwrap();
    db.execute_with(&mut insert, ("ACME", 1, 99)).unwrap();
    assert_eq!(rows(&db.query_with(&mut found, ("ACME", 1)).unwrap()), ["99.00"]);
}

#[test]
fn rows_become_structs_by_the_names_of_their_columns() {
    let db = database(1);
    let text = "SELECT symbol, trades, high FROM highs WHERE venue = 1 ORDER BY high DESC";
    let found = db.query(text).unwrap();
    #[derive(FromRow, Debug, PartialEq)]
    struct Named {
        trades: i64,
        symbol: Option<String>,
    }
    let named = found.to::<Named>().unwrap();
    let expected = [(1, Some("INIT")), (2, Some("ACME")), (1, None)];
    let expected =
        expected.map(|(trades, symbol)| Named { trades, symbol: symbol.map(str::to_owned) });
    assert_eq!(named, expected);
    #[derive(FromRow, Debug)]
    #[expect(dead_code, reason = "refused before it is read")]
    struct NotNull {
        symbol: String,
    }
    let refused = found.to::<NotNull>().unwrap_err().to_string();
    assert!(refused.contains("column \"symbol\" is NULL in a row"), "{refused}");
    assert!(refused.contains("TEXT NOT NULL"), "{refused}");
    let good: Vec<_> = found.iter::<NotNull>().take(2).collect();
    assert!(good[0].is_err() && good.len() == 1, "nothing comes behind an error");
    #[derive(FromRow, Debug)]
    #[expect(dead_code, reason = "refused before it is read")]
    struct Missing {
        price: i64,
    }
    let refused = found.to::<Missing>().unwrap_err().to_string();
    assert!(refused.contains("field \"price\" has no column"), "{refused}");
    assert!(refused.contains("symbol, trades, high"), "{refused}");
}

#[test]
fn prepared_lookups_run_beside_producers_and_others_of_their_kind() {
    let db = database(2);
    thread::scope(|scope| {
        for reader in 0..3 {
            let db = db.clone();
            scope.spawn(move || {
                let text = "SELECT trades FROM highs WHERE symbol = $1 AND venue = $2";
                let mut found = db.prepare(text).unwrap();
                let mut last = 0;
                for _ in 0..300 {
                    let rows = db.query_with(&mut found, ("ACME", 7)).unwrap();
                    let trades = rows.batches.iter().flat_map(values).map(|row| row[0].clone());
                    let trades = trades.map(|value| match value {
                        Value::BigInt(trades) => trades,
                        other => panic!("{other} trades"),
                    });
                    let trades = trades.sum::<i64>();
                    assert!(trades >= last, "reader {reader} went back from {last} to {trades}");
                    last = trades;
                }
            });
        }
        let mut insert = db.prepare("INSERT INTO trades VALUES ('ACME', 7, $1)").unwrap();
        for price in 0..20 {
            db.execute_with(&mut insert, price).unwrap();
        }
    });
    let found = db.query("SELECT trades FROM highs WHERE symbol = 'ACME' AND venue = 7").unwrap();
    assert_eq!(rows(&found), ["20"]);
}

#[test]
fn a_place_in_what_is_prepared_is_one_in_the_text_that_prepares_it() {
    let db = Database::builder().memory_limit(256 << 20).shards(1).start(&Plan::empty()).unwrap();
    db.execute("CREATE SOURCE t (a INT)").unwrap();
    let at = |text: &str| match db.execute(text).map(drop) {
        Err(Error::Sql(error)) => error.position.map(|at| text[at..at + 4].to_owned()),
        other => panic!("{text}: {other:?}"),
    };
    assert_eq!(at("PREPARE one AS SELECT a, bbbb FROM t").unwrap(), "bbbb");
    assert_eq!(at("  PREPARE one (INT) AS SELECT a FROM nope").unwrap(), "nope");
    db.execute("PREPARE four AS SELECT $1 + 1 AS x").unwrap();
    assert_eq!(at("EXECUTE four (1, 2)").unwrap(), "four");
    assert_eq!(at("EXECUTE four (cccc + 1)").unwrap(), "cccc");
    assert_eq!(at("PREPARE four AS SELECT 1 AS x").unwrap(), "four");
    assert_eq!(at("DEALLOCATE five").unwrap(), "five");
    // A handle that is cloned has the same ones.
    let other = db.clone();
    other.execute("DEALLOCATE four").unwrap();
    assert_eq!(at("EXECUTE four (1)").unwrap(), "four");
    for number in 0..1000 {
        db.execute(&format!("PREPARE p{number} AS SELECT 1 AS x")).unwrap();
    }
    let error = db.execute("PREPARE more AS SELECT 1 AS x").map(drop).unwrap_err().to_string();
    assert!(error.contains("prepared statements: 1001 is more than the limit of 1000"), "{error}");
}

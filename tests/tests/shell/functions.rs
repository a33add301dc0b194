//! Functions of the application's, called from SQL.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int64Array, StringArray};
use arrow::datatypes::Int64Type;
use sluicedb::db::{Builder, DataType, Database, FunctionOutcome, Value, values};
use sluicedb::plan::Plan;

/// Doubles whole numbers; fails at 13 and panics at 666.
fn twice(args: &[ArrayRef]) -> FunctionOutcome {
    let numbers = args[0].as_primitive::<Int64Type>();
    if numbers.iter().flatten().any(|number| number == 13) {
        return Err("thirteen is refused".into());
    }
    assert!(numbers.iter().flatten().all(|number| number != 666), "the number of the beast");
    Ok(Arc::new(numbers.iter().map(|number| number.map(|n| n * 2)).collect::<Int64Array>()))
}

fn builder() -> Builder {
    Database::builder()
        .memory_limit(256 << 20)
        .shards(2)
        .scalar_function("twice", &[DataType::BigInt], DataType::BigInt, twice)
        .scalar_function("short", &[], DataType::BigInt, |_| {
            Ok(Arc::new(Int64Array::from(vec![7; 3])))
        })
        .scalar_function("wrong", &[DataType::BigInt], DataType::BigInt, |args| {
            Ok(Arc::new(StringArray::from(vec!["x"; args[0].len()])))
        })
        .scalar_function("shout", &[DataType::Text], DataType::Text, |args| {
            let texts = args[0].as_string_view();
            let loud = texts.iter().map(|text| text.map(|text| format!("{text}!")));
            // In a layout that is not the one of columns.
            Ok(Arc::new(loud.collect::<StringArray>()))
        })
}

fn database() -> Database {
    let db = builder().start(&Plan::empty()).unwrap();
    db.execute("CREATE SOURCE numbers (id INT, n BIGINT, name TEXT)").unwrap();
    db
}

fn rows(db: &Database, query: &str) -> Vec<String> {
    let found = db.query(query).unwrap();
    let row = |row: Vec<Value>| {
        let cells: Vec<String> = row.iter().map(Value::to_string).collect();
        cells.join(" ")
    };
    found.batches.iter().flat_map(values).map(row).collect()
}

#[test]
fn a_function_means_the_same_in_continuous_and_in_bounded_queries() {
    let db = database();
    db.execute("CREATE MATERIALIZED VIEW raw AS SELECT id, n, name FROM numbers").unwrap();
    db.execute(
        "CREATE MATERIALIZED VIEW doubled AS \
         SELECT id, twice(n) + 1 AS t, shout(name) AS s, twice(id) AS i FROM numbers WHERE twice(n) < 100",
    )
    .unwrap();
    db.execute(
        "INSERT INTO numbers VALUES (1, 5, 'a'), (2, NULL, 'b'), (3, 49, NULL), (4, 50, 'd')",
    )
    .unwrap();
    let bounded = "SELECT id, twice(n) + 1 AS t, shout(name) AS s, twice(id) AS i FROM raw \
                   WHERE twice(n) < 100 ORDER BY id";
    let expected = ["1 11 a! 2", "3 99 NULL 6"];
    assert_eq!(rows(&db, bounded), expected);
    assert_eq!(rows(&db, "SELECT * FROM doubled ORDER BY id"), expected);
    assert_eq!(rows(&db, "SELECT twice(21) AS x, shout('hey') AS y"), ["42 hey!"]);
}

#[test]
fn a_function_that_fails_or_panics_fails_its_query_by_name_and_nothing_else() {
    let db = database();
    db.execute("CREATE MATERIALIZED VIEW raw AS SELECT id, n FROM numbers").unwrap();
    db.execute("CREATE MATERIALIZED VIEW doubled AS SELECT id, twice(n) AS t FROM numbers")
        .unwrap();
    db.execute("INSERT INTO numbers VALUES (1, 1, ''), (2, 13, ''), (3, 666, ''), (4, 4, '')")
        .unwrap();
    for (query, part) in [
        ("SELECT twice(n) FROM raw WHERE id = 2", "function twice: thirteen is refused"),
        ("SELECT twice(n) FROM raw WHERE id = 3", "function twice: it panicked: the number of"),
        ("SELECT twice(13)", "function twice: thirteen is refused"),
        ("SELECT short() FROM raw", "function short: it was given 1 rows and gave 3"),
        ("SELECT wrong(n) FROM raw", "function wrong: it gave Utf8, and BIGINT is Int64"),
        ("SELECT twice('a', 1)", "twice"),
        ("SELECT twice(true)", "twice"),
    ] {
        let refused = db.query(query).unwrap_err().to_string();
        assert!(refused.contains(part), "{query}: {refused}");
    }
    // The continuous query goes on without the rows that are to blame.
    assert_eq!(rows(&db, "SELECT id, t FROM doubled ORDER BY id"), ["1 2", "4 8"]);
    assert_eq!(db.stats().dead_letters, 2);
    let refused = db.execute("CREATE STREAM s AS SELECT twice(name = 'a') AS x FROM numbers");
    assert!(refused.map(drop).unwrap_err().to_string().contains("twice"));
    db.close().unwrap();
}

#[test]
fn names_that_are_taken_and_types_that_are_not_told_apart_are_refused() {
    let start = |name: &str, of: DataType| {
        let builder = builder().scalar_function(name, &[of], DataType::BigInt, twice);
        builder.start(&Plan::empty()).map(drop).unwrap_err().to_string()
    };
    assert!(start("lower", DataType::Text).contains("function lower already exists"));
    assert!(start("sum", DataType::BigInt).contains("function sum already exists"));
    assert!(start("twice", DataType::BigInt).contains("function twice already exists"));
    assert!(start("Twice", DataType::BigInt).contains("cannot be a function's name"));
    assert!(start("of_json", DataType::Json).contains("JSON in the signature of of_json"));
}

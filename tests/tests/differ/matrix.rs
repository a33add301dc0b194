//! Every type in every place: a column of it as condition, key, argument of each aggregate, side of
//! a join. A place that does not take a type is a hole, and each hole is known with its reason.

use sluicedb::db::{Database, values};
use sluicedb::plan::{Builder, Plan};
use sluicedb_sql::Value;
use sluicedb_sql::expr::Expr;

/// A type: how it is written, and two of its values, the lesser one first.
const TYPES: [(&str, &str, &str); 20] = [
    ("BOOLEAN", "false", "true"),
    ("SMALLINT", "-3", "7"),
    ("INT", "-3", "7"),
    ("BIGINT", "-3", "7"),
    ("REAL", "-0.5", "0.25"),
    ("DOUBLE", "-0.5", "0.25"),
    ("DECIMAL(10,2)", "-1.50", "3.25"),
    ("TEXT", "'a'", "'b'"),
    ("BYTEA", "'\\x01'", "'\\x02'"),
    ("UUID", "'00000000-0000-0000-0000-000000000001'", "'00000000-0000-0000-0000-000000000002'"),
    ("DATE", "'2024-01-01'", "'2024-01-02'"),
    ("TIME", "'01:00:00'", "'02:00:00'"),
    ("TIMESTAMP", "'2024-01-01 00:00:00'", "'2024-01-02 00:00:00'"),
    ("TIMESTAMPTZ", "'2024-01-01 00:00:00+00'", "'2024-01-02 00:00:00+00'"),
    ("INTERVAL", "'1 hour'", "'2 hours'"),
    ("JSON", "'1'", "'2'"),
    ("INT[]", "'{1}'", "'{2}'"),
    ("TEXT[]", "'{a}'", "'{b}'"),
    ("MAP<TEXT, TEXT>", "'{\"k\": \"1\"}'", "'{\"k\": \"2\"}'"),
    ("STRUCT<x INT, y TEXT>", "'(1,a)'", "'(2,b)'"),
];

/// A place: its name, the query whose result is looked at, and what must come out. Rows are
/// (1, lesser), (2, greater), (3, NULL), (4, greater); `{lesser}` is that of the type.
const PLACES: [(&str, &str, Wanted); 22] = [
    ("projection", "SELECT c FROM s", Wanted::Rows(4)),
    ("is null", "SELECT id FROM s WHERE c IS NULL", Wanted::Rows(1)),
    ("filter", "SELECT id FROM s WHERE c = CAST({lesser} AS {type})", Wanted::Rows(1)),
    (
        "distinct from",
        "SELECT id FROM s WHERE c IS DISTINCT FROM CAST({lesser} AS {type})",
        Wanted::Rows(3),
    ),
    ("case", "SELECT CASE WHEN id < 3 THEN c END AS c FROM s", Wanted::Rows(4)),
    (
        "coalesce",
        "SELECT id FROM s WHERE coalesce(c, CAST({lesser} AS {type})) IS NULL",
        Wanted::Rows(0),
    ),
    ("key", "SELECT c, count(*) AS n FROM s GROUP BY c", Wanted::Rows(3)),
    ("distinct", "SELECT DISTINCT c FROM s", Wanted::Rows(3)),
    (
        "window and key",
        "SELECT window_start, c, count(*) AS n FROM s GROUP BY tumble(ts, INTERVAL '1' HOUR), c",
        Wanted::Rows(3),
    ),
    (
        "session and key",
        "SELECT window_start, c, count(*) AS n FROM s GROUP BY session(ts, INTERVAL '1' HOUR), c",
        Wanted::Rows(3),
    ),
    ("count", "SELECT count(c) AS n FROM s", Wanted::Number(3)),
    ("count distinct", "SELECT count(DISTINCT c) AS n FROM s", Wanted::Number(2)),
    ("approx_distinct", "SELECT approx_distinct(c) AS n FROM s", Wanted::Number(2)),
    ("min", "SELECT min(c) AS m FROM s", Wanted::Lesser),
    ("max", "SELECT max(c) AS m FROM s", Wanted::Greater),
    ("first", "SELECT first(c) AS m FROM s", Wanted::Lesser),
    ("last", "SELECT last(c) AS m FROM s", Wanted::Greater),
    ("mode", "SELECT mode() WITHIN GROUP (ORDER BY c) AS m FROM s", Wanted::Greater),
    (
        "percentile_disc",
        "SELECT percentile_disc(0) WITHIN GROUP (ORDER BY c) AS m FROM s",
        Wanted::Lesser,
    ),
    ("sum", "SELECT sum(c) AS m FROM s", Wanted::Rows(1)),
    ("avg", "SELECT avg(c) AS m FROM s", Wanted::Rows(1)),
    ("stddev", "SELECT stddev_samp(c) AS m FROM s", Wanted::Rows(1)),
];

/// What a query must give.
#[derive(Clone, Copy)]
enum Wanted {
    Rows(usize),
    Number(i64),
    Lesser,
    Greater,
}

/// Whether a place refuses a type, and why it should.
fn hole(place: &str, data_type: &str) -> Option<&'static str> {
    let numeric =
        matches!(data_type, "SMALLINT" | "INT" | "BIGINT" | "REAL" | "DOUBLE" | "DECIMAL(10,2)");
    match place {
        "sum" | "avg" | "stddev" if !numeric => Some("only numbers are added"),
        _ => None,
    }
}

/// Keeps the query's result in a view of its own, or says why it is refused.
fn create(database: &Database, at: usize, query: &str) -> Result<(), String> {
    let create = format!("CREATE MATERIALIZED VIEW v{at} AS {query}");
    database.execute(&create).map(|_| ()).map_err(|error| error.to_string())
}

fn rows(database: &Database, name: &str) -> Result<Vec<Vec<Value>>, String> {
    let rows =
        database.query(&format!("SELECT * FROM {name}")).map_err(|error| error.to_string())?;
    Ok(rows.batches.iter().flat_map(values).collect())
}

fn fits(found: &[Vec<Value>], wanted: Wanted, ends: &[Value; 2]) -> bool {
    match (wanted, found) {
        (Wanted::Rows(count), found) => found.len() == count,
        (Wanted::Number(number), [row]) => row[0] == Value::BigInt(number),
        (Wanted::Lesser, [row]) => row[0] == ends[0],
        (Wanted::Greater, [row]) => row[0] == ends[1],
        _ => false,
    }
}

/// A mark for each place, and what is wrong there.
fn of_type(data_type: &str, lesser: &str, greater: &str) -> (Vec<String>, Vec<String>) {
    let builder = Database::builder().shards(2).memory_limit(256 << 20);
    let database = builder.start(&Plan::empty()).expect("a database in memory opens");
    let run = |text: &str| {
        database.execute(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    };
    run(&format!(
        "CREATE SOURCE s (id INT, ts TIMESTAMP NOT NULL, c {data_type}) WITH (watermark = 'ts')"
    ));
    run("CREATE MATERIALIZED VIEW everything AS SELECT * FROM s");
    let created: Vec<Result<(), String>> = PLACES
        .iter()
        .enumerate()
        .map(|(at, (_, query, _))| {
            let query = query.replace("{lesser}", lesser).replace("{type}", data_type);
            create(&database, at, &query)
        })
        .collect();
    let join = join(&database);
    run(&format!(
        "INSERT INTO s VALUES (1, '2024-01-01 00:00:01', {lesser}), (2, '2024-01-01 00:00:02', {greater}), \
         (3, '2024-01-01 00:00:03', NULL), (4, '2024-01-01 00:00:04', {greater})"
    ));
    let all = rows(&database, "everything").expect("it is a view");
    let value = |id: i32| {
        let row = all.iter().find(|row| row[0] == Value::Int(id));
        row.expect("the row was pushed")[2].clone()
    };
    let ends = [value(1), value(2)];
    let (mut marks, mut wrong) = (Vec::new(), Vec::new());
    for (at, ((place, _, wanted), created)) in PLACES.iter().zip(created).enumerate() {
        let found = created.and_then(|()| rows(&database, &format!("v{at}")));
        let mark = match (&found, hole(place, data_type)) {
            (Ok(found), None) if fits(found, *wanted, &ends) => "yes",
            (Err(_), Some(_)) => "-",
            _ => {
                wrong.push(format!("{data_type} as {place}: {found:?}"));
                "WRONG"
            }
        };
        marks.push(mark.to_owned());
    }
    // Pairs of equal values: one of the lesser, four of the greater; NULL has none.
    let joined = join.and_then(|()| rows(&database, "joined")).map(|rows| rows.len());
    marks.push(if joined == Ok(5) { "yes" } else { "WRONG" }.to_owned());
    if joined != Ok(5) {
        wrong.push(format!("{data_type} as key of a join: {joined:?}"));
    }
    (marks, wrong)
}

/// The relation joined with itself on the column: the language has no join yet, plans do.
fn join(database: &Database) -> Result<(), String> {
    let plan = database.plan();
    let source = plan.source("s").expect("it was created");
    let mut builder = Builder::over(&plan);
    let names = ["id", "ts", "c"].map(|name| (format!("other_{name}"), Expr::col(name)));
    let other = builder.project(source, names.to_vec()).map_err(|error| error.to_string())?;
    let joined = builder.join(source, other, &[("c", "other_c")]);
    let joined = joined.map_err(|error| error.to_string())?;
    builder.view(joined, "joined", &[]).map_err(|error| error.to_string())?;
    let plan = builder.finish().map_err(|error| error.to_string())?;
    database.install(&plan).map_err(|error| error.to_string())
}

#[test]
fn every_type_has_its_place() {
    let places = PLACES.iter().map(|(place, _, _)| *place).chain(["join key"]);
    println!("places, in order: {}", places.collect::<Vec<_>>().join(", "));
    let mut wrong = Vec::new();
    for (data_type, lesser, greater) in TYPES {
        let (marks, more) = of_type(data_type, lesser, greater);
        println!("{data_type:<22} {}", marks.join(" "));
        wrong.extend(more);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

//! Every type in every place: a column of it as condition, key, argument of each aggregate, side of
//! a join, in a sink and in a file of each format. A place that does not take a type is a hole, and
//! each hole is known with its reason and refused with an error that says what is wrong.

mod files;

use std::collections::BTreeMap;

use sluicedb::db::{Database, Error, values};
use sluicedb::plan::{Builder, Plan};
use sluicedb_sql::Value;
use sluicedb_sql::expr::Expr;

use files::Files;

/// A type, and two of its values, the lesser one first.
struct Type {
    /// How it is written.
    name: &'static str,
    lesser: &'static str,
    greater: &'static str,
    /// What a field of CSV has for the lesser value.
    csv: &'static str,
    /// What JSON has for it.
    json: &'static str,
}

const TYPES: [Type; 20] = [
    Type { name: "BOOLEAN", lesser: "false", greater: "true", csv: "false", json: "false" },
    Type { name: "SMALLINT", lesser: "-3", greater: "7", csv: "-3", json: "-3" },
    Type { name: "INT", lesser: "-3", greater: "7", csv: "-3", json: "-3" },
    Type { name: "BIGINT", lesser: "-3", greater: "7", csv: "-3", json: "-3" },
    Type { name: "REAL", lesser: "-0.5", greater: "0.25", csv: "-0.5", json: "-0.5" },
    Type { name: "DOUBLE", lesser: "-0.5", greater: "0.25", csv: "-0.5", json: "-0.5" },
    Type { name: "DECIMAL(10,2)", lesser: "-1.50", greater: "3.25", csv: "-1.50", json: "-1.50" },
    Type { name: "TEXT", lesser: "'a'", greater: "'b'", csv: "a", json: r#""a""# },
    Type { name: "BYTEA", lesser: r"'\x01'", greater: r"'\x02'", csv: r"\x01", json: r#""\\x01""# },
    Type {
        name: "UUID",
        lesser: "'00000000-0000-0000-0000-000000000001'",
        greater: "'00000000-0000-0000-0000-000000000002'",
        csv: "00000000-0000-0000-0000-000000000001",
        json: r#""00000000-0000-0000-0000-000000000001""#,
    },
    Type {
        name: "DATE",
        lesser: "'2024-01-01'",
        greater: "'2024-01-02'",
        csv: "2024-01-01",
        json: r#""2024-01-01""#,
    },
    Type {
        name: "TIME",
        lesser: "'01:00:00'",
        greater: "'02:00:00'",
        csv: "01:00:00",
        json: r#""01:00:00""#,
    },
    Type {
        name: "TIMESTAMP",
        lesser: "'2024-01-01 00:00:00'",
        greater: "'2024-01-02 00:00:00'",
        csv: "2024-01-01 00:00:00",
        json: r#""2024-01-01 00:00:00""#,
    },
    Type {
        name: "TIMESTAMPTZ",
        lesser: "'2024-01-01 00:00:00+00'",
        greater: "'2024-01-02 00:00:00+00'",
        csv: "2024-01-01 00:00:00+00",
        json: r#""2024-01-01 00:00:00+00""#,
    },
    Type {
        name: "INTERVAL",
        lesser: "'1 hour'",
        greater: "'2 hours'",
        csv: "01:00:00",
        json: r#""01:00:00""#,
    },
    Type { name: "JSON", lesser: "'1'", greater: "'2'", csv: "1", json: "1" },
    Type { name: "INT[]", lesser: "'{1}'", greater: "'{2}'", csv: "{1}", json: "[1]" },
    Type { name: "TEXT[]", lesser: "'{a}'", greater: "'{b}'", csv: "{a}", json: r#"["a"]"# },
    Type {
        name: "MAP<TEXT, TEXT>",
        lesser: r#"'{"k": "1"}'"#,
        greater: r#"'{"k": "2"}'"#,
        csv: r#""{""k"": ""1""}""#,
        json: r#"{"k":"1"}"#,
    },
    Type {
        name: "STRUCT<x INT, y TEXT>",
        lesser: "'(1,a)'",
        greater: "'(2,b)'",
        csv: r#""(1,a)""#,
        json: r#"{"x":1,"y":"a"}"#,
    },
];

/// A place: its name, the query whose result is looked at, and what must come out. Rows are
/// (1, lesser), (2, greater), (3, NULL), (4, greater); `{lesser}` is that of the type.
const PLACES: [(&str, &str, Wanted); 28] = [
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
    (
        "array_agg",
        "SELECT CAST(cardinality(array_agg(c)) AS BIGINT) AS n FROM s",
        Wanted::Number(4),
    ),
    ("string_agg", "SELECT string_agg(c, ',') AS m FROM s", Wanted::Present),
    ("bool_and", "SELECT bool_and(c) AS m FROM s", Wanted::Lesser),
    ("sum", "SELECT sum(c) AS m FROM s", Wanted::Present),
    ("avg", "SELECT avg(c) AS m FROM s", Wanted::Present),
    ("stddev", "SELECT stddev_samp(c) AS m FROM s", Wanted::Present),
    ("corr", "SELECT corr(c, id) AS m FROM s", Wanted::Present),
    (
        "percentile_cont",
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY c) AS m FROM s",
        Wanted::Present,
    ),
    (
        "approx_percentile",
        "SELECT approx_percentile_cont(0.5) WITHIN GROUP (ORDER BY c) AS m FROM s",
        Wanted::Present,
    ),
];

/// What a query must give.
#[derive(Clone, Copy)]
enum Wanted {
    Rows(usize),
    Number(i64),
    Lesser,
    Greater,
    /// One row, whose value is not NULL.
    Present,
}

/// Why a place refuses a type, as far as it should: what nobody can add up, or hold exactly.
fn hole(place: &str, data_type: &str) -> Option<&'static str> {
    let numeric =
        matches!(data_type, "SMALLINT" | "INT" | "BIGINT" | "REAL" | "DOUBLE" | "DECIMAL(10,2)");
    match place {
        "sum" | "avg" | "stddev" | "corr" if !numeric => Some("only numbers are added"),
        "percentile_cont" | "approx_percentile" if !numeric => {
            Some("only between numbers there are others")
        }
        "string_agg" if data_type != "TEXT" => Some("only texts are put one behind the other"),
        "bool_and" if data_type != "BOOLEAN" => Some("only truth values are all true"),
        "parquet out" | "parquet in" if data_type == "INTERVAL" => {
            Some("Parquet has no intervals with microseconds")
        }
        _ => None,
    }
}

/// Why something is refused: nothing where the refusal does not name the type, or does not say what
/// to do.
fn reason(error: Error, data_type: &str) -> String {
    match error {
        Error::Sql(error) => {
            let message = error.message.replace(' ', "");
            // The planner knows JSON by the text that it is kept as.
            let kept = if data_type == "JSON" { "TEXT" } else { data_type };
            let said =
                [data_type, kept].iter().any(|name| message.contains(&name.replace(" ", "")));
            let clear = said && error.hint.is_some() && error.sqlstate != "XX000";
            let unclear = if clear { "" } else { "UNCLEAR: " };
            format!("{unclear}{} {} {:?}", error.sqlstate, error.message, error.hint)
        }
        other => format!("UNCLEAR: {other}"),
    }
}

/// A mark for each place, and what is wrong there.
#[derive(Default)]
struct Marks {
    marks: Vec<&'static str>,
    wrong: Vec<String>,
    /// Where the type was refused as it should be, and why it should.
    holes: Vec<(String, &'static str)>,
}

impl Marks {
    /// Marks a place: what came out there fits, or the place refused the type.
    fn mark(&mut self, place: &str, data_type: &str, found: Result<bool, String>) {
        let mark = match (found, hole(place, data_type)) {
            (Ok(true), None) => "yes",
            (Err(said), Some(why)) if !said.starts_with("UNCLEAR") => {
                self.holes.push((place.to_owned(), why));
                "-"
            }
            (found, hole) => {
                self.wrong.push(format!("{data_type} as {place}: {found:?}, {hole:?} expected"));
                "WRONG"
            }
        };
        self.marks.push(mark);
    }
}

fn rows(database: &Database, query: &str, data_type: &str) -> Result<Vec<Vec<Value>>, String> {
    let rows = database.query(query).map_err(|error| reason(error, data_type))?;
    Ok(rows.batches.iter().flat_map(values).collect())
}

fn fits(found: &[Vec<Value>], wanted: Wanted, ends: &[Value; 2]) -> bool {
    match (wanted, found) {
        (Wanted::Rows(count), found) => found.len() == count,
        (Wanted::Number(number), [row]) => row[0] == Value::BigInt(number),
        (Wanted::Lesser, [row]) => row[0] == ends[0],
        (Wanted::Greater, [row]) => row[0] == ends[1],
        (Wanted::Present, [row]) => row[0] != Value::Null,
        _ => false,
    }
}

/// Looks at every place of a type.
fn of_type(of: &Type) -> Marks {
    let Type { name, lesser, greater, .. } = of;
    let builder = Database::builder().shards(2).memory_limit(256 << 20);
    let builder = builder.connectors(sluicedb_ingest::connectors());
    let database = builder.start(&Plan::empty()).expect("a database in memory opens");
    let run = |text: &str| {
        database.execute(text).unwrap_or_else(|error| panic!("{error} in {text}"));
    };
    run(&format!(
        "CREATE SOURCE s (id INT, ts TIMESTAMP NOT NULL, c {name}) WITH (watermark = 'ts')"
    ));
    run("CREATE MATERIALIZED VIEW everything AS SELECT id, c FROM s");
    let views = PLACES.iter().enumerate().map(|(at, (_, query, _))| {
        let query = query.replace("{lesser}", lesser).replace("{type}", name);
        let create = format!("CREATE MATERIALIZED VIEW v{at} AS {query}");
        database.execute(&create).map(|_| ()).map_err(|error| reason(error, name))
    });
    let views: Vec<Result<(), String>> = views.collect();
    let files = Files::create(&database, name);
    let join = join(&database);
    run(&format!(
        "INSERT INTO s VALUES (1, '2024-01-01 00:00:01', {lesser}), (2, '2024-01-01 00:00:02', {greater}), \
         (3, '2024-01-01 00:00:03', NULL), (4, '2024-01-01 00:00:04', {greater})"
    ));
    let all = rows(&database, "SELECT * FROM everything ORDER BY id", name).expect("it is a view");
    let ends = [all[0][1].clone(), all[1][1].clone()];
    let mut marks = Marks::default();
    for (at, ((place, _, wanted), created)) in PLACES.iter().zip(views).enumerate() {
        let found = created.and_then(|()| rows(&database, &format!("SELECT * FROM v{at}"), name));
        marks.mark(place, name, found.map(|found| fits(&found, *wanted, &ends)));
    }
    // Pairs of equal values: one of the lesser, four of the greater; NULL has none.
    let joined = join.and_then(|()| rows(&database, "SELECT * FROM joined", name));
    marks.mark("join key", name, joined.map(|rows| rows.len() == 5));
    files.check(&database, of, &all, &mut marks);
    marks
}

/// The relation joined with itself on the column, as a plan.
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
    let places = PLACES.iter().map(|(place, _, _)| *place).chain(["join key"]).chain(files::PLACES);
    println!("places, in order: {}", places.collect::<Vec<_>>().join(", "));
    let (mut wrong, mut holes) = (Vec::new(), BTreeMap::<_, Vec<&str>>::new());
    for of in TYPES {
        let found = of_type(&of);
        println!("{:<22} {}", of.name, found.marks.join(" "));
        wrong.extend(found.wrong);
        for hole in found.holes {
            holes.entry(hole).or_default().push(of.name);
        }
    }
    println!("holes, each refused by name:");
    for ((place, why), types) in holes {
        println!("  {place}: {why}: {}", types.join(", "));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

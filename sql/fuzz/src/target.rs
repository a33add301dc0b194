//! What is done with a text: read, decided over a catalog with relations of many types, and run
//! where it runs once.

use sluicedb_sql::catalog::{Catalog, Decision};
use sluicedb_sql::dialect;

/// The relations that there are: those that most scripts name.
const BEFORE: &[&str] = &[
    "CREATE SOURCE s (id INT, k TEXT, x INT, t TEXT, g INT, n BIGINT, d DECIMAL(12,2), r REAL, f DOUBLE, b BOOLEAN, \
     da DATE, ti TIME, ts TIMESTAMP, tz TIMESTAMPTZ, iv INTERVAL, u UUID, by BYTEA, j JSON, a INT[], \
     m MAP<TEXT, TEXT>, st STRUCT<x INT, y TEXT>, WATERMARK FOR ts AS ts - INTERVAL '5' SECOND)",
    "CREATE SOURCE trades (symbol TEXT, price DECIMAL(10,2), volume BIGINT, ts TIMESTAMP) WITH (watermark = 'ts')",
    "CREATE MATERIALIZED VIEW everything AS SELECT * FROM s",
    "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n, sum(x) AS s FROM s GROUP BY k",
    "CREATE STREAM bars AS SELECT symbol, window_start, sum(volume) AS v FROM trades \
     GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE)",
];

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is no statement, or one that is not carried out.
    Refused,
    /// It would be carried out.
    Decided,
    /// It ran.
    Ran,
}

pub(crate) struct Target {
    catalog: Catalog,
}

impl Target {
    pub(crate) fn new() -> Target {
        let mut catalog = Catalog::new();
        for text in BEFORE {
            let parsed = dialect::parse(text).expect("written above");
            let decision = catalog.decide(&parsed[0], text, &|_| None).expect("written above");
            let Decision::Change(change) = decision else { unreachable!("each creates something") };
            catalog = change.catalog;
        }
        Target { catalog }
    }

    pub(crate) fn run(&self, text: &str) -> Outcome {
        // What editors ask while somebody types.
        let _ = dialect::is_unfinished(text);
        let Ok(parsed) = dialect::parse(text) else { return Outcome::Refused };
        let (mut catalog, mut outcome) = (self.catalog.clone(), Outcome::Refused);
        for statement in &parsed {
            let variable = |name: &str| Some(format!("value of {name}"));
            let decided = dialect::deep(|| catalog.decide(statement, text, &variable));
            match decided {
                Err(error) => {
                    assert!(error.position.is_none_or(|at| at <= text.len()), "{text}");
                    return Outcome::Refused;
                }
                Ok(Decision::Change(change)) => {
                    let _ = change.catalog.plan().explain();
                    catalog = change.catalog;
                    outcome = Outcome::Decided;
                }
                Ok(Decision::Query(query)) => {
                    let _ = query.explain(&catalog);
                    // No relation has rows: what is computed is what needs none.
                    let ran = query.run(|_| Ok(Vec::new()));
                    outcome = if ran.is_ok() { Outcome::Ran } else { Outcome::Refused };
                }
                Ok(_) => outcome = Outcome::Decided,
            }
        }
        outcome
    }
}

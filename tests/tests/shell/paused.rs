//! Queries that stand still while what they read goes on.

use sluicedb::db::{Database, Outcome, Value, values};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::small;
use crate::watchdog::within;

/// What is said of a statement.
fn said(db: &Database, text: &str) -> String {
    let outcome = db.execute(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let Outcome::Done(done) = outcome else { panic!("{text}: it is done") };
    done.notices.into_iter().map(|notice| notice.message).collect::<Vec<_>>().join("; ")
}

fn run(db: &Database, statements: &[&str]) {
    statements.iter().for_each(|text| drop(said(db, text)));
}

fn rows(db: &Database, query: &str) -> Vec<Vec<String>> {
    let found = db.query(query).unwrap();
    let row = |row: Vec<Value>| row.iter().map(Value::to_string).collect();
    found.batches.iter().flat_map(values).map(row).collect()
}

const BOOK: &[&str] = &[
    "CREATE SOURCE trades (symbol TEXT, amount BIGINT)",
    "CREATE MATERIALIZED VIEW totals AS SELECT symbol, sum(amount) AS total FROM trades GROUP BY symbol",
    "CREATE MATERIALIZED VIEW largest AS SELECT max(total) AS most FROM totals",
    "CREATE MATERIALIZED VIEW counts AS SELECT symbol, count(*) AS n FROM trades GROUP BY symbol",
    "INSERT INTO trades VALUES ('a', 1), ('b', 2)",
];
const TOTALS: &str = "SELECT symbol, total FROM totals ORDER BY symbol";

#[test]
fn a_query_stands_still_over_restarts_and_is_given_what_it_missed() {
    within("a paused view in a directory", || {
        for shards in [1, 2] {
            let place = Place::new(&format!("paused-{shards}"));
            let open = || small(shards).directory(place.path()).start(&Plan::empty()).unwrap();
            let db = open();
            run(&db, BOOK);
            let told = said(&db, "PAUSE totals");
            assert_eq!(told, "what reads it is given nothing meanwhile: largest");
            run(&db, &["INSERT INTO trades VALUES ('a', 10), ('c', 3)"]);
            drop(db);
            let db = open();
            assert_eq!(rows(&db, TOTALS), [["a", "1"], ["b", "2"]]);
            assert_eq!(said(&db, "PAUSE totals"), "materialized view \"totals\" is paused already");
            run(&db, &["INSERT INTO trades VALUES ('b', 100)"]);
            assert_eq!(rows(&db, TOTALS), [["a", "1"], ["b", "2"]]);
            assert_eq!(rows(&db, "SELECT n FROM counts WHERE symbol = 'b'"), [["2"]]);
            let state = "SELECT state FROM sluice.views WHERE name = 'totals'";
            assert_eq!(rows(&db, state), [["paused"]]);
            drop(db);
            let db = open();
            assert_eq!(said(&db, "RESUME totals"), "");
            let caught_up = [["a", "11"], ["b", "102"], ["c", "3"]];
            assert_eq!(rows(&db, TOTALS), caught_up);
            drop(db);
            let db = open();
            assert_eq!(rows(&db, TOTALS), caught_up);
            assert_eq!(rows(&db, "SELECT most FROM largest"), [["102"]]);
            assert_eq!(rows(&db, state), [["running"]]);
        }
    });
}

#[test]
fn who_goes_on_hears_how_many_rows_are_gone() {
    within("rows that are gone for a paused view", || {
        let db = small(1).start(&Plan::empty()).unwrap();
        run(
            &db,
            &[
                "CREATE SOURCE few (a INT) WITH (retain = 3)",
                "CREATE MATERIALIZED VIEW seen AS SELECT count(*) AS n FROM few",
                "INSERT INTO few VALUES (1), (2), (3), (4), (5)",
                "PAUSE seen",
                "INSERT INTO few VALUES (6), (7)",
            ],
        );
        assert_eq!(said(&db, "RESUME seen"), "");
        assert_eq!(rows(&db, "SELECT n FROM seen"), [["7"]]);
        run(&db, &["PAUSE seen", "INSERT INTO few VALUES (1), (2), (3), (4), (5), (6), (7)"]);
        let told = "4 older rows of \"few\" are gone and are not in the result";
        assert_eq!(said(&db, "RESUME seen"), told);
        assert_eq!(rows(&db, "SELECT n FROM seen"), [["10"]]);
    });
}

#[test]
fn subscribers_hear_nothing_meanwhile_and_then_all_of_it() {
    within("the changes of a paused stream", || {
        let db = small(2).start(&Plan::empty()).unwrap();
        run(
            &db,
            &["CREATE SOURCE s (a INT)", "CREATE STREAM odd AS SELECT a FROM s WHERE a % 2 = 1"],
        );
        let Outcome::Changes(mut changes) = db.execute("SUBSCRIBE TO odd").unwrap() else {
            panic!("it is followed")
        };
        let mut heard = || {
            db.flush().unwrap();
            let mut found = Vec::new();
            while let Some(set) = changes.try_next().unwrap() {
                let rows = set.changes();
                let row = |row| (rows.row(row).value(0).to_string(), rows.weight(row));
                found.extend((0..rows.len()).map(row));
            }
            found.sort();
            found
        };
        run(&db, &["INSERT INTO s VALUES (1), (2)"]);
        assert_eq!(heard(), [("1".to_owned(), 1)]);
        run(&db, &["PAUSE STREAM odd", "INSERT INTO s VALUES (3), (4), (5)"]);
        assert_eq!(heard(), []);
        run(&db, &["RESUME STREAM odd"]);
        assert_eq!(heard(), [("3".to_owned(), 1), ("5".to_owned(), 1)]);
        run(&db, &["INSERT INTO s VALUES (7)"]);
        assert_eq!(heard(), [("7".to_owned(), 1)]);
    });
}

#[test]
fn so_many_stand_still_over_one_source_as_it_remembers_places_of() {
    within("many paused views", || {
        let db = small(1).start(&Plan::empty()).unwrap();
        run(&db, &["CREATE SOURCE s (a INT)"]);
        for at in 0..65 {
            run(&db, &[&format!("CREATE STREAM v{at} AS SELECT a + {at} AS a FROM s")]);
        }
        for at in 0..64 {
            run(&db, &[&format!("PAUSE v{at}")]);
        }
        let refused = db.execute("PAUSE v64").map(drop).unwrap_err().to_string();
        assert!(refused.contains("queries on one source that stand still"), "{refused}");
        // One that goes on, or away, leaves its place to another.
        run(&db, &["RESUME v7", "PAUSE v64", "DROP STREAM v64", "PAUSE v7"]);
        let paused = "SELECT count(*) FROM sluice.streams WHERE state = 'paused'";
        assert_eq!(rows(&db, paused), [["64"]]);
    });
}

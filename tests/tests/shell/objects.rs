//! What SQL creates in a directory is there when the directory is opened again.

use sluicedb::db::{Builder, Database, Outcome, Value, values};
use sluicedb::plan::Plan;

use crate::child::{argument, is_child, start};
use crate::directory::Place;
use crate::fixture::small;
use crate::watchdog::within;

fn builder(place: &Place, shards: usize) -> Builder {
    small(shards).directory(place.path())
}

fn open(place: &Place, shards: usize) -> Database {
    builder(place, shards).start(&Plan::empty()).unwrap()
}

fn rows(db: &Database, query: &str) -> Vec<Vec<Value>> {
    db.query(query).unwrap().batches.iter().flat_map(values).collect()
}

fn run(db: &Database, statements: &[&str]) {
    for statement in statements {
        db.execute(statement).unwrap_or_else(|error| panic!("{statement}: {error}"));
    }
}

fn text(text: &str) -> Value {
    Value::Text(text.into())
}

fn total(key: &str, sum: i64) -> Vec<Value> {
    vec![text(key), Value::BigInt(sum)]
}

const BOOK: &[&str] = &[
    "CREATE SOURCE trades (symbol TEXT, amount BIGINT)",
    "CREATE MATERIALIZED VIEW totals AS SELECT symbol, sum(amount)::BIGINT AS total FROM trades GROUP BY symbol",
    "INSERT INTO trades VALUES ('a', 1), ('b', 2)",
];

const TOTALS: &str = "SELECT symbol, total FROM totals ORDER BY symbol";

#[test]
fn objects_and_rows_are_there_again() {
    within("objects in a directory", || {
        for shards in [1, 2] {
            let place = Place::new(&format!("objects-{shards}"));
            run(&open(&place, shards), BOOK);
            let db = open(&place, shards);
            assert_eq!(rows(&db, TOTALS), [total("a", 1), total("b", 2)]);
            run(&db, &["INSERT INTO trades VALUES ('a', 10), ('c', 3)"]);
            run(
                &db,
                &["CREATE MATERIALIZED VIEW largest AS SELECT max(total) AS most FROM totals"],
            );
            drop(db);
            let db = open(&place, shards);
            assert_eq!(rows(&db, TOTALS), [total("a", 11), total("b", 2), total("c", 3)]);
            assert_eq!(rows(&db, "SELECT most FROM largest"), [[Value::BigInt(11)]]);
            let named = "SELECT name FROM sluice.views ORDER BY name";
            assert_eq!(rows(&db, named), [[text("largest")], [text("totals")]]);
        }
    });
}

#[test]
fn what_was_dropped_stays_away_and_what_takes_its_place_is_whole() {
    within("drops in a directory", || {
        let place = Place::new("objects-dropped");
        let db = open(&place, 2);
        run(&db, BOOK);
        let other = "CREATE MATERIALIZED VIEW counts AS SELECT symbol, count(*) AS n FROM trades GROUP BY symbol";
        run(&db, &[other, "DROP MATERIALIZED VIEW totals"]);
        drop(db);
        let db = open(&place, 2);
        assert!(db.query(TOTALS).unwrap_err().to_string().contains("totals"));
        run(&db, &["DROP SOURCE trades CASCADE", BOOK[0], BOOK[1]]);
        run(&db, &["INSERT INTO trades VALUES ('z', 7)"]);
        drop(db);
        let db = open(&place, 2);
        assert_eq!(rows(&db, TOTALS), [total("z", 7)]);
        run(&db, &["INSERT INTO trades VALUES ('z', 1)"]);
        assert_eq!(rows(&db, TOTALS), [total("z", 8)]);
    });
}

#[test]
fn statements_that_run_nothing_are_kept_too() {
    within("comments and views in a directory", || {
        let place = Place::new("objects-said");
        let db = open(&place, 1);
        run(&db, BOOK);
        run(&db, &["CREATE VIEW big AS SELECT * FROM totals WHERE total > 1"]);
        run(&db, &["COMMENT ON MATERIALIZED VIEW totals IS 'sums'"]);
        drop(db);
        let db = open(&place, 1);
        assert_eq!(rows(&db, "SELECT symbol FROM big"), [[text("b")]]);
        assert_eq!(db.objects().object("totals").unwrap().comment.as_deref(), Some("sums"));
    });
}

#[test]
fn a_statement_that_was_refused_leaves_no_trace() {
    within("a refused statement in a directory", || {
        let place = Place::new("objects-refused");
        let db = open(&place, 1);
        run(&db, BOOK);
        assert!(db.execute("CREATE STREAM s AS SELECT nothing FROM trades").is_err());
        let outside = db.execute("CREATE SOURCE made (a BIGINT) FROM GENERATOR (rows = 5)");
        let Err(error) = outside else { panic!("a source that nobody reads was accepted") };
        assert!(error.to_string().contains("outside"), "{error}");
        drop(db);
        let db = open(&place, 1);
        assert_eq!(rows(&db, TOTALS), [total("a", 1), total("b", 2)]);
        assert!(db.objects().object("made").is_none() && db.objects().object("s").is_none());
    });
}

#[test]
fn a_directory_says_which_statement_lacks_what_it_needs() {
    within("a function that is not there", || {
        let place = Place::new("objects-lacking");
        let twice = |args: &[arrow::array::ArrayRef]| Ok(args[0].clone());
        let of = [sluicedb::db::DataType::BigInt];
        let with = || builder(&place, 1).scalar_function("same", &of, of[0], twice);
        let db = with().start(&Plan::empty()).unwrap();
        run(&db, &[BOOK[0], "CREATE STREAM s AS SELECT same(amount) AS it FROM trades"]);
        drop(db);
        let Err(error) = builder(&place, 1).start(&Plan::empty()) else {
            panic!("it was opened without a function that a query calls")
        };
        let error = error.to_string();
        assert!(error.contains("same") && error.contains("CREATE STREAM s"), "{error}");
        let db = with().start(&Plan::empty()).unwrap();
        assert!(db.objects().object("s").is_some());
    });
}

const KILLED: &str = "objects::what_returned_before_a_kill_is_there";

/// The child creates and inserts, tells each statement that returned, and is killed in the middle.
#[test]
fn what_returned_before_a_kill_is_there() {
    if is_child(KILLED) {
        let db = small(2).directory(argument()).start(&Plan::empty()).unwrap();
        run(&db, &BOOK[..2]);
        println!("begun");
        for number in 0.. {
            let view = format!(
                "CREATE MATERIALIZED VIEW v{number} AS SELECT symbol, count(*) AS n FROM trades GROUP BY symbol"
            );
            run(&db, &[&view, &format!("INSERT INTO trades VALUES ('k', {number})")]);
            println!("{number}");
        }
    }
    within("kills between statements", || {
        use std::io::BufRead as _;
        for kill_at in [1, 4, 9] {
            let place = Place::new(&format!("objects-killed-{kill_at}"));
            let mut child = start(KILLED, place.path().to_str().unwrap());
            let output = std::io::BufReader::new(child.stdout.take().unwrap());
            let told =
                output.lines().map(Result::unwrap).filter_map(|line| line.parse::<i64>().ok());
            let last = told.take(kill_at).last().unwrap();
            child.kill().unwrap();
            child.wait().unwrap();
            let db = open(&place, 2);
            let sum = (0..=last).sum::<i64>();
            let Value::BigInt(found) = rows(&db, TOTALS)[0][1] else { panic!("a sum") };
            assert!(found >= sum, "{found} of {sum} after {last}");
            for number in 0..=last {
                let name = format!("v{number}");
                assert!(db.objects().object(&name).is_some(), "{name} returned and is gone");
            }
            assert!(matches!(db.execute("DROP SOURCE trades CASCADE").unwrap(), Outcome::Done(_)));
        }
    });
}

//! Aggregates of the application's, called from SQL.

use sluicedb::db::{
    Aggregate, AggregateArgs, AggregateOutput, AggregateState, Builder, DataType, Database, Error,
    Retract, Value, values,
};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::small;

/// The greatest value less the least, whatever came; it cannot take back either.
struct Spread;

impl Aggregate for Spread {
    type Args<'a> = (i64,);
    type State = (i64, i64);
    type Output = Option<i64>;

    fn begin(&self) -> (i64, i64) {
        (i64::MAX, i64::MIN)
    }

    fn add(&self, (low, high): &mut (i64, i64), (value,): (i64,)) {
        (*low, *high) = (value.min(*low), value.max(*high));
    }

    fn merge(&self, into: &mut (i64, i64), from: &(i64, i64)) {
        *into = (from.0.min(into.0), from.1.max(into.1));
    }

    fn finish(&self, (low, high): &(i64, i64)) -> Option<i64> {
        high.checked_sub(*low).filter(|_| low <= high)
    }
}

/// The sum of price times size, as hundredths; panics at a price of 666 and where the sum is 13.
struct Paid;

impl Aggregate for Paid {
    type Args<'a> = (i64, Option<i64>);
    type State = i128;
    type Output = i128;

    fn begin(&self) -> i128 {
        0
    }

    fn add(&self, paid: &mut i128, (price, size): (i64, Option<i64>)) {
        assert_ne!(price, 666, "the number of the beast");
        *paid += i128::from(price) * i128::from(size.unwrap_or(100));
    }

    fn merge(&self, into: &mut i128, from: &i128) {
        *into += from;
    }

    fn finish(&self, paid: &i128) -> i128 {
        assert_ne!(*paid, 13, "thirteen is refused");
        *paid
    }
}

impl Retract for Paid {
    fn retract(&self, paid: &mut i128, (price, size): (i64, Option<i64>)) {
        assert_ne!(price, 777, "a price to keep");
        *paid -= i128::from(price) * i128::from(size.unwrap_or(100));
    }
}

const MONEY: DataType = DataType::Decimal { precision: 20, scale: 2 };

fn with_functions(builder: Builder) -> Builder {
    builder
        .aggregate_function("spread", &[DataType::BigInt], DataType::BigInt, Spread)
        .retractable_aggregate_function("paid", &[DataType::BigInt; 2], MONEY, Paid)
}

fn database(shards: usize) -> Database {
    let db = with_functions(small(shards)).start(&Plan::empty()).unwrap();
    db.execute(
        "CREATE SOURCE t (k TEXT, p BIGINT, n BIGINT, ts TIMESTAMP, WATERMARK FOR ts AS ts)",
    )
    .unwrap();
    db
}

fn rows(db: &Database, query: &str) -> Vec<String> {
    let found = db.query(query).unwrap_or_else(|error| panic!("{query}: {error}"));
    let row = |row: Vec<Value>| {
        let cells: Vec<String> = row.iter().map(Value::to_string).collect();
        cells.join(" ")
    };
    found.batches.iter().flat_map(values).map(row).collect()
}

/// The state, the message and the hint of a refusal.
fn refused<T>(result: Result<T, Error>) -> String {
    result.map(drop).unwrap_err().to_string()
}

const TRADES: &str = "INSERT INTO t VALUES
    ('a', 10, 2, TIMESTAMP '2024-01-01 00:00:01'), ('b', 7, 1, TIMESTAMP '2024-01-01 00:00:02'),
    ('a', 4, NULL, TIMESTAMP '2024-01-01 00:00:03'), ('a', NULL, 5, TIMESTAMP '2024-01-01 00:00:04'),
    (NULL, 3, 3, TIMESTAMP '2024-01-01 00:00:11'), ('a', 25, 1, TIMESTAMP '2024-01-01 00:00:12'),
    ('b', 9, -1, TIMESTAMP '2024-01-01 00:00:19'), ('b', 1, 1, TIMESTAMP '2024-01-01 00:00:31'),
    ('a', -5, 4, TIMESTAMP '2024-01-01 00:00:33'), ('b', 2, 2, TIMESTAMP '2024-01-01 00:01:10')";

#[test]
fn it_gives_in_windows_and_without_what_it_gives_when_the_rows_are_asked_for() {
    const CALLS: &str = "spread(p) AS s, paid(p, n) AS m, spread(p) FILTER (WHERE n > 0) AS f, \
                         count(*) AS c, paid(p * 2, 1) FILTER (WHERE p > 5) AS g";
    for shards in [1, 2] {
        let db = database(shards);
        let second = |seconds: i64| format!("INTERVAL '{seconds}' SECOND");
        let (two, four, eight) = (second(2), second(10), second(20));
        let windows = [
            String::new(),
            format!("tumble(ts, {four})"),
            format!("hop(ts, {eight}, {four})"),
            format!("session(ts, {four})"),
            format!("cumulate(ts, {two}, {four})"),
        ];
        let mut queries = Vec::new();
        for window in &windows {
            for key in ["k", ""] {
                let all = [key, window.as_str()];
                let group: Vec<&str> = all.into_iter().filter(|part| !part.is_empty()).collect();
                let shown = if window.is_empty() { "" } else { "window_start, window_end, " };
                let shown = format!("{shown}{}", if key.is_empty() { "" } else { "k, " });
                let by = if group.is_empty() { "" } else { "GROUP BY " };
                queries.push(format!("SELECT {shown}{CALLS} FROM t {by}{}", group.join(", ")));
            }
        }
        for (at, query) in queries.iter().enumerate() {
            db.execute(&format!("CREATE MATERIALIZED VIEW v{at} AS {query}")).unwrap();
            let closed =
                format!("CREATE MATERIALIZED VIEW closed{at} AS {query} EMIT ON WINDOW CLOSE");
            if query.contains("ts,") {
                db.execute(&closed).unwrap();
            }
        }
        db.execute(TRADES).unwrap();
        // Closes all windows, and has a price that nobody adds.
        db.execute("INSERT INTO t VALUES ('z', NULL, 0, TIMESTAMP '2025-01-01 00:00:00')").unwrap();
        let sorted = |query: &str| {
            let mut found = rows(&db, query);
            found.retain(|row| !row.contains("2025"));
            found.sort();
            found
        };
        for (at, query) in queries.iter().enumerate() {
            let expected = sorted(query);
            assert!(!expected.is_empty(), "{query} has rows");
            assert_eq!(sorted(&format!("SELECT * FROM v{at}")), expected, "{query}");
            if query.contains("ts,") {
                let closed = sorted(&format!("SELECT * FROM closed{at}"));
                assert_eq!(closed, expected, "{query} EMIT ON WINDOW CLOSE");
            }
        }
        // Thought out by hand: 10 * 2 + 4 * 100 + 25 * 1 - 5 * 4 hundredths for a, and so on.
        let by_key = ["NULL 0 0.09 0 1 0.00", "a 30 4.25 30 5 0.70", "b 8 0.03 6 4 0.32"];
        let mut found = sorted("SELECT * FROM v0");
        found.retain(|row| !row.starts_with('z'));
        assert_eq!(found, by_key);
        assert_eq!(sorted("SELECT * FROM v1"), ["30 4.37 30 11 1.02"]);
    }
}

#[test]
fn one_that_takes_rows_back_follows_a_view_and_one_that_does_not_is_refused_there() {
    let db = database(2);
    db.execute(
        "CREATE MATERIALIZED VIEW sums AS SELECT k, CAST(sum(p) AS BIGINT) AS p FROM t GROUP BY k",
    )
    .unwrap();
    db.execute(
        "CREATE MATERIALIZED VIEW by_sum AS \
         SELECT p % 10 AS last, paid(p, 1) AS m, count(*) AS c FROM sums GROUP BY p % 10",
    )
    .unwrap();
    db.execute("CREATE MATERIALIZED VIEW whole AS SELECT paid(p, 1) AS m FROM sums").unwrap();
    let insert = |rows: &[(&str, i64)]| {
        let rows: Vec<String> = rows
            .iter()
            .map(|(k, p)| format!("('{k}', {p}, 1, TIMESTAMP '2024-01-01 00:00:00')"))
            .collect();
        db.execute(&format!("INSERT INTO t VALUES {}", rows.join(", "))).unwrap();
    };
    let by_sum = || rows(&db, "SELECT * FROM by_sum ORDER BY last");
    insert(&[("a", 11), ("b", 21), ("c", 5)]);
    assert_eq!(by_sum(), ["1 0.32 2", "5 0.05 1"]);
    assert_eq!(rows(&db, "SELECT * FROM whole"), ["0.37"]);
    // Each leaves its group for another: one group shrinks, one goes, one comes.
    insert(&[("a", 4), ("c", 3)]);
    assert_eq!(by_sum(), ["1 0.21 1", "5 0.15 1", "8 0.08 1"]);
    insert(&[("b", 7)]);
    assert_eq!(by_sum(), ["5 0.15 1", "8 0.36 2"]);
    assert_eq!(rows(&db, "SELECT * FROM whole"), ["0.51"]);
    let bounded = "SELECT p % 10 AS last, paid(p, 1) AS m, count(*) AS c FROM sums \
                   GROUP BY p % 10 ORDER BY last";
    assert_eq!(rows(&db, bounded), by_sum());
    let query = "CREATE MATERIALIZED VIEW no AS SELECT spread(p) AS s FROM sums";
    let said = refused(db.execute(query));
    assert!(said.contains("spread cannot take rows back (0A000)"), "{said}");
    assert!(said.contains("retractable_aggregate_function"), "{said}");
    let Err(Error::Sql(error)) = db.execute(query).map(drop) else { panic!("it was refused") };
    assert_eq!(error.position, query.find("spread"));
    // Once asked for, the rows do not change.
    assert_eq!(rows(&db, "SELECT spread(p) FROM sums"), ["20"]);
}

#[test]
fn a_panic_costs_a_group_its_row_and_the_database_goes_on() {
    let db = database(2);
    let by_key = "SELECT k, paid(p, n) AS m, count(*) AS c FROM t GROUP BY k";
    db.execute(&format!("CREATE MATERIALIZED VIEW v AS {by_key}")).unwrap();
    db.execute("CREATE MATERIALIZED VIEW others AS SELECT k, sum(p) AS s FROM t GROUP BY k")
        .unwrap();
    let insert = |k: &str, p: i64| {
        let values = format!("('{k}', {p}, 1, TIMESTAMP '2024-01-01 00:00:00')");
        db.execute(&format!("INSERT INTO t VALUES {values}")).unwrap();
    };
    let found = |view: &str| rows(&db, &format!("SELECT * FROM {view} ORDER BY k"));
    insert("a", 1);
    insert("b", 2);
    assert_eq!(found("v"), ["a 0.01 1", "b 0.02 1"]);
    insert("a", 666);
    insert("a", 3);
    insert("b", 3);
    assert_eq!(found("v"), ["b 0.05 2"]);
    assert_eq!(found("others"), ["a 670", "b 5"]);
    assert_eq!(db.stats().dead_letters, 1);
    let letters = rows(&db, "SELECT reason FROM sluice.dead_letters");
    assert_eq!(letters.len(), 1);
    assert!(letters[0].contains("an aggregate of the application's failed"), "{letters:?}");
    // A result that cannot be given is not there; the next one is.
    insert("b", 8);
    assert_eq!(found("v"), [""; 0]);
    insert("b", 1);
    assert_eq!(found("v"), ["b 0.14 4"]);
    let said = refused(db.query(by_key));
    assert!(said.contains("function paid: it panicked: ") && said.contains("(38000)"), "{said}");
    db.close().unwrap();
}

#[test]
fn a_group_that_failed_is_there_again_once_its_rows_are_taken_back() {
    let db = database(1);
    db.execute(
        "CREATE MATERIALIZED VIEW sums AS SELECT k, CAST(sum(p) AS BIGINT) AS p FROM t GROUP BY k",
    )
    .unwrap();
    db.execute("CREATE MATERIALIZED VIEW odd AS SELECT p % 2 AS o, paid(p, 1) AS m FROM sums GROUP BY p % 2")
        .unwrap();
    let insert = |k: &str, p: i64| {
        let values = format!("('{k}', {p}, 1, TIMESTAMP '2024-01-01 00:00:00')");
        db.execute(&format!("INSERT INTO t VALUES {values}")).unwrap();
    };
    let found = || rows(&db, "SELECT * FROM odd ORDER BY o");
    insert("a", 666);
    insert("b", 5);
    assert_eq!(found(), ["1 0.05"]);
    insert("a", 1);
    insert("c", 4);
    assert_eq!(found(), ["0 0.04", "1 6.72"]);
    // What cannot be taken back fails too, and so does its group until it is empty.
    insert("a", 110);
    assert_eq!(found(), ["0 0.04", "1 7.82"]);
    insert("a", 1);
    assert_eq!(found(), ["0 7.82"]);
    insert("b", 1);
    assert_eq!(found(), ["0 7.88"]);
    insert("c", 1);
    assert_eq!(found(), ["0 7.84", "1 0.05"]);
}

#[test]
fn states_are_there_when_a_directory_is_opened_again_with_the_same_functions() {
    let place = Place::new("aggregates");
    let builder = || small(2).directory(place.path());
    let open = || with_functions(builder()).start(&Plan::empty());
    let db = open().unwrap();
    db.execute("CREATE SOURCE t (k TEXT, p BIGINT, n BIGINT)").unwrap();
    db.execute(
        "CREATE MATERIALIZED VIEW v AS SELECT k, spread(p) AS s, paid(p, n) AS m FROM t GROUP BY k",
    )
    .unwrap();
    db.execute("CREATE MATERIALIZED VIEW w AS SELECT s, paid(s, 1) AS m FROM v GROUP BY s")
        .unwrap();
    db.execute("INSERT INTO t VALUES ('a', 1, 1), ('b', 10, 1), ('a', 5, NULL)").unwrap();
    db.close().unwrap();

    let db = open().unwrap();
    assert_eq!(rows(&db, "SELECT * FROM v ORDER BY k"), ["a 4 5.01", "b 0 0.10"]);
    db.execute("INSERT INTO t VALUES ('a', -1, 1), ('b', 16, 1)").unwrap();
    assert_eq!(rows(&db, "SELECT * FROM v ORDER BY k"), ["a 6 5.00", "b 6 0.26"]);
    assert_eq!(rows(&db, "SELECT * FROM w"), ["6 0.12"]);
    db.close().unwrap();

    let said = refused(builder().start(&Plan::empty()));
    assert!(said.contains("function spread does not exist"), "{said}");
    assert!(said.contains("before the directory is opened: Builder::"), "{said}");
    let half =
        builder().aggregate_function("spread", &[DataType::BigInt], DataType::BigInt, Spread);
    let said = refused(half.start(&Plan::empty()));
    assert!(said.contains("function paid does not exist"), "{said}");
    // The other kind of it keeps something else of each row.
    let other = builder()
        .aggregate_function("spread", &[DataType::BigInt], DataType::BigInt, Sized::<3>)
        .retractable_aggregate_function("paid", &[DataType::BigInt; 2], MONEY, Paid);
    let said = refused(other.start(&Plan::empty()));
    assert!(said.contains("another plan"), "{said}");

    let db = open().unwrap();
    assert_eq!(rows(&db, "SELECT * FROM v ORDER BY k"), ["a 6 5.00", "b 6 0.26"]);
    db.close().unwrap();
}

/// Counts, in a state of some words.
struct Sized<const WORDS: usize>;

impl<const WORDS: usize> Aggregate for Sized<WORDS> {
    type Args<'a> = (i64,);
    type State = [u64; WORDS];
    type Output = i64;

    fn begin(&self) -> [u64; WORDS] {
        [0; WORDS]
    }

    fn add(&self, state: &mut [u64; WORDS], _: (i64,)) {
        state[WORDS - 1] += 1;
    }

    fn merge(&self, into: &mut [u64; WORDS], from: &[u64; WORDS]) {
        into[WORDS - 1] += from[WORDS - 1];
    }

    fn finish(&self, state: &[u64; WORDS]) -> i64 {
        state[WORDS - 1] as i64
    }
}

/// The longest text, or what there is none of.
struct Longest;

/// A text of at most sixty bytes.
struct Short([u8; 60], u8);

impl AggregateState for Short {
    const BYTES: usize = <([u8; 60], u8)>::BYTES;

    fn write(&self, bytes: &mut [u8]) {
        (self.0, self.1).write(bytes);
    }

    fn read(bytes: &[u8]) -> Short {
        let (text, length) = AggregateState::read(bytes);
        Short(text, length)
    }
}

impl Aggregate for Longest {
    type Args<'a> = (&'a str,);
    type State = Short;
    type Output = String;

    fn begin(&self) -> Short {
        Short([0; 60], 0)
    }

    fn add(&self, state: &mut Short, (text,): (&str,)) {
        let bytes = &text.as_bytes()[..text.len().min(60)];
        if bytes.len() > usize::from(state.1) {
            state.0[..bytes.len()].copy_from_slice(bytes);
            state.1 = bytes.len() as u8;
        }
    }

    fn merge(&self, into: &mut Short, from: &Short) {
        if from.1 > into.1 {
            *into = Short(from.0, from.1);
        }
    }

    fn finish(&self, state: &Short) -> String {
        String::from_utf8_lossy(&state.0[..usize::from(state.1)]).into_owned()
    }
}

#[test]
fn states_as_large_as_they_may_be_lie_beside_each_other() {
    let db = small(1)
        .aggregate_function("large", &[DataType::BigInt], DataType::BigInt, Sized::<125>)
        .aggregate_function("small", &[DataType::BigInt], DataType::BigInt, Sized::<1>)
        .aggregate_function("longest", &[DataType::Text], DataType::Text, Longest)
        .start(&Plan::empty())
        .unwrap();
    db.execute("CREATE SOURCE t (k BIGINT, x TEXT)").unwrap();
    db.execute(
        "CREATE MATERIALIZED VIEW v AS SELECT k % 500 AS k, large(k) AS a, small(k) AS b, \
         large(k + 1) FILTER (WHERE k < 700) AS c, longest(x) AS d FROM t GROUP BY k % 500",
    )
    .unwrap();
    db.execute("INSERT INTO t SELECT i, 'text ' || i FROM generate_series(1, 1200) AS g (i)")
        .unwrap();
    assert_eq!(rows(&db, "SELECT count(*) FROM v WHERE a = 3 AND b = 3"), ["200"]);
    assert_eq!(
        rows(&db, "SELECT * FROM v WHERE k IN (1, 499) ORDER BY k"),
        ["1 3 3 2 text 1001", "499 2 2 1 text 499",]
    );
    let text = db.query("SELECT longest('short') AS x, longest(NULL) AS none").unwrap();
    assert_eq!(values(&text.batches[0]), [[Value::text("short"), Value::text("")]]);
}

#[test]
fn what_cannot_be_registered_or_called_is_refused_by_name() {
    fn start<A: Aggregate>(name: &str, args: &[DataType], result: DataType, of: A) -> String
    where
        for<'a> A::Args<'a>: AggregateArgs<'a>,
        A::Output: AggregateOutput,
    {
        refused(
            with_functions(small(1))
                .aggregate_function(name, args, result, of)
                .start(&Plan::empty()),
        )
    }
    let (big, text) = (DataType::BigInt, DataType::Text);
    assert!(start("sum", &[big], big, Spread).contains("function sum already exists"));
    assert!(start("spread", &[big], big, Spread).contains("function spread already exists"));
    assert!(start("Bad", &[big], big, Spread).contains("cannot be a function's name"));
    assert!(
        start("s", &[text], big, Spread).contains("argument 1 of s is TEXT and is read as i64")
    );
    assert!(start("s", &[big; 2], big, Spread).contains("with 2 arguments and takes 1"));
    assert!(start("s", &[big], text, Spread).contains("the result of s is TEXT"));
    assert!(start("s", &[big], big, Sized::<126>).contains("bytes of a state of s: 1008"));

    let db = database(1);
    for (call, part) in [
        ("spread(DISTINCT p)", "spread with DISTINCT (0A000)"),
        ("spread(p ORDER BY n)", "spread with ORDER BY (0A000)"),
        ("spread(p, n)", "spread"),
        ("spread(k = 'a')", "spread"),
        ("spred(p)", "function spred does not exist"),
    ] {
        let query = format!("CREATE MATERIALIZED VIEW v AS SELECT {call} AS x FROM t");
        let said = refused(db.execute(&query));
        assert!(said.contains(part), "{call}: {said}");
    }
    // Arguments are cast where SQL does that by itself.
    db.execute("CREATE MATERIALIZED VIEW v AS SELECT spread(CAST(p AS INT)) AS x FROM t").unwrap();
}

#[test]
fn an_inline_database_calls_it_too() {
    let builder = with_functions(Database::builder().memory_limit(256 << 20));
    let mut db = builder.inline(&Plan::empty()).unwrap();
    db.execute("CREATE SOURCE t (p BIGINT, n BIGINT)").unwrap();
    db.execute("CREATE MATERIALIZED VIEW v AS SELECT spread(p) AS s, paid(p, n) AS m FROM t")
        .unwrap();
    db.execute("INSERT INTO t VALUES (1, 2), (5, 1)").unwrap();
    let found = db.query("SELECT * FROM v").unwrap();
    let paid = Value::Decimal { units: 7, scale: 2 };
    assert_eq!(values(&found.batches[0]), [[Value::BigInt(4), paid]]);
}

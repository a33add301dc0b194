//! What statements are refused with, and where in their text; what is told beside.

use super::*;
use crate::dialect;

/// What is there before each statement.
const OBJECTS: &str = "
    CREATE SOURCE trades (symbol TEXT, price DECIMAL(18,4), qty INT, live BOOLEAN, ts TIMESTAMP,
        blob BYTEA, doc JSON) WITH (watermark = 'ts');
    CREATE SOURCE orders (id BIGINT, symbol TEXT, at TIMESTAMP);
    CREATE VIEW broken_up AS SELECT symbol, price FROM trades;
";

fn decide(catalog: &Catalog, text: &str) -> Result<Decision, SqlError> {
    let parsed = dialect::parse(text)?;
    let mut decision = None;
    for statement in &parsed {
        decision = Some(catalog.decide(statement, text, &|_| None)?);
    }
    Ok(decision.expect("a text has a statement"))
}

fn known() -> Catalog {
    let mut catalog = Catalog::new();
    for statement in dialect::parse(OBJECTS).unwrap() {
        let Decision::Change(change) = catalog.decide(&statement, OBJECTS, &|_| None).unwrap()
        else {
            panic!("only objects are created here")
        };
        catalog = change.catalog;
    }
    catalog
}

/// Refused at the place of the section sign, which is no part of the statement.
fn check(marked: &str, state: &str, message: &str, hint: &str) {
    let text = marked.replace('§', "");
    let place = marked.find('§');
    let error = dialect::deep(|| decide(&known(), &text)).expect_err(&text);
    let found = error.hint.clone().unwrap_or_default();
    assert_eq!(error.sqlstate, state, "{marked}: {error}");
    assert!(error.message.contains(message), "{marked}: {error}\nwanted: {message}");
    assert!(found.contains(hint), "{marked}: {error}\nwanted: {hint}");
    assert_eq!(error.position, place, "{marked}: {error}\n{}", error.caret(&text));
}

#[test]
fn an_unknown_name_is_shown_where_it_stands_with_the_nearest_known_one() {
    for (marked, state, message, hint) in [
        ("SELECT §prise FROM broken_up", "42703", "\"prise\"", "Did you mean \"price\"?"),
        (
            "SELECT symbol,\n  §trades.prise\nFROM trades",
            "42703",
            "prise",
            "Did you mean \"price\"?",
        ),
        ("SELECT §colour FROM trades", "42703", "\"colour\"", "The columns are: symbol, price"),
        ("SELECT symbol FROM trades WHERE §Qtz > 1", "42703", "\"qtz\"", "Did you mean \"qty\"?"),
        ("SELECT symbol FROM trades ORDER BY §symbl", "42703", "symbl", "Did you mean \"symbol\"?"),
        ("SELECT count(*) FROM trades GROUP BY §symbl", "42703", "symbl", "\"symbol\"?"),
        ("SELECT count(*) FROM trades HAVING max(§pric) > 1", "42703", "pric", "\"price\"?"),
        ("CREATE STREAM s AS SELECT sum(§qyt) AS q FROM trades", "42703", "qyt", "\"qty\"?"),
        ("CREATE VIEW v AS SELECT §qyt FROM trades", "42703", "qyt", "\"qty\"?"),
        ("INSERT INTO orders SELECT qty, §symbl, ts FROM trades", "42703", "symbl", "\"symbol\"?"),
        ("INSERT INTO orders (id, §symbl) VALUES (1, 'a')", "42703", "symbl", "\"symbol\"?"),
        ("INSERT INTO orders (id, §id) VALUES (1, 2)", "42701", "\"id\"", ""),
        ("INSERT INTO §ordres (id) VALUES (1)", "42P01", "\"ordres\"", "\"orders\"?"),
        ("SELECT 1 FROM §tradse", "42P01", "\"tradse\"", "Did you mean \"trades\"?"),
        ("SELECT 1 FROM trades AS t, §tradse", "42P01", "\"tradse\"", "\"trades\"?"),
        ("SELECT 1 FROM trades WHERE qty IN (SELECT x FROM §order)", "42P01", "", "\"orders\"?"),
        ("WITH a AS (SELECT §prise FROM trades) SELECT * FROM a", "42703", "prise", "\"price\"?"),
        ("SELECT qty FROM trades UNION SELECT §idd FROM orders", "42703", "idd", ""),
        ("SELECT qty + §lowr(symbol) FROM trades", "42883", "lowr", "Did you mean lower?"),
        ("SELECT upper(§lowr(symbol)) FROM trades", "42883", "lowr", "Did you mean lower?"),
        ("SELECT lower(symbol) FROM trades WHERE §lowr(symbol) = 'x'", "42883", "lowr", "lower?"),
        ("SELECT * FROM §generate_serie(1, 2)", "42883", "generate_serie", "generate_series?"),
    ] {
        check(marked, state, message, hint);
    }
}

#[test]
fn a_type_error_names_both_types_at_the_operator_or_the_function() {
    for (marked, state, message, hint) in [
        ("SELECT price §+ symbol FROM trades", "42804", "DECIMAL(18,4) + TEXT", "Cast one side"),
        ("SELECT qty, (price) §- (live) FROM trades", "42804", "DECIMAL(18,4) - BOOLEAN", ""),
        ("SELECT 1 FROM trades WHERE qty = 1 AND live §* 2 > 3", "42804", "BOOLEAN * INT", ""),
        ("SELECT 1 FROM trades WHERE ts §> live", "42804", "TIMESTAMP > BOOLEAN", "Cast one side"),
        ("SELECT qty §= live FROM trades", "42804", "INT = BOOLEAN", "Cast one side"),
        ("SELECT CASE WHEN qty §+ live THEN 1 END FROM trades", "42804", "INT + BOOLEAN", ""),
        ("SELECT §lower(live) FROM trades", "42883", "lower(BOOLEAN)", "Cast the arguments"),
        ("SELECT qty, abs(qty), §abs(symbol) FROM trades", "42883", "abs(TEXT)", "Cast"),
        ("SELECT §sum(symbol) FROM trades", "42883", "sum(TEXT)", "Cast the argument to a number."),
        ("SELECT symbol FROM trades GROUP BY symbol HAVING §avg(live) > 1", "42883", "avg(", ""),
        ("CREATE STREAM s AS SELECT price §+ symbol AS x FROM trades", "42804", "+ TEXT", ""),
        ("CREATE STREAM s AS SELECT §sum(symbol) AS x FROM trades", "42883", "sum(TEXT)", ""),
        ("SELECT * FROM trades AS t JOIN orders AS o ON t.qty §+ o.symbol", "42804", "+ TEXT", ""),
        ("SELECT 1 FROM trades WHERE live §AND qty", "42804", "BOOLEAN AND INT", "Cast one side"),
        ("SELECT §symbol LIKE 3 FROM trades", "42804", "TEXT LIKE BIGINT", ""),
        ("SELECT §qty IN (1, ts) FROM trades", "42804", "INT IN (BIGINT, TIMESTAMP)", ""),
        ("SELECT §CASE WHEN live THEN qty ELSE ts END FROM trades", "42804", "INT", "Cast them"),
        ("SELECT 1, §stddev(symbol) FROM trades", "42883", "stddev(TEXT)", "stddev(DOUBLE)"),
        ("SELECT §md5(qty) FROM trades", "42883", "md5(INT)", "md5(TEXT)"),
        ("SELECT qty FROM trades UNION SELECT §ts FROM trades", "42804", "INT and TIMESTAMP", ""),
    ] {
        check(marked, state, message, hint);
    }
}

#[test]
fn what_is_wrong_with_a_query_as_a_whole_is_shown_where_it_is() {
    for (marked, state, message, hint) in [
        ("SELECT §symbol FROM trades AS t, orders AS o", "42702", "symbol", "Write the relation"),
        ("SELECT symbol, §price FROM trades GROUP BY symbol", "42803", "price", ""),
        ("SELECT 1 FROM trades WHERE §qty", "42804", "not INT", "A condition is BOOLEAN"),
        ("SELECT 1 FROM trades HAVING §max(qty)", "42804", "not INT", "A condition is BOOLEAN"),
        ("SELECT 1 FROM trades WHERE NOT §qty", "42804", "NOT takes a BOOLEAN", "compare it"),
        ("SELECT §max(sum(qty)) FROM trades", "42803", "", "Aggregate in a subquery"),
        ("SELECT qty FROM trades WHERE sum(qty) §> 1", "42803", "", "HAVING"),
        ("SELECT qty FROM trades ORDER BY 7", "42P10", "7", ""),
        ("§SELECT qty, ts FROM trades UNION SELECT qty FROM trades", "42601", "UNION", ""),
    ] {
        check(marked, state, message, hint);
    }
}

#[test]
fn a_query_under_a_name_is_not_looked_for_in_the_text_that_reads_it() {
    // Its relation went without it: what is wrong stands in another text.
    let mut catalog = known();
    catalog.objects.remove("trades");
    let error = decide(&catalog, "SELECT symbol FROM broken_up").unwrap_err();
    assert_eq!((error.sqlstate, error.position), ("42P01", Some(19)), "{error}");
}

#[test]
fn what_a_continuous_query_cannot_do_is_shown_where_it_stands() {
    for (rest, state, message) in [
        ("qty, §bit_and(qty) AS x FROM trades GROUP BY qty", "0A000", "bit_and"),
        (
            "x FROM (SELECT symbol, §bit_or(qty) AS x FROM trades GROUP BY 1) AS q",
            "0A000",
            "bit_or",
        ),
    ] {
        check(&format!("CREATE STREAM s AS SELECT {rest}"), state, message, "");
    }
}

fn notices(text: &str) -> Vec<String> {
    let Decision::Change(change) = decide(&known(), text).unwrap() else {
        panic!("{text} changes nothing")
    };
    change.notices.into_iter().map(|notice| notice.message).collect()
}

#[test]
fn state_that_nothing_bounds_is_told_of_at_create() {
    let view = "CREATE MATERIALIZED VIEW v AS SELECT";
    let none: [&str; 0] = [];
    assert_eq!(
        notices(&format!("{view} symbol, qty FROM trades")),
        ["\"v\" keeps its rows: nothing bounds them"]
    );
    assert_eq!(
        notices(&format!(
            "{view} symbol, string_agg(symbol, ',') AS q FROM trades GROUP BY symbol"
        )),
        ["\"v\" keeps the values of symbol in each group: nothing bounds them"]
    );
    assert_eq!(notices(&format!("{view} symbol, sum(qty) AS q FROM trades GROUP BY symbol")), none);
    assert_eq!(notices("CREATE STREAM s AS SELECT symbol, qty FROM trades"), none);
    for both in
        ["JOIN orders AS o ON t.symbol = o.symbol", ", orders AS o WHERE t.symbol = o.symbol"]
    {
        assert_eq!(
            notices(&format!("CREATE STREAM s AS SELECT t.qty FROM trades AS t {both}")),
            ["\"s\" keeps the rows of both sides: nothing bounds them"]
        );
    }
    assert_eq!(
        notices(
            "CREATE STREAM s AS SELECT string_agg(symbol, ',') AS q FROM trades \
             GROUP BY tumble(ts, INTERVAL '1 minute')"
        ),
        none
    );
}

#[test]
fn settings_that_are_not_there_or_cannot_be_are_refused() {
    for (marked, state, hint) in [
        ("SET §datestile = 'ISO'", "42704", "Did you mean datestyle?"),
        ("SET §timezone = 'Europe/Berlin'", "22023", "The time zone"),
    ] {
        check(marked, state, "", hint);
    }
    assert!(matches!(decide(&known(), "SET TIME ZONE 'utc'"), Ok(Decision::Set { .. })));
    assert!(matches!(decide(&known(), "RESET ALL"), Ok(Decision::Set { value: None, .. })));
}

fn explained(text: &str) -> String {
    let Decision::Table(table) = decide(&known(), text).unwrap() else {
        panic!("{text} gives no rows")
    };
    table.rows.iter().map(|row| format!("{}\n", row[0])).collect()
}

#[test]
fn explain_tells_what_each_node_keeps_and_what_bounds_it() {
    let plan = explained(
        "EXPLAIN CREATE MATERIALIZED VIEW v AS SELECT symbol, sum(qty * 2) AS q FROM trades \
         WHERE qty > 1 GROUP BY symbol",
    );
    let shown: Vec<&str> = plan.lines().map(|line| line.split(" -> ").next().unwrap()).collect();
    assert_eq!(
        shown,
        [
            "#2 filter #0: qty > 1",
            "#3 project #2: symbol, qty * 2, ts",
            "#4 aggregate #3: by symbol SUM(qty * 2) emit changes",
            "   keeps its groups, bounded by the different values of symbol",
            "#5 project #4: symbol, SUM(qty * 2)",
            "#6 view v #5 by symbol",
            "   keeps a row for each key, bounded by the different values of symbol",
        ]
    );
    let plan = explained(
        "EXPLAIN CREATE STREAM s AS SELECT window_end, count(*) AS n FROM trades \
         GROUP BY tumble(ts, INTERVAL '1 second')",
    );
    assert!(
        plan.contains("   keeps the groups of its windows, bounded by the watermark\n"),
        "{plan}"
    );
    let plan = explained("EXPLAIN CREATE MATERIALIZED VIEW v AS SELECT qty FROM trades");
    assert!(plan.ends_with("   keeps its rows, bounded by nothing\n"), "{plan}");
}

/// The state that a text is refused with, or `ok`; it takes no long work either way.
fn state(text: &str) -> String {
    let work = || {
        let found = decide(&known(), text).err();
        Ok((found, own_seconds()))
    };
    let (found, seconds) = dialect::deep(work).unwrap();
    assert!(seconds < 20, "{seconds} s for {} bytes: {}", text.len(), &text[..text.len().min(80)]);
    found.map_or("ok".to_owned(), |error| error.sqlstate.to_owned())
}

/// How long this thread has run since it began: the time that others had instead of it is none of
/// it, so that a busy machine fails no test.
fn own_seconds() -> u64 {
    const TICKS_PER_SECOND: u64 = 100;
    let stat = std::fs::read_to_string("/proc/thread-self/stat").expect("Linux has it");
    let (_, behind_name) = stat.rsplit_once(')').expect("the name is in parentheses");
    // User and system time are the 14th and 15th field, and the name is the second.
    let ticks = behind_name.split_whitespace().skip(11).take(2);
    ticks.map(|ticks| ticks.parse::<u64>().expect("ticks are a number")).sum::<u64>()
        / TICKS_PER_SECOND
}

#[test]
fn the_largest_statements_are_planned_and_larger_ones_refused_without_long_work() {
    let list = |count: usize, first: &str| {
        let items = ", 1".repeat(count - 1);
        format!("SELECT qty FROM trades WHERE qty IN ({first}{items})")
    };
    assert_eq!(state(&list(10_000, "nothing")), "42703");
    assert_eq!(state(&list(10_000, "lowr('x')")), "42883");
    assert_eq!(state(&list(1_000_000, "2")), "54000");
    let items: Vec<String> = (0..10_000).map(|item| item.to_string()).collect();
    let many = format!("SELECT qty FROM trades WHERE qty IN ({})", items.join(", "));
    assert_eq!(state(&many), "ok");
    assert_eq!(state(&format!("CREATE STREAM s AS {many}")), "ok");
    let nested = |levels: usize, inner: &str| {
        format!("{}{inner}{}", "SELECT * FROM (".repeat(levels), ") AS t".repeat(levels))
    };
    assert_eq!(state(&nested(38, "SELECT qty FROM trades")), "ok");
    assert_eq!(state(&nested(38, "SELECT qyt FROM trades")), "42703");
    assert_eq!(state(&nested(38, "SELECT sum(symbol) FROM trades")), "42883");
    assert_eq!(state(&nested(10_000, "SELECT qty FROM trades")), "54001");
    let sum = format!("SELECT {}qty FROM trades", "qty + ".repeat(190));
    assert_eq!(state(&sum), "ok");
    assert_eq!(state(&sum.replace("qty FROM", "symbol FROM")), "42804");
}

#[test]
fn windows_that_would_be_too_many_are_refused_with_the_limit() {
    let check_hop = |window: &str, state: &str, said: &str| {
        for head in ["", "CREATE STREAM s AS "] {
            let text = format!("{head}SELECT count(*) AS n FROM trades GROUP BY {window}");
            let error = decide(&known(), &text).expect_err(&text);
            assert_eq!(error.sqlstate, state, "{text}: {error}");
            assert!(error.message.contains(said), "{text}: {error}");
        }
    };
    let year = "hop(ts, size => INTERVAL '365' DAY, slide => INTERVAL '1' MICROSECOND)";
    check_hop(year, "54000", "slices of a window");
    check_hop("tumble(ts, INTERVAL '0.000000001' SECOND)", "22007", "is no interval");
}

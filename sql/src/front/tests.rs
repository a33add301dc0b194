use std::collections::BTreeMap;

use datafusion::sql::sqlparser::ast::Query;

use super::lower::Wishes;
use super::*;
use crate::dialect::{self, Statement, window};
use crate::plan::{Builder, Emit};
use crate::{DataType, Field, Schema};

struct Known(BTreeMap<String, Schema>);

impl Relations for Known {
    fn columns(&self, name: &str) -> Option<Schema> {
        self.0.get(name).cloned()
    }

    fn query(&self, _: &str) -> Option<&Query> {
        None
    }

    fn names(&self) -> Vec<&str> {
        self.0.keys().map(String::as_str).collect()
    }

    fn function(&self, _: &str) -> Option<Udf> {
        None
    }

    fn aggregate(&self, _: &str) -> Option<Udaf> {
        None
    }
}

fn trades() -> Schema {
    Schema::new(vec![
        Field::nullable("symbol", DataType::Text),
        Field::not_null("price", DataType::Decimal { precision: 18, scale: 4 }),
        Field::not_null("volume", DataType::Int),
        Field::nullable("tags", DataType::Map),
        Field::nullable("doc", DataType::Json),
        Field::not_null("ts", DataType::Timestamp),
    ])
    .unwrap()
}

fn explain(text: &str, emit: Emit) -> Result<String, SqlError> {
    lowered(text, emit, Some("ts"))
}

/// The plan of a query over trades with this event time.
fn lowered(text: &str, emit: Emit, time: Option<&str>) -> Result<String, SqlError> {
    let Statement::Query(mut query) = dialect::parse(text)?.remove(0).statement else {
        panic!("{text} is no query")
    };
    window::rewrite(&mut query, text)?;
    let known = Known(BTreeMap::from([("trades".to_owned(), trades())]));
    let plan = optimise(bind(&query, &known, Some(text))?)?;
    let mut builder = Builder::new();
    let source = builder.source("trades", trades(), time.map(|time| (time, 0)))?;
    let of = |name: &str| (name == "trades").then_some(source);
    let wishes = Wishes { emit, allowed_lateness_us: 0, late_to: None };
    let lowered = Lowering::new(&mut builder, &of, wishes).query(&plan, &[])?;
    builder.stream(lowered.node, "out")?;
    Ok(builder.finish()?.explain())
}

/// Compares what each node does, without what is known of its rows; the last line has the columns.
fn check_emit(text: &str, emit: Emit, expected: &str) {
    let found = match explain(text, emit) {
        Err(error) => error.to_string(),
        Ok(plan) => {
            let lines: Vec<&str> = plan.lines().skip(1).collect();
            let (last, nodes) = lines.split_last().expect("a stream at least");
            let mut shown: Vec<&str> =
                nodes.iter().map(|line| line.split(" -> ").next().unwrap()).collect();
            let columns = last.split(" -> ").nth(1).unwrap();
            shown.push(columns.split(" [").next().unwrap());
            shown.join("\n")
        }
    };
    assert_eq!(found, expected, "{text}");
}

fn check(text: &str, expected: &str) {
    check_emit(text, Emit::Changes, expected);
}

#[test]
fn filters_and_projections_become_one_node_each() {
    check(
        "SELECT symbol, price * 2 AS twice FROM trades WHERE volume > 100",
        "#1 filter #0: volume > 100\n\
         #2 project #1: symbol, price * CAST(2 AS DECIMAL(10,0))\n\
         (symbol TEXT, twice DECIMAL(28,4) NOT NULL)",
    );
}

#[test]
fn a_window_of_group_by_becomes_part_of_the_aggregate() {
    check_emit(
        "SELECT symbol, window_start, sum(volume) AS v, first(price) AS p FROM trades \
         GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE) HAVING count(*) > 1",
        Emit::OnClose,
        "#1 aggregate #0: tumble(ts, 60000000 us, 0 us) by symbol SUM(volume), \
         FIRST(price by ts), COUNT(*) emit on close\n\
         #2 filter #1: COUNT(*) > 1\n\
         #3 project #2: symbol, window_start, SUM(volume), FIRST(price by ts)\n\
         (symbol TEXT, window_start TIMESTAMP NOT NULL, v BIGINT NOT NULL, \
         p DECIMAL(18,4) NOT NULL)",
    );
    check(
        "SELECT window_end, count(DISTINCT symbol) FILTER (WHERE volume > 3) AS n FROM trades \
         GROUP BY hop(ts, INTERVAL '10' SECOND, INTERVAL '2' SECOND)",
        "#1 project #0: ts, volume > 3, symbol\n\
         #2 aggregate #1: hop(ts, 10000000 us, 2000000 us, 0 us) \
         COUNT(distinct symbol) where volume > 3 emit changes\n\
         #3 project #2: window_end, COUNT(distinct symbol) where volume > 3\n\
         (window_end TIMESTAMP NOT NULL, n BIGINT NOT NULL)",
    );
    check_emit(
        "SELECT symbol FROM trades",
        Emit::OnClose,
        "EMIT ON WINDOW CLOSE: the query has no window that could close (22023) Group by \
         tumble(ts, INTERVAL '1 minute') or another window, or leave it out.",
    );
}

#[test]
fn what_operators_need_above_goes_on_beneath() {
    // FIRST needs event time, which the subquery does not select.
    check(
        "SELECT s, first(p) AS p FROM (SELECT symbol AS s, -price AS p FROM trades) t GROUP BY s",
        "#1 project #0: symbol, -price, ts\n\
         #2 aggregate #1: by s FIRST(p by ts) emit changes\n\
         #3 project #2: s, FIRST(p by ts)\n\
         (s TEXT, p DECIMAL(18,4) NOT NULL)",
    );
}

#[test]
fn json_maps_and_matches_are_taken_apart_by_kernels_of_ours() {
    check(
        "SELECT tags['host'] AS h, doc ->> 'a' AS a, (regexp_match(symbol, '(a)(b)'))[2] AS m \
         FROM trades WHERE symbol LIKE 'a%' AND doc -> 'x' IS NOT NULL",
        "#1 filter #0: like(symbol, 'a%')\n\
         #2 filter #1: NOT json_get(doc, 'x') IS NULL\n\
         #3 project #2: map_get(tags, 'host'), json_get_text(doc, 'a'), \
         regexp_capture(symbol, '(a)(b)', 2)\n\
         (h TEXT, a TEXT, m TEXT)",
    );
}

#[test]
fn what_cannot_run_is_refused_with_what_to_do() {
    check(
        "SELECT symbl FROM trades",
        "column \"symbl\" does not exist (42703) Did you mean \"symbol\"?",
    );
    check(
        "SELECT symbol FROM trade",
        "relation \"trade\" does not exist (42P01) Did you mean \"trades\"?",
    );
    check(
        "SELECT uper(symbol) FROM trades",
        "function uper does not exist (42883) Did you mean upper?",
    );
    check(
        "SELECT price + symbol FROM trades",
        "there is no DECIMAL(18,4) + TEXT (42804) Cast one side to the type of the other.",
    );
    check(
        "SELECT sum(symbol) FROM trades",
        "function sum(TEXT) does not exist (42883) Cast the argument to a number.",
    );
    check(
        "SELECT symbol, price FROM trades GROUP BY symbol",
        "column \"trades.price\" must appear in GROUP BY or in an aggregate function (42803)",
    );
    check(
        "SELECT symbol FROM trades WHERE price > (SELECT price FROM trades)",
        "a subquery as a value that may have several rows in a continuous query (0A000) Aggregate in \
         it, as in (SELECT max(x) FROM t), or join with it.",
    );
    check(
        "SELECT symbol FROM trades ORDER BY symbol",
        "ORDER BY without LIMIT in a continuous query is not supported (0A000) Sort when you read: \
         a view has no order. ORDER BY .. LIMIT 10 keeps the first rows.",
    );
}

#[test]
fn windows_that_never_close_are_not_waited_for() {
    let text = "SELECT count(*) FROM trades GROUP BY tumble(ts, INTERVAL '1' MINUTE)";
    let error = lowered(text, Emit::OnClose, None).unwrap_err();
    assert!(error.message.contains("source \"trades\" declares no watermark"), "{error}");
}

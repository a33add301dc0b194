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
    let Statement::Query(mut query) = dialect::parse(text)?.remove(0).statement else {
        panic!("{text} is no query")
    };
    window::rewrite(&mut query, text)?;
    let known = Known(BTreeMap::from([("trades".to_owned(), trades())]));
    let plan = optimise(bind(*query, &known)?)?;
    let mut builder = Builder::new();
    let source = builder.source("trades", trades(), Some(("ts", 0)))?;
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
        "SELECT symbol, window_start, sum(volume) AS v, first(price) FROM trades \
         GROUP BY symbol, tumble(ts, INTERVAL '1' MINUTE) HAVING count(*) > 1",
        Emit::OnClose,
        "",
    );
    check(
        "SELECT window_end, count(DISTINCT symbol) FILTER (WHERE volume > 3) AS n FROM trades \
         GROUP BY hop(ts, INTERVAL '10' SECOND, INTERVAL '2' SECOND)",
        "",
    );
    check_emit("SELECT symbol FROM trades", Emit::OnClose, "");
}

#[test]
fn what_operators_need_above_goes_on_beneath() {
    check("SELECT s, first(p) FROM (SELECT symbol AS s, -price AS p FROM trades) t GROUP BY s", "");
    check("SELECT DISTINCT lower(symbol) AS s FROM trades", "");
}

#[test]
fn json_maps_and_matches_are_taken_apart_by_kernels_of_ours() {
    check(
        "SELECT tags['host'] AS h, doc ->> 'a' AS a, (regexp_match(symbol, '(a)(b)'))[2] AS m \
         FROM trades WHERE symbol IN ('a', 'b') AND symbol LIKE 'a%' AND doc -> 'x' IS NOT NULL",
        "",
    );
}

#[test]
fn what_cannot_run_is_refused_with_what_to_do() {
    check("SELECT symbl FROM trades", "");
    check("SELECT symbol FROM trade", "");
    check("SELECT nofun(symbol) FROM trades", "");
    check("SELECT price + symbol FROM trades", "");
    check("SELECT sum(symbol) FROM trades", "");
    check("SELECT symbol, price FROM trades GROUP BY symbol", "");
    check("SELECT a.symbol FROM trades a JOIN trades b ON a.symbol = b.symbol", "");
    check("SELECT symbol FROM trades ORDER BY symbol", "");
    check("SELECT row_number() OVER (ORDER BY ts) FROM trades", "");
    check("SELECT 1", "");
}

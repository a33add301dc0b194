use std::collections::BTreeMap;

use datafusion::sql::sqlparser::{ast::Statement, dialect::GenericDialect, parser::Parser};

use super::lower::Wishes;
use super::*;
use crate::plan::{Builder, Emit, NodeId};
use crate::{DataType, Field, Schema};

struct Known(BTreeMap<String, Schema>);

impl Relations for Known {
    fn columns(&self, name: &str) -> Option<Schema> {
        self.0.get(name).cloned()
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
        Field::not_null("ts", DataType::Timestamp),
    ])
    .unwrap()
}

fn explain(text: &str, emit: Emit) -> Result<String, SqlError> {
    let statement = Parser::parse_sql(&GenericDialect {}, text).unwrap().remove(0);
    let Statement::Query(query) = statement else { panic!("a query") };
    let known = Known(BTreeMap::from([("trades".to_owned(), trades())]));
    let plan = optimise(bind(*query, &known)?)?;
    let mut builder = Builder::new();
    let source = builder.source("trades", trades(), Some(("ts", 0)))?;
    let of = |name: &str| (name == "trades").then_some(source);
    let wishes = Wishes { emit, allowed_lateness_us: 0, late_to: None };
    let lowered = Lowering::new(&mut builder, &of, wishes).query(&plan, &[])?;
    let key: Vec<String> = {
        let schema = &builder.node(lowered.node)?.schema;
        lowered.key.iter().map(|at| schema.field(*at).name.clone()).collect()
    };
    let key: Vec<&str> = key.iter().map(String::as_str).collect();
    let _: NodeId = builder.view(lowered.node, "v", &key)?;
    Ok(builder.finish()?.explain())
}

fn check(text: &str, emit: Emit, expected: &str) {
    let found = match explain(text, emit) {
        Ok(found) => found,
        Err(error) => error.to_string(),
    };
    let lines: Vec<&str> = found.lines().map(|line| line.split(" -> ").next().unwrap()).collect();
    assert_eq!(lines.join("\n"), expected, "{text}\n{found}");
}

#[test]
fn queries_become_plans() {
    for q in [
        "SELECT symbol, price * 2 AS twice FROM trades WHERE volume > 100",
        "SELECT symbol, __window_start(__tumble(ts, INTERVAL '1' MINUTE, INTERVAL '0' SECOND)) AS window_start, sum(volume) AS v, avg(price), first(price), count(*) FILTER (WHERE volume > 3) FROM trades GROUP BY symbol, __tumble(ts, INTERVAL '1' MINUTE, INTERVAL '0' SECOND) HAVING count(*) > 1",
        "SELECT lower(symbol) FROM trades",
        "SELECT symbl FROM trades",
        "SELECT price + symbol FROM trades",
        "SELECT symbol, sum(symbol) FROM trades group by 1",
        "SELECT symbol, price FROM trades group by 1",
        "SELECT DISTINCT symbol FROM trade",
        "SELECT DISTINCT symbol FROM trades",
        "SELECT nofun(symbol) FROM trades",
        "SELECT t.s, max(t.p) from (SELECT symbol as s, -price as p FROM trades where ts > TIMESTAMP '2020-01-01 00:00:00') t where p > 0 group by s",
        "WITH a AS (SELECT symbol, count(*) c, sum(volume) v from trades group by symbol) select v / c as r, symbol from a where c between 3 and 5 and symbol in ('a', 'b')",
        "SELECT case symbol when 'a' then 1 else null end as c, ts - interval '5' second as t from trades where ts > '2020-01-01'",
    ] {
        let found = match explain(q, Emit::Changes) {
            Ok(found) => found,
            Err(error) => error.to_string(),
        };
        println!("{q}\n{found}\n");
    }
}

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

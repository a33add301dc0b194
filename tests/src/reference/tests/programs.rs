//! Expressions row by row against the same ones compiled, over all that workloads draw.

use sluicedb_sql::Column;
use sluicedb_sql::expr::{Failures, Program};

use super::super::expr;
use super::*;
use crate::prng::Prng;
use crate::workload::Workload;

/// Compares all expressions over a node whose rows are those of one source.
fn compare(outputs: &[Expr], schema: &Schema, rows: &[Vec<Value>]) -> usize {
    let columns: Vec<Column> = (0..schema.len())
        .map(|at| Column::of(schema.field(at).data_type, rows.iter().map(|row| &row[at])))
        .collect();
    let mut failed = 0;
    for output in outputs {
        let program = Program::compile(std::slice::from_ref(output), schema).unwrap();
        let (mut scratch, mut failures) = (program.scratch(), Failures::new());
        program.run(&columns, rows.len(), &mut scratch, &mut failures);
        let found = program.output(&scratch, &columns, 0);
        for (at, row) in rows.iter().enumerate() {
            let text = output.text(schema);
            match expr::evaluate(output, row) {
                Ok(value) => {
                    assert_eq!(failures.of(at as u32), None, "{text} over {row:?}");
                    assert_eq!(found.value(at), value, "{text} over {row:?}");
                }
                Err(Failure::Row(reason)) => {
                    failed += 1;
                    assert!(failures.of(at as u32).is_some(), "{text} over {row:?}: {reason}");
                }
                Err(Failure::Unsupported(what)) => panic!("{what}"),
            }
        }
    }
    failed
}

#[test]
fn compiled_expressions_give_what_expressions_give_row_by_row() {
    let (mut expressions, mut failed) = (0, 0);
    for seed in 0..1500 {
        let workload = Workload::draw(&mut Prng::new(seed));
        let plan = &workload.plan;
        for node in plan.nodes() {
            let (input, outputs) = match &node.op {
                Op::Filter { input, predicate } => (*input, vec![predicate.clone()]),
                Op::Project { input, outputs } => {
                    (*input, outputs.iter().map(|(_, expr)| expr.clone()).collect())
                }
                _ => continue,
            };
            if let Op::Source { .. } = plan.node(input).op {
                let rows = workload.rows(input.index(), Prng::new(seed)).rows(100);
                failed += compare(&outputs, &plan.node(input).schema, &rows);
                expressions += outputs.len();
            }
        }
    }
    assert!(expressions > 1000 && failed > 1000, "{expressions} with {failed} failures");
}

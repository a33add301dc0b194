//! The slow obvious evaluator: recomputes every view and stream from all input, one row at a time.
//!
//! It shares with the engine only the plan and the values of `sql`, and nothing here depends on
//! time, order of arrival or shards: a relation is the rows it has at the cut, each with where it
//! came from and how late it was.

mod aggregate;
mod call;
mod cast;
mod clock;
mod expr;
mod function;
mod join;
mod marker;
mod number;
mod over;
mod same;
mod statistics;
#[cfg(test)]
mod tests;
mod top;
mod window;

use std::collections::BTreeMap;
use std::fmt;

use sluicedb_sql::plan::{Node, NodeId, Op, Plan};
use sluicedb_sql::{Schema, Value};

pub use clock::{Change, Clocks};
pub use marker::Marker;
pub use same::{same, same_relation};

use aggregate::Aggregate;
use expr::Failure;

/// One row of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// One value a column.
    pub values: Vec<Value>,
    /// Where it came from: feeder and number there; of a joined row, those of both sides.
    pub tie: u128,
    /// The watermark that its feeder had when it entered behind that; `i64::MIN` if it did not.
    pub behind: i64,
}

/// All that a source was given up to the cut.
#[derive(Clone, Debug)]
pub struct Input {
    /// Rows in any order.
    pub rows: Vec<Row>,
    /// The watermark of the source at the cut, `i64::MIN` where there is none.
    pub watermark: i64,
}

/// How often each row is there.
pub type Relation = BTreeMap<Vec<Value>, i64>;

/// What the plan asks and the reference cannot compute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported(pub String);

impl fmt::Display for Unsupported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the reference does not know {}", self.0)
    }
}

impl std::error::Error for Unsupported {}

/// The contents of every view, and what the changes of every stream add up to, given one input for
/// each source in the order of the plan.
pub fn evaluate(plan: &Plan, sources: &[Input]) -> Result<BTreeMap<String, Relation>, Unsupported> {
    evaluate_since(plan, sources, |_, _| None)
}

/// The same where some nodes have come to a source late, or stand still: `given` says what such a node
/// was given by the source of that position, if it was not all of it.
pub fn evaluate_since(
    plan: &Plan,
    sources: &[Input],
    given: impl Fn(NodeId, usize) -> Option<Input>,
) -> Result<BTreeMap<String, Relation>, Unsupported> {
    let mut inputs = sources.iter();
    let mut known: BTreeMap<NodeId, Known> = BTreeMap::new();
    let mut numbers: BTreeMap<NodeId, usize> = BTreeMap::new();
    let mut views = BTreeMap::new();
    for (id, node) in plan.ids().zip(plan.nodes()) {
        let (rows, watermark) = match &node.op {
            Op::Source { .. } => {
                let input = inputs.next().expect("one input for each source");
                numbers.insert(id, numbers.len());
                (input.rows.clone(), input.watermark)
            }
            op => {
                let mut whole = Vec::new();
                for input in op.inputs() {
                    let part = numbers.get(&input).and_then(|&number| given(id, number));
                    if let Some(Input { rows, watermark }) = part {
                        let all = known.insert(input, Known { rows, watermark });
                        whole.extend(all.map(|all| (input, all)));
                    }
                }
                let beneath = op.inputs().map(|input| known[&input].watermark);
                let watermark = beneath.min().expect("only sources have no input");
                let rows = derive(plan, node, &known)?;
                // What is known of an input that was read twice was taken from there first.
                known.extend(whole.into_iter().rev());
                (rows, watermark)
            }
        };
        check(&node.schema, &rows);
        if let Op::View { name, .. } | Op::Stream { name, .. } = &node.op {
            views.insert(name.clone(), relation(&rows));
        }
        known.insert(id, Known { rows, watermark });
    }
    assert_eq!(inputs.len(), 0, "one input for each source");
    Ok(views)
}

/// What is known of a node's output.
struct Known {
    rows: Vec<Row>,
    /// The least watermark of the sources beneath.
    watermark: i64,
}

/// The rows of a node that is no source, from those of its inputs.
fn derive(
    plan: &Plan,
    node: &Node,
    known: &BTreeMap<NodeId, Known>,
) -> Result<Vec<Row>, Unsupported> {
    let rows = |id: &NodeId| known[id].rows.as_slice();
    match &node.op {
        Op::Source { .. } => unreachable!("a source has its own rows"),
        Op::Filter { input, predicate } => keep(rows(input), |row| {
            let passes = expr::evaluate(predicate, &row.values)? == Value::Boolean(true);
            Ok(passes.then(|| row.clone()))
        }),
        Op::Project { input, outputs } => keep(rows(input), |row| {
            let values = outputs.iter().map(|(_, expr)| expr::evaluate(expr, &row.values));
            let values = values.collect::<Result<_, Failure>>()?;
            Ok(Some(Row { values, ..*row }))
        }),
        Op::Aggregate { .. } => {
            let (aggregate, input) = grouping(plan, node);
            Ok(aggregate.groups(&known[&input]))
        }
        Op::Over { input, partition, by, calls } => {
            let as_they_came = plan.comes_in_order(*input);
            let over = over::Over { partition, by, calls, as_they_came };
            over.rows(rows(input))
        }
        Op::Top { input, partition, by, ranking, first, last, numbered } => {
            let top = top::Top {
                partition,
                by,
                ranking: *ranking,
                numbers: *first..=*last,
                numbered: *numbered,
                as_they_came: plan.comes_in_order(*input),
            };
            Ok(top.rows(rows(input)))
        }
        Op::Late { aggregate } => {
            let (aggregate, input) = grouping(plan, plan.node(*aggregate));
            Ok(aggregate.late(rows(&input)))
        }
        Op::Join { left, right, kind, left_keys, right_keys, nulls_equal, condition, within } => {
            let width = |id: &NodeId| plan.node(*id).schema.len();
            join::Join {
                kind: *kind,
                keys: [left_keys, right_keys],
                widths: [width(left), width(right)],
                nulls_equal: *nulls_equal,
                condition: condition.as_ref(),
                within: *within,
            }
            .rows(rows(left), rows(right))
        }
        Op::View { input, .. } | Op::Stream { input, .. } => Ok(rows(input).to_vec()),
    }
}

/// The rows that `map` makes; a row that fails is left out.
fn keep(
    rows: &[Row],
    map: impl Fn(&Row) -> Result<Option<Row>, Failure>,
) -> Result<Vec<Row>, Unsupported> {
    let mut kept = Vec::with_capacity(rows.len());
    for row in rows {
        match map(row) {
            Ok(row) => kept.extend(row),
            Err(Failure::Row(_)) => {}
            Err(Failure::Unsupported(what)) => return Err(Unsupported(what)),
        }
    }
    Ok(kept)
}

fn grouping<'a>(plan: &'a Plan, node: &'a Node) -> (Aggregate<'a>, NodeId) {
    let Op::Aggregate { input, window, keys, calls, emit, allowed_lateness_us } = &node.op else {
        unreachable!("the builder lets only aggregates be late")
    };
    let below = plan.node(*input);
    let time = window.as_ref().and_then(|window| below.time_of(*window.time()));
    let aggregate = Aggregate {
        window: window.as_ref(),
        lag_us: time.map(|time| time.lag_us),
        keys,
        calls,
        argument_types: &below.schema,
        retracts: below.retracts,
        emit: *emit,
        lateness_us: *allowed_lateness_us,
    };
    (aggregate, *input)
}

fn relation(rows: &[Row]) -> Relation {
    let mut relation = Relation::new();
    for row in rows {
        *relation.entry(row.values.clone()).or_insert(0) += 1;
    }
    relation
}

/// Asserts that rows have the columns that the plan says they have.
fn check(schema: &Schema, rows: &[Row]) {
    for row in rows {
        assert_eq!(row.values.len(), schema.len(), "{schema}");
        for (value, field) in row.values.iter().zip(schema.fields()) {
            assert!(value.is_of(field.data_type), "{value:?} in {schema}");
            assert!(field.nullable || !value.is_null(), "NULL in {} of {schema}", field.name);
        }
    }
}

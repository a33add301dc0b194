//! A part of a query that has been lowered.

use std::collections::HashSet;

use crate::expr::Expr;
use crate::limits::NAME_BYTES_MAX;
use crate::plan::NodeId;

/// Rows of a node, as the planner sees them.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) node: NodeId,
    /// By column of the planner's schema.
    pub(super) columns: Vec<Out>,
    /// Columns of the node by which one row is told from another.
    pub(super) key: Option<Vec<usize>>,
}

/// Where a column of the planner's is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Out {
    /// A column of the node.
    Column(usize),
    /// A window: two columns of the node.
    Window { start: usize, end: usize },
}

/// Gives columns that nobody but `EXPLAIN` shows names that are different and short enough.
pub(super) fn unique_names(outputs: Vec<(String, Expr)>) -> Vec<(String, Expr)> {
    let mut taken: HashSet<String> = HashSet::new();
    let mut named = Vec::with_capacity(outputs.len());
    for (at, (name, expr)) in outputs.into_iter().enumerate() {
        let fits = !name.is_empty() && name.len() <= NAME_BYTES_MAX && !taken.contains(&name);
        let mut name = if fits { name } else { format!("column {}", at + 1) };
        while taken.contains(&name) {
            name.push('\'');
        }
        taken.insert(name.clone());
        named.push((name, expr));
    }
    named
}

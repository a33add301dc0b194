//! Whose an operator is, for people: what is told of it names objects, not numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use sluicedb_sql::Schema;
use sluicedb_sql::plan::{NodeId, Op, Plan, both_sides};

use super::Kind;
use crate::core::operator::MapOptions;

/// Whose an operator is. No part of what tells graphs apart: the same work under other names is the
/// same graph.
#[derive(Clone, PartialEq, Eq)]
pub struct Origin {
    /// The view, stream or source that it is part of; empty where nobody reads it.
    pub relation: String,
    /// The node of the plan that it carries out.
    pub node: NodeId,
    /// The sources beneath.
    pub sources: Vec<String>,
    /// The columns of its input; of a join those of the left one, then those of the right.
    pub input: Schema,
    /// Its columns.
    pub output: Schema,
}

impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Origin")
    }
}

impl Origin {
    pub(super) fn new(plan: &Plan, id: NodeId, owners: &BTreeMap<NodeId, String>) -> Origin {
        let op = &plan.node(id).op;
        let input = op.inputs().next().unwrap_or(id);
        let source = match op {
            Op::Source { name, .. } => Some(name),
            _ => None,
        };
        Origin {
            relation: owners.get(&id).or(source).cloned().unwrap_or_default(),
            node: id,
            sources: sources(plan, id),
            input: input_of(plan, op, input),
            output: plan.node(id).schema.clone(),
        }
    }
}

/// The columns of what an operator reads.
fn input_of(plan: &Plan, op: &Op, first: NodeId) -> Schema {
    let first = &plan.node(first).schema;
    let both = match op {
        Op::Join { right, .. } => both_sides(first, &plan.node(*right).schema).ok(),
        _ => None,
    };
    both.unwrap_or_else(|| first.clone())
}

impl Kind {
    /// What it does, in words.
    pub fn name(&self) -> &'static str {
        match self {
            Kind::Map(MapOptions { predicate: Some(_), outputs: None, .. }) => "filter",
            Kind::Map(MapOptions { predicate: None, .. }) => "project",
            Kind::Map(_) => "filter and project",
            Kind::Aggregate(options) if options.window.is_some() => "window aggregate",
            Kind::Aggregate(_) => "aggregate",
            Kind::Join(options) => options.kind.text(),
            Kind::Over(_) => "over",
            Kind::Top(_) => "top",
            Kind::View(options) if options.kept => "view",
            Kind::View(_) | Kind::Stream(_) => "stream",
            Kind::Exchange(_) => "exchange",
            Kind::Retain(_) => "retain",
        }
    }
}

/// The view or stream that each node is part of: the first that reads it. Late rows are part of what
/// reads them, and the query that refused them is not.
pub(super) fn owners(plan: &Plan) -> BTreeMap<NodeId, String> {
    let mut owners = BTreeMap::new();
    for through_late in [false, true] {
        for id in plan.ids() {
            if let Op::View { name, .. } | Op::Stream { name, .. } = &plan.node(id).op {
                claim(plan, id, name, through_late, &mut owners);
            }
        }
    }
    owners
}

fn claim(
    plan: &Plan,
    of: NodeId,
    name: &str,
    through_late: bool,
    owners: &mut BTreeMap<NodeId, String>,
) {
    let mut next = vec![of];
    while let Some(id) = next.pop() {
        let op = &plan.node(id).op;
        let other = matches!(op, Op::View { .. } | Op::Stream { .. }) && id != of;
        if other || matches!(op, Op::Source { .. }) {
            continue;
        }
        owners.entry(id).or_insert_with(|| name.to_owned());
        if through_late || !matches!(op, Op::Late { .. }) {
            next.extend(op.inputs());
        }
    }
}

fn sources(plan: &Plan, of: NodeId) -> Vec<String> {
    let (mut found, mut seen, mut next) = (BTreeSet::new(), BTreeSet::new(), vec![of]);
    while let Some(id) = next.pop() {
        if !seen.insert(id) {
            continue;
        }
        let op = &plan.node(id).op;
        if let Op::Source { name, .. } = op {
            found.insert(name.clone());
        }
        next.extend(op.inputs());
    }
    found.into_iter().collect()
}

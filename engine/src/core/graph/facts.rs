//! What lowering must know of nodes before it begins.

use std::collections::BTreeSet;

use sluicedb_sql::expr::Expr;
use sluicedb_sql::plan::{NodeId, Op, Plan};

/// What lowering must know of a node from the nodes above or below it. By position in the plan.
pub(super) struct Facts {
    /// Whether an operator above asks where rows came from.
    pub(super) tied: Vec<bool>,
    /// Whether a filter is left to the projection above it.
    pub(super) fused: Vec<bool>,
    /// The columns of a source by which the first operator above groups or joins.
    pub(super) wanted_keys: Vec<Option<Vec<usize>>>,
    /// Whether two paths from one source meet beneath.
    pub(super) rejoins: Vec<bool>,
}

impl Facts {
    pub(super) fn of(plan: &Plan) -> Facts {
        let nodes = plan.nodes();
        let mut facts = Facts {
            tied: vec![false; nodes.len()],
            fused: vec![false; nodes.len()],
            wanted_keys: vec![None; nodes.len()],
            rejoins: vec![false; nodes.len()],
        };
        facts.look_down(plan);
        facts.look_up(plan);
        facts
    }

    /// From the views down to the sources.
    fn look_down(&mut self, plan: &Plan) {
        let nodes = plan.nodes();
        let mut readers = vec![0; nodes.len()];
        let at = |id: &NodeId| place(plan, *id);
        for node in nodes {
            node.op.inputs().for_each(|input| readers[at(&input)] += 1);
        }
        for (id, node) in nodes.iter().enumerate().rev() {
            match &node.op {
                Op::Source { .. } => {}
                Op::Filter { input, .. } => {
                    self.tied[at(input)] |= self.tied[id];
                    let wanted = self.wanted_keys[id].clone();
                    self.want(at(input), wanted);
                }
                Op::Project { input, outputs } => {
                    self.tied[at(input)] |= self.tied[id];
                    let filter = matches!(nodes[at(input)].op, Op::Filter { .. });
                    self.fused[at(input)] = filter && readers[at(input)] == 1;
                    let wanted = self.wanted_keys[id].clone();
                    self.want(at(input), wanted.and_then(|keys| passed_through(&keys, outputs)));
                }
                Op::Aggregate { input, keys, calls, .. } => {
                    self.tied[at(input)] |= calls.iter().any(|call| call.function.looks_at_ties());
                    self.want(at(input), (!keys.is_empty()).then(|| keys.clone()));
                }
                Op::Top { input, partition, .. } | Op::Over { input, partition, .. } => {
                    self.tied[at(input)] |= plan.comes_in_order(*input);
                    self.want(at(input), (!partition.is_empty()).then(|| partition.clone()));
                }
                Op::Late { aggregate } => {
                    // The late rows are the aggregate's input, which has the aggregate's marks.
                    let mut below = nodes[at(aggregate)].op.inputs();
                    let below = below.next().expect("an aggregate has an input");
                    self.tied[at(&below)] |= self.tied[id];
                }
                Op::Join { left, right, left_keys, right_keys, .. } => {
                    self.tied[at(left)] |= self.tied[id];
                    self.tied[at(right)] |= self.tied[id];
                    self.want(at(left), Some(left_keys.clone()));
                    self.want(at(right), Some(right_keys.clone()));
                }
                Op::View { input, key, .. } => {
                    self.tied[at(input)] |= self.tied[id];
                    self.want(at(input), (!key.is_empty()).then(|| key.clone()));
                }
                Op::Stream { input, .. } => {
                    self.tied[at(input)] |= self.tied[id];
                    let wanted = self.wanted_keys[id].clone();
                    self.want(at(input), wanted);
                }
            }
        }
    }

    /// The first reader in plan order decides, and it is met last on the way down.
    fn want(&mut self, node: usize, keys: Option<Vec<usize>>) {
        if keys.is_some() {
            self.wanted_keys[node] = keys;
        }
    }

    /// From the sources up to the views.
    fn look_up(&mut self, plan: &Plan) {
        let mut beneath: Vec<BTreeSet<usize>> = Vec::with_capacity(plan.nodes().len());
        for (id, node) in plan.nodes().iter().enumerate() {
            let mut sources = BTreeSet::new();
            if let Op::Source { .. } = node.op {
                sources.insert(id);
            }
            for input in node.op.inputs() {
                let input = place(plan, input);
                self.rejoins[id] |= self.rejoins[input];
                self.rejoins[id] |= !sources.is_disjoint(&beneath[input]);
                sources.extend(beneath[input].iter().copied());
            }
            beneath.push(sources);
        }
    }
}

/// Where each key column of a projection comes from, if all of them are plain columns.
fn passed_through(keys: &[usize], outputs: &[(String, Expr)]) -> Option<Vec<usize>> {
    let column = |&key: &usize| match outputs[key].1 {
        Expr::Column(column) => Some(column),
        _ => None,
    };
    keys.iter().map(column).collect()
}

/// Where a node stands in its plan.
pub(super) fn place(plan: &Plan, id: NodeId) -> usize {
    plan.position(id).expect("a plan has the nodes that it reads")
}

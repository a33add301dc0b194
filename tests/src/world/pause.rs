//! Queries that stand still, and go on: what each holds meanwhile is what it would hold if the input
//! had ended there, and behind that what it would hold if it had never stood still.

use std::collections::BTreeMap;

use sluicedb::core::ids::Epoch;
use sluicedb_sql::plan::{NodeId, Op, Plan};

use super::World;
use super::install::Growing;
use super::producer::Producer;
use crate::reference::Input;

/// Where a relation stands still.
#[derive(Clone)]
pub(super) struct Stand {
    /// The last epoch of which it was given all.
    last: Epoch,
    /// What was there at its end, once that is known.
    given: Option<Given>,
}

/// What there is of all sources at the end of an epoch.
#[derive(Clone)]
struct Given {
    /// How far they had come.
    watermarks: Vec<i64>,
    /// By producer, its statements. They keep their numbers over crashes, and not their epochs.
    statements: Vec<usize>,
}

/// The relations of a plan that stand still.
pub(super) type Stands = BTreeMap<NodeId, Stand>;

impl Growing {
    /// The plan with one relation that stands still or goes on, of those that came to sources which
    /// keep their rows.
    pub(super) fn draw_pause(&mut self) -> Option<Plan> {
        let plan = self.newest();
        let kept = |id: &NodeId| matches!(plan.node(*id).op, Op::Source { retain: Some(_), .. });
        let over_sources = |group: &&Vec<NodeId>| {
            let inputs = group.iter().flat_map(|id| plan.node(*id).op.inputs());
            inputs.filter(|input| !group.contains(input)).all(|input| kept(&input))
        };
        let groups: Vec<&Vec<NodeId>> = self.groups().iter().filter(over_sources).collect();
        let named =
            |group: &[NodeId]| group.iter().copied().find(|id| plan.node(*id).op.name().is_some());
        let choices: Vec<(NodeId, Vec<NodeId>)> =
            groups.iter().filter_map(|group| Some((named(group)?, group.to_vec()))).collect();
        if choices.is_empty() {
            return None;
        }
        let plan = plan.clone();
        let (relation, own) = self.pick(&choices);
        Some(match plan.paused().contains_key(&relation) {
            true => plan.with_resumed(relation),
            false => plan.with_paused(relation, &own),
        })
    }

    /// What stands still of a plan from an epoch on, of which some did before.
    pub(super) fn stands_of(plan: &Plan, before: &Stands, last: Epoch) -> Stands {
        let stand = |id: &NodeId| {
            let fresh = || Stand { last, given: None };
            (*id, before.get(id).cloned().unwrap_or_else(fresh))
        };
        plan.paused().keys().map(stand).collect()
    }

    /// All that was pushed in an epoch is known, and so is how far the sources have come.
    pub(super) fn passed(&mut self, epoch: Epoch, sources: &[i64], producers: &[Producer]) {
        for stand in self.all_stands().filter(|stand| stand.last == epoch) {
            stand.given.get_or_insert_with(|| Given {
                watermarks: sources.to_vec(),
                statements: producers.iter().map(|p| p.statements_by(epoch)).collect(),
            });
        }
    }
}

impl World {
    /// What a node was given of a source by the end of an epoch, if it stood still at some time
    /// before that and still does.
    pub(super) fn given_before(&self, epoch: Epoch, node: NodeId, source: usize) -> Option<Input> {
        let plan = self.growth.plan_at(epoch);
        let (relation, _) = plan.paused().iter().find(|(_, own)| own.contains(&node))?;
        let stand = &self.growth.stands_at(epoch)[relation];
        let given = stand.given.as_ref().expect("the epoch was passed long before");
        let of = self.producers.iter().zip(&given.statements);
        let of = of.filter(|(producer, _)| producer.source.index() == source);
        Some(Input {
            rows: of.flat_map(|(producer, n)| producer.rows_before(*n)).cloned().collect(),
            watermark: given.watermarks[source],
        })
    }
}

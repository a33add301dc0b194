//! What becomes of a graph at the end of an epoch, as plain data.

use std::collections::BTreeMap;
use std::sync::Arc;

use sluicedb_sql::plan::NodeId;

use super::pause::{Mark, Read};
use super::placement::Placement;
use super::{EntryKey, Graph, Kind, StageSpec, Target};
use crate::core::effect::SinkId;
use crate::core::ids::{EdgeId, LaneId, OperatorId, ShardId, SourceId, StageId, ViewId};
use crate::core::operator::{MarkId, Port};

/// A relation that has been lowered.
#[derive(Clone, Debug)]
pub(super) struct Relation {
    pub(super) stage: StageId,
    pub(super) placement: Placement,
    pub(super) output: Output,
    /// Nodes that hand it on as it is, without an operator.
    pub(super) through: Vec<NodeId>,
}

/// Where a relation's rows come out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Output {
    /// Where they enter the stage.
    Entry(EntryKey),
    /// Out of an operator.
    Operator {
        /// Which.
        id: OperatorId,
        /// Which of its outputs.
        port: Port,
    },
}

/// What a node of the plan was made into.
#[derive(Clone, Debug, Default)]
pub(super) struct Lowered {
    /// Where those that come later read it; none for a node that was left to another one.
    pub(super) relation: Option<Relation>,
    pub(super) operators: Vec<OperatorId>,
    pub(super) edges: Vec<EdgeId>,
    pub(super) source: Option<SourceId>,
    pub(super) view: Option<ViewId>,
    /// What its operators read of other nodes.
    pub(super) reads: Vec<Read>,
}

/// An input that reads, from here on, what was there before.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reader {
    /// The stage of both.
    pub stage: StageId,
    /// What it reads.
    pub from: Output,
    /// The input.
    pub target: Target,
    /// The place behind which it is owed what there was; all is owed where absent.
    pub since: Option<MarkId>,
}

/// What becomes of a graph. What is in neither list stays as it is, under its id.
#[derive(Clone, Debug)]
pub struct Change {
    /// What runs from here on.
    pub graph: Arc<Graph>,
    /// Operators that come, ascending.
    pub come: Vec<OperatorId>,
    /// Operators that go, ascending; none of their numbers is among those that come.
    pub gone: Vec<OperatorId>,
    /// Sources that come.
    pub sources_come: Vec<SourceId>,
    /// Sources that go.
    pub sources_gone: Vec<SourceId>,
    /// Sources that nobody feeds and nobody reads yet, whose rows are placed as their first reader
    /// wants it.
    pub keyed: Vec<SourceId>,
    /// Views and streams that go.
    pub views_gone: Vec<ViewId>,
    /// Streams that come and feed sinks which write in step with checkpoints.
    pub sinks_come: Vec<SinkId>,
    /// Inputs that are added to what was there. Those that read what keeps its rows are owed them.
    pub readers: Vec<Reader>,
    /// Places that sources remember from here on, for inputs that were taken off them.
    pub marks: Vec<Mark>,
    /// Pairs of stages between which lanes come. Lanes never go.
    pub pairs: Vec<(StageId, StageId)>,
    /// Whether rows of the sources that come are logged before they are acknowledged.
    pub logged: bool,
    /// How the graph came about up to here, in words of whoever changes it: kept with each checkpoint,
    /// and handed back by recovery, which knows no other way from files to a graph.
    pub history: Arc<[u8]>,
}

impl Change {
    /// Whether everything stays as it is.
    pub fn is_empty(&self) -> bool {
        let Change { come, gone, sources_come, sources_gone, keyed, readers, marks, .. } = self;
        come.is_empty()
            && gone.is_empty()
            && sources_come.is_empty()
            && sources_gone.is_empty()
            && keyed.is_empty()
            && readers.is_empty()
            && marks.is_empty()
    }

    /// The lanes that come and lead away from a shard, sorted.
    pub fn lanes(&self, from: ShardId, shards: u16) -> Vec<LaneId> {
        let lanes = self.pairs.iter().flat_map(|&(from_stage, to_stage)| {
            (0..shards).map(move |to| LaneId { from_stage, to_stage, from, to: ShardId(to) })
        });
        let mut lanes: Vec<LaneId> = lanes.collect();
        lanes.sort_unstable();
        lanes
    }
}

impl Graph {
    /// Takes away what nodes were made into. Nothing that stays reads any of it.
    pub(super) fn remove(&mut self, nodes: &[NodeId]) -> Vec<Lowered> {
        let lowered = nodes.iter().filter_map(|id| self.nodes.remove(id));
        let lowered: Vec<Lowered> = lowered.collect();
        let operators: Vec<OperatorId> =
            lowered.iter().flat_map(|node| node.operators.iter().copied()).collect();
        self.forget_pauses(nodes, &operators);
        for Lowered { edges, source, view, .. } in &lowered {
            for edge in edges {
                let to = self.edges.take(edge.index()).to_stage;
                self.stages[to.index()].entries.retain(|(key, _)| *key != EntryKey::Edge(*edge));
            }
            if let Some(source) = source {
                self.sources.take(source.index());
                let key = EntryKey::Source(*source);
                self.stages[0].entries.retain(|(other, _)| *other != key);
            }
            if let Some(view) = view {
                self.views.take(view.index());
            }
        }
        self.stages.iter_mut().for_each(|stage| stage.drop_operators(&operators));
        self.count_operators();
        lowered
    }

    pub(super) fn count_operators(&mut self) {
        let ids = self.stages.iter().flat_map(|stage| &stage.operators);
        self.operators = ids.map(|operator| operator.id.index() + 1).max().unwrap_or(0);
    }
}

impl StageSpec {
    /// Takes operators away, and moves up those behind them.
    fn drop_operators(&mut self, gone: &[OperatorId]) {
        let mut places = BTreeMap::new();
        for (at, operator) in self.operators.iter().enumerate() {
            if !gone.contains(&operator.id) {
                places.insert(at, places.len());
            }
        }
        if places.len() == self.operators.len() {
            return;
        }
        self.operators.retain(|operator| !gone.contains(&operator.id));
        let outputs = self.operators.iter_mut().flat_map(|operator| &mut operator.outputs);
        let entries = self.entries.iter_mut().map(|(_, targets)| targets);
        for targets in outputs.chain(entries) {
            let stays = |target: &Target| {
                places.get(&target.operator).map(|&operator| Target { operator, ..*target })
            };
            *targets = targets.iter().filter_map(stays).collect();
        }
    }

    /// Where an operator stands, if it is of this stage.
    pub fn position(&self, id: OperatorId) -> Option<usize> {
        self.operators.iter().position(|operator| operator.id == id)
    }

    /// Whether an output is one of an operator that keeps what it has put out.
    pub fn is_kept(&self, output: Output) -> bool {
        let Output::Operator { id, .. } = output else { return false };
        let at = self.position(id);
        at.is_some_and(|at| match &self.operators[at].kind {
            Kind::View(options) => options.kept,
            Kind::Retain(_) => true,
            _ => false,
        })
    }
}

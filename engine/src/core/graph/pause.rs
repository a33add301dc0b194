//! Queries that stand still: what they read goes on without them, and remembers where that was.
//!
//! Invariants:
//! - What stands still keeps its operators and their state. Only the inputs at its edge are taken off
//!   what they read, so that nothing enters it, and barriers pass through it as ever.
//! - It reads sources that keep their rows, and nothing else: only these can give it later what came
//!   meanwhile.
//! - A mark is taken as long as what stands still is there.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use sluicedb_sql::SqlError;
use sluicedb_sql::plan::{NodeId, Plan};

use super::change::{Output, Reader};
use super::{Change, EntryKey, Graph, Kind, Target};
use crate::core::ids::{OperatorId, StageId};
use crate::core::limits::MARKS_MAX;
use crate::core::operator::{MarkId, Port};

/// An input of an operator, and where its rows come from. It holds while operators move.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Wire {
    pub(super) stage: StageId,
    pub(super) from: Output,
    pub(super) to: OperatorId,
    pub(super) port: Port,
}

/// What a node reads of others.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Read {
    pub(super) wire: Wire,
    /// Nodes between that hand on what they are given, without an operator in the way.
    pub(super) through: Vec<NodeId>,
}

/// What stands still with one relation.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Pause {
    /// The inputs that were taken off.
    wires: Vec<Wire>,
    /// By the operator that keeps rows of a source, the place behind which it is owed all.
    marks: BTreeMap<OperatorId, MarkId>,
}

/// A place that a source is to remember.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mark {
    /// The operator that keeps the rows of the source.
    pub operator: OperatorId,
    /// The number of the place.
    pub mark: MarkId,
}

/// What a change of the plan has stand still, or go on.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Turns {
    pauses: Vec<NodeId>,
    resumes: Vec<NodeId>,
}

impl Turns {
    /// One relation at a time, in a change of nothing else: so a source remembers one place at a time,
    /// and owes rows from one place on.
    pub(super) fn between(before: &Plan, after: &Plan) -> Result<Turns, SqlError> {
        let only = |of: &Plan, than: &Plan| -> Vec<NodeId> {
            let ids = of.paused().keys().filter(|id| !than.paused().contains_key(id));
            ids.copied().filter(|id| than.position(*id).is_some()).collect()
        };
        let turns = Turns { pauses: only(after, before), resumes: only(before, after) };
        let fresh = after.paused().keys().any(|id| before.position(*id).is_none());
        let count = turns.pauses.len() + turns.resumes.len();
        if fresh || count > 1 || count == 1 && before.next_id() != after.next_id() {
            return Err(SqlError::invalid_parameter(
                "one change of a plan has one relation stand still or go on, and nothing else",
            ));
        }
        Ok(turns)
    }
}

impl Graph {
    /// Carries out what stands still, or goes on.
    pub(super) fn turn(
        &mut self,
        plan: &Plan,
        turns: &Turns,
        change: &mut Change,
    ) -> Result<(), SqlError> {
        for relation in &turns.pauses {
            let own = plan.paused()[relation].iter().copied().collect();
            let pause = self.pause(&own)?;
            let marks = pause.marks.iter();
            change.marks.extend(marks.map(|(&operator, &mark)| Mark { operator, mark }));
            self.pauses.insert(*relation, pause);
        }
        for relation in &turns.resumes {
            let pause = self.pauses.remove(relation).expect("what goes on stood still");
            change.readers.extend(self.resume(&pause));
        }
        Ok(())
    }

    fn pause(&mut self, own: &BTreeSet<NodeId>) -> Result<Pause, SqlError> {
        let is_own = |id: &NodeId| own.contains(id);
        let within: BTreeSet<OperatorId> = own
            .iter()
            .filter_map(|id| self.nodes.get(id))
            .flat_map(|made| made.operators.clone())
            .collect();
        let reads = self.nodes.iter().flat_map(|(id, made)| {
            made.reads.iter().filter(move |read| is_own(id) || read.through.iter().any(is_own))
        });
        let wires: Vec<Wire> = reads
            .map(|read| read.wire)
            .filter(|wire| !matches!(self.maker(wire), Some(id) if within.contains(&id)))
            .collect();
        let mut marks = BTreeMap::new();
        for wire in &wires {
            let operator = self.keeper(wire).ok_or_else(|| {
                SqlError::unsupported("a query stands still that reads more than sources")
                    .hint("It must read sources that keep their rows, and nothing else.")
            })?;
            if let Entry::Vacant(entry) = marks.entry(operator) {
                entry.insert(self.free_mark(operator)?);
            }
        }
        for wire in &wires {
            let target = self.target(wire);
            self.targets(wire).retain(|other| *other != target);
        }
        Ok(Pause { wires, marks })
    }

    fn resume(&mut self, pause: &Pause) -> Vec<Reader> {
        let reader = |wire: &Wire| {
            let target = self.target(wire);
            self.targets(wire).push(target);
            let keeper = self.keeper(wire).expect("it was one when the wire was taken off");
            let since = Some(pause.marks[&keeper]);
            Reader { stage: wire.stage, from: wire.from, target, since }
        };
        pause.wires.iter().map(reader).collect()
    }

    /// The operator that puts out what comes over a wire; none where that enters the stage.
    fn maker(&self, wire: &Wire) -> Option<OperatorId> {
        match wire.from {
            Output::Operator { id, .. } => Some(id),
            Output::Entry(EntryKey::Edge(edge)) => {
                let sends = |kind: &Kind| matches!(kind, Kind::Exchange(other) if *other == edge);
                let mut operators = self.stages.iter().flat_map(|stage| &stage.operators);
                operators.find(|operator| sends(&operator.kind)).map(|o| o.id)
            }
            Output::Entry(EntryKey::Source(_)) => None,
        }
    }

    /// The operator behind a wire, if it is one that keeps the rows of a source.
    fn keeper(&self, wire: &Wire) -> Option<OperatorId> {
        let operator = self.operator(self.maker(wire)?)?;
        matches!(operator.kind, Kind::Retain(_)).then_some(operator.id)
    }

    fn free_mark(&self, operator: OperatorId) -> Result<MarkId, SqlError> {
        let taken = |mark: &u8| {
            self.pauses.values().any(|pause| pause.marks.get(&operator) == Some(&MarkId(*mark)))
        };
        let most = MARKS_MAX as u8;
        let limit = || {
            let what = "queries on one source that stand still";
            SqlError::limit_exceeded(what, MARKS_MAX + 1, MARKS_MAX)
        };
        (0..most).find(|mark| !taken(mark)).map(MarkId).ok_or_else(limit)
    }

    fn target(&self, wire: &Wire) -> Target {
        let stage = &self.stages[wire.stage.index()];
        let operator = stage.position(wire.to).expect("a wire goes with its operator");
        Target { operator, port: wire.port }
    }

    fn targets(&mut self, wire: &Wire) -> &mut Vec<Target> {
        let stage = &mut self.stages[wire.stage.index()];
        match wire.from {
            Output::Entry(key) => {
                let entry = stage.entries.iter_mut().find(|(other, _)| *other == key);
                &mut entry.expect("an entry stays while it is read").1
            }
            Output::Operator { id, port } => {
                let at = stage.position(id).expect("an operator stays while it is read");
                &mut stage.operators[at].outputs[usize::from(port.0)]
            }
        }
    }

    /// Forgets what stood still and is gone.
    pub(super) fn forget_pauses(&mut self, gone: &[NodeId], operators: &[OperatorId]) {
        self.pauses.retain(|relation, _| !gone.contains(relation));
        for pause in self.pauses.values_mut() {
            pause.wires.retain(|wire| !operators.contains(&wire.to));
        }
    }

    /// Whether something that stands still reads this output.
    pub(super) fn is_owed(&self, output: Output) -> bool {
        self.pauses.values().flat_map(|pause| &pause.wires).any(|wire| wire.from == output)
    }
}

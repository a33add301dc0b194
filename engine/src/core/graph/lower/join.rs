//! Joins: both sides are brought to where their keys meet.

use std::sync::Arc;

use sluicedb_sql::SqlError;
use sluicedb_sql::expr::Program;
use sluicedb_sql::plan::{JoinKind, NodeId, Op, both_sides};

use super::{Lowering, types};
use crate::core::graph::change::{Output, Relation};
use crate::core::graph::placement::Placement;
use crate::core::graph::{Kind, Target};
use crate::core::ids::StageId;
use crate::core::operator::{JoinOptions, Port};

impl Lowering<'_> {
    pub(super) fn join(
        &mut self,
        id: NodeId,
        left: NodeId,
        right: NodeId,
    ) -> Result<Relation, SqlError> {
        let Op::Join { kind, left_keys, right_keys, .. } = &self.plan.node(id).op else {
            unreachable!("called for joins")
        };
        let sides = [(left, left_keys), (right, right_keys)];
        let inputs = self.meet(sides)?;
        let stage = inputs[0].stage;
        let options = self.join_options(id, left, right)?;
        let (made, target) = self.operator(stage, Kind::Join(options), 1);
        for (side, relation) in inputs.iter().enumerate() {
            self.wire(relation, Target { port: Port(side as u8), ..target });
        }
        let ahead = self.schema(left).len();
        let placement = match kind {
            JoinKind::Right => right_keys.iter().map(|key| ahead + key).collect(),
            // Rows of either side may stand alone, and each has its own key only.
            JoinKind::Full => Vec::new(),
            _ => left_keys.clone(),
        };
        let anywhere = *kind == JoinKind::Full && !left_keys.is_empty();
        Ok(Relation {
            stage,
            placement: match anywhere {
                true => Placement::Somewhere,
                false => Placement::Hashed(placement),
            },
            output: Output::Operator { id: made, port: Port(0) },
            through: Vec::new(),
        })
    }

    /// Whether rows above a join are taken back of which nothing says on which shard they lie: with
    /// another number of shards they would not be found again.
    pub(super) fn is_lost(&self, id: NodeId, relation: &Relation) -> bool {
        let node = self.plan.node(id);
        let joined = match &node.op {
            Op::Join { .. } => true,
            Op::Filter { input, .. } | Op::Project { input, .. } => self.is_lost(*input, relation),
            _ => false,
        };
        joined && node.retracts && relation.placement == Placement::Somewhere
    }

    /// Relations on one stage, each placed by its keys, so that an operator can read them all.
    fn meet<const N: usize>(
        &mut self,
        sides: [(NodeId, &Vec<usize>); N],
    ) -> Result<[Relation; N], SqlError> {
        let inputs = sides.map(|(input, keys)| {
            let relation = self.relation(input);
            let moves = !relation.placement.is_hash_of(keys);
            (relation, moves)
        });
        let stages = inputs.iter().map(|(of, moves)| of.stage.0 + u16::from(*moves));
        let stage = StageId(stages.max().expect("an operator has inputs"));
        let mut placed = Vec::with_capacity(N);
        for ((relation, moves), (_, keys)) in inputs.into_iter().zip(sides) {
            let stays = !moves && relation.stage == stage;
            placed.push(match stays {
                true => relation,
                false => self.exchange(&relation, Some(stage), keys)?,
            });
        }
        Ok(placed.try_into().unwrap_or_else(|_| unreachable!("as many as there were")))
    }

    fn join_options(
        &mut self,
        id: NodeId,
        left: NodeId,
        right: NodeId,
    ) -> Result<JoinOptions, SqlError> {
        let Op::Join { kind, left_keys, right_keys, nulls_equal, condition, within, .. } =
            &self.plan.node(id).op
        else {
            unreachable!("called for joins")
        };
        let inputs = [types(self.schema(left)), types(self.schema(right))];
        let condition = match condition {
            Some(condition) => {
                let both = both_sides(self.schema(left), self.schema(right))?;
                Some(Arc::new(Program::compile(std::slice::from_ref(condition), &both)?))
            }
            None => None,
        };
        Ok(JoinOptions {
            kind: *kind,
            keys: [left_keys.clone(), right_keys.clone()],
            nulls_equal: *nulls_equal,
            condition,
            retracts: [left, right].map(|side| self.plan.node(side).retracts),
            within: *within,
            left_shape: self.shape(&inputs[0])?,
            both_shape: self.shape(&inputs.concat())?,
            inputs,
            output_shape: self.shape(&types(self.schema(id)))?,
        })
    }
}

//! Joins of the planner: what both sides are to have, what must be equal, and what else must hold.

use datafusion::common::{JoinType, NullEquality};
use datafusion::logical_expr::{Expr as Planned, Join, LogicalPlan};

use super::relation::unique_names;
use super::{Lowering, Out, Relation};
use crate::SqlError;
use crate::expr::Expr;
use crate::plan::{JoinKind, JoinSpec, NodeId};

/// One side of a join: its rows, and where what must be equal is.
pub(super) struct Side {
    pub(super) relation: Relation,
    pub(super) keys: Vec<usize>,
}

impl Lowering<'_> {
    pub(super) fn join(&mut self, join: &Join) -> Result<Relation, SqlError> {
        if join.null_aware {
            return self.not_in(join);
        }
        let (kind, swapped) = kind_of(join.join_type);
        let (left_keys, right_keys): (Vec<&Planned>, Vec<&Planned>) =
            join.on.iter().map(|(left, right)| (left, right)).unzip();
        let left = self.side(&join.left, &left_keys)?;
        let right = self.side(&join.right, &right_keys)?;
        let keys = pairs(&left.keys, &right.keys);
        self.check_keys(&left, &right, &keys)?;
        let mut spec = JoinSpec {
            kind,
            keys,
            nulls_equal: join.null_equality == NullEquality::NullEqualsNull,
            condition: None,
        };
        if let Some(filter) = &join.filter {
            spec.condition = self.condition(&left, &right, filter, join)?;
        }
        let (left, right) = (left.relation, right.relation);
        if swapped {
            return self.swapped(&left, &right, spec);
        }
        let node = self.builder.join_with(left.node, right.node, &spec)?;
        self.joined(node, &left, &right, kind)
    }

    /// A side with no columns but those that are asked for, and those that must be equal.
    pub(super) fn side(&mut self, plan: &LogicalPlan, keys: &[&Planned]) -> Result<Side, SqlError> {
        let relation = self.relation(plan)?;
        let node = self.builder.node(relation.node)?.clone();
        let mut exprs: Vec<(String, Expr)> = Vec::new();
        let place = |exprs: &mut Vec<(String, Expr)>, expr: Expr| {
            let found = exprs.iter().position(|(_, known)| *known == expr);
            found.unwrap_or_else(|| {
                exprs.push((expr.text(&node.schema), expr));
                exprs.len() - 1
            })
        };
        let columns = relation.columns.iter().map(|out| match *out {
            Out::Column(column) => Out::Column(place(&mut exprs, Expr::Column(column))),
            Out::Window { start, end } => Out::Window {
                start: place(&mut exprs, Expr::Column(start)),
                end: place(&mut exprs, Expr::Column(end)),
            },
        });
        let columns = columns.collect();
        let mut places = Vec::with_capacity(keys.len());
        for key in keys {
            let key = self.expr(key, &relation, plan.schema())?;
            places.push(place(&mut exprs, key));
        }
        if exprs.is_empty() {
            // Rows without columns are nothing that could be kept.
            place(&mut exprs, Expr::Column(0));
        }
        let moved =
            |column: &usize| exprs.iter().position(|(_, expr)| *expr == Expr::Column(*column));
        let key = relation.key.as_ref().and_then(|key| key.iter().map(moved).collect());
        let same = exprs.len() == node.schema.len()
            && exprs.iter().enumerate().all(|(at, (_, expr))| *expr == Expr::Column(at));
        let node = match same {
            true => relation.node,
            false => self.builder.project(relation.node, unique_names(exprs))?,
        };
        Ok(Side { relation: Relation { node, columns, key }, keys: places })
    }

    /// Refuses to compare values of different types.
    pub(super) fn check_keys(
        &self,
        left: &Side,
        right: &Side,
        keys: &[(usize, usize)],
    ) -> Result<(), SqlError> {
        let left = &self.builder.node(left.relation.node)?.schema;
        let right = &self.builder.node(right.relation.node)?.schema;
        for &(l, r) in keys {
            let (l, r) = (left.field(l), right.field(r));
            if l.data_type != r.data_type {
                let message = format!(
                    "the join compares {}, {}, with {}, {}",
                    l.name, l.data_type, r.name, r.data_type
                );
                return Err(SqlError::datatype_mismatch(message).hint("Cast one of them."));
            }
        }
        Ok(())
    }

    /// The condition beside the keys, over the columns of both sides.
    fn condition(
        &mut self,
        left: &Side,
        right: &Side,
        filter: &Planned,
        join: &Join,
    ) -> Result<Option<Expr>, SqlError> {
        let schema =
            join.left.schema().join(join.right.schema()).map_err(super::super::of_planner)?;
        // Columns are found through a node that has all of them, and is not part of the plan.
        let before = self.builder.clone();
        let keys = pairs(&left.keys, &right.keys);
        let spec = JoinSpec { kind: JoinKind::Full, ..JoinSpec::inner(keys) };
        let both = self.builder.join_with(left.relation.node, right.relation.node, &spec)?;
        let both = self.joined(both, &left.relation, &right.relation, JoinKind::Full)?;
        let found = self.expr(filter, &both, &schema);
        *self.builder = before;
        found.map(|condition| (condition != crate::expr::lit(true)).then_some(condition))
    }

    /// A join whose rows are those of the right side alone.
    fn swapped(
        &mut self,
        left: &Relation,
        right: &Relation,
        mut spec: JoinSpec,
    ) -> Result<Relation, SqlError> {
        if spec.condition.is_some() {
            return Err(SqlError::unsupported("a condition on a subquery in this place")
                .hint("Write the subquery in WHERE."));
        }
        spec.keys.iter_mut().for_each(|(l, r)| std::mem::swap(l, r));
        let node = self.builder.join_with(right.node, left.node, &spec)?;
        self.joined(node, right, left, spec.kind)
    }

    /// The rows of a join as the planner sees them.
    fn joined(
        &self,
        node: NodeId,
        left: &Relation,
        right: &Relation,
        kind: JoinKind,
    ) -> Result<Relation, SqlError> {
        let ahead = self.builder.node(left.node)?.schema.len();
        let behind = |out: &Out| match *out {
            Out::Column(column) => Out::Column(ahead + column),
            Out::Window { start, end } => Out::Window { start: ahead + start, end: ahead + end },
        };
        let mut columns = left.columns.clone();
        match kind {
            JoinKind::Semi | JoinKind::Anti => {}
            JoinKind::Mark => columns.push(Out::Column(ahead)),
            _ => columns.extend(right.columns.iter().map(behind)),
        }
        let key = if kind.pairs() { None } else { left.key.clone() };
        Ok(Relation { node, columns, key })
    }
}

fn pairs(left: &[usize], right: &[usize]) -> Vec<(usize, usize)> {
    left.iter().copied().zip(right.iter().copied()).collect()
}

/// What is put out, and whether of the right side.
fn kind_of(of: JoinType) -> (JoinKind, bool) {
    match of {
        JoinType::Inner => (JoinKind::Inner, false),
        JoinType::Left => (JoinKind::Left, false),
        JoinType::Right => (JoinKind::Right, false),
        JoinType::Full => (JoinKind::Full, false),
        JoinType::LeftSemi => (JoinKind::Semi, false),
        JoinType::LeftAnti => (JoinKind::Anti, false),
        JoinType::LeftMark => (JoinKind::Mark, false),
        JoinType::RightSemi => (JoinKind::Semi, true),
        JoinType::RightAnti => (JoinKind::Anti, true),
        JoinType::RightMark => (JoinKind::Mark, true),
    }
}

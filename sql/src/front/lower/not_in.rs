//! NOT IN where NULLs may be: a row stays if nothing that is asked for is equal to its value, or might
//! be if one knew what a NULL stands for.
//!
//! Three things throw a row out: an equal value, any NULL among the values, and any value at all if its
//! own is NULL. Each is an anti join, and the last two ask only whether there is a row.

use datafusion::logical_expr::Join;

use super::join::Side;
use super::relation::unique_names;
use super::{Lowering, Relation};
use crate::SqlError;
use crate::expr::{Expr, lit};
use crate::plan::{JoinKind, JoinSpec, NodeId};

impl Lowering<'_> {
    pub(super) fn not_in(&mut self, join: &Join) -> Result<Relation, SqlError> {
        let ([(left_key, right_key)], None) = (&join.on[..], &join.filter) else {
            return Err(SqlError::unsupported(
                "NOT IN with a correlated subquery over columns that may be NULL",
            )
            .hint("Write NOT EXISTS, which knows no NULLs."));
        };
        let left = self.side(&join.left, &[left_key])?;
        let right = self.side(&join.right, &[right_key])?;
        let (left_key, right_key) = (left.keys[0], right.keys[0]);
        self.check_keys(&left, &right, &[(left_key, right_key)])?;
        let Side { relation: Relation { node: values, .. }, .. } = right;
        let anti =
            JoinSpec { kind: JoinKind::Anti, ..JoinSpec::inner(vec![(left_key, right_key)]) };
        let mut node = self.builder.join_with(left.relation.node, values, &anti)?;
        if self.may_be_null(values, right_key)? {
            let nulls = self.builder.filter(values, &Expr::Column(right_key).is_null())?;
            node = self.without(node, lit(1), nulls)?;
        }
        if self.may_be_null(node, left_key)? {
            let is_null = Expr::Column(left_key).is_null();
            let asks = Expr::case(vec![(is_null, lit(1))], None);
            node = self.without(node, asks, values)?;
        }
        Ok(Relation { node, ..left.relation })
    }

    fn may_be_null(&self, node: NodeId, column: usize) -> Result<bool, SqlError> {
        Ok(self.builder.node(node)?.schema.field(column).nullable)
    }

    /// The rows of `node` for which `asks` is not 1 while there are rows in `others`.
    fn without(&mut self, node: NodeId, asks: Expr, others: NodeId) -> Result<NodeId, SqlError> {
        let schema = self.builder.node(node)?.schema.clone();
        let columns = schema.names().map(str::to_owned).enumerate();
        let plain = columns.map(|(at, name)| (name, Expr::Column(at)));
        let outputs = plain.chain([("asks".to_owned(), asks)]).collect();
        let asking = self.builder.project(node, unique_names(outputs))?;
        let there = self.builder.project(others, vec![("there".to_owned(), lit(1))])?;
        let keys = vec![(schema.len(), 0)];
        let anti = JoinSpec { kind: JoinKind::Anti, ..JoinSpec::inner(keys) };
        self.builder.join_with(asking, there, &anti)
    }
}

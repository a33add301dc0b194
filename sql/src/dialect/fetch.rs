//! `FETCH FIRST n ROWS ONLY` as the LIMIT that it is.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Fetch, LimitClause, Query, Value, VisitMut, VisitorMut};

/// Writes LIMIT for every FETCH that counts rows and leaves out those that are like the last one.
pub(super) fn rewrite(query: &mut Query) {
    let ControlFlow::Continue(()) = query.visit(&mut Limits);
}

struct Limits;

impl VisitorMut for Limits {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let Some(Fetch { with_ties: false, percent: false, quantity }) = &query.fetch else {
            return ControlFlow::Continue(());
        };
        let one = || Expr::value(Value::Number("1".to_owned(), false));
        let rows = Some(quantity.clone().unwrap_or_else(one));
        match &mut query.limit_clause {
            None => {
                let (offset, limit_by) = (None, Vec::new());
                query.limit_clause =
                    Some(LimitClause::LimitOffset { limit: rows, offset, limit_by });
            }
            Some(LimitClause::LimitOffset { limit: limit @ None, .. }) => *limit = rows,
            // Two limits are one too many: the planner refuses what is left.
            Some(_) => return ControlFlow::Continue(()),
        }
        query.fetch = None;
        ControlFlow::Continue(())
    }
}

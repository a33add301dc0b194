//! Where in its text a query is wrong: the smallest part of it that is refused on its own for the
//! same reason. The planner keeps the places of columns only.

use std::ops::ControlFlow;

use sqlparser::ast::helpers::attached_token::AttachedToken;
use sqlparser::ast::{
    Cte, Expr, GroupByExpr, JoinConstraint, JoinOperator, OrderByKind, Query, Select, SelectItem,
    SetExpr, Spanned, TableFactor, TableWithJoins, Value, Visit, Visitor, With,
};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::{Location, Span};

use crate::dialect::offset_of;

/// Queries that are tried for one error, each of which is bound from the start.
const TRIALS_MAX: usize = 256;

/// The byte of `text` at which `query`, which was read from it, is wrong. `refused` says whether
/// another query is refused for the same reason.
pub(super) fn of(query: &Query, text: &str, refused: &dyn Fn(Query) -> bool) -> Option<usize> {
    let empty = Parser::new(&PostgreSqlDialect {}).try_with_sql("SELECT 1");
    let empty = *empty.and_then(|mut parser| parser.parse_query()).ok()?;
    Search { refused, text, empty, left: TRIALS_MAX, named: Vec::new() }.query(query)
}

/// The byte of `text` at which a place that the parser or the planner kept stands, if it kept one.
pub(super) fn offset(text: &str, place: Location) -> Option<usize> {
    (place.line > 0).then(|| offset_of(text, place))
}

struct Search<'a> {
    refused: &'a dyn Fn(Query) -> bool,
    text: &'a str,
    /// `SELECT 1`, to put parts into.
    empty: Query,
    /// Queries that may still be tried.
    left: usize,
    /// What WITH names around the part that is looked at.
    named: Vec<Cte>,
}

impl Search<'_> {
    fn query(&mut self, query: &Query) -> Option<usize> {
        let outside = self.named.len();
        let found = self.inside(query);
        self.named.truncate(outside);
        found
    }

    fn inside(&mut self, query: &Query) -> Option<usize> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            let found = self.query(&cte.query);
            if found.is_some() {
                return found;
            }
            self.named.push(cte.clone());
        }
        let keys = match query.order_by.as_ref().map(|order| &order.kind) {
            Some(OrderByKind::Expressions(keys)) => keys.iter().map(|key| &key.expr).collect(),
            _ => Vec::new(),
        };
        self.body(&query.body, &keys)
    }

    fn body(&mut self, body: &SetExpr, order_by: &[&Expr]) -> Option<usize> {
        match body {
            SetExpr::Select(select) => self.select(select, order_by),
            SetExpr::Query(query) => self.query(query),
            SetExpr::SetOperation { left, right, .. } => {
                let inside = self.body(left, &[]).or_else(|| self.body(right, &[]));
                inside.or_else(|| self.apart(body, right))
            }
            SetExpr::Values(values) => {
                let mut cells = values.rows.iter().flat_map(|row| row.iter());
                cells.find_map(|cell| self.expr(cell, &[]))
            }
            _ => None,
        }
    }

    /// The place of two queries that are fine and do not go together: the first column of the
    /// second one.
    fn apart(&mut self, both: &SetExpr, second: &SetExpr) -> Option<usize> {
        let refused = self.tried(|query| *query.body = both.clone());
        let span = match second {
            SetExpr::Select(select) => select.projection.first()?.span(),
            other => other.span(),
        };
        refused.then(|| offset(self.text, span.start)).flatten()
    }

    fn select(&mut self, select: &Select, order_by: &[&Expr]) -> Option<usize> {
        let joined = select.from.iter().flat_map(|from| &from.joins);
        let factors = select.from.iter().map(|from| &from.relation);
        let factors = factors.chain(joined.clone().map(|join| &join.relation));
        for factor in factors {
            let found = self.factor(factor);
            if found.is_some() {
                return found;
            }
        }
        let from: Vec<TableWithJoins> = select.from.iter().map(crossed).collect();
        if self.is_refused(one(), &from) {
            // The relations do not go together, whatever is selected from them.
            return self.second(select);
        }
        let items = select.projection.iter().filter_map(|item| match item {
            SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
            _ => None,
        });
        let keys = match &select.group_by {
            GroupByExpr::Expressions(keys, _) => &keys[..],
            GroupByExpr::All(_) => &[],
        };
        let conditions = joined.filter_map(|join| condition(&join.join_operator));
        let conditions = conditions.chain(&select.selection);
        let after = select.having.iter().chain(&select.qualify).chain(order_by.iter().copied());
        let mut parts = conditions.clone().chain(keys).chain(items).chain(after);
        let found = parts.find_map(|part| self.expr(part, &from));
        if found.is_some() {
            return found;
        }
        // What is fine by itself may be no condition.
        let no_filter = conditions
            .clone()
            .find(|part| self.over(&from, |select| select.selection = Some((*part).clone())));
        let wrong = no_filter.or_else(|| {
            let having = select.having.as_ref()?;
            let refused = self.over(&from, |select| select.having = Some(having.clone()));
            refused.then_some(having)
        });
        wrong.and_then(|part| self.place(part))
    }

    /// The place of the second of several relations, each of which is fine.
    fn second(&mut self, select: &Select) -> Option<usize> {
        let mut each = select.from.iter().flat_map(|from| {
            let joined = from.joins.iter().map(|join| &join.relation);
            std::iter::once(&from.relation).chain(joined)
        });
        let wrong = each.clone().any(|factor| {
            let from = TableWithJoins { relation: factor.clone(), joins: Vec::new() };
            self.is_refused(one(), &[from])
        });
        if wrong {
            return None;
        }
        let second = each.nth(1)?;
        offset(self.text, second.span().start)
    }

    /// What rows come from.
    fn factor(&mut self, factor: &TableFactor) -> Option<usize> {
        match factor {
            TableFactor::Derived { subquery, lateral: false, .. } => return self.query(subquery),
            TableFactor::Derived { .. } => return None,
            TableFactor::NestedJoin { table_with_joins, .. } => {
                let TableWithJoins { relation, joins } = &**table_with_joins;
                let mut factors =
                    std::iter::once(relation).chain(joins.iter().map(|j| &j.relation));
                return factors.find_map(|factor| self.factor(factor));
            }
            _ => {}
        }
        let from = TableWithJoins { relation: factor.clone(), joins: Vec::new() };
        let refused = self.is_refused(one(), &[from]);
        refused.then(|| offset(self.text, factor.span().start)).flatten()
    }

    /// The place of the smallest part of an expression over the rows of `from`.
    fn expr(&mut self, expr: &Expr, from: &[TableWithJoins]) -> Option<usize> {
        if !self.is_refused(expr.clone(), from) {
            return None;
        }
        let mut parts = Parts::default();
        let ControlFlow::Continue(()) = expr.visit(&mut parts);
        let Parts { exprs, queries, .. } = parts;
        let found = exprs.iter().find_map(|part| self.expr(part, from));
        let found = found.or_else(|| queries.iter().find_map(|query| self.query(query)));
        found.or_else(|| self.place(expr))
    }

    fn is_refused(&mut self, expr: Expr, from: &[TableWithJoins]) -> bool {
        self.over(from, |select| select.projection = vec![SelectItem::UnnamedExpr(expr)])
    }

    /// Whether `SELECT 1 FROM from` is refused with some of it set.
    fn over(&mut self, from: &[TableWithJoins], set: impl FnOnce(&mut Select)) -> bool {
        self.tried(|query| {
            if let SetExpr::Select(select) = &mut *query.body {
                select.from = from.to_vec();
                set(select);
            }
        })
    }

    /// Whether `SELECT 1` is refused with some of it set.
    fn tried(&mut self, set: impl FnOnce(&mut Query)) -> bool {
        let Some(left) = self.left.checked_sub(1) else { return false };
        self.left = left;
        let mut query = self.empty.clone();
        if !self.named.is_empty() {
            let with_token = AttachedToken::empty();
            let cte_tables = self.named.clone();
            query.with = Some(With { with_token, recursive: false, cte_tables });
        }
        set(&mut query);
        (self.refused)(query)
    }

    /// Where an expression stands: an operator between two operands at its sign.
    fn place(&self, expr: &Expr) -> Option<usize> {
        if let Expr::BinaryOp { left, right, .. } = expr
            && let Some(end) = offset(self.text, left.span().end)
            && let Some(start) = offset(self.text, right.span().start)
            && let Some(between) = self.text.get(end..start)
        {
            let sign = between.trim_start_matches(|c: char| c == ')' || c.is_whitespace());
            let comment = sign.starts_with("--") || sign.starts_with("/*");
            if !sign.is_empty() && !sign.starts_with('(') && !comment {
                return Some(start - sign.len());
            }
        }
        let span: Span = expr.span();
        offset(self.text, span.start)
    }
}

/// What can always be selected.
fn one() -> Expr {
    Expr::Value(Value::Number("1".to_owned(), false).with_empty_span())
}

/// The same relations, joined without conditions.
fn crossed(from: &TableWithJoins) -> TableWithJoins {
    let mut from = from.clone();
    for join in &mut from.joins {
        join.join_operator = JoinOperator::CrossJoin(JoinConstraint::None);
    }
    from
}

/// The condition of a join.
fn condition(join: &JoinOperator) -> Option<&Expr> {
    match join {
        JoinOperator::Join(on)
        | JoinOperator::Inner(on)
        | JoinOperator::Left(on)
        | JoinOperator::LeftOuter(on)
        | JoinOperator::Right(on)
        | JoinOperator::RightOuter(on)
        | JoinOperator::FullOuter(on) => match on {
            JoinConstraint::On(expr) => Some(expr),
            _ => None,
        },
        _ => None,
    }
}

/// What an expression is made of: the expressions right below it, and the queries in it.
#[derive(Default)]
struct Parts {
    exprs: Vec<Expr>,
    queries: Vec<Query>,
    /// Expressions and queries that are open.
    depth: usize,
    inner: usize,
}

impl Visitor for Parts {
    type Break = std::convert::Infallible;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<Self::Break> {
        if self.inner == 0 && self.depth == 1 {
            self.queries.push(query.clone());
        }
        self.inner += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.inner -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        self.depth += 1;
        if self.inner == 0 && self.depth == 2 {
            self.exprs.push(expr.clone());
        }
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, _: &Expr) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }
}

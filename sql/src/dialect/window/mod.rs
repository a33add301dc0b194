//! Windows in the forms users write them, rewritten to calls that a planner can bind.
//!
//! What remains after [`rewrite`] is, in GROUP BY, one of the calls
//! `__tumble(ts, size, offset, zone)`, `__hop(ts, size, slide, offset, zone)`,
//! `__session(ts, gap)` and `__cumulate(ts, step, size, offset, zone)`, and around the same call
//! everywhere else `__window_start(..)` and `__window_end(..)`. Sizes are `INTERVAL` literals in the
//! form of [`Interval`](super::interval::Interval), the zone is a text or NULL. A SELECT without
//! such a GROUP BY that holds `__window_start(..)` assigns windows row by row.

mod call;
mod select;
mod table;

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Query, Select, SetExpr, Spanned, VisitMut, VisitorMut};

pub(super) use call::function;

use super::interval;
use super::source::folded;
use super::token::offset_of;
use crate::error::SqlError;

/// Something the user should know though the statement is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What was understood.
    pub message: String,
    /// What to write to say it plainly.
    pub hint: Option<String>,
}

/// The names of the canonical calls.
pub const TUMBLE: &str = "__tumble";
/// See [`TUMBLE`].
pub const HOP: &str = "__hop";
/// See [`TUMBLE`].
pub const SESSION: &str = "__session";
/// See [`TUMBLE`].
pub const CUMULATE: &str = "__cumulate";
/// Gives the start of the window that its argument assigns.
pub const WINDOW_START: &str = "__window_start";
/// Gives the end of it.
pub const WINDOW_END: &str = "__window_end";

/// Rewrites every window of `query`, which was read from `text`, to its canonical call, and every
/// literal of an interval to one form.
pub fn rewrite(query: &mut Query, text: &str) -> Result<Vec<Notice>, SqlError> {
    let mut rewriter = Rewriter { notices: Vec::new(), text };
    match query.visit(&mut rewriter) {
        ControlFlow::Continue(()) => Ok(rewriter.notices),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// Walks a query from the outside to the inside.
struct Rewriter<'a> {
    notices: Vec<Notice>,
    text: &'a str,
}

impl Rewriter<'_> {
    /// The error at the place of an expression, where that is known.
    fn place(&self, error: SqlError, expr: &Expr) -> SqlError {
        let start = expr.span().start;
        if start.line == 0 { error } else { error.at(offset_of(self.text, start)) }
    }

    fn notice(&mut self, message: String, hint: &str) {
        let notice = Notice { message, hint: Some(hint.to_owned()) };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    fn query(&mut self, query: &mut Query) -> Result<(), SqlError> {
        let Query { body, order_by, .. } = query;
        if let SetExpr::Select(select) = &mut **body {
            self.select(select, order_by.as_mut())?;
        }
        Ok(())
    }

    /// Brings the literal of an interval to one form, and reads `now() - '1m'` as what it means.
    fn literal(&self, expr: &mut Expr) -> Result<(), SqlError> {
        let found = match expr {
            Expr::Interval(written) => interval::of_written(written),
            Expr::BinaryOp { left, op: BinaryOperator::Minus | BinaryOperator::Plus, right }
                if is_now(left) =>
            {
                let interval = match &**right {
                    Expr::Value(_) => interval::of_expr(right),
                    _ => Ok(None),
                };
                let interval = interval.map_err(|error| self.place(error, right))?;
                if let Some(interval) = interval {
                    **right = call::interval(interval);
                }
                return Ok(());
            }
            _ => return Ok(()),
        };
        if let Some(interval) = found.map_err(|error| self.place(error, expr))? {
            *expr = call::interval(interval);
        }
        Ok(())
    }
}

fn is_now(expr: &Expr) -> bool {
    let Expr::Function(function) = expr else { return false };
    call::name_of(function).is_some_and(|name| matches!(&*name, "now" | "current_timestamp"))
}

fn flow(result: Result<(), SqlError>) -> ControlFlow<Box<SqlError>> {
    match result {
        Ok(()) => ControlFlow::Continue(()),
        Err(error) => ControlFlow::Break(Box::new(error)),
    }
}

impl VisitorMut for Rewriter<'_> {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        flow(self.query(query))
    }

    // Reached without a query of its own below UNION; elsewhere nothing is left to do.
    fn pre_visit_select(&mut self, select: &mut Select) -> ControlFlow<Self::Break> {
        flow(self.select(select, None))
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        flow(self.literal(expr))
    }
}

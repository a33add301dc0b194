//! `moment AT TIME ZONE zone` as the function that it is, which has the name that PostgreSQL gives it.

use std::ops::ControlFlow;

use sqlparser::ast::{Expr, Query, VisitMut, VisitorMut};

use super::window::function;

/// Writes a call of `timezone` for every AT TIME ZONE.
pub(super) fn rewrite(query: &mut Query) {
    let ControlFlow::Continue(()) = query.visit(&mut Calls);
}

struct Calls;

impl VisitorMut for Calls {
    type Break = std::convert::Infallible;

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::AtTimeZone { timestamp, time_zone } = expr {
            let none = || Box::new(Expr::value(sqlparser::ast::Value::Null));
            let [moment, zone] =
                [timestamp, time_zone].map(|part| *std::mem::replace(part, none()));
            *expr = function("timezone", vec![zone, moment]);
        }
        ControlFlow::Continue(())
    }
}

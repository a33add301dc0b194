//! Queries at a time of day that stands still: what asks for the time is given that one.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::of_planner;
use crate::SqlError;

const DAY_US: i64 = 86_400_000_000;

/// The plan as if it ran at a moment, in microseconds since 1970.
pub(crate) fn at(plan: LogicalPlan, now_us: i64) -> Result<LogicalPlan, SqlError> {
    let now_ns = now_us.checked_mul(1_000).ok_or_else(|| {
        let message = "now() reaches from 1677 to 2262, and the clock stands outside of that";
        SqlError::out_of_range(message).hint("SET CLOCK to a time in between.")
    });
    let mut asked = false;
    let plan = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let given = expr.transform_up(|expr| {
                let Expr::ScalarFunction(ScalarFunction { func, .. }) = &expr else {
                    return Ok(Transformed::no(expr));
                };
                let day = now_us.div_euclid(DAY_US);
                let ns = *now_ns.as_ref().unwrap_or(&0);
                let value = match func.name() {
                    "now" | "current_timestamp" => {
                        ScalarValue::TimestampNanosecond(Some(ns), Some(Arc::from("+00:00")))
                    }
                    "current_date" | "today" => ScalarValue::Date32(i32::try_from(day).ok()),
                    "current_time" => {
                        let since = now_us.rem_euclid(DAY_US) * 1_000;
                        ScalarValue::Time64Nanosecond(Some(since))
                    }
                    _ => return Ok(Transformed::no(expr)),
                };
                asked = true;
                Ok(Transformed::yes(Expr::Literal(value, None)))
            })?;
            Ok(given.update_data(|expr| name.restore(expr)))
        })
    });
    let plan = plan.map_err(of_planner)?.data;
    if asked { now_ns.map(|_| plan) } else { Ok(plan) }
}

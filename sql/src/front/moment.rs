//! What asks for the time of day: given one that stands still, and refused where a query goes on.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Expr, LogicalPlan};

use super::of_planner;
use crate::SqlError;

const DAY_US: i64 = 86_400_000_000;

/// Refuses a continuous query that asks for the time: it would have that of its CREATE for ever.
pub(super) fn refuse(plan: &LogicalPlan) -> Result<(), SqlError> {
    let mut asks = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::ScalarFunction(ScalarFunction { func, .. }) = part
                    && ASKING.contains(&func.name())
                {
                    asks = Some(func.name().to_owned());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map_err(of_planner)?;
    asks.map_or(Ok(()), |name| {
        let error = SqlError::unsupported(format!("{name}() in a continuous query"));
        Err(error.hint(
            "Its result changes as rows come and go, and not as time passes: compare with a column of \
             event time, or with now() in a query that reads the view.",
        ))
    })
}

/// The functions that do.
const ASKING: [&str; 5] = ["now", "current_timestamp", "current_date", "today", "current_time"];

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

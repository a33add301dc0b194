//! DISTINCT ON as the first row of each group: one way to run both.

use datafusion::common::tree_node::Transformed;
use datafusion::error::{DataFusionError, Result};
use datafusion::logical_expr::expr::WindowFunction;
use datafusion::logical_expr::{
    Distinct, DistinctOn, Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, lit,
};

use super::functions;

/// The plan with every DISTINCT ON written as a filter on row_number().
pub(super) fn as_first_rows(plan: LogicalPlan) -> Result<LogicalPlan> {
    let found = plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Distinct(Distinct::On(on)) => first_rows(on).map(Transformed::yes),
        other => Ok(Transformed::no(other)),
    })?;
    Ok(found.data)
}

fn first_rows(on: DistinctOn) -> Result<LogicalPlan> {
    let DistinctOn { on_expr, select_expr, sort_expr, input, schema: _ } = on;
    let function = functions::all().window.get("row_number").cloned();
    let function = function.ok_or_else(|| DataFusionError::Internal("row_number".to_owned()))?;
    let call = Expr::from(WindowFunction::new(function, Vec::new()));
    let call = call.partition_by(on_expr).order_by(sort_expr.unwrap_or_default()).build()?;
    let numbered = LogicalPlanBuilder::from(input).window(vec![call])?;
    let number = numbered.schema().columns().pop().expect("the number is a column");
    numbered.filter(Expr::Column(number).eq(lit(1_u64)))?.project(select_expr)?.build()
}

//! Windows of queries that run once: each row is given its windows before rows are grouped, so that
//! the result is what a continuous query comes to when all its windows have closed.

use std::sync::Arc;

use arrow::datatypes::DataType as ArrowType;
use datafusion::common::Column;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{
    Aggregate, Expr, ExprFunctionExt, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Projection,
};

use super::functions::{WindowKind, assign, outside, sessions};
use super::lower::{shape, window_mark};
use super::of_planner;
use crate::SqlError;
use crate::plan::Window;

/// What holds the windows of a row until they are grouped by.
const ASSIGNED: &str = "__assigned";

/// The same query, with windows that its grouping can compute.
pub(crate) fn assign_windows(plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let plan = plan.transform_up_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => match assigned(&aggregate) {
            Ok(None) => Ok(Transformed::no(LogicalPlan::Aggregate(aggregate))),
            Ok(Some(plan)) => Ok(Transformed::yes(plan)),
            Err(error) => Err(outside(error)),
        },
        LogicalPlan::Projection(projection) => match row_by_row(&projection) {
            Ok(None) => Ok(Transformed::no(LogicalPlan::Projection(projection))),
            Ok(Some(plan)) => Ok(Transformed::yes(plan)),
            Err(error) => Err(outside(error)),
        },
        other => Ok(Transformed::no(other)),
    });
    Ok(plan.map_err(of_planner)?.data)
}

/// The aggregate over rows that bear their window; none where there is nothing to do.
fn assigned(aggregate: &Aggregate) -> Result<Option<LogicalPlan>, SqlError> {
    let keys = &aggregate.group_expr;
    if let [Expr::GroupingSet(sets)] = &keys[..] {
        if sets.distinct_expr().iter().any(|key| window_mark(key).is_some()) {
            return Err(SqlError::unsupported("a window in ROLLUP, CUBE or GROUPING SETS")
                .hint("Group by the window in a subquery, and by its start in the sets."));
        }
        return Ok(None);
    }
    let Some(at) = keys.iter().position(|key| window_mark(key).is_some()) else {
        return Ok(None);
    };
    let (kind, args) = window_mark(&keys[at]).expect("looked for above");
    let Some((time, sizes)) = args.split_first() else {
        return Err(SqlError::syntax("a window takes a time column"));
    };
    if time.get_type(aggregate.input.schema()).map_err(of_planner)? == ArrowType::Int64 {
        return Err(SqlError::unsupported("a window over a BIGINT in a query that runs once")
            .hint("Write tumble(to_timestamp_millis(ts), ..)."));
    }
    let others = keys.iter().enumerate().filter(|(key, _)| *key != at);
    let others: Vec<Expr> = others.map(|(_, key)| key.clone()).collect();
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(Arc::clone(&aggregate.input)));
    // A row without a time is in no window.
    let input = input.filter(time.clone().is_not_null()).map_err(of_planner)?;
    let (input, window) = match kind {
        WindowKind::Tumble if has_no_zone(sizes) => {
            (input.build().map_err(of_planner)?, keys[at].clone())
        }
        WindowKind::Tumble | WindowKind::Hop | WindowKind::Cumulate => {
            let window = shape(kind, sizes, ())?;
            window.check()?;
            fixed(input, time, window).map_err(of_planner)?
        }
        WindowKind::Session => {
            let Window::Session { gap_us, .. } = shape(kind, sizes, ())? else {
                unreachable!("a session was asked for")
            };
            session(input, time, others, gap_us).map_err(of_planner)?
        }
        WindowKind::Start | WindowKind::End => return Ok(None),
    };
    // What stands above knows the window by the name of its call.
    let name = keys[at].schema_name().to_string();
    let mut keys = keys.clone();
    keys[at] = if window == keys[at] { window } else { window.alias(name) };
    let grouped = Aggregate::try_new(Arc::new(input), keys, aggregate.aggr_expr.clone());
    grouped.map(|of| Some(LogicalPlan::Aggregate(of))).map_err(of_planner)
}

/// A projection that assigns windows outside GROUP BY gives a row for each window of a row; none
/// where it assigns none that a row has several of.
fn row_by_row(projection: &Projection) -> Result<Option<LogicalPlan>, SqlError> {
    let mut mark = None;
    for expr in &projection.expr {
        let found = expr.apply(|part| {
            if let Expr::ScalarFunction(_) = part
                && let Some((WindowKind::Hop | WindowKind::Cumulate, _)) = window_mark(part)
            {
                mark = Some(part.clone());
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found.expect("nothing in the walk fails");
    }
    let Some(mark) = mark else { return Ok(None) };
    let (kind, args) = window_mark(&mark).expect("looked for above");
    let Some((time, sizes)) = args.split_first() else {
        return Err(SqlError::syntax("a window takes a time column"));
    };
    let window = shape(kind, sizes, ())?;
    window.check()?;
    let input = LogicalPlanBuilder::from(Arc::unwrap_or_clone(Arc::clone(&projection.input)));
    let input = input.filter(time.clone().is_not_null()).map_err(of_planner)?;
    let (input, column) = fixed(input, time, window).map_err(of_planner)?;
    let names = NamePreserver::new_for_projection();
    let exprs = projection.expr.iter().map(|expr| {
        let name = names.save(expr);
        let put = expr.clone().transform_up(|part| match part == mark {
            true => Ok(Transformed::yes(column.clone())),
            false => Ok(Transformed::no(part)),
        });
        Ok(name.restore(put?.data))
    });
    let exprs = exprs.collect::<Planned<Vec<Expr>>>().map_err(of_planner)?;
    let assigned = Projection::try_new(exprs, Arc::new(input)).map_err(of_planner)?;
    Ok(Some(LogicalPlan::Projection(assigned)))
}

/// Whether a window is cut at UTC, as far as its call says.
fn has_no_zone(sizes: &[Expr]) -> bool {
    matches!(sizes.last(), Some(Expr::Literal(zone, _)) if zone.is_null())
}

type Planned<T> = datafusion::error::Result<T>;

/// A row for each window that a row is in.
fn fixed(
    input: LogicalPlanBuilder,
    time: &Expr,
    window: Window<()>,
) -> Planned<(LogicalPlan, Expr)> {
    let mut columns: Vec<Expr> = input.schema().columns().into_iter().map(Expr::Column).collect();
    let call = ScalarFunction::new_udf(assign(window), vec![time.clone()]);
    columns.push(Expr::ScalarFunction(call).alias(ASSIGNED));
    let input = Projection::try_new(columns, Arc::new(input.build()?))?;
    let input = LogicalPlanBuilder::from(LogicalPlan::Projection(input));
    let input = input.unnest_column(Column::from_name(ASSIGNED))?.build()?;
    Ok((input, Expr::Column(Column::from_name(ASSIGNED))))
}

/// Each row with the session that it is in among those with the same other keys.
fn session(
    input: LogicalPlanBuilder,
    time: &Expr,
    keys: Vec<Expr>,
    gap_us: i64,
) -> Planned<(LogicalPlan, Expr)> {
    let keys = keys.into_iter().map(Expr::unalias).collect();
    let call = sessions(gap_us).call(vec![time.clone()]);
    let call = call.partition_by(keys).order_by(vec![time.clone().sort(true, false)]).build()?;
    let input = input.window(vec![call])?.build()?;
    let last = input.schema().columns().pop().expect("the window is a column");
    Ok((input, Expr::Column(last)))
}

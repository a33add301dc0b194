//! Names, types and optimisation of queries: the one place that knows DataFusion's planner.

mod compare;
mod context;
mod distinct;
mod error;
mod functions;
mod literal;
mod lower;
mod meaning;
mod moment;
mod once;
mod parameters;
mod place;
mod planner;
mod reason;
mod series;
mod types;
mod unbuilt;

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::common::config::ConfigOptions;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
pub(crate) use datafusion::logical_expr::LogicalPlan;
use datafusion::optimizer::analyzer::Analyzer;
use datafusion::optimizer::optimizer::{Optimizer, OptimizerRule};
use datafusion::optimizer::{self as rules, OptimizerContext};
use datafusion::sql::planner::{ParserOptions, SqlToRel};
use datafusion::sql::sqlparser::ast::Query;

use crate::SqlError;
use crate::column::arrow::schema_of;
use crate::schema::Schema;
use crate::types::DataType;
use context::Context;
pub(crate) use context::{Relations, Udaf, Udf, is_relation, table_name};
pub(crate) use error::of_planner;
pub use functions::{Body as FunctionBody, Outcome as FunctionOutcome};
pub(crate) use functions::{Custom, CustomAggregate, is_function};
pub(crate) use literal::value as literal_value;
pub(crate) use lower::{Lowered, Lowering, RowPrograms, Wishes};
pub(crate) use meaning::meant;
pub(crate) use moment::at as at_moment;
pub(crate) use once::assign_windows;
pub(crate) use parameters::{place as parameter_place, with_values};
pub(crate) use types::arrow_field;

/// A query with names bound and types checked, before it is known how it will run. `text` is what it
/// was read from: an error names its place there.
pub(crate) fn bind(
    query: &Query,
    relations: &dyn Relations,
    text: Option<&str>,
) -> Result<LogicalPlan, SqlError> {
    bind_placed(query, relations, text, None).map(|(plan, _)| plan)
}

/// The same of a query with parameters, and their types. `declared` are those of the first ones.
pub(crate) fn bind_prepared(
    query: &Query,
    relations: &dyn Relations,
    text: &str,
    declared: &[DataType],
) -> Result<(LogicalPlan, Vec<DataType>), SqlError> {
    bind_placed(query, relations, Some(text), Some(declared))
}

/// Binds a query, or says where it is wrong.
fn bind_placed(
    query: &Query,
    relations: &dyn Relations,
    text: Option<&str>,
    declared: Option<&[DataType]>,
) -> Result<(LogicalPlan, Vec<DataType>), SqlError> {
    let refusal = match bound(query.clone(), relations, text.is_some(), declared) {
        Ok(bound) => return Ok(bound),
        Err(refusal) => refusal,
    };
    let place = error::place(&refusal);
    let refused = of_planner(refusal);
    let Some(text) = text else { return Err(refused) };
    let attempt =
        |query: &Query| bound(query.clone(), relations, false, declared).map_err(of_planner);
    let same = same(refused.clone(), &attempt);
    let kept = place.and_then(|place| place::offset(text, place));
    let searched = || place::of(query, text, &same);
    // Of what does not go together the planner keeps the place of the first column.
    let place = match refused.sqlstate {
        "42803" | "42804" => searched().or(kept),
        _ => kept.or_else(searched),
    };
    Err(match place {
        Some(place) => refused.at(place),
        None => refused,
    })
}

/// An error of what comes behind binding with its place in the text of the query. `attempt` does the
/// same with another query.
pub(crate) fn placed<T>(
    error: SqlError,
    query: &Query,
    text: &str,
    attempt: &dyn Fn(&Query) -> Result<T, SqlError>,
) -> SqlError {
    if error.position.is_some() {
        return error;
    }
    let place = place::of(query, text, &same(error.clone(), attempt));
    match place {
        Some(place) => error.at(place),
        None => error,
    }
}

/// Whether a query is refused as another was.
fn same<T>(
    refused: SqlError,
    attempt: &dyn Fn(&Query) -> Result<T, SqlError>,
) -> impl Fn(Query) -> bool {
    move |query| {
        let found = attempt(&query).err();
        found.is_some_and(|error| {
            (error.sqlstate, &error.message) == (refused.sqlstate, &refused.message)
        })
    }
}

/// Binds a query and the types of its parameters, of which it may have some if there are declared
/// ones.
fn bound(
    mut query: Query,
    relations: &dyn Relations,
    collect_spans: bool,
    declared: Option<&[DataType]>,
) -> Result<(LogicalPlan, Vec<DataType>), DataFusionError> {
    unbuilt::refuse(&query).map_err(error::outside)?;
    series::name_columns(&mut query);
    let context = Context::new(relations);
    let options = ParserOptions {
        parse_float_as_decimal: true,
        enable_ident_normalization: true,
        collect_spans,
        ..ParserOptions::default()
    };
    let planner = SqlToRel::new_with_options(&context, options);
    let statement = datafusion::sql::sqlparser::ast::Statement::Query(Box::new(query));
    let plan = planner.sql_statement_to_plan(statement)?;
    let (plan, types) = match declared {
        Some(declared) => parameters::typed(plan, declared).map_err(error::outside)?,
        None => {
            parameters::refuse(&plan).map_err(error::outside)?;
            (plan, Vec::new())
        }
    };
    let plan = compare::others(plan)?;
    let plan = Analyzer::new().execute_and_check(plan, &ConfigOptions::default(), |_, _| {})?;
    Ok((plan, types))
}

/// The plan of a continuous query: what can be decided before rows come is decided, and nothing is
/// shaped in a way that only a bounded query has use for: a query whose condition is never true
/// still reads its relation, and a window stays a key beside the column that it is made of.
pub(crate) fn optimise(plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    moment::refuse(&plan)?;
    let plan = meaning::constants_meant(plan).map_err(of_planner)?;
    check_values(&plan)?;
    let plan = distinct::as_first_rows(plan).map_err(of_planner)?;
    let rules: Vec<Arc<dyn OptimizerRule + Send + Sync>> = vec![
        Arc::new(rules::simplify_expressions::SimplifyExpressions::new()),
        Arc::new(rules::replace_distinct_aggregate::ReplaceDistinctWithAggregate::new()),
        Arc::new(rules::decorrelate_predicate_subquery::DecorrelatePredicateSubquery::new()),
        Arc::new(rules::scalar_subquery_to_join::ScalarSubqueryToJoin::new()),
        Arc::new(rules::extract_equijoin_predicate::ExtractEquijoinPredicate::new()),
        Arc::new(rules::eliminate_duplicated_expr::EliminateDuplicatedExpr::new()),
        Arc::new(rules::eliminate_cross_join::EliminateCrossJoin::new()),
        Arc::new(rules::eliminate_outer_join::EliminateOuterJoin::new()),
        Arc::new(rules::push_down_filter::PushDownFilter::new()),
        Arc::new(rules::optimize_projections::OptimizeProjections::new()),
    ];
    let optimizer = Optimizer::with_rules(rules);
    let mut options = ConfigOptions::default();
    // All of them become joins: what they stand for changes while the query runs.
    options.optimizer.enable_physical_uncorrelated_scalar_subquery = false;
    let context = OptimizerContext::new_with_config_options(Arc::new(options)).with_max_passes(4);
    optimizer.optimize(plan, &context, |_, _| {}).map_err(of_planner)
}

/// Refuses subqueries that stand for a value and may have several rows.
fn check_values(plan: &LogicalPlan) -> Result<(), SqlError> {
    let mut refused = None;
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|part| {
                if let Expr::ScalarSubquery(subquery) = part
                    && subquery.outer_ref_columns.is_empty()
                    && subquery.subquery.max_rows().is_none_or(|rows| rows > 1)
                {
                    let what = "a subquery as a value that may have several rows";
                    refused = Some(SqlError::unsupported(format!("{what} in a continuous query")));
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    walked.map_err(of_planner)?;
    refused.map_or(Ok(()), |error| {
        Err(error.hint("Aggregate in it, as in (SELECT max(x) FROM t), or join with it."))
    })
}

/// The relations that a query reads.
pub(crate) fn reads(plan: &LogicalPlan) -> BTreeSet<String> {
    let mut reads = BTreeSet::new();
    let walked = plan.apply_with_subqueries(|node| {
        if let LogicalPlan::TableScan(scan) = node
            && is_relation(scan)
        {
            reads.insert(table_name(&scan.table_name));
        }
        Ok(TreeNodeRecursion::Continue)
    });
    walked.expect("nothing in the walk fails");
    reads
}

/// Whether a query groups by a window.
pub(crate) fn has_window(plan: &LogicalPlan) -> bool {
    let found = plan.exists(|node| {
        let LogicalPlan::Aggregate(aggregate) = node else { return Ok(false) };
        Ok(aggregate.group_expr.iter().any(|expr| lower::window_mark(expr).is_some()))
    });
    found.expect("nothing in the walk fails")
}

/// The columns of a query's result.
pub(crate) fn schema(plan: &LogicalPlan) -> Result<Schema, SqlError> {
    schema_of(plan.schema().as_arrow())
}

#[cfg(test)]
mod tests;

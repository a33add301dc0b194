//! What the planner means otherwise, as functions of ours: casts, minus, LIKE.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::logical_expr::expr::{Like, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::{Cast, Expr, LogicalPlan, lit, not};

use super::functions;
use super::types::{arrow_field, type_of_field};
use crate::expr::Native;
use crate::schema::Field;

/// Casts and minus as PostgreSQL does them.
pub(crate) fn meant(plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        // Other nodes know the columns of this one by their names.
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let meant = expr.transform_up(|expr| match expr {
                Expr::Cast(Cast { expr, field }) => {
                    let Ok(to) = type_of_field(&field) else {
                        return Ok(Transformed::no(Expr::Cast(Cast { expr, field })));
                    };
                    let call = ScalarFunction::new_udf(functions::cast(to), vec![*expr]);
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                Expr::Negative(operand) => {
                    let call = ScalarFunction::new_udf(functions::negate(), vec![*operand]);
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                Expr::Like(like) if like.escape_char.is_some_and(|escape| escape != '\\') => {
                    Ok(Transformed::yes(escaped(like)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(meant.update_data(|expr| name.restore(expr)))
        })
    })?;
    plan.data.recompute_schema()
}

/// LIKE with a letter of its own that takes the meaning from the next.
fn escaped(like: Like) -> Expr {
    let Like { negated, expr, pattern, escape_char, case_insensitive } = like;
    let native = if case_insensitive { Native::ILike } else { Native::Like };
    let mut args = vec![*expr, *pattern];
    args.extend(escape_char.map(|escape| lit(escape.to_string())));
    let call = Expr::ScalarFunction(ScalarFunction::new_udf(functions::native(native), args));
    if negated { not(call) } else { call }
}

/// Casts of constants as PostgreSQL does them, for a plan whose constants are folded. What is
/// computed of columns stays as it is: lowering knows it.
pub(super) fn constants_meant(plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let meant = expr.transform_up(|expr| match expr {
                Expr::Cast(Cast { expr, field }) if expr.column_refs().is_empty() => {
                    let to = type_of_field(&field).ok().filter(|to| {
                        // Another array of the same type would be another column to the planner.
                        arrow_field(&Field::nullable("", *to)).data_type() == field.data_type()
                    });
                    let Some(to) = to else {
                        return Ok(Transformed::no(Expr::Cast(Cast { expr, field })));
                    };
                    let call = ScalarFunction::new_udf(functions::cast(to), vec![*expr]);
                    Ok(Transformed::yes(Expr::ScalarFunction(call)))
                }
                other => Ok(Transformed::no(other)),
            })?;
            Ok(meant.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

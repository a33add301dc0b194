//! What values are compared as, where PostgreSQL has another rule than the planner: a constant in
//! quotes is of the type of the other side, and a DECIMAL beside a DOUBLE or a REAL is a DOUBLE.

use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, Result};
use datafusion::logical_expr::expr::{Between, BinaryExpr, InList, ScalarFunction};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::merge_schema;
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator, binary_expr};

use super::functions;
use super::types::type_of_field;
use crate::decimal::PRECISION_MAX;
use crate::types::DataType;
use crate::value::Value;

/// Both sides of a comparison.
pub(super) fn sides(left: Expr, right: Expr, schema: &DFSchema) -> Result<(Expr, Expr)> {
    let (of_left, of_right) = (type_of(&left, schema), type_of(&right, schema));
    Ok((beside(left, of_left, of_right)?, beside(right, of_right, of_left)?))
}

/// BETWEEN, IN and IS DISTINCT FROM of a plan, which compare too.
pub(super) fn others(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let names = NamePreserver::new(&node);
        let schema = merge_schema(&node.inputs());
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let meant = expr.transform_up(|expr| {
                Ok(match expr {
                    Expr::Between(between) => Transformed::yes(range(between, &schema)?),
                    Expr::InList(list) => Transformed::yes(in_list(list, &schema)?),
                    Expr::BinaryExpr(BinaryExpr { left, op, right })
                        if matches!(op, Operator::IsDistinctFrom | Operator::IsNotDistinctFrom) =>
                    {
                        let (left, right) = sides(*left, *right, &schema)?;
                        Transformed::yes(binary_expr(left, op, right))
                    }
                    other => Transformed::no(other),
                })
            })?;
            Ok(meant.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(plan.data)
}

fn range(between: Between, schema: &DFSchema) -> Result<Expr> {
    let Between { expr, negated, low, high } = between;
    let (expr, low) = sides(*expr, *low, schema)?;
    let (expr, high) = sides(expr, *high, schema)?;
    let (low, high) = (Box::new(low), Box::new(high));
    Ok(Expr::Between(Between::new(Box::new(expr), negated, low, high)))
}

fn in_list(list: InList, schema: &DFSchema) -> Result<Expr> {
    let InList { expr, list, negated } = list;
    let mut value = *expr;
    let mut items = Vec::with_capacity(list.len());
    for item in list {
        let (left, right) = sides(value, item, schema)?;
        value = left;
        items.push(right);
    }
    Ok(Expr::InList(InList::new(Box::new(value), items, negated)))
}

/// An expression as what it is beside a value of another type.
fn beside(expr: Expr, own: Option<DataType>, other: Option<DataType>) -> Result<Expr> {
    let (Some(own), Some(other)) = (own, other) else { return Ok(expr) };
    let to = match (&expr, own) {
        (Expr::Literal(constant, _), DataType::Text) if other != DataType::Text => {
            let text = constant.try_as_str().flatten();
            let to = text.map(|text| quoted(text, other));
            // Said before there are rows, each of which it would fail.
            if let (Some(text), Some(to)) = (text, to) {
                Value::parse(text, to).map_err(functions::outside)?;
            }
            to
        }
        (_, DataType::Decimal { .. }) if other.is_float() => Some(DataType::Double),
        _ => None,
    };
    Ok(match to {
        Some(to) => Expr::ScalarFunction(ScalarFunction::new_udf(functions::cast(to), vec![expr])),
        None => expr,
    })
}

/// The type of a constant in quotes beside a value of type `other`. It keeps all its digits.
fn quoted(text: &str, other: DataType) -> DataType {
    let DataType::Decimal { scale, .. } = other else { return other };
    let behind = text.trim().split_once('.').map_or("", |(_, behind)| behind);
    let digits = u8::try_from(behind.len()).unwrap_or(PRECISION_MAX);
    DataType::Decimal { precision: PRECISION_MAX, scale: digits.clamp(scale, PRECISION_MAX) }
}

/// The type of an expression; none of one that says none, or that a column cannot have.
fn type_of(expr: &Expr, schema: &DFSchema) -> Option<DataType> {
    if matches!(expr, Expr::Placeholder(_)) {
        return None;
    }
    let (_, field) = expr.to_field(schema).ok()?;
    let bare_null = field.data_type().is_null();
    type_of_field(&field).ok().filter(|_| !bare_null)
}

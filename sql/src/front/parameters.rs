//! Parameters of a prepared query: `$1`, `$2`, and the type that each of them has.
//!
//! A parameter has the type that it was declared with, or else the one that its first place asks for:
//! the other side of a comparison, the type of a cast, the column of an INSERT. All its places have
//! that type.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use arrow::datatypes::FieldRef;
use datafusion::common::metadata::{FieldMetadata, ScalarAndMetadata};
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{ParamValues, ScalarValue};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Cast, Expr, Limit, LogicalPlan, TryCast};

use super::error::of_planner;
use super::types::{arrow_field, type_of_field};
use crate::SqlError;
use crate::column::Column;
use crate::limits::PARAMETERS_MAX;
use crate::schema::Field;
use crate::types::DataType;
use crate::value::Value;

/// The place of a parameter among all, from 0.
pub(crate) fn place(id: &str) -> Option<usize> {
    let number: usize = id.strip_prefix('$')?.parse().ok()?;
    number.checked_sub(1)
}

/// Refuses a plan that has parameters.
pub(super) fn refuse(plan: &LogicalPlan) -> Result<(), SqlError> {
    match first(plan)? {
        None => Ok(()),
        Some(id) => Err(SqlError::undefined_parameter(&id)
            .hint("Only prepared queries and INSERTs have parameters: write the value here.")),
    }
}

fn first(plan: &LogicalPlan) -> Result<Option<String>, SqlError> {
    let mut found = None;
    each(plan, |id, _| {
        found = Some(id.to_owned());
        ControlFlow::Break(())
    })?;
    Ok(found)
}

/// Shows all parameters until it is enough.
fn each(
    plan: &LogicalPlan,
    mut see: impl FnMut(&str, Option<&FieldRef>) -> ControlFlow<()>,
) -> Result<(), SqlError> {
    let walked = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|expr| match expr {
                Expr::Placeholder(Placeholder { id, field }) => Ok(match see(id, field.as_ref()) {
                    ControlFlow::Continue(()) => TreeNodeRecursion::Continue,
                    ControlFlow::Break(()) => TreeNodeRecursion::Stop,
                }),
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    });
    walked.map(|_| ()).map_err(of_planner)
}

/// Gives every place of a parameter its type. `declared` are the types of the first ones.
pub(super) fn typed(
    plan: LogicalPlan,
    declared: &[DataType],
) -> Result<(LogicalPlan, Vec<DataType>), SqlError> {
    if first(&plan)?.is_none() && declared.is_empty() {
        return Ok((plan, Vec::new()));
    }
    let plan = asked(plan).map_err(of_planner)?;
    let types = types(&plan, declared)?;
    let fields: Vec<FieldRef> =
        types.iter().map(|of| arrow_field(&Field::nullable("", *of))).collect();
    let plan = replaced(plan, |id, _| {
        let field = place(id).map(|at| FieldRef::clone(&fields[at]));
        Expr::Placeholder(Placeholder::new_with_field(id.to_owned(), field))
    });
    Ok((plan.map_err(of_planner)?, types))
}

/// Puts other expressions in the places of all parameters.
fn replaced(
    plan: LogicalPlan,
    to: impl Fn(&str, Option<FieldRef>) -> Expr,
) -> datafusion::error::Result<LogicalPlan> {
    let plan = plan.transform_up_with_subqueries(|node| {
        let node = node.map_expressions(|expr| {
            expr.transform_up(|expr| match expr {
                Expr::Placeholder(Placeholder { id, field }) => {
                    Ok(Transformed::yes(to(&id, field)))
                }
                other => Ok(Transformed::no(other)),
            })
        })?;
        node.map_data(|node| {
            if let LogicalPlan::Values(_) = node { Ok(node) } else { node.recompute_schema() }
        })
    })?;
    Ok(plan.data)
}

/// Notes the types that casts and LIMIT ask for, which the planner does not.
fn asked(plan: LogicalPlan) -> datafusion::error::Result<LogicalPlan> {
    let note = |expr: &mut Expr, of: &FieldRef| {
        if let Expr::Placeholder(Placeholder { field: field @ None, .. }) = expr {
            *field = Some(FieldRef::clone(of));
        }
    };
    let count = arrow_field(&Field::nullable("", DataType::BigInt));
    let plan = plan.transform_up_with_subqueries(|node| {
        let node = match node {
            LogicalPlan::Limit(Limit { mut skip, mut fetch, input }) => {
                skip.iter_mut().chain(&mut fetch).for_each(|expr| note(expr, &count));
                LogicalPlan::Limit(Limit { skip, fetch, input })
            }
            other => other,
        };
        node.map_expressions(|expr| {
            expr.transform_up(|mut expr| {
                if let Expr::Cast(Cast { expr, field }) | Expr::TryCast(TryCast { expr, field }) =
                    &mut expr
                {
                    note(expr, field);
                }
                Ok(Transformed::yes(expr))
            })
        })
    })?;
    Ok(plan.data)
}

/// The type of each parameter.
fn types(plan: &LogicalPlan, declared: &[DataType]) -> Result<Vec<DataType>, SqlError> {
    let known = declared.iter().copied().enumerate();
    let mut types: BTreeMap<usize, Option<DataType>> =
        known.map(|(at, of)| (at, Some(of))).collect();
    let mut wrong = None;
    each(plan, |id, field| {
        match (place(id), field.map(|field| type_of_field(field))) {
            (Some(at), Some(Ok(found))) if at < PARAMETERS_MAX => {
                types.entry(at).or_default().get_or_insert(found);
            }
            (Some(at), None) if at < PARAMETERS_MAX => {
                types.entry(at).or_default();
            }
            (_, Some(Err(error))) => wrong = Some(error),
            _ => {
                wrong = Some(
                    SqlError::undefined_parameter(id)
                        .hint(format!("Parameters are $1, $2 and so on, up to ${PARAMETERS_MAX}.")),
                );
            }
        }
        if wrong.is_some() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if let Some(error) = wrong {
        return Err(error);
    }
    let count = types.last_key_value().map_or(0, |(last, _)| last + 1);
    let of = |at: usize| {
        types.get(&at).copied().flatten().ok_or_else(|| {
            let number = at + 1;
            SqlError::indeterminate(format!("nothing says which type parameter ${number} has"))
                .hint(format!("Cast it: ${number}::BIGINT, ${number}::TEXT."))
        })
    };
    (0..count).map(of).collect()
}

/// The query with values in the places of its parameters, each of the type of its parameter.
pub(crate) fn with_values(
    plan: LogicalPlan,
    types: &[DataType],
    values: &[Value],
) -> Result<LogicalPlan, SqlError> {
    let scalar = |(of, value): (&DataType, &Value)| {
        let array = Column::of(*of, [value]).into_array();
        let field = arrow_field(&Field::nullable("", *of));
        let scalar = ScalarValue::try_from_array(&array, 0)?;
        Ok(ScalarAndMetadata::new(scalar, Some(FieldMetadata::from(field.as_ref()))))
    };
    let values: Result<Vec<_>, _> = types.iter().zip(values).map(scalar).collect();
    let values = ParamValues::List(values.map_err(of_planner)?);
    plan.replace_params_with_values(&values).map_err(of_planner)
}

//! Functions in FROM that make rows of nothing: `generate_series` and `range`.

use std::ops::ControlFlow;
use std::sync::{Arc, LazyLock};

use datafusion::catalog::{TableFunction, TableFunctionArgs};
use datafusion::common::{DFSchema, Result, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::execution::{SessionState, SessionStateBuilder, SessionStateDefaults};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, TableSource};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use sqlparser::ast::{
    Ident, ObjectNamePart, Query, TableAlias, TableAliasColumnDef, TableFactor, VisitMut,
    VisitorMut,
};

use super::error::outside;
use super::types::type_of_field;
use crate::SqlError;
use crate::dialect::nearest;
use crate::types::DataType;

fn functions() -> &'static [Arc<TableFunction>] {
    static ALL: LazyLock<Vec<Arc<TableFunction>>> =
        LazyLock::new(SessionStateDefaults::default_table_functions);
    &ALL
}

/// The rows of a call in FROM.
pub(super) fn source(name: &str, args: Vec<Expr>) -> Result<Arc<dyn TableSource>> {
    static STATE: LazyLock<SessionState> = LazyLock::new(|| SessionStateBuilder::new().build());
    let Some(function) = functions().iter().find(|function| function.name() == name) else {
        let error = SqlError::unknown_function(format!("function {name} in FROM does not exist"));
        let near = nearest(name, functions().iter().map(|function| function.name()));
        return Err(outside(match near {
            Some(near) => error.hint(format!("Did you mean {near}?")),
            None => error.hint("There are generate_series, range, unnest and windows."),
        }));
    };
    let simplifier = ExprSimplifier::new(SimplifyContext::builder().build());
    let none = DFSchema::empty();
    let constant = |arg| simplifier.coerce(arg, &none).and_then(|arg| simplifier.simplify(arg));
    let args = args.into_iter().map(constant).collect::<Result<Vec<Expr>>>()?;
    let taken = args.iter().map(widened).collect::<Option<Vec<Expr>>>();
    let taken = taken.ok_or_else(|| outside(refused(name, &args)))?;
    let made = function.create_table_provider_with_args(TableFunctionArgs::new(&taken, &*STATE));
    Ok(provider_as_source(made.map_err(|_| outside(refused(name, &args)))?))
}

/// A constant as the functions take it.
fn widened(arg: &Expr) -> Option<Expr> {
    let Expr::Literal(value, metadata) = arg else { return None };
    let wide = match value {
        ScalarValue::Int16(value) => ScalarValue::Int64(value.map(i64::from)),
        ScalarValue::Int32(value) => ScalarValue::Int64(value.map(i64::from)),
        ScalarValue::TimestampMicrosecond(us, zone) => {
            let ns = match us {
                Some(us) => Some(us.checked_mul(1000)?),
                None => None,
            };
            ScalarValue::TimestampNanosecond(ns, zone.clone())
        }
        other => other.clone(),
    };
    Some(Expr::Literal(wide, metadata.clone()))
}

fn refused(name: &str, args: &[Expr]) -> SqlError {
    let constant = |arg: &Expr| matches!(arg, Expr::Literal(..));
    if !args.iter().all(constant) {
        return SqlError::unsupported(format!("{name} of values that differ from row to row"))
            .hint("Give it constants.");
    }
    let type_of = |arg: &Expr| match arg {
        Expr::Literal(value, _) => {
            let field = arrow::datatypes::Field::new("", value.data_type(), true);
            type_of_field(&field).unwrap_or(DataType::Text)
        }
        _ => DataType::Text,
    };
    let types: Vec<DataType> = args.iter().map(type_of).collect();
    SqlError::undefined_function(name, &types).hint(format!(
        "Write {name}(1, 10), {name}(1, 10, 2) or {name}(TIMESTAMP '..', TIMESTAMP '..', \
         INTERVAL '1 hour'), with a step that is not 0."
    ))
}

/// Names the column of each call as PostgreSQL does: by the alias, or else by the function.
pub(super) fn name_columns(query: &mut Query) {
    let ControlFlow::Continue(()) = query.visit(&mut Namer);
}

struct Namer;

impl VisitorMut for Namer {
    type Break = std::convert::Infallible;

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Table { name, alias, args: Some(_), .. } = factor else {
            return ControlFlow::Continue(());
        };
        let [ObjectNamePart::Identifier(function)] = name.0.as_slice() else {
            return ControlFlow::Continue(());
        };
        let called = function.value.to_lowercase();
        if !functions().iter().any(|known| known.name() == called) {
            return ControlFlow::Continue(());
        }
        let given = alias.as_ref().map_or_else(|| Ident::new(called), |alias| alias.name.clone());
        let alias = alias.get_or_insert_with(|| TableAlias {
            explicit: true,
            name: given.clone(),
            columns: Vec::new(),
            at: None,
        });
        if alias.columns.is_empty() {
            alias.columns.push(TableAliasColumnDef { name: given, data_type: None });
        }
        ControlFlow::Continue(())
    }
}

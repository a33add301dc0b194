//! What the planner refuses, in our words and with our codes.

use std::fmt;

use datafusion::common::{Column, SchemaError};
use datafusion::error::DataFusionError;
use sqlparser::tokenizer::Location;

use super::reason;
use crate::SqlError;
use crate::dialect::nearest;

/// An error of ours on its way through the planner, which may put it into the text of its own.
#[derive(Debug)]
struct Carried(SqlError);

/// Stands before and behind the parts of an error of ours in a text of the planner's. No statement
/// holds it: it is no character that the dialect takes.
const FENCE: char = '\u{1}';

impl fmt::Display for Carried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Carried(SqlError { sqlstate, message, hint, .. }) = self;
        let hint = hint.as_deref().unwrap_or("");
        write!(f, "{FENCE}{sqlstate}{FENCE}{message}{FENCE}{hint}{FENCE}")
    }
}

impl std::error::Error for Carried {}

/// Hands an error of ours to the planner.
pub(crate) fn outside(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(Carried(error)))
}

/// The error of ours that a text of the planner's holds, if any.
fn carried(text: &str) -> Option<SqlError> {
    let mut parts = text.split(FENCE).skip(1);
    let (sqlstate, message, hint) = (parts.next()?, parts.next()?, parts.next()?);
    let error = SqlError::with_state(sqlstate, message)?;
    Some(if hint.is_empty() { error } else { error.hint(hint) })
}

/// The error that a user sees.
pub(crate) fn of_planner(error: DataFusionError) -> SqlError {
    if let Some(ours) = carried(&error.to_string()) {
        return ours;
    }
    match error {
        DataFusionError::External(other) => SqlError::unsupported(other.to_string()),
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            of_planner(*inner)
        }
        DataFusionError::Collection(errors) => {
            let first = errors.into_iter().next();
            of_planner(first.expect("a collection of errors has one"))
        }
        DataFusionError::Shared(inner) => match inner.as_ref() {
            DataFusionError::SchemaError(error, _) => of_schema(error),
            other => SqlError::syntax(said(&other.strip_backtrace())),
        },
        DataFusionError::SchemaError(error, _) => of_schema(&error),
        DataFusionError::SQL(error, _) => SqlError::syntax(error.to_string()),
        DataFusionError::NotImplemented(text) if text.contains("OuterReferenceColumn") => {
            SqlError::unsupported("a query or function in FROM over columns of the rows beside it")
                .hint("Join by a condition, or write unnest(..) behind SELECT.")
        }
        DataFusionError::NotImplemented(text) => SqlError::unsupported(said(&text)),
        DataFusionError::Plan(text) => reason::of(&said(&text)),
        other => SqlError::invalid_parameter(said(&other.strip_backtrace())),
    }
}

/// Where in its text a query is wrong, if the planner kept the place.
pub(super) fn place(error: &DataFusionError) -> Option<Location> {
    let kept = error.diagnostic().and_then(|diagnostic| diagnostic.span);
    let start = kept.or_else(|| column_of(error)?.spans.first())?.start;
    Some(Location { line: start.line, column: start.column })
}

/// The column that an error is about.
fn column_of(error: &DataFusionError) -> Option<&Column> {
    match error {
        DataFusionError::SchemaError(error, _) => match error.as_ref() {
            SchemaError::FieldNotFound { field, .. }
            | SchemaError::AmbiguousReference { field } => Some(field),
            _ => None,
        },
        DataFusionError::Context(_, inner) | DataFusionError::Diagnostic(_, inner) => {
            column_of(inner)
        }
        DataFusionError::Shared(inner) => column_of(inner),
        DataFusionError::Collection(errors) => errors.first().and_then(column_of),
        _ => None,
    }
}

fn of_schema(error: &SchemaError) -> SqlError {
    match error {
        SchemaError::FieldNotFound { field, valid_fields } => {
            let names: Vec<&str> = valid_fields.iter().map(Column::name).collect();
            let near = nearest(&field.name, names.iter().copied());
            let near = near.map(|near| format!("Did you mean \"{near}\"?"));
            let error = SqlError::undefined_column(&field.flat_name(), names);
            match near {
                Some(near) => error.hint(near),
                None => error,
            }
        }
        SchemaError::AmbiguousReference { field } => {
            SqlError::ambiguous_column(&field.name).hint("Write the relation before it.")
        }
        SchemaError::DuplicateUnqualifiedField { name }
        | SchemaError::DuplicateQualifiedField { name, .. } => SqlError::duplicate_column(name),
    }
}

/// Without the advice to report what is wrong with the query to the makers of the planner.
fn said(text: &str) -> String {
    let end = text.find("\n\nbacktrace").unwrap_or(text.len());
    let text = text[..end].trim();
    text.strip_prefix("Error during planning: ").unwrap_or(text).to_owned()
}

/// The hint that names the nearest of `names`, if one is near, or all of them.
pub(crate) fn known(what: &str, wanted: &str, names: &[&str]) -> String {
    match nearest(wanted, names.iter().copied()) {
        Some(near) => format!("Did you mean \"{near}\"?"),
        None if names.is_empty() => format!("There is no {what} yet."),
        None => format!("There are: {}.", names.join(", ")),
    }
}

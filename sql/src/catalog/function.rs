//! Functions that the application gives a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Catalog;
use crate::SqlError;
use crate::column::arrow::{arrow_type, data_type_of};
use crate::front::{Custom, FunctionBody, Udf, is_function};
use crate::limits::FUNCTION_ARGUMENTS_MAX;
use crate::types::DataType;

/// By name.
pub(super) type Functions = Arc<BTreeMap<String, Udf>>;

/// A pure function of the application's over the columns of rows: equal arguments give equal results.
#[derive(Clone)]
pub struct ScalarFunction {
    /// As SQL calls it.
    pub name: String,
    /// The types of its arguments.
    pub args: Vec<DataType>,
    /// The type of its result.
    pub result: DataType,
    /// Computes a column of results out of the columns of the arguments, all of one length.
    pub body: FunctionBody,
}

impl std::fmt::Debug for ScalarFunction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let ScalarFunction { name, args, result, body: _ } = self;
        write!(f, "{name}{args:?} -> {result}")
    }
}

impl Catalog {
    /// The catalog with one more function. It takes the place of none: what a query means does not
    /// hang on who runs it.
    pub fn with_function(mut self, function: ScalarFunction) -> Result<Catalog, SqlError> {
        let ScalarFunction { name, args, result, body } = function;
        let mut letters = name.chars();
        let begins = letters.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on = |of: char| of.is_ascii_lowercase() || of.is_ascii_digit() || of == '_';
        if !begins || !letters.all(goes_on) {
            return Err(SqlError::invalid_name(format!("\"{name}\" cannot be a function's name"))
                .hint("Take small letters, digits and _, a letter first."));
        }
        crate::schema::check_name("function", &name)?;
        if is_function(&name) || self.functions.contains_key(&name) {
            return Err(SqlError::duplicate_function(&name).hint("Give it another name."));
        }
        if args.len() > FUNCTION_ARGUMENTS_MAX {
            let what = format!("arguments of function {name}");
            return Err(SqlError::limit_exceeded(&what, args.len(), FUNCTION_ARGUMENTS_MAX));
        }
        for of in args.iter().chain([&result]) {
            of.check()?;
            // What Arrow has no type of its own for is not told from a text.
            if data_type_of(&arrow_type(*of))? != Some(*of) {
                return Err(SqlError::unsupported(format!("{of} in the signature of {name}"))
                    .hint("Take or give TEXT, and cast in the query."));
            }
        }
        let udf = Custom::udf(&name, &args, result, body);
        Arc::make_mut(&mut self.functions).insert(name, udf);
        Ok(self)
    }
}

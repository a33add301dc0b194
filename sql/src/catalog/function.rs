//! Functions that the application gives a database.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Catalog;
use crate::SqlError;
use crate::column::arrow::{arrow_type, data_type_of};
use crate::front::{Custom, CustomAggregate, FunctionBody, Udaf, Udf, is_function};
use crate::limits::{AGGREGATE_STATE_BYTES_MAX, FUNCTION_ARGUMENTS_MAX};
use crate::plan::AggregateFunction;
use crate::types::DataType;

/// By name.
#[derive(Clone, Debug, Default)]
pub(super) struct Functions {
    pub(super) scalar: BTreeMap<String, Udf>,
    pub(super) aggregate: BTreeMap<String, Udaf>,
}

impl Functions {
    /// Refuses a name that cannot be a function's, or is one's, and a signature that cannot be.
    fn check(&self, name: &str, args: &[DataType], result: DataType) -> Result<(), SqlError> {
        let mut letters = name.chars();
        let begins = letters.next().is_some_and(|first| first.is_ascii_lowercase());
        let goes_on = |of: char| of.is_ascii_lowercase() || of.is_ascii_digit() || of == '_';
        if !begins || !letters.all(goes_on) {
            return Err(SqlError::invalid_name(format!("\"{name}\" cannot be a function's name"))
                .hint("Take small letters, digits and _, a letter first."));
        }
        crate::schema::check_name("function", name)?;
        let known = self.scalar.contains_key(name) || self.aggregate.contains_key(name);
        if known || is_function(name) {
            return Err(SqlError::duplicate_function(name).hint("Give it another name."));
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
        Ok(())
    }
}

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
        self.functions.check(&name, &args, result)?;
        let udf = Custom::udf(&name, &args, result, body);
        Arc::make_mut(&mut self.functions).scalar.insert(name, udf);
        Ok(self)
    }

    /// The catalog with one more aggregate, which takes the place of none either.
    pub fn with_aggregate(mut self, function: AggregateFunction) -> Result<Catalog, SqlError> {
        let AggregateFunction { name, args, result, body } = &function;
        self.functions.check(name, args, *result)?;
        if args.is_empty() {
            return Err(SqlError::invalid_parameter(format!("aggregate {name} has no argument"))
                .hint("It is a function of the values of a column: count(*) counts rows."));
        }
        let bytes = body.state_bytes();
        if bytes > AGGREGATE_STATE_BYTES_MAX {
            let what = format!("bytes of a state of {name}");
            return Err(SqlError::limit_exceeded(&what, bytes, AGGREGATE_STATE_BYTES_MAX)
                .hint("A state of fixed size lies in its group: keep what sums the rows up."));
        }
        let name = name.clone();
        let udaf = CustomAggregate::udaf(function);
        Arc::make_mut(&mut self.functions).aggregate.insert(name, udaf);
        Ok(self)
    }
}

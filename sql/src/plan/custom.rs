//! Aggregates of the application's: what they take and give, and their states as bytes.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::column::Column;
use crate::error::SqlError;
use crate::schema::{Field, Schema};
use crate::types::DataType;
use crate::value::Value;

/// The arguments of a call in one row.
#[derive(Clone, Copy, Debug)]
pub struct Arguments<'a> {
    columns: &'a [Column],
    picks: &'a [usize],
    row: usize,
}

impl<'a> Arguments<'a> {
    /// Those of row `row`, of which argument `n` is in column `picks[n]`.
    pub fn new(columns: &'a [Column], picks: &'a [usize], row: usize) -> Arguments<'a> {
        Arguments { columns, picks, row }
    }

    /// The column of argument `at`.
    #[inline]
    pub fn column(&self, at: usize) -> &'a Column {
        &self.columns[self.picks[at]]
    }

    /// The row of the columns.
    #[inline]
    pub fn row(&self) -> usize {
        self.row
    }
}

/// What an aggregate of the application's computes, over states of one number of bytes.
pub trait AggregateBody: Send + Sync {
    /// Bytes of every state.
    fn state_bytes(&self) -> usize;

    /// Whether rows can be taken back.
    fn retracts(&self) -> bool;

    /// Whether a row counts: no argument is NULL that must not be.
    fn takes(&self, args: Arguments<'_>) -> bool;

    /// Works a row that counts into the state so many times, or takes it back where `weight` is
    /// below zero. A `fresh` state is of no rows, and its bytes say nothing yet.
    fn update(&self, state: &mut [u8], fresh: bool, args: Arguments<'_>, weight: i64);

    /// Adds the rows of another state, both being of some.
    fn merge(&self, into: &mut [u8], from: &[u8]);

    /// The result of a state, or of no rows.
    fn finish(&self, state: Option<&[u8]>) -> Value;
}

/// An aggregate of the application's. Its code may panic: that is an error here.
#[derive(Clone)]
pub struct AggregateFunction {
    /// As SQL calls it.
    pub name: String,
    /// The types of its arguments.
    pub args: Vec<DataType>,
    /// The type of its result, which may be NULL.
    pub result: DataType,
    /// What it computes.
    pub body: Arc<dyn AggregateBody>,
}

impl AggregateFunction {
    /// [`AggregateBody::update`], after which a state is as it was where that fails.
    pub fn update(
        &self,
        state: &mut [u8],
        fresh: bool,
        args: Arguments<'_>,
        weight: i64,
    ) -> Result<(), SqlError> {
        assert!(weight >= 0 || self.body.retracts(), "the plan says that no row is taken back");
        self.guard(|| self.body.update(state, fresh, args, weight))
    }

    /// [`AggregateBody::merge`]
    pub fn merge(&self, into: &mut [u8], from: &[u8]) -> Result<(), SqlError> {
        self.guard(|| self.body.merge(into, from))
    }

    /// [`AggregateBody::finish`], which must give what a column of results can hold.
    pub fn finish(&self, state: Option<&[u8]>) -> Result<Value, SqlError> {
        let value = self.guard(|| self.body.finish(state))?;
        let fits = value.fits(&Field::nullable(&self.name, self.result));
        fits.map_err(|error| self.failed(&error.message))?;
        Ok(value)
    }

    fn guard<T>(&self, work: impl FnOnce() -> T) -> Result<T, SqlError> {
        // Whatever a panic left half done belongs to the function: states change at its end.
        catch_unwind(AssertUnwindSafe(work))
            .map_err(|panic| self.failed(&format!("it panicked: {}", said(panic.as_ref()))))
    }

    #[cold]
    fn failed(&self, why: &str) -> SqlError {
        SqlError::external(format!("function {}: {why}", self.name))
    }

    /// The output column of a call of it.
    pub(super) fn field(
        &self,
        name: &str,
        args: &[usize],
        input: &Schema,
    ) -> Result<Field, SqlError> {
        let found: Vec<DataType> = args.iter().map(|arg| input.field(*arg).data_type).collect();
        if found != self.args {
            return Err(SqlError::undefined_function(&self.name, &found)
                .hint(format!("It is called as {self}.")));
        }
        Ok(Field::nullable(name, self.result))
    }

    /// Refuses input whose rows are taken back, where the function cannot do that.
    pub(super) fn check_input(&self, retracts: bool) -> Result<(), SqlError> {
        if !retracts || self.body.retracts() {
            return Ok(());
        }
        let name = &self.name;
        let message = format!("{name} over rows that change: {name} cannot take rows back");
        Err(SqlError::unsupported(message).hint(format!(
            "Register {name} with retractable_aggregate_function, or call it over a source, or over \
             windows with EMIT ON WINDOW CLOSE."
        )))
    }
}

/// What a panic said.
pub(crate) fn said(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no words")
}

impl fmt::Display for AggregateFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args: Vec<String> = self.args.iter().map(DataType::to_string).collect();
        write!(f, "{}({})", self.name, args.join(", "))
    }
}

/// All that the layout of states hangs on: a directory is opened with what it was left with.
impl fmt::Debug for AggregateFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, retracts) = (self.body.state_bytes(), self.body.retracts());
        write!(f, "{self} -> {} in {bytes} bytes", self.result)?;
        if retracts { f.write_str(", retracts") } else { Ok(()) }
    }
}

impl PartialEq for AggregateFunction {
    fn eq(&self, other: &AggregateFunction) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.body, &other.body)
    }
}

impl Eq for AggregateFunction {}

impl Hash for AggregateFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

//! Functions: those with a kernel here, and those that are implemented elsewhere.

mod native;
mod signature;

use std::fmt;
use std::sync::Arc;

use crate::column::Column;
use crate::error::SqlError;
use crate::expr::failure::Failures;
use crate::types::DataType;

pub use native::Native;
pub use signature::Argument;
pub(super) use signature::{bind, result};

/// A pure function that rows go through: equal arguments give equal results.
#[derive(Clone)]
pub enum Function {
    /// One with a kernel here.
    Native(Native),
    /// One that is implemented elsewhere.
    Library(Arc<dyn LibraryFunction>),
}

/// A pure function that is implemented elsewhere. Its name says which one it is: of two functions
/// of one name, over arguments of the same types, either may be called for the other.
pub trait LibraryFunction: fmt::Debug + Send + Sync {
    /// As SQL calls it.
    fn name(&self) -> &str;

    /// The type of the result over arguments of these types; refuses those it does not take.
    fn result(&self, args: &[DataType]) -> Result<DataType, SqlError>;

    /// Fills `out`, which has `rows` rows and no NULL, and lists the rows that fail. A row that an
    /// argument failed for is NULL there and fails whatever is done for it.
    fn call(
        &self,
        args: &[LibraryArgument<'_>],
        rows: usize,
        out: &mut Column,
        failed: &mut Failures,
    );
}

/// One argument of a [`LibraryFunction`] over a morsel.
#[derive(Clone, Copy, Debug)]
pub struct LibraryArgument<'a> {
    /// A value a row.
    pub column: &'a Column,
    /// Whether all rows have the same value.
    pub constant: bool,
}

impl Function {
    /// The native function of this SQL name that takes arguments of these types, perhaps after
    /// casts that lose nothing, and the type of its result. Binding inserts the casts. A constant
    /// argument may narrow the type: `round(d, 2)` has two digits behind the point.
    pub fn native(name: &str, args: &[DataType]) -> Option<(Function, DataType)> {
        let native = Native::named(name)?;
        let signature = {
            let args: Vec<Argument<'_>> =
                args.iter().map(|of| Argument { data_type: *of, constant: None }).collect();
            signature::signature(native, &args)?
        };
        Some((Function::Native(native), signature.result))
    }

    /// As SQL calls it.
    pub fn name(&self) -> &str {
        match self {
            Function::Native(native) => native.name(),
            Function::Library(library) => library.name(),
        }
    }

    /// Whether the result may be NULL where arguments may be as `nullable` says.
    pub(super) fn nullable(&self, nullable: impl Iterator<Item = bool>) -> bool {
        match self {
            Function::Native(native) => native.nullable(nullable),
            Function::Library(_) => true,
        }
    }
}

impl PartialEq for Function {
    fn eq(&self, other: &Function) -> bool {
        match (self, other) {
            (Function::Native(left), Function::Native(right)) => left == right,
            (Function::Library(left), Function::Library(right)) => left.name() == right.name(),
            _ => false,
        }
    }
}

impl Eq for Function {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;

//! Continuous SQL over live data, answered in microseconds, on one machine.

pub mod core;
#[cfg(feature = "shell")]
pub mod db;
#[cfg(feature = "shell")]
pub mod shell;

// What an application needs of `sql` to say what it wants.
pub use sluicedb_sql::{DataType, Field, Plan, Schema, SqlError, Value, expr, plan};

// What `derive` writes names this crate, in its own tests too.
#[cfg(test)]
extern crate self as sluicedb;

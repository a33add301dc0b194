//! Text to plan: types, the plan IR and expression programs.
//!
//! Promises: a [`Plan`] is checked when it is built, so that what runs it need not check again; a
//! [`Program`](expr::Program) gives for every row what PostgreSQL gives, or says which row failed
//! and why; whatever is wrong with what a user wrote is an [`SqlError`] and never a panic.
//!
//! Knows nothing of lanes, shards, files or clocks.

#![forbid(unsafe_code)]

pub mod binary;
#[cfg(feature = "planner")]
pub mod bounded;
#[cfg(feature = "planner")]
pub mod catalog;
pub mod column;
pub mod decimal;
#[cfg(feature = "planner")]
pub mod dialect;
pub mod error;
pub mod expr;
#[cfg(feature = "planner")]
mod front;
pub mod interval;
pub mod json;
pub mod limits;
pub mod nested;
pub mod plan;
pub mod schema;
mod short_text;
mod time_unit;
mod timestamp;
pub mod types;
pub mod value;
mod zone;

pub use column::Column;
pub use error::SqlError;
pub use interval::Interval;
pub use json::Json;
pub use nested::Map;
pub use plan::Plan;
pub use schema::{Field, Schema};
pub use time_unit::TimeUnit;
pub use types::{DataType, Physical, StructField, StructType};
pub use value::Value;
pub use zone::Zone;

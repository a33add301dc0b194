//! Columns from Arrow arrays and back. Buffers move wherever their owner lets go of them.
//!
//! TIMESTAMP is `Timestamp(Microsecond)` without zone, DECIMAL is `Decimal128`, TEXT is `Utf8View`.
//! What comes in is checked once, by [`Incoming::new`]; from there on nothing can fail.

mod incoming;
mod moved;
mod outgoing;
mod schema;

pub use incoming::Incoming;
pub use schema::{arrow_schema, arrow_type, check_columns, schema_of};

#[cfg(test)]
mod tests;

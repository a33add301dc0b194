//! Rows in the arena: a fixed number of bytes each, with long texts in a byte heap beside them.
//!
//! Invariants:
//! - Where a value lies follows from the types alone, so a restored image needs no description.
//! - A long text belongs to exactly one row, and is freed with it.
//! - Rows are equal as in `IS NOT DISTINCT FROM`: NULL equals NULL, NaN equals NaN, both zeros are
//!   equal. That is also what the hash of rows says.

mod cell;
mod layout;
mod slab;
pub use layout::{ONLY_BYTES, Only, Probe, Row, RowLayout, Spot, only_i64, only_text};
pub use slab::RowSlab;

#[cfg(test)]
pub(super) mod random;
#[cfg(test)]
mod tests;

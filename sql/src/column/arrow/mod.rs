//! Columns from Arrow arrays and back. Buffers move wherever their owner lets go of them.
//!
//! Every type goes out as [`arrow_type`] says, and comes in as that or as a type whose values it
//! holds exactly; JSON is told from TEXT by the field's extension name.
//! What comes in is checked once, by [`Incoming::new`]; from there on nothing can fail.

mod carrier;
mod incoming;
mod moved;
mod nested;
mod outgoing;
mod schema;

pub use incoming::Incoming;
pub use schema::{
    arrow_field, arrow_schema, arrow_type, check_columns, data_type_of, schema_of, type_of_field,
};

#[cfg(test)]
mod tests;

//! Bytes to rows and back. Pure: no file, no clock.

pub(crate) mod csv;
pub(crate) mod json;
pub(crate) mod rows;

#[cfg(test)]
mod tests;

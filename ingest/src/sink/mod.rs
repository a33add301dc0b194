//! Where changes go, one connector a file.

pub(crate) mod file;

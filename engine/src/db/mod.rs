//! The database that an application links.

pub mod arrow;
pub mod row;

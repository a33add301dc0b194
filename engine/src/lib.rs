//! Continuous SQL over live data, answered in microseconds, on one machine.

pub mod core;
#[cfg(feature = "shell")]
pub mod db;
#[cfg(feature = "shell")]
pub mod shell;

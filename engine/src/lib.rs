//! Continuous SQL over live data, answered in microseconds, on one machine.

pub mod core;

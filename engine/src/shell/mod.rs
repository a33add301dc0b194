//! The half that does IO: carries the core out on a machine.
//!
//! Decides nothing about data, epochs or recovery: it moves frames over rings, reads clocks, carries
//! out effects and sleeps.

pub mod memory;
pub mod topology;

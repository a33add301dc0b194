//! The simulated world in which the engine runs before it runs on a machine.

pub mod prng;
pub mod reference;
pub mod workload;

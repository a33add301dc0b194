//! The simulated world in which the engine runs before it runs on a machine.

pub mod demo;
#[cfg(feature = "shell")]
pub mod differ;
pub mod disk;
pub mod lane;
pub mod load;
pub mod options;
pub mod prng;
pub mod reference;
pub mod report;
#[cfg(feature = "shell")]
pub mod slt;
pub mod sweep;
pub mod trace;
pub mod workload;
pub mod world;

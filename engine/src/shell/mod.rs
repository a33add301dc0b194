//! The half that does IO: carries the core out on a machine.
//!
//! Decides nothing about data, epochs or recovery: it moves frames over rings, reads clocks, carries
//! out effects and sleeps.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the shell is where clocks, threads and what they share live"
)]

mod bell;
mod lane;
mod mark;
pub mod memory;
mod sync;
pub mod topology;

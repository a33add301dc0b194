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
mod clock;
mod conductor;
pub(crate) mod desk;
mod driver;
mod host;
pub(crate) mod inbox;
pub(crate) mod inlet;
mod lane;
mod life;
mod mark;
pub mod memory;
pub(crate) mod outlet;
pub mod probe;
mod reactor;
pub(crate) mod start;
mod stats;
mod sync;
pub mod topology;

pub use driver::Spin;
pub use host::Runtime;
pub use life::Ending;
pub use outlet::Overflow;

//! The half that does IO: carries the core out on a machine.
//!
//! Decides nothing about data, epochs or recovery: it moves frames over rings, reads clocks, carries
//! out effects and sleeps.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the shell is where clocks, threads and what they share live"
)]

pub(crate) mod bell;
mod clock;
mod conductor;
pub(crate) mod desk;
mod driver;
mod host;
pub(crate) mod inbox;
pub(crate) mod inlet;
pub(crate) mod lane;
pub(crate) mod life;
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

std::thread_local! {
    /// Whether this thread is in the middle of a shard's turn.
    static IN_TURN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread is in the middle of a shard's turn, so that it must not wait for the shard.
pub(crate) fn in_turn() -> bool {
    IN_TURN.get()
}

/// Marks this thread as one that runs shards.
pub(crate) fn enter_turn() {
    IN_TURN.set(true);
}

/// Marks this thread as one that runs shards no more.
pub(crate) fn leave_turn() {
    IN_TURN.set(false);
}

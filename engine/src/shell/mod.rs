//! The half that does IO: carries the core out on a machine.
//!
//! Decides nothing about data, epochs or recovery: it moves frames over rings, reads clocks, carries
//! out effects and sleeps.
//!
//! What of it an application may want to look at: [`topology`] says which shard runs on which CPU and
//! why, [`memory`] how much each may use, [`probe`] whether this process may have an io_uring, and
//! [`Runtime`] what follows from that. [`Overflow`] and [`Ending`] are part of the interface of
//! [`crate::db`].
//!
//! How the parts work together is in `engine/ARCHITECTURE.md`; how threads wake each other in
//! `bell.rs`, which is checked by a model in `engine/loom`.

#![expect(
    clippy::disallowed_types,
    clippy::disallowed_methods,
    reason = "the shell is where clocks, threads and what they share live"
)]

pub(crate) mod bell;
pub(crate) mod clock;
mod conductor;
pub(crate) mod desk;
mod driver;
pub(crate) mod epochs;
mod host;
pub(crate) mod inbox;
pub(crate) mod inlet;
pub(crate) mod lane;
mod lanes;
pub(crate) mod letters;
pub(crate) mod life;
mod mark;
pub mod memory;
pub(crate) mod outlet;
pub mod probe;
mod producers;
mod reactor;
mod refused;
pub(crate) mod scan;
mod settled;
pub(crate) mod start;
mod stats;
pub(crate) mod stops;
pub(crate) mod survey;
mod sync;
pub mod topology;

pub use driver::Spin;
pub use host::Runtime;
pub use life::Ending;
pub use outlet::Overflow;

std::thread_local! {
    /// Whether this thread runs a shard or the coordinator.
    static IN_TURN: std::cell::Cell<bool> = const { std::cell::Cell::new(false) };
}

/// Whether this thread runs a shard or the coordinator, so that it must not wait for them.
pub(crate) fn in_turn() -> bool {
    IN_TURN.get()
}

/// Marks this thread as one that runs shards, until the mark is dropped.
#[must_use]
pub(crate) struct TurnMark {
    before: bool,
}

impl TurnMark {
    /// From here on.
    pub(crate) fn set() -> TurnMark {
        TurnMark { before: IN_TURN.replace(true) }
    }
}

impl Drop for TurnMark {
    fn drop(&mut self) {
        IN_TURN.set(self.before);
    }
}

//! Memory of arenas: reserved address space that is made usable ahead of use.
//!
//! A [`Budget`] says how many blocks each shard may have, [`Mapped`] is the memory of one region of
//! that many, and a [`Populator`] has the kernel put pages there before the shard comes to them.

mod budget;
mod machine;
mod mapped;
mod pages;
mod populate;

pub(crate) use budget::Size;
pub use budget::{Budget, BudgetError};
pub use machine::MachineMemory;
pub use mapped::{Mapped, Reserve};
pub use populate::Populator;

#[cfg(test)]
mod tests;

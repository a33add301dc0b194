//! The memory of operator state of one shard: blocks of 4 KiB and the containers in them.
//!
//! Invariants:
//! - Containers keep everything in blocks, as block, slot and extent numbers, never as pointers or
//!   as fields in Rust: a restored image and a frozen view need nothing else.
//! - The address of a block never changes; whoever reads a freeze looks aside, writers do not.
//! - Only `region.rs` and `stream.rs` have unsafe code.

pub(in crate::core) mod bytes;
pub mod chain;
mod changed;
mod directory;
mod freeze;
mod heap;
mod ids;
mod image;
mod index;
mod list;
mod node;
mod queue;
mod region;
mod search;
mod slab;
mod store;
mod stream;
mod table;
mod tree;
mod verify;

#[cfg(test)]
mod tests;

pub use changed::{BlockEntry, Changed, ExtentEntry, Tables, ZoneEntry};
pub use freeze::{FreezeKind, Freezes, Frozen};
pub use heap::{HEAP_VALUE_BYTES_MAX, Heap, HeapId};
pub use ids::{Anchor, BLOCK_BYTES, BLOCKS_MAX, Block, BlockId, Blocks, ExtentId, ZoneId};
pub use image::{Image, ImageError};
pub use index::{BUCKETS_MAX, HashIndex, Lookup, Vacancy};
pub use queue::{Appending, Place, Queue};
pub use region::{Memory, MemoryError, Region, STEP_BLOCKS};
pub use search::{Bytes, Cell, Order};
pub use slab::{Slab, SlotId, Slots};
pub use store::{Arena, EXTENTS_MAX, Headroom, ZONES_MAX};
pub use tree::Tree;

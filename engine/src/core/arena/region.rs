//! Contiguous memory in blocks of 4 KiB. With `stream.rs` the only file of the arena with `unsafe`.
//!
//! Invariants:
//! - Blocks below `committed` are readable and writable; an accessor asserts that before it makes
//!   a reference, so a wrong block number is a panic and never a stray access.
//! - A reference to a block borrows the region: no two of them alias unless both only read.
//!
//! Under miri or `--cfg sluice_guarded` each block is an allocation of its own, so that an access
//! that leaves its block is seen.

use super::ids::{BLOCK_BYTES, BLOCKS_MAX, Block};
use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;

/// Blocks are committed in steps of 2 MiB, the size of a huge page.
pub const STEP_BLOCKS: u32 = 512;

/// Why memory could not be committed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MemoryError {
    /// More blocks than the region may have.
    Limit {
        /// Blocks wanted in all.
        blocks: u32,
        /// Blocks the region may have.
        blocks_max: u32,
    },
    /// The operating system refused.
    Refused {
        /// Blocks wanted in all.
        blocks: u32,
    },
}

impl fmt::Display for MemoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MemoryError::Limit { blocks, blocks_max } => {
                write!(f, "state needs {blocks} blocks of 4 KiB, the limit is {blocks_max}")
            }
            MemoryError::Refused { blocks } => {
                write!(f, "the operating system refused memory for {blocks} blocks of 4 KiB")
            }
        }
    }
}

impl std::error::Error for MemoryError {}

/// A reserved range of memory that is made usable from its start.
///
/// # Safety
///
/// An implementation promises, for as long as it lives:
/// - `base` and `blocks_max` never change; `base` is aligned to 4096 and the range of
///   `blocks_max * 4096` bytes behind it lies in one allocation.
/// - After `commit(n)` returned `Ok`, the first `n` blocks are readable and writable, were zero
///   when first committed, and stay usable.
/// - Nothing else reads or writes the range, on any thread, except the owner of this value.
pub unsafe trait Memory: Send {
    /// Address of the first block.
    fn base(&self) -> NonNull<u8>;
    /// Blocks reserved.
    fn blocks_max(&self) -> u32;
    /// Makes the first `blocks` blocks usable.
    fn commit(&mut self, blocks: u32) -> Result<(), MemoryError>;
    /// The first `blocks` blocks, which are usable, are about to be used, and most likely the next
    /// ones soon. Told once a step, because far more is committed to be sure than is ever used.
    fn reach(&mut self, _blocks: u32) {}
}

/// Memory of the global allocator, for tests and small state.
struct HeapMemory {
    /// What was allocated; `base` is the first multiple of a block in it.
    start: NonNull<u8>,
    base: NonNull<u8>,
    blocks_max: u32,
}

impl HeapMemory {
    /// Room for the blocks wherever the allocation begins. With an alignment of its own, the
    /// allocator would write all the zeros instead of having them from the operating system.
    fn layout(blocks: u32) -> Layout {
        let bytes = (blocks.max(1) as usize + 1) * BLOCK_BYTES;
        Layout::from_size_align(bytes, 1).expect("64 GiB at most, not aligned")
    }

    fn reserve(blocks_max: u32) -> HeapMemory {
        let layout = HeapMemory::layout(HeapMemory::allocated(blocks_max));
        // SAFETY: the layout is never empty, `layout` reserves at least one block.
        let start = unsafe { alloc_zeroed(layout) };
        let Some(start) = NonNull::new(start) else { handle_alloc_error(layout) };
        let ahead = start.addr().get().next_multiple_of(BLOCK_BYTES) - start.addr().get();
        // SAFETY: `ahead` is below one block, and `layout` has one more than is asked for.
        let base = unsafe { start.add(ahead) };
        HeapMemory { start, base, blocks_max }
    }

    /// Guarded blocks are boxes of their own, so the range is only a stand-in then.
    fn allocated(blocks_max: u32) -> u32 {
        if cfg!(any(miri, sluice_guarded)) { 1 } else { blocks_max }
    }
}

impl Drop for HeapMemory {
    fn drop(&mut self) {
        let layout = HeapMemory::layout(HeapMemory::allocated(self.blocks_max));
        // SAFETY: `reserve` allocated `start` with this layout, and nothing freed it since.
        unsafe { dealloc(self.start.as_ptr(), layout) }
    }
}

// SAFETY: `base` is owned by this value alone and refers to no state of a thread.
unsafe impl Send for HeapMemory {}

// SAFETY: `reserve` allocated the whole range zeroed, and it is freed only by `drop`; under the
// guard `Region` never follows `base`.
unsafe impl Memory for HeapMemory {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn blocks_max(&self) -> u32 {
        self.blocks_max
    }

    fn commit(&mut self, _blocks: u32) -> Result<(), MemoryError> {
        Ok(())
    }
}

/// A range of blocks of which the first `committed` can be used.
pub struct Region {
    #[cfg(not(any(miri, sluice_guarded)))]
    base: NonNull<Block>,
    #[cfg(any(miri, sluice_guarded))]
    guarded: Vec<Box<Block>>,
    memory: Box<dyn Memory>,
    blocks_max: u32,
    committed: u32,
    /// End of the step in which the last block in use lies.
    reached: u32,
}

// SAFETY: `base` points into `memory`, which is `Send` and owned by this value alone.
unsafe impl Send for Region {}

impl Region {
    /// A region over memory that the caller reserved.
    pub fn new(memory: Box<dyn Memory>) -> Region {
        let blocks_max = memory.blocks_max();
        assert!(blocks_max <= BLOCKS_MAX, "a block number has 24 bits");
        assert!(memory.base().as_ptr().addr().is_multiple_of(BLOCK_BYTES), "blocks are aligned");
        Region {
            #[cfg(not(any(miri, sluice_guarded)))]
            base: memory.base().cast(),
            #[cfg(any(miri, sluice_guarded))]
            guarded: Vec::new(),
            memory,
            blocks_max,
            committed: 0,
            reached: 0,
        }
    }

    /// A region of the global allocator.
    pub fn heap(blocks_max: u32) -> Region {
        assert!(blocks_max <= BLOCKS_MAX, "a block number has 24 bits");
        Region::new(Box::new(HeapMemory::reserve(blocks_max)))
    }

    /// Blocks this region may have.
    pub fn blocks_max(&self) -> u32 {
        self.blocks_max
    }

    /// Makes at least the first `blocks` blocks usable.
    pub fn commit(&mut self, blocks: u32) -> Result<(), MemoryError> {
        if blocks <= self.committed {
            return Ok(());
        }
        if blocks > self.blocks_max {
            return Err(MemoryError::Limit { blocks, blocks_max: self.blocks_max });
        }
        let blocks = blocks.next_multiple_of(STEP_BLOCKS).min(self.blocks_max);
        self.memory.commit(blocks)?;
        #[cfg(any(miri, sluice_guarded))]
        self.guarded.resize_with(blocks as usize, || Box::new([0; BLOCK_BYTES]));
        self.committed = blocks;
        Ok(())
    }

    /// Makes at least the first `blocks` blocks usable, of which the last is used at once.
    pub fn take(&mut self, blocks: u32) -> Result<(), MemoryError> {
        self.commit(blocks)?;
        if blocks > self.reached {
            self.reached = blocks.next_multiple_of(STEP_BLOCKS).min(self.blocks_max);
            self.memory.reach(self.reached);
        }
        Ok(())
    }

    /// The bytes of a committed block.
    #[cfg(not(any(miri, sluice_guarded)))]
    #[inline]
    pub fn block(&self, block: u32) -> &Block {
        assert!(block < self.committed, "block {block} is outside of its region");
        // SAFETY: `block < committed`, so by the contract of `Memory` these 4096 bytes are in
        // one allocation, initialised and ours; `&self` keeps writers away.
        unsafe { self.base.add(block as usize).as_ref() }
    }

    /// The bytes of a committed block, to write.
    #[cfg(not(any(miri, sluice_guarded)))]
    #[inline]
    pub fn block_mut(&mut self, block: u32) -> &mut Block {
        assert!(block < self.committed, "block {block} is outside of its region");
        // SAFETY: as in `block`; `&mut self` makes this the only reference into the region.
        unsafe { self.base.add(block as usize).as_mut() }
    }

    /// The bytes of a committed block.
    #[cfg(any(miri, sluice_guarded))]
    pub fn block(&self, block: u32) -> &Block {
        &self.guarded[block as usize]
    }

    /// The bytes of a committed block, to write.
    #[cfg(any(miri, sluice_guarded))]
    pub fn block_mut(&mut self, block: u32) -> &mut Block {
        &mut self.guarded[block as usize]
    }
}

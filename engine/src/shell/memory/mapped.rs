//! The memory of one region: reserved address space between two guards.
//!
//! Invariants:
//! - Pages below `opened`, and below `ready`, may be read and written; those of the guards never.
//! - Pages below `ready` are there; writing to them does not fault.
//! - The range is mapped while `map` has it. Only `drop` of the owner takes it out, so the owner
//!   needs no lock; a populator holds the lock while it speaks to the kernel about the range.

use super::pages::{PAGE_BYTES, Pages};
use super::populate::Populator;
use crate::core::arena::{BLOCK_BYTES, BLOCKS_MAX, Memory, MemoryError, STEP_BLOCKS};
use crate::shell::topology::{BindError, bind_memory};
use memmap2::{MmapMut, MmapOptions};
use std::io;
use std::ptr::NonNull;
#[expect(clippy::disallowed_types, reason = "an owner that ends waits for its populator")]
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError};

const STEP_BYTES: usize = STEP_BLOCKS as usize * BLOCK_BYTES;

/// Access is allowed by the 64 MiB: it costs no memory, but a call in which the shard may have to
/// wait until the kernel has populated a step for somebody else.
const OPEN_BLOCKS: u32 = 32 * STEP_BLOCKS;

/// Steps ahead of use at most: 64 MiB.
const AHEAD_STEPS_MAX: u32 = 32;

/// What memory is wanted.
pub struct Reserve<'a> {
    /// Blocks it may have at most.
    pub blocks_max: u32,
    /// The NUMA node from which pages come; any if absent.
    pub node: Option<u32>,
    /// Who has pages put there ahead of use; without one the owner does it when it comes to them.
    pub populator: Option<&'a Populator>,
}

/// Reserved address space of one region.
pub struct Mapped {
    range: Arc<Range>,
    base: NonNull<u8>,
    /// Blocks that the owner has opened.
    opened: u32,
    populator: Option<Populator>,
    warning: Option<BindError>,
}

/// What the owner and the populator know of the range.
pub(super) struct Range {
    #[expect(clippy::disallowed_types, reason = "an owner that ends waits for its populator")]
    map: Mutex<Option<MmapMut>>,
    /// Address of the first block, a multiple of a step.
    start: usize,
    blocks_max: u32,
    /// The first so many blocks are open and populated.
    ready: AtomicU32,
    /// Blocks that are wanted to be so.
    wanted: AtomicU32,
    /// Whether the populator has been told since it last looked at `wanted`.
    pub(super) told: AtomicBool,
    /// Bytes populated by all who share a populator.
    populated: Arc<AtomicU64>,
}

// SAFETY: `base` is the address of memory that this value alone gives out, on whatever thread.
unsafe impl Send for Mapped {}

impl Mapped {
    /// Reserves address space, and has its first step populated soon. Costs no memory by itself.
    pub fn reserve(wanted: Reserve<'_>) -> Result<Mapped, MemoryError> {
        let Reserve { blocks_max, node, populator } = wanted;
        assert!(blocks_max <= BLOCKS_MAX, "a block number has 24 bits");
        let refused = |_: io::Error| MemoryError::Refused { blocks: blocks_max };
        let bytes = (blocks_max as usize * BLOCK_BYTES).max(PAGE_BYTES);
        let (map, base) = map(bytes).map_err(refused)?;
        let pages = Pages { start: base.as_ptr().addr(), bytes };
        pages.advise_huge();
        let warning = node.and_then(|node| bind_memory(base, bytes, node).err());
        let populated = populator.map_or_else(Arc::default, |by| by.populated().clone());
        let range = Arc::new(Range {
            map: Some(map).into(),
            start: pages.start,
            blocks_max,
            ready: AtomicU32::new(0),
            wanted: AtomicU32::new(0),
            told: AtomicBool::new(false),
            populated,
        });
        let populator = populator.cloned();
        let memory = Mapped { range, base, opened: 0, populator, warning };
        memory.want(STEP_BLOCKS);
        Ok(memory)
    }

    /// Why pages may come from a far node. Everything works, slower.
    pub fn warning(&self) -> Option<&BindError> {
        self.warning.as_ref()
    }

    /// Asks for the first `blocks` blocks to be populated in the background.
    fn want(&self, blocks: u32) {
        let Some(populator) = &self.populator else { return };
        let blocks = blocks.min(self.range.blocks_max);
        if blocks > self.range.wanted.load(Ordering::Relaxed) {
            self.range.wanted.store(blocks, Ordering::Relaxed);
            // Whoever finds `told` set and leaves wrote `wanted` before: the populator reads it
            // after it has taken `told` back.
            if !self.range.told.swap(true, Ordering::AcqRel) {
                populator.tell(&self.range);
            }
        }
    }
}

/// Closed address space for `bytes` that begin at a multiple of a step, at least one page away
/// from what lies before and behind.
fn map(bytes: usize) -> io::Result<(MmapMut, NonNull<u8>)> {
    let length = bytes + STEP_BYTES + 2 * PAGE_BYTES;
    let mut map = MmapOptions::new().len(length).no_reserve_swap().map_anon()?;
    let start = map.as_mut_ptr();
    Pages { start: start.addr(), bytes: length }.close()?;
    let ahead = (start.addr() + PAGE_BYTES).next_multiple_of(STEP_BYTES) - start.addr();
    assert!(ahead >= PAGE_BYTES && ahead + bytes + PAGE_BYTES <= length, "guards on both ends");
    // SAFETY: `ahead` is below `length` by the line above, and the map has `length` bytes.
    let base = unsafe { start.add(ahead) };
    Ok((map, NonNull::new(base).expect("no map lies at address 0")))
}

// SAFETY:
// - `base` lies in the map, which stays until `drop`, on a multiple of a step; `map` asserts that
//   `blocks_max` blocks behind it are in the map.
// - `commit` opens what `opened` or `ready` do not say to be open already, and nothing closes it;
//   pages of an anonymous map are zero.
// - The range is a map of its own; the populator reads and writes no byte of it (`pages.rs`).
unsafe impl Memory for Mapped {
    fn base(&self) -> NonNull<u8> {
        self.base
    }

    fn blocks_max(&self) -> u32 {
        self.range.blocks_max
    }

    fn commit(&mut self, blocks: u32) -> Result<(), MemoryError> {
        let blocks_max = self.range.blocks_max;
        if blocks > blocks_max {
            return Err(MemoryError::Limit { blocks, blocks_max });
        }
        let opened = self.opened.max(self.range.ready.load(Ordering::Acquire));
        if blocks > opened {
            let end = blocks.next_multiple_of(OPEN_BLOCKS).min(blocks_max);
            let pages = self.range.pages(opened, end);
            pages.open().map_err(|_| MemoryError::Refused { blocks })?;
            self.opened = end;
        }
        Ok(())
    }

    fn reach(&mut self, blocks: u32) {
        let ready = self.range.ready.load(Ordering::Acquire);
        if ready < blocks {
            // Nobody was fast enough. One call costs less than a fault for each page; if it
            // fails, faults do it.
            self.range.populate(ready, blocks);
        }
        self.want(blocks + ahead_blocks(blocks));
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // Waits for the populator at most for the step that it is at.
        let map = self.range.map.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(map);
        let bytes = self.range.ready.load(Ordering::Acquire) as u64 * BLOCK_BYTES as u64;
        self.range.populated.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// How much lies ready beyond what is used: a quarter of it, so that small state stays small and a
/// large one may grow for a while faster than pages are cleared.
fn ahead_blocks(used: u32) -> u32 {
    (used / STEP_BLOCKS / 4).clamp(1, AHEAD_STEPS_MAX) * STEP_BLOCKS
}

impl Range {
    fn pages(&self, from: u32, to: u32) -> Pages {
        assert!(from <= to && to <= self.blocks_max, "{from}..{to} of {}", self.blocks_max);
        let at = |block: u32| block as usize * BLOCK_BYTES;
        Pages { start: self.start + at(from), bytes: at(to) - at(from) }
    }

    /// Populates blocks that are open, and says so to all.
    fn populate(&self, from: u32, to: u32) -> bool {
        let there = self.pages(from, to).populate();
        if there {
            let before = self.ready.fetch_max(to, Ordering::AcqRel);
            let bytes = u64::from(to.saturating_sub(before)) * BLOCK_BYTES as u64;
            self.populated.fetch_add(bytes, Ordering::Relaxed);
        }
        there
    }

    /// One step towards what is wanted, on the thread of a populator; whether another is due.
    pub(super) fn advance(&self) -> bool {
        let map = self.map.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = self.wanted.load(Ordering::Relaxed);
        let ready = self.ready.load(Ordering::Acquire);
        if map.is_none() || ready >= wanted {
            return false;
        }
        let end = (ready + 1).next_multiple_of(STEP_BLOCKS).min(wanted);
        // Without memory the owner finds nothing ready and meets the same answer.
        let done = self.pages(ready, end).open().is_ok() && self.populate(ready, end);
        done && end < wanted
    }
}

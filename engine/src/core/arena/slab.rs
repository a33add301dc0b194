//! Cells of one size, named by numbers that stay the same until the cell is freed.
//!
//! A block holds one mark per slot, then the slots. The number of a slot is the index of its block
//! followed by its place in the block, so finding it takes no division.
//!
//! Invariants:
//! - A slot's mark is set exactly while the slot is in use; a free slot that was used before is in
//!   the free list, linked by its first four bytes.
//! - `live` counts the marks; slots from `next` on were never used.

use super::bytes::{put_u32, u32_at, u64_at};
use super::directory::{Directory, Entries, PUSH_BLOCKS_MAX};
use super::ids::{Anchor, BLOCK_BYTES, Block, BlockId, Blocks, ExtentId};
use super::store::{Arena, Headroom};

/// Number of a slot in its slab.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SlotId(pub u32);

impl SlotId {
    /// Stands for "no slot" inside of blocks.
    pub const NONE: SlotId = SlotId(u32::MAX);

    /// Whether this names a slot.
    #[inline]
    pub fn is_some(self) -> bool {
        self != SlotId::NONE
    }
}

const DIRECTORY: usize = 0;
const SLOT_BYTES: usize = 12;
const PER_BLOCK: usize = 16;
const EXTENT: usize = 20;
const FREE: usize = 24;
const NEXT: usize = 28;
const LIVE: usize = 32;

/// A growing table of fixed-size slots.
#[derive(Clone, Copy, Debug)]
pub struct Slab {
    anchor: Anchor,
}

/// A slab for many looks at its slots: its header is read once.
pub struct Slots<'a, B> {
    blocks: &'a B,
    layout: Layout,
    bits: u32,
    mask: u32,
    /// Offset of the first slot of a block.
    first_at: usize,
    directory: Entries<'a, B>,
}

/// How slots lie in a block; follows from the slot size.
#[derive(Clone, Copy)]
struct Layout {
    slot_bytes: u32,
    per_block: u32,
}

/// A slot's block and its place in there.
#[derive(Clone, Copy)]
struct Place {
    block: BlockId,
    index: u32,
    /// Offset of the first byte.
    at: usize,
}

impl Layout {
    fn of(slot_bytes: u32) -> Layout {
        let mut per_block = BLOCK_BYTES as u32 / slot_bytes;
        while per_block * slot_bytes + per_block.div_ceil(64) * 8 > BLOCK_BYTES as u32 {
            per_block -= 1;
        }
        Layout { slot_bytes, per_block }
    }

    #[inline]
    fn read(header: &[u8]) -> Layout {
        Layout { slot_bytes: u32_at(header, SLOT_BYTES), per_block: u32_at(header, PER_BLOCK) }
    }

    /// Bits of a slot number that are the place in the block.
    #[inline]
    fn index_bits(self) -> u32 {
        (self.per_block - 1).checked_ilog2().map_or(0, |bits| bits + 1)
    }

    #[inline]
    fn offset(self, index: u32) -> usize {
        (self.per_block.div_ceil(64) * 8 + index * self.slot_bytes) as usize
    }
}

impl Slab {
    /// Bytes of the header at the anchor.
    pub const HEADER_BYTES: usize = 36;

    /// Smallest and largest slot.
    pub const SLOT_BYTES: std::ops::RangeInclusive<u32> = 8..=1024;

    /// Opens the slab whose header is at `anchor`.
    pub fn open(anchor: Anchor) -> Slab {
        Slab { anchor }
    }

    /// Makes an empty slab whose blocks belong to `extent`.
    pub fn create(arena: &mut Arena, extent: ExtentId, anchor: Anchor, slot_bytes: u32) -> Slab {
        assert!(Self::SLOT_BYTES.contains(&slot_bytes), "a slot has 8 to 1024 bytes");
        let slab = Slab { anchor };
        Directory::create(arena, anchor.plus(DIRECTORY as u16));
        let header = slab.header_mut(arena);
        put_u32(header, SLOT_BYTES, slot_bytes);
        put_u32(header, PER_BLOCK, Layout::of(slot_bytes).per_block);
        put_u32(header, EXTENT, extent.0);
        put_u32(header, FREE, SlotId::NONE.0);
        put_u32(header, NEXT, 0);
        put_u32(header, LIVE, 0);
        slab
    }

    /// What `count` inserts or other writes take at most.
    pub fn headroom(count: u32) -> Headroom {
        // Directory blocks are shared by 1024 others; a write copies a block and the header's.
        let directory = count / 1024 + PUSH_BLOCKS_MAX;
        Headroom { state_blocks: count + directory, shadow_blocks: count + directory + 1 }
    }

    /// Slots in use.
    pub fn live(self, blocks: &impl Blocks) -> u32 {
        u32_at(self.header(blocks), LIVE)
    }

    /// Takes a free slot; its bytes are zero.
    pub fn insert(self, arena: &mut Arena) -> SlotId {
        self.take(arena).0
    }

    /// Takes a free slot; its bytes are zero. Says where it lies, as [`Slab::locate`] does.
    #[inline]
    pub fn take(self, arena: &mut Arena) -> (SlotId, BlockId, usize) {
        let header = self.header(arena);
        let layout = Layout::read(header);
        let free = SlotId(u32_at(header, FREE));
        let (slot, place) = if free.is_some() {
            self.reuse(arena, layout, free)
        } else {
            self.carve(arena, layout)
        };
        let block = arena.block_mut(place.block);
        assert!(!is_marked(block, place.index), "a free slot is not in use");
        block[place.index as usize / 8] |= 1 << (place.index % 8);
        (slot, place.block, place.at)
    }

    /// Gives a slot back.
    pub fn free(self, arena: &mut Arena, slot: SlotId) {
        let layout = Layout::read(self.header(arena));
        let free = u32_at(self.header(arena), FREE);
        let place = self.place(arena, layout, slot);
        let block = arena.block_mut(place.block);
        assert!(is_marked(block, place.index), "slot {} is freed once", slot.0);
        block[place.index as usize / 8] &= !(1 << (place.index % 8));
        put_u32(block, place.at, free);
        let header = self.header_mut(arena);
        put_u32(header, FREE, slot.0);
        let live = u32_at(header, LIVE);
        assert!(live > 0, "an empty slab has nothing to free");
        put_u32(header, LIVE, live - 1);
    }

    /// The bytes of a slot in use.
    #[inline]
    pub fn slot<B: Blocks>(self, blocks: &B, slot: SlotId) -> &[u8] {
        let layout = Layout::read(self.header(blocks));
        let place = self.place(blocks, layout, slot);
        let block = blocks.block(place.block);
        debug_assert!(is_marked(block, place.index), "slot {} is in use", slot.0);
        &block[place.at..place.at + layout.slot_bytes as usize]
    }

    /// The bytes of a slot in use, to write.
    #[inline]
    pub fn slot_mut(self, arena: &mut Arena, slot: SlotId) -> &mut [u8] {
        let layout = Layout::read(self.header(arena));
        let place = self.place(arena, layout, slot);
        let block = arena.block_mut(place.block);
        assert!(is_marked(block, place.index), "slot {} is in use", slot.0);
        &mut block[place.at..place.at + layout.slot_bytes as usize]
    }

    /// The block of a slot in use and the offset of its first byte there, which stay the same while
    /// it is in use. For loops that come back to the same slots.
    #[inline]
    pub fn locate(self, blocks: &impl Blocks, slot: SlotId) -> (BlockId, usize) {
        let place = self.place(blocks, Layout::read(self.header(blocks)), slot);
        assert!(is_marked(blocks.block(place.block), place.index), "slot {} is in use", slot.0);
        (place.block, place.at)
    }

    /// The slots as they lie until the next one is taken that was never used.
    #[inline]
    pub fn slots<B: Blocks>(self, blocks: &B) -> Slots<'_, B> {
        let layout = Layout::read(self.header(blocks));
        let (bits, directory) = (layout.index_bits(), self.directory().entries(blocks));
        let (mask, first_at) = ((1 << bits) - 1, layout.offset(0));
        Slots { blocks, layout, bits, mask, first_at, directory }
    }

    /// The first slot in use that is not before `from`. A walk goes on behind the slot it got.
    pub fn next_live(self, blocks: &impl Blocks, from: SlotId) -> Option<SlotId> {
        let header = self.header(blocks);
        let (layout, end) = (Layout::read(header), u32_at(header, NEXT));
        let bits = layout.index_bits();
        let mut at = from.0;
        while at < end {
            let block = self.directory().entry(blocks, at >> bits);
            let index = at & ((1 << bits) - 1);
            let word = index / 64;
            if index < layout.per_block {
                let marks = u64_at(blocks.block(block), word as usize * 8) >> (index % 64);
                if marks != 0 {
                    return Some(SlotId(at + marks.trailing_zeros()));
                }
            }
            let index = (word + 1) * 64;
            let rest = index < layout.per_block;
            at = if rest { ((at >> bits) << bits) + index } else { ((at >> bits) + 1) << bits };
        }
        None
    }

    /// The slots in use, in order of their numbers.
    pub fn iter<B: Blocks>(self, blocks: &B) -> impl Iterator<Item = SlotId> {
        let mut from = Some(SlotId(0));
        std::iter::from_fn(move || {
            let slot = self.next_live(blocks, from?)?;
            from = slot.0.checked_add(1).map(SlotId);
            Some(slot)
        })
    }

    /// Takes the first slot off the free list and zeroes it.
    fn reuse(self, arena: &mut Arena, layout: Layout, slot: SlotId) -> (SlotId, Place) {
        let place = self.place(arena, layout, slot);
        let block = arena.block_mut(place.block);
        let bytes = &mut block[place.at..place.at + layout.slot_bytes as usize];
        let next = u32_at(bytes, 0);
        bytes.fill(0);
        let header = self.header_mut(arena);
        put_u32(header, FREE, next);
        count_one(header);
        (slot, place)
    }

    /// Takes a slot that was never used, so that it is zero, as its block was.
    #[inline]
    fn carve(self, arena: &mut Arena, layout: Layout) -> (SlotId, Place) {
        let slot = u32_at(self.header(arena), NEXT);
        let bits = layout.index_bits();
        let (at, index) = (slot >> bits, slot & ((1 << bits) - 1));
        if index == 0 && self.directory().count(arena) == at {
            let extent = ExtentId(u32_at(self.header(arena), EXTENT));
            let block = arena.alloc(extent);
            self.directory().push(arena, extent, block);
        }
        let block = self.directory().entry(arena, at);
        let end = index + 1 == layout.per_block;
        let first_of_next = || (at + 1).checked_mul(1 << bits);
        let next = if end { first_of_next() } else { Some(slot + 1) };
        let header = self.header_mut(arena);
        put_u32(header, NEXT, next.expect("slots of 8 bytes run out at 32 GiB, others never"));
        count_one(header);
        (SlotId(slot), Place { block, index, at: layout.offset(index) })
    }

    #[inline]
    fn place(self, blocks: &impl Blocks, layout: Layout, slot: SlotId) -> Place {
        let bits = layout.index_bits();
        let index = slot.0 & ((1 << bits) - 1);
        assert!(index < layout.per_block, "slot {} is outside of its block", slot.0);
        let block = self.directory().entry(blocks, slot.0 >> bits);
        Place { block, index, at: layout.offset(index) }
    }

    #[inline]
    fn directory(self) -> Directory {
        Directory::open(self.anchor.plus(DIRECTORY as u16))
    }

    #[inline]
    fn header<B: Blocks>(self, blocks: &B) -> &[u8] {
        &blocks.block(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES]
    }

    fn header_mut(self, arena: &mut Arena) -> &mut [u8] {
        &mut arena.block_mut(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES]
    }
}

impl<B: Blocks> Slots<'_, B> {
    /// The block of a slot in use and the offset of its first byte there.
    #[inline(always)]
    pub fn get(&self, slot: SlotId) -> (BlockId, &Block, usize) {
        let place = self.place(slot);
        let block = self.blocks.block(place.block);
        debug_assert!(is_marked(block, place.index), "slot {} is in use", slot.0);
        (place.block, block, place.at)
    }

    #[inline(always)]
    fn place(&self, slot: SlotId) -> Place {
        let index = slot.0 & self.mask;
        assert!(index < self.layout.per_block, "slot {} is outside of its block", slot.0);
        let block = self.directory.at(slot.0 >> self.bits);
        let at = self.first_at + (index * self.layout.slot_bytes) as usize;
        Place { block, index, at }
    }
}

#[inline]
fn count_one(header: &mut [u8]) {
    let live = u32_at(header, LIVE);
    put_u32(header, LIVE, live + 1);
}

#[inline]
fn is_marked(block: &Block, index: u32) -> bool {
    block[index as usize / 8] & (1 << (index % 8)) != 0
}

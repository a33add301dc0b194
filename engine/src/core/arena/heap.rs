//! Strings and other bytes of any length up to 1 MiB, by size class.
//!
//! A block serves one class and goes back to the arena when its last value is freed. That is the
//! compaction of this heap: nothing moves, so no row that names a value has to be found and
//! rewritten, and the memory of values that died together (a window, a deleted key range) is free
//! for every other operator at once.
//!
//! Invariants:
//! - A block's marks are set exactly for the cells in use, `used` counts them and is never 0.
//! - The blocks of a class that have a free cell, and no others, are in the list of the class.
//! - A value too long for a class has a chain of blocks of its own.

use super::bytes::{put_u16, put_u32, u16_at, u32_at, u64_at};
use super::ids::{Anchor, BLOCK_BYTES, BLOCKS_MAX, Block, BlockId, Blocks, ExtentId};
use super::store::{Arena, Headroom};
use std::cmp::Ordering;

/// Name of a value in a heap: 24 bits of block, 8 bits of cell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HeapId(pub u32);

/// Longest value.
pub const HEAP_VALUE_BYTES_MAX: usize = 1 << 20;

/// Block header: marks, neighbours in the list of the class (or next of a chain), `used`, class.
const PREV: usize = 32;
const NEXT: usize = 36;
const USED: usize = 40;
const CLASS: usize = 42;
/// In the first block of a chain: bytes of the value.
const TOTAL: usize = 32;
const DATA: usize = 48;
const DATA_BYTES: usize = BLOCK_BYTES - DATA;

/// Cell sizes: four a doubling, then whatever divides a block into 8 to 1 cells.
const CLASSES: [u16; 28] = [
    16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384, 448, 504,
    576, 672, 808, 1008, 1344, 2024, 4048,
];
/// Stands in for a class in the blocks of a chain.
const CHAINED: u16 = u16::MAX;
const _: () = assert!(CLASSES[27] as usize == DATA_BYTES);
const _: () = assert!(DATA_BYTES / CLASSES[0] as usize <= 256, "a cell number has 8 bits");
const _: () = assert!(BLOCKS_MAX == 1 << 24, "a block number has 24 bits");

/// Header: the extent, then the first block with room of each class.
const EXTENT: usize = 0;
const HEADS: usize = 4;

/// A heap of byte strings.
#[derive(Clone, Copy, Debug)]
pub struct Heap {
    anchor: Anchor,
}

/// The smallest class that holds `len` bytes.
fn class_of(len: usize) -> Option<usize> {
    let class = CLASSES.partition_point(|bytes| (*bytes as usize) < len);
    (class < CLASSES.len()).then_some(class)
}

#[inline]
fn split_id(id: HeapId) -> (BlockId, usize) {
    (BlockId(id.0 >> 8), (id.0 & 255) as usize)
}

fn cells(class: usize) -> usize {
    DATA_BYTES / CLASSES[class] as usize
}

/// The first cell that is not in use.
fn free_cell(block: &Block) -> usize {
    for word in 0..4 {
        let marks = u64_at(block, word * 8);
        if marks != u64::MAX {
            return word * 64 + marks.trailing_ones() as usize;
        }
    }
    unreachable!("a block in the list of its class has a free cell")
}

#[inline]
fn is_marked(block: &Block, cell: usize) -> bool {
    block[cell / 8] & (1 << (cell % 8)) != 0
}

impl Heap {
    /// Bytes of the header at the anchor.
    pub const HEADER_BYTES: usize = HEADS + CLASSES.len() * 4;

    /// Opens the heap whose header is at `anchor`.
    pub fn open(anchor: Anchor) -> Heap {
        Heap { anchor }
    }

    /// Makes an empty heap whose blocks belong to `extent`.
    pub fn create(arena: &mut Arena, extent: ExtentId, anchor: Anchor) -> Heap {
        let header = &mut arena.block_mut(anchor.block)[anchor.at(0)..][..Self::HEADER_BYTES];
        put_u32(header, EXTENT, extent.0);
        header[HEADS..].fill(0xFF);
        Heap { anchor }
    }

    /// What inserting, or freeing, `count` values of `bytes` bytes in all takes at most.
    pub fn headroom(count: u32, bytes: usize) -> Headroom {
        let blocks = count + (bytes / DATA_BYTES) as u32;
        // An insert or free writes a block, two neighbours in a list and the header.
        Headroom { state_blocks: blocks, shadow_blocks: blocks + 3 * count + 1 }
    }

    /// Stores a value of at most `HEAP_VALUE_BYTES_MAX` bytes. The caller keeps its length.
    pub fn insert(self, arena: &mut Arena, value: &[u8]) -> HeapId {
        assert!(value.len() <= HEAP_VALUE_BYTES_MAX, "longer values are refused at the edge");
        let Some(class) = class_of(value.len()) else { return self.insert_chain(arena, value) };
        let mut id = self.head(arena, class);
        if !id.is_some() {
            id = arena.alloc(self.extent(arena));
            put_u16(arena.block_mut(id), CLASS, class as u16);
            self.link(arena, class, id);
        }
        let block = arena.block_mut(id);
        let cell = free_cell(block);
        assert!(cell < cells(class), "a block in the list of its class has a free cell");
        block[cell / 8] |= 1 << (cell % 8);
        let at = DATA + cell * CLASSES[class] as usize;
        block[at..at + value.len()].copy_from_slice(value);
        let used = u16_at(block, USED) + 1;
        put_u16(block, USED, used);
        if used as usize == cells(class) {
            self.unlink(arena, class, id);
        }
        HeapId((id.0 << 8) | cell as u32)
    }

    /// Gives a value back.
    pub fn free(self, arena: &mut Arena, id: HeapId) {
        let (block_id, cell) = split_id(id);
        let class = u16_at(arena.block(block_id), CLASS);
        assert!(is_marked(arena.block(block_id), cell), "value {} is freed once", id.0);
        if class == CHAINED {
            return free_chain(arena, block_id);
        }
        let class = class as usize;
        let used = u16_at(arena.block(block_id), USED) - 1;
        if used == 0 {
            if cells(class) > 1 {
                self.unlink(arena, class, block_id);
            }
            arena.free_block(block_id);
            return;
        }
        let block = arena.block_mut(block_id);
        block[cell / 8] &= !(1 << (cell % 8));
        put_u16(block, USED, used);
        if used as usize + 1 == cells(class) {
            self.link(arena, class, block_id);
        }
    }

    /// Visits the `len` bytes of a value in order, in one piece unless it is longer than a class.
    #[inline]
    pub fn visit<'b, B: Blocks>(
        self,
        blocks: &'b B,
        id: HeapId,
        len: usize,
        mut visit: impl FnMut(&'b [u8]),
    ) {
        let (block_id, cell) = split_id(id);
        let mut block = blocks.block(block_id);
        assert!(is_marked(block, cell), "value {} is in use", id.0);
        let class = u16_at(block, CLASS);
        if class != CHAINED {
            let bytes = CLASSES[class as usize] as usize;
            assert!(len <= bytes, "a value is not longer than its cell");
            let at = DATA + cell * bytes;
            return visit(&block[at..at + len]);
        }
        assert_eq!(len, u32_at(block, TOTAL) as usize, "the length of a chained value is known");
        let mut rest = len;
        loop {
            let piece = rest.min(DATA_BYTES);
            visit(&block[DATA..DATA + piece]);
            rest -= piece;
            if rest == 0 {
                return;
            }
            block = blocks.block(BlockId(u32_at(block, NEXT)));
        }
    }

    /// Appends the value to `out`.
    pub fn copy_into(self, blocks: &impl Blocks, id: HeapId, len: usize, out: &mut Vec<u8>) {
        out.reserve(len);
        self.visit(blocks, id, len, |piece| out.extend_from_slice(piece));
    }

    /// Whether the value of as many bytes as `other` has is the same.
    pub fn equals(self, blocks: &impl Blocks, id: HeapId, other: &[u8]) -> bool {
        self.compare(blocks, id, other.len(), other) == Ordering::Equal
    }

    /// Orders the value against other bytes, byte by byte, a prefix first.
    pub fn compare(self, blocks: &impl Blocks, id: HeapId, len: usize, other: &[u8]) -> Ordering {
        let (mut order, mut rest) = (Ordering::Equal, other);
        self.visit(blocks, id, len, |piece| {
            if order == Ordering::Equal {
                let (head, tail) = rest.split_at(piece.len().min(rest.len()));
                order = piece.cmp(head);
                rest = tail;
            }
        });
        if order == Ordering::Equal && !rest.is_empty() { Ordering::Less } else { order }
    }

    fn insert_chain(self, arena: &mut Arena, value: &[u8]) -> HeapId {
        let extent = self.extent(arena);
        let mut next = BlockId::NONE;
        for piece in value.chunks(DATA_BYTES).rev() {
            let id = arena.alloc(extent);
            let block = arena.block_mut(id);
            put_u16(block, CLASS, CHAINED);
            put_u32(block, NEXT, next.0);
            block[DATA..DATA + piece.len()].copy_from_slice(piece);
            next = id;
        }
        let first = arena.block_mut(next);
        // Only the first block of a chain is marked, so no id of another block passes for one.
        first[0] = 1;
        put_u32(first, TOTAL, value.len() as u32);
        HeapId(next.0 << 8)
    }

    fn extent(self, blocks: &impl Blocks) -> ExtentId {
        ExtentId(u32_at(blocks.block(self.anchor.block), self.anchor.at(EXTENT)))
    }

    fn head(self, blocks: &impl Blocks, class: usize) -> BlockId {
        BlockId(u32_at(blocks.block(self.anchor.block), self.anchor.at(HEADS + class * 4)))
    }

    fn put_head(self, arena: &mut Arena, class: usize, id: BlockId) {
        let at = self.anchor.at(HEADS + class * 4);
        put_u32(arena.block_mut(self.anchor.block), at, id.0);
    }

    /// Puts a block at the head of the list of its class.
    fn link(self, arena: &mut Arena, class: usize, id: BlockId) {
        let next = self.head(arena, class);
        let block = arena.block_mut(id);
        put_u32(block, PREV, BlockId::NONE.0);
        put_u32(block, NEXT, next.0);
        if next.is_some() {
            put_u32(arena.block_mut(next), PREV, id.0);
        }
        self.put_head(arena, class, id);
    }

    /// Takes a block out of the list of its class.
    fn unlink(self, arena: &mut Arena, class: usize, id: BlockId) {
        let block = arena.block(id);
        let (prev, next) = (BlockId(u32_at(block, PREV)), BlockId(u32_at(block, NEXT)));
        if next.is_some() {
            put_u32(arena.block_mut(next), PREV, prev.0);
        }
        if prev.is_some() {
            put_u32(arena.block_mut(prev), NEXT, next.0);
        } else {
            assert_eq!(self.head(arena, class), id, "a block without predecessor is the head");
            self.put_head(arena, class, next);
        }
    }
}

fn free_chain(arena: &mut Arena, first: BlockId) {
    let mut id = first;
    while id.is_some() {
        let next = BlockId(u32_at(arena.block(id), NEXT));
        arena.free_block(id);
        id = next;
    }
}

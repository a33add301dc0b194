//! Bytes that are appended at one end and dropped at the other.
//!
//! Invariants:
//! - What was appended is never written again. So whoever holds a header as it was at a freeze reads
//!   from its first byte to its last, whatever was appended or dropped since.
//! - A block is freed when its last byte is dropped; an empty queue has no blocks.

use super::bytes::{put_u32, u32_at};
use super::ids::{Anchor, BLOCK_BYTES, BlockId, Blocks, ExtentId};
use super::store::{Arena, Headroom};

/// Each block begins with the number of the next one.
const DATA: usize = 4;
const DATA_BYTES: usize = BLOCK_BYTES - DATA;

const EXTENT: usize = 0;
const FIRST: usize = 4;
const FIRST_AT: usize = 8;
const LAST: usize = 12;
const LAST_AT: usize = 16;
const COUNT: usize = 20;

/// A queue of bytes.
#[derive(Clone, Copy, Debug)]
pub struct Queue {
    anchor: Anchor,
}

/// A place in a queue.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Place {
    block: BlockId,
    at: usize,
}

impl Queue {
    /// Bytes of the header at the anchor.
    pub const HEADER_BYTES: usize = 24;

    /// Opens the queue whose header is at `anchor`.
    pub fn open(anchor: Anchor) -> Queue {
        Queue { anchor }
    }

    /// Makes an empty queue whose blocks belong to `extent`.
    pub fn create(arena: &mut Arena, extent: ExtentId, anchor: Anchor) -> Queue {
        let queue = Queue { anchor };
        queue.put(arena, EXTENT, extent.0);
        queue.put(arena, FIRST, BlockId::NONE.0);
        queue.put(arena, LAST, BlockId::NONE.0);
        queue.put(arena, COUNT, 0);
        queue
    }

    /// What it takes at most to append so many bytes and to drop any number.
    pub fn headroom(bytes: usize) -> Headroom {
        // The header and the block that was the last are written; the others are new.
        Headroom { state_blocks: bytes.div_ceil(DATA_BYTES) as u32 + 1, shadow_blocks: 2 }
    }

    /// How many blocks it has.
    pub fn blocks(self, blocks: &impl Blocks) -> u32 {
        self.field(blocks, COUNT)
    }

    /// Appends bytes.
    pub fn append(self, arena: &mut Arena, mut bytes: &[u8]) {
        let mut last = BlockId(self.field(arena, LAST));
        let mut at = if last.is_some() { self.field(arena, LAST_AT) as usize } else { BLOCK_BYTES };
        while !bytes.is_empty() {
            if at == BLOCK_BYTES {
                last = self.extend(arena, last);
                at = DATA;
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - at));
            arena.block_mut(last)[at..at + piece.len()].copy_from_slice(piece);
            (at, bytes) = (at + piece.len(), rest);
        }
        self.put(arena, LAST, last.0);
        self.put(arena, LAST_AT, at as u32);
    }

    /// Adds a block behind the last one.
    fn extend(self, arena: &mut Arena, last: BlockId) -> BlockId {
        let block = arena.alloc(ExtentId(self.field(arena, EXTENT)));
        if last.is_some() {
            put_u32(arena.block_mut(last), 0, block.0);
        } else {
            self.put(arena, FIRST, block.0);
            self.put(arena, FIRST_AT, DATA as u32);
        }
        self.put(arena, COUNT, self.field(arena, COUNT) + 1);
        block
    }

    /// Drops the first bytes, which are there.
    pub fn drop_first(self, arena: &mut Arena, mut bytes: usize) {
        let mut first = BlockId(self.field(arena, FIRST));
        let (last, end) = (BlockId(self.field(arena, LAST)), self.field(arena, LAST_AT) as usize);
        let (mut at, mut count) = (self.field(arena, FIRST_AT) as usize, self.field(arena, COUNT));
        while first != last && bytes >= BLOCK_BYTES - at {
            bytes -= BLOCK_BYTES - at;
            let next = BlockId(u32_at(arena.block(first), 0));
            arena.free_block(first);
            (first, at, count) = (next, DATA, count - 1);
        }
        at += bytes;
        if first == last {
            assert!(at <= end, "only what is there is dropped");
            if at == end {
                arena.free_block(first);
                (first, count) = (BlockId::NONE, 0);
                self.put(arena, LAST, BlockId::NONE.0);
            }
        }
        self.put(arena, FIRST, first.0);
        self.put(arena, FIRST_AT, at as u32);
        self.put(arena, COUNT, count);
    }

    /// Where the first byte is; the queue is not empty.
    pub fn first(self, blocks: &impl Blocks) -> Place {
        let block = BlockId(self.field(blocks, FIRST));
        assert!(block.is_some(), "an empty queue has no first byte");
        Place { block, at: self.field(blocks, FIRST_AT) as usize }
    }

    fn field(self, blocks: &impl Blocks, at: usize) -> u32 {
        u32_at(blocks.block(self.anchor.block), self.anchor.at(at))
    }

    fn put(self, arena: &mut Arena, at: usize, value: u32) {
        put_u32(arena.block_mut(self.anchor.block), self.anchor.at(at), value);
    }
}

impl Place {
    /// Appends the next bytes, which are there, to `out`; returns the place behind them.
    pub fn read(self, blocks: &impl Blocks, mut bytes: usize, out: &mut Vec<u8>) -> Place {
        let Place { mut block, mut at } = self;
        while bytes > 0 {
            if at == BLOCK_BYTES {
                block = BlockId(u32_at(blocks.block(block), 0));
                at = DATA;
            }
            let piece = bytes.min(BLOCK_BYTES - at);
            out.extend_from_slice(&blocks.block(block)[at..at + piece]);
            (at, bytes) = (at + piece, bytes - piece);
        }
        Place { block, at }
    }
}

//! Bytes that are appended at one end and dropped at the other.
//!
//! Invariants:
//! - What was appended is never written again. So whoever holds a header as it was at a freeze reads
//!   from its first byte to its last, whatever was appended or dropped since.
//! - A block is freed when its last byte is dropped; an empty queue has no blocks.

use super::bytes::{put_u32, u32_at};
use super::ids::{Anchor, BLOCK_BYTES, BlockId, Blocks, ExtentId};
use super::store::{Arena, Headroom};
use super::stream::Stream;

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

    /// Starts to append at the end. What was put counts when it is finished.
    pub fn appending(self, arena: &mut Arena) -> Appending<'_> {
        let last = BlockId(self.field(arena, LAST));
        let at = if last.is_some() { self.field(arena, LAST_AT) as usize } else { BLOCK_BYTES };
        Appending { queue: self, arena, last, at, added: 0, stream: Stream::new() }
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

/// Bytes on their way to the end of a queue.
pub struct Appending<'a> {
    queue: Queue,
    arena: &'a mut Arena,
    /// The block that is written, and where.
    last: BlockId,
    at: usize,
    /// Blocks that were added.
    added: u32,
    stream: Stream,
}

impl Appending<'_> {
    /// Appends the next bytes.
    #[inline]
    pub fn put(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if self.at == BLOCK_BYTES {
                self.extend();
            }
            let (piece, rest) = bytes.split_at(bytes.len().min(BLOCK_BYTES - self.at));
            // What is appended is read when it is dropped, if ever.
            let block = self.arena.block_mut(self.last);
            self.stream.copy(&mut block[self.at..], piece);
            (self.at, bytes) = (self.at + piece.len(), rest);
        }
    }

    /// Adds a block behind the last one. All of it will be written: by what comes, or at the end.
    fn extend(&mut self) {
        let Appending { queue, ref mut arena, last, .. } = *self;
        let block = arena.alloc_unwritten(ExtentId(queue.field(&**arena, EXTENT)));
        put_u32(arena.block_mut(block), 0, BlockId::NONE.0);
        if last.is_some() {
            put_u32(arena.block_mut(last), 0, block.0);
        } else {
            queue.put(arena, FIRST, block.0);
            queue.put(arena, FIRST_AT, DATA as u32);
        }
        (self.last, self.at, self.added) = (block, DATA, self.added + 1);
    }

    /// Has all of it count.
    pub fn finish(self) {
        let Appending { queue, arena, last, at, added, stream: _ } = self;
        if added > 0 {
            arena.block_mut(last)[at..].fill(0);
            queue.put(arena, COUNT, queue.field(arena, COUNT) + added);
        }
        queue.put(arena, LAST, last.0);
        queue.put(arena, LAST_AT, at as u32);
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

    /// Whether there are only zeroes from here to the end of the block.
    #[cfg(test)]
    pub(super) fn is_blank(self, blocks: &impl Blocks) -> bool {
        blocks.block(self.block)[self.at..].iter().all(|&byte| byte == 0)
    }
}

//! A list of blocks that grows at its end: how a container finds its n-th block.
//!
//! One block needs no directory, up to 1024 need one level of directory blocks, up to 2^20 two and
//! more than an arena has three, so that a small container stays small.
//!
//! Header: block (the root of the radix), height, count; 4 bytes each.

use super::bytes::{put_u32, u32_at};
use super::ids::{Anchor, BLOCKS_MAX, Block, BlockId, Blocks, ExtentId};
use super::store::Arena;

/// Entries of a directory block, as bits.
const FAN_BITS: u32 = 10;
const FAN: u32 = 1 << FAN_BITS;

/// Directory blocks that one push takes at most: a new root and a path below it.
pub(super) const PUSH_BLOCKS_MAX: u32 = 3;
const _: () = assert!(BLOCKS_MAX.ilog2() <= PUSH_BLOCKS_MAX * FAN_BITS);

const ROOT: usize = 0;
const HEIGHT: usize = 4;
const COUNT: usize = 8;

#[derive(Clone, Copy)]
pub(super) struct Directory {
    anchor: Anchor,
}

/// The blocks of a list, for many looks at it: its header is read once.
pub(super) struct Entries<'a, B> {
    blocks: &'a B,
    root: BlockId,
    /// The topmost directory block; none where the root is the one block that is listed.
    node: Option<&'a Block>,
    height: u32,
    count: u32,
}

impl Directory {
    pub(super) const HEADER_BYTES: usize = 12;

    pub(super) fn open(anchor: Anchor) -> Directory {
        Directory { anchor }
    }

    pub(super) fn create(arena: &mut Arena, anchor: Anchor) -> Directory {
        let header = &mut arena.block_mut(anchor.block)[anchor.at(0)..][..Self::HEADER_BYTES];
        header.fill(0);
        put_u32(header, ROOT, BlockId::NONE.0);
        Directory { anchor }
    }

    #[inline]
    pub(super) fn count(self, blocks: &impl Blocks) -> u32 {
        u32_at(blocks.block(self.anchor.block), self.anchor.at(COUNT))
    }

    /// The block at `index`, which is below `count`.
    #[inline]
    pub(super) fn entry(self, blocks: &impl Blocks, index: u32) -> BlockId {
        let header = &blocks.block(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES];
        assert!(index < u32_at(header, COUNT), "entry {index} is outside of its directory");
        let root = BlockId(u32_at(header, ROOT));
        match u32_at(header, HEIGHT) {
            0 => root,
            1 => child(blocks, root, index),
            _ => self.entries(blocks).at(index),
        }
    }

    /// The list as it is until the next push.
    #[inline]
    pub(super) fn entries<B: Blocks>(self, blocks: &B) -> Entries<'_, B> {
        let header = &blocks.block(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES];
        let (root, height) = (BlockId(u32_at(header, ROOT)), u32_at(header, HEIGHT));
        let node = if height == 0 { None } else { Some(blocks.block(root)) };
        Entries { blocks, root, node, height, count: u32_at(header, COUNT) }
    }

    /// Adds a block behind the last.
    pub(super) fn push(self, arena: &mut Arena, extent: ExtentId, block: BlockId) {
        let header = &arena.block(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES];
        let (mut root, mut height) = (BlockId(u32_at(header, ROOT)), u32_at(header, HEIGHT));
        let count = u32_at(header, COUNT);
        if count == 0 {
            root = block;
        } else {
            if count == 1 << (FAN_BITS * height) {
                let above = arena.alloc(extent);
                put_u32(arena.block_mut(above), 0, root.0);
                (root, height) = (above, height + 1);
                assert!(height <= PUSH_BLOCKS_MAX, "a container has no more blocks than its arena");
            }
            let mut node = root;
            for level in (1..height).rev() {
                let index = (count >> (FAN_BITS * level)) % FAN;
                let fresh = count.is_multiple_of(1 << (FAN_BITS * level));
                let below = if fresh { arena.alloc(extent) } else { child(arena, node, index) };
                if fresh {
                    put_u32(arena.block_mut(node), index as usize * 4, below.0);
                }
                node = below;
            }
            put_u32(arena.block_mut(node), (count % FAN) as usize * 4, block.0);
        }
        let header = &mut arena.block_mut(self.anchor.block)[self.anchor.at(0)..];
        put_u32(header, ROOT, root.0);
        put_u32(header, HEIGHT, height);
        put_u32(header, COUNT, count + 1);
    }
}

impl<B: Blocks> Entries<'_, B> {
    #[inline(always)]
    pub(super) fn count(&self) -> u32 {
        self.count
    }

    /// The block at `index`, which is below `count`.
    #[inline(always)]
    pub(super) fn at(&self, index: u32) -> BlockId {
        assert!(index < self.count, "entry {index} is outside of its directory");
        let Some(node) = self.node else { return self.root };
        if self.height == 1 { child_of(node, index) } else { self.descend(node, index) }
    }

    #[inline(never)]
    fn descend(&self, node: &Block, index: u32) -> BlockId {
        let mut below = child_of(node, index >> (FAN_BITS * (self.height - 1)));
        for level in (0..self.height - 1).rev() {
            below = child(self.blocks, below, (index >> (FAN_BITS * level)) % FAN);
        }
        below
    }
}

#[inline]
fn child(blocks: &impl Blocks, node: BlockId, index: u32) -> BlockId {
    child_of(blocks.block(node), index)
}

#[inline]
fn child_of(node: &Block, index: u32) -> BlockId {
    BlockId(u32_at(node, index as usize * 4))
}

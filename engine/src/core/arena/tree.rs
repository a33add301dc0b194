//! Ordered cells: a B+-tree whose nodes are blocks.
//!
//! Invariants:
//! - All leaves are `height` levels below the root; keys ascend strictly from leaf to leaf.
//! - No node is empty: the last removal from one frees it, so an empty tree has no blocks. Nodes
//!   that are merely underfull are not merged.
//! - The root of a tree with height has two children or more.
//! - A key in an inner node, but the first of its node, is the smallest key below its child, byte by
//!   byte. So no node holds a key that was removed: what a key names may be freed with its cell.

use super::bytes::{put_u16, put_u32, u16_at, u32_at};
use super::ids::{Anchor, BlockId, Blocks, ExtentId};
use super::node;
use super::search::{Cell, HEIGHT_MAX, Order, Path, Shape, Walk};
use super::store::{Arena, Headroom};
use std::ops::Bound;

const ROOT: usize = 0;
const HEIGHT: usize = 4;
const EXTENT: usize = 8;
const KEY_BYTES: usize = 12;
const VALUE_BYTES: usize = 14;
const ENTRIES: usize = 16;

/// An ordered map of cells of one size.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    anchor: Anchor,
}

impl Tree {
    /// Bytes of the header at the anchor.
    pub const HEADER_BYTES: usize = 20;

    /// Smallest and largest cell, key and value together.
    pub const CELL_BYTES: std::ops::RangeInclusive<usize> = 8..=256;

    /// Opens the tree whose header is at `anchor`.
    pub fn open(anchor: Anchor) -> Tree {
        Tree { anchor }
    }

    /// Makes an empty tree whose blocks belong to `extent`.
    pub fn create(
        arena: &mut Arena,
        extent: ExtentId,
        anchor: Anchor,
        key_bytes: usize,
        value_bytes: usize,
    ) -> Tree {
        assert!(Self::CELL_BYTES.contains(&(key_bytes + value_bytes)), "a cell has 8 to 256 bytes");
        assert!(key_bytes > 0, "cells are told apart by their keys");
        let tree = Tree { anchor };
        let header = tree.header_mut(arena);
        put_u32(header, ROOT, BlockId::NONE.0);
        put_u32(header, HEIGHT, 0);
        put_u32(header, EXTENT, extent.0);
        put_u16(header, KEY_BYTES, key_bytes as u16);
        put_u16(header, VALUE_BYTES, value_bytes as u16);
        put_u32(header, ENTRIES, 0);
        tree
    }

    /// What `count` inserts and removals take at most from the tree as it is.
    pub fn headroom(self, blocks: &impl Blocks, count: u32) -> Headroom {
        // Each may split a path; levels that the tree does not have yet fill far more slowly.
        let height = u32_at(self.header(blocks), HEIGHT);
        let path = count * (height + 2) + HEIGHT_MAX as u32;
        Headroom { state_blocks: path, shadow_blocks: path + 1 }
    }

    /// Cells in the tree.
    pub fn entries(self, blocks: &impl Blocks) -> u32 {
        u32_at(self.header(blocks), ENTRIES)
    }

    /// The value of a key.
    pub fn get<'b, B: Blocks>(
        self,
        blocks: &'b B,
        order: &impl Order<B>,
        key: &[u8],
    ) -> Option<&'b [u8]> {
        let shape = self.shape(blocks)?;
        let path = shape.descend((blocks, order), key);
        path.found.then(|| shape.cell(blocks, path.leaf, path.index).1)
    }

    /// The value of a key, to write.
    pub fn get_mut<'b>(
        self,
        arena: &'b mut Arena,
        order: &impl Order<Arena>,
        key: &[u8],
    ) -> Option<&'b mut [u8]> {
        let shape = self.shape(arena)?;
        let path = shape.descend((arena, order), key);
        if !path.found {
            return None;
        }
        let block = arena.block_mut(path.leaf);
        Some(&mut node::item_mut(block, shape.leaf_item(), path.index)[shape.key..])
    }

    /// Adds a cell; false, and nothing changes, if the key is there.
    pub fn insert(
        self,
        arena: &mut Arena,
        order: &impl Order<Arena>,
        key: &[u8],
        value: &[u8],
    ) -> bool {
        let (slot, added) = self.entry(arena, order, key);
        if added {
            slot.copy_from_slice(value);
        }
        added
    }

    /// The value of a key, to write, and whether the key was added with a value of zeroes.
    pub fn entry<'b>(
        self,
        arena: &'b mut Arena,
        order: &impl Order<Arena>,
        key: &[u8],
    ) -> (&'b mut [u8], bool) {
        let shape = match self.shape(arena) {
            Some(shape) => shape,
            None => self.plant(arena),
        };
        let path = shape.descend((arena, order), key);
        let (mut leaf, mut index) = (path.leaf, path.index);
        if !path.found {
            let mut item = [0; node::ITEM_BYTES_MAX];
            item[..shape.key].copy_from_slice(key);
            let item = &item[..shape.leaf_item()];
            let placed = node::insert(arena, shape.extent, leaf, index, item);
            (leaf, index) = (placed.node, placed.index);
            if let Some(right) = placed.right {
                self.grow(arena, shape, &path, right);
            }
            let entries = self.entries(arena);
            put_u32(self.header_mut(arena), ENTRIES, entries + 1);
        }
        let block = arena.block_mut(leaf);
        (&mut node::item_mut(block, shape.leaf_item(), index)[shape.key..], !path.found)
    }

    /// Removes a key; false if it is not there.
    pub fn remove(self, arena: &mut Arena, order: &impl Order<Arena>, key: &[u8]) -> bool {
        let Some(shape) = self.shape(arena) else { return false };
        let path = shape.descend((arena, order), key);
        if !path.found {
            return false;
        }
        let (mut node, mut index, mut level) = (path.leaf, path.index, shape.height);
        loop {
            let item = if level == shape.height { shape.leaf_item() } else { shape.inner_item() };
            if node::remove(arena.block_mut(node), item, index) > 0 {
                break;
            }
            arena.free_block(node);
            if level == 0 {
                self.put_root(arena, BlockId::NONE, 0);
                break;
            }
            level -= 1;
            (node, index) = path.steps[level];
        }
        if index == 0 && level > 0 {
            raise(arena, shape, &path.steps[..level], node, level == shape.height);
        }
        self.shrink(arena);
        let entries = self.entries(arena);
        put_u32(self.header_mut(arena), ENTRIES, entries - 1);
        true
    }

    /// The cell with the smallest key.
    pub fn first<B: Blocks>(self, blocks: &B) -> Option<Cell<'_>> {
        let shape = self.shape(blocks)?;
        let leaf = (0..shape.height).fold(shape.root, |node, _| shape.child(blocks, node, 0));
        Some(shape.cell(blocks, leaf, 0))
    }

    /// The cell with the largest key.
    pub fn last<B: Blocks>(self, blocks: &B) -> Option<Cell<'_>> {
        let shape = self.shape(blocks)?;
        let end = |node| node::count(blocks.block(node)) - 1;
        let leaf =
            (0..shape.height).fold(shape.root, |node, _| shape.child(blocks, node, end(node)));
        Some(shape.cell(blocks, leaf, end(leaf)))
    }

    /// The cell with the smallest key that is not before `key`.
    pub fn seek<'b, B: Blocks>(
        self,
        blocks: &'b B,
        order: &impl Order<B>,
        key: &[u8],
    ) -> Option<Cell<'b>> {
        let mut found = None;
        self.walk(blocks, order, Bound::Included(key), |key, value| {
            found = Some((key, value));
            false
        });
        found
    }

    /// The cell with the largest key that is not behind `key`.
    pub fn seek_back<'b, B: Blocks>(
        self,
        blocks: &'b B,
        order: &impl Order<B>,
        key: &[u8],
    ) -> Option<Cell<'b>> {
        let mut found = None;
        self.walk_back(blocks, order, Bound::Included(key), |key, value| {
            found = Some((key, value));
            false
        });
        found
    }

    /// Visits cells in order from a key on while `visit` returns true. To go on later, keep the
    /// last key and exclude it: the tree may have changed in between.
    pub fn walk<'b, B: Blocks>(
        self,
        blocks: &'b B,
        order: &impl Order<B>,
        from: Bound<&[u8]>,
        mut visit: impl FnMut(&'b [u8], &'b [u8]) -> bool,
    ) {
        let Some(shape) = self.shape(blocks) else { return };
        let walk = Walk { blocks, order, shape };
        walk.forward(shape.root, shape.height, from, &mut visit);
    }

    /// Visits cells in descending order from a key down while `visit` returns true.
    pub fn walk_back<'b, B: Blocks>(
        self,
        blocks: &'b B,
        order: &impl Order<B>,
        from: Bound<&[u8]>,
        mut visit: impl FnMut(&'b [u8], &'b [u8]) -> bool,
    ) {
        let Some(shape) = self.shape(blocks) else { return };
        let walk = Walk { blocks, order, shape };
        walk.backward(shape.root, shape.height, from, &mut visit);
    }

    /// What the header says, unless the tree is empty.
    fn shape(self, blocks: &impl Blocks) -> Option<Shape> {
        let header = self.header(blocks);
        let root = BlockId(u32_at(header, ROOT));
        root.is_some().then(|| Shape {
            root,
            height: u32_at(header, HEIGHT) as usize,
            extent: ExtentId(u32_at(header, EXTENT)),
            key: u16_at(header, KEY_BYTES) as usize,
            value: u16_at(header, VALUE_BYTES) as usize,
        })
    }

    /// Gives an empty tree its first leaf.
    fn plant(self, arena: &mut Arena) -> Shape {
        let extent = ExtentId(u32_at(self.header(arena), EXTENT));
        let leaf = arena.alloc(extent);
        self.put_root(arena, leaf, 0);
        self.shape(arena).expect("the tree has a root")
    }

    /// Adds a node that a split made to its parent, and so on upwards.
    fn grow(self, arena: &mut Arena, shape: Shape, path: &Path, mut right: BlockId) {
        let mut at = 0;
        let mut item = [0; node::ITEM_BYTES_MAX];
        let mut bytes = shape.leaf_item();
        for (node, index) in path.steps[..shape.height].iter().rev() {
            put_u32(&mut item, 0, right.0);
            let first = node::item(arena.block(right), bytes, 0);
            item[4..4 + shape.key].copy_from_slice(&first[at..at + shape.key]);
            bytes = shape.inner_item();
            at = 4;
            let placed = node::insert(arena, shape.extent, *node, index + 1, &item[..bytes]);
            match placed.right {
                Some(above) => right = above,
                None => return,
            }
        }
        assert!(shape.height < HEIGHT_MAX, "a tree has at most {HEIGHT_MAX} levels");
        let root = arena.alloc(shape.extent);
        put_u32(&mut item, 0, right.0);
        let first = node::item(arena.block(right), bytes, 0);
        item[4..4 + shape.key].copy_from_slice(&first[at..at + shape.key]);
        node::insert(arena, shape.extent, root, 0, &item[..shape.inner_item()]);
        put_u32(&mut item, 0, shape.root.0);
        node::insert(arena, shape.extent, root, 0, &item[..shape.inner_item()]);
        self.put_root(arena, root, shape.height + 1);
    }

    /// Takes away roots that have one child only.
    fn shrink(self, arena: &mut Arena) {
        while let Some(shape) = self.shape(arena) {
            if shape.height == 0 || node::count(arena.block(shape.root)) > 1 {
                return;
            }
            let child = shape.child(arena, shape.root, 0);
            arena.free_block(shape.root);
            self.put_root(arena, child, shape.height - 1);
        }
    }

    fn put_root(self, arena: &mut Arena, root: BlockId, height: usize) {
        let header = self.header_mut(arena);
        put_u32(header, ROOT, root.0);
        put_u32(header, HEIGHT, height as u32);
    }

    fn header<B: Blocks>(self, blocks: &B) -> &[u8] {
        &blocks.block(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES]
    }

    fn header_mut(self, arena: &mut Arena) -> &mut [u8] {
        &mut arena.block_mut(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES]
    }
}

/// The first key below `node` was removed: has the inner node above that holds it hold the one that
/// is first there instead. `steps` lead from the root to `node`.
fn raise(arena: &mut Arena, shape: Shape, steps: &[(BlockId, usize)], node: BlockId, leaf: bool) {
    // Along first items nobody looks at the key, and above all of them there is none.
    let Some((above, index)) = steps.iter().rev().find(|(_, index)| *index > 0) else { return };
    let (bytes, at) = if leaf { (shape.leaf_item(), 0) } else { (shape.inner_item(), 4) };
    let mut key = [0; node::ITEM_BYTES_MAX];
    let key = &mut key[..shape.key];
    key.copy_from_slice(&node::item(arena.block(node), bytes, 0)[at..at + shape.key]);
    node::item_mut(arena.block_mut(*above), shape.inner_item(), *index)[4..].copy_from_slice(key);
}

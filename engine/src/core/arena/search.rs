//! The ways through a tree: how keys compare, from the root to a key, and along the leaves.

use super::bytes::u32_at;
use super::ids::{BlockId, Blocks, ExtentId};
use super::node;
use std::cmp::Ordering;
use std::ops::Bound;

/// How the keys of a tree compare. Keys may name bytes elsewhere, which is why it sees the blocks.
pub trait Order<B: Blocks> {
    /// Orders two keys of the tree.
    fn compare(&self, blocks: &B, left: &[u8], right: &[u8]) -> Ordering;
}

/// Orders keys byte by byte.
#[derive(Clone, Copy, Debug)]
pub struct Bytes;

impl<B: Blocks> Order<B> for Bytes {
    #[inline]
    fn compare(&self, _blocks: &B, left: &[u8], right: &[u8]) -> Ordering {
        // Most keys differ in their first eight bytes, which are a hash or a time: one comparison of
        // numbers instead of a call.
        let split = (left.split_first_chunk::<8>(), right.split_first_chunk::<8>());
        let (Some((left, behind_left)), Some((right, behind_right))) = split else {
            return left.cmp(right);
        };
        let (left, right) = (u64::from_be_bytes(*left), u64::from_be_bytes(*right));
        left.cmp(&right).then_with(|| behind_left.cmp(behind_right))
    }
}

/// A key and its value.
pub type Cell<'b> = (&'b [u8], &'b [u8]);

/// A level multiplies the inserts that it takes to grow by at least seven.
pub(super) const HEIGHT_MAX: usize = 16;

/// What the header says.
#[derive(Clone, Copy)]
pub(super) struct Shape {
    pub(super) root: BlockId,
    pub(super) height: usize,
    pub(super) extent: ExtentId,
    pub(super) key: usize,
    pub(super) value: usize,
}

/// The way from the root to a leaf: each inner node and the item taken there.
pub(super) struct Path {
    pub(super) steps: [(BlockId, usize); HEIGHT_MAX],
    pub(super) leaf: BlockId,
    /// The first item of the leaf that is not before the key, and whether it is the key.
    pub(super) index: usize,
    pub(super) found: bool,
}

impl Shape {
    pub(super) fn leaf_item(self) -> usize {
        self.key + self.value
    }

    pub(super) fn inner_item(self) -> usize {
        4 + self.key
    }

    pub(super) fn child(self, blocks: &impl Blocks, node: BlockId, index: usize) -> BlockId {
        BlockId(u32_at(node::item(blocks.block(node), self.inner_item(), index), 0))
    }

    pub(super) fn cell<B: Blocks>(self, blocks: &B, leaf: BlockId, index: usize) -> Cell<'_> {
        node::item(blocks.block(leaf), self.leaf_item(), index).split_at(self.key)
    }

    /// How many items from `from` on are before `key`; with `or_equal`, before or equal.
    pub(super) fn rank<B: Blocks>(
        self,
        (blocks, order): (&B, &impl Order<B>),
        node: BlockId,
        leaf: bool,
        key: &[u8],
        or_equal: bool,
    ) -> usize {
        let bytes = blocks.block(node);
        let (item, at) = if leaf { (self.leaf_item(), 0) } else { (self.inner_item(), 4) };
        // The first key of an inner node stands for all that is smaller.
        let (mut low, mut high) = (usize::from(!leaf), node::count(bytes));
        while low < high {
            let middle = (low + high) / 2;
            let other = &node::item(bytes, item, middle)[at..at + self.key];
            match order.compare(blocks, other, key) {
                Ordering::Less => low = middle + 1,
                Ordering::Equal if or_equal => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }

    /// The child of an inner node in which the key belongs.
    pub(super) fn branch<B: Blocks>(
        self,
        tree: (&B, &impl Order<B>),
        node: BlockId,
        key: &[u8],
    ) -> usize {
        self.rank(tree, node, false, key, true) - 1
    }

    pub(super) fn descend<B: Blocks>(self, tree: (&B, &impl Order<B>), key: &[u8]) -> Path {
        assert_eq!(key.len(), self.key, "keys of a tree have one size");
        let mut steps = [(BlockId::NONE, 0); HEIGHT_MAX];
        let mut leaf = self.root;
        for step in &mut steps[..self.height] {
            let branch = self.branch(tree, leaf, key);
            *step = (leaf, branch);
            leaf = self.child(tree.0, leaf, branch);
        }
        let index = self.rank(tree, leaf, true, key, false);
        let (blocks, order) = tree;
        let found = index < node::count(blocks.block(leaf))
            && order.compare(blocks, self.cell(blocks, leaf, index).0, key) == Ordering::Equal;
        Path { steps, leaf, index, found }
    }
}

/// A visit of many cells.
pub(super) struct Walk<'b, 'o, B, O> {
    pub(super) blocks: &'b B,
    pub(super) order: &'o O,
    pub(super) shape: Shape,
}

impl<'b, B: Blocks, O: Order<B>> Walk<'b, '_, B, O> {
    pub(super) fn forward(
        &self,
        node: BlockId,
        level: usize,
        from: Bound<&[u8]>,
        visit: &mut impl FnMut(&'b [u8], &'b [u8]) -> bool,
    ) -> bool {
        let (shape, tree) = (self.shape, (self.blocks, self.order));
        let items = node::count(self.blocks.block(node));
        if level == 0 {
            let start = match from {
                Bound::Unbounded => 0,
                Bound::Included(key) => shape.rank(tree, node, true, key, false),
                Bound::Excluded(key) => shape.rank(tree, node, true, key, true),
            };
            return (start..items).all(|index| {
                let (key, value) = shape.cell(self.blocks, node, index);
                visit(key, value)
            });
        }
        let start = match from {
            Bound::Unbounded => 0,
            Bound::Included(key) | Bound::Excluded(key) => shape.branch(tree, node, key),
        };
        (start..items).all(|index| {
            let from = if index == start { from } else { Bound::Unbounded };
            self.forward(shape.child(self.blocks, node, index), level - 1, from, visit)
        })
    }

    pub(super) fn backward(
        &self,
        node: BlockId,
        level: usize,
        from: Bound<&[u8]>,
        visit: &mut impl FnMut(&'b [u8], &'b [u8]) -> bool,
    ) -> bool {
        let (shape, tree) = (self.shape, (self.blocks, self.order));
        let items = node::count(self.blocks.block(node));
        if level == 0 {
            let end = match from {
                Bound::Unbounded => items,
                Bound::Included(key) => shape.rank(tree, node, true, key, true),
                Bound::Excluded(key) => shape.rank(tree, node, true, key, false),
            };
            return (0..end).rev().all(|index| {
                let (key, value) = shape.cell(self.blocks, node, index);
                visit(key, value)
            });
        }
        let start = match from {
            Bound::Unbounded => items - 1,
            Bound::Included(key) | Bound::Excluded(key) => shape.branch(tree, node, key),
        };
        (0..=start).rev().all(|index| {
            let from = if index == start { from } else { Bound::Unbounded };
            self.backward(shape.child(self.blocks, node, index), level - 1, from, visit)
        })
    }
}

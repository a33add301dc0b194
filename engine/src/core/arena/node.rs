//! Nodes of the tree: a count and a sorted run of items of one size.
//!
//! An item of a leaf is key and value, one of an inner node is child and key. The key of an inner
//! item is the smallest key below its child; the first item's key is never looked at.

use super::bytes::{put_u16, u16_at};
use super::ids::{BLOCK_BYTES, Block, BlockId, Blocks, ExtentId};
use super::store::Arena;

const ITEMS: usize = 8;

/// Longest item: a cell of 256 bytes, or such a key with its child.
pub(super) const ITEM_BYTES_MAX: usize = 260;

/// Where an item went, and the node that a split added to the right.
pub(super) struct Placed {
    pub(super) node: BlockId,
    pub(super) index: usize,
    pub(super) right: Option<BlockId>,
}

fn capacity(item_bytes: usize) -> usize {
    (BLOCK_BYTES - ITEMS) / item_bytes
}

#[inline]
pub(super) fn count(node: &Block) -> usize {
    u16_at(node, 0) as usize
}

fn put_count(node: &mut Block, count: usize) {
    put_u16(node, 0, count as u16);
}

#[inline]
fn range(item_bytes: usize, index: usize) -> std::ops::Range<usize> {
    let at = ITEMS + index * item_bytes;
    at..at + item_bytes
}

#[inline]
pub(super) fn item(node: &Block, item_bytes: usize, index: usize) -> &[u8] {
    assert!(index < count(node), "an item is in its node");
    &node[range(item_bytes, index)]
}

pub(super) fn item_mut(node: &mut Block, item_bytes: usize, index: usize) -> &mut [u8] {
    assert!(index < count(node), "an item is in its node");
    &mut node[range(item_bytes, index)]
}

/// Puts an item before `index`, splitting a full node.
pub(super) fn insert(
    arena: &mut Arena,
    extent: ExtentId,
    node: BlockId,
    index: usize,
    item: &[u8],
) -> Placed {
    let items = count(arena.block(node));
    assert!(index <= items, "an item goes between or behind the others");
    if items < capacity(item.len()) {
        insert_here(arena.block_mut(node), index, item);
        return Placed { node, index, right: None };
    }
    // Keys that only ever grow, such as times, fill their nodes.
    let stay = if index == items { items } else { items / 2 };
    let id = arena.alloc(extent);
    let old = *arena.block(node);
    let moved = range(item.len(), stay).start..range(item.len(), items).start;
    let right = arena.block_mut(id);
    right[ITEMS..ITEMS + moved.len()].copy_from_slice(&old[moved]);
    put_count(right, items - stay);
    put_count(arena.block_mut(node), stay);
    // An item between the halves goes left, where there is room too, except behind a full node.
    let (to, index) =
        if index > stay || stay == items { (id, index - stay) } else { (node, index) };
    insert_here(arena.block_mut(to), index, item);
    Placed { node: to, index, right: Some(id) }
}

fn insert_here(node: &mut Block, index: usize, item: &[u8]) {
    let items = count(node);
    let tail = range(item.len(), index).start..range(item.len(), items).start;
    node.copy_within(tail.clone(), tail.start + item.len());
    node[range(item.len(), index)].copy_from_slice(item);
    put_count(node, items + 1);
}

/// Takes out an item and returns how many are left.
pub(super) fn remove(node: &mut Block, item_bytes: usize, index: usize) -> usize {
    let items = count(node);
    assert!(index < items, "an item is in its node");
    let tail = range(item_bytes, index + 1).start..range(item_bytes, items).start;
    node.copy_within(tail, range(item_bytes, index).start);
    put_count(node, items - 1);
    items - 1
}

//! MIN, MAX, FIRST and LAST over input that can retract: all values, in a tree of the pane.
//!
//! A cell is the group's slot and the sort key, and how often the value is there. State: how many
//! cells the group has.
//!
//! Invariants:
//! - A cell's count is never zero. It is negative only while a retraction is here before its row.
//! - A group without cells has no texts in the heap: a slot that is used again starts clean.

use std::ops::Bound;

use sluicedb_sql::Column;

use crate::core::arena::{Arena, Bytes, Heap, HeapId, Order, SlotId, Tree};
use crate::core::morsel::Morsel;

use super::sort_key::{PROBE, SORT_KEY_BYTES_MAX, SortKey, TextOrder};
use super::{Entry, Group, Store, add_i64, i64_at};

/// Bytes of the state, and of a cell's value.
pub(super) const COUNT_BYTES: usize = 8;

const GROUP_BYTES: usize = 4;
const CELL_KEY_BYTES_MAX: usize = GROUP_BYTES + SORT_KEY_BYTES_MAX;

/// The least or greatest of all keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ordered {
    pub(super) key: SortKey,
    /// Whether the greatest is wanted.
    pub(super) greatest: bool,
    /// Which tree of the pane keeps the values.
    pub(super) tree: usize,
}

/// One cell on its way to another pane.
#[derive(Clone, Debug)]
pub(in crate::core::operator::aggregate) struct Moved {
    /// The group in the pane it comes from.
    pub(in crate::core::operator::aggregate) slot: SlotId,
    key: [u8; CELL_KEY_BYTES_MAX],
    count: i64,
    text: Vec<u8>,
}

impl Moved {
    /// Nothing yet.
    pub(in crate::core::operator::aggregate) fn new() -> Moved {
        Moved { slot: SlotId(0), key: [0; CELL_KEY_BYTES_MAX], count: 0, text: Vec::new() }
    }

    /// Bytes of its text.
    pub(in crate::core::operator::aggregate) fn text_bytes(&self) -> usize {
        self.text.len()
    }
}

impl Ordered {
    /// Bytes of a cell's key.
    pub(super) fn cell_key_bytes(&self) -> usize {
        GROUP_BYTES + self.key.bytes()
    }

    pub(super) fn update(&self, store: &mut Store<'_>, morsel: &Morsel, entries: &[Entry]) {
        self.key.each(morsel, entries, |entry, key, text| {
            self.add(store, entry.group, key, text, morsel.weight(entry.row as usize));
        });
    }

    fn add(&self, store: &mut Store<'_>, group: Group, key: &[u8], text: &[u8], weight: i64) {
        let (tree, heap) = (store.tree(group.pane, self.tree), store.heap(group.pane));
        let mut buffer = [0; CELL_KEY_BYTES_MAX];
        let cell = &mut buffer[..self.cell_key_bytes()];
        cell[..GROUP_BYTES].copy_from_slice(&group.slot.0.to_be_bytes());
        cell[GROUP_BYTES..].copy_from_slice(key);
        let added = if self.key.place(key).is_some() {
            self.add_long(store.arena, tree, heap, cell, text, weight)
        } else if self.key.is_text() {
            let order = self.order(heap, PROBE, text);
            add_cell(store.arena, tree, &order, cell, weight)
        } else {
            add_cell(store.arena, tree, &Bytes, cell, weight)
        };
        if added != 0 {
            add_i64(store.state_mut(group), added);
        }
    }

    /// Adds a text that lies in the heap if it is kept. Returns by how many cells there are more.
    fn add_long(
        &self,
        arena: &mut Arena,
        tree: Tree,
        heap: Heap,
        cell: &mut [u8],
        text: &[u8],
        weight: i64,
    ) -> i64 {
        let order = self.order(heap, PROBE, text);
        let Some(count) = tree.get_mut(arena, &order, cell) else {
            let place = heap.insert(arena, text);
            self.key.set_place(&mut cell[GROUP_BYTES..], place);
            let order = self.order(heap, place, text);
            let added = tree.insert(arena, &order, cell, &weight.to_le_bytes());
            assert!(added, "the text was not found");
            return 1;
        };
        add_i64(count, weight);
        if i64_at(count, 0) != 0 {
            return 0;
        }
        let (kept, _) = tree.seek(&*arena, &order, cell).expect("the cell was found");
        let (place, _) = self.key.place(&kept[GROUP_BYTES..]).expect("a long text has a place");
        assert!(tree.remove(arena, &order, cell), "the cell was found");
        heap.free(arena, place);
        -1
    }

    fn order<'a>(&self, heap: Heap, probe: HeapId, text: &'a [u8]) -> TextOrder<'a> {
        TextOrder { at: GROUP_BYTES + self.key.value_at(), heap, probe, text }
    }

    /// Appends the value that is first or last of those that are there.
    pub(super) fn push(&self, arena: &Arena, tree: Tree, group: Group, out: &mut Column) {
        let heap = group.pane.heap();
        let mut buffer = [0; CELL_KEY_BYTES_MAX];
        let bound = &mut buffer[..self.cell_key_bytes()];
        let slot = if self.greatest { group.slot.0 + 1 } else { group.slot.0 };
        bound[..GROUP_BYTES].copy_from_slice(&slot.to_be_bytes());
        // The bound is the empty value of its group: it comes before all others.
        let (found, own) = (&mut None, group.slot.0.to_be_bytes());
        let visit = |key: &[u8], count: &[u8]| {
            if key[..GROUP_BYTES] != own {
                return false;
            }
            if i64_at(count, 0) > 0 {
                let mut copy = [0; SORT_KEY_BYTES_MAX];
                copy[..key.len() - GROUP_BYTES].copy_from_slice(&key[GROUP_BYTES..]);
                *found = Some(copy);
            }
            found.is_none()
        };
        let order = self.order(heap, PROBE, &[]);
        match (self.greatest, self.key.is_text()) {
            (true, true) => tree.walk_back(arena, &order, Bound::Excluded(bound), visit),
            (true, false) => tree.walk_back(arena, &Bytes, Bound::Excluded(bound), visit),
            (false, true) => tree.walk(arena, &order, Bound::Included(bound), visit),
            (false, false) => tree.walk(arena, &Bytes, Bound::Included(bound), visit),
        }
        match found {
            None => out.push_null(),
            Some(key) => self.key.push(arena, heap, &key[..self.key.bytes()], out),
        }
    }

    /// The cell behind `moved`, or the first; false where there is none.
    pub(super) fn next(
        &self,
        store: &Store<'_>,
        pane: super::Pane,
        first: bool,
        moved: &mut Moved,
    ) -> bool {
        let (tree, heap) = (store.tree(pane, self.tree), store.heap(pane));
        let len = self.cell_key_bytes();
        let from_key = moved.key;
        let from = if first { Bound::Unbounded } else { Bound::Excluded(&from_key[..len]) };
        let mut found = None;
        let visit = |key: &[u8], count: &[u8]| {
            moved.key[..len].copy_from_slice(key);
            found = Some(i64_at(count, 0));
            false
        };
        if self.key.is_text() {
            // The last key names its text by the place that its cell names.
            let place = self.key.place(&from_key[GROUP_BYTES..len]).map_or(PROBE, |(id, _)| id);
            let order = self.order(heap, place, &moved.text);
            tree.walk(store.arena, &order, from, visit);
        } else {
            tree.walk(store.arena, &Bytes, from, visit);
        }
        let Some(count) = found else { return false };
        let slot = moved.key[..GROUP_BYTES].try_into().expect("four bytes");
        (moved.slot, moved.count) = (SlotId(u32::from_be_bytes(slot)), count);
        let key = &moved.key[GROUP_BYTES..len];
        self.key.text_into(store.arena, heap, key, &mut moved.text);
        true
    }

    /// Adds a cell of another pane to the group.
    pub(super) fn take(&self, store: &mut Store<'_>, group: Group, moved: &Moved) {
        let mut key = moved.key;
        let key = &mut key[GROUP_BYTES..self.cell_key_bytes()];
        if self.key.place(key).is_some() {
            self.key.set_place(key, PROBE);
        }
        self.add(store, group, key, &moved.text, moved.count);
    }
}

/// Adds to the count of a cell that has its whole key in it. Returns by how many cells there are
/// more.
fn add_cell(
    arena: &mut Arena,
    tree: Tree,
    order: &impl Order<Arena>,
    cell: &[u8],
    weight: i64,
) -> i64 {
    let (count, added) = tree.entry(arena, order, cell);
    add_i64(count, weight);
    if i64_at(count, 0) != 0 {
        return i64::from(added);
    }
    assert!(!added, "no delta has weight zero");
    assert!(tree.remove(arena, order, cell), "the cell was found");
    -1
}

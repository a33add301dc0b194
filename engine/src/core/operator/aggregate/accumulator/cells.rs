//! Values of groups in a tree of the pane, for calls that need all of them.
//!
//! A cell is the group's slot, what orders values if that is not the value, and the value as a sort
//! key; and how often it is there.
//!
//! Invariants:
//! - A cell's count is never zero. It is negative only while a retraction is here before its row.
//! - A group without cells has no texts in the heap: a slot that is used again starts clean.

use std::ops::Bound;

use sluicedb_sql::{Column, DataType};

use crate::core::arena::{Arena, Bytes, Heap, HeapId, Order, SlotId, Tree};
use crate::core::morsel::Morsel;

use super::super::layout::{Group, Layout, Pane};
use super::list::{PREFIX_BYTES, Prefix};
use super::rows::Rows;
use super::sort_key::{PROBE, SORT_KEY_BYTES_MAX, SortKey, TextOrder, of_f64};
use super::{Entry, Store, add_i64, i64_at, sketch};

/// Bytes of a cell's value.
pub(super) const COUNT_BYTES: usize = 8;

const GROUP_BYTES: usize = 4;
const CELL_KEY_BYTES_MAX: usize = GROUP_BYTES + PREFIX_BYTES + SORT_KEY_BYTES_MAX;

/// A tree of values.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    key: Key,
    /// What orders values before they do.
    prefix: Option<Prefix>,
    /// Which tree of the pane it is.
    tree: usize,
}

/// How the values of a call become keys.
#[derive(Clone, Copy, Debug)]
pub(super) enum Key {
    /// As they are.
    Sorted(SortKey),
    /// As doubles, rounded or not.
    Number { column: usize, data_type: DataType, rounded: bool },
}

/// What a row did to the cells of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    /// By how many cells there are more.
    pub(super) cells: i64,
    /// By how much more often values are there, not counting less than never.
    pub(super) present: i64,
    /// Whether the value is there and was not (1), or was and is not (-1).
    pub(super) shown: i64,
}

/// One cell on its way to another pane.
#[derive(Clone, Debug)]
pub(in crate::core::operator::aggregate) struct Moved {
    /// The group in the pane it comes from.
    pub(in crate::core::operator::aggregate) slot: SlotId,
    pub(super) count: i64,
    /// Of a set: the cell, and its value in the column that it came from.
    pub(super) cell: SlotId,
    pub(super) columns: Vec<Column>,
    pub(super) value_bytes: usize,
    /// Of a tree.
    key: [u8; CELL_KEY_BYTES_MAX],
    text: Vec<u8>,
}

impl Moved {
    /// Nothing yet; `input` are the columns that values may come from.
    pub(in crate::core::operator::aggregate) fn new(input: &[DataType]) -> Moved {
        Moved {
            slot: SlotId(0),
            count: 0,
            cell: SlotId(0),
            columns: input.iter().map(|&data_type| Column::new(data_type)).collect(),
            value_bytes: 0,
            key: [0; CELL_KEY_BYTES_MAX],
            text: Vec::new(),
        }
    }

    /// Bytes of its text.
    pub(in crate::core::operator::aggregate) fn text_bytes(&self) -> usize {
        self.text.len() + self.value_bytes
    }
}

impl Change {
    /// Of a count that was `before` and is `after`.
    pub(super) fn of(before: i64, after: i64) -> Change {
        Change {
            cells: i64::from(after != 0) - i64::from(before != 0),
            present: after.max(0) - before.max(0),
            shown: i64::from(after > 0) - i64::from(before > 0),
        }
    }
}

impl Key {
    /// Numbers as doubles.
    pub(super) fn number(data_type: DataType, column: usize, rounded: bool) -> Key {
        Key::Number { column, data_type, rounded }
    }

    fn bytes(&self) -> usize {
        match self {
            Key::Sorted(key) => key.bytes(),
            Key::Number { .. } => 8,
        }
    }

    fn is_text(&self) -> bool {
        matches!(self, Key::Sorted(key) if key.is_text())
    }

    fn value_at(&self) -> usize {
        match self {
            Key::Sorted(key) => key.value_at(),
            Key::Number { .. } => 0,
        }
    }

    fn each(
        &self,
        morsel: &Morsel,
        entries: &[Entry],
        mut visit: impl FnMut(&Entry, &[u8], &[u8]),
    ) {
        let (column, data_type, rounded) = match *self {
            Key::Sorted(key) => return key.each(morsel, entries, visit),
            Key::Number { column, data_type, rounded } => (column, data_type, rounded),
        };
        let numbers = super::rows::Numbers::new(&morsel.columns[column], data_type);
        for entry in entries {
            if let Some(number) = numbers.get(entry.row as usize) {
                let number = if rounded { sketch::rounded(number) } else { number };
                visit(entry, &of_f64(number), &[]);
            }
        }
    }

    fn place(&self, key: &[u8]) -> Option<(HeapId, usize)> {
        match self {
            Key::Sorted(sorted) => sorted.place(key),
            Key::Number { .. } => None,
        }
    }

    fn set_place(&self, key: &mut [u8], place: HeapId) {
        match self {
            Key::Sorted(sorted) => sorted.set_place(key, place),
            Key::Number { .. } => unreachable!("a number has no place"),
        }
    }

    /// The bytes of the text that a kept key stands for; none for other values.
    pub(super) fn text_into(&self, arena: &Arena, heap: Heap, key: &[u8], out: &mut Vec<u8>) {
        match self {
            Key::Sorted(sorted) => sorted.text_into(arena, heap, key, out),
            Key::Number { .. } => out.clear(),
        }
    }

    /// Appends the value of a kept key to a column.
    pub(super) fn push(&self, arena: &Arena, heap: Heap, key: &[u8], out: &mut Column) {
        match self {
            Key::Sorted(sorted) => sorted.push(arena, heap, key, out),
            Key::Number { .. } => {
                out.push_f64(super::sort_key::to_f64(key.try_into().expect("eight bytes")));
            }
        }
    }
}

impl Cells {
    /// Values in their own order in tree `tree`.
    pub(super) fn new(key: Key, tree: usize) -> Cells {
        Cells { key, prefix: None, tree }
    }

    /// Values in another order.
    pub(super) fn ordered(key: Key, prefix: Prefix, tree: usize) -> Cells {
        Cells { key, prefix: Some(prefix), tree }
    }

    fn key_at(&self) -> usize {
        GROUP_BYTES + if self.prefix.is_some() { PREFIX_BYTES } else { 0 }
    }

    /// How values are kept.
    pub(super) fn key(&self) -> &Key {
        &self.key
    }

    /// Bytes of a cell's key.
    pub(super) fn cell_key_bytes(&self) -> usize {
        self.key_at() + self.key.bytes()
    }

    /// The column whose texts are kept.
    pub(super) fn text(&self) -> Option<usize> {
        match &self.key {
            Key::Sorted(key) if key.is_text() => Some(key.column()),
            _ => None,
        }
    }

    /// Adds rows; `note` is told what each did, and how many bytes its text has.
    pub(super) fn update(
        &self,
        store: &mut Store<'_>,
        morsel: &Morsel,
        entries: &[Entry],
        mut note: impl FnMut(&mut Store<'_>, Group, Change, usize),
    ) {
        let weights = Rows::of(morsel, entries);
        let at = self.key_at();
        let mut buffer = [0; CELL_KEY_BYTES_MAX];
        self.key.each(morsel, entries, |entry, key, text| {
            let row = entry.row as usize;
            if let Some(prefix) = &self.prefix {
                prefix.write(morsel, row, &mut buffer[GROUP_BYTES..at]);
            }
            buffer[at..at + key.len()].copy_from_slice(key);
            let change = self.add(store, entry.group, &mut buffer, text, weights.weight(row));
            note(store, entry.group, change, text.len());
        });
        let Some((prefix, column)) = self.prefix.and_then(|own| Some((own, own.nulls()?))) else {
            return;
        };
        let column = &morsel.columns[column];
        for entry in entries.iter().filter(|entry| column.is_null(entry.row as usize)) {
            let row = entry.row as usize;
            buffer[at..].fill(0);
            prefix.write(morsel, row, &mut buffer[GROUP_BYTES..at]);
            let change = self.add(store, entry.group, &mut buffer, &[], weights.weight(row));
            note(store, entry.group, change, 0);
        }
    }

    /// Adds to the count of a value whose key lies in `buffer`.
    fn add(
        &self,
        store: &mut Store<'_>,
        group: Group,
        buffer: &mut [u8; CELL_KEY_BYTES_MAX],
        text: &[u8],
        weight: i64,
    ) -> Change {
        let (tree, heap) = (store.tree(group.pane, self.tree), store.heap(group.pane));
        let cell = &mut buffer[..self.cell_key_bytes()];
        cell[..GROUP_BYTES].copy_from_slice(&group.slot.0.to_be_bytes());
        if self.key.place(&cell[self.key_at()..]).is_some() {
            self.add_long(store.arena, tree, heap, cell, text, weight)
        } else if self.key.is_text() {
            let order = self.order(heap, PROBE, text);
            add_cell(store.arena, tree, &order, cell, weight)
        } else {
            add_cell(store.arena, tree, &Bytes, cell, weight)
        }
    }

    /// Adds a text that lies in the heap if it is kept.
    fn add_long(
        &self,
        arena: &mut Arena,
        tree: Tree,
        heap: Heap,
        cell: &mut [u8],
        text: &[u8],
        weight: i64,
    ) -> Change {
        let (at, order) = (self.key_at(), self.order(heap, PROBE, text));
        let Some(count) = tree.get_mut(arena, &order, cell) else {
            let place = heap.insert(arena, text);
            self.key.set_place(&mut cell[at..], place);
            let order = self.order(heap, place, text);
            let added = tree.insert(arena, &order, cell, &weight.to_le_bytes());
            assert!(added, "the text was not found");
            return Change::of(0, weight);
        };
        let before = i64_at(count, 0);
        add_i64(count, weight);
        let after = before + weight;
        if after == 0 {
            let (kept, _) = tree.seek(&*arena, &order, cell).expect("the cell was found");
            let (place, _) = self.key.place(&kept[at..]).expect("a long text has a place");
            assert!(tree.remove(arena, &order, cell), "the cell was found");
            heap.free(arena, place);
        }
        Change::of(before, after)
    }

    fn order<'a>(&self, heap: Heap, probe: HeapId, text: &'a [u8]) -> TextOrder<'a> {
        TextOrder { at: self.key_at() + self.key.value_at(), heap, probe, text }
    }

    /// Visits the keys of a group's values, and how often each is there, in order or from the
    /// last back, while `visit` returns true. Values that are not there yet are left out.
    pub(super) fn walk<'a>(
        &self,
        at: (&'a Arena, &Layout),
        group: Group,
        back: bool,
        mut visit: impl FnMut(&'a [u8], i64) -> bool,
    ) {
        self.walk_prefixed(at, group, back, |_, key, count| visit(key, count));
    }

    /// The same, with what orders values before they do.
    pub(super) fn walk_prefixed<'a>(
        &self,
        (arena, layout): (&'a Arena, &Layout),
        group: Group,
        back: bool,
        mut visit: impl FnMut(&'a [u8], &'a [u8], i64) -> bool,
    ) {
        let tree = layout.tree(group.pane, self.tree);
        let mut buffer = [0; CELL_KEY_BYTES_MAX];
        let bound = &mut buffer[..self.cell_key_bytes()];
        let slot = if back { group.slot.0 + 1 } else { group.slot.0 };
        bound[..GROUP_BYTES].copy_from_slice(&slot.to_be_bytes());
        // The bound is the empty value of its group: it comes before all others.
        let (own, at) = (group.slot.0.to_be_bytes(), self.key_at());
        let visit = |key: &'a [u8], count: &'a [u8]| {
            let count = i64_at(count, 0);
            key[..GROUP_BYTES] == own
                && (count <= 0 || visit(&key[GROUP_BYTES..at], &key[at..], count))
        };
        let order = self.order(group.pane.heap(), PROBE, &[]);
        match (back, self.key.is_text()) {
            (true, true) => tree.walk_back(arena, &order, Bound::Excluded(bound), visit),
            (true, false) => tree.walk_back(arena, &Bytes, Bound::Excluded(bound), visit),
            (false, true) => tree.walk(arena, &order, Bound::Included(bound), visit),
            (false, false) => tree.walk(arena, &Bytes, Bound::Included(bound), visit),
        }
    }

    /// The cell behind `moved`, or the first; false where there is none.
    pub(super) fn next(
        &self,
        store: &Store<'_>,
        pane: Pane,
        first: bool,
        moved: &mut Moved,
    ) -> bool {
        let (tree, heap) = (store.tree(pane, self.tree), store.heap(pane));
        let (at, len) = (self.key_at(), self.cell_key_bytes());
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
            let place = self.key.place(&from_key[at..len]).map_or(PROBE, |(id, _)| id);
            let order = self.order(heap, place, &moved.text);
            tree.walk(store.arena, &order, from, visit);
        } else {
            tree.walk(store.arena, &Bytes, from, visit);
        }
        let Some(count) = found else { return false };
        let slot = moved.key[..GROUP_BYTES].try_into().expect("four bytes");
        (moved.slot, moved.count) = (SlotId(u32::from_be_bytes(slot)), count);
        self.key.text_into(store.arena, heap, &moved.key[at..len], &mut moved.text);
        moved.value_bytes = 0;
        true
    }

    /// Takes the first cell of a group out; false where it has none.
    pub(super) fn take_out(&self, store: &mut Store<'_>, group: Group, moved: &mut Moved) -> bool {
        let (tree, heap) = (store.tree(group.pane, self.tree), store.heap(group.pane));
        let (at, len) = (self.key_at(), self.cell_key_bytes());
        let mut bound = [0; CELL_KEY_BYTES_MAX];
        bound[..GROUP_BYTES].copy_from_slice(&group.slot.0.to_be_bytes());
        let found = if self.key.is_text() {
            tree.seek(&*store.arena, &self.order(heap, PROBE, &[]), &bound[..len])
        } else {
            tree.seek(&*store.arena, &Bytes, &bound[..len])
        };
        let Some((key, count)) =
            found.filter(|(key, _)| key[..GROUP_BYTES] == bound[..GROUP_BYTES])
        else {
            return false;
        };
        moved.key[..len].copy_from_slice(key);
        (moved.slot, moved.count, moved.value_bytes) = (group.slot, i64_at(count, 0), 0);
        let key = moved.key;
        self.key.text_into(store.arena, heap, &key[at..len], &mut moved.text);
        match self.key.place(&key[at..len]) {
            Some((place, _)) => {
                let order = self.order(heap, place, &moved.text);
                assert!(tree.remove(store.arena, &order, &key[..len]), "the cell was found");
                heap.free(store.arena, place);
            }
            None if self.key.is_text() => {
                let order = self.order(heap, PROBE, &moved.text);
                assert!(tree.remove(store.arena, &order, &key[..len]), "the cell was found");
            }
            None => assert!(tree.remove(store.arena, &Bytes, &key[..len]), "the cell was found"),
        }
        true
    }

    /// Adds a cell of another pane to the group. Returns what that did, and the bytes of its text.
    pub(super) fn take(
        &self,
        store: &mut Store<'_>,
        group: Group,
        moved: &Moved,
    ) -> (Change, usize) {
        let (at, len) = (self.key_at(), self.cell_key_bytes());
        let mut buffer = moved.key;
        if self.key.place(&buffer[at..len]).is_some() {
            self.key.set_place(&mut buffer[at..len], PROBE);
        }
        let change = self.add(store, group, &mut buffer, &moved.text, moved.count);
        (change, moved.text.len())
    }
}

/// Adds to the count of a cell that has its whole key in it.
fn add_cell(
    arena: &mut Arena,
    tree: Tree,
    order: &impl Order<Arena>,
    cell: &[u8],
    weight: i64,
) -> Change {
    let (count, _) = tree.entry(arena, order, cell);
    let before = i64_at(count, 0);
    add_i64(count, weight);
    let after = before + weight;
    if after == 0 {
        assert!(before != 0, "no delta has weight zero");
        assert!(tree.remove(arena, order, cell), "the cell was found");
    }
    Change::of(before, after)
}

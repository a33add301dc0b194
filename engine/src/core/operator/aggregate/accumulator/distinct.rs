//! DISTINCT: the values of each group in a set of the pane, each with how often it is there.
//!
//! The call behind it sees a row when its value comes, and sees it taken back when the value goes.
//! A cell of the set is a slot of a slab, found by the hash of group and value. Where groups come and go
//! the cells of each are linked, so that they can be moved with it.
//!
//! State: the first cell of the group plus one, 0 for none, and how many there are; zeros where cells
//! are not linked. It lies behind the state of the call.
//!
//! Invariants:
//! - A cell's count is never zero. It is negative only while a retraction is here before its row.
//!   Over input that never retracts it is not kept up.
//! - A long text of a cell lies in the heap once.
//!
//! Most rows bring a value that is there. Over input that never retracts such a row changes nothing,
//! and many are looked up at a time: one loop fetches what the index has for each, the next compares.

use sluicedb_sql::{Column, DataType, Physical};

use super::super::layout::{Group, Pane};
use super::cells::{Change, Moved};
use super::{Entry, Groups, Store, add_i64, i64_at};
use crate::core::arena::{HashIndex, Slab, SlotId, Vacancy};
use crate::core::hash::hash_rows;
use crate::core::morsel::Morsel;
use crate::core::row::{ONLY_BYTES, Only, Probe, Row, RowLayout, only_i64, only_text};

/// Bytes of the state.
pub(super) const HEAD_BYTES: usize = 8;

/// Where the number of cells is behind the first one.
const CELLS: usize = 4;

const PREV: usize = 0;
const NEXT: usize = 4;
const GROUP: usize = 8;
const COUNT: usize = 12;
const VALUE: usize = 20;

/// The values of one column, each once.
#[derive(Clone, Debug)]
pub(super) struct Distinct {
    pick: [usize; 1],
    data_type: DataType,
    values: RowLayout,
    /// Where the state is, behind that of the call.
    head_at: usize,
    /// Which set of the pane keeps the values.
    set: usize,
    retracts: bool,
    /// Whether the cells of a group are linked.
    linked: bool,
}

/// What a pane must know of a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::core::operator::aggregate) struct SetShape {
    pub(in crate::core::operator::aggregate) slot_bytes: u32,
}

/// The containers of a set.
#[derive(Clone, Copy, Debug)]
pub(in crate::core::operator::aggregate) struct Set {
    pub(in crate::core::operator::aggregate) index: HashIndex,
    pub(in crate::core::operator::aggregate) slab: Slab,
}

/// What rows did to the values of their groups, and scratch space.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Rows whose value was not there before.
    pub(super) came: Vec<Entry>,
    /// Rows whose value is not there any more.
    pub(super) gone: Vec<Entry>,
    /// Columns whose values were hashed: several calls often ask for the same.
    hashed: Vec<Hashed>,
    /// Of the value and the group of each entry.
    placed: Vec<u64>,
    /// Cells that may be those of the entries.
    guesses: Vec<u32>,
}

/// Hashes of the values of a column, by row.
#[derive(Debug)]
struct Hashed {
    column: usize,
    /// Whether they are of the rows that are worked on.
    fresh: bool,
    hashes: Vec<u64>,
}

impl Found {
    /// What follows is about other rows.
    pub(super) fn forget(&mut self) {
        self.hashed.iter_mut().for_each(|hashed| hashed.fresh = false);
    }

    /// Hashes a column of the rows that are worked on, unless that is done. Says where they are.
    fn hash(&mut self, columns: &[Column], column: usize, rows: usize) -> usize {
        let at = match self.hashed.iter().position(|hashed| hashed.column == column) {
            Some(at) => at,
            None => {
                self.hashed.push(Hashed { column, fresh: false, hashes: Vec::new() });
                self.hashed.len() - 1
            }
        };
        let Hashed { fresh, hashes, .. } = &mut self.hashed[at];
        if !std::mem::replace(fresh, true) {
            hash_rows(std::iter::once(&columns[column]), rows, hashes);
        }
        at
    }
}

impl Distinct {
    /// The values of `column` in set `set`; the state is behind `head_at` bytes of the call's own.
    pub(super) fn new(
        input: &[DataType],
        column: usize,
        head_at: usize,
        set: usize,
        Groups { retracts, session }: Groups,
    ) -> Distinct {
        let data_type = input[column];
        let values = RowLayout::new(&[data_type]);
        let linked = retracts || session;
        Distinct { pick: [column], data_type, values, head_at, set, retracts, linked }
    }

    /// What a pane must know.
    pub(super) fn shape(&self) -> SetShape {
        let slot_bytes = self.values.slot_bytes(VALUE);
        SetShape { slot_bytes: slot_bytes.expect("a slot holds a row of one column") }
    }

    /// The column whose texts are kept.
    pub(super) fn text(&self) -> Option<usize> {
        (self.data_type.physical() == Physical::Text).then_some(self.pick[0])
    }

    /// Finds out which rows bring a value and which take the last of one away.
    pub(super) fn update(
        &self,
        store: &mut Store<'_>,
        morsel: &Morsel,
        entries: &[Entry],
        found: &mut Found,
    ) {
        found.came.clear();
        found.gone.clear();
        let hashed = found.hash(&morsel.columns, self.pick[0], morsel.rows());
        if !self.retracts {
            for run in entries.chunk_by(|left, right| left.group.pane == right.group.pane) {
                self.bring(store, morsel, run, (hashed, found));
            }
            return;
        }
        let column = &morsel.columns[self.pick[0]];
        for entry in entries {
            let row = entry.row as usize;
            if column.is_null(row) {
                continue;
            }
            let hash = hash_in(found.hashed[hashed].hashes[row], entry.group.slot);
            let change =
                self.add(store, entry.group, hash, (&morsel.columns, row), morsel.weight(row));
            match change {
                1 => found.came.push(*entry),
                -1 => found.gone.push(*entry),
                _ => {}
            }
        }
    }

    /// Takes rows of one pane of which none is taken back.
    fn bring(
        &self,
        store: &mut Store<'_>,
        morsel: &Morsel,
        run: &[Entry],
        (at, found): (usize, &mut Found),
    ) {
        let Found { came, hashed, placed, guesses, .. } = found;
        let hashes = &hashed[at].hashes;
        let column = &morsel.columns[self.pick[0]];
        let values = self.values.probe(&morsel.columns, &self.pick);
        let set = store.layout.set(run[0].group.pane, self.set);
        placed.clear();
        placed
            .extend(run.iter().map(|entry| hash_in(hashes[entry.row as usize], entry.group.slot)));
        guesses.clear();
        set.index.lookup(store.arena).guess(placed, guesses);
        let mut at = 0;
        loop {
            at += self.known(store, set, &values, &run[at..], &guesses[at..]);
            let Some(entry) = run.get(at) else { return };
            let row = entry.row as usize;
            // A guess may be of another value, and there is none of one that came just now.
            let new = !column.is_null(row) && {
                let value = (&morsel.columns[..], row);
                self.add(store, entry.group, placed[at], value, morsel.weight(row)) == 1
            };
            if new {
                came.push(*entry);
            }
            at += 1;
        }
    }

    /// How many rows there are before the first whose value is not where it was guessed.
    fn known(
        &self,
        store: &Store<'_>,
        set: Set,
        values: &Probe<'_>,
        run: &[Entry],
        guesses: &[u32],
    ) -> usize {
        let (arena, heap) = (&*store.arena, run.first().map(|entry| entry.group.pane.heap()));
        match values.only() {
            Some(Only::I64(wanted)) => self.known_by(store, set, run, guesses, |cell, row| {
                cell.first_chunk().is_some_and(|cell| only_i64(cell, wanted[row]))
            }),
            Some(Only::Text(wanted)) => self.known_by(store, set, run, guesses, |cell, row| {
                let cell: Option<&[u8; ONLY_BYTES]> = cell.first_chunk();
                cell.is_some_and(|cell| only_text(cell, &wanted[row]))
            }),
            None => self.known_by(store, set, run, guesses, |cell, row| {
                let cell = &cell[..self.values.bytes()];
                heap.is_some_and(|heap| values.equals(arena, heap, cell, row))
            }),
        }
    }

    /// `same` may take an equal value for another, never another for an equal one.
    #[inline(always)]
    fn known_by(
        &self,
        store: &Store<'_>,
        set: Set,
        run: &[Entry],
        guesses: &[u32],
        same: impl Fn(&[u8], usize) -> bool,
    ) -> usize {
        let slots = set.slab.slots(store.arena);
        let is_known = |(entry, &guess): (&Entry, &u32)| {
            guess != u32::MAX && {
                let (_, block, at) = slots.get(SlotId(guess));
                let cell = &block[at..];
                word(cell, GROUP) == entry.group.slot.0 && same(&cell[VALUE..], entry.row as usize)
            }
        };
        let known = run.iter().zip(guesses).position(|looked| !is_known(looked));
        known.unwrap_or(run.len())
    }

    /// Adds to the count of a value. Returns 1 where it was not there and is, -1 where it was and
    /// is not.
    fn add(
        &self,
        store: &mut Store<'_>,
        group: Group,
        hash: u64,
        (columns, row): (&[Column], usize),
        weight: i64,
    ) -> i64 {
        let set = store.layout.set(group.pane, self.set);
        let value = Row { columns, picks: &self.pick, row };
        match self.seek(store, set, group, hash, value) {
            Ok(_) if !self.retracts => 0,
            Ok(cell) => {
                let bytes = set.slab.slot_mut(store.arena, cell);
                let before = i64_at(bytes, COUNT);
                add_i64(&mut bytes[COUNT..], weight);
                if before + weight == 0 {
                    self.remove(store, set, group, (hash, cell));
                }
                Change::of(before, before + weight).shown
            }
            Err(vacancy) => {
                self.insert(store, set, group, vacancy, value, weight);
                Change::of(0, weight).shown
            }
        }
    }

    #[inline]
    fn seek(
        &self,
        store: &Store<'_>,
        set: Set,
        group: Group,
        hash: u64,
        value: Row<'_>,
    ) -> Result<SlotId, Vacancy> {
        let (slots, heap) = (set.slab.slots(store.arena), group.pane.heap());
        let own = group.slot.0.to_le_bytes();
        let found = set.index.seek(store.arena, hash, |cell| {
            let (_, block, at) = slots.get(SlotId(cell));
            let bytes = &block[at..];
            bytes[GROUP..COUNT] == own && {
                let kept = &bytes[VALUE..VALUE + self.values.bytes()];
                let column = &value.columns[self.pick[0]];
                self.values.equals_at(store.arena, heap, kept, 0, column, value.row)
            }
        });
        found.map(SlotId)
    }

    fn insert(
        &self,
        store: &mut Store<'_>,
        set: Set,
        group: Group,
        vacancy: Vacancy,
        value: Row<'_>,
        weight: i64,
    ) {
        let mut buffer = [0; VALUE_BYTES_MAX];
        let kept = &mut buffer[..self.values.bytes()];
        self.values.write(store.arena, group.pane.heap(), value, kept);
        // Its bytes are zeros: it is linked to no other.
        let (cell, _, _) = set.slab.take(store.arena);
        let bytes = set.slab.slot_mut(store.arena, cell);
        put(bytes, GROUP, group.slot.0);
        bytes[COUNT..VALUE].copy_from_slice(&weight.to_le_bytes());
        bytes[VALUE..VALUE + kept.len()].copy_from_slice(kept);
        if self.linked {
            self.link(store, set, group, cell);
        }
        set.index.fill(store.arena, vacancy, cell.0);
    }

    /// Puts a cell before the others of its group.
    fn link(&self, store: &mut Store<'_>, set: Set, group: Group, cell: SlotId) {
        let next = self.head(store, group);
        put(set.slab.slot_mut(store.arena, cell), NEXT, next);
        if next != 0 {
            put(set.slab.slot_mut(store.arena, SlotId(next - 1)), PREV, cell.0 + 1);
        }
        self.set_head(store, group, cell.0 + 1);
        self.count(store, group, 1);
    }

    fn remove(&self, store: &mut Store<'_>, set: Set, group: Group, (hash, cell): (u64, SlotId)) {
        assert!(self.linked, "values go where they can be taken back, or with their session");
        let bytes = set.slab.slot(store.arena, cell);
        let (prev, next) = (word(bytes, PREV), word(bytes, NEXT));
        let mut buffer = [0; VALUE_BYTES_MAX];
        let kept = &mut buffer[..self.values.bytes()];
        kept.copy_from_slice(&bytes[VALUE..VALUE + kept.len()]);
        self.values.free(store.arena, group.pane.heap(), kept);
        match prev {
            0 => self.set_head(store, group, next),
            _ => put(set.slab.slot_mut(store.arena, SlotId(prev - 1)), NEXT, next),
        }
        if next != 0 {
            put(set.slab.slot_mut(store.arena, SlotId(next - 1)), PREV, prev);
        }
        self.count(store, group, u32::MAX);
        assert!(set.index.remove(store.arena, hash, cell.0), "every cell is in the index");
        set.slab.free(store.arena, cell);
    }

    fn head(&self, store: &Store<'_>, group: Group) -> u32 {
        word(store.state(group), self.head_at)
    }

    fn set_head(&self, store: &mut Store<'_>, group: Group, head: u32) {
        put(store.state_mut(group), self.head_at, head);
    }

    /// Adds to the number of cells, as far as a word goes.
    fn count(&self, store: &mut Store<'_>, group: Group, more: u32) {
        let cells = word(store.state(group), self.head_at + CELLS);
        put(store.state_mut(group), self.head_at + CELLS, cells.wrapping_add(more));
    }

    /// The cell behind `moved`, or the first; false where there is none.
    pub(super) fn next(
        &self,
        store: &Store<'_>,
        pane: Pane,
        first: bool,
        moved: &mut Moved,
    ) -> bool {
        let set = store.layout.set(pane, self.set);
        let from = if first { SlotId(0) } else { SlotId(moved.cell.0 + 1) };
        let Some(cell) = set.slab.next_live(store.arena, from) else { return false };
        self.read(store, pane, cell, moved);
        true
    }

    fn read(&self, store: &Store<'_>, pane: Pane, cell: SlotId, moved: &mut Moved) {
        let set = store.layout.set(pane, self.set);
        let bytes = set.slab.slot(store.arena, cell);
        moved.cell = cell;
        moved.slot = SlotId(word(bytes, GROUP));
        moved.count = i64_at(bytes, COUNT);
        let column = self.pick[0];
        moved.columns[column].clear();
        let kept = &bytes[VALUE..VALUE + self.values.bytes()];
        let out = &mut moved.columns[column..=column];
        self.values.read(store.arena, pane.heap(), kept, out);
        moved.value_bytes = out[0].text_bytes();
    }

    /// How many cells a group has.
    pub(super) fn cells(&self, store: &Store<'_>, group: Group) -> usize {
        word(store.state(group), self.head_at + CELLS) as usize
    }

    /// Takes a cell out of a group; false where it has none.
    pub(super) fn take_out(&self, store: &mut Store<'_>, group: Group, moved: &mut Moved) -> bool {
        let head = self.head(store, group);
        if head == 0 {
            return false;
        }
        let cell = SlotId(head - 1);
        self.read(store, group.pane, cell, moved);
        let hash = hash_in(self.hash_of(moved), group.slot);
        let set = store.layout.set(group.pane, self.set);
        self.remove(store, set, group, (hash, cell));
        true
    }

    fn hash_of(&self, moved: &Moved) -> u64 {
        let mut hashes = Vec::with_capacity(1);
        hash_rows(std::iter::once(&moved.columns[self.pick[0]]), 1, &mut hashes);
        hashes[0]
    }

    /// Adds a cell of another pane to a group; returns what [`Distinct::add`] does.
    pub(super) fn take(&self, store: &mut Store<'_>, group: Group, moved: &Moved) -> i64 {
        let hash = hash_in(self.hash_of(moved), group.slot);
        self.add(store, group, hash, (&moved.columns, 0), moved.count)
    }
}

/// Bytes of the longest value in a cell: whether it is NULL, and a text or decimal.
const VALUE_BYTES_MAX: usize = 1 + 16;

/// The hash of a value in a group.
#[inline]
fn hash_in(value: u64, group: SlotId) -> u64 {
    let product = u128::from(value ^ u64::from(group.0)) * 0xd6e8_feb8_6659_fd93;
    product as u64 ^ (product >> 64) as u64
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn put(bytes: &mut [u8], at: usize, value: u32) {
    bytes[at..at + 4].copy_from_slice(&value.to_le_bytes());
}

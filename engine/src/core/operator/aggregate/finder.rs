//! Looks for the groups of many rows of one pane.
//!
//! The headers of the containers are read once. Then two loops run over the rows: one fetches what
//! the index has for each hash, one compares keys. Neither has a branch whose outcome hangs on the
//! data, but for groups that are not there.

use super::accumulator::Entry;
use super::layout::{Group, HASH, KEY, Layout, Pane, Place};
use crate::core::arena::{Arena, Block, Heap, Lookup, SlotId, Slots};
use crate::core::row::{ONLY_BYTES, Only, Probe, only_i64, only_text};

/// The groups of a pane, until one is added or freed.
pub(super) struct Finder<'a> {
    layout: &'a Layout,
    arena: &'a Arena,
    pane: Pane,
    index: Lookup<'a, Arena>,
    slots: Slots<'a, Arena>,
    heap: Heap,
}

/// Rows that are looked for.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    /// Where each row is in its morsel.
    pub(super) rows: &'a [u32],
    /// The hash of each row's key.
    pub(super) hashes: &'a [u64],
    /// A slot that may be the one of the row's group, or `u32::MAX`.
    pub(super) guesses: &'a [u32],
}

impl<'a> Wanted<'a> {
    /// The rows from `at` on.
    pub(super) fn from(self, at: usize) -> Wanted<'a> {
        Wanted { rows: &self.rows[at..], hashes: &self.hashes[at..], guesses: &self.guesses[at..] }
    }
}

impl<'a> Finder<'a> {
    /// Reads the headers of a pane.
    #[inline]
    pub(super) fn new(layout: &'a Layout, arena: &'a Arena, pane: Pane) -> Finder<'a> {
        let (index, slots) = (pane.index().lookup(arena), pane.slab(0).slots(arena));
        Finder { layout, arena, pane, index, slots, heap: pane.heap() }
    }

    /// For each hash a slot that may be its group's, or `u32::MAX`.
    pub(super) fn guess(&self, hashes: &[u64], guesses: &mut Vec<u32>) {
        self.index.guess(hashes, guesses);
    }

    /// Writes the entries of rows up to the first whose group is not there. Returns how many.
    pub(super) fn entries(
        &self,
        wanted: Wanted<'_>,
        keys: &Probe<'_>,
        entries: &mut [Entry],
    ) -> usize {
        match keys.only() {
            Some(Only::Text(views)) => self.run(wanted, keys, entries, |block, at, row| {
                let key: Option<&[u8; ONLY_BYTES]> = block[at + KEY..].first_chunk();
                key.is_some_and(|key| only_text(key, &views[row]))
            }),
            Some(Only::I64(values)) => self.run(wanted, keys, entries, |block, at, row| {
                block[at + KEY..].first_chunk().is_some_and(|key| only_i64(key, values[row]))
            }),
            None => self.run(wanted, keys, entries, |block, at, row| {
                let key = &block[at + KEY..][..self.layout.keys().bytes()];
                keys.equals(self.arena, self.heap, key, row)
            }),
        }
    }

    /// `same` may take an equal key for another, never another for an equal one.
    #[inline(always)]
    fn run(
        &self,
        wanted: Wanted<'_>,
        keys: &Probe<'_>,
        entries: &mut [Entry],
        same: impl Fn(&Block, usize, usize) -> bool,
    ) -> usize {
        let rows = wanted.rows.iter().zip(wanted.guesses).zip(wanted.hashes);
        let mut done = 0;
        for (entry, ((&row, &guess), &hash)) in entries.iter_mut().zip(rows) {
            let mut found = None;
            if guess != u32::MAX {
                let (id, block, at) = self.slots.get(SlotId(guess));
                if same(block, at, row as usize) {
                    found = Some((SlotId(guess), Place { block: id, at: at as u16 }));
                }
            }
            let found = found.or_else(|| self.find(hash, keys, row as usize));
            let Some((slot, place)) = found else { break };
            *entry = Entry { row, group: Group { pane: self.pane, slot }, place };
            done += 1;
        }
        done
    }

    /// The group with the key in row `row`, and where its first part is.
    #[inline(never)]
    pub(super) fn find(&self, hash: u64, keys: &Probe<'_>, row: usize) -> Option<(SlotId, Place)> {
        let mut found = None;
        self.index.find(hash, |slot| {
            let (id, block, at) = self.slots.get(SlotId(slot));
            let key = &block[at + KEY..][..self.layout.keys().bytes()];
            let same = block[at + HASH..][..8] == hash.to_le_bytes()
                && keys.equals(self.arena, self.heap, key, row);
            found = same.then_some((SlotId(slot), Place { block: id, at: at as u16 }));
            same
        });
        found
    }
}

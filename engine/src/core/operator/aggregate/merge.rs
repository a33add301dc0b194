//! Puts a window together from its slices: some groups at a time, then cell by cell.
//!
//! Most groups of a slice are in the window already, which has them from the slices before it. They
//! are found by the bytes of their keys, which say all where no text lies in a heap.
//!
//! Invariant: the pane that it fills is in no tree until it is done, and a barrier finds it done.

use sluicedb_sql::{Column, DataType};

use super::Spec;
use super::accumulator::Moved;
use super::layout::{Group, Located, Pair, Pane, Span};
use super::windows::new_pane;
use crate::core::arena::{Arena, SlotId};
use crate::core::operator::Context;
use crate::core::row::Row;

/// A window that is being put together, and scratch space for that.
#[derive(Debug)]
pub(super) struct Merge {
    window: i64,
    target: Option<Pane>,
    /// The slice that is being added, or was last.
    slice: Option<(Span, Pane)>,
    stage: Stage,
    keys: Vec<Column>,
    picks: Vec<usize>,
    /// Groups of the slice that are added together, their hashes, and slots that may be theirs in
    /// the window.
    groups: Vec<Group>,
    located: Vec<Located>,
    hashes: Vec<u64>,
    guesses: Vec<u32>,
    pairs: Vec<Pair>,
    scratch: Vec<u8>,
    moved: Moved,
}

/// Groups that are added together: enough to have their memory fetched at the same time.
const GROUPS: usize = 256;

#[derive(Clone, Copy, Debug)]
enum Stage {
    NextSlice,
    /// States of groups, from this slot on.
    Groups(SlotId),
    /// Cells of the tree of a call.
    Cells {
        call: usize,
        cell: Cell,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Cell {
    /// The one behind the one at hand, or the first.
    Next { first: bool },
    /// The one at hand, which is not added yet.
    AtHand,
}

impl Merge {
    /// Nothing to put together.
    pub(super) fn new(spec: &Spec) -> Merge {
        let types: Vec<DataType> =
            spec.options.keys.iter().map(|&column| spec.options.input[column]).collect();
        Merge {
            window: 0,
            target: None,
            slice: None,
            stage: Stage::NextSlice,
            keys: types.iter().map(|&data_type| Column::new(data_type)).collect(),
            picks: (0..types.len()).collect(),
            groups: Vec::with_capacity(GROUPS),
            located: Vec::with_capacity(GROUPS),
            hashes: Vec::with_capacity(GROUPS),
            guesses: Vec::with_capacity(GROUPS),
            pairs: Vec::with_capacity(GROUPS),
            scratch: Vec::new(),
            moved: Moved::new(&spec.options.input),
        }
    }

    /// Starts with an empty pane for the window.
    pub(super) fn begin(&mut self, spec: &Spec, arena: &mut Arena, window: i64) {
        assert!(self.target.is_none(), "one window is put together at a time");
        let span = Span { start: window, first: window };
        self.target = Some(new_pane(arena, &spec.layout, spec.place.zone, span));
        self.window = window;
        self.slice = None;
        self.stage = Stage::NextSlice;
    }

    /// Goes on; returns the pane once all slices are added, `None` where fuel or memory lacks.
    pub(super) fn work(&mut self, spec: &Spec, context: &mut Context<'_>) -> Option<Pane> {
        loop {
            if *context.fuel == 0 {
                return None;
            }
            match self.stage {
                Stage::NextSlice => {
                    context.burn(1);
                    if !self.next_slice(spec, context.arena) {
                        return self.target.take();
                    }
                    self.stage = Stage::Groups(SlotId(0));
                }
                Stage::Groups(from) => self.add_groups(spec, context, from)?,
                Stage::Cells { call, cell } => self.add_cell(spec, context, call, cell)?,
            }
        }
    }

    /// Moves on to the next slice of the window; false behind the last.
    fn next_slice(&mut self, spec: &Spec, arena: &Arena) -> bool {
        let windows = spec.windows.as_ref().expect("only windows have slices");
        let (first, end) = windows.slices(self.window);
        let last = self.slice.map(|(span, _)| (span.start, span.first));
        let from = last.map_or(first, |(start, _)| start);
        let mut found = None;
        spec.root.walk_slices(arena, from, |span, pane| {
            let behind = last.is_none_or(|last| (span.start, span.first) > last);
            if span.start < end && behind && span.first <= self.window {
                found = Some((span, pane));
            }
            span.start < end && found.is_none()
        });
        if found.is_some() {
            self.slice = found;
        }
        found.is_some()
    }

    fn target(&self) -> Pane {
        self.target.expect("a window is being put together")
    }

    fn source(&self) -> Pane {
        self.slice.expect("a slice is being added").1
    }

    fn add_groups(&mut self, spec: &Spec, context: &mut Context<'_>, from: SlotId) -> Option<()> {
        self.list(spec, context.arena, from, GROUPS.min(*context.fuel));
        let Some(last) = self.groups.last() else {
            self.stage = self.cells_from(spec, 0);
            return Some(());
        };
        let mut next = SlotId(last.slot.0 + 1);
        let longest = self.located.iter().map(|group| text_bytes(spec, context.arena, group)).max();
        let longest = longest.unwrap_or(0);
        let allowed = spec.allow(context, self.groups.len(), |groups| longest * groups);
        if allowed == 0 {
            return None;
        }
        if let Some(first) = self.groups.get(allowed) {
            next = first.slot;
            self.groups.truncate(allowed);
            self.located.truncate(allowed);
        }
        context.burn(allowed);
        self.pair(spec, context.arena);
        for Pair { from, into } in &self.pairs {
            let rows = spec.layout.rows_at(context.arena, from);
            spec.layout.add_rows_at(context.arena, into.place, rows);
        }
        for call in &spec.accumulators {
            call.merge(context.arena, &spec.layout, &self.pairs, &mut self.scratch);
        }
        self.stage = Stage::Groups(next);
        Some(())
    }

    /// Lists groups of the slice, at most `most` from slot `from` on.
    fn list(&mut self, spec: &Spec, arena: &Arena, from: SlotId, most: usize) {
        let (source, mut from) = (self.source(), from);
        self.groups.clear();
        while self.groups.len() < most
            && let Some(group) = source.next(arena, from)
        {
            self.groups.push(group);
            from = SlotId(group.slot.0 + 1);
        }
        self.located.clear();
        spec.layout.locate_all(arena, &self.groups, &mut self.located);
    }

    /// Finds or makes the groups of the window that have the keys of those that are listed.
    fn pair(&mut self, spec: &Spec, arena: &mut Arena) {
        let (layout, pane) = (&spec.layout, self.target());
        self.hashes.clear();
        self.hashes.extend(self.located.iter().map(|group| layout.hash_at(arena, group)));
        self.guesses.clear();
        pane.index().lookup(arena).guess(&self.hashes, &mut self.guesses);
        self.pairs.clear();
        loop {
            // Groups that are there are looked up in one go; one that is not changes the pane.
            self.pair_known(spec, arena);
            let Some(&from) = self.located.get(self.pairs.len()) else { return };
            self.read_key(spec, arena, from.group);
            let into = self.twin(spec, arena, from.group, true);
            self.pairs.push(Pair { from, into: layout.located(arena, into) });
        }
    }

    /// Pairs groups up to the first that is not where it was guessed.
    fn pair_known(&mut self, spec: &Spec, arena: &Arena) {
        let (layout, pane) = (&spec.layout, self.target());
        let slots = layout.slots(arena, pane);
        let done = self.pairs.len();
        for (&from, &guess) in self.located[done..].iter().zip(&self.guesses[done..]) {
            let short = layout.keys().long_text_bytes(layout.key_at(arena, &from)) == 0;
            if guess == u32::MAX || !short {
                return;
            }
            match layout.alike(arena, (pane, &slots), SlotId(guess), &from) {
                Some(into) => self.pairs.push(Pair { from, into }),
                None => return,
            }
        }
    }

    fn add_cell(
        &mut self,
        spec: &Spec,
        context: &mut Context<'_>,
        call: usize,
        cell: Cell,
    ) -> Option<()> {
        let accumulator = &spec.accumulators[call];
        if let Cell::Next { first } = cell {
            let source = self.source();
            let (arena, layout) = (&mut *context.arena, &spec.layout);
            if !accumulator.next_cell(arena, layout, source, first, &mut self.moved) {
                self.stage = self.cells_from(spec, call + 1);
                return Some(());
            }
            self.stage = Stage::Cells { call, cell: Cell::AtHand };
        }
        if spec.allow(context, 1, |_| self.moved.text_bytes()) == 0 {
            return None;
        }
        context.burn(1);
        let group = Group { pane: self.source(), slot: self.moved.slot };
        self.read_key(spec, context.arena, group);
        let into = self.twin(spec, context.arena, group, false);
        accumulator.take_cell(context.arena, &spec.layout, into, &self.moved);
        self.stage = Stage::Cells { call, cell: Cell::Next { first: false } };
        Some(())
    }

    fn cells_from(&self, spec: &Spec, call: usize) -> Stage {
        let rest = &spec.accumulators[call..];
        match rest.iter().position(|call| call.has_cells()) {
            Some(at) => Stage::Cells { call: call + at, cell: Cell::Next { first: true } },
            None => Stage::NextSlice,
        }
    }

    fn read_key(&mut self, spec: &Spec, arena: &Arena, group: Group) {
        self.keys.iter_mut().for_each(Column::clear);
        let key = spec.layout.key_of(arena, group);
        spec.layout.keys().read(arena, group.pane.heap(), key, &mut self.keys);
    }

    /// The group of the window that has the key which was read.
    fn twin(&mut self, spec: &Spec, arena: &mut Arena, group: Group, make: bool) -> Group {
        let pane = self.target();
        let hash = spec.layout.hash(arena, group);
        let key = Row { columns: &self.keys, picks: &self.picks, row: 0 };
        let slot = match spec.layout.find(arena, pane, hash, key) {
            Some(slot) => slot,
            None => {
                assert!(make, "the states of a slice come before its cells");
                spec.layout.insert(arena, pane, hash, key, &mut self.scratch)
            }
        };
        Group { pane, slot }
    }
}

/// Bytes of text that a group of a slice may add to the heap of the window.
fn text_bytes(spec: &Spec, arena: &mut Arena, located: &Located) -> usize {
    let calls = spec.accumulators.iter();
    let states: usize = calls.map(|call| call.text_bytes(arena, &spec.layout, located.group)).sum();
    states + spec.layout.keys().long_text_bytes(spec.layout.key_at(arena, located))
}

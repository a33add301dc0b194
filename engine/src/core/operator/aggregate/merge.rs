//! Puts a window together from its slices: group by group, then cell by cell.
//!
//! Invariant: the pane that it fills is in no tree until it is done, and a barrier finds it done.

use sluicedb_sql::{Column, DataType};

use super::Spec;
use super::accumulator::Moved;
use super::layout::{Group, Pane, Span};
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
    scratch: Vec<u8>,
    moved: Moved,
}

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
                Stage::Groups(from) => self.add_group(spec, context, from)?,
                Stage::Cells { call, cell } => self.add_cell(spec, context, call, cell)?,
            }
        }
    }

    /// Moves on to the next slice of the window; false behind the last.
    fn next_slice(&mut self, spec: &Spec, arena: &Arena) -> bool {
        let windows = spec.windows.as_ref().expect("only windows have slices");
        let end = windows.end(self.window);
        let last = self.slice.map(|(span, _)| (span.start, span.first));
        let from = last.map_or_else(|| windows.window().start_of(self.window), |(start, _)| start);
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

    fn add_group(&mut self, spec: &Spec, context: &mut Context<'_>, from: SlotId) -> Option<()> {
        let Some(group) = self.source().next(context.arena, from) else {
            self.stage = self.cells_from(spec, 0);
            return Some(());
        };
        self.read_key(spec, context.arena, group);
        let states = spec.accumulators.iter();
        let states: usize =
            states.map(|call| call.text_bytes(context.arena, &spec.layout, group)).sum();
        let keys: usize = self.keys.iter().map(Column::text_bytes).sum();
        if spec.allow(context, 1, |_| states + keys) == 0 {
            return None;
        }
        context.burn(1);
        let into = self.twin(spec, context.arena, group, true);
        let rows = spec.layout.rows(context.arena, group);
        spec.layout.add_rows(context.arena, into, rows);
        for call in &spec.accumulators {
            call.merge(context.arena, &spec.layout, (group, into), &mut self.scratch);
        }
        self.stage = Stage::Groups(SlotId(group.slot.0 + 1));
        Some(())
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

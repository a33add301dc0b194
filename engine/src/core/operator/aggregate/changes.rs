//! The changes of the groups that a part of a morsel touched: old row out, new row in.

use sluicedb_sql::{Column, DataType};

use super::Spec;
use super::layout::{Group, Located};
use crate::core::arena::Arena;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::{Morsel, Pool, ShapeId};

const NONE: u32 = u32::MAX;

/// Rows of the touched groups at one moment.
#[derive(Debug)]
struct Rows {
    columns: Vec<Column>,
    /// The row of each touched group, or `NONE`.
    of: Vec<u32>,
}

/// A delta that is owed.
#[derive(Clone, Copy, Debug)]
struct Delta {
    row: u32,
    /// Whether it inserts a new row, and does not take an old one back.
    inserts: bool,
}

/// The rows before and after, and what is owed of their difference.
#[derive(Debug)]
pub(super) struct Changes {
    before: Rows,
    after: Rows,
    deltas: Vec<Delta>,
    /// Deltas that were put out.
    done: usize,
    visible: Vec<Located>,
}

impl Rows {
    fn new(types: &[DataType]) -> Rows {
        let columns = types.iter().map(|&data_type| Column::new(data_type)).collect();
        Rows { columns, of: Vec::new() }
    }

    fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.of.clear();
    }

    fn take(
        &mut self,
        spec: &Spec,
        arena: &mut Arena,
        groups: &[Group],
        visible: &mut Vec<Located>,
    ) {
        self.clear();
        visible.clear();
        let closed_by = spec.shows_closed_by(arena);
        spec.write_rows(arena, groups, visible, &mut self.columns, closed_by);
        let mut rows = visible.iter().enumerate().peekable();
        for group in groups {
            let row = rows.next_if(|(_, next)| next.group == *group);
            self.of.push(row.map_or(NONE, |(row, _)| row as u32));
        }
        assert!(rows.next().is_none(), "rows come in the order of their groups");
    }
}

impl Changes {
    /// Nothing owed.
    pub(super) fn new(types: &[DataType]) -> Changes {
        Changes {
            before: Rows::new(types),
            after: Rows::new(types),
            deltas: Vec::new(),
            done: 0,
            visible: Vec::new(),
        }
    }

    /// How many deltas are owed.
    pub(super) fn owed(&self) -> usize {
        self.deltas.len() - self.done
    }

    /// Takes the rows of groups that are about to change.
    pub(super) fn before(&mut self, spec: &Spec, arena: &mut Arena, groups: &[Group]) {
        assert_eq!(self.owed(), 0, "changes are put out before the next are made");
        self.before.take(spec, arena, groups, &mut self.visible);
    }

    /// Takes the rows of the same groups after the change, and owes the difference.
    pub(super) fn after(&mut self, spec: &Spec, arena: &mut Arena, groups: &[Group]) {
        self.after.take(spec, arena, groups, &mut self.visible);
        assert_eq!(self.before.of.len(), groups.len(), "the same groups before and after");
        self.owe();
    }

    /// Takes note that there are so many groups by now, the others being new.
    pub(super) fn more(&mut self, groups: usize) {
        assert!(groups >= self.before.of.len(), "groups come at the end");
        self.before.of.resize(groups, NONE);
    }

    /// Owes the rows of new groups.
    pub(super) fn inserted(&mut self, spec: &Spec, arena: &mut Arena, groups: &[Group]) {
        assert_eq!(self.owed(), 0, "changes are put out before the next are made");
        self.before.clear();
        self.before.of.resize(groups.len(), NONE);
        self.after(spec, arena, groups);
    }

    fn owe(&mut self) {
        self.deltas.clear();
        self.done = 0;
        for (&old, &new) in self.before.of.iter().zip(&self.after.of) {
            if old != NONE && new != NONE && self.equal(old, new) {
                continue;
            }
            if old != NONE {
                self.deltas.push(Delta { row: old, inserts: false });
            }
            if new != NONE {
                self.deltas.push(Delta { row: new, inserts: true });
            }
        }
    }

    fn equal(&self, old: u32, new: u32) -> bool {
        let mut pairs = self.before.columns.iter().zip(&self.after.columns);
        pairs.all(|(before, after)| before.equal(old as usize, after, new as usize))
    }

    /// The next deltas, at most `rows`.
    pub(super) fn put_out(&mut self, pool: &mut Pool, shape: ShapeId, rows: usize) -> Morsel {
        let rows = rows.min(self.owed()).min(MORSEL_ROWS_MAX);
        assert!(rows > 0, "there are deltas to put out");
        let deltas = &self.deltas[self.done..self.done + rows];
        let mut morsel = pool.take(shape);
        for (at, out) in morsel.columns.iter_mut().enumerate() {
            let (before, after) = (&self.before.columns[at], &self.after.columns[at]);
            for delta in deltas {
                out.push_from(if delta.inserts { after } else { before }, delta.row as usize);
            }
        }
        if deltas.iter().any(|delta| !delta.inserts) {
            let weight = |delta: &Delta| if delta.inserts { 1 } else { -1 };
            morsel.weights.extend(deltas.iter().map(weight));
        }
        morsel.set_rows(rows);
        self.done += rows;
        morsel
    }
}

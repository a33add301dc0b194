//! The changes of the groups that a part of a morsel touched: old row out, new row in.

use sluicedb_sql::{Column, DataType};

use super::Spec;
use super::layout::Group;
use super::output::Shown;
use crate::core::arena::Arena;
use crate::core::effect::Effect;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::{Morsel, Pool, ShapeId};
use crate::core::operator::Context;

const NONE: u32 = u32::MAX;

/// Rows of the touched groups at one moment.
#[derive(Debug)]
struct Rows {
    /// Rows that are shown, and behind them those of groups that are withheld.
    columns: Vec<Column>,
    shown: u32,
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
    /// Groups that have come to be withheld, and those that have a row again.
    turned: Vec<Delta>,
    scratch: Shown,
}

impl Rows {
    fn new(types: &[DataType]) -> Rows {
        let columns = types.iter().map(|&data_type| Column::new(data_type)).collect();
        Rows { columns, shown: 0, of: Vec::new() }
    }

    fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        self.of.clear();
        self.shown = 0;
    }

    /// Whether this is a row for all to see.
    fn shows(&self, row: u32) -> bool {
        row < self.shown
    }

    fn withholds(&self, row: u32) -> bool {
        row >= self.shown && row != NONE
    }

    fn take(&mut self, spec: &Spec, arena: &mut Arena, groups: &[Group], scratch: &mut Shown) {
        self.clear();
        let closed_by = spec.shows_closed_by(arena);
        spec.write_rows(arena, groups, scratch, &mut self.columns, closed_by);
        self.shown = scratch.visible.len() as u32;
        let mut rows = scratch.visible.iter().zip(0..).peekable();
        if scratch.withheld.is_empty() {
            for group in groups {
                let row = rows.next_if(|(next, _)| next.group == *group);
                self.of.push(row.map_or(NONE, |(_, row)| row));
            }
        } else {
            spec.write_withheld(arena, scratch, &mut self.columns);
            let mut others = scratch.withheld.iter().zip(self.shown..).peekable();
            for group in groups {
                let row = rows.next_if(|(next, _)| next.group == *group);
                let row = row.or_else(|| others.next_if(|(next, _)| next.group == *group));
                self.of.push(row.map_or(NONE, |(_, row)| row));
            }
            assert!(others.next().is_none(), "groups that are withheld come in their order");
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
            turned: Vec::new(),
            scratch: Shown::default(),
        }
    }

    /// How many deltas are owed.
    pub(super) fn owed(&self) -> usize {
        self.deltas.len() - self.done
    }

    /// Takes the rows of groups that are about to change.
    pub(super) fn before(&mut self, spec: &Spec, arena: &mut Arena, groups: &[Group]) {
        assert_eq!(self.owed(), 0, "changes are put out before the next are made");
        self.before.take(spec, arena, groups, &mut self.scratch);
    }

    /// Takes the rows of the same groups after the change, and owes the difference.
    pub(super) fn after(&mut self, spec: &Spec, arena: &mut Arena, groups: &[Group]) {
        self.after.take(spec, arena, groups, &mut self.scratch);
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
        self.turned.clear();
        for (&old, &new) in self.before.of.iter().zip(&self.after.of) {
            let (was, is) = (self.before.shows(old), self.after.shows(new));
            if was && is && self.equal(old, new) {
                continue;
            }
            if was {
                self.deltas.push(Delta { row: old, inserts: false });
            }
            if is {
                self.deltas.push(Delta { row: new, inserts: true });
            }
            match (self.before.withholds(old), self.after.withholds(new)) {
                (true, false) => self.turned.push(Delta { row: old, inserts: false }),
                (false, true) => self.turned.push(Delta { row: new, inserts: true }),
                _ => {}
            }
        }
    }

    /// Tells of the groups that have come to be withheld, and of those that have a row again.
    #[inline]
    pub(super) fn tell_withheld(&mut self, spec: &Spec, context: &mut Context<'_>) {
        if !self.turned.is_empty() {
            self.tell_turned(spec, context);
        }
    }

    #[cold]
    fn tell_turned(&mut self, spec: &Spec, context: &mut Context<'_>) {
        let turned = std::mem::take(&mut self.turned);
        let morsel = self.rows_of(&turned, context.pool, spec.options.output_shape);
        self.turned = turned;
        let more = (0..morsel.rows()).map(|row| morsel.weight(row)).sum();
        spec.root.count_withheld(context.arena, more);
        let (operator, epoch) = (spec.place.operator, context.epoch);
        context.effects.push(Effect::Withheld { operator, epoch, morsel });
    }

    fn equal(&self, old: u32, new: u32) -> bool {
        let mut pairs = self.before.columns.iter().zip(&self.after.columns);
        pairs.all(|(before, after)| before.equal(old as usize, after, new as usize))
    }

    /// The next deltas, at most `rows`.
    pub(super) fn put_out(&mut self, pool: &mut Pool, shape: ShapeId, rows: usize) -> Morsel {
        let rows = rows.min(self.owed()).min(MORSEL_ROWS_MAX);
        assert!(rows > 0, "there are deltas to put out");
        let morsel = self.rows_of(&self.deltas[self.done..self.done + rows], pool, shape);
        self.done += rows;
        morsel
    }

    fn rows_of(&self, deltas: &[Delta], pool: &mut Pool, shape: ShapeId) -> Morsel {
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
        morsel.set_rows(deltas.len());
        morsel
    }
}

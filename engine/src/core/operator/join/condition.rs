//! The condition of a join beside its keys, computed for a piece of a chain at a time.

use std::sync::Arc;

use sluicedb_sql::expr::{Failures, Program, Scratch};
use sluicedb_sql::{Column, DataType};

use super::Given;
use super::side::Side;
use crate::core::arena::SlotId;
use crate::core::effect::Effect;
use crate::core::limits::{BATCH_TEXT_BYTES_MAX, WEIGHT_MAX};
use crate::core::morsel::ShapeId;
use crate::core::operator::{Context, Place};

/// Rows of a chain that are looked at together.
const PIECE_ROWS: usize = 64;

/// The condition, and the rows that were found to meet it.
pub(super) struct Condition {
    place: Place,
    program: Arc<Program>,
    scratch: Scratch,
    failures: Failures,
    left_columns: usize,
    left_shape: ShapeId,
    /// The pairs of a piece.
    columns: Vec<Column>,
    slots: Vec<SlotId>,
    row: Vec<u32>,
    selected: Vec<u32>,
    /// Rows that meet it and are still to be dealt with, the next one last.
    met: Vec<SlotId>,
}

impl Condition {
    pub(super) fn new(
        place: Place,
        program: Arc<Program>,
        inputs: &[Vec<DataType>; 2],
        left_shape: ShapeId,
    ) -> Condition {
        Condition {
            place,
            scratch: program.scratch(),
            program,
            failures: Failures::default(),
            left_columns: inputs[0].len(),
            left_shape,
            columns: inputs.iter().flatten().copied().map(Column::new).collect(),
            slots: Vec::new(),
            row: Vec::new(),
            selected: Vec::new(),
            met: Vec::new(),
        }
    }

    /// The next row that meets the condition.
    pub(super) fn next(&mut self) -> Option<SlotId> {
        self.met.pop()
    }

    /// Looks at the next rows of a chain, and pays for them; `from` is moved behind them.
    pub(super) fn look(
        &mut self,
        given: &Given,
        other: &Side,
        from: &mut SlotId,
        context: &mut Context<'_>,
    ) {
        assert!(self.met.is_empty(), "what was found before is dealt with");
        self.columns.iter_mut().for_each(Column::clear);
        self.slots.clear();
        let (left, right) = self.columns.split_at_mut(self.left_columns);
        let (own, others) = if given.side == 0 { (left, right) } else { (right, left) };
        let wanted = PIECE_ROWS.min(*context.fuel);
        while from.is_some() && self.slots.len() < wanted {
            other.read(&*context.arena, *from, others);
            self.slots.push(*from);
            *from = other.next(&*context.arena, *from);
            if others.iter().map(Column::text_bytes).sum::<usize>() > BATCH_TEXT_BYTES_MAX {
                break;
            }
        }
        let rows = self.slots.len();
        self.row.clear();
        self.row.resize(rows, given.row as u32);
        for (column, source) in own.iter_mut().zip(&given.morsel.columns) {
            column.append(source, &self.row);
        }
        context.burn(rows);
        self.program.run(&self.columns, rows, &mut self.scratch, &mut self.failures);
        self.program.selected(&self.scratch, &self.columns, 0, &mut self.selected);
        self.met.extend(self.selected.iter().rev().map(|&at| self.slots[at as usize]));
        if !self.failures.is_empty() {
            self.bury(given, other, context);
        }
    }

    /// Hands the left rows of pairs whose condition failed to the dead letters, each with its reason.
    #[cold]
    fn bury(&mut self, given: &Given, other: &Side, context: &mut Context<'_>) {
        let mut dead = context.pool.take(self.left_shape);
        let rows: Vec<u32> = self.failures.rows().iter().map(|&(row, _)| row).collect();
        for (column, source) in dead.columns.iter_mut().zip(&self.columns) {
            column.append(source, &rows);
        }
        for &row in &rows {
            let (weight, _) = other.marks(&*context.arena, self.slots[row as usize]);
            let weight = weight.saturating_mul(given.morsel.weight(given.row));
            dead.weights.push(weight.clamp(-WEIGHT_MAX, WEIGHT_MAX));
        }
        dead.set_rows(rows.len());
        let errors = self.failures.rows().iter().map(|(_, error)| *error).collect();
        let (operator, epoch) = (self.place.operator, context.epoch);
        context.effects.push(Effect::DeadLetters { operator, epoch, morsel: dead, errors });
    }
}

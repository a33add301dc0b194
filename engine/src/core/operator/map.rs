//! Filter and projection in one pass.

use std::sync::Arc;

use sluicedb_sql::expr::{Failures, Program, Scratch};

use super::{Context, Item, Operator, Place, Port, Work};
use crate::core::arena::Arena;
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::morsel::{Morsel, ShapeId};

/// What a map keeps and makes of each row.
#[derive(Clone, Debug)]
pub struct MapOptions {
    /// Rows for which its only output is true pass; all do where there is none.
    pub predicate: Option<Arc<Program>>,
    /// The columns of a row that passes; those of the input where there is none.
    pub outputs: Option<Arc<Program>>,
    /// Columns of the input.
    pub input: ShapeId,
    /// Columns of the output.
    pub output: ShapeId,
}

/// Filters, then projects.
pub struct Map {
    place: Place,
    options: MapOptions,
    given: Option<Item>,
    predicate: Option<Scratch>,
    outputs: Option<Scratch>,
    failures: Failures,
    /// The rows that pass and do not fail; without meaning while all do.
    selected: Vec<u32>,
    failed: Vec<u32>,
}

impl Map {
    /// A map without state.
    pub fn new(place: Place, options: MapOptions) -> Map {
        let scratch = |program: &Option<Arc<Program>>| program.as_ref().map(|p| p.scratch());
        Map {
            place,
            given: None,
            predicate: scratch(&options.predicate),
            outputs: scratch(&options.outputs),
            options,
            failures: Failures::default(),
            selected: Vec::new(),
            failed: Vec::new(),
        }
    }

    fn map(&mut self, morsel: Morsel, context: &mut Context<'_>) -> Option<Morsel> {
        let mut all = self.filter(&morsel, context);
        if all && self.options.outputs.is_none() {
            return Some(morsel);
        }
        let some = all || !self.selected.is_empty();
        if some && self.options.outputs.is_some() {
            all &= self.compute(&morsel, all, context);
        }
        if !all && self.selected.is_empty() {
            context.pool.put(morsel);
            return None;
        }
        let mut made = context.pool.take(self.options.output);
        match &self.options.outputs {
            None => {
                made.gather(&morsel, &self.selected);
                context.pool.put(morsel);
            }
            Some(_) => self.project(&mut made, morsel, all, context),
        }
        Some(made)
    }

    /// Selects the rows that pass; whether all do.
    fn filter(&mut self, morsel: &Morsel, context: &mut Context<'_>) -> bool {
        let (Some(program), Some(scratch)) = (&self.options.predicate, &mut self.predicate) else {
            return true;
        };
        program.run(&morsel.columns, morsel.rows(), scratch, &mut self.failures);
        program.selected(scratch, &morsel.columns, 0, &mut self.selected);
        if !self.failures.is_empty() {
            self.failed.clear();
            self.failed.extend(self.failures.rows().iter().map(|&(row, _)| row));
            self.bury(morsel, context);
        }
        self.selected.len() == morsel.rows()
    }

    /// Computes the outputs of the selected rows; whether none failed. One that does is selected no
    /// longer.
    fn compute(&mut self, morsel: &Morsel, all: bool, context: &mut Context<'_>) -> bool {
        let (Some(program), Some(scratch)) = (&self.options.outputs, &mut self.outputs) else {
            unreachable!("called for projections")
        };
        let (columns, failures) = (&morsel.columns, &mut self.failures);
        if all {
            program.run(columns, morsel.rows(), scratch, failures);
        } else {
            program.run_picked(columns, &self.selected, scratch, failures);
        }
        if failures.is_empty() {
            return true;
        }
        if all {
            self.selected.clear();
            self.selected.extend(0..morsel.rows() as u32);
        }
        self.failed.clear();
        self.failed.extend(failures.rows().iter().map(|&(at, _)| self.selected[at as usize]));
        self.selected.retain(|row| self.failed.binary_search(row).is_err());
        self.bury(morsel, context);
        // What is left is computed once more, so that outputs and rows correspond.
        let (Some(program), Some(scratch)) = (&self.options.outputs, &mut self.outputs) else {
            unreachable!("looked at above")
        };
        program.run_picked(&morsel.columns, &self.selected, scratch, &mut self.failures);
        assert!(self.failures.is_empty(), "what an expression makes of a row depends on the row");
        false
    }

    /// Moves what was computed to its morsel, and the marks of the rows with it.
    fn project(
        &mut self,
        made: &mut Morsel,
        mut morsel: Morsel,
        all: bool,
        context: &mut Context<'_>,
    ) {
        let (Some(program), Some(scratch)) = (&self.options.outputs, &mut self.outputs) else {
            unreachable!("called for projections")
        };
        let picks = (!all).then_some(self.selected.as_slice());
        for (at, column) in made.columns.iter_mut().enumerate() {
            program.take_output(scratch, &mut morsel.columns, picks, at, column);
        }
        let rows = match picks {
            Some(picks) => {
                made.gather_marks(&morsel, picks);
                picks.len()
            }
            None => {
                made.take_marks(&mut morsel);
                morsel.rows()
            }
        };
        made.set_rows(rows);
        context.pool.put(morsel);
    }

    /// Hands the rows that failed to the dead letters, each with its reason.
    #[cold]
    fn bury(&mut self, morsel: &Morsel, context: &mut Context<'_>) {
        let errors = self.failures.rows().iter().map(|(_, error)| *error).collect();
        let mut dead = context.pool.take(self.options.input);
        dead.gather(morsel, &self.failed);
        let (operator, epoch) = (self.place.operator, context.epoch);
        context.effects.push(Effect::DeadLetters { operator, epoch, morsel: dead, errors });
    }
}

impl Operator for Map {
    fn create(&mut self, _arena: &mut Arena) {}

    fn accept(&mut self, _port: Port, item: Item, _context: &mut Context<'_>) {
        assert!(self.given.is_none(), "a map is given an item while it has one");
        self.given = Some(item);
    }

    fn barrier(&mut self, _barrier: Barrier) {
        assert!(self.given.is_none(), "a barrier must not overtake rows");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        match self.given.take() {
            None => Work::Idle,
            Some(Item::Rows(morsel)) if *context.fuel == 0 => {
                self.given = Some(Item::Rows(morsel));
                Work::Yield
            }
            Some(Item::Rows(morsel)) => {
                // A morsel is mapped whole: its rows pay as far as the fuel goes.
                context.burn(morsel.rows().min(*context.fuel));
                match self.map(morsel, context) {
                    Some(made) => Work::Emit(Port(0), Item::Rows(made)),
                    None => Work::Idle,
                }
            }
            Some(item @ Item::Watermark(_)) => Work::Emit(Port(0), item),
        }
    }

    fn rests(&self) -> bool {
        self.given.is_none()
    }
}

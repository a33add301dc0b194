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
        let kept = self.filter(morsel, context);
        let made = self.project(kept, context);
        if made.is_empty() {
            context.pool.put(made);
            return None;
        }
        Some(made)
    }

    fn filter(&mut self, morsel: Morsel, context: &mut Context<'_>) -> Morsel {
        let (Some(program), Some(scratch)) = (&self.options.predicate, &mut self.predicate) else {
            return morsel;
        };
        self.failures.clear();
        program.run(&morsel.columns, morsel.rows(), scratch, &mut self.failures);
        self.selected.clear();
        program.selected(scratch, &morsel.columns, 0, &mut self.selected);
        self.bury(&morsel, context);
        if self.selected.len() == morsel.rows() {
            return morsel;
        }
        let mut kept = context.pool.take(self.options.input);
        kept.gather(&morsel, &self.selected);
        context.pool.put(morsel);
        kept
    }

    fn project(&mut self, morsel: Morsel, context: &mut Context<'_>) -> Morsel {
        let (Some(program), Some(scratch)) = (&self.options.outputs, &mut self.outputs) else {
            return morsel;
        };
        self.failures.clear();
        program.run(&morsel.columns, morsel.rows(), scratch, &mut self.failures);
        self.selected.clear();
        let mut failures = self.failures.rows().iter().map(|&(row, _)| row as usize).peekable();
        for row in 0..morsel.rows() {
            if failures.next_if_eq(&row).is_none() {
                self.selected.push(row as u32);
            }
        }
        let mut made = context.pool.take(self.options.output);
        for (at, column) in made.columns.iter_mut().enumerate() {
            let computed = program.output(scratch, &morsel.columns, at);
            column.append(computed, &self.selected);
        }
        made.gather_marks(&morsel, &self.selected);
        made.set_rows(self.selected.len());
        self.bury(&morsel, context);
        context.pool.put(morsel);
        made
    }

    /// Hands the rows whose expression failed to the dead letters.
    fn bury(&mut self, morsel: &Morsel, context: &mut Context<'_>) {
        if self.failures.is_empty() {
            return;
        }
        self.failed.clear();
        self.failed.extend(self.failures.rows().iter().map(|&(row, _)| row));
        let errors = self.failures.rows().iter().map(|(_, error)| *error).collect();
        let mut dead = context.pool.take(self.options.input);
        dead.gather(morsel, &self.failed);
        let operator = self.place.operator;
        context.effects.push(Effect::DeadLetters { operator, morsel: dead, errors });
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
}

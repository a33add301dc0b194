//! Keeps a result that can be read, and publishes its changes.
//!
//! The same operator makes the consolidated epochs of a stream: it then keeps the net of the open
//! epoch only, and nothing behind its barrier.
//!
//! Invariants:
//! - A delta goes to the row that equals it in all columns, never to "the row with that key".
//! - A consolidated view publishes nothing before the barrier, and then the net of the epoch, in
//!   the order in which rows were first touched.
//! - Behind a barrier no row is held a negative number of times.
//! - What comes to read it is owed the rows of the last barrier, and gets them before anything that
//!   the view is given behind that.

mod contents;
mod owed;
mod reader;
mod rehome;

pub use reader::{ViewCursor, ViewReader};

use sluicedb_sql::{Column, DataType, SqlError};

use super::{Context, Item, Operator, PASSED_ON, Place, Port, Reading, Work};
use crate::core::arena::{Arena, BlockId};
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::hash::hash_rows;
use crate::core::ids::ViewId;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::{Morsel, ShapeId};
use crate::core::row::RowLayout;
use contents::{Contents, Deltas, Tally};
use owed::Owed;

/// What a view keeps.
#[derive(Clone, Debug)]
pub struct ViewOptions {
    /// The id it publishes under.
    pub view: ViewId,
    /// Its columns.
    pub types: Vec<DataType>,
    /// The kind of morsel that carries its rows.
    pub shape: ShapeId,
    /// The columns by which rows are found; never empty.
    pub key: Vec<usize>,
    /// Whether subscribers see the net of each epoch, or each delta at once.
    pub consolidated: bool,
    /// Whether rows stay behind the barrier that published them; without that, it is consolidated.
    pub kept: bool,
}

/// The operator that keeps a view.
pub struct View {
    place: Place,
    options: ViewOptions,
    root: BlockId,
    contents: Contents,
    given: Option<Given>,
    closing: Option<Barrier>,
    /// Whether others read what it is given.
    passes_on: bool,
    /// What they are to get next.
    passing: Option<Item>,
    /// What those are owed who have just come.
    owed: Option<Owed>,
    key_hashes: Vec<u64>,
    row_hashes: Vec<u64>,
}

/// A morsel and how far it is applied.
struct Given {
    morsel: Morsel,
    row: usize,
}

impl View {
    /// A view in the zone with this root block; refused if its rows are too large to be kept.
    pub fn new(place: Place, options: ViewOptions, root: BlockId) -> Result<View, SqlError> {
        Ok(View {
            contents: Contents::new(&options, root)?,
            place,
            options,
            root,
            given: None,
            closing: None,
            passes_on: false,
            passing: None,
            owed: None,
            key_hashes: Vec::new(),
            row_hashes: Vec::new(),
        })
    }

    /// Hashes rows, and their keys.
    fn hash(&mut self, columns: &[Column], rows: usize) {
        hash_rows(columns.iter(), rows, &mut self.row_hashes);
        if self.options.key.iter().copied().eq(0..columns.len()) {
            self.key_hashes.clone_from(&self.row_hashes);
        } else {
            let key = self.options.key.iter().map(|&column| &columns[column]);
            hash_rows(key, rows, &mut self.key_hashes);
        }
    }

    /// Applies rows as far as fuel and memory allow; whether none are left.
    fn apply(&mut self, given: &mut Given, context: &mut Context<'_>) -> bool {
        let start = given.row;
        let mut tally = Tally::default();
        while given.row < given.morsel.rows() {
            let left = given.morsel.rows() - given.row;
            let end = given.row + self.allow_deltas(given, left, context);
            if end == given.row {
                break;
            }
            context.burn(end - given.row);
            let deltas = Deltas {
                columns: &given.morsel.columns,
                key_hashes: &self.key_hashes,
                row_hashes: &self.row_hashes,
                weights: &given.morsel.weights,
            };
            self.contents.apply(context.arena, &deltas, given.row..end, &mut tally);
            given.row = end;
        }
        // The counters are not written for nothing: there may be no memory to keep their old block.
        if given.row > start && self.options.kept {
            self.contents.count(context.arena, &tally);
        }
        given.row == given.morsel.rows()
    }

    /// How many of the next deltas may be applied at once.
    fn allow_deltas(&self, given: &Given, wanted: usize, context: &mut Context<'_>) -> usize {
        let Given { ref morsel, row } = *given;
        if morsel.columns.iter().all(|column| column.text_bytes() == 0) {
            // Texts that lie in their slots take no memory of their own, nor do rows equal to them.
            return context.allow(wanted, |_| RowLayout::GROWTH_BYTES);
        }
        self.allow(wanted, |rows| morsel.text_bytes(row..row + rows), context)
    }

    fn allow(
        &self,
        wanted: usize,
        text_bytes: impl Fn(usize) -> usize,
        context: &mut Context<'_>,
    ) -> usize {
        let layout = self.contents.layout();
        let wanted = wanted.min(layout.rows_per_look());
        context.allow(wanted, |rows| text_bytes(rows) + layout.slack_bytes())
    }

    /// Publishes net changes as far as fuel and memory allow; whether none are left.
    fn settle(&mut self, context: &mut Context<'_>) -> bool {
        let mut net = context.pool.take(self.options.shape);
        while self.contents.is_touched(context.arena) {
            let room = MORSEL_ROWS_MAX - net.weights.len();
            let rows = self.allow(room, |_| 0, context);
            if rows == 0 {
                break;
            }
            let Morsel { columns, weights, .. } = &mut net;
            let taken = self.contents.settle(context.arena, rows, columns, weights);
            context.burn(taken);
            if net.weights.len() == MORSEL_ROWS_MAX {
                self.publish_net(net, context);
                net = context.pool.take(self.options.shape);
            }
        }
        self.publish_net(net, context);
        !self.contents.is_touched(context.arena)
    }

    fn publish_net(&self, mut net: Morsel, context: &mut Context<'_>) {
        net.set_weighed_rows();
        self.publish(net, context);
    }

    fn publish(&self, morsel: Morsel, context: &mut Context<'_>) {
        if morsel.is_empty() {
            context.pool.put(morsel);
            return;
        }
        let (view, epoch) = (self.options.view, context.epoch);
        context.effects.push(Effect::Publish { view, epoch, morsel });
    }
}

impl Operator for View {
    fn create(&mut self, arena: &mut Arena) {
        let zone = self.place.zone;
        assert_eq!(arena.root(zone), self.root, "a view lies in its own zone");
        self.contents.create(arena, arena.root_extent(zone));
    }

    fn accept(&mut self, port: Port, item: Item, _context: &mut Context<'_>) {
        assert_eq!(port, Port(0), "a view has one input");
        assert!(self.given.is_none(), "a view is given an item while it has one");
        let morsel = match item {
            Item::Rows(morsel) => morsel,
            Item::Watermark(_) => {
                self.passing = self.passes_on.then_some(item);
                return;
            }
        };
        self.hash(&morsel.columns, morsel.rows());
        self.given = Some(Given { morsel, row: 0 });
    }

    fn barrier(&mut self, barrier: Barrier) {
        assert!(self.given.is_none(), "a barrier must not overtake rows");
        assert!(self.closing.is_none(), "one barrier at a time");
        self.closing = Some(barrier);
    }

    fn read(&mut self, Reading { passes_on, owed, mark }: Reading) {
        assert!(mark.is_none(), "a view remembers no places");
        assert!(self.given.is_none() && self.closing.is_none(), "a view in the middle of an item");
        self.passes_on = passes_on;
        self.owed = owed.map(|owing| Owed::new(owing.time));
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        if let Some(work) = self.pay(context) {
            return work;
        }
        if let Some(mut given) = self.given.take() {
            if !self.apply(&mut given, context) {
                self.given = Some(given);
                return Work::Yield;
            }
            if self.passes_on {
                self.passing = Some(Item::Rows(context.pool.copy(&given.morsel)));
            }
            if self.options.consolidated {
                context.pool.put(given.morsel);
            } else {
                self.publish(given.morsel, context);
            }
        }
        if let Some(item) = self.passing.take() {
            return Work::Emit(PASSED_ON, item);
        }
        if let Some(barrier) = self.closing {
            assert_eq!(barrier.epoch, context.epoch, "a barrier ends the open epoch");
            let negative = self.contents.negative(context.arena);
            assert_eq!(negative, 0, "a view holds a row less than zero times");
            if !self.settle(context) {
                return Work::Yield;
            }
            self.closing = None;
        }
        Work::Idle
    }
}

#[cfg(test)]
pub(super) mod harness;
#[cfg(test)]
mod tests;

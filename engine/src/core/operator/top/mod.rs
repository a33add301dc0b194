//! The first rows of each partition, in an order, with or without their numbers.
//!
//! Rows that are behind the last one that is put out change nothing: where no row is ever taken back
//! they are dropped, so that the state is what is put out.
//!
//! Invariants:
//! - What was put out of a partition and not taken back is its window: the rows whose numbers are in
//!   the range, as they are kept.
//! - The mark of a partition is the last row of its window, if no row behind that can be in it.
//! - A row that is to go stays until what is owed of it is put out.

mod options;
mod rehome;
mod window;

pub use options::TopOptions;

use sluicedb_sql::SqlError;
use sluicedb_sql::plan::Ranking;

use super::ordered::{Delta, Ordered, Picks};
use super::{Context, Item, Operator, Place, Port, Work};
use crate::core::arena::{Arena, BlockId, SlotId};
use crate::core::frame::Barrier;
use crate::core::limits::{BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX};
use crate::core::morsel::Morsel;
use window::Changes;

/// The operator that puts out the first rows of each partition.
pub struct Top {
    place: Place,
    options: TopOptions,
    root: BlockId,
    ordered: Ordered,
    given: Option<Morsel>,
    picks: Picks,
    changes: Changes,
    /// Rows that go when what is owed is put out.
    going: Vec<SlotId>,
}

impl Top {
    /// A top-N in the zone with this root block; refused if its rows are too large to be kept.
    pub fn new(place: Place, options: TopOptions, root: BlockId) -> Result<Top, SqlError> {
        let ordered = Ordered::new(&options.input, &options.partition, &options.by, root)?;
        Ok(Top {
            place,
            options,
            root,
            ordered,
            given: None,
            picks: Picks::default(),
            changes: Changes::default(),
            going: Vec::new(),
        })
    }

    /// Works on the next rows of one partition; false where fuel or memory lacks.
    fn advance(&mut self, morsel: &Morsel, context: &mut Context<'_>) -> bool {
        let mut allowed = self.picks.allow(&self.ordered, morsel, context);
        let Some((first, hash)) = self.picks.next().filter(|_| allowed > 0) else { return false };
        let columns = &morsel.columns[..];
        let partition = self.ordered.partition(context.arena, hash, (columns, first));
        let mut changed = false;
        while let Some((row, other)) = self.picks.next()
            && allowed > 0
            && other == hash
            && self.ordered.is_of(&*context.arena, partition, (columns, row))
        {
            let tie = if self.options.as_they_came { morsel.tie(row).0 as u64 } else { 0 };
            let delta = Delta { columns, row, weight: morsel.weight(row), tie };
            changed |= self.put(context.arena, partition, &delta, changed);
            self.picks.advance();
            context.burn(1);
            allowed -= 1;
            if allowed == 0 {
                allowed = self.picks.allow(&self.ordered, morsel, context);
            }
        }
        self.settle(context.arena, partition, changed);
        true
    }

    /// Adds a delta; whether that may change the window. `changed` says whether one before did.
    fn put(
        &mut self,
        arena: &mut Arena,
        partition: SlotId,
        delta: &Delta<'_>,
        changed: bool,
    ) -> bool {
        let peers_are_one = self.options.ranking != Ranking::RowNumber;
        let mark = self.ordered.mark(arena, partition);
        let behind =
            mark.is_some_and(|mark| self.ordered.is_behind(&*arena, mark, delta, peers_are_one));
        if behind && !self.options.retracts {
            return false;
        }
        if !behind && !changed {
            self.changes.before(&self.ordered, &self.options, arena, partition);
        }
        let (slot, weight) = self.ordered.put(arena, partition, delta);
        if weight == 0 {
            self.going.push(slot);
        }
        !behind
    }

    /// Owes what has changed in a partition, and has those rows go that are not needed.
    fn settle(&mut self, arena: &mut Arena, partition: SlotId, changed: bool) {
        self.going.sort_unstable();
        self.going.dedup();
        self.going.retain(|&slot| self.ordered.weight(&*arena, slot) == 0);
        if changed {
            let (ordered, options) = (&self.ordered, &self.options);
            let rest = if options.retracts { None } else { Some(&mut self.going) };
            let mark = self.changes.after(ordered, options, arena, partition, rest);
            self.ordered.set_mark(arena, partition, mark);
        }
    }

    /// The next of what is owed.
    fn put_out(&mut self, context: &mut Context<'_>) -> Morsel {
        let mut out = context.pool.take(self.options.output_shape);
        let room = MORSEL_ROWS_MAX.min(*context.fuel);
        let columns = self.options.input.len();
        while out.weights.len() < room
            && out.columns.iter().map(sluicedb_sql::Column::text_bytes).sum::<usize>()
                <= BATCH_TEXT_BYTES_MAX
            && let Some(owed) = self.changes.next_owed()
        {
            self.ordered.read(&*context.arena, owed.slot, &mut out.columns[..columns]);
            if self.options.numbered {
                out.columns[columns].push_i64(owed.number as i64);
            }
            out.weights.push(owed.weight);
        }
        out.set_weighed_rows();
        context.burn(out.rows());
        out
    }
}

impl Operator for Top {
    fn create(&mut self, arena: &mut Arena) {
        let zone = self.place.zone;
        assert_eq!(arena.root(zone), self.root, "a top-N lies in its own zone");
        self.ordered.create(arena, arena.root_extent(zone));
    }

    fn accept(&mut self, port: Port, item: Item, _context: &mut Context<'_>) {
        assert_eq!(port, Port(0), "a top-N has one input");
        assert!(self.given.is_none(), "a top-N is given an item while it has one");
        // A watermark ends here: a row of any age may come in when another one goes.
        let Item::Rows(morsel) = item else { return };
        self.picks.begin(&self.ordered, &morsel);
        self.given = Some(morsel);
    }

    fn barrier(&mut self, _barrier: Barrier) {
        let idle = self.given.is_none() && !self.changes.owes() && self.going.is_empty();
        assert!(idle, "a barrier must not overtake rows");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        loop {
            if self.changes.owes() {
                if *context.fuel == 0 {
                    return Work::Yield;
                }
                return Work::Emit(Port(0), Item::Rows(self.put_out(context)));
            }
            if !self.going.is_empty() {
                if !self.ordered.let_go(&mut self.going, context) {
                    return Work::Yield;
                }
                continue;
            }
            let Some(morsel) = self.given.take() else { return Work::Idle };
            if self.picks.next().is_none() {
                context.pool.put(morsel);
                return Work::Idle;
            }
            let goes_on = self.advance(&morsel, context);
            self.given = Some(morsel);
            if !goes_on {
                return Work::Yield;
            }
        }
    }
}

#[cfg(test)]
mod tests;

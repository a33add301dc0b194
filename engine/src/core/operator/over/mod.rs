//! Each row with results over the rows of its partition: numbers, rows around it, and aggregates of
//! frames.
//!
//! All rows are kept in order. When some of a partition change, so do the results of those around
//! them, as far as the calls reach: these are computed as they were and as they are, and the
//! difference is put out. A call that looks at all rows of a partition has all of them looked at for
//! each morsel that changes it.
//!
//! Invariants:
//! - The result of a row is a function of the rows of its partition alone.
//! - A row that is to go stays until what is owed of it is put out.

mod call;
mod frame;
mod image;
mod options;
mod reach;
mod region;
mod rehome;
mod total;

pub use options::OverOptions;

use sluicedb_sql::{Column, SqlError};

use super::ordered::{Delta, Keeper, Ordered, Picks};
use super::{Context, Item, Operator, Place, Port, Work};
use crate::core::arena::bytes::{i64_at, put_i64};
use crate::core::arena::{Arena, BlockId, SlotId};
use crate::core::effect::Effect;
use crate::core::frame::Barrier;
use crate::core::limits::{BATCH_TEXT_BYTES_MAX, MORSEL_ROWS_MAX};
use crate::core::morsel::Morsel;
use image::{Entry, Image};
use reach::Reach;
use region::Region;

/// The operator that puts out each row with results over the rows of its partition.
pub struct Over {
    place: Place,
    options: OverOptions,
    root: BlockId,
    ordered: Ordered,
    reach: Reach,
    given: Option<Morsel>,
    picks: Picks,
    /// Rows that a part of the morsel changed, and how often each was there before.
    touched: Vec<(SlotId, i64)>,
    region: Region,
    before: Image,
    after: Image,
    /// The entries of one of them by their rows: scratch space.
    sorted: Vec<Entry>,
    owed: Vec<Owed>,
    /// How many of those are put out.
    paid: usize,
    /// Rows that have come to have no result that fits, and those that have one again.
    turned: Vec<Owed>,
    /// Rows that go when what is owed is put out.
    going: Vec<SlotId>,
}

/// A row of one of the images.
#[derive(Clone, Copy, Debug)]
struct Owed {
    /// Which of those that changed.
    at: u32,
    /// Whether it is of the image behind the change.
    comes: bool,
}

impl Over {
    /// Results in the zone with this root block; refused if its rows are too large to be kept.
    pub fn new(place: Place, options: OverOptions, root: BlockId) -> Result<Over, SqlError> {
        Ok(Over {
            ordered: Ordered::new(&options.input, &options.partition, &options.by, root)?,
            reach: Reach::of(&options.calls),
            before: Image::new(&options),
            after: Image::new(&options),
            place,
            options,
            root,
            given: None,
            picks: Picks::default(),
            touched: Vec::new(),
            region: Region::default(),
            sorted: Vec::new(),
            owed: Vec::new(),
            paid: 0,
            turned: Vec::new(),
            going: Vec::new(),
        })
    }

    /// Works on the next rows of one partition; false where fuel or memory lacks.
    fn advance(&mut self, morsel: &Morsel, context: &mut Context<'_>) -> bool {
        let mut allowed = self.picks.allow(&self.ordered, morsel, context);
        let Some((first, hash)) = self.picks.next().filter(|_| allowed > 0) else { return false };
        let columns = &morsel.columns[..];
        let partition = self.ordered.partition(context.arena, hash, (columns, first));
        let mut ends: Option<(SlotId, SlotId)> = None;
        self.touched.clear();
        while let Some((row, other)) = self.picks.next()
            && allowed > 0
            && other == hash
            && self.ordered.is_of(&*context.arena, partition, (columns, row))
        {
            let tie = if self.options.as_they_came { morsel.tie(row).0 as u64 } else { 0 };
            let delta = Delta { columns, row, weight: morsel.weight(row), tie };
            let (slot, weight) = self.ordered.put(context.arena, partition, &delta);
            self.touched.push((slot, weight - delta.weight));
            ends = Some(self.widened(context.arena, ends, slot, &delta));
            self.picks.advance();
            context.burn(1);
            allowed -= 1;
            if allowed == 0 {
                allowed = self.picks.allow(&self.ordered, morsel, context);
            }
        }
        let ends = ends.expect("the first row is of its own partition");
        self.settle(context, ends);
        true
    }

    /// The first and the last of some rows and one more.
    fn widened(
        &self,
        arena: &Arena,
        ends: Option<(SlotId, SlotId)>,
        slot: SlotId,
        delta: &Delta<'_>,
    ) -> (SlotId, SlotId) {
        let Some((first, last)) = ends else { return (slot, slot) };
        let is_behind = |kept| self.ordered.is_behind(arena, kept, delta, false);
        let first = if slot == first || is_behind(first) { first } else { slot };
        let last = if slot != last && is_behind(last) { slot } else { last };
        (first, last)
    }

    /// Owes what has changed around some rows, and has those go that are there no more.
    fn settle(&mut self, context: &mut Context<'_>, ends: (SlotId, SlotId)) {
        let arena = &*context.arena;
        // Of a row that was touched several times the first note says how often it was there.
        self.touched.sort_by_key(|&(slot, _)| slot);
        self.touched.dedup_by_key(|&mut (slot, _)| slot);
        let weight = |slot: SlotId| self.ordered.weight(arena, slot);
        let gone = self.touched.iter().map(|&(slot, _)| slot).filter(|&slot| weight(slot) == 0);
        self.going.extend(gone);
        self.region.find(&self.ordered, arena, ends, &self.options.by, &self.reach);
        let was = |slot: SlotId| {
            let found = self.touched.binary_search_by_key(&slot, |&(slot, _)| slot);
            found.map_or_else(|_| weight(slot), |at| self.touched[at].1)
        };
        let kept = (&self.ordered, arena);
        self.before.take(&self.options, kept, &self.region, was);
        self.after.take(&self.options, kept, &self.region, weight);
        call::compute(&self.options, &mut self.before);
        call::compute(&self.options, &mut self.after);
        self.owe();
        self.tell_withheld(context);
        // What was looked at was worked on; the least that fuel allows is one row at a time.
        context.burn(self.after.len().min(*context.fuel));
    }

    /// Owes the difference of the images.
    fn owe(&mut self) {
        self.owed.clear();
        self.paid = 0;
        let (before, after) = (self.before.changed(), self.after.changed());
        self.sorted.clear();
        self.sorted.extend_from_slice(after);
        self.sorted.sort_unstable();
        let (mut old, mut new) = (0, 0);
        while old < before.len() || new < after.len() {
            let pair = before.get(old).zip(after.get(new)).is_some_and(|(old, new)| old == new);
            let goes =
                !pair && before.get(old).is_some_and(|old| self.sorted.binary_search(old).is_err());
            let was = (pair || goes).then_some(old);
            let is = (!goes).then_some(new);
            let shown = was.filter(|&at| !self.before.unfit[at]);
            let shows = is.filter(|&at| !self.after.unfit[at]);
            let same = shown.zip(shows).is_some_and(|(old, new)| self.are_same(old, new));
            let owed = |at: usize, comes| Owed { at: at as u32, comes };
            if !same {
                self.owed.extend(shown.map(|at| owed(at, false)));
                self.owed.extend(shows.map(|at| owed(at, true)));
            }
            let (withheld, withholds) =
                (was.filter(|_| shown.is_none()), is.filter(|_| shows.is_none()));
            if withheld.is_some() != withholds.is_some() {
                self.turned.extend(withheld.map(|at| owed(at, false)));
                self.turned.extend(withholds.map(|at| owed(at, true)));
            }
            old += usize::from(was.is_some());
            new += usize::from(is.is_some());
        }
    }

    /// Whether a row has the results that it had.
    fn are_same(&self, old: usize, new: usize) -> bool {
        let mut pairs = self.before.results.iter().zip(&self.after.results);
        pairs.all(|(before, after)| before.equal(old, after, new))
    }

    /// Tells of rows that have come to have no result that fits its type, and of those that have one
    /// again.
    fn tell_withheld(&mut self, context: &mut Context<'_>) {
        if self.turned.is_empty() {
            return;
        }
        let turned = std::mem::take(&mut self.turned);
        for part in turned.chunks(MORSEL_ROWS_MAX) {
            let mut morsel = context.pool.take(self.options.output_shape);
            part.iter().for_each(|owed| self.push(context.arena, *owed, &mut morsel));
            // What was withheld and is there again is taken back.
            morsel.set_rows(part.len());
            let more: i64 = morsel.weights.iter().sum();
            let at = Ordered::HEADER_BYTES;
            let count = self.withheld_count(context.arena) + more;
            put_i64(context.arena.block_mut(self.root), at, count);
            let operator = self.place.operator;
            context.effects.push(Effect::Withheld { operator, epoch: context.epoch, morsel });
        }
        self.turned = turned;
        self.turned.clear();
    }

    fn withheld_count(&self, arena: &Arena) -> i64 {
        use crate::core::arena::Blocks as _;
        i64_at(arena.block(self.root), Ordered::HEADER_BYTES)
    }

    /// Appends a row with its results and its weight.
    fn push(&self, arena: &Arena, Owed { at, comes }: Owed, out: &mut Morsel) {
        let image = if comes { &self.after } else { &self.before };
        let (columns, results) = out.columns.split_at_mut(self.options.input.len());
        self.ordered.read(arena, image.changed()[at as usize].slot, columns);
        for (out, result) in results.iter_mut().zip(&image.results) {
            out.push_from(result, at as usize);
        }
        out.weights.push(if comes { 1 } else { -1 });
    }

    /// The next of what is owed.
    fn put_out(&mut self, context: &mut Context<'_>) -> Morsel {
        let mut out = context.pool.take(self.options.output_shape);
        let room = MORSEL_ROWS_MAX.min(*context.fuel);
        while out.weights.len() < room
            && out.columns.iter().map(Column::text_bytes).sum::<usize>() <= BATCH_TEXT_BYTES_MAX
            && let Some(&owed) = self.owed.get(self.paid)
        {
            self.push(context.arena, owed, &mut out);
            self.paid += 1;
        }
        out.set_weighed_rows();
        context.burn(out.rows());
        out
    }

    fn owes(&self) -> bool {
        self.paid < self.owed.len()
    }
}

impl Keeper for Over {
    fn ordered(&mut self) -> &mut Ordered {
        &mut self.ordered
    }

    fn moved(&mut self, _arena: &mut Arena) {}
}

impl Operator for Over {
    fn create(&mut self, arena: &mut Arena) {
        let zone = self.place.zone;
        assert_eq!(arena.root(zone), self.root, "results lie in a zone of their own");
        self.ordered.create(arena, arena.root_extent(zone));
    }

    fn accept(&mut self, port: Port, item: Item, _context: &mut Context<'_>) {
        assert_eq!(port, Port(0), "results have one input");
        assert!(self.given.is_none(), "results are given an item while they have one");
        // A watermark ends here: the results of a row of any age may change.
        let Item::Rows(morsel) = item else { return };
        self.picks.begin(&self.ordered, &morsel);
        self.given = Some(morsel);
    }

    fn withheld(&self, arena: &Arena) -> u64 {
        self.withheld_count(arena).unsigned_abs()
    }

    fn barrier(&mut self, _barrier: Barrier) {
        let idle = self.given.is_none() && !self.owes() && self.going.is_empty();
        assert!(idle, "a barrier must not overtake rows");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        loop {
            if self.owes() {
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

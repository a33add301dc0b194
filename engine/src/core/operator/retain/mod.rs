//! Keeps the latest rows of a source, and passes all on.
//!
//! Invariants:
//! - Rows are kept in the order in which they came, and go in that order.
//! - What is kept takes memory that nobody else wants: where state runs short its oldest rows go,
//!   and it never stops its shard.
//! - A mark is the place between two records where a reader stands still. What it is owed when it goes
//!   on are the rows behind that, in the same way; those that are gone meanwhile are counted.
//! - Who comes to read the source is owed the rows of the last barrier, each with where it came from
//!   and how late it was and with the watermarks in between, before anything that comes behind that.

mod contents;
mod reader;
mod rehome;

pub use reader::{RetainCursor, RetainReader};

use std::cell::Cell;

use sluicedb_sql::{DataType, TimeUnit};

use super::{
    Allowed, Context, Item, MarkId, OWED, Operator, Owing, PASSED_ON, Place, Port, Reading, Work,
};
use crate::core::arena::{Arena, BLOCK_BYTES, BlockId, Headroom};
use crate::core::frame::Barrier;
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::{Morsel, ShapeId};
use contents::Contents;

/// What a source keeps.
#[derive(Clone, Debug)]
pub struct RetainOptions {
    /// Its columns.
    pub types: Vec<DataType>,
    /// The kind of morsel that carries its rows.
    pub shape: ShapeId,
    /// Rows on one shard.
    pub rows: u64,
    /// Bytes on all shards together.
    pub bytes: u64,
    /// Whether the source has a watermark.
    pub timed: bool,
    /// The column of event time, what it counts, and how far behind the watermark it may be.
    pub age: Option<(usize, TimeUnit, i64)>,
}

/// The operator that keeps rows of a source.
pub struct Retain {
    place: Place,
    options: RetainOptions,
    root: BlockId,
    contents: Contents,
    /// What this shard may use.
    blocks_max: u32,
    given: Option<Item>,
    /// Whether others read the source.
    passes_on: bool,
    owed: Option<Owed>,
    /// A place to be remembered.
    mark: Option<MarkId>,
}

/// How far it has come with what it owes.
struct Owed {
    /// The place where to begin, as long as it was not looked up.
    since: Option<MarkId>,
    from: RetainCursor,
    rows: u64,
    over: bool,
    /// The watermark that was told.
    told: Time,
    /// The one that follows the rows.
    time: Time,
}

impl Retain {
    /// One of `shards` that keep rows of a source, in the zone with this root block.
    pub fn new(place: Place, options: RetainOptions, root: BlockId, shards: u16) -> Retain {
        let blocks = options.bytes / u64::from(shards) / BLOCK_BYTES as u64;
        Retain {
            place,
            contents: Contents::new(&options, root),
            blocks_max: u32::try_from(blocks).unwrap_or(u32::MAX).max(1),
            options,
            root,
            given: None,
            passes_on: false,
            owed: None,
            mark: None,
        }
    }

    /// Keeps what was given; whether that is done.
    fn keep(&mut self, item: &Item, context: &mut Context<'_>) -> bool {
        match item {
            Item::Rows(morsel) => self.keep_rows(morsel, context),
            Item::Watermark(time) => {
                let need = Headroom { state_blocks: 0, shadow_blocks: 1 };
                if context.allow_blocks(need) == Allowed::Later {
                    return false;
                }
                self.contents.pass(context.arena, *time);
                true
            }
        }
    }

    fn keep_rows(&mut self, morsel: &Morsel, context: &mut Context<'_>) -> bool {
        let bytes = Contents::record_bytes(morsel);
        let need = Contents::headroom(bytes);
        // Shadow blocks first: nothing is written before there are some.
        if context.allow_blocks(Headroom { state_blocks: 0, ..need }) == Allowed::Later {
            return false;
        }
        self.spare(need.state_blocks, context.arena);
        match context.allow_blocks(need) {
            Allowed::Now => self.contents.append(context.arena, morsel, bytes),
            Allowed::Later => return false,
            // What is kept are the latest rows: without these, none of those before.
            Allowed::Never => self.contents.pass_over(context.arena, morsel.rows() as u64),
        }
        let blocks_max = self.blocks_max;
        self.contents.drop_while(context.arena, |contents, arena, first| {
            contents.is_beyond(arena, first) || contents.blocks(arena) > blocks_max
        });
        true
    }

    /// Gives up old rows where state is about to run short.
    fn spare(&mut self, wanted: u32, arena: &mut Arena) {
        let aside = arena.blocks_max() / SPARED_FOR_OTHERS;
        let left = arena.headroom().state_blocks;
        let short = (aside + wanted).saturating_sub(left);
        if short == 0 {
            return;
        }
        // Blocks that a freeze reads come back later, so that more than a few would go for nothing.
        let goal = self.contents.blocks(arena).saturating_sub(short.min(2 * wanted));
        self.contents.drop_while(arena, |contents, arena, _| contents.blocks(arena) > goal);
    }

    /// Remembers how far it has come, if that was asked for; whether it could.
    fn remember(&mut self, context: &mut Context<'_>) -> bool {
        let Some(mark) = self.mark else { return true };
        let need = Headroom { state_blocks: 0, shadow_blocks: 1 };
        if context.allow_blocks(need) == Allowed::Later {
            return false;
        }
        self.contents.set_mark(context.arena, mark);
        self.mark = None;
        true
    }

    /// Goes on with what is owed; nothing if nothing is.
    #[inline]
    fn pay(&mut self, context: &mut Context<'_>) -> Option<Work> {
        let owed = self.owed.as_mut()?;
        if let Some(mark) = owed.since.take() {
            (owed.from.after, owed.told) = self.contents.mark(&*context.arena, mark);
        }
        if !self.owed.as_ref()?.over
            && let Some(work) = self.pay_rows(context)
        {
            return Some(work);
        }
        let Owed { told, time, .. } = self.owed.take()?;
        // Before the first watermark there is none to tell.
        (time > told).then_some(Work::Emit(OWED, Item::Watermark(time)))
    }

    /// The next rows, or the watermark in front of them; nothing once all were handed over.
    fn pay_rows(&mut self, context: &mut Context<'_>) -> Option<Work> {
        let most = MORSEL_ROWS_MAX.min(*context.fuel);
        if most == 0 {
            return Some(Work::Yield);
        }
        let owed = self.owed.as_mut().expect("called while something is owed");
        let (mut scratch, mut morsel) =
            (context.pool.take(self.options.shape), context.pool.take(self.options.shape));
        let arena = &*context.arena;
        let Owed { from, told, .. } = owed;
        let time = self.contents.take(arena, from, Some(told), most, &mut scratch, &mut morsel);
        context.pool.put(scratch);
        if !morsel.is_empty() {
            owed.rows += morsel.rows() as u64;
            context.burn(morsel.rows());
            return Some(Work::Emit(OWED, Item::Rows(morsel)));
        }
        context.pool.put(morsel);
        if let Some(time) = time {
            return Some(Work::Emit(OWED, Item::Watermark(time)));
        }
        let need = Headroom { state_blocks: 0, shadow_blocks: 1 };
        if context.allow_blocks(need) == Allowed::Later {
            return Some(Work::Yield);
        }
        self.contents.note_missed(context.arena, owed.from.after + owed.rows);
        owed.over = true;
        None
    }
}

/// One part in so many of the memory for state is not used for rows of sources.
const SPARED_FOR_OTHERS: u32 = 4;
/// One part in so many of its rows go at a time where others have none left.
const SHED_AT_ONCE: u32 = 4;

impl Operator for Retain {
    fn create(&mut self, arena: &mut Arena) {
        let zone = self.place.zone;
        assert_eq!(arena.root(zone), self.root, "rows are kept in their own zone");
        self.contents.create(arena, arena.root_extent(zone));
    }

    fn accept(&mut self, port: Port, item: Item, _context: &mut Context<'_>) {
        assert_eq!(port, Port(0), "a source has one input");
        assert!(self.given.is_none(), "an item is given while there is one");
        self.given = Some(item);
    }

    fn barrier(&mut self, _barrier: Barrier) {
        assert!(self.given.is_none() && self.owed.is_none(), "a barrier must not overtake rows");
        assert!(self.mark.is_none(), "a place is remembered before anything comes behind it");
    }

    fn read(&mut self, Reading { passes_on, owed, mark }: Reading) {
        assert!(self.given.is_none(), "in the middle of an item");
        (self.passes_on, self.mark) = (passes_on, mark);
        self.owed = owed.map(|Owing { since, time }| Owed {
            since,
            from: RetainCursor::default(),
            rows: 0,
            over: false,
            told: Time::MIN,
            time,
        });
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        if !self.remember(context) {
            return Work::Yield;
        }
        if let Some(work) = self.pay(context) {
            return work;
        }
        let Some(item) = self.given.take() else { return Work::Idle };
        if !self.keep(&item, context) {
            self.given = Some(item);
            return Work::Yield;
        }
        if self.passes_on {
            return Work::Emit(PASSED_ON, item);
        }
        if let Item::Rows(morsel) = item {
            context.pool.put(morsel);
        }
        Work::Idle
    }

    fn shed(&mut self, arena: &mut Arena) {
        let Retain { contents, owed, .. } = self;
        let blocks = contents.blocks(arena);
        let goal = blocks - blocks.div_ceil(SHED_AT_ONCE);
        // Who is owed rows is on its way through them, and nothing goes that it has not had.
        let had = owed.as_ref().map_or(u64::MAX, |owed| owed.from.before);
        let left = Cell::new(had);
        contents.drop_while(arena, |contents, arena, first| {
            let goes = contents.blocks(arena) > goal && first.rows() <= left.get();
            left.set(left.get() - if goes { first.rows() } else { 0 });
            goes
        });
        if let Some(Owed { from, .. }) = owed {
            from.before = left.get();
            from.place = from.place.filter(|_| from.before > 0);
        }
    }

    fn rests(&self) -> bool {
        self.given.is_none() && self.owed.is_none() && self.mark.is_none()
    }
}

#[cfg(test)]
mod tests;

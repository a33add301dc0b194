//! Groups rows and computes of each group, over all time or window by window.
//!
//! Input port 0; output port 0 has the results, port 1 the rows that came too late.
//!
//! Invariants:
//! - A group is put out as a function of its state alone, so that what it takes back is what it
//!   put out before.
//! - What comes out at the end of an epoch does not depend on how rows were cut into morsels, on
//!   fuel, or on what this shard had closed when a row came: lateness is the row's own mark.
//! - Nothing outside the zone is remembered between two items.

mod accumulator;
mod assign;
mod changes;
mod close;
mod finder;
mod layout;
mod merge;
mod options;
mod output;
mod part;
mod rehome;
mod sessions;
mod spec;
mod windows;

pub(super) use accumulator::Wide;
pub use options::{AggregateOptions, WindowOptions};

use sluicedb_sql::SqlError;

use super::{Context, Item, Operator, Place, Port, Work};
use crate::core::arena::{Arena, BlockId};
use crate::core::frame::Barrier;
use crate::core::hash::EMPTY;
use crate::core::ids::Time;
use crate::core::morsel::Morsel;
use crate::core::row::Row;

use changes::Changes;
use close::{Close, Step};
use layout::Group;
use part::{Given, Parts};
use spec::Spec;

const RESULTS: Port = Port(0);
const LATE: Port = Port(1);

/// Groups rows and computes of each group.
pub struct Aggregate {
    spec: Spec,
    parts: Parts,
    changes: Changes,
    /// Late rows that are owed.
    late: Option<Morsel>,
    /// Whether the row of the only group is owed.
    initial: bool,
    close: Close,
    task: Task,
}

/// What the operator is at.
enum Task {
    Idle,
    Rows(Given),
    Close,
    Forward(Time),
}

impl Aggregate {
    /// An aggregate over the zone with this root; refused if a group is too large.
    /// `owns_empty_key` says that the one group of an aggregate without keys is here.
    pub fn new(
        place: Place,
        options: AggregateOptions,
        root: BlockId,
        owns_empty_key: bool,
    ) -> Result<Aggregate, SqlError> {
        let spec = Spec::new(place, options, root, owns_empty_key)?;
        Ok(Aggregate {
            parts: Parts::new(&spec),
            changes: Changes::new(&spec.options.output),
            close: Close::new(&spec),
            spec,
            late: None,
            initial: false,
            task: Task::Idle,
        })
    }

    /// Rows that came too late for all their windows, since the operator was created.
    pub fn late_rows(&self, arena: &Arena) -> u64 {
        self.spec.root.late(arena)
    }

    /// Rows without a time that a window can hold, since the operator was created.
    pub fn untimed_rows(&self, arena: &Arena) -> u64 {
        self.spec.root.untimed(arena)
    }

    fn only_group(&self, arena: &Arena) -> Group {
        let pane = self.spec.root.pane();
        let key = Row { columns: &[], picks: &[], row: 0 };
        let slot = self.spec.layout.find(arena, pane, EMPTY, key);
        Group { pane, slot: slot.expect("the only group was made with the operator") }
    }

    /// Puts out what is owed; `None` where nothing is.
    fn settle(&mut self, context: &mut Context<'_>) -> Option<Work> {
        if self.initial {
            self.initial = false;
            let group = self.only_group(context.arena);
            self.changes.inserted(&self.spec, context.arena, &[group]);
        }
        if self.late.is_none() && self.changes.owed() == 0 {
            return None;
        }
        if *context.fuel == 0 {
            return Some(Work::Yield);
        }
        if let Some(late) = self.late.take() {
            // Late rows were gathered whole: they pay as far as the fuel goes.
            context.burn(late.rows().min(*context.fuel));
            return Some(Work::Emit(LATE, Item::Rows(late)));
        }
        let shape = self.spec.options.output_shape;
        let rows = self.changes.put_out(context.pool, shape, *context.fuel);
        context.burn(rows.rows());
        Some(Work::Emit(RESULTS, Item::Rows(rows)))
    }

    /// Works on a morsel until something is owed; false where fuel or memory lacks.
    fn group(&mut self, given: &mut Given, context: &mut Context<'_>) -> bool {
        if self.spec.allow(context, 1, |_| 0) == 0 {
            return false;
        }
        self.late = self.parts.sort(&self.spec, context, given);
        while self.late.is_none() && self.changes.owed() == 0 && !self.parts.is_done(given) {
            let done = self.parts.work(&self.spec, context, given, &mut self.changes);
            context.burn(done);
            if done == 0 {
                return false;
            }
        }
        true
    }
}

impl Operator for Aggregate {
    fn create(&mut self, arena: &mut Arena) {
        let Spec { place, layout, root, windows, kept, owns_empty_key, .. } = &self.spec;
        root.create(arena, place.zone, self.spec.is_session());
        if windows.is_some() && !self.spec.is_session() {
            return;
        }
        root.create_pane(arena, layout, place.zone);
        if let Some(kept) = kept {
            kept.create(arena, arena.root_extent(place.zone));
        }
        if self.spec.is_global() && *owns_empty_key {
            let key = Row { columns: &[], picks: &[], row: 0 };
            layout.insert(arena, root.pane(), EMPTY, key, &mut Vec::new());
            self.initial = true;
        }
    }

    fn accept(&mut self, port: Port, item: Item, context: &mut Context<'_>) {
        assert_eq!(port, Port(0), "an aggregate has one input");
        assert!(matches!(self.task, Task::Idle), "an aggregate is given an item while it has one");
        self.task = match item {
            Item::Rows(morsel) => {
                let here = !self.spec.is_global() || self.spec.owns_empty_key;
                assert!(here, "rows of the only group come to the shard that has it");
                Task::Rows(Given::new(morsel))
            }
            Item::Watermark(time) => match &self.spec.windows {
                Some(windows) if windows.closes() => {
                    self.close.begin(&self.spec, context.arena, time);
                    Task::Close
                }
                _ => Task::Forward(time),
            },
        };
    }

    fn withheld(&self, arena: &Arena) -> u64 {
        self.spec.root.withheld(arena)
    }

    fn barrier(&mut self, _barrier: Barrier) {
        assert!(matches!(self.task, Task::Idle), "a barrier must not overtake rows");
        let owes = self.initial || self.late.is_some() || self.changes.owed() > 0;
        assert!(!owes, "a barrier must not overtake results");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        loop {
            if let Some(work) = self.settle(context) {
                return work;
            }
            match std::mem::replace(&mut self.task, Task::Idle) {
                Task::Idle => return Work::Idle,
                Task::Forward(time) => return Work::Emit(RESULTS, Item::Watermark(time)),
                Task::Rows(mut given) => {
                    let goes_on = self.group(&mut given, context);
                    if self.parts.is_done(&given) && goes_on {
                        context.pool.put(given.morsel);
                        continue;
                    }
                    self.task = Task::Rows(given);
                    if !goes_on {
                        return Work::Yield;
                    }
                }
                Task::Close => match self.close.step(&self.spec, context) {
                    Step::Done(time) => return Work::Emit(RESULTS, Item::Watermark(time)),
                    step => {
                        self.task = Task::Close;
                        match step {
                            Step::Rows(rows) => return Work::Emit(RESULTS, Item::Rows(rows)),
                            Step::Stuck => return Work::Yield,
                            Step::More | Step::Done(_) => {}
                        }
                    }
                },
            }
        }
    }
}

#[cfg(test)]
mod tests;

//! Rows of the output, made of the states of groups.

use sluicedb_sql::Column;

use super::Spec;
use super::layout::{Group, Located};
use crate::core::arena::Arena;
use crate::core::effect::Effect;
use crate::core::ids::Time;
use crate::core::operator::Context;

/// Groups by whether they have a row: scratch space.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) visible: Vec<Located>,
    /// Those that have none because a result does not fit.
    pub(super) withheld: Vec<Located>,
}

impl Spec {
    /// Keeps the groups that have a row: that have rows, and whose results all fit their types. Those
    /// that have rows and do not fit are withheld.
    fn retain_visible(
        &self,
        arena: &Arena,
        groups: &mut Vec<Located>,
        withheld: &mut Vec<Located>,
    ) {
        let global = self.is_global();
        groups.retain(|located| match self.layout.rows_at(arena, located) {
            0 => global,
            rows => rows > 0,
        });
        let calls = || self.accumulators.iter().filter(|call| call.may_not_fit());
        let fits = |at: &Located| calls().all(|call| call.fits(arena, &self.layout, at));
        if calls().next().is_none() || groups.iter().all(fits) {
            return;
        }
        withheld.extend(groups.iter().copied().filter(|at| !fits(at)));
        groups.retain(fits);
    }

    /// How many of some groups are withheld.
    pub(super) fn withheld_among(&self, arena: &Arena, groups: &[Group]) -> usize {
        let (mut visible, mut withheld) = (Vec::new(), Vec::new());
        self.layout.locate_all(arena, groups, &mut visible);
        if let Some(Time(limit)) = self.shows_closed_by(arena) {
            visible.retain(|located| self.session_span(arena, located.group).1 <= limit);
        }
        self.retain_visible(arena, &mut visible, &mut withheld);
        withheld.len()
    }

    /// Start and end of a session.
    fn session_span(&self, arena: &Arena, group: Group) -> (i64, i64) {
        let windows = self.windows.as_ref().expect("sessions are windows");
        let extent = self.layout.extent(arena, group);
        (extent.first, windows.end(extent.last))
    }

    /// Appends the rows of the groups that have one to `columns`, and those groups to the visible
    /// ones. Sessions that end behind `closed_by`, if that is given, have none.
    pub(super) fn write_rows(
        &self,
        arena: &Arena,
        groups: &[Group],
        Shown { visible, withheld }: &mut Shown,
        columns: &mut [Column],
        closed_by: Option<Time>,
    ) {
        visible.clear();
        withheld.clear();
        self.layout.locate_all(arena, groups, visible);
        if let Some(Time(limit)) = closed_by {
            visible.retain(|located| self.session_span(arena, located.group).1 <= limit);
        }
        self.retain_visible(arena, visible, withheld);
        let calls = self.write_heads(arena, visible, columns);
        for (call, column) in self.accumulators.iter().zip(calls) {
            call.push(arena, &self.layout, visible, column);
        }
    }

    /// Appends rows of groups that are withheld: which they are, and no results.
    pub(super) fn write_withheld(&self, arena: &Arena, shown: &Shown, columns: &mut [Column]) {
        for column in self.write_heads(arena, &shown.withheld, columns) {
            shown.withheld.iter().for_each(|_| column.push_null());
        }
    }

    /// Tells of groups that are put out once and have no row because a result does not fit.
    pub(super) fn tell_withheld(&self, shown: &Shown, context: &mut Context<'_>) {
        if shown.withheld.is_empty() {
            return;
        }
        let mut morsel = context.pool.take(self.options.output_shape);
        self.write_withheld(context.arena, shown, &mut morsel.columns);
        morsel.set_rows(shown.withheld.len());
        self.root.count_withheld(context.arena, morsel.rows() as i64);
        let (operator, epoch) = (self.place.operator, context.epoch);
        context.effects.push(Effect::Withheld { operator, epoch, morsel });
    }

    /// Appends windows and keys of groups, and returns the columns behind those.
    fn write_heads<'c>(
        &self,
        arena: &Arena,
        groups: &[Located],
        columns: &'c mut [Column],
    ) -> &'c mut [Column] {
        let mut rest = columns;
        if self.is_session() {
            let (times, others) = rest.split_at_mut(2);
            for located in groups {
                let (start, end) = self.session_span(arena, located.group);
                times[0].push_i64(start);
                times[1].push_i64(end);
            }
            rest = others;
        } else if let Some(windows) = &self.windows {
            let (times, others) = rest.split_at_mut(2);
            for run in groups.chunk_by(|left, right| left.group.pane == right.group.pane) {
                let number = run[0].group.pane.span(arena).start;
                let (start, end) = (windows.window().start_of(number), windows.end(number));
                for _ in run {
                    times[0].push_i64(start);
                    times[1].push_i64(end);
                }
            }
            rest = others;
        }
        let (keys, calls) = rest.split_at_mut(self.options.keys.len());
        for located in groups {
            let key = self.layout.key_at(arena, located);
            self.layout.keys().read(arena, located.group.pane.heap(), key, keys);
        }
        calls
    }
}

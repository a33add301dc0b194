//! Rows of the output, made of the states of groups.

use sluicedb_sql::Column;

use super::Spec;
use super::layout::{Group, Located};
use crate::core::arena::Arena;
use crate::core::ids::Time;

impl Spec {
    /// Keeps the groups that have a row: that have rows, and whose results all fit their types.
    fn retain_visible(&self, arena: &Arena, groups: &mut Vec<Located>) {
        let global = self.is_global();
        groups.retain(|located| match self.layout.rows_at(arena, located) {
            0 => global,
            rows => rows > 0,
        });
        for call in self.accumulators.iter().filter(|call| call.may_not_fit()) {
            groups.retain(|located| call.fits(arena, &self.layout, located));
        }
    }

    /// Start and end of a session.
    fn session_span(&self, arena: &Arena, group: Group) -> (i64, i64) {
        let windows = self.windows.as_ref().expect("sessions are windows");
        let extent = self.layout.extent(arena, group);
        (extent.first, windows.end(extent.last))
    }

    /// Appends the rows of the groups that have one to `columns`, and those groups to `visible`,
    /// which is empty. Sessions that end behind `closed_by`, if that is given, have none.
    pub(super) fn write_rows(
        &self,
        arena: &Arena,
        groups: &[Group],
        visible: &mut Vec<Located>,
        columns: &mut [Column],
        closed_by: Option<Time>,
    ) {
        assert!(visible.is_empty(), "groups are collected for these rows only");
        self.layout.locate_all(arena, groups, visible);
        if let Some(Time(limit)) = closed_by {
            visible.retain(|located| self.session_span(arena, located.group).1 <= limit);
        }
        self.retain_visible(arena, visible);
        let mut rest = columns;
        if self.is_session() {
            let (times, others) = rest.split_at_mut(2);
            for located in visible.iter() {
                let (start, end) = self.session_span(arena, located.group);
                times[0].push_i64(start);
                times[1].push_i64(end);
            }
            rest = others;
        } else if let Some(windows) = &self.windows {
            let (times, others) = rest.split_at_mut(2);
            for run in visible.chunk_by(|left, right| left.group.pane == right.group.pane) {
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
        for located in visible.iter() {
            let key = self.layout.key_at(arena, located);
            self.layout.keys().read(arena, located.group.pane.heap(), key, keys);
        }
        for (call, column) in self.accumulators.iter().zip(calls) {
            call.push(arena, &self.layout, visible, column);
        }
    }
}

//! Rows of the output, made of the states of groups.

use sluicedb_sql::Column;

use super::Spec;
use super::layout::{Group, Located};
use crate::core::arena::Arena;

impl Spec {
    /// Whether a group has a row: it has rows, and all results fit their types.
    fn is_visible(&self, arena: &Arena, located: &Located) -> bool {
        let rows = self.layout.rows_at(arena, located);
        let exists = rows > 0 || rows == 0 && self.is_global();
        exists && self.accumulators.iter().all(|call| call.fits(arena, &self.layout, located))
    }

    /// Appends the rows of the groups that have one to `columns`, and those groups to `visible`,
    /// which is empty.
    pub(super) fn write_rows(
        &self,
        arena: &Arena,
        groups: &[Group],
        visible: &mut Vec<Located>,
        columns: &mut [Column],
    ) {
        assert!(visible.is_empty(), "groups are collected for these rows only");
        self.layout.locate_all(arena, groups, visible);
        visible.retain(|located| self.is_visible(arena, located));
        let mut rest = columns;
        if let Some(windows) = &self.windows {
            let (times, others) = rest.split_at_mut(2);
            for located in visible.iter() {
                let start = located.group.pane.span(arena).start;
                times[0].push_i64(start);
                times[1].push_i64(windows.end(start));
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

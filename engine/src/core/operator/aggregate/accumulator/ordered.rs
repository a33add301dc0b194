//! MIN, MAX, FIRST and LAST over input that can retract: all values, in a tree of the pane.
//!
//! State: how many cells the group has.

use sluicedb_sql::Column;

use super::super::layout::{Group, Layout};
use super::cells::{Cells, Moved};
use super::{Entry, Store, add_i64};
use crate::core::arena::Arena;
use crate::core::morsel::Morsel;

/// Bytes of the state.
pub(super) const ORDERED_BYTES: usize = 8;

/// The least or greatest of all values.
#[derive(Clone, Debug)]
pub(super) struct Ordered {
    pub(super) cells: Cells,
    /// Whether the greatest is wanted.
    pub(super) greatest: bool,
}

impl Ordered {
    pub(super) fn update(&self, store: &mut Store<'_>, morsel: &Morsel, entries: &[Entry]) {
        self.cells.update(store, morsel, entries, |store, group, change, _| {
            if change.cells != 0 {
                add_i64(store.state_mut(group), change.cells);
            }
        });
    }

    /// Adds a cell of another pane to the group.
    pub(super) fn take(&self, store: &mut Store<'_>, group: Group, moved: &Moved) {
        let (change, _) = self.cells.take(store, group, moved);
        add_i64(store.state_mut(group), change.cells);
    }

    /// Appends the value that is first or last of those that are there.
    pub(super) fn push(&self, arena: &Arena, layout: &Layout, group: Group, out: &mut Column) {
        let mut found = None;
        self.cells.walk((arena, layout), group, self.greatest, |key, _| {
            found = Some(key);
            false
        });
        match found {
            None => out.push_null(),
            Some(key) => self.cells.key().push(arena, group.pane.heap(), key, out),
        }
    }
}

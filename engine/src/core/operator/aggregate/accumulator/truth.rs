//! BOOL_AND and BOOL_OR: how many are true and how many are false.

use sluicedb_sql::Column;

use super::rows::Rows;
use super::{Store, add_i64, i64_at};

/// Bytes of the state.
pub(super) const TRUTH_BYTES: usize = 16;

const TRUE_AT: usize = 0;
const FALSE_AT: usize = 8;

/// Whether all of a column are true, or one is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Truth {
    pub(super) column: usize,
    /// Whether all must be.
    pub(super) all: bool,
}

impl Truth {
    pub(super) fn update(&self, store: &mut Store<'_>, rows: Rows<'_>) {
        let column = &rows.columns[self.column];
        let truths = column.bools();
        for entry in rows.entries {
            let row = entry.row as usize;
            if !column.is_null(row) {
                let at = if truths.get(row) { TRUE_AT } else { FALSE_AT };
                let state = store.entry_mut::<TRUTH_BYTES>(entry);
                add_i64(&mut state[at..], rows.weight(row));
            }
        }
    }

    /// Adds one group's state to another's.
    pub(super) fn merge(from: &[u8], into: &mut [u8]) {
        for at in [TRUE_AT, FALSE_AT] {
            add_i64(&mut into[at..], i64_at(from, at));
        }
    }

    /// Appends the result.
    pub(super) fn push(&self, state: &[u8], out: &mut Column) {
        let (some_true, some_false) = (i64_at(state, TRUE_AT) > 0, i64_at(state, FALSE_AT) > 0);
        if !some_true && !some_false {
            return out.push_null();
        }
        out.push_bool(if self.all { !some_false } else { some_true });
    }
}

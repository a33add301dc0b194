//! Percentiles and MODE: all values, or rounded ones, in a tree of the pane.
//!
//! State: how many cells the group has, and how many values those stand for.

use sluicedb_sql::plan::Fraction;
use sluicedb_sql::{Column, DataType};

use super::super::layout::{Group, Layout};
use super::cells::{Cells, Change, Moved};
use super::rows::Numbers;
use super::{Entry, Store, add_i64, i64_at};
use crate::core::arena::Arena;
use crate::core::morsel::Morsel;

/// Bytes of the state.
pub(super) const RANKED_BYTES: usize = 16;

const VALUES_AT: usize = 8;

/// One of the values by its rank, or something between two.
#[derive(Clone, Debug)]
pub(super) struct Ranked {
    pub(super) cells: Cells,
    pub(super) pick: Pick,
    /// Whether ranks count from the greatest down.
    pub(super) descending: bool,
}

/// Which value is the result.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pick {
    /// The first that so large a part does not exceed.
    At(Fraction),
    /// What lies between the two nearest, as a double.
    Between {
        part: Fraction,
        /// The type of the values.
        data_type: DataType,
    },
    /// The one that is there most often.
    Mode,
}

impl Pick {
    /// Between values of this type.
    pub(super) fn between(part: Fraction, data_type: DataType) -> Pick {
        Pick::Between { part, data_type }
    }
}

impl Ranked {
    pub(super) fn update(&self, store: &mut Store<'_>, morsel: &Morsel, entries: &[Entry]) {
        self.cells.update(store, morsel, entries, |store, group, change, _| {
            note(store, group, change);
        });
    }

    /// Adds a cell of another pane to the group.
    pub(super) fn take(&self, store: &mut Store<'_>, group: Group, moved: &Moved) {
        let (change, _) = self.cells.take(store, group, moved);
        note(store, group, change);
    }

    /// Appends the result.
    pub(super) fn push(&self, at: (&Arena, &Layout), group: Group, state: &[u8], out: &mut Column) {
        let values = i64_at(state, VALUES_AT);
        if values == 0 {
            return out.push_null();
        }
        let found = match self.pick {
            Pick::At(part) => {
                let rank = (part.get() * values as f64).ceil() as i64 - 1;
                self.find(at, group, rank.clamp(0, values - 1), values)
            }
            Pick::Mode => self.most_frequent(at, group),
            Pick::Between { part, data_type } => {
                let number = self.between(at, group, (part, data_type), values);
                return out.push_f64(number);
            }
        };
        self.cells.key().push(at.0, group.pane.heap(), found, out);
    }

    /// The key of the value with a rank of `values`, counted from 0.
    fn find<'a>(&self, at: (&'a Arena, &Layout), group: Group, rank: i64, values: i64) -> &'a [u8] {
        // From the nearer end.
        let back = rank > values / 2;
        let mut before = if back { values - 1 - rank } else { rank };
        let mut found = None;
        self.cells.walk(at, group, back != self.descending, |key, count| {
            found = Some(key);
            before -= count;
            before >= 0
        });
        found.expect("a group has as many values as its state says")
    }

    fn most_frequent<'a>(&self, at: (&'a Arena, &Layout), group: Group) -> &'a [u8] {
        let mut most: Option<(i64, &[u8])> = None;
        self.cells.walk(at, group, false, |key, count| {
            if most.is_none_or(|(before, _)| count > before) {
                most = Some((count, key));
            }
            true
        });
        most.expect("a group has as many values as its state says").1
    }

    fn between(
        &self,
        at: (&Arena, &Layout),
        group: Group,
        (part, data_type): (Fraction, DataType),
        values: i64,
    ) -> f64 {
        let place = part.get() * (values - 1) as f64;
        let (low, high) = (place.floor(), place.ceil());
        let number = |rank: f64| {
            let rank = (rank as i64).clamp(0, values - 1);
            let mut column = Column::new(data_type);
            let key = self.find(at, group, rank, values);
            self.cells.key().push(at.0, group.pane.heap(), key, &mut column);
            Numbers::new(&column, data_type).get(0).expect("a kept value is not NULL")
        };
        let first = number(low);
        if low == high {
            return first;
        }
        let second = number(high);
        if first == second { first } else { first + (second - first) * (place - low) }
    }
}

fn note(store: &mut Store<'_>, group: Group, change: Change) {
    let state = store.state_mut(group);
    add_i64(state, change.cells);
    add_i64(&mut state[VALUES_AT..], change.present);
}

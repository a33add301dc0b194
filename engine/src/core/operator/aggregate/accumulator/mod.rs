//! What is kept of a group for each call, and what is made of it: one file per family.
//!
//! Invariants:
//! - The state of a group without rows is all zeros, in every family: a fresh slot needs no set-up.
//! - Over input that can retract, a state is all zeros again (and has no cells) exactly when
//!   everything that came was taken back. So a group may be freed then, and only then.

mod best;
mod double;
mod exact;
mod ordered;
mod sort_key;
mod sum;
mod wide;

pub(super) use ordered::Moved;
pub(super) use sort_key::{of_i64, to_i64};

use sluicedb_sql::plan::{Call, Function};
use sluicedb_sql::{Column, DataType};

use super::layout::{Field, Group, Layout, Located, Pane, Place};
use crate::core::arena::{Arena, Heap, Tree};
use crate::core::morsel::Morsel;

use best::Best;
use double::Double;
use ordered::Ordered;
use sort_key::SortKey;
use sum::Sum;

/// A row of the morsel that is worked on, and a group that it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) row: u32,
    pub(super) group: Group,
    /// Where the first part of the group is: found once a row, used by every call.
    pub(super) place: Place,
}

/// The states of one call.
pub(super) struct Store<'a> {
    arena: &'a mut Arena,
    layout: &'a Layout,
    field: Field,
}

/// One call: what it computes and where its state is.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    family: Family,
    field: Field,
}

#[derive(Clone, Copy, Debug)]
enum Family {
    Rows,
    Count { column: usize },
    Sum(Sum),
    Double(Double),
    Best(Best),
    Ordered(Ordered),
}

/// What a pane needs for a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Need {
    /// Bytes of state in each group.
    pub(super) state_bytes: usize,
    /// Bytes of a cell's key, where values are kept in a tree.
    pub(super) cell_key_bytes: Option<usize>,
    /// The column whose texts go to the heap.
    pub(super) text: Option<usize>,
}

/// Bytes of the value of a cell.
pub(super) const CELL_VALUE_BYTES: usize = ordered::COUNT_BYTES;

impl Accumulator {
    /// The accumulator of a call; `trees` is how many the calls before it need.
    pub(super) fn new(
        call: &Call,
        input: &[DataType],
        output: DataType,
        retracts: bool,
        trees: usize,
    ) -> Accumulator {
        let family = Accumulator::family(call, input, output, retracts, trees);
        Accumulator { family, field: Field::default() }
    }

    fn family(
        call: &Call,
        input: &[DataType],
        output: DataType,
        retracts: bool,
        trees: usize,
    ) -> Family {
        let Call { name: _, function, argument, order } = call;
        let Some(column) = *argument else {
            assert_eq!(*function, Function::CountRows, "only COUNT(*) has no argument");
            return Family::Rows;
        };
        let greatest = matches!(function, Function::Max | Function::Last);
        let mean = *function == Function::Avg;
        match function {
            Function::CountRows => Family::Rows,
            Function::Count => Family::Count { column },
            Function::Sum | Function::Avg if input[column] == DataType::Double => {
                Family::Double(Double { column, mean, exact: retracts })
            }
            Function::Sum | Function::Avg => {
                Family::Sum(Sum::new(input[column], column, output, mean))
            }
            Function::Min | Function::Max | Function::First | Function::Last => {
                let key = SortKey::new(input, column, *order);
                if retracts {
                    Family::Ordered(Ordered { key, greatest, tree: trees })
                } else {
                    Family::Best(Best { key, greatest })
                }
            }
        }
    }

    /// What a pane needs for this call.
    pub(super) fn need(&self) -> Need {
        let text = |key: &SortKey| key.is_text().then(|| key.column());
        let (state_bytes, cell_key_bytes, text) = match &self.family {
            Family::Rows => (0, None, None),
            Family::Count { .. } => (8, None, None),
            Family::Sum(_) => (sum::SUM_BYTES, None, None),
            Family::Double(double) => (double.bytes(), None, None),
            Family::Best(best) => (best.bytes(), None, text(&best.key)),
            Family::Ordered(ordered) => {
                (ordered::COUNT_BYTES, Some(ordered.cell_key_bytes()), text(&ordered.key))
            }
        };
        Need { state_bytes, cell_key_bytes, text }
    }

    /// Says where the state is.
    pub(super) fn place(&mut self, field: Field) {
        self.field = field;
    }

    /// Works the rows into the states of their groups.
    pub(super) fn update(
        &self,
        arena: &mut Arena,
        layout: &Layout,
        morsel: &Morsel,
        entries: &[Entry],
    ) {
        let store = &mut Store { arena, layout, field: self.field };
        match &self.family {
            Family::Rows => {}
            Family::Count { column } => count(store, &morsel.columns[*column], morsel, entries),
            Family::Sum(sum) => sum.update(store, morsel, entries),
            Family::Double(double) => double.update(store, morsel, entries),
            Family::Best(best) => best.update(store, morsel, entries),
            Family::Ordered(ordered) => ordered.update(store, morsel, entries),
        }
    }

    /// Adds what is kept of `from` to `into`, all but what is in trees.
    pub(super) fn merge(
        &self,
        arena: &mut Arena,
        layout: &Layout,
        (from, into): (Group, Group),
        scratch: &mut Vec<u8>,
    ) {
        let store = &mut Store { arena, layout, field: self.field };
        if let Family::Best(best) = &self.family {
            return best.merge(store, from, into, scratch);
        }
        scratch.clear();
        scratch.extend_from_slice(&store.state(from)[..self.need().state_bytes]);
        match &self.family {
            Family::Rows | Family::Best(_) | Family::Ordered(_) => {}
            Family::Count { .. } => add_i64(store.state_mut(into), i64_at(scratch, 0)),
            Family::Sum(_) => Sum::merge(scratch, store.state_mut(into)),
            Family::Double(double) => double.merge(scratch, store.state_mut(into)),
        }
    }

    /// Whether values are kept in a tree, which is merged cell by cell.
    pub(super) fn has_cells(&self) -> bool {
        matches!(self.family, Family::Ordered(_))
    }

    /// Moves on to the cell of `pane` behind `moved`, or to the first; false at the end.
    pub(super) fn next_cell(
        &self,
        arena: &mut Arena,
        layout: &Layout,
        pane: Pane,
        first: bool,
        moved: &mut Moved,
    ) -> bool {
        let Family::Ordered(ordered) = &self.family else { return false };
        ordered.next(&Store { arena, layout, field: self.field }, pane, first, moved)
    }

    /// Adds a cell of another pane to a group.
    pub(super) fn take_cell(&self, arena: &mut Arena, layout: &Layout, group: Group, cell: &Moved) {
        let Family::Ordered(ordered) = &self.family else {
            unreachable!("only trees have cells");
        };
        ordered.take(&mut Store { arena, layout, field: self.field }, group, cell);
    }

    /// Bytes of text that merging the group copies.
    pub(super) fn text_bytes(&self, arena: &mut Arena, layout: &Layout, group: Group) -> usize {
        match &self.family {
            Family::Best(best) => {
                best.text_bytes(&Store { arena, layout, field: self.field }, group)
            }
            _ => 0,
        }
    }

    /// Whether everything that came was taken back. Only asked over input that can retract.
    pub(super) fn is_empty(&self, arena: &mut Arena, layout: &Layout, group: Group) -> bool {
        let store = &Store { arena, layout, field: self.field };
        let bytes = self.need().state_bytes;
        match &self.family {
            Family::Rows => true,
            Family::Sum(_) => Sum::is_empty(store.state(group)),
            Family::Count { .. } | Family::Double(_) | Family::Ordered(_) => {
                store.state(group)[..bytes].iter().all(|byte| *byte == 0)
            }
            Family::Best(_) => unreachable!("what is kept of the best cannot be taken back"),
        }
    }

    /// Whether there are states without a result.
    pub(super) fn may_not_fit(&self) -> bool {
        !matches!(self.family, Family::Rows | Family::Best(_) | Family::Ordered(_))
    }

    /// Whether the result has a place in its type.
    pub(super) fn fits(&self, arena: &Arena, layout: &Layout, located: &Located) -> bool {
        let state = || layout.state_at(arena, located, self.field);
        match &self.family {
            Family::Rows | Family::Best(_) | Family::Ordered(_) => true,
            Family::Count { .. } => i64_at(state(), 0) >= 0,
            Family::Sum(sum) => sum.fits(state()),
            Family::Double(double) => double.fits(state()),
        }
    }

    /// Appends the results of these groups.
    pub(super) fn push(
        &self,
        arena: &Arena,
        layout: &Layout,
        groups: &[Located],
        out: &mut Column,
    ) {
        let state = |located| layout.state_at(arena, located, self.field);
        let groups = groups.iter();
        match &self.family {
            Family::Rows => groups.for_each(|at| out.push_i64(layout.rows_at(arena, at))),
            Family::Count { .. } => groups.for_each(|at| out.push_i64(i64_at(state(at), 0))),
            Family::Sum(sum) => groups.for_each(|at| sum.push(state(at), out)),
            Family::Double(double) => groups.for_each(|at| double.push(state(at), out)),
            Family::Best(best) => {
                groups.for_each(|at| best.push(arena, at.group.pane.heap(), state(at), out));
            }
            Family::Ordered(ordered) => groups.for_each(|at| {
                let tree = layout.tree(at.group.pane, ordered.tree);
                ordered.push(arena, tree, at.group, out);
            }),
        }
    }
}

fn count(store: &mut Store<'_>, column: &Column, morsel: &Morsel, entries: &[Entry]) {
    for entry in entries {
        let row = entry.row as usize;
        if !column.is_null(row) {
            add_i64(store.entry_mut::<8>(entry), morsel.weight(row));
        }
    }
}

impl Store<'_> {
    #[inline]
    fn state(&self, group: Group) -> &[u8] {
        self.layout.state(self.arena, group, self.field)
    }

    #[inline]
    fn state_mut(&mut self, group: Group) -> &mut [u8] {
        self.layout.state_mut(self.arena, group, self.field)
    }

    /// The state of the call in the group of an entry, to write.
    #[inline(always)]
    fn entry_mut<const N: usize>(&mut self, entry: &Entry) -> &mut [u8; N] {
        self.layout.entry_mut(self.arena, entry.group, entry.place, self.field)
    }

    fn heap(&self, pane: Pane) -> Heap {
        pane.heap()
    }

    fn tree(&self, pane: Pane, index: usize) -> Tree {
        self.layout.tree(pane, index)
    }
}

#[inline(always)]
fn i64_at(state: &[u8], at: usize) -> i64 {
    i64::from_le_bytes(state[at..at + 8].try_into().expect("eight bytes"))
}

#[inline(always)]
fn add_i64(state: &mut [u8], value: i64) {
    let sum = i64_at(state, 0).checked_add(value).expect("a group has fewer than 2^63 rows");
    state[..8].copy_from_slice(&sum.to_le_bytes());
}

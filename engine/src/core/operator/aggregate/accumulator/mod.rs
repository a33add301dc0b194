//! What is kept of a group for each call, and what is made of it: one file per family.
//!
//! Invariants:
//! - The state of a group without rows is all zeros, in every family: a fresh slot needs no set-up.
//! - Over input that can retract, a state is all zeros again (and has no cells) exactly when
//!   everything that came was taken back. So a group may be freed then, and only then.

mod best;
mod cells;
mod custom;
mod distinct;
mod double;
mod exact;
mod limbs;
mod list;
mod moments;
mod ordered;
mod ranked;
mod rows;
mod sketch;
mod sort_key;
mod sum;
mod truth;
mod wide;

pub(super) use cells::Moved;
pub(super) use distinct::{Set, SetShape};
pub(super) use rows::Scratch;
pub(super) use sort_key::{of_i64, to_i64};
pub(in crate::core::operator) use wide::Wide;

use sluicedb_sql::plan::{Call, Function};
use sluicedb_sql::{Column, DataType};

use super::layout::{Field, Group, Layout, Located, Pair, Pane, Place};
use crate::core::arena::{Arena, Heap, Tree};
use crate::core::morsel::Morsel;

use best::Best;
use cells::{Cells, Key};
use custom::Custom;
use distinct::Distinct;
use double::Double;
use list::List;
use moments::Moments;
use ordered::Ordered;
use ranked::{Pick, Ranked};
use rows::Rows;
use sketch::Sketch;
use sort_key::SortKey;
use sum::Sum;
use truth::Truth;

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
    fields: [Field; FIELDS_MAX],
}

/// One call: what it computes and where its state is.
#[derive(Clone, Debug)]
pub(super) struct Accumulator {
    family: Family,
    /// A column of truths: other rows are skipped.
    filter: Option<usize>,
    /// The values that count once each.
    distinct: Option<Distinct>,
    fields: [Field; FIELDS_MAX],
}

#[derive(Clone, Debug)]
enum Family {
    Rows,
    Count { column: Option<usize> },
    Truth(Truth),
    Sum(Sum),
    Double(Double),
    Moments(Moments),
    Best(Best),
    Ordered(Ordered),
    Ranked(Ranked),
    List(List),
    Sketch(Sketch),
    Custom(Custom),
}

/// What becomes of groups once they are there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Groups {
    /// Whether rows are taken back.
    pub(super) retracts: bool,
    /// Whether they are sessions, which become one.
    pub(super) session: bool,
}

/// What a pane needs for a call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Need {
    /// Bytes of each state in a group.
    pub(super) state_bytes: usize,
    /// How many such states there are.
    pub(super) states: usize,
    /// Bytes of a cell's key, where values are kept in a tree.
    pub(super) cell_key_bytes: Option<usize>,
    /// Where values are kept in a set.
    pub(super) set: Option<SetShape>,
    /// The column whose texts go to the heap.
    pub(super) text: Option<usize>,
}

/// States of one call, at most.
const FIELDS_MAX: usize = sketch::STATES;

/// Bytes of the value of a cell.
pub(super) const CELL_VALUE_BYTES: usize = cells::COUNT_BYTES;

impl Accumulator {
    /// The accumulator of a call; `trees` and `sets` are how many the calls before it need.
    pub(super) fn new(
        call: &Call,
        input: &[DataType],
        output: DataType,
        groups: Groups,
        (trees, sets): (usize, usize),
    ) -> Accumulator {
        let family = Family::new(call, input, output, groups.retracts, trees);
        let once = call.distinct || call.function == Function::ApproxDistinct;
        let distinct = match (&family, call.argument) {
            (
                Family::Count { .. } | Family::Sum(_) | Family::Double(_) | Family::Moments(_),
                Some(column),
            ) if once => {
                let head_at = family.state_bytes();
                Some(Distinct::new(input, column, head_at, sets, groups))
            }
            _ => None,
        };
        Accumulator { family, filter: call.filter, distinct, fields: Default::default() }
    }

    /// What a pane needs for this call.
    pub(super) fn need(&self) -> Need {
        let mut need = self.family.need();
        if let Some(distinct) = &self.distinct {
            need.state_bytes += distinct::HEAD_BYTES;
            need.set = Some(distinct.shape());
            need.text = distinct.text();
        }
        need
    }

    /// Says where state `index` is.
    pub(super) fn place(&mut self, index: usize, field: Field) {
        self.fields[index] = field;
    }

    fn field(&self) -> Field {
        self.fields[0]
    }

    fn state_bytes(&self) -> usize {
        let head = if self.distinct.is_some() { distinct::HEAD_BYTES } else { 0 };
        self.family.state_bytes() + head
    }

    /// Works the rows into the states of their groups.
    pub(super) fn update(
        &self,
        arena: &mut Arena,
        layout: &Layout,
        morsel: &Morsel,
        entries: &[Entry],
        scratch: &mut Scratch,
    ) {
        let store = &mut Store { arena, layout, fields: self.fields };
        let Scratch { kept, set, hashes, failed } = scratch;
        let entries = match self.filter {
            Some(filter) => rows::keep(&morsel.columns[filter], entries, kept),
            None => entries,
        };
        if let Family::Custom(custom) = &self.family {
            return custom.update(store, morsel, entries, hashes, failed);
        }
        let Some(distinct) = &self.distinct else {
            let rows = Rows::of(morsel, entries);
            return self.family.update(store, morsel, rows);
        };
        distinct.update(store, morsel, entries, set);
        for (entries, sign) in [(&set.came, 1), (&set.gone, -1)] {
            let rows = Rows { columns: &morsel.columns, weights: &[], sign, entries };
            if !entries.is_empty() {
                self.family.update(store, morsel, rows);
            }
        }
    }

    /// Adds what is kept of groups to others, all but what is in trees and sets.
    pub(super) fn merge(
        &self,
        arena: &mut Arena,
        layout: &Layout,
        pairs: &[Pair],
        scratch: &mut Vec<u8>,
    ) {
        if self.distinct.is_some() {
            // What came of values is made again as they come.
            return;
        }
        let store = &mut Store { arena, layout, fields: self.fields };
        match &self.family {
            Family::Rows | Family::Ordered(_) | Family::Ranked(_) | Family::List(_) => {}
            Family::Count { .. } => {
                let add = |from: &[u8], into: &mut [u8]| add_i64(into, i64_at(from, 0));
                self.merge_states(store, pairs, scratch, add);
            }
            Family::Truth(_) => self.merge_states(store, pairs, scratch, Truth::merge),
            Family::Sum(_) => self.merge_states(store, pairs, scratch, Sum::merge),
            Family::Double(double) => {
                self.merge_states(store, pairs, scratch, |from, into| double.merge(from, into));
            }
            Family::Moments(moments) => {
                self.merge_states(store, pairs, scratch, |from, into| moments.merge(from, into));
            }
            Family::Custom(custom) => {
                self.merge_states(store, pairs, scratch, |from, into| custom.merge(from, into));
            }
            Family::Best(best) if !best.key.is_text() => {
                self.merge_states(store, pairs, scratch, |from, into| best.merge_plain(from, into));
            }
            Family::Best(best) => {
                for Pair { from, into } in pairs {
                    best.merge(store, from.group, into.group, scratch);
                }
            }
            Family::Sketch(sketch) => {
                for Pair { from, into } in pairs {
                    sketch.merge(store, from.group, into.group, scratch);
                }
            }
        }
    }

    /// Copies what is kept of a group to a fresh one of another shard, all but what is in trees and
    /// sets.
    pub(super) fn carry(
        &self,
        layout: &Layout,
        (arena, from): (&mut Arena, Group),
        (there, into): (&mut Arena, Group),
        scratch: &mut Vec<u8>,
    ) {
        if self.distinct.is_some() {
            // What came of values is made again as they come.
            return;
        }
        match &self.family {
            Family::Rows | Family::Ordered(_) | Family::Ranked(_) | Family::List(_) => {}
            Family::Best(best) if best.key.is_text() => {
                let store = &Store { arena, layout, fields: self.fields };
                let there = &mut Store { arena: there, layout, fields: self.fields };
                best.carry((store, from), (there, into), scratch);
            }
            family => {
                let Need { state_bytes, states, .. } = family.need();
                for &field in &self.fields[..states] {
                    scratch.clear();
                    scratch.extend_from_slice(&layout.state(arena, from, field)[..state_bytes]);
                    layout.state_mut(there, into, field)[..state_bytes].copy_from_slice(scratch);
                }
            }
        }
    }

    /// Adds states that lie in their groups alone.
    #[inline(always)]
    fn merge_states(
        &self,
        store: &mut Store<'_>,
        pairs: &[Pair],
        state: &mut Vec<u8>,
        merge: impl Fn(&[u8], &mut [u8]),
    ) {
        let bytes = self.state_bytes();
        for Pair { from, into } in pairs {
            let kept = store.layout.state_at(store.arena, from, self.field());
            state.clear();
            state.extend_from_slice(&kept[..bytes]);
            merge(state, store.layout.located_mut(store.arena, into, self.field()));
        }
    }

    /// Whether values are kept in a tree or a set, which is merged cell by cell.
    pub(super) fn has_cells(&self) -> bool {
        self.distinct.is_some() || self.family.cells().is_some()
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
        let store = &Store { arena, layout, fields: self.fields };
        match (&self.distinct, self.family.cells()) {
            (Some(distinct), _) => distinct.next(store, pane, first, moved),
            (None, Some(cells)) => cells.next(store, pane, first, moved),
            (None, None) => false,
        }
    }

    /// Adds a cell of another pane to a group.
    pub(super) fn take_cell(&self, arena: &mut Arena, layout: &Layout, group: Group, cell: &Moved) {
        let store = &mut Store { arena, layout, fields: self.fields };
        if let Some(distinct) = &self.distinct {
            let place = store.layout.locate(store.arena, group);
            let entry = Entry { row: 0, group, place };
            let change = distinct.take(store, group, cell);
            if change != 0 {
                let entries = &[entry];
                let rows = Rows { columns: &cell.columns, weights: &[], sign: change, entries };
                self.family.update_plain(store, rows);
            }
            return;
        }
        match &self.family {
            Family::Ordered(ordered) => ordered.take(store, group, cell),
            Family::Ranked(ranked) => ranked.take(store, group, cell),
            Family::List(list) => list.take(store, group, cell),
            _ => unreachable!("only trees and sets have cells"),
        }
    }

    /// How many cells a group has, about: at least as many as have to move with it.
    pub(super) fn cells(&self, arena: &mut Arena, layout: &Layout, group: Group) -> usize {
        let store = &Store { arena, layout, fields: self.fields };
        if let Some(distinct) = &self.distinct {
            return distinct.cells(store, group);
        }
        match self.family.cells() {
            Some(_) => i64_at(store.state(group), 0).unsigned_abs() as usize,
            None => 0,
        }
    }

    /// Takes a cell out of a group; false where it has none.
    pub(super) fn take_out(
        &self,
        arena: &mut Arena,
        layout: &Layout,
        group: Group,
        moved: &mut Moved,
    ) -> bool {
        let store = &mut Store { arena, layout, fields: self.fields };
        match (&self.distinct, self.family.cells()) {
            (Some(distinct), _) => distinct.take_out(store, group, moved),
            (None, Some(cells)) => cells.take_out(store, group, moved),
            (None, None) => false,
        }
    }

    /// Frees what a group without cells has in the heap.
    pub(super) fn let_go(&self, arena: &mut Arena, layout: &Layout, group: Group) {
        if let Family::Best(best) = &self.family {
            best.let_go(&mut Store { arena, layout, fields: self.fields }, group);
        }
    }

    /// Bytes of text that merging the group copies.
    pub(super) fn text_bytes(&self, arena: &mut Arena, layout: &Layout, group: Group) -> usize {
        match &self.family {
            Family::Best(best) if best.key.is_text() => {
                best.text_bytes(&Store { arena, layout, fields: self.fields }, group)
            }
            _ => 0,
        }
    }

    /// Whether everything that came was taken back. Only asked over input that can retract.
    pub(super) fn is_empty(&self, arena: &mut Arena, layout: &Layout, group: Group) -> bool {
        let store = &Store { arena, layout, fields: self.fields };
        match &self.family {
            Family::Rows => true,
            Family::Best(_) | Family::Sketch(_) => {
                unreachable!("what is kept of these cannot be taken back")
            }
            _ => store.state(group)[..self.state_bytes()].iter().all(|byte| *byte == 0),
        }
    }

    /// Whether there are states without a result.
    pub(super) fn may_not_fit(&self) -> bool {
        !matches!(
            self.family,
            Family::Rows
                | Family::Best(_)
                | Family::Ordered(_)
                | Family::Ranked(_)
                | Family::Truth(_)
                | Family::Sketch(_)
        )
    }

    /// Whether the result has a place in its type.
    pub(super) fn fits(&self, arena: &Arena, layout: &Layout, located: &Located) -> bool {
        let state = || layout.state_at(arena, located, self.field());
        match &self.family {
            Family::Count { .. } => i64_at(state(), 0) >= 0,
            Family::Sum(sum) => sum.fits(state()),
            Family::Double(double) => double.fits(state()),
            Family::Moments(moments) => moments.fits(state()),
            Family::List(list) => list.fits(state()),
            Family::Custom(custom) => custom.fits(state()),
            _ => true,
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
        let state = |located| layout.state_at(arena, located, self.field());
        let groups = groups.iter();
        match &self.family {
            Family::Rows => groups.for_each(|at| out.push_i64(layout.rows_at(arena, at))),
            Family::Count { .. } => groups.for_each(|at| out.push_i64(i64_at(state(at), 0))),
            Family::Truth(truth) => groups.for_each(|at| truth.push(state(at), out)),
            Family::Sum(sum) => groups.for_each(|at| sum.push(state(at), out)),
            Family::Double(double) => groups.for_each(|at| double.push(state(at), out)),
            Family::Moments(moments) => groups.for_each(|at| moments.push(state(at), out)),
            Family::Best(best) => {
                groups.for_each(|at| best.push(arena, at.group.pane.heap(), state(at), out));
            }
            Family::Ordered(ordered) => {
                groups.for_each(|at| ordered.push(arena, layout, at.group, out));
            }
            Family::Ranked(ranked) => {
                groups.for_each(|at| ranked.push((arena, layout), at.group, state(at), out));
            }
            Family::List(list) => {
                groups.for_each(|at| list.push((arena, layout), at.group, out));
            }
            Family::Custom(custom) => groups.for_each(|at| custom.push(state(at), out)),
            Family::Sketch(sketch) => groups.for_each(|at| {
                let registers = self.fields.map(|field| layout.state_at(arena, at, field));
                sketch.push(registers, out);
            }),
        }
    }
}

impl Family {
    fn new(
        call: &Call,
        input: &[DataType],
        output: DataType,
        retracts: bool,
        tree: usize,
    ) -> Family {
        // No `..`: a part of a call that nothing reads does not compile.
        let Call { name: _, function, argument, second, order, descending, .. } = call;
        let Call { filter, distinct: _, separator: _, custom, .. } = call;
        if let Some(custom) = custom {
            return Family::Custom(Custom::new(custom, retracts));
        }
        let Some(column) = *argument else {
            assert_eq!(*function, Function::CountRows, "only COUNT(*) has no argument");
            return if filter.is_some() { Family::Count { column: None } } else { Family::Rows };
        };
        let ranked = |key, pick| {
            Family::Ranked(Ranked { cells: Cells::new(key, tree), pick, descending: *descending })
        };
        let sort_key = || SortKey::new(input, column, *order);
        match *function {
            Function::CountRows => Family::Rows,
            Function::Count => Family::Count { column: Some(column) },
            Function::ApproxDistinct if retracts => Family::Count { column: Some(column) },
            Function::ApproxDistinct => Family::Sketch(Sketch { column }),
            Function::BoolAnd => Family::Truth(Truth { column, all: true }),
            Function::BoolOr => Family::Truth(Truth { column, all: false }),
            Function::Sum | Function::Avg => {
                let mean = *function == Function::Avg;
                match input[column] {
                    DataType::Double | DataType::Real => {
                        Family::Double(Double { column, mean, exact: retracts })
                    }
                    number => Family::Sum(Sum::new(number, column, output, mean)),
                }
            }
            Function::Moment(moment) => {
                Family::Moments(Moments::new(moment, input, column, *second, retracts))
            }
            Function::Min | Function::Max | Function::First | Function::Last => {
                let greatest = matches!(function, Function::Max | Function::Last);
                if retracts {
                    let cells = Cells::new(Key::Sorted(sort_key()), tree);
                    Family::Ordered(Ordered { cells, greatest })
                } else {
                    Family::Best(Best { key: sort_key(), greatest })
                }
            }
            Function::PercentileCont(part) => {
                ranked(Key::Sorted(sort_key()), Pick::between(part, input[column]))
            }
            Function::PercentileDisc(part) => ranked(Key::Sorted(sort_key()), Pick::At(part)),
            Function::Mode => ranked(Key::Sorted(sort_key()), Pick::Mode),
            Function::ApproxPercentile(part) => {
                let number = Key::number(input[column], column, !retracts);
                ranked(number, Pick::At(part))
            }
            Function::Custom => unreachable!("the plan says what it stands for"),
            Function::StringAgg | Function::ArrayAgg => {
                Family::List(List::new(call, input, column, tree))
            }
        }
    }

    fn state_bytes(&self) -> usize {
        match self {
            Family::Rows => 0,
            Family::Count { .. } => 8,
            Family::Truth(_) => truth::TRUTH_BYTES,
            Family::Sum(_) => sum::SUM_BYTES,
            Family::Double(double) => double.bytes(),
            Family::Moments(moments) => moments.bytes(),
            Family::Best(best) => best.bytes(),
            Family::Ordered(_) => ordered::ORDERED_BYTES,
            Family::Ranked(_) => ranked::RANKED_BYTES,
            Family::List(_) => list::LIST_BYTES,
            Family::Sketch(_) => sketch::STATE_BYTES,
            Family::Custom(custom) => custom.bytes(),
        }
    }

    /// The tree, where values are kept in one.
    fn cells(&self) -> Option<&Cells> {
        match self {
            Family::Ordered(Ordered { cells, .. })
            | Family::Ranked(Ranked { cells, .. })
            | Family::List(List { cells, .. }) => Some(cells),
            _ => None,
        }
    }

    fn need(&self) -> Need {
        let text = match self {
            Family::Best(best) => best.key.is_text().then(|| best.key.column()),
            _ => self.cells().and_then(Cells::text),
        };
        let states = match self {
            Family::Sketch(_) => sketch::STATES,
            _ => 1,
        };
        Need {
            state_bytes: self.state_bytes(),
            states,
            cell_key_bytes: self.cells().map(Cells::cell_key_bytes),
            set: None,
            text,
        }
    }

    fn update(&self, store: &mut Store<'_>, morsel: &Morsel, rows: Rows<'_>) {
        match self {
            Family::Best(best) => best.update(store, morsel, rows.entries),
            Family::Ordered(ordered) => ordered.update(store, morsel, rows.entries),
            Family::Ranked(ranked) => ranked.update(store, morsel, rows.entries),
            Family::List(list) => list.update(store, morsel, rows.entries),
            Family::Sketch(sketch) => sketch.update(store, morsel, rows.entries),
            _ => self.update_plain(store, rows),
        }
    }

    /// The same for families that look at values and weights only.
    fn update_plain(&self, store: &mut Store<'_>, rows: Rows<'_>) {
        match self {
            Family::Rows => {}
            Family::Count { column } => count(store, column.map(|at| &rows.columns[at]), rows),
            Family::Truth(truth) => truth.update(store, rows),
            Family::Sum(sum) => sum.update(store, rows),
            Family::Double(double) => double.update(store, rows),
            Family::Moments(moments) => moments.update(store, rows),
            _ => unreachable!("this family looks at more than values"),
        }
    }
}

fn count(store: &mut Store<'_>, column: Option<&Column>, rows: Rows<'_>) {
    for entry in rows.entries {
        let row = entry.row as usize;
        if column.is_none_or(|column| !column.is_null(row)) {
            add_i64(store.entry_mut::<8>(entry), rows.weight(row));
        }
    }
}

impl Store<'_> {
    #[inline]
    fn state(&self, group: Group) -> &[u8] {
        self.layout.state(self.arena, group, self.fields[0])
    }

    #[inline]
    fn state_mut(&mut self, group: Group) -> &mut [u8] {
        self.layout.state_mut(self.arena, group, self.fields[0])
    }

    /// The state of the call in the group of an entry, to write.
    #[inline(always)]
    fn entry_mut<const N: usize>(&mut self, entry: &Entry) -> &mut [u8; N] {
        self.layout.entry_mut(self.arena, entry.group, entry.place, self.fields[0])
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

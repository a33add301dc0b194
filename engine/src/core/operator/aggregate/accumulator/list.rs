//! STRING_AGG and ARRAY_AGG: all values in their order, in a tree of the pane.
//!
//! State: how many cells the group has, how many values are there, and how many bytes those have.

use sluicedb_sql::column::Values;
use sluicedb_sql::plan::{Call, Function};
use sluicedb_sql::{Column, DataType, Value};

use super::super::layout::{Group, Layout};
use super::cells::{Cells, Change, Key, Moved};
use super::sort_key::{SortKey, of_f64, of_i64};
use super::{Entry, Store, add_i64, i64_at};
use crate::core::arena::Arena;
use crate::core::limits::TEXT_BYTES_MAX;
use crate::core::morsel::Morsel;

/// Bytes of the state.
pub(super) const LIST_BYTES: usize = 24;

const VALUES_AT: usize = 8;
const TEXT_AT: usize = 16;

/// Bytes of what orders values before they do: whether there is none, what there is, the tie, and
/// whether the value is NULL.
pub(super) const PREFIX_BYTES: usize = NULL_AT + 1;

const ORDER_BYTES: usize = 16;
const TIE_AT: usize = 1 + ORDER_BYTES;
const NULL_AT: usize = TIE_AT + 16;

/// Bytes of an item of an array beside twice those of its text, at most.
const ITEM_BYTES: i64 = 24;

/// All values of a group.
#[derive(Clone, Debug)]
pub(super) struct List {
    pub(super) cells: Cells,
    separator: Box<str>,
    /// What an array has values of; none where texts make up one text.
    element: Option<DataType>,
    /// Whether the greatest value comes first.
    back: bool,
    /// Whether each value comes once.
    once: bool,
}

/// What orders values: a column, if any, and where rows came from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Prefix {
    order: Option<usize>,
    descending: bool,
    /// Whether equal values are told apart by where they came from.
    ties: bool,
    /// The column whose NULLs are values too.
    nulls: Option<usize>,
}

impl List {
    /// The list of a column, in tree `tree`.
    pub(super) fn new(call: &Call, input: &[DataType], column: usize, tree: usize) -> List {
        let Call { order, descending, distinct, separator, .. } = call;
        let key = Key::Sorted(SortKey::new(input, column, None));
        // Equal values are the same wherever they came from.
        let by_value = *distinct || *order == Some(column);
        let element = (call.function == Function::ArrayAgg).then_some(input[column]);
        let prefix = Prefix {
            order: order.filter(|_| !by_value),
            descending: *descending && !by_value,
            ties: !by_value,
            nulls: element.map(|_| column),
        };
        let cells = match by_value && element.is_none() {
            true => Cells::new(key, tree),
            false => Cells::ordered(key, prefix, tree),
        };
        let (separator, back) = (separator.as_str().into(), by_value && *descending);
        List { cells, separator, element, back, once: *distinct }
    }

    pub(super) fn update(&self, store: &mut Store<'_>, morsel: &Morsel, entries: &[Entry]) {
        self.cells.update(store, morsel, entries, |store, group, change, bytes| {
            self.note(store, group, change, bytes);
        });
    }

    /// Adds a cell of another pane to the group.
    pub(super) fn take(&self, store: &mut Store<'_>, group: Group, moved: &Moved) {
        let (change, bytes) = self.cells.take(store, group, moved);
        self.note(store, group, change, bytes);
    }

    fn note(&self, store: &mut Store<'_>, group: Group, change: Change, bytes: usize) {
        let values = if self.once { change.shown } else { change.present };
        let state = store.state_mut(group);
        add_i64(state, change.cells);
        add_i64(&mut state[VALUES_AT..], values);
        // A text is at most 2^20 bytes long, and fewer than 2^41 values fit a machine.
        let bytes = bytes as i64;
        let bytes = if self.element.is_some() { 2 * bytes + ITEM_BYTES } else { bytes };
        add_i64(&mut state[TEXT_AT..], values * bytes);
    }

    /// Whether the result is not longer than a text may be.
    pub(super) fn fits(&self, state: &[u8]) -> bool {
        let between = (i64_at(state, VALUES_AT) - 1).max(0);
        let bytes = between.saturating_mul(self.separator.len() as i64);
        bytes.saturating_add(i64_at(state, TEXT_AT)) <= TEXT_BYTES_MAX as i64
    }

    /// Appends the result.
    pub(super) fn push(&self, at: (&Arena, &Layout), group: Group, out: &mut Column) {
        match self.element {
            Some(element) => self.push_array(at, group, element, out),
            None => self.push_text(at, group, out),
        }
    }

    fn push_array(&self, at: (&Arena, &Layout), group: Group, element: DataType, out: &mut Column) {
        let mut items = Vec::new();
        let mut column = Column::new(element);
        self.cells.walk_prefixed(at, group, self.back, |prefix, key, count| {
            column.clear();
            match prefix[NULL_AT] {
                0 => self.cells.key().push(at.0, group.pane.heap(), key, &mut column),
                _ => column.push_null(),
            }
            let times = if self.once { 1 } else { count as usize };
            items.extend(std::iter::repeat_n(column.value(0), times));
            true
        });
        if items.is_empty() {
            return out.push_null();
        }
        let array = Value::array(element, items);
        out.push(&array.expect("the plan made an array of this type"));
    }

    fn push_text(&self, at: (&Arena, &Layout), group: Group, out: &mut Column) {
        let (mut all, mut text) = (Vec::new(), Vec::new());
        let mut some = false;
        self.cells.walk(at, group, self.back, |key, count| {
            self.cells.key().text_into(at.0, group.pane.heap(), key, &mut text);
            for _ in 0..if self.once { 1 } else { count } {
                if std::mem::replace(&mut some, true) {
                    all.extend_from_slice(self.separator.as_bytes());
                }
                all.extend_from_slice(&text);
            }
            true
        });
        match some {
            true => out.push_text(std::str::from_utf8(&all).expect("texts were kept whole")),
            false => out.push_null(),
        }
    }
}

impl Prefix {
    /// The column whose NULLs are values too.
    pub(super) fn nulls(&self) -> Option<usize> {
        self.nulls
    }

    /// Writes what orders a row.
    pub(super) fn write(&self, morsel: &Morsel, row: usize, out: &mut [u8]) {
        out.fill(0);
        if let Some(order) = self.order {
            let column = &morsel.columns[order];
            if column.is_null(row) {
                out[0] = 1;
            } else {
                write_order(column, row, &mut out[1..TIE_AT]);
            }
            if self.descending {
                out[..TIE_AT].iter_mut().for_each(|byte| *byte = !*byte);
            }
        }
        if self.ties {
            out[TIE_AT..NULL_AT].copy_from_slice(&morsel.tie(row).0.to_be_bytes());
        }
        out[NULL_AT] = u8::from(self.nulls.is_some_and(|at| morsel.columns[at].is_null(row)));
    }
}

/// Writes bytes that compare as the values do.
fn write_order(column: &Column, row: usize, out: &mut [u8]) {
    match column.values() {
        Values::Bool(truths) => out[0] = u8::from(truths.get(row)),
        Values::I32(values) => out[..8].copy_from_slice(&of_i64(i64::from(values[row]))),
        Values::I64(values) => out[..8].copy_from_slice(&of_i64(values[row])),
        Values::F64(values) => out[..8].copy_from_slice(&of_f64(values[row])),
        Values::I128(values) => {
            out.copy_from_slice(&(values[row] as u128 ^ 1 << 127).to_be_bytes());
        }
        Values::Text(_) => unreachable!("the plan refuses an order by another text"),
    }
}

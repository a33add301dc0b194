//! The rows of a region at one moment, each as often as it is there, and their results.

use std::ops::Range;

use sluicedb_sql::Column;
use sluicedb_sql::plan::Unit;

use super::OverOptions;
use super::region::{Region, key};
use crate::core::arena::{Arena, SlotId};
use crate::core::operator::ordered::Ordered;

/// A row, and which of its copies.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Entry {
    pub(super) slot: SlotId,
    pub(super) copy: u32,
}

/// The rows at one moment.
#[derive(Debug, Default)]
pub(super) struct Image {
    pub(super) entries: Vec<Entry>,
    /// Those whose results are computed.
    pub(super) changed: Range<usize>,
    /// The columns of the input that calls look at; the others are empty.
    pub(super) columns: Vec<Column>,
    /// The first of the peers of each row, and the end of them.
    pub(super) peers: Vec<(u32, u32)>,
    /// What orders rows, where differences of it are asked for.
    pub(super) keys: Vec<Option<i128>>,
    /// The results of those that changed.
    pub(super) results: Vec<Column>,
    /// Which of those have a result that does not fit its type.
    pub(super) unfit: Vec<bool>,
}

impl Image {
    pub(super) fn new(options: &OverOptions) -> Image {
        let columns = |types: &[sluicedb_sql::DataType]| {
            types.iter().map(|&data_type| Column::new(data_type)).collect()
        };
        Image {
            columns: columns(&options.input),
            results: columns(&options.results),
            ..Image::default()
        }
    }

    /// Takes the rows of a region as often as `weight` says.
    pub(super) fn take(
        &mut self,
        options: &OverOptions,
        (ordered, arena): (&Ordered, &Arena),
        region: &Region,
        weight: impl Fn(SlotId) -> i64,
    ) {
        self.entries.clear();
        self.columns.iter_mut().for_each(Column::clear);
        self.results.iter_mut().for_each(Column::clear);
        self.unfit.clear();
        self.changed = 0..0;
        for (at, &slot) in region.slots.iter().enumerate() {
            let copies = u32::try_from(weight(slot).max(0)).unwrap_or(u32::MAX);
            self.entries.extend((0..copies).map(|copy| Entry { slot, copy }));
            if at < region.changed.start {
                self.changed = self.entries.len()..self.entries.len();
            } else if at < region.changed.end {
                self.changed.end = self.entries.len();
            }
        }
        for column in needed(options) {
            let out = &mut self.columns[column];
            self.entries.iter().for_each(|entry| ordered.read_at(arena, entry.slot, column, out));
        }
        self.find_peers(ordered, arena);
        self.keys.clear();
        let ranges = |call: &sluicedb_sql::plan::OverCall| {
            call.frame.unit == Unit::Range && call.frame.counts()
        };
        if options.calls.iter().any(ranges) {
            let column = &self.columns[options.by[0].column];
            self.keys.extend((0..self.entries.len()).map(|row| key(column, row)));
        }
    }

    fn find_peers(&mut self, ordered: &Ordered, arena: &Arena) {
        self.peers.clear();
        let mut start = 0;
        for at in 1..=self.entries.len() {
            let same = at < self.entries.len() && {
                let (before, slot) = (self.entries[at - 1].slot, self.entries[at].slot);
                before == slot || ordered.are_peers(arena, before, slot)
            };
            if !same {
                self.peers.resize(at, (start as u32, at as u32));
                start = at;
            }
        }
    }

    /// How many rows there are.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The rows whose results are computed.
    pub(super) fn changed(&self) -> &[Entry] {
        &self.entries[self.changed.clone()]
    }
}

/// The columns that calls look at, each once.
fn needed(options: &OverOptions) -> Vec<usize> {
    let calls = options.calls.iter();
    let mut columns: Vec<usize> =
        calls.flat_map(|call| [call.argument, call.default, call.filter]).flatten().collect();
    columns.extend(options.by.first().map(|by| by.column));
    columns.sort_unstable();
    columns.dedup();
    columns
}

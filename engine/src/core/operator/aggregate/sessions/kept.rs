//! The rows of sessions over input that takes rows back, in the order of their times: when a moment
//! in the middle of a session goes, what is behind it becomes a session of its own.
//!
//! Invariants:
//! - A row is here once, with the sum of its weights, which is not zero. Rows that came from
//!   different places are different rows, and so are 0.0 and -0.0: what is taken out of a session
//!   and put into another is what came.
//! - Which session has a row follows from the key and the time of both. So sessions that meet move
//!   no row, and one that is split moves none either.

use std::ops::Bound;

use sluicedb_sql::plan::Call;
use sluicedb_sql::{Column, DataType, SqlError};

use super::super::accumulator::{of_i64, to_i64};
use super::super::options::AggregateOptions;
use super::{Arrival, slot_of};
use crate::core::arena::bytes::{i64_at, put_i64};
use crate::core::arena::{Anchor, Arena, Bytes, ExtentId, SlotId, Tree};
use crate::core::morsel::{Morsel, Tie};
use crate::core::row::{Row, RowLayout, RowSlab};

/// Bytes of an entry of the tree: hash of the key, time, hash of the row and its tie, slot.
const ENTRY_BYTES: usize = 28;
const TIME_AT: usize = 8;
const ROW_AT: usize = 16;
const SLOT_AT: usize = 24;

// Offsets in the head of a row.
const WEIGHT: usize = 0;
const TIE: usize = 8;
const HEAD_BYTES: usize = 24;

/// Rows that are read at a time.
const BATCH_ROWS: usize = 64;

/// Rows of which it is looked at first whether a stretch has fewer.
const FEW_ROWS: usize = 16;

pub(in crate::core::operator::aggregate) type Entry = [u8; ENTRY_BYTES];

/// The rows of all sessions of an aggregate.
#[derive(Clone, Debug)]
pub(in crate::core::operator::aggregate) struct Kept {
    rows: RowSlab,
    by_time: Tree,
    anchor: Anchor,
    /// The columns that are kept: those of the key, and those that calls read.
    columns: Box<[usize]>,
    /// Where those of the key are among them.
    keys: Box<[usize]>,
    /// Room for rows that are read, a column each.
    read: Vec<Column>,
}

/// Whose rows are meant.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    pub(super) hash: u64,
    pub(super) key: Row<'a>,
}

/// From which moment to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl Kept {
    /// Bytes of the headers at the anchor.
    pub(in crate::core::operator::aggregate) const HEADER_BYTES: usize =
        RowSlab::HEADER_BYTES + Tree::HEADER_BYTES;

    /// The columns of the input that rows are kept with.
    pub(in crate::core::operator::aggregate) fn columns(options: &AggregateOptions) -> Vec<usize> {
        let mut columns = options.keys.clone();
        columns.extend(options.calls.iter().flat_map(read_by));
        columns.sort_unstable();
        columns.dedup();
        columns
    }

    /// Rows with headers at `anchor`; refused if a row is larger than a slot can be.
    pub(in crate::core::operator::aggregate) fn new(
        options: &AggregateOptions,
        anchor: Anchor,
    ) -> Result<Kept, SqlError> {
        let columns = Kept::columns(options);
        let types: Vec<DataType> = columns.iter().map(|&column| options.input[column]).collect();
        let place = |key: &usize| columns.binary_search(key).expect("the key is kept");
        Ok(Kept {
            rows: RowSlab::new(RowLayout::new(&types), HEAD_BYTES, anchor)?,
            by_time: Tree::open(anchor.plus(RowSlab::HEADER_BYTES as u16)),
            anchor,
            keys: options.keys.iter().map(place).collect(),
            columns: columns.into(),
            read: types.iter().map(|&data_type| Column::new(data_type)).collect(),
        })
    }

    /// Lays out that there are none.
    pub(in crate::core::operator::aggregate) fn create(&self, arena: &mut Arena, extent: ExtentId) {
        self.rows.create(arena, extent);
        let anchor = self.anchor.plus(RowSlab::HEADER_BYTES as u16);
        Tree::create(arena, extent, anchor, ENTRY_BYTES, 0);
    }

    /// The columns of a morsel that are kept.
    pub(in crate::core::operator::aggregate) fn of<'m>(
        &self,
        morsel: &'m Morsel,
    ) -> impl Iterator<Item = &'m Column> {
        self.columns.iter().map(|&column| &morsel.columns[column])
    }

    /// Adds the weight of a delta to its row. Returns whether the row is gone with that.
    pub(super) fn apply(
        &mut self,
        arena: &mut Arena,
        morsel: &Morsel,
        row: Arrival<'_>,
        row_hash: u64,
    ) -> bool {
        let (weight, tie) = (morsel.weight(row.row), morsel.tie(row.row));
        let row_hash = row_hash ^ spread(tie);
        let whole = Row { columns: &morsel.columns, picks: &self.columns, row: row.row };
        let from = entry(row.hash, row.time, row_hash, SlotId(0));
        let (rows, mut found) = (&self.rows, None);
        self.by_time.walk(&*arena, &Bytes, Bound::Included(&from), |key, _| {
            let (alike, slot) = (key[..SLOT_AT] == from[..SLOT_AT], slot_of(&key[SLOT_AT..]));
            let same =
                || tie_of(rows.head(&*arena, slot)) == tie && rows.is_same(&*arena, slot, whole);
            found = (alike && same()).then_some(slot);
            alike && found.is_none()
        });
        let Some(slot) = found else {
            let slot = self.rows.insert(arena, whole);
            let head = self.rows.head_mut(arena, slot);
            put_i64(head, WEIGHT, weight);
            head[TIE..].copy_from_slice(&tie.0.to_le_bytes());
            let key = entry(row.hash, row.time, row_hash, slot);
            assert!(self.by_time.insert(arena, &Bytes, &key, &[]), "the slot is its own");
            return false;
        };
        let head = self.rows.head_mut(arena, slot);
        let sum = i64_at(head, WEIGHT).checked_add(weight);
        let sum = sum.expect("a row is there less than 2^63 times");
        put_i64(head, WEIGHT, sum);
        if sum == 0 {
            self.remove(arena, &entry(row.hash, row.time, row_hash, slot));
        }
        sum == 0
    }

    fn remove(&mut self, arena: &mut Arena, key: &Entry) {
        assert!(self.by_time.remove(arena, &Bytes, key), "every row is in the tree");
        self.rows.free(arena, slot_of(&key[SLOT_AT..]));
    }

    /// Whether a row of the owner's has this time.
    pub(super) fn has(&self, arena: &Arena, owner: Owner<'_>, time: i64) -> bool {
        self.count(arena, owner, Stretch { first: time, last: time }, 1) > 0
    }

    /// The last time before this one of a row of the owner's.
    pub(super) fn before(&self, arena: &Arena, owner: Owner<'_>, time: i64) -> Option<i64> {
        let from = entry(owner.hash, time, 0, SlotId(0));
        let mut found = None;
        self.by_time.walk_back(arena, &Bytes, Bound::Excluded(&from), |key, _| {
            let alike = key[..TIME_AT] == from[..TIME_AT];
            found = (alike && self.owns(arena, owner, key)).then(|| time_of(key));
            alike && found.is_none()
        });
        found
    }

    /// The first time behind this one of a row of the owner's.
    pub(super) fn after(&self, arena: &Arena, owner: Owner<'_>, time: i64) -> Option<i64> {
        let from = entry(owner.hash, time, u64::MAX, SlotId(u32::MAX));
        let mut found = None;
        self.by_time.walk(arena, &Bytes, Bound::Excluded(&from), |key, _| {
            let alike = key[..TIME_AT] == from[..TIME_AT];
            found = (alike && self.owns(arena, owner, key)).then(|| time_of(key));
            alike && found.is_none()
        });
        found
    }

    /// How many rows the owner has in a stretch; no more than `most` are counted.
    pub(super) fn count(
        &self,
        arena: &Arena,
        owner: Owner<'_>,
        stretch: Stretch,
        most: usize,
    ) -> usize {
        let mut rows = 0;
        self.walk(arena, owner, stretch, None, |_| {
            rows += 1;
            rows < most
        });
        rows
    }

    /// Whether the owner has no more rows in one stretch than in another, found out in the time
    /// that the shorter takes.
    pub(super) fn fewer(
        &self,
        arena: &Arena,
        owner: Owner<'_>,
        [one, other]: [Stretch; 2],
    ) -> bool {
        let mut most = FEW_ROWS;
        loop {
            let [one, other] = [one, other].map(|part| self.count(arena, owner, part, most));
            if one < most || other < most {
                return one <= other;
            }
            most *= 2;
        }
    }

    /// Appends the next rows of a stretch to an empty morsel of the input, with their weights and
    /// ties; `last` says how far it came. Columns that are not kept are NULL.
    pub(super) fn read(
        &mut self,
        arena: &Arena,
        (owner, stretch): (Owner<'_>, Stretch),
        last: &mut Option<Entry>,
        out: &mut Morsel,
    ) {
        let (from, mut slots) = (*last, [SlotId::NONE; BATCH_ROWS]);
        let mut rows = 0;
        self.walk(arena, owner, stretch, from, |key| {
            slots[rows] = slot_of(&key[SLOT_AT..]);
            *last = Some(*key.first_chunk().expect("an entry is so long"));
            rows += 1;
            rows < BATCH_ROWS
        });
        for (row, &slot) in slots[..rows].iter().enumerate() {
            self.rows.read(arena, slot, &mut self.read);
            let head = self.rows.head(arena, slot);
            out.weights.push(i64_at(head, WEIGHT));
            out.ties.push(row, tie_of(head));
        }
        for (&column, read) in self.columns.iter().zip(&mut self.read) {
            std::mem::swap(&mut out.columns[column], read);
            read.clear();
        }
        for column in out.columns.iter_mut().filter(|column| column.is_empty()) {
            (0..rows).for_each(|_| column.push_null());
        }
        out.set_rows(rows);
    }

    /// Frees the rows that the owner has in a stretch.
    pub(super) fn free(&mut self, arena: &mut Arena, owner: Owner<'_>, stretch: Stretch) {
        loop {
            let mut first: Option<Entry> = None;
            self.walk(arena, owner, stretch, None, |key| {
                first = key.first_chunk().copied();
                false
            });
            match first {
                Some(key) => self.remove(arena, &key),
                None => return,
            }
        }
    }

    /// The entries of all rows.
    pub(in crate::core::operator::aggregate) fn entries(&self, arena: &Arena) -> Vec<Entry> {
        let mut entries = Vec::new();
        self.by_time.walk(arena, &Bytes, Bound::Unbounded, |key, _| {
            entries.extend(key.first_chunk::<ENTRY_BYTES>());
            true
        });
        entries
    }

    /// Appends the values of the row of an entry, and where those of its key are among them.
    pub(in crate::core::operator::aggregate) fn read_row(
        &self,
        arena: &Arena,
        entry: &Entry,
        out: &mut [Column],
    ) -> &[usize] {
        self.rows.read(arena, slot_of(&entry[SLOT_AT..]), out);
        &self.keys
    }

    /// Room for the values of a row.
    pub(in crate::core::operator::aggregate) fn columns_of_rows(&self) -> Vec<Column> {
        self.read.iter().map(|column| Column::new(column.data_type())).collect()
    }

    /// Has a row that another shard had under this entry; `values` are those of the row.
    pub(in crate::core::operator::aggregate) fn take_in(
        &mut self,
        arena: &mut Arena,
        (other, from, entry): (&Kept, &Arena, &Entry),
        values: &[Column],
    ) {
        let picks: Vec<usize> = (0..values.len()).collect();
        let slot = self.rows.insert(arena, Row { columns: values, picks: &picks, row: 0 });
        let head = other.rows.head(from, slot_of(&entry[SLOT_AT..]));
        self.rows.head_mut(arena, slot)[..HEAD_BYTES].copy_from_slice(&head[..HEAD_BYTES]);
        let mut entry = *entry;
        entry[SLOT_AT..].copy_from_slice(&slot.0.to_be_bytes());
        assert!(self.by_time.insert(arena, &Bytes, &entry, &[]), "the slot is its own");
    }

    /// Visits the entries of the owner's rows in a stretch, behind one of them if that is given,
    /// while `visit` returns true.
    fn walk(
        &self,
        arena: &Arena,
        owner: Owner<'_>,
        stretch: Stretch,
        behind: Option<Entry>,
        mut visit: impl FnMut(&[u8]) -> bool,
    ) {
        let first = entry(owner.hash, stretch.first, 0, SlotId(0));
        let from = match &behind {
            Some(key) => Bound::Excluded(&key[..]),
            None => Bound::Included(&first[..]),
        };
        self.by_time.walk(arena, &Bytes, from, |key, _| {
            let within = key[..TIME_AT] == first[..TIME_AT] && time_of(key) <= stretch.last;
            within && (!self.owns(arena, owner, key) || visit(key))
        });
    }

    fn owns(&self, arena: &Arena, owner: Owner<'_>, key: &[u8]) -> bool {
        self.rows.equals_on(arena, slot_of(&key[SLOT_AT..]), &self.keys, owner.key)
    }
}

/// The columns that a call reads.
fn read_by(call: &Call) -> impl Iterator<Item = usize> {
    let Call { argument, second, order, filter, custom, .. } = call;
    let args = custom.iter().flat_map(|custom| custom.args.iter().copied());
    [*argument, *second, *order, *filter].into_iter().flatten().chain(args)
}

fn entry(hash: u64, time: i64, row_hash: u64, slot: SlotId) -> Entry {
    let mut entry = [0; ENTRY_BYTES];
    entry[..TIME_AT].copy_from_slice(&hash.to_be_bytes());
    entry[TIME_AT..ROW_AT].copy_from_slice(&of_i64(time));
    entry[ROW_AT..SLOT_AT].copy_from_slice(&row_hash.to_be_bytes());
    entry[SLOT_AT..].copy_from_slice(&slot.0.to_be_bytes());
    entry
}

/// Sets rows apart that are the same but for where they came from.
fn spread(Tie(tie): Tie) -> u64 {
    let [high, low] = [(tie >> 64) as u64, tie as u64];
    (high.rotate_left(32) ^ low).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

fn time_of(entry: &[u8]) -> i64 {
    to_i64(entry[TIME_AT..ROW_AT].try_into().expect("eight bytes"))
}

fn tie_of(head: &[u8]) -> Tie {
    Tie(u128::from_le_bytes(head[TIE..HEAD_BYTES].try_into().expect("sixteen bytes")))
}

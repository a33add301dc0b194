//! The rows of partitions, each partition in an order, in the zone of an operator.
//!
//! Rows that the order leaves alike follow by where they came from, where that is known, and then by
//! all their values: so what comes first hangs on the rows alone.
//!
//! Invariants:
//! - A row is in the slab once, with the sum of its weights, and in the tree under one cell. Rows that
//!   came from different places are different rows. So are 0.0 and -0.0.
//! - A row of weight zero is there only until [`Ordered::let_go`] takes it out.
//! - A partition is there as long as it has a row.

mod order;
mod picks;
mod rehome;

use sluicedb_sql::plan::OrderBy;
use sluicedb_sql::{Column, DataType, SqlError};

use super::Context;
use crate::core::arena::bytes::{i64_at, put_i64, put_u32, put_u64, u32_at, u64_at};
use crate::core::arena::{Anchor, Arena, BlockId, Blocks, ExtentId, HashIndex, SlotId, Tree};
use crate::core::hash::hash_rows;
use crate::core::row::{Row, RowLayout, RowSlab};
pub(super) use picks::Picks;
pub(super) use rehome::{Keeper, rehome};

use order::{CELL_BYTES, Probe, RowOrder, cell, front, partition_of, prefix, slot_of};

// Offsets in the root block.
const ROWS_AT: usize = 0;
const PARTITIONS_AT: usize = ROWS_AT + RowSlab::HEADER_BYTES;
const INDEX_AT: usize = PARTITIONS_AT + RowSlab::HEADER_BYTES;
const TREE_AT: usize = INDEX_AT + HashIndex::HEADER_BYTES;

// Offsets in the head of a row.
const WEIGHT: usize = 0;
const TIE: usize = 8;
const PARTITION: usize = 16;
const ROW_HEAD_BYTES: usize = 20;

// Offsets in the head of a partition.
const HASH: usize = 0;
const ROWS: usize = 8;
/// A row that the operator remembers, plus one; 0 for none.
const MARK: usize = 12;
const PARTITION_HEAD_BYTES: usize = 16;

/// Stands for the slot of a row that has none yet.
const SOUGHT: SlotId = SlotId::NONE;

/// What rows are kept, and how they lie.
pub(super) struct Ordered {
    types: Box<[DataType]>,
    all: Box<[usize]>,
    partition: Box<[usize]>,
    by: Box<[OrderBy]>,
    rows: RowSlab,
    partitions: RowSlab,
    index: HashIndex,
    tree: Tree,
    root: BlockId,
    /// One row that is looked for because it is to go.
    going: Vec<Column>,
}

/// A delta.
#[derive(Clone, Copy)]
pub(super) struct Delta<'a> {
    pub(super) columns: &'a [Column],
    pub(super) row: usize,
    pub(super) weight: i64,
    pub(super) tie: u64,
}

impl Ordered {
    /// Bytes of the root block that are taken.
    pub(super) const HEADER_BYTES: usize = TREE_AT + Tree::HEADER_BYTES;

    /// Rows of these types by these columns; refused if a row is larger than a slot can be.
    pub(super) fn new(
        types: &[DataType],
        partition: &[usize],
        by: &[OrderBy],
        root: BlockId,
    ) -> Result<Ordered, SqlError> {
        let at = |offset: usize| Anchor::new(root, offset as u16);
        let keys: Vec<DataType> = partition.iter().map(|&column| types[column]).collect();
        let partitions = RowLayout::new(&keys);
        Ok(Ordered {
            types: types.into(),
            all: (0..types.len()).collect(),
            partition: partition.into(),
            by: by.into(),
            rows: RowSlab::new(RowLayout::new(types), ROW_HEAD_BYTES, at(ROWS_AT))?,
            partitions: RowSlab::new(partitions, PARTITION_HEAD_BYTES, at(PARTITIONS_AT))?,
            index: HashIndex::open(at(INDEX_AT)),
            tree: Tree::open(at(TREE_AT)),
            root,
            going: types.iter().map(|&data_type| Column::new(data_type)).collect(),
        })
    }

    pub(super) fn create(&self, arena: &mut Arena, extent: ExtentId) {
        let at = |offset: usize| Anchor::new(self.root, offset as u16);
        self.rows.create(arena, extent);
        self.partitions.create(arena, extent);
        HashIndex::create(arena, extent, at(INDEX_AT));
        Tree::create(arena, extent, at(TREE_AT), CELL_BYTES, 0);
    }

    /// Hashes the partitions of rows.
    pub(super) fn hash(&self, columns: &[Column], rows: usize, hashes: &mut Vec<u64>) {
        hash_rows(self.partition.iter().map(|&column| &columns[column]), rows, hashes);
    }

    /// The types of the columns.
    pub(super) fn types(&self) -> &[DataType] {
        &self.types
    }

    /// How many of so many rows, whose text has as many bytes as `text_bytes` says, may be added or
    /// removed before this is asked again.
    pub(super) fn allow(
        &self,
        wanted: usize,
        text_bytes: impl Fn(usize) -> usize,
        context: &mut Context<'_>,
    ) -> usize {
        let layout = self.rows.layout();
        let slack = self.slack_bytes();
        // A partition has its key beside its rows, so that texts are there twice at most.
        context.allow(wanted.min(layout.rows_per_look()), |rows| 2 * text_bytes(rows) + slack)
    }

    /// Bytes to have room for beside those of the texts of rows.
    pub(super) fn slack_bytes(&self) -> usize {
        self.rows.layout().slack_bytes() + self.partitions.layout().slack_bytes()
    }

    fn key<'a>(&'a self, columns: &'a [Column], row: usize) -> Row<'a> {
        Row { columns, picks: &self.partition, row }
    }

    /// Whether a row belongs to a partition.
    pub(super) fn is_of(
        &self,
        blocks: &impl Blocks,
        partition: SlotId,
        (columns, row): (&[Column], usize),
    ) -> bool {
        self.partitions.equals(blocks, partition, self.key(columns, row))
    }

    /// The partition of a row, which is made unless it is there.
    pub(super) fn partition(
        &mut self,
        arena: &mut Arena,
        hash: u64,
        (columns, row): (&[Column], usize),
    ) -> SlotId {
        let blocks: &Arena = arena;
        let found = self.index.find(blocks, hash, |slot| {
            let slot = SlotId(slot);
            u64_at(self.partitions.head(blocks, slot), HASH) == hash
                && self.is_of(blocks, slot, (columns, row))
        });
        if let Some(slot) = found {
            return SlotId(slot);
        }
        let key = Row { columns, picks: &self.partition, row };
        let slot = self.partitions.insert(arena, key);
        put_u64(self.partitions.head_mut(arena, slot), HASH, hash);
        self.index.insert(arena, hash, slot.0);
        slot
    }

    /// The row that the operator remembers of a partition.
    pub(super) fn mark(&self, blocks: &impl Blocks, partition: SlotId) -> Option<SlotId> {
        u32_at(self.partitions.head(blocks, partition), MARK).checked_sub(1).map(SlotId)
    }

    /// Remembers a row of a partition, or none.
    pub(super) fn set_mark(&self, arena: &mut Arena, partition: SlotId, mark: Option<SlotId>) {
        if self.mark(arena, partition) != mark {
            let mark = mark.map_or(0, |slot| slot.0 + 1);
            put_u32(self.partitions.head_mut(arena, partition), MARK, mark);
        }
    }

    fn order(&self) -> RowOrder<'_> {
        RowOrder { rows: &self.rows, by: &self.by, tie_at: TIE, probe: None }
    }

    /// Whether a row is behind one that is kept in the same partition: by what the query orders by
    /// alone, or by all that orders rows.
    pub(super) fn is_behind(
        &self,
        blocks: &impl Blocks,
        kept: SlotId,
        delta: &Delta<'_>,
        keys_alone: bool,
    ) -> bool {
        let row = Row { columns: delta.columns, picks: &self.all, row: delta.row };
        let probe = Probe { slot: SOUGHT, row, tie: delta.tie };
        match keys_alone {
            true => self.order().compare_keys(blocks, kept, row).is_lt(),
            false => self.order().compare_row(blocks, kept, &probe).is_lt(),
        }
    }

    /// Whether the query's order leaves two rows of a partition alike.
    pub(super) fn are_peers(&self, blocks: &impl Blocks, left: SlotId, right: SlotId) -> bool {
        let mut by = self.by.iter();
        by.all(|by| self.rows.equals_other(blocks, (left, right), by.column))
    }

    /// Adds a delta to a partition; returns the row and its weight.
    pub(super) fn put(
        &mut self,
        arena: &mut Arena,
        partition: SlotId,
        delta: &Delta<'_>,
    ) -> (SlotId, i64) {
        let &Delta { columns, row, weight, tie } = delta;
        let row = Row { columns, picks: &self.all, row };
        let begins = prefix(&self.by, row);
        let probe = Probe { slot: SOUGHT, row, tie };
        let order = RowOrder { probe: Some(probe), ..self.order() };
        let sought = cell(partition, begins, SOUGHT);
        let found = self.tree.seek(&*arena, &order, &sought);
        // The first cell that is not in front of it: the same row, or one behind it.
        let same = found.map(|(key, _)| slot_of(key)).filter(|&slot| {
            let (key, _) = found.expect("it was found");
            key[..CELL_BYTES - 4] == sought[..CELL_BYTES - 4]
                && order.compare_row(&*arena, slot, &probe).is_eq()
        });
        if let Some(slot) = same {
            let head = self.rows.head_mut(arena, slot);
            let sum = i64_at(head, WEIGHT).checked_add(weight);
            let sum = sum.expect("a row is there less than 2^63 times");
            put_i64(head, WEIGHT, sum);
            return (slot, sum);
        }
        let slot = self.rows.insert(arena, row);
        let head = self.rows.head_mut(arena, slot);
        put_i64(head, WEIGHT, weight);
        put_u64(head, TIE, tie);
        put_u32(head, PARTITION, partition.0);
        let probe = Probe { slot, row, tie };
        let order = RowOrder { rows: &self.rows, by: &self.by, tie_at: TIE, probe: Some(probe) };
        let added = self.tree.insert(arena, &order, &cell(partition, begins, slot), &[]);
        assert!(added, "a row that was not found is not there");
        let head = self.partitions.head_mut(arena, partition);
        let rows = u32_at(head, ROWS) + 1;
        put_u32(head, ROWS, rows);
        (slot, weight)
    }

    /// Takes rows out as far as fuel and memory allow; false if there are none of these.
    pub(super) fn let_go(&mut self, going: &mut Vec<SlotId>, context: &mut Context<'_>) -> bool {
        let rows = self.allow(going.len(), |_| 0, context);
        context.burn(rows);
        for slot in going.drain(going.len() - rows..) {
            self.remove(context.arena, slot);
        }
        rows > 0
    }

    /// Takes a row out, and its partition with the last one.
    fn remove(&mut self, arena: &mut Arena, slot: SlotId) {
        let mut columns = std::mem::take(&mut self.going);
        columns.iter_mut().for_each(Column::clear);
        self.rows.read(&*arena, slot, &mut columns);
        let head = self.rows.head(&*arena, slot);
        let (partition, tie) = (SlotId(u32_at(head, PARTITION)), u64_at(head, TIE));
        let row = Row { columns: &columns, picks: &self.all, row: 0 };
        let probe = Some(Probe { slot, row, tie });
        let order = RowOrder { rows: &self.rows, by: &self.by, tie_at: TIE, probe };
        let sought = cell(partition, prefix(&self.by, row), slot);
        assert!(self.tree.remove(arena, &order, &sought), "every row is in the tree");
        self.rows.free(arena, slot);
        let head = self.partitions.head_mut(arena, partition);
        let rows = u32_at(head, ROWS) - 1;
        put_u32(head, ROWS, rows);
        if rows == 0 {
            let hash = u64_at(self.partitions.head(&*arena, partition), HASH);
            assert!(self.index.remove(arena, hash, partition.0), "every partition is in the index");
            self.partitions.free(arena, partition);
        }
        self.going = columns;
    }

    /// Visits the rows of a partition in order with their weights, while `visit` returns true. Rows
    /// that are not there, or not yet, are left out.
    pub(super) fn walk(
        &self,
        blocks: &impl Blocks,
        partition: SlotId,
        mut visit: impl FnMut(SlotId, i64) -> bool,
    ) {
        let bound = front(partition);
        let from = std::ops::Bound::Included(&bound[..]);
        self.tree.walk(blocks, &self.order(), from, |key, _| {
            if partition_of(key) != partition {
                return false;
            }
            let slot = slot_of(key);
            let weight = self.weight(blocks, slot);
            weight <= 0 || visit(slot, weight)
        });
    }

    /// Visits the rows in front of a row, or behind it, of its partition and whatever their weights
    /// are, while `visit` returns true. `row` is scratch space.
    pub(super) fn walk_at(
        &self,
        arena: &Arena,
        slot: SlotId,
        back: bool,
        row: &mut Vec<Column>,
        mut visit: impl FnMut(SlotId) -> bool,
    ) {
        row.resize_with(0, || Column::new(DataType::Boolean));
        row.extend(self.types.iter().map(|&data_type| Column::new(data_type)));
        self.rows.read(arena, slot, row);
        let head = self.rows.head(arena, slot);
        let (partition, tie) = (SlotId(u32_at(head, PARTITION)), u64_at(head, TIE));
        let of = Row { columns: row, picks: &self.all, row: 0 };
        let order = RowOrder { probe: Some(Probe { slot, row: of, tie }), ..self.order() };
        let from = cell(partition, prefix(&self.by, of), slot);
        let from = std::ops::Bound::Excluded(&from[..]);
        let visit = |key: &[u8], _: &[u8]| partition_of(key) == partition && visit(slot_of(key));
        match back {
            true => self.tree.walk_back(arena, &order, from, visit),
            false => self.tree.walk(arena, &order, from, visit),
        }
    }

    /// How often a row is there.
    pub(super) fn weight(&self, blocks: &impl Blocks, slot: SlotId) -> i64 {
        i64_at(self.rows.head(blocks, slot), WEIGHT)
    }

    /// Where a row came from.
    pub(super) fn tie(&self, blocks: &impl Blocks, slot: SlotId) -> u64 {
        u64_at(self.rows.head(blocks, slot), TIE)
    }

    /// Appends the values of a row to `out`, one column each.
    pub(super) fn read(&self, blocks: &impl Blocks, slot: SlotId, out: &mut [Column]) {
        self.rows.read(blocks, slot, out);
    }

    /// Appends one value of a row to `out`.
    pub(super) fn read_at(&self, arena: &Arena, slot: SlotId, column: usize, out: &mut Column) {
        self.rows.read_at(arena, slot, column, out);
    }

    /// The first row that is not before a slot.
    pub(super) fn next_row(&self, blocks: &impl Blocks, from: SlotId) -> Option<SlotId> {
        self.rows.next(blocks, from)
    }

    /// The first partition that is not before a slot.
    pub(super) fn next_partition(&self, blocks: &impl Blocks, from: SlotId) -> Option<SlotId> {
        self.partitions.next(blocks, from)
    }

    /// Rows, partitions, entries of their index and cells.
    #[cfg(test)]
    pub(super) fn counts(&self, blocks: &impl Blocks) -> [u32; 4] {
        [
            self.rows.live(blocks),
            self.partitions.live(blocks),
            self.index.entries(blocks),
            self.tree.entries(blocks),
        ]
    }
}

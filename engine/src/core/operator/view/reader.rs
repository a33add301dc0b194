//! Reads a view, as it is or as it was at a freeze.

use sluicedb_sql::{Column, DataType, SqlError, Value};

use super::ViewOptions;
use super::contents::Contents;
use crate::core::arena::{BlockId, Blocks, SlotId};
use crate::core::hash::hash_rows;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::row::Row;

/// Where a walk over the rows of a view goes on. The default is the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ViewCursor(SlotId);

impl Default for ViewCursor {
    fn default() -> ViewCursor {
        ViewCursor(SlotId(0))
    }
}

/// What is needed to read a view from any blocks that hold its zone.
///
/// Between two barriers a view that publishes at once may hold a row a negative number of times: a
/// retraction can overtake its row. A consolidated view shows what it has published, which is its
/// contents at the last barrier.
#[derive(Clone, Debug)]
pub struct ViewReader {
    contents: Contents,
    types: Vec<DataType>,
    /// The types of the key columns.
    key: Vec<DataType>,
    /// All of a key's columns, for those who hash and compare them.
    picks: Vec<usize>,
}

impl ViewReader {
    /// A reader of the view with these options whose zone has this root block.
    pub fn new(options: &ViewOptions, root: BlockId) -> Result<ViewReader, SqlError> {
        Ok(ViewReader {
            contents: Contents::new(options, root)?,
            types: options.types.clone(),
            key: options.key.iter().map(|&column| options.types[column]).collect(),
            picks: (0..options.key.len()).collect(),
        })
    }

    /// How many rows it holds, each as often as it is there.
    pub fn held(&self, blocks: &impl Blocks) -> i64 {
        self.contents.totals(blocks).0
    }

    /// Empty columns for rows to be appended to.
    pub fn columns(&self) -> Vec<Column> {
        self.types.iter().map(|&data_type| Column::new(data_type)).collect()
    }

    /// Looks at the next `max` rows and appends those that are held, each with its weight. Returns
    /// where to go on, or nothing at the end.
    pub fn rows(
        &self,
        blocks: &impl Blocks,
        from: ViewCursor,
        max: usize,
        out: &mut [Column],
        weights: &mut Vec<i64>,
    ) -> Option<ViewCursor> {
        let next = self.contents.walk(blocks, from.0, max, |slot| {
            self.append(blocks, slot, out, weights);
        });
        next.map(ViewCursor)
    }

    /// Appends the rows with this key, each with its weight. The values are of the types of the key
    /// columns; NULL finds NULL.
    pub fn find(
        &self,
        blocks: &impl Blocks,
        key: &[Value],
        out: &mut [Column],
        weights: &mut Vec<i64>,
    ) {
        assert_eq!(key.len(), self.key.len(), "one value for each key column");
        let columns = self.key.iter().zip(key);
        let columns: Vec<Column> = columns.map(|(&t, value)| Column::of(t, [value])).collect();
        let mut hashes = Vec::new();
        hash_rows(columns.iter(), 1, &mut hashes);
        self.find_row(blocks, hashes[0], &columns, out, weights);
    }

    /// The same for a key that is there as columns of one row, with its hash.
    pub fn find_row(
        &self,
        blocks: &impl Blocks,
        hash: u64,
        key: &[Column],
        out: &mut [Column],
        weights: &mut Vec<i64>,
    ) {
        let picks = &self.picks[..];
        assert_eq!(key.len(), picks.len(), "one column for each key column");
        let row = Row { columns: key, picks, row: 0 };
        self.contents.find(blocks, hash, row, |slot| {
            self.append(blocks, slot, out, weights);
        });
    }

    fn append(
        &self,
        blocks: &impl Blocks,
        slot: SlotId,
        out: &mut [Column],
        weights: &mut Vec<i64>,
    ) {
        let weight = self.contents.published(blocks, slot);
        if weight != 0 {
            self.contents.read(blocks, slot, out);
            weights.push(weight);
        }
    }

    /// How many rows the view holds, counted with their weights.
    pub fn count(&self, blocks: &impl Blocks) -> i64 {
        self.contents.totals(blocks).0
    }

    /// The sum of the hashes of all rows, each times its weight.
    pub fn digest(&self, blocks: &impl Blocks) -> u64 {
        self.contents.totals(blocks).1
    }

    /// What `count` and `digest` must say, from the rows themselves.
    pub fn recount(&self, blocks: &impl Blocks) -> (i64, u64) {
        let mut columns = self.columns();
        let (mut weights, mut hashes) = (Vec::new(), Vec::new());
        let (mut rows, mut digest) = (0_i64, 0_u64);
        let mut from = Some(SlotId(0));
        while let Some(start) = from {
            from = self.contents.walk(blocks, start, MORSEL_ROWS_MAX, |slot| {
                self.contents.read(blocks, slot, &mut columns);
                weights.push(self.contents.weight(blocks, slot));
            });
            hash_rows(columns.iter(), weights.len(), &mut hashes);
            for (hash, &weight) in hashes.iter().zip(&weights) {
                rows = rows.wrapping_add(weight);
                digest = digest.wrapping_add(hash.wrapping_mul(weight as u64));
            }
            columns.iter_mut().for_each(Column::clear);
            weights.clear();
        }
        (rows, digest)
    }
}

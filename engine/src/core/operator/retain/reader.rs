//! Reads the rows that a source keeps, as they are or as they were at a freeze.

use sluicedb_sql::Column;

use super::RetainOptions;
use super::contents::Contents;
use crate::core::arena::{BlockId, Blocks, Place};
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::{Pool, Shape, ShapeId};

/// Where a walk over the rows goes on. The default is the start.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RetainCursor {
    /// The record; the first one where absent.
    pub(super) place: Option<Place>,
    /// Its next row.
    pub(super) row: u32,
    /// Rows of the records before.
    pub(super) before: u64,
    /// So many of the rows that ever came do not count.
    pub(super) after: u64,
}

/// What is needed to read the rows of a source from any blocks that hold their zone.
#[derive(Clone, Debug)]
pub struct RetainReader {
    contents: Contents,
}

impl RetainReader {
    /// A reader of the source with these options whose zone has this root block.
    pub fn new(options: &RetainOptions, root: BlockId) -> RetainReader {
        RetainReader { contents: Contents::new(options, root) }
    }

    /// Empty columns for rows to be appended to.
    pub fn columns(&self) -> Vec<Column> {
        self.contents.types().iter().map(|&data_type| Column::new(data_type)).collect()
    }

    /// Appends at most `max` of the next rows. Returns where to go on, or nothing at the end.
    pub fn rows(
        &self,
        blocks: &impl Blocks,
        from: RetainCursor,
        max: usize,
        out: &mut [Column],
    ) -> Option<RetainCursor> {
        let mut pool = Pool::new(&[Shape(self.contents.types().into())]);
        let (mut scratch, mut morsel) = (pool.take(ShapeId(0)), pool.take(ShapeId(0)));
        let (mut contents, mut next) = (self.contents.clone(), from);
        let max = max.min(MORSEL_ROWS_MAX);
        contents.take(blocks, &mut next, None, max, &mut scratch, &mut morsel);
        for (to, column) in out.iter_mut().zip(&morsel.columns) {
            to.append_range(column, 0, column.len());
        }
        (morsel.rows() == max).then_some(next)
    }

    /// Rows that ever came, kept or not.
    pub fn came(&self, blocks: &impl Blocks) -> u64 {
        self.contents.came(blocks)
    }

    /// Rows that came and were gone when somebody last came to read the source.
    pub fn missed(&self, blocks: &impl Blocks) -> u64 {
        self.contents.missed(blocks)
    }
}

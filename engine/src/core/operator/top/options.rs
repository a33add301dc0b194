//! What a top-N is made of.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{OrderBy, Ranking};

use crate::core::morsel::ShapeId;

/// Which rows of each partition are put out.
#[derive(Clone, Debug)]
pub struct TopOptions {
    /// The columns whose values make a partition.
    pub partition: Vec<usize>,
    /// What orders the rows of a partition.
    pub by: Vec<OrderBy>,
    /// What number a row has.
    pub ranking: Ranking,
    /// The least number of a row that is put out.
    pub first: u64,
    /// The greatest number of a row that is put out.
    pub last: u64,
    /// Whether the number is the last column of the output.
    pub numbered: bool,
    /// Whether rows that the order leaves alike follow as they came.
    pub as_they_came: bool,
    /// Whether rows may be taken back, so that all of them are kept.
    pub retracts: bool,
    /// The columns of the input.
    pub input: Vec<DataType>,
    /// The columns of the input, and the number.
    pub output_shape: ShapeId,
}

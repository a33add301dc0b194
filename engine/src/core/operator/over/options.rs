//! What results over other rows are made of.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{OrderBy, OverCall};

use crate::core::morsel::ShapeId;

/// What is computed of each row.
#[derive(Clone, Debug)]
pub struct OverOptions {
    /// The columns whose values make a partition.
    pub partition: Vec<usize>,
    /// What orders the rows of a partition.
    pub by: Vec<OrderBy>,
    /// The results.
    pub calls: Vec<OverCall>,
    /// Whether rows that the order leaves alike follow as they came.
    pub as_they_came: bool,
    /// The columns of the input.
    pub input: Vec<DataType>,
    /// The columns of the results.
    pub results: Vec<DataType>,
    /// The columns of the input, then the results.
    pub output_shape: ShapeId,
}

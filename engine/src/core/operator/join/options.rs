//! What a join compares and makes.

use std::sync::Arc;

use sluicedb_sql::DataType;
use sluicedb_sql::expr::Program;
use sluicedb_sql::plan::{JoinKind, Within};

use crate::core::morsel::ShapeId;

/// What a join compares and makes.
#[derive(Clone, Debug)]
pub struct JoinOptions {
    /// Which rows are put out.
    pub kind: JoinKind,
    /// The columns of either input that must be equal, in pairs of one type.
    pub keys: [Vec<usize>; 2],
    /// Whether NULLs are equal.
    pub nulls_equal: bool,
    /// What else must hold of two rows, over the columns of both inputs. Only where rows are watched:
    /// pairs alone are filtered above.
    pub condition: Option<Arc<Program>>,
    /// The columns of either input.
    pub inputs: [Vec<DataType>; 2],
    /// Whether either input takes rows back.
    pub retracts: [bool; 2],
    /// How far apart in event time rows are that match; any distance where absent.
    pub within: Option<Within>,
    /// Rows of the left input.
    pub left_shape: ShapeId,
    /// Rows that are refused: the columns of both inputs, those of the other one NULL.
    pub both_shape: ShapeId,
    /// The columns of the left input, then those of the right, or what goes with a row alone.
    pub output_shape: ShapeId,
}

impl JoinOptions {
    /// What must be kept of a side beside its rows.
    pub(super) fn keeping(&self, side: usize) -> Keeping {
        Keeping {
            // Where no pairs are made, equal rows of the right side are one row for all that is asked.
            finds: self.retracts[side] || side == 1 && !self.kind.pairs(),
            time: self.within.filter(|within| within.frees(side)).map(|of| of.columns[side]),
            count: match self.condition {
                None if self.kind.watches(1 - side) => Count::Key,
                Some(_) if self.kind.watches(side) => Count::Matches,
                _ => Count::None,
            },
        }
    }
}

/// What is kept beside the rows of a side.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Keeping {
    /// Whether equal rows are found, so that one can be taken back.
    pub(super) finds: bool,
    /// The column of time that rows go by, if they do.
    pub(super) time: Option<usize>,
    /// What is counted.
    pub(super) count: Count,
}

/// What is counted in the head of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Count {
    /// Nothing.
    None,
    /// In the first row of a key, how many rows there are of that key.
    Key,
    /// How many rows of the other side match the row.
    Matches,
}

//! What an aggregate is told when it is made.

use sluicedb_sql::DataType;
use sluicedb_sql::plan::{Call, Window};

use crate::core::morsel::ShapeId;

/// How event time divides the groups.
#[derive(Clone, Debug)]
pub struct WindowOptions {
    /// The windows.
    pub window: Window,
    /// How far the time column stays behind the operator's watermark; none where the watermark
    /// never closes a window.
    pub lag_us: Option<i64>,
    /// How long a window that the watermark passed still takes rows.
    pub allowed_lateness_us: i64,
    /// Whether a group's row is put out when its window closes, and not at every change.
    pub on_close: bool,
}

/// What an aggregate computes of which columns.
#[derive(Clone, Debug)]
pub struct AggregateOptions {
    /// Windows are part of the group.
    pub window: Option<WindowOptions>,
    /// Columns of the input. Without keys and window there is one group, which always has a row.
    pub keys: Vec<usize>,
    /// What is computed of each group.
    pub calls: Vec<Call>,
    /// Whether the input has rows of negative weight.
    pub retracts: bool,
    /// Columns of the input.
    pub input: Vec<DataType>,
    /// Columns of the output: start and end of the window if there is one, the keys, the calls.
    pub output: Vec<DataType>,
    /// The kind of morsel that carries the output.
    pub output_shape: ShapeId,
    /// The kind of morsel that carries rows that come too late.
    pub late_shape: ShapeId,
}

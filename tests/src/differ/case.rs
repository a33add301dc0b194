//! One query: how both sides are asked, and how exactly they must agree.

use std::collections::BTreeSet;

use super::compare::Check;

/// One query.
#[derive(Clone, Debug)]
pub(super) struct Case {
    /// The statements that create its view, the view last.
    pub(super) creates: Vec<String>,
    /// The view.
    pub(super) name: String,
    /// What DataFusion is asked.
    pub(super) theirs: String,
    /// The same query over the view of all rows, run once, where it can.
    pub(super) again: Option<String>,
    /// By column.
    pub(super) checks: Vec<Check>,
    /// Whether it reads a view, so that it may come when there are rows.
    pub(super) on_view: bool,
    pub(super) constructs: BTreeSet<&'static str>,
}

//! Windows in the forms users write them, rewritten to calls that a planner can bind.

use sqlparser::ast::Query;

use crate::error::SqlError;

/// Something the user should know though the statement is accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// What was understood.
    pub message: String,
    /// What to write to say it plainly.
    pub hint: Option<String>,
}

/// Rewrites every window of `query` to its canonical call.
pub fn rewrite(query: &mut Query) -> Result<Vec<Notice>, SqlError> {
    let _ = query;
    Ok(Vec::new())
}

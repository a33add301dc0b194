//! Text of SQL to statements: what this database adds to the language, and nothing of planning.
//!
//! [`parse`] cuts a text into statements and each into tokens, checks their number and depth before
//! anything recurses, reads our own statements and clauses itself, and leaves queries, expressions
//! and types to `sqlparser`. [`window::rewrite`] turns the windows of a query into calls that a
//! planner of scalar functions can bind.

mod bounds;
mod create;
mod cursor;
mod expect;
pub(crate) mod external;
mod fetch;
mod grammar;
pub mod interval;
mod near;
mod number;
pub mod options;
mod query;
mod scan;
mod session;
mod source;
mod stack;
mod statement;
pub mod syntax;
mod text;
mod token;
mod types;
pub mod window;
mod zone;

#[cfg(test)]
mod tests;

pub use near::nearest;
pub use stack::deep;
pub use syntax::{Parsed, Statement};
pub use token::{EXTERNAL, offset_of};
pub use types::of_written as data_type;
pub(crate) use types::written as written_type;

use std::ops::Range;

use crate::error::SqlError;
use crate::limits::{SCRIPT_BYTES_MAX, STATEMENT_BYTES_MAX};

/// Reads the statements of `text`, which are separated by `;`.
pub fn parse(text: &str) -> Result<Vec<Parsed>, SqlError> {
    if text.len() > SCRIPT_BYTES_MAX {
        let what = "bytes of a text of statements";
        return Err(SqlError::limit_exceeded(what, text.len(), SCRIPT_BYTES_MAX));
    }
    scan::split(text).iter().map(|piece| parse_piece(text, piece)).collect()
}

/// Whether `text` ends in a statement that no `;` ends, or in an open comment: a shell reads on.
pub fn is_unfinished(text: &str) -> bool {
    let open = |text: &str| scan::split(text).pop().filter(|piece| !piece.ended);
    // What stands behind an open comment is part of no statement.
    let in_comment = || text.contains("/*") && open(&format!("{text}\nx")).is_none();
    open(text).is_some() || in_comment()
}

/// Where the statements of `text` stand, without what separates them: for whoever runs one before
/// the next is read.
pub fn statements(text: &str) -> Vec<Range<usize>> {
    scan::split(text).into_iter().map(|piece| piece.range).collect()
}

fn parse_piece(text: &str, piece: &scan::Piece) -> Result<Parsed, SqlError> {
    let span = piece.range.clone();
    if span.len() > STATEMENT_BYTES_MAX {
        let what = "bytes of a statement";
        let error = SqlError::limit_exceeded(what, span.len(), STATEMENT_BYTES_MAX);
        return Err(error.at(span.start));
    }
    let lexed = token::lex(text, piece)?;
    let nesting = bounds::check(&lexed)?;
    let read = || {
        let mut cursor = cursor::Cursor::new(text, &lexed);
        let statement = statement::parse(&mut cursor)?;
        cursor.expect_end()?;
        Ok(statement)
    };
    let statement = if nesting > NESTING_OF_ANY_STACK { deep(read)? } else { read()? };
    Ok(Parsed { statement, span })
}

/// Levels of parentheses that the parser reads on a stack of 1 MiB without optimisation.
const NESTING_OF_ANY_STACK: usize = 5;

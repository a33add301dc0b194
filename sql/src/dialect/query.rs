//! Continuous queries: a query and the clauses that stand after it.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::grammar;
use super::options::{self, Options};
use super::syntax::{ContinuousQuery, Emit};
use crate::error::SqlError;

/// Whether a query starts here.
pub(super) fn starts(cursor: &Cursor<'_>) -> bool {
    cursor.peek(0) == Some(&Token::LParen)
        || ["SELECT", "WITH", "VALUES"].iter().any(|word| cursor.is(0, word))
        || cursor.is(0, "TABLE") && !cursor.is_at_end()
}

/// Whether a clause of ours starts here, where the query before it ends.
fn clause(cursor: &Cursor<'_>) -> bool {
    if cursor.is(0, "EMIT") {
        // An identifier has no word behind it that is not one of a query.
        return ["ON", "CHANGES", "FINAL", "EVERY", "PERIODICALLY", "AFTER"]
            .iter()
            .any(|word| cursor.is(1, word));
    }
    is_late(cursor)
        || cursor.is(0, "WITH") && (cursor.peek(1) == Some(&Token::LParen) || snapshot(cursor))
        || cursor.is(0, "WITHOUT") && cursor.is(1, "SNAPSHOT")
        || cursor.is(0, "AFTER") && matches!(cursor.peek(1), Some(Token::SingleQuotedString(_)))
}

fn is_late(cursor: &Cursor<'_>) -> bool {
    cursor.is(0, "LATE") && cursor.is(1, "DATA") && cursor.is(2, "TO")
}

fn snapshot(cursor: &Cursor<'_>) -> bool {
    cursor.is(1, "SNAPSHOT") && !cursor.is(2, "AS") && cursor.peek(2) != Some(&Token::LParen)
}

/// Reads a query with `EMIT ..`, `LATE DATA TO ..` and `WITH (..)` behind it, in any order.
pub(super) fn continuous(cursor: &mut Cursor<'_>) -> Result<(ContinuousQuery, Options), SqlError> {
    if !starts(cursor) {
        return Err(cursor.unexpected(&["SELECT", "WITH"]));
    }
    let until = cursor.find(clause);
    let query = grammar::query(cursor, until)?;
    let mut found = ContinuousQuery { query, emit: None, late_to: None };
    let mut given = Options::default();
    loop {
        let at = cursor.position();
        let twice = |what: &str| SqlError::syntax(format!("{what} is there twice")).at(at);
        if cursor.is(0, "EMIT") {
            if found.emit.is_some() {
                return Err(twice("EMIT"));
            }
            found.emit = Some(emit(cursor)?);
        } else if is_late(cursor) {
            if found.late_to.is_some() {
                return Err(twice("LATE DATA TO"));
            }
            cursor.expect(&["LATE", "DATA", "TO"])?;
            found.late_to = Some(cursor.name("relation")?);
        } else if cursor.is(0, "WITH") && cursor.peek(1) == Some(&Token::LParen) {
            cursor.expect(&["WITH"])?;
            given.extend(options::parse(cursor, None)?)?;
        } else {
            return Ok((found, given));
        }
    }
}

fn emit(cursor: &mut Cursor<'_>) -> Result<Emit, SqlError> {
    cursor.expect(&["EMIT"])?;
    if cursor.take(&["CHANGES"]) {
        return Ok(Emit::Changes);
    }
    if cursor.take(&["FINAL"]) {
        return Ok(Emit::Final);
    }
    if cursor.take(&["ON", "WINDOW", "CLOSE"]) {
        return Ok(Emit::OnWindowClose);
    }
    let error = cursor.unexpected_at(cursor.index(), "ON WINDOW CLOSE, CHANGES or FINAL");
    Err(error.hint("EMIT CHANGES gives a row at every change, EMIT ON WINDOW CLOSE one per group."))
}

/// Reads a query that runs once.
pub(super) fn once(cursor: &mut Cursor<'_>) -> Result<Box<sqlparser::ast::Query>, SqlError> {
    let until = cursor.find(clause);
    let query = grammar::query(cursor, until)?;
    if cursor.is_at_end() {
        return Ok(query);
    }
    let error = cursor.unexpected_at(cursor.index(), "the end of the statement");
    if !clause(cursor) {
        return Err(error);
    }
    Err(error.hint(
        "A query on its own runs once. Put SUBSCRIBE TO before it, or CREATE STREAM name AS.",
    ))
}

//! The statements of which tests are made: a clock that is moved by hand, and rows that are expected.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::syntax::{AdvanceClock, Expect, ExpectFrom, Statement};
use super::{grammar, query};
use crate::error::SqlError;

/// `CLOCK [BY] interval` or `CLOCK TO timestamp`, behind ADVANCE.
pub(super) fn advance(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    cursor.expect(&["CLOCK"])?;
    let to = cursor.take(&["TO"]);
    if !to {
        cursor.take(&["BY"]);
    }
    if cursor.is_at_end() {
        let error = cursor.unexpected_at(cursor.index(), "an interval, or TO and a time");
        return Err(error.hint("ADVANCE CLOCK BY INTERVAL '5 seconds'"));
    }
    let at = cursor.position();
    let value = grammar::expr(cursor, cursor.end())?;
    Ok(Statement::AdvanceClock(AdvanceClock { value, to, at }))
}

/// `NOTHING | (row), .. FROM relation | (query) [IN ORDER]`, behind EXPECT.
pub(super) fn expect(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let mut rows = Vec::new();
    let at = cursor.position();
    if !cursor.take(&["NOTHING"]) {
        loop {
            if cursor.peek(0) != Some(&Token::LParen) {
                let error = cursor.unexpected(&["NOTHING", "a row in parentheses"]);
                return Err(error.hint("EXPECT ('ACME', 2), ('INIT', 1) FROM totals"));
            }
            rows.push(cursor.list(|cursor| {
                let until = cursor.find(|cursor| cursor.peek(0) == Some(&Token::Comma));
                grammar::expr(cursor, until)
            })?);
            if !cursor.take_token(&Token::Comma) {
                break;
            }
        }
    }
    cursor.expect(&["FROM"])?;
    let from = if query::starts(cursor) {
        let until = cursor.find(|cursor| cursor.is(0, "IN") && cursor.is(1, "ORDER"));
        ExpectFrom::Query(grammar::query(cursor, until)?)
    } else {
        ExpectFrom::Name(cursor.name("relation")?)
    };
    let in_order = cursor.take(&["IN", "ORDER"]);
    if !cursor.is_at_end() {
        return Err(cursor.unexpected(&["IN ORDER", "the end of the statement"]));
    }
    Ok(Statement::Expect(Expect { rows, from, in_order, at }))
}

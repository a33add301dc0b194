//! Which statement a text is, and the statements about rows and plans.

use sqlparser::ast::{Expr, Query, SetExpr};
use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::options::Options;
use super::syntax::{
    ContinuousQuery, Execute, Explain, Insert, InsertSource, Name, Prepare, Statement, Subscribe,
    SubscribeTo,
};
use super::{create, expect, grammar, query, session, types};
use crate::error::SqlError;

/// The words statements begin with.
const STARTS: &[&str] = &[
    "SELECT",
    "WITH",
    "VALUES",
    "CREATE",
    "DROP",
    "SHOW",
    "DESCRIBE",
    "INSERT",
    "SUBSCRIBE",
    "EXPLAIN",
    "SET",
    "RESET",
    "PAUSE",
    "RESUME",
    "COMMENT",
    "PREPARE",
    "EXECUTE",
    "DEALLOCATE",
    "CHECKPOINT",
    "BACKUP",
    "ADVANCE",
    "EXPECT",
    "CHECK",
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
];

/// Statements of SQL that nothing here runs yet.
const LATER: &[(&str, &str)] = &[
    ("UPDATE", ONLY_ADDED),
    ("DELETE", ONLY_ADDED),
    ("MERGE", ONLY_ADDED),
    ("TRUNCATE", "DROP the object and CREATE it again."),
    ("ALTER", "DROP the object and CREATE it as it is to be, or CREATE OR REPLACE a query."),
    (
        "COPY",
        "SELECT .. FROM 'file.csv' reads a file, and CREATE SINK .. INTO FILE (..) writes one.",
    ),
    ("GRANT", NO_USERS),
    ("REVOKE", NO_USERS),
    ("CALL", "The application registers functions, and SELECT calls them."),
    ("DECLARE", ROWS_COME),
    ("FETCH", ROWS_COME),
    ("LISTEN", "SUBSCRIBE TO a query has its changes."),
    ("NOTIFY", "INSERT into a source; who follows it with SUBSCRIBE is told."),
    ("VACUUM", "There is nothing to do: what is gone is free at once."),
    ("ANALYZE", "There is nothing to do: plans need no statistics."),
    ("SAVEPOINT", ONE_BY_ONE),
    ("RELEASE", ONE_BY_ONE),
    ("USE", "There is one database in a process: leave it out."),
];

const ONLY_ADDED: &str = "Rows of a source are only added: INSERT the newer one, and have a view take \
                          the last of each key, SELECT key, last(value ORDER BY ts) .. GROUP BY key.";
const NO_USERS: &str = "There are no users: whoever has the process has the database.";
const ROWS_COME: &str = "SELECT has all rows, and SUBSCRIBE TO has changes as they come.";
const ONE_BY_ONE: &str = "Each statement is applied whole or not at all.";

/// Reads one statement.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    if query::starts(cursor) {
        return query::once(cursor).map(Statement::Query);
    }
    let start = cursor.plain_word(cursor.index()).unwrap_or("").to_uppercase();
    match start.as_str() {
        "CREATE" | "INSERT" | "SUBSCRIBE" | "EXPLAIN" | "PREPARE" | "EXECUTE" | "DEALLOCATE"
        | "ADVANCE" | "EXPECT" => {
            cursor.advance();
        }
        _ => return session::parse(cursor, &start),
    }
    match start.as_str() {
        "CREATE" => create::parse(cursor),
        "INSERT" => insert(cursor).map(Statement::Insert),
        "SUBSCRIBE" => subscribe(cursor).map(Statement::Subscribe),
        "EXPLAIN" => explain(cursor).map(Statement::Explain),
        "PREPARE" => prepare(cursor).map(Statement::Prepare),
        "EXECUTE" => execute(cursor).map(Statement::Execute),
        "ADVANCE" => expect::advance(cursor),
        "EXPECT" => expect::expect(cursor),
        _ => {
            cursor.take(&["PREPARE"]);
            let all = cursor.take(&["ALL"]);
            let name = if all { None } else { Some(prepared(cursor)?) };
            Ok(Statement::Deallocate(name))
        }
    }
}

/// The error that no statement begins as this one does.
pub(super) fn no_statement(cursor: &Cursor<'_>) -> SqlError {
    let word = cursor.plain_word(cursor.index()).unwrap_or("");
    if let Some((later, instead)) = LATER.iter().find(|(it, _)| it.eq_ignore_ascii_case(word)) {
        let message = format!("{later} is not supported yet");
        return SqlError::unsupported(message).at(cursor.position()).hint(*instead);
    }
    let error = cursor.unexpected_at(cursor.index(), "a statement");
    match super::near::nearest(word, STARTS.iter().copied()) {
        Some(near) => error.hint(format!("Did you mean {near}?")),
        None => {
            error.hint("A statement begins with SELECT, CREATE, INSERT, SUBSCRIBE or the like.")
        }
    }
}

/// `INSERT INTO name [(columns)] VALUES .. | query | DEFAULT VALUES`.
fn insert(cursor: &mut Cursor<'_>) -> Result<Insert, SqlError> {
    cursor.expect(&["INTO"])?;
    let into = cursor.name("relation")?;
    let columns = match cursor.peek(0) {
        Some(Token::LParen) if !matches!(cursor.peek(1), Some(Token::LParen)) => {
            let selects = ["SELECT", "WITH", "VALUES"].iter().any(|word| cursor.is(1, word));
            if selects { Vec::new() } else { cursor.list(target)? }
        }
        _ => Vec::new(),
    };
    if cursor.take(&["DEFAULT", "VALUES"]) {
        return Ok(Insert { into, columns, source: InsertSource::Defaults });
    }
    if !query::starts(cursor) {
        return Err(cursor.unexpected(&["VALUES", "SELECT", "DEFAULT VALUES"]));
    }
    let clause = |cursor: &Cursor<'_>| {
        cursor.is(0, "RETURNING") || cursor.is(0, "ON") && cursor.is(1, "CONFLICT")
    };
    let until = cursor.find(clause);
    let query = grammar::query(cursor, until)?;
    if clause(cursor) {
        let message = "INSERT with RETURNING or ON CONFLICT is not supported yet";
        let error = SqlError::unsupported(message).at(cursor.position());
        return Err(error.hint("INSERT without it, and SELECT what the rows made of a view."));
    }
    Ok(Insert { into, columns, source: rows(query) })
}

fn target(cursor: &mut Cursor<'_>) -> Result<Name, SqlError> {
    bare(cursor, "column")
}

fn prepared(cursor: &mut Cursor<'_>) -> Result<Name, SqlError> {
    bare(cursor, "prepared statement")
}

/// A name that stands in no schema.
fn bare(cursor: &mut Cursor<'_>, what: &str) -> Result<Name, SqlError> {
    let at = cursor.position();
    Ok(Name { schema: None, name: cursor.identifier(what)?, at })
}

/// The rows of a plain VALUES, or the query as it is.
fn rows(query: Box<Query>) -> InsertSource {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    match *query.body {
        SetExpr::Values(values) if plain => {
            InsertSource::Values(values.rows.into_iter().map(|row| row.content).collect())
        }
        body => InsertSource::Query(Box::new(Query { body: Box::new(body), ..*query })),
    }
}

/// `[TO] name or query [WITH SNAPSHOT] [AFTER 'token']`.
fn subscribe(cursor: &mut Cursor<'_>) -> Result<Subscribe, SqlError> {
    cursor.take(&["TO"]);
    let target = if query::starts(cursor) {
        let at = cursor.position();
        let (query, options) = query::continuous(cursor)?;
        if !options.is_empty() {
            return Err(SqlError::unsupported("a subscription takes no options").at(at));
        }
        SubscribeTo::Query(query)
    } else {
        SubscribeTo::Name(cursor.name("relation")?)
    };
    let mut subscribe = Subscribe { target, with_snapshot: false, after: None };
    loop {
        if cursor.take(&["WITH", "SNAPSHOT"]) {
            subscribe.with_snapshot = true;
        } else if cursor.take(&["WITHOUT", "SNAPSHOT"]) {
            subscribe.with_snapshot = false;
        } else if cursor.take(&["AFTER"]) {
            subscribe.after = Some(cursor.text("the token in quotes")?);
        } else if cursor.is_at_end() {
            return Ok(subscribe);
        } else {
            return Err(cursor.unexpected(&["WITH SNAPSHOT", "AFTER", "the end of the statement"]));
        }
    }
}

/// `EXPLAIN [ANALYZE] name or statement`, `EXPLAIN WAIT name`.
fn explain(cursor: &mut Cursor<'_>) -> Result<Explain, SqlError> {
    let mut analyze = false;
    if cursor.peek(0) == Some(&Token::LParen) && cursor.is(1, "ANALYZE") {
        cursor.list(|cursor| cursor.identifier("option"))?;
        analyze = true;
    }
    analyze |= cursor.take(&["ANALYZE"]);
    if !analyze && cursor.is(0, "WAIT") && cursor.peek(1).is_some() {
        cursor.expect(&["WAIT"])?;
        return cursor.name("relation").map(Explain::Wait);
    }
    if is_name(cursor) {
        let name = cursor.name("relation")?;
        return Ok(if analyze { Explain::AnalyzeName(name) } else { Explain::Name(name) });
    }
    if cursor.is(0, "EXPLAIN") || cursor.is(0, "PREPARE") {
        let word = cursor.plain_word(cursor.index()).unwrap_or("");
        return Err(SqlError::syntax(format!("{word} cannot be explained")).at(cursor.position()));
    }
    let statement = if query::starts(cursor) { explained(cursor)? } else { parse(cursor)? };
    let statement = Box::new(statement);
    Ok(if analyze { Explain::Analyze(statement) } else { Explain::Plan(statement) })
}

/// A query that is explained: one with a clause such as EMIT is that of a subscription.
fn explained(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let start = cursor.index();
    let (query, options): (ContinuousQuery, Options) = query::continuous(cursor)?;
    if query.emit.is_none() && query.late_to.is_none() && options.is_empty() {
        return Ok(Statement::Query(query.query));
    }
    cursor.move_to(start);
    subscribe(cursor).map(Statement::Subscribe)
}

/// Whether nothing but a name is left.
fn is_name(cursor: &Cursor<'_>) -> bool {
    let word = |ahead| matches!(cursor.peek(ahead), Some(Token::Word(_)));
    match cursor.end() - cursor.index() {
        1 => word(0) && !STARTS.iter().any(|start| cursor.is(0, start)),
        3 => word(0) && cursor.peek(1) == Some(&Token::Period) && word(2),
        _ => false,
    }
}

/// `PREPARE name [(types)] AS statement`.
fn prepare(cursor: &mut Cursor<'_>) -> Result<Prepare, SqlError> {
    let name = prepared(cursor)?;
    let types = match cursor.peek(0) {
        Some(Token::LParen) => cursor.list(types::parse)?,
        _ => Vec::new(),
    };
    cursor.expect(&["AS"])?;
    if ["PREPARE", "EXECUTE", "DEALLOCATE"].iter().any(|word| cursor.is(0, word)) {
        let word = cursor.plain_word(cursor.index()).unwrap_or("");
        return Err(SqlError::syntax(format!("{word} cannot be prepared")).at(cursor.position()));
    }
    let body = cursor.position();
    Ok(Prepare { name, types, statement: Box::new(parse(cursor)?), body })
}

/// `EXECUTE name [(values)]`.
fn execute(cursor: &mut Cursor<'_>) -> Result<Execute, SqlError> {
    let name = prepared(cursor)?;
    let values = match cursor.peek(0) {
        Some(Token::LParen) => cursor.list(value)?,
        _ => Vec::new(),
    };
    Ok(Execute { name, values })
}

fn value(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    let until = cursor.find(|cursor| cursor.peek(0) == Some(&Token::Comma));
    grammar::expr(cursor, until)
}

//! The CREATE statements.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::options::{self, Options};
use super::source::{self, Columns};
use super::syntax::{
    Connector, ContinuousQuery, CreateQuery, CreateSource, CreateTable, QueryKind, Statement,
};
use super::{query, session};
use crate::error::SqlError;

/// What every CREATE begins with.
struct Head {
    or_replace: bool,
    if_not_exists: bool,
    name: super::syntax::Name,
}

/// Reads what follows CREATE.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let or_replace = cursor.take(&["OR", "REPLACE"]);
    if cursor.take(&["SOURCE"]) {
        return source(cursor, or_replace);
    }
    if cursor.take(&["TABLE"]) {
        return table(cursor, or_replace);
    }
    if cursor.take(&["STREAM"]) {
        return view(cursor, or_replace, QueryKind::Stream);
    }
    if cursor.take(&["MATERIALIZED", "VIEW"]) {
        return view(cursor, or_replace, QueryKind::MaterializedView);
    }
    if cursor.take(&["VIEW"]) {
        return view(cursor, or_replace, QueryKind::View);
    }
    if cursor.take(&["SINK"]) {
        return sink(cursor, or_replace);
    }
    for (later, instead) in LATER {
        if cursor.is(0, later) {
            let message = format!("CREATE {later} is not supported yet");
            return Err(SqlError::unsupported(message).at(cursor.position()).hint(*instead));
        }
    }
    Err(cursor.unexpected(&["SOURCE", "STREAM", "MATERIALIZED VIEW", "VIEW", "SINK", "TABLE"]))
}

/// What else other databases create, and what to do instead.
const LATER: &[(&str, &str)] = &[
    ("INDEX", BY_KEY),
    ("SECONDARY", BY_KEY),
    ("UNIQUE", BY_KEY),
    (
        "FUNCTION",
        "The application registers functions: Builder::scalar_function, Builder::aggregate_function.",
    ),
    ("SECRET", "Write the option itself where it is wanted."),
    ("USER", "There are no users: whoever has the process has the database."),
    ("SCHEMA", "Objects lie in one schema: leave its name out."),
    ("TYPE", "Use the types that there are, and JSON for what has fields of its own."),
];

const BY_KEY: &str = "A view is found by what it groups by in one lookup: CREATE MATERIALIZED VIEW .. \
                      GROUP BY the columns to look up.";

fn head(cursor: &mut Cursor<'_>, or_replace: bool, what: &str) -> Result<Head, SqlError> {
    let at = cursor.position();
    let if_not_exists = cursor.take(&["IF", "NOT", "EXISTS"]);
    if if_not_exists && or_replace {
        let message = "OR REPLACE and IF NOT EXISTS contradict each other";
        return Err(SqlError::syntax(message).hint("Leave one of them out.").at(at));
    }
    Ok(Head { or_replace, if_not_exists, name: cursor.name(what)? })
}

/// `WITH (..)` and `FROM KIND (..)` in any order.
fn tail(
    cursor: &mut Cursor<'_>,
    options: &mut Options,
    connector: &mut Option<Connector>,
) -> Result<(), SqlError> {
    loop {
        if cursor.is(0, "WITH") && cursor.peek(1) == Some(&Token::LParen) {
            cursor.expect(&["WITH"])?;
            options.extend(options::parse(cursor, None)?)?;
        } else if connector.is_none() && cursor.take(&["FROM"]) {
            *connector = Some(source::connector(cursor)?);
        } else {
            return Ok(());
        }
    }
}

fn source(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Statement, SqlError> {
    let Head { or_replace, if_not_exists, name } = head(cursor, or_replace, "source")?;
    let Columns { columns, primary_key, watermark } = match cursor.peek(0) {
        Some(Token::LParen) => source::columns(cursor)?,
        _ => Columns::default(),
    };
    let (mut options, mut connector) = (Options::default(), None);
    tail(cursor, &mut options, &mut connector)?;
    if columns.is_empty() && connector.is_none() {
        let error = cursor.unexpected_at(cursor.index(), "the columns of the source");
        return Err(error.hint("Write them like (symbol TEXT NOT NULL, price DOUBLE)."));
    }
    if !cursor.is_at_end() {
        return Err(cursor.unexpected(&["WITH", "FROM", "the end of the statement"]));
    }
    Ok(Statement::CreateSource(CreateSource {
        name,
        if_not_exists,
        or_replace,
        columns,
        primary_key,
        watermark,
        options,
        connector,
    }))
}

fn table(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Statement, SqlError> {
    let Head { or_replace, if_not_exists, name } = head(cursor, or_replace, "table")?;
    let Columns { columns, primary_key, watermark } = match cursor.peek(0) {
        Some(Token::LParen) => source::columns(cursor)?,
        _ => Columns::default(),
    };
    if let Some(watermark) = watermark {
        let error = SqlError::syntax("a table has no watermark").at(watermark.at);
        return Err(error.hint("CREATE SOURCE has one."));
    }
    let (mut options, mut connector) = (Options::default(), None);
    tail(cursor, &mut options, &mut connector)?;
    let query = match cursor.take(&["AS"]) {
        true => {
            let (query, more) = query::continuous(cursor)?;
            options.extend(more)?;
            Some(query)
        }
        false => None,
    };
    if !cursor.is_at_end() {
        return Err(cursor.unexpected(&["WITH", "FROM", "AS", "the end of the statement"]));
    }
    Ok(Statement::CreateTable(CreateTable {
        name,
        if_not_exists,
        or_replace,
        columns,
        primary_key,
        options,
        connector,
        query,
    }))
}

fn view(cursor: &mut Cursor<'_>, or_replace: bool, kind: QueryKind) -> Result<Statement, SqlError> {
    let head = head(cursor, or_replace, session::kind_name(kind.object()))?;
    let columns = match cursor.peek(0) {
        Some(Token::LParen) => cursor.list(|cursor| cursor.identifier("column"))?,
        _ => Vec::new(),
    };
    create_query(cursor, kind, head, columns)
}

fn sink(cursor: &mut Cursor<'_>, or_replace: bool) -> Result<Statement, SqlError> {
    let head = head(cursor, or_replace, "sink")?;
    cursor.expect(&["INTO"])?;
    let connector = source::connector(cursor)?;
    create_query(cursor, QueryKind::Sink(connector), head, Vec::new())
}

fn create_query(
    cursor: &mut Cursor<'_>,
    kind: QueryKind,
    head: Head,
    columns: Vec<String>,
) -> Result<Statement, SqlError> {
    let mut options = Options::default();
    if cursor.is(0, "WITH") {
        cursor.expect(&["WITH"])?;
        options = options::parse(cursor, None)?;
    }
    if !cursor.take(&["AS"]) {
        return Err(cursor.unexpected(&["AS", "WITH"]));
    }
    let (query, more): (ContinuousQuery, Options) = query::continuous(cursor)?;
    options.extend(more)?;
    let Head { or_replace, if_not_exists, name } = head;
    Ok(Statement::CreateQuery(CreateQuery {
        kind,
        name,
        columns,
        or_replace,
        if_not_exists,
        options,
        query,
    }))
}

//! The statements about objects and the session: DROP, SHOW, SET, PAUSE and the like.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, text_of};
use super::statement::no_statement;
use super::syntax::{
    Comment, Drop, DropProducer, Name, ObjectKind, Set, Show, ShowWhat, Statement, Target,
};
use crate::error::SqlError;

/// Kinds of objects by their words.
const KINDS: &[(&[&str], ObjectKind)] = &[
    (&["SOURCE"], ObjectKind::Source),
    (&["STREAM"], ObjectKind::Stream),
    (&["MATERIALIZED", "VIEW"], ObjectKind::MaterializedView),
    (&["VIEW"], ObjectKind::View),
    (&["SINK"], ObjectKind::Sink),
    (&["TABLE"], ObjectKind::Table),
];

/// The name of a kind in a sentence.
pub(super) fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Source => "source",
        ObjectKind::Stream => "stream",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sink => "sink",
        ObjectKind::Table => "table",
    }
}

/// Reads the statement that begins with the word `start`, which is next.
pub(super) fn parse(cursor: &mut Cursor<'_>, start: &str) -> Result<Statement, SqlError> {
    let first = cursor.index();
    cursor.advance();
    match start {
        "DROP" => drop(cursor),
        "SHOW" => show(cursor),
        "DESCRIBE" | "DESC" => {
            if cursor.end() - cursor.index() > 1 && cursor.peek(1) != Some(&Token::Period) {
                kind(cursor);
            }
            cursor.name("relation").map(Statement::Describe)
        }
        "SET" => set(cursor),
        "RESET" => {
            let all = cursor.take(&["ALL"]);
            Ok(Statement::Reset(if all { None } else { Some(setting(cursor)?) }))
        }
        "PAUSE" => target(cursor).map(Statement::Pause),
        "RESUME" => target(cursor).map(Statement::Resume),
        "COMMENT" => comment(cursor),
        "CHECK" if cursor.take(&["MATERIALIZED", "VIEW"]) || cursor.take(&["VIEW"]) => {
            cursor.name("view").map(Statement::Check)
        }
        "CHECK" => Err(cursor.unexpected(&["VIEW"])),
        "CHECKPOINT" => Ok(Statement::Checkpoint),
        "BACKUP" => backup(cursor),
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" => transaction(cursor, start),
        _ => {
            cursor.move_to(first);
            Err(no_statement(cursor))
        }
    }
}

/// Takes the words of a kind of object.
fn kind(cursor: &mut Cursor<'_>) -> Option<ObjectKind> {
    KINDS.iter().find(|(words, _)| cursor.take(words)).map(|(_, kind)| *kind)
}

fn expect_kind(cursor: &mut Cursor<'_>) -> Result<ObjectKind, SqlError> {
    let words = ["SOURCE", "STREAM", "MATERIALIZED VIEW", "VIEW", "SINK", "TABLE"];
    kind(cursor).ok_or_else(|| cursor.unexpected(&words))
}

fn drop(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    if cursor.take(&["PRODUCER"]) {
        let if_exists = cursor.take(&["IF", "EXISTS"]);
        // A name as applications give it, which need not be one of the language.
        let producer = match cursor.peek(0) {
            Some(Token::SingleQuotedString(_)) => cursor.text("the name of a producer")?,
            _ => cursor.identifier("producer")?,
        };
        cursor.expect(&["ON"])?;
        let source = cursor.name("source")?;
        return Ok(Statement::DropProducer(DropProducer { producer, source, if_exists }));
    }
    let kind = expect_kind(cursor)?;
    let if_exists = cursor.take(&["IF", "EXISTS"]);
    let mut names = vec![cursor.name(kind_name(kind))?];
    while cursor.take_token(&Token::Comma) {
        names.push(cursor.name(kind_name(kind))?);
    }
    let cascade = cursor.take(&["CASCADE"]);
    if !cascade {
        cursor.take(&["RESTRICT"]);
    }
    if !cursor.is_at_end() {
        return Err(cursor.unexpected(&["CASCADE", "RESTRICT", "the end of the statement"]));
    }
    Ok(Statement::Drop(Drop { kind, names, if_exists, cascade }))
}

fn show(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let lists: [(&[&str], ShowWhat); 10] = [
        (&["SOURCES"], ShowWhat::Sources),
        (&["STREAMS"], ShowWhat::Streams),
        (&["MATERIALIZED", "VIEWS"], ShowWhat::MaterializedViews),
        (&["VIEWS"], ShowWhat::Views),
        (&["SINKS"], ShowWhat::Sinks),
        (&["TABLES"], ShowWhat::Tables),
        (&["QUERIES"], ShowWhat::Queries),
        (&["EPOCHS"], ShowWhat::Epochs),
        (&["SETTINGS"], ShowWhat::Settings),
        (&["ALL"], ShowWhat::Settings),
    ];
    let listed = lists.into_iter().find(|(words, _)| cursor.take(words));
    let what = match listed {
        Some((_, what)) => what,
        None if cursor.take(&["COLUMNS"]) => {
            if !cursor.take(&["IN"]) {
                cursor.expect(&["FROM"])?;
            }
            ShowWhat::Columns(cursor.name("relation")?)
        }
        None if cursor.take(&["CREATE"]) => {
            let named = cursor.end() - cursor.index() > 1 && cursor.peek(1) != Some(&Token::Period);
            let kind = if named { kind(cursor) } else { None };
            ShowWhat::Create(kind, cursor.name("relation")?)
        }
        None => return show_variable(cursor),
    };
    let like = match cursor.take(&["LIKE"]) {
        true => Some(cursor.text("a pattern in quotes")?),
        false => None,
    };
    Ok(Statement::Show(Show { what, like }))
}

fn show_variable(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    if cursor.take(&["TRANSACTION", "ISOLATION", "LEVEL"]) {
        return Ok(Statement::ShowVariable("transaction_isolation".to_owned()));
    }
    if cursor.is_at_end() {
        let expected = "SOURCES, STREAMS, VIEWS, SINKS, TABLES, COLUMNS, CREATE or a setting";
        return Err(cursor.unexpected_at(cursor.index(), expected));
    }
    let name = setting(cursor)?;
    if cursor.is_at_end() {
        return Ok(Statement::ShowVariable(name));
    }
    let lists = ["SOURCES", "STREAMS", "VIEWS", "SINKS", "TABLES", "COLUMNS", "CREATE", "QUERIES"];
    let error = cursor.unexpected_at(cursor.index(), "the end of the statement");
    Err(match super::near::nearest(&name, lists) {
        Some(near) => error.hint(format!("Did you mean SHOW {near}?")),
        None => error,
    })
}

/// The name of a setting, with its points; `TIME ZONE` is one too.
fn setting(cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    if cursor.take(&["TIME", "ZONE"]) {
        return Ok("timezone".to_owned());
    }
    let mut name = cursor.identifier("setting")?.to_lowercase();
    while cursor.take_token(&Token::Period) {
        name.push('.');
        name.push_str(&cursor.identifier("setting")?.to_lowercase());
    }
    Ok(name)
}

/// `SET [SESSION | LOCAL] name = value`, `SET TIME ZONE value`, `SET TRANSACTION ..`.
fn set(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    let at = cursor.position();
    if cursor.take(&["TRANSACTION"])
        || cursor.take(&["SESSION", "CHARACTERISTICS", "AS", "TRANSACTION"])
    {
        let value = Some(rest(cursor));
        return Ok(Statement::Set(Set { name: "transaction".to_owned(), value, at }));
    }
    if cursor.peek(1) != Some(&Token::Eq) && !cursor.take(&["SESSION"]) {
        cursor.take(&["LOCAL"]);
    }
    let at = cursor.position();
    let zone = cursor.is(0, "TIME") && cursor.is(1, "ZONE");
    let name = setting(cursor)?;
    if !zone && !cursor.take_token(&Token::Eq) {
        cursor.take(&["TO"]).then_some(()).ok_or_else(|| cursor.unexpected(&["=", "TO"]))?;
    }
    if cursor.is_at_end() {
        return Err(cursor.unexpected_at(cursor.index(), &format!("the value of \"{name}\"")));
    }
    let value = if cursor.take(&["DEFAULT"]) { None } else { Some(values(cursor)?) };
    Ok(Statement::Set(Set { name, value, at }))
}

/// Values with commas between them, as one text.
fn values(cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    let mut values = Vec::new();
    loop {
        let until = cursor.find(|cursor| cursor.peek(0) == Some(&Token::Comma));
        let from = cursor.index();
        let single = (until == from + 1).then(|| cursor.peek(0)).flatten();
        values.push(match single {
            Some(Token::Word(word)) if word.quote_style.is_some() => word.value.clone(),
            Some(token) if text_of(token).is_some() => text_of(token).unwrap_or("").to_owned(),
            _ if until == from => {
                return Err(cursor.unexpected_at(from, "a value"));
            }
            _ => cursor.source(from, until).to_owned(),
        });
        cursor.move_to(until);
        if !cursor.take_token(&Token::Comma) {
            return Ok(values.join(", "));
        }
    }
}

/// The text of all that is left.
fn rest(cursor: &mut Cursor<'_>) -> String {
    let text = cursor.source(cursor.index(), cursor.end()).to_owned();
    cursor.move_to(cursor.end());
    text
}

fn target(cursor: &mut Cursor<'_>) -> Result<Target, SqlError> {
    let named =
        cursor.end().saturating_sub(cursor.index()) > 1 && cursor.peek(1) != Some(&Token::Period);
    let kind = if named { kind(cursor) } else { None };
    Ok(Target { kind, name: cursor.name("stream or view")? })
}

/// `BACKUP TO 'directory'`.
fn backup(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    cursor.expect(&["TO"])?;
    let at = cursor.position();
    let directory = cursor.text("a directory in quotes")?;
    if directory.is_empty() {
        let hint = "Name an empty or missing directory.";
        return Err(SqlError::syntax("the name of the directory is empty").hint(hint).at(at));
    }
    Ok(Statement::Backup(directory))
}

/// `COMMENT ON kind name IS 'text' | NULL`; of a column the name is `relation.column`.
fn comment(cursor: &mut Cursor<'_>) -> Result<Statement, SqlError> {
    cursor.expect(&["ON"])?;
    let (kind, name, column) = if cursor.take(&["COLUMN"]) {
        let at = cursor.position();
        let mut parts = vec![cursor.identifier("relation")?];
        while cursor.take_token(&Token::Period) {
            parts.push(cursor.identifier("column")?);
        }
        let (column, name, schema) = (parts.pop(), parts.pop(), parts.pop());
        let Some(name) = name else {
            let hint = "Write it like relation.column.";
            return Err(SqlError::syntax("the relation of the column is missing")
                .hint(hint)
                .at(at));
        };
        (ObjectKind::Table, Name { schema, name, at }, column)
    } else {
        let kind = expect_kind(cursor)?;
        (kind, cursor.name(kind_name(kind))?, None)
    };
    cursor.expect(&["IS"])?;
    let text = match cursor.take(&["NULL"]) {
        true => None,
        false => Some(cursor.text("a text in quotes or NULL")?),
    };
    Ok(Statement::Comment(Comment { kind, name, column, text }))
}

fn transaction(cursor: &mut Cursor<'_>, start: &str) -> Result<Statement, SqlError> {
    if start == "START" {
        cursor.expect(&["TRANSACTION"])?;
    } else if !cursor.take(&["TRANSACTION"]) {
        cursor.take(&["WORK"]);
    }
    match start {
        "BEGIN" | "START" => {
            // The isolation is always the same: reads of one cut.
            rest(cursor);
            Ok(Statement::Begin)
        }
        "COMMIT" | "END" => Ok(Statement::Commit),
        _ => Ok(Statement::Rollback),
    }
}

//! Columns, watermarks and connectors of sources and tables.

use sqlparser::ast::{BinaryOperator, Expr};
use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use super::near::nearest;
use super::options::{self, Options};
use super::syntax::{Column, Connector, ConnectorKind, Watermark};
use super::{grammar, interval, types};
use crate::error::SqlError;
use crate::limits::COLUMNS_MAX;

/// What stands between the parentheses behind the name of a source or a table.
#[derive(Default)]
pub(super) struct Columns {
    pub(super) columns: Vec<Column>,
    pub(super) primary_key: Vec<String>,
    pub(super) watermark: Option<Watermark>,
}

/// Reads `(column type .., WATERMARK FOR .., PRIMARY KEY (..))`.
pub(super) fn columns(cursor: &mut Cursor<'_>) -> Result<Columns, SqlError> {
    let mut found = Columns::default();
    cursor.list(|cursor| found.item(cursor))?;
    Ok(found)
}

impl Columns {
    fn item(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let at = cursor.position();
        if cursor.is(0, "WATERMARK") && cursor.is(1, "FOR") {
            if self.watermark.is_some() {
                return Err(SqlError::syntax("WATERMARK is there twice").at(at));
            }
            self.watermark = Some(watermark(cursor)?);
            return Ok(());
        }
        if cursor.take(&["CONSTRAINT"]) {
            cursor.identifier("constraint")?;
        }
        if cursor.is(0, "PRIMARY") && cursor.is(1, "KEY") {
            cursor.expect(&["PRIMARY", "KEY"])?;
            let key = cursor.list(|cursor| cursor.identifier("column"))?;
            // FLINK writes it where the key is not checked.
            cursor.take(&["NOT", "ENFORCED"]);
            return self.key(key, at);
        }
        if self.columns.len() == COLUMNS_MAX {
            let what = "columns of a relation";
            return Err(SqlError::limit_exceeded(what, COLUMNS_MAX + 1, COLUMNS_MAX).at(at));
        }
        self.column(cursor)
    }

    fn key(&mut self, key: Vec<String>, at: usize) -> Result<(), SqlError> {
        if !self.primary_key.is_empty() {
            return Err(SqlError::syntax("PRIMARY KEY is there twice").at(at));
        }
        self.primary_key = key;
        Ok(())
    }

    /// `name type [NOT NULL | NULL | PRIMARY KEY | DEFAULT expression]..`.
    fn column(&mut self, cursor: &mut Cursor<'_>) -> Result<(), SqlError> {
        let at = cursor.position();
        let name = cursor.identifier("column")?;
        if self.columns.iter().any(|column| column.name == name) {
            return Err(SqlError::duplicate_column(&name).at(at));
        }
        if matches!(cursor.peek(0), None | Some(Token::Comma | Token::RParen)) {
            let expected = format!("the type of column \"{name}\"");
            return Err(cursor.unexpected_at(cursor.index(), &expected));
        }
        let data_type = types::parse(cursor)?;
        let mut column = Column { name, data_type, nullable: true, default: None, at };
        while !matches!(cursor.peek(0), None | Some(Token::Comma | Token::RParen)) {
            let at = cursor.position();
            if cursor.take(&["NOT", "NULL"]) {
                column.nullable = false;
            } else if cursor.take(&["NULL"]) {
                column.nullable = true;
            } else if cursor.take(&["PRIMARY", "KEY"]) {
                column.nullable = false;
                self.key(vec![column.name.clone()], at)?;
            } else if cursor.take(&["DEFAULT"]) {
                column.default = Some(default(cursor)?);
            } else {
                return Err(cursor.unexpected(&["NOT NULL", "PRIMARY KEY", "DEFAULT"]));
            }
        }
        self.columns.push(column);
        Ok(())
    }
}

/// The expression behind DEFAULT, up to the next constraint.
fn default(cursor: &mut Cursor<'_>) -> Result<Expr, SqlError> {
    let first = cursor.index();
    let until = cursor.find(|ahead| {
        let constraint = ahead.is(0, "NOT") && ahead.is(1, "NULL")
            || ahead.is(0, "PRIMARY") && ahead.is(1, "KEY")
            || ahead.is(0, "NULL");
        ahead.peek(0) == Some(&Token::Comma) || ahead.index() > first && constraint
    });
    grammar::expr(cursor, until)
}

/// `WATERMARK FOR ts [AS ts [- INTERVAL '5' SECOND]]`.
fn watermark(cursor: &mut Cursor<'_>) -> Result<Watermark, SqlError> {
    cursor.expect(&["WATERMARK", "FOR"])?;
    let at = cursor.position();
    let column = cursor.identifier("column")?;
    if !cursor.take(&["AS"]) {
        return Ok(Watermark { column, delay_us: None, at });
    }
    let from = cursor.position();
    let until = cursor.find(|ahead| ahead.peek(0) == Some(&Token::Comma));
    let expr = grammar::expr(cursor, until)?;
    let wrong = || {
        let message = format!("the watermark \"{expr}\" is not the column less an interval");
        let hint = format!("Write WATERMARK FOR {column} AS {column} - INTERVAL '5' SECOND.");
        SqlError::syntax(message).hint(hint).at(from)
    };
    let is_column = |expr: &Expr| matches!(expr, Expr::Identifier(name) if folded(name) == column);
    let delay_us = match &expr {
        expr if is_column(expr) => 0,
        Expr::BinaryOp { left, op: BinaryOperator::Minus, right } if is_column(left) => {
            let interval = interval::of_expr(right).map_err(|error| error.at(from))?;
            let length = interval.and_then(|interval| interval.length_us());
            length.filter(|length| *length >= 0).ok_or_else(wrong)?
        }
        _ => return Err(wrong()),
    };
    Ok(Watermark { column, delay_us: Some(delay_us), at })
}

/// The name an identifier stands for: in lower case unless it is quoted.
pub(super) fn folded(name: &sqlparser::ast::Ident) -> String {
    match name.quote_style {
        Some(_) => name.value.clone(),
        None => name.value.to_lowercase(),
    }
}

impl ConnectorKind {
    /// Every kind by its name.
    pub const ALL: [(&'static str, ConnectorKind); 12] = [
        ("GENERATOR", ConnectorKind::Generator),
        ("FILE", ConnectorKind::File),
        ("KAFKA", ConnectorKind::Kafka),
        ("WEBSOCKET", ConnectorKind::WebSocket),
        ("POSTGRES", ConnectorKind::Postgres),
        ("POSTGRES_CDC", ConnectorKind::PostgresCdc),
        ("MYSQL_CDC", ConnectorKind::MysqlCdc),
        ("DELTA_LAKE", ConnectorKind::DeltaLake),
        ("ICEBERG", ConnectorKind::Iceberg),
        ("HTTP", ConnectorKind::Http),
        ("STDOUT", ConnectorKind::Stdout),
        ("BLACKHOLE", ConnectorKind::Blackhole),
    ];

    /// Its name.
    pub fn name(self) -> &'static str {
        Self::ALL.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// Reads `KIND [(..)]`.
pub(super) fn connector(cursor: &mut Cursor<'_>) -> Result<Connector, SqlError> {
    let at = cursor.position();
    let word = cursor.plain_word(cursor.index()).unwrap_or("");
    let known = ConnectorKind::ALL.iter().find(|(name, _)| name.eq_ignore_ascii_case(word));
    let Some((_, kind)) = known.copied() else {
        let names = ConnectorKind::ALL.map(|(name, _)| name);
        let error = cursor.unexpected_at(cursor.index(), "the kind of a connector");
        return Err(match nearest(word, names) {
            Some(near) => error.hint(format!("Did you mean {near}?")),
            None => error.hint(format!("The kinds are: {}.", names.join(", "))),
        });
    };
    cursor.advance();
    let options = match cursor.peek(0) {
        Some(Token::LParen) => options::parse(cursor, first_option(kind))?,
        _ => Options::default(),
    };
    Ok(Connector { kind, options, at })
}

/// The option that a quoted text without a key stands for.
fn first_option(kind: ConnectorKind) -> Option<&'static str> {
    match kind {
        ConnectorKind::File | ConnectorKind::DeltaLake | ConnectorKind::Iceberg => Some("path"),
        ConnectorKind::WebSocket | ConnectorKind::Http => Some("url"),
        ConnectorKind::Generator => Some("preset"),
        _ => None,
    }
}

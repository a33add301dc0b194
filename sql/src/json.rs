//! JSON with the meaning of PostgreSQL's JSONB.
//!
//! A value is kept as the one text that all equal values have: keys sorted by length and then by
//! bytes, the last of equal keys kept, numbers without exponent and without zeros behind the last
//! digit, `, ` and `: ` between values. So two values are equal when their bytes are. The order of
//! the texts is not PostgreSQL's order of JSONB.

mod read;
mod write;

use std::fmt::{self, Write as _};

use crate::error::SqlError;
use crate::expr::RowError;
use crate::limits::TEXT_BYTES_MAX;
use crate::types::DataType;

pub use write::write_row;

/// A JSON value as its one text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json(Box<str>);

impl Json {
    /// Reads any JSON text.
    pub fn parse(text: &str) -> Result<Json, SqlError> {
        match Tree::parse(text).and_then(|tree| tree.to_text()) {
            Ok(text) => Ok(Json(text.into())),
            Err(error) => Err(error.of_text(text, DataType::Json)),
        }
    }

    /// A text that is known to be of the one form, because it was in a column of JSON.
    pub fn of_canonical(text: &str) -> Json {
        Json(text.into())
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The value, to look into.
    pub fn tree(&self) -> Tree {
        Tree::parse(&self.0).expect("the text was written by a tree")
    }
}

impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A JSON value, to look into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tree {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number in its one form.
    Number(String),
    /// A string without its escapes.
    String(String),
    /// Values in order.
    Array(Vec<Tree>),
    /// Values by key, sorted as [`key_order`] says, every key once.
    Object(Vec<(String, Tree)>),
}

/// The order of keys: shorter ones first, then by bytes, as in JSONB.
pub fn key_order(left: &str, right: &str) -> std::cmp::Ordering {
    left.len().cmp(&right.len()).then_with(|| left.as_bytes().cmp(right.as_bytes()))
}

impl Tree {
    /// Reads any JSON text.
    pub fn parse(text: &str) -> Result<Tree, RowError> {
        read::Reader::new(text).whole()
    }

    /// An object of these values; the last of equal keys counts.
    pub fn object(mut pairs: Vec<(String, Tree)>) -> Tree {
        // Stable, so that the last of equal keys is behind the others.
        pairs.sort_by(|left, right| key_order(&left.0, &right.0));
        pairs.reverse();
        pairs.dedup_by(|later, kept| later.0 == kept.0);
        pairs.reverse();
        Tree::Object(pairs)
    }

    /// The one text of the value; fails where it is longer than a text may be.
    pub fn to_text(&self) -> Result<String, RowError> {
        let mut out = String::new();
        self.write(&mut out)?;
        Ok(out)
    }

    fn write(&self, out: &mut String) -> Result<(), RowError> {
        match self {
            Tree::Null => out.push_str("null"),
            Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Tree::Number(value) => out.push_str(value),
            Tree::String(value) => quote(value, out),
            Tree::Array(items) => {
                out.push('[');
                for (at, item) in items.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    item.write(out)?;
                }
                out.push(']');
            }
            Tree::Object(pairs) => {
                out.push('{');
                for (at, (key, value)) in pairs.iter().enumerate() {
                    out.push_str(if at == 0 { "" } else { ", " });
                    quote(key, out);
                    out.push_str(": ");
                    value.write(out)?;
                }
                out.push('}');
            }
        }
        if out.len() > TEXT_BYTES_MAX { Err(RowError::TooLong) } else { Ok(()) }
    }
}

/// Appends a string in quotes, with the escapes that JSON needs.
pub(crate) fn quote(text: &str, out: &mut String) {
    out.push('"');
    for symbol in text.chars() {
        match symbol {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            control if control < ' ' => {
                write!(out, "\\u{:04x}", u32::from(control)).expect("a String takes all");
            }
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests;

//! Arrays, maps and structs as text: `{a,"b c",NULL}`, `{"k": "v"}` and `(1,"b c",)`.

use std::fmt;

use super::Map;
use crate::expr::RowError;
use crate::json::Tree;
use crate::types::{DataType, StructType};
use crate::value::Value;

const INVALID: RowError = RowError::InvalidText;

type Found<T> = Result<T, RowError>;

/// Writes an array as PostgreSQL does.
pub(crate) fn format_array(items: &[Value], f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str("{")?;
    for (at, item) in items.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { "," })?;
        match item {
            Value::Null => f.write_str("NULL")?,
            Value::Array { items, .. } => format_array(items, f)?,
            other => {
                let text = inner(other);
                let quoted = text.is_empty()
                    || text.eq_ignore_ascii_case("null")
                    || text.contains(|c: char| is_special(c) || matches!(c, '{' | '}'));
                if quoted { escape(&text, "\\\"", f)? } else { f.write_str(&text)? }
            }
        }
    }
    f.write_str("}")
}

/// Writes a struct as PostgreSQL writes a row.
pub(crate) fn format_struct(values: &[Value], f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str("(")?;
    for (at, value) in values.iter().enumerate() {
        f.write_str(if at == 0 { "" } else { "," })?;
        if value.is_null() {
            continue;
        }
        let text = inner(value);
        let quoted =
            text.is_empty() || text.contains(|c: char| is_special(c) || matches!(c, '(' | ')'));
        if quoted { escape(&text, "\"\"", f)? } else { f.write_str(&text)? }
    }
    f.write_str(")")
}

/// Truth values are one letter inside.
fn inner(value: &Value) -> String {
    match value {
        Value::Boolean(value) => (if *value { "t" } else { "f" }).to_owned(),
        other => other.to_string(),
    }
}

fn is_special(symbol: char) -> bool {
    matches!(symbol, ',' | '"' | '\\') || symbol.is_ascii_whitespace() || symbol == '\u{b}'
}

/// Writes a text in quotes, quotes within as `quote`.
fn escape(text: &str, quote: &str, f: &mut impl fmt::Write) -> fmt::Result {
    f.write_str("\"")?;
    for symbol in text.chars() {
        match symbol {
            '"' => f.write_str(quote)?,
            '\\' => f.write_str("\\\\")?,
            other => f.write_char(other)?,
        }
    }
    f.write_str("\"")
}

/// Reads the text of an array, a map or a struct.
pub(crate) fn parse(text: &str, data_type: DataType) -> Found<Value> {
    let mut reader = Reader { rest: text.trim_ascii() };
    let value = match data_type {
        DataType::Array(element) => reader.array(element)?,
        DataType::Struct(of) => reader.structure(of)?,
        DataType::Map => return map(text),
        other => unreachable!("{other} is not nested"),
    };
    if reader.rest.is_empty() { Ok(value) } else { Err(INVALID) }
}

/// A JSON object whose values are no arrays and no objects; numbers and truth values become text.
fn map(text: &str) -> Found<Value> {
    let Tree::Object(pairs) = Tree::parse(text)? else { return Err(INVALID) };
    let mut found = Vec::with_capacity(pairs.len());
    for (key, value) in pairs {
        let value = match value {
            Tree::Null => None,
            Tree::String(text) | Tree::Number(text) => Some(text),
            Tree::Bool(value) => Some(value.to_string()),
            Tree::Array(_) | Tree::Object(_) => return Err(INVALID),
        };
        found.push((key, value));
    }
    Ok(Value::Map(Map::new(found)))
}

struct Reader<'a> {
    rest: &'a str,
}

impl Reader<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_ascii_start();
    }

    fn eat(&mut self, symbol: char) -> bool {
        let found = self.rest.strip_prefix(symbol);
        self.rest = found.unwrap_or(self.rest);
        found.is_some()
    }

    fn array(&mut self, element: &'static DataType) -> Found<Value> {
        if !self.eat('{') {
            return Err(INVALID);
        }
        let mut items = Vec::new();
        self.space();
        while !self.eat('}') {
            if !items.is_empty() {
                if !self.eat(',') {
                    return Err(INVALID);
                }
                self.space();
            }
            let item = match element {
                DataType::Array(inner) if self.rest.starts_with('{') => self.array(inner)?,
                _ => self.item(*element)?,
            };
            items.push(item);
            self.space();
        }
        Ok(Value::Array { element, items: items.into() })
    }

    /// One item of an array: quoted, or up to the next comma or brace.
    fn item(&mut self, element: DataType) -> Found<Value> {
        let (text, quoted) = match self.eat('"') {
            true => (self.quoted()?, true),
            false => (self.bare(&[',', '{', '}', '"'])?, false),
        };
        if quoted {
            return Value::parse_text(&text, element);
        }
        match text.trim_ascii() {
            "" => Err(INVALID),
            word if word.eq_ignore_ascii_case("null") => Ok(Value::Null),
            word => Value::parse_text(word, element),
        }
    }

    /// Up to the quote that ends the text; two quotes stand for one, a backslash for what follows.
    fn quoted(&mut self) -> Found<String> {
        let mut text = String::new();
        let mut symbols = self.rest.char_indices();
        while let Some((at, symbol)) = symbols.next() {
            match symbol {
                '"' if symbols.as_str().starts_with('"') => {
                    symbols.next();
                    text.push('"');
                }
                '"' => {
                    self.rest = &self.rest[at + 1..];
                    return Ok(text);
                }
                '\\' => text.push(symbols.next().ok_or(INVALID)?.1),
                other => text.push(other),
            }
        }
        Err(INVALID)
    }

    /// Up to one of these; a backslash stands for what follows.
    fn bare(&mut self, ends: &[char]) -> Found<String> {
        let mut text = String::new();
        let mut symbols = self.rest.char_indices();
        while let Some((at, symbol)) = symbols.next() {
            match symbol {
                '\\' => text.push(symbols.next().ok_or(INVALID)?.1),
                end if ends.contains(&end) => {
                    self.rest = &self.rest[at..];
                    return Ok(text);
                }
                other => text.push(other),
            }
        }
        Err(INVALID)
    }

    fn structure(&mut self, of: &'static StructType) -> Found<Value> {
        if !self.eat('(') {
            return Err(INVALID);
        }
        let mut values = Vec::with_capacity(of.fields.len());
        for (at, field) in of.fields.iter().enumerate() {
            if at > 0 && !self.eat(',') {
                return Err(INVALID);
            }
            let start = self.rest;
            let mut text = String::new();
            // Quoted and bare parts may follow one another.
            while !self.rest.starts_with([',', ')']) {
                match self.eat('"') {
                    true => text += &self.quoted()?,
                    false => text += &self.bare(&[',', ')', '(', '"'])?,
                }
                if self.rest.starts_with('(') {
                    return Err(INVALID);
                }
            }
            values.push(match start.len() == self.rest.len() {
                true => Value::Null,
                false => Value::parse_text(&text, field.data_type)?,
            });
        }
        if self.eat(')') {
            return Ok(Value::Struct { of, values: values.into() });
        }
        Err(INVALID)
    }
}

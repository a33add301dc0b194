//! CSV after RFC 4180: a field is quoted where it has the delimiter, a quote or the end of a line; a
//! quote inside is written twice. An empty field is NULL, and an empty text is `""`, as PostgreSQL
//! has it.

use std::borrow::Cow;

use sluicedb::db::{DataType, Schema, Value};

/// A field of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Field<'a> {
    /// Without its quotes.
    pub(crate) text: Cow<'a, str>,
    /// Whether it had some.
    pub(crate) quoted: bool,
}

/// Whether a record ends here: no quoted field goes on in the next line.
pub(crate) fn is_whole(record: &[u8]) -> bool {
    record.iter().filter(|byte| **byte == b'"').count().is_multiple_of(2)
}

/// Takes a record apart, which has no end of line.
pub(crate) fn fields(record: &str, delimiter: char) -> Result<Vec<Field<'_>>, String> {
    let mut fields = Vec::new();
    let mut rest = record;
    loop {
        let (field, behind) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_field(quoted, delimiter)?,
            None => {
                let (text, behind) = match rest.split_once(delimiter) {
                    Some((text, behind)) => (text, Some(behind)),
                    None => (rest, None),
                };
                (Field { text: Cow::Borrowed(text), quoted: false }, behind)
            }
        };
        fields.push(field);
        match behind {
            Some(behind) => rest = behind,
            None => return Ok(fields),
        }
    }
}

/// A field behind its first quote, and what is behind its delimiter.
fn quoted_field(text: &str, delimiter: char) -> Result<(Field<'_>, Option<&str>), String> {
    let mut found = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let Some((before, behind)) = rest.split_once('"') else {
            return Err("a quoted field does not end".to_owned());
        };
        if found.is_empty() {
            found = Cow::Borrowed(before)
        } else {
            found.to_mut().push_str(before)
        }
        if let Some(behind) = behind.strip_prefix('"') {
            found.to_mut().push('"');
            rest = behind;
            continue;
        }
        let field = Field { text: found, quoted: true };
        return match behind.strip_prefix(delimiter) {
            Some(behind) => Ok((field, Some(behind))),
            None if behind.is_empty() => Ok((field, None)),
            None => Err("text stands behind the closing quote of a field".to_owned()),
        };
    }
}

/// Whether a field is NULL, for which `null` stands.
pub(crate) fn is_null(field: &Field<'_>, null: &str) -> bool {
    !field.quoted && field.text == null
}

/// The value of a field for a column of this type.
pub(crate) fn value(field: &Field<'_>, null: &str, data_type: DataType) -> Result<Value, String> {
    if is_null(field, null) {
        return Ok(Value::Null);
    }
    Value::parse(&field.text, data_type).map_err(|error| error.message)
}

/// Writes the names of columns as a line.
pub(crate) fn write_header(schema: &Schema, more: Option<&str>, delimiter: char, out: &mut String) {
    for (at, name) in schema.names().chain(more).enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        write_field(name, delimiter, "", out);
    }
    out.push('\n');
}

/// Writes a row as a line.
pub(crate) fn write_row(
    row: impl Iterator<Item = Value>,
    delimiter: char,
    null: &str,
    out: &mut String,
) {
    for (at, value) in row.enumerate() {
        if at > 0 {
            out.push(delimiter);
        }
        match &value {
            Value::Null => out.push_str(null),
            Value::Text(text) => write_field(text, delimiter, null, out),
            other => write_field(&other.to_string(), delimiter, null, out),
        }
    }
    out.push('\n');
}

fn write_field(text: &str, delimiter: char, null: &str, out: &mut String) {
    let plain = |c: char| c != delimiter && !matches!(c, '"' | '\n' | '\r');
    if !text.is_empty() && text != null && text.chars().all(plain) {
        out.push_str(text);
        return;
    }
    out.push('"');
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

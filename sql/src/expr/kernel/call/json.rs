//! Functions of JSON, which look for what they want in the one text that equal values have.

use crate::column::{Column, Text};
use crate::expr::failure::RowError;
use crate::expr::function::Native;
use crate::expr::kernel::call::fill::{some_slices, some_texts, some_truths};
use crate::expr::kernel::call::nested::items;
use crate::expr::program::{Operand, Register};
use crate::json::quote;
use crate::types::DataType;

/// The end of the string that begins with a quote at `start`: behind its closing quote.
fn string_end(json: &str, start: usize) -> usize {
    let bytes = json.as_bytes();
    let mut at = start + 1;
    while bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at + 1
}

/// The end of the value that begins at `start`.
fn value_end(json: &str, start: usize) -> usize {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (start, 0_usize);
    loop {
        match bytes[at] {
            b'"' => at = string_end(json, at),
            b'[' | b'{' => {
                depth += 1;
                at += 1;
            }
            b']' | b'}' => {
                depth -= 1;
                at += 1;
            }
            b',' | b':' | b' ' => at += 1,
            _ => {
                let rest = bytes[at..].iter();
                at += rest.take_while(|byte| !matches!(byte, b',' | b']' | b'}')).count();
            }
        }
        if depth == 0 {
            return at;
        }
    }
}

/// The values of an array, or keys and values of an object, as they are written.
struct Members<'a> {
    json: &'a str,
    at: usize,
    object: bool,
}

impl<'a> Members<'a> {
    /// `None` for what has no members.
    fn of(json: &'a str) -> Option<Members<'a>> {
        match json.as_bytes()[0] {
            b'[' => Some(Members { json, at: 1, object: false }),
            b'{' => Some(Members { json, at: 1, object: true }),
            _ => None,
        }
    }
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a str);

    /// Key, in quotes and empty in an array, and value.
    fn next(&mut self) -> Option<(&'a str, &'a str)> {
        let Members { json, at, object } = self;
        if matches!(json.as_bytes()[*at], b']' | b'}') {
            return None;
        }
        let key = if *object { &json[*at..string_end(json, *at)] } else { "" };
        let start = *at + if *object { key.len() + ": ".len() } else { 0 };
        let end = value_end(json, start);
        *at = end;
        if json.as_bytes()[end] == b',' {
            *at += ", ".len();
        }
        Some((key, &json[start..end]))
    }
}

/// The value of a key; `quoted` is room to write it as JSON does.
fn field<'a>(json: &'a str, key: &str, quoted: &mut String) -> Option<&'a str> {
    let mut members = Members::of(json).filter(|members| members.object)?;
    quoted.clear();
    quote(key, quoted);
    members.find(|(other, _)| other == quoted).map(|(_, value)| value)
}

/// An item of an array, from 0; from the end where `place` is negative.
fn item(json: &str, place: i64) -> Option<&str> {
    let members = || Members::of(json).filter(|members| !members.object);
    let place = match usize::try_from(place) {
        Ok(place) => place,
        Err(_) => {
            let behind = usize::try_from(place.unsigned_abs()).ok()?;
            members()?.count().checked_sub(behind)?
        }
    };
    members()?.nth(place).map(|(_, value)| value)
}

/// The member that a step of a path names.
fn step<'a>(json: &'a str, name: &str, quoted: &mut String) -> Option<&'a str> {
    match json.as_bytes()[0] {
        b'{' => field(json, name, quoted),
        b'[' => item(json, name.trim_ascii().parse().ok()?),
        _ => None,
    }
}

/// Writes a value as a text: a string without quotes and escapes. NULL, and false, for `null`.
fn write_text(json: &str, out: &mut String) -> bool {
    if json == "null" {
        return false;
    }
    let Some(inner) = json.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) else {
        out.push_str(json);
        return true;
    };
    let mut rest = inner;
    while let Some((plain, escaped)) = rest.split_once('\\') {
        out.push_str(plain);
        let (symbol, behind) = escaped.split_at(1);
        rest = behind;
        out.push(match symbol {
            "b" => '\u{8}',
            "f" => '\u{c}',
            "n" => '\n',
            "r" => '\r',
            "t" => '\t',
            "u" => {
                // Only control characters are written so.
                let (digits, behind) = rest.split_at(4);
                rest = behind;
                let code = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
                code.unwrap_or(char::REPLACEMENT_CHARACTER)
            }
            other => other.chars().next().expect("it is one byte long"),
        });
    }
    out.push_str(rest);
    true
}

/// What `->` and its kin look for, row by row.
enum Path<'a> {
    Key(&'a Text),
    Small(&'a [i32]),
    Place(&'a [i64]),
    Keys(&'a [Operand<'a>]),
    Array(&'a Column),
}

impl<'a> Path<'a> {
    fn of(native: Native, args: &'a [Operand<'a>]) -> Path<'a> {
        let whole = matches!(native, Native::JsonExtractPath | Native::JsonExtractPathText);
        let column = args[1].column;
        match column.data_type() {
            DataType::Text if whole => Path::Keys(&args[1..]),
            DataType::Text => Path::Key(column.texts()),
            DataType::Array(_) => Path::Array(column),
            DataType::BigInt => Path::Place(column.i64s()),
            _ => Path::Small(column.i32s()),
        }
    }

    fn find<'j>(&self, json: &'j str, row: usize, quoted: &mut String) -> Option<&'j str> {
        match self {
            Path::Key(keys) => field(json, keys.get(row), quoted),
            Path::Small(places) => item(json, i64::from(places[row])),
            Path::Place(places) => item(json, places[row]),
            Path::Keys(args) => args
                .iter()
                .try_fold(json, |json, arg| step(json, arg.column.texts().get(row), quoted)),
            Path::Array(column) => {
                items(column.bytes(row), DataType::Text).try_fold(json, |json, item| {
                    // A name with a zero byte inside is none that JSON has.
                    step(json, std::str::from_utf8(item?.text()).ok()?, quoted)
                })
            }
        }
    }
}

/// `->`, `#>`, `json_extract_path`, and the same as text.
pub(super) fn get(native: Native, args: &[Operand<'_>], out: &mut Register) {
    let (documents, path) = (args[0].column.texts(), Path::of(native, args));
    let mut quoted = std::mem::take(&mut out.work.other);
    match out.column.data_type() {
        DataType::Json => {
            some_slices(out, |row| Ok(path.find(documents.get(row), row, &mut quoted)));
        }
        _ => some_texts(out, |row, text| {
            let found = path.find(documents.get(row), row, &mut quoted);
            Ok(found.is_some_and(|json| write_text(json, text)))
        }),
    }
    out.work.other = quoted;
}

pub(super) fn type_of(args: &[Operand<'_>], out: &mut Register) {
    let documents = args[0].column.texts();
    some_slices(out, |row| {
        Ok(Some(match documents.bytes(row)[0] {
            b'{' => "object",
            b'[' => "array",
            b'"' => "string",
            b't' | b'f' => "boolean",
            b'n' => "null",
            _ => "number",
        }))
    });
}

pub(super) fn array_length(args: &[Operand<'_>], out: &mut Register) {
    let documents = args[0].column.texts();
    super::fill::some_numbers(out, Column::i32s_mut, |row| match Members::of(documents.get(row)) {
        Some(members) if !members.object => Ok(Some(members.count() as i32)),
        _ => Err(RowError::InvalidArgument),
    });
}

/// `?`: whether a text is a key of an object, a string of an array or the string itself.
pub(super) fn exists(args: &[Operand<'_>], out: &mut Register) {
    let (documents, keys) = (args[0].column.texts(), args[1].column.texts());
    let mut quoted = std::mem::take(&mut out.work.other);
    some_truths(out, |row| {
        let json = documents.get(row);
        quoted.clear();
        quote(keys.get(row), &mut quoted);
        Ok(Some(match Members::of(json) {
            Some(mut members) if members.object => members.any(|(key, _)| key == quoted),
            Some(mut members) => members.any(|(_, value)| value == quoted),
            None => json == quoted,
        }))
    });
    out.work.other = quoted;
}

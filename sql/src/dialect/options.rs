//! `WITH (key = value, ..)`: options as written, and a reader that leaves none unread.

use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, text_of};
use super::grammar;
use super::interval::{self, Interval};
use super::near::nearest;
use crate::error::SqlError;

/// Options in the order they were written.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// All of them; no key is there twice.
    pub entries: Vec<OptionEntry>,
}

/// One option.
#[derive(Clone, Debug)]
pub struct OptionEntry {
    /// In lower case, with its points: `schema.registry.url`.
    pub key: String,
    /// What it is set to.
    pub value: OptionValue,
    /// The byte of the text at which the key starts.
    pub at: usize,
    /// The byte of the text at which the value starts.
    pub value_at: usize,
}

/// The value of an option as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OptionValue {
    /// Quoted.
    Text(String),
    /// A number, as its digits stand.
    Number(String),
    /// TRUE or FALSE, or TRUE where the key stands alone.
    Boolean(bool),
    /// `INTERVAL '5' SECOND`.
    Interval(Interval),
    /// A word without quotes, in lower case.
    Word(String),
}

impl Options {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Adds `more` options of the same object.
    pub(super) fn extend(&mut self, more: Options) -> Result<(), SqlError> {
        more.entries.into_iter().try_for_each(|entry| self.push(entry))
    }

    fn push(&mut self, entry: OptionEntry) -> Result<(), SqlError> {
        if self.entries.iter().any(|other| other.key == entry.key) {
            let error = SqlError::syntax(format!("option \"{}\" is there twice", entry.key));
            return Err(error.at(entry.at));
        }
        self.entries.push(entry);
        Ok(())
    }
}

/// Reads `(key = value, ..)`. A quoted text in the first place stands for the option `first`.
pub(super) fn parse(
    cursor: &mut Cursor<'_>,
    first: Option<&'static str>,
) -> Result<Options, SqlError> {
    let mut options = Options::default();
    let mut first = first;
    let entries = cursor.list(|cursor| {
        let positional = first.take().filter(|_| is_alone(cursor));
        entry(cursor, positional)
    })?;
    for entry in entries {
        options.push(entry)?;
    }
    Ok(options)
}

/// Whether a quoted text stands here with no `=` behind it.
fn is_alone(cursor: &Cursor<'_>) -> bool {
    cursor.peek(0).is_some_and(|token| text_of(token).is_some())
        && cursor.peek(1) != Some(&Token::Eq)
}

fn entry(cursor: &mut Cursor<'_>, key: Option<&str>) -> Result<OptionEntry, SqlError> {
    let at = cursor.position();
    let key = match key {
        Some(key) => return positional(cursor, key, at),
        None => key_of(cursor)?,
    };
    if matches!(cursor.peek(0), Some(Token::Comma | Token::RParen)) {
        return Ok(OptionEntry { key, value: OptionValue::Boolean(true), at, value_at: at });
    }
    if !cursor.take_token(&Token::Eq) && !cursor.take_token(&Token::RArrow) {
        return Err(cursor.unexpected_at(cursor.index(), "\"=\" and the value of the option"));
    }
    let value_at = cursor.position();
    Ok(OptionEntry { key, value: value(cursor)?, at, value_at })
}

fn positional(cursor: &mut Cursor<'_>, key: &str, at: usize) -> Result<OptionEntry, SqlError> {
    let value = OptionValue::Text(cursor.text("a quoted text")?);
    Ok(OptionEntry { key: key.to_owned(), value, at, value_at: at })
}

/// `format`, `schema.registry.url`, `"format"` or `'format'`.
fn key_of(cursor: &mut Cursor<'_>) -> Result<String, SqlError> {
    if let Some(Token::SingleQuotedString(key)) = cursor.peek(0) {
        cursor.advance();
        return Ok(key.to_lowercase());
    }
    let mut key = cursor.identifier("option")?.to_lowercase();
    while cursor.take_token(&Token::Period) {
        key.push('.');
        key.push_str(&cursor.identifier("option")?.to_lowercase());
    }
    Ok(key)
}

fn value(cursor: &mut Cursor<'_>) -> Result<OptionValue, SqlError> {
    if cursor.is(0, "INTERVAL") {
        return interval_value(cursor);
    }
    let Some(token) = cursor.peek(0) else {
        return Err(cursor.unexpected_at(cursor.index(), "the value of the option"));
    };
    let value = match token {
        Token::Number(digits, _) => OptionValue::Number(digits.clone()),
        Token::Minus => {
            cursor.advance();
            let Some(Token::Number(digits, _)) = cursor.peek(0) else {
                return Err(cursor.unexpected_at(cursor.index(), "a number"));
            };
            OptionValue::Number(format!("-{digits}"))
        }
        Token::Word(word) if word.quote_style.is_none() => {
            match word.value.to_lowercase().as_str() {
                "true" => OptionValue::Boolean(true),
                "false" => OptionValue::Boolean(false),
                word => OptionValue::Word(word.to_owned()),
            }
        }
        Token::Word(word) => OptionValue::Word(word.value.clone()),
        other => match text_of(other) {
            Some(text) => OptionValue::Text(text.to_owned()),
            None => return Err(cursor.unexpected_at(cursor.index(), "the value of the option")),
        },
    };
    cursor.advance();
    Ok(value)
}

fn interval_value(cursor: &mut Cursor<'_>) -> Result<OptionValue, SqlError> {
    let at = cursor.position();
    let until = cursor.find(|cursor| cursor.peek(0) == Some(&Token::Comma));
    let expr = grammar::expr(cursor, until)?;
    match interval::of_expr(&expr).map_err(|error| error.at(at))? {
        Some(interval) => Ok(OptionValue::Interval(interval)),
        None => Err(SqlError::invalid_interval(&expr.to_string()).at(at)),
    }
}

/// How much of something, in whatever unit it was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Amount {
    /// A plain number.
    Count(u64),
    /// A number of bytes.
    Bytes(u64),
    /// Microseconds.
    Duration(i64),
}

/// Takes options apart by type. What is asked for is known; what nobody asked for is an error of
/// [`Reader::finish`].
pub struct Reader<'a> {
    options: &'a Options,
    what: &'a str,
    variables: &'a dyn Fn(&str) -> Option<String>,
    known: Vec<&'static str>,
}

impl<'a> Reader<'a> {
    /// Reads the options of `what`, which error texts name. `variables` gives what stands for
    /// `${NAME}` in a quoted value.
    pub fn new(
        options: &'a Options,
        what: &'a str,
        variables: &'a dyn Fn(&str) -> Option<String>,
    ) -> Reader<'a> {
        Reader { options, what, variables, known: Vec::new() }
    }

    fn entry(&mut self, key: &'static str) -> Option<&'a OptionEntry> {
        self.known.push(key);
        self.options.entries.iter().find(|entry| entry.key == key)
    }

    /// A text: quoted, a word, or a number as it stands.
    pub fn text(&mut self, key: &'static str) -> Result<Option<String>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        self.text_of(entry).map(Some)
    }

    /// A text that must be there.
    pub fn required_text(&mut self, key: &'static str) -> Result<String, SqlError> {
        self.text(key)?.ok_or_else(|| self.missing(key))
    }

    /// The error that `key` is missing.
    pub fn missing(&self, key: &str) -> SqlError {
        SqlError::invalid_parameter(format!("{} needs the option \"{key}\"", self.what))
    }

    /// One of `choices`, in any case.
    pub fn choice(
        &mut self,
        key: &'static str,
        choices: &[&'static str],
    ) -> Result<Option<&'static str>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let text = self.text_of(entry)?;
        let found = choices.iter().find(|choice| choice.eq_ignore_ascii_case(&text));
        if let Some(found) = found {
            return Ok(Some(found));
        }
        let error = wrong(entry, &text, "is none of its values");
        Err(match nearest(&text, choices.iter().copied()) {
            Some(near) => error.hint(format!("Did you mean '{near}'?")),
            None => error.hint(format!("The values are: {}.", choices.join(", "))),
        })
    }

    /// TRUE or FALSE, also quoted.
    pub fn boolean(&mut self, key: &'static str) -> Result<Option<bool>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let text = self.text_of(entry)?;
        match text.to_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Ok(Some(true)),
            "false" | "off" | "no" | "0" => Ok(Some(false)),
            _ => Err(wrong(entry, &text, "is neither true nor false")),
        }
    }

    /// A whole number from `min` to `max`, also quoted.
    pub fn integer(
        &mut self,
        key: &'static str,
        min: i64,
        max: i64,
    ) -> Result<Option<i64>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let text = self.text_of(entry)?;
        let number = text.replace('_', "").parse::<i64>();
        let number = number.map_err(|_| wrong(entry, &text, "is no whole number"))?;
        if !(min..=max).contains(&number) {
            return Err(wrong(entry, &text, &format!("is not between {min} and {max}")));
        }
        Ok(Some(number))
    }

    /// A number, also quoted.
    pub fn number(&mut self, key: &'static str) -> Result<Option<f64>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let text = self.text_of(entry)?;
        let number = text.replace('_', "").parse::<f64>().ok().filter(|number| number.is_finite());
        number.map(Some).ok_or_else(|| wrong(entry, &text, "is no number"))
    }

    /// A span of time of fixed length in microseconds: `INTERVAL '5' SECOND` or `'5 seconds'`.
    pub fn duration_us(&mut self, key: &'static str) -> Result<Option<i64>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let interval = match &entry.value {
            OptionValue::Interval(interval) => *interval,
            OptionValue::Number(digits) if digits == "0" => Interval::default(),
            _ => {
                let text = self.text_of(entry)?;
                interval::parse(&text).map_err(|_| {
                    wrong(entry, &text, "is no span of time")
                        .hint("Write it like INTERVAL '5' SECOND or '5 seconds'.")
                })?
            }
        };
        let length = interval.length_us().filter(|length| *length >= 0);
        length.map(Some).ok_or_else(|| {
            wrong(entry, &interval.to_string(), "is negative, too long or of no fixed length")
        })
    }

    /// The same, or the word `none`, for which the inner one is absent.
    pub fn duration_us_or_none(
        &mut self,
        key: &'static str,
    ) -> Result<Option<Option<i64>>, SqlError> {
        let entry = self.options.entries.iter().find(|entry| entry.key == key);
        let none = |entry: &OptionEntry| match &entry.value {
            OptionValue::Text(text) | OptionValue::Word(text) => text.eq_ignore_ascii_case("none"),
            _ => false,
        };
        if entry.is_some_and(none) {
            self.known.push(key);
            return Ok(Some(None));
        }
        Ok(self.duration_us(key)?.map(Some))
    }

    /// A number of bytes: 65536 or `'64 MB'`. As in PostgreSQL a kB is 1024 bytes.
    pub fn bytes(&mut self, key: &'static str) -> Result<Option<u64>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let text = self.text_of(entry)?;
        bytes_of(&text).map(Some).ok_or_else(|| {
            wrong(entry, &text, "is no number of bytes").hint("Write it like '64 MB'.")
        })
    }

    /// How much of something: a plain number, a number of bytes or a span of time.
    pub fn amount(&mut self, key: &'static str) -> Result<Option<Amount>, SqlError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        let text = self.text_of(entry)?;
        let amount = match &entry.value {
            OptionValue::Interval(interval) => span(interval),
            _ => text
                .replace('_', "")
                .parse()
                .map(Amount::Count)
                .ok()
                .or_else(|| bytes_of(&text).map(Amount::Bytes))
                .or_else(|| span(&interval::parse(&text).ok()?)),
        };
        amount.map(Some).ok_or_else(|| {
            wrong(entry, &text, "is no number of rows or bytes and no span of time of fixed length")
                .hint("Write it like 100000, '512 MB' or INTERVAL '1' HOUR.")
        })
    }

    /// Refuses what no other call asked for.
    pub fn finish(self) -> Result<(), SqlError> {
        let unread = self.options.entries.iter().find(|e| !self.known.contains(&e.key.as_str()));
        let Some(entry) = unread else { return Ok(()) };
        let message = format!("{} has no option \"{}\"", self.what, entry.key);
        let error = SqlError::invalid_parameter(message).at(entry.at);
        Err(match nearest(&entry.key, self.known.iter().copied()) {
            Some(near) => error.hint(format!("Did you mean \"{near}\"?")),
            None if self.known.is_empty() => error.hint("It takes no options."),
            None => error.hint(format!("The options are: {}.", self.known.join(", "))),
        })
    }

    fn text_of(&self, entry: &OptionEntry) -> Result<String, SqlError> {
        match &entry.value {
            OptionValue::Text(text) => self.substitute(text, entry),
            OptionValue::Number(text) | OptionValue::Word(text) => Ok(text.clone()),
            OptionValue::Boolean(value) => Ok(value.to_string()),
            OptionValue::Interval(interval) => Ok(interval.to_string()),
        }
    }

    /// The text with what stands for each `${NAME}` in its place.
    fn substitute(&self, text: &str, entry: &OptionEntry) -> Result<String, SqlError> {
        let mut result = String::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            result.push_str(before);
            let Some((name, behind)) = behind.split_once('}') else {
                return Err(wrong(entry, text, "has a \"${\" without a \"}\""));
            };
            let value = (self.variables)(name).ok_or_else(|| {
                SqlError::undefined_object("environment variable", name).at(entry.value_at)
            })?;
            result.push_str(&value);
            rest = behind;
        }
        result.push_str(rest);
        Ok(result)
    }
}

fn span(interval: &Interval) -> Option<Amount> {
    interval.length_us().filter(|length| *length >= 0).map(Amount::Duration)
}

fn wrong(entry: &OptionEntry, value: &str, why: &str) -> SqlError {
    let message = format!("option \"{}\": '{value}' {why}", entry.key);
    SqlError::invalid_parameter(message).at(entry.value_at)
}

fn bytes_of(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(text.len());
    let number: u64 = text[..digits].replace('_', "").parse().ok()?;
    let shift = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 0,
        "kb" | "kib" => 10,
        "mb" | "mib" => 20,
        "gb" | "gib" => 30,
        "tb" | "tib" => 40,
        _ => return None,
    };
    number.checked_mul(1 << shift)
}

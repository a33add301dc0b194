//! The columns of a file that nobody declared.
//!
//! Arrow and Parquet say what they have. Of lines of text the first [`SAMPLE_ROWS`] rows are looked
//! at, and a column has the first of these types that takes all its values there: BOOLEAN, BIGINT,
//! DOUBLE, DATE, TIMESTAMP, TIMESTAMPTZ, TEXT. A number that begins with a needless zero is a text,
//! as `00123` is no number. Objects and lists in JSON make a column of JSON.

use arrow::datatypes::{Field as ArrowField, Schema as ArrowSchema};
use sluicedb::db::{DataType, Field, Schema, SqlError, Value};
use sluicedb_sql::column::arrow::schema_of;
use sluicedb_sql::json::Tree;

use super::bytes::Bytes;
use super::columns::{Opened, column_type, of_file};
use super::open::unreadable;
use super::several::files;
use super::text::{BYTE_ORDER_MARK, header};
use crate::file::{Format, Options};
use crate::format::csv;
use crate::source::lines::{Lines, Next};

/// Rows that are looked at: enough to meet what is rare, and read in a moment.
const SAMPLE_ROWS: usize = 10_000;

/// The types that a text may be of, the narrowest first.
const TYPES: [DataType; 6] = [
    DataType::Boolean,
    DataType::BigInt,
    DataType::Double,
    DataType::Date,
    DataType::Timestamp,
    DataType::TimestampTz,
];

/// The columns that a file has. Of several files those of the first, with types that take the
/// values of all; a key of JSON may be missing in the first.
pub(crate) fn columns(file: &Options) -> Result<Schema, SqlError> {
    let files = files(file)?;
    let (first, others) = files.split_first().expect("a path stands for one file at least");
    let guessed = match file.format {
        Format::Csv => of_csv,
        Format::Json => of_json,
        Format::Arrow | Format::Parquet => return of_columns(first),
    };
    let mut guesses = guessed(first)?;
    for other in others {
        for (name, found) in guessed(other)? {
            match guesses.iter_mut().find(|(known, _)| *known == name) {
                Some((_, guess)) => guess.add(&found),
                None if file.format == Format::Json => guesses.push((name, found)),
                None => {}
            }
        }
    }
    let fields = guesses.iter().map(|(name, guess)| Field::nullable(name, guess.data_type()));
    schema_of_fields(first, fields.collect())
}

fn of_columns(file: &Options) -> Result<Schema, SqlError> {
    let found = Opened::new(file)?.columns;
    let fields = found.fields().iter().map(|field| {
        let data_type = column_type(field.data_type());
        ArrowField::clone(field).with_data_type(data_type).with_nullable(true)
    });
    let schema = schema_of(&ArrowSchema::new(fields.collect::<Vec<_>>()));
    schema.map_err(|error| of_file(&file.path, error).at(file.at))
}

fn of_csv(file: &Options) -> Result<Vec<(String, Guess)>, SqlError> {
    let mut lines = Lines::new(Bytes::open(file, false)?, false);
    let mut names = Vec::new();
    if file.header {
        names = header(&mut lines, file)?;
    }
    let mut guesses: Vec<Guess> = names.iter().map(|_| Guess::default()).collect();
    each_line(&mut lines, file, csv::is_whole, |line| {
        let Ok(fields) = csv::fields(line, file.delimiter) else { return };
        if guesses.is_empty() {
            guesses = fields.iter().map(|_| Guess::default()).collect();
        }
        if fields.len() == guesses.len() {
            let given = |field: &csv::Field<'_>| !csv::is_null(field, &file.null);
            let pairs = guesses.iter_mut().zip(&fields).filter(|(_, field)| given(field));
            pairs.for_each(|(guess, field)| guess.text(&field.text));
        }
    })?;
    let name = |at: usize| match names.get(at) {
        Some(name) if !name.is_empty() => name.clone(),
        _ => format!("column{}", at + 1),
    };
    Ok(guesses.into_iter().enumerate().map(|(at, guess)| (name(at), guess)).collect())
}

fn of_json(file: &Options) -> Result<Vec<(String, Guess)>, SqlError> {
    let mut lines = Lines::new(Bytes::open(file, false)?, false);
    let mut guesses: Vec<(String, Guess)> = Vec::new();
    each_line(
        &mut lines,
        file,
        |_| true,
        |line| {
            let Ok(Tree::Object(mut pairs)) = Tree::parse(line) else { return };
            // In the order in which they are written.
            pairs.sort_by_cached_key(|(key, _)| line.find(&format!("\"{key}\"")));
            for (key, tree) in pairs {
                let at = guesses.iter().position(|(name, _)| *name == key).unwrap_or_else(|| {
                    guesses.push((key, Guess::default()));
                    guesses.len() - 1
                });
                guesses[at].1.tree(&tree);
            }
        },
    )?;
    Ok(guesses)
}

/// Shows the first lines of a file.
fn each_line(
    lines: &mut Lines<Bytes>,
    file: &Options,
    whole: impl Fn(&[u8]) -> bool,
    mut take: impl FnMut(&str),
) -> Result<(), SqlError> {
    for _ in 0..SAMPLE_ROWS {
        let found = lines.next(&whole);
        match found.map_err(|error| unreadable(&file.path, &error, file.at))? {
            Next::Line => {
                let line = lines.line();
                let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
                std::str::from_utf8(line).iter().for_each(|line| take(line));
            }
            Next::TooLong => {}
            Next::Nothing | Next::End => break,
        }
    }
    Ok(())
}

fn schema_of_fields(file: &Options, fields: Vec<Field>) -> Result<Schema, SqlError> {
    let Options { path, at, .. } = file;
    if fields.is_empty() {
        let message = format!("\"{path}\" has no row to take columns from");
        return Err(SqlError::invalid_parameter(message)
            .hint("Declare them: CREATE SOURCE s (a BIGINT, ..) FROM FILE (..).")
            .at(*at));
    }
    Schema::new(fields).map_err(|error| of_file(path, error).at(*at))
}

/// What the values of a column have been so far.
#[derive(Debug, Default)]
struct Guess {
    /// Whether there was a value.
    any: bool,
    /// The types that did not take one of them.
    refused: [bool; TYPES.len()],
    /// Whether one was an object or a list.
    nested: bool,
}

impl Guess {
    fn text(&mut self, text: &str) {
        self.any = true;
        for (refused, data_type) in self.refused.iter_mut().zip(TYPES) {
            *refused = *refused || !takes(data_type, text);
        }
    }

    fn tree(&mut self, tree: &Tree) {
        match tree {
            Tree::Null => {}
            Tree::Bool(value) => self.text(if *value { "true" } else { "false" }),
            Tree::Number(digits) => self.text(digits),
            Tree::String(text) => {
                self.text(text);
                // A number in quotes is a text.
                self.refuse_all_but_times();
            }
            Tree::Array(_) | Tree::Object(_) => {
                self.any = true;
                self.nested = true;
            }
        }
    }

    fn refuse_all_but_times(&mut self) {
        for (refused, data_type) in self.refused.iter_mut().zip(TYPES) {
            *refused |=
                matches!(data_type, DataType::Boolean | DataType::BigInt | DataType::Double);
        }
    }

    /// Adds the values of another file.
    fn add(&mut self, other: &Guess) {
        self.any |= other.any;
        self.nested |= other.nested;
        let pairs = self.refused.iter_mut().zip(other.refused);
        pairs.for_each(|(refused, other)| *refused |= other);
    }

    fn data_type(&self) -> DataType {
        if self.nested {
            return DataType::Json;
        }
        let taken = TYPES.iter().zip(self.refused).find(|(_, refused)| !refused);
        taken.filter(|_| self.any).map_or(DataType::Text, |(data_type, _)| *data_type)
    }
}

/// Whether a text is plainly a value of a type.
fn takes(data_type: DataType, text: &str) -> bool {
    let reads = || Value::parse(text, data_type).is_ok();
    match data_type {
        DataType::Boolean => ["true", "false"].iter().any(|word| text.eq_ignore_ascii_case(word)),
        DataType::BigInt => is_number(text) && text.bytes().all(|b| b != b'.') && reads(),
        DataType::Double => is_number(text) && reads(),
        DataType::Date => date_and_rest(text).is_some_and(str::is_empty) && reads(),
        DataType::Timestamp => date_and_rest(text).is_some_and(|rest| !has_zone(rest)) && reads(),
        _ => date_and_rest(text).is_some_and(has_zone) && reads(),
    }
}

/// Digits with a sign, a point and an exponent at most, and no needless zero before them.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let mut letters = digits.bytes();
    let starts = letters.next().is_some_and(|b| b.is_ascii_digit());
    let padded = digits.starts_with('0') && letters.next().is_some_and(|b| b.is_ascii_digit());
    let known = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    starts && !padded && digits.bytes().all(known)
}

/// What stands behind `2024-01-31`.
fn date_and_rest(text: &str) -> Option<&str> {
    let (date, rest) = text.split_at_checked(10)?;
    let shape =
        |(at, b): (usize, u8)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() };
    date.bytes().enumerate().all(shape).then_some(rest)
}

/// Whether a time of day has a zone behind it.
fn has_zone(rest: &str) -> bool {
    let time = rest.trim_start_matches(['T', 't', ' ']);
    time.bytes().any(|b| matches!(b, b'+' | b'-') || b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guess(values: &[&str]) -> String {
        let mut guess = Guess::default();
        values.iter().for_each(|value| guess.text(value));
        guess.data_type().to_string()
    }

    #[test]
    fn a_column_has_the_narrowest_type_that_takes_all_its_values() {
        let table: [(&[&str], &str); 14] = [
            (&[], "TEXT"),
            (&["true", "FALSE"], "BOOLEAN"),
            (&["1", "-20", "9223372036854775807"], "BIGINT"),
            (&["1", "9223372036854775808"], "DOUBLE"),
            (&["1", "2.50", "-1e-3"], "DOUBLE"),
            (&["00123", "1"], "TEXT"),
            (&["0", "0.5"], "DOUBLE"),
            (&["1", "true"], "TEXT"),
            (&["2024-01-31"], "DATE"),
            (&["2024-01-31", "2024-01-31 10:00:00.5"], "TIMESTAMP"),
            (&["2024-01-31T10:00:00Z", "2024-01-31 10:00:00+02"], "TIMESTAMPTZ"),
            (&["2024-01-31T10:00:00Z", "2024-01-31 10:00:00"], "TEXT"),
            (&["2024-13-31"], "TEXT"),
            (&["ACME", "1"], "TEXT"),
        ];
        for (values, expected) in table {
            assert_eq!(guess(values), expected, "{values:?}");
        }
    }

    #[test]
    fn a_number_in_quotes_and_an_object_are_told_apart() {
        let of = |values: &[&str]| {
            let mut guess = Guess::default();
            values.iter().for_each(|value| guess.tree(&Tree::parse(value).unwrap()));
            guess.data_type().to_string()
        };
        assert_eq!(of(&["1", "null", "2"]), "BIGINT");
        assert_eq!(of(&["\"1\""]), "TEXT");
        assert_eq!(of(&["1", "\"x\""]), "TEXT");
        assert_eq!(of(&["\"2024-01-31\"", "null"]), "DATE");
        assert_eq!(of(&["[1]", "2"]), "JSON");
        assert_eq!(of(&["null"]), "TEXT");
    }
}

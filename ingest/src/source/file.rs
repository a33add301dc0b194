//! `FROM FILE (path = 'x.csv', format = 'csv', follow = false, header = true, delimiter = ',')`.
//!
//! The file is read once, from its beginning, in bounded memory. A line that cannot be read is
//! counted, and the rest goes on.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use sluicedb::db::{BatchSource, Fault, Feed, Link, Schema, SqlError, Value};
use sluicedb_sql::dialect::options::Reader;
use sluicedb_sql::dialect::syntax::Connector;

use super::lines::{LINE_BYTES_MAX, Lines, Next};
use super::sleep;
use crate::format::rows::Rows;
use crate::format::{csv, json};
use crate::linked::variable;

/// How long the end of a file that is followed rests before it is looked at again.
const FOLLOW: Duration = Duration::from_millis(50);

/// How a line is read.
#[derive(Debug)]
enum Format {
    Json,
    Csv {
        delimiter: char,
        /// The field of each column.
        places: Vec<usize>,
        /// How many fields a record has.
        fields: usize,
    },
}

/// A file that is read into a source.
#[derive(Debug)]
pub(crate) struct FileSource {
    path: String,
    follow: bool,
    format: Format,
    lines: Lines<File>,
    rows: Rows,
}

impl FileSource {
    /// Opens the file, and looks at its header.
    pub(crate) fn new(connector: &Connector, schema: &Schema) -> Result<FileSource, SqlError> {
        let mut options = Reader::new(&connector.options, "FROM FILE", &variable);
        let path = options.required_text("path")?;
        let format = options.choice("format", &["csv", "json", "ndjson"])?;
        let follow = options.boolean("follow")?.unwrap_or(false);
        let header = options.boolean("header")?;
        let delimiter = options.text("delimiter")?;
        options.finish()?;
        let is_csv = match format {
            Some(format) => format == "csv",
            None => guess(&path, connector.at)?,
        };
        let delimiter = delimiter_of(delimiter.as_deref()).map_err(|e| e.at(connector.at))?;
        let file = File::open(&path).map_err(|error| unreadable(&path, &error, connector.at))?;
        if file.metadata().is_ok_and(|known| known.is_dir()) {
            let error = SqlError::invalid_parameter(format!("\"{path}\" is a directory"));
            return Err(error.hint("Name a file in it.").at(connector.at));
        }
        let mut lines = Lines::new(file, follow);
        let format = match is_csv {
            false => Format::Json,
            true if header.unwrap_or(true) => {
                let found = lines.next(csv::is_whole);
                let found = found.map_err(|error| unreadable(&path, &error, connector.at))?;
                let line = if found == Next::Line { lines.line() } else { b"".as_slice() };
                let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
                header_of(&path, line, delimiter, schema).map_err(|e| e.at(connector.at))?
            }
            true => {
                let places: Vec<usize> = (0..schema.len()).collect();
                Format::Csv { delimiter, fields: places.len(), places }
            }
        };
        Ok(FileSource { path, follow, format, lines, rows: Rows::new(schema) })
    }

    /// Reads the line that is there.
    fn row(&mut self) -> Result<(), String> {
        let text = std::str::from_utf8(self.lines.line());
        let text = text.map_err(|_| "it is no UTF-8".to_owned())?;
        let row = match &self.format {
            Format::Json => json::read(text, self.rows.schema())?,
            Format::Csv { delimiter, places, fields } => {
                record(text, *delimiter, places, *fields, self.rows.schema())?
            }
        };
        self.rows.push(&row).map_err(|error| error.message)
    }

    fn reject(&self, why: &str, link: &Link) {
        link.reject(format!("{}, line {}: {why}", self.path, self.lines.number()));
    }

    fn push(&mut self, source: &mut BatchSource) -> Result<(), Fault> {
        match self.rows.take() {
            Some(batch) => Ok(source.push_wait(batch)?),
            None => Ok(()),
        }
    }
}

impl Feed for FileSource {
    fn ends(&self) -> bool {
        !self.follow
    }

    fn run(mut self: Box<Self>, mut source: BatchSource, link: &Link) -> Result<(), Fault> {
        while !link.is_stopped() {
            let csv = matches!(self.format, Format::Csv { .. });
            let found = self.lines.next(|record| !csv || csv::is_whole(record));
            match found.map_err(|error| Fault::Failed(format!("{}: {error}", self.path)))? {
                Next::Line if self.lines.line().is_empty() => {}
                Next::Line => {
                    if let Err(why) = self.row() {
                        self.reject(&why, link);
                    }
                }
                Next::TooLong => {
                    self.reject(&format!("it has more than {LINE_BYTES_MAX} bytes"), link);
                }
                Next::Nothing => {
                    self.push(&mut source)?;
                    sleep(FOLLOW, link);
                }
                Next::End => {
                    self.push(&mut source)?;
                    return Ok(source.finish()?);
                }
            }
            if self.rows.is_full() {
                self.push(&mut source)?;
            }
        }
        self.push(&mut source)
    }
}

/// Whether a file of this name is CSV; an error where the name does not say.
fn guess(path: &str, at: usize) -> Result<bool, SqlError> {
    match Path::new(path).extension().and_then(|extension| extension.to_str()) {
        Some("csv") => Ok(true),
        Some("json" | "ndjson" | "jsonl") => Ok(false),
        _ => Err(SqlError::invalid_parameter(format!("the name of \"{path}\" tells no format"))
            .hint("Say format = 'csv' or format = 'json'.")
            .at(at)),
    }
}

/// The delimiter that an option names.
pub(crate) fn delimiter_of(text: Option<&str>) -> Result<char, SqlError> {
    let text = text.unwrap_or(",");
    if text == "\\t" {
        return Ok('\t');
    }
    let mut chars = text.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) if !matches!(c, '"' | '\n' | '\r') => Ok(c),
        _ => Err(SqlError::invalid_parameter(format!("'{text}' delimits no fields"))
            .hint("The delimiter is one character, as in ',' or ';' or '\\t'.")),
    }
}

/// Finds the columns in the header of a file.
fn header_of(
    path: &str,
    line: &[u8],
    delimiter: char,
    schema: &Schema,
) -> Result<Format, SqlError> {
    let line = String::from_utf8_lossy(line);
    let fields = csv::fields(&line, delimiter).map_err(|why| {
        SqlError::invalid_parameter(format!("the first line of \"{path}\" is no header: {why}"))
    })?;
    let names: Vec<&str> = fields.iter().map(|field| field.text.trim()).collect();
    let place = |name: &str| {
        names.iter().position(|other| *other == name).ok_or_else(|| {
            let message = format!("the header of \"{path}\" has no column \"{name}\"");
            let near = names.iter().find(|other| is_near(other, name));
            let hint = match near {
                Some(near) => format!("Did you mean \"{near}\"? "),
                None => String::new(),
            };
            let all = format!("{hint}The header has: {}.", names.join(", "));
            SqlError::invalid_parameter(message).hint(all)
        })
    };
    let places: Result<Vec<usize>, SqlError> = schema.names().map(place).collect();
    Ok(Format::Csv { delimiter, places: places?, fields: names.len() })
}

/// Whether two names differ by case, by one letter put in, left out or changed, or by one swapped
/// with the next.
fn is_near(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    let (a, b): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let start = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
    let rest = a.len().min(b.len()) - start;
    let end = a.iter().rev().zip(b.iter().rev()).take(rest).take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[start..a.len() - end], &b[start..b.len() - end]);
    let swapped = a.len() == 2 && b.len() == 2 && a[0] == b[1] && a[1] == b[0];
    swapped || (a.len() <= 1 && b.len() <= 1)
}

/// The values of a record, column by column.
fn record(
    text: &str,
    delimiter: char,
    places: &[usize],
    count: usize,
    schema: &Schema,
) -> Result<Vec<Value>, String> {
    let fields = csv::fields(text, delimiter)?;
    if fields.len() != count {
        return Err(format!("it has {} fields, and {count} are wanted", fields.len()));
    }
    let values = places.iter().zip(schema.fields()).map(|(place, field)| {
        let value = csv::value(&fields[*place], field.data_type);
        value.map_err(|why| format!("column \"{}\": {why}", field.name))
    });
    values.collect()
}

fn unreadable(path: &str, error: &std::io::Error, at: usize) -> SqlError {
    let error = SqlError::invalid_parameter(format!("\"{path}\" cannot be read: {error}"));
    let place = std::env::current_dir().map(|place| place.display().to_string());
    let hint = match place {
        Ok(place) if Path::new(path).is_relative() => {
            format!("It is looked for from {place}, where the database was started.")
        }
        _ => "Look at the path and at its permissions.".to_owned(),
    };
    error.hint(hint).at(at)
}

//! Lines of CSV and JSON as rows.

use std::cell::OnceCell;

use sluicedb::db::{Position, Schema, SqlError, Value};

use super::bytes::Bytes;
use super::open::{gone, no_column, unreadable};
use super::reader::{Found, Rejected};
use crate::file::{Format, Options};
use crate::format::rows::{ROWS_MAX, Rows};
use crate::format::{csv, json};
use crate::source::lines::{self, LINE_BYTES_MAX, Next};
use crate::witness::Witness;

/// What some programs write in front of UTF-8.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// How a line is read.
#[derive(Debug)]
enum Layout {
    Json,
    Csv {
        delimiter: char,
        /// What stands for NULL.
        null: String,
        /// The field of each column.
        places: Vec<usize>,
        /// How many fields a record has.
        fields: usize,
    },
}

/// A file of lines that is read as rows.
#[derive(Debug)]
pub(crate) struct Lines {
    path: String,
    layout: Layout,
    lines: lines::Lines<Bytes>,
    rows: Rows,
    witness: Witness,
    /// Where it went on with the file, and the lines in front of that once somebody asks.
    resumed_at: u64,
    lines_before: OnceCell<u64>,
}

impl Lines {
    /// Opens the file, and finds the columns in its header.
    pub(super) fn open(file: &Options, schema: &Schema, follow: bool) -> Result<Lines, SqlError> {
        let Options { path, at, .. } = file;
        let opened = Bytes::open(file, follow)?;
        let witness = Witness::of(opened.file()).map_err(|error| unreadable(path, &error, *at))?;
        let mut lines = lines::Lines::new(opened, follow);
        let layout = match file.format {
            Format::Csv if file.header => {
                let names = header(&mut lines, file)?;
                layout_of(file, &names, schema).map_err(|error| error.at(*at))?
            }
            Format::Csv => {
                let places: Vec<usize> = (0..schema.len()).collect();
                csv_layout(file, places.len(), places)
            }
            _ => Layout::Json,
        };
        let (path, rows, lines_before) = (path.clone(), Rows::new(schema), OnceCell::new());
        Ok(Lines { path, layout, lines, rows, witness, resumed_at: 0, lines_before })
    }

    /// Whether reading can go on in the middle.
    pub(super) fn seeks(&self) -> bool {
        self.lines.input().seeks()
    }

    /// The position with this offset.
    pub(super) fn position(&self, offset: u64) -> Result<Position, String> {
        self.witness.behind(offset).map_err(|error| error.to_string())
    }

    /// Goes on there, if the file is what it was up to there.
    pub(super) fn resume(&mut self, position: Position) -> Result<(), String> {
        let Position { offset, .. } = position;
        let differs = self.witness.differs(position).map_err(|error| error.to_string())?;
        differs.map_or(Ok(()), |why| Err(gone(&why)))?;
        (self.resumed_at, self.lines_before) = (offset, OnceCell::new());
        self.lines.seek(offset).map_err(|error| error.to_string())
    }

    /// Reads at most as many lines as one push has rows.
    pub(super) fn next(&mut self, reject: &mut dyn FnMut(&Rejected<'_>)) -> Result<Found, String> {
        let is_csv = matches!(self.layout, Layout::Csv { .. });
        let mut end = Found::Rejected;
        for _ in 0..ROWS_MAX {
            let found = self.lines.next(|record| !is_csv || csv::is_whole(record));
            match found.map_err(|error| error.to_string())? {
                Next::Line => {
                    if let Err(why) = self.row() {
                        reject(&self.rejection(why));
                    }
                }
                Next::TooLong => {
                    let why = format!("it has more than {LINE_BYTES_MAX} bytes");
                    reject(&self.rejection(why));
                }
                Next::Nothing => {
                    end = Found::Nothing;
                    break;
                }
                Next::End => {
                    end = Found::End;
                    break;
                }
            }
            if self.rows.is_full() {
                break;
            }
        }
        Ok(self.rows.take().map_or(end, Found::Rows))
    }

    /// Reads the line that is there; an empty one is no row.
    fn row(&mut self) -> Result<(), String> {
        let line = self.lines.line();
        let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        let blank = matches!(self.layout, Layout::Json) && line.iter().all(u8::is_ascii_whitespace);
        if line.is_empty() || blank {
            return Ok(());
        }
        let text = std::str::from_utf8(line).map_err(|_| "it is no UTF-8".to_owned())?;
        let schema = self.rows.schema();
        let row = match &self.layout {
            Layout::Json => json::read(text, schema)?,
            Layout::Csv { delimiter, null, places, fields } => {
                let record = csv::fields(text, *delimiter)?;
                if record.len() != *fields {
                    let found = record.len();
                    return Err(format!("it has {found} fields, and {fields} are wanted"));
                }
                values(&record, null, places, schema)?
            }
        };
        let end = self.lines.end();
        self.rows.push(&row, end).map_err(|error| error.message)
    }

    fn rejection(&self, why: String) -> Rejected<'_> {
        // Only a row that cannot be read is worth another look at what was read long ago.
        let count = || self.witness.lines(self.resumed_at).unwrap_or(0);
        let line = self.lines_before.get_or_init(count) + self.lines.number();
        let place = format!("{}, line {line}", self.path);
        Rejected { place, offset: self.lines.offset(), raw: self.lines.line(), why }
    }
}

/// The names in the first line of a file of CSV.
pub(super) fn header(
    lines: &mut lines::Lines<Bytes>,
    file: &Options,
) -> Result<Vec<String>, SqlError> {
    let Options { path, delimiter, at, .. } = file;
    let found = lines.next(csv::is_whole).map_err(|error| unreadable(path, &error, *at))?;
    let line = if found == Next::Line { lines.line() } else { b"".as_slice() };
    let line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
    if line.is_empty() {
        return Err(SqlError::invalid_parameter(format!("\"{path}\" has no header: it is empty"))
            .hint("The first line of CSV has the names of columns, unless header = false.")
            .at(*at));
    }
    let line = String::from_utf8_lossy(line);
    let fields = csv::fields(&line, *delimiter).map_err(|why| {
        SqlError::invalid_parameter(format!("the first line of \"{path}\" is no header: {why}"))
            .at(*at)
    })?;
    Ok(fields.iter().map(|field| field.text.trim().to_owned()).collect())
}

/// Finds the columns among the names of a header.
fn layout_of(file: &Options, names: &[String], schema: &Schema) -> Result<Layout, SqlError> {
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let place = |name: &str| {
        let found = names.iter().position(|other| *other == name);
        found.ok_or_else(|| no_column(&file.path, "the header", name, &names))
    };
    let places: Result<Vec<usize>, SqlError> = schema.names().map(place).collect();
    Ok(csv_layout(file, names.len(), places?))
}

fn csv_layout(file: &Options, fields: usize, places: Vec<usize>) -> Layout {
    Layout::Csv { delimiter: file.delimiter, null: file.null.clone(), places, fields }
}

/// The values of a record, column by column.
fn values(
    record: &[csv::Field<'_>],
    null: &str,
    places: &[usize],
    schema: &Schema,
) -> Result<Vec<Value>, String> {
    let values = places.iter().zip(schema.fields()).map(|(place, field)| {
        let value = csv::value(&record[*place], null, field.data_type);
        value.map_err(|why| format!("column \"{}\": {why}", field.name))
    });
    values.collect()
}

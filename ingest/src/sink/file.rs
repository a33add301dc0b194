//! `INTO FILE (path = 'out.ndjson', format = 'json', envelope = 'plain', header = true)`.
//!
//! A file is written anew when its sink starts. What was taken is in the file whenever no change
//! waits, and at the end.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use sluicedb::db::arrow::WEIGHT_COLUMN;
use sluicedb::db::{ChangeSet, Drain, Fault, Link, RowRef, Schema, SqlError, Subscription, Value};
use sluicedb_sql::dialect::options::Reader;
use sluicedb_sql::dialect::syntax::Connector;

use crate::format::{csv, json};
use crate::linked::variable;
use crate::source::file::delimiter_of;

/// How long a sink waits for changes before it looks whether it is to stop.
const WAIT: Duration = Duration::from_millis(50);

/// What is written of a change.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Envelope {
    /// The row, as often as it came.
    Plain,
    /// The row, and how often it came or went.
    Weight,
    /// What was there before and after, as Debezium has it.
    Debezium,
}

#[derive(Clone, Copy, Debug)]
enum Format {
    Json,
    Csv { delimiter: char, header: bool },
}

/// A file that changes are written to.
#[derive(Debug)]
pub(crate) struct FileSink {
    path: String,
    file: File,
    lines: Lines,
}

/// Changes as text.
#[derive(Debug)]
struct Lines {
    schema: Schema,
    format: Format,
    envelope: Envelope,
    text: String,
}

impl FileSink {
    /// Opens the file; nothing in it changes yet.
    pub(crate) fn new(
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<FileSink, SqlError> {
        let at = connector.at;
        let mut options = Reader::new(&connector.options, "INTO FILE", &variable);
        let path = options.required_text("path")?;
        let format = options.choice("format", &["csv", "json", "ndjson"])?;
        let envelope = options.choice("envelope", &["plain", "weight", "debezium"])?;
        let header = options.boolean("header")?.unwrap_or(true);
        let delimiter = options.text("delimiter")?;
        options.finish()?;
        let by_name = Path::new(&path).extension().is_some_and(|extension| extension == "csv");
        let format = if format.map_or(by_name, |format| format == "csv") {
            let delimiter = delimiter_of(delimiter.as_deref()).map_err(|error| error.at(at))?;
            Format::Csv { delimiter, header }
        } else {
            Format::Json
        };
        let envelope = match envelope {
            Some("plain") if retracts => {
                let error = SqlError::invalid_parameter(
                    "rows of this query can go again, which envelope = 'plain' cannot tell",
                );
                return Err(error
                    .hint("Take 'weight' or 'debezium', or EMIT ON WINDOW CLOSE.")
                    .at(at));
            }
            Some("debezium") if matches!(format, Format::Csv { .. }) => {
                let error = SqlError::invalid_parameter("CSV has no envelope 'debezium'");
                return Err(error.hint("Take format = 'json', or envelope = 'weight'.").at(at));
            }
            Some("debezium") => Envelope::Debezium,
            Some("weight") => Envelope::Weight,
            None if retracts => Envelope::Weight,
            _ => Envelope::Plain,
        };
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|error| {
            let error =
                SqlError::invalid_parameter(format!("\"{path}\" cannot be written: {error}"));
            error.hint("Look at the path and at its permissions; its folder must be there.").at(at)
        })?;
        let lines = Lines { schema: schema.clone(), format, envelope, text: String::new() };
        Ok(FileSink { path, file, lines })
    }
}

impl Drain for FileSink {
    fn run(self: Box<Self>, changes: Subscription, link: &Link) -> Result<(), Fault> {
        let FileSink { path, file, lines } = *self;
        let failed = |error: io::Error| Fault::Failed(format!("{path}: {error}"));
        let mut out = BufWriter::with_capacity(1 << 18, file);
        let copied = restart(&mut out, &lines).and_then(|()| copy(changes, lines, &mut out, link));
        // What came before a fault is written.
        out.flush().map_err(failed)?;
        copied.map_err(failed)?
    }
}

/// Begins the file anew.
fn restart(out: &mut BufWriter<File>, lines: &Lines) -> io::Result<()> {
    // A pipe or a terminal has no length and no place.
    if out.get_ref().metadata()?.is_file() {
        out.get_ref().set_len(0)?;
        out.seek(SeekFrom::Start(0))?;
    }
    out.write_all(lines.header().as_bytes())
}

/// Writes all changes until there are no more; the inner result says how they ended.
fn copy(
    mut changes: Subscription,
    mut lines: Lines,
    out: &mut impl Write,
    link: &Link,
) -> io::Result<Result<(), Fault>> {
    loop {
        let found = match changes.try_next() {
            Ok(None) if !changes.is_over() => {
                out.flush()?;
                // Asked before the changes are looked at: what was given until then is written.
                let stopped = link.is_stopped();
                match changes.next_timeout(WAIT) {
                    Ok(None) if stopped => return Ok(Ok(())),
                    Ok(None) => continue,
                    found => found,
                }
            }
            found => found,
        };
        match found {
            Ok(Some(set)) => {
                out.write_all(lines.of(&set).as_bytes())?;
                changes.recycle(set);
            }
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error.into())),
        }
    }
}

impl Lines {
    /// What stands before all rows.
    fn header(&self) -> String {
        let mut text = String::new();
        if let Format::Csv { delimiter, header: true } = self.format {
            let weight = (self.envelope == Envelope::Weight).then_some(WEIGHT_COLUMN);
            csv::write_header(&self.schema, weight, delimiter, &mut text);
        }
        text
    }

    fn of(&mut self, set: &ChangeSet) -> &str {
        self.text.clear();
        let changes = set.changes();
        for row in 0..changes.len() {
            self.change(&changes.row(row), changes.weight(row));
        }
        &self.text
    }

    fn change(&mut self, row: &RowRef<'_>, weight: i64) {
        if self.envelope == Envelope::Weight {
            return self.line(row, weight);
        }
        // Each time is a line of its own.
        (0..weight.unsigned_abs()).for_each(|_| self.line(row, weight));
    }

    fn line(&mut self, row: &RowRef<'_>, weight: i64) {
        let Lines { schema, format, envelope, text } = self;
        let weighted = (*envelope == Envelope::Weight).then_some(weight);
        let values = (0..schema.len()).map(|at| row.value(at));
        match (format, envelope) {
            (Format::Csv { delimiter, .. }, _) => {
                csv::write_row(values.chain(weighted.map(Value::BigInt)), *delimiter, text);
            }
            (Format::Json, Envelope::Debezium) => {
                let (before, after) = if weight < 0 {
                    ("{\"before\":", ",\"after\":null,\"op\":\"d\"}\n")
                } else {
                    ("{\"before\":null,\"after\":", ",\"op\":\"c\"}\n")
                };
                text.push_str(before);
                json::write_row(schema.names().zip(values), None, text);
                text.push_str(after);
            }
            (Format::Json, _) => {
                let weighted = weighted.map(|weight| (WEIGHT_COLUMN, weight));
                json::write_row(schema.names().zip(values), weighted, text);
                text.push('\n');
            }
        }
    }
}

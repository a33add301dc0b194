//! The formats of results.

use std::io::{self, Write};

use sluicedb::arrow::array::RecordBatch;
use sluicedb::arrow::datatypes::SchemaRef;
use sluicedb::arrow::error::ArrowError;
use sluicedb::arrow::ipc::writer::StreamWriter;

use super::sheet::Sheet;
use super::{csv, json, table};

/// How results are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// For people.
    Table,
    /// A line of names, and a line for each row.
    Csv,
    /// An array of objects for each result.
    Json,
    /// An object on a line for each row.
    Ndjson,
    /// An Arrow IPC stream for each result.
    Arrow,
}

/// All of them, in words.
pub(crate) const FORMATS: &str = "table, csv, json, ndjson or arrow";

impl Format {
    pub(crate) fn of(name: &str) -> Option<Format> {
        Some(match name {
            "table" => Format::Table,
            "csv" => Format::Csv,
            "json" => Format::Json,
            "ndjson" => Format::Ndjson,
            "arrow" => Format::Arrow,
            _ => return None,
        })
    }

    /// Writes a whole result; `width` is that of the terminal.
    pub(crate) fn result(
        self,
        schema: &SchemaRef,
        batches: &[RecordBatch],
        width: Option<usize>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        if self == Format::Arrow {
            return stream(schema, batches, out).map_err(into_io);
        }
        self.sheet(&Sheet::of(schema, batches), width, out)
    }

    /// The same of rows that are values; Arrow has no place for them.
    pub(crate) fn sheet(
        self,
        sheet: &Sheet,
        width: Option<usize>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let objects = || sheet.rows.iter().map(|row| json::object(&sheet.names, row));
        match self {
            Format::Table | Format::Arrow => write!(out, "{}", table::table(sheet, width)),
            Format::Csv => {
                write!(out, "{}", csv::names(&sheet.names))?;
                sheet.rows.iter().try_for_each(|row| write!(out, "{}", csv::line(row)))
            }
            Format::Json => {
                let objects: Vec<String> = objects().collect();
                writeln!(out, "[{}]", objects.join(",\n "))
            }
            Format::Ndjson => objects().try_for_each(|object| writeln!(out, "{object}")),
        }
    }
}

fn stream(
    schema: &SchemaRef,
    batches: &[RecordBatch],
    out: &mut dyn Write,
) -> Result<(), ArrowError> {
    let mut writer = StreamWriter::try_new(out, schema)?;
    batches.iter().try_for_each(|batch| writer.write(batch))?;
    writer.finish()
}

/// An error of Arrow as one of the output that it was written to.
pub(crate) fn into_io(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}

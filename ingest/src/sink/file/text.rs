//! Changes as lines of CSV and JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write as _};

use sluicedb::db::arrow::WEIGHT_COLUMN;
use sluicedb::db::{ChangeSet, RowRef, Schema, SqlError, Value};

use super::{Envelope, Write, unwritable};
use crate::file::{Format, Options};
use crate::format::{csv, json};

#[derive(Debug)]
enum Layout {
    Json,
    Csv { delimiter: char, null: String, header: bool },
}

/// A file that changes are written to line by line.
#[derive(Debug)]
pub(super) struct Lines {
    out: BufWriter<File>,
    schema: Schema,
    layout: Layout,
    envelope: Envelope,
    text: String,
}

impl Lines {
    /// Opens the file; nothing in it changes yet.
    pub(super) fn open(
        file: &Options,
        schema: &Schema,
        envelope: Envelope,
    ) -> Result<Lines, SqlError> {
        let Options { path, format, header, delimiter, null, at } = file;
        let layout = match format {
            Format::Csv => {
                Layout::Csv { delimiter: *delimiter, null: null.clone(), header: *header }
            }
            _ => Layout::Json,
        };
        let out = OpenOptions::new().write(true).create(true).truncate(false).open(path);
        let out = out.map_err(|error| unwritable(path, &error, *at))?;
        Ok(Lines {
            out: BufWriter::with_capacity(1 << 18, out),
            schema: schema.clone(),
            layout,
            envelope,
            text: String::new(),
        })
    }

    /// Begins the file anew.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        // A pipe or a terminal has no length and no place.
        if self.out.get_ref().metadata()?.is_file() {
            self.out.get_ref().set_len(0)?;
            self.out.seek(SeekFrom::Start(0))?;
        }
        if let Layout::Csv { delimiter, header: true, .. } = self.layout {
            let weight = (self.envelope == Envelope::Weight).then_some(WEIGHT_COLUMN);
            csv::write_header(&self.schema, weight, delimiter, &mut self.text);
        }
        self.out.write_all(self.text.as_bytes())
    }

    fn change(&mut self, row: &RowRef<'_>, weight: i64) {
        if self.envelope == Envelope::Weight {
            return self.line(row, weight);
        }
        // Each time is a line of its own.
        (0..weight.unsigned_abs()).for_each(|_| self.line(row, weight));
    }

    fn line(&mut self, row: &RowRef<'_>, weight: i64) {
        let Lines { schema, layout, envelope, text, .. } = self;
        let weighted = (*envelope == Envelope::Weight).then_some(weight);
        let values = (0..schema.len()).map(|at| row.value(at));
        match (layout, envelope) {
            (Layout::Csv { delimiter, null, .. }, _) => {
                let values = values.chain(weighted.map(Value::BigInt));
                csv::write_row(values, *delimiter, null, text);
            }
            (Layout::Json, Envelope::Debezium) => {
                let (before, after) = if weight < 0 {
                    ("{\"before\":", ",\"after\":null,\"op\":\"d\"}\n")
                } else {
                    ("{\"before\":null,\"after\":", ",\"op\":\"c\"}\n")
                };
                text.push_str(before);
                json::write_row(schema.names().zip(values), None, text);
                text.push_str(after);
            }
            (Layout::Json, _) => {
                let weighted = weighted.map(|weight| (WEIGHT_COLUMN, weight));
                json::write_row(schema.names().zip(values), weighted, text);
                text.push('\n');
            }
        }
    }
}

impl Write for Lines {
    fn take(&mut self, set: &ChangeSet) -> io::Result<()> {
        self.text.clear();
        let changes = set.changes();
        for row in 0..changes.len() {
            self.change(&changes.row(row), changes.weight(row));
        }
        self.out.write_all(self.text.as_bytes())
    }

    fn rest(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

//! Changes as lines of CSV and JSON.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write as _};

use sluicedb::db::arrow::WEIGHT_COLUMN;
use sluicedb::db::{ChangeSet, RowRef, Schema, Value};

use super::{Envelope, Write};
use crate::file::{Format, Options};
use crate::format::{csv, json};

#[derive(Debug)]
enum Kind {
    Json,
    Csv { delimiter: char, null: String, header: bool },
}

/// What changes look like as lines.
#[derive(Debug)]
pub(super) struct Layout {
    schema: Schema,
    kind: Kind,
    envelope: Envelope,
    text: String,
}

/// A file that changes are written to line by line.
#[derive(Debug)]
pub(super) struct Lines {
    out: BufWriter<File>,
    layout: Layout,
}

impl Layout {
    pub(super) fn new(file: &Options, schema: &Schema, envelope: Envelope) -> Layout {
        let Options { format, header, delimiter, null, .. } = file;
        let kind = match format {
            Format::Csv => Kind::Csv { delimiter: *delimiter, null: null.clone(), header: *header },
            _ => Kind::Json,
        };
        Layout { schema: schema.clone(), kind, envelope, text: String::new() }
    }

    /// What the file begins with.
    pub(super) fn header(&mut self) -> &str {
        self.text.clear();
        if let Kind::Csv { delimiter, header: true, .. } = self.kind {
            let weight = (self.envelope == Envelope::Weight).then_some(WEIGHT_COLUMN);
            csv::write_header(&self.schema, weight, delimiter, &mut self.text);
        }
        &self.text
    }

    /// Changes as lines.
    pub(super) fn lines(&mut self, set: &ChangeSet) -> &str {
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
        let Layout { schema, kind, envelope, text } = self;
        let weighted = (*envelope == Envelope::Weight).then_some(weight);
        let values = (0..schema.len()).map(|at| row.value(at));
        match (kind, envelope) {
            (Kind::Csv { delimiter, null, .. }, _) => {
                let values = values.chain(weighted.map(Value::BigInt));
                csv::write_row(values, *delimiter, null, text);
            }
            (Kind::Json, Envelope::Debezium) => {
                let (before, after) = if weight < 0 {
                    ("{\"before\":", ",\"after\":null,\"op\":\"d\"}\n")
                } else {
                    ("{\"before\":null,\"after\":", ",\"op\":\"c\"}\n")
                };
                text.push_str(before);
                json::write_row(schema.names().zip(values), None, text);
                text.push_str(after);
            }
            (Kind::Json, _) => {
                let weighted = weighted.map(|weight| (WEIGHT_COLUMN, weight));
                json::write_row(schema.names().zip(values), weighted, text);
                text.push('\n');
            }
        }
    }
}

impl Lines {
    /// Opens the file; nothing in it changes yet.
    pub(super) fn open(path: &str, layout: Layout) -> io::Result<Lines> {
        let out = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        Ok(Lines { out: BufWriter::with_capacity(1 << 18, out), layout })
    }

    /// Begins the file anew.
    pub(super) fn restart(&mut self) -> io::Result<()> {
        // A pipe or a terminal has no length and no place.
        if self.out.get_ref().metadata()?.is_file() {
            self.out.get_ref().set_len(0)?;
            self.out.seek(SeekFrom::Start(0))?;
        }
        self.out.write_all(self.layout.header().as_bytes())
    }
}

impl Write for Lines {
    fn take(&mut self, set: &ChangeSet) -> io::Result<()> {
        self.out.write_all(self.layout.lines(set).as_bytes())
    }

    fn rest(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

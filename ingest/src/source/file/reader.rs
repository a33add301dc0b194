//! A file as batches of rows, whatever its format.

use arrow::array::RecordBatch;
use sluicedb::db::{Schema, SqlError};

use super::columns::Columns;
use super::text::Lines;
use crate::file::Options;

/// What comes next of a file.
pub(crate) enum Found {
    /// Rows: at most those of one push, with the columns of the relation.
    Rows(RecordBatch),
    /// Rows that could not be read, and no other.
    Rejected,
    /// Nothing for now: the file may grow.
    Nothing,
    /// Nothing any more.
    End,
}

/// A file that is being read.
pub(crate) enum Reader {
    /// Lines of text.
    Lines(Box<Lines>),
    /// Batches of columns.
    Columns(Box<Columns>),
}

impl Reader {
    /// Opens a file, and looks whether it has the columns. One that grows ends with `follow` only.
    pub(crate) fn open(file: &Options, schema: &Schema, follow: bool) -> Result<Reader, SqlError> {
        if file.format.is_text() {
            return Ok(Reader::Lines(Box::new(Lines::open(file, schema, follow)?)));
        }
        Ok(Reader::Columns(Box::new(Columns::open(file, schema)?)))
    }

    /// Reads on. `reject` hears why a row cannot be read, and where it is; the others go on. What is
    /// wrong with the file itself is an error.
    pub(crate) fn next(&mut self, reject: &mut dyn FnMut(String)) -> Result<Found, String> {
        match self {
            Reader::Lines(lines) => lines.next(reject),
            Reader::Columns(columns) => columns.next(reject),
        }
    }
}

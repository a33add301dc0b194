//! A file as batches of rows, whatever its format.

use std::fmt;

use sluicedb::db::{Position, Schema, SqlError};

use super::columns::Columns;
use super::text::Lines;
use crate::file::Options;
use crate::format::rows::Read;

/// What comes next of a file.
pub(crate) enum Found {
    /// Rows: at most those of one push, with the columns of the relation.
    Rows(Read),
    /// Rows that could not be read, and no other.
    Rejected,
    /// Nothing for now: the file may grow.
    Nothing,
    /// Nothing any more.
    End,
}

/// A row that cannot be read.
pub(crate) struct Rejected<'a> {
    /// Where it is, in words.
    pub(crate) place: String,
    /// Bytes in front of it, or rows where it has no bytes of its own.
    pub(crate) offset: u64,
    /// Its bytes, where it has its own.
    pub(crate) raw: &'a [u8],
    pub(crate) why: String,
}

impl fmt::Display for Rejected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.why)
    }
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

    /// Goes on at a position, of an earlier life. An error where the file is not what it was.
    pub(crate) fn resume(&mut self, position: Position) -> Result<(), String> {
        match self {
            Reader::Lines(lines) => lines.resume(position),
            Reader::Columns(columns) => columns.resume(position),
        }
    }

    /// The position with this offset, which lies in front of where it is.
    pub(crate) fn position(&self, offset: u64) -> Result<Position, String> {
        match self {
            Reader::Lines(lines) => lines.position(offset),
            Reader::Columns(columns) => Ok(columns.position(offset)),
        }
    }

    /// Reads on. `reject` hears why a row cannot be read, and where it is; the others go on. What is
    /// wrong with the file itself is an error.
    pub(crate) fn next(&mut self, reject: &mut dyn FnMut(&Rejected<'_>)) -> Result<Found, String> {
        match self {
            Reader::Lines(lines) => lines.next(reject),
            Reader::Columns(columns) => columns.next(reject),
        }
    }
}

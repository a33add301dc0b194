//! A file as batches of rows, whatever its format.

use std::fmt;

use sluicedb::db::{Position, Schema, SqlError};

use super::columns::Columns;
use super::several::files;
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

/// The files of a path that are being read, one behind the other.
pub(crate) struct Reader {
    content: Content,
    schema: Schema,
    /// The files behind it, the last one first.
    rest: Vec<Options>,
}

enum Content {
    /// Lines of text.
    Lines(Box<Lines>),
    /// Batches of columns.
    Columns(Box<Columns>),
}

impl Reader {
    /// Opens what a path stands for, and looks whether each file has the columns. One that grows
    /// ends with `follow` only.
    pub(crate) fn open(file: &Options, schema: &Schema, follow: bool) -> Result<Reader, SqlError> {
        let mut rest = files(file)?;
        rest.reverse();
        let first = rest.pop().expect("a path stands for one file at least");
        let content = Content::open(&first, schema, follow)?;
        for other in rest.iter().rev() {
            Content::open(other, schema, follow)?;
        }
        Ok(Reader { content, schema: schema.clone(), rest })
    }

    /// Goes on at a position, of an earlier life. An error where the file is not what it was.
    pub(crate) fn resume(&mut self, position: Position) -> Result<(), String> {
        match &mut self.content {
            Content::Lines(lines) => lines.resume(position),
            Content::Columns(columns) => columns.resume(position),
        }
    }

    /// The position with this offset, which lies in front of where it is.
    pub(crate) fn position(&self, offset: u64) -> Result<Position, String> {
        match &self.content {
            Content::Lines(lines) => lines.position(offset),
            Content::Columns(columns) => Ok(columns.position(offset)),
        }
    }

    /// Whether positions say where it is: in one file, which is not packed.
    pub(crate) fn has_positions(&self) -> bool {
        self.rest.is_empty()
            && match &self.content {
                Content::Lines(lines) => lines.seeks(),
                Content::Columns(_) => true,
            }
    }

    /// Reads on. `reject` hears why a row cannot be read, and where it is; the others go on. What is
    /// wrong with the file itself is an error.
    pub(crate) fn next(&mut self, reject: &mut dyn FnMut(&Rejected<'_>)) -> Result<Found, String> {
        loop {
            let found = match &mut self.content {
                Content::Lines(lines) => lines.next(reject)?,
                Content::Columns(columns) => columns.next(reject)?,
            };
            if !matches!(found, Found::End) {
                return Ok(found);
            }
            let Some(next) = self.rest.pop() else { return Ok(found) };
            let opened = Content::open(&next, &self.schema, false);
            self.content = opened.map_err(|error| error.message)?;
        }
    }
}

impl Content {
    fn open(file: &Options, schema: &Schema, follow: bool) -> Result<Content, SqlError> {
        if file.format.is_text() {
            return Ok(Content::Lines(Box::new(Lines::open(file, schema, follow)?)));
        }
        Ok(Content::Columns(Box::new(Columns::open(file, schema)?)))
    }
}

//! `FROM FILE (path = 'x.csv', format = 'csv', follow = false, header = true, delimiter = ',')`.
//!
//! The file is read once, from its beginning, in bounded memory. A row that cannot be read is
//! counted, and the rest goes on. In a database with a directory it is read on after a restart from
//! where it was, if it is still the same file: one that is followed may have grown. A path with `*`,
//! `?` or `[..]` stands for all files that it matches, which are read in the order of their names, and
//! text that gzip packed is unpacked; both are read whole or not at all, and refused in a directory.

mod bytes;
pub(crate) mod columns;
pub(crate) mod infer;
mod open;
mod reader;
mod several;
mod text;

use std::fs;
use std::time::Duration;

use arrow::array::RecordBatch;
use sluicedb::db::{BatchSource, Fault, Feed, Link, Schema, SqlError};
use sluicedb_sql::dialect::options;
use sluicedb_sql::dialect::syntax::Connector;

use super::sleep;
use crate::file::Options;
use crate::format::rows::Read;
use crate::linked::variable;
pub(crate) use reader::{Found, Reader, Rejected};

/// How long the end of a file that is followed rests before it is looked at again.
const FOLLOW: Duration = Duration::from_millis(50);

/// A file that is read into a source.
pub(crate) struct FileSource {
    path: String,
    follow: bool,
    reader: Reader,
    /// Whether it is there to be read again: a pipe is not.
    resumes: bool,
}

impl FileSource {
    /// Opens the file, and looks whether it has the columns.
    pub(crate) fn new(connector: &Connector, schema: &Schema) -> Result<FileSource, SqlError> {
        let mut options = options::Reader::new(&connector.options, "FROM FILE", &variable);
        let file = Options::read(&mut options, connector.at, None)?;
        let follow = options.boolean("follow")?.unwrap_or(false);
        options.finish()?;
        let hindrance = if !file.format.is_text() {
            Some("only lines of text can be read while they come")
        } else {
            several::is_pattern(&file.path).then_some("it stands for several files")
        };
        if let (true, Some(hindrance)) = (follow, hindrance) {
            let message = format!("\"{}\" cannot be followed: {hindrance}", file.path);
            let error = SqlError::invalid_parameter(message);
            return Err(error.hint("Leave \"follow\" out.").at(connector.at));
        }
        let reader = Reader::open(&file, schema, follow)?;
        let is_file = fs::metadata(&file.path).is_ok_and(|known| known.is_file());
        let resumes = is_file && reader.has_positions();
        Ok(FileSource { path: file.path, follow, reader, resumes })
    }
}

/// Bytes of rows of a file that is read whole.
const WHOLE_BYTES_MAX: usize = 4 << 30;

/// All rows of a file as it is. One that cannot be read is an error: the answer would be wrong.
pub(crate) fn rows(file: &Options, schema: &Schema) -> Result<Vec<RecordBatch>, SqlError> {
    let mut reader = Reader::open(file, schema, false)?;
    let mut rows = Vec::new();
    let mut bytes = 0;
    loop {
        let mut refused = None;
        let found = reader.next(&mut |rejected| {
            refused.get_or_insert_with(|| rejected.to_string());
        });
        if let Some(why) = refused {
            return Err(SqlError::invalid_text(why).hint(
                "CREATE SOURCE .. FROM FILE with columns of your own leaves such rows out, and counts them.",
            ));
        }
        let failed = |why| SqlError::invalid_parameter(format!("\"{}\": {why}", file.path));
        match found.map_err(|why| failed(why).at(file.at))? {
            Found::Rows(Read { batch, .. }) => {
                bytes += batch.get_array_memory_size();
                rows.push(batch);
            }
            Found::Rejected => {}
            Found::Nothing | Found::End => return Ok(rows),
        }
        if bytes > WHOLE_BYTES_MAX {
            let what = format!("bytes of rows of \"{}\" in one query", file.path);
            return Err(SqlError::limit_exceeded(&what, bytes, WHOLE_BYTES_MAX)
                .hint("Create a source of it, and a materialized view of what you want to know.")
                .at(file.at));
        }
    }
}

impl Feed for FileSource {
    fn ends(&self) -> bool {
        !self.follow
    }

    fn resumes(&self) -> bool {
        self.resumes
    }

    fn run(mut self: Box<Self>, mut source: BatchSource, link: &Link) -> Result<(), Fault> {
        if source.has_finished() {
            // It was read to its end, and event time is over.
            return Ok(());
        }
        if let Some(position) = source.position() {
            let resumed = self.reader.resume(position);
            resumed.map_err(|why| Fault::Failed(format!("{}: {why}", self.path)))?;
        }
        while !link.is_stopped() {
            let found = self.reader.next(&mut |rejected| {
                let Rejected { place, offset, raw, why } = rejected;
                link.reject_raw(place, *offset, raw, why);
            });
            let failed = |why| Fault::Failed(format!("{}: {why}", self.path));
            match found.map_err(failed)? {
                Found::Rows(Read { batch, ends }) => {
                    source.push_wait_at(batch, |rows| self.reader.position(ends[rows - 1]))?;
                }
                Found::Rejected => {}
                Found::Nothing => sleep(FOLLOW, link),
                Found::End => return Ok(source.finish()?),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;

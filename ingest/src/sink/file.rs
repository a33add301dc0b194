//! `INTO FILE (path = 'out.ndjson', format = 'json', envelope = 'plain', header = true)`.
//!
//! A file is written anew when its sink starts.
//! Lines are in the file whenever no change waits, and at the end.
//! Columns, as Arrow and Parquet have them, come to the file whole when the sink ends: until then
//! they are beside it as `out.parquet.partial`, and whoever reads `out.parquet` has the one before or
//! all of the new one, also after a kill. A sink that fails leaves the one before.
//!
//! All that holds in memory. A database with a directory writes in step with its checkpoints: see
//! `kept`.

mod columns;
mod kept;
mod partial;
mod text;

use std::fs::File;
use std::io;
use std::time::Duration;

use sluicedb::db::{ChangeSet, Drain, Ending, Fault, Link, Schema, SqlError, Subscription};
use sluicedb_sql::dialect::options::Reader;
use sluicedb_sql::dialect::syntax::Connector;

use crate::file::{Format, GZIP_SUFFIX, Options};
use crate::linked::variable;
use columns::{Columns, Shape};
pub(crate) use kept::KeptFile;
use partial::Partial;
use text::{Layout, Lines};

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

/// A file that changes are written to.
pub(crate) struct FileSink {
    path: String,
    writer: Writer,
}

enum Writer {
    Lines(Lines),
    Columns(Partial, File, Shape),
}

/// What the options say.
struct Chosen {
    file: Options,
    envelope: Envelope,
    /// Of the pages of Parquet.
    compression: Option<&'static str>,
}

impl Chosen {
    fn read(connector: &Connector, retracts: bool) -> Result<Chosen, SqlError> {
        let mut options = Reader::new(&connector.options, "INTO FILE", &variable);
        let file = Options::read(&mut options, connector.at, Some(Format::Json))?;
        if file.path.ends_with(GZIP_SUFFIX) {
            let error = SqlError::unsupported("a sink that packs its file by gzip");
            return Err(error.hint("Leave .gz out, or take parquet, which is packed.").at(file.at));
        }
        let envelope = options.choice("envelope", &["plain", "weight", "debezium"])?;
        let compression = match file.format {
            Format::Parquet => options.choice("compression", &columns::COMPRESSIONS)?,
            _ => None,
        };
        options.finish()?;
        let envelope = envelope_of(envelope, &file, retracts)?;
        Ok(Chosen { file, envelope, compression })
    }
}

impl FileSink {
    /// Opens the file; nothing in it changes yet.
    pub(crate) fn new(
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<FileSink, SqlError> {
        let chosen = Chosen::read(connector, retracts)?;
        let Options { path, format, at, .. } = &chosen.file;
        let writer = if format.is_text() {
            let layout = Layout::new(&chosen.file, schema, chosen.envelope);
            Writer::Lines(Lines::open(path, layout).map_err(|error| unwritable(path, &error, *at))?)
        } else {
            let shape = Shape::new(&chosen, schema)?;
            let made = Partial::create(path).map_err(|error| unwritable(path, &error, *at))?;
            Writer::Columns(made.0, made.1, shape)
        };
        Ok(FileSink { path: chosen.file.path, writer })
    }
}

fn envelope_of(named: Option<&str>, file: &Options, retracts: bool) -> Result<Envelope, SqlError> {
    Ok(match named {
        Some("plain") if retracts => {
            let error = SqlError::invalid_parameter(
                "rows of this query can go again, which envelope = 'plain' cannot tell",
            );
            return Err(error
                .hint("Take 'weight' or 'debezium', or EMIT ON WINDOW CLOSE.")
                .at(file.at));
        }
        Some("debezium") if file.format != Format::Json => {
            let error = SqlError::invalid_parameter("envelope = 'debezium' is JSON");
            return Err(error.hint("Take format = 'json', or envelope = 'weight'.").at(file.at));
        }
        Some("debezium") => Envelope::Debezium,
        Some("weight") => Envelope::Weight,
        None if retracts => Envelope::Weight,
        _ => Envelope::Plain,
    })
}

/// The error that a file cannot be written.
fn unwritable(path: &str, error: &io::Error, at: usize) -> SqlError {
    let error = SqlError::invalid_parameter(format!("\"{path}\" cannot be written: {error}"));
    error.hint("Look at the path and at its permissions; its folder must be there.").at(at)
}

impl Drain for FileSink {
    fn run(self: Box<Self>, changes: Subscription, link: &Link) -> Result<(), Fault> {
        let FileSink { path, writer } = *self;
        let failed = |error: io::Error| Fault::Failed(format!("{path}: {error}"));
        match writer {
            Writer::Lines(mut lines) => {
                let copied = lines.restart().and_then(|()| copy(changes, &mut lines, link));
                // What came before a fault is written.
                lines.rest().map_err(failed)?;
                copied.map_err(failed)?
            }
            Writer::Columns(partial, file, shape) => {
                let mut columns = Columns::over(file, &shape).map_err(failed)?;
                let ended = copy(changes, &mut columns, link).map_err(failed)?;
                if matches!(&ended, Ok(()) | Err(Fault::Ended(Ending::Closed | Ending::Dropped(_))))
                {
                    let whole = columns.end().and_then(|file| partial.finish(&file));
                    whole.map_err(failed)?;
                }
                ended
            }
        }
    }
}

/// What takes changes to a file.
trait Write {
    /// Writes changes.
    fn take(&mut self, set: &ChangeSet) -> io::Result<()>;

    /// Hears that no change waits.
    fn rest(&mut self) -> io::Result<()>;
}

/// Writes all changes until there are no more; the inner result says how they ended.
fn copy(
    mut changes: Subscription,
    out: &mut impl Write,
    link: &Link,
) -> io::Result<Result<(), Fault>> {
    loop {
        let found = match changes.try_next() {
            Ok(None) if !changes.is_over() => {
                out.rest()?;
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
                out.take(&set)?;
                changes.recycle(set);
            }
            Ok(None) => return Ok(Ok(())),
            Err(error) => return Ok(Err(error.into())),
        }
    }
}

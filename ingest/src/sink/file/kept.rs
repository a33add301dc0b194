//! A file that is written in step with checkpoints, so that each change is there once whatever happens
//! to the process.

mod growing;
mod parts;

use std::fs::{self, File};
use std::io;
use std::path::Path;

use std::time::Duration;

use sluicedb::db::{
    ChangeSet, Ending, Error, Fault, Given, Kept, KeptDrain, Link, Position, Schema, SqlError,
};
use sluicedb_sql::dialect::syntax::Connector;

use super::{Chosen, WAIT};
use growing::Growing;
use parts::Parts;

/// What is put behind the name of a file that no sealed checkpoint has.
const SUFFIX: &str = ".partial";

/// A file, or a folder of parts, that changes are written to.
pub(crate) struct KeptFile {
    path: String,
    /// The byte of the text at which the connector stands.
    at: usize,
    target: Target,
}

enum Target {
    Growing(Box<Growing>),
    Parts(Box<Parts>),
}

impl KeptFile {
    /// Reads the options, and looks whether they can be followed; changes nothing yet.
    pub(crate) fn new(
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<KeptFile, SqlError> {
        let chosen = Chosen::read(connector, retracts)?;
        let target = if chosen.file.format.is_text() {
            Target::Growing(Box::new(Growing::new(&chosen, schema)?))
        } else {
            Target::Parts(Box::new(Parts::new(&chosen, schema)?))
        };
        Ok(KeptFile { path: chosen.file.path, at: chosen.file.at, target })
    }
}

impl KeptDrain for KeptFile {
    fn check_fresh(&self) -> Result<(), SqlError> {
        let Target::Parts(parts) = &self.target else { return Ok(()) };
        let Some(why) = parts.occupied() else { return Ok(()) };
        let error = SqlError::invalid_parameter(format!("\"{}\" {why}", self.path));
        Err(error
            .hint(
                "A database with a directory writes a part for each checkpoint, in a folder of this \
                 name: name one that is empty, or not there.",
            )
            .at(self.at))
    }

    fn run(self: Box<Self>, changes: Kept, _link: &Link) -> Result<(), Fault> {
        let KeptFile { path, target, at: _ } = *self;
        let ended = match target {
            Target::Growing(mut file) => keep(changes, &mut *file),
            Target::Parts(mut parts) => keep(changes, &mut *parts),
        };
        ended.map_err(|error| Fault::Failed(format!("{path}: {error}")))?
    }
}

/// What takes changes to where a restart finds those that a sealed checkpoint has, and no others.
trait Keeps {
    /// Begins, or goes on at a position.
    fn begin(&mut self, position: Option<Position>) -> io::Result<()>;

    /// Writes changes.
    fn take(&mut self, set: &ChangeSet) -> io::Result<()>;

    /// Hears that no change waits.
    fn rest(&mut self) -> io::Result<()>;

    /// Makes safe what was taken. Returns where it goes on behind that.
    fn mark(&mut self, mark: u64) -> io::Result<Position>;

    /// Shows what was taken in front of a mark that is sealed.
    fn sealed(&mut self, mark: u64) -> io::Result<()>;

    /// Shows all there is: the sink was dropped, and nobody comes back to it.
    fn finish(&mut self) -> io::Result<()>;
}

/// Writes all changes until there are no more; the inner result says how they ended.
fn keep(mut changes: Kept, out: &mut impl Keeps) -> io::Result<Result<(), Fault>> {
    out.begin(changes.position())?;
    let mut time = Duration::ZERO;
    loop {
        out.sealed(changes.sealed())?;
        match changes.next_timeout(time) {
            Ok(Given::Changes(set)) => {
                out.take(&set)?;
                changes.recycle(set);
            }
            Ok(Given::Mark(mark)) => {
                let position = out.mark(mark)?;
                changes.written(mark, position);
            }
            Ok(Given::Nothing) => {
                out.rest()?;
                time = WAIT;
                continue;
            }
            Ok(Given::End) => {
                out.rest()?;
                out.sealed(changes.sealed())?;
                return Ok(Ok(()));
            }
            Err(Error::Ended(Ending::Dropped(_))) => {
                out.finish()?;
                return Ok(Ok(()));
            }
            Err(error) => return Ok(Err(error.into())),
        }
        time = Duration::ZERO;
    }
}

/// The error that what a position speaks of is not there.
fn lost(why: &str) -> io::Error {
    io::Error::other(format!(
        "{why}. What was written cannot be written again: put it back as it was, or drop the sink and \
         create it anew"
    ))
}

/// Removes a file that may not be there.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Makes safe which names lead to what in a folder.
fn sync_folder(folder: Option<&Path>) -> io::Result<()> {
    let folder = folder.filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

//! Columns in a folder of parts, one for each checkpoint that has changes for it.
//!
//! Invariants:
//! - A part appears under its name once the checkpoint of its number is sealed; until then it is
//!   called `.partial`, and a restart removes it unless a sealed checkpoint has it.
//! - Numbers of checkpoints grow, and the position of a sink is that of its last part.

use std::fs::{self, File};
use std::io;
use std::path::PathBuf;

use sluicedb::db::{ChangeSet, Position, Schema, SqlError};

use super::super::Write as _;
use super::super::columns::{Columns, Shape};
use super::{Chosen, Keeps, SUFFIX, lost, remove, sync_folder};
use crate::witness::Witness;

/// The part that is being written, which has no number yet.
const OPEN: &str = "part-open.partial";

/// A folder of parts.
pub(super) struct Parts {
    folder: PathBuf,
    extension: &'static str,
    shape: Shape,
    open: Option<Columns>,
    /// Of the last part that was made safe.
    last: Position,
    /// Parts that wait for their checkpoint to be sealed, the oldest first.
    waiting: Vec<u64>,
}

/// Before the first part.
const NOTHING: Position = Position { offset: 0, check: 0 };

impl Parts {
    pub(super) fn new(chosen: &Chosen, schema: &Schema) -> Result<Parts, SqlError> {
        let shape = Shape::new(chosen, schema)?;
        let extension = shape.extension();
        let folder = PathBuf::from(&chosen.file.path);
        Ok(Parts { folder, extension, shape, open: None, last: NOTHING, waiting: Vec::new() })
    }

    /// Why nothing can begin in the folder, if it has anything in it but remains, which go.
    pub(super) fn occupied(&self) -> Option<String> {
        match self.names() {
            Ok(names) if names.iter().all(|name| name.ends_with(SUFFIX)) => None,
            Ok(_) => Some("has something in it".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => Some(format!("cannot be a folder of parts: {error}")),
        }
    }

    fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.folder)?;
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
    }

    /// The number in the name of a part that has one.
    fn number(&self, name: &str) -> Option<u64> {
        let rest = name.strip_prefix("part-")?.strip_suffix(SUFFIX)?;
        rest.strip_suffix(self.extension)?.parse().ok()
    }

    fn part(&self, number: u64) -> PathBuf {
        self.folder.join(format!("part-{number:020}{}", self.extension))
    }

    fn partial(&self, number: u64) -> PathBuf {
        self.folder.join(format!("part-{number:020}{}{SUFFIX}", self.extension))
    }

    fn show(&self, number: u64) -> io::Result<()> {
        fs::rename(self.partial(number), self.part(number))
    }

    /// Ends the part that is being written, and gives it its number.
    fn close(&mut self, number: u64) -> io::Result<()> {
        let Some(open) = self.open.take() else { return Ok(()) };
        let file = open.end()?;
        file.sync_all()?;
        let check = Witness::of(&file)?.whole()?;
        fs::rename(self.folder.join(OPEN), self.partial(number))?;
        sync_folder(Some(&self.folder))?;
        self.last = Position { offset: number, check };
        self.waiting.push(number);
        Ok(())
    }
}

impl Keeps for Parts {
    fn begin(&mut self, position: Option<Position>) -> io::Result<()> {
        if position.is_none() {
            self.occupied().map_or(Ok(()), |why| Err(io::Error::other(why)))?;
            fs::create_dir_all(&self.folder)?;
            sync_folder(self.folder.parent())?;
        }
        self.last = position.unwrap_or(NOTHING);
        for name in self.names()?.iter().filter(|name| name.ends_with(SUFFIX)) {
            match self.number(name) {
                // The checkpoint was sealed, and its process ended before it was shown.
                Some(number) if number <= self.last.offset => self.show(number)?,
                _ => remove(&self.folder.join(name))?,
            }
        }
        sync_folder(Some(&self.folder))?;
        if self.last != NOTHING {
            let found = File::open(self.part(self.last.offset)).and_then(|file| {
                let check = Witness::of(&file)?.whole()?;
                Ok(check == self.last.check)
            });
            if !found.is_ok_and(|same| same) {
                let name = self.part(self.last.offset);
                return Err(lost(&format!("{} is not what it was", name.display())));
            }
        }
        Ok(())
    }

    fn take(&mut self, set: &ChangeSet) -> io::Result<()> {
        if self.open.is_none() {
            let path = self.folder.join(OPEN);
            let mut options = File::options();
            options.read(true).write(true).create(true).truncate(true);
            self.open = Some(Columns::over(options.open(path)?, &self.shape)?);
        }
        self.open.as_mut().expect("made above").take(set)
    }

    fn rest(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn mark(&mut self, mark: u64) -> io::Result<Position> {
        self.close(mark)?;
        Ok(self.last)
    }

    fn sealed(&mut self, mark: u64) -> io::Result<()> {
        let sealed = self.waiting.iter().take_while(|number| **number <= mark).count();
        if sealed == 0 {
            return Ok(());
        }
        let shown: Vec<u64> = self.waiting.drain(..sealed).collect();
        shown.into_iter().try_for_each(|number| self.show(number))?;
        sync_folder(Some(&self.folder))
    }

    fn finish(&mut self) -> io::Result<()> {
        // Above all numbers so far, and below those of the sinks that come: there are none here.
        let number = self.waiting.last().map_or(self.last.offset, |last| *last) + 1;
        self.close(number)?;
        self.sealed(u64::MAX)
    }
}

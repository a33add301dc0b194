//! Lines at the end of one file. A restart cuts off what no sealed checkpoint has.
//!
//! Until the first checkpoint with it is sealed it lies beside its name, so that what was there before
//! is not lost for a statement that is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sluicedb::db::{ChangeSet, Position, Schema, SqlError};

use super::super::text::Layout;
use super::super::{Chosen, unwritable};
use super::{Keeps, SUFFIX, lost, remove, sync_folder};
use crate::witness::Witness;

/// A file of lines that grows.
pub(super) struct Growing {
    /// What a link leads to is written, and not the link.
    to: PathBuf,
    /// Whether it lies beside its name.
    is_beside: bool,
    /// The first mark that it was made safe for in this life.
    first: Option<u64>,
    layout: Layout,
    out: Option<BufWriter<File>>,
}

impl Growing {
    pub(super) fn new(chosen: &Chosen, schema: &Schema) -> Result<Growing, SqlError> {
        let (path, at) = (&chosen.file.path, chosen.file.at);
        let to = fs::canonicalize(path).unwrap_or_else(|_| PathBuf::from(path));
        if fs::metadata(&to).is_ok_and(|known| !known.is_file()) {
            let message =
                format!("\"{path}\" is no file from which something can be cut off again");
            let error = SqlError::unsupported(message);
            return Err(error
                .hint("After a crash what no checkpoint has is cut off: name a file.")
                .at(at));
        }
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        fs::metadata(folder.unwrap_or(Path::new(".")))
            .map_err(|error| unwritable(path, &error, at))?;
        let layout = Layout::new(&chosen.file, schema, chosen.envelope);
        Ok(Growing { to, is_beside: false, first: None, layout, out: None })
    }

    fn beside(&self) -> PathBuf {
        let mut name = self.to.clone().into_os_string();
        name.push(SUFFIX);
        PathBuf::from(name)
    }

    fn out(&mut self) -> &mut BufWriter<File> {
        self.out.as_mut().expect("it was begun")
    }

    /// Goes on at the end of a file.
    fn append_to(&mut self, mut file: File) -> io::Result<()> {
        file.seek(SeekFrom::End(0))?;
        self.out = Some(BufWriter::with_capacity(1 << 18, file));
        Ok(())
    }

    /// Puts the file where it belongs.
    fn show(&mut self) -> io::Result<()> {
        if !std::mem::take(&mut self.is_beside) {
            return Ok(());
        }
        fs::rename(self.beside(), &self.to)?;
        sync_folder(self.to.parent())
    }
}

/// Opens a file that has what a position speaks of, and cuts off the rest; or says why it does not.
fn open_at(path: &Path, position: Position) -> io::Result<Result<File, String>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    if let Some(why) = Witness::of(&file)?.differs(position)? {
        return Ok(Err(why));
    }
    file.set_len(position.offset)?;
    file.sync_all()?;
    Ok(Ok(file))
}

impl Keeps for Growing {
    fn begin(&mut self, position: Option<Position>) -> io::Result<()> {
        let beside = self.beside();
        let Some(position) = position else {
            let mut options = OpenOptions::new();
            options.read(true).write(true).create(true).truncate(true);
            self.append_to(options.open(beside)?)?;
            self.is_beside = true;
            let header = self.layout.header().as_bytes().to_vec();
            return self.out().write_all(&header);
        };
        let why = match open_at(&self.to, position)? {
            Ok(file) => {
                remove(&beside)?;
                return self.append_to(file);
            }
            Err(why) => why,
        };
        // The checkpoint was sealed, and its process ended before the file was put in its place.
        match open_at(&beside, position)? {
            Ok(file) => {
                self.is_beside = true;
                self.append_to(file)?;
                self.show()
            }
            Err(_) => Err(lost(&why)),
        }
    }

    fn take(&mut self, set: &ChangeSet) -> io::Result<()> {
        let lines = self.layout.lines(set);
        self.out.as_mut().expect("it was begun").write_all(lines.as_bytes())
    }

    fn rest(&mut self) -> io::Result<()> {
        self.out().flush()
    }

    fn mark(&mut self, mark: u64) -> io::Result<Position> {
        self.out().flush()?;
        let file = self.out().get_ref();
        file.sync_all()?;
        let position = Witness::of(file)?.behind(file.metadata()?.len())?;
        if self.is_beside {
            sync_folder(self.to.parent())?;
        }
        self.first.get_or_insert(mark);
        Ok(position)
    }

    fn sealed(&mut self, mark: u64) -> io::Result<()> {
        if self.first.is_some_and(|first| first <= mark) { self.show() } else { Ok(()) }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.rest()?;
        self.show()
    }
}

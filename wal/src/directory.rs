//! The directory of a database: held by one process, founded once, durable before it is read.
//!
//! Invariants:
//! - What is refused is left as it was: nothing is written before the names in the directory were
//!   looked at and nobody else holds it.
//! - The identity gets its name only after its bytes are durable.
//! - The descriptor that syncs the directory is opened before anything is written there: the system
//!   tells it of every write that failed.
//! - Files and directory are synced before the first of them is read.

mod error;
mod read;
mod room;
mod salvage;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

pub use error::DirectoryError;
pub(crate) use read::Reader;
pub use room::free_bytes;

use crate::disk::{Failure, Files};
use crate::identity;
use crate::name::FileName;

/// The file that whoever has the directory open holds a lock on. It is never removed: a process
/// that waits at the removed file and one that makes it again would both have the lock.
pub const LOCK: &str = "LOCK";
/// The identity on its way.
const DRAFT: &str = "identity.draft";
/// Bytes without which no database is opened: less than it may write before it takes the first row.
const FREE_BYTES_MIN: u64 = 1 << 20;
/// What a fresh file system of its own holds.
pub(crate) const LOST_AND_FOUND: &str = "lost+found";

/// A directory that this process holds, with its files as a stopped database left them.
///
/// Others are kept out until it is dropped, or the [`Disks`](crate::Disks) that were made of it.
#[derive(Debug)]
pub struct Directory {
    place: Place,
    database: u128,
    founded: bool,
    /// The files and their bytes, after the sync.
    files: BTreeMap<FileName, u64>,
    reader: RefCell<Reader>,
}

/// Where the directory is, and that it is ours.
#[derive(Debug)]
pub(crate) struct Place {
    path: PathBuf,
    handle: File,
    lock: File,
}

/// The names in a directory.
#[derive(Debug, Default)]
struct Survey {
    files: Vec<FileName>,
    foreign: Option<String>,
    not_a_file: Option<String>,
}

impl Directory {
    /// Takes the directory at `path`, and makes it if it is missing. One that is empty gets a
    /// database of its own.
    pub fn open(path: &Path) -> Result<Directory, DirectoryError> {
        check_room(path)?;
        let made = make(path)?;
        let fail = |doing| move |error| DirectoryError::of(path, doing, &error);
        let place = fs::canonicalize(path).map_err(fail("finding the directory"))?;
        let handle = File::open(&place).map_err(fail("opening the directory"))?;
        survey(path)?.judge(path)?;
        let lock = lock(path)?;
        let place = Place { path: place, handle, lock };
        // Whoever held the directory until just now may have founded its database.
        let founded = !survey(path)?.judge(path)?;
        if founded {
            sync_parent(&place.path, made).map_err(fail("making the directory durable"))?;
            place.found().map_err(fail("writing the identity file"))?;
        }
        let files = place.settle(path)?;
        let reader = RefCell::default();
        let mut directory = Directory { place, database: 0, founded, files, reader };
        let identity = |error| DirectoryError::Identity { path: path.to_owned(), error };
        let database = identity::read(&directory).map_err(identity)?;
        directory.database = database.expect("a directory without an identity was founded");
        Ok(directory)
    }

    /// The database that it was founded for.
    pub fn database(&self) -> u128 {
        self.database
    }

    /// Whether it was empty, so that the database begins with it.
    pub fn founded(&self) -> bool {
        self.founded
    }

    /// Where it is, whatever the working directory becomes.
    pub fn path(&self) -> &Path {
        &self.place.path
    }

    /// The place alone: what was found there is not true for longer.
    pub(crate) fn into_place(self) -> Place {
        self.place
    }
}

impl Files for Directory {
    fn list(&self) -> Vec<FileName> {
        self.files.keys().copied().collect()
    }

    fn size(&self, file: &FileName) -> Option<u64> {
        self.files.get(file).copied()
    }

    fn read(&self, file: &FileName, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        let read = self.reader.borrow_mut().read(&self.place.path, *file, offset, len);
        read.map_err(|error| Failure::of(&error))
    }
}

impl Place {
    pub(crate) fn file(&self, name: FileName) -> PathBuf {
        self.path.join(name.to_string())
    }

    /// Makes the names durable, if the path still leads to them.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (held, found) = (self.handle.metadata()?, fs::metadata(&self.path)?);
        if (held.dev(), held.ino()) != (found.dev(), found.ino()) {
            return Err(io::Error::other("the directory was moved while it was open"));
        }
        self.handle.sync_all()
    }

    fn found(&self) -> io::Result<()> {
        let draft = self.path.join(DRAFT);
        let found = || {
            let mut file = File::create(&draft)?;
            file.write_all(&identity::encode(random()?))?;
            file.sync_all()?;
            fs::rename(&draft, self.file(FileName::Identity))?;
            self.handle.sync_all()
        };
        found().inspect_err(|_| {
            // It is harmless where it stays: the next attempt writes it again.
            let _ = fs::remove_file(&draft);
        })
    }

    /// Makes durable what an earlier life may have left in the page cache; the files and their
    /// bytes. `path` is how the caller calls the directory.
    fn settle(&self, path: &Path) -> Result<BTreeMap<FileName, u64>, DirectoryError> {
        let fail = |doing| move |error| DirectoryError::of(path, doing, &error);
        let mut files = BTreeMap::new();
        for name in survey(path)?.files {
            let file = File::open(self.file(name)).map_err(fail("opening a file"))?;
            file.sync_all().map_err(fail("syncing a file"))?;
            let metadata = file.metadata().map_err(fail("looking at a file"))?;
            files.insert(name, metadata.len());
        }
        self.handle.sync_all().map_err(fail("syncing the directory"))?;
        Ok(files)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // Closing it would not do: a process that another thread has just forked off shares the
        // lock until it closes its copy. Where this fails, closing releases it a moment later.
        let _ = self.lock.unlock();
    }
}

impl Survey {
    /// Whether the directory has a database; if not, it is empty.
    fn judge(self, path: &Path) -> Result<bool, DirectoryError> {
        let path = path.to_owned();
        if let Some(file) = self.not_a_file {
            return Err(DirectoryError::NotAFile { path, file });
        }
        if self.files.contains(&FileName::Identity) {
            return Ok(true);
        }
        if self.files.contains(&FileName::Backup) {
            return Err(DirectoryError::Backup { path });
        }
        if let Some(file) = self.files.first() {
            return Err(DirectoryError::NoIdentity { path, file: file.to_string() });
        }
        match self.foreign {
            Some(file) => Err(DirectoryError::Foreign { path, file }),
            None => Ok(false),
        }
    }
}

/// Refuses a full file system before anything is written there.
fn check_room(path: &Path) -> Result<(), DirectoryError> {
    let around =
        || free_bytes(path.parent().filter(|at| *at != Path::new("")).unwrap_or(Path::new(".")));
    // Where neither is there, making it tells better what is wrong.
    match free_bytes(path).or_else(|_| around()) {
        Ok(Some(free)) if free < FREE_BYTES_MIN => {
            Err(DirectoryError::Full { path: path.to_owned(), free })
        }
        _ => Ok(()),
    }
}

/// Makes the directory if nothing has its name; whether it did.
pub(crate) fn make(path: &Path) -> Result<bool, DirectoryError> {
    let looked = match fs::metadata(path) {
        Ok(metadata) if !metadata.is_dir() => {
            return Err(DirectoryError::NotADirectory { path: path.to_owned() });
        }
        looked => looked.map(|_| false),
    };
    match looked {
        Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::create_dir(path) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(DirectoryError::NoParent { path: path.to_owned() })
            }
            // Somebody else makes it at the same time, or a link leads nowhere.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(DirectoryError::of(path, "making the directory", &error)),
        },
        looked => looked.map_err(|e| DirectoryError::of(path, "looking at the directory", &e)),
    }
}

fn survey(path: &Path) -> Result<Survey, DirectoryError> {
    let fail = |error| DirectoryError::of(path, "listing the directory", &error);
    let mut survey = Survey::default();
    for entry in fs::read_dir(path).map_err(fail)? {
        let entry = entry.map_err(fail)?;
        let kind = match entry.file_type() {
            // It was removed meanwhile.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            kind => kind.map_err(fail)?,
        };
        let name = entry.file_name().to_string_lossy().into_owned();
        let file = FileName::parse(&name);
        let ours = file.is_some() || name == LOCK || name == DRAFT;
        let harmless = (name == LOST_AND_FOUND && kind.is_dir())
            || (name.starts_with(crate::probe::PREFIX) && kind.is_file());
        if ours && !kind.is_file() {
            survey.not_a_file = Some(name);
        } else if !(ours || harmless) {
            survey.foreign = Some(name);
        }
        survey.files.extend(file);
    }
    Ok(survey)
}

/// Keeps every other process, and every other place in this one, out of the directory.
pub(crate) fn lock(path: &Path) -> Result<File, DirectoryError> {
    let fail = |doing| move |error| DirectoryError::of(path, doing, &error);
    let mut options = OpenOptions::new();
    let options = options.read(true).write(true).create(true).truncate(false);
    let mut file = options.open(path.join(LOCK)).map_err(fail("opening the lock file"))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut said = String::new();
            let pid = file.read_to_string(&mut said).ok().and_then(|_| said.trim().parse().ok());
            return Err(DirectoryError::Locked { path: path.to_owned(), pid });
        }
        Err(TryLockError::Error(error)) => return Err(fail("locking the directory")(error)),
    }
    // The lock is what counts. Where the number cannot be written, the error will not name it.
    let said = format!("{}\n", std::process::id());
    let _ = file.set_len(0).and_then(|()| file.write_all_at(said.as_bytes(), 0));
    Ok(file)
}

/// Makes the name of the directory itself durable. Who did not make it may lack the right to.
pub(crate) fn sync_parent(path: &Path, made: bool) -> io::Result<()> {
    let Some(parent) = path.parent() else { return Ok(()) };
    match File::open(parent).and_then(|parent| parent.sync_all()) {
        Err(error) if !made && error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
        synced => synced,
    }
}

pub(crate) fn random() -> io::Result<u128> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(u128::from_le_bytes(bytes))
}

#[cfg(test)]
pub(crate) mod temp;
#[cfg(test)]
mod tests;

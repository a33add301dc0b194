//! Why a directory is not used, and what to do about it.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use super::LOCK;
use crate::disk::Failure;
use crate::error::OpenError;

/// Why a directory could not be opened. What is in it is as it was, but for who holds [`LOCK`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DirectoryError {
    /// Something else has the name.
    NotADirectory {
        /// The name.
        path: PathBuf,
    },
    /// The directory is missing, and so is the one it would be made in.
    NoParent {
        /// The directory that was asked for.
        path: PathBuf,
    },
    /// It holds no database, but it holds something.
    Foreign {
        /// The directory.
        path: PathBuf,
        /// One of the files in it.
        file: String,
    },
    /// It holds a backup, which is no database before it is restored.
    Backup {
        /// The directory.
        path: PathBuf,
    },
    /// It holds files of a database, but not the one that says of which.
    NoIdentity {
        /// The directory.
        path: PathBuf,
        /// One of the files in it.
        file: String,
    },
    /// A name that a database uses belongs to a directory, a link or a device.
    NotAFile {
        /// The directory.
        path: PathBuf,
        /// The name.
        file: String,
    },
    /// Somebody has it open.
    Locked {
        /// The directory.
        path: PathBuf,
        /// The process that said so, unless it was about to.
        pid: Option<u32>,
    },
    /// The file system has no room.
    Full {
        /// The directory.
        path: PathBuf,
        /// Bytes that are free.
        free: u64,
    },
    /// The file system takes no writes.
    ReadOnly {
        /// The directory.
        path: PathBuf,
    },
    /// The user that runs this process may not use it.
    Permission {
        /// The directory.
        path: PathBuf,
        /// What was denied.
        doing: &'static str,
    },
    /// Its identity cannot be read.
    Identity {
        /// The directory.
        path: PathBuf,
        /// Why.
        error: OpenError,
    },
    /// The system refused something else.
    Io {
        /// The directory.
        path: PathBuf,
        /// What was refused.
        doing: &'static str,
        /// What the system said.
        failure: Failure,
    },
}

impl DirectoryError {
    /// What the system's refusal means to whoever named the directory.
    pub(crate) fn of(path: &Path, doing: &'static str, error: &io::Error) -> DirectoryError {
        let path = path.to_owned();
        match error.kind() {
            io::ErrorKind::PermissionDenied => DirectoryError::Permission { path, doing },
            io::ErrorKind::ReadOnlyFilesystem => DirectoryError::ReadOnly { path },
            io::ErrorKind::NotADirectory => DirectoryError::NotADirectory { path },
            _ => DirectoryError::Io { path, doing, failure: Failure::of(error) },
        }
    }
}

impl fmt::Display for DirectoryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DirectoryError::NotADirectory { path } => {
                write!(f, "{} is not a directory: name another place", path.display())
            }
            DirectoryError::NoParent { path } => write!(
                f,
                "{} cannot be made because the directory around it is missing: make that one, \
                 or name another place",
                path.display()
            ),
            DirectoryError::Foreign { path, file } => write!(
                f,
                "{} is not a SluiceDB directory: it holds {file:?} and no database; name an empty \
                 or missing directory to begin a database, or the directory of an existing one",
                path.display()
            ),
            DirectoryError::Backup { path } => write!(
                f,
                "{0} holds a backup: `sluice restore {0} DIR` makes a database of it in another \
                 directory",
                path.display()
            ),
            DirectoryError::NoIdentity { path, file } => write!(
                f,
                "{} holds {file:?} of a database but not its identity file: bring that file back \
                 from a copy, or name an empty or missing directory to begin a database",
                path.display()
            ),
            DirectoryError::NotAFile { path, file } => write!(
                f,
                "{file:?} in {} is not a plain file: move it away, or name another directory",
                path.display()
            ),
            DirectoryError::Locked { path, pid } => locked(f, path, *pid),
            DirectoryError::ReadOnly { path } => write!(
                f,
                "{} is on a file system that takes no writes: mount it for writing, or name a \
                 directory on another one",
                path.display()
            ),
            DirectoryError::Permission { path, doing } => write!(
                f,
                "{}: {doing} is not permitted: give the user of this process the rights to read \
                 and write there, or name another directory",
                path.display()
            ),
            DirectoryError::Identity { path, error } => write!(
                f,
                "{} cannot be opened: {error}; bring the file back from a copy, or name another \
                 directory",
                path.display()
            ),
            DirectoryError::Full { path, free } => write!(
                f,
                "{} is on a file system that is full ({free} bytes are free): free space there, or \
                 name another directory",
                path.display()
            ),
            DirectoryError::Io { path, doing, failure } => write!(
                f,
                "{}: {doing} failed: {failure}; mend that, or name another directory",
                path.display()
            ),
        }
    }
}

fn locked(f: &mut fmt::Formatter<'_>, path: &Path, pid: Option<u32>) -> fmt::Result {
    let path = path.display();
    match pid {
        Some(pid) if pid == std::process::id() => write!(
            f,
            "{path} is open in this process (pid {pid}) already: use that database, or drop it \
             first"
        ),
        Some(pid) => write!(
            f,
            "{path} is in use by process {pid}, which holds {LOCK} in it: stop that process, or \
             name another directory"
        ),
        None => write!(
            f,
            "{path} is in use by another process, which holds {LOCK} in it: stop that process, or \
             name another directory"
        ),
    }
}

impl std::error::Error for DirectoryError {}

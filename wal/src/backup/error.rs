//! Why there is no copy, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use crate::directory::DirectoryError;
use crate::error::OpenError;

/// Why a backup was not taken or not restored. Nothing of it is left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BackupError {
    /// The place for the copy holds something.
    NotEmpty {
        /// The place.
        path: PathBuf,
        /// One of the files in it.
        file: String,
    },
    /// The place for the copy cannot be used.
    Place(DirectoryError),
    /// There is no backup, or only the beginning of one.
    NoBackup {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// A file is not what was written.
    Corrupt {
        /// Where it lies.
        path: PathBuf,
        /// What is wrong with it.
        error: OpenError,
    },
}

impl fmt::Display for BackupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackupError::NotEmpty { path, file } => write!(
                f,
                "{} holds {file:?}: name an empty or missing directory, which is filled with the copy",
                path.display()
            ),
            BackupError::Place(error) => write!(f, "{error}"),
            BackupError::NoBackup { path } => write!(
                f,
                "{} holds no whole backup: name the directory that BACKUP TO has filled; one that was \
                 cut short is to be taken again",
                path.display()
            ),
            BackupError::Corrupt { path, error } => write!(
                f,
                "the copy of {} was given up: {error}; nothing was made of it. Mend the file from \
                 another copy, or take another backup",
                path.display()
            ),
        }
    }
}

impl std::error::Error for BackupError {}

impl From<DirectoryError> for BackupError {
    fn from(error: DirectoryError) -> BackupError {
        BackupError::Place(error)
    }
}

//! Why a database could not be opened.

use std::fmt;

use crate::disk::Failure;
use crate::name::FileName;

/// Why files could not be read back. Everything else that goes wrong in this crate is a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OpenError {
    /// The disk returned other bytes than were made durable.
    Corrupt {
        /// Where.
        file: FileName,
        /// First byte of the unit (group, chunk, header) that is wrong.
        offset: u64,
        /// What is wrong with it.
        what: &'static str,
    },
    /// Written in a format that this build does not read.
    Version {
        /// Which.
        file: FileName,
        /// Its format.
        found: u32,
        /// The only one that this build reads.
        known: u32,
    },
    /// A file that recovery needs is not there.
    Missing {
        /// Which.
        file: FileName,
    },
    /// Belongs to another database.
    Foreign {
        /// Which.
        file: FileName,
        /// The database it belongs to.
        found: u128,
        /// The database that is opened.
        expected: u128,
    },
    /// The disk could not be read.
    Io {
        /// Which.
        file: FileName,
        /// What the disk said.
        failure: Failure,
    },
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OpenError::Corrupt { file, offset, what } => {
                write!(f, "{file} is corrupt at byte {offset}: {what}")
            }
            OpenError::Version { file, found, known } => {
                write!(
                    f,
                    "{file} has format {found}; this build reads format {known}: open it with a \
                     version of SluiceDB that reads format {found}"
                )
            }
            OpenError::Missing { file } => write!(f, "{file} is missing"),
            OpenError::Foreign { file, found, expected } => {
                write!(f, "{file} belongs to database {found:032x}, not to {expected:032x}")
            }
            OpenError::Io { file, failure } => write!(f, "{file} cannot be read: {failure}"),
        }
    }
}

impl std::error::Error for OpenError {}

//! Why a tool could not do its work. What it finds wrong in the workspace is not an error.

use std::fmt;
use std::path::{Path, PathBuf};

/// A tool that could not finish.
#[derive(Debug)]
pub enum Error {
    /// A file or folder could not be read or written.
    Io {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another program is missing, or ended with an error.
    Command {
        /// The program and its arguments.
        command: String,
        /// What it said.
        said: String,
    },
    /// A mutant file that cannot be used.
    Mutant {
        /// The name of the mutant.
        name: String,
        /// What is wrong with it.
        why: String,
    },
    /// The test suite does not pass without a planted bug, so it can prove nothing.
    Baseline {
        /// What failed.
        why: String,
    },
}

impl Error {
    /// Names the path of a failed read or write; made for `map_err`.
    pub fn io(path: &Path) -> impl FnOnce(std::io::Error) -> Error {
        move |source| Error::Io { path: path.to_owned(), source }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Error::Command { command, said } => write!(f, "`{command}` failed: {}", said.trim()),
            Error::Mutant { name, why } => write!(f, "tests/mutants/{name}.patch: {why}"),
            Error::Baseline { why } => write!(f, "without a planted bug {why}"),
        }
    }
}

impl std::error::Error for Error {}

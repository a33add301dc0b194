//! Why something was not done, with what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

use ::arrow::array::RecordBatch;
use sluicedb_sql::SqlError;
use sluicedb_wal::backup::BackupError;
use sluicedb_wal::directory::DirectoryError;
use sluicedb_wal::{Failure, OpenError};

use crate::core::arena::MemoryError;
use crate::core::effect::Stopped;
use crate::core::feeder::RowsError;
use crate::core::recovery::RecoverError;
use crate::shell::Ending;
use crate::shell::life::RELIEF;
use crate::shell::memory::BudgetError;
use crate::shell::start::StartError;
use crate::shell::topology::PlacementError;

/// Why a database was not opened, or did not do what it was asked for.
#[derive(Debug)]
pub enum Error {
    /// A plan, a name or a type does not fit.
    Sql(SqlError),
    /// `cores` or `shards` ask for what this machine does not have.
    Placement(PlacementError),
    /// `memory_limit` is too small.
    Memory(BudgetError),
    /// An option is out of range.
    Option {
        /// Its name.
        name: &'static str,
        /// What is wrong, and what may be asked for.
        what: String,
    },
    /// The directory cannot be used.
    Directory(DirectoryError),
    /// A backup was not taken or not restored.
    Backup(Box<BackupError>),
    /// What is in the directory cannot be taken up.
    Recover {
        /// The directory; none for a database in memory.
        directory: Option<PathBuf>,
        /// Why.
        error: RecoverError,
    },
    /// What is in the directory is corrupt, and nothing can be gone on from without it.
    NothingWhole {
        /// The directory.
        directory: PathBuf,
        /// What is wrong.
        error: OpenError,
    },
    /// A statement that made what the directory holds cannot be carried out again.
    Replay {
        /// The statement.
        statement: String,
        /// Why not: it names what it needs and does not find.
        error: SqlError,
    },
    /// The system refused address space.
    Address(MemoryError),
    /// The disk refused.
    Disk(Failure),
    /// The machine refused a thread.
    Thread(io::Error),
    /// The database has ended.
    Ended(Ending),
    /// A call that waits was made from a callback or a guest, or on a database that its caller turns:
    /// it would wait for itself.
    WouldWait,
    /// The subscriber did not keep up and was disconnected.
    Disconnected {
        /// Deltas that it missed before it was.
        missed: u64,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Sql(error) => write!(f, "{error}"),
            Error::Placement(error) => write!(f, "{error}"),
            Error::Memory(error) => write!(f, "{error}"),
            Error::Option { name, what } => write!(f, "{name}: {what}"),
            Error::Directory(error) => write!(f, "{error}"),
            Error::Backup(error) => write!(f, "{error}"),
            Error::Recover { directory: Some(directory), error } => {
                write!(f, "{}: {error}{}", directory.display(), choices(error))
            }
            Error::Recover { directory: None, error } => write!(f, "{error}"),
            Error::NothingWhole { directory, error } => write!(
                f,
                "{}: {error}. Nothing was changed: there is no checkpoint before it that is whole, so \
                 bring the file back from a copy",
                directory.display()
            ),
            Error::Replay { statement, error } => write!(
                f,
                "what the directory holds cannot be made again: {error}. The statement was: {statement}"
            ),
            Error::Address(error) => write!(f, "{error}: look at `ulimit -v`"),
            Error::Disk(failure) => write!(f, "the disk refused: {failure}"),
            Error::Thread(error) => write!(
                f,
                "the machine refused a thread for a shard ({error}): look at `ulimit -u` and \
                 `ulimit -n`"
            ),
            Error::Ended(ending) => write!(f, "{ending}"),
            Error::WouldWait => f.write_str(
                "this call waits for the database, and the database waits for this thread: from a \
                 callback, hand the work to another thread; inline, call turn and try again",
            ),
            Error::Disconnected { missed } => write!(
                f,
                "the subscription was cut because it did not keep up, {missed} changes were \
                 missed: subscribe again, take changes faster, or choose another overflow policy"
            ),
        }
    }
}

/// What can be done about files that are refused.
fn choices(error: &RecoverError) -> &'static str {
    match error {
        RecoverError::Files(OpenError::Corrupt { .. } | OpenError::Missing { .. }) => {
            ". Nothing was changed: bring the file back from a copy, or give up what cannot be read, which \
             says what that is and sets the old files aside (`sluice DIR --accept-data-loss`, \
             Builder::accept_data_loss)"
        }
        RecoverError::Files(OpenError::Foreign { .. }) => {
            ". Nothing was changed: move the file away and bring back the one of this database"
        }
        RecoverError::Files(OpenError::Version { .. } | OpenError::Io { .. }) => {
            ". Nothing was changed"
        }
        _ => "",
    }
}

impl std::error::Error for Error {}

impl From<SqlError> for Error {
    fn from(error: SqlError) -> Error {
        Error::Sql(error)
    }
}

impl From<BackupError> for Error {
    fn from(error: BackupError) -> Error {
        Error::Backup(Box::new(error))
    }
}

impl From<Ending> for Error {
    fn from(ending: Ending) -> Error {
        Error::Ended(ending)
    }
}

impl Error {
    /// For a statement about a view or stream that was given up.
    pub(super) fn stopped(stopped: &Stopped) -> Error {
        let error = SqlError::out_of_memory(stopped.to_string());
        let mut hint = RELIEF.to_owned();
        hint[..1].make_ascii_uppercase();
        Error::Sql(error.hint(hint + "."))
    }

    pub(super) fn starting(error: StartError, directory: Option<PathBuf>) -> Error {
        match error {
            StartError::Recover(RecoverError::Plan(error)) => Error::Sql(error),
            StartError::Recover(error) => Error::Recover { directory, error },
            StartError::Disk(failure) => Error::Disk(failure),
            StartError::Host(error) => Error::Thread(error),
        }
    }
}

/// Why rows were not pushed. Nothing of them was taken.
#[derive(Clone, PartialEq, Debug)]
pub enum PushError {
    /// The engine is behind: push again later, or wait with `push_wait`.
    Full(crate::core::feeder::PushError),
    /// A row does not fit the source.
    Rows(RowsError),
    /// A batch does not have the columns of the source.
    Sql(SqlError),
    /// The database has ended.
    Ended(Ending),
    /// A call that waits was made from a callback or a guest, or on a database that its caller turns.
    WouldWait,
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PushError::Full(error) => write!(f, "{error}"),
            PushError::Rows(error) => write!(f, "{error}"),
            PushError::Sql(error) => write!(f, "{error}"),
            PushError::Ended(ending) => write!(f, "{ending}"),
            PushError::WouldWait => write!(f, "{}", Error::WouldWait),
        }
    }
}

impl std::error::Error for PushError {}

impl PushError {
    /// Whether the same push may succeed later.
    pub fn is_full(&self) -> bool {
        matches!(self, PushError::Full(_))
    }
}

impl From<Ending> for PushError {
    fn from(ending: Ending) -> PushError {
        PushError::Ended(ending)
    }
}

/// A record batch that was not pushed, and why. Nothing of it was taken.
#[derive(Clone, PartialEq, Debug)]
pub struct BatchRefused {
    error: PushError,
    batch: RecordBatch,
}

impl BatchRefused {
    pub(super) fn new(error: PushError, batch: RecordBatch) -> BatchRefused {
        BatchRefused { error, batch }
    }

    /// Whether the same push may succeed later.
    pub fn is_full(&self) -> bool {
        self.error.is_full()
    }

    /// Why it was not pushed.
    pub fn error(&self) -> &PushError {
        &self.error
    }

    /// The batch as it came, buffers and all.
    pub fn into_batch(self) -> RecordBatch {
        self.batch
    }
}

impl fmt::Display for BatchRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.error)
    }
}

impl std::error::Error for BatchRefused {}

impl From<BatchRefused> for PushError {
    fn from(refused: BatchRefused) -> PushError {
        refused.error
    }
}

//! Whether a database runs, and why it does not; and the same of each relation of it.

use std::fmt;
use std::sync::{Arc, OnceLock, PoisonError, Weak};

use sluicedb_wal::Failure;

use super::memory::Size;
use super::sync::{AtomicBool, Mutex, Ordering};
use crate::core::effect::{Poison, Stopped};

/// Why a database, or one relation of it, takes and gives nothing more.
#[derive(Clone, PartialEq, Debug)]
pub enum Ending {
    /// It was closed.
    Closed,
    /// Its state or its disk does not let it go on; it can be opened again.
    Poisoned(Poison),
    /// The relation of this name was dropped; the database goes on.
    Dropped(String),
    /// The query behind the relation was given up, because its state took the memory that there is; the
    /// database goes on.
    Stopped(Arc<Stopped>),
    /// A bug of ours, or a callback of the application, panicked.
    Panicked(String),
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Ending::Closed => f.write_str("the database is closed"),
            Ending::Dropped(name) => write!(
                f,
                "\"{name}\" was dropped: drop this handle, and create the relation again if you \
                 need it"
            ),
            Ending::Stopped(stopped) => write!(f, "{stopped}: {RELIEF} (SQLSTATE 53200)"),
            Ending::Poisoned(Poison::Disk(failure)) if is_full(failure) => write!(
                f,
                "the database stopped because its disk is full: {failure}. What was not \
                 acknowledged may be lost; free space and open it again to recover the rest \
                 (SQLSTATE 53100)"
            ),
            Ending::Poisoned(Poison::Disk(failure)) => write!(
                f,
                "the database stopped because its disk failed: {failure}. What was not \
                 acknowledged may be lost; open it again to recover the rest"
            ),
            Ending::Poisoned(Poison::Memory { blocks_max }) => write!(
                f,
                "the database stopped because a shard had no memory for another source in its {} MiB: \
                 raise memory_limit, or drop what is not needed (SQLSTATE 53200)",
                u64::from(*blocks_max) * 4 / 1024
            ),
            Ending::Poisoned(Poison::Weight { operator }) => write!(
                f,
                "the database stopped because join {operator} makes one row more often than can \
                 be counted: add a condition to the join"
            ),
            Ending::Panicked(message) => write!(
                f,
                "the database stopped because one of its threads panicked: {message}. Unless a callback of \
                 yours did, please report it"
            ),
        }
    }
}

/// What can be done about a query that was given up.
pub(crate) const RELIEF: &str = "raise memory_limit, or DROP it and create it again with a window or another bound of its state";

impl fmt::Display for Stopped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Stopped { relation, operators: _, views: _, state_bytes, state_bytes_max } = self;
        let most = Size(*state_bytes_max);
        write!(f, "\"{relation}\" was stopped, with all that reads it, ")?;
        match state_bytes {
            Some(0) => {
                write!(f, "because a shard had nothing left of its {most} for it to begin with")
            }
            Some(bytes) => {
                write!(
                    f,
                    "because its state had grown to {} of the {most} of a shard",
                    Size(*bytes)
                )
            }
            None => f.write_str(
                "before the database was opened again, because its state had grown too large",
            ),
        }
    }
}

/// Whether the system had no room: on the device, or for this user.
fn is_full(failure: &Failure) -> bool {
    const ENOSPC: i32 = 28;
    const EDQUOT: i32 = 122;
    matches!(failure.errno, Some(ENOSPC | EDQUOT))
}

/// One life of a database, as everybody who talks to it sees it, or of a relation.
#[derive(Debug, Default)]
pub(crate) struct Life {
    ended: AtomicBool,
    ending: OnceLock<Ending>,
    /// Lives that end with this one, if they do not before.
    parts: Mutex<Vec<Weak<Life>>>,
}

impl Life {
    /// A life that has just begun.
    pub(crate) fn new() -> Arc<Life> {
        Arc::new(Life::default())
    }

    /// The life of a relation, which ends with this one or before.
    pub(crate) fn part(&self) -> Arc<Life> {
        let part = Life::new();
        let mut parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.retain(|part| part.strong_count() > 0);
        parts.push(Arc::downgrade(&part));
        drop(parts);
        // Whoever ends this life looks for parts after that, so one of the two sees the other.
        if self.has_ended() {
            part.end(self.why());
        }
        part
    }

    /// Ends it; the first reason stays.
    pub(crate) fn end(&self, ending: Ending) {
        let ending = self.ending.get_or_init(|| ending).clone();
        self.ended.store(true, Ordering::Release);
        let parts = self.parts.lock().unwrap_or_else(PoisonError::into_inner);
        parts.iter().filter_map(Weak::upgrade).for_each(|part| part.end(ending.clone()));
    }

    /// Whether it has ended.
    #[inline]
    pub(crate) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// Why it ended, if it has.
    pub(crate) fn ending(&self) -> Option<Ending> {
        if self.has_ended() { self.ending.get().cloned() } else { None }
    }

    /// An error once it has ended.
    #[inline]
    pub(crate) fn check(&self) -> Result<(), Ending> {
        if self.has_ended() { Err(self.why()) } else { Ok(()) }
    }

    /// Why it ended, for somebody who was turned away.
    #[cold]
    pub(crate) fn why(&self) -> Ending {
        self.ending.get().cloned().unwrap_or(Ending::Closed)
    }
}

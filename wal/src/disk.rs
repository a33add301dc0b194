//! What the state machines ask of a disk, and what recovery reads from one.
//!
//! Invariants:
//! - The disk may carry out and complete pending operations in any order. A state machine that
//!   needs an order waits for the completion first.
//! - Every write starts at a multiple of the block size and is whole blocks long.
//! - A write or creation is durable only after a [`DiskOp::Sync`] or [`DiskOp::SyncDirectory`]
//!   that was issued after its completion has completed.

use std::fmt;

use crate::name::FileName;

/// One operation on the directory of the database.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DiskOp {
    /// Makes an empty file; one that has the name is emptied.
    Create {
        /// Which.
        file: FileName,
    },
    /// Puts all of `bytes` at `offset`; a short write is a failure.
    Write {
        /// Which.
        file: FileName,
        /// A multiple of the block size.
        offset: u64,
        /// Whole blocks.
        bytes: Vec<u8>,
    },
    /// Makes the completed writes of a file durable.
    Sync {
        /// Which.
        file: FileName,
    },
    /// Gives a file another name, in place of what had it.
    Rename {
        /// The name that ends.
        from: FileName,
        /// The name that begins.
        to: FileName,
    },
    /// Removes a file.
    Remove {
        /// Which.
        file: FileName,
    },
    /// Makes the completed creations, renames and removals durable.
    SyncDirectory,
}

/// Pairs an operation with its completion.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticket(pub u64);

impl Ticket {
    /// Who issued it: the number given to [`Tickets::of`].
    pub fn owner(self) -> u16 {
        u16::try_from(self.0 >> OWNER_SHIFT).expect("a shift by 48 leaves 16 bits")
    }
}

const OWNER_SHIFT: u32 = 48;

/// Hands out tickets that differ from those of every other owner.
#[derive(Debug)]
pub struct Tickets {
    next: u64,
    end: u64,
}

impl Tickets {
    /// Tickets of one state machine; no two that live at the same time share an owner.
    pub fn of(owner: u16) -> Tickets {
        let next = u64::from(owner) << OWNER_SHIFT;
        Tickets { next, end: next | ((1 << OWNER_SHIFT) - 1) }
    }

    /// The next ticket.
    pub fn take(&mut self) -> Ticket {
        assert!(self.next < self.end, "an owner has 2^48 tickets");
        self.next += 1;
        Ticket(self.next)
    }

    pub(crate) fn owner(&self) -> u16 {
        Ticket(self.next).owner()
    }

    /// Issues `op` under the next ticket.
    pub(crate) fn issue(&mut self, op: DiskOp, issued: &mut Vec<Issued>) -> Ticket {
        let ticket = self.take();
        issued.push(Issued { ticket, op });
        ticket
    }
}

/// An operation to be carried out; its completion is reported with the ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// Names the operation.
    pub ticket: Ticket,
    /// What to do.
    pub op: DiskOp,
}

/// What the disk said when an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The system's error number, if it gave one.
    pub errno: Option<i32>,
    /// Its words.
    pub said: String,
}

#[cfg(feature = "shell")]
impl Failure {
    /// What the system said.
    pub(crate) fn of(error: &std::io::Error) -> Failure {
        let errno = error.raw_os_error();
        let mut said = error.to_string();
        if let Some(at) = said.find(" (os error") {
            // The number has a place of its own.
            said.truncate(at);
        }
        Failure { errno, said }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.errno {
            Some(errno) => write!(f, "{} (error {errno})", self.said),
            None => write!(f, "{}", self.said),
        }
    }
}

/// The files of a stopped database.
///
/// Whoever implements it syncs the files and the directory before anything is read: what recovery
/// has read must still be there after the next crash.
pub trait Files {
    /// All files whose names are ours, in any order.
    fn list(&self) -> Vec<FileName>;
    /// Bytes of a file, if it exists.
    fn size(&self, file: &FileName) -> Option<u64>;
    /// Exactly `len` bytes from `offset`, which lie inside the file.
    fn read(&self, file: &FileName, offset: u64, len: u64) -> Result<Vec<u8>, Failure>;
}

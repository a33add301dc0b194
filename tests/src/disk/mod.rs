//! The simulated disk: one directory of files that completes operations in any order and, when
//! power is lost, forgets what was not synced.
//!
//! Invariants:
//! - An operation is first carried out, later completed; the world decides when, for each apart.
//! - A sync makes durable exactly what was completed before the sync was issued.
//! - No block is written twice: what is durable is never at risk again.
//!
//! The fault atlas. A fault that no promise covers would only make noise, so it has no line here.
//!
//! | Fault | May hit | Promise |
//! | --- | --- | --- |
//! | power is lost | any moment, recovery included | newest sealed epoch, all that was acknowledged |
//! | operation never happened | queued ones, at power loss | the same |
//! | sector kept, lost, torn | writes without a completed sync, at power loss | the same |
//! | length grown, bytes zero | the same writes | the same |
//! | name kept or lost | creations, renames, removals without one, at power loss | the same |
//! | sync done, completion lost | syncs carried out, at power loss | the same |
//! | operation fails | a creation, a write, a sync of a file, a renaming | nothing is acknowledged after it |
//! | operation fails | a removal | the file is there, and nothing is lost |
//! | sync of the directory fails | it and all later ones | nothing is acknowledged after it |
//! | completion out of order | any operations | none is owed one |
//! | slow operation | any, over three orders of magnitude | all is done in the end |
//!
//! Bytes that were synced stay as they are: rot is found by the tests of the log.

mod crash;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicedb_wal::{DiskOp, Failure, FileName, Files, Issued, Ticket};

pub use crash::CrashMode;

/// The unit that is kept, lost or torn as one.
pub const SECTOR_BYTES: usize = 512;

const BLOCK_BYTES: usize = 4096;

/// A directory of files and the operations on it that are not done.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    /// Copies of a disk share what none of them changes.
    inodes: Vec<Arc<Inode>>,
    /// The directory as running programs see it.
    names: BTreeMap<FileName, usize>,
    /// The directory as it is after power loss, before any of `changes`.
    durable_names: BTreeMap<FileName, usize>,
    changes: Vec<Change>,
    /// Whether a sync of the directory has failed: then all later ones do.
    directory_failed: bool,
    pending: Vec<Pending>,
    /// Counts issues and completions, which decide what a sync covers.
    serial: u64,
    issued: u64,
    moves: u64,
}

/// A file's bytes, whatever its name.
#[derive(Clone, Debug, Default)]
struct Inode {
    durable: Vec<u8>,
    /// Carried out and not durable.
    writes: Vec<Write>,
    /// Blocks that were ever written.
    written: BTreeSet<usize>,
}

#[derive(Clone, Debug)]
struct Write {
    ticket: Ticket,
    offset: usize,
    bytes: Vec<u8>,
    /// When its completion was reported. A sync that failed leaves nothing that a later one covers.
    completed: Option<u64>,
}

/// A change of the directory that is carried out and not durable.
#[derive(Clone, Debug)]
struct Change {
    ticket: Ticket,
    kind: ChangeKind,
    completed: Option<u64>,
}

#[derive(Clone, Copy, Debug)]
enum ChangeKind {
    Created { file: FileName, inode: usize },
    Renamed { from: FileName, to: FileName, inode: usize },
    Removed { file: FileName },
}

#[derive(Clone, Debug)]
struct Pending {
    issued: Issued,
    serial: u64,
    /// The turn before which it does not move on.
    ready: u64,
    completes: u64,
    fails: bool,
    /// How it ended, once it was carried out.
    result: Option<Result<(), Failure>>,
}

/// What became of a pending operation.
#[derive(Debug)]
pub enum Moved {
    /// It was carried out.
    Applied,
    /// It is done, and whoever issued it must be told.
    Completed {
        /// Of the operation.
        ticket: Ticket,
        /// How it ended.
        result: Result<(), Failure>,
    },
}

/// How long an operation takes.
#[derive(Clone, Copy, Debug)]
pub struct Latency {
    /// Turns until it is carried out.
    pub apply: u64,
    /// Turns from there until it is completed.
    pub complete: u64,
}

impl Disk {
    /// A directory that durably holds one file.
    pub fn holding(file: FileName, bytes: Vec<u8>) -> Disk {
        let mut disk = Disk::default();
        disk.inodes.push(Arc::new(Inode { durable: bytes, ..Inode::default() }));
        disk.names.insert(file, 0);
        disk.durable_names.insert(file, 0);
        disk
    }

    /// Takes an operation at turn `now`; one that `fails` is reported as failed.
    pub fn issue(&mut self, issued: Issued, now: u64, latency: Latency, fails: bool) {
        self.serial += 1;
        self.issued += 1;
        self.pending.push(Pending {
            issued,
            serial: self.serial,
            ready: now + latency.apply,
            completes: latency.complete,
            fails,
            result: None,
        });
    }

    /// The pending operations that may move on at turn `now`.
    pub fn ready(&self, now: u64) -> impl Iterator<Item = usize> + '_ {
        let pending = self.pending.iter().enumerate();
        pending.filter(move |(_, pending)| pending.ready <= now).map(|(at, _)| at)
    }

    /// The first turn at which an operation may move on.
    pub fn ready_at(&self) -> Option<u64> {
        self.pending.iter().map(|pending| pending.ready).min()
    }

    /// Whether nothing is pending.
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// How many operations it was given.
    pub fn operations(&self) -> u64 {
        self.issued
    }

    /// How often an operation was carried out or completed.
    pub fn moves(&self) -> u64 {
        self.moves
    }

    /// A pending operation in a few words.
    pub fn describe(&self, at: usize) -> String {
        let Pending { issued, result, .. } = &self.pending[at];
        let stage = match result {
            None => "apply",
            Some(Ok(())) => "complete",
            Some(Err(_)) => "fail",
        };
        let what = match &issued.op {
            DiskOp::Create { file } => format!("create {file}"),
            DiskOp::Write { file, offset, bytes } => {
                format!("write {file} at={offset} bytes={}", bytes.len())
            }
            DiskOp::Sync { file } => format!("sync {file}"),
            DiskOp::Rename { from, to } => format!("rename {from} to={to}"),
            DiskOp::Remove { file } => format!("remove {file}"),
            DiskOp::SyncDirectory => "sync directory".to_owned(),
        };
        format!("{stage} {what}")
    }

    /// Carries out or completes a pending operation at turn `now`.
    pub fn advance(&mut self, at: usize, now: u64) -> Moved {
        self.moves += 1;
        if self.pending[at].result.is_none() {
            let Pending { issued, serial, fails, .. } = &self.pending[at];
            let (ticket, serial, fails) = (issued.ticket, *serial, *fails);
            let op = issued.op.clone();
            let result = self.apply(ticket, serial, op, fails);
            let pending = &mut self.pending[at];
            pending.ready = now + pending.completes;
            pending.result = Some(result);
            return Moved::Applied;
        }
        let pending = self.pending.swap_remove(at);
        let result = pending.result.expect("looked at above");
        let ticket = pending.issued.ticket;
        self.serial += 1;
        if result.is_ok() {
            self.note_completion(ticket, &pending.issued.op);
        }
        Moved::Completed { ticket, result }
    }

    fn note_completion(&mut self, ticket: Ticket, op: &DiskOp) {
        let completed = Some(self.serial);
        if let DiskOp::Write { file, .. } = op {
            let Some(&inode) = self.names.get(file) else { return };
            let writes = &mut Arc::make_mut(&mut self.inodes[inode]).writes;
            for write in writes.iter_mut().filter(|write| write.ticket == ticket) {
                write.completed = completed;
            }
        }
        for change in self.changes.iter_mut().filter(|change| change.ticket == ticket) {
            change.completed = completed;
        }
    }

    fn apply(
        &mut self,
        ticket: Ticket,
        issued: u64,
        op: DiskOp,
        fails: bool,
    ) -> Result<(), Failure> {
        let failure = |said: &str, errno| Failure { errno: Some(errno), said: said.to_owned() };
        match op {
            DiskOp::Create { file } => {
                if fails {
                    return Err(failure("no space left on device", 28));
                }
                let inode = self.inodes.len();
                self.inodes.push(Arc::default());
                self.names.insert(file, inode);
                self.change(ticket, ChangeKind::Created { file, inode });
            }
            DiskOp::Write { file, offset, mut bytes } => {
                let inode = self.inode(&file);
                if fails {
                    // A write that failed may have come half way.
                    bytes.truncate(bytes.len() / SECTOR_BYTES / 2 * SECTOR_BYTES);
                }
                Arc::make_mut(&mut self.inodes[inode]).write(ticket, offset, bytes);
                if fails {
                    return Err(failure("the write failed", 5));
                }
            }
            DiskOp::Sync { file } => {
                let inode = self.inode(&file);
                Arc::make_mut(&mut self.inodes[inode]).sync(issued, fails);
                if fails {
                    return Err(failure("the sync failed", 5));
                }
            }
            DiskOp::Rename { from, to } => {
                if fails {
                    return Err(failure("the rename failed", 5));
                }
                let inode = self.inode(&from);
                self.names.remove(&from);
                self.names.insert(to, inode);
                self.change(ticket, ChangeKind::Renamed { from, to, inode });
            }
            DiskOp::Remove { file } => {
                if fails {
                    return Err(failure("the removal failed", 5));
                }
                if self.names.remove(&file).is_none() {
                    return Err(failure("no such file", 2));
                }
                self.change(ticket, ChangeKind::Removed { file });
            }
            DiskOp::SyncDirectory => {
                // The system tells everyone who has the directory open, once each.
                self.directory_failed |= fails;
                if self.directory_failed {
                    self.changes.iter_mut().for_each(|change| change.completed = None);
                    return Err(failure("the sync of the directory failed", 5));
                }
                let changes = std::mem::take(&mut self.changes);
                for change in changes {
                    match change.completed {
                        Some(completed) if completed < issued => {
                            change.kind.carry_out(&mut self.durable_names);
                        }
                        _ => self.changes.push(change),
                    }
                }
            }
        }
        Ok(())
    }

    fn change(&mut self, ticket: Ticket, kind: ChangeKind) {
        self.changes.push(Change { ticket, kind, completed: None });
    }

    fn inode(&self, file: &FileName) -> usize {
        *self.names.get(file).unwrap_or_else(|| panic!("{file} is used before it was created"))
    }
}

impl ChangeKind {
    fn carry_out(self, names: &mut BTreeMap<FileName, usize>) {
        match self {
            ChangeKind::Created { file, inode } => {
                names.insert(file, inode);
            }
            ChangeKind::Renamed { from, to, inode } => {
                if names.get(&from) == Some(&inode) {
                    names.remove(&from);
                }
                names.insert(to, inode);
            }
            ChangeKind::Removed { file } => {
                names.remove(&file);
            }
        }
    }
}

impl Inode {
    fn write(&mut self, ticket: Ticket, offset: u64, bytes: Vec<u8>) {
        let offset = usize::try_from(offset).expect("files of the world are small");
        assert_eq!(offset % BLOCK_BYTES, 0, "a write starts at a block");
        let blocks = offset / BLOCK_BYTES..(offset + bytes.len()).div_ceil(BLOCK_BYTES);
        for block in blocks {
            assert!(self.written.insert(block), "block {block} is written a second time");
        }
        self.writes.push(Write { ticket, offset, bytes, completed: None });
    }

    /// A sync that was issued as `issued`: if it `fails`, what it covered is never safe any more.
    fn sync(&mut self, issued: u64, fails: bool) {
        if fails {
            self.writes.iter_mut().for_each(|write| write.completed = None);
            return;
        }
        for write in std::mem::take(&mut self.writes) {
            match write.completed {
                Some(completed) if completed < issued => {
                    overlay(&mut self.durable, write.offset, &write.bytes);
                }
                _ => self.writes.push(write),
            }
        }
    }

    fn image(&self) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        self.writes.iter().for_each(|write| overlay(&mut bytes, write.offset, &write.bytes));
        bytes
    }
}

fn overlay(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    bytes.resize(bytes.len().max(offset + written.len()), 0);
    bytes[offset..offset + written.len()].copy_from_slice(written);
}

/// The files as a program finds them that reads them without writing.
impl Files for Disk {
    fn list(&self) -> Vec<FileName> {
        self.names.keys().copied().collect()
    }

    fn size(&self, file: &FileName) -> Option<u64> {
        let inode = &self.inodes[*self.names.get(file)?];
        let ends = inode.writes.iter().map(|write| write.offset + write.bytes.len());
        Some(ends.fold(inode.durable.len(), usize::max) as u64)
    }

    fn read(&self, file: &FileName, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        let inode = &self.inodes[self.inode(file)];
        let range = offset as usize..(offset + len) as usize;
        if inode.writes.is_empty() {
            return Ok(inode.durable[range].to_vec());
        }
        Ok(inode.image()[range].to_vec())
    }
}

#[cfg(test)]
mod tests;

//! Carries operations out on the files of a directory, with a few threads for all shards.
//!
//! A shard has a [`Disk`]: what it submits is done by threads that it never waits for, and it is
//! woken to take the completions. How that happens is hidden behind the two types here.
//!
//! Invariants:
//! - A failed sync is never retried. From then on all operations of all shards fail with its cause.
//! - A file has one sync at a time, and so has the directory: the system reports a failure once, so
//!   a second sync beside the first would be told that all is well.
//! - A file that holds writes which no sync covered stays open: closed, it could lose the failure.

#![expect(clippy::disallowed_types, reason = "threads that wait for disks are the shell's")]

mod inbox;
mod perform;

use std::fmt;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use crate::bytes::wide;
use crate::directory::Directory;
use crate::disk::{DiskOp, Failure, Issued, Ticket};
use crate::options::BLOCK_BYTES;
use inbox::{Inbox, Message, Origin, Target};
use perform::Performer;

/// How an operation ended.
pub type Completion = (Ticket, Result<(), Failure>);

/// Called from another thread after each completion. It must not wait, and may still be called when
/// its [`Disk`] is gone.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// How operations are carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskOptions {
    /// Threads, 1 to [`THREADS_MAX`]. One of several is always free of syncs.
    pub threads: usize,
    /// Files that stay open though nothing in them waits for a sync.
    pub files_max: usize,
}

/// Threads of one database. The device gains nothing from more: syncs end up in one queue.
pub const THREADS_MAX: usize = 4;

impl Default for DiskOptions {
    fn default() -> DiskOptions {
        // Two threads, so that a long sync of one shard does not stand before the writes of the
        // others. 256 files: segment and checkpoint of 64 shards twice, and still few beside the
        // 1024 descriptors that a process commonly may have.
        DiskOptions { threads: 2, files_max: 256 }
    }
}

/// The threads of one database, and the directory that they write.
///
/// Dropped, it carries out all that was submitted, ends the threads and releases the directory.
/// What a [`Disk`] submits after that fails.
pub struct Disks {
    sender: Sender<Message>,
    threads: Vec<JoinHandle<()>>,
    origins: usize,
}

/// The way of one shard, or of the coordinator, to the disk.
pub struct Disk {
    origin: usize,
    sender: Sender<Message>,
    completions: Receiver<Completion>,
    in_flight: Vec<Ticket>,
}

impl Disks {
    /// Starts the threads. What recovery wanted to read of the directory has been read.
    pub fn start(directory: Directory, options: &DiskOptions) -> Result<Disks, Failure> {
        let DiskOptions { threads, files_max } = *options;
        assert!((1..=THREADS_MAX).contains(&threads), "a few threads serve a database");
        assert!(files_max > 0, "the file that is written is open");
        let (sender, receiver) = channel();
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox::new(receiver, threads)),
            performer: Performer::new(directory.into_place(), files_max),
        });
        let mut disks = Disks { sender, threads: Vec::with_capacity(threads), origins: 0 };
        for number in 0..threads {
            let (shared, sender) = (shared.clone(), disks.sender.clone());
            let thread = Builder::new().name(format!("sluice-disk-{number}"));
            let started = thread.spawn(move || shared.run(&sender));
            disks.threads.push(started.map_err(|error| Failure::of(&error))?);
        }
        Ok(disks)
    }

    /// A way to the disk for one more owner of operations, who is woken by `wake`.
    pub fn disk(&mut self, wake: Wake) -> Disk {
        let (completed, completions) = channel();
        let origin = self.origins;
        self.origins += 1;
        // The threads outlive this, so somebody receives.
        let _ = self.sender.send(Message::Begin(Origin::new(completed, wake)));
        Disk { origin, sender: self.sender.clone(), completions, in_flight: Vec::new() }
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        // Where all threads have died nobody receives, and there is nothing to end.
        let _ = self.sender.send(Message::End);
        for thread in self.threads.drain(..) {
            // What its death meant, the completions have told.
            let _ = thread.join();
        }
    }
}

impl Disk {
    /// Hands an operation over, and never waits.
    pub fn submit(&mut self, issued: Issued) {
        if let DiskOp::Write { offset, bytes, .. } = &issued.op {
            let whole = [*offset, wide(bytes.len())].map(|n| n.is_multiple_of(BLOCK_BYTES));
            assert!(
                whole == [true; 2],
                "a write is whole blocks: {} bytes at {offset}",
                bytes.len()
            );
        }
        self.in_flight.push(issued.ticket);
        // What nobody receives fails when the completions are taken.
        let _ = self.sender.send(Message::Do { origin: self.origin, issued });
    }

    /// Moves what has completed to `completions`, in any order, and never waits.
    pub fn completions(&mut self, completions: &mut Vec<Completion>) {
        loop {
            match self.completions.try_recv() {
                Ok(completion) => {
                    let at = self.in_flight.iter().position(|ticket| *ticket == completion.0);
                    self.in_flight.swap_remove(at.expect("what completes was submitted"));
                    completions.push(completion);
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    let said = "the database is closed; open it again".to_owned();
                    let closed = Failure { errno: None, said };
                    let left = self.in_flight.drain(..);
                    completions.extend(left.map(|ticket| (ticket, Err(closed.clone()))));
                    return;
                }
            }
        }
    }

    /// Operations whose completions were not taken.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }
}

impl fmt::Debug for Disks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disks with {} threads for {}", self.threads.len(), self.origins)
    }
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Disk {} with {:?} in flight", self.origin, self.in_flight)
    }
}

/// What the threads share.
struct Shared {
    /// Whoever holds it waits for messages. A shard never takes it.
    inbox: Mutex<Inbox>,
    performer: Performer,
}

impl Shared {
    fn run(&self, sender: &Sender<Message>) {
        loop {
            let next = self.inbox.lock().expect("no thread panics in the inbox").next();
            let Some(work) = next else { return };
            let result = self.performer.perform(work.op());
            if let Some(target) = Target::of(work.op()) {
                // Another thread may wait for messages, and begin what waited for this sync.
                let _ = sender.send(Message::Synced(target));
            }
            work.complete(&result);
        }
    }
}

#[cfg(test)]
mod tests;

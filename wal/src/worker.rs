//! Carries operations out on the files of a directory.
//!
//! A shard has a [`Disk`]: it never waits for what it submits, and is woken to take the completions.
//! The groups of its log go through an io_uring of its own, or through a thread, as [`SyncPath`]
//! says; a few threads for all shards do the rest. How that happens is hidden behind the types here.
//!
//! Invariants:
//! - A failed sync is never retried. From then on all operations of all shards fail with its cause.
//! - A file has one sync at a time, and so has the directory: the system reports a failure once, so
//!   a second sync beside the first would be told that all is well.
//! - A file that holds writes which no sync covered stays open: closed, it could lose the failure.

#![expect(clippy::disallowed_types, reason = "threads that wait for disks are the shell's")]

mod append;
mod inbox;
mod perform;
mod ring;

use std::fmt;
use std::os::fd::AsFd;
use std::sync::mpsc::{Receiver, Sender, TryRecvError, channel};
use std::sync::{Arc, Mutex};
use std::thread::{Builder, JoinHandle};

use crate::aligned::Aligned;
use crate::bytes::wide;
use crate::directory::Directory;
use crate::disk::{DiskOp, Failure, Issued, Ticket};
use crate::options::BLOCK_BYTES;
use crate::probe::{self, SyncProbe};
use crate::sync_path::SyncPath;
use crate::uring::Ring;
use append::{Append, Fate, Style, Tape, closed};
use inbox::{Inbox, Message, Origin, Target, Task};
use perform::Performer;
use ring::{RingWriter, Waker};

/// How an operation ended.
pub type Completion = (Ticket, Result<(), Failure>);

/// Called after each completion, from any thread. It must not wait, and may still be called when its
/// [`Disk`] is gone.
pub type Wake = Box<dyn Fn() + Send + Sync>;

/// How operations are carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DiskOptions {
    /// Threads, 1 to [`THREADS_MAX`]. One of several is always free of syncs.
    pub threads: usize,
    /// Files that stay open though nothing in them waits for a sync.
    pub files_max: usize,
    /// How groups become durable; where it is not said, the fastest way of the directory.
    pub sync_path: Option<SyncPath>,
    /// CPUs on which the kernel works for rings; empty for those of who submits.
    pub cpus: Vec<u32>,
    /// Room that is written at a time behind a group, in bytes: whole blocks.
    pub room_bytes: u64,
}

/// Threads of one database. The device gains nothing from more: syncs end up in one queue.
pub const THREADS_MAX: usize = 4;

impl Default for DiskOptions {
    fn default() -> DiskOptions {
        // Two threads, so that a long sync of one shard does not stand before the writes of the
        // others. 256 files: segment and checkpoint of 64 shards twice, and still few beside the
        // 1024 descriptors that a process commonly may have. 256 KiB of room: one small group in
        // sixty pays for the others, and by no more than the time of a large one.
        DiskOptions {
            threads: 2,
            files_max: 256,
            sync_path: None,
            cpus: Vec::new(),
            room_bytes: 256 << 10,
        }
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
    style: Style,
    fate: Arc<Fate>,
    cpus: Vec<u32>,
    rings: Vec<RingWriter>,
    /// Where the path has rings.
    waker: Option<Waker>,
}

/// The way of one shard, or of the coordinator, to the disk.
pub struct Disk {
    origin: usize,
    sender: Sender<Message>,
    completions: Receiver<Completion>,
    in_flight: Vec<Ticket>,
    tape: Tape,
    ring: Option<RingWriter>,
    fate: Arc<Fate>,
    /// What was over as soon as it was submitted.
    done: Vec<Completion>,
    wake: Arc<Wake>,
}

impl Disks {
    /// Starts the threads. What recovery wanted to read of the directory has been read.
    pub fn start(directory: Directory, options: &DiskOptions) -> Result<Disks, Failure> {
        let DiskOptions { threads, files_max, sync_path, cpus, room_bytes } = options;
        let (threads, files_max) = (*threads, *files_max);
        assert!((1..=THREADS_MAX).contains(&threads), "a few threads serve a database");
        assert!(files_max > 0, "the file that is written is open");
        assert!(*room_bytes > 0 && room_bytes.is_multiple_of(BLOCK_BYTES), "room is whole blocks");
        let (path, direct) = choose(&directory, *sync_path);
        let waker = waker(path)?;
        let (sender, receiver) = channel();
        let style =
            Style { directory: directory.path().to_owned(), path, direct, room_bytes: *room_bytes };
        let fate = Arc::new(Fate::default());
        let shared = Arc::new(Shared {
            inbox: Mutex::new(Inbox::new(receiver, threads)),
            performer: Performer::new(directory.into_place(), files_max, Arc::clone(&fate)),
        });
        let mut disks = Disks {
            sender,
            threads: Vec::with_capacity(threads),
            origins: 0,
            style,
            fate,
            cpus: cpus.clone(),
            rings: Vec::new(),
            waker,
        };
        for number in 0..threads {
            let (shared, sender) = (shared.clone(), disks.sender.clone());
            let thread = Builder::new().name(format!("sluice-disk-{number}"));
            let started = thread.spawn(move || shared.run(&sender));
            disks.threads.push(started.map_err(|error| Failure::of(&error))?);
        }
        Ok(disks)
    }

    /// A way to the disk for one more owner of operations, who writes a log and is woken by `wake`.
    pub fn disk(&mut self, wake: Wake) -> Disk {
        let wake = Arc::new(wake);
        let ring = self.ring(&wake);
        self.begin(wake, ring)
    }

    /// The same for one who writes no log.
    pub fn disk_without_log(&mut self, wake: Wake) -> Disk {
        self.begin(Arc::new(wake), None)
    }

    fn begin(&mut self, wake: Arc<Wake>, ring: Option<RingWriter>) -> Disk {
        let (completed, completions) = channel();
        let origin = self.origins;
        self.origins += 1;
        // The threads outlive this, so somebody receives.
        let _ = self.sender.send(Message::Begin(Origin::new(completed, Arc::clone(&wake))));
        self.rings.extend(ring.clone());
        let mut style = self.style.clone();
        if ring.is_none() {
            style.path = SyncPath::Blocking;
        }
        Disk {
            origin,
            sender: self.sender.clone(),
            completions,
            in_flight: Vec::new(),
            tape: Tape::new(style),
            ring,
            fate: Arc::clone(&self.fate),
            done: Vec::new(),
            wake,
        }
    }

    /// How groups become durable: of all owners, or of those that got no ring.
    pub fn sync_path(&self) -> SyncPath {
        self.style.path
    }

    /// A ring for one more owner. Where the system gives no more of them a thread does the work, of
    /// those that come later too, and `sync_path` says so.
    fn ring(&mut self, wake: &Arc<Wake>) -> Option<RingWriter> {
        let waker = self.waker.as_ref()?;
        let ring = probe::ring(self.style.path, &self.cpus)?;
        let notifies = |ring: &Ring| ring.notify(waker.count().as_fd()).is_ok();
        let Some(ring) = ring.ok().filter(notifies) else {
            self.style.path = SyncPath::Blocking;
            return None;
        };
        Some(RingWriter::new(ring, Arc::clone(&self.fate), waker.add(Arc::clone(wake))))
    }
}

/// How groups become durable in a directory, and whether they go past the page cache. Where nothing
/// can be measured, as on a full disk, the plainest way has to do.
fn choose(directory: &Directory, asked: Option<SyncPath>) -> (SyncPath, bool) {
    let directory = directory.path();
    match asked {
        Some(path) => (path, probe::direct(directory)),
        None => SyncProbe::once(directory)
            .map_or((SyncPath::Blocking, false), |probe| (probe.choice(), probe.direct)),
    }
}

/// Who wakes those that wait for a ring, where the path has rings.
fn waker(path: SyncPath) -> Result<Option<Waker>, Failure> {
    match probe::ring(path, &[]) {
        None => Ok(None),
        Some(Ok(_)) => Waker::start().map(Some),
        Some(Err(error)) => {
            let Failure { errno, said } = Failure::of(&error);
            let blocking = SyncPath::Blocking;
            let said = format!(
                "the sync path {path} wants an io_uring, and this process gets none ({said}): \
                 choose {blocking}, or let the probe choose"
            );
            Err(Failure { errno, said })
        }
    }
}

impl Drop for Disks {
    fn drop(&mut self) {
        self.fate.close();
        // Where all threads have died nobody receives, and there is nothing to end.
        let _ = self.sender.send(Message::End);
        self.rings.iter().for_each(RingWriter::close);
        for thread in self.threads.drain(..) {
            // What its death meant, the completions have told.
            let _ = thread.join();
        }
    }
}

impl Disk {
    /// Hands an operation over, and never waits.
    pub fn submit(&mut self, issued: Issued) {
        let Issued { ticket, op } = issued;
        if let DiskOp::Write { offset, bytes, .. } = &op {
            let whole = [*offset, wide(bytes.len())].map(|n| n.is_multiple_of(BLOCK_BYTES));
            assert!(
                whole == [true; 2],
                "a write is whole blocks: {} bytes at {offset}",
                bytes.len()
            );
        }
        self.in_flight.push(ticket);
        let task = match self.tape.takes(&op) {
            true => match self.append(op) {
                Ok(append) => Task::Append(append),
                Err(failure) => return self.over(ticket, Err(failure)),
            },
            false => match op {
                // A group is durable when its write is over, or it has failed and told.
                DiskOp::Sync { file } if self.tape.holds(file) => {
                    return self.over(ticket, self.fate.allows());
                }
                op => Task::Op(op),
            },
        };
        match (task, &self.ring) {
            (Task::Append(append), Some(ring)) => {
                if ring.submit(ticket, append) {
                    (self.wake)();
                }
            }
            // What nobody receives fails when the completions are taken.
            (task, _) => {
                let _ = self.sender.send(Message::Do { origin: self.origin, ticket, task });
            }
        }
    }

    fn append(&mut self, op: DiskOp) -> Result<Append, Failure> {
        let DiskOp::Write { file, offset, bytes } = op else { unreachable!("groups are written") };
        self.fate.allows()?;
        self.tape.append(file, offset, bytes)
    }

    fn over(&mut self, ticket: Ticket, result: Result<(), Failure>) {
        self.done.push((ticket, result));
        (self.wake)();
    }

    /// Moves what has completed to `completions`, in any order, and never waits.
    pub fn completions(&mut self, completions: &mut Vec<Completion>) {
        if self.in_flight.is_empty() {
            return;
        }
        let before = completions.len();
        completions.append(&mut self.done);
        if let Some(ring) = &self.ring {
            ring.completions(completions);
        }
        let ended = loop {
            match self.completions.try_recv() {
                Ok(completion) => completions.push(completion),
                Err(TryRecvError::Empty) => break false,
                Err(TryRecvError::Disconnected) => break true,
            }
        };
        if let (true, Some(ring)) = (ended, &self.ring) {
            // What it was about to write is over then, and the rest will never begin.
            ring.close();
            ring.completions(completions);
        }
        for (ticket, _) in &completions[before..] {
            let at = self.in_flight.iter().position(|flying| flying == ticket);
            self.in_flight.swap_remove(at.expect("what completes was submitted"));
        }
        if ended {
            let left = self.in_flight.drain(..);
            completions.extend(left.map(|ticket| (ticket, Err(closed()))));
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
        let mut memory = Aligned::zeroed(0);
        loop {
            let next = self.inbox.lock().expect("no thread panics in the inbox").next();
            let Some(work) = next else { return };
            let result = self.performer.perform(work.task(), &mut memory);
            if let Some(target) = Target::of(work.task()) {
                // Another thread may wait for messages, and begin what waited for this sync.
                let _ = sender.send(Message::Synced(target));
            }
            work.complete(&result);
        }
    }
}

#[cfg(test)]
mod tests;

//! Makes one write after another durable through an io_uring.
//!
//! Invariants:
//! - Memory and file of a write stay until the kernel has reported all that was submitted for it:
//!   whoever drops a ring waits for that, and where it cannot, the memory is given up for good.
//! - A linked sync stands for its write only if both were submitted together and the write was
//!   whole. Behind a write that came short, the rest is written with a sync of its own, which stands
//!   for both.
//! - A sync that failed is reported, and not tried again.

#![expect(unsafe_code, reason = "the kernel reads memory while this process goes on")]
#![expect(clippy::disallowed_methods, reason = "the kernel's threads belong to who submits")]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;
use std::thread::ThreadId;

use io_uring::squeue::{Entry, Flags};
use io_uring::{IoUring, Probe, opcode, types};

use crate::aligned::Aligned;
use crate::bytes::{narrow, wide};
use crate::options::BLOCK_BYTES;

/// A write and its sync, with room to spare.
const ENTRIES: u32 = 4;
/// Registered memory: groups of a busy shard fit, and the memory that many shards may lock lasts.
const BUFFER_BYTES: usize = 256 << 10;
/// How often a write that is interrupted or comes short is tried.
const ATTEMPTS_MAX: u32 = 8;

const WRITE: u64 = 1;
const SYNC: u64 = 2;

/// What makes a write durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// A sync that is linked to it.
    Linked,
    /// The write itself.
    Dsync,
}

/// An io_uring with one durable write in flight at a time.
pub(crate) struct Ring {
    ring: IoUring,
    way: Way,
    memory: Aligned,
    /// Whether the kernel knows the memory, and has a place for a file.
    memory_registered: bool,
    place_registered: bool,
    /// The file at that place.
    file: Option<Arc<File>>,
    flight: Option<Flight>,
    /// Where the kernel's own threads for it run; empty for anywhere.
    cpus: Vec<u32>,
    /// The thread whose threads were told so.
    told: Option<ThreadId>,
}

/// A write that is under way.
struct Flight {
    file: Arc<File>,
    offset: u64,
    len: usize,
    /// Bytes that earlier attempts have written, in whole blocks.
    done: usize,
    /// The memory of a write for which the registered is too small.
    large: Option<Aligned>,
    attempts: u32,
    /// Entries that the kernel has not taken.
    unsubmitted: usize,
    /// Whether write and sync were taken apart: then the sync may have come first.
    parted: bool,
    written: Option<i32>,
    synced: Option<i32>,
}

/// What the kernel's reports mean.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    /// Not all has been reported.
    Open,
    /// To be done again, but for so many bytes.
    Again(usize),
    Durable,
    /// With this number of the system; zero for a write that never came to its end.
    Failed(i32),
}

impl Ring {
    /// A ring whose kernel threads run on `cpus`, if there are any.
    pub(crate) fn new(way: Way, cpus: &[u32]) -> io::Result<Ring> {
        let ring = IoUring::new(ENTRIES)?;
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        let needed = [opcode::Write::CODE, opcode::WriteFixed::CODE, opcode::Fsync::CODE];
        if needed.iter().any(|code| !probe.is_supported(*code)) {
            return Err(io::Error::from(io::ErrorKind::Unsupported));
        }
        let memory = Aligned::zeroed(BUFFER_BYTES);
        let bytes = memory.bytes();
        let registered =
            [libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() }];
        // SAFETY: the memory is in this struct, never moves, and `drop` leaves it to the kernel
        // where something may still be in flight.
        let memory_registered = unsafe { ring.submitter().register_buffers(&registered) }.is_ok();
        // A place without a file yet.
        let place_registered = ring.submitter().register_files(&[-1]).is_ok();
        Ok(Ring {
            ring,
            way,
            memory,
            memory_registered,
            place_registered,
            file: None,
            flight: None,
            cpus: cpus.to_vec(),
            told: None,
        })
    }

    /// Has the kernel count every completion there.
    pub(crate) fn notify(&self, count: BorrowedFd<'_>) -> io::Result<()> {
        self.ring.submitter().register_eventfd(count.as_raw_fd())
    }

    /// Whether nothing is in flight.
    pub(crate) fn is_free(&self) -> bool {
        self.flight.is_none()
    }

    /// Begins to write `bytes` and then zeros, `len` in all, at `offset` of `file`. Nothing is in
    /// flight. How it ends is told by [`Ring::poll`].
    pub(crate) fn begin(&mut self, file: &Arc<File>, offset: u64, bytes: &[u8], len: usize) {
        assert!(self.is_free(), "one write is in flight");
        let large = (len > self.memory.len()).then(|| Aligned::zeroed(len));
        let mut flight = Flight {
            file: Arc::clone(file),
            offset,
            len,
            done: 0,
            large,
            attempts: 0,
            unsubmitted: 0,
            parted: false,
            written: None,
            synced: None,
        };
        match &mut flight.large {
            Some(memory) => memory.fill(bytes, len),
            None => self.memory.fill(bytes, len),
        }
        self.register(file);
        self.flight = Some(flight);
        self.push();
    }

    /// How the write ended, if it has.
    pub(crate) fn poll(&mut self) -> Option<io::Result<()>> {
        loop {
            if self.flight.as_ref()?.unsubmitted > 0 {
                self.submit();
            }
            let flight = self.flight.as_mut()?;
            for entry in self.ring.completion() {
                let report = match entry.user_data() {
                    WRITE => &mut flight.written,
                    _ => &mut flight.synced,
                };
                *report = Some(entry.result());
            }
            let ended = match flight.verdict(self.way) {
                Verdict::Open => return None,
                Verdict::Again(done) => {
                    flight.done = done;
                    self.push();
                    continue;
                }
                Verdict::Durable => Ok(()),
                Verdict::Failed(0) => {
                    Err(io::Error::new(io::ErrorKind::WriteZero, "the disk takes a part each time"))
                }
                Verdict::Failed(errno) => Err(io::Error::from_raw_os_error(errno)),
            };
            self.flight = None;
            return Some(ended);
        }
    }

    /// Waits for the write that is in flight, and tells how it ended.
    pub(crate) fn wait(&mut self) -> io::Result<()> {
        loop {
            if let Some(ended) = self.poll() {
                return ended;
            }
            assert!(!self.is_free(), "something is waited for");
            match self.ring.submit_and_wait(1) {
                Ok(taken) => self.note_taken(taken),
                Err(error) if may_come_again(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Puts the file at the place that the kernel knows, where it has one.
    fn register(&mut self, file: &Arc<File>) {
        let known = self.file.as_ref().is_some_and(|known| Arc::ptr_eq(known, file));
        if !self.place_registered || known {
            return;
        }
        let put = self.ring.submitter().register_files_update(0, &[file.as_raw_fd()]);
        self.place_registered = put.is_ok_and(|count| count == 1);
        self.file = Some(Arc::clone(file));
    }

    /// Submits the write that is in flight, and its sync.
    fn push(&mut self) {
        let flight = self.flight.as_mut().expect("the caller has begun it");
        let (file, kind) = match self.place_registered {
            true => (types::Fd(0), Flags::FIXED_FILE),
            false => (types::Fd(flight.file.as_raw_fd()), Flags::empty()),
        };
        let fixed_memory = self.memory_registered && flight.large.is_none();
        let memory = flight.large.as_ref().unwrap_or(&self.memory).bytes();
        let memory = memory[flight.done..].as_ptr();
        let left = flight.len - flight.done;
        let (len, offset) = (
            u32::try_from(left).expect("a group's length fits its field"),
            flight.offset + wide(flight.done),
        );
        let way = flight.way(self.way);
        let rw_flags = if way == Way::Dsync { libc::RWF_DSYNC } else { 0 };
        let write = if fixed_memory {
            let write = opcode::WriteFixed::new(file, memory, len, 0);
            write.offset(offset).rw_flags(rw_flags).build()
        } else {
            let write = opcode::Write::new(file, memory, len);
            write.offset(offset).rw_flags(rw_flags).build()
        };
        let write = write.flags(kind).user_data(WRITE);
        let sync = opcode::Fsync::new(file).flags(types::FsyncFlags::DATASYNC).build();
        let sync = sync.flags(kind).user_data(SYNC);
        let entries: &[Entry] = match way {
            Way::Linked => &[write.flags(Flags::IO_LINK), sync],
            Way::Dsync => &[write],
        };
        (flight.written, flight.synced, flight.parted) = (None, None, false);
        flight.attempts += 1;
        flight.unsubmitted = entries.len();
        // SAFETY: file and memory are in `flight` or in this struct until all was reported.
        let pushed = unsafe { self.ring.submission().push_multiple(entries) };
        pushed.expect("the queue is empty: what was in it has been reported");
        self.submit();
    }

    /// Has the kernel take what it has not taken yet.
    fn submit(&mut self) {
        let taken = self.ring.submit().unwrap_or(0);
        self.note_taken(taken);
        let thread = std::thread::current().id();
        if !self.cpus.is_empty() && self.told != Some(thread) {
            // Only a thread that has submitted something has threads in the kernel. Where it may
            // not choose, they run where it does.
            let _ = self.ring.submitter().register_iowq_aff(&cpu_set(&self.cpus));
            self.told = Some(thread);
        }
    }

    fn note_taken(&mut self, taken: usize) {
        let flight = self.flight.as_mut().expect("something was pushed");
        let taken = taken.min(flight.unsubmitted);
        flight.parted |= taken > 0 && taken < flight.unsubmitted;
        flight.unsubmitted -= taken;
    }
}

impl Flight {
    /// What makes the next attempt durable. Parts that were written apart have one sync behind all.
    fn way(&self, way: Way) -> Way {
        if self.done > 0 { Way::Linked } else { way }
    }

    fn verdict(&self, way: Way) -> Verdict {
        let synced = match self.way(way) {
            Way::Linked => self.synced,
            Way::Dsync => Some(0),
        };
        let (Some(written), Some(synced)) = (self.written, synced) else { return Verdict::Open };
        let (count, left) = (usize::try_from(written).unwrap_or(0), self.len - self.done);
        let whole = count == left;
        // Behind a write that was not whole the kernel does not try to sync.
        let tried = whole || synced != -libc::ECANCELED;
        if tried && synced < 0 {
            return Verdict::Failed(-synced);
        }
        if whole && !self.parted {
            return Verdict::Durable;
        }
        if written < 0 && ![libc::EINTR, libc::EAGAIN].contains(&-written) {
            return Verdict::Failed(-written);
        }
        if self.attempts == ATTEMPTS_MAX {
            return Verdict::Failed(written.min(0).abs());
        }
        // A write that was whole is done again for its sync.
        let blocks = if whole { 0 } else { count - count % narrow(BLOCK_BYTES) };
        Verdict::Again(self.done + blocks)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        while self.flight.is_some() {
            if self.wait().is_err() && self.flight.is_some() {
                // The kernel may still read the memory: it is never used for anything else.
                std::mem::forget(self.flight.take());
                std::mem::forget(std::mem::replace(&mut self.memory, Aligned::zeroed(0)));
            }
        }
        // The kernel takes its time to end a ring, and a file that it has keeps a file system busy.
        let _ = self.ring.submitter().unregister_files();
    }
}

/// Whether a call is worth doing again.
fn may_come_again(error: &io::Error) -> bool {
    let again = [libc::EINTR, libc::EAGAIN, libc::EBUSY];
    error.raw_os_error().is_some_and(|errno| again.contains(&errno))
}

fn cpu_set(cpus: &[u32]) -> libc::cpu_set_t {
    // SAFETY: the set is numbers, and all bits zero is the empty one.
    let mut set: libc::cpu_set_t = unsafe { std::mem::zeroed() };
    let bits = wide(size_of::<libc::cpu_set_t>()) * 8;
    for cpu in cpus.iter().filter(|cpu| u64::from(**cpu) < bits) {
        // SAFETY: writes a bit of the set, which holds it.
        unsafe { libc::CPU_SET(*cpu as usize, &mut set) };
    }
    set
}

/// A count that a thread can wait for.
pub(crate) fn count() -> io::Result<File> {
    // SAFETY: takes numbers only.
    let descriptor = unsafe { libc::eventfd(0, libc::EFD_CLOEXEC) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: it was just opened, and nobody else has it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(descriptor) }))
}

#[cfg(test)]
mod tests;

//! The state of one shard at one epoch, as a file of opaque entries.
//!
//! Invariants:
//! - A checkpoint counts only once a manifest names it, with its length and hash.
//! - Chunks are written in any order, the hash is of the bytes in their order in the file.

mod layout;
mod moved;
mod read;

use std::collections::{BTreeSet, VecDeque};

use crate::bytes::wide;
use crate::disk::{DiskOp, Failure, Issued, Ticket, Tickets};
use crate::hash::Hasher;
use crate::manifest::FileRef;
use crate::name::FileName;
pub use layout::{ENTRY_HEAD_BYTES, VERSION};
pub use moved::Moved;
pub use read::{CheckpointFile, read};

/// Which checkpoint a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointId {
    /// Whose.
    pub database: u128,
    /// Whose state.
    pub shard: u16,
    /// At which epoch.
    pub epoch: u64,
    /// The epoch whose state it is written over; nothing if it stands alone.
    pub base: Option<u64>,
}

impl CheckpointId {
    /// The name of its file.
    pub fn file(&self) -> FileName {
        FileName::Checkpoint { shard: self.shard, epoch: self.epoch }
    }
}

/// One block of state; what `head` says is the engine's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// Where the block belongs.
    pub head: [u8; ENTRY_HEAD_BYTES],
    /// The block.
    pub block: &'a [u8],
}

/// Writes one checkpoint file.
#[derive(Debug)]
pub struct Writer {
    id: CheckpointId,
    tickets: Tickets,
    in_flight_max: usize,
    /// Content that fills no chunk yet.
    content: Vec<u8>,
    content_bytes: u64,
    entry_count: u64,
    /// Bytes of the file that were handed to `ready`.
    file_bytes: u64,
    hasher: Hasher,
    /// Offsets and bytes to be written.
    ready: VecDeque<(u64, Vec<u8>)>,
    writes: BTreeSet<Ticket>,
    stage: Stage,
    /// No more entries come.
    finished: bool,
    poisoned: Option<Failure>,
}

/// What happens besides writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Begin,
    Create(Ticket),
    Write,
    /// Sync of the file and of the directory.
    Sync(Option<Ticket>, Option<Ticket>),
    Done,
}

impl Writer {
    /// Starts a checkpoint with its front section. At most `in_flight_max` writes are in flight.
    pub fn new(id: CheckpointId, front: &[u8], in_flight_max: usize, tickets: Tickets) -> Writer {
        assert!(in_flight_max > 0, "otherwise nothing is ever written");
        let mut writer = Writer {
            id,
            tickets,
            in_flight_max,
            content: Vec::new(),
            content_bytes: 0,
            entry_count: 0,
            file_bytes: 0,
            hasher: Hasher::default(),
            ready: VecDeque::new(),
            writes: BTreeSet::new(),
            stage: Stage::Begin,
            finished: false,
            poisoned: None,
        };
        writer.hand_over(layout::header(&id));
        writer.add(&wide(front.len()).to_le_bytes());
        writer.add(front);
        writer
    }

    /// Whether there is room for another entry.
    pub fn wants(&self) -> bool {
        !self.finished && self.poisoned.is_none() && self.ready.len() < self.in_flight_max
    }

    /// Takes the next entry; only while [`Writer::wants`] says so.
    pub fn entry(&mut self, entry: Entry<'_>) {
        assert!(self.wants(), "entries come only while there is room");
        let Entry { head, block } = entry;
        let block_bytes = u32::try_from(block.len()).expect("a block is a few KiB");
        self.entry_count += 1;
        self.add(&head);
        self.add(&block_bytes.to_le_bytes());
        self.add(block);
    }

    /// No more entries come.
    pub fn finish(&mut self) {
        assert!(!self.finished, "a checkpoint is finished once");
        self.finished = true;
        if !self.content.is_empty() {
            self.close_chunk();
        }
        let footer =
            layout::footer(&self.id, self.file_bytes, self.entry_count, self.content_bytes);
        self.hand_over(footer);
    }

    /// Issues what can go on now.
    pub fn pump(&mut self, issued: &mut Vec<Issued>) {
        if self.poisoned.is_some() {
            return;
        }
        let file = self.id.file();
        match self.stage {
            Stage::Begin => {
                let ticket = self.tickets.issue(DiskOp::Create { file }, issued);
                self.stage = Stage::Create(ticket);
            }
            Stage::Write => {
                while self.writes.len() < self.in_flight_max {
                    let Some((offset, bytes)) = self.ready.pop_front() else { break };
                    let op = DiskOp::Write { file, offset, bytes };
                    self.writes.insert(self.tickets.issue(op, issued));
                }
                if self.finished && self.writes.is_empty() {
                    let sync = self.tickets.issue(DiskOp::Sync { file }, issued);
                    let name = self.tickets.issue(DiskOp::SyncDirectory, issued);
                    self.stage = Stage::Sync(Some(sync), Some(name));
                }
            }
            Stage::Create(_) | Stage::Sync(..) | Stage::Done => {}
        }
    }

    /// Reports how the operation of `ticket` ended, and goes on.
    pub fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        issued: &mut Vec<Issued>,
    ) {
        assert!(ticket.owner() == self.tickets.owner(), "a completion goes to its issuer");
        if self.poisoned.is_some() {
            return;
        }
        if let Err(failure) = result {
            self.poisoned = Some(failure);
            self.ready.clear();
            return;
        }
        let done = Some(ticket);
        self.stage = match self.stage {
            Stage::Create(at) if at == ticket => Stage::Write,
            Stage::Write if self.writes.remove(&ticket) => Stage::Write,
            Stage::Sync(sync, None) if sync == done => Stage::Done,
            Stage::Sync(None, name) if name == done => Stage::Done,
            Stage::Sync(sync, name) if sync == done => Stage::Sync(None, name),
            Stage::Sync(sync, name) if name == done => Stage::Sync(sync, None),
            stage => panic!("{ticket:?} completed, but {stage:?} is in flight"),
        };
        self.pump(issued);
    }

    /// The finished file, once it is durable.
    pub fn done(&self) -> Option<FileRef> {
        let file =
            FileRef { name: self.id.file(), bytes: self.file_bytes, hash: self.hasher.finish() };
        (self.stage == Stage::Done).then_some(file)
    }

    /// Why the file will not be done.
    pub fn poisoned(&self) -> Option<&Failure> {
        self.poisoned.as_ref()
    }

    fn add(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = layout::CHUNK_CONTENT_BYTES - self.content.len();
            let (now, later) = bytes.split_at(room.min(bytes.len()));
            self.content.extend_from_slice(now);
            bytes = later;
            if self.content.len() == layout::CHUNK_CONTENT_BYTES {
                self.close_chunk();
            }
        }
    }

    fn close_chunk(&mut self) {
        self.content_bytes += wide(self.content.len());
        let chunk = layout::chunk(&self.id, self.file_bytes, &self.content);
        self.content.clear();
        self.hand_over(chunk);
    }

    fn hand_over(&mut self, bytes: Vec<u8>) {
        self.hasher.update(&bytes);
        let offset = self.file_bytes;
        self.file_bytes += wide(bytes.len());
        self.ready.push_back((offset, bytes));
    }
}

#[cfg(test)]
mod tests;

//! A disk in memory that completes operations in any order and forgets what was not synced.

use std::collections::{BTreeMap, BTreeSet};

use crate::bytes::{narrow, wide};
use crate::disk::{DiskOp, Failure, Files, Issued, Ticket};
use crate::name::FileName;

const SECTOR_BYTES: usize = 512;

/// A small generator; tests name their seeds.
#[derive(Debug, Clone)]
pub(crate) struct Prng(pub(crate) u64);

impl Prng {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        crate::segment::salt(self.0, 0)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % wide(end)).unwrap()
    }

    pub(crate) fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.next() as u8).collect()
    }
}

/// What a crash does to what was not synced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Crash {
    DropAll,
    KeepAll,
    /// Each sector and each name on its own, operations in flight included.
    Subset,
    /// Everything is kept but the last write, of which a prefix is followed by garbage.
    TornLast,
}

pub(crate) const CRASHES: [Crash; 4] =
    [Crash::DropAll, Crash::KeepAll, Crash::Subset, Crash::TornLast];

#[derive(Debug, Clone, Default)]
struct Inode {
    synced: Vec<u8>,
    /// Completed since the last sync, in order.
    writes: Vec<(usize, Vec<u8>)>,
}

impl Inode {
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for (offset, write) in &self.writes {
            overlay(&mut bytes, *offset, write);
        }
        bytes
    }
}

fn overlay(bytes: &mut Vec<u8>, offset: usize, write: &[u8]) {
    bytes.resize(bytes.len().max(offset + write.len()), 0);
    bytes[offset..offset + write.len()].copy_from_slice(write);
}

/// Names to inodes, as they are and as a crash would find them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Disk {
    inodes: Vec<Inode>,
    names: BTreeMap<FileName, usize>,
    synced_names: BTreeMap<FileName, usize>,
    pending: Vec<Issued>,
    /// How many operations completed.
    pub(crate) steps: usize,
    /// The operation, counted from 1, that fails.
    pub(crate) fail_at: Option<usize>,
    /// Places that were synced, to catch a second write.
    sealed: BTreeSet<(usize, usize)>,
}

impl Disk {
    pub(crate) fn failing(at: usize) -> Disk {
        Disk { fail_at: Some(at), ..Disk::default() }
    }

    pub(crate) fn take(&mut self, issued: &mut Vec<Issued>) {
        self.pending.append(issued);
    }

    pub(crate) fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    /// Carries out one pending operation of the generator's choice.
    pub(crate) fn step(&mut self, prng: &mut Prng) -> Option<(Ticket, Result<(), Failure>)> {
        if self.pending.is_empty() {
            return None;
        }
        let Issued { ticket, op } = self.pending.swap_remove(prng.below(self.pending.len()));
        self.steps += 1;
        if self.fail_at == Some(self.steps) {
            return Some((ticket, Err(Failure { errno: Some(5), said: "told to fail".into() })));
        }
        self.carry_out(op);
        Some((ticket, Ok(())))
    }

    fn carry_out(&mut self, op: DiskOp) {
        match op {
            DiskOp::Create { file } => {
                self.inodes.push(Inode::default());
                self.names.insert(file, self.inodes.len() - 1);
            }
            DiskOp::Write { file, offset, bytes } => {
                let inode = self.names[&file];
                let offset = narrow(offset);
                assert_eq!((offset % 4096, bytes.len() % 4096), (0, 0), "writes are whole blocks");
                for block in (offset..offset + bytes.len()).step_by(4096) {
                    assert!(!self.sealed.contains(&(inode, block)), "a block was rewritten");
                }
                self.inodes[inode].writes.push((offset, bytes));
            }
            DiskOp::Sync { file } => {
                let inode = self.names[&file];
                for (offset, bytes) in std::mem::take(&mut self.inodes[inode].writes) {
                    let blocks = (offset..offset + bytes.len()).step_by(4096);
                    self.sealed.extend(blocks.map(|block| (inode, block)));
                    overlay(&mut self.inodes[inode].synced, offset, &bytes);
                }
            }
            DiskOp::Rename { from, to } => {
                let inode = self.names.remove(&from).unwrap();
                self.names.insert(to, inode);
            }
            DiskOp::Remove { file } => {
                self.names.remove(&file).unwrap();
            }
            DiskOp::SyncDirectory => self.synced_names = self.names.clone(),
        }
    }

    /// Power is lost; the disk as the next start finds it.
    pub(crate) fn crash(&self, crash: Crash, prng: &mut Prng) -> Disk {
        let mut disk = self.clone();
        if crash == Crash::Subset {
            for Issued { op, .. } in std::mem::take(&mut disk.pending) {
                if prng.below(2) == 0 && !matches!(op, DiskOp::Sync { .. } | DiskOp::SyncDirectory)
                {
                    disk.carry_out(op);
                }
            }
        }
        disk.pending.clear();
        disk.names = match crash {
            Crash::DropAll => disk.synced_names,
            Crash::KeepAll | Crash::TornLast => disk.names,
            Crash::Subset => pick_names(&disk.synced_names, &disk.names, prng),
        };
        for inode in &mut disk.inodes {
            let writes = std::mem::take(&mut inode.writes);
            let last = writes.len();
            for (index, (offset, bytes)) in writes.into_iter().enumerate() {
                match crash {
                    Crash::DropAll => {}
                    Crash::TornLast if index + 1 == last => {
                        tear(&mut inode.synced, offset, &bytes, prng);
                    }
                    Crash::KeepAll | Crash::TornLast => {
                        overlay(&mut inode.synced, offset, &bytes);
                    }
                    Crash::Subset => subset(&mut inode.synced, offset, &bytes, prng),
                }
            }
        }
        disk.synced_names = disk.names.clone();
        (disk.steps, disk.fail_at) = (0, None);
        disk
    }

    pub(crate) fn flip(&mut self, file: FileName, bit: usize) {
        self.inodes[self.names[&file]].synced[bit / 8] ^= 1 << (bit % 8);
    }

    pub(crate) fn cut(&mut self, file: FileName, bytes: usize) {
        self.inodes[self.names[&file]].synced.truncate(bytes);
    }

    pub(crate) fn put(&mut self, file: FileName, bytes: Vec<u8>) {
        self.inodes.push(Inode { synced: bytes, writes: Vec::new() });
        self.names.insert(file, self.inodes.len() - 1);
        self.synced_names = self.names.clone();
    }

    pub(crate) fn remove(&mut self, file: FileName) {
        self.carry_out(DiskOp::Remove { file });
        self.synced_names = self.names.clone();
    }

    pub(crate) fn bytes(&self, file: FileName) -> Vec<u8> {
        self.inodes[self.names[&file]].bytes()
    }
}

fn pick_names(
    synced: &BTreeMap<FileName, usize>,
    names: &BTreeMap<FileName, usize>,
    prng: &mut Prng,
) -> BTreeMap<FileName, usize> {
    let all: BTreeSet<FileName> = synced.keys().chain(names.keys()).copied().collect();
    let picked = all.into_iter().filter_map(|name| {
        let of = if prng.below(2) == 0 { synced } else { names };
        of.get(&name).map(|inode| (name, *inode))
    });
    picked.collect()
}

fn tear(bytes: &mut Vec<u8>, offset: usize, write: &[u8], prng: &mut Prng) {
    let kept = prng.below(write.len() + 1);
    let mut torn = write[..kept].to_vec();
    torn.extend(prng.bytes(write.len() - kept));
    overlay(bytes, offset, &torn);
}

fn subset(bytes: &mut Vec<u8>, offset: usize, write: &[u8], prng: &mut Prng) {
    for (index, sector) in write.chunks(SECTOR_BYTES).enumerate() {
        let at = offset + index * SECTOR_BYTES;
        match prng.below(8) {
            0 => tear(bytes, at, sector, prng),
            1..=4 => overlay(bytes, at, sector),
            _ => {}
        }
    }
}

impl Files for Disk {
    fn list(&self) -> Vec<FileName> {
        self.names.keys().rev().copied().collect()
    }

    fn size(&self, file: &FileName) -> Option<u64> {
        self.names.get(file).map(|inode| wide(self.inodes[*inode].bytes().len()))
    }

    fn read(&self, file: &FileName, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        let inode = &self.inodes[self.names[file]];
        let whole = if inode.writes.is_empty() { None } else { Some(inode.bytes()) };
        let bytes = whole.as_ref().unwrap_or(&inode.synced);
        Ok(bytes[narrow(offset)..narrow(offset + len)].to_vec())
    }
}

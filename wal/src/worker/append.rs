//! Groups of a log on their way to its segment, where their completion means that they are durable.
//!
//! Invariants:
//! - Room for what follows is written with a group, as zeros behind it: a file that keeps its length
//!   and its blocks has nothing to sync but bytes. Nothing is written behind the room but the next
//!   group, and the log has one in flight.
//! - A sync of a segment whose writes were all made here is done when it is asked for.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use crate::aligned::Aligned;
use crate::bytes::{narrow, wide};
use crate::disk::{DiskOp, Failure};
use crate::name::FileName;
use crate::probe;
use crate::segment::HEADER_BYTES;
use crate::sync_path::SyncPath;

/// What has become of all disks of a database.
#[derive(Debug, Default)]
pub(super) struct Fate {
    /// Why a sync failed: nothing is done after that.
    poison: OnceLock<Failure>,
    /// Whether the database has let go of its directory.
    closed: AtomicBool,
}

impl Fate {
    /// Fails after a sync has failed.
    pub(super) fn poisoned(&self) -> Result<(), Failure> {
        self.poison.get().map_or(Ok(()), |failure| Err(failure.clone()))
    }

    /// Fails where nothing can be done any more.
    pub(super) fn allows(&self) -> Result<(), Failure> {
        self.poisoned()?;
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    /// A sync has failed; what is told to all from here on.
    pub(super) fn poison(&self, failure: Failure) -> Failure {
        self.poison.get_or_init(|| failure).clone()
    }

    pub(super) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }
}

/// What those are told who come too late.
pub(super) fn closed() -> Failure {
    Failure { errno: None, said: "the database is closed; open it again".to_owned() }
}

/// A group, and where it goes.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) name: FileName,
    pub(super) file: Arc<File>,
    pub(super) offset: u64,
    pub(super) bytes: Vec<u8>,
    /// Of the group and the room behind it.
    pub(super) len: usize,
}

impl Append {
    /// Writes it on this thread; the file was opened so that this makes it durable.
    pub(super) fn write(&self, memory: &mut Aligned) -> io::Result<()> {
        if memory.len() < self.len {
            *memory = Aligned::zeroed(self.len);
        }
        memory.fill(&self.bytes, self.len);
        self.file.write_all_at(&memory.bytes()[..self.len], self.offset)
    }

    /// Why it failed.
    pub(super) fn failed(&self, error: &io::Error) -> Failure {
        failure("writing a group to", self.name, error)
    }
}

pub(super) fn failure(doing: &str, name: FileName, error: &io::Error) -> Failure {
    let Failure { errno, said } = Failure::of(error);
    Failure { errno, said: format!("{doing} {name}: {said}") }
}

/// How groups are written.
#[derive(Debug, Clone)]
pub(super) struct Style {
    pub(super) directory: PathBuf,
    pub(super) path: SyncPath,
    /// Past the page cache.
    pub(super) direct: bool,
    /// Room is written up to a multiple of it.
    pub(super) room_bytes: u64,
}

/// The segment that an owner of operations writes.
#[derive(Debug)]
pub(super) struct Tape {
    style: Style,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    name: FileName,
    file: Arc<File>,
    /// Up to here zeros or groups were written.
    room: u64,
}

impl Tape {
    pub(super) fn new(style: Style) -> Tape {
        Tape { style, open: None }
    }

    /// Whether `op` writes a group. What else is written to a file takes its own way, and its syncs
    /// do too from then on.
    pub(super) fn takes(&mut self, op: &DiskOp) -> bool {
        let names: &[FileName] = match op {
            DiskOp::Write { file: FileName::Segment { .. }, offset, .. }
                if *offset >= HEADER_BYTES =>
            {
                return true;
            }
            DiskOp::Write { file, .. } | DiskOp::Create { file } | DiskOp::Remove { file } => {
                &[*file]
            }
            DiskOp::Rename { from, to } => &[*from, *to],
            DiskOp::Sync { .. } | DiskOp::SyncDirectory => &[],
        };
        if names.iter().any(|name| self.holds(*name)) {
            self.open = None;
        }
        false
    }

    /// Whether all that was written to a file since it was opened was written here.
    pub(super) fn holds(&self, file: FileName) -> bool {
        self.open.as_ref().is_some_and(|open| open.name == file)
    }

    /// The group of a write that is taken.
    pub(super) fn append(
        &mut self,
        name: FileName,
        offset: u64,
        bytes: Vec<u8>,
    ) -> Result<Append, Failure> {
        if !self.holds(name) {
            let Style { directory, path, direct, .. } = &self.style;
            let file = probe::open(&directory.join(name.to_string()), *path, *direct);
            let file = Arc::new(file.map_err(|error| failure("opening", name, &error))?);
            self.open = Some(Open { name, file, room: 0 });
        }
        let open = self.open.as_mut().expect("it was opened just now");
        let end = offset + wide(bytes.len());
        let enough = end <= open.room;
        let end = if enough { end } else { end.next_multiple_of(self.style.room_bytes) };
        open.room = open.room.max(end);
        let file = Arc::clone(&open.file);
        Ok(Append { name, file, offset, bytes, len: narrow(end - offset) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::temp::Temp;

    #[test]
    fn room_is_written_once_and_ends_at_a_multiple() {
        let temp = Temp::new();
        let name = FileName::Segment { shard: 0, number: 1 };
        File::create(temp.join(name.to_string())).unwrap();
        let (directory, path) = (temp.to_path_buf(), SyncPath::Blocking);
        let style = Style { directory, path, direct: false, room_bytes: 16_384 };
        let mut tape = Tape::new(style);
        let mut lens = Vec::new();
        for (offset, bytes) in [(4096, 4096), (8192, 4096), (12_288, 8192), (20_480, 40_960)] {
            lens.push(tape.append(name, offset, vec![0; bytes]).unwrap().len);
        }
        assert_eq!(lens, [12_288, 4096, 20_480, 45_056]);
    }
}

//! Does one operation, on the thread that calls.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, MutexGuard};

use super::append::Fate;
use super::inbox::{Target, Task};
use crate::aligned::Aligned;
use crate::directory::Place;
use crate::disk::{DiskOp, Failure};
use crate::name::FileName;

/// Does operations in one directory, for several threads at a time.
pub(super) struct Performer {
    place: Place,
    table: Mutex<Table>,
    fate: Arc<Fate>,
}

/// The open files.
struct Table {
    files_max: usize,
    files: BTreeMap<FileName, Opened>,
    /// Counts uses.
    uses: u64,
}

struct Opened {
    /// Whoever works on it has a share.
    file: Arc<File>,
    /// Grows when a write begins and when it ends.
    changes: u64,
    /// How many of them the last good sync covered.
    synced: u64,
    used: u64,
}

impl Performer {
    pub(super) fn new(place: Place, files_max: usize, fate: Arc<Fate>) -> Performer {
        let table = Table { files_max, files: BTreeMap::new(), uses: 0 };
        Performer { place, table: Mutex::new(table), fate }
    }

    /// Does it, unless a sync has failed before. What is aligned goes through `memory`.
    pub(super) fn perform(&self, task: &Task, memory: &mut Aligned) -> Result<(), Failure> {
        self.fate.poisoned()?;
        let attempted = match task {
            Task::Append(append) => append.write(memory).map_err(|error| append.failed(&error)),
            Task::Op(op) => self.attempt(op).map_err(|error| {
                let Failure { errno, said } = Failure::of(&error);
                Failure { errno, said: format!("{}: {said}", words(op)) }
            }),
        };
        attempted.map_err(|failure| match Target::of(task) {
            Some(_) => self.fate.poison(failure),
            None => failure,
        })
    }

    fn attempt(&self, op: &DiskOp) -> io::Result<()> {
        match op {
            DiskOp::Create { file } => {
                let mut options = OpenOptions::new();
                let options = options.write(true).create(true).truncate(true);
                let created = options.open(self.place.file(*file))?;
                self.table().put(*file, created);
            }
            DiskOp::Write { file, offset, bytes } => {
                let opened = self.opened(*file)?;
                self.table().changed(*file);
                let written = opened.write_all_at(bytes, *offset);
                self.table().changed(*file);
                written?;
            }
            DiskOp::Sync { file } => {
                let opened = self.opened(*file)?;
                let changes = self.table().changes(*file);
                opened.sync_data()?;
                self.table().synced(*file, changes);
            }
            DiskOp::Rename { from, to } => {
                fs::rename(self.place.file(*from), self.place.file(*to))?;
                self.table().rename(*from, *to);
            }
            DiskOp::Remove { file } => {
                fs::remove_file(self.place.file(*file))?;
                self.table().remove(*file);
            }
            DiskOp::SyncDirectory => self.place.sync()?,
        }
        Ok(())
    }

    /// The file, which exists.
    fn opened(&self, name: FileName) -> io::Result<Arc<File>> {
        if let Some(file) = self.table().find(name) {
            return Ok(file);
        }
        // Nobody waits for the table while the system looks for the file.
        let file = OpenOptions::new().write(true).open(self.place.file(name))?;
        Ok(self.table().keep(name, file))
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().expect("no thread panics in the table")
    }
}

impl Table {
    fn find(&mut self, name: FileName) -> Option<Arc<File>> {
        self.uses += 1;
        let opened = self.files.get_mut(&name)?;
        opened.used = self.uses;
        Some(opened.file.clone())
    }

    /// Adds a file that was found, unless another thread did so first.
    fn keep(&mut self, name: FileName, file: File) -> Arc<File> {
        if let Some(file) = self.find(name) {
            return file;
        }
        let file = Arc::new(file);
        let opened = Opened { file: file.clone(), changes: 0, synced: 0, used: self.uses };
        self.files.insert(name, opened);
        self.evict();
        file
    }

    /// Adds a file that was created, in place of what had its name.
    fn put(&mut self, name: FileName, file: File) {
        self.uses += 1;
        let opened = Opened { file: Arc::new(file), changes: 1, synced: 0, used: self.uses };
        self.files.insert(name, opened);
        self.evict();
    }

    fn changed(&mut self, name: FileName) {
        if let Some(opened) = self.files.get_mut(&name) {
            opened.changes += 1;
        }
    }

    fn changes(&self, name: FileName) -> u64 {
        self.files.get(&name).map_or(0, |opened| opened.changes)
    }

    /// A sync was good that began after so many changes.
    fn synced(&mut self, name: FileName, changes: u64) {
        if let Some(opened) = self.files.get_mut(&name) {
            opened.synced = changes;
        }
        self.evict();
    }

    fn rename(&mut self, from: FileName, to: FileName) {
        self.files.remove(&to);
        if let Some(opened) = self.files.remove(&from) {
            self.files.insert(to, opened);
        }
    }

    fn remove(&mut self, name: FileName) {
        self.files.remove(&name);
    }

    /// Closes what was used least lately, if there are too many files and nothing in it waits.
    fn evict(&mut self) {
        while self.files.len() > self.files_max {
            let idle = self.files.iter().filter(|(_, opened)| {
                opened.changes == opened.synced && Arc::strong_count(&opened.file) == 1
            });
            let Some((&name, _)) = idle.min_by_key(|(_, opened)| opened.used) else { return };
            self.files.remove(&name);
        }
    }
}

/// What was attempted.
fn words(op: &DiskOp) -> String {
    match op {
        DiskOp::Create { file } => format!("creating {file}"),
        DiskOp::Write { file, offset, bytes } => {
            format!("writing {} bytes at {offset} of {file}", bytes.len())
        }
        DiskOp::Sync { file } => format!("syncing {file}"),
        DiskOp::Rename { from, to } => format!("renaming {from} to {to}"),
        DiskOp::Remove { file } => format!("removing {file}"),
        DiskOp::SyncDirectory => "syncing the directory".to_owned(),
    }
}

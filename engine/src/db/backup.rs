//! Copies of what a directory holds, and the way back.

use std::path::Path;

use sluicedb_wal::backup;

use super::error::Error;
use crate::core::coordinator::Front;

/// What was copied into a backup, or out of one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Backup {
    /// All that was pushed until the end of this epoch is in it.
    pub epoch: u64,
    /// The shards that wrote it. A database that it becomes may be opened with another number.
    pub shards: usize,
    /// Files of state.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Sinks that go on where they were when it is opened.
    pub sinks: usize,
}

impl Backup {
    pub(super) fn of(copied: &backup::Copied) -> Backup {
        let backup::Copied { manifest, files, bytes } = copied;
        // What another version added is for that version to read when it opens the directory.
        let sinks = Front::decode(&manifest.front).map_or(0, |front| front.sinks.len());
        Backup {
            epoch: manifest.epoch,
            shards: manifest.shards.len(),
            files: *files,
            bytes: *bytes,
            sinks,
        }
    }
}

/// Makes a database of a backup.
pub(super) fn restore(from: &Path, to: &Path) -> Result<Backup, Error> {
    Ok(Backup::of(&backup::restore(from, to)?))
}

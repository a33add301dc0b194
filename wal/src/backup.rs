//! A copy of a sealed epoch in a directory of its own, and from there to a database of its own.
//!
//! Invariants:
//! - All bytes are verified on their way, against the manifest that names them.
//! - A backup counts once its manifest has its name, and a restored directory once its identity has:
//!   what was cut short before is refused by whoever finds it.
//! - What is restored is another database than the one that was saved, so that the files of one are
//!   refused in the directory of the other.

mod error;
mod folder;
mod target;
#[cfg(test)]
mod tests;

use std::path::Path;

pub use error::BackupError;
use folder::Folder;
use target::Target;

use crate::checkpoint::Moved;
use crate::directory;
use crate::disk::Files;
use crate::error::OpenError;
use crate::identity;
use crate::lsn::Lsn;
use crate::manifest::{FileRef, Manifest, ShardPart};
use crate::name::FileName;
use crate::segment::{self, Header};

/// Epochs of one life of a database: the number of the newest segment that it found is their upper
/// half.
const EPOCHS_PER_SEGMENT_BITS: u32 = 32;

/// What was copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// What the epoch consists of, as the backup has it.
    pub manifest: Manifest,
    /// How many checkpoints there are.
    pub files: usize,
    /// Bytes of all that was written.
    pub bytes: u64,
}

/// Copies the epoch of `manifest` out of the directory `from`, where its files stay meanwhile, into the
/// directory `to`, which is empty or missing.
pub fn take(manifest: &Manifest, from: &Path, to: &Path) -> Result<Copied, BackupError> {
    let folder = Folder::new(from);
    let mut target = Target::begin(to)?;
    let refs = move_all(&folder, from, &mut target, (manifest, manifest.database))?;
    let same = manifest.shards.iter().flat_map(|part| &part.files).eq(refs.iter().flatten());
    assert!(same, "units that were verified and are of the same database are the same bytes");
    target.publish(FileName::Backup, &manifest.encode())?;
    Ok(target.finish(manifest.clone()))
}

/// Makes a database in the directory `to`, which is empty or missing, of the backup in `from`.
pub fn restore(from: &Path, to: &Path) -> Result<Copied, BackupError> {
    let folder = Folder::new(from);
    let manifest = read(&folder, from)?;
    let mut target = Target::begin(to)?;
    target.hold()?;
    let database =
        directory::random().map_err(|error| target.failed("making an identity", &error))?;
    let files = move_all(&folder, from, &mut target, (&manifest, database))?;
    for shard in 0..files.len() {
        target.write(segment_before(&manifest, database, shard as u16))?;
    }
    let part = |(files, part): (Vec<FileRef>, &ShardPart)| ShardPart {
        files,
        // The log begins anew.
        log_from: Lsn(0),
        log_durable: Lsn(0),
        digest: part.digest,
    };
    let restored = Manifest {
        database,
        epoch: manifest.epoch,
        previous: 0,
        shards: files.into_iter().zip(&manifest.shards).map(part).collect(),
        front: manifest.front,
    };
    target.write((FileName::Manifest { epoch: restored.epoch }, restored.encode()))?;
    target.publish(FileName::Identity, &identity::encode(database))?;
    Ok(target.finish(restored))
}

/// The manifest of a backup.
fn read(folder: &Folder, path: &Path) -> Result<Manifest, BackupError> {
    let file = FileName::Backup;
    let Some(bytes) = folder.size(&file) else {
        return Err(BackupError::NoBackup { path: path.to_owned() });
    };
    let corrupt = |error| BackupError::Corrupt { path: path.to_owned(), error };
    let read = folder.read(&file, 0, bytes);
    let bytes = read.map_err(|failure| corrupt(OpenError::Io { file, failure }))?;
    Manifest::decode(file, &bytes).map_err(corrupt)
}

/// Copies all files that a manifest names, as files of the database `to`; by shard, what they are there.
fn move_all(
    folder: &Folder,
    from: &Path,
    target: &mut Target,
    (manifest, to): (&Manifest, u128),
) -> Result<Vec<Vec<FileRef>>, BackupError> {
    let corrupt = |error| BackupError::Corrupt { path: from.to_owned(), error };
    let mut shards = Vec::with_capacity(manifest.shards.len());
    for part in &manifest.shards {
        let mut files = Vec::with_capacity(part.files.len());
        for file in &part.files {
            let moved = Moved::new(folder, (manifest.database, to), file);
            let mut moved = moved.map_err(corrupt)?;
            target.fill(file.name, || moved.unit().map_err(corrupt))?;
            files.push(moved.done());
        }
        shards.push(files);
    }
    Ok(shards)
}

/// A segment without a group, from whose number on epochs are above that of the manifest.
fn segment_before(manifest: &Manifest, database: u128, shard: u16) -> (FileName, Vec<u8>) {
    let number = (manifest.epoch >> EPOCHS_PER_SEGMENT_BITS) + 1;
    // Groups of it are never written, so that its salt tells nothing apart.
    let salt = segment::salt(database as u64, number);
    let header = Header { database, shard, number, first: Lsn(0), salt, previous: None };
    (FileName::Segment { shard, number }, header.encode().0)
}

impl Target {
    /// It is whole.
    fn finish(self, manifest: Manifest) -> Copied {
        let files = manifest.shards.iter().map(|part| part.files.len()).sum();
        let bytes = self.bytes();
        self.keep();
        Copied { manifest, files, bytes }
    }

    fn write(&mut self, (name, bytes): (FileName, Vec<u8>)) -> Result<(), BackupError> {
        let mut bytes = Some(bytes);
        self.fill(name, || Ok(bytes.take()))
    }
}

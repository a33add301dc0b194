//! A manifest: what a sealed epoch consists of.
//!
//! Invariants:
//! - The encoding is canonical: each manifest has one, and no other bytes decode.
//! - The newest manifest is the truth; if it cannot be read the database is corrupt, not older.

use crate::bytes::{Cursor, blocks_up, is_zero, pad, put, u32_at, u64_at, u128_at, wide};
use crate::disk::Files;
use crate::error::OpenError;
use crate::hash::hash;
use crate::lsn::Lsn;
use crate::name::FileName;

/// The format of manifests.
pub const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"SLUICEMF";
/// Magic, version, checksum, length and hash of the body.
const HEADER_BYTES: usize = 40;
/// What tells the files that a manifest may name apart in its body.
const CHECKPOINT: u8 = 1;

/// A finished file, as a manifest refers to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRef {
    /// Which: a checkpoint.
    pub name: FileName,
    /// Its length.
    pub bytes: u64,
    /// [`hash`] of all its bytes.
    pub hash: u128,
}

/// What one shard adds to an epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ShardPart {
    /// Its state: the base, then what was written over it, oldest first.
    pub files: Vec<FileRef>,
    /// Records behind this position are not in the state.
    pub log_from: Lsn,
    /// The log was durable up to here when the epoch was sealed.
    pub log_durable: Lsn,
    /// The engine's digest of the state.
    pub digest: u64,
}

/// Everything that a sealed epoch consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Whose.
    pub database: u128,
    /// The sealed epoch.
    pub epoch: u64,
    /// [`Manifest::hash`] of the manifest before, or zero if this is the first.
    pub previous: u128,
    /// One part a shard.
    pub shards: Vec<ShardPart>,
    /// What the engine adds: sources, watermarks.
    pub front: Vec<u8>,
}

impl Manifest {
    /// Names this manifest in the one after it.
    pub fn hash(&self) -> u128 {
        hash(&self.body())
    }

    /// The file's bytes: whole blocks.
    pub fn encode(&self) -> Vec<u8> {
        let body = self.body();
        let mut bytes = vec![0; HEADER_BYTES];
        put(&mut bytes, 0, &MAGIC);
        put(&mut bytes, 8, &VERSION.to_le_bytes());
        put(&mut bytes, 16, &wide(body.len()).to_le_bytes());
        put(&mut bytes, 24, &hash(&body).to_le_bytes());
        bytes.extend_from_slice(&body);
        pad(&mut bytes);
        let crc = checksum(&bytes);
        put(&mut bytes, 12, &crc.to_le_bytes());
        bytes
    }

    /// The manifest that `file` with these `bytes` holds.
    pub fn decode(file: FileName, bytes: &[u8]) -> Result<Manifest, OpenError> {
        let corrupt = |offset, what| OpenError::Corrupt { file, offset, what };
        if bytes.len() < HEADER_BYTES || bytes[..8] != MAGIC {
            return Err(corrupt(0, "the manifest has another magic or is cut"));
        }
        if u32_at(bytes, 12) != checksum(bytes) {
            return Err(corrupt(0, "the checksum of the manifest differs"));
        }
        let found = u32_at(bytes, 8);
        if found != VERSION {
            return Err(OpenError::Version { file, found, known: VERSION });
        }
        let body_bytes = u64_at(bytes, 16);
        let room = wide(bytes.len() - HEADER_BYTES);
        if body_bytes > room || blocks_up(wide(HEADER_BYTES) + body_bytes) != wide(bytes.len()) {
            return Err(corrupt(16, "the manifest has another length than it says"));
        }
        let (body, padding) = bytes[HEADER_BYTES..].split_at(body_bytes as usize);
        if hash(body) != u128_at(bytes, 24) || !is_zero(padding) {
            return Err(corrupt(wide(HEADER_BYTES), "the hash of the manifest differs"));
        }
        decode_body(body)
            .ok_or_else(|| corrupt(wide(HEADER_BYTES), "the manifest contradicts itself"))
    }

    fn body(&self) -> Vec<u8> {
        let Manifest { database, epoch, previous, shards, front } = self;
        let mut body = Vec::new();
        body.extend_from_slice(&database.to_le_bytes());
        body.extend_from_slice(&epoch.to_le_bytes());
        body.extend_from_slice(&previous.to_le_bytes());
        let shard_count = u16::try_from(shards.len()).expect("a shard has a u16 for its number");
        body.extend_from_slice(&shard_count.to_le_bytes());
        for ShardPart { files, log_from, log_durable, digest } in shards {
            let file_count = u32::try_from(files.len()).expect("deltas are bounded");
            body.extend_from_slice(&file_count.to_le_bytes());
            for FileRef { name, bytes, hash } in files {
                let FileName::Checkpoint { shard, epoch } = name else {
                    panic!("a manifest names checkpoints, not {name}");
                };
                body.push(CHECKPOINT);
                body.extend_from_slice(&shard.to_le_bytes());
                body.extend_from_slice(&epoch.to_le_bytes());
                body.extend_from_slice(&bytes.to_le_bytes());
                body.extend_from_slice(&hash.to_le_bytes());
            }
            body.extend_from_slice(&log_from.0.to_le_bytes());
            body.extend_from_slice(&log_durable.0.to_le_bytes());
            body.extend_from_slice(&digest.to_le_bytes());
        }
        body.extend_from_slice(&wide(front.len()).to_le_bytes());
        body.extend_from_slice(front);
        body
    }
}

/// Covers the file without the place of the checksum itself.
fn checksum(bytes: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&bytes[..12]);
    hasher.update(&bytes[16..]);
    hasher.finalize()
}

fn decode_body(body: &[u8]) -> Option<Manifest> {
    let mut cursor = Cursor::new(body);
    let database = cursor.u128()?;
    let epoch = cursor.u64()?;
    let previous = cursor.u128()?;
    let shard_count = cursor.u16()?;
    let mut shards = Vec::new();
    for _ in 0..shard_count {
        shards.push(decode_part(&mut cursor)?);
    }
    let front = cursor.sized()?.to_vec();
    cursor.is_empty().then_some(Manifest { database, epoch, previous, shards, front })
}

fn decode_part(cursor: &mut Cursor<'_>) -> Option<ShardPart> {
    let file_count = cursor.u32()?;
    let mut files = Vec::new();
    for _ in 0..file_count {
        if cursor.u8()? != CHECKPOINT {
            return None;
        }
        let name = FileName::Checkpoint { shard: cursor.u16()?, epoch: cursor.u64()? };
        files.push(FileRef { name, bytes: cursor.u64()?, hash: cursor.u128()? });
    }
    let log_from = Lsn(cursor.u64()?);
    let log_durable = Lsn(cursor.u64()?);
    Some(ShardPart { files, log_from, log_durable, digest: cursor.u64()? })
}

/// The manifest of `epoch`, which must be there.
pub fn read(files: &dyn Files, epoch: u64) -> Result<Manifest, OpenError> {
    let file = FileName::Manifest { epoch };
    let bytes = files.size(&file).ok_or(OpenError::Missing { file })?;
    let bytes = files.read(&file, 0, bytes).map_err(|failure| OpenError::Io { file, failure })?;
    let manifest = Manifest::decode(file, &bytes)?;
    if manifest.epoch != epoch {
        let offset = wide(HEADER_BYTES);
        return Err(OpenError::Corrupt {
            file,
            offset,
            what: "this is the manifest of another epoch",
        });
    }
    Ok(manifest)
}

/// The newest manifest, if there is any. The files it names exist and have the right length; their
/// hashes are verified when they are read.
pub fn newest(files: &dyn Files) -> Result<Option<Manifest>, OpenError> {
    let epochs = files.list().into_iter().filter_map(|file| match file {
        FileName::Manifest { epoch } => Some(epoch),
        _ => None,
    });
    let Some(epoch) = epochs.max() else { return Ok(None) };
    let manifest = read(files, epoch)?;
    for FileRef { name, bytes, .. } in manifest.shards.iter().flat_map(|part| &part.files) {
        let found = files.size(name).ok_or(OpenError::Missing { file: *name })?;
        if found != *bytes {
            let what = "the file has another length than the manifest says";
            return Err(OpenError::Corrupt { file: *name, offset: found.min(*bytes), what });
        }
    }
    Ok(Some(manifest))
}

#[cfg(test)]
mod tests;

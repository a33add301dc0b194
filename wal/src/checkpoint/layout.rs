//! The units of a checkpoint file: header, chunks, footer. Each is whole blocks with a checksum
//! that covers its place.

use super::CheckpointId;
use crate::bytes::{is_zero, narrow, pad, put, u16_at, u32_at, u64_at, u128_at, wide};
use crate::options::BLOCK_BYTES;

/// The format of checkpoints.
pub const VERSION: u32 = 1;
/// Bytes of the engine's words in front of a block.
pub const ENTRY_HEAD_BYTES: usize = 24;
const MAGIC: [u8; 8] = *b"SLUICECP";
const FOOTER_MAGIC: [u8; 8] = *b"SLUICECE";
/// Bytes of a chunk on disk; the last one may be shorter.
const CHUNK_BYTES: usize = 64 * 1024;
const CHUNK_HEADER_BYTES: usize = 16;
/// Bytes of content in a whole chunk.
pub(super) const CHUNK_CONTENT_BYTES: usize = CHUNK_BYTES - CHUNK_HEADER_BYTES;

/// What can be wrong with a unit.
pub(super) enum Bad {
    Unit(&'static str),
    Version(u32),
}

pub(super) fn header(id: &CheckpointId) -> Vec<u8> {
    let CheckpointId { database, shard, epoch, base } = *id;
    let mut block = vec![0; BLOCK_BYTES as usize];
    put(&mut block, 0, &MAGIC);
    put(&mut block, 8, &VERSION.to_le_bytes());
    put(&mut block, 16, &database.to_le_bytes());
    put(&mut block, 32, &epoch.to_le_bytes());
    put(&mut block, 40, &base.unwrap_or(0).to_le_bytes());
    put(&mut block, 48, &shard.to_le_bytes());
    put(&mut block, 50, &u16::from(base.is_some()).to_le_bytes());
    let crc = checksum(&[&block[..12], &block[16..]]);
    put(&mut block, 12, &crc.to_le_bytes());
    block
}

pub(super) fn decode_header(block: &[u8]) -> Result<CheckpointId, Bad> {
    if block[..8] != MAGIC {
        return Err(Bad::Unit("the header has another magic"));
    }
    if u32_at(block, 12) != checksum(&[&block[..12], &block[16..]]) {
        return Err(Bad::Unit("the checksum of the header differs"));
    }
    let version = u32_at(block, 8);
    if version != VERSION {
        return Err(Bad::Version(version));
    }
    let base = match (u16_at(block, 50), u64_at(block, 40)) {
        (0, 0) => None,
        (1, base) => Some(base),
        _ => return Err(Bad::Unit("the header contradicts itself")),
    };
    if !is_zero(&block[52..]) {
        return Err(Bad::Unit("the header contradicts itself"));
    }
    let (database, epoch) = (u128_at(block, 16), u64_at(block, 32));
    Ok(CheckpointId { database, shard: u16_at(block, 48), epoch, base })
}

/// The chunk at `offset` with `content`.
pub(super) fn chunk(id: &CheckpointId, offset: u64, content: &[u8]) -> Vec<u8> {
    assert!((1..=CHUNK_CONTENT_BYTES).contains(&content.len()), "a chunk is bounded");
    let mut bytes = Vec::with_capacity(CHUNK_BYTES);
    bytes.resize(CHUNK_HEADER_BYTES, 0);
    let content_bytes = u32::try_from(content.len()).expect("it is below the size of a chunk");
    put(&mut bytes, 4, &content_bytes.to_le_bytes());
    put(&mut bytes, 8, &offset.to_le_bytes());
    bytes.extend_from_slice(content);
    let crc = placed(id, &bytes[4..]);
    put(&mut bytes, 0, &crc.to_le_bytes());
    pad(&mut bytes);
    bytes
}

/// Bytes on disk of the chunk that starts where `content_bytes` of content are left.
pub(super) fn chunk_bytes(content_bytes: u64) -> u64 {
    let content_bytes = content_bytes.min(wide(CHUNK_CONTENT_BYTES));
    crate::bytes::blocks_up(wide(CHUNK_HEADER_BYTES) + content_bytes)
}

/// The content of the chunk in `bytes`, which has `content_bytes` and comes from `offset`.
pub(super) fn decode_chunk<'a>(
    id: &CheckpointId,
    offset: u64,
    content_bytes: u64,
    bytes: &'a [u8],
) -> Result<&'a [u8], &'static str> {
    let end = CHUNK_HEADER_BYTES + narrow(content_bytes);
    let (unit, padding) = bytes.split_at(end);
    if u32_at(unit, 0) != placed(id, &unit[4..]) {
        return Err("the checksum of the chunk differs");
    }
    if u64::from(u32_at(unit, 4)) != content_bytes || u64_at(unit, 8) != offset {
        return Err("this is another chunk");
    }
    if !is_zero(padding) {
        return Err("the padding of the chunk is not zero");
    }
    Ok(&unit[CHUNK_HEADER_BYTES..])
}

/// The last block of the file.
pub(super) fn footer(
    id: &CheckpointId,
    offset: u64,
    entry_count: u64,
    content_bytes: u64,
) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES as usize];
    put(&mut block, 4, &FOOTER_MAGIC);
    put(&mut block, 12, &offset.to_le_bytes());
    put(&mut block, 20, &entry_count.to_le_bytes());
    put(&mut block, 28, &content_bytes.to_le_bytes());
    let crc = placed(id, &block[4..]);
    put(&mut block, 0, &crc.to_le_bytes());
    block
}

/// How many entries there are, and their bytes with the front section.
pub(super) fn decode_footer(
    id: &CheckpointId,
    offset: u64,
    block: &[u8],
) -> Result<(u64, u64), &'static str> {
    if u32_at(block, 0) != placed(id, &block[4..]) {
        return Err("the checksum of the footer differs");
    }
    if block[4..12] != FOOTER_MAGIC || u64_at(block, 12) != offset || !is_zero(&block[36..]) {
        return Err("this is not the footer");
    }
    Ok((u64_at(block, 20), u64_at(block, 28)))
}

/// A checksum that holds only in this file.
fn placed(id: &CheckpointId, bytes: &[u8]) -> u32 {
    let CheckpointId { database, shard, epoch, .. } = *id;
    checksum(&[&database.to_le_bytes(), &epoch.to_le_bytes(), &shard.to_le_bytes(), bytes])
}

fn checksum(parts: &[&[u8]]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize()
}

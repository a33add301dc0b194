//! The file that says which database a directory holds.

use crate::bytes::{is_zero, put, u32_at, u128_at, wide};
use crate::disk::Files;
use crate::error::OpenError;
use crate::name::FileName;
use crate::options::BLOCK_BYTES;

/// The format of the identity file.
pub const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"SLUICEID";

/// The bytes of the file.
pub fn encode(database: u128) -> Vec<u8> {
    let mut block = vec![0; BLOCK_BYTES as usize];
    put(&mut block, 0, &MAGIC);
    put(&mut block, 8, &VERSION.to_le_bytes());
    put(&mut block, 16, &database.to_le_bytes());
    let crc = checksum(&block);
    put(&mut block, 12, &crc.to_le_bytes());
    block
}

/// The database in the directory; nothing if it has no identity.
pub fn read(files: &dyn Files) -> Result<Option<u128>, OpenError> {
    let file = FileName::Identity;
    let Some(bytes) = files.size(&file) else { return Ok(None) };
    let corrupt = |what| Err(OpenError::Corrupt { file, offset: 0, what });
    if bytes != BLOCK_BYTES {
        return corrupt("the identity has another length");
    }
    let block = files.read(&file, 0, bytes).map_err(|failure| OpenError::Io { file, failure })?;
    if wide(block.len()) != bytes || block[..8] != MAGIC || u32_at(&block, 12) != checksum(&block) {
        return corrupt("the magic or checksum of the identity differs");
    }
    let found = u32_at(&block, 8);
    if found != VERSION {
        return Err(OpenError::Version { file, found, known: VERSION });
    }
    if !is_zero(&block[32..]) {
        return corrupt("the padding of the identity is not zero");
    }
    Ok(Some(u128_at(&block, 16)))
}

/// Covers the block without the place of the checksum itself.
fn checksum(block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..12]);
    hasher.update(&block[16..]);
    hasher.finalize()
}

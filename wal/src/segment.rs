//! The header of a segment.
//!
//! Invariants:
//! - A header is written after everything that the segment before holds is durable, and says
//!   where that segment validly ends: what lies behind that place is dead for ever.
//! - A segment that recovery found is never written again; the log goes on in the next.

use crate::bytes::{is_zero, put, u16_at, u32_at, u64_at, u128_at};
use crate::lsn::Lsn;
use crate::options::BLOCK_BYTES;

/// The format of segments and groups.
pub const VERSION: u32 = 1;
/// Bytes of the header: one block.
pub const HEADER_BYTES: u64 = BLOCK_BYTES;
const MAGIC: [u8; 8] = *b"SLUICELG";
const USED_BYTES: usize = 80;

/// Where the segment before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub number: u64,
    /// Its last valid position; records of the last group behind it are dead.
    pub end: Lsn,
    /// Checksum of its last valid group, or of its header if it has none.
    pub chain: u32,
}

/// The first block of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Whose.
    pub database: u128,
    /// Whose log.
    pub shard: u16,
    /// Which segment.
    pub number: u64,
    /// Position of its first record; above the end of the segment before where records are dead.
    pub first: Lsn,
    /// In every group of this segment and in those of no other.
    pub salt: u64,
    /// The segment before, if there is one.
    pub previous: Option<Link>,
}

/// Why a block is not a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bad {
    /// Not what was written.
    Block(&'static str),
    /// Whole, but of a format that is not ours.
    Version(u32),
}

impl Header {
    /// The block, and the checksum that the first group chains to.
    pub fn encode(&self) -> (Vec<u8>, u32) {
        let Header { database, shard, number, first, salt, previous } = *self;
        assert!(number != 0, "zero says that there is no segment before");
        let Link { number: before, end, chain } =
            previous.unwrap_or(Link { number: 0, end: Lsn(0), chain: 0 });
        assert!(before < number && end <= first, "segments and positions go up");
        let mut block = vec![0; BLOCK_BYTES as usize];
        put(&mut block, 0, &MAGIC);
        put(&mut block, 8, &VERSION.to_le_bytes());
        put(&mut block, 16, &database.to_le_bytes());
        put(&mut block, 32, &number.to_le_bytes());
        put(&mut block, 40, &first.0.to_le_bytes());
        put(&mut block, 48, &salt.to_le_bytes());
        put(&mut block, 56, &before.to_le_bytes());
        put(&mut block, 64, &end.0.to_le_bytes());
        put(&mut block, 72, &chain.to_le_bytes());
        put(&mut block, 76, &shard.to_le_bytes());
        let crc = checksum(&block);
        put(&mut block, 12, &crc.to_le_bytes());
        (block, crc)
    }

    /// The header in `block`, and its checksum.
    pub fn decode(block: &[u8]) -> Result<(Header, u32), Bad> {
        if block.len() as u64 != HEADER_BYTES {
            return Err(Bad::Block("the header is cut"));
        }
        if block[..8] != MAGIC {
            return Err(Bad::Block("the header has another magic"));
        }
        let crc = u32_at(block, 12);
        if crc != checksum(block) {
            return Err(Bad::Block("the checksum of the header differs"));
        }
        let version = u32_at(block, 8);
        if version != VERSION {
            return Err(Bad::Version(version));
        }
        let before = u64_at(block, 56);
        let link = Link { number: before, end: Lsn(u64_at(block, 64)), chain: u32_at(block, 72) };
        let header = Header {
            database: u128_at(block, 16),
            shard: u16_at(block, 76),
            number: u64_at(block, 32),
            first: Lsn(u64_at(block, 40)),
            salt: u64_at(block, 48),
            previous: (before != 0).then_some(link),
        };
        let ordered = before < header.number && link.end <= header.first;
        let empty = before != 0 || (link.end == Lsn(0) && link.chain == 0);
        if !ordered || !empty || !is_zero(&block[USED_BYTES - 2..]) {
            return Err(Bad::Block("the header contradicts itself"));
        }
        Ok((header, crc))
    }
}

/// Covers the block without the place of the checksum itself.
fn checksum(block: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..12]);
    hasher.update(&block[16..]);
    hasher.finalize()
}

/// The salt of a segment: differs from all others of the log as far as 64 bits can tell.
pub fn salt(seed: u64, number: u64) -> u64 {
    let mut x = seed ^ number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_back_and_every_flipped_bit_is_seen() {
        let link = Link { number: 8, end: Lsn(70), chain: 3 };
        for previous in [None, Some(link)] {
            let header = Header {
                database: 1 << 99,
                shard: 3,
                number: 9,
                first: Lsn(77),
                salt: 5,
                previous,
            };
            let (mut block, crc) = header.encode();
            assert_eq!(Header::decode(&block), Ok((header, crc)));
            for bit in 0..block.len() * 8 {
                block[bit / 8] ^= 1 << (bit % 8);
                assert!(Header::decode(&block).is_err(), "bit {bit}");
                block[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn a_whole_header_of_another_version_says_so() {
        let header =
            Header { database: 1, shard: 3, number: 9, first: Lsn(77), salt: 5, previous: None };
        let (mut block, _) = header.encode();
        put(&mut block, 8, &(VERSION + 1).to_le_bytes());
        let crc = checksum(&block);
        put(&mut block, 12, &crc.to_le_bytes());
        assert_eq!(Header::decode(&block), Err(Bad::Version(VERSION + 1)));
    }
}

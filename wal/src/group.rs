//! One group: what one sync makes durable.
//!
//! Invariants:
//! - A group is written after the one before it is durable. A valid group therefore proves that
//!   everything before it was durable, which is what `durable_upto` says.
//! - The checksum covers the place, so a group that was read from elsewhere is not valid.

use crate::bytes::{blocks_up, is_zero, narrow, pad, put, u32_at, u64_at, wide};
use crate::lsn::Lsn;
use crate::options::BLOCK_BYTES;

/// Fixed fields in front of the table of checksums and the payload.
pub const GROUP_HEADER_BYTES: usize = 64;
/// CRC-32 finds any three wrong bits up to about 11 KiB; longer payloads are checked in pieces.
const PIECE_BYTES: usize = 8192;

/// Where a group lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// Whose log.
    pub shard: u16,
    /// Number of the segment.
    pub segment: u64,
    /// Byte in the segment's file.
    pub offset: u64,
}

/// The fields of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GroupHeader {
    /// Checksum of the group before in this segment, or of the segment's header.
    pub chain: u32,
    /// The segment's.
    pub salt: u64,
    /// Position of the first record.
    pub first: Lsn,
    /// What was durable when the group was written.
    pub durable_upto: Lsn,
    /// Highest epoch of the records; zero if there are none.
    pub epoch: u64,
    /// The newest epoch whose manifest was durable when the group was written; zero where none was.
    pub sealed: u64,
    /// How many records follow.
    pub record_count: u32,
}

/// A group as read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its fields.
    pub header: GroupHeader,
    /// Its checksum, which the next group repeats.
    pub crc: u32,
    /// The encoded records.
    pub payload: Vec<u8>,
}

/// Bytes on disk of a group with `payload_bytes` of records.
pub fn disk_bytes(payload_bytes: u64) -> u64 {
    blocks_up(wide(GROUP_HEADER_BYTES) + 4 * piece_count(payload_bytes) + payload_bytes)
}

/// Length of the table; a payload of one piece is under the group's own checksum.
fn piece_count(payload_bytes: u64) -> u64 {
    let piece_bytes = wide(PIECE_BYTES);
    if payload_bytes <= piece_bytes { 0 } else { payload_bytes.div_ceil(piece_bytes) }
}

/// The group's bytes and its checksum.
pub fn encode(place: Place, header: &GroupHeader, payload: &[u8]) -> (Vec<u8>, u32) {
    let GroupHeader { chain, salt, first, durable_upto, epoch, sealed, record_count } = *header;
    assert!(durable_upto == first, "one group is in flight: all before it is durable");
    assert!(place.offset.is_multiple_of(BLOCK_BYTES) && place.offset > 0, "groups are aligned");
    let payload_bytes = u32::try_from(payload.len()).expect("options limit a group");
    let mut bytes = Vec::with_capacity(narrow(disk_bytes(u64::from(payload_bytes))));
    bytes.resize(GROUP_HEADER_BYTES, 0);
    put(&mut bytes, 4, &chain.to_le_bytes());
    put(&mut bytes, 8, &salt.to_le_bytes());
    put(&mut bytes, 16, &first.0.to_le_bytes());
    put(&mut bytes, 24, &durable_upto.0.to_le_bytes());
    put(&mut bytes, 32, &epoch.to_le_bytes());
    put(&mut bytes, 40, &payload_bytes.to_le_bytes());
    put(&mut bytes, 44, &record_count.to_le_bytes());
    put(&mut bytes, 48, &sealed.to_le_bytes());
    if payload.len() > PIECE_BYTES {
        for piece in payload.chunks(PIECE_BYTES) {
            bytes.extend_from_slice(&crc32fast::hash(piece).to_le_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    let crc = checksum(place, &bytes, payload.len());
    put(&mut bytes, 0, &crc.to_le_bytes());
    pad(&mut bytes);
    assert!(wide(bytes.len()) == disk_bytes(u64::from(payload_bytes)), "the length is foretold");
    (bytes, crc)
}

/// Covers the place, the fields, and the payload or its table.
fn checksum(place: Place, bytes: &[u8], payload_bytes: usize) -> u32 {
    let Place { shard, segment, offset } = place;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&shard.to_le_bytes());
    hasher.update(&segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    let table_bytes = 4 * narrow(piece_count(wide(payload_bytes)));
    let covered = if table_bytes == 0 { payload_bytes } else { table_bytes };
    hasher.update(&bytes[4..GROUP_HEADER_BYTES + covered]);
    hasher.finalize()
}

/// Bytes on disk that the group starting with `block` claims, if it bears a salt that is wanted.
///
/// Nothing is verified yet: the claim only says how much to read.
pub fn claimed_bytes(block: &[u8], salt: Option<u64>) -> Option<u64> {
    assert!(block.len() >= GROUP_HEADER_BYTES, "whole blocks are read");
    let wanted = salt.is_none_or(|salt| salt == u64_at(block, 8));
    wanted.then(|| disk_bytes(u64::from(u32_at(block, 40))))
}

/// The group in `bytes`, which are as many as it claimed; else what is wrong with it.
pub fn decode(place: Place, bytes: &[u8]) -> Result<Group, &'static str> {
    let payload_bytes = u32_at(bytes, 40) as usize;
    assert!(wide(bytes.len()) == disk_bytes(wide(payload_bytes)), "the claim was read");
    let crc = u32_at(bytes, 0);
    if crc != checksum(place, bytes, payload_bytes) {
        return Err("the checksum of the group differs");
    }
    let table_bytes = 4 * narrow(piece_count(wide(payload_bytes)));
    let (table, rest) = bytes[GROUP_HEADER_BYTES..].split_at(table_bytes);
    let (payload, padding) = rest.split_at(payload_bytes);
    for (index, crc) in table.chunks_exact(4).enumerate() {
        let start = index * PIECE_BYTES;
        let piece = &payload[start..payload_bytes.min(start + PIECE_BYTES)];
        if crc32fast::hash(piece).to_le_bytes() != crc {
            return Err("the checksum of a piece of the group differs");
        }
    }
    if !is_zero(padding) {
        return Err("the padding of the group is not zero");
    }
    let header = GroupHeader {
        chain: u32_at(bytes, 4),
        salt: u64_at(bytes, 8),
        first: Lsn(u64_at(bytes, 16)),
        durable_upto: Lsn(u64_at(bytes, 24)),
        epoch: u64_at(bytes, 32),
        record_count: u32_at(bytes, 44),
        sealed: u64_at(bytes, 48),
    };
    if header.durable_upto != header.first || !is_zero(&bytes[56..GROUP_HEADER_BYTES]) {
        return Err("the group contradicts itself");
    }
    Ok(Group { header, crc, payload: payload.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { shard: 2, segment: 5, offset: 8192 };

    fn sample(payload_bytes: usize) -> (GroupHeader, Vec<u8>, Vec<u8>) {
        let payload: Vec<u8> = (0..payload_bytes).map(|n| (n * 7 % 251) as u8).collect();
        let header = GroupHeader {
            chain: 77,
            salt: 0x1234_5678_9ABC_DEF0,
            first: Lsn(1000),
            durable_upto: Lsn(1000),
            epoch: 4,
            sealed: 2,
            record_count: 3,
        };
        let (bytes, _) = encode(PLACE, &header, &payload);
        (header, payload, bytes)
    }

    #[test]
    fn a_group_of_any_size_is_read_back() {
        for size in [0, 1, 4031, 4032, 4033, 8191, 8192, 8193, 16384, 16385, 70000] {
            let (header, payload, bytes) = sample(size);
            assert_eq!(bytes.len() % 4096, 0);
            assert_eq!(claimed_bytes(&bytes, Some(header.salt)), Some(wide(bytes.len())));
            let group = decode(PLACE, &bytes).unwrap();
            assert_eq!((group.header, group.payload), (header, payload));
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_in_a_group_is_seen() {
        for size in [0, 100, 9000] {
            let (header, _, mut bytes) = sample(size);
            let claim = claimed_bytes(&bytes, Some(header.salt));
            for bit in 0..bytes.len() * 8 {
                bytes[bit / 8] ^= 1 << (bit % 8);
                let seen = claimed_bytes(&bytes, Some(header.salt)) != claim
                    || decode(PLACE, &bytes).is_err();
                assert!(seen, "bit {bit} of a payload of {size}");
                bytes[bit / 8] ^= 1 << (bit % 8);
            }
        }
    }

    #[test]
    fn a_group_is_valid_only_where_it_was_written() {
        let (_, _, bytes) = sample(300);
        let elsewhere = [
            Place { shard: 3, ..PLACE },
            Place { segment: 6, ..PLACE },
            Place { offset: 4096, ..PLACE },
        ];
        for place in elsewhere {
            assert!(decode(place, &bytes).is_err());
        }
    }
}

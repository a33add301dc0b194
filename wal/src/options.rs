//! Limits of the log, checked against each other.

/// Unit of alignment of every write: no acknowledged block is ever written again.
pub const BLOCK_BYTES: u64 = 4096;

/// Limits of one shard's log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Blocks after which a segment is followed by the next, its header included. A group that
    /// is larger than a whole segment gets a segment of its own.
    pub segment_blocks: u32,
    /// Payload bytes after which a group closes; one record alone may be larger.
    pub group_bytes_max: u32,
    /// Payload bytes of the largest record.
    pub record_bytes_max: u32,
}

/// The group length is a `u32` that must also hold a table of checksums and padding.
const BYTES_MAX: u32 = 1 << 30;

impl Default for Options {
    fn default() -> Options {
        // 64 MiB segments: a few a second at full device speed, so rolling is rare and retiring
        // frees space soon. 1 MiB groups: behind a 100 us sync the device is the limit. 16 MiB
        // records hold any statement part that a server would accept.
        Options { segment_blocks: 16_384, group_bytes_max: 1 << 20, record_bytes_max: 16 << 20 }
    }
}

impl Options {
    /// Panics if the limits contradict each other.
    pub fn check(&self) {
        let Options { segment_blocks, group_bytes_max, record_bytes_max } = *self;
        assert!(segment_blocks >= 2, "a segment holds its header and at least one group");
        assert!((1..=BYTES_MAX).contains(&group_bytes_max), "a group length fits its field");
        assert!((1..=BYTES_MAX).contains(&record_bytes_max), "a record fits a group");
    }

    pub(crate) fn segment_bytes(&self) -> u64 {
        u64::from(self.segment_blocks) * BLOCK_BYTES
    }
}

//! Positions in a shard's log.

use std::fmt;

/// A byte position in the encoded records of one shard's log.
///
/// Headers and padding are not counted, so a position does not depend on how records were grouped.
/// It only grows, over segments and over restarts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Lsn(pub u64);

impl Lsn {
    /// The position `bytes` further on.
    pub fn after(self, bytes: u64) -> Lsn {
        Lsn(self.0.checked_add(bytes).expect("a log of 2^64 bytes outlives the machine"))
    }
}

impl fmt::Display for Lsn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

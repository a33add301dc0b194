//! How many of its latest rows a source keeps.

use std::fmt;

use crate::error::SqlError;

/// What bounds the rows that a source keeps. Rows beyond any of the bounds go, the oldest first.
///
/// Each shard keeps the latest rows that came to it: so the latest `rows` of a source are always
/// there, and on several shards some older ones may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retain {
    /// Rows on one shard.
    pub rows: u64,
    /// Bytes of memory on all shards together.
    pub bytes: u64,
    /// Microseconds of event time behind the watermark.
    pub age_us: Option<i64>,
}

impl Retain {
    /// What a source keeps if nothing else is said: enough to look back on, in so little memory
    /// that a source nobody thinks of does no harm.
    pub const DEFAULT: Retain = Retain { rows: 1_000_000, bytes: 256 << 20, age_us: None };

    /// The latest rows, in the memory that is the default, or in 256 bytes for each if that is more.
    pub fn rows(rows: u64) -> Retain {
        let bytes = Retain::DEFAULT.bytes.max(rows.saturating_mul(256));
        Retain { rows, bytes, age_us: None }
    }

    /// As many rows as this memory holds.
    pub fn bytes(bytes: u64) -> Retain {
        Retain { rows: u64::MAX, bytes, age_us: None }
    }

    /// The rows whose event time is not further behind the watermark than this, in the memory that
    /// is the default.
    pub fn age_us(age_us: i64) -> Retain {
        Retain { rows: u64::MAX, age_us: Some(age_us), ..Retain::DEFAULT }
    }

    /// An error where it cannot be.
    pub(super) fn check(&self, has_time: bool) -> Result<(), SqlError> {
        let Retain { rows, bytes, age_us } = *self;
        if rows == 0 || bytes == 0 || age_us.is_some_and(|age| age < 0) {
            let what = "a source that retains rows retains at least one";
            return Err(SqlError::invalid_parameter(what));
        }
        if age_us.is_some() && !has_time {
            let what = "rows of a source without a watermark have no age";
            return Err(SqlError::invalid_parameter(what)
                .hint("Declare a watermark, or retain a number of rows: retain = 100000."));
        }
        Ok(())
    }
}

impl fmt::Display for Retain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Retain { rows, bytes, age_us } = self;
        if let Some(age_us) = age_us {
            write!(f, "{age_us} us, ")?;
        }
        if *rows < u64::MAX {
            write!(f, "{rows} rows, ")?;
        }
        write!(f, "{bytes} bytes")
    }
}

//! Why a database could not be opened: what the disk, the options or the plan can cause.

use std::fmt;

use sluicedb_sql::SqlError;
use sluicedb_wal::OpenError;

use crate::core::ids::{FeederId, ShardId};
use crate::core::morsel::DecodeError;

/// Why a database could not be opened.
#[derive(Clone, PartialEq, Debug)]
pub enum RecoverError {
    /// The files cannot be read back.
    Files(OpenError),
    /// The plan cannot run.
    Plan(SqlError),
    /// An option is out of range.
    Option {
        /// Its name.
        name: &'static str,
        /// What was asked.
        found: u64,
        /// The least it may be.
        least: u64,
        /// The most it may be.
        most: u64,
    },
    /// The log has statements behind the checkpoint, and another number of shards has placed them.
    Shards {
        /// The number that wrote it.
        found: usize,
        /// The number that was asked.
        asked: usize,
    },
    /// What a view keeps cannot go to another number of shards.
    Immovable {
        /// Its name.
        relation: String,
    },
    /// The views of all shards together do not have the contents they had on the shards of before.
    Moved {
        /// The digest of what was moved.
        found: u64,
        /// The digest in the manifest.
        expected: u64,
    },
    /// The state was written by another plan.
    AnotherPlan {
        /// The shard whose part does not fit.
        shard: ShardId,
        /// What does not fit.
        what: &'static str,
    },
    /// The state does not fit the memory that was given.
    Memory {
        /// The shard.
        shard: ShardId,
        /// Blocks of state it was given.
        blocks_max: u32,
    },
    /// A logged statement does not fit its source.
    Record {
        /// The shard whose log holds it.
        shard: ShardId,
        /// Its feeder.
        feeder: FeederId,
        /// Its number.
        sequence: u64,
        /// Where reading stopped.
        error: DecodeError,
    },
    /// The views of a shard do not have the contents they had when they were written.
    Digest {
        /// The shard.
        shard: ShardId,
        /// The digest of what was read.
        found: u64,
        /// The digest in the manifest.
        expected: u64,
    },
}

impl fmt::Display for RecoverError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RecoverError::Files(error) => write!(f, "{error}"),
            RecoverError::Plan(error) => write!(f, "{error}"),
            RecoverError::Option { name, found, least, most } => {
                write!(f, "{name} is {found}; it must be from {least} to {most}")
            }
            RecoverError::Shards { found, asked } => write!(
                f,
                "statements behind the last checkpoint were placed on {found} shards, and {asked} were \
                 asked: open it with shards = {found} and close it first"
            ),
            RecoverError::Immovable { relation } => write!(
                f,
                "the rows of \"{relation}\" lie where those lie that they were made of, and may be \
                 taken back: open it with as many shards as wrote it, or drop the view first"
            ),
            RecoverError::Moved { found, expected } => write!(
                f,
                "the views have digest {found:016x} on the shards of now, and {expected:016x} was \
                 written"
            ),
            RecoverError::AnotherPlan { shard, what } => write!(
                f,
                "the state of shard {shard} was written by another plan: {what}; open it with \
                 the plan that wrote it"
            ),
            RecoverError::Memory { shard, blocks_max } => write!(
                f,
                "the state of {shard} does not fit {blocks_max} blocks of 4 KiB: give it more memory"
            ),
            RecoverError::Record { shard, feeder, sequence, error } => {
                write!(f, "statement {sequence} of {feeder} in the log of {shard}: {error}")
            }
            RecoverError::Digest { shard, found, expected } => write!(
                f,
                "the views of {shard} have digest {found:016x}, and {expected:016x} was written"
            ),
        }
    }
}

impl std::error::Error for RecoverError {}

impl From<OpenError> for RecoverError {
    fn from(error: OpenError) -> RecoverError {
        RecoverError::Files(error)
    }
}

impl From<SqlError> for RecoverError {
    fn from(error: SqlError) -> RecoverError {
        RecoverError::Plan(error)
    }
}

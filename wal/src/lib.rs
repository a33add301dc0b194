//! Records to durable bytes and back: the log, checkpoints and manifests.
//!
//! Knows nothing of SQL, operators or rows: it keeps bytes that others understand.
//! State machines emit [`DiskOp`]s and are told how those ended, and recovery reads through
//! [`Files`]. `FORMAT.md` has every byte.
//!
//! With the feature `shell`, the default, `Directory` holds a real directory for recovery, and
//! `Disks` carries operations out in it. Without it nothing here touches the operating system.
//!
//! Promises:
//! - What [`Log::durable`] covered is replayed after a crash: once, in order, with nothing behind
//!   a hole.
//! - Bytes that rotted are an [`OpenError`] that names file and offset, never other data.
//! - After a failed operation nothing is acknowledged any more.

#![deny(unsafe_code)]

#[cfg(feature = "shell")]
mod aligned;
#[cfg(feature = "shell")]
pub mod backup;
mod bytes;
pub mod checkpoint;
#[cfg(feature = "shell")]
pub mod directory;
pub mod disk;
pub mod error;
pub mod group;
pub mod hash;
pub mod identity;
pub mod log;
pub mod lsn;
pub mod manifest;
pub mod name;
pub mod options;
#[cfg(feature = "shell")]
pub mod probe;
pub mod publish;
pub mod record;
pub mod replay;
pub mod retire;
pub mod salvage;
pub mod segment;
pub mod settle;
pub mod sync_path;
#[cfg(test)]
mod twin;
#[cfg(feature = "shell")]
mod uring;
#[cfg(feature = "shell")]
pub mod worker;

#[cfg(feature = "shell")]
pub use directory::{Directory, DirectoryError};
pub use disk::{DiskOp, Failure, Files, Issued, Ticket, Tickets};
pub use error::OpenError;
pub use log::Log;
pub use lsn::Lsn;
pub use manifest::{FileRef, Manifest, ShardPart};
pub use name::FileName;
pub use options::Options;
pub use publish::Publisher;
pub use record::{Record, Statement};
pub use replay::{Replayed, Resume, Seek, Tail, replay};
pub use settle::{Settling, settled};
pub use sync_path::SyncPath;
#[cfg(feature = "shell")]
pub use worker::{Completion, Disk, DiskOptions, Disks, Wake};

//! The ways in which a group becomes durable.
//!
//! All put the same bytes at the same places: a log that was written one way is read, and gone on
//! with, another way.

use std::fmt;
use std::str::FromStr;

/// How the groups of the logs of a database become durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SyncPath {
    /// The shard's io_uring writes, and a sync that is linked to the write follows it.
    Linked,
    /// A thread writes, and waits until the device has it (`O_DSYNC`).
    Blocking,
    /// The shard's io_uring writes, and completes once the device has it (`RWF_DSYNC`).
    Dsync,
}

impl SyncPath {
    /// All of them; where two are as fast, the earlier one is better.
    pub const ALL: [SyncPath; 3] = [SyncPath::Linked, SyncPath::Blocking, SyncPath::Dsync];

    /// As it is written in options and shown.
    pub fn name(self) -> &'static str {
        match self {
            SyncPath::Linked => "linked",
            SyncPath::Blocking => "blocking",
            SyncPath::Dsync => "dsync",
        }
    }

    /// Whether it needs an io_uring.
    pub fn is_ring(self) -> bool {
        match self {
            SyncPath::Linked | SyncPath::Dsync => true,
            SyncPath::Blocking => false,
        }
    }
}

impl fmt::Display for SyncPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for SyncPath {
    type Err = String;

    fn from_str(text: &str) -> Result<SyncPath, String> {
        let found = SyncPath::ALL.into_iter().find(|path| path.name() == text);
        found.ok_or_else(|| {
            let names = SyncPath::ALL.map(SyncPath::name).join(", ");
            format!("no way to sync is called {text:?}: choose one of {names}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_by_its_name() {
        assert!(SyncPath::ALL.iter().all(|path| path.to_string().parse() == Ok(*path)));
        let unknown = "fast".parse::<SyncPath>().unwrap_err();
        assert_eq!(
            unknown,
            "no way to sync is called \"fast\": choose one of linked, blocking, dsync"
        );
    }
}

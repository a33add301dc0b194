//! Names of the files of a database; all live in one directory.
//!
//! Numbers have a fixed width, so that names sort as their numbers do.

use std::fmt;

/// A file of the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileName {
    /// Part of a shard's log. Numbers start at 1 and are never used again.
    Segment {
        /// Whose log.
        shard: u16,
        /// Which part.
        number: u64,
    },
    /// State of one shard at one epoch.
    Checkpoint {
        /// Whose state.
        shard: u16,
        /// At which epoch.
        epoch: u64,
    },
    /// What a sealed epoch consists of.
    Manifest {
        /// The sealed epoch.
        epoch: u64,
    },
    /// A manifest on its way; no recovery reads it.
    ManifestDraft {
        /// The epoch to be sealed.
        epoch: u64,
    },
    /// Which database the directory holds.
    Identity,
    /// What a backup consists of: the manifest of its epoch.
    Backup,
}

impl FileName {
    /// The file called `name`, if it is one of ours in its only spelling.
    pub fn parse(name: &str) -> Option<FileName> {
        let file = Self::parse_lax(name)?;
        (file.to_string() == name).then_some(file)
    }

    /// May accept other spellings; the caller compares.
    fn parse_lax(name: &str) -> Option<FileName> {
        if name == "identity" {
            return Some(FileName::Identity);
        }
        if name == "backup" {
            return Some(FileName::Backup);
        }
        if let Some(rest) = name.strip_prefix("manifest-") {
            return Some(match rest.strip_suffix(".draft") {
                Some(epoch) => FileName::ManifestDraft { epoch: epoch.parse().ok()? },
                None => FileName::Manifest { epoch: rest.parse().ok()? },
            });
        }
        let (shard, rest) = name.strip_prefix("shard-")?.split_once('-')?;
        let shard = shard.parse().ok()?;
        let (number, kind) = rest.split_once('.')?;
        let number = number.parse().ok()?;
        match kind {
            "log" => Some(FileName::Segment { shard, number }),
            "checkpoint" => Some(FileName::Checkpoint { shard, epoch: number }),
            _ => None,
        }
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FileName::Segment { shard, number } => write!(f, "shard-{shard:05}-{number:020}.log"),
            FileName::Checkpoint { shard, epoch } => {
                write!(f, "shard-{shard:05}-{epoch:020}.checkpoint")
            }
            FileName::Manifest { epoch } => write!(f, "manifest-{epoch:020}"),
            FileName::ManifestDraft { epoch } => write!(f, "manifest-{epoch:020}.draft"),
            FileName::Identity => write!(f, "identity"),
            FileName::Backup => write!(f, "backup"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples() -> Vec<FileName> {
        let mut samples = vec![FileName::Identity, FileName::Backup];
        for number in [0, 1, 42, u64::MAX] {
            for shard in [0, 7, u16::MAX] {
                samples.push(FileName::Segment { shard, number });
                samples.push(FileName::Checkpoint { shard, epoch: number });
            }
            samples.push(FileName::Manifest { epoch: number });
            samples.push(FileName::ManifestDraft { epoch: number });
        }
        samples
    }

    #[test]
    fn a_name_that_was_written_is_read_back() {
        for file in samples() {
            assert_eq!(FileName::parse(&file.to_string()), Some(file));
        }
    }

    #[test]
    fn a_name_with_one_byte_more_less_or_other_is_another_file_or_none() {
        for file in samples() {
            let name = file.to_string();
            for at in 0..name.len() {
                let mut shorter = name.clone();
                shorter.remove(at);
                assert_ne!(FileName::parse(&shorter), Some(file));
                for byte in [' ', '+', '0', '-', '.', 'x'] {
                    let mut longer = name.clone();
                    longer.insert(at, byte);
                    assert_ne!(FileName::parse(&longer), Some(file), "{longer}");
                }
            }
        }
        for name in ["", "manifest-", "shard-00001-1.log", "shard-99999-00000000000000000001.log"] {
            assert_eq!(FileName::parse(name), None);
        }
    }
}

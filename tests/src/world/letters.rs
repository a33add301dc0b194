//! What shards are told was kept of refused rows: a checkpoint gives it back as it was, file by file.

use std::collections::BTreeMap;

use sluicedb::core::ids::{Epoch, ShardId};

/// What was told to each shard with each checkpoint.
#[derive(Clone, Default)]
pub(super) struct Letters {
    /// The checkpoint that each was written over.
    bases: BTreeMap<(ShardId, Epoch), Option<Epoch>>,
}

impl Letters {
    /// What a shard is told that writes a checkpoint over another.
    pub(super) fn tell(&mut self, shard: ShardId, since: Option<Epoch>, epoch: Epoch) -> Vec<u8> {
        self.bases.insert((shard, epoch), since);
        bytes(shard, since, epoch)
    }

    /// Compares what a checkpoint has of its shards with what those were told.
    pub(super) fn check(&self, sealed: Option<Epoch>, found: &[Vec<Vec<u8>>]) {
        for (shard, files) in (0..).map(ShardId).zip(found) {
            let mut at = sealed;
            for file in files.iter().rev() {
                let epoch = at.unwrap_or_else(|| panic!("{shard} has letters from nowhere"));
                at = *self.bases.get(&(shard, epoch)).expect("letters were told for it");
                assert_eq!(*file, bytes(shard, at, epoch), "{shard}: letters of {epoch}");
            }
            assert_eq!(at, None, "{shard}: letters are missing");
        }
    }
}

fn bytes(shard: ShardId, since: Option<Epoch>, epoch: Epoch) -> Vec<u8> {
    // Now and then nothing was refused.
    match epoch.0 % 4 {
        0 => Vec::new(),
        _ => format!("{shard} {since:?} {epoch}").into_bytes(),
    }
}

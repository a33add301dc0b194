//! What power loss leaves of a disk.

use std::sync::Arc;

use super::{Disk, Inode, SECTOR_BYTES, overlay};
use crate::prng::Prng;

/// What happens to what was carried out but not synced.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CrashMode {
    /// All of it is lost.
    DropAll,
    /// All of it is there.
    KeepAll,
    /// Each sector and each name goes its own way.
    Random {
        /// Whether a sector may also be torn, and a file grow by zeros.
        torn: bool,
    },
}

impl Disk {
    /// Power is lost. What is left is durable; what was queued never happened.
    pub fn crash(&mut self, mode: CrashMode, prng: &mut Prng) {
        self.pending.clear();
        self.directory_failed = false;
        for change in std::mem::take(&mut self.changes) {
            let kept = match mode {
                CrashMode::DropAll => false,
                CrashMode::KeepAll => true,
                CrashMode::Random { .. } => prng.chance(50),
            };
            if kept {
                change.kind.carry_out(&mut self.durable_names);
            }
        }
        self.names = self.durable_names.clone();
        for inode in self.inodes.iter_mut().filter(|inode| !inode.writes.is_empty()) {
            Arc::make_mut(inode).crash(mode, prng);
        }
        self.forget_nameless();
    }

    /// A file's content without its name is gone.
    fn forget_nameless(&mut self) {
        let mut old: Vec<Option<Arc<Inode>>> =
            std::mem::take(&mut self.inodes).into_iter().map(Some).collect();
        for inode in self.names.values_mut() {
            let kept = old[*inode].take().expect("a file has one name");
            *inode = self.inodes.len();
            self.inodes.push(kept);
        }
        self.durable_names = self.names.clone();
    }
}

impl Inode {
    fn crash(&mut self, mode: CrashMode, prng: &mut Prng) {
        for write in std::mem::take(&mut self.writes) {
            match mode {
                CrashMode::DropAll => {}
                CrashMode::KeepAll => overlay(&mut self.durable, write.offset, &write.bytes),
                CrashMode::Random { torn } => {
                    self.scatter(write.offset, &write.bytes, torn, prng);
                }
            }
        }
    }

    fn scatter(&mut self, offset: usize, bytes: &[u8], torn: bool, prng: &mut Prng) {
        if torn && prng.chance(30) {
            // The length reached the disk, the bytes did not.
            let end = offset + bytes.len();
            self.durable.resize(self.durable.len().max(end), 0);
        }
        // All, none, or each on its own: large writes would otherwise never survive whole.
        let fate = prng.below(4);
        for (index, sector) in bytes.chunks(SECTOR_BYTES).enumerate() {
            let at = offset + index * SECTOR_BYTES;
            match (fate, prng.below(8)) {
                (0, _) => {}
                (1, _) | (_, 0..=3) => overlay(&mut self.durable, at, sector),
                (_, 4) if torn => {
                    let kept = prng.below(sector.len() + 1);
                    let mut mixed = sector.to_vec();
                    mixed[kept..].iter_mut().for_each(|byte| *byte = prng.bits() as u8);
                    overlay(&mut self.durable, at, &mixed);
                }
                (_, 5) if torn => {
                    let kept = prng.below(sector.len() + 1);
                    overlay(&mut self.durable, at, &sector[..kept]);
                }
                _ => {}
            }
        }
    }
}

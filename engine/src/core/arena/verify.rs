//! The full check of an arena's bookkeeping, for tests and the simulator.

use super::freeze::{FREEZE_SETS, FreezeKind};
use super::ids::BlockId;
use super::list::{List, Node};
use super::store::Arena;
use super::table::NEVER;

/// Checks that the lists cover each row exactly once.
fn cover<'a, N: Node>(nodes: &[N], lists: impl Iterator<Item = &'a List>) {
    let mut seen = vec![false; nodes.len()];
    for list in lists {
        list.check(nodes, |node| {
            assert!(!seen[node as usize], "row {node} is in one list only");
            seen[node as usize] = true;
        });
    }
    assert!(seen.iter().all(|seen| *seen), "each row is in a list");
}

impl Arena {
    /// Panics if a list, a count, a stamp or a copy contradicts another; takes O(blocks).
    pub fn verify(&self) {
        let extents = self.extents.iter().map(|extent| &extent.blocks);
        cover(&self.blocks, extents.chain([&self.free]).chain(&self.pending));
        let zones = self.zones.iter().map(|zone| &zone.extents);
        cover(&self.extents, zones.chain([&self.free_extents]).chain(&self.pending_extents));
        cover(&self.copies, [&self.free_copies].into_iter().chain(&self.held));
        let used: u32 = self.extents.iter().map(|extent| extent.blocks.count).sum();
        assert_eq!(used, self.used, "blocks of live extents are counted");
        assert!(self.stamps.len() as u32 <= self.state.blocks_max(), "no more blocks than memory");
        self.verify_extents();
        self.verify_copies();
    }

    fn verify_extents(&self) {
        for (number, zone) in self.zones.iter().enumerate() {
            assert_eq!(zone.live, zone.extents.count > 0, "a live zone has its root extent");
            zone.extents.check(&self.extents, |extent| {
                let extent_row = &self.extents[extent as usize];
                assert_eq!(extent_row.freed, NEVER, "extents of a zone are live");
                assert_eq!(extent_row.zone.0 as usize, number, "an extent knows its zone");
                extent_row.blocks.check(&self.blocks, |block| {
                    let stamp = self.stamps[block as usize];
                    assert!(self.is_live(BlockId(block)), "blocks of an extent are live");
                    assert_eq!(stamp.extent.0, extent, "a block knows its extent");
                    assert_eq!(stamp.zone.0 as usize, number, "a block knows its zone");
                    assert!(stamp.epoch <= zone.epoch, "no block is ahead of its zone");
                });
            });
        }
        self.free.check(&self.blocks, |block| {
            assert!(!self.is_live(BlockId(block)), "free blocks are not live");
        });
    }

    fn verify_copies(&self) {
        let open = |set: usize, kind: usize| set & (1 << kind) != 0;
        for set in 0..FREEZE_SETS {
            for kind in [FreezeKind::Read, FreezeKind::Checkpoint] {
                let freeze = &self.freezes[kind as usize];
                let idle = self.held[set].count + self.pending[set].count == 0;
                assert!(freeze.open || !open(set, kind as usize) || idle, "only freezes hold");
                self.held[set].check(&self.copies, |copy| {
                    let row = &self.copies[copy as usize];
                    let reads = row.freeze[kind as usize] == freeze.serial && freeze.open;
                    assert_eq!(reads, open(set, kind as usize), "a copy is in the list of its set");
                    let found = self.copy_of(row.block, kind);
                    assert!(!reads || found == Some(copy), "a block knows its copy");
                });
            }
        }
        assert_eq!(self.held[0].count + self.pending[0].count, 0, "set 0 is the free list");
    }
}

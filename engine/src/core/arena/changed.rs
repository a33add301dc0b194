//! What a checkpoint writes: the blocks that changed since an earlier one, and what is live.
//!
//! Invariants:
//! - A block is yielded with its bytes and epoch as of the freeze, whatever happened since.
//! - `Tables` is complete after each checkpoint: it lists all that is live, so a delta needs no
//!   list of what was freed, and a checkpoint that was given up leaves nothing to repair.

use super::freeze::FreezeKind;
use super::ids::{Block, BlockId, ExtentId, ZoneId};
use super::list::NONE;
use super::store::Arena;

/// Rows looked at for one unit of fuel; a yielded block takes a unit of its own.
const SCAN_ROWS: u32 = 64;

/// A block of a checkpoint, without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockEntry {
    /// Its number, the same after a restore.
    pub block: BlockId,
    /// Its zone.
    pub zone: ZoneId,
    /// Its extent.
    pub extent: ExtentId,
    /// Epoch of the last write.
    pub epoch: u64,
}

/// A zone of a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ZoneEntry {
    /// Its number.
    pub zone: ZoneId,
    /// The block with its headers.
    pub root: BlockId,
    /// The extent of that block.
    pub root_extent: ExtentId,
}

/// An extent of a checkpoint; it may have no blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtentEntry {
    /// Its number.
    pub extent: ExtentId,
    /// Its zone.
    pub zone: ZoneId,
}

/// All that was live at a checkpoint's freeze.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tables {
    /// The epoch that the checkpoint ends with.
    pub epoch: u64,
    /// Zones in order of their numbers.
    pub zones: Vec<ZoneEntry>,
    /// Extents in order of their numbers.
    pub extents: Vec<ExtentEntry>,
    /// One bit a block, lowest first: whether it was live.
    pub live: Vec<u64>,
}

/// The way through the blocks of an open checkpoint freeze.
pub struct Changed {
    since: Option<u64>,
    freeze: u64,
    extent: u32,
    extents: u32,
    block: u32,
    blocks: u32,
    tables: Tables,
}

impl Arena {
    /// Starts to collect the open checkpoint freeze: blocks written after epoch `since`, or all.
    pub fn changed(&self, since: Option<u64>) -> Changed {
        let kind = FreezeKind::Checkpoint;
        let epoch = self.frozen_epoch(kind).expect("a checkpoint collects an open freeze");
        assert!(since.is_none_or(|since| since < epoch), "a delta follows its base");
        let mut zones = Vec::new();
        for (number, row) in self.zones.iter().enumerate() {
            let zone = ZoneId(number as u32);
            if self.has_joined(zone, kind) {
                zones.push(ZoneEntry { zone, root: row.root, root_extent: row.root_extent });
            } else {
                assert!(!row.live || row.epoch > epoch, "all zones of the epoch have joined");
            }
        }
        Changed {
            since,
            freeze: self.freezes[kind as usize].serial,
            extent: 0,
            extents: self.extents.len() as u32,
            block: 0,
            blocks: self.stamps.len() as u32,
            tables: Tables { epoch, zones, extents: Vec::new(), live: Vec::new() },
        }
    }

    /// Whether an extent was live when its zone joined the open checkpoint freeze.
    fn extent_is_frozen(&self, extent: u32) -> bool {
        let row = &self.extents[extent as usize];
        let join = self.zone(row.zone).joined[FreezeKind::Checkpoint as usize].at;
        self.has_joined(row.zone, FreezeKind::Checkpoint) && row.born < join && row.freed >= join
    }

    /// Whether a block was live when its zone joined the open checkpoint freeze.
    fn block_is_frozen(&self, block: u32) -> bool {
        let (row, stamp) = (&self.blocks[block as usize], self.stamps[block as usize]);
        let join = self.zone(stamp.zone).joined[FreezeKind::Checkpoint as usize].at;
        // An extent that is used again is younger than the blocks its number had before.
        self.extent_is_frozen(stamp.extent.0)
            && self.extents[stamp.extent.0 as usize].born <= row.born
            && row.born < join
            && row.freed >= join
    }
}

impl Changed {
    /// Yields changed blocks until `fuel` is used up; true while some may be left.
    pub fn advance(
        &mut self,
        arena: &Arena,
        fuel: u32,
        mut visit: impl FnMut(BlockEntry, &Block),
    ) -> bool {
        let kind = FreezeKind::Checkpoint;
        let freeze = &arena.freezes[kind as usize];
        assert!(freeze.open && freeze.serial == self.freeze, "the freeze is open until the end");
        let (mut rows, mut yields) = (fuel.saturating_mul(SCAN_ROWS), fuel);
        while self.extent < self.extents && rows > 0 {
            if arena.extent_is_frozen(self.extent) {
                let zone = arena.extents[self.extent as usize].zone;
                self.tables.extents.push(ExtentEntry { extent: ExtentId(self.extent), zone });
            }
            self.extent += 1;
            rows -= 1;
        }
        while self.extent == self.extents && self.block < self.blocks && rows > 0 && yields > 0 {
            if self.block.is_multiple_of(64) {
                self.tables.live.push(0);
            }
            if arena.block_is_frozen(self.block) {
                self.tables.live[self.block as usize / 64] |= 1 << (self.block % 64);
                let id = BlockId(self.block);
                let stamp = arena.stamps[self.block as usize];
                let copy = arena.copy_of(id, kind);
                let epoch = copy.map_or(stamp.epoch, |copy| arena.copies[copy as usize].epoch);
                assert!(epoch <= freeze.epoch, "what was written after the freeze was copied");
                if self.since.is_none_or(|since| epoch > since) {
                    let (zone, extent) = (stamp.zone, stamp.extent);
                    let bytes = match copy {
                        Some(copy) => arena.shadow.block(copy),
                        None => arena.state.block(self.block),
                    };
                    visit(BlockEntry { block: id, zone, extent, epoch }, bytes);
                    yields -= 1;
                }
            }
            self.block += 1;
            rows -= 1;
        }
        self.extent < self.extents || self.block < self.blocks
    }

    /// The tables, once `advance` has returned false.
    pub fn finish(self) -> Tables {
        assert!(self.extent == self.extents && self.block == self.blocks, "all blocks were seen");
        assert!(self.tables.zones.iter().all(|zone| zone.root.0 != NONE), "zones have roots");
        self.tables
    }
}

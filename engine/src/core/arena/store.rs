//! The arena: blocks of all zones of a shard, who owns them and which are free.
//!
//! Invariants:
//! - `used + free + pending == high water`: each block below the high-water mark is in exactly one
//!   list, of its extent, of the free blocks, or of the blocks that wait for a freeze to end.
//! - A free block is needed by no freeze; so reuse copies nothing, and zeroes what is not written.
//! - Freeing an extent touches a fixed number of rows, whatever its size.

use super::freeze::{FREEZE_SETS, Freeze, FreezeKind, KINDS};
use super::ids::{BLOCKS_MAX, Block, BlockId, Blocks, ExtentId, ZoneId};
use super::list::{Link, List, NONE};
use super::region::{MemoryError, Region};
use super::table::{BlockRow, CopyRow, ExtentRow, NEVER, Stamp, ZoneRow};

/// Most zones an arena has at once.
pub const ZONES_MAX: u32 = 1 << 20;

/// Most extents an arena has at once; a checkpoint with a larger number is not ours.
pub const EXTENTS_MAX: u32 = 2 * BLOCKS_MAX;

/// The memory of operator state of one shard.
pub struct Arena {
    pub(super) state: Region,
    pub(super) shadow: Region,
    pub(super) stamps: Vec<Stamp>,
    pub(super) blocks: Vec<BlockRow>,
    pub(super) extents: Vec<ExtentRow>,
    pub(super) zones: Vec<ZoneRow>,
    pub(super) copies: Vec<CopyRow>,
    /// Blocks in live extents.
    pub(super) used: u32,
    pub(super) free: List,
    pub(super) free_extents: List,
    pub(super) free_copies: List,
    /// Freed, but still read by the set of freezes that is the index.
    pub(super) pending: [List; FREEZE_SETS],
    pub(super) pending_extents: [List; FREEZE_SETS],
    /// Copies read by the set of freezes that is the index.
    pub(super) held: [List; FREEZE_SETS],
    pub(super) freezes: [Freeze; KINDS],
    pub(super) clock: u64,
}

/// Blocks that can be had for sure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headroom {
    /// Blocks that can still be allocated.
    pub state_blocks: u32,
    /// Blocks that can still be copied because a freeze reads them.
    pub shadow_blocks: u32,
}

impl Headroom {
    /// Both figures added up.
    pub fn plus(self, other: Headroom) -> Headroom {
        Headroom {
            state_blocks: self.state_blocks + other.state_blocks,
            shadow_blocks: self.shadow_blocks + other.shadow_blocks,
        }
    }

    /// Whether `need` fits.
    pub fn covers(self, need: Headroom) -> bool {
        self.state_blocks >= need.state_blocks && self.shadow_blocks >= need.shadow_blocks
    }
}

impl Arena {
    /// An empty arena over memory for state and memory for the copies that freezes need.
    pub fn new(state: Region, shadow: Region) -> Arena {
        // Reserved at once: growing a table later would move it in the middle of a step.
        let (blocks_max, copies_max) = (state.blocks_max(), shadow.blocks_max());
        Arena {
            state,
            shadow,
            stamps: Vec::with_capacity(blocks_max as usize),
            blocks: Vec::with_capacity(blocks_max as usize),
            extents: Vec::new(),
            zones: Vec::new(),
            copies: Vec::with_capacity(copies_max as usize),
            used: 0,
            free: List::EMPTY,
            free_extents: List::EMPTY,
            free_copies: List::EMPTY,
            pending: [List::EMPTY; FREEZE_SETS],
            pending_extents: [List::EMPTY; FREEZE_SETS],
            held: [List::EMPTY; FREEZE_SETS],
            freezes: [Freeze::CLOSED; KINDS],
            clock: 1,
        }
    }

    /// Adds a zone under the number after the last; see [`Arena::create_zone_as`].
    pub fn create_zone(&mut self, epoch: u64) -> ZoneId {
        let zone = ZoneId(self.zones.len() as u32);
        self.create_zone_as(zone, epoch);
        zone
    }

    /// Adds a zone under a number that no live zone has, whose writes belong to `epoch` until its first barrier. The epoch lies behind
    /// the last checkpoint freeze: a delta would not see its blocks otherwise.
    ///
    /// A freeze that an earlier zone of the number joined goes on to read that: what the zone
    /// allocates from here on is younger than the join.
    pub fn create_zone_as(&mut self, zone: ZoneId, epoch: u64) {
        let checkpoint = &self.freezes[FreezeKind::Checkpoint as usize];
        let late = checkpoint.serial == 0 || epoch > checkpoint.epoch;
        assert!(late, "a zone starts in an epoch that no checkpoint has ended");
        assert!(zone.0 < ZONES_MAX, "an arena has at most {ZONES_MAX} zones");
        let zones = self.zones.len().max(zone.0 as usize + 1);
        self.zones.resize_with(zones, ZoneRow::vacant);
        let row = &mut self.zones[zone.0 as usize];
        assert!(!row.live, "a live zone has the number");
        // When it joined a freeze stays known: its blocks of that time may still be read.
        *row = ZoneRow { epoch, live: true, joined: row.joined, ..ZoneRow::vacant() };
        let extent = self.create_extent(zone);
        let root = self.alloc(extent);
        let row = &mut self.zones[zone.0 as usize];
        (row.root, row.root_extent) = (root, extent);
    }

    /// Frees everything a zone owns. Freezes that it joined still read it.
    pub fn drop_zone(&mut self, zone: ZoneId) {
        assert!(self.zone(zone).live, "a zone is dropped once");
        while self.zone(zone).extents.count > 0 {
            self.retire_extent(ExtentId(self.zone(zone).extents.first));
        }
        self.zones[zone.0 as usize].live = false;
    }

    /// Whether there is a zone of this number.
    pub fn has_zone(&self, zone: ZoneId) -> bool {
        self.zones.get(zone.0 as usize).is_some_and(|row| row.live)
    }

    /// The block in which the operator keeps the headers of its containers.
    pub fn root(&self, zone: ZoneId) -> BlockId {
        self.zone(zone).root
    }

    /// The extent that holds the root block and lives as long as the zone.
    pub fn root_extent(&self, zone: ZoneId) -> ExtentId {
        self.zone(zone).root_extent
    }

    /// The epoch that writes of the zone belong to.
    pub fn epoch(&self, zone: ZoneId) -> u64 {
        self.zone(zone).epoch
    }

    /// Adds an empty extent to a live zone.
    pub fn create_extent(&mut self, zone: ZoneId) -> ExtentId {
        assert!(self.zone(zone).live, "a dropped zone gets no extents");
        self.clock += 1;
        let born = self.clock;
        let row = ExtentRow { link: Link::ALONE, zone, blocks: List::EMPTY, born, freed: NEVER };
        let extent = match self.free_extents.pop(&mut self.extents) {
            Some(extent) => {
                self.extents[extent as usize] = row;
                extent
            }
            None => {
                assert!(self.extents.len() < EXTENTS_MAX as usize, "extents are used again");
                self.extents.push(row);
                self.extents.len() as u32 - 1
            }
        };
        self.zones[zone.0 as usize].extents.push(&mut self.extents, extent);
        ExtentId(extent)
    }

    /// Frees an extent and all its blocks, touching a fixed number of rows.
    pub fn free_extent(&mut self, extent: ExtentId) {
        let zone = self.extents[extent.0 as usize].zone;
        assert!(extent != self.zone(zone).root_extent, "the root extent lives as long as its zone");
        self.retire_extent(extent);
    }

    /// A zeroed block of a live extent. Running out is a bug: see `headroom` and `reserve`.
    pub fn alloc(&mut self, extent: ExtentId) -> BlockId {
        let block = self.alloc_unwritten(extent);
        self.state.block_mut(block.0).fill(0);
        block
    }

    /// A block of a live extent as it was left, of which the caller writes every byte.
    pub(super) fn alloc_unwritten(&mut self, extent: ExtentId) -> BlockId {
        let row = &self.extents[extent.0 as usize];
        assert!(row.freed == NEVER, "a freed extent gets no blocks");
        let zone = row.zone;
        let stamp = Stamp { epoch: self.zone(zone).epoch, zone, extent };
        let block = match self.free.pop(&mut self.blocks) {
            Some(block) => {
                self.stamps[block as usize] = stamp;
                self.blocks[block as usize] = BlockRow::born(self.clock);
                block
            }
            None => {
                let block = self.stamps.len() as u32;
                self.state.take(block + 1).expect("the shard reserved blocks before this step");
                self.stamps.push(stamp);
                self.blocks.push(BlockRow::born(self.clock));
                block
            }
        };
        self.extents[extent.0 as usize].blocks.push(&mut self.blocks, block);
        self.used += 1;
        self.assert_balance();
        BlockId(block)
    }

    /// Frees one block of a live extent.
    pub fn free_block(&mut self, id: BlockId) {
        assert!(self.is_live(id), "a block is freed once");
        let Stamp { zone, extent, .. } = self.stamps[id.0 as usize];
        assert!(id != self.zone(zone).root, "the root block lives as long as its zone");
        self.extents[extent.0 as usize].blocks.unlink(&mut self.blocks, id.0);
        let row = &mut self.blocks[id.0 as usize];
        row.freed = self.clock;
        let born = row.born;
        let set = self.readers(zone, born);
        let list = if set == 0 { &mut self.free } else { &mut self.pending[set] };
        list.push(&mut self.blocks, id.0);
        self.used -= 1;
        self.assert_balance();
    }

    /// The bytes of a live block, to write: keeps the old ones first if a freeze reads them.
    #[inline]
    pub fn block_mut(&mut self, id: BlockId) -> &mut Block {
        if !self.is_written(id) {
            self.turn_epoch(id);
        }
        debug_assert!(self.is_live(id), "block {} is freed", id.0);
        self.state.block_mut(id.0)
    }

    /// The bytes of a block that was written in this epoch already, to write more. For loops that
    /// come back to the same blocks: the first write kept what a freeze reads.
    #[inline(always)]
    pub fn written_mut(&mut self, id: BlockId) -> &mut Block {
        debug_assert!(self.is_live(id), "block {} is freed", id.0);
        debug_assert!(self.is_written(id), "block {} was not written in this epoch", id.0);
        self.state.block_mut(id.0)
    }

    /// What can still be allocated and copied, if the operating system gives the memory.
    pub fn headroom(&self) -> Headroom {
        let fresh = self.state.blocks_max() - self.stamps.len() as u32;
        let fresh_copies = self.shadow.blocks_max() - self.copies.len() as u32;
        Headroom {
            state_blocks: self.free.count + fresh,
            shadow_blocks: self.free_copies.count + fresh_copies,
        }
    }

    /// Commits memory for `need`, so that as many blocks can be had without failure.
    pub fn reserve(&mut self, need: Headroom) -> Result<(), MemoryError> {
        let state = need.state_blocks.saturating_sub(self.free.count);
        self.state.commit(state.saturating_add(self.stamps.len() as u32))?;
        let shadow = need.shadow_blocks.saturating_sub(self.free_copies.count);
        self.shadow.commit(shadow.saturating_add(self.copies.len() as u32))
    }

    /// Blocks that a zone owns, none where there is no such zone. Looks at each of its extents.
    pub fn zone_blocks(&self, zone: ZoneId) -> u32 {
        if !self.has_zone(zone) {
            return 0;
        }
        let (mut blocks, mut next) = (0, self.zone(zone).extents.first);
        while next != NONE {
            let extent = &self.extents[next as usize];
            blocks += extent.blocks.count;
            next = extent.link.next;
        }
        blocks
    }

    /// How many zones there are, or were.
    pub fn zone_count(&self) -> usize {
        self.zones.len()
    }

    /// The most blocks of state there can be.
    pub fn blocks_max(&self) -> u32 {
        self.state.blocks_max()
    }

    /// Blocks in live extents.
    pub fn used_blocks(&self) -> u32 {
        self.used
    }

    /// Whether the last write to the block was in the epoch that its zone is in.
    #[inline(always)]
    fn is_written(&self, id: BlockId) -> bool {
        let Stamp { epoch, zone, .. } = self.stamps[id.0 as usize];
        epoch == self.zone(zone).epoch
    }

    /// Whether the block belongs to a live extent and was not freed.
    pub(super) fn is_live(&self, id: BlockId) -> bool {
        let Some(row) = self.blocks.get(id.0 as usize) else { return false };
        let extent = &self.extents[self.stamps[id.0 as usize].extent.0 as usize];
        row.freed == NEVER && extent.freed == NEVER && extent.born <= row.born
    }

    #[inline]
    pub(super) fn zone(&self, zone: ZoneId) -> &ZoneRow {
        &self.zones[zone.0 as usize]
    }

    fn retire_extent(&mut self, extent: ExtentId) {
        let row = &mut self.extents[extent.0 as usize];
        assert!(row.freed == NEVER, "an extent is freed once");
        row.freed = self.clock;
        let (zone, born) = (row.zone, row.born);
        let mut blocks = std::mem::replace(&mut row.blocks, List::EMPTY);
        self.used -= blocks.count;
        self.zones[zone.0 as usize].extents.unlink(&mut self.extents, extent.0);
        let set = self.readers(zone, born);
        let (free, extents) = match set {
            0 => (&mut self.free, &mut self.free_extents),
            _ => (&mut self.pending[set], &mut self.pending_extents[set]),
        };
        free.append(&mut self.blocks, &mut blocks);
        extents.push(&mut self.extents, extent.0);
        self.assert_balance();
    }

    fn assert_balance(&self) {
        let pending: u32 = self.pending.iter().map(|list| list.count).sum();
        let total = self.used + self.free.count + pending;
        assert_eq!(total as usize, self.stamps.len(), "each block is in exactly one list");
    }
}

impl Blocks for Arena {
    #[inline]
    fn block(&self, id: BlockId) -> &Block {
        debug_assert!(self.is_live(id), "block {} is freed", id.0);
        self.state.block(id.0)
    }
}

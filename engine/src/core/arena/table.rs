//! What an arena knows about its blocks, extents, zones and copies: volatile rows beside the
//! blocks, all of which an image can rebuild.
//!
//! Invariants:
//! - `clock` of the arena ticks at every freeze and every new extent, so an extent number that is
//!   used again never takes over the blocks of its predecessor, and "before the freeze" is a
//!   comparison of two ticks.

use super::freeze::KINDS;
use super::ids::{BlockId, ExtentId, ZoneId};
use super::list::{Link, List, NONE, Node};

/// Tick of something that has not happened.
pub(super) const NEVER: u64 = u64::MAX;

/// The part of a block's row that every write looks at.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    /// Epoch of the last write.
    pub(super) epoch: u64,
    pub(super) zone: ZoneId,
    pub(super) extent: ExtentId,
}

/// The part of a block's row that only allocation, freezes and frozen readers look at.
#[derive(Clone, Copy)]
pub(super) struct BlockRow {
    pub(super) link: Link,
    /// Tick of the allocation.
    pub(super) born: u64,
    /// Tick at which the block was freed on its own, or `NEVER`.
    pub(super) freed: u64,
    /// The copy that a kind of freeze reads, if `CopyRow` confirms it.
    pub(super) copy: [u32; KINDS],
}

pub(super) struct ExtentRow {
    /// Neighbours in the list of the zone, or in a list of freed extents.
    pub(super) link: Link,
    pub(super) zone: ZoneId,
    pub(super) blocks: List,
    pub(super) born: u64,
    pub(super) freed: u64,
}

pub(super) struct ZoneRow {
    /// The epoch that writes are stamped with.
    pub(super) epoch: u64,
    /// The freeze of each kind the zone joined last.
    pub(super) joined: [Join; KINDS],
    pub(super) extents: List,
    pub(super) root: BlockId,
    pub(super) root_extent: ExtentId,
    pub(super) live: bool,
}

/// A zone's part in a freeze.
#[derive(Clone, Copy)]
pub(super) struct Join {
    /// Which freeze; freezes count from 1.
    pub(super) freeze: u64,
    /// Tick of the join: blocks born before it and not yet freed then belong to the freeze.
    pub(super) at: u64,
}

/// The old contents of a block, kept for frozen readers.
#[derive(Clone, Copy)]
pub(super) struct CopyRow {
    pub(super) link: Link,
    pub(super) block: BlockId,
    /// Epoch of the last write to these contents.
    pub(super) epoch: u64,
    /// The freeze of each kind that reads this copy; 0 is none.
    pub(super) freeze: [u64; KINDS],
}

impl BlockRow {
    pub(super) fn born(clock: u64) -> BlockRow {
        BlockRow { link: Link::ALONE, born: clock, freed: NEVER, copy: [NONE; KINDS] }
    }
}

impl ZoneRow {
    /// The row of a zone number that has no zone.
    pub(super) fn vacant() -> ZoneRow {
        ZoneRow {
            epoch: 0,
            joined: [Join { freeze: 0, at: 0 }; KINDS],
            extents: List::EMPTY,
            root: BlockId::NONE,
            root_extent: ExtentId(NONE),
            live: false,
        }
    }
}

impl Node for BlockRow {
    fn link(&self) -> Link {
        self.link
    }
    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Node for ExtentRow {
    fn link(&self) -> Link {
        self.link
    }
    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

impl Node for CopyRow {
    fn link(&self) -> Link {
        self.link
    }
    fn link_mut(&mut self) -> &mut Link {
        &mut self.link
    }
}

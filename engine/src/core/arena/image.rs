//! A checkpoint put together again: a base and the deltas on it become an arena.
//!
//! Blocks go straight to their place in the memory of the arena to be. What is handed in comes
//! from a disk, so whatever is wrong with it is an error and not a panic.
//!
//! Invariants:
//! - After `complete`, `entries` holds exactly the blocks that the tables call live.

use super::changed::{BlockEntry, Tables};
use super::freeze::{Freeze, KINDS};
use super::ids::{BLOCKS_MAX, Block, BlockId, ExtentId, ZoneId};
use super::list::{Link, List};
use super::region::{MemoryError, Region};
use super::store::{Arena, EXTENTS_MAX, ZONES_MAX};
use super::table::{BlockRow, ExtentRow, NEVER, Stamp, ZoneRow};
use std::fmt;

/// Why a checkpoint is not the state of an arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageError {
    /// The state does not fit the memory given.
    Memory(MemoryError),
    /// A number is larger than any this version hands out.
    Range,
    /// Zones or extents are not in ascending order, or not complete.
    Order,
    /// An epoch lies behind the end of the checkpoint, or checkpoints do not follow each other.
    Epoch,
    /// A live block is missing, or not in a live extent of its zone.
    Block(BlockId),
    /// An extent belongs to no zone.
    Extent(ExtentId),
    /// The root of a zone is missing or not its own.
    Root(ZoneId),
    /// Blocks came after the last tables, or there were no tables.
    Incomplete,
}

impl fmt::Display for ImageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ImageError::Memory(error) => write!(f, "a checkpoint does not fit: {error}"),
            ImageError::Range => write!(f, "a checkpoint holds a number out of range"),
            ImageError::Order => write!(f, "a checkpoint lists zones or extents out of order"),
            ImageError::Epoch => write!(f, "a checkpoint holds an epoch after its end"),
            ImageError::Block(id) => write!(f, "a checkpoint lacks block {} or its extent", id.0),
            ImageError::Extent(id) => write!(f, "a checkpoint lacks the zone of extent {}", id.0),
            ImageError::Root(id) => write!(f, "a checkpoint lacks the root of zone {}", id.0),
            ImageError::Incomplete => write!(f, "a checkpoint has no tables at its end"),
        }
    }
}

impl std::error::Error for ImageError {}

impl From<MemoryError> for ImageError {
    fn from(error: MemoryError) -> ImageError {
        ImageError::Memory(error)
    }
}

/// The blocks of a base and the deltas that followed.
pub struct Image {
    state: Region,
    entries: Vec<Option<BlockEntry>>,
    tables: Option<Tables>,
    /// Blocks came since the last tables.
    open: bool,
}

impl Image {
    /// An image that becomes an arena over `state`.
    pub fn new(state: Region) -> Image {
        Image { state, entries: Vec::new(), tables: None, open: false }
    }

    /// Takes a block of the next checkpoint, in place of an older one of its number.
    pub fn put(&mut self, entry: BlockEntry, bytes: &Block) -> Result<(), ImageError> {
        let number = entry.block.0;
        if number >= BLOCKS_MAX || number >= self.state.blocks_max() {
            return Err(ImageError::Range);
        }
        self.state.take(number + 1)?;
        self.open = true;
        if self.entries.len() <= number as usize {
            self.entries.resize(number as usize + 1, None);
        }
        self.entries[number as usize] = Some(entry);
        self.state.block_mut(number).copy_from_slice(bytes);
        Ok(())
    }

    /// Ends a checkpoint: forgets the blocks that are not live.
    pub fn complete(&mut self, tables: Tables) -> Result<(), ImageError> {
        let before = self.tables.as_ref().map(|tables| tables.epoch);
        if before.is_some_and(|before| tables.epoch <= before) {
            return Err(ImageError::Epoch);
        }
        check(&tables)?;
        let live = |number: usize| {
            tables.live.get(number / 64).is_some_and(|word| word & (1 << (number % 64)) != 0)
        };
        for number in 0..tables.live.len() * 64 {
            if live(number) && self.entries.get(number).is_none_or(|entry| entry.is_none()) {
                return Err(ImageError::Block(BlockId(number as u32)));
            }
        }
        for (number, slot) in self.entries.iter_mut().enumerate() {
            let Some(entry) = slot else { continue };
            if !live(number) {
                *slot = None;
                continue;
            }
            if entry.epoch > tables.epoch {
                return Err(ImageError::Epoch);
            }
            let at = tables.extents.binary_search_by_key(&entry.extent, |extent| extent.extent);
            if at.is_err() || at.is_ok_and(|at| tables.extents[at].zone != entry.zone) {
                return Err(ImageError::Block(entry.block));
            }
        }
        for zone in &tables.zones {
            let root = self.entries.get(zone.root.0 as usize).copied().flatten();
            let own = (zone.zone, zone.root_extent);
            if root.map(|root| (root.zone, root.extent)) != Some(own) {
                return Err(ImageError::Root(zone.zone));
            }
        }
        self.tables = Some(tables);
        self.open = false;
        Ok(())
    }
}

/// Checks what can be seen without the blocks.
fn check(tables: &Tables) -> Result<(), ImageError> {
    let Tables { epoch, zones, extents, live } = tables;
    let zones_ascend = zones.windows(2).all(|pair| pair[0].zone < pair[1].zone);
    let extents_ascend = extents.windows(2).all(|pair| pair[0].extent < pair[1].extent);
    if !zones_ascend || !extents_ascend {
        return Err(ImageError::Order);
    }
    let zones_fit = zones.last().is_none_or(|last| last.zone.0 < ZONES_MAX);
    let extents_fit = extents.last().is_none_or(|last| last.extent.0 < EXTENTS_MAX);
    if !zones_fit || !extents_fit || live.len() > BLOCKS_MAX as usize / 64 {
        return Err(ImageError::Range);
    }
    if *epoch == u64::MAX {
        return Err(ImageError::Epoch);
    }
    for extent in extents {
        if zones.binary_search_by_key(&extent.zone, |zone| zone.zone).is_err() {
            return Err(ImageError::Extent(extent.extent));
        }
    }
    Ok(())
}

impl Arena {
    /// The arena of an image, at the start of the epoch after its last checkpoint.
    pub fn restore(image: Image, shadow: Region) -> Result<Arena, ImageError> {
        let Image { state, mut entries, tables, open } = image;
        let tables = tables.filter(|_| !open).ok_or(ImageError::Incomplete)?;
        while entries.last().is_some_and(Option::is_none) {
            entries.pop();
        }
        let mut arena = Arena::new(state, shadow);
        // Epochs go on behind the checkpoint, as if its freezes had just been released.
        arena.freezes =
            [(); KINDS].map(|()| Freeze { serial: 1, epoch: tables.epoch, open: false });
        arena.restore_zones(&tables);
        for number in (0..entries.len() as u32).rev() {
            // From the last to the first, so that lists start with the lowest number.
            arena.restore_block(number, entries[number as usize], entries.len());
        }
        #[cfg(debug_assertions)]
        arena.verify();
        Ok(arena)
    }

    fn restore_zones(&mut self, tables: &Tables) {
        let zones = tables.zones.last().map_or(0, |last| last.zone.0 as usize + 1);
        self.zones.resize_with(zones, ZoneRow::vacant);
        for entry in &tables.zones {
            let row = &mut self.zones[entry.zone.0 as usize];
            (row.root, row.root_extent) = (entry.root, entry.root_extent);
            (row.epoch, row.live) = (tables.epoch + 1, true);
        }
        let extents = tables.extents.last().map_or(0, |last| last.extent.0 + 1);
        let (born, freed) = (self.clock, self.clock);
        let zone = ZoneId(0);
        let vacant = || ExtentRow { link: Link::ALONE, zone, blocks: List::EMPTY, born, freed };
        self.extents.resize_with(extents as usize, vacant);
        let mut entries = tables.extents.iter().rev().peekable();
        for number in (0..extents).rev() {
            if let Some(entry) = entries.next_if(|entry| entry.extent.0 == number) {
                let row = &mut self.extents[number as usize];
                (row.zone, row.freed) = (entry.zone, NEVER);
                let zone = &mut self.zones[entry.zone.0 as usize];
                zone.extents.push(&mut self.extents, number);
            } else {
                self.free_extents.push(&mut self.extents, number);
            }
        }
    }

    fn restore_block(&mut self, number: u32, entry: Option<BlockEntry>, blocks: usize) {
        if self.stamps.is_empty() {
            let stamp = Stamp { epoch: 0, zone: ZoneId(0), extent: ExtentId(0) };
            self.stamps.resize(blocks, stamp);
            let row = BlockRow { freed: self.clock, ..BlockRow::born(self.clock) };
            self.blocks.resize(blocks, row);
        }
        match entry {
            Some(BlockEntry { block: _, zone, extent, epoch }) => {
                self.stamps[number as usize] = Stamp { epoch, zone, extent };
                self.blocks[number as usize].freed = NEVER;
                let extent = &mut self.extents[extent.0 as usize];
                extent.blocks.push(&mut self.blocks, number);
                self.used += 1;
            }
            None => self.free.push(&mut self.blocks, number),
        }
    }
}

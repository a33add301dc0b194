//! From hashes to numbers of slots: linear hashing with a block as the bucket.
//!
//! A cell keeps 32 mixed bits of the hash, the tag, and a value. The low bits of the tag choose
//! the bucket, the high 12 the place in the block; together they are the whole tag, so a bucket
//! splits without a look at the rows. Two hashes may share a tag: the caller compares keys.
//!
//! Invariants:
//! - A block is never full, so a probe ends at an empty cell; no cell lies behind an empty one
//!   that is behind its home (removal closes gaps).
//! - A bucket's first block is in the directory; overflow blocks are chained and never empty.
//! - There are at most 2^20 buckets (tag bits); behind that, chains grow.

use super::bytes::{put_u16, put_u32, u16_at, u32_at, u64_at};
use super::directory::{Directory, Entries, PUSH_BLOCKS_MAX};
use super::ids::{Anchor, Block, BlockId, Blocks, ExtentId};
use super::store::{Arena, Headroom};

/// Most buckets: they use the low 20 bits of a tag, the place in a block uses the other 12.
pub const BUCKETS_MAX: u32 = 1 << 20;

/// Cells of a block: 16 bytes are its header.
const CELLS: u32 = 510;
/// Cells in use beyond which a block chains another: probes get long in a fuller one.
const FULL: u32 = 480;
/// Average cells of a bucket beyond which one splits. Buckets that wait for their split hold up to
/// twice as many, which still mostly fits one block.
const LOAD: u32 = 256;

/// Cells that are looked at without a branch: enough for most probes at twice the usual load.
const GUESSED: u32 = 4;

/// In a bucket block: the next overflow block plus one, 0 for none, and the cells in use.
const OVERFLOW: usize = 0;
const USED: usize = 4;
const CELLS_AT: usize = 16;

const DIRECTORY: usize = 0;
const EXTENT: usize = 12;
const ENTRIES: usize = 16;

/// A multimap from 64-bit hashes to 32-bit values.
#[derive(Clone, Copy, Debug)]
pub struct HashIndex {
    anchor: Anchor,
}

/// An index for many lookups: its header is read once.
pub struct Lookup<'a, B> {
    blocks: &'a B,
    buckets: Entries<'a, B>,
    mask: u32,
}

/// Where a value belongs whose hash was looked for. Good until the next insert or removal.
pub struct Vacancy {
    tag: u32,
    bucket: BlockId,
    /// The block of the bucket that takes it, and the cell; none where all are full.
    cell: Option<(BlockId, u32)>,
}

/// Where a cell was found: its block, the one before it in the chain, its number.
struct Found {
    block: BlockId,
    before: BlockId,
    cell: u32,
}

/// The 32 bits of a hash that are kept. The halves are folded first, because a shard sees only
/// some of the values that the bits which choose the partition can take.
#[inline]
fn tag_of(hash: u64) -> u32 {
    ((hash ^ (hash >> 32)).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32
}

/// The cell where the search for a tag starts: its high 12 bits scaled to the cells.
#[inline]
fn home(tag: u32) -> u32 {
    ((tag >> 20) * CELLS) >> 12
}

#[inline]
fn after(cell: u32) -> u32 {
    if cell + 1 == CELLS { 0 } else { cell + 1 }
}

/// Tag and value of a cell; an empty cell has value 0, others the value plus one.
#[inline]
fn cell_at(block: &Block, cell: u32) -> (u32, u32) {
    let stored = u64_at(block, CELLS_AT + cell as usize * 8);
    (stored as u32, (stored >> 32) as u32)
}

#[inline]
fn put_cell(block: &mut Block, cell: u32, (tag, stored): (u32, u32)) {
    let at = CELLS_AT + cell as usize * 8;
    put_u32(block, at, tag);
    put_u32(block, at + 4, stored);
}

#[inline]
fn overflow(block: &Block) -> BlockId {
    BlockId(u32_at(block, OVERFLOW).wrapping_sub(1))
}

fn put_overflow(block: &mut Block, next: BlockId) {
    put_u32(block, OVERFLOW, next.0.wrapping_add(1));
}

fn used(block: &Block) -> u32 {
    u32::from(u16_at(block, USED))
}

fn put_used(block: &mut Block, used: u32) {
    assert!(used <= FULL, "a bucket block keeps empty cells");
    put_u16(block, USED, used as u16);
}

/// Puts a cell into a block that has room.
fn add_cell(block: &mut Block, stored: (u32, u32)) {
    let mut cell = home(stored.0);
    while cell_at(block, cell).1 != 0 {
        cell = after(cell);
    }
    put_cell(block, cell, stored);
    put_used(block, used(block) + 1);
}

/// Empties a cell and moves later ones of the same run up to where a probe finds them.
fn remove_cell(block: &mut Block, cell: u32) {
    let mut gap = cell;
    let mut at = after(cell);
    loop {
        let stored = cell_at(block, at);
        if stored.1 == 0 {
            break;
        }
        // The cell may fill the gap unless its home lies behind the gap, on the way to the cell.
        let (from_home, from_gap) = (distance(home(stored.0), at), distance(gap, at));
        if from_home >= from_gap {
            put_cell(block, gap, stored);
            gap = at;
        }
        at = after(at);
    }
    put_cell(block, gap, (0, 0));
    put_used(block, used(block) - 1);
}

/// Steps from one cell forward to another.
fn distance(from: u32, to: u32) -> u32 {
    if to >= from { to - from } else { to + CELLS - from }
}

impl<B: Blocks> Lookup<'_, B> {
    /// The first value stored under `hash`, or one that shares its tag, that `matches` accepts.
    #[inline]
    pub fn find(&self, hash: u64, mut matches: impl FnMut(u32) -> bool) -> Option<u32> {
        let tag = tag_of(hash);
        let mut block = self.blocks.block(self.bucket(tag));
        loop {
            let mut cell = home(tag);
            loop {
                let (found, stored) = cell_at(block, cell);
                if stored == 0 {
                    break;
                }
                if found == tag && matches(stored - 1) {
                    return Some(stored - 1);
                }
                cell = after(cell);
            }
            let next = overflow(block);
            if !next.is_some() {
                return None;
            }
            block = self.blocks.block(next);
        }
    }

    /// What [`Lookup::find`] finds, or else where a value with this hash belongs.
    #[inline]
    fn seek(&self, hash: u64, mut matches: impl FnMut(u32) -> bool) -> Result<u32, Vacancy> {
        let tag = tag_of(hash);
        let bucket = self.bucket(tag);
        let mut vacancy = Vacancy { tag, bucket, cell: None };
        let mut id = bucket;
        loop {
            let block = self.blocks.block(id);
            let mut cell = home(tag);
            loop {
                let (found, stored) = cell_at(block, cell);
                if stored == 0 {
                    break;
                }
                if found == tag && matches(stored - 1) {
                    return Ok(stored - 1);
                }
                cell = after(cell);
            }
            if vacancy.cell.is_none() && used(block) < FULL {
                vacancy.cell = Some((id, cell));
            }
            id = overflow(block);
            if !id.is_some() {
                return Err(vacancy);
            }
        }
    }

    /// For each hash a value that is stored under it or one that shares its tag, or `u32::MAX` where
    /// none was seen at once: then [`Lookup::find`] knows. For loops over many hashes: it looks at a
    /// few cells with no branch between them, since how far a probe goes cannot be guessed.
    pub fn guess(&self, hashes: &[u64], guesses: &mut Vec<u32>) {
        guesses.extend(hashes.iter().map(|&hash| {
            let tag = tag_of(hash);
            let block = self.blocks.block(self.bucket(tag));
            // Cells of one tag have one home and no gap before them, so that order is no matter.
            let first = home(tag).min(CELLS - GUESSED);
            let cells = &block[CELLS_AT + first as usize * 8..][..GUESSED as usize * 8];
            let fits = (0..GUESSED as usize)
                .rev()
                .fold(0, |fits: u32, at| fits << 1 | u32::from(u32_at(cells, at * 8) == tag));
            let at = fits.trailing_zeros() % GUESSED;
            // An empty cell, whose value is 0, becomes none.
            let none = u32::from(fits == 0).wrapping_neg();
            u32_at(cells, at as usize * 8 + 4).wrapping_sub(1) | none
        }));
    }

    /// The first block of the bucket of a tag.
    #[inline]
    fn bucket(&self, tag: u32) -> BlockId {
        let bucket = tag & self.mask;
        // Buckets from `buckets` on are not split off yet; their cells are in the lower half.
        let split = bucket < self.buckets.count();
        self.buckets.at(if split { bucket } else { tag & (self.mask >> 1) })
    }
}

impl HashIndex {
    /// Bytes of the header at the anchor.
    pub const HEADER_BYTES: usize = 20;

    /// Opens the index whose header is at `anchor`.
    pub fn open(anchor: Anchor) -> HashIndex {
        HashIndex { anchor }
    }

    /// Makes an empty index of one bucket whose blocks belong to `extent`.
    pub fn create(arena: &mut Arena, extent: ExtentId, anchor: Anchor) -> HashIndex {
        let index = HashIndex { anchor };
        Directory::create(arena, anchor.plus(DIRECTORY as u16));
        put_u32(index.header_mut(arena), EXTENT, extent.0);
        put_u32(index.header_mut(arena), ENTRIES, 0);
        let bucket = arena.alloc(extent);
        index.directory().push(arena, extent, bucket);
        index
    }

    /// What `count` inserts and removals take at most.
    pub fn headroom(count: u32) -> Headroom {
        // Each may chain a block; a split takes a bucket, two overflow and some directory blocks.
        let blocks = count + (3 + PUSH_BLOCKS_MAX) * (count / LOAD + 1);
        Headroom { state_blocks: blocks, shadow_blocks: count + blocks + 1 }
    }

    /// Entries in the index.
    pub fn entries(self, blocks: &impl Blocks) -> u32 {
        u32_at(self.header(blocks), ENTRIES)
    }

    /// The first value stored under `hash`, or one that shares its tag, that `matches` accepts.
    #[inline]
    pub fn find<B: Blocks>(
        self,
        blocks: &B,
        hash: u64,
        matches: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        self.lookup(blocks).find(hash, matches)
    }

    /// The index as it is until the next insert or removal.
    #[inline]
    pub fn lookup<B: Blocks>(self, blocks: &B) -> Lookup<'_, B> {
        let buckets = self.directory().entries(blocks);
        let mask = buckets.count().next_power_of_two() - 1;
        Lookup { blocks, buckets, mask }
    }

    /// What [`HashIndex::find`] finds, or else where a value with this hash belongs.
    #[inline]
    pub fn seek<B: Blocks>(
        self,
        blocks: &B,
        hash: u64,
        matches: impl FnMut(u32) -> bool,
    ) -> Result<u32, Vacancy> {
        self.lookup(blocks).seek(hash, matches)
    }

    /// Adds a value, equal ones included; may split one bucket.
    pub fn insert(self, arena: &mut Arena, hash: u64, value: u32) {
        let Err(vacancy) = self.seek(arena, hash, |_| false) else {
            unreachable!("nothing was to be found")
        };
        self.fill(arena, vacancy, value);
    }

    /// Adds a value where one belongs with the hash that was looked for; may split one bucket.
    #[inline]
    pub fn fill(self, arena: &mut Arena, vacancy: Vacancy, value: u32) {
        assert!(value != u32::MAX, "the largest value marks no slot");
        let Vacancy { tag, bucket, cell } = vacancy;
        let stored = (tag, value + 1);
        match cell {
            Some((id, cell)) => {
                let block = arena.block_mut(id);
                assert_eq!(cell_at(block, cell).1, 0, "a value goes to an empty cell");
                put_cell(block, cell, stored);
                put_used(block, used(block) + 1);
            }
            None => self.deal(arena, bucket, std::iter::once(stored)),
        }
        let header = self.header_mut(arena);
        let entries = u32_at(header, ENTRIES) + 1;
        put_u32(header, ENTRIES, entries);
        let buckets = self.directory().count(arena);
        if entries / LOAD >= buckets && buckets < BUCKETS_MAX {
            self.split(arena, buckets);
        }
    }

    /// Removes one entry with exactly this value; false if there is none.
    pub fn remove(self, arena: &mut Arena, hash: u64, value: u32) -> bool {
        let tag = tag_of(hash);
        let Some(found) = self.locate(arena, tag, value + 1) else { return false };
        let block = arena.block_mut(found.block);
        remove_cell(block, found.cell);
        let (empty, next) = (used(block) == 0, overflow(block));
        if empty && found.before.is_some() {
            put_overflow(arena.block_mut(found.before), next);
            arena.free_block(found.block);
        }
        let header = self.header_mut(arena);
        let entries = u32_at(header, ENTRIES);
        put_u32(header, ENTRIES, entries - 1);
        true
    }

    fn locate(self, arena: &Arena, tag: u32, stored: u32) -> Option<Found> {
        let mut before = BlockId::NONE;
        let mut id = self.bucket(arena, tag);
        while id.is_some() {
            let block = arena.block(id);
            let mut cell = home(tag);
            loop {
                let found = cell_at(block, cell);
                if found.1 == 0 {
                    break;
                }
                if found == (tag, stored) {
                    return Some(Found { block: id, before, cell });
                }
                cell = after(cell);
            }
            (before, id) = (id, overflow(block));
        }
        None
    }

    /// The first block of the bucket of a tag.
    fn bucket(self, blocks: &impl Blocks, tag: u32) -> BlockId {
        self.lookup(blocks).bucket(tag)
    }

    /// Puts cells into a bucket, chaining blocks where it is full.
    fn deal(self, arena: &mut Arena, bucket: BlockId, cells: impl Iterator<Item = (u32, u32)>) {
        let mut cells = cells.peekable();
        let mut id = bucket;
        while cells.peek().is_some() {
            let next = overflow(arena.block(id));
            let room = FULL - used(arena.block(id));
            if room > 0 {
                let block = arena.block_mut(id);
                cells.by_ref().take(room as usize).for_each(|cell| add_cell(block, cell));
            }
            if cells.peek().is_some() && !next.is_some() {
                let chained = arena.alloc(ExtentId(u32_at(self.header(arena), EXTENT)));
                put_overflow(arena.block_mut(id), chained);
                id = chained;
            } else {
                id = next;
            }
        }
    }

    /// Splits bucket `buckets` off the one that has its cells so far.
    fn split(self, arena: &mut Arena, buckets: u32) {
        let extent = ExtentId(u32_at(self.header(arena), EXTENT));
        let bit = 1 << buckets.ilog2();
        let low = self.directory().entry(arena, buckets - bit);
        let high = arena.alloc(extent);
        self.directory().push(arena, extent, high);
        let mut cells = *arena.block(low);
        arena.block_mut(low).fill(0);
        loop {
            let next = overflow(&cells);
            let all = (0..CELLS).map(|cell| cell_at(&cells, cell)).filter(|cell| cell.1 != 0);
            self.deal(arena, low, all.clone().filter(|cell| cell.0 & bit == 0));
            self.deal(arena, high, all.filter(|cell| cell.0 & bit != 0));
            if !next.is_some() {
                break;
            }
            cells = *arena.block(next);
            arena.free_block(next);
        }
    }

    #[inline]
    fn directory(self) -> Directory {
        Directory::open(self.anchor.plus(DIRECTORY as u16))
    }

    fn header<B: Blocks>(self, blocks: &B) -> &[u8] {
        &blocks.block(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES]
    }

    fn header_mut(self, arena: &mut Arena) -> &mut [u8] {
        &mut arena.block_mut(self.anchor.block)[self.anchor.at(0)..][..Self::HEADER_BYTES]
    }
}

//! Where things lie in a pane: the groups of one window, or of one slice of a window.
//!
//! A pane is an extent. Its header holds the headers of its containers: an index from key hashes to
//! slots, the slots themselves, a heap for long texts and a tree or a set for each call that keeps
//! values in one. A group is a slot: hash, number of rows, mark, keys, then the state of each call. What does
//! not fit one slot goes on in the same slot of further slabs.
//!
//! Invariants:
//! - The slabs of a pane give and take slots together, so that a group has the same number in all.
//! - The mark of a group is zero between two parts of a morsel.

use sluicedb_sql::{DataType, SqlError};

use super::accumulator::{Accumulator, CELL_VALUE_BYTES, Need, Set, SetShape};
use super::finder::Finder;
use super::sessions::Extent;
use crate::core::arena::{
    Anchor, Arena, Block, BlockId, Blocks, ExtentId, HashIndex, Heap, Slab, SlotId, Slots, Tree,
};
use crate::core::row::{Row, RowLayout};

/// Bytes of the extent of a session.
const EXTENT_BYTES: usize = 24;

const EXTENT: usize = 0;
const START: usize = 4;
const FIRST: usize = 12;
const INDEX: usize = 20;
const HEAP: usize = INDEX + HashIndex::HEADER_BYTES;
const SLABS: usize = HEAP + Heap::HEADER_BYTES;

/// Bytes of the headers of a set.
const SET_BYTES: usize = HashIndex::HEADER_BYTES + Slab::HEADER_BYTES;

pub(super) const HASH: usize = 0;
const ROWS: usize = 8;
const MARK: usize = 16;
pub(super) const KEY: usize = 20;

/// The header of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pane {
    anchor: Anchor,
}

/// A group of a pane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) pane: Pane,
    pub(super) slot: SlotId,
}

/// Where the first part of a group is; good while the group is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) block: BlockId,
    pub(super) at: u16,
}

/// A group and where its first part is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Located {
    pub(super) group: Group,
    pub(super) place: Place,
}

/// A group whose states are added to those of another, of which the rows were counted first.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair {
    pub(super) from: Located,
    pub(super) into: Located,
}

/// Where the state of a call is in a group.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Field {
    part: u16,
    offset: u16,
}

/// Which rows a pane holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    /// Number of the window, or start of the slice.
    pub(super) start: i64,
    /// Number of the first window that the rows count in.
    pub(super) first: i64,
}

/// The layout of all panes of an aggregate.
#[derive(Clone, Debug)]
pub(super) struct Layout {
    keys: RowLayout,
    /// Whether the extent of a session is behind the key.
    session: bool,
    slot_bytes: u32,
    parts: usize,
    /// Bytes of a cell's key, tree by tree.
    trees: Vec<usize>,
    sets: Vec<SetShape>,
}

impl Layout {
    /// Lays out groups of these keys and calls, and tells each call its place. The header of a pane
    /// may have `room` bytes.
    pub(super) fn new(
        keys: &[DataType],
        accumulators: &mut [Accumulator],
        room: usize,
        session: bool,
    ) -> Result<Layout, SqlError> {
        let keys = RowLayout::new(keys);
        let slot_max = *Slab::SLOT_BYTES.end() as usize;
        let head = KEY + if session { EXTENT_BYTES } else { 0 };
        let mut ends = vec![keys.slot_bytes(head)? as usize];
        for accumulator in accumulators.iter_mut() {
            let Need { state_bytes: bytes, states, .. } = accumulator.need();
            for index in 0..states {
                let part = match ends.iter().position(|end| end + bytes <= slot_max) {
                    Some(part) => part,
                    None => {
                        ends.push(0);
                        ends.len() - 1
                    }
                };
                let field = Field { part: part as u16, offset: ends[part] as u16 };
                accumulator.place(index, field);
                ends[part] += bytes;
            }
        }
        let slot_bytes = ends.iter().copied().max().expect("there is one part");
        let trees = accumulators.iter().filter_map(|call| call.need().cell_key_bytes).collect();
        let sets = accumulators.iter().filter_map(|call| call.need().set).collect();
        let slot_bytes = (slot_bytes as u32).max(*Slab::SLOT_BYTES.start());
        let layout = Layout { keys, session, slot_bytes, parts: ends.len(), trees, sets };
        let bytes = layout.header_bytes();
        if bytes > room {
            let what = "bytes of the headers of a window's groups, their states and trees";
            return Err(SqlError::limit_exceeded(what, bytes, room)
                .hint("Compute fewer aggregates in one query."));
        }
        Ok(layout)
    }

    fn header_bytes(&self) -> usize {
        self.sets_at() + self.sets.len() * SET_BYTES
    }

    fn trees_at(&self) -> usize {
        SLABS + self.parts * Slab::HEADER_BYTES
    }

    fn sets_at(&self) -> usize {
        self.trees_at() + self.trees.len() * Tree::HEADER_BYTES
    }

    /// Slabs of a pane.
    pub(super) fn parts(&self) -> usize {
        self.parts
    }

    /// Trees of a pane.
    pub(super) fn trees(&self) -> usize {
        self.trees.len()
    }

    /// Sets of a pane.
    pub(super) fn sets(&self) -> usize {
        self.sets.len()
    }

    /// How keys lie in a group.
    pub(super) fn keys(&self) -> &RowLayout {
        &self.keys
    }

    /// Lays out an empty pane whose header is at `anchor`.
    pub(super) fn create(
        &self,
        arena: &mut Arena,
        extent: ExtentId,
        anchor: Anchor,
        span: Span,
    ) -> Pane {
        let pane = Pane { anchor };
        let header = pane.header_mut(arena);
        header[EXTENT..START].copy_from_slice(&extent.0.to_le_bytes());
        header[START..FIRST].copy_from_slice(&span.start.to_le_bytes());
        header[FIRST..INDEX].copy_from_slice(&span.first.to_le_bytes());
        HashIndex::create(arena, extent, pane.at(INDEX));
        Heap::create(arena, extent, pane.at(HEAP));
        for part in 0..self.parts {
            Slab::create(arena, extent, pane.slab_anchor(part), self.slot_bytes);
        }
        for (index, &key_bytes) in self.trees.iter().enumerate() {
            Tree::create(arena, extent, self.tree_anchor(pane, index), key_bytes, CELL_VALUE_BYTES);
        }
        for (index, shape) in self.sets.iter().enumerate() {
            let at = self.set_at(index);
            HashIndex::create(arena, extent, pane.at(at));
            Slab::create(arena, extent, pane.at(at + HashIndex::HEADER_BYTES), shape.slot_bytes);
        }
        pane
    }

    fn tree_anchor(&self, pane: Pane, index: usize) -> Anchor {
        assert!(index < self.trees.len(), "tree {index} of {}", self.trees.len());
        pane.at(self.trees_at() + index * Tree::HEADER_BYTES)
    }

    fn set_at(&self, index: usize) -> usize {
        assert!(index < self.sets.len(), "set {index} of {}", self.sets.len());
        self.sets_at() + index * SET_BYTES
    }

    /// Set `index` of a pane.
    pub(super) fn set(&self, pane: Pane, index: usize) -> Set {
        let at = self.set_at(index);
        let index = HashIndex::open(pane.at(at));
        Set { index, slab: Slab::open(pane.at(at + HashIndex::HEADER_BYTES)) }
    }

    /// Tree `index` of a pane.
    pub(super) fn tree(&self, pane: Pane, index: usize) -> Tree {
        Tree::open(self.tree_anchor(pane, index))
    }

    /// The state of a call in a group, and what follows it.
    #[inline]
    pub(super) fn state<'a>(&self, arena: &'a Arena, group: Group, field: Field) -> &'a [u8] {
        &group.pane.slab(usize::from(field.part)).slot(arena, group.slot)
            [usize::from(field.offset)..]
    }

    /// The state of a call in a group, and what follows it, to write.
    #[inline]
    pub(super) fn state_mut<'a>(
        &self,
        arena: &'a mut Arena,
        group: Group,
        field: Field,
    ) -> &'a mut [u8] {
        &mut group.pane.slab(usize::from(field.part)).slot_mut(arena, group.slot)
            [usize::from(field.offset)..]
    }

    /// The group with this key.
    pub(super) fn find(
        &self,
        arena: &Arena,
        pane: Pane,
        hash: u64,
        key: Row<'_>,
    ) -> Option<SlotId> {
        let keys = self.keys.probe(key.columns, key.picks);
        Finder::new(self, arena, pane).find(hash, &keys, key.row).map(|(slot, _)| slot)
    }

    /// Adds a group that is not there.
    pub(super) fn insert(
        &self,
        arena: &mut Arena,
        pane: Pane,
        hash: u64,
        key: Row<'_>,
        scratch: &mut Vec<u8>,
    ) -> SlotId {
        scratch.clear();
        scratch.resize(self.keys.bytes(), 0);
        self.keys.write(arena, pane.heap(), key, scratch);
        let slot = pane.slab(0).insert(arena);
        for part in 1..self.parts {
            let other = pane.slab(part).insert(arena);
            assert_eq!(other, slot, "the slabs of a pane give slots together");
        }
        let bytes = pane.slab(0).slot_mut(arena, slot);
        bytes[HASH..ROWS].copy_from_slice(&hash.to_le_bytes());
        bytes[KEY..KEY + scratch.len()].copy_from_slice(scratch);
        pane.index().insert(arena, hash, slot.0);
        slot
    }

    /// Frees a group whose states are empty.
    pub(super) fn remove(&self, arena: &mut Arena, group: Group, scratch: &mut Vec<u8>) {
        let Group { pane, slot } = group;
        let bytes = pane.slab(0).slot(arena, slot);
        assert_eq!(i64_at(bytes, ROWS), 0, "a group that is freed has no rows");
        assert_eq!(u32_at(bytes, MARK), 0, "a group that is freed is not being worked on");
        let hash = u64_at(bytes, HASH);
        scratch.clear();
        scratch.extend_from_slice(self.key(bytes));
        self.keys.free(arena, pane.heap(), scratch);
        assert!(pane.index().remove(arena, hash, slot.0), "every group is in the index");
        (0..self.parts).for_each(|part| pane.slab(part).free(arena, slot));
    }

    #[inline]
    fn key<'a>(&self, slot: &'a [u8]) -> &'a [u8] {
        &slot[KEY..KEY + self.keys.bytes()]
    }

    /// The key of a group as it is kept.
    pub(super) fn key_of<'a>(&self, arena: &'a Arena, group: Group) -> &'a [u8] {
        self.key(group.pane.slab(0).slot(arena, group.slot))
    }

    fn extent_at(&self) -> usize {
        assert!(self.session, "only sessions have an extent of their own");
        KEY + self.keys.bytes()
    }

    /// From when to when a session is, and when it is due.
    pub(super) fn extent(&self, arena: &Arena, group: Group) -> Extent {
        let bytes = &group.pane.slab(0).slot(arena, group.slot)[self.extent_at()..];
        let [first, last, due] = [0, 8, 16].map(|at| i64_at(bytes, at));
        Extent { first, last, due }
    }

    /// Writes what [`Layout::extent`] reads.
    pub(super) fn set_extent(&self, arena: &mut Arena, group: Group, extent: Extent) {
        let Extent { first, last, due } = extent;
        let bytes = &mut group.pane.slab(0).slot_mut(arena, group.slot)[self.extent_at()..];
        for (at, moment) in [first, last, due].into_iter().enumerate() {
            bytes[at * 8..at * 8 + 8].copy_from_slice(&moment.to_le_bytes());
        }
    }

    /// The sum of the weights of a group's rows.
    #[inline]
    pub(super) fn rows(&self, arena: &Arena, group: Group) -> i64 {
        i64_at(group.pane.slab(0).slot(arena, group.slot), ROWS)
    }

    /// The hash of a group's key.
    pub(super) fn hash(&self, arena: &Arena, group: Group) -> u64 {
        u64_at(group.pane.slab(0).slot(arena, group.slot), HASH)
    }

    /// Appends where the first parts of some groups are; the headers of a pane are read once for
    /// all its groups in a row.
    pub(super) fn locate_all(&self, arena: &Arena, groups: &[Group], out: &mut Vec<Located>) {
        for run in groups.chunk_by(|left, right| left.pane == right.pane) {
            let slots = run[0].pane.slab(0).slots(arena);
            out.extend(run.iter().map(|&group| {
                let (block, _, at) = slots.get(group.slot);
                Located { group, place: Place { block, at: at as u16 } }
            }));
        }
    }

    /// A group and where its first part is.
    pub(super) fn located(&self, arena: &Arena, group: Group) -> Located {
        Located { group, place: self.locate(arena, group) }
    }

    /// The groups of a pane as they lie until one is added.
    pub(super) fn slots<'a>(&self, arena: &'a Arena, pane: Pane) -> Slots<'a, Arena> {
        pane.slab(0).slots(arena)
    }

    /// The group in a slot, if its key is kept in the same bytes as that of `other`.
    #[inline(always)]
    pub(super) fn alike(
        &self,
        arena: &Arena,
        (pane, slots): (Pane, &Slots<'_, Arena>),
        slot: SlotId,
        other: &Located,
    ) -> Option<Located> {
        let (id, block, at) = slots.get(slot);
        let place = Place { block: id, at: at as u16 };
        let same = self.key(&block[at..]) == self.key(other.bytes(arena));
        same.then_some(Located { group: Group { pane, slot }, place })
    }

    /// The hash of a group's key.
    #[inline]
    pub(super) fn hash_at(&self, arena: &Arena, located: &Located) -> u64 {
        u64_at(located.bytes(arena), HASH)
    }

    /// The sum of the weights of a group's rows.
    #[inline]
    pub(super) fn rows_at(&self, arena: &Arena, located: &Located) -> i64 {
        i64_at(located.bytes(arena), ROWS)
    }

    /// The key of a group as it is kept.
    #[inline]
    pub(super) fn key_at<'a>(&self, arena: &'a Arena, located: &Located) -> &'a [u8] {
        self.key(located.bytes(arena))
    }

    /// The state of a call in a group, and what follows it.
    #[inline]
    pub(super) fn state_at<'a>(
        &self,
        arena: &'a Arena,
        located: &Located,
        field: Field,
    ) -> &'a [u8] {
        if field.part != 0 {
            return self.state(arena, located.group, field);
        }
        &located.bytes(arena)[usize::from(field.offset)..]
    }

    /// Where the first part of a group is.
    #[inline]
    pub(super) fn locate(&self, arena: &Arena, group: Group) -> Place {
        let (block, at) = group.pane.slab(0).locate(arena, group.slot);
        Place { block, at: at as u16 }
    }

    /// The state of a call in a group of which the place is known, to write. Its rows were counted
    /// first.
    #[inline(always)]
    pub(super) fn entry_mut<'a, const N: usize>(
        &self,
        arena: &'a mut Arena,
        group: Group,
        place: Place,
        field: Field,
    ) -> &'a mut [u8; N] {
        if field.part != 0 {
            let state = self.state_mut(arena, group, field).first_chunk_mut();
            return state.expect("a state lies in its slot");
        }
        array_mut(arena.written_mut(place.block), usize::from(place.at) + usize::from(field.offset))
    }

    /// The state of a call in a group, and what follows it, to write. Its rows were counted first.
    #[inline]
    pub(super) fn located_mut<'a>(
        &self,
        arena: &'a mut Arena,
        located: &Located,
        field: Field,
    ) -> &'a mut [u8] {
        if field.part != 0 {
            return self.state_mut(arena, located.group, field);
        }
        let at = usize::from(located.place.at) + usize::from(field.offset);
        &mut arena.written_mut(located.place.block)[at..]
    }

    /// Counts rows of a group of which the place is known.
    #[inline(always)]
    pub(super) fn add_rows_at(&self, arena: &mut Arena, place: Place, weight: i64) {
        let bytes: &mut [u8; 8] =
            array_mut(arena.block_mut(place.block), usize::from(place.at) + ROWS);
        let rows = i64::from_le_bytes(*bytes).checked_add(weight);
        *bytes = rows.expect("a group has fewer than 2^63 rows").to_le_bytes();
    }

    /// Counts rows of a group.
    pub(super) fn add_rows(&self, arena: &mut Arena, group: Group, weight: i64) {
        let place = self.locate(arena, group);
        self.add_rows_at(arena, place, weight);
    }

    /// Whether the group is marked as touched.
    #[inline]
    pub(super) fn is_marked(&self, arena: &Arena, group: Group) -> bool {
        u32_at(group.pane.slab(0).slot(arena, group.slot), MARK) != 0
    }

    /// Marks a group as touched, or takes the mark away.
    #[inline]
    pub(super) fn set_mark(&self, arena: &mut Arena, group: Group, marked: bool) {
        let slot = group.pane.slab(0).slot_mut(arena, group.slot);
        slot[MARK..KEY].copy_from_slice(&u32::from(marked).to_le_bytes());
    }
}

impl Located {
    #[inline]
    fn bytes(self, arena: &Arena) -> &[u8] {
        &arena.block(self.place.block)[usize::from(self.place.at)..]
    }
}

impl Pane {
    /// The pane whose header is at `anchor`.
    pub(super) fn at_anchor(anchor: Anchor) -> Pane {
        Pane { anchor }
    }

    /// The block that holds the header.
    pub(super) fn block(self) -> BlockId {
        self.anchor.block
    }

    fn at(self, bytes: usize) -> Anchor {
        self.anchor.plus(bytes as u16)
    }

    /// Where its header ends.
    pub(super) fn behind(self, layout: &Layout) -> Anchor {
        self.at(layout.header_bytes())
    }

    fn slab_anchor(self, part: usize) -> Anchor {
        self.at(SLABS + part * Slab::HEADER_BYTES)
    }

    #[inline]
    pub(super) fn slab(self, part: usize) -> Slab {
        Slab::open(self.slab_anchor(part))
    }

    #[inline]
    pub(super) fn index(self) -> HashIndex {
        HashIndex::open(self.at(INDEX))
    }

    /// The long texts of its keys and values.
    #[inline]
    pub(super) fn heap(self) -> Heap {
        Heap::open(self.at(HEAP))
    }

    /// The extent that all of it is in.
    pub(super) fn extent(self, arena: &Arena) -> ExtentId {
        ExtentId(u32_at(self.header(arena), EXTENT))
    }

    /// Which rows it holds.
    pub(super) fn span(self, arena: &Arena) -> Span {
        let header = self.header(arena);
        Span { start: i64_at(header, START), first: i64_at(header, FIRST) }
    }

    /// How many groups it has.
    pub(super) fn groups(self, arena: &Arena) -> u32 {
        self.slab(0).live(arena)
    }

    /// The first group that is not before slot `from`.
    pub(super) fn next(self, arena: &Arena, from: SlotId) -> Option<Group> {
        self.slab(0).next_live(arena, from).map(|slot| Group { pane: self, slot })
    }

    fn header(self, arena: &Arena) -> &[u8] {
        let block: &Block = arena.block(self.anchor.block);
        &block[usize::from(self.anchor.offset)..]
    }

    fn header_mut(self, arena: &mut Arena) -> &mut [u8] {
        &mut arena.block_mut(self.anchor.block)[usize::from(self.anchor.offset)..]
    }
}

/// The `N` bytes of a block from `at` on.
#[inline(always)]
fn array_mut<const N: usize>(block: &mut Block, at: usize) -> &mut [u8; N] {
    (&mut block[at..at + N]).try_into().expect("as many bytes as were sliced")
}

#[inline]
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

#[inline]
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[inline]
fn i64_at(bytes: &[u8], at: usize) -> i64 {
    u64_at(bytes, at) as i64
}

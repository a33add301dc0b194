//! Freezes: the state of zones at a barrier, readable while operators write on.
//!
//! Invariants:
//! - At most one freeze of each kind is open; its zones joined it at one epoch.
//! - A block that was live at the join and not written since holds its frozen bytes itself; one
//!   that was written since has exactly one copy for each freeze that reads the old bytes, and a
//!   copy serves both kinds if the bytes are the same.
//! - A block that a freeze reads is not reused, even if it is freed; so its row stays as it was.
//! - Barrier and release touch no blocks: lists are spliced, and a pointer to a copy counts only
//!   while the copy names the open freeze.

use super::ids::{Block, BlockId, Blocks, ZoneId};
use super::list::{Link, NONE};
use super::store::Arena;
use super::table::{CopyRow, Join};

pub(super) const KINDS: usize = 2;
/// Sets of kinds as bits; index 0, no freeze, stays empty in the tables of lists.
pub(super) const FREEZE_SETS: usize = 1 << KINDS;

/// What a freeze is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FreezeKind {
    /// Answers queries over a sealed epoch.
    Read = 0,
    /// Is written to disk.
    Checkpoint = 1,
}

/// The kinds of freeze that a barrier starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Freezes {
    /// Start or join the read freeze.
    pub read: bool,
    /// Start or join the checkpoint freeze.
    pub checkpoint: bool,
}

impl Freezes {
    /// The barrier only ends an epoch.
    pub const NONE: Freezes = Freezes { read: false, checkpoint: false };
    /// The barrier freezes for readers.
    pub const READ: Freezes = Freezes { read: true, checkpoint: false };
    /// The barrier freezes for a checkpoint.
    pub const CHECKPOINT: Freezes = Freezes { read: false, checkpoint: true };
    /// The barrier freezes for both.
    pub const BOTH: Freezes = Freezes { read: true, checkpoint: true };

    /// Where those that are asked for are kept.
    fn places(self) -> impl Iterator<Item = usize> {
        let Freezes { read, checkpoint } = self;
        [read.then_some(0), checkpoint.then_some(1)].into_iter().flatten()
    }
}

/// The freeze of one kind that is open or was last.
pub(super) struct Freeze {
    /// Number of the freeze, from 1.
    pub(super) serial: u64,
    pub(super) epoch: u64,
    pub(super) open: bool,
}

impl Freeze {
    pub(super) const CLOSED: Freeze = Freeze { serial: 0, epoch: 0, open: false };

    /// Is open at the end of this epoch.
    fn begin(&mut self, epoch_ended: u64) {
        if self.open {
            assert_eq!(self.epoch, epoch_ended, "one freeze of a kind at a time");
            return;
        }
        let first = self.serial == 0;
        assert!(first || epoch_ended > self.epoch, "a released freeze is not reopened");
        *self = Freeze { serial: self.serial + 1, epoch: epoch_ended, open: true };
    }
}

/// The arena as the zones of a freeze left it.
#[derive(Clone, Copy)]
pub struct Frozen<'a> {
    arena: &'a Arena,
    kind: FreezeKind,
}

impl Arena {
    /// Ends an epoch of a zone and freezes the zone there for each kind that is asked.
    pub fn barrier(&mut self, zone: ZoneId, epoch_ended: u64, kinds: Freezes) {
        let row = &mut self.zones[zone.0 as usize];
        assert!(row.live, "a dropped zone has no barriers");
        assert!(epoch_ended >= row.epoch, "epochs of a zone do not go back");
        for kind in kinds.places() {
            let freeze = &mut self.freezes[kind];
            if freeze.open {
                assert!(row.joined[kind].freeze != freeze.serial, "a zone joins a freeze once");
            }
            freeze.begin(epoch_ended);
            self.clock += 1;
            row.joined[kind] = Join { freeze: freeze.serial, at: self.clock };
        }
        row.epoch = epoch_ended + 1;
    }

    /// Has the freezes of an epoch open once all zones have ended it, also where there are none.
    pub fn freeze(&mut self, epoch_ended: u64, kinds: Freezes) {
        kinds.places().for_each(|kind| self.freezes[kind].begin(epoch_ended));
    }

    /// Ends the open freeze of a kind for all zones.
    pub fn release(&mut self, kind: FreezeKind) {
        let freeze = &mut self.freezes[kind as usize];
        assert!(freeze.open, "an open freeze is released once");
        freeze.open = false;
        let only = 1 << kind as usize;
        let both = FREEZE_SETS - 1;
        let other = both - only;
        self.free.append(&mut self.blocks, &mut self.pending[only]);
        self.free_extents.append(&mut self.extents, &mut self.pending_extents[only]);
        self.free_copies.append(&mut self.copies, &mut self.held[only]);
        let mut blocks = std::mem::replace(&mut self.pending[both], super::list::List::EMPTY);
        self.pending[other].append(&mut self.blocks, &mut blocks);
        let mut rows = std::mem::replace(&mut self.pending_extents[both], super::list::List::EMPTY);
        self.pending_extents[other].append(&mut self.extents, &mut rows);
        let mut copies = std::mem::replace(&mut self.held[both], super::list::List::EMPTY);
        self.held[other].append(&mut self.copies, &mut copies);
    }

    /// The epoch of the open freeze of a kind.
    pub fn frozen_epoch(&self, kind: FreezeKind) -> Option<u64> {
        let freeze = &self.freezes[kind as usize];
        freeze.open.then_some(freeze.epoch)
    }

    /// The state at the open freeze of a kind. Reading a zone that has not joined it panics.
    pub fn frozen(&self, kind: FreezeKind) -> Option<Frozen<'_>> {
        self.freezes[kind as usize].open.then_some(Frozen { arena: self, kind })
    }

    /// Whether the zone belongs to the open freeze of the kind.
    pub fn has_joined(&self, zone: ZoneId, kind: FreezeKind) -> bool {
        let freeze = &self.freezes[kind as usize];
        freeze.open && self.zone(zone).joined[kind as usize].freeze == freeze.serial
    }

    /// The open freezes that read what the zone had allocated at tick `born`.
    pub(super) fn readers(&self, zone: ZoneId, born: u64) -> usize {
        let mut set = 0;
        for kind in [FreezeKind::Read, FreezeKind::Checkpoint] {
            let read =
                self.has_joined(zone, kind) && born < self.zone(zone).joined[kind as usize].at;
            set |= usize::from(read) << kind as usize;
        }
        set
    }

    /// First write to a block in an epoch: keeps its bytes for the freezes that read them.
    #[cold]
    #[inline(never)]
    pub(super) fn turn_epoch(&mut self, id: BlockId) {
        assert!(self.is_live(id), "only live blocks are written");
        let stamp = self.stamps[id.0 as usize];
        assert!(stamp.epoch < self.zone(stamp.zone).epoch, "no block is ahead of its zone");
        let mut set = 0;
        for kind in [FreezeKind::Read, FreezeKind::Checkpoint] {
            let old = stamp.epoch <= self.freezes[kind as usize].epoch;
            set |= usize::from(old && self.has_joined(stamp.zone, kind)) << kind as usize;
        }
        if set != 0 {
            self.keep(id, stamp.epoch, set);
        }
        self.stamps[id.0 as usize].epoch = self.zone(stamp.zone).epoch;
    }

    /// Copies the bytes of a block for a set of freezes.
    fn keep(&mut self, id: BlockId, epoch: u64, set: usize) {
        let copy = match self.free_copies.pop(&mut self.copies) {
            Some(copy) => copy,
            None => {
                let copy = self.copies.len() as u32;
                self.shadow.take(copy + 1).expect("the shard reserved copies before this step");
                let row = CopyRow { link: Link::ALONE, block: id, epoch, freeze: [0; KINDS] };
                self.copies.push(row);
                copy
            }
        };
        let row = &mut self.copies[copy as usize];
        (row.block, row.epoch, row.freeze) = (id, epoch, [0; KINDS]);
        for (kind, freeze) in self.freezes.iter().enumerate() {
            if set & (1 << kind) != 0 {
                row.freeze[kind] = freeze.serial;
                self.blocks[id.0 as usize].copy[kind] = copy;
            }
        }
        self.held[set].push(&mut self.copies, copy);
        self.shadow.block_mut(copy).copy_from_slice(self.state.block(id.0));
    }

    /// The copy that the open freeze of a kind reads in place of the block.
    #[inline]
    pub(super) fn copy_of(&self, id: BlockId, kind: FreezeKind) -> Option<u32> {
        let copy = self.blocks[id.0 as usize].copy[kind as usize];
        if copy == NONE {
            return None;
        }
        let row = &self.copies[copy as usize];
        let read =
            row.block == id && row.freeze[kind as usize] == self.freezes[kind as usize].serial;
        read.then_some(copy)
    }
}

impl Frozen<'_> {
    /// The epoch at whose end the zones were frozen.
    pub fn epoch(&self) -> u64 {
        self.arena.freezes[self.kind as usize].epoch
    }
}

impl Blocks for Frozen<'_> {
    #[inline]
    fn block(&self, id: BlockId) -> &Block {
        let zone = self.arena.stamps[id.0 as usize].zone;
        assert!(self.arena.has_joined(zone, self.kind), "a frozen zone has joined the freeze");
        match self.arena.copy_of(id, self.kind) {
            Some(copy) => self.arena.shadow.block(copy),
            None => self.arena.state.block(id.0),
        }
    }
}

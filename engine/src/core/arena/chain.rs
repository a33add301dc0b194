//! Row chains: slots of a slab linked through their first four bytes.
//!
//! The caller keeps the head, `SlotId::NONE` for an empty chain, in a row of its own.
//!
//! Invariants:
//! - A slot is in at most one chain, and a chain has no cycle: only `push` links, to the old head.

use super::bytes::{put_u32, u32_at};
use super::ids::Blocks;
use super::slab::{Slab, SlotId};
use super::store::Arena;

/// Bytes at the start of each slot that are the link.
pub const LINK_BYTES: usize = 4;

/// The slot behind `slot`, or `SlotId::NONE`.
#[inline]
pub fn next(slab: Slab, blocks: &impl Blocks, slot: SlotId) -> SlotId {
    SlotId(u32_at(slab.slot(blocks, slot), 0))
}

/// Takes a slot of zeroes from the slab, puts it before `head` and makes it the head.
pub fn push(slab: Slab, arena: &mut Arena, head: &mut SlotId) -> SlotId {
    let slot = slab.insert(arena);
    put_u32(slab.slot_mut(arena, slot), 0, head.0);
    *head = slot;
    slot
}

/// Frees the first slot whose bytes behind the link `matches` accepts; false if there is none.
pub fn remove(
    slab: Slab,
    arena: &mut Arena,
    head: &mut SlotId,
    mut matches: impl FnMut(&Arena, &[u8]) -> bool,
) -> bool {
    let (mut before, mut slot) = (SlotId::NONE, *head);
    while slot.is_some() {
        let bytes = slab.slot(&*arena, slot);
        let after = SlotId(u32_at(bytes, 0));
        if matches(arena, &bytes[LINK_BYTES..]) {
            if before.is_some() {
                put_u32(slab.slot_mut(arena, before), 0, after.0);
            } else {
                *head = after;
            }
            slab.free(arena, slot);
            return true;
        }
        (before, slot) = (slot, after);
    }
    false
}

/// Visits at most `fuel` slots from `slot` on and returns where to go on, `SlotId::NONE` at the
/// end. The place stays good while the chain only grows at its head.
pub fn walk<B: Blocks>(
    slab: Slab,
    blocks: &B,
    mut slot: SlotId,
    fuel: usize,
    mut visit: impl FnMut(SlotId, &[u8]),
) -> SlotId {
    for _ in 0..fuel {
        if !slot.is_some() {
            break;
        }
        let bytes = slab.slot(blocks, slot);
        visit(slot, &bytes[LINK_BYTES..]);
        slot = SlotId(u32_at(bytes, 0));
    }
    slot
}

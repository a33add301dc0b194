//! The slab against an ordered map.

use super::super::{Anchor, Arena, Blocks, ExtentId, Region, Slab, SlotId, ZoneId};
use super::{Prng, Subject, panics, run};
use std::collections::BTreeMap;

struct Slots(Slab, usize);

impl Subject for Slots {
    type Twin = BTreeMap<SlotId, u8>;

    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, prng: &mut Prng) -> Slots {
        let bytes = [8, 9, 64, 65, 200, 1000, 1024][prng.below(7) as usize];
        let anchor = Anchor::new(arena.root(zone), prng.below(1000) as u16);
        Slots(Slab::create(arena, extent, anchor, bytes), bytes as usize)
    }

    fn step(&self, arena: &mut Arena, twin: &mut Self::Twin, prng: &mut Prng) {
        let Slots(slab, bytes) = *self;
        let value = prng.next() as u8;
        let known = twin.range(SlotId(prng.below(3000) as u32)..).next().map(|(slot, _)| *slot);
        match (prng.below(8), known) {
            (0..=1, Some(slot)) => {
                slab.free(arena, slot);
                twin.remove(&slot);
            }
            (2..=4, Some(slot)) => {
                slab.slot_mut(arena, slot).fill(value);
                twin.insert(slot, value);
            }
            _ => {
                let slot = slab.insert(arena);
                assert_eq!(slab.slot(arena, slot), vec![0; bytes]);
                slab.slot_mut(arena, slot).fill(value);
                assert_eq!(twin.insert(slot, value), None);
            }
        }
    }

    fn compare<B: Blocks>(&self, blocks: &B, twin: &Self::Twin) {
        let Slots(slab, bytes) = *self;
        assert_eq!(slab.live(blocks) as usize, twin.len());
        assert!(slab.iter(blocks).eq(twin.keys().copied()));
        for (slot, value) in twin {
            assert_eq!(slab.slot(blocks, *slot), vec![*value; bytes]);
        }
    }
}

#[test]
fn random_slots_agree_with_a_map_also_when_frozen() {
    for seed in 0..20 {
        run::<Slots>(seed, 3000);
    }
}

#[test]
fn a_slot_freed_twice_is_caught() {
    let mut arena = Arena::new(Region::heap(16), Region::heap(4));
    let zone = arena.create_zone(1);
    let anchor = Anchor::new(arena.root(zone), 0);
    let slab = Slab::create(&mut arena, ExtentId(0), anchor, 16);
    let slot = slab.insert(&mut arena);
    slab.free(&mut arena, slot);
    assert!(panics(|| slab.free(&mut arena, slot)));
    assert!(panics(|| slab.slot_mut(&mut arena, slot).fill(1)));
}

#[test]
fn a_directory_grows_over_two_levels() {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
    let zone = arena.create_zone(1);
    let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
    let slab = Slab::create(&mut arena, extent, anchor, 1024);
    let slots: Vec<SlotId> = (0..9000).map(|_| slab.insert(&mut arena)).collect();
    for (number, slot) in slots.iter().enumerate() {
        slab.slot_mut(&mut arena, *slot)[..4].copy_from_slice(&(number as u32).to_le_bytes());
    }
    for (number, slot) in slots.iter().enumerate() {
        assert_eq!(slab.slot(&arena, *slot)[..4], (number as u32).to_le_bytes());
    }
    assert_eq!(arena.used_blocks(), 1 + 3000 + 1 + 3);
}

//! The byte heap and row chains against maps.

use super::super::{
    Anchor, Arena, Blocks, ExtentId, Heap, HeapId, Region, Slab, SlotId, ZoneId, chain,
};
use super::{Prng, Subject, panics, run};
use std::cmp::Ordering;
use std::collections::BTreeMap;

struct Strings(Heap, u64);

fn text(prng: &mut Prng, len: u64) -> Vec<u8> {
    (0..len).map(|_| prng.next() as u8).collect()
}

impl Subject for Strings {
    type Twin = BTreeMap<HeapId, Vec<u8>>;

    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, prng: &mut Prng) -> Strings {
        let anchor = Anchor::new(arena.root(zone), prng.below(1000) as u16);
        let len_max = [20, 100, 5000, 40_000][prng.below(4) as usize];
        Strings(Heap::create(arena, extent, anchor), len_max)
    }

    fn step(&self, arena: &mut Arena, twin: &mut Self::Twin, prng: &mut Prng) {
        let Strings(heap, len_max) = *self;
        let known = twin.range(HeapId(prng.next() as u32 & 0xFFFF)..).next().map(|(id, _)| *id);
        let crowded = twin.len() as u64 * len_max > 4_000_000;
        match (prng.below(7), known) {
            (0..=2, Some(id)) => {
                heap.free(arena, id);
                twin.remove(&id);
            }
            _ if !crowded => {
                let len = prng.below(len_max + 1);
                let value = text(prng, len);
                let id = heap.insert(arena, &value);
                assert_eq!(twin.insert(id, value), None);
            }
            _ => {}
        }
    }

    fn compare<B: Blocks>(&self, blocks: &B, twin: &Self::Twin) {
        let mut copy = Vec::new();
        for (id, value) in twin {
            copy.clear();
            self.0.copy_into(blocks, *id, value.len(), &mut copy);
            assert_eq!(&copy, value);
            assert!(self.0.equals(blocks, *id, value));
            let mut other = value.clone();
            if let Some(last) = other.last_mut() {
                *last ^= 1;
                let order = value.cmp(&other);
                assert_eq!(self.0.compare(blocks, *id, value.len(), &other), order);
                let prefix = &value[..value.len() - 1];
                assert_eq!(self.0.compare(blocks, *id, value.len(), prefix), Ordering::Greater);
            }
            other.push(0);
            assert_eq!(self.0.compare(blocks, *id, value.len(), &other), value[..].cmp(&other));
        }
    }
}

#[test]
fn random_strings_agree_with_a_map_also_when_frozen() {
    for seed in 0..20 {
        run::<Strings>(seed, 3000);
    }
}

#[test]
fn a_heap_whose_values_are_all_freed_has_no_blocks() {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
    let zone = arena.create_zone(1);
    let anchor = Anchor::new(arena.root(zone), 0);
    let extent = arena.create_extent(zone);
    let heap = Heap::create(&mut arena, extent, anchor);
    let mut prng = Prng::new(1);
    for len_max in [17, 300, 5000, 1 << 20] {
        let mut values: Vec<HeapId> = (0..12)
            .chain(0..1 << (20 / len_max))
            .map(|_| {
                let len = prng.below(len_max + 1);
                heap.insert(&mut arena, &vec![7; len as usize])
            })
            .collect();
        while !values.is_empty() {
            let any = values.swap_remove(prng.below(values.len() as u64) as usize);
            heap.free(&mut arena, any);
        }
        assert_eq!(arena.used_blocks(), 1, "only the root block is left");
    }
    arena.verify();
}

#[test]
fn a_value_freed_twice_is_caught() {
    let mut arena = Arena::new(Region::heap(64), Region::heap(4));
    let zone = arena.create_zone(1);
    let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
    let heap = Heap::create(&mut arena, extent, anchor);
    let keep = heap.insert(&mut arena, b"keeps the block");
    let value = heap.insert(&mut arena, b"shares the block");
    assert_eq!(keep.0 >> 8, value.0 >> 8);
    heap.free(&mut arena, value);
    assert!(panics(|| heap.free(&mut arena, value)));
    let long = heap.insert(&mut arena, &[1; 9000]);
    let second = HeapId(long.0 - 256);
    assert!(panics(|| heap.free(&mut arena, second)), "the middle of a chain is no value");
    heap.free(&mut arena, long);
    assert!(panics(|| heap.free(&mut arena, long)));
}

/// Sixteen chains; the twin lists the values of each from the head on.
struct Chains(Slab, Anchor);

impl Chains {
    fn head(&self, blocks: &impl Blocks, list: usize) -> SlotId {
        let at = self.1.offset as usize + list * 4;
        let mut raw = [0; 4];
        raw.copy_from_slice(&blocks.block(self.1.block)[at..at + 4]);
        SlotId(u32::from_le_bytes(raw))
    }
}

impl Subject for Chains {
    type Twin = [Vec<u8>; 16];

    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, _: &mut Prng) -> Chains {
        let anchor = Anchor::new(arena.root(zone), 0);
        let heads = Anchor::new(anchor.block, 100);
        arena.block_mut(anchor.block)[100..164].fill(0xFF);
        Chains(Slab::create(arena, extent, anchor, 24), heads)
    }

    fn step(&self, arena: &mut Arena, twin: &mut Self::Twin, prng: &mut Prng) {
        let (list, value) = (prng.below(16) as usize, prng.below(40) as u8);
        let mut head = self.head(arena, list);
        if prng.chance(2) {
            let slot = chain::push(self.0, arena, &mut head);
            self.0.slot_mut(arena, slot)[chain::LINK_BYTES..].fill(value);
            twin[list].insert(0, value);
        } else {
            let found = twin[list].iter().position(|other| *other == value);
            let removed = chain::remove(self.0, arena, &mut head, |_, bytes| bytes[0] == value);
            assert_eq!(removed, found.map(|at| twin[list].remove(at)).is_some());
        }
        let at = self.1.offset as usize + list * 4;
        arena.block_mut(self.1.block)[at..at + 4].copy_from_slice(&head.0.to_le_bytes());
    }

    fn compare<B: Blocks>(&self, blocks: &B, twin: &Self::Twin) {
        for (list, expected) in twin.iter().enumerate() {
            let (mut found, mut slot) = (Vec::new(), self.head(blocks, list));
            while slot.is_some() {
                slot = chain::walk(self.0, blocks, slot, 7, |_, bytes| found.push(bytes[19]));
            }
            assert_eq!(&found, expected);
        }
        let rows: usize = twin.iter().map(Vec::len).sum();
        assert_eq!(self.0.live(blocks) as usize, rows);
    }
}

#[test]
fn random_chains_agree_with_lists_also_when_frozen() {
    for seed in 0..20 {
        run::<Chains>(seed, 6000);
    }
}

//! Blocks, extents, zones and freezes themselves.

use super::super::{
    Arena, BlockId, Blocks, ExtentId, FreezeKind, Freezes, Headroom, MemoryError, Region, ZoneId,
};
use super::{KINDS, Prng, panics};
use std::collections::BTreeMap;

fn small() -> Arena {
    Arena::new(Region::heap(64), Region::heap(16))
}

/// What a zone should hold: the first byte of each block, by extent.
type Twin = BTreeMap<ExtentId, BTreeMap<BlockId, u8>>;

fn compare(blocks: &impl Blocks, twin: &Twin) {
    for (id, value) in twin.values().flatten() {
        assert_eq!(blocks.block(*id)[0], *value);
        assert_eq!(blocks.block(*id)[4095], *value);
    }
}

fn mutate(arena: &mut Arena, zone: ZoneId, twin: &mut Twin, prng: &mut Prng) {
    let nth = prng.below(twin.len().max(1) as u64) as usize;
    let extent = twin.keys().nth(nth).copied();
    let value = prng.next() as u8;
    let room = arena.headroom();
    match (prng.below(20), extent) {
        (0, Some(extent)) => {
            arena.free_extent(extent);
            twin.remove(&extent);
        }
        (1..=2, _) | (_, None) => {
            twin.insert(arena.create_extent(zone), BTreeMap::new());
        }
        (3..=8, Some(extent)) if room.state_blocks > 0 => {
            let id = arena.alloc(extent);
            assert!(arena.block(id).iter().all(|byte| *byte == 0), "a block starts as zeroes");
            arena.block_mut(id).fill(value);
            twin.entry(extent).or_default().insert(id, value);
        }
        (choice, Some(extent)) => {
            let blocks = twin.entry(extent).or_default();
            let Some(id) = blocks.keys().nth(value as usize % blocks.len().max(1)).copied() else {
                return;
            };
            if choice < 12 {
                arena.free_block(id);
                blocks.remove(&id);
            } else if room.shadow_blocks > 0 {
                arena.block_mut(id).fill(value);
                blocks.insert(id, value);
            }
        }
    }
}

#[test]
fn zones_that_join_a_freeze_at_different_times_read_their_own_barrier() {
    for seed in 0..150 {
        let mut prng = Prng::new(seed);
        let mut arena = Arena::new(Region::heap(200), Region::heap(60));
        let zones: Vec<ZoneId> = (0..3).map(|_| arena.create_zone(1)).collect();
        let mut twins = vec![Twin::new(); 3];
        let mut frozen: [Vec<Option<Twin>>; 2] = [vec![None; 3], vec![None; 3]];
        for epoch in 1..60 {
            let kinds = KINDS.map(|kind| arena.frozen_epoch(kind).is_none() && prng.chance(3));
            let mut order = [0, 1, 2];
            order.swap(prng.below(3) as usize, prng.below(3) as usize);
            for zone in order {
                for _ in 0..prng.below(30) {
                    let any = prng.below(3) as usize;
                    mutate(&mut arena, zones[any], &mut twins[any], &mut prng);
                }
                let freezes = Freezes { read: kinds[0], checkpoint: kinds[1] };
                arena.barrier(zones[zone], epoch, freezes);
                for kind in KINDS.into_iter().filter(|kind| kinds[*kind as usize]) {
                    frozen[kind as usize][zone] = Some(twins[zone].clone());
                }
            }
            for kind in KINDS {
                let Some(view) = arena.frozen(kind) else { continue };
                for twin in frozen[kind as usize].iter().flatten() {
                    compare(&view, twin);
                }
                if prng.chance(3) {
                    arena.release(kind);
                    frozen[kind as usize] = vec![None; 3];
                }
            }
            arena.verify();
        }
        twins.iter().for_each(|twin| compare(&arena, twin));
        zones.iter().for_each(|zone| arena.drop_zone(*zone));
        arena.verify();
        assert_eq!(arena.used_blocks(), 0);
    }
}

#[test]
fn a_copy_serves_both_kinds_only_while_the_bytes_are_the_same() {
    let mut arena = small();
    let zone = arena.create_zone(1);
    let root = arena.root(zone);
    arena.block_mut(root)[0] = 1;
    arena.barrier(zone, 1, Freezes::CHECKPOINT);
    arena.barrier(zone, 2, Freezes::READ);
    arena.block_mut(root)[0] = 2;
    assert_eq!(arena.headroom().shadow_blocks, 15, "one copy for both");
    arena.release(FreezeKind::Read);
    assert_eq!(arena.headroom().shadow_blocks, 15, "the checkpoint still reads it");
    arena.barrier(zone, 3, Freezes::READ);
    arena.block_mut(root)[0] = 3;
    assert_eq!(arena.headroom().shadow_blocks, 14, "the bytes differ");
    let first = |arena: &Arena, kind| arena.frozen(kind).expect("open").block(root)[0];
    assert_eq!(first(&arena, FreezeKind::Checkpoint), 1);
    assert_eq!(first(&arena, FreezeKind::Read), 2);
    arena.verify();
    KINDS.into_iter().for_each(|kind| arena.release(kind));
    assert_eq!(arena.headroom().shadow_blocks, 16);
    arena.verify();
}

#[test]
fn what_is_freed_under_a_freeze_is_not_reused_before_its_release() {
    let mut arena = small();
    let zone = arena.create_zone(1);
    let extent = arena.create_extent(zone);
    let old = arena.alloc(extent);
    arena.block_mut(old).fill(7);
    arena.barrier(zone, 1, Freezes::READ);
    let young = arena.alloc(extent);
    arena.free_block(young);
    assert_eq!(arena.headroom().state_blocks, 62, "no freeze reads the young block");
    arena.free_extent(extent);
    assert_eq!(arena.headroom().state_blocks, 62, "the freeze reads the old block");
    let next = arena.create_extent(zone);
    assert!(next != extent && arena.alloc(next) != old);
    assert_eq!(arena.frozen(FreezeKind::Read).expect("open").block(old)[9], 7);
    arena.release(FreezeKind::Read);
    assert_eq!(arena.headroom().state_blocks, 62);
    arena.verify();
}

#[test]
fn freeing_an_extent_touches_a_fixed_number_of_rows() {
    for blocks in [2, 50] {
        let mut arena = small();
        let zone = arena.create_zone(1);
        let extent = arena.create_extent(zone);
        (0..blocks).for_each(|_| {
            arena.alloc(extent);
        });
        let other = arena.create_extent(zone);
        let block = arena.alloc(other);
        arena.free_block(block);
        let row = |arena: &Arena, at: usize| {
            let row = &arena.blocks[at];
            (row.link.prev, row.link.next, row.born, row.freed)
        };
        let before: Vec<_> = (0..arena.blocks.len()).map(|at| row(&arena, at)).collect();
        arena.free_extent(extent);
        let touched = (0..before.len()).filter(|at| row(&arena, *at) != before[*at]).count();
        assert_eq!(touched, 2, "the end of the free list and the start of the extent");
        arena.verify();
    }
}

#[test]
fn misuse_is_caught() {
    let caught = |act: fn(&mut Arena, ZoneId, ExtentId, BlockId)| {
        let mut arena = small();
        let zone = arena.create_zone(1);
        let extent = arena.create_extent(zone);
        let block = arena.alloc(extent);
        panics(|| act(&mut arena, zone, extent, block))
    };
    assert!(!caught(|arena, _, _, block| arena.free_block(block)));
    assert!(caught(|arena, _, _, block| (0..2).for_each(|_| arena.free_block(block))));
    assert!(caught(|arena, _, extent, _| (0..2).for_each(|_| arena.free_extent(extent))));
    assert!(caught(|arena, _, extent, block| {
        arena.free_extent(extent);
        arena.free_block(block);
    }));
    assert!(caught(|arena, zone, extent, block| {
        // The number of the extent is in use again, which does not bring its blocks back.
        arena.free_extent(extent);
        assert_eq!(arena.create_extent(zone), extent);
        arena.free_block(block);
    }));
    assert!(caught(|arena, zone, extent, block| {
        arena.free_extent(extent);
        arena.barrier(zone, 1, Freezes::NONE);
        arena.block_mut(block)[0] = 1;
    }));
    assert!(caught(|arena, zone, _, _| arena.free_block(arena.root(zone))));
    assert!(caught(|arena, zone, _, _| {
        arena.barrier(zone, 5, Freezes::CHECKPOINT);
        arena.create_zone(5);
    }));
    assert!(caught(|arena, zone, _, _| arena.free_extent(arena.root_extent(zone))));
    assert!(caught(|arena, zone, _, _| {
        arena.barrier(zone, 3, Freezes::NONE);
        arena.barrier(zone, 3, Freezes::NONE);
    }));
    assert!(caught(|arena, zone, _, _| {
        arena.barrier(zone, 1, Freezes::READ);
        arena.barrier(zone, 2, Freezes::READ);
    }));
    assert!(caught(|arena, zone, _, _| {
        let late = arena.create_zone(1);
        arena.barrier(zone, 1, Freezes::READ);
        arena.frozen(FreezeKind::Read).expect("open").block(arena.root(late));
    }));
    assert!(caught(|arena, _, _, _| arena.block_mut(BlockId(9))[0] = 1));
    assert!(caught(|arena, _, _, _| arena.release(FreezeKind::Checkpoint)));
}

#[test]
fn exhaustion_is_seen_before_it_happens() {
    let mut arena = Arena::new(Region::heap(5), Region::heap(2));
    let zone = arena.create_zone(1);
    let extent = arena.create_extent(zone);
    let blocks: Vec<BlockId> = (0..4).map(|_| arena.alloc(extent)).collect();
    assert_eq!(arena.headroom(), Headroom { state_blocks: 0, shadow_blocks: 2 });
    let one = Headroom { state_blocks: 1, shadow_blocks: 0 };
    let limit = MemoryError::Limit { blocks: 6, blocks_max: 5 };
    assert_eq!(arena.reserve(one), Err(limit));
    arena.barrier(zone, 1, Freezes::BOTH);
    arena.block_mut(blocks[0])[0] = 1;
    arena.block_mut(blocks[1])[0] = 1;
    assert_eq!(arena.headroom(), Headroom { state_blocks: 0, shadow_blocks: 0 });
    assert!(panics(|| arena.block_mut(blocks[2])[0] = 1));
    arena.release(FreezeKind::Read);
    arena.release(FreezeKind::Checkpoint);
    assert_eq!(arena.headroom(), Headroom { state_blocks: 0, shadow_blocks: 2 });
    arena.free_extent(extent);
    assert_eq!(arena.reserve(Headroom { state_blocks: 4, shadow_blocks: 2 }), Ok(()));
}

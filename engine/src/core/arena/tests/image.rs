//! Bases and deltas become the same arena again, and damaged ones become errors.

use super::super::{
    Anchor, Arena, Block, BlockEntry, BlockId, ExtentEntry, ExtentId, FreezeKind, Freezes, Image,
    ImageError, Region, Slab, Tables, ZoneId,
};
use super::{Prng, panics};

/// A checkpoint as another crate would keep it.
pub(super) type Kept = (Vec<(BlockEntry, Box<Block>)>, Tables);

/// Collects the open checkpoint with little fuel and releases it.
pub(super) fn collect(arena: &mut Arena, since: Option<u64>, fuel: u32) -> Kept {
    let mut changed = arena.changed(since);
    let mut blocks = Vec::new();
    while changed.advance(arena, fuel, |entry, bytes| blocks.push((entry, Box::new(*bytes)))) {}
    arena.release(FreezeKind::Checkpoint);
    (blocks, changed.finish())
}

pub(super) fn restore(checkpoints: &[Kept], blocks: u32) -> Result<Arena, ImageError> {
    let mut image = Image::new(Region::heap(blocks));
    for (blocks, tables) in checkpoints {
        for (entry, bytes) in blocks {
            image.put(*entry, bytes)?;
        }
        image.complete(tables.clone())?;
    }
    Arena::restore(image, Region::heap(blocks))
}

/// A base of two zones and a delta after some more writes.
fn sample() -> Vec<Kept> {
    let mut arena = Arena::new(Region::heap(64), Region::heap(64));
    let zones = [arena.create_zone(1), arena.create_zone(1)];
    let extent = arena.create_extent(zones[1]);
    let anchor = Anchor::new(arena.root(zones[1]), 8);
    let slab = Slab::create(&mut arena, extent, anchor, 500);
    for _ in 0..30 {
        slab.insert(&mut arena);
    }
    zones.iter().for_each(|zone| arena.barrier(*zone, 1, Freezes::CHECKPOINT));
    let base = collect(&mut arena, None, 3);
    for _ in 0..10 {
        slab.insert(&mut arena);
    }
    arena.drop_zone(zones[0]);
    arena.barrier(zones[1], 2, Freezes::CHECKPOINT);
    let delta = collect(&mut arena, Some(1), 3);
    assert!(delta.0.len() < base.0.len(), "a delta holds what changed only");
    vec![base, delta]
}

#[test]
fn a_delta_forgets_what_was_freed_and_the_numbers_are_used_again() {
    let mut arena = restore(&sample(), 64).expect("the sample is sound");
    let slab = Slab::open(Anchor::new(arena.root(ZoneId(1)), 8));
    assert_eq!(slab.live(&arena), 40);
    arena.verify();
    assert_eq!(arena.epoch(ZoneId(1)), 3);
    let revive = |arena: &mut Arena| assert_ne!(arena.create_extent(ZoneId(0)).0, u32::MAX);
    assert!(panics(|| revive(&mut arena)), "the first zone was dropped");
    let extent = arena.create_extent(ZoneId(1));
    assert_eq!((extent, arena.alloc(extent)), (ExtentId(0), BlockId(0)));
}

#[test]
fn a_checkpoint_is_as_of_its_freeze_whatever_is_written_and_freed_meanwhile() {
    let mut arena = Arena::new(Region::heap(64), Region::heap(64));
    let zone = arena.create_zone(1);
    let extent = arena.create_extent(zone);
    let blocks: Vec<BlockId> = (0..6).map(|_| arena.alloc(extent)).collect();
    blocks.iter().for_each(|id| arena.block_mut(*id).fill(1));
    arena.barrier(zone, 1, Freezes::CHECKPOINT);
    arena.block_mut(blocks[0]).fill(2);
    arena.free_block(blocks[0]);
    arena.free_block(blocks[1]);
    let late = arena.alloc(extent);
    arena.block_mut(late).fill(3);
    arena.free_extent(extent);
    arena.create_zone(2);
    let (kept, tables) = collect(&mut arena, None, 1);
    let found: Vec<_> = kept.iter().map(|(entry, bytes)| (entry.block, bytes[7])).collect();
    let expected: Vec<_> = blocks.iter().map(|id| (*id, 1)).collect();
    assert_eq!(found[1..], expected);
    assert!(kept.iter().all(|(entry, _)| entry.epoch == 1));
    assert_eq!((tables.zones.len(), tables.extents.len()), (1, 2));
    arena.barrier(zone, 2, Freezes::CHECKPOINT);
    arena.barrier(ZoneId(1), 2, Freezes::CHECKPOINT);
    let (_, tables) = collect(&mut arena, Some(1), 1);
    assert_eq!(tables.live.iter().map(|word| word.count_ones()).sum::<u32>(), 2);
}

#[test]
fn an_extent_number_that_is_used_again_does_not_revive_blocks() {
    let mut arena = Arena::new(Region::heap(64), Region::heap(64));
    let zone = arena.create_zone(1);
    let extent = arena.create_extent(zone);
    (0..5).for_each(|_| assert_ne!(arena.alloc(extent), BlockId::NONE));
    arena.free_extent(extent);
    assert_eq!(arena.create_extent(zone), extent);
    let block = arena.alloc(extent);
    arena.barrier(zone, 1, Freezes::CHECKPOINT);
    let (kept, tables) = collect(&mut arena, None, 9);
    let found: Vec<BlockId> = kept.iter().map(|(entry, _)| entry.block).collect();
    assert_eq!(found, [arena.root(zone), block]);
    assert_eq!(tables.live, [(1 << arena.root(zone).0) | (1 << block.0)]);
}

#[test]
fn damage_is_an_error() {
    let damaged = |damage: fn(&mut Vec<Kept>)| {
        let mut checkpoints = sample();
        damage(&mut checkpoints);
        restore(&checkpoints, 64).err()
    };
    let extent = ExtentEntry { extent: ExtentId(77), zone: ZoneId(9) };
    assert_eq!(damaged(|_| ()), None);
    assert_eq!(damaged(|all| all.clear()), Some(ImageError::Incomplete));
    assert_eq!(damaged(|all| all.swap(0, 1)), Some(ImageError::Block(BlockId(2))));
    assert_eq!(damaged(|all| all[1].1.epoch = 1), Some(ImageError::Epoch));
    assert_eq!(damaged(|all| all[1].0[0].0.epoch = 9), Some(ImageError::Epoch));
    assert_eq!(damaged(|all| all[0].0[0].0.block.0 = 64), Some(ImageError::Range));
    assert_eq!(damaged(|all| all[1].1.live = vec![0; 1 << 19]), Some(ImageError::Range));
    assert_eq!(damaged(|all| all[0].1.zones[1].zone.0 = 1 << 20), Some(ImageError::Range));
    assert_eq!(damaged(|all| all[0].1.zones.swap(0, 1)), Some(ImageError::Order));
    assert_eq!(damaged(|all| all[0].1.extents.swap(0, 1)), Some(ImageError::Order));
    let repeat = |all: &mut Vec<Kept>| {
        let last = all[0].1.extents[2];
        all[0].1.extents.push(last);
    };
    assert_eq!(damaged(repeat), Some(ImageError::Order));
    assert_eq!(damaged(|all| all[0].1.extents.truncate(2)), Some(ImageError::Block(BlockId(2))));
    assert_eq!(damaged(|all| all[1].1.zones[0].root.0 = 5), Some(ImageError::Root(ZoneId(1))));
    assert_eq!(damaged(|all| drop(all[0].0.remove(4))), Some(ImageError::Block(BlockId(4))));
    let mut checkpoints = sample();
    checkpoints[1].1.extents.push(extent);
    assert_eq!(restore(&checkpoints, 64).err(), Some(ImageError::Extent(ExtentId(77))));
    assert!(matches!(restore(&sample(), 3).err(), Some(ImageError::Range)));
}

#[test]
fn random_damage_to_tables_never_panics() {
    let mut prng = Prng::new(3);
    let mut refused = 0;
    for _ in 0..3000 {
        let mut checkpoints = sample();
        let kept = &mut checkpoints[prng.below(2) as usize];
        let wild = prng.next() as u32 >> prng.below(32);
        let entry = prng.below(kept.0.len() as u64) as usize;
        match prng.below(9) {
            0 => kept.0[entry].0.block.0 = wild,
            1 => kept.0[entry].0.extent.0 = wild,
            2 => kept.0[entry].0.zone.0 = wild,
            3 => kept.0[entry].0.epoch = u64::from(wild),
            4 => kept.1.zones[0].zone.0 = wild,
            5 => kept.1.zones[0].root.0 = wild,
            6 => kept.1.extents[0].extent.0 = wild,
            7 => kept.1.extents[0].zone.0 = wild,
            _ => kept.1.live[0] ^= u64::from(wild),
        }
        match restore(&checkpoints, 64) {
            Ok(arena) => arena.verify(),
            Err(_) => refused += 1,
        }
    }
    assert!(refused > 1000, "{refused} of 3000 refused");
}

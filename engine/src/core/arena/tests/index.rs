//! The hash index against a set of pairs.

use super::super::{Anchor, Arena, Blocks, ExtentId, HashIndex, Region, ZoneId};
use super::{Prng, Subject, run};
use std::collections::BTreeSet;

struct Index(HashIndex, u64);

impl Subject for Index {
    type Twin = BTreeSet<(u64, u32)>;

    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, prng: &mut Prng) -> Index {
        let anchor = Anchor::new(arena.root(zone), prng.below(1000) as u16);
        // Few hashes make long chains of duplicates, many make splits.
        let hashes = [1, 3, 100, 1 << 20, u64::MAX >> 12][prng.below(5) as usize];
        Index(HashIndex::create(arena, extent, anchor), hashes)
    }

    fn step(&self, arena: &mut Arena, twin: &mut Self::Twin, prng: &mut Prng) {
        let Index(index, hashes) = *self;
        let hash = prng.below(hashes) << prng.below(2);
        let value = prng.below(5000) as u32;
        let known = twin.range((hash, value)..).next().copied();
        match (prng.below(10), known) {
            (0..=3, Some(pair)) => {
                assert!(index.remove(arena, pair.0, pair.1));
                twin.remove(&pair);
            }
            (4, _) => assert_eq!(index.remove(arena, hash, value), twin.remove(&(hash, value))),
            _ => {
                if twin.insert((hash, value)) {
                    index.insert(arena, hash, value);
                }
            }
        }
    }

    fn compare<B: Blocks>(&self, blocks: &B, twin: &Self::Twin) {
        let Index(index, _) = *self;
        assert_eq!(index.entries(blocks) as usize, twin.len());
        for (hash, value) in twin {
            assert_eq!(index.find(blocks, *hash, |found| found == *value), Some(*value));
            assert_eq!(index.find(blocks, *hash, |found| found == 5001), None);
        }
        let hashes: Vec<u64> = twin.iter().map(|(hash, _)| *hash).chain(0..20).collect();
        let mut guesses = Vec::new();
        index.lookup(blocks).guess(&hashes, &mut guesses);
        for (hash, guess) in hashes.into_iter().zip(guesses) {
            let found = index.find(blocks, hash, |found| found == guess);
            assert!(guess == u32::MAX || found == Some(guess), "a guess is a value of the tag");
        }
    }
}

#[test]
fn random_entries_agree_with_a_set_also_when_frozen() {
    for seed in 0..20 {
        run::<Index>(seed, 6000);
    }
}

#[test]
fn most_values_are_guessed() {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
    let zone = arena.create_zone(1);
    let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
    let index = HashIndex::create(&mut arena, extent, anchor);
    let hashes: Vec<u64> =
        (0..10_000).map(|value: u64| value.wrapping_mul(0xD6E8_FEB8_6659_FD93)).collect();
    hashes.iter().zip(0..).for_each(|(&hash, value)| index.insert(&mut arena, hash, value));
    let mut guesses = Vec::new();
    index.lookup(&arena).guess(&hashes, &mut guesses);
    let right = guesses.iter().zip(0..).filter(|&(guess, value)| *guess == value).count();
    assert!(right > 9_000, "{right}");
}

#[test]
fn buckets_split_evenly_and_an_emptied_index_has_no_overflow_blocks() {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
    let zone = arena.create_zone(1);
    let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
    let index = HashIndex::create(&mut arena, extent, anchor);
    // Only hashes that one of many partitions would get: their high and low ten bits are equal.
    let hash = |value: u32| {
        let middle = u64::from(value).wrapping_mul(0xD6E8_FEB8_6659_FD93) >> 20;
        (5 << 54) | (middle << 10) | 5
    };
    for value in 0..200_000 {
        index.insert(&mut arena, hash(value), value);
    }
    let buckets = 200_000 / 256;
    assert!(arena.used_blocks() < buckets + buckets / 8 + 4, "{}", arena.used_blocks());
    for value in 0..200_000 {
        assert_eq!(index.find(&arena, hash(value), |found| found == value), Some(value));
    }
    for value in 0..200_000 {
        assert!(index.remove(&mut arena, hash(value), value));
        assert!(!index.remove(&mut arena, hash(value), value));
    }
    assert_eq!(index.entries(&arena), 0);
    assert!(arena.used_blocks() <= buckets + 4, "{}", arena.used_blocks());
    arena.verify();
}

#[test]
fn duplicates_of_one_hash_chain_blocks_that_go_with_the_last_of_them() {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
    let zone = arena.create_zone(1);
    let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
    let index = HashIndex::create(&mut arena, extent, anchor);
    (0..10_000).for_each(|value| index.insert(&mut arena, 42, value));
    // Splits do not help: besides the buckets there is a chain, and a directory block.
    let buckets = 1 + 10_000 / 256;
    assert_eq!(arena.used_blocks(), 1 + buckets + 10_000 / 480 + 1);
    for value in (0..10_000).rev().step_by(2).chain((0..10_000).step_by(2)) {
        assert!(index.remove(&mut arena, 42, value));
    }
    assert_eq!(arena.used_blocks(), 1 + buckets + 1);
    arena.verify();
}

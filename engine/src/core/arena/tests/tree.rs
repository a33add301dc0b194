//! The tree against an ordered map.

use super::super::{Anchor, Arena, Blocks, Bytes, ExtentId, Order, Region, Tree, ZoneId};
use super::{Prng, Subject, run};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::Bound;

struct Cells {
    tree: Tree,
    key: usize,
    value: usize,
    keys: u64,
    ascending: bool,
}

impl Cells {
    fn key(&self, number: u64) -> Vec<u8> {
        // Short keys keep the low bytes, long ones are padded in front.
        let mut key = vec![0; self.key.saturating_sub(8)];
        key.extend_from_slice(&number.to_be_bytes()[8 - self.key.min(8)..]);
        key
    }
}

/// Orders keys byte by byte, and demands that each key of the tree that is looked at is one of a
/// cell: a key may name bytes elsewhere, which are gone once its cell was removed.
struct Kept<'a>(&'a BTreeMap<Vec<u8>, Vec<u8>>);

impl<B: Blocks> Order<B> for Kept<'_> {
    fn compare(&self, _: &B, left: &[u8], right: &[u8]) -> Ordering {
        assert!(self.0.contains_key(left), "a key of the tree is one of a cell");
        left.cmp(right)
    }
}

impl Subject for Cells {
    type Twin = BTreeMap<Vec<u8>, Vec<u8>>;

    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, prng: &mut Prng) -> Cells {
        let anchor = Anchor::new(arena.root(zone), prng.below(1000) as u16);
        let (key, value) =
            [(8, 0), (2, 6), (16, 8), (100, 156), (256, 0), (9, 4)][prng.below(6) as usize];
        let tree = Tree::create(arena, extent, anchor, key, value);
        let keys = [20, 500, 60_000][prng.below(3) as usize];
        Cells { tree, key, value, keys, ascending: prng.chance(4) }
    }

    fn step(&self, arena: &mut Arena, twin: &mut Self::Twin, prng: &mut Prng) {
        let any = self.key(prng.below(self.keys));
        let value = vec![prng.next() as u8; self.value];
        let known = twin.range(any.clone()..).next().map(|(key, _)| key.clone());
        match (prng.below(12), known) {
            (0..=3, Some(key)) => {
                assert!(self.tree.remove(arena, &Kept(twin), &key));
                twin.remove(&key);
            }
            (4, _) => {
                assert_eq!(self.tree.remove(arena, &Kept(twin), &any), twin.remove(&any).is_some());
            }
            (5, Some(key)) => {
                let slot = self.tree.get_mut(arena, &Kept(twin), &key).expect("the twin has it");
                slot.copy_from_slice(&value);
                twin.insert(key, value);
            }
            (6, _) if self.ascending => {
                // Expiry: the oldest go, a whole run at once.
                for _ in 0..20 {
                    let Some((key, _)) = twin.first_key_value() else { break };
                    assert!(self.tree.remove(arena, &Kept(twin), key));
                    twin.pop_first();
                }
            }
            _ => {
                let last = twin.last_key_value().map(|(key, _)| {
                    key.iter().fold(0, |number: u64, byte| (number << 8) | u64::from(*byte))
                });
                let end = if self.key == 2 { 65_535 } else { u64::MAX };
                let key = match last.filter(|last| self.ascending && *last < end) {
                    Some(last) => self.key(last + 1),
                    None => any,
                };
                let added = !twin.contains_key(&key);
                assert_eq!(self.tree.insert(arena, &Kept(twin), &key, &value), added);
                twin.entry(key).or_insert(value);
            }
        }
        let probe = self.key(prng.below(self.keys));
        let owned = |cell: (&[u8], &[u8])| (cell.0.to_vec(), cell.1.to_vec());
        let pair = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
        let seek = self.tree.seek(arena, &Kept(twin), &probe).map(owned);
        assert_eq!(seek, twin.range(probe.clone()..).next().map(pair));
        let seek = self.tree.seek_back(arena, &Kept(twin), &probe).map(owned);
        assert_eq!(seek, twin.range(..=probe).next_back().map(pair));
        assert_eq!(self.tree.first(arena).map(owned), twin.first_key_value().map(pair));
        assert_eq!(self.tree.last(arena).map(owned), twin.last_key_value().map(pair));
    }

    fn compare<B: Blocks>(&self, blocks: &B, twin: &Self::Twin) {
        assert_eq!(self.tree.entries(blocks) as usize, twin.len());
        let (mut cells, mut from) = (Vec::new(), None::<Vec<u8>>);
        loop {
            // In pieces of seven, each found again by the last key.
            let (before, bound) =
                (cells.len(), from.as_deref().map_or(Bound::Unbounded, Bound::Excluded));
            self.tree.walk(blocks, &Kept(twin), bound, |key, value| {
                cells.push((key.to_vec(), value.to_vec()));
                cells.len() < before + 7
            });
            if cells.len() == before {
                break;
            }
            from = cells.last().map(|(key, _)| key.clone());
        }
        assert!(cells.iter().map(|(key, value)| (key, value)).eq(twin));
        let mut back = Vec::new();
        self.tree.walk_back(blocks, &Kept(twin), Bound::Unbounded, |key, value| {
            back.push((key.to_vec(), value.to_vec()));
            true
        });
        back.reverse();
        assert_eq!(back, cells);
        for (key, value) in twin {
            assert_eq!(self.tree.get(blocks, &Kept(twin), key), Some(&value[..]));
        }
    }
}

#[test]
fn random_cells_agree_with_a_map_also_when_frozen() {
    for seed in 0..20 {
        run::<Cells>(seed, 3000);
    }
}

/// Orders eight-byte numbers downwards.
struct Down;

impl<B: Blocks> Order<B> for Down {
    fn compare(&self, _: &B, left: &[u8], right: &[u8]) -> Ordering {
        right.cmp(left)
    }
}

#[test]
fn an_emptied_tree_has_no_blocks_and_ascending_keys_fill_their_leaves() {
    let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
    let zone = arena.create_zone(1);
    let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
    let tree = Tree::create(&mut arena, extent, anchor, 8, 8);
    for number in 0..100_000_u64 {
        assert!(tree.insert(&mut arena, &Bytes, &number.to_be_bytes(), &[1; 8]));
    }
    assert!(arena.used_blocks() < 1 + 100_000 / 255 + 5, "{}", arena.used_blocks());
    for number in 0..99_999_u64 {
        assert!(tree.remove(&mut arena, &Bytes, &number.to_be_bytes()));
    }
    assert_eq!(arena.used_blocks(), 2, "one leaf needs no levels above it");
    assert!(tree.remove(&mut arena, &Bytes, &99_999_u64.to_be_bytes()));
    assert_eq!((arena.used_blocks(), tree.first(&arena)), (1, None));
    for number in 0..10_000_u64 {
        assert!(tree.insert(&mut arena, &Down, &number.to_be_bytes(), &[1; 8]));
    }
    assert_eq!(tree.first(&arena).expect("not empty").0, 9_999_u64.to_be_bytes());
    arena.verify();
}

#[test]
fn no_node_keeps_a_key_that_was_removed() {
    // Cells of 256 bytes: 15 a leaf, and three levels of nodes above 600 of them.
    // Forth, back, and all over: only the last takes the first key of a leaf that stays.
    for step in [1, 599, 91] {
        let mut arena = Arena::new(Region::heap(4096), Region::heap(4));
        let zone = arena.create_zone(1);
        let (extent, anchor) = (arena.root_extent(zone), Anchor::new(arena.root(zone), 0));
        let tree = Tree::create(&mut arena, extent, anchor, 256, 0);
        let key = |number: u32| [&number.to_be_bytes()[..], &[0; 252]].concat();
        let mut twin = BTreeMap::new();
        let insert = |arena: &mut Arena, twin: &mut BTreeMap<_, _>, number| {
            assert!(tree.insert(arena, &Kept(twin), &key(number), &[]));
            twin.insert(key(number), Vec::new());
        };
        // Even numbers in a mixed order, so that all nodes split in the middle.
        (0..600).for_each(|number| insert(&mut arena, &mut twin, number * 77 % 600 * 2));
        for number in 0..500 {
            let key = key(number * step % 600 * 2);
            assert!(tree.remove(&mut arena, &Kept(&twin), &key));
            twin.remove(&key);
            // What is looked for goes by the keys beside the one that was removed.
            for probe in
                twin.range(..key.clone()).next_back().into_iter().chain(twin.range(key..).next())
            {
                assert!(tree.get(&arena, &Kept(&twin), probe.0).is_some());
            }
        }
        (0..600).for_each(|number| insert(&mut arena, &mut twin, number * 77 % 600 * 2 + 1));
        assert_eq!(tree.entries(&arena) as usize, twin.len());
        arena.verify();
    }
}

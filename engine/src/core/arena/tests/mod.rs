//! Random runs of the arena and its containers against plain twins.

mod heap;
mod image;
mod index;
mod queue;
mod slab;
mod store;
mod tree;

use super::{Arena, Blocks, ExtentId, FreezeKind, Freezes, Headroom, Region, ZoneId};

/// xorshift64*: small, and the same everywhere.
pub(super) struct Prng(u64);

impl Prng {
    pub(super) fn new(seed: u64) -> Prng {
        Prng(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "nothing is below zero");
        (self.next() >> 11) % bound
    }

    pub(super) fn chance(&mut self, one_in: u64) -> bool {
        self.below(one_in) == 0
    }
}

/// A container under test, and its twin in plain Rust.
pub(super) trait Subject: Sized {
    type Twin: Clone + Default;
    /// Makes the container in a zone.
    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, prng: &mut Prng) -> Self;
    /// Does one random operation on both.
    fn step(&self, arena: &mut Arena, twin: &mut Self::Twin, prng: &mut Prng);
    /// Panics if both differ, reading everything.
    fn compare<B: Blocks>(&self, blocks: &B, twin: &Self::Twin);
}

const KINDS: [FreezeKind; 2] = [FreezeKind::Read, FreezeKind::Checkpoint];

/// Random operations with barriers, freezes and frozen reads in between.
pub(super) fn run<S: Subject>(seed: u64, steps: u64) {
    let mut prng = Prng::new(seed);
    let mut arena = Arena::new(Region::heap(1 << 13), Region::heap(1 << 13));
    let zone = arena.create_zone(1);
    let extent = if prng.chance(2) { arena.root_extent(zone) } else { arena.create_extent(zone) };
    let subject = S::create(&mut arena, zone, extent, &mut prng);
    let (mut twin, mut epoch) = (S::Twin::default(), 1);
    let mut frozen: [Option<S::Twin>; 2] = [None, None];
    let (mut kept, mut recovered) = (Vec::new(), None::<S::Twin>);
    let often = [20, 200, 2000][prng.below(3) as usize];
    for _ in 0..steps {
        subject.step(&mut arena, &mut twin, &mut prng);
        if !prng.chance(often) {
            continue;
        }
        let read = frozen[0].is_none() && prng.chance(2);
        let checkpoint = frozen[1].is_none() && prng.chance(3);
        arena.barrier(zone, epoch, Freezes { read, checkpoint });
        epoch += 1 + prng.below(2);
        frozen[0] = if read { Some(twin.clone()) } else { frozen[0].take() };
        frozen[1] = if checkpoint { Some(twin.clone()) } else { frozen[1].take() };
        if epoch > arena.epoch(zone) {
            arena.barrier(zone, epoch - 1, Freezes::NONE);
        }
        for kind in KINDS {
            let Some(expected) = &frozen[kind as usize] else { continue };
            if prng.chance(3) {
                subject.compare(&arena.frozen(kind).expect("the freeze is open"), expected);
            }
            if !prng.chance(4) {
                continue;
            }
            if kind == FreezeKind::Checkpoint {
                // Now and then a base of its own; now and then one is given up.
                let since = kept.last().map(|kept: &image::Kept| kept.1.epoch);
                let since = since.filter(|_| !prng.chance(8));
                if since.is_none() {
                    kept.clear();
                }
                let delta = image::collect(&mut arena, since, 1 + prng.below(100) as u32);
                if since.is_none() || !prng.chance(5) {
                    kept.push(delta);
                    recovered = Some(expected.clone());
                }
            } else {
                arena.release(kind);
            }
            frozen[kind as usize] = None;
        }
        if prng.chance(4) {
            arena.verify();
        }
        let room = arena.headroom();
        assert!(room.covers(Headroom { state_blocks: 64, shadow_blocks: 64 }), "{room:?}");
    }
    subject.compare(&arena, &twin);
    arena.verify();
    // The last checkpoint is the state then, and the container goes on from there.
    let Some(mut twin) = recovered else { return };
    let mut arena = image::restore(&kept, 1 << 13).expect("own checkpoints are sound");
    subject.compare(&arena, &twin);
    (0..steps / 2).for_each(|_| subject.step(&mut arena, &mut twin, &mut prng));
    subject.compare(&arena, &twin);
    arena.verify();
}

/// Whether `act` panics, without the noise of its message being a failure.
pub(super) fn panics(act: impl FnOnce()) -> bool {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(act)).is_err()
}

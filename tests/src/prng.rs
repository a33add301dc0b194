//! Random numbers that a seed determines: xoshiro256++, seeded by splitmix64.

use std::ops::Range;

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Prng {
    seed: u64,
    state: [u64; 4],
}

impl Prng {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Prng {
        let mut at = seed;
        let mut word = || {
            at = at.wrapping_add(0x9e37_79b9_7f4a_7c15);
            mix(at)
        };
        Prng { seed, state: [word(), word(), word(), word()] }
    }

    /// The stream of this seed and purpose; how much was drawn from `self` does not matter, so that
    /// one more draw for one purpose leaves the others as they are.
    pub fn split(&self, purpose: &str) -> Prng {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        let name = purpose.bytes().fold(0xcbf2_9ce4_8422_2325, fnv);
        Prng::new(mix(self.seed ^ mix(name)))
    }

    /// Any 64 bits.
    pub fn bits(&mut self) -> u64 {
        let [a, b, c, d] = self.state;
        let (crossed, last) = (c ^ a, d ^ b);
        self.state = [a ^ last, b ^ crossed, crossed ^ b << 17, last.rotate_left(45)];
        a.wrapping_add(d).rotate_left(23).wrapping_add(a)
    }

    /// A number below `n`, which is above 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "there is no number below 0");
        // The upper half of the product is uniform up to a bias of n in 2^64.
        ((u128::from(self.bits()) * n as u128) >> 64) as usize
    }

    /// A number of a range that is not empty.
    pub fn range(&mut self, range: Range<i64>) -> i64 {
        assert!(range.start < range.end, "{range:?} is empty");
        let span = range.end.abs_diff(range.start);
        range.start.wrapping_add(((u128::from(self.bits()) * u128::from(span)) >> 64) as i64)
    }

    /// True in `percent` of 100 cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        assert!(percent <= 100, "{percent} of 100");
        self.below(100) < percent
    }

    /// One of several, of which there is at least one.
    pub fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }

    /// Brings items into any order.
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for last in (1..items.len()).rev() {
            items.swap(last, self.below(last + 1));
        }
    }
}

/// The finaliser of splitmix64.
fn mix(word: u64) -> u64 {
    let word = (word ^ word >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ word >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ word >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splitmix64_gives_its_published_numbers() {
        // The first output for seed 0 of the reference implementation.
        assert_eq!(mix(0x9e37_79b9_7f4a_7c15), 0xe220_a839_7b1d_cdaf);
    }

    #[test]
    fn xoshiro256_gives_its_published_numbers() {
        let mut prng = Prng { seed: 0, state: [1, 2, 3, 4] };
        let drawn: Vec<u64> = (0..5).map(|_| prng.bits()).collect();
        let published = [
            41_943_041,
            58_720_359,
            3_588_806_011_781_223,
            3_591_011_842_654_386,
            9_228_616_714_210_784_205,
        ];
        assert_eq!(drawn, published);
    }

    #[test]
    fn a_purpose_has_its_own_stream_whatever_was_drawn_before() {
        let mut prng = Prng::new(7);
        let mut faults = prng.split("faults");
        prng.bits();
        let again = prng.split("faults").bits();
        assert_eq!(faults.bits(), again);
        assert_ne!(prng.split("input").bits(), again);
        assert_ne!(Prng::new(8).split("faults").bits(), again);
    }

    #[test]
    fn draws_stay_in_their_range_and_reach_its_ends() {
        let mut prng = Prng::new(1);
        let mut seen = [0_usize; 5];
        for _ in 0..1000 {
            seen[prng.below(5)] += 1;
        }
        assert!(seen.iter().all(|count| (150..250).contains(count)), "{seen:?}");
        let drawn: Vec<i64> = (0..100).map(|_| prng.range(-2..2)).collect();
        assert_eq!((drawn.iter().min(), drawn.iter().max()), (Some(&-2), Some(&1)));
        assert!((0..100).any(|_| prng.range(i64::MIN..i64::MAX) < 0));
        assert!(!prng.chance(0) && prng.chance(100));
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<usize> = (0..50).collect();
        Prng::new(3).shuffle(&mut items);
        assert_ne!(items, (0..50).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..50).collect::<Vec<_>>());
    }
}

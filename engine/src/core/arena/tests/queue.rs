//! The queue against bytes in a row.

use super::super::{Anchor, Arena, BLOCK_BYTES, Blocks, ExtentId, Queue, ZoneId};
use super::{Prng, Subject, run};

struct Bytes(Queue, u64);

impl Subject for Bytes {
    type Twin = Vec<u8>;

    fn create(arena: &mut Arena, zone: ZoneId, extent: ExtentId, prng: &mut Prng) -> Bytes {
        let anchor = Anchor::new(arena.root(zone), prng.below(1000) as u16);
        let append_max = [3, 500, 20_000][prng.below(3) as usize];
        Bytes(Queue::create(arena, extent, anchor), append_max)
    }

    fn step(&self, arena: &mut Arena, twin: &mut Vec<u8>, prng: &mut Prng) {
        let Bytes(queue, append_max) = *self;
        if twin.len() < 200_000 && prng.chance(2) {
            let fresh: Vec<u8> =
                (0..prng.below(append_max + 1)).map(|_| prng.next() as u8).collect();
            let mut appending = queue.appending(arena);
            let (first, rest) = fresh.split_at(fresh.len() / 3);
            appending.put(first);
            appending.put(rest);
            appending.finish();
            twin.extend(fresh);
        } else if !twin.is_empty() {
            let bound = [twin.len() as u64, append_max.min(twin.len() as u64)];
            let all = prng.chance(20);
            let gone = if all { bound[0] } else { 1 + prng.below(bound[1]) } as usize;
            queue.drop_first(arena, gone);
            twin.drain(..gone);
        }
    }

    fn compare<B: Blocks>(&self, blocks: &B, twin: &Vec<u8>) {
        let Bytes(queue, _) = *self;
        let data_bytes = BLOCK_BYTES - 4;
        let most = if twin.is_empty() { 0 } else { twin.len().div_ceil(data_bytes) + 1 };
        assert!(queue.blocks(blocks) as usize <= most, "no block stays without a byte");
        if twin.is_empty() {
            return;
        }
        let mut found = Vec::new();
        let half = twin.len() / 2;
        let place = queue.first(blocks).read(blocks, half, &mut found);
        let end = place.read(blocks, twin.len() - half, &mut found);
        assert_eq!(found, *twin);
        assert!(end.is_blank(blocks), "what a block held before is gone");
    }
}

#[test]
fn bytes_come_out_as_they_went_in_also_of_a_freeze() {
    for seed in 0..24 {
        run::<Bytes>(seed, 1500);
    }
}

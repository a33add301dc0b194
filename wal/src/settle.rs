//! Which statements are settled: durable with all their parts, after settled ones only, and after
//! all earlier ones of their feeder.
//!
//! So what a crash leaves of a feeder is a prefix of what it pushed, and it goes on from one number.
//! The statements of several logs settle together where their order crosses.

use std::collections::{BTreeMap, VecDeque};

use crate::bytes::wide;
use crate::record::Statement;

/// The name of a statement. It occurs once in each log of its parts.
type Key = (u32, u64);

fn key(statement: &Statement) -> Key {
    (statement.feeder, statement.sequence)
}

/// How many shards the bitmask of a statement can name.
pub const SHARDS_MAX: usize = 64;

/// The sequence up to which the statements of a feeder were settled before.
fn settled_before(before: &[u64], statement: &Statement) -> bool {
    let known = before.get(statement.feeder as usize).copied().unwrap_or(0);
    statement.sequence <= known + 1
}

fn successor((feeder, sequence): Key) -> Key {
    (feeder, sequence + 1)
}

/// The longest prefixes of `logs`, one a shard, in which every statement has all its parts and
/// follows the one before it of its feeder; `before` is the last one of each feeder that was settled
/// already, by number of the feeder.
pub fn settled(logs: &[Vec<Statement>], before: &[u64]) -> Vec<usize> {
    assert!(logs.len() <= SHARDS_MAX, "a statement names at most 64 shards");
    let mut places: BTreeMap<Key, Vec<(usize, usize)>> = BTreeMap::new();
    for (shard, log) in logs.iter().enumerate() {
        for (index, statement) in log.iter().enumerate() {
            places.entry(key(statement)).or_default().push((shard, index));
        }
    }
    let mut prefixes: Vec<usize> = logs.iter().map(Vec::len).collect();
    let mut cuts = Vec::new();
    for (shard, log) in logs.iter().enumerate() {
        let whole = |s: &Statement| {
            let there = places[&key(s)].iter().fold(0, |there, (shard, _)| there | 1u64 << shard);
            let follows =
                settled_before(before, s) || places.contains_key(&(s.feeder, s.sequence - 1));
            s.parts & !there == 0 && follows
        };
        cuts.extend(log.iter().position(|s| !whole(s)).map(|index| (shard, index)));
    }
    while let Some((shard, index)) = cuts.pop() {
        // Whatever the shorter prefix loses takes its other parts along, and what follows it.
        let lost = logs[shard].get(index..prefixes[shard]).unwrap_or(&[]);
        prefixes[shard] = prefixes[shard].min(index);
        for statement in lost {
            let followers = places.get(&successor(key(statement))).into_iter().flatten();
            let others = places[&key(statement)].iter().chain(followers);
            cuts.extend(others.filter(|(shard, index)| *index < prefixes[*shard]));
        }
    }
    prefixes
}

/// Finds settled statements while parts become durable.
#[derive(Debug)]
pub struct Settling {
    /// Statements that are not settled, in the order of their logs.
    logs: Vec<VecDeque<Statement>>,
    /// How many statements of each log are settled.
    done: Vec<u64>,
    waiting: BTreeMap<Key, Waiting>,
    /// The last settled statement of each feeder.
    last: Vec<u64>,
    settled: Vec<Statement>,
}

/// Parts of a statement that are durable.
#[derive(Debug, Default)]
struct Waiting {
    there: u64,
    /// Shard, and index in its log.
    places: Vec<(usize, u64)>,
}

impl Settling {
    /// Nothing is durable in any of the `shards` logs but what has been settled: `last` is the last
    /// settled statement of each feeder.
    pub fn new(shards: usize, last: &[u64]) -> Settling {
        assert!(shards <= SHARDS_MAX, "a statement names at most 64 shards");
        Settling {
            logs: vec![VecDeque::new(); shards],
            done: vec![0; shards],
            waiting: BTreeMap::new(),
            last: last.to_vec(),
            settled: Vec::new(),
        }
    }

    /// The next statement of the shard's log is durable.
    pub fn durable(&mut self, shard: u16, statement: Statement) {
        let shard = usize::from(shard);
        let log = &mut self.logs[shard];
        let waiting = self.waiting.entry(key(&statement)).or_default();
        assert!(waiting.there >> shard & 1 == 0, "a statement has one part a shard");
        assert!(statement.parts >> shard & 1 == 1, "a part names its shard");
        waiting.there |= 1 << shard;
        waiting.places.push((shard, self.done[shard] + wide(log.len())));
        log.push_back(statement);
    }

    /// The statements that have become settled, each once; their order means nothing.
    pub fn take_settled(&mut self) -> Vec<Statement> {
        for shard in 0..self.logs.len() {
            while !self.logs[shard].is_empty() {
                let Some(prefixes) = self.closure(shard) else { break };
                self.settle(&prefixes);
            }
        }
        std::mem::take(&mut self.settled)
    }

    /// Shortest prefixes that hold the first statement of `shard` and all that it waits for, or
    /// nothing if a part is not durable.
    fn closure(&self, shard: usize) -> Option<Vec<u64>> {
        let mut wanted = self.done.clone();
        let mut seen = self.done.clone();
        wanted[shard] += 1;
        while let Some(shard) = (0..wanted.len()).find(|shard| seen[*shard] < wanted[*shard]) {
            let index = usize::try_from(seen[shard] - self.done[shard]).expect("it is in memory");
            seen[shard] += 1;
            let statement = &self.logs[shard][index];
            let waiting = &self.waiting[&key(statement)];
            if statement.parts & !waiting.there != 0 {
                return None;
            }
            let mut places = waiting.places.clone();
            if !settled_before(&self.last, statement) {
                places
                    .extend(&self.waiting.get(&(statement.feeder, statement.sequence - 1))?.places);
            }
            for (other, place) in places {
                wanted[other] = wanted[other].max(place + 1);
            }
        }
        Some(wanted)
    }

    fn settle(&mut self, prefixes: &[u64]) {
        for (shard, prefix) in prefixes.iter().enumerate() {
            while self.done[shard] < *prefix {
                let statement = self.logs[shard].pop_front().expect("the closure was durable");
                self.done[shard] += 1;
                let feeder = statement.feeder as usize;
                self.last.resize(self.last.len().max(feeder + 1), 0);
                self.last[feeder] = self.last[feeder].max(statement.sequence);
                if self.waiting.remove(&key(&statement)).is_some() {
                    self.settled.push(statement);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;

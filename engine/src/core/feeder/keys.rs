//! Watermarks by key: how far each key of a feeder has come, of which the least is the feeder's.
//!
//! Keys are told apart by the hash that places rows. Two that agree in all its bits go on as one.
//!
//! Invariant: `behind` holds each key of `known` once, with the time it has reached.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::ids::Time;
use crate::core::limits::WATERMARK_KEYS_MAX;

/// The keys of one feeder.
#[derive(Clone, Debug, Default)]
pub struct Keys {
    known: BTreeMap<u64, Known>,
    /// The slowest first.
    behind: BTreeSet<(Time, u64)>,
}

/// One key.
#[derive(Clone, Copy, Debug)]
struct Known {
    reached: Time,
    /// What the clock showed when its last row came, in microseconds.
    heard_us: i64,
}

impl Keys {
    /// A row of a key says `time`, while the clock shows `now_us`; returns how far the slowest key has
    /// come. Keys that were silent for longer than `timeout_us` are not waited for.
    pub(super) fn reach(
        &mut self,
        key: u64,
        time: Time,
        now_us: i64,
        timeout_us: Option<i64>,
    ) -> Time {
        let known = self.known.entry(key).or_insert(Known { reached: time, heard_us: now_us });
        self.behind.remove(&(known.reached, key));
        known.reached = known.reached.max(time);
        known.heard_us = known.heard_us.max(now_us);
        self.behind.insert((known.reached, key));
        while let Some(&(reached, slowest)) = self.behind.first() {
            let silent_us = now_us.saturating_sub(self.known[&slowest].heard_us);
            let idle = slowest != key && timeout_us.is_some_and(|timeout| silent_us >= timeout);
            if !idle && self.known.len() <= WATERMARK_KEYS_MAX {
                return reached;
            }
            self.behind.pop_first();
            self.known.remove(&slowest);
        }
        // Only where the one key there is was one too many.
        time
    }

    /// How many keys are waited for.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        assert_eq!(self.known.len(), self.behind.len());
        self.known.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_key_decides() {
        let mut keys = Keys::default();
        let mut reach = |key, time| keys.reach(key, Time(time), 0, None).0;
        assert_eq!(reach(1, 50), 50);
        assert_eq!(reach(2, 20), 20);
        assert_eq!(reach(1, 90), 20);
        assert_eq!(reach(2, 10), 20, "a key does not go back");
        assert_eq!(reach(2, 95), 90);
    }

    #[test]
    fn a_silent_key_is_not_waited_for_until_it_comes_again() {
        let mut keys = Keys::default();
        let mut reach = |key, time, now| keys.reach(key, Time(time), now, Some(100)).0;
        reach(1, 10, 0);
        assert_eq!(reach(2, 50, 60), 10);
        assert_eq!(reach(2, 60, 99), 10);
        assert_eq!(reach(2, 70, 100), 70);
        assert_eq!(reach(1, 30, 110), 30);
        assert_eq!(reach(1, 31, 900), 31, "who speaks is not silent");
        assert_eq!(keys.len(), 2, "the other one is not the slowest");
    }

    #[test]
    fn of_too_many_keys_the_slowest_is_not_waited_for() {
        let mut keys = Keys::default();
        for key in 0..=WATERMARK_KEYS_MAX as u64 {
            keys.reach(key, Time(key as i64), 0, None);
        }
        assert_eq!(keys.len(), WATERMARK_KEYS_MAX);
        assert_eq!(keys.reach(7, Time(7), 0, None), Time(1));
    }
}

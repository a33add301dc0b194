//! What settled in a turn of the coordinator, told to each producer once.

use std::collections::BTreeMap;

use crate::core::ids::FeederId;

/// The feeders some of whose statements have settled, each with the last of them.
#[derive(Debug, Default)]
pub(crate) struct Settled {
    feeders: BTreeMap<FeederId, u64>,
}

impl Settled {
    /// Statements of a feeder up to this one have settled.
    pub(crate) fn note(&mut self, feeder: FeederId, sequence: u64) {
        let last = self.feeders.entry(feeder).or_insert(sequence);
        *last = (*last).max(sequence);
    }

    /// Hands out what came since the last time.
    pub(crate) fn take(&mut self) -> impl Iterator<Item = (FeederId, u64)> + '_ {
        std::iter::from_fn(|| self.feeders.pop_first())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_statements_of_a_turn_are_told_once_to_each_feeder() {
        let mut settled = Settled::default();
        for sequence in [3, 5, 4] {
            settled.note(FeederId(1), sequence);
            settled.note(FeederId(0), 10 * sequence);
        }
        assert_eq!(settled.take().collect::<Vec<_>>(), [(FeederId(0), 50), (FeederId(1), 5)]);
        assert_eq!(settled.take().count(), 0);
        settled.note(FeederId(1), 6);
        assert_eq!(settled.take().collect::<Vec<_>>(), [(FeederId(1), 6)]);
    }
}

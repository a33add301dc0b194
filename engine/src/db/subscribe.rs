//! Where changes come out: as an iterator, as a stream of record batches, or by callback.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use ::arrow::array::RecordBatch;
use futures_core::Stream;

use super::arrow::Weights;
use super::changes::{Changes, Published};
use super::error::Error;
use super::follow::Lease;
use crate::core::ids::{Epoch, ShardId};
use crate::core::morsel::Morsel;
use crate::shell::bell::Bell;
use crate::shell::lane::Receiver;
use crate::shell::life::Life;
use crate::shell::outlet::{Delivery, Gap, Overflow};
use crate::shell::{Ending, in_turn};

/// How a subscription is kept.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SubscribeOptions {
    /// Morsels of at most 1 024 changes that wait for the subscriber, for each shard.
    pub capacity: usize,
    /// What happens to a subscriber that has no room for more.
    pub overflow: Overflow,
}

impl Default for SubscribeOptions {
    fn default() -> SubscribeOptions {
        SubscribeOptions { capacity: 1024, overflow: Overflow::default() }
    }
}

/// The changes of a view or stream from the moment of subscribing on.
///
/// As an iterator it waits for changes and ends when the database is closed. Dropping it ends the
/// subscription.
pub struct Subscription {
    relation: Arc<Published>,
    lanes: Vec<Receiver<Delivery>>,
    /// The lane that is looked at first, so that none waits for another.
    next: usize,
    bell: Arc<Bell>,
    gap: Arc<Gap>,
    life: Arc<Life>,
    inline: bool,
    over: bool,
    /// Of a stream that is there for this subscription only. It comes last: the lanes must be left
    /// before the stream is taken away, which may wait for shards that wait for room on them.
    lease: Option<Lease>,
}

/// Changes that a subscription was given.
#[derive(Debug)]
pub struct ChangeSet {
    relation: Arc<Published>,
    epoch: Epoch,
    shard: ShardId,
    morsel: Morsel,
}

impl ChangeSet {
    /// The changes, to read.
    pub fn changes(&self) -> Changes<'_> {
        Changes::new(&self.relation, self.epoch, &self.morsel)
    }

    /// The shard that published them.
    pub fn shard(&self) -> usize {
        self.shard.index()
    }

    /// The changes as a record batch, without a copy.
    pub fn into_record_batch(mut self, weights: Weights) -> RecordBatch {
        self.relation.batches().give(&mut self.morsel, weights)
    }
}

/// What comes off the lanes of a subscription.
pub(super) enum Delivered {
    Changes(ChangeSet),
    /// A shard has published all of an epoch of which there is a checkpoint, and nothing behind it.
    Mark {
        epoch: Epoch,
        shard: ShardId,
    },
}

impl Subscription {
    pub(super) fn new(
        relation: Arc<Published>,
        lanes: Vec<Receiver<Delivery>>,
        bell: Arc<Bell>,
        gap: Arc<Gap>,
        life: Arc<Life>,
        inline: bool,
    ) -> Subscription {
        let (next, over, lease) = (0, false, None);
        Subscription { relation, lanes, next, bell, gap, life, inline, over, lease }
    }

    /// The stream is there for this subscription only.
    pub(super) fn lease(&mut self, lease: Lease) {
        self.lease = Some(lease);
    }

    /// The relation whose changes they are.
    pub fn relation(&self) -> &str {
        self.relation.name()
    }

    /// The next changes, if some are there. Never waits.
    pub fn try_next(&mut self) -> Result<Option<ChangeSet>, Error> {
        Ok(self.try_next_delivered()?.map(changes))
    }

    fn try_next_delivered(&mut self) -> Result<Option<Delivered>, Error> {
        if self.over {
            return Ok(None);
        }
        // Looked at first: what was published before the end is there when the lanes are looked at.
        let (ended, cut) = (self.life.ending(), self.gap.is_cut());
        for _ in 0..self.lanes.len() {
            let at = self.next;
            self.next = (at + 1) % self.lanes.len();
            if let Some(Delivery { epoch, shard, morsel }) = self.lanes[at].take() {
                let relation = Arc::clone(&self.relation);
                let changes = |morsel| ChangeSet { relation, epoch, shard, morsel };
                let mark = Delivered::Mark { epoch, shard };
                return Ok(Some(morsel.map(changes).map_or(mark, Delivered::Changes)));
            }
        }
        if cut {
            self.over = true;
            return Err(Error::Disconnected { missed: self.gap.skipped() });
        }
        match ended {
            None => Ok(None),
            // Shards publish to the end of their last turn; then their lanes are left.
            Some(_) if !self.lanes.iter().all(Receiver::is_abandoned) => Ok(None),
            Some(Ending::Closed) => {
                self.over = true;
                Ok(None)
            }
            Some(ending) => {
                self.over = true;
                Err(Error::Ended(ending))
            }
        }
    }

    /// The next changes; waits for them at most so long. Nothing when the time is over or the database
    /// was closed.
    pub fn next_timeout(&mut self, time: Duration) -> Result<Option<ChangeSet>, Error> {
        Ok(self.next_delivered(time)?.map(changes))
    }

    /// The same with the marks of checkpoints, where they were asked for.
    pub(super) fn next_delivered(&mut self, time: Duration) -> Result<Option<Delivered>, Error> {
        // A time that no clock reaches is for ever.
        self.wait(Instant::now().checked_add(time))
    }

    /// The shards that it is given changes by.
    pub(super) fn shards(&self) -> usize {
        self.lanes.len()
    }

    fn wait(&mut self, until: Option<Instant>) -> Result<Option<Delivered>, Error> {
        loop {
            if let Some(found) = self.try_next_delivered()? {
                return Ok(Some(found));
            }
            if self.over {
                return Ok(None);
            }
            if self.inline || in_turn() {
                return Err(Error::WouldWait);
            }
            self.bell.arm();
            if let Some(found) = self.try_next_delivered()? {
                self.bell.disarm();
                return Ok(Some(found));
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            if self.over || left == Some(Duration::ZERO) {
                self.bell.disarm();
                return Ok(None);
            }
            self.bell.sleep(left);
        }
    }

    /// Whether it has come to its end, so that no change comes any more.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Gives the buffers of changes back, so that the next ones need none. Dropping them is right too.
    pub fn recycle(&mut self, set: ChangeSet) {
        let ChangeSet { shard, mut morsel, .. } = set;
        morsel.clear();
        // Where there is no place for them they are freed.
        let _ = self.lanes[shard.index()].give_back(morsel);
    }

    /// Changes that were left out because this subscriber had no room.
    pub fn missed(&self) -> u64 {
        self.gap.skipped()
    }

    /// The changes as an asynchronous stream of record batches.
    pub fn batches(self, weights: Weights) -> BatchStream {
        BatchStream { subscription: self, weights }
    }
}

fn changes(delivered: Delivered) -> ChangeSet {
    match delivered {
        Delivered::Changes(changes) => changes,
        Delivered::Mark { .. } => unreachable!("only sinks ask for the marks of checkpoints"),
    }
}

impl Iterator for Subscription {
    type Item = Result<ChangeSet, Error>;

    fn next(&mut self) -> Option<Result<ChangeSet, Error>> {
        self.wait(None).map(|found| found.map(changes)).transpose()
    }
}

/// The changes of a view or stream as record batches.
pub struct BatchStream {
    subscription: Subscription,
    weights: Weights,
}

impl BatchStream {
    /// The next record batch, or nothing once the database is closed. It needs no trait of another
    /// crate, and loses nothing where it is dropped before it is done.
    pub async fn next(&mut self) -> Option<Result<RecordBatch, Error>> {
        std::future::poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }
}

impl Stream for BatchStream {
    type Item = Result<RecordBatch, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let BatchStream { subscription, weights } = &mut *self;
        let bell = Arc::clone(&subscription.bell);
        loop {
            let found = subscription.try_next();
            if let Ok(None) = found
                && !subscription.over
            {
                bell.arm();
                let pending = std::pin::pin!(bell.rung()).poll(context).is_pending();
                if pending && subscription.is_quiet() {
                    return Poll::Pending;
                }
                bell.disarm();
                continue;
            }
            let weights = *weights;
            let batch = found.map(|set| set.map(|set| set.into_record_batch(weights)));
            return Poll::Ready(batch.transpose());
        }
    }
}

impl Subscription {
    /// Whether there is neither a change nor news of the end.
    fn is_quiet(&self) -> bool {
        let any = self.lanes.iter().any(|lane| !lane.is_empty());
        let left = self.life.has_ended() && self.lanes.iter().all(Receiver::is_abandoned);
        !any && !left && !self.gap.is_cut()
    }
}

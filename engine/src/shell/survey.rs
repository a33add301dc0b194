//! What a database tells of itself: each shard its part, between two steps, and the coordinator's
//! thread what it remembers of epochs. Nobody waits for a barrier, so that a database that is held up
//! can say where.

use std::sync::{Arc, PoisonError};

use super::epochs::EpochMark;
use super::inbox::Reply;
use super::letters::Kept;
use super::sync::{AtomicU64, Mutex, Ordering};
use crate::core::ids::{FeederId, OperatorId, ShardId, SourceId};
use crate::core::shard::Census;

/// What there is to tell at about one moment.
#[derive(Debug)]
pub(crate) struct Survey {
    /// By shard.
    pub(crate) shards: Vec<ShardSurvey>,
    /// The last epochs, the oldest first.
    pub(crate) epochs: Vec<EpochMark>,
    /// Producers with names.
    pub(crate) producers: Vec<ProducerStand>,
}

/// A producer with a name.
#[derive(Debug)]
pub(crate) struct ProducerStand {
    pub(crate) source: SourceId,
    pub(crate) name: Arc<str>,
    pub(crate) feeder: FeederId,
    /// Whether it has a handle.
    pub(crate) here: bool,
}

/// The part of one shard.
#[derive(Debug)]
pub(crate) struct ShardSurvey {
    pub(crate) shard: ShardId,
    pub(crate) census: Census,
    /// Rows that came too late.
    pub(crate) late: Kept,
    /// Rows whose expression failed.
    pub(crate) dead: Kept,
    /// Groups that came to be withheld, or have a row again.
    pub(crate) withheld: Kept,
    /// Of each operator that refused any, how many: late ones and failed ones.
    pub(crate) refused: Vec<(OperatorId, Refusals)>,
}

/// Rows that an operator refused.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Refusals {
    pub(crate) late: u64,
    pub(crate) dead: u64,
}

impl Refusals {
    /// Together with others.
    pub(crate) fn plus(self, more: Refusals) -> Refusals {
        Refusals { late: self.late + more.late, dead: self.dead + more.dead }
    }

    /// There are more.
    pub(crate) fn add(&mut self, more: Refusals) {
        *self = self.plus(more);
    }
}

/// Where the parts of all shards come together.
#[derive(Clone)]
pub(crate) struct Questions(Arc<Gathered>);

struct Gathered {
    shards_left: AtomicU64,
    survey: Mutex<Survey>,
    reply: Mutex<Option<Reply<Survey>>>,
}

impl Questions {
    /// To so many shards; the coordinator's part is there.
    pub(crate) fn to(
        shards: usize,
        epochs: Vec<EpochMark>,
        producers: Vec<ProducerStand>,
        reply: Reply<Survey>,
    ) -> Questions {
        let shards_left = AtomicU64::new(shards as u64);
        let shards = Vec::with_capacity(shards);
        Questions(Arc::new(Gathered {
            shards_left,
            survey: Mutex::new(Survey { shards, epochs, producers }),
            reply: Mutex::new(Some(reply)),
        }))
    }

    /// The part of one shard; with the last one the answer is there.
    pub(crate) fn answer(self, part: ShardSurvey) {
        let Gathered { shards_left, survey, reply } = &*self.0;
        let mut survey = survey.lock().unwrap_or_else(PoisonError::into_inner);
        survey.shards.push(part);
        if shards_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        survey.shards.sort_by_key(|part| part.shard);
        let whole = Survey {
            shards: std::mem::take(&mut survey.shards),
            epochs: std::mem::take(&mut survey.epochs),
            producers: std::mem::take(&mut survey.producers),
        };
        let reply = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            reply.give(whole);
        }
    }
}

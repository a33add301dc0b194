//! Reads whole views as they were at a barrier: each shard gathers its part, a slice a turn, while it
//! goes on with its rows.

use std::sync::{Arc, PoisonError};

use super::inbox::{Inbox, Reply, Request};
use super::sync::{AtomicU64, Mutex, Ordering};
use crate::core::ids::ViewId;
use crate::core::operator::ViewCursor;
use crate::core::shard::Shard;
use sluicedb_sql::Column;

/// Rows of one view on one shard.
pub(crate) struct Found {
    pub(crate) view: ViewId,
    /// By column of the view.
    pub(crate) columns: Vec<Column>,
    /// How often each row is there.
    pub(crate) weights: Vec<i64>,
}

/// Slots that are looked at in one turn, so that rows do not wait for readers.
const SLOTS_PER_TURN: usize = 1024;

/// What a shard has yet to read.
pub(crate) struct Scan {
    /// Those that are left, the next one last.
    views: Vec<ViewId>,
    from: ViewCursor,
    found: Vec<Found>,
    gathering: Gathering,
}

/// Where the parts of all shards come together.
#[derive(Clone)]
pub(crate) struct Gathering(Arc<Gathered>);

struct Gathered {
    shards_left: AtomicU64,
    found: Mutex<Vec<Found>>,
    reply: Mutex<Option<Reply<Vec<Found>>>>,
    inbox: Arc<Inbox>,
}

impl Gathering {
    /// Of so many shards.
    pub(crate) fn of(shards: usize, inbox: &Arc<Inbox>, reply: Reply<Vec<Found>>) -> Gathering {
        Gathering(Arc::new(Gathered {
            shards_left: AtomicU64::new(shards as u64),
            found: Mutex::new(Vec::new()),
            reply: Mutex::new(Some(reply)),
            inbox: Arc::clone(inbox),
        }))
    }

    /// The part of one shard; with the last one the answer is there.
    fn add(&self, part: Vec<Found>) {
        let Gathered { shards_left, found, reply, inbox } = &*self.0;
        let mut all = found.lock().unwrap_or_else(PoisonError::into_inner);
        all.extend(part);
        if shards_left.fetch_sub(1, Ordering::AcqRel) > 1 {
            return;
        }
        let all = std::mem::take(&mut *all);
        let reply = reply.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(reply) = reply {
            reply.give(all);
        }
        // A database that has ended holds no frozen state.
        let _ended = inbox.post(Request::ReadDone);
    }
}

impl Scan {
    pub(crate) fn new(views: &[ViewId], gathering: Gathering) -> Scan {
        let views = views.iter().rev().copied().collect();
        Scan { views, from: ViewCursor::default(), found: Vec::new(), gathering }
    }

    /// Reads a slice of the frozen state; returns whether that was the last one.
    pub(crate) fn advance(&mut self, shard: &Shard) -> bool {
        let Some(&view) = self.views.last() else {
            self.gathering.add(std::mem::take(&mut self.found));
            return true;
        };
        let frozen = shard.frozen().expect("the state is frozen until the last reader is done");
        let reader = shard.reader(view).expect("a view that keeps its rows");
        if self.found.last().is_none_or(|found| found.view != view) {
            let columns = reader.columns();
            self.found.push(Found { view, columns, weights: Vec::new() });
        }
        let found = self.found.last_mut().expect("pushed above");
        let Found { columns, weights, .. } = found;
        match reader.rows(&frozen, self.from, SLOTS_PER_TURN, columns, weights) {
            Some(next) => self.from = next,
            None => {
                self.views.pop();
                self.from = ViewCursor::default();
            }
        }
        false
    }
}

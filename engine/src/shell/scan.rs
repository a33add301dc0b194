//! Reads whole views, and what sources keep, as they were at a barrier: each shard gathers its part,
//! a slice a turn, while it goes on with its rows.

use std::sync::{Arc, PoisonError};

use super::inbox::{Inbox, Reply, Request};
use super::sync::{AtomicU64, Mutex, Ordering};
use crate::core::effect::Stopped;
use crate::core::ids::{SourceId, ViewId};
use crate::core::operator::{RetainCursor, ViewCursor};
use crate::core::shard::Shard;
use sluicedb_sql::Column;

/// What is read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kept {
    /// The rows of a view.
    View(ViewId),
    /// The rows that a source keeps.
    Source(SourceId),
    /// How many rows had gone when somebody last came to read a source.
    Missed(SourceId),
}

/// What one shard has of it.
pub(crate) struct Found {
    pub(crate) of: Kept,
    /// By column of the relation.
    pub(crate) columns: Vec<Column>,
    /// How often each row is there.
    pub(crate) weights: Vec<i64>,
    /// Of the rows of a source, those that are gone.
    pub(crate) missed: u64,
    /// Why it has nothing to show, if it was given up.
    pub(crate) stopped: Option<Arc<Stopped>>,
}

/// Slots that are looked at in one turn, so that rows do not wait for readers.
const SLOTS_PER_TURN: usize = 1024;

/// What a shard has yet to read.
pub(crate) struct Scan {
    /// Those that are left, the next one last.
    left: Vec<Kept>,
    view: ViewCursor,
    source: RetainCursor,
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
    pub(crate) fn new(asked: &[Kept], gathering: Gathering) -> Scan {
        Scan {
            left: asked.iter().rev().copied().collect(),
            view: ViewCursor::default(),
            source: RetainCursor::default(),
            found: Vec::new(),
            gathering,
        }
    }

    /// Reads a slice of the frozen state; returns whether that was the last one.
    pub(crate) fn advance(&mut self, shard: &Shard) -> bool {
        let Some(&of) = self.left.last() else {
            self.gathering.add(std::mem::take(&mut self.found));
            return true;
        };
        if !self.slice(of, shard) {
            self.left.pop();
            (self.view, self.source) = (ViewCursor::default(), RetainCursor::default());
        }
        false
    }

    /// Reads a slice of one relation; returns whether there is more.
    fn slice(&mut self, of: Kept, shard: &Shard) -> bool {
        let frozen = shard.frozen().expect("the state is frozen until the last reader is done");
        let begins = self.found.last().is_none_or(|found| found.of != of);
        let found = &mut self.found;
        let mut place = |columns: &dyn Fn() -> Vec<Column>| {
            if begins {
                let (columns, weights) = (columns(), Vec::new());
                found.push(Found { of, columns, weights, missed: 0, stopped: None });
            }
        };
        let retained = |source| shard.retained(source).expect("a source that keeps its rows");
        match of {
            Kept::View(view) if shard.stopped(view).is_some() => {
                place(&Vec::new);
                let found = self.found.last_mut().expect("placed above");
                found.stopped = shard.stopped(view).cloned();
                false
            }
            Kept::View(view) => {
                let reader = shard.reader(view).expect("a view that keeps its rows");
                place(&|| reader.columns());
                let Found { columns, weights, .. } = self.found.last_mut().expect("placed above");
                let next = reader.rows(&frozen, self.view, SLOTS_PER_TURN, columns, weights);
                self.view = next.unwrap_or_default();
                next.is_some()
            }
            Kept::Source(source) => {
                let reader = retained(source);
                place(&|| reader.columns());
                let Found { columns, weights, missed, .. } =
                    self.found.last_mut().expect("placed above");
                let next = reader.rows(&frozen, self.source, SLOTS_PER_TURN, columns);
                weights.resize(columns[0].len(), 1);
                *missed = reader.came(&frozen) - weights.len() as u64;
                self.source = next.unwrap_or_default();
                next.is_some()
            }
            Kept::Missed(source) => {
                place(&Vec::new);
                let found = self.found.last_mut().expect("placed above");
                found.missed = retained(source).missed(&frozen);
                false
            }
        }
    }
}

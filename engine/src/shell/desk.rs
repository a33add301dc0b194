//! Where a shard answers lookups: requests come on one ring, and go back answered on another.

use std::sync::Arc;
use std::time::Duration;

use rtrb::{Consumer, Producer, RingBuffer};

use super::bell::Bell;
use crate::core::ids::ViewId;
use crate::core::shard::Shard;
use sluicedb_sql::Column;

/// A lookup by key, and the place for its answer. It travels there and back.
#[derive(Debug)]
pub(crate) struct Lookup {
    pub(crate) view: ViewId,
    /// Of the key, as rows are placed by it.
    pub(crate) hash: u64,
    /// One value a key column.
    pub(crate) key: Vec<Column>,
    /// The rows that were found, by column of the view.
    pub(crate) columns: Vec<Column>,
    /// How often each is there.
    pub(crate) weights: Vec<i64>,
}

/// The end that asks.
pub(crate) struct Asker {
    requests: Producer<Box<Lookup>>,
    answers: Consumer<Box<Lookup>>,
    shard: Arc<Bell>,
    /// Rung when an answer is there.
    bell: Arc<Bell>,
}

/// The end that answers.
pub(crate) struct Desk {
    requests: Consumer<Box<Lookup>>,
    answers: Producer<Box<Lookup>>,
    asker: Arc<Bell>,
}

/// Looks for an answer before the asker goes to sleep: some ten microseconds, as long as a shard that
/// is awake may be busy with one morsel.
const SPINS: usize = 1000;

/// How often an asker that sleeps looks whether its shard is still there.
const ABANDONED_CHECK: Duration = Duration::from_millis(10);

/// One question at a time is on its way.
const PLACES: usize = 1;

/// A desk of the shard that sleeps at `shard`, and the end that asks there.
pub(crate) fn desk(shard: &Arc<Bell>, asker: &Arc<Bell>) -> (Asker, Desk) {
    let (requests, asked) = RingBuffer::new(PLACES);
    let (answered, answers) = RingBuffer::new(PLACES);
    (
        Asker { requests, answers, shard: Arc::clone(shard), bell: Arc::clone(asker) },
        Desk { requests: asked, answers: answered, asker: Arc::clone(asker) },
    )
}

impl Asker {
    /// Puts a question. The one before has been answered.
    #[inline]
    pub(crate) fn ask(&mut self, lookup: Box<Lookup>) {
        assert!(self.requests.push(lookup).is_ok(), "one question at a time");
        self.shard.ring();
    }

    /// Waits for the answer; none if nobody will answer any more.
    #[inline]
    pub(crate) fn wait(&mut self) -> Option<Box<Lookup>> {
        for _ in 0..SPINS {
            if let Ok(answer) = self.answers.pop() {
                return Some(answer);
            }
            std::hint::spin_loop();
        }
        self.wait_asleep()
    }

    #[cold]
    fn wait_asleep(&mut self) -> Option<Box<Lookup>> {
        loop {
            self.bell.arm();
            if let Ok(answer) = self.answers.pop() {
                self.bell.disarm();
                return Some(answer);
            }
            if self.answers.is_abandoned() {
                self.bell.disarm();
                return self.answers.pop().ok();
            }
            // A shard that ends rings no bell.
            self.bell.sleep(Some(ABANDONED_CHECK));
        }
    }
}

impl Desk {
    /// Answers what was asked; returns whether anything was.
    #[inline]
    pub(crate) fn answer(&mut self, shard: &Shard) -> bool {
        let Ok(asked) = self.requests.peek() else { return false };
        if shard.stopped(asked.view).is_some() {
            // This desk is about to go, and when it does the asker has heard why.
            return false;
        }
        let mut lookup = self.requests.pop().expect("looked at above");
        answer(shard, &mut lookup);
        assert!(self.answers.push(lookup).is_ok(), "the place of the question that was taken");
        self.asker.ring();
        true
    }

    /// Whether nobody will ask any more.
    pub(crate) fn is_abandoned(&self) -> bool {
        self.requests.is_abandoned()
    }
}

/// Finds the rows that a lookup asks for.
#[inline]
pub(crate) fn answer(shard: &Shard, lookup: &mut Lookup) {
    let Lookup { view, hash, key, columns, weights } = lookup;
    if let Some(reader) = shard.reader(*view) {
        reader.find_row(shard.arena(), *hash, key, columns, weights);
    }
}

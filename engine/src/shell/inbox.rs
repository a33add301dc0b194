//! What applications ask of a database beside rows: the slow way in, one lock for all.

use std::collections::VecDeque;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use sluicedb_wal::Manifest;

use super::bell::Bell;
use super::desk::Desk;
use super::inlet::Inlet;
use super::life::{Ending, Life};
use super::outlet::Outlet;
use super::scan::{Found, Kept};
use super::survey::Survey;
use super::sync::{AtomicBool, AtomicU64, Mutex, MutexGuard, Ordering};
use crate::core::effect::SinkId;
use crate::core::feeder::{Keys, Position};
use crate::core::graph::Change;
use crate::core::ids::{Epoch, FeederId, SourceId, ViewId};

/// What is asked.
pub(crate) enum Request {
    /// A feeder for a source, which has this life: for a producer of this name, or for anybody.
    Attach { source: SourceId, life: Arc<Life>, producer: Option<Arc<str>>, reply: Reply<Attached> },
    /// The producer of a feeder is gone.
    Detach { feeder: FeederId, keys: Option<Keys> },
    /// The name of a producer of a source is given up.
    DropProducer { source: SourceId, producer: Arc<str>, reply: Reply<Result<(), NotDropped>> },
    /// Something to be installed on some shards.
    Install { parts: Vec<(u16, Part)>, installed: Installed },
    /// The graph becomes another one. Changes are asked for one after the other.
    Change { change: Arc<Change>, reply: Reply<()> },
    /// Everything that was pushed before is to be worked on; and saved, where there is a disk.
    Flush { save: bool, reply: Reply<()> },
    /// What some relations keep, as of one moment behind everything that was pushed before.
    Read { asked: Vec<Kept>, reply: Reply<Vec<Found>> },
    /// A reader has what it asked for.
    ReadDone,
    /// A sink has made safe what it was given by the end of an epoch.
    Written { sink: ViewId, epoch: Epoch, position: Position },
    /// A sink can write no more.
    Failed { sink: SinkId },
    /// Everything that was pushed before is to be saved, and the files of the checkpoint that has it are
    /// to stay while they are copied.
    Pin { reply: Reply<Pinned> },
    /// Whoever copied the files of the checkpoint of an epoch is done with them.
    Unpin { epoch: Epoch },
    /// What there is to tell of shards and epochs, as they are.
    Survey { reply: Reply<Survey> },
    /// The end.
    Close,
}

/// A feeder that was asked for.
pub(crate) type Attached = Result<Inlet, NotAttached>;

/// Why there is no feeder.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotAttached {
    /// There are as many as there may be.
    TooMany,
    /// The producer of this name has a handle.
    InUse,
    /// The source went meanwhile.
    Gone,
}

/// Why the name of a producer stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum NotDropped {
    /// There is no such name.
    Unknown,
    /// It has a handle, or somebody waits for one.
    InUse,
    /// Its handle was dropped, and is gone with the next barrier.
    Going,
}

/// What is installed on a shard while it runs.
pub(crate) enum Part {
    /// A way out of a view.
    Outlet(ViewId, Outlet),
    /// A way out of a view that comes with the next graph, for all that it ever publishes.
    OutletAhead(ViewId, Outlet),
    /// A place to ask for rows of a view by key.
    Desk(ViewId, Desk),
    /// A function of the application that has its turn with the shard.
    Guest(Guest),
}

/// A checkpoint whose files stay while this is there.
pub(crate) struct Pinned {
    pub(crate) manifest: Arc<Manifest>,
    pub(crate) inbox: Arc<Inbox>,
}

impl Drop for Pinned {
    fn drop(&mut self) {
        // One that has ended removes nothing.
        let _ended = self.inbox.post(Request::Unpin { epoch: Epoch(self.manifest.epoch) });
    }
}

/// A function of the application that runs on a shard's thread, once a turn. Says whether it did
/// anything; nothing when it is done for good.
pub(crate) type Guest = Box<dyn FnMut() -> Option<bool> + Send>;

/// Requests that wait for the coordinator's thread.
pub(crate) struct Inbox {
    requests: Mutex<VecDeque<Request>>,
    /// Whether there are any: spares the lock.
    waiting: AtomicBool,
    bell: Arc<Bell>,
    life: Arc<Life>,
    /// Whether the application turns the database itself.
    inline: bool,
}

impl Inbox {
    /// An empty inbox whose reader sleeps at `bell`.
    pub(crate) fn new(bell: Arc<Bell>, life: Arc<Life>, inline: bool) -> Inbox {
        let requests = Mutex::new(VecDeque::new());
        Inbox { requests, waiting: AtomicBool::new(false), bell, life, inline }
    }

    /// Whether whoever waits for an answer waits for itself.
    pub(crate) fn is_inline(&self) -> bool {
        self.inline
    }

    /// Leaves a request.
    pub(crate) fn post(&self, request: Request) -> Result<(), Ending> {
        let mut requests = self.lock();
        // Looked at under the lock: who ends the life takes what is there after that.
        self.life.check()?;
        requests.push_back(request);
        self.waiting.store(true, Ordering::Release);
        drop(requests);
        self.bell.ring();
        Ok(())
    }

    /// Takes the oldest request.
    pub(crate) fn take(&self) -> Option<Request> {
        if !self.waiting.load(Ordering::Acquire) {
            return None;
        }
        let mut requests = self.lock();
        let oldest = requests.pop_front();
        self.waiting.store(!requests.is_empty(), Ordering::Release);
        oldest
    }

    /// Ends the life from a shard: whoever reads the inbox hears of it.
    pub(crate) fn end(&self, ending: Ending) {
        let mut requests = self.lock();
        self.life.end(ending);
        requests.push_back(Request::Close);
        self.waiting.store(true, Ordering::Release);
        drop(requests);
        self.bell.ring();
    }

    /// Ends the life; nothing is left or posted after it.
    pub(crate) fn close(&self, ending: Ending) {
        let mut requests = self.lock();
        self.life.end(ending);
        let left = std::mem::take(&mut *requests);
        drop(requests);
        // Whoever waits for an answer gets the ending: replies say so when they are dropped.
        drop(left);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Request>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the answer to a request is awaited.
pub(crate) struct Answer<T>(Arc<Slot<T>>);

/// Answers a request; one that is dropped says that the database has ended.
pub(crate) struct Reply<T>(Arc<Slot<T>>);

struct Slot<T> {
    answer: Mutex<Option<Result<T, Ending>>>,
    there: AtomicBool,
    bell: Bell,
    life: Arc<Life>,
}

/// A place for an answer, and the right to give it.
pub(crate) fn question<T>(life: &Arc<Life>) -> (Reply<T>, Answer<T>) {
    let slot = Arc::new(Slot {
        answer: Mutex::new(None),
        there: AtomicBool::new(false),
        bell: Bell::new(),
        life: Arc::clone(life),
    });
    (Reply(Arc::clone(&slot)), Answer(slot))
}

impl<T> Slot<T> {
    fn put(&self, answer: Result<T, Ending>) {
        let mut place = self.answer.lock().unwrap_or_else(PoisonError::into_inner);
        place.get_or_insert(answer);
        drop(place);
        self.there.store(true, Ordering::Release);
        self.bell.ring();
    }
}

impl<T> Reply<T> {
    pub(crate) fn give(self, answer: T) {
        self.0.put(Ok(answer));
    }
}

impl<T> Drop for Reply<T> {
    fn drop(&mut self) {
        if !self.0.there.load(Ordering::Acquire) {
            self.0.put(Err(self.0.life.why()));
        }
    }
}

impl<T> Answer<T> {
    /// The answer, if it is there.
    pub(crate) fn poll(&self) -> Option<Result<T, Ending>> {
        if !self.0.there.load(Ordering::Acquire) {
            return None;
        }
        self.0.answer.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Blocks until the answer is there, or for about so long.
    pub(crate) fn wait_at_most(&self, time: Duration) -> Option<Result<T, Ending>> {
        self.0.bell.arm();
        if let Some(answer) = self.poll() {
            self.0.bell.disarm();
            return Some(answer);
        }
        self.0.bell.sleep(Some(time));
        self.poll()
    }

    /// Blocks until the answer is there.
    pub(crate) fn wait(self) -> Result<T, Ending> {
        loop {
            self.0.bell.arm();
            if let Some(answer) = self.poll() {
                self.0.bell.disarm();
                return answer;
            }
            self.0.bell.sleep(None);
        }
    }
}

/// Counts the shards that have yet to install something; the last one answers.
#[derive(Clone)]
pub(crate) struct Installed(Arc<Pending>);

struct Pending {
    left: AtomicU64,
    reply: Mutex<Option<Reply<()>>>,
}

impl Installed {
    /// To be confirmed by so many shards.
    pub(crate) fn on(shards: usize, reply: Reply<()>) -> Installed {
        let left = AtomicU64::new(shards as u64);
        Installed(Arc::new(Pending { left, reply: Mutex::new(Some(reply)) }))
    }

    /// One shard has it.
    pub(crate) fn confirm(&self) {
        if self.0.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let mut reply = self.0.reply.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(reply) = reply.take() {
                reply.give(());
            }
        }
    }
}

//! The ring of one owner of operations, with the groups that wait for it.
//!
//! The owner's own thread submits and looks for completions, without waiting. While it sleeps, a
//! thread of the database waits for the kernel's count of completions and wakes it.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::append::{Append, Fate, closed};
use super::{Completion, Wake};
use crate::disk::{Failure, Ticket};
use crate::uring::{Ring, count};

/// Shared by its owner and by whoever ends the database; the owner alone takes it before that.
#[derive(Clone)]
pub(super) struct RingWriter(Arc<Mutex<State>>);

struct State {
    /// None once the database is closed.
    ring: Option<Ring>,
    flying: Option<(Ticket, Append)>,
    waiting: VecDeque<(Ticket, Append)>,
    done: Vec<Completion>,
    fate: Arc<Fate>,
    /// Whether the owner may sleep while something is in flight.
    awaited: Arc<AtomicBool>,
}

impl RingWriter {
    pub(super) fn new(ring: Ring, fate: Arc<Fate>, awaited: Arc<AtomicBool>) -> RingWriter {
        let (waiting, done) = (VecDeque::new(), Vec::new());
        let state = State { ring: Some(ring), flying: None, waiting, done, fate, awaited };
        RingWriter(Arc::new(Mutex::new(state)))
    }

    /// Begins with a group, or has it wait for those before it. Whether something has completed by
    /// then: nobody is woken for that.
    pub(super) fn submit(&self, ticket: Ticket, append: Append) -> bool {
        let mut state = self.lock();
        state.waiting.push_back((ticket, append));
        state.go_on();
        !state.done.is_empty()
    }

    /// Moves what has completed to `completions`, and goes on.
    pub(super) fn completions(&self, completions: &mut Vec<Completion>) {
        let mut state = self.lock();
        state.go_on();
        completions.append(&mut state.done);
    }

    /// Carries all out that was submitted, and lets go of the ring.
    pub(super) fn close(&self) {
        let mut state = self.lock();
        while let Some(ring) = &mut state.ring
            && !ring.is_free()
        {
            let ended = ring.wait();
            state.landed(ended);
            state.go_on();
        }
        state.ring = None;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Whoever panicked here has ended the database.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Takes what has ended, and begins what waits.
    fn go_on(&mut self) {
        loop {
            if let Some(ended) = self.ring.as_mut().and_then(Ring::poll) {
                self.landed(ended);
            }
            if self.flying.is_some() {
                return;
            }
            let Some((ticket, append)) = self.waiting.pop_front() else { return };
            // What was submitted before the end is carried out: the ring is there until then.
            match (self.fate.poisoned(), &mut self.ring) {
                (Err(failure), _) => self.done.push((ticket, Err(failure))),
                (Ok(()), None) => self.done.push((ticket, Err(closed()))),
                (Ok(()), Some(ring)) => {
                    self.awaited.store(true, Ordering::SeqCst);
                    ring.begin(&append.file, append.offset, &append.bytes, append.len);
                    self.flying = Some((ticket, append));
                }
            }
        }
    }

    fn landed(&mut self, ended: io::Result<()>) {
        let (ticket, append) = self.flying.take().expect("what has ended was in flight");
        self.awaited.store(false, Ordering::SeqCst);
        // What failed may have been the sync: it is not tried again, and all hear of it.
        let result = ended.map_err(|error| self.fate.poison(append.failed(&error)));
        self.done.push((ticket, result));
    }
}

/// Waits for completions on all rings of a database, and wakes those who wait for them.
pub(super) struct Waker {
    count: File,
    shared: Arc<Sleepers>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Sleepers {
    ending: AtomicBool,
    all: Mutex<Vec<(Arc<AtomicBool>, Arc<Wake>)>>,
}

impl Waker {
    pub(super) fn start() -> Result<Waker, Failure> {
        let failure = |error: io::Error| Failure::of(&error);
        let count = count().map_err(failure)?;
        let shared = Arc::new(Sleepers::default());
        let (mut waits, sleepers) = (count.try_clone().map_err(failure)?, Arc::clone(&shared));
        let thread = Builder::new().name("sluice-wake".to_owned());
        let thread = thread.spawn(move || sleepers.run(&mut waits)).map_err(failure)?;
        Ok(Waker { count, shared, thread: Some(thread) })
    }

    /// Where the kernel counts.
    pub(super) fn count(&self) -> &File {
        &self.count
    }

    /// One more who is woken, while something is awaited.
    pub(super) fn add(&self, wake: Arc<Wake>) -> Arc<AtomicBool> {
        let awaited = Arc::new(AtomicBool::new(false));
        self.shared.lock().push((Arc::clone(&awaited), wake));
        awaited
    }
}

impl Sleepers {
    fn run(&self, count: &mut File) {
        let mut bytes = [0; 8];
        // It fails where a signal comes in between, and never for long.
        while !self.ending.load(Ordering::SeqCst) {
            if count.read_exact(&mut bytes).is_err() {
                continue;
            }
            for (awaited, wake) in self.lock().iter() {
                if awaited.load(Ordering::SeqCst) {
                    wake();
                }
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(Arc<AtomicBool>, Arc<Wake>)>> {
        self.all.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Waker {
    fn drop(&mut self) {
        self.shared.ending.store(true, Ordering::SeqCst);
        // The count has room for it, so the thread wakes and ends.
        let told = (&self.count).write_all(&1_u64.to_ne_bytes());
        if let (Ok(()), Some(thread)) = (told, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

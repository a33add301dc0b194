//! The thread that has pages put where shards will need them.

use super::mapped::Range;
use crate::shell::topology::bind_thread;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Weak};
use std::thread::{self, JoinHandle};

/// One thread for any number of regions. It ends when the last handle is dropped, regions that
/// were reserved with it among them.
#[derive(Clone)]
pub struct Populator {
    inner: Arc<Inner>,
}

struct Inner {
    /// Gone when the thread is told to end.
    jobs: Option<Sender<Job>>,
    thread: Option<JoinHandle<()>>,
    populated: Arc<AtomicU64>,
}

enum Job {
    /// Goes on towards what the range wants.
    Advance(Weak<Range>),
    /// Answers when everything before it is done.
    Answer(Sender<()>),
}

impl Populator {
    /// Starts the thread on the CPUs for housekeeping; on any if there are none or they are
    /// refused.
    pub fn start(housekeeping: &[u32]) -> io::Result<Populator> {
        let (jobs, taken) = mpsc::channel();
        let cpus = housekeeping.to_vec();
        let work = move || {
            if !cpus.is_empty() {
                // Anywhere else it does the same.
                let _ = bind_thread(&cpus);
            }
            work(&taken);
        };
        let thread = thread::Builder::new().name("sluice-populate".to_owned()).spawn(work)?;
        let populated = Arc::default();
        let inner = Inner { jobs: Some(jobs), thread: Some(thread), populated };
        Ok(Populator { inner: Arc::new(inner) })
    }

    /// Waits until everything that was wanted before is there.
    pub fn settle(&self) {
        let (answer, answered) = mpsc::channel();
        self.send(Job::Answer(answer));
        // An error means that the thread is gone, and with it everything it would do.
        let _ = answered.recv();
    }

    /// Bytes that are there for all its regions, used or ahead of use.
    pub fn populated_bytes(&self) -> u64 {
        self.inner.populated.load(Ordering::Relaxed)
    }

    pub(super) fn populated(&self) -> &Arc<AtomicU64> {
        &self.inner.populated
    }

    pub(super) fn tell(&self, range: &Arc<Range>) {
        self.send(Job::Advance(Arc::downgrade(range)));
    }

    fn send(&self, job: Job) {
        let jobs = self.inner.jobs.as_ref().expect("only drop takes it");
        // Without the thread owners populate what they come to.
        let _ = jobs.send(job);
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.jobs = None;
        if let Some(thread) = self.thread.take() {
            // It has nothing to say; a panic in it was printed.
            let _ = thread.join();
        }
    }
}

/// One step of one region at a time, so that none waits long behind another.
fn work(taken: &Receiver<Job>) {
    let mut open: Vec<Weak<Range>> = Vec::new();
    let mut answers: Vec<Sender<()>> = Vec::new();
    loop {
        // Sleeps only when there is nothing to do.
        let job = if open.is_empty() {
            for answer in answers.drain(..) {
                // Who asked may have left.
                let _ = answer.send(());
            }
            match taken.recv() {
                Ok(job) => Some(job),
                Err(_) => return,
            }
        } else {
            match taken.try_recv() {
                Ok(job) => Some(job),
                Err(mpsc::TryRecvError::Empty) => None,
                Err(mpsc::TryRecvError::Disconnected) => return,
            }
        };
        match job {
            Some(Job::Answer(answer)) => answers.push(answer),
            Some(Job::Advance(range)) => {
                if let Some(range) = range.upgrade() {
                    // What is wanted from here on is told again; what was, is read behind this.
                    range.told.swap(false, Ordering::AcqRel);
                }
                open.push(range);
            }
            None => {}
        }
        open.retain(|range| range.upgrade().is_some_and(|range| range.advance()));
    }
}

//! Wakes a thread that sleeps, and costs those that ring a load if it does not.
//!
//! The sleeper arms the bell, fences, and looks once more at everything that could be there for it;
//! only then it sleeps. Whoever has something for it publishes that, fences, and looks whether the
//! bell is armed. One of the two sees the other.

use std::future::Future;
use std::pin::Pin;
use std::sync::PoisonError;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use super::sync::{AtomicBool, Condvar, Mutex, MutexGuard, Ordering, fence};

/// One sleeper's bell, on cache lines of its own: all who ring look at it, with each push.
#[repr(align(128))]
pub(crate) struct Bell {
    armed: AtomicBool,
    /// The sleeper, if it is a task.
    task: Mutex<Option<Waker>>,
    /// Where it sleeps, if it is a thread.
    rung: Condvar,
}

impl Bell {
    /// A bell nobody sleeps at.
    pub(crate) fn new() -> Bell {
        Bell { armed: AtomicBool::new(false), task: Mutex::new(None), rung: Condvar::new() }
    }

    /// Wakes the sleeper if there is one. What it is to find has been published.
    #[inline]
    pub(crate) fn ring(&self) {
        fence(Ordering::SeqCst);
        if self.armed.load(Ordering::Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        if !self.armed.swap(false, Ordering::AcqRel) {
            return;
        }
        // The lock is taken after the swap: a sleeper that has not lain down yet finds the bell
        // disarmed when it does, and one that has is reached.
        let task = self.lock();
        self.rung.notify_all();
        if let Some(waker) = &*task {
            waker.wake_by_ref();
        }
    }

    /// Announces that the caller is about to sleep: it must look for work once more, and then
    /// either [`Bell::disarm`] or sleep.
    pub(crate) fn arm(&self) {
        self.armed.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
    }

    /// There was work after all.
    pub(crate) fn disarm(&self) {
        self.armed.store(false, Ordering::Relaxed);
    }

    /// Blocks this thread until somebody rings, or some time has passed. Returns at once if somebody
    /// has rung since [`Bell::arm`].
    pub(crate) fn sleep(&self, at_most: Option<Duration>) {
        let mut asleep = self.lock();
        while self.armed.load(Ordering::Acquire) {
            let Some(time) = at_most else {
                asleep = self.rung.wait(asleep).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            let woken = self.rung.wait_timeout(asleep, time);
            let (still, passed) = woken.unwrap_or_else(PoisonError::into_inner);
            asleep = still;
            if passed.timed_out() {
                break;
            }
        }
        drop(asleep);
        self.disarm();
    }

    /// Sleeps as a task until somebody rings.
    pub(crate) fn rung(&self) -> Rung<'_> {
        Rung(self)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Waker>> {
        // A waker that panics leaves the place as it was.
        self.task.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Done once the bell has been rung.
pub(crate) struct Rung<'a>(&'a Bell);

impl Future for Rung<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        *self.0.lock() = Some(context.waker().clone());
        if self.0.armed.load(Ordering::Acquire) { Poll::Pending } else { Poll::Ready(()) }
    }
}

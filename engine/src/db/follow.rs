//! Streams that live as long as the subscriber that asked for them.
//!
//! A subscription may be dropped anywhere, also in a callback on a shard's turn, and taking a stream
//! away waits for all shards. So whoever drops it only says so, and a thread that comes and goes does
//! the rest; a database that its caller turns does it in its next turn.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use sluicedb_sql::Schema;
use sluicedb_sql::catalog::{Catalog, Following};

use super::error::Error;
use super::history::{Said, What};
use super::session::{Patience, Session};
use super::subscribe::{SubscribeOptions, Subscription};

/// Takes away the streams that have been left; false where there is no database any more.
type Sweep = Box<dyn Fn() -> bool + Send + Sync>;

/// Streams whose subscribers are gone.
#[derive(Default)]
pub(super) struct Left {
    names: Mutex<Names>,
    /// Whether there are any: spares the lock.
    any: AtomicBool,
    /// None where the caller turns the database.
    sweep: OnceLock<Sweep>,
}

#[derive(Default)]
struct Names {
    waiting: Vec<String>,
    /// Whether a thread takes them away already.
    swept: bool,
}

/// Says that a stream has been left, when it is dropped.
pub(super) struct Lease {
    name: String,
    left: Arc<Left>,
}

impl Left {
    /// Has streams taken away as soon as they are left.
    pub(super) fn sweep_with(&self, sweep: Sweep) {
        assert!(self.sweep.set(sweep).is_ok(), "a database is made once");
    }

    pub(super) fn lease(self: &Arc<Left>, name: &str) -> Lease {
        Lease { name: name.to_owned(), left: Arc::clone(self) }
    }

    #[inline]
    pub(super) fn any(&self) -> bool {
        self.any.load(Ordering::Acquire)
    }

    /// Whether a thread takes streams away.
    pub(super) fn is_swept(&self) -> bool {
        self.lock().swept
    }

    /// Takes the names of those that were left so far.
    pub(super) fn take(&self) -> Vec<String> {
        let mut names = self.lock();
        self.any.store(false, Ordering::Release);
        std::mem::take(&mut names.waiting)
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sweeps until nothing is left.
    fn run(&self) {
        let Some(sweep) = self.sweep.get() else { return };
        while sweep() {
            let mut names = self.lock();
            if names.waiting.is_empty() {
                names.swept = false;
                return;
            }
        }
        self.lock().swept = false;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut names = self.left.lock();
        names.waiting.push(std::mem::take(&mut self.name));
        self.left.any.store(true, Ordering::Release);
        if names.swept || self.left.sweep.get().is_none() {
            return;
        }
        names.swept = true;
        drop(names);
        let left = Arc::clone(&self.left);
        let thread = std::thread::Builder::new().name("sluice-sweep".to_owned());
        if thread.spawn(move || left.run()).is_err() {
            // The next one that is left, or the next statement, tries again.
            self.left.lock().swept = false;
        }
    }
}

/// Goes on with the stream that comes with a subscription, and follows it. `installed` takes down
/// that the stream is there. In a directory it is part of the history until it has gone.
pub(super) fn come(
    session: &Session,
    patience: &mut impl Patience,
    following: &Following,
    (comes, said): (Catalog, (&str, Vec<Schema>)),
    lease: Lease,
    installed: impl FnOnce(Catalog),
) -> Result<Subscription, Error> {
    let Following { name, with_snapshot, comes: _ } = following;
    let (text, columns) = said;
    let (what, outside) = (What::Subscribed, false);
    let said = Said { what, text, catalog: &comes, columns, outside };
    let mut subscription = if *with_snapshot {
        let followed = [(name.as_str(), SubscribeOptions::default())];
        let mut subscriptions = session.install_said(patience, comes.plan(), &followed, said)?;
        installed(comes);
        subscriptions.remove(0)
    } else {
        session.install_said(patience, comes.plan(), &[], said)?;
        installed(comes);
        // What it begins with, where it reads a view, is handed on before anybody listens.
        session.flush(patience)?;
        session.subscribe(patience, name, SubscribeOptions::default())?
    };
    subscription.lease(lease);
    Ok(subscription)
}

/// The catalog without streams whose subscribers are gone, once it is in place, if any of them was there.
pub(super) fn leave(
    session: &Session,
    patience: &mut impl Patience,
    catalog: &Catalog,
    names: &[String],
) -> Result<Option<Catalog>, Error> {
    let mut left = None;
    // One at a time: in a directory each is an entry of the history.
    for name in names {
        let before = left.as_ref().unwrap_or(catalog);
        let Some(next) = before.without_subscriptions(std::slice::from_ref(name))? else {
            continue;
        };
        let (what, columns, outside) = (What::Left, Vec::new(), false);
        let said = Said { what, text: name, catalog: &next, columns, outside };
        session.install_said(patience, next.plan(), &[], said)?;
        left = Some(next);
    }
    Ok(left)
}

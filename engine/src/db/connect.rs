//! What reaches outside: sources and sinks that the application has linked.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use ::arrow::array::RecordBatch;
use sluicedb_sql::catalog::{Catalog, Definition, Object};
use sluicedb_sql::dialect::syntax::Connector;
use sluicedb_sql::{Schema, SqlError};

use super::error::{Error, PushError};
use super::kept::Kept;
use super::rejected::{Rejected, Rejections};
use super::session::{Patience, Session};
use super::source::BatchSource;
use super::subscribe::{SubscribeOptions, Subscription};
use crate::core::feeder::Position;
use crate::core::limits::REJECTED_BYTES_MAX;
use crate::shell::{Ending, Overflow};

/// Knows what `FROM KIND (..)` and `INTO KIND (..)` mean.
pub trait Connectors: std::fmt::Debug + Send + Sync {
    /// What feeds a source; refuses options that are wrong before anything is created.
    fn source(&self, connector: &Connector, schema: &Schema) -> Result<Box<dyn Feed>, SqlError>;

    /// The columns that a connector has by itself: those of a file, of rows that are made up.
    fn columns(&self, connector: &Connector) -> Result<Schema, SqlError>;

    /// All rows of a file as it is at the moment, with these columns.
    fn rows(&self, connector: &Connector, schema: &Schema) -> Result<Vec<RecordBatch>, SqlError>;

    /// What takes the changes of a relation to where they go; `retracts` says whether rows of it can
    /// go again. Changes nothing outside yet: the statement may still fail.
    fn sink(
        &self,
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<Box<dyn Drain>, SqlError>;

    /// The same in a database with a directory: what writes in step with its checkpoints. Refuses
    /// what cannot, and what it could not go on with after a restart.
    fn kept_sink(
        &self,
        connector: &Connector,
        schema: &Schema,
        retracts: bool,
    ) -> Result<Box<dyn KeptDrain>, SqlError>;
}

/// Feeds a source, on a thread of its own.
pub trait Feed: Send {
    /// Whether it comes to an end by itself: a file that is not followed, a number of rows.
    fn ends(&self) -> bool;

    /// Whether it can read its rows again from any [`Position`](super::Position) that it pushed them
    /// with. Only such a source may feed a database with a directory: its rows are not logged, and
    /// those behind the last checkpoint are read once more after a crash.
    fn resumes(&self) -> bool;

    /// Pushes until there is no more, or until it is to stop. One that comes to the end of its input
    /// calls [`BatchSource::finish`], so that all windows close. One that resumes begins at
    /// [`BatchSource::position`], and pushes with [`BatchSource::push_wait_at`].
    ///
    /// What a push fails by ends it: it passes that on. It looks at [`Link::is_stopped`] between two
    /// pushes.
    fn run(self: Box<Self>, source: BatchSource, link: &Link) -> Result<(), Fault>;
}

/// Takes changes outside, on a thread of its own.
pub trait Drain: Send {
    /// Writes until the subscription ends, or until it is to stop, and leaves whole what it wrote.
    fn run(self: Box<Self>, changes: Subscription, link: &Link) -> Result<(), Fault>;
}

/// Takes changes outside in step with checkpoints, so that each of them is there once whatever
/// happens to the process.
pub trait KeptDrain: Send {
    /// Refuses to begin where something is in the way, before its sink is created.
    fn check_fresh(&self) -> Result<(), SqlError>;

    /// Writes until there is nothing more, from [`Kept::position`] on: what lies behind that, of an
    /// earlier life, is given again and is to go first.
    ///
    /// At each [`Given::Mark`](super::Given::Mark) it makes safe what it was given so far, and says
    /// so; until then no checkpoint is sealed.
    fn run(self: Box<Self>, changes: Kept, link: &Link) -> Result<(), Fault>;
}

/// Why a source or sink ended before its time.
#[derive(Debug)]
pub enum Fault {
    /// The database ended, or took the relation away.
    Ended(Ending),
    /// Anything else, with what to do about it.
    Failed(String),
}

impl From<PushError> for Fault {
    fn from(error: PushError) -> Fault {
        match error {
            PushError::Ended(ending) => Fault::Ended(ending),
            error => Fault::Failed(error.to_string()),
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Ended(ending) => Fault::Ended(ending),
            error => Fault::Failed(error.to_string()),
        }
    }
}

/// What a source or sink that runs and its database have of each other.
#[derive(Clone, Debug)]
pub struct Link(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    name: String,
    stopped: AtomicBool,
    ended: AtomicBool,
    paused: Mutex<bool>,
    /// It goes on, or is to come to its end.
    resumed: Condvar,
    rejected: AtomicU64,
    last_error: Mutex<Option<String>>,
    letters: Arc<Rejections>,
}

/// How a source or sink that reaches outside fares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkStatus {
    /// Its name.
    pub name: String,
    /// Whether its thread runs.
    pub runs: bool,
    /// Whether it was told to stop for a while.
    pub paused: bool,
    /// Rows that could not be read or written; the others go on.
    pub rejected: u64,
    /// Why the last one could not, or why it ended before its time.
    pub last_error: Option<String>,
}

impl Link {
    fn new(name: &str, letters: &Arc<Rejections>) -> Link {
        Link(Arc::new(Shared {
            letters: Arc::clone(letters),
            name: name.to_owned(),
            stopped: AtomicBool::new(false),
            ended: AtomicBool::new(true),
            paused: Mutex::new(false),
            resumed: Condvar::new(),
            rejected: AtomicU64::new(0),
            last_error: Mutex::new(None),
        }))
    }

    /// Of what could not be started, and why.
    pub(super) fn failed(name: &str, letters: &Arc<Rejections>, why: &Error) -> Link {
        let link = Link::new(name, letters);
        *link.last_error() = Some(why.to_string());
        link
    }

    /// Whether it is to come to its end.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::Acquire)
    }

    /// Has a source stop before it pushes again, or lets it go on. Whether that changes anything.
    pub(super) fn pause(&self, paused: bool) -> bool {
        let before = std::mem::replace(&mut *self.paused(), paused);
        self.0.resumed.notify_all();
        before != paused
    }

    pub(super) fn is_paused(&self) -> bool {
        *self.paused()
    }

    /// Waits while it is paused, and not to come to its end.
    pub(super) fn wait_while_paused(&self) {
        let mut paused = self.paused();
        while *paused && !self.is_stopped() {
            paused = self.0.resumed.wait(paused).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn paused(&self) -> MutexGuard<'_, bool> {
        self.0.paused.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a row that cannot be read or written, and keeps the reason. The others go on.
    pub fn reject(&self, why: impl Into<String>) {
        let why = why.into();
        self.keep(Rejected { reason: why.clone(), ..Rejected::of(&self.0.name) }, why);
    }

    /// The same where the row is known: `position` says where it stands, in words; `offset` is the
    /// position in the source to which one goes back to read it again; `raw` are its bytes.
    pub fn reject_raw(&self, position: &str, offset: u64, raw: &[u8], why: &str) {
        let rejected = Rejected {
            position: Some(position.to_owned()),
            offset: Some(offset),
            raw: (!raw.is_empty()).then(|| raw[..raw.len().min(REJECTED_BYTES_MAX)].to_vec()),
            reason: why.to_owned(),
            ..Rejected::of(&self.0.name)
        };
        self.keep(rejected, format!("{position}: {why}"));
    }

    fn keep(&self, rejected: Rejected, why: String) {
        self.0.letters.keep(rejected);
        self.0.rejected.fetch_add(1, Ordering::Relaxed);
        *self.last_error() = Some(why);
    }

    fn last_error(&self) -> MutexGuard<'_, Option<String>> {
        self.0.last_error.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes down how it ended. The end of the database, or of its relation, is none of its faults.
    fn end(&self, result: Result<(), Fault>) {
        match result {
            Ok(()) | Err(Fault::Ended(Ending::Closed | Ending::Dropped(_))) => {}
            Err(Fault::Ended(ending)) => *self.last_error() = Some(ending.to_string()),
            Err(Fault::Failed(why)) => *self.last_error() = Some(why),
        }
    }

    pub(super) fn name(&self) -> &str {
        &self.0.name
    }

    pub(super) fn status(&self) -> LinkStatus {
        LinkStatus {
            name: self.0.name.clone(),
            runs: !self.0.ended.load(Ordering::Acquire),
            paused: self.is_paused(),
            rejected: self.0.rejected.load(Ordering::Relaxed),
            last_error: self.last_error().clone(),
        }
    }
}

/// Says that a thread has ended, also where it panicked.
struct Ends(Link);

impl Drop for Ends {
    fn drop(&mut self) {
        if std::thread::panicking() {
            *self.0.last_error() = Some("it panicked, which is a bug of the connector".to_owned());
        }
        self.0.0.ended.store(true, Ordering::Release);
    }
}

/// A source or sink that is ready to start.
pub(super) struct Plan {
    link: Link,
    work: Work,
}

enum Work {
    Feed(Box<dyn Feed>),
    Drain(Box<dyn Drain>),
    Kept(Box<dyn KeptDrain>),
}

/// A source or sink that runs.
pub(super) struct Running {
    feeds: bool,
    ends: bool,
    link: Link,
    thread: JoinHandle<()>,
}

impl Plan {
    pub(super) fn new(
        connectors: &dyn Connectors,
        catalog: &Catalog,
        object: &Object,
        connector: &Connector,
        (letters, saves): (&Arc<Rejections>, bool),
    ) -> Result<Plan, SqlError> {
        let work = match &object.definition {
            Definition::Sink { node, .. } => {
                let retracts = catalog.plan().node(*node).retracts;
                if saves {
                    Work::Kept(connectors.kept_sink(connector, &object.schema, retracts)?)
                } else {
                    Work::Drain(connectors.sink(connector, &object.schema, retracts)?)
                }
            }
            _ => Work::Feed(connectors.source(connector, &object.schema)?),
        };
        Ok(Plan { link: Link::new(&object.name, letters), work })
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Refuses to begin where something is in the way.
    pub(super) fn check_fresh(&self) -> Result<(), SqlError> {
        match &self.work {
            Work::Kept(drain) => drain.check_fresh(),
            Work::Feed(_) | Work::Drain(_) => Ok(()),
        }
    }

    /// Whether it goes on after a restart where it was.
    pub(super) fn resumes(&self) -> bool {
        match &self.work {
            Work::Feed(feed) => feed.resumes(),
            Work::Drain(_) => false,
            Work::Kept(_) => true,
        }
    }

    /// Whether it is a source that comes to an end by itself.
    pub(super) fn ends(&self) -> bool {
        matches!(&self.work, Work::Feed(feed) if feed.ends())
    }

    /// Whether it is a source.
    pub(super) fn feeds(&self) -> bool {
        matches!(self.work, Work::Feed(_))
    }

    /// How what it puts out is followed, of a sink: it loses nothing, and whoever pushes waits for it.
    pub(super) fn follows(&self) -> Option<(&str, SubscribeOptions)> {
        let options = SubscribeOptions { overflow: Overflow::Block, ..SubscribeOptions::default() };
        (!self.feeds()).then(|| (self.link.name(), options))
    }

    /// Starts it; `changes` is what a sink follows, from the first change on, and `position` where it
    /// goes on.
    pub(super) fn start(
        self,
        session: &Session,
        patience: &mut impl Patience,
        (changes, position): (Option<Subscription>, Option<Position>),
    ) -> Result<Running, Error> {
        let Plan { link, work } = self;
        match work {
            Work::Feed(feed) => {
                let mut source = session.outside_source(patience, link.name())?;
                source.pause_with(&link);
                if session.contact.saves {
                    source.keep_positions();
                }
                let ends = feed.ends();
                Running::start(link, true, ends, move |link| feed.run(source, link))
            }
            Work::Drain(drain) => {
                let changes = changes.expect("a sink is followed from the start");
                Running::start(link, false, false, move |link| drain.run(changes, link))
            }
            Work::Kept(drain) => {
                let changes = changes.expect("a sink is followed from the start");
                let changes = Kept::new(changes, session.keeper(link.name(), position)?);
                Running::start(link, false, false, move |link| drain.run(changes, link))
            }
        }
    }
}

impl Running {
    fn start(
        link: Link,
        feeds: bool,
        ends: bool,
        run: impl FnOnce(&Link) -> Result<(), Fault> + Send + 'static,
    ) -> Result<Running, Error> {
        let name = link.name().to_owned();
        link.0.ended.store(false, Ordering::Release);
        let ending = Ends(link.clone());
        let thread = std::thread::Builder::new().name(format!("sluice-{name}"));
        let started = thread.spawn(move || ending.0.end(run(&ending.0)));
        let thread = started.map_err(|error| {
            Error::Sql(SqlError::resources(format!("no thread for \"{name}\": {error}")))
        })?;
        Ok(Running { feeds, ends, link, thread })
    }

    pub(super) fn link(&self) -> &Link {
        &self.link
    }

    /// Whether it is a source.
    pub(super) fn feeds(&self) -> bool {
        self.feeds
    }

    /// Whether it comes to an end by itself.
    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    /// Whether it has come to its end.
    pub(super) fn is_over(&self) -> bool {
        self.thread.is_finished()
    }

    pub(super) fn stop(&self) {
        let shared = &self.link.0;
        // Under the lock, so that it is not missed between a look at it and the sleep.
        let paused = self.link.paused();
        shared.stopped.store(true, Ordering::Release);
        drop(paused);
        shared.resumed.notify_all();
    }

    pub(super) fn join(self) {
        // A panic of a connector is its own end, and was taken down.
        let _ended = self.thread.join();
    }
}

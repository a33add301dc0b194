//! What reaches outside: sources and sinks that the application has linked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use sluicedb_sql::catalog::{Definition, Object};
use sluicedb_sql::dialect::syntax::Connector;
use sluicedb_sql::{Schema, SqlError};

use super::error::Error;
use super::session::{Patience, Session};
use super::source::BatchSource;
use super::subscribe::{SubscribeOptions, Subscription};

/// Knows what `FROM KIND (..)` and `INTO KIND (..)` mean.
pub trait Connectors: std::fmt::Debug + Send + Sync {
    /// What feeds a source; refuses options that are wrong before anything is created.
    fn source(&self, connector: &Connector, schema: &Schema) -> Result<Box<dyn Feed>, SqlError>;

    /// What takes the changes of a relation to where they go.
    fn sink(&self, connector: &Connector, schema: &Schema) -> Result<Box<dyn Drain>, SqlError>;
}

/// Feeds a source, on a thread of its own.
pub trait Feed: Send {
    /// Whether it comes to an end by itself: a file that is not followed, a number of rows.
    fn ends(&self) -> bool;

    /// Pushes until there is no more, or until it is to stop.
    fn run(self: Box<Self>, source: BatchSource, stop: &Stop) -> Result<(), Error>;
}

/// Takes changes outside, on a thread of its own.
pub trait Drain: Send {
    /// Writes until the subscription ends.
    fn run(self: Box<Self>, changes: Subscription, stop: &Stop) -> Result<(), Error>;
}

/// Whether a thread is to come to its end.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Whether it is.
    pub fn is_asked(&self) -> bool {
        self.0.load(Ordering::Acquire)
    }

    fn ask(&self) {
        self.0.store(true, Ordering::Release);
    }
}

/// A source or sink that is ready to start.
pub(super) struct Plan {
    name: String,
    work: Work,
}

enum Work {
    Feed(Box<dyn Feed>),
    Drain(Box<dyn Drain>),
}

/// A source or sink that runs.
pub(super) struct Running {
    name: String,
    ends: bool,
    stop: Stop,
    thread: JoinHandle<()>,
}

impl Plan {
    pub(super) fn new(
        connectors: &dyn Connectors,
        object: &Object,
        connector: &Connector,
    ) -> Result<Plan, SqlError> {
        let work = match &object.definition {
            Definition::Sink { .. } => Work::Drain(connectors.sink(connector, &object.schema)?),
            _ => Work::Feed(connectors.source(connector, &object.schema)?),
        };
        Ok(Plan { name: object.name.clone(), work })
    }

    pub(super) fn start(
        self,
        session: &Session,
        patience: &mut impl Patience,
    ) -> Result<Running, Error> {
        let Plan { name, work } = self;
        let stop = Stop::default();
        let asked = stop.clone();
        let thread = std::thread::Builder::new().name(format!("sluice-{name}"));
        let (ends, started) = match work {
            Work::Feed(feed) => {
                let source = session.batch_source(patience, &name)?;
                let ends = feed.ends();
                (ends, thread.spawn(move || report(feed.run(source, &asked))))
            }
            Work::Drain(drain) => {
                let options = SubscribeOptions::default();
                let changes = session.subscribe(patience, &name, options)?;
                (false, thread.spawn(move || report(drain.run(changes, &asked))))
            }
        };
        let thread = started.map_err(|error| {
            Error::Sql(SqlError::resources(format!("no thread for \"{name}\": {error}")))
        })?;
        Ok(Running { name, ends, stop, thread })
    }
}

/// A connector that fails ends; its database goes on.
fn report(result: Result<(), Error>) {
    drop(result);
}

impl Running {
    pub(super) fn is_of(&self, name: &str) -> bool {
        self.name == name
    }

    pub(super) fn ends(&self) -> bool {
        self.ends
    }

    pub(super) fn stop(&self) {
        self.stop.ask();
    }

    pub(super) fn join(self) {
        // A panic of a connector is its own end.
        let _ended = self.thread.join();
    }
}

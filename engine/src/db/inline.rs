//! The database that its caller turns.

use std::path::Path;
use std::time::{Duration, Instant};

use sluicedb_sql::{Plan, Value};

use super::backup::Backup;
use super::changes::Changes;
use super::database::Stats;
use super::error::Error;
use super::outcome::{Outcome, RowSet};
use super::parameters::Parameters;
use super::prepared::Prepared;
use super::producer::{BatchProducer, Producer};
use super::row::Row;
use super::session::{Begun, Patience, Session};
use super::source::{BatchSource, Source};
use super::statement::{self, Language};
use super::subscribe::{SubscribeOptions, Subscription};
use super::view::{Key, View};
use crate::shell::inbox::Answer;
use crate::shell::start::Inline;

/// A database without threads: it runs where [`InlineDatabase::turn`] is called, between two things
/// that an application's own loop does.
///
/// What is pushed waits until the next turn. Calls that must wait for the database turn it
/// themselves. It stays on the thread that made it, so that its callbacks need not be `Send`; its
/// [`Builder`](super::Builder) and its handles go anywhere.
///
/// ```
/// use sluicedb::db::{Database, Row, schema};
/// use sluicedb::plan::Builder;
/// use std::cell::Cell;
/// use std::rc::Rc;
///
/// #[derive(Row)]
/// struct Tick {
///     price: i64,
/// }
///
/// let mut plan = Builder::new();
/// let ticks = plan.source("ticks", schema::<Tick>()?, None)?;
/// plan.stream(ticks, "all")?;
/// let mut db = Database::builder().inline(&plan.finish()?)?;
///
/// let last = Rc::new(Cell::new(0));
/// let seen = last.clone();
/// db.on_changes("all", move |changes| {
///     let prices = changes.column::<i64>("price").expect("a column of the stream");
///     seen.set(prices.get(changes.len() - 1));
/// })?;
/// let mut ticks = db.source::<Tick>("ticks")?;
/// ticks.push(&Tick { price: 101 })?;
/// db.turn();
/// assert_eq!(last.get(), 101);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct InlineDatabase {
    session: Session,
    inline: Inline,
    language: Language,
}

/// Turns the database until the answer is there.
struct Turning<'a>(&'a mut Inline);

impl Patience for Turning<'_> {
    fn may_wait(&self) -> Result<(), Error> {
        Ok(())
    }

    fn wait<T>(&mut self, answer: Answer<T>) -> Result<T, Error> {
        loop {
            if let Some(answer) = answer.poll() {
                return Ok(answer?);
            }
            if !self.0.turn() {
                // Only a disk is waited for without anything to do.
                std::thread::yield_now();
            }
        }
    }

    fn wait_at_most<T>(&mut self, answer: &Answer<T>, time: Duration) -> Result<Option<T>, Error> {
        let since = Instant::now();
        while since.elapsed() < time {
            if let Some(answer) = answer.poll() {
                return Ok(Some(answer?));
            }
            if !self.0.turn() {
                std::thread::yield_now();
            }
        }
        Ok(None)
    }

    fn find<'v>(&mut self, view: &'v mut View, key: &[Value]) -> Result<Changes<'v>, Error> {
        match view.question(&key)? {
            None => Ok(view.none()),
            Some((shard, mut lookup)) => {
                self.0.look_up(shard, &mut lookup)?;
                Ok(view.answered(lookup))
            }
        }
    }
}

impl InlineDatabase {
    pub(super) fn new(
        inline: Inline,
        begun: Begun,
        language: Language,
    ) -> Result<InlineDatabase, Error> {
        let session = Session::new(inline.contact.clone(), begun, true)?;
        let mut inline = inline;
        if inline.replays {
            // Views are whole when they are first looked at.
            session.flush(&mut Turning(&mut inline))?;
        }
        if session.contact.saves {
            language.resume_sources(&session, &mut Turning(&mut inline))?;
            language.forget_subscribers(&session, &mut Turning(&mut inline))?;
        }
        Ok(InlineDatabase { session, inline, language })
    }

    /// One turn: takes what was pushed, works on it, calls callbacks. Returns whether there was
    /// anything to do; call it again until there is not, or go on with something else.
    ///
    /// Epochs end by the clock, so an idle loop should still turn now and then. A callback that panics
    /// ends the database, and [`InlineDatabase::check`] says so; the loop goes on.
    #[inline]
    pub fn turn(&mut self) -> bool {
        let worked = self.inline.turn();
        if self.language.left().any() {
            self.sweep();
        }
        worked
    }

    /// Takes away the streams whose subscribers are gone.
    #[cold]
    fn sweep(&mut self) {
        let InlineDatabase { session, inline, language } = self;
        // Only a database that has ended refuses, and its streams ended with it.
        let _ended = language.sweep(session, &mut Turning(inline));
    }

    /// A handle that takes rows of a struct, whose fields must be the columns of the source.
    pub fn source<R: Row>(&mut self, name: &str) -> Result<Source<R>, Error> {
        self.session.source(&mut Turning(&mut self.inline), name)
    }

    /// A handle that takes Arrow record batches.
    pub fn batch_source(&mut self, name: &str) -> Result<BatchSource, Error> {
        self.session.batch_source(&mut Turning(&mut self.inline), name)
    }

    /// A handle that pushes rows of a struct under a name; see
    /// [`Database::producer`](super::Database::producer).
    pub fn producer<R: Row>(&mut self, source: &str, name: &str) -> Result<Producer<R>, Error> {
        self.session.producer(&mut Turning(&mut self.inline), (source, name))
    }

    /// The same for Arrow record batches.
    pub fn batch_producer(&mut self, source: &str, name: &str) -> Result<BatchProducer, Error> {
        self.session.batch_producer(&mut Turning(&mut self.inline), (source, name))
    }

    /// The changes of a view or stream from here on, to be taken with
    /// [`Subscription::try_next`].
    pub fn subscribe(&mut self, name: &str) -> Result<Subscription, Error> {
        let options = SubscribeOptions::default();
        self.session.subscribe(&mut Turning(&mut self.inline), name, options)
    }

    /// Calls a function with the changes of a view or stream from the next turn on, within the turn
    /// that makes them. It runs on this thread only, and may hold what stays there.
    pub fn on_changes(
        &mut self,
        name: &str,
        call: impl FnMut(&Changes<'_>) + 'static,
    ) -> Result<(), Error> {
        let (view, call) = self.session.local_call(name, call)?;
        self.inline.add_call(view, call);
        Ok(())
    }

    /// Prepares lookups in a view, to be made with [`InlineDatabase::get`].
    pub fn view(&mut self, name: &str) -> Result<View, Error> {
        self.session.view(&mut Turning(&mut self.inline), name)
    }

    /// The rows of a view with this key, as they are between two turns.
    #[inline]
    pub fn get<'v>(&self, view: &'v mut View, key: impl Key) -> Result<Changes<'v>, Error> {
        view.is_of(&self.session.contact.life)?;
        match view.question(&key)? {
            None => Ok(view.none()),
            Some((shard, mut lookup)) => {
                self.inline.look_up(shard, &mut lookup)?;
                Ok(view.answered(lookup))
            }
        }
    }

    /// Turns until everything that was pushed before is worked on.
    pub fn flush(&mut self) -> Result<(), Error> {
        self.session.flush(&mut Turning(&mut self.inline))
    }

    /// Copies all that was pushed before into another directory; see
    /// [`Database::backup_to`](super::Database::backup_to). It turns until there is a checkpoint, and not
    /// while it copies.
    pub fn backup_to(&mut self, directory: impl AsRef<Path>) -> Result<Backup, Error> {
        self.session.backup(&mut Turning(&mut self.inline), directory.as_ref())
    }

    /// The plan that runs, to be gone on from; see [`InlineDatabase::install`].
    pub fn plan(&self) -> Plan {
        self.session.catalog().plan.clone()
    }

    /// Goes on with another plan, as [`Database::install`](super::Database::install) does; turns until
    /// that is there.
    pub fn install(&mut self, plan: &Plan) -> Result<(), Error> {
        self.language.install(&self.session, &mut Turning(&mut self.inline), plan)
    }

    /// Carries out one statement of SQL; turns until that is done.
    pub fn execute(&mut self, text: &str) -> Result<Outcome, Error> {
        let statement = statement::single(text)?;
        let InlineDatabase { session, inline, language } = self;
        language.run(session, &mut Turning(inline), &statement, text)
    }

    /// The rows of a query; turns until they are there.
    pub fn query(&mut self, text: &str) -> Result<RowSet, Error> {
        self.execute(text)?.into_rows()
    }

    /// Plans a query or an INSERT, to be carried out many times; see
    /// [`Database::prepare`](super::Database::prepare). A query for one key of a view is then
    /// answered without a turn.
    pub fn prepare(&mut self, text: &str) -> Result<Prepared, Error> {
        let InlineDatabase { session, inline, language } = self;
        language.prepare(session, &mut Turning(inline), text, &[])
    }

    /// Carries out a prepared statement with these values for its parameters; turns until that is
    /// done.
    pub fn execute_with(
        &mut self,
        prepared: &mut Prepared,
        parameters: impl Parameters,
    ) -> Result<Outcome, Error> {
        let InlineDatabase { session, inline, language } = self;
        language.run_prepared(session, &mut Turning(inline), prepared, parameters)
    }

    /// The rows of a prepared query with these values for its parameters.
    pub fn query_with(
        &mut self,
        prepared: &mut Prepared,
        parameters: impl Parameters,
    ) -> Result<RowSet, Error> {
        self.execute_with(prepared, parameters)?.into_rows()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.language.outside().stats(&self.session)
    }

    /// Why the database has ended, if it has.
    pub fn check(&self) -> Result<(), Error> {
        Ok(self.session.contact.life.check()?)
    }
}

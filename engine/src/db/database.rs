//! The database that runs on threads of its own.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sluicedb_sql::{Plan, Value};
use sluicedb_wal::SyncPath;

use super::backup::{self, Backup};
use super::builder::Builder;
use super::changes::Changes;
use super::connect::LinkStatus;
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
use super::view::View;
use crate::shell::inbox::Answer;
use crate::shell::memory::Budget;
use crate::shell::start::Running;
use crate::shell::topology::Placement;
use crate::shell::{Ending, Runtime, in_turn};
use sluicedb_sql::dialect::Parsed;

/// A database: queries that are kept up to date while rows are pushed.
///
/// A handle is cheap to clone and can be used from any thread. The database ends with
/// [`Database::close`] or when its last handle is dropped; sources, subscriptions and views that are
/// still there then say so.
///
/// ```
/// use sluicedb::db::{Database, FromRow, Row, schema};
/// use sluicedb::plan::{AggregateSpec, Builder, Function};
///
/// #[derive(Row)]
/// struct Trade<'a> {
///     symbol: &'a str,
///     price: i64,
///     #[row(timestamp)]
///     ts: i64,
/// }
///
/// #[derive(FromRow, Debug, PartialEq)]
/// struct Bar {
///     #[row(timestamp)]
///     window_start: i64,
///     #[row(timestamp)]
///     window_end: i64,
///     symbol: String,
///     high: Option<i64>,
/// }
///
/// let mut plan = Builder::new();
/// let trades = plan.source("trades", schema::<Trade>()?, Some(("ts", 0)))?;
/// let seconds = AggregateSpec::by(["symbol"]).tumble("ts", 1_000_000);
/// let bars = seconds.compute("high", Function::Max, "price").on_close();
/// let bars = plan.aggregate(trades, &bars)?;
/// plan.view(bars, "bars", &[])?;
///
/// let db = Database::memory(&plan.finish()?)?;
/// let mut bars = db.subscribe("bars")?;
/// let mut trades = db.source::<Trade>("trades")?;
/// trades.push(&Trade { symbol: "ACME", price: 101, ts: 200_000 })?;
/// trades.push(&Trade { symbol: "ACME", price: 107, ts: 900_000 })?;
/// trades.push(&Trade { symbol: "ACME", price: 104, ts: 1_000_000 })?; // closes the first second
///
/// let closed = bars.next().expect("the database runs")?;
/// let (bar, weight) = closed.changes().rows::<Bar>().next().expect("one bar")?;
/// assert_eq!((bar.symbol.as_str(), bar.high, weight), ("ACME", Some(107), 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
    /// Dropped with the last handle.
    _end: Arc<End>,
}

/// Ends the database with the last handle, whoever else has a hold of it for a moment: its directory is
/// free then.
struct End(Arc<Inner>);

struct Inner {
    session: Session,
    running: Mutex<Running>,
    machine: Machine,
    language: Language,
}

/// Where a database runs, and on what.
pub(super) struct Machine {
    pub(super) placement: Placement,
    pub(super) budget: Budget,
    pub(super) runtime: Runtime,
    pub(super) fallback: Option<String>,
}

/// What a database has counted, and what it uses.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Stats {
    /// Rows whose expression failed, and rows from outside that could not be read; the queries go on
    /// without them.
    pub dead_letters: u64,
    /// How many of them have gone from `sluice.dead_letters`, because newer ones took their place.
    pub dead_letters_gone: u64,
    /// Rows that came too late for a query.
    pub late_rows: u64,
    /// How many of them have gone from `sluice.late_rows`.
    pub late_rows_gone: u64,
    /// Bytes of operator state, as of the last epoch.
    pub state_bytes: u64,
    /// Bytes that state may grow to.
    pub state_bytes_max: u64,
    /// Feeders whose rows are taken one by one because state is within a tenth of its limit, as of
    /// the last turn. One that feeds several shards counts on each that slows it down.
    pub feeders_slowed: u64,
    /// Rows taken from sources.
    pub rows_in: u64,
    /// Deltas put out by views and streams, whether or not anybody takes them.
    pub rows_out: u64,
}

impl Stats {
    /// Of both together.
    pub(super) fn plus(self, other: Stats) -> Stats {
        // No `..`: a figure that is not added does not compile.
        let Stats {
            dead_letters,
            dead_letters_gone,
            late_rows,
            late_rows_gone,
            state_bytes,
            state_bytes_max,
            feeders_slowed,
            rows_in,
            rows_out,
        } = other;
        Stats {
            dead_letters: self.dead_letters + dead_letters,
            dead_letters_gone: self.dead_letters_gone + dead_letters_gone,
            late_rows: self.late_rows + late_rows,
            late_rows_gone: self.late_rows_gone + late_rows_gone,
            state_bytes: self.state_bytes + state_bytes,
            state_bytes_max: self.state_bytes_max + state_bytes_max,
            feeders_slowed: self.feeders_slowed + feeders_slowed,
            rows_in: self.rows_in + rows_in,
            rows_out: self.rows_out + rows_out,
        }
    }
}

/// Blocks the calling thread.
struct Block;

impl Patience for Block {
    fn may_wait(&self) -> Result<(), Error> {
        if in_turn() { Err(Error::WouldWait) } else { Ok(()) }
    }

    fn wait<T>(&mut self, answer: Answer<T>) -> Result<T, Error> {
        Ok(answer.wait()?)
    }

    fn wait_at_most<T>(&mut self, answer: &Answer<T>, time: Duration) -> Result<Option<T>, Error> {
        Ok(answer.wait_at_most(time).transpose()?)
    }

    fn find<'v>(&mut self, view: &'v mut View, key: &[Value]) -> Result<Changes<'v>, Error> {
        view.get(key)
    }
}

impl Database {
    /// A database in memory that runs this plan, with default options.
    pub fn memory(plan: &Plan) -> Result<Database, Error> {
        Builder::default().start(plan)
    }

    /// A database in a directory, which is made if it is not there. It goes on where it was.
    pub fn open(directory: impl Into<PathBuf>, plan: &Plan) -> Result<Database, Error> {
        Builder::default().directory(directory).start(plan)
    }

    /// Options to choose before it starts.
    pub fn builder() -> Builder {
        Builder::default()
    }

    pub(super) fn new(
        running: Running,
        begun: Begun,
        machine: Machine,
        language: Language,
    ) -> Result<Database, Error> {
        let mut running = running;
        let session = Session::new(running.contact.clone(), begun, false)?;
        let sinks = std::mem::take(&mut running.sinks);
        language.resume_sinks(&session, &mut Block, sinks)?;
        if running.replays {
            // Views are whole when they are first looked at.
            session.flush(&mut Block)?;
        }
        if session.contact.saves {
            language.resume_sources(&session, &mut Block)?;
            language.forget_subscribers(&session, &mut Block)?;
        }
        let running = Mutex::new(running);
        let inner = Arc::new(Inner { session, running, machine, language });
        let weak = Arc::downgrade(&inner);
        inner.language.left().sweep_with(Box::new(move || {
            let Some(inner) = weak.upgrade() else { return false };
            // Only a database that has ended refuses, and its streams ended with it.
            inner.language.sweep(&inner.session, &mut Block).is_ok()
        }));
        let end = Arc::new(End(Arc::clone(&inner)));
        Ok(Database { inner, _end: end })
    }

    fn session(&self) -> &Session {
        &self.inner.session
    }

    /// A handle that takes rows of a struct, whose fields must be the columns of the source.
    pub fn source<R: Row>(&self, name: &str) -> Result<Source<R>, Error> {
        self.session().source(&mut Block, name)
    }

    /// A handle that takes Arrow record batches.
    pub fn batch_source(&self, name: &str) -> Result<BatchSource, Error> {
        self.session().batch_source(&mut Block, name)
    }

    /// A handle that pushes rows of a struct to a source under a name, each push with a number, so that
    /// all of them are there once whatever is pushed again. A name that is new is in a checkpoint when
    /// this returns.
    pub fn producer<R: Row>(&self, source: &str, name: &str) -> Result<Producer<R>, Error> {
        self.session().producer(&mut Block, (source, name))
    }

    /// The same for Arrow record batches.
    pub fn batch_producer(&self, source: &str, name: &str) -> Result<BatchProducer, Error> {
        self.session().batch_producer(&mut Block, (source, name))
    }

    /// The changes of a view or stream from here on.
    pub fn subscribe(&self, name: &str) -> Result<Subscription, Error> {
        self.subscribe_with(name, SubscribeOptions::default())
    }

    /// The changes of a view or stream from here on, kept as the options say.
    pub fn subscribe_with(
        &self,
        name: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, Error> {
        self.session().subscribe(&mut Block, name, options)
    }

    /// Calls a function with the changes of a view or stream from here on, on the turn of the shard
    /// that makes them: the shortest way out, and the shard waits for it. Each shard gets a clone.
    ///
    /// A call that waits for the database is refused in there. A panic ends the database. A function
    /// that holds a handle of the database keeps it from ending by itself: then close it.
    pub fn on_changes(
        &self,
        name: &str,
        call: impl FnMut(&Changes<'_>) + Clone + Send + 'static,
    ) -> Result<(), Error> {
        self.session().on_changes(&mut Block, name, call)
    }

    /// Finds rows of a view by its key.
    pub fn view(&self, name: &str) -> Result<View, Error> {
        self.session().view(&mut Block, name)
    }

    /// Runs a function of the application on a shard's own thread, once a turn: it can push to a
    /// source with no hop at all. It says whether it did anything: a shard that has nothing to do goes
    /// to sleep, and a guest alone does not wake it. `None` means that the guest is done for good.
    pub fn run_on(
        &self,
        shard: usize,
        guest: impl FnMut() -> Option<bool> + Send + 'static,
    ) -> Result<(), Error> {
        self.session().guest(&mut Block, shard, Box::new(guest))
    }

    /// Waits until everything that was pushed before is worked on: in the views, and with the
    /// subscribers.
    pub fn flush(&self) -> Result<(), Error> {
        self.session().flush(&mut Block)
    }

    /// Works off what was pushed before, then ends the database and waits for its threads. In a
    /// directory all of it is saved first. Sources that reach outside stop before, and sinks write all
    /// that was given to them. One that is closed already stays so.
    pub fn close(self) -> Result<(), Error> {
        Block.may_wait()?;
        let drains = self.inner.language.stop_feeds();
        let saved = self.session().save(&mut Block);
        if drains {
            // A shard that a sink holds up passes no second barrier before the sink has all.
            let _ended = self.session().flush(&mut Block);
        }
        match saved {
            Ok(()) | Err(Error::Ended(Ending::Closed)) => {}
            Err(error) => return Err(error),
        }
        self.inner.lock().stop();
        self.inner.language.join_drains();
        Ok(())
    }

    /// Copies all that was pushed before into another directory, which is empty or missing, while the
    /// database goes on: a checkpoint is made for it, and every byte is verified on its way. The calling
    /// thread copies. In SQL it is `BACKUP TO 'directory'`; [`Database::restore`] is the way back.
    pub fn backup_to(&self, directory: impl AsRef<Path>) -> Result<Backup, Error> {
        self.session().backup(&mut Block, directory.as_ref())
    }

    /// Makes a database of a backup in a directory, which is empty or missing, and does not open it. All of
    /// the backup is verified. What comes to be is another database than the one that was saved, and both
    /// can live; but a sink of either writes to the same files, so that only one of them may go on.
    ///
    /// ```
    /// use sluicedb::db::Database;
    /// use sluicedb::plan::Plan;
    ///
    /// let place = std::env::temp_dir().join(format!("sluicedb-restore-{}", std::process::id()));
    /// # let _ = std::fs::remove_dir_all(&place);
    /// std::fs::create_dir(&place)?;
    /// let [data, saved, again] = ["data", "saved", "again"].map(|name| place.join(name));
    /// let db = Database::builder().shards(1).directory(data).start(&Plan::empty())?;
    /// db.execute("CREATE SOURCE trades (symbol TEXT, price BIGINT)")?;
    /// db.execute("CREATE MATERIALIZED VIEW n AS SELECT count(*) AS n FROM trades")?;
    /// db.execute("INSERT INTO trades VALUES ('ACME', 101)")?;
    /// db.backup_to(&saved)?;
    /// db.execute("INSERT INTO trades VALUES ('ACME', 107)")?;
    ///
    /// Database::restore(&saved, &again)?;
    /// let then = Database::builder().shards(1).directory(again).start(&Plan::empty())?;
    /// assert_eq!(then.query("SELECT n FROM n WHERE n = 1")?.len(), 1);
    /// assert_eq!(db.query("SELECT n FROM n WHERE n = 2")?.len(), 1);
    /// # drop((db, then));
    /// # std::fs::remove_dir_all(&place)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn restore(backup: impl AsRef<Path>, directory: impl AsRef<Path>) -> Result<Backup, Error> {
        backup::restore(backup.as_ref(), directory.as_ref())
    }

    /// Carries out one statement of SQL.
    ///
    /// ```
    /// use sluicedb::db::{Database, Outcome};
    ///
    /// let db = Database::builder().shards(1).start(&sluicedb::plan::Plan::empty())?;
    /// db.execute("CREATE SOURCE trades (symbol TEXT, price BIGINT)")?;
    /// db.execute(
    ///     "CREATE MATERIALIZED VIEW high AS SELECT symbol, max(price) AS high FROM trades GROUP BY symbol",
    /// )?;
    /// db.execute("INSERT INTO trades VALUES ('ACME', 101), ('ACME', 107)")?;
    /// assert_eq!(db.query("SELECT high FROM high WHERE symbol = 'ACME'")?.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn execute(&self, text: &str) -> Result<Outcome, Error> {
        let outcome = self.execute_parsed(&statement::single(text)?, text)?;
        self.start_sources()?;
        Ok(outcome)
    }

    /// Carries out one statement of a text that was taken apart by
    /// [`dialect::parse`](sluicedb_sql::dialect::parse). Sources that reach outside wait until
    /// [`Database::start_sources`], so that all queries of a script see all of their rows.
    pub fn execute_parsed(&self, statement: &Parsed, text: &str) -> Result<Outcome, Error> {
        self.inner.language.run(self.session(), &mut Block, statement, text)
    }

    /// The rows of a query.
    pub fn query(&self, text: &str) -> Result<RowSet, Error> {
        self.execute(text)?.into_rows()
    }

    /// Plans a query or an INSERT, to be carried out many times with values for its parameters `$1`,
    /// `$2` and so on. Their types are those that their places ask for: the other side of a
    /// comparison, a cast, the column of an INSERT.
    ///
    /// A query that names all of a view's key in its WHERE is answered by the shard that has it, out
    /// of its present state, without a look at the planner.
    ///
    /// In SQL, `PREPARE name AS ..`, `EXECUTE name (..)` and `DEALLOCATE name` do the same for all
    /// handles of the database.
    ///
    /// ```
    /// use sluicedb::db::{DataType, Database, FromRow};
    ///
    /// #[derive(FromRow)]
    /// struct High {
    ///     high: Option<i64>,
    /// }
    ///
    /// let db = Database::builder().shards(1).start(&sluicedb::plan::Plan::empty())?;
    /// db.execute("CREATE SOURCE trades (symbol TEXT, price BIGINT)")?;
    /// db.execute(
    ///     "CREATE MATERIALIZED VIEW highs AS
    ///      SELECT symbol, max(price) AS high FROM trades GROUP BY symbol",
    /// )?;
    /// let mut trade = db.prepare("INSERT INTO trades VALUES ($1, $2)")?;
    /// db.execute_with(&mut trade, ("ACME", 101))?;
    /// db.execute_with(&mut trade, ("ACME", 107))?;
    ///
    /// let mut by_symbol = db.prepare("SELECT high FROM highs WHERE symbol = $1")?;
    /// assert_eq!(by_symbol.parameters(), [DataType::Text]);
    /// let highs = db.query_with(&mut by_symbol, "ACME")?.to::<High>()?;
    /// assert_eq!(highs[0].high, Some(107));
    ///
    /// let error = db.query_with(&mut by_symbol, 7).unwrap_err();
    /// assert!(error.to_string().contains("parameter $1 is TEXT and was given INT"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn prepare(&self, text: &str) -> Result<Prepared, Error> {
        self.inner.language.prepare(self.session(), &mut Block, text, &[])
    }

    /// Carries out a prepared statement with these values for its parameters.
    pub fn execute_with(
        &self,
        prepared: &mut Prepared,
        parameters: impl Parameters,
    ) -> Result<Outcome, Error> {
        self.inner.language.run_prepared(self.session(), &mut Block, prepared, parameters)
    }

    /// The rows of a prepared query with these values for its parameters.
    pub fn query_with(
        &self,
        prepared: &mut Prepared,
        parameters: impl Parameters,
    ) -> Result<RowSet, Error> {
        self.execute_with(prepared, parameters)?.into_rows()
    }

    /// Starts the sources that reach outside, never come to an end and are read by a query. Such a
    /// source begins to give rows with its first query; a query that is created later is first given
    /// those that the source still keeps. Sources that come to an end, such as files, start with the
    /// first statement that creates nothing, or with [`Database::drain`]: they give each row once. A
    /// query that runs once and names such a source starts it, and waits for its end.
    pub fn start_sources(&self) -> Result<(), Error> {
        self.inner.language.start_endless(self.session(), &mut Block)
    }

    /// Waits until every source that comes to an end has come to it, and its rows are worked on. One
    /// that is paused is not waited for.
    pub fn drain(&self) -> Result<(), Error> {
        self.inner.language.drain(self.session(), &mut Block)?;
        self.flush()
    }

    /// Whether a source feeds it that never comes to an end by itself.
    pub fn is_fed(&self) -> bool {
        self.inner.language.is_fed()
    }

    /// How the sources and sinks fare that reach outside, in the order in which they were created.
    pub fn links(&self) -> Vec<LinkStatus> {
        self.inner.language.links()
    }

    /// The objects that statements have made.
    pub fn objects(&self) -> sluicedb_sql::catalog::Catalog {
        self.inner.language.catalog()
    }

    /// What was counted so far.
    pub fn stats(&self) -> Stats {
        self.inner.language.outside().stats(self.session())
    }

    /// The same, shard by shard.
    pub fn stats_by_shard(&self) -> Vec<Stats> {
        self.session().stats_by_shard().collect()
    }

    /// Where the shards run, and why there.
    pub fn placement(&self) -> &Placement {
        &self.inner.machine.placement
    }

    /// How the memory is divided.
    pub fn budget(&self) -> &Budget {
        &self.inner.machine.budget
    }

    /// What turns the shards.
    pub fn runtime(&self) -> Runtime {
        self.inner.machine.runtime
    }

    /// Why shards run on plain threads, if that was not chosen.
    pub fn fallback(&self) -> Option<&str> {
        self.inner.machine.fallback.as_deref()
    }

    /// How groups of the log become durable; none for a database in memory.
    pub fn sync_path(&self) -> Option<SyncPath> {
        self.session().contact.sync_path
    }

    /// The plan as it runs: stages, operators and exchanges.
    pub fn explain(&self) -> String {
        self.session().catalog().graph.to_string()
    }

    /// The plan that runs, to be gone on from; see [`Database::install`].
    pub fn plan(&self) -> Plan {
        self.session().catalog().plan.clone()
    }

    /// Goes on with another plan, without a stop: what has come starts, and what is gone ends, between
    /// two epochs. Returns when all shards have it.
    ///
    /// The plan is the one that runs ([`Database::plan`]) with nodes added
    /// ([`Builder::over`](crate::plan::Builder::over)) or left out ([`Plan::without`]). Where somebody
    /// else was faster it is refused, and is to be made again.
    ///
    /// A view that reads a view starts with what that holds. One that reads a source starts with the
    /// rows that the source retains; where it retains none, with those that are pushed from here on.
    /// Handles of what is gone say so.
    ///
    /// A directory whose plan was changed is refused when it is opened next, unless it is given a plan
    /// that runs the same operators.
    ///
    /// ```
    /// use sluicedb::db::{Database, Row, schema};
    /// use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Plan};
    ///
    /// #[derive(Row)]
    /// struct Trade<'a> {
    ///     symbol: &'a str,
    /// }
    ///
    /// let db = Database::memory(&Plan::empty())?;
    /// let mut plan = Builder::over(&db.plan());
    /// let trades = plan.source("trades", schema::<Trade>()?, None)?;
    /// plan.view(trades, "all", &[])?;
    /// db.install(&plan.finish()?)?;
    /// db.source::<Trade>("trades")?.push(&Trade { symbol: "ACME" })?;
    ///
    /// // A view on a view holds what was pushed before it was there.
    /// let mut plan = Builder::over(&db.plan());
    /// let all = db.plan().view("all").expect("it was installed");
    /// let counts = AggregateSpec {
    ///     window: None,
    ///     keys: vec!["symbol".into()],
    ///     calls: vec![Call::count_rows("trades")],
    ///     emit: Emit::Changes,
    ///     allowed_lateness_us: 0,
    /// };
    /// let counts = plan.aggregate(all, &counts)?;
    /// let view = plan.view(counts, "counts", &["symbol"])?;
    /// db.install(&plan.finish()?)?;
    /// db.flush()?;
    /// let mut rows = db.view("counts")?;
    /// let found = rows.get("ACME")?;
    /// assert_eq!(found.column::<i64>("trades")?.get(0), 1);
    ///
    /// db.install(&db.plan().without(&[view, counts])?)?;
    /// assert!(rows.get("ACME").is_err(), "it was dropped");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn install(&self, plan: &Plan) -> Result<(), Error> {
        self.inner.language.install(self.session(), &mut Block, plan)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.end();
    }
}

impl Drop for End {
    fn drop(&mut self) {
        if self.0.language.left().is_swept() {
            // Whoever takes streams away may wait for a database that is held up, until it has ended.
            self.0.lock().stop();
        }
        self.0.end();
    }
}

impl Inner {
    fn end(&self) {
        self.language.stop_feeds();
        self.lock().stop();
        self.language.join_drains();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Running> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("runtime", &self.inner.machine.runtime)
            .finish_non_exhaustive()
    }
}

//! SQL: statements carried out on a running database.

mod expect;
mod resume;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicedb_sql::bounded::Bounded;
use sluicedb_sql::catalog::{self, Catalog, Decision, Definition, Insertion, Notice, Object};
use sluicedb_sql::dialect::syntax::Connector;
use sluicedb_sql::dialect::{self, Parsed};
use sluicedb_sql::{Plan, Schema, SqlError};

use super::backup::Backup;
use super::connect::{self, Connectors, Link, LinkStatus, Running};
use super::error::{Error, PushError};
use super::files;
use super::follow::{self, Left};
use super::history::{Said, What};
use super::keyed::Keyed;
use super::named::Named;
use super::outcome::{Done, Outcome, RowSet};
use super::rejected::Rejections;
use super::session::{Patience, Session};
use super::subscribe::SubscribeOptions;
use super::system::{self, Outside, Status};
use crate::shell::in_turn;

/// The objects of a database, and what keeps those going that reach outside.
pub(super) struct Language {
    state: Mutex<State>,
    connectors: Option<Arc<dyn Connectors>>,
    mark: AtomicU64,
    left: Arc<Left>,
    letters: Arc<Rejections>,
    named: Named,
}

/// The next mark of the objects of any database.
static NEXT_MARK: AtomicU64 = AtomicU64::new(0);

fn next_mark() -> u64 {
    NEXT_MARK.fetch_add(1, Ordering::Relaxed)
}

struct State {
    catalog: Catalog,
    running: Vec<Running>,
    /// Sources that nobody reads yet, or whose readers are still being created.
    waiting: Vec<connect::Plan>,
    /// Of all that reaches outside and is still there, whether or not it runs.
    links: Vec<Link>,
}

impl State {
    /// Ends what reaches outside for objects that are gone. It is waited for, so that what takes
    /// its place may use the same file.
    fn drop_links(&mut self, dropped: &[String]) {
        let gone = |link: &Link| dropped.iter().any(|name| name == link.name());
        self.links.retain(|link| !gone(link));
        self.waiting.retain(|plan| !gone(plan.link()));
        let running = std::mem::take(&mut self.running);
        let (end, stay) = running.into_iter().partition(|running| gone(running.link()));
        self.running = stay;
        let end: Vec<Running> = end;
        end.iter().for_each(Running::stop);
        join(end);
    }

    /// Starts what waits and is read, by a continuous query or by the one at hand: until then nobody
    /// wants the rows. What comes to an end gives each row once, and waits until `all` are asked for.
    fn start_read(
        &mut self,
        session: &Session,
        patience: &mut impl Patience,
        all: bool,
        at_hand: &[String],
    ) -> Result<(), Error> {
        let read = |name: &str| {
            at_hand.iter().any(|other| other == name)
                || self.catalog.objects().any(|object| object.reads.contains(name))
        };
        let waiting = std::mem::take(&mut self.waiting);
        let (ready, waiting): (Vec<_>, Vec<_>) =
            waiting.into_iter().partition(|plan| (all || !plan.ends()) && read(plan.link().name()));
        self.waiting = waiting;
        for plan in ready {
            self.running.push(plan.start(session, patience, (None, None))?);
        }
        Ok(())
    }
}

/// Whether a source comes to its end by itself. One that is paused does not, for now.
fn will_end(running: &Running) -> bool {
    running.ends() && !running.link().is_paused()
}

/// Waits for threads that are to end. A shard cannot: they may wait for it.
fn join(running: Vec<Running>) {
    if !in_turn() {
        running.into_iter().for_each(Running::join);
    }
}

impl Language {
    pub(super) fn new(catalog: Catalog, connectors: Option<Arc<dyn Connectors>>) -> Language {
        let state = State { catalog, running: Vec::new(), waiting: Vec::new(), links: Vec::new() };
        Language {
            state: Mutex::new(state),
            connectors,
            mark: AtomicU64::new(next_mark()),
            left: Arc::default(),
            letters: Arc::default(),
            named: Named::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A number that the objects of no other database have, nor those of this one at another time.
    pub(super) fn mark(&self) -> u64 {
        self.mark.load(Ordering::Acquire)
    }

    /// Goes on with other objects.
    fn replace(&self, state: &mut State, catalog: Catalog) {
        state.catalog = catalog;
        self.mark.store(next_mark(), Ordering::Release);
    }

    /// The objects at the moment.
    pub(super) fn catalog(&self) -> Catalog {
        self.lock().catalog.clone()
    }

    /// Statements that were prepared under a name.
    pub(super) fn named(&self) -> &Named {
        &self.named
    }

    /// Streams whose subscribers are gone.
    pub(super) fn left(&self) -> &Left {
        &self.left
    }

    /// Takes those streams away.
    pub(super) fn sweep(
        &self,
        session: &Session,
        patience: &mut impl Patience,
    ) -> Result<(), Error> {
        patience.may_wait()?;
        let mut state = self.lock();
        let names = self.left.take();
        if let Some(catalog) = follow::leave(session, patience, &state.catalog, &names)? {
            state.catalog = catalog;
        }
        Ok(())
    }

    /// Takes away the streams of subscribers of an earlier life, which went with it.
    pub(super) fn forget_subscribers(
        &self,
        session: &Session,
        patience: &mut impl Patience,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let subscriptions = state.catalog.objects().filter(|object| object.is_subscription());
        let names: Vec<String> = subscriptions.map(|object| object.name.clone()).collect();
        if let Some(catalog) = follow::leave(session, patience, &state.catalog, &names)? {
            self.replace(&mut state, catalog);
        }
        Ok(())
    }

    /// Goes on with a plan that an application made.
    pub(super) fn install(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        plan: &Plan,
    ) -> Result<(), Error> {
        // Asked before the lock is waited for: whoever holds it may wait for this thread.
        patience.may_wait()?;
        let mut state = self.lock();
        session.install(patience, plan, &[])?;
        let catalog = state.catalog.with_plan(plan);
        self.replace(&mut state, catalog);
        Ok(())
    }

    /// What there is to tell of what reaches outside.
    pub(super) fn outside(&self) -> Outside {
        self.told(&self.lock())
    }

    fn told(&self, state: &State) -> Outside {
        let links = state.links.iter().map(Link::status).collect();
        Outside { links, rejections: Arc::clone(&self.letters) }
    }

    /// How whatever reaches outside fares.
    pub(super) fn links(&self) -> Vec<LinkStatus> {
        self.lock().links.iter().map(Link::status).collect()
    }

    /// Stops whatever feeds the database from outside, and waits for it where that is possible.
    /// Whether there are sinks, which go on until the database ends.
    pub(super) fn stop_feeds(&self) -> bool {
        let mut state = self.lock();
        let running = std::mem::take(&mut state.running);
        let (feeds, drains): (Vec<_>, Vec<_>) = running.into_iter().partition(Running::feeds);
        let any = !drains.is_empty();
        state.running = drains;
        drop(state);
        feeds.iter().for_each(Running::stop);
        join(feeds);
        any
    }

    /// Waits for the sinks of a database that has ended, where that is possible.
    pub(super) fn join_drains(&self) {
        let running = std::mem::take(&mut self.lock().running);
        running.iter().for_each(Running::stop);
        join(running);
    }

    /// Starts the sources that are read and never come to an end.
    pub(super) fn start_endless(
        &self,
        session: &Session,
        patience: &mut impl Patience,
    ) -> Result<(), Error> {
        patience.may_wait()?;
        self.lock().start_read(session, patience, false, &[])
    }

    /// Has everything there that a query reads which is to run once.
    pub(super) fn ready(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        read: &[String],
    ) -> Result<(), Error> {
        let mut state = self.lock();
        check_kept(&state.catalog, read)?;
        // Whoever asks for rows has created what reads the sources.
        state.start_read(session, patience, true, read)?;
        drop(state);
        self.await_ends(session, patience, read)
    }

    /// Waits until every source that comes to an end and is not paused has come to it.
    pub(super) fn drain(
        &self,
        session: &Session,
        patience: &mut impl Patience,
    ) -> Result<(), Error> {
        patience.may_wait()?;
        self.lock().start_read(session, patience, true, &[])?;
        loop {
            let mut state = self.lock();
            let Some(at) = state.running.iter().position(will_end) else { return Ok(()) };
            let running = state.running.swap_remove(at);
            drop(state);
            running.join();
        }
    }

    /// Whether a source runs that never comes to an end.
    pub(super) fn is_fed(&self) -> bool {
        self.lock().running.iter().any(|running| running.feeds() && !running.ends())
    }

    /// Carries out one statement.
    pub(super) fn run(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        statement: &Parsed,
        text: &str,
    ) -> Result<Outcome, Error> {
        patience.may_wait()?;
        if let Some(done) = self.run_named(session, patience, (statement, text)) {
            return done;
        }
        let mut state = self.lock();
        let catalog = &state.catalog;
        let connectors = self.connectors.as_deref();
        let mut columns = Vec::new();
        let tell = &mut |of: &Connector| {
            let told = files::linked(connectors)?.columns(of)?;
            columns.push(told.clone());
            Ok(told)
        };
        let (reached, decision) = files::decide(tell, catalog, statement, text, &variable)?;
        match decision {
            Decision::Change(change) => {
                let said = (&text[statement.span.clone()], columns);
                self.change(session, patience, &mut state, (&change, said))?;
                drop(state);
                let catalog::Change { catalog, tag, mut notices, created, resumed, .. } = *change;
                let came = [created, resumed].concat();
                notices.extend(missed(session, patience, &catalog, &came)?);
                Ok(Outcome::Done(Done { tag, rows: None, notices }))
            }
            Decision::Pause { name, resume } => {
                let link = state.links.iter().find(|link| link.name() == name);
                let link = link.expect("what is fed from outside has a link");
                let tag = if resume { "RESUME" } else { "PAUSE" };
                let mut notices = Vec::new();
                if !link.pause(!resume) {
                    let what = if resume { "runs" } else { "is paused" };
                    let message = format!("source \"{name}\" {what} already");
                    notices.push(Notice { message, hint: None });
                }
                Ok(Outcome::Done(Done { tag, rows: None, notices }))
            }
            Decision::Nothing { tag, notices } => {
                Ok(Outcome::Done(Done { tag, rows: None, notices }))
            }
            Decision::Follow(mut following) if following.comes.is_some() => {
                let comes = following.comes.take().expect("looked for above");
                let lease = self.left.lease(&following.name);
                // What others know of is the same, so that the mark stays.
                let installed = |catalog| state.catalog = catalog;
                let comes = (comes, (&text[statement.span.clone()], columns));
                let subscription =
                    follow::come(session, patience, &following, comes, lease, installed)?;
                state.start_read(session, patience, true, &[])?;
                Ok(Outcome::Changes(Box::new(subscription)))
            }
            decision => {
                let read: Vec<String> = match &decision {
                    Decision::Query(query) => query.reads().map(str::to_owned).collect(),
                    Decision::Insert(insert) => insert.rows.reads().map(str::to_owned).collect(),
                    Decision::Expect(rows) | Decision::Check(rows) => {
                        let expected = rows.expected.iter().flat_map(Bounded::reads);
                        rows.found.reads().chain(expected).map(str::to_owned).collect()
                    }
                    _ => Vec::new(),
                };
                let catalog = state.catalog.clone();
                drop(state);
                self.ready(session, patience, &read)?;
                let decision = files::read(connectors, decision, reached)?;
                let outside = self.outside();
                other(session, patience, decision, (&catalog, &outside))
            }
        }
    }

    /// Goes on with other objects, and with what they reach outside.
    fn change(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        state: &mut State,
        (change, (text, columns)): (&catalog::Change, (&str, Vec<Schema>)),
    ) -> Result<(), Error> {
        let catalog = &change.catalog;
        let plans = self.check(session, catalog, &change.created)?;
        let followed: Vec<_> = plans.iter().filter_map(connect::Plan::follows).collect();
        let outside = plans.iter().any(connect::Plan::feeds);
        let said = Said { what: What::Statement, text, catalog, columns, outside };
        let followed = session.install_said(patience, catalog.plan(), &followed, said)?;
        let mut followed = followed.into_iter();
        state.drop_links(&change.dropped);
        for plan in plans {
            state.links.push(plan.link().clone());
            if plan.feeds() {
                state.waiting.push(plan);
            } else {
                let changes = (followed.next(), None);
                state.running.push(plan.start(session, patience, changes)?);
            }
        }
        if session.contact.saves {
            // The checkpoint waits for sinks, which are there from here on.
            session.save(patience)?;
        }
        self.replace(state, catalog.clone());
        Ok(())
    }

    /// Waits until those of these sources have come to their end that come to one: whoever reads a
    /// file wants all of it.
    fn await_ends(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        sources: &[String],
    ) -> Result<(), Error> {
        let read = |running: &Running| sources.iter().any(|name| name == running.link().name());
        let goes_on = |running: &Running| will_end(running) && !running.is_over() && read(running);
        while self.lock().running.iter().any(goes_on) {
            session.flush(patience)?;
            std::thread::sleep(AWAIT_END);
        }
        Ok(())
    }

    fn plan(
        &self,
        session: &Session,
        catalog: &Catalog,
        object: &Object,
        connector: &Connector,
    ) -> Result<connect::Plan, Error> {
        let connectors = files::linked(self.connectors.as_deref())?;
        let told = (&self.letters, session.contact.saves);
        Ok(connect::Plan::new(connectors, catalog, object, connector, told)?)
    }

    /// What is to be started for the objects that come, all of whose options are checked.
    fn check(
        &self,
        session: &Session,
        catalog: &Catalog,
        created: &[String],
    ) -> Result<Vec<connect::Plan>, Error> {
        let mut plans = Vec::new();
        for object in created.iter().filter_map(|name| catalog.object(name)) {
            let Some(connector) = object.connector() else { continue };
            let plan = self.plan(session, catalog, object, connector)?;
            if session.contact.saves && !plan.resumes() {
                return Err(Error::Sql(not_kept(&plan).at(connector.at)));
            }
            plan.check_fresh()?;
            plans.push(plan);
        }
        Ok(plans)
    }
}

/// How often whoever waits for the end of a source looks whether it is there.
const AWAIT_END: Duration = Duration::from_millis(1);

/// Refuses to read a source that keeps no rows.
fn check_kept(catalog: &Catalog, read: &[String]) -> Result<(), Error> {
    let forgets = |name: &&String| {
        let object = catalog.object(name);
        object.is_some_and(|object| {
            matches!(object.definition, Definition::Source { .. }) && !catalog.keeps_rows(object)
        })
    };
    let Some(name) = read.iter().find(forgets) else { return Ok(()) };
    let error = SqlError::wrong_kind(format!("source \"{name}\" keeps no rows to read"));
    Err(Error::Sql(error.hint(
        "Create it WITH (retain = 100000), or create a materialized view of what you want to read.",
    )))
}

/// What a query that has come is not given of its sources, because it is gone there.
fn missed(
    session: &Session,
    patience: &mut impl Patience,
    catalog: &Catalog,
    created: &[String],
) -> Result<Vec<Notice>, Error> {
    let objects = created.iter().filter_map(|name| catalog.object(name));
    let read: BTreeSet<&str> =
        objects.flat_map(|object| &object.reads).map(String::as_str).collect();
    let read: Vec<&str> = read.into_iter().collect();
    let missed = session.missed(patience, &read)?;
    let gone = read.iter().zip(missed).filter(|(_, rows)| *rows > 0);
    let notice = |(source, rows): (&&str, u64)| Notice {
        message: format!("{rows} older rows of \"{source}\" are gone and are not in the result"),
        hint: Some("WITH (retain = ..) of the source says how many rows it keeps.".to_owned()),
    };
    Ok(gone.map(notice).collect())
}

/// The objects, and what reaches outside.
type Known<'a> = (&'a Catalog, &'a Outside);

/// What changes no object.
fn other(
    session: &Session,
    patience: &mut impl Patience,
    decision: Decision,
    known: Known<'_>,
) -> Result<Outcome, Error> {
    match decision {
        Decision::Query(query) => {
            let query = by_the_clock(session, *query)?;
            match query.lookup(known.0) {
                Some(lookup) => {
                    let rows = Keyed::new(session, patience, lookup)?.run(patience, &query, &[])?;
                    Ok(Outcome::Rows(rows))
                }
                None => query_once(session, patience, query, known).map(Outcome::Rows),
            }
        }
        Decision::SetClock(_)
        | Decision::ShowClock
        | Decision::AdvanceClock(_)
        | Decision::Expect(_)
        | Decision::Check(_) => expect::carry_out(session, patience, decision, known),
        Decision::Table(table) => Ok(Outcome::Rows(RowSet::of(&table))),
        Decision::Insert(insertion) => {
            let Insertion { into, rows } = *insertion;
            let rows = query_once(session, patience, rows, known)?;
            let count = rows.len() as u64;
            let ahead = insert(session, patience, &into, rows)?;
            Ok(Outcome::Done(inserted(count, ahead)))
        }
        Decision::Follow(following) => {
            let options = SubscribeOptions::default();
            let subscription = session.subscribe(patience, &following.name, options)?;
            Ok(Outcome::Changes(Box::new(subscription)))
        }
        Decision::Set { name, value } => Ok(Outcome::Set { name, value }),
        Decision::DropProducer { source, producer, if_exists } => {
            let mut notices = Vec::new();
            if !session.drop_producer(patience, &source, &producer)? {
                let missing = no_producer(&source, &producer);
                match if_exists {
                    true => notices.push(Notice { message: missing.message, hint: None }),
                    false => return Err(Error::Sql(missing)),
                }
            }
            Ok(Outcome::Done(Done { tag: "DROP PRODUCER", rows: None, notices }))
        }
        Decision::Checkpoint => {
            session.save(patience)?;
            let notices = if session.contact.saves { Vec::new() } else { vec![in_memory()] };
            Ok(Outcome::Done(Done { tag: "CHECKPOINT", rows: None, notices }))
        }
        Decision::Backup { directory } => {
            let copy = session.backup(patience, directory.as_ref())?;
            Ok(Outcome::Done(Done { tag: "BACKUP", rows: None, notices: vec![copied(&copy)] }))
        }
        Decision::Change(_) | Decision::Nothing { .. } | Decision::Pause { .. } => {
            unreachable!("carried out by the caller")
        }
    }
}

/// The query at the time at which the clock stands, if it does.
fn by_the_clock(session: &Session, query: Bounded) -> Result<Bounded, Error> {
    match session.contact.day.still_us() {
        Some(us) => Ok(query.at(us)?),
        None => Ok(query),
    }
}

pub(super) fn query_once(
    session: &Session,
    patience: &mut impl Patience,
    query: Bounded,
    (catalog, outside): Known<'_>,
) -> Result<RowSet, Error> {
    let mut found = at_once(session, patience, vec![query], (catalog, outside))?;
    Ok(found.rows.remove(0))
}

/// What queries give at one moment.
struct Cut {
    /// By query.
    rows: Vec<RowSet>,
    /// The sources of which rows had gone by then, and how many.
    gone: Vec<(String, u64)>,
}

fn at_once(
    session: &Session,
    patience: &mut impl Patience,
    queries: Vec<Bounded>,
    (catalog, outside): Known<'_>,
) -> Result<Cut, Error> {
    let names: BTreeSet<String> =
        queries.iter().flat_map(Bounded::reads).map(str::to_owned).collect();
    let keeps =
        |name: &&String| catalog.object(name).is_some_and(|object| catalog.keeps_rows(object));
    let kept: Vec<&str> = names.iter().filter(keeps).map(String::as_str).collect();
    let (found, gone) = match kept.is_empty() {
        true => (Vec::new(), Vec::new()),
        false => session.read(patience, &kept)?,
    };
    let system = names.iter().any(|name| system::is_one(name));
    let status = if system { Some(Status::of(session, patience, outside)?) } else { None };
    let rows_of = |name: &str| match kept.iter().position(|kept| *kept == name) {
        Some(at) => Ok(found[at].clone()),
        None => system::rows(name, status.as_ref(), catalog),
    };
    let run = |query| {
        let (schema, batches) = by_the_clock(session, query)?.run(rows_of)?;
        Ok(RowSet { schema, batches })
    };
    let rows = queries.into_iter().map(run).collect::<Result<_, Error>>()?;
    let gone = kept.iter().zip(gone).filter(|(_, gone)| *gone > 0);
    Ok(Cut { rows, gone: gone.map(|(name, gone)| ((*name).to_owned(), gone)).collect() })
}

/// Pushes rows; returns how many of them are too far ahead of the clock to move the watermark.
pub(super) fn insert(
    session: &Session,
    patience: &mut impl Patience,
    into: &str,
    rows: RowSet,
) -> Result<u64, Error> {
    let mut source = session.batch_source(patience, into)?;
    for batch in rows.batches {
        let mut batch = batch;
        loop {
            match source.push(batch) {
                Ok(()) => break,
                Err(refused) if refused.is_full() => {
                    session.flush(patience)?;
                    batch = refused.into_batch();
                }
                Err(refused) => return Err(refusal(PushError::from(refused))),
            }
        }
    }
    let ahead = source.rows_ahead();
    // Where rows are logged, they survive a crash from here on.
    while session.contact.logs && source.durable() < source.pushed() {
        session.flush(patience)?;
        std::thread::sleep(DURABLE_RETRY);
    }
    // Its feeder goes with the barrier that is waited for, so that the next INSERT goes on with it.
    drop(source);
    // Whoever reads after an INSERT sees its rows.
    session.flush(patience)?;
    Ok(ahead)
}

fn no_producer(source: &str, producer: &str) -> SqlError {
    let error = SqlError::undefined_object("producer", &format!("{producer}\" of \"{source}"));
    error.hint("SELECT * FROM sluice.producers lists them.")
}

fn in_memory() -> Notice {
    let message = "the database lives in memory, where nothing outlives the process".to_owned();
    Notice { message, hint: Some("Open it in a directory to keep it.".to_owned()) }
}

fn copied(copy: &Backup) -> Notice {
    let Backup { epoch, shards: _, files, bytes, sinks: _ } = *copy;
    let message = format!("all up to epoch {epoch} is saved, in {files} files and {bytes} bytes");
    Notice { message, hint: None }
}

/// What there is to say of an INSERT of so many rows.
pub(super) fn inserted(count: u64, ahead: u64) -> Done {
    let notices = if ahead == 0 { Vec::new() } else { vec![too_far_ahead(ahead)] };
    Done { tag: "INSERT", rows: Some(count), notices }
}

fn too_far_ahead(rows: u64) -> Notice {
    let message = format!(
        "{rows} rows are too far ahead of the clock to move the watermark: they are kept, and their \
         windows close when others get there"
    );
    let hint =
        "If event time has nothing to do with the clock, set max_ahead = 'none' on the source.";
    Notice { message, hint: Some(hint.to_owned()) }
}

/// A disk needs about as long to make a row durable.
const DURABLE_RETRY: std::time::Duration = std::time::Duration::from_micros(50);

fn refusal(error: PushError) -> Error {
    match error {
        PushError::Sql(error) => Error::Sql(error),
        PushError::Ended(ending) => Error::Ended(ending),
        PushError::WouldWait => Error::WouldWait,
        PushError::Full(_) | PushError::Rows(_) => {
            Error::Sql(SqlError::invalid_parameter(error.to_string()))
        }
    }
}

/// What stands for `${NAME}` in options.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// Refuses what cannot go on after a restart where rows outlive the process.
fn not_kept(plan: &connect::Plan) -> SqlError {
    let name = plan.link().name();
    let message = format!(
        "\"{name}\" cannot be read again from where it was, and this database outlives its process"
    );
    SqlError::unsupported(message).hint(
        "After a crash rows would be missing. Read one plain file, or create the source without FROM and \
         insert or push the rows; or work in memory.",
    )
}

/// The only statement of a text.
pub(super) fn single(text: &str) -> Result<Parsed, SqlError> {
    let mut parsed = dialect::parse(text)?;
    match parsed.len() {
        1 => Ok(parsed.remove(0)),
        0 => Err(SqlError::syntax("there is no statement in the text")),
        n => Err(SqlError::syntax(format!("the text has {n} statements"))
            .hint("Run them with execute_script.")),
    }
}

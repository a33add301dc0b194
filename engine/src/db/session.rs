//! What a database on threads and one that its caller turns have in common.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use ::arrow::array::RecordBatch;
use sluicedb_sql::{Plan, Schema, SqlError, Value};
use sluicedb_wal::backup;

use super::backup::Backup;
use super::catalog::Catalog;
use super::error::Error;
use super::history::{History, Resumed, Said, What};
use super::kept::Keeper;
use super::producer::{BatchProducer, Producer, check_name};
use super::row::{self, Row};
use super::source::{BatchSource, Source};
use super::subscribe::{SubscribeOptions, Subscription};
use super::view::View;
use super::{Changes, Stats};
use crate::core::arena::BLOCK_BYTES;
use crate::core::effect::SinkId;
use crate::core::feeder::Position;
use crate::core::graph::{Change, Graph, Growth, Route, change};
use crate::core::ids::{Epoch, SourceId, ViewId};
use crate::core::limits::{FEEDERS_MAX, OPERATOR_BLOCKS_MIN};
use crate::core::morsel::{Morsel, Pool};
use crate::core::shard::check;
use crate::shell::bell::Bell;
use crate::shell::desk::desk;
use crate::shell::inbox::{
    Answer, Guest, Installed, NotAttached, NotDropped, Part, Reply, Request, question,
};
use crate::shell::inlet::Inlet;
use crate::shell::lane::lane;
use crate::shell::outlet::{Gap, LaneOut, LocalCall, Outlet};
use crate::shell::scan::{Found, Kept};
use crate::shell::start::{Contact, SinkLanes};
use crate::shell::survey::Survey;

/// A database as its handles know it.
pub(super) struct Session {
    pub(super) contact: Contact,
    /// What there is. Not looked at on the path of a row.
    catalog: RwLock<Arc<Catalog>>,
    /// Held while the catalog is changed, and by whoever asks for something of a relation until the
    /// request is on its way: behind it, no relation has taken the place of another one.
    sources: Mutex<Sources>,
    /// The statements that made what there is, where it is kept.
    history: Mutex<History>,
    /// What there was before the first of them.
    origin: Resumed,
    inline: bool,
}

/// What is known of sources, and of the sinks that came since the database was opened.
#[derive(Default)]
pub(super) struct Sources {
    /// Those that have been fed.
    pub(super) fed: BTreeSet<SourceId>,
    /// Those that connectors feed from outside.
    pub(super) outside: BTreeSet<SourceId>,
    /// The number of the last sink that came.
    sink_number: u64,
    /// By stream.
    sinks: BTreeMap<ViewId, SinkId>,
}

/// What a database begins with.
pub(super) struct Begun {
    pub(super) plan: Plan,
    pub(super) history: History,
    /// What there was before the first statement of it.
    pub(super) origin: Resumed,
    /// Sources that connectors feed from outside.
    pub(super) outside: BTreeSet<SourceId>,
}

impl Sources {
    /// The next sink, which follows this.
    fn sink(&mut self, view: ViewId) -> SinkId {
        self.sink_number += 1;
        let sink = SinkId { view, number: self.sink_number };
        self.sinks.insert(view, sink);
        sink
    }

    /// Sources have come and gone.
    fn change(&mut self, change: &Change, outside: bool) {
        self.fed.retain(|source| !change.sources_gone.contains(source));
        self.outside.retain(|source| !change.sources_gone.contains(source));
        let came = |sink: &SinkId| change.sinks_come.contains(sink);
        self.sinks.retain(|view, sink| !change.views_gone.contains(view) || came(sink));
        if outside {
            self.outside.extend(&change.sources_come);
        }
    }
}

/// Waits for an answer, in whatever way there is.
pub(super) trait Patience {
    /// An error where waiting would never end. Asked first, so that what is refused is not done.
    fn may_wait(&self) -> Result<(), Error>;

    /// Waits for the answer.
    fn wait<T>(&mut self, answer: Answer<T>) -> Result<T, Error>;

    /// Waits for the answer, but not for ever.
    fn wait_at_most<T>(&mut self, answer: &Answer<T>, time: Duration) -> Result<Option<T>, Error>;

    /// The rows of a view with a key, as they are now.
    fn find<'v>(&mut self, view: &'v mut View, key: &[Value]) -> Result<Changes<'v>, Error>;
}

/// How long who wants to know how the database fares waits for what was pushed before to be worked
/// on: a database that is held up is to say where it stands.
const HELD_UP: Duration = Duration::from_millis(200);

/// Bounds of what a subscriber may ask to have kept for it.
const CAPACITY: std::ops::RangeInclusive<usize> = 1..=1 << 20;

impl Session {
    pub(super) fn new(contact: Contact, begun: Begun, inline: bool) -> Result<Session, Error> {
        let Begun { plan, history, origin, outside } = begun;
        let catalog = Catalog::new(plan, &contact)?;
        let fed = contact.fed.clone();
        let sources = Mutex::new(Sources { fed, outside, ..Sources::default() });
        let (catalog, history) = (RwLock::new(Arc::new(catalog)), Mutex::new(history));
        Ok(Session { contact, catalog, sources, history, origin, inline })
    }

    /// What there is at the moment.
    pub(super) fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.catalog.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// What is known of sources. While this is held the catalog stays as it is.
    fn lock(&self) -> MutexGuard<'_, Sources> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether somebody has fed a source, in this life of the database or in an earlier one.
    pub(super) fn has_fed(&self, source: &str) -> Result<bool, Error> {
        let sources = self.lock();
        let id = self.catalog().source(source)?.0;
        Ok(sources.fed.contains(&id))
    }

    fn shards(&self) -> usize {
        self.contact.bells.len()
    }

    /// Asks; the answer is to be waited for.
    fn ask<T>(&self, make: impl FnOnce(Reply<T>) -> Request) -> Result<Answer<T>, Error> {
        let (reply, answer) = question(&self.contact.life);
        self.contact.inbox.post(make(reply))?;
        Ok(answer)
    }

    /// Asks and waits.
    fn request<T>(
        &self,
        patience: &mut impl Patience,
        make: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, Error> {
        patience.may_wait()?;
        patience.wait(self.ask(make)?)
    }

    /// Goes on with another plan, which was made over the one that runs. Follows some of what comes
    /// with it from its first change on.
    pub(super) fn install(
        &self,
        patience: &mut impl Patience,
        plan: &Plan,
        followed: &[(&str, SubscribeOptions)],
    ) -> Result<Vec<Subscription>, Error> {
        self.change(patience, plan, followed, None)
    }

    /// The same with a plan that was made by what somebody said. Where there is a directory, that holds
    /// with the next checkpoint, which waits for the sinks that come with a statement: what is followed
    /// is for them then, and has the marks of checkpoints.
    pub(super) fn install_said(
        &self,
        patience: &mut impl Patience,
        plan: &Plan,
        followed: &[(&str, SubscribeOptions)],
        said: Said<'_>,
    ) -> Result<Vec<Subscription>, Error> {
        let said = Some(said).filter(|_| self.contact.saves);
        self.change(patience, plan, followed, said)
    }

    fn change(
        &self,
        patience: &mut impl Patience,
        plan: &Plan,
        followed: &[(&str, SubscribeOptions)],
        said: Option<Said<'_>>,
    ) -> Result<Vec<Subscription>, Error> {
        patience.may_wait()?;
        let mut sources = self.lock();
        let outside = said.as_ref().is_some_and(|said| said.outside);
        let sinks = said.as_ref().is_some_and(|said| said.what == What::Statement);
        let before = self.catalog();
        let growth = Growth {
            route: Route::Aligned,
            tied: true,
            fed: sources.fed.clone(),
            // What can be read again need not be logged.
            logged: self.contact.logs && !outside,
        };
        let mut change = change(&before.graph, &before.plan, plan, &growth)?;
        check(&change)?;
        let mut history = self.history.lock().unwrap_or_else(PoisonError::into_inner);
        let told = said.map(|said| self.said(&history, &said, (&before, &change, &sources)));
        let told = told.transpose()?;
        change.history = Arc::clone(told.as_ref().unwrap_or(&history).bytes());
        before.check_read(&change)?;
        self.check_memory(&change)?;
        let after = before.after(plan.clone(), &change, &self.contact)?;
        let mut subscriptions = Vec::with_capacity(followed.len());
        for (name, options) in followed {
            let part = if sinks { sink_ahead } else { lane_ahead };
            if sinks {
                change.sinks_come.push(sources.sink(after.view(name)?.id));
            }
            let (subscription, parts) = self.follow(&after, name, options, part)?;
            subscriptions.push(subscription);
            // Shards have these before they hear of the change that they are for.
            let _given = self.give(parts)?;
        }
        if !change.is_empty() || told.is_some() {
            let change = Arc::new(change);
            let told = Arc::clone(&change);
            let answer = self.ask(|reply| Request::Change { change: told, reply })?;
            before.end(&change);
            patience.wait(answer)?;
            sources.change(&change, outside);
        }
        if let Some(told) = told {
            *history = told;
        }
        *self.catalog.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(after);
        Ok(subscriptions)
    }

    /// The history with one more statement, which makes this change; without what is gone by now, if it
    /// has grown long.
    fn said(
        &self,
        history: &History,
        said: &Said<'_>,
        (before, change, sources): (&Catalog, &Change, &Sources),
    ) -> Result<History, SqlError> {
        let history = history.with(said, &sources.fed, before.plan.next_id());
        if !history.is_long() {
            return history.check();
        }
        let now = Resumed { catalog: said.catalog.clone(), graph: Graph::clone(&change.graph) };
        history.shortened(&self.origin, &now, self.contact.logs).check()
    }

    /// A subscription, and what shards need for it.
    fn follow(
        &self,
        catalog: &Catalog,
        name: &str,
        options: &SubscribeOptions,
        part: fn(ViewId, LaneOut) -> Part,
    ) -> Result<(Subscription, Vec<(u16, Part)>), Error> {
        let &SubscribeOptions { capacity, overflow } = options;
        let view = catalog.view(name)?.id;
        catalog.check_runs(view)?;
        let (bell, gap) = (Arc::new(Bell::new()), Arc::new(Gap::default()));
        let (mut receivers, mut parts) = (Vec::new(), Vec::new());
        for shard in 0..self.shards() {
            let (sender, receiver) = lane(capacity, &bell);
            receivers.push(receiver);
            let out = LaneOut::new(sender, overflow, Arc::clone(&gap));
            parts.push((shard as u16, part(view, out)));
        }
        let relation = Arc::clone(catalog.published(view));
        let life = Arc::clone(catalog.view_life(view));
        Ok((Subscription::new(relation, receivers, bell, gap, life, self.inline), parts))
    }

    /// Refuses operators that state has no room for; as of the last epoch, so that a shard that runs
    /// full at the same time still stops.
    fn check_memory(&self, change: &Change) -> Result<(), Error> {
        let need = change.come.len() * OPERATOR_BLOCKS_MIN;
        for shard in self.contact.stats.iter() {
            let (used, most) = (shard.blocks_used() as usize, shard.blocks_max() as usize);
            // Nothing is known before the first epoch.
            if need > 0 && most > 0 && used + need > most {
                let what = "blocks of state with the new operators";
                return Err(Error::Sql(
                    SqlError::limit_exceeded(what, used + need, most)
                        .hint("Raise memory_limit, or drop what is not needed."),
                ));
            }
        }
        Ok(())
    }

    fn attach(
        &self,
        patience: &mut impl Patience,
        (name, who): (&str, Who<'_>),
        check: impl FnOnce(&Schema) -> Result<(), SqlError>,
    ) -> Result<(Inlet, Schema), Error> {
        patience.may_wait()?;
        let mut sources = self.lock();
        let catalog = self.catalog();
        let (source, spec) = catalog.source(name)?;
        check(&spec.schema)?;
        let producer = match who {
            Who::Producer(producer) => Some(Arc::from(producer)),
            Who::Anybody | Who::Outside => None,
        };
        if who != Who::Outside && self.contact.saves && sources.outside.contains(&source) {
            return Err(Error::Sql(fed_from_outside(name)));
        }
        sources.fed.insert(source);
        let life = Arc::clone(catalog.source_life(source));
        let answer = self.ask(|reply| Request::Attach { source, life, producer, reply })?;
        drop(sources);
        let inlet = patience.wait(answer)?.map_err(|why| not_attached(why, name, who))?;
        Ok((inlet, spec.schema.clone()))
    }

    pub(super) fn producer<R: Row>(
        &self,
        patience: &mut impl Patience,
        (name, producer): (&str, &str),
    ) -> Result<Producer<R>, Error> {
        check_name(producer)?;
        let (inlet, _) = self.attach(patience, (name, Who::Producer(producer)), row::check::<R>)?;
        Ok(Producer::new(inlet))
    }

    /// Gives up the name of a producer, for good where there is a directory; whether there was one.
    pub(super) fn drop_producer(
        &self,
        patience: &mut impl Patience,
        name: &str,
        producer: &str,
    ) -> Result<bool, Error> {
        patience.may_wait()?;
        loop {
            let sources = self.lock();
            let source = self.catalog().source(name)?.0;
            let called = Arc::from(producer);
            let answer =
                self.ask(|reply| Request::DropProducer { source, producer: called, reply })?;
            drop(sources);
            match patience.wait(answer)? {
                Ok(()) => break,
                Err(NotDropped::Going) => self.flush(patience)?,
                Err(NotDropped::Unknown) => return Ok(false),
                Err(NotDropped::InUse) => {
                    let message = format!("producer \"{producer}\" of \"{name}\" has a handle");
                    let hint = "Drop the handle first: its numbers would begin anew under it.";
                    return Err(Error::Sql(SqlError::in_use(message).hint(hint)));
                }
            }
        }
        self.save(patience)?;
        Ok(true)
    }

    pub(super) fn batch_producer(
        &self,
        patience: &mut impl Patience,
        (name, producer): (&str, &str),
    ) -> Result<BatchProducer, Error> {
        check_name(producer)?;
        let (inlet, schema) = self.attach(patience, (name, Who::Producer(producer)), |_| Ok(()))?;
        Ok(BatchProducer::new(inlet, schema))
    }

    pub(super) fn source<R: Row>(
        &self,
        patience: &mut impl Patience,
        name: &str,
    ) -> Result<Source<R>, Error> {
        let (inlet, _) = self.attach(patience, (name, Who::Anybody), row::check::<R>)?;
        Ok(Source::new(inlet))
    }

    pub(super) fn batch_source(
        &self,
        patience: &mut impl Patience,
        name: &str,
    ) -> Result<BatchSource, Error> {
        let (inlet, schema) = self.attach(patience, (name, Who::Anybody), |_| Ok(()))?;
        Ok(BatchSource::new(inlet, schema))
    }

    /// For the connector of a source.
    pub(super) fn outside_source(
        &self,
        patience: &mut impl Patience,
        name: &str,
    ) -> Result<BatchSource, Error> {
        let (inlet, schema) = self.attach(patience, (name, Who::Outside), |_| Ok(()))?;
        Ok(BatchSource::new(inlet, schema))
    }

    /// What connects a sink with checkpoints, which goes on at this position.
    pub(super) fn keeper(&self, sink: &str, position: Option<Position>) -> Result<Keeper, Error> {
        let sources = self.lock();
        let view = self.catalog().view(sink)?.id;
        let known = sources.sinks.get(&view).copied();
        Ok(Keeper {
            sink: known.unwrap_or(SinkId { view, number: 0 }),
            position,
            inbox: Arc::clone(&self.contact.inbox),
            sealed: Arc::clone(&self.contact.sealed),
        })
    }

    /// What a sink is given that was there when the database was opened.
    pub(super) fn sink_changes(&self, given: SinkLanes) -> Subscription {
        let SinkLanes { sink, lanes, bell, gap } = given;
        let catalog = self.catalog();
        let relation = Arc::clone(catalog.published(sink));
        let life = Arc::clone(catalog.view_life(sink));
        Subscription::new(relation, lanes, bell, gap, life, self.inline)
    }

    /// Gives parts to shards; the answer comes when they have them.
    fn give(&self, parts: Vec<(u16, Part)>) -> Result<Answer<()>, Error> {
        let shards = parts.len();
        self.ask(|reply| Request::Install { parts, installed: Installed::on(shards, reply) })
    }

    pub(super) fn subscribe(
        &self,
        patience: &mut impl Patience,
        name: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, Error> {
        let capacity = options.capacity;
        if !CAPACITY.contains(&capacity) {
            let what = format!("{capacity}: choose between 1 and {}", CAPACITY.end());
            return Err(Error::Option { name: "capacity", what });
        }
        patience.may_wait()?;
        let held = self.lock();
        let (subscription, parts) = self.follow(&self.catalog(), name, &options, lane_out)?;
        let answer = self.give(parts)?;
        drop(held);
        patience.wait(answer)?;
        Ok(subscription)
    }

    pub(super) fn on_changes(
        &self,
        patience: &mut impl Patience,
        name: &str,
        call: impl FnMut(&Changes<'_>) + Clone + Send + 'static,
    ) -> Result<(), Error> {
        patience.may_wait()?;
        let held = self.lock();
        let catalog = self.catalog();
        let view = catalog.view(name)?.id;
        catalog.check_runs(view)?;
        let part = |shard: usize| {
            let outlet = Outlet::Call(Box::new(reads(&catalog, view, call.clone())));
            (shard as u16, Part::Outlet(view, outlet))
        };
        let answer = self.give((0..self.shards()).map(part).collect())?;
        drop(held);
        patience.wait(answer)
    }

    /// The view of this name, and the call as its shard makes it.
    pub(super) fn local_call(
        &self,
        name: &str,
        call: impl FnMut(&Changes<'_>) + 'static,
    ) -> Result<(ViewId, LocalCall), Error> {
        self.contact.life.check()?;
        let catalog = self.catalog();
        let view = catalog.view(name)?.id;
        catalog.check_runs(view)?;
        Ok((view, Box::new(reads(&catalog, view, call))))
    }

    pub(super) fn view(&self, patience: &mut impl Patience, name: &str) -> Result<View, Error> {
        patience.may_wait()?;
        let held = self.lock();
        let catalog = self.catalog();
        let spec = catalog.view(name)?;
        catalog.check_runs(spec.id)?;
        let bell = Arc::new(Bell::new());
        let (mut askers, mut parts) = (Vec::new(), Vec::new());
        for (shard, sleeps_at) in self.contact.bells.iter().enumerate() {
            let (asker, desk) = desk(sleeps_at, &bell);
            askers.push(asker);
            parts.push((shard as u16, Part::Desk(spec.id, desk)));
        }
        // Whoever turns the database looks things up without a desk.
        if self.inline {
            askers.clear();
            parts.clear();
        }
        let relation = Arc::clone(catalog.published(spec.id));
        let life = Arc::clone(catalog.view_life(spec.id));
        let database = Arc::clone(&self.contact.life);
        let mut pool = Pool::new(&catalog.graph.shapes);
        let shards = self.shards() as u16;
        let view = View::new(spec, relation, &mut pool, askers, shards, [life, database])?;
        if !parts.is_empty() {
            let answer = self.give(parts)?;
            drop(held);
            patience.wait(answer)?;
        }
        Ok(view)
    }

    pub(super) fn guest(
        &self,
        patience: &mut impl Patience,
        shard: usize,
        guest: Guest,
    ) -> Result<(), Error> {
        if shard >= self.shards() {
            let what = format!("there is no shard {shard}: there are {}", self.shards());
            return Err(Error::Option { name: "shard", what });
        }
        patience.may_wait()?;
        patience.wait(self.give(vec![(shard as u16, Part::Guest(guest))])?)
    }

    pub(super) fn flush(&self, patience: &mut impl Patience) -> Result<(), Error> {
        self.request(patience, |reply| Request::Flush { save: false, reply })
    }

    /// What there is to tell of shards and epochs, behind everything that was pushed before; of a
    /// database that is held up, as it stands.
    pub(super) fn survey(&self, patience: &mut impl Patience) -> Result<Survey, Error> {
        patience.may_wait()?;
        let flushed = self.ask(|reply| Request::Flush { save: false, reply })?;
        let _worked_off = patience.wait_at_most(&flushed, HELD_UP)?;
        self.request(patience, |reply| Request::Survey { reply })
    }

    /// All rows of some views and of sources that keep theirs, as of one moment behind everything
    /// that was pushed before; and how many rows of each had gone by then, where it is a source.
    pub(super) fn read(
        &self,
        patience: &mut impl Patience,
        names: &[&str],
    ) -> Result<(Vec<Vec<RecordBatch>>, Vec<u64>), Error> {
        patience.may_wait()?;
        // While this is held nothing that is read goes.
        let held = self.lock();
        let catalog = self.catalog();
        let kept: Vec<Kept> =
            names.iter().map(|name| catalog.kept(name)).collect::<Result<_, _>>()?;
        let asked = kept.clone();
        let answer = self.ask(|reply| Request::Read { asked, reply })?;
        let found = patience.wait(answer)?;
        drop(held);
        if let Some(stopped) = found.iter().find_map(|found| found.stopped.as_ref()) {
            return Err(Error::stopped(stopped));
        }
        let mut batches: Vec<Vec<RecordBatch>> = kept.iter().map(|_| Vec::new()).collect();
        let mut gone = vec![0; kept.len()];
        for Found { of, columns, weights, missed, .. } in found {
            let at = kept.iter().position(|kept| *kept == of).expect("asked for");
            batches[at].push(catalog.read_as(of).batches().rows(columns, &weights));
            gone[at] += missed;
        }
        Ok((batches, gone))
    }

    /// How many rows of each of these sources are gone, of what it was given before
    /// somebody last came to read it.
    pub(super) fn missed(
        &self,
        patience: &mut impl Patience,
        names: &[&str],
    ) -> Result<Vec<u64>, Error> {
        patience.may_wait()?;
        let held = self.lock();
        let catalog = self.catalog();
        let of = |name: &&str| match catalog.kept(name) {
            // Nothing was missed of what was never fed.
            Ok(Kept::Source(source)) if held.fed.contains(&source) => Some(Kept::Missed(source)),
            _ => None,
        };
        let kept: Vec<Option<Kept>> = names.iter().map(of).collect();
        let asked: Vec<Kept> = kept.iter().copied().flatten().collect();
        let mut missed = vec![0; names.len()];
        if asked.is_empty() {
            return Ok(missed);
        }
        let answer = self.ask(|reply| Request::Read { asked, reply })?;
        let found = patience.wait(answer)?;
        drop(held);
        for part in found {
            let at = kept.iter().position(|kept| *kept == Some(part.of)).expect("asked for");
            missed[at] += part.missed;
        }
        Ok(missed)
    }

    /// The same, and all of it is in a checkpoint where there is a directory.
    pub(super) fn save(&self, patience: &mut impl Patience) -> Result<(), Error> {
        self.request(patience, |reply| Request::Flush { save: true, reply })
    }

    /// Saves everything that was pushed before, and copies it into another directory.
    pub(super) fn backup(&self, patience: &mut impl Patience, to: &Path) -> Result<Backup, Error> {
        let Some(from) = &self.contact.directory else {
            let error = SqlError::unsupported("a database in memory has nothing to back up");
            return Err(Error::Sql(error.hint("Open it in a directory.")));
        };
        let pinned = self.request(patience, |reply| Request::Pin { reply })?;
        Ok(Backup::of(&backup::take(&pinned.manifest, from, to)?))
    }

    pub(super) fn stats_by_shard(&self) -> impl Iterator<Item = Stats> {
        self.contact.stats.iter().map(|shard| Stats {
            dead_letters: shard.dead_letters(),
            dead_letters_gone: shard.dead_letters_gone(),
            late_rows: shard.late_rows(),
            late_rows_gone: shard.late_rows_gone(),
            state_bytes: shard.blocks_used() * BLOCK_BYTES as u64,
            state_bytes_max: shard.blocks_max() * BLOCK_BYTES as u64,
            feeders_slowed: shard.feeders_slowed(),
            rows_in: shard.rows_in(),
            rows_out: shard.rows_out(),
        })
    }

    pub(super) fn stats(&self) -> Stats {
        self.stats_by_shard().fold(Stats::default(), Stats::plus)
    }
}

/// Who pushes to a source.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who<'a> {
    /// The application.
    Anybody,
    /// The application, under a name.
    Producer(&'a str),
    /// The connector of the source.
    Outside,
}

fn not_attached(why: NotAttached, source: &str, who: Who<'_>) -> Error {
    match (why, who) {
        (NotAttached::InUse, Who::Producer(producer)) => {
            let message = format!("producer \"{producer}\" of \"{source}\" has a handle already");
            Error::Sql(SqlError::in_use(message).hint(
                "Use that one, drop it first, or push under another name: two that push the same \
                 numbers would drop each other's rows.",
            ))
        }
        (NotAttached::Gone, _) => Error::Sql(SqlError::undefined_relation("source", source)),
        (NotAttached::InUse | NotAttached::TooMany, _) => Error::Option {
            name: "sources",
            what: format!(
                "there are {FEEDERS_MAX} handles and names of producers, which is the limit: drop \
                 handles, or sources whose names are not needed"
            ),
        },
    }
}

fn lane_out(view: ViewId, lane: LaneOut) -> Part {
    Part::Outlet(view, Outlet::Lane(lane))
}

fn lane_ahead(view: ViewId, lane: LaneOut) -> Part {
    Part::OutletAhead(view, Outlet::Lane(lane))
}

fn sink_ahead(view: ViewId, lane: LaneOut) -> Part {
    Part::OutletAhead(view, Outlet::Lane(lane.with_marks()))
}

/// Refuses rows of the application beside those of a connector.
fn fed_from_outside(name: &str) -> SqlError {
    let message = format!("\"{name}\" is fed from outside, and its rows are not logged");
    let error = SqlError::unsupported(message);
    error.hint(
        "What is pushed beside could get lost in a crash: CREATE SOURCE without FROM for it, and \
         UNION ALL both.",
    )
}

/// Has a function of the application read what a shard publishes of a view.
fn reads<C: FnMut(&Changes<'_>)>(
    catalog: &Catalog,
    view: ViewId,
    mut call: C,
) -> impl FnMut(Epoch, &Morsel) + use<C> {
    let relation = Arc::clone(catalog.published(view));
    move |epoch, morsel| call(&Changes::new(&relation, epoch, morsel))
}

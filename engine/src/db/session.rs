//! What a database on threads and one that its caller turns have in common.

use std::sync::Arc;

use sluicedb_sql::SqlError;

use super::changes::Published;
use super::error::Error;
use super::row::{Row, check};
use super::source::{BatchSource, Source};
use super::subscribe::{SubscribeOptions, Subscription};
use super::view::View;
use super::{Changes, Stats};
use crate::core::arena::BLOCK_BYTES;
use crate::core::graph::{Graph, ViewSpec};
use crate::core::ids::{Epoch, SourceId, ViewId};
use crate::core::limits::FEEDERS_MAX;
use crate::core::morsel::{Morsel, Pool};
use crate::shell::bell::Bell;
use crate::shell::desk::desk;
use crate::shell::inbox::{Answer, Guest, Installed, Part, Reply, Request, question};
use crate::shell::inlet::Inlet;
use crate::shell::lane::lane;
use crate::shell::outlet::{Gap, LaneOut, LocalCall, Outlet};
use crate::shell::start::Contact;

/// A database as its handles know it.
pub(super) struct Session {
    pub(super) contact: Contact,
    /// By view.
    relations: Vec<Arc<Published>>,
    inline: bool,
}

/// Waits for an answer, in whatever way there is.
pub(super) trait Patience {
    /// An error where waiting would never end. Asked first, so that what is refused is not done.
    fn may_wait(&self) -> Result<(), Error>;

    /// Waits for the answer.
    fn wait<T>(&mut self, answer: Answer<T>) -> Result<T, Error>;
}

/// Bounds of what a subscriber may ask to have kept for it.
const CAPACITY: std::ops::RangeInclusive<usize> = 1..=1 << 20;

impl Session {
    pub(super) fn new(contact: Contact, inline: bool) -> Result<Session, Error> {
        let views = contact.graph.views.iter();
        let relation =
            |view: &ViewSpec| Published::new(view.name.clone(), view.schema.clone()).map(Arc::new);
        let relations = views.map(relation).collect::<Result<_, SqlError>>()?;
        Ok(Session { contact, relations, inline })
    }

    fn graph(&self) -> &Graph {
        &self.contact.graph
    }

    fn shards(&self) -> usize {
        self.contact.bells.len()
    }

    /// Asks and waits.
    fn request<T>(
        &self,
        patience: &mut impl Patience,
        make: impl FnOnce(Reply<T>) -> Request,
    ) -> Result<T, Error> {
        patience.may_wait()?;
        let (reply, answer) = question(&self.contact.life);
        self.contact.inbox.post(make(reply))?;
        patience.wait(answer)
    }

    fn source_id(&self, name: &str) -> Result<SourceId, Error> {
        let found = self.graph().sources.iter().position(|source| source.name == name);
        let names = || self.graph().sources.iter().map(|source| source.name.as_str());
        let found = found.ok_or_else(|| Error::Sql(unknown("source", name, names())))?;
        Ok(SourceId(found as u16))
    }

    fn view_spec(&self, name: &str) -> Result<&ViewSpec, Error> {
        let found = self.graph().views.iter().find(|view| view.name == name);
        let names = || self.graph().views.iter().map(|view| view.name.as_str());
        found.ok_or_else(|| Error::Sql(unknown("view or stream", name, names())))
    }

    fn attach(&self, patience: &mut impl Patience, source: SourceId) -> Result<Inlet, Error> {
        let inlet = self.request(patience, |reply| Request::Attach { source, reply })?;
        inlet.ok_or_else(|| Error::Option {
            name: "sources",
            what: format!("{FEEDERS_MAX} handles are open, which is the limit: drop some"),
        })
    }

    pub(super) fn source<R: Row>(
        &self,
        patience: &mut impl Patience,
        name: &str,
    ) -> Result<Source<R>, Error> {
        let source = self.source_id(name)?;
        check::<R>(&self.graph().sources[source.index()].schema)?;
        Ok(Source::new(self.attach(patience, source)?))
    }

    pub(super) fn batch_source(
        &self,
        patience: &mut impl Patience,
        name: &str,
    ) -> Result<BatchSource, Error> {
        let source = self.source_id(name)?;
        let schema = self.graph().sources[source.index()].schema.clone();
        Ok(BatchSource::new(self.attach(patience, source)?, schema))
    }

    fn install(&self, patience: &mut impl Patience, parts: Vec<(u16, Part)>) -> Result<(), Error> {
        let shards = parts.len();
        self.request(patience, |reply| Request::Install {
            parts,
            installed: Installed::on(shards, reply),
        })
    }

    pub(super) fn subscribe(
        &self,
        patience: &mut impl Patience,
        name: &str,
        options: SubscribeOptions,
    ) -> Result<Subscription, Error> {
        let SubscribeOptions { capacity, overflow } = options;
        if !CAPACITY.contains(&capacity) {
            let what = format!("{capacity}: choose between 1 and {}", CAPACITY.end());
            return Err(Error::Option { name: "capacity", what });
        }
        let view = self.view_spec(name)?.id;
        let (bell, gap) = (Arc::new(Bell::new()), Arc::new(Gap::default()));
        let (mut receivers, mut parts) = (Vec::new(), Vec::new());
        for shard in 0..self.shards() {
            let (sender, receiver) = lane(capacity, &bell);
            receivers.push(receiver);
            let out = LaneOut::new(sender, overflow, Arc::clone(&gap));
            parts.push((shard as u16, Part::Outlet(view, Outlet::Lane(out))));
        }
        self.install(patience, parts)?;
        let relation = Arc::clone(&self.relations[view.index()]);
        let life = Arc::clone(&self.contact.life);
        Ok(Subscription::new(relation, receivers, bell, gap, life, self.inline))
    }

    pub(super) fn on_changes(
        &self,
        patience: &mut impl Patience,
        name: &str,
        call: impl FnMut(&Changes<'_>) + Clone + Send + 'static,
    ) -> Result<(), Error> {
        let view = self.view_spec(name)?.id;
        let part = |shard: usize| {
            let outlet = Outlet::Call(Box::new(self.reads(view, call.clone())));
            (shard as u16, Part::Outlet(view, outlet))
        };
        self.install(patience, (0..self.shards()).map(part).collect())
    }

    /// The view of this name, and the call as its shard makes it.
    pub(super) fn local_call(
        &self,
        name: &str,
        call: impl FnMut(&Changes<'_>) + 'static,
    ) -> Result<(ViewId, LocalCall), Error> {
        self.contact.life.check()?;
        let view = self.view_spec(name)?.id;
        Ok((view, Box::new(self.reads(view, call))))
    }

    /// Has a function of the application read what a shard publishes of a view.
    fn reads<C: FnMut(&Changes<'_>)>(
        &self,
        view: ViewId,
        mut call: C,
    ) -> impl FnMut(Epoch, &Morsel) + use<C> {
        let relation = Arc::clone(&self.relations[view.index()]);
        move |epoch, morsel| call(&Changes::new(&relation, epoch, morsel))
    }

    pub(super) fn view(&self, patience: &mut impl Patience, name: &str) -> Result<View, Error> {
        let spec = self.view_spec(name)?;
        let bell = Arc::new(Bell::new());
        let (mut askers, mut parts) = (Vec::new(), Vec::new());
        for (shard, sleeps_at) in self.contact.bells.iter().enumerate() {
            let (asker, desk) = desk(sleeps_at, &bell);
            askers.push(asker);
            parts.push((shard as u16, Part::Desk(desk)));
        }
        // Whoever turns the database looks things up without a desk.
        if self.inline {
            askers.clear();
            parts.clear();
        }
        let relation = Arc::clone(&self.relations[spec.id.index()]);
        let life = Arc::clone(&self.contact.life);
        let mut pool = Pool::new(&self.graph().shapes);
        let view = View::new(spec, relation, &mut pool, askers, self.shards() as u16, life)?;
        if !parts.is_empty() {
            self.install(patience, parts)?;
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
        self.install(patience, vec![(shard as u16, Part::Guest(guest))])
    }

    pub(super) fn flush(&self, patience: &mut impl Patience) -> Result<(), Error> {
        self.request(patience, |reply| Request::Flush { save: false, reply })
    }

    /// The same, and all of it is in a checkpoint where there is a directory.
    pub(super) fn save(&self, patience: &mut impl Patience) -> Result<(), Error> {
        self.request(patience, |reply| Request::Flush { save: true, reply })
    }

    pub(super) fn stats_by_shard(&self) -> impl Iterator<Item = Stats> {
        self.contact.stats.iter().map(|shard| Stats {
            dead_letters: shard.dead_letters(),
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

/// The error for a name that is not there, with those that are.
fn unknown<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str>) -> SqlError {
    let names: Vec<&str> = names.collect();
    let error = SqlError::undefined_relation(what, name);
    match names.is_empty() {
        true => error.hint(format!("This database has no {what}.")),
        false => error.hint(format!("There are: {}.", names.join(", "))),
    }
}

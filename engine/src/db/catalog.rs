//! What a database consists of at a time, as its handles know it.

use std::sync::Arc;

use sluicedb_sql::{Plan, Schema, SqlError};

use super::changes::Published;
use super::error::Error;
use crate::core::graph::{Change, Graph, SourceSpec, ViewSpec};
use crate::core::ids::{SourceId, ViewId};
use crate::shell::Ending;
use crate::shell::life::Life;
use crate::shell::scan::Kept;
use crate::shell::start::Contact;

/// The plan that runs, and what it was made into.
pub(super) struct Catalog {
    pub(super) plan: Plan,
    pub(super) graph: Arc<Graph>,
    /// By source; none where it is gone.
    sources: Vec<Option<Relation>>,
    /// By view.
    views: Vec<Option<Relation>>,
}

/// A source, view or stream.
#[derive(Clone)]
struct Relation {
    published: Arc<Published>,
    life: Arc<Life>,
}

impl Catalog {
    /// What is there at the start.
    pub(super) fn new(plan: Plan, contact: &Contact) -> Result<Catalog, SqlError> {
        let graph = Arc::clone(&contact.graph);
        let none = Catalog { plan, graph, sources: Vec::new(), views: Vec::new() };
        none.filled(contact)
    }

    /// What is there after a change. Relations that stay go on living.
    pub(super) fn after(
        &self,
        plan: Plan,
        change: &Change,
        contact: &Contact,
    ) -> Result<Catalog, SqlError> {
        let (mut sources, mut views) = (self.sources.clone(), self.views.clone());
        change.sources_gone.iter().for_each(|source| sources[source.index()] = None);
        change.views_gone.iter().for_each(|view| views[view.index()] = None);
        Catalog { plan, graph: Arc::clone(&change.graph), sources, views }.filled(contact)
    }

    fn filled(mut self, contact: &Contact) -> Result<Catalog, SqlError> {
        let Catalog { graph, sources, views, .. } = &mut self;
        let relation = |name: &String, schema: &Schema| -> Result<_, SqlError> {
            let published = Arc::new(Published::new(name.clone(), schema.clone())?);
            Ok(Some(Relation { published, life: contact.life.part() }))
        };
        sources.resize_with(graph.sources.len(), || None);
        for (at, source) in graph.sources.places() {
            if sources[at].is_none() {
                sources[at] = relation(&source.name, &source.schema)?;
            }
        }
        views.resize_with(graph.views.len(), || None);
        for (at, view) in graph.views.places() {
            if views[at].is_none() {
                let relation = relation(&view.name, &view.schema)?;
                let life = relation.as_ref().map(|relation| &relation.life);
                life.into_iter().for_each(|life| contact.stops.watch(ViewId(at as u16), life));
                views[at] = relation;
            }
        }
        Ok(self)
    }

    /// Ends what a change takes away: whoever holds a handle of it hears of that.
    pub(super) fn end(&self, change: &Change) {
        for source in &change.sources_gone {
            let name = self.graph.sources[source.index()].name.clone();
            self.source_life(*source).end(Ending::Dropped(name));
        }
        for view in &change.views_gone {
            let name = self.graph.views[view.index()].name.clone();
            self.view_life(*view).end(Ending::Dropped(name));
        }
    }

    pub(super) fn source(&self, name: &str) -> Result<(SourceId, &SourceSpec), Error> {
        let found = self.graph.sources.places().find(|(_, source)| source.name == name);
        let names = || self.graph.sources.iter().map(|source| source.name.as_str());
        let (at, spec) = found.ok_or_else(|| Error::Sql(unknown("source", name, names())))?;
        Ok((SourceId(at as u16), spec))
    }

    pub(super) fn view(&self, name: &str) -> Result<&ViewSpec, Error> {
        let found = self.graph.views.iter().find(|view| view.name == name);
        let names = || self.graph.views.iter().map(|view| view.name.as_str());
        found.ok_or_else(|| Error::Sql(unknown("view or stream", name, names())))
    }

    /// A relation whose rows can be read.
    pub(super) fn kept(&self, name: &str) -> Result<Kept, Error> {
        let found = self.graph.sources.places().find(|(_, source)| source.name == name);
        let (of, is_kept) = match found {
            Some((at, source)) => (Kept::Source(SourceId(at as u16)), source.retained.is_some()),
            None => {
                let view = self.view(name)?;
                (Kept::View(view.id), view.kept.is_some())
            }
        };
        if is_kept {
            return Ok(of);
        }
        let error = SqlError::wrong_kind(format!("\"{name}\" keeps no rows to read"));
        Err(Error::Sql(error.hint("Read a materialized view, or a source that retains its rows.")))
    }

    /// The columns of what is kept, as readers know them.
    pub(super) fn read_as(&self, of: Kept) -> &Published {
        match of {
            Kept::View(view) => &self.relation(view).published,
            Kept::Source(source) | Kept::Missed(source) => {
                &self.sources[source.index()].as_ref().expect("a source of the graph").published
            }
        }
    }

    pub(super) fn source_life(&self, source: SourceId) -> &Arc<Life> {
        &self.sources[source.index()].as_ref().expect("a source of the graph").life
    }

    fn relation(&self, view: ViewId) -> &Relation {
        self.views[view.index()].as_ref().expect("a view of the graph")
    }

    pub(super) fn view_life(&self, view: ViewId) -> &Arc<Life> {
        &self.relation(view).life
    }

    /// An error if a view or stream was given up.
    pub(super) fn check_runs(&self, view: ViewId) -> Result<(), Error> {
        match self.view_life(view).ending() {
            Some(Ending::Stopped(stopped)) => Err(Error::stopped(&stopped)),
            _ => Ok(()),
        }
    }

    /// Refuses a change with which something comes to read what was given up.
    pub(super) fn check_read(&self, change: &Change) -> Result<(), Error> {
        let given_up =
            self.graph.views.places().filter(|(at, _)| change.graph.views.get(*at).is_some());
        for (at, view) in given_up {
            let view_id = ViewId(at as u16);
            if let Err(error) = self.check_runs(view_id) {
                let reads = change.graph.reach([view.operator]);
                if change.come.iter().any(|id| reads.contains(id)) {
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    pub(super) fn published(&self, view: ViewId) -> &Arc<Published> {
        &self.relation(view).published
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

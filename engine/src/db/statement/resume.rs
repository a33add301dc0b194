//! What reaches outside goes on when a directory is opened again.
//!
//! Invariant: a sink is given changes before the first record is replayed, and sources push after the
//! last one.

use sluicedb_sql::SqlError;
use sluicedb_sql::catalog::Object;
use sluicedb_sql::dialect::syntax::ObjectKind;

use super::Language;
use crate::db::connect::Link;
use crate::db::error::Error;
use crate::db::kept::Kept;
use crate::db::session::{Patience, Session};
use crate::shell::start::SinkLanes;

impl Language {
    /// Goes on with the sinks of a directory that was opened again, which are given what is replayed.
    pub(in crate::db) fn resume_sinks(
        &self,
        session: &Session,
        patience: &mut impl Patience,
        given: Vec<SinkLanes>,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let catalog = state.catalog.clone();
        for lanes in given {
            let (sink, changes) = (lanes.sink, session.sink_changes(lanes));
            let object = catalog.object(changes.relation()).filter(|o| o.connector().is_some());
            let object = object.expect("lanes were made for the sinks that there are");
            let connector = object.connector().expect("looked for above");
            let mark = session.contact.sinks.iter().find(|mark| mark.sink == sink);
            let failed = mark.is_some_and(|mark| mark.failed);
            let plan = match self.plan(session, &catalog, object, connector) {
                Ok(plan) if !failed => plan,
                other => {
                    let why =
                        other.err().unwrap_or_else(|| Error::Sql(failed_before(&object.name)));
                    state.links.push(Link::failed(&object.name, &self.letters, &why));
                    // It says that the sink has failed.
                    drop(Kept::new(changes, session.keeper(&object.name, None)?));
                    continue;
                }
            };
            let position = mark.and_then(|mark| mark.position);
            state.links.push(plan.link().clone());
            state.running.push(plan.start(session, patience, (Some(changes), position))?);
        }
        Ok(())
    }

    /// Goes on with the sources of a directory that was opened again. What had begun begins at
    /// once, where it was; why something cannot is its last error, and the others go on.
    pub(in crate::db) fn resume_sources(
        &self,
        session: &Session,
        patience: &mut impl Patience,
    ) -> Result<(), Error> {
        let mut state = self.lock();
        let catalog = state.catalog.clone();
        let mut objects: Vec<&Object> = catalog.objects().collect();
        objects.sort_by_key(|object| object.node());
        for object in objects {
            let Some(connector) =
                object.connector().filter(|_| object.kind() == ObjectKind::Source)
            else {
                continue;
            };
            let plan = match self.plan(session, &catalog, object, connector) {
                Ok(plan) => plan,
                Err(error) => {
                    state.links.push(Link::failed(&object.name, &self.letters, &error));
                    continue;
                }
            };
            state.links.push(plan.link().clone());
            if session.has_fed(&object.name)? {
                state.running.push(plan.start(session, patience, (None, None))?);
            } else {
                state.waiting.push(plan);
            }
        }
        // In the order in which they were created.
        let place = |link: &Link| catalog.object(link.name()).and_then(Object::node);
        state.links.sort_by_key(place);
        state.start_read(session, patience, false, &[])
    }
}

/// What is said of a sink that lacks changes which nobody can give it again.
fn failed_before(name: &str) -> SqlError {
    let message =
        format!("\"{name}\" failed in an earlier life of the database, and lacks changes");
    SqlError::unsupported(message).hint(
        "What it has written is right up to there. DROP SINK and create it anew to begin from what its \
         query reads.",
    )
}

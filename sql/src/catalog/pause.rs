//! PAUSE and RESUME.
//!
//! A source that reaches outside stops to read, and goes on where it was: its rows wait outside. A
//! query takes nothing and keeps its result, and is given what it missed when it goes on: what the
//! sources that it reads have kept. So it must read sources that keep their rows, and nothing else:
//! nobody keeps the changes of another query. What reads a paused query stands still with it.

use std::collections::BTreeSet;

use super::decide::{Change, Decision, Notice};
use super::{Catalog, Definition, Object, kind_name};
use crate::SqlError;
use crate::dialect::syntax::Target;
use crate::plan::NodeId;

impl Catalog {
    pub(super) fn pause(&self, target: &Target, resume: bool) -> Result<Decision, SqlError> {
        let Target { kind, name } = target;
        let object = self.named(name)?;
        if let Some(wanted) = kind
            && *wanted != object.kind()
        {
            return Err(self.kind_error(name, object.kind(), *wanted));
        }
        let decision = match &object.definition {
            Definition::Source { connector: Some(_), .. } => {
                Ok(Decision::Pause { name: object.name.clone(), resume })
            }
            Definition::Source { connector: None, .. } => Err(SqlError::wrong_kind(format!(
                "{}: source \"{}\" is fed by applications, which push when they like",
                word(resume),
                object.name
            ))
            .hint("Stop pushing.")),
            Definition::Stream { node }
            | Definition::MaterializedView { node, .. }
            | Definition::Sink { node, .. } => match resume {
                true => Ok(self.resume_query(object, *node)),
                false => self.pause_query(object, *node),
            },
            Definition::External { .. } => Err(refused(object, "is a file of one query", "")),
            Definition::View { .. } => {
                Err(refused(object, "is a part of each query that reads it", "those queries"))
            }
            Definition::Late { of, .. } => {
                let why = format!("has the late rows of \"{of}\"");
                Err(refused(object, &why, of))
            }
            Definition::Subscription { .. } => {
                Err(refused(object, "belongs to its subscriber", ""))
            }
        };
        decision.map_err(|error| error.at(name.at))
    }

    fn pause_query(&self, object: &Object, node: NodeId) -> Result<Decision, SqlError> {
        if object.paused {
            return Ok(nothing(object, "is paused already", false));
        }
        for read in object.reads.iter().filter_map(|name| self.object(name)) {
            self.check_kept(object, read)?;
        }
        let mut notices = Vec::new();
        let told = |name: &String| self.object(name).is_some_and(|other| !other.is_subscription());
        let with: Vec<String> = self.dependents(&object.name).into_iter().filter(told).collect();
        if !with.is_empty() {
            let message = format!("what reads it is given nothing meanwhile: {}", with.join(", "));
            notices.push(Notice { message, hint: None });
        }
        let plan = self.plan.with_paused(node, &object.nodes);
        Ok(self.standing(object, plan, notices))
    }

    fn resume_query(&self, object: &Object, node: NodeId) -> Decision {
        if !object.paused {
            return nothing(object, "runs already", true);
        }
        self.standing(object, self.plan.with_resumed(node), Vec::new())
    }

    /// The change after which a query stands the other way.
    fn standing(&self, object: &Object, plan: crate::plan::Plan, notices: Vec<Notice>) -> Decision {
        let resume = object.paused;
        let mut catalog = Catalog { plan, ..self.clone() };
        let object = Object { paused: !resume, ..object.clone() };
        let name = object.name.clone();
        catalog.objects.insert(name.clone(), object.into());
        Decision::Change(Box::new(Change {
            catalog,
            tag: word(resume),
            notices,
            created: Vec::new(),
            dropped: Vec::new(),
            resumed: if resume { vec![name] } else { Vec::new() },
        }))
    }

    /// Refuses a query that could not be given what it missed.
    fn check_kept(&self, object: &Object, read: &Object) -> Result<(), SqlError> {
        let (name, from) = (&object.name, &read.name);
        let refused = |why: String| SqlError::unsupported(format!("PAUSE of \"{name}\": {why}"));
        match &read.definition {
            Definition::Source { .. } if self.keeps_rows(read) => Ok(()),
            Definition::Source { .. } | Definition::External { .. } => {
                Err(refused(format!("it reads \"{from}\", which keeps no rows to catch up with"))
                    .hint(self.instead(name, "Create the source WITH (retain = ..).")))
            }
            _ if read.paused => {
                Err(refused(format!("it stands still already, because \"{from}\" is paused")))
            }
            _ => {
                let kind = kind_name(read.kind());
                Err(refused(format!(
                    "it reads {kind} \"{from}\", which goes on, and nobody keeps its changes"
                ))
                .hint(
                    self.instead(
                        name,
                        &format!("PAUSE {}: what reads it stands still with it.", from),
                    ),
                ))
            }
        }
    }

    /// What to pause in place of a query: the sources that reach outside, or what is said.
    fn instead(&self, name: &str, otherwise: &str) -> String {
        let (mut sources, mut next) = (BTreeSet::new(), vec![name.to_owned()]);
        let mut seen = BTreeSet::new();
        while let Some(object) = next.pop().and_then(|name| self.object(&name)) {
            if let Definition::Source { connector: Some(_), .. } = &object.definition {
                sources.insert(format!("PAUSE SOURCE {}", object.name));
            }
            next.extend(object.reads.iter().filter(|read| seen.insert(read.as_str())).cloned());
        }
        match sources.is_empty() {
            true => otherwise.to_owned(),
            false => {
                let sources: Vec<String> = sources.into_iter().collect();
                format!("{otherwise} Or pause what feeds it: {}.", sources.join("; "))
            }
        }
    }
}

/// The error for what does not stand still by itself, and what does instead.
fn refused(object: &Object, why: &str, instead: &str) -> SqlError {
    let error = SqlError::wrong_kind(format!("\"{}\" {why}", object.name));
    match instead {
        "" => error,
        instead => error.hint(format!("Name {instead} instead.")),
    }
}

fn word(resume: bool) -> &'static str {
    if resume { "RESUME" } else { "PAUSE" }
}

fn nothing(object: &Object, what: &str, resume: bool) -> Decision {
    let message = format!("{} \"{}\" {what}", kind_name(object.kind()), object.name);
    Decision::Nothing { tag: word(resume), notices: vec![Notice { message, hint: None }] }
}

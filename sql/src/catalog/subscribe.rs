//! SUBSCRIBE: the changes of a relation, or of a query that lives as long as somebody follows it.

use std::collections::BTreeSet;

use sqlparser::ast::Query;

use super::create::Variables;
use super::decide::{Change, Decision, Following, later};
use super::{Catalog, Definition, Object, kind_name};
use crate::SqlError;
use crate::dialect;
use crate::dialect::options::Options;
use crate::dialect::syntax::{
    ContinuousQuery, CreateQuery, Name, ObjectKind, QueryKind, Statement, Subscribe, SubscribeTo,
};

impl Catalog {
    pub(super) fn subscribe(
        &self,
        subscribe: &Subscribe,
        texts: (&str, &str),
        variables: Variables<'_>,
    ) -> Result<Decision, SqlError> {
        let Subscribe { target, with_snapshot, after } = subscribe;
        if after.is_some() {
            return Err(later("SUBSCRIBE .. AFTER", "Take a snapshot: WITH SNAPSHOT."));
        }
        let name = match target {
            SubscribeTo::Query(query) => {
                return self.follow_query(query.clone(), texts, *with_snapshot, variables);
            }
            SubscribeTo::Name(name) => name,
        };
        let object = self.named(name)?;
        let kind = object.kind();
        match kind {
            ObjectKind::MaterializedView | ObjectKind::Source
                if *with_snapshot || kind == ObjectKind::Source =>
            {
                let query =
                    ContinuousQuery { query: all_of(&object.name)?, emit: None, late_to: None };
                self.follow_query(query, texts, *with_snapshot, variables)
            }
            ObjectKind::Stream | ObjectKind::MaterializedView => {
                if *with_snapshot {
                    return Err(SqlError::wrong_kind(format!(
                        "\"{}\" is a stream, which keeps no rows for a snapshot",
                        name.name
                    ))
                    .hint("Leave WITH SNAPSHOT out, or make it a materialized view.")
                    .at(name.at));
                }
                let name = object.name.clone();
                Ok(Decision::Follow(Box::new(Following {
                    name,
                    with_snapshot: false,
                    comes: None,
                })))
            }
            found => {
                let kind = kind_name(found);
                Err(SqlError::wrong_kind(format!(
                    "\"{}\" is a {kind}, which has no changes to follow",
                    name.name
                ))
                .hint(format!("Follow a query: SUBSCRIBE TO (SELECT * FROM {}).", name.name))
                .at(name.at))
            }
        }
    }

    /// A stream that comes with its subscription.
    fn follow_query(
        &self,
        query: ContinuousQuery,
        texts: (&str, &str),
        with_snapshot: bool,
        variables: Variables<'_>,
    ) -> Result<Decision, SqlError> {
        if let Some(late) = &query.late_to {
            return Err(SqlError::unsupported("LATE DATA TO in a subscription")
                .hint("Create a stream that has it, and subscribe to that.")
                .at(late.at));
        }
        let name = self.free_subscription();
        let create = CreateQuery {
            kind: QueryKind::Stream,
            name: Name { schema: None, name: name.clone(), at: 0 },
            columns: Vec::new(),
            or_replace: false,
            if_not_exists: false,
            options: Options::default(),
            query,
        };
        let Decision::Change(change) = self.create_query(&create, texts, variables)? else {
            unreachable!("the name is free")
        };
        let Change { mut catalog, notices, .. } = *change;
        let object = catalog.objects.get(&name).expect("it was created").as_ref().clone();
        if with_snapshot {
            self.keeps_all(&object.reads)?;
        }
        let node = object.node().expect("a stream has a node");
        let object = Object { definition: Definition::Subscription { node }, ..object };
        catalog.objects.insert(name.clone(), object.into());
        // What is dead to a subscriber is not told to it: it has no place for notices.
        drop(notices);
        Ok(Decision::Follow(Box::new(Following { name, with_snapshot, comes: Some(catalog) })))
    }

    /// Refuses a snapshot of a query over what keeps no rows.
    fn keeps_all(&self, reads: &BTreeSet<String>) -> Result<(), SqlError> {
        let forgets = |name: &&String| {
            let object = self.object(name);
            object.is_none_or(|object| !self.keeps_rows(object))
        };
        match reads.iter().find(forgets) {
            None => Ok(()),
            Some(name) => Err(SqlError::wrong_kind(format!(
                "WITH SNAPSHOT: \"{name}\" keeps no rows that a continuous query could begin with"
            ))
            .hint(
                "Leave it out, or subscribe to a query over views and sources that keep theirs.",
            )),
        }
    }

    fn free_subscription(&self) -> String {
        let names = (1_u64..).map(|number| format!("subscription {number}"));
        let mut free = names.filter(|name| self.object(name).is_none());
        free.next().expect("there are more names than objects")
    }

    /// The catalog without streams whose subscribers are gone; nothing if none of them is there.
    pub fn without_subscriptions(&self, names: &[String]) -> Result<Option<Catalog>, SqlError> {
        let there = |name: &&String| self.object(name).is_some_and(Object::is_subscription);
        let names: Vec<String> = names.iter().filter(there).cloned().collect();
        if names.is_empty() {
            return Ok(None);
        }
        let (catalog, _) = self.without(&names, false)?;
        Ok(Some(catalog))
    }
}

/// `SELECT *` from a relation.
fn all_of(name: &str) -> Result<Box<Query>, SqlError> {
    let quoted = name.replace('"', "\"\"");
    match dialect::parse(&format!("SELECT * FROM \"{quoted}\""))?.remove(0).statement {
        Statement::Query(query) => Ok(query),
        _ => unreachable!("it begins with SELECT"),
    }
}

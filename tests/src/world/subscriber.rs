//! A subscriber of one view or stream: adds up the changelog.
//!
//! Invariant: at the end of every epoch the changelog adds up to the view, or to what a stream would
//! hold if it kept anything.

use std::collections::BTreeMap;

use sluicedb::core::ids::Epoch;
use sluicedb_sql::Value;

use crate::reference::{Relation, same_relation};

/// The changelog of one view, over all shards.
pub(super) struct Subscriber {
    view: String,
    /// What it adds up to, and at the end of which epoch; nothing before the first look after a
    /// restart, when the view itself tells, and the reference for a stream.
    content: Option<(Epoch, Relation)>,
    later: BTreeMap<Epoch, Vec<(Vec<Value>, i64)>>,
}

impl Subscriber {
    /// Of a view that starts with what is in it; or of one that is `empty`.
    pub(super) fn new(view: &str, empty: bool) -> Subscriber {
        let content = empty.then(|| (Epoch(0), Relation::new()));
        Subscriber { view: view.to_owned(), content, later: BTreeMap::new() }
    }

    /// Takes deltas.
    pub(super) fn take(&mut self, epoch: Epoch, deltas: impl Iterator<Item = (Vec<Value>, i64)>) {
        if let Some((seen, _)) = &self.content {
            assert!(epoch > *seen, "{} published in {epoch} after {seen} was over", self.view);
        }
        self.later.entry(epoch).or_default().extend(deltas);
    }

    /// Compares the changelog up to the end of `epoch` with the view.
    pub(super) fn check(&mut self, epoch: Epoch, view: &Relation) {
        let after = self.later.split_off(&epoch.next());
        let before = std::mem::replace(&mut self.later, after);
        let Some((seen, content)) = &mut self.content else {
            self.content = Some((epoch, view.clone()));
            return;
        };
        *seen = epoch;
        for (row, weight) in before.into_values().flatten() {
            *content.entry(row).or_insert(0) += weight;
        }
        content.retain(|_, weight| *weight != 0);
        if let Err(difference) = same_relation(&self.view, view, content) {
            panic!("the changelog does not add up to the view at {epoch}: {difference}");
        }
    }
}

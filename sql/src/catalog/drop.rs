//! DROP: objects that go, and what reads from them.

use std::collections::BTreeSet;

use super::decide::{Change, Decision, Notice};
use super::{Catalog, Definition, Object, kind_name};
use crate::SqlError;
use crate::dialect::syntax::{Drop, ObjectKind};
use crate::plan::NodeId;

impl Catalog {
    pub(super) fn drop_objects(&self, drop: &Drop) -> Result<Decision, SqlError> {
        let Drop { kind, names, if_exists, cascade } = drop;
        let tag = match kind {
            ObjectKind::Source => "DROP SOURCE",
            ObjectKind::Stream => "DROP STREAM",
            ObjectKind::View => "DROP VIEW",
            ObjectKind::MaterializedView => "DROP MATERIALIZED VIEW",
            ObjectKind::Sink => "DROP SINK",
            ObjectKind::Table => "DROP TABLE",
        };
        let (mut going, mut notices) = (Vec::new(), Vec::new());
        for name in names {
            match self.named(name) {
                Ok(object) if object.kind() == *kind => going.push(object.name.clone()),
                Ok(object) => return Err(self.kind_error(name, object.kind(), *kind)),
                Err(error) if *if_exists && error.sqlstate == "42P01" => {
                    let message = format!("{} \"{}\" does not exist", kind_name(*kind), name.name);
                    notices.push(Notice { message, hint: None });
                }
                Err(error) => return Err(error),
            }
        }
        if going.is_empty() {
            return Ok(Decision::Nothing { tag, notices });
        }
        let (catalog, dropped) = self.without(&going, *cascade)?;
        let told = |name: &&String| {
            !going.contains(name) && !self.object(name).is_some_and(Object::is_subscription)
        };
        let more: Vec<&String> = dropped.iter().filter(told).collect();
        if !more.is_empty() {
            let list = more.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
            notices.push(Notice { message: format!("also dropped: {list}"), hint: None });
        }
        let change =
            Change { catalog, tag, notices, created: Vec::new(), dropped, resumed: Vec::new() };
        Ok(Decision::Change(Box::new(change)))
    }

    /// The catalog without these objects, and all that go: what reads them too if `cascade` says so.
    pub(super) fn without(
        &self,
        names: &[String],
        cascade: bool,
    ) -> Result<(Catalog, Vec<String>), SqlError> {
        let mut going: BTreeSet<String> = names.iter().cloned().collect();
        for name in names {
            let dependents = self.dependents(name);
            let object = |name: &String| self.object(name).expect("it reads");
            // Late rows go with the query that makes them, and subscribers hear that what they
            // follow is gone.
            let own = |name: &String| match &object(name).definition {
                Definition::Late { of, .. } => going.contains(of),
                definition => matches!(definition, Definition::Subscription { .. }),
            };
            let others: Vec<&String> =
                dependents.iter().filter(|name| !going.contains(*name) && !own(name)).collect();
            if !others.is_empty() && !cascade {
                let list = others
                    .iter()
                    .map(|other| format!("{} \"{other}\"", kind_name(object(other).kind())));
                let list = list.collect::<Vec<_>>().join(", ");
                return Err(SqlError::depended_on(format!(
                    "\"{name}\" cannot be dropped: {list} would go with it"
                ))
                .hint("DROP .. CASCADE drops them too."));
            }
            going.extend(dependents);
        }
        // A file is read by one query, and goes with it.
        let reads = going.iter().filter_map(|name| self.object(name)).flat_map(|o| &o.reads);
        let is_file = |name: &&String| {
            let object = self.object(name);
            object.is_some_and(|o| matches!(o.definition, Definition::External { .. }))
        };
        let files: Vec<String> = reads.filter(is_file).cloned().collect();
        going.extend(files);
        if let Some(late) = names.iter().find_map(|name| self.late_of(name, &going)) {
            return Err(late);
        }
        let objects = going.iter().filter_map(|name| self.object(name));
        let nodes: Vec<NodeId> =
            objects.flat_map(|object: &Object| &object.nodes).copied().collect();
        let mut catalog = self.clone();
        catalog.plan = self.plan.without(&nodes)?;
        catalog.objects.retain(|name, _| !going.contains(name));
        Ok((catalog, going.into_iter().collect()))
    }

    /// The error for a stream of late rows that would go without its query.
    fn late_of(&self, name: &str, going: &BTreeSet<String>) -> Option<SqlError> {
        match &self.object(name)?.definition {
            Definition::Late { of, .. } if !going.contains(of) => Some(
                SqlError::depended_on(format!("\"{name}\" has the late rows of \"{of}\""))
                    .hint(format!("Drop \"{of}\".")),
            ),
            _ => None,
        }
    }
}

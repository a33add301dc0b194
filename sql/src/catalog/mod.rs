//! Names to objects, as a value: a statement makes of one catalog the next one, or an error.

pub mod external;

mod create;
mod decide;
mod drop;
mod event_time;
mod expect;
mod function;
mod names;
mod object;
mod pause;
mod settings;
mod show;
mod subscribe;
mod system;
mod unbounded;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::SqlError;
use crate::dialect::nearest;
use crate::dialect::syntax::{Name, ObjectKind};
use crate::front::{Relations, Udaf, Udf};
use crate::plan::{NodeId, Op, Plan};
use crate::schema::Schema;

pub use crate::front::{FunctionBody, FunctionOutcome};
pub use crate::plan::AggregateFunction;
pub use create::Variables;
pub use decide::{Change, Decision, Following, Insertion, Notice, Table};
pub use expect::{Clock, Expectation};
pub use function::ScalarFunction;
pub(crate) use names::give_once as name_columns;
pub use object::{Definition, Object, kind_name};
pub use system::{SystemTable, system_tables};

/// All objects, and the plan that runs them. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Catalog {
    objects: BTreeMap<String, Arc<Object>>,
    plan: Plan,
    functions: Arc<function::Functions>,
}

impl Default for Catalog {
    fn default() -> Catalog {
        let (objects, functions) = (BTreeMap::new(), Arc::default());
        Catalog { objects, plan: Plan::empty(), functions }
    }
}

impl Catalog {
    /// Without objects.
    pub fn new() -> Catalog {
        Catalog::default()
    }

    /// The catalog of a plan that an application made: its relations are objects.
    pub fn over(plan: &Plan) -> Catalog {
        Catalog::new().with_plan(plan)
    }

    /// The catalog behind a change of the plan that no statement made.
    #[must_use]
    pub fn with_plan(&self, plan: &Plan) -> Catalog {
        let lives = |object: &Arc<Object>| {
            object.nodes.iter().chain(&object.node()).all(|node| plan.position(*node).is_some())
        };
        let mut objects = self.objects.clone();
        objects.retain(|_, object| lives(object));
        let mut beneath = Vec::new();
        for id in plan.ids() {
            let known = objects.values().any(|object| object.nodes.contains(&id));
            if known {
                continue;
            }
            beneath.push(id);
            if let Some(object) = Object::of_plan(plan, id, &mut beneath) {
                objects.insert(object.name.clone(), Arc::new(object));
            }
        }
        Catalog { objects, plan: plan.clone(), functions: Arc::clone(&self.functions) }
    }

    /// The catalog whose next node of the plan gets this id, unless that was given already.
    #[must_use]
    pub fn going_on_at(&self, next: NodeId) -> Catalog {
        Catalog { plan: self.plan.going_on_at(next), ..self.clone() }
    }

    /// The plan that all continuous queries are part of.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// All objects by name.
    pub fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values().map(Arc::as_ref)
    }

    /// The object of this name.
    pub fn object(&self, name: &str) -> Option<&Object> {
        self.objects.get(name).map(Arc::as_ref)
    }

    /// Whether the rows of an object can be read.
    pub fn keeps_rows(&self, object: &Object) -> bool {
        match object.definition {
            Definition::MaterializedView { .. } => true,
            Definition::Source { node, .. } => {
                matches!(self.plan.node(node).op, Op::Source { retain: Some(_), .. })
            }
            _ => false,
        }
    }

    /// The object that a statement names, or the error that names the nearest.
    fn named(&self, name: &Name) -> Result<&Object, SqlError> {
        self.refuse_schema(name)?;
        self.object(&name.name).ok_or_else(|| self.unknown(&name.name).at(name.at))
    }

    fn unknown(&self, name: &str) -> SqlError {
        let error = SqlError::undefined_relation("relation", name);
        match nearest(name, self.objects.keys().map(String::as_str)) {
            Some(near) => error.hint(format!("Did you mean \"{near}\"?")),
            None if self.objects.is_empty() => error.hint("Nothing has been created yet."),
            None => error.hint("SHOW SOURCES, SHOW STREAMS and SHOW VIEWS list what there is."),
        }
    }

    /// Objects live in one schema.
    fn refuse_schema(&self, name: &Name) -> Result<(), SqlError> {
        match name.schema.as_deref() {
            None | Some("public") => Ok(()),
            Some(other) => {
                Err(SqlError::invalid_name(format!("there is no schema \"{other}\" to change"))
                    .hint("Leave it out: all objects live in one schema.")
                    .at(name.at))
            }
        }
    }

    /// The objects that read `name`, directly or through others.
    fn dependents(&self, name: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut next = vec![name.to_owned()];
        while let Some(name) = next.pop() {
            for object in self.objects().filter(|object| object.reads.contains(&name)) {
                if found.insert(object.name.clone()) {
                    next.push(object.name.clone());
                }
            }
        }
        found
    }

    fn kind_error(&self, name: &Name, found: ObjectKind, wanted: ObjectKind) -> SqlError {
        let (found, wanted) = (kind_name(found), kind_name(wanted));
        let message = format!("\"{}\" is a {found}, not a {wanted}", name.name);
        SqlError::wrong_kind(message)
            .hint(format!("Write {} instead.", found.to_uppercase()))
            .at(name.at)
    }
}

impl Relations for Catalog {
    fn columns(&self, name: &str) -> Option<Schema> {
        if let Some(table) = system::system_table(name) {
            return Some(table.schema());
        }
        let object = self.object(name).filter(|object| object.is_relation())?;
        Some(object.schema.clone())
    }

    fn query(&self, name: &str) -> Option<&sqlparser::ast::Query> {
        match &self.object(name)?.definition {
            Definition::View { query } => Some(query),
            _ => None,
        }
    }

    fn names(&self) -> Vec<&str> {
        let relations = self.objects().filter(|object| object.is_relation());
        relations.map(|object| object.name.as_str()).collect()
    }

    fn function(&self, name: &str) -> Option<Udf> {
        self.functions.scalar.get(name).cloned()
    }

    fn aggregate(&self, name: &str) -> Option<Udaf> {
        self.functions.aggregate.get(name).cloned()
    }
}

#[cfg(test)]
mod tests;

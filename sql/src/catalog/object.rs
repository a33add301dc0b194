//! What a name stands for.

use std::collections::BTreeSet;

use crate::dialect::syntax::{Connector, ObjectKind};
use crate::plan::{NodeId, Op, Plan};
use crate::schema::Schema;

/// An object of the catalog.
#[derive(Clone, Debug)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// The columns that it has for who reads it.
    pub schema: Schema,
    /// The statement that made it.
    pub text: String,
    /// What `COMMENT ON` said.
    pub comment: Option<String>,
    /// What it is.
    pub definition: Definition,
    /// The objects that it reads.
    pub reads: BTreeSet<String>,
    /// The nodes of the plan that are its own.
    pub nodes: Vec<NodeId>,
    /// Whether it is a query that was told to stand still.
    pub paused: bool,
}

/// What an object is.
#[derive(Clone, Debug)]
pub enum Definition {
    /// A live input.
    Source {
        /// Its node.
        node: NodeId,
        /// Where its rows come from; from the application where absent.
        connector: Option<Connector>,
    },
    /// A continuous query whose changes can be followed.
    Stream {
        /// Its node.
        node: NodeId,
    },
    /// A continuous query whose result is kept.
    MaterializedView {
        /// Its node.
        node: NodeId,
        /// The columns by which its rows are told apart; none means the whole row.
        key: Vec<usize>,
    },
    /// A continuous query whose changes leave the database.
    Sink {
        /// The stream that it is fed by.
        node: NodeId,
        /// Where they go.
        connector: Connector,
    },
    /// A query under a name.
    View {
        /// The query.
        query: Box<sqlparser::ast::Query>,
    },
    /// A file that a query reads without a CREATE of its own.
    External {
        /// Which, and how it is read.
        connector: Connector,
        /// Its node, where the query runs on. It goes with that query.
        node: Option<NodeId>,
    },
    /// A continuous query that lives as long as the one subscriber that asked for it.
    Subscription {
        /// Its node.
        node: NodeId,
    },
    /// The late rows of a query, which go when it goes.
    Late {
        /// Its node.
        node: NodeId,
        /// The query.
        of: String,
    },
}

impl Object {
    /// The object of a named node that no statement made; it takes the nodes beneath it.
    pub(super) fn of_plan(plan: &Plan, id: NodeId, beneath: &mut Vec<NodeId>) -> Option<Object> {
        let node = plan.node(id);
        let name = node.op.name()?.to_owned();
        let definition = match &node.op {
            Op::Source { .. } => Definition::Source { node: id, connector: None },
            Op::View { key, .. } => Definition::MaterializedView { node: id, key: key.clone() },
            _ => Definition::Stream { node: id },
        };
        let nodes = std::mem::take(beneath);
        let reads = nodes.iter().flat_map(|of| plan.node(*of).op.inputs());
        let reads = reads.filter(|read| !nodes.contains(read));
        let reads = reads.filter_map(|read| plan.node(read).op.name().map(str::to_owned)).collect();
        let (schema, text) = (node.schema.clone(), String::new());
        let paused = plan.paused().contains_key(&id);
        Some(Object { name, schema, text, comment: None, definition, reads, nodes, paused })
    }

    /// Its kind, as statements name it.
    pub fn kind(&self) -> ObjectKind {
        match &self.definition {
            Definition::Source { .. } | Definition::External { .. } => ObjectKind::Source,
            Definition::Stream { .. }
            | Definition::Subscription { .. }
            | Definition::Late { .. } => ObjectKind::Stream,
            Definition::MaterializedView { .. } => ObjectKind::MaterializedView,
            Definition::Sink { .. } => ObjectKind::Sink,
            Definition::View { .. } => ObjectKind::View,
        }
    }

    /// The node whose rows it has, if it is part of the running plan.
    pub fn node(&self) -> Option<NodeId> {
        match self.definition {
            Definition::Source { node, .. }
            | Definition::Stream { node }
            | Definition::Subscription { node }
            | Definition::MaterializedView { node, .. }
            | Definition::Sink { node, .. }
            | Definition::Late { node, .. } => Some(node),
            Definition::External { node, .. } => node,
            Definition::View { .. } => None,
        }
    }

    /// What it reaches outside, if it does.
    pub fn connector(&self) -> Option<&Connector> {
        match &self.definition {
            Definition::Source { connector, .. } => connector.as_ref(),
            Definition::External { connector, .. } | Definition::Sink { connector, .. } => {
                Some(connector)
            }
            _ => None,
        }
    }

    /// Whether another continuous query may read it.
    pub fn is_relation(&self) -> bool {
        !matches!(self.definition, Definition::Sink { .. } | Definition::Subscription { .. })
    }

    /// Whether it goes with the subscriber that asked for it. Nobody else knows of it.
    pub fn is_subscription(&self) -> bool {
        matches!(self.definition, Definition::Subscription { .. })
    }
}

/// The word for a kind.
pub fn kind_name(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Source => "source",
        ObjectKind::Stream => "stream",
        ObjectKind::View => "view",
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sink => "sink",
        ObjectKind::Table => "table",
    }
}

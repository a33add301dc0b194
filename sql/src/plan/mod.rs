//! The plan IR: what a query computes, as a graph of nodes whose inputs come before them.
//!
//! Invariant: only a [`Builder`] makes a plan, so that every name in it is resolved, every
//! expression is bound and every bound is checked.

mod aggregate;
mod builder;
mod explain;
mod spec;
mod window;

use crate::expr::Expr;
use crate::schema::Schema;

pub use aggregate::{AggregateSpec, Call, Emit, Function};
pub use builder::Builder;
pub use window::Window;

/// A node of a plan, by position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The position in [`Plan::nodes`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A checked query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    nodes: Vec<Node>,
}

/// One step of a query, and what is known of the rows it puts out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it does.
    pub op: Op,
    /// The columns it puts out.
    pub schema: Schema,
    /// The columns that follow the watermark; empty where event time ends.
    pub times: Vec<EventTime>,
    /// Whether it puts out rows of negative weight.
    pub retracts: bool,
}

/// Column `column` never again holds a value below `watermark - lag_us`, where the watermark is the
/// one of the sources beneath. Only rows flagged as late do not keep to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTime {
    /// Position in the node's schema.
    pub column: usize,
    /// How far behind the watermark values may be; negative where they are ahead of it.
    pub lag_us: i64,
}

/// The event time of a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceTime {
    /// Position of a TIMESTAMP column.
    pub column: usize,
    /// How far the watermark stays behind the largest time seen.
    pub delay_us: i64,
}

/// What a node does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    /// Rows from outside.
    Source {
        /// The name of the relation.
        name: String,
        /// What moves the watermark; nothing does where absent.
        time: Option<SourceTime>,
    },
    /// The rows for which `predicate` is true.
    Filter {
        /// Where rows come from.
        input: NodeId,
        /// Of type BOOLEAN.
        predicate: Expr,
    },
    /// One row a row.
    Project {
        /// Where rows come from.
        input: NodeId,
        /// Names and expressions of the columns.
        outputs: Vec<(String, Expr)>,
    },
    /// One row a group: `window_start`, `window_end` if windowed, the keys, the calls. NULL keys
    /// are one group. A row whose window time is NULL is in no window.
    Aggregate {
        /// Where rows come from.
        input: NodeId,
        /// Windows are part of the group.
        window: Option<Window>,
        /// Columns of the input. Without keys and window there is one group, and it has a row
        /// even where there is no input.
        keys: Vec<usize>,
        /// What is computed of each group.
        calls: Vec<Call>,
        /// When rows are put out.
        emit: Emit,
        /// How long a window that the watermark passed still takes rows.
        allowed_lateness_us: i64,
    },
    /// The rows that an aggregate refused as late, with their weights; columns of its input.
    Late {
        /// The aggregate.
        aggregate: NodeId,
    },
    /// Pairs of rows with equal keys, columns of the left side first. A NULL key has no pair.
    Join {
        /// One side.
        left: NodeId,
        /// The other side.
        right: NodeId,
        /// Columns of the left side.
        left_keys: Vec<usize>,
        /// Columns of the right side, as many and of the same types.
        right_keys: Vec<usize>,
    },
    /// Keeps the present rows so that they can be read, and passes all deltas on.
    View {
        /// Where rows come from.
        input: NodeId,
        /// The name of the relation.
        name: String,
        /// The columns rows are found by; none means the whole row.
        key: Vec<usize>,
    },
    /// Publishes all deltas under a name, keeps no result, and passes them on.
    Stream {
        /// Where rows come from.
        input: NodeId,
        /// The name of the relation.
        name: String,
    },
}

impl Op {
    /// The nodes it reads: two for a join, none for a source, one otherwise.
    pub fn inputs(&self) -> impl Iterator<Item = NodeId> {
        let (first, second) = match self {
            Op::Source { .. } => (None, None),
            Op::Filter { input, .. }
            | Op::Project { input, .. }
            | Op::Aggregate { input, .. }
            | Op::View { input, .. }
            | Op::Stream { input, .. }
            | Op::Late { aggregate: input } => (Some(*input), None),
            Op::Join { left, right, .. } => (Some(*left), Some(*right)),
        };
        first.into_iter().chain(second)
    }
}

impl Node {
    /// The event time of column `column`, if it has one.
    pub fn time_of(&self, column: usize) -> Option<EventTime> {
        self.times.iter().copied().find(|time| time.column == column)
    }
}

impl Plan {
    /// All nodes; the inputs of each are before it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Node `id`, which must be of this plan.
    pub fn node(&self, id: NodeId) -> &Node {
        &self.nodes[id.index()]
    }

    /// All positions in order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        (0..self.nodes.len() as u32).map(NodeId)
    }

    /// The view of this name.
    pub fn view(&self, wanted: &str) -> Option<NodeId> {
        let is_it =
            |id: &NodeId| matches!(&self.node(*id).op, Op::View { name, .. } if name == wanted);
        self.ids().find(is_it)
    }

    /// The stream of this name.
    pub fn stream(&self, wanted: &str) -> Option<NodeId> {
        let is_it =
            |id: &NodeId| matches!(&self.node(*id).op, Op::Stream { name, .. } if name == wanted);
        self.ids().find(is_it)
    }

    /// The source of this name.
    pub fn source(&self, wanted: &str) -> Option<NodeId> {
        let is_it =
            |id: &NodeId| matches!(&self.node(*id).op, Op::Source { name, .. } if name == wanted);
        self.ids().find(is_it)
    }
}

#[cfg(test)]
mod tests;

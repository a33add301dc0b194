//! The plan IR: what a query computes, as a graph of nodes whose inputs come before them.
//!
//! A plan may grow and shrink while it runs: a [`Builder`] goes on from one, and
//! [`Plan::without`] leaves nodes out.
//!
//! Invariants:
//! - Only a [`Builder`] makes a plan, so that every name in it is resolved, every expression is
//!   bound and every bound is checked.
//! - The id of a node is its own for ever: nodes that are left out leave a gap, and no later node
//!   of the same plan gets a number again. Ids ascend, so inputs have lower ones.

mod aggregate;
mod bound;
mod builder;
mod custom;
mod explain;
mod function;
mod join;
mod over;
mod pause;
mod retain;
mod source;
mod spec;
mod top;
mod untimed;
mod window;
mod within;

use std::collections::BTreeMap;

use crate::error::SqlError;
use crate::expr::Expr;
use crate::schema::Schema;
use crate::time_unit::TimeUnit;

pub use aggregate::{AggregateSpec, Call, CustomCall, Emit};
pub use bound::{Bound, Kept};
pub use builder::Builder;
#[cfg(feature = "planner")]
pub(crate) use custom::said;
pub use custom::{AggregateBody, AggregateFunction, Arguments};
pub use function::{Fraction, Function, Moment};
pub use join::{JoinKind, JoinSpec, both_sides};
pub use over::{Edge, Frame, OverCall, OverFunction, OverSpec, Unit};
pub use retain::Retain;
pub use source::{Ahead, Idle, SourceTime};
pub use top::{OrderBy, Ranking, TopSpec};
pub use window::Window;
pub use within::Within;

/// A node of a plan: the number it was given when it was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(pub u32);

impl NodeId {
    /// The number as an index; the position in [`Plan::nodes`] while nothing was left out.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A checked query, or all queries of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    nodes: Vec<Node>,
    /// The id of each node, ascending.
    ids: Vec<NodeId>,
    /// The id of the next node: above all that ever were.
    next: u32,
    /// The named nodes that stand still, each with the nodes that stand still with it.
    paused: BTreeMap<NodeId, Vec<NodeId>>,
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
    /// What the column counts: microseconds, unless it is the BIGINT column of a source.
    pub unit: TimeUnit,
    /// How far behind the watermark values may be; negative where they are ahead of it.
    pub lag_us: i64,
}

impl EventTime {
    /// Of a TIMESTAMP column.
    pub const fn new(column: usize, lag_us: i64) -> EventTime {
        EventTime { column, unit: TimeUnit::Micros, lag_us }
    }
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
        /// How many of its rows stay; none where absent.
        retain: Option<Retain>,
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
    /// Each row with results over the rows of its partition: the columns of the input, then the
    /// results.
    Over {
        /// Where rows come from.
        input: NodeId,
        /// The columns whose values make a partition.
        partition: Vec<usize>,
        /// What orders the rows of a partition.
        by: Vec<OrderBy>,
        /// What is computed of each row.
        calls: Vec<OverCall>,
    },
    /// The first rows of each partition: those whose number is in a range. The columns of the input,
    /// then the number.
    Top {
        /// Where rows come from.
        input: NodeId,
        /// The columns whose values make a partition.
        partition: Vec<usize>,
        /// What orders the rows of a partition.
        by: Vec<OrderBy>,
        /// What number a row has.
        ranking: Ranking,
        /// The least number that is put out.
        first: u64,
        /// The greatest number that is put out.
        last: u64,
        /// Whether the number is a column.
        numbered: bool,
    },
    /// The rows that an aggregate refused as late, with their weights; columns of its input.
    Late {
        /// The aggregate.
        aggregate: NodeId,
    },
    /// Rows of two relations put beside each other, columns of the left side first.
    Join {
        /// One side.
        left: NodeId,
        /// The other side.
        right: NodeId,
        /// Which rows are put out.
        kind: JoinKind,
        /// Columns of the left side.
        left_keys: Vec<usize>,
        /// Columns of the right side, as many and of the same types.
        right_keys: Vec<usize>,
        /// Whether NULLs are equal; otherwise a NULL in a key matches nothing.
        nulls_equal: bool,
        /// What else must hold of two rows, over the columns of [`both_sides`].
        condition: Option<Expr>,
        /// How far apart in event time rows are that match; any distance where absent.
        within: Option<Within>,
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
            | Op::Over { input, .. }
            | Op::Top { input, .. }
            | Op::View { input, .. }
            | Op::Stream { input, .. }
            | Op::Late { aggregate: input } => (Some(*input), None),
            Op::Join { left, right, .. } => (Some(*left), Some(*right)),
        };
        first.into_iter().chain(second)
    }
}

impl Op {
    /// The name under which others may read it: of sources, views and streams.
    pub fn name(&self) -> Option<&str> {
        match self {
            Op::Source { name, .. } | Op::View { name, .. } | Op::Stream { name, .. } => Some(name),
            Op::Filter { .. }
            | Op::Project { .. }
            | Op::Aggregate { .. }
            | Op::Over { .. }
            | Op::Top { .. }
            | Op::Late { .. }
            | Op::Join { .. } => None,
        }
    }
}

impl Node {
    /// The event time of column `column`, if it has one.
    pub fn time_of(&self, column: usize) -> Option<EventTime> {
        self.times.iter().copied().find(|time| time.column == column)
    }
}

impl Plan {
    /// A plan that computes nothing, to be gone on from.
    pub fn empty() -> Plan {
        Plan::default()
    }

    /// All nodes; the inputs of each are before it.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Node `id`, which must be of this plan.
    pub fn node(&self, id: NodeId) -> &Node {
        let at = self.position(id);
        &self.nodes[at.unwrap_or_else(|| panic!("node {} is not of this plan", id.0))]
    }

    /// Where node `id` stands in [`Plan::nodes`], if it is of this plan.
    pub fn position(&self, id: NodeId) -> Option<usize> {
        // Nothing is missing below it in most plans.
        match self.ids.get(id.index()) {
            Some(at) if *at == id => Some(id.index()),
            _ => self.ids.binary_search(&id).ok(),
        }
    }

    /// All ids in order.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + use<> {
        self.ids.clone().into_iter()
    }

    /// The id that the next node is given: above those of all nodes there ever were.
    pub fn next_id(&self) -> NodeId {
        NodeId(self.next)
    }

    /// The plan with this id for the next node, unless that was given already.
    #[must_use]
    pub fn going_on_at(&self, next: NodeId) -> Plan {
        Plan { next: self.next.max(next.0), ..self.clone() }
    }

    /// The plan without these nodes. Refused while one that stays reads one that goes. Their names
    /// can be used again; their ids are not.
    pub fn without(&self, gone: &[NodeId]) -> Result<Plan, SqlError> {
        let goes = |id: &NodeId| gone.contains(id);
        if let Some(unknown) = gone.iter().find(|id| self.position(**id).is_none()) {
            let what = format!("the plan has no node {} to leave out", unknown.0);
            return Err(SqlError::invalid_parameter(what));
        }
        let (mut nodes, mut ids) = (Vec::new(), Vec::new());
        for (&id, node) in self.ids.iter().zip(&self.nodes).filter(|(id, _)| !goes(id)) {
            if let Some(read) = node.op.inputs().find(|input| goes(input)) {
                return Err(SqlError::dependent(&self.text_of(read), &self.text_of(id)));
            }
            nodes.push(node.clone());
            ids.push(id);
        }
        let mut paused = self.paused.clone();
        paused.retain(|relation, _| !goes(relation));
        Ok(Plan { nodes, ids, next: self.next, paused })
    }

    /// What goes on from `before` to this plan: the nodes that are gone and those that have come;
    /// refused if this plan was not made over that one.
    pub fn since(&self, before: &Plan) -> Result<(Vec<NodeId>, Vec<NodeId>), SqlError> {
        let stays = |id: &NodeId| self.position(*id).is_some();
        let gone = before.ids().filter(|id| !stays(id)).collect();
        let (old, come): (Vec<_>, Vec<_>) = self.ids().partition(|id| id.0 < before.next);
        let same = |id: &NodeId| {
            before.position(*id).is_some_and(|at| before.nodes[at] == *self.node(*id))
        };
        if self.next < before.next || !old.iter().all(same) {
            let what = "the plan was not made over the one that runs";
            return Err(SqlError::invalid_parameter(what)
                .hint("Take the plan of the database, and go on from that."));
        }
        Ok((gone, come))
    }

    /// A node as messages name it.
    fn text_of(&self, id: NodeId) -> String {
        match self.node(id).op.name() {
            Some(name) => format!("\"{name}\""),
            None => format!("node {}", id.0),
        }
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

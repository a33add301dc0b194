//! What runs on every shard: a plan cut into stages, as plain data.
//!
//! A graph grows and shrinks with its plan. A [`Change`] says what becomes of it; the graph of a
//! plan is what a change of nothing makes.
//!
//! Invariants:
//! - What stays keeps its ids. Ids of what is gone are used again, by later changes only.
//! - Stages, and lanes between them, stay for ever: barriers go on to pass there.

mod change;
mod explain;
mod facts;
mod homes;
mod lower;
mod origin;
mod pause;
mod placement;
mod reach;
mod slots;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use change::{Change, Output, Reader};
pub use lower::{Growth, Route, change, lower};
pub use origin::Origin;
pub use pause::Mark;
pub use slots::Slots;

use change::Lowered;
use pause::Pause;
use sluicedb_sql::Schema;
use sluicedb_sql::plan::{NodeId, SourceTime};

use super::ids::{EdgeId, LaneId, OperatorId, ShardId, SourceId, StageId, ViewId};
use super::morsel::{Shape, ShapeId};
use super::operator::{
    AggregateOptions, JoinOptions, MapOptions, OverOptions, Port, RetainOptions, StreamOptions,
    TopOptions, ViewOptions,
};

/// A plan cut into stages.
#[derive(Clone, Debug)]
pub struct Graph {
    /// The kinds of morsels that occur, or did.
    pub shapes: Vec<Shape>,
    /// Where rows enter, by [`SourceId`].
    pub sources: Slots<SourceSpec>,
    /// The stages, by [`StageId`]. Every graph has stage 0.
    pub stages: Vec<StageSpec>,
    /// The exchanges, by [`EdgeId`].
    pub edges: Slots<EdgeSpec>,
    /// What publishes its changes, by [`ViewId`]: views, and streams among them.
    pub views: Slots<ViewSpec>,
    /// One more than the highest number of an operator.
    pub operators: usize,
    /// What each node of the plan was made into.
    nodes: BTreeMap<NodeId, Lowered>,
    /// What stands still, by the node that has its name.
    pauses: BTreeMap<NodeId, Pause>,
}

impl Graph {
    /// What runs where nothing is computed.
    pub fn empty() -> Graph {
        Graph {
            shapes: Vec::new(),
            sources: Slots::default(),
            stages: vec![StageSpec::empty(StageId(0))],
            edges: Slots::default(),
            views: Slots::default(),
            operators: 0,
            nodes: BTreeMap::new(),
            pauses: BTreeMap::new(),
        }
    }

    /// Names the operators of a graph, so that state is not handed to others.
    pub fn fingerprint(&self) -> u128 {
        sluicedb_wal::hash::hash(format!("{self:?}").as_bytes())
    }
}

/// Where rows enter.
#[derive(Clone, Debug)]
pub struct SourceSpec {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub schema: Schema,
    /// The kind of morsel that carries its rows.
    pub shape: ShapeId,
    /// The columns whose hash places a row.
    pub key: Vec<usize>,
    /// Its event time.
    pub time: Option<SourceTime>,
    /// Whether an operator above asks where rows came from.
    pub tied: bool,
    /// The operator that keeps its rows, if any are kept.
    pub retained: Option<(OperatorId, RetainOptions)>,
}

impl SourceSpec {
    /// Whether its feeders may become idle.
    pub fn may_idle(&self) -> bool {
        self.time.is_some_and(|time| time.idle.is_some())
    }
}

/// One stage.
#[derive(Clone, Debug)]
pub struct StageSpec {
    /// Its number.
    pub id: StageId,
    /// What enters it, and where that goes.
    pub entries: Vec<(EntryKey, Vec<Target>)>,
    /// Its operators in topological order.
    pub operators: Vec<OperatorSpec>,
    /// The stages it sends to, ascending.
    pub feeds: Vec<StageId>,
    /// The stages that send to it, ascending.
    pub fed_by: Vec<StageId>,
}

/// What enters a stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum EntryKey {
    /// Rows of feeders.
    Source(SourceId),
    /// Rows of other shards.
    Edge(EdgeId),
}

/// An input of an operator of the same stage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Target {
    /// Index among the operators of the stage.
    pub operator: usize,
    /// Which of its inputs.
    pub port: Port,
}

/// One operator.
#[derive(Clone, Debug)]
pub struct OperatorSpec {
    /// Its number in the graph.
    pub id: OperatorId,
    /// What it does.
    pub kind: Kind,
    /// Where each of its outputs goes.
    pub outputs: Vec<Vec<Target>>,
    /// Whose it is.
    pub origin: Arc<Origin>,
}

/// What an operator does.
#[derive(Clone, Debug)]
pub enum Kind {
    /// Filters and projects.
    Map(MapOptions),
    /// Groups.
    Aggregate(AggregateOptions),
    /// Joins two inputs on equal keys.
    Join(JoinOptions),
    /// Puts out each row with results over the rows of its partition.
    Over(OverOptions),
    /// Puts out the first rows of each partition.
    Top(TopOptions),
    /// Keeps a result, or the net of an epoch.
    View(ViewOptions),
    /// Keeps the latest rows of a source.
    Retain(RetainOptions),
    /// Publishes changes at once.
    Stream(StreamOptions),
    /// Sends rows to the shards that own their keys.
    Exchange(EdgeId),
}

/// One exchange.
#[derive(Clone, Debug)]
pub struct EdgeSpec {
    /// The stage that sends.
    pub from_stage: StageId,
    /// The stage that receives.
    pub to_stage: StageId,
    /// The columns whose hash places a row.
    pub key: Vec<usize>,
}

/// A result that can be read, or a stream.
#[derive(Clone, Debug)]
pub struct ViewSpec {
    /// Its name.
    pub name: String,
    /// Its columns.
    pub schema: Schema,
    /// The stage that publishes it.
    pub stage: StageId,
    /// The operator that publishes it.
    pub operator: OperatorId,
    /// How its result is kept; a stream keeps none, so that it cannot be read.
    pub kept: Option<ViewOptions>,
    /// The columns whose hash says which shard a row is on; none where that cannot be told.
    pub placed: Option<Vec<usize>>,
    /// The id it is published under.
    pub id: ViewId,
}

impl Graph {
    /// An operator, if there is one of this number.
    pub fn operator(&self, id: OperatorId) -> Option<&OperatorSpec> {
        let mut operators = self.stages.iter().flat_map(|stage| &stage.operators);
        operators.find(|operator| operator.id == id)
    }
}

impl StageSpec {
    /// A stage that nothing enters.
    fn empty(id: StageId) -> StageSpec {
        StageSpec {
            id,
            entries: Vec::new(),
            operators: Vec::new(),
            feeds: Vec::new(),
            fed_by: Vec::new(),
        }
    }

    /// The lanes that lead to this stage on a shard, sorted.
    pub fn incoming(&self, to: ShardId, shards: u16) -> Vec<LaneId> {
        let to_stage = self.id;
        let lanes = self.fed_by.iter().flat_map(|&from_stage| {
            (0..shards).map(move |from| LaneId { from_stage, to_stage, from: ShardId(from), to })
        });
        lanes.collect()
    }

    /// The lanes that lead from this stage on a shard, sorted.
    pub fn outgoing(&self, from: ShardId, shards: u16) -> Vec<LaneId> {
        let from_stage = self.id;
        let lanes = self.feeds.iter().flat_map(|&to_stage| {
            (0..shards).map(move |to| LaneId { from_stage, to_stage, from, to: ShardId(to) })
        });
        lanes.collect()
    }
}

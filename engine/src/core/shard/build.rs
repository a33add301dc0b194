//! Makes the operators of a graph on one shard.

use std::sync::Arc;

use sluicedb_sql::SqlError;

use crate::core::arena::{Arena, BlockId, ZoneId};
use crate::core::graph::{Change, Graph, Kind, OperatorSpec, StageSpec};
use crate::core::hash::{EMPTY, owner, partition};
use crate::core::ids::{OperatorId, ShardId};
use crate::core::operator::{
    Aggregate, Discard, Exchange, ExchangeOptions, Join, Map, Operator, Over, Place, Retain,
    Stream, Top, View,
};

/// The operators of a stage, each with its zone.
pub(super) struct Built {
    pub(super) operators: Vec<(Box<dyn Operator>, ZoneId)>,
}

/// The zone of an operator: operators have the zones of an arena in the order of their ids.
pub(crate) fn zone(operator: OperatorId) -> ZoneId {
    ZoneId(operator.0)
}

/// What an operator is told of its place in a shard, and its root there.
pub(crate) fn operator_over(operator: &OperatorSpec, arena: &Arena) -> (Place, BlockId) {
    let zone = zone(operator.id);
    (Place { operator: operator.id, zone }, arena.root(zone))
}

/// Whether the one group of an aggregate without keys is on a shard.
pub(crate) fn owns_empty_key(shard: ShardId, shards: u16) -> bool {
    owner(partition(EMPTY), shards) == shard
}

/// Makes the operators of a stage over zones that are there. Those whose zones are gone were given up.
pub(super) fn build(
    graph: &Arc<Graph>,
    spec: &StageSpec,
    shard: ShardId,
    shards: u16,
    arena: &Arena,
) -> Result<Built, SqlError> {
    let mut operators: Vec<(Box<dyn Operator>, ZoneId)> = Vec::with_capacity(spec.operators.len());
    for operator in &spec.operators {
        let zone = zone(operator.id);
        operators.push((made(graph, operator, shard, shards, arena)?, zone));
    }
    Ok(Built { operators })
}

/// Makes an operator over its zone, or puts nothing in its place where there is no zone.
pub(super) fn made(
    graph: &Graph,
    operator: &OperatorSpec,
    shard: ShardId,
    shards: u16,
    arena: &Arena,
) -> Result<Box<dyn Operator>, SqlError> {
    let zone = zone(operator.id);
    match arena.has_zone(zone) {
        true => make(graph, operator, shard, shards, arena.root(zone)),
        false => Ok(Box::new(Discard)),
    }
}

/// Makes an operator whose zone has this root block.
fn make(
    graph: &Graph,
    operator: &OperatorSpec,
    shard: ShardId,
    shards: u16,
    root: BlockId,
) -> Result<Box<dyn Operator>, SqlError> {
    let place = Place { operator: operator.id, zone: zone(operator.id) };
    Ok(match operator.kind.clone() {
        Kind::Map(options) => Box::new(Map::new(place, options)),
        Kind::Aggregate(options) => {
            Box::new(Aggregate::new(place, options, root, owns_empty_key(shard, shards))?)
        }
        Kind::Join(options) => Box::new(Join::new(place, options, root)?),
        Kind::Over(options) => Box::new(Over::new(place, options, root)?),
        Kind::Top(options) => Box::new(Top::new(place, options, root)?),
        Kind::View(options) => Box::new(View::new(place, options, root)?),
        Kind::Retain(options) => Box::new(Retain::new(place, options, root, shards)),
        Kind::Stream(options) => Box::new(Stream::new(options)),
        Kind::Exchange(edge) => {
            let edge_spec = &graph.edges[edge.index()];
            Box::new(Exchange::new(ExchangeOptions {
                edge,
                from_stage: edge_spec.from_stage,
                to_stage: edge_spec.to_stage,
                shard,
                shards,
                key: edge_spec.key.clone(),
            }))
        }
    })
}

/// An error if an operator that comes cannot be made: found here, before any shard is told.
pub fn check(change: &Change) -> Result<(), SqlError> {
    let operators = change.graph.stages.iter().flat_map(|stage| &stage.operators);
    let come = |operator: &&OperatorSpec| change.come.binary_search(&operator.id).is_ok();
    for operator in operators.filter(come) {
        make(&change.graph, operator, ShardId(0), 1, BlockId(0))?;
    }
    Ok(())
}

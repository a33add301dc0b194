//! Makes the operators of a graph on one shard.

use std::sync::Arc;

use sluicedb_sql::SqlError;

use crate::core::arena::{Arena, ZoneId};
use crate::core::graph::{Graph, Kind, StageSpec};
use crate::core::hash::{EMPTY, owner, partition};
use crate::core::ids::{OperatorId, ShardId};
use crate::core::operator::{
    Aggregate, Exchange, ExchangeOptions, Join, Map, Operator, Place, Stream, View,
};

/// The operators of a stage, each with its zone.
pub(super) struct Built {
    pub(super) operators: Vec<(Box<dyn Operator>, ZoneId)>,
}

/// The zone of an operator: operators have the zones of an arena in the order of their ids.
pub(super) fn zone(operator: OperatorId) -> ZoneId {
    ZoneId(operator.0)
}

/// Makes the operators of a stage over zones that are there.
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
        let place = Place { operator: operator.id, zone };
        let root = arena.root(zone);
        let made: Box<dyn Operator> = match operator.kind.clone() {
            Kind::Map(options) => Box::new(Map::new(place, options)),
            Kind::Aggregate(options) => {
                let owns_empty_key = owner(partition(EMPTY), shards) == shard;
                Box::new(Aggregate::new(place, options, root, owns_empty_key)?)
            }
            Kind::Join(options) => Box::new(Join::new(place, options, root)?),
            Kind::View(options) => Box::new(View::new(place, options, root)?),
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
        };
        operators.push((made, zone));
    }
    Ok(Built { operators })
}

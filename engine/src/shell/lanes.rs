//! The rings between shards, made for whoever takes from them.

use std::collections::BTreeMap;

use super::lane::{Place, near_lane};
use super::reactor::{LaneEnds, LaneIn, LaneOut};
use crate::core::frame::Frame;
use crate::core::graph::Graph;
use crate::core::ids::{EdgeId, LaneId, ShardId, Time};
use std::sync::Arc;

/// Makes all lanes of a graph.
pub(crate) fn connect_all(graph: &Graph, places: &[Place], frames: usize) -> Vec<LaneEnds> {
    let shards = places.len() as u16;
    let outgoing = |shard| graph.stages.iter().flat_map(move |stage| stage.outgoing(shard, shards));
    connect((0..shards).map(ShardId).flat_map(outgoing), places, frames)
}

/// Makes lanes; by shard, those that lead to it and those that lead away, ascending.
pub(crate) fn connect(
    ids: impl Iterator<Item = LaneId>,
    places: &[Place],
    frames: usize,
) -> Vec<LaneEnds> {
    let blank = Frame::Watermark { edge: EdgeId(0), time: Time::MIN };
    let ends = ids.map(|id| (id, near_lane(frames, &places[id.to.index()], &blank)));
    let mut ends: BTreeMap<LaneId, _> = ends.collect();
    let mut by_shard: Vec<LaneEnds> = Vec::new();
    by_shard.resize_with(places.len(), Default::default);
    while let Some((id, (sender, receiver))) = ends.pop_first() {
        let room = Arc::clone(&places[id.from.index()].bell);
        by_shard[id.to.index()].0.push(LaneIn { id, receiver, room });
        by_shard[id.from.index()].1.push(LaneOut { id, sender, known: 0, sent: false });
    }
    by_shard
}

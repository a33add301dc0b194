//! Sends each row to the shard that owns its key.

use std::collections::VecDeque;

use super::{Context, Item, Operator, Port, Work};
use crate::core::arena::Arena;
use crate::core::effect::Effect;
use crate::core::frame::{Barrier, Frame};
use crate::core::hash::{hash_rows, owner, partition};
use crate::core::ids::{EdgeId, LaneId, ShardId, StageId};
use crate::core::morsel::Morsel;

/// Where an exchange leads.
#[derive(Clone, Debug)]
pub struct ExchangeOptions {
    /// The edge it feeds.
    pub edge: EdgeId,
    /// The stage it is in.
    pub from_stage: StageId,
    /// The stage it feeds.
    pub to_stage: StageId,
    /// The shard it is on.
    pub shard: ShardId,
    /// How many shards there are.
    pub shards: u16,
    /// The columns whose hash places a row.
    pub key: Vec<usize>,
}

/// The sending end of an edge.
pub struct Exchange {
    options: ExchangeOptions,
    /// Frames that wait for room, each with its shard; at most one a shard.
    owed: VecDeque<(ShardId, Frame)>,
    hashes: Vec<u64>,
    picks: Vec<Vec<u32>>,
}

impl Exchange {
    /// An exchange that owes nothing.
    pub fn new(options: ExchangeOptions) -> Exchange {
        let picks = vec![Vec::new(); usize::from(options.shards)];
        Exchange { options, owed: VecDeque::new(), hashes: Vec::new(), picks }
    }

    fn lane(&self, to: ShardId) -> LaneId {
        let ExchangeOptions { from_stage, to_stage, shard, .. } = self.options;
        LaneId { from_stage, to_stage, from: shard, to }
    }

    fn split(&mut self, morsel: Morsel, context: &mut Context<'_>) {
        let keys = self.options.key.iter().map(|&column| &morsel.columns[column]);
        hash_rows(keys, morsel.rows(), &mut self.hashes);
        self.picks.iter_mut().for_each(Vec::clear);
        for (row, &hash) in self.hashes.iter().enumerate() {
            self.picks[owner(partition(hash), self.options.shards).index()].push(row as u32);
        }
        let edge = self.options.edge;
        if let Some(only) = self.picks.iter().position(|picks| picks.len() == morsel.rows()) {
            self.owed.push_back((ShardId(only as u16), Frame::Rows { edge, morsel }));
            return;
        }
        for (shard, picks) in self.picks.iter().enumerate() {
            if !picks.is_empty() {
                let mut part = context.pool.take(morsel.shape());
                part.gather(&morsel, picks);
                let frame = Frame::Rows { edge, morsel: part };
                self.owed.push_back((ShardId(shard as u16), frame));
            }
        }
        context.pool.put(morsel);
    }
}

impl Operator for Exchange {
    fn create(&mut self, _arena: &mut Arena) {}

    fn accept(&mut self, _port: Port, item: Item, context: &mut Context<'_>) {
        assert!(self.owed.is_empty(), "an exchange is given an item while it owes frames");
        match item {
            Item::Rows(morsel) => self.split(morsel, context),
            Item::Watermark(time) => {
                let edge = self.options.edge;
                let frames = (0..self.options.shards)
                    .map(|shard| (ShardId(shard), Frame::Watermark { edge, time }));
                self.owed.extend(frames);
            }
        }
    }

    fn barrier(&mut self, _barrier: Barrier) {
        assert!(self.owed.is_empty(), "a barrier must not overtake owed frames");
    }

    fn work(&mut self, context: &mut Context<'_>) -> Work {
        for _ in 0..self.owed.len() {
            let (shard, frame) = self.owed.pop_front().expect("as many as were counted");
            let lane = self.lane(shard);
            if context.lanes.room(lane) > 0 {
                context.lanes.take(lane);
                context.effects.push(Effect::Send { lane, frame });
            } else {
                self.owed.push_back((shard, frame));
            }
        }
        if self.owed.is_empty() { Work::Idle } else { Work::Yield }
    }
}

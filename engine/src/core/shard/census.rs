//! What a shard tells of itself when it is asked. Counted item by item on the way, put together here.

use std::sync::Arc;

use super::Shard;
use super::build::zone;
use crate::core::arena::BLOCK_BYTES;
use crate::core::effect::{FeederMark, Stopped};
use crate::core::graph::Graph;
use crate::core::ids::{OperatorId, SourceId, Time, ViewId};

/// Figures of one shard, as of one moment between two steps. Rows count from the start of this life.
#[derive(Clone, Debug)]
pub struct Census {
    /// What runs.
    pub graph: Arc<Graph>,
    /// In the order of stages.
    pub operators: Vec<OperatorFigures>,
    /// The sources that are there.
    pub sources: Vec<SourceFigures>,
    /// Rows that each view holds; streams hold none.
    pub views: Vec<(ViewId, i64)>,
    /// How far each feeder has come here.
    pub feeders: Vec<FeederMark>,
    /// The views and streams that were given up, each with why.
    pub stopped: Vec<(ViewId, Arc<Stopped>)>,
}

/// Figures of one operator.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct OperatorFigures {
    /// Which.
    pub operator: OperatorId,
    /// Deltas it was given.
    pub rows_in: u64,
    /// Deltas it has put out: to the operators behind it, to subscribers, or to other shards.
    pub rows_out: u64,
    /// Bytes of its state.
    pub state_bytes: u64,
    /// The last watermark it was given; none where it was given none, or has no use for one.
    pub watermark: Option<Time>,
    /// Groups that have no row because a result does not fit its type.
    pub withheld: u64,
}

/// Figures of one source.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceFigures {
    /// Which.
    pub source: SourceId,
    /// Rows that have entered.
    pub rows: u64,
    /// How far its event time has come.
    pub watermark: Time,
}

impl Shard {
    /// What there is to tell at the moment.
    pub fn census(&self) -> Census {
        let tallies = self.stages.iter().flat_map(|stage| stage.tallies());
        let operators = tallies.map(|(operator, tally, made)| OperatorFigures {
            operator,
            rows_in: tally.rows_in,
            rows_out: tally.rows_out,
            state_bytes: u64::from(self.arena.zone_blocks(zone(operator))) * BLOCK_BYTES as u64,
            watermark: tally.watermark,
            withheld: made.withheld(&self.arena),
        });
        let watermarks = self.intake.watermarks();
        let sources = self.stages[0].source_rows().map(|(source, rows)| {
            let watermark = watermarks.get(source.index()).copied().unwrap_or(Time::MIN);
            SourceFigures { source, rows, watermark }
        });
        let readers = self.readers.iter().enumerate();
        let views = readers.filter_map(|(at, reader)| {
            Some((ViewId(at as u16), reader.as_ref()?.held(&self.arena)))
        });
        Census {
            operators: operators.collect(),
            sources: sources.collect(),
            views: views.collect(),
            feeders: self.intake.marks(),
            stopped: self.stopped.iter().map(|(view, why)| (*view, Arc::clone(why))).collect(),
            graph: Arc::clone(&self.graph),
        }
    }

    /// Rows of sources in the last epoch whose barrier was passed.
    pub fn epoch_rows(&self) -> u64 {
        self.epoch_rows
    }
}

//! Which feeders the files know, and how far each had come.

use std::sync::Arc;

use sluicedb_wal::Manifest;
use sluicedb_wal::replay::Replayed;

use super::RecoverError;
use crate::core::coordinator::Front;
use crate::core::effect::FeederMark;
use crate::core::frame::FeederFrame;
use crate::core::graph::Graph;
use crate::core::ids::{FeederId, ShardId, SourceId, Time};
use crate::core::limits::FEEDERS_MAX;
use crate::core::morsel::Pool;
use crate::core::shard::{frame_of, source_of};

/// What the newest manifest says of all shards together.
pub(super) fn base(
    newest: Option<&Manifest>,
    plan: u128,
    graph: &Graph,
) -> Result<Front, RecoverError> {
    let sources = graph.sources.len();
    let Some(manifest) = newest else {
        let (history, sources) = (Arc::from([]), vec![Time::MIN; sources]);
        let (sinks, producers, feeders) = (Vec::new(), Vec::new(), Vec::new());
        return Ok(Front { plan, history, sources, sinks, producers, feeders });
    };
    let another = |what| RecoverError::AnotherPlan { shard: ShardId(0), what };
    let front =
        Front::decode(&manifest.front).ok_or_else(|| another("its front has another form"))?;
    if front.plan != plan {
        return Err(another("its operators are others"));
    }
    if front.sources.len() != sources || front.feeders.len() > FEEDERS_MAX {
        return Err(another("it has other sources or too many feeders"));
    }
    if front.sinks.iter().any(|mark| graph.views.get(mark.sink.index()).is_none()) {
        return Err(another("it has other sinks"));
    }
    Ok(front)
}

/// The statements of a shard's log.
pub(super) fn frames(
    log: &Replayed,
    graph: &Graph,
    shard: ShardId,
) -> Result<Vec<FeederFrame>, RecoverError> {
    let mut pool = Pool::new(&graph.shapes);
    let another = |what| RecoverError::AnotherPlan { shard, what };
    let mut frames = Vec::with_capacity(log.records.len());
    for (_, record) in &log.records {
        let feeder = FeederId(record.statement.feeder);
        let sequence = record.statement.sequence;
        let garbled = |error| RecoverError::Record { shard, feeder, sequence, error };
        if feeder.index() >= FEEDERS_MAX {
            return Err(another("its log knows too many feeders"));
        }
        let source = source_of(record).map_err(garbled)?;
        let source = graph.sources.get(source.index());
        let shape = source.ok_or_else(|| another("its log knows other sources"))?.shape;
        frames.push(frame_of(record, shape, &mut pool).map_err(garbled)?);
    }
    Ok(frames)
}

/// How far each feeder had come by the checkpoint and the statements behind it. One that was attached
/// and has left no trace of its own is there if a later one has.
pub(super) fn reached(
    base: &[FeederMark],
    logs: &[Vec<FeederFrame>],
) -> Result<Vec<FeederMark>, RecoverError> {
    let mut reached = base.to_vec();
    for (shard, log) in logs.iter().enumerate() {
        for frame in log {
            while reached.len() <= frame.feeder.index() {
                let feeder = FeederId(reached.len() as u32);
                reached.push(FeederMark::start(feeder, SourceId(0)));
            }
            let mark = &mut reached[frame.feeder.index()];
            if mark.sequence == 0 && mark.source != frame.source {
                // Until it pushes, a feeder may be attached to one source after another.
                *mark = FeederMark::start(frame.feeder, frame.source);
            }
            if mark.source != frame.source {
                let (shard, what) = (ShardId(shard as u16), "its log gives a feeder two sources");
                return Err(RecoverError::AnotherPlan { shard, what });
            }
            let FeederFrame { sequence, watermark, rows_numbered, position, .. } = *frame;
            mark.reach(&FeederMark { sequence, watermark, rows_numbered, position, ..*mark });
        }
    }
    Ok(reached)
}

/// What a shard begins with before it replays its log: it counts statements from the checkpoint, but
/// a feeder is attached with the same watermark everywhere.
pub(super) fn before_replay(base: &[FeederMark], reached: &[FeederMark]) -> Vec<FeederMark> {
    let mut marks = reached.to_vec();
    for (at, mark) in marks.iter_mut().enumerate() {
        let start = FeederMark::start(mark.feeder, mark.source);
        let &FeederMark { sequence, rows_numbered, position, .. } = base.get(at).unwrap_or(&start);
        *mark = FeederMark { sequence, rows_numbered, position, ..*mark };
    }
    marks
}

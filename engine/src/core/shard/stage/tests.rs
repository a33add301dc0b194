//! What a barrier says of the lanes that it aligned.

use super::*;
use crate::core::arena::Region;
use crate::core::ids::EdgeId;

const EDGE: EdgeId = EdgeId(0);

fn lane(from: u16) -> LaneId {
    let (from_stage, to_stage) = (StageId(0), StageId(1));
    LaneId { from_stage, to_stage, from: ShardId(from), to: ShardId(0) }
}

/// A stage on the first of two shards, without operators.
fn stage() -> Stage {
    let spec = StageSpec {
        id: StageId(1),
        entries: vec![(EntryKey::Edge(EDGE), Vec::new())],
        operators: Vec::new(),
        feeds: Vec::new(),
        fed_by: vec![StageId(0)],
    };
    let mut stage = Stage::new(&spec, ShardId(0), 2, Built { operators: Vec::new() });
    stage.start(Epoch(7), None);
    stage
}

fn work(stage: &mut Stage) -> Option<Barrier> {
    stage.work(&mut Resources {
        arena: &mut Arena::new(Region::heap(0), Region::heap(0)),
        pool: &mut Pool::new(&[]),
        fuel: &mut 10,
        effects: &mut Vec::new(),
        stop: &mut None,
    })
}

#[test]
fn what_comes_in_behind_a_barrier_is_not_in_its_watermarks() {
    let mut stage = stage();
    let barrier = Barrier { epoch: Epoch(7), checkpoint: true, read: false };
    let watermark = |time| Frame::Watermark { edge: EDGE, time: Time(time) };
    for (from, frame) in [
        (0, watermark(5)),
        (0, Frame::Barrier(barrier)),
        (1, watermark(3)),
        (1, Frame::Barrier(barrier)),
        (0, watermark(9)),
    ] {
        stage.take(lane(from), frame);
    }
    assert_eq!(work(&mut stage), Some(barrier));
    assert_eq!(stage.take_watermarks(), [[Time(5), Time(3)]]);
}

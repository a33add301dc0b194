//! Feeders and those who ask for barriers, step by step.

use sluicedb::core::effect::CoordinatorInput;
use sluicedb::core::feeder::{Cells, FEEDER_IDLE, FeederStep, PushError};
use sluicedb::core::frame::Fed;
use sluicedb::core::ids::ShardId;
use sluicedb::core::morsel::ShapeId;
use sluicedb_sql::Value;

use super::life::Mouth;
use super::{Phase, World};
use crate::load::Batch;

impl World {
    /// A feeder starts to push its next statement.
    pub(super) fn push(&mut self, feeder: usize) {
        let mouth = &mut self.life.mouths[feeder];
        let next = self.producers[feeder].next().expect("listed because there is one");
        self.producers[feeder].offer(next, false);
        if mouth.open.0 == 0 || self.schedule.chance(50) {
            // Otherwise it goes by what it read long ago, and finds out when it looks again.
            mouth.open = self.life.open;
        }
        let typed = self.schedule.chance(50);
        let batch = self.producers[feeder].batch(next).clone();
        let pushed = match &batch[..] {
            [row] if typed => push_row(mouth, row),
            _ => {
                // Some producers say where they go on behind some statements, and all others nothing.
                let position = self.producers[feeder].offer(next, next % 8 != 7);
                mouth.feeder.tell_position(position);
                let shape = self.graph.sources[self.producers[feeder].source.index()].shape;
                push_batch(mouth, &batch, shape, typed)
            }
        };
        let (id, sequence, count) = (mouth.id(), next + 1, batch.len());
        let what = format_args!("push seq={sequence} rows={count} full={}", pushed.is_err());
        self.trace.add(self.turn, &id, what);
        if let Err(PushError::Full { .. } | PushError::Unsettled { .. }) = pushed {
            self.life.mouths[feeder].retry = self.turn + 1 + self.schedule.below(30) as u64;
            self.saw("full push");
        }
    }

    /// A feeder does one step of its push; all others may act before the next.
    pub(super) fn step_feeder(&mut self, feeder: usize) {
        let mouth = &mut self.life.mouths[feeder];
        let id = mouth.id();
        match mouth.feeder.next_step() {
            FeederStep::StoreWord(word) => {
                mouth.word = word;
                let idle = word == FEEDER_IDLE;
                self.trace.add(self.turn, &id, format_args!("word={word:x} idle={idle}"));
            }
            FeederStep::ReadOpen => {
                let before = mouth.feeder.progress().sequence;
                if mouth.open != self.life.open {
                    *self.seen.entry("epoch opened during a push").or_insert(0) += 1;
                }
                mouth.open = self.life.open;
                mouth.feeder.opened(mouth.open);
                self.trace.add(self.turn, &id, format_args!("read open={}", mouth.open));
                let progress = *mouth.feeder.progress();
                if progress.sequence > before {
                    self.stamped(feeder, &progress);
                }
            }
            FeederStep::Publish(shard, frame) => {
                let (epoch, rows) = (frame.epoch, frame.morsel.rows());
                let lane = &mut mouth.lanes[shard.index()];
                lane.report(lane.room());
                lane.send(Fed::Frame(frame));
                let what = format_args!("publish to={shard} {epoch} rows={rows}");
                self.trace.add(self.turn, &id, what);
            }
            FeederStep::PublishRow(shard) => {
                let row = *mouth.feeder.row();
                let lane = &mut mouth.lanes[shard.index()];
                lane.report(lane.room());
                lane.send(Fed::Row(row));
                let what = format_args!("publish a record to={shard} {}", row.epoch);
                self.trace.add(self.turn, &id, what);
                self.saw("row as a record");
            }
            FeederStep::StoreProgress(progress) => {
                mouth.progress = progress;
                let sequence = progress.sequence;
                self.trace.add(self.turn, &id, format_args!("progress seq={sequence}"));
            }
            FeederStep::Rest => unreachable!("a feeder that rests has no step"),
        }
    }

    /// Somebody asks for a barrier.
    pub(super) fn want(&mut self) {
        let (checkpoint, read) = *self.schedule.pick(&[
            (true, true),
            (true, false),
            (false, true),
            (false, true),
            (false, false),
        ]);
        self.life.wants_after = self.turn + 20 + self.schedule.below(400) as u64;
        self.trace.add(self.turn, &"want", format_args!("checkpoint={checkpoint} read={read}"));
        self.coordinate(CoordinatorInput::Wanted { checkpoint, read });
    }

    /// Asks for the barrier that ends the run, once everything is pushed.
    pub(super) fn ask_for_the_end(&mut self) {
        debug_assert!(matches!(self.phase, Phase::Calm { .. }), "asked for in the calm");
        let all = self.producers.iter().all(super::Producer::is_published);
        let free = self.life.ready && self.life.poison.is_none() && !self.life.asked;
        if all && free && self.life.feeders_rest() {
            self.life.asked = true;
            self.note("want", "checkpoint=true read=true, the last");
            self.coordinate(CoordinatorInput::Wanted { checkpoint: true, read: true });
        }
    }
}

/// Pushes a row as apps do that push row by row.
fn push_row(mouth: &mut Mouth, row: &[Value]) -> Result<(), PushError> {
    let mut writer = mouth.feeder.write_row(&mut mouth.pool);
    write(row, &mut writer);
    writer.finish().expect("the workload fits its schema");
    let lanes = &mouth.lanes;
    let room = |shard: ShardId| lanes[shard.index()].room();
    mouth.feeder.push_row(mouth.open, room, &mut mouth.pool)
}

/// Pushes a batch, value by value or from rows that are there.
fn push_batch(
    mouth: &mut Mouth,
    batch: &Batch,
    shape: ShapeId,
    typed: bool,
) -> Result<(), PushError> {
    let mut rows = mouth.pool.take(shape);
    if typed {
        let mut writer = mouth.feeder.write_batch(rows);
        for row in batch {
            write(row, &mut writer);
            writer.finish_row().expect("the workload fits its schema");
        }
        rows = writer.into_morsel();
    } else {
        mouth.feeder.fill(batch, &mut rows).expect("the workload fits its schema");
    }
    let lanes = &mouth.lanes;
    let room = |shard: ShardId| lanes[shard.index()].room();
    mouth.feeder.push(rows, mouth.open, room, &mut mouth.pool).map_err(|refused| {
        mouth.pool.put(refused.rows);
        refused.error
    })
}

fn write(row: &[Value], cells: &mut impl Cells) {
    for value in row {
        match value {
            Value::Null => cells.null(),
            Value::Boolean(value) => cells.bool(*value),
            Value::Int(value) => cells.i32(*value),
            Value::BigInt(value) | Value::Timestamp(value) => cells.i64(*value),
            Value::Double(value) => cells.f64(*value),
            Value::Decimal { units, .. } => cells.i128(*units),
            Value::Text(value) => cells.text(value),
            other => unreachable!("no workload pushes {other}"),
        }
    }
}

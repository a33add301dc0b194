//! Feeders and those who ask for barriers, step by step.

use sluicedb::core::effect::CoordinatorInput;
use sluicedb::core::feeder::{FEEDER_IDLE, FeederStep, PushError};

use super::{Phase, World};

impl World {
    /// A feeder starts to push its next statement.
    pub(super) fn push(&mut self, feeder: usize) {
        let mouth = &mut self.life.mouths[feeder];
        let next = self.producers[feeder].next().expect("listed because there is one");
        let batch = &self.load.feeders[feeder].batches[next];
        if mouth.open.0 == 0 || self.schedule.chance(50) {
            // Otherwise it goes by what it read long ago, and finds out when it looks again.
            mouth.open = self.life.open;
        }
        let source = self.producers[feeder].source;
        let mut rows = mouth.pool.take(self.graph.sources[source.index()].shape);
        mouth.feeder.fill(batch, &mut rows).expect("the workload fits its schema");
        let room = |shard: sluicedb::core::ids::ShardId| mouth.lanes[shard.index()].room();
        let pushed = mouth.feeder.push(&rows, mouth.open, room, &mut mouth.pool);
        mouth.pool.put(rows);
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
                    self.producers[feeder].stamp(&progress);
                }
            }
            FeederStep::Publish(shard, frame) => {
                let (epoch, rows) = (frame.epoch, frame.morsel.rows());
                let lane = &mut mouth.lanes[shard.index()];
                lane.report(lane.room());
                lane.send(frame);
                let what = format_args!("publish to={shard} {epoch} rows={rows}");
                self.trace.add(self.turn, &id, what);
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

//! Checkers that run with every action, and the one at the end.

use sluicedb::core::coordinator::Coordinator;
use sluicedb::core::effect::{FeederMark, Poison, Report};
use sluicedb::core::frame::Frame;
use sluicedb::core::ids::{Epoch, FeederId, LaneId, ShardId};

use super::World;

impl World {
    pub(super) fn coordinator(&self) -> &Coordinator {
        self.life.coordinator.as_ref().expect("a life has a coordinator")
    }

    /// A shard sends a frame: barriers skip no epoch, watermarks do not go back.
    pub(super) fn send(&mut self, shard: usize, id: LaneId, frame: Frame) {
        assert_eq!(id.from.index(), shard, "{id} begins at another shard");
        let at = self.life.lane(id);
        let lane = &mut self.life.lanes[at];
        match &frame {
            Frame::Rows { morsel, .. } => assert!(!morsel.is_empty(), "{id} carries no rows"),
            Frame::Watermark { edge, time } => {
                let last = &mut lane.watermarks[edge.index()];
                assert!(time.0 >= *last, "{id} promised {last}us for {edge}, then {time}");
                *last = time.0;
            }
            Frame::Barrier(barrier) => {
                let epoch = barrier.epoch;
                if let Some(last) = lane.barrier {
                    assert_eq!(epoch, last.next(), "the barriers of {id} skip or repeat an epoch");
                }
                lane.barrier = Some(epoch);
            }
        }
        lane.lane.send(frame);
    }

    /// A shard reports: once its disk failed it acknowledges nothing.
    pub(super) fn tell(&mut self, shard: usize, report: Report) {
        let acknowledges = matches!(report, Report::Durable(_) | Report::Acknowledged(_));
        let seat = &mut self.life.seats[shard];
        assert!(!(acknowledges && seat.failed), "{} acknowledges after its disk failed", seat.id());
        if let Report::Acknowledged(part) = &report {
            let files = part.files.len();
            assert!(files <= self.options.checkpoint_deltas_max + 1, "{files} files in a part");
            self.saw(if files == 1 { "base checkpoint" } else { "delta checkpoint" });
        }
        if let Report::Stopped(stopped) = &report {
            self.check_given_up(shard, stopped);
        }
        self.life.seats[shard].reports.push_back(report);
    }

    /// The coordinator opens an epoch to feeders.
    pub(super) fn opened(&mut self, epoch: Epoch) {
        let open = self.life.open;
        assert!(open == Epoch(0) || epoch == open.next(), "{epoch} is opened after {open}");
        self.life.open = epoch;
        self.trace.add(self.turn, &"coordinator", format_args!("open {epoch}"));
    }

    /// Statements of a feeder are durable in the logs.
    pub(super) fn settled(&mut self, feeder: FeederId, sequence: u64) {
        assert!(self.life.poison.is_none(), "{feeder} is acknowledged by a poisoned database");
        self.trace.add(self.turn, &feeder, format_args!("settled seq={sequence}"));
        self.producers[feeder.index()].acknowledge(sequence);
        self.life.mouths[feeder.index()].feeder.settle(sequence);
        self.saw("settled");
    }

    /// A checkpoint is sealed.
    pub(super) fn sealed(&mut self, epoch: Epoch, feeders: &[FeederMark]) {
        assert!(self.life.poison.is_none(), "{epoch} is sealed by a poisoned database");
        assert!(self.sealed.is_none_or(|last| epoch > last), "{epoch} after {:?}", self.sealed);
        self.trace.add(self.turn, &"coordinator", format_args!("sealed {epoch}"));
        self.sealed = Some(epoch);
        assert!(feeders.len() <= self.life.known, "a mark for each feeder that was attached");
        let read = self.life.read;
        self.cuts.retain(|cut, _| *cut >= epoch || *cut > read);
        self.producers.iter_mut().for_each(|producer| producer.seal(epoch));
        for mark in feeders {
            let producer = &mut self.producers[mark.feeder.index()];
            producer.acknowledge(mark.sequence);
            let position = producer.position(mark.sequence);
            assert_eq!(mark.position, position, "the position of {} in {epoch}", mark.feeder);
        }
        self.saw("sealed");
    }

    /// The database has stopped.
    pub(super) fn poisoned(&mut self, poison: Poison) {
        self.trace.add(self.turn, &"coordinator", format_args!("poisoned {poison:?}"));
        match &poison {
            Poison::Disk(_) => self.saw("stopped by the disk"),
            Poison::Weight { operator } => panic!("{operator} makes a row too often"),
            Poison::Memory { blocks_max } => {
                assert_eq!(*blocks_max, self.options.state_blocks, "the limit that was reached");
                self.saw("stopped by its memory");
            }
        }
        let until = self.turn + self.chaos.below(60) as u64;
        self.life.poison.get_or_insert((poison, until));
    }

    /// Everything is done: nothing is left anywhere.
    pub(super) fn check_rest(&self) {
        for lane in &self.life.lanes {
            assert!(lane.lane.is_empty(), "{} still carries {} frames", lane.id, lane.lane.len());
        }
        for mouth in &self.life.mouths {
            assert!(mouth.feeder.rests(), "{} is still pushing", mouth.id());
            assert!(mouth.lanes.iter().all(crate::lane::Lane::is_empty), "{}", mouth.id());
        }
        for seat in &self.life.seats {
            let ShardId(shard) = seat.id();
            assert!(seat.shard.rests(), "shard {shard} does not rest");
            assert!(seat.orders.is_empty() && seat.reports.is_empty(), "shard {shard}");
            seat.shard.arena().verify();
        }
        self.check_all_gave_up();
        assert!(self.disk.is_idle(), "the disk is busy");
    }
}

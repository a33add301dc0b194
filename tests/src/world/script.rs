//! What a hand-written scenario may do with a world, beside letting it run.

use std::sync::Arc;

use sluicedb::core::graph::Graph;
use sluicedb::core::ids::{Epoch, LaneId, ShardId, StageId};

use super::World;
use crate::disk::CrashMode;

/// Turns in which what a scenario waits for must happen.
const WAIT_TURNS_MAX: u64 = 50_000;

impl World {
    /// Loses power behind this many moves of the disk; may be asked for more than once.
    pub fn crash_at(&mut self, moves: u64, mode: CrashMode) {
        assert!(self.crash_at.back().is_none_or(|(last, _)| *last < moves), "moves ascend");
        self.crash_at.push_back((moves, mode));
    }

    /// Fails the next write or sync.
    pub fn fail_next(&mut self) {
        self.fail_next = true;
    }

    /// Fails the operation with this number, whatever it is; the first one of the run is 0.
    pub fn fail_at(&mut self, operation: u64) {
        self.fail_at = Some(operation);
    }

    /// Runs until a line that contains all `words` is added to the trace; returns the line.
    pub fn run_until(&mut self, words: &[&str]) -> String {
        for _ in 0..WAIT_TURNS_MAX {
            assert!(!self.is_over(), "the run is over before {words:?}");
            let before = self.trace.count();
            self.next_turn();
            let lines = (self.trace.count() - before) as usize;
            let is_it = |line: &&str| words.iter().all(|word| line.contains(word));
            if let Some(line) = self.trace.last(lines).find(is_it) {
                return line.to_owned();
            }
        }
        panic!("{words:?} did not happen in {WAIT_TURNS_MAX} turns")
    }

    /// Runs for some turns.
    pub fn run_for(&mut self, turns: u64) {
        (0..turns).for_each(|_| self.next_turn());
    }

    /// Shows nothing that is on the lane between stages 0 and 1 of two shards, or all of it again.
    pub fn hide(&mut self, from: u16, to: u16, hidden: bool) {
        let (from, to) = (ShardId(from), ShardId(to));
        let id = LaneId { from_stage: StageId(0), to_stage: StageId(1), from, to };
        assert!(self.life.lanes.iter().any(|lane| lane.id == id), "{id} is not a lane");
        if hidden {
            self.hidden.insert(id);
        } else {
            self.hidden.remove(&id);
        }
    }

    /// Whether the shard would take a frame off the lane between stages 0 and 1.
    pub fn accepts(&self, from: u16, to: u16) -> bool {
        let (from, to) = (ShardId(from), ShardId(to));
        let id = LaneId { from_stage: StageId(0), to_stage: StageId(1), from, to };
        self.life.seats[to.index()].shard.accepts(id)
    }

    /// Whether the recovery of this life is over, so that feeders may push.
    pub fn is_ready(&self) -> bool {
        self.life.ready
    }

    /// Whether the state lies on other shards than those whose checkpoint is the newest.
    pub fn is_between_shards(&self) -> bool {
        self.is_moving()
    }

    /// Whether state ran out, which ends a run early.
    pub fn is_exhausted(&self) -> bool {
        self.life.exhausted().is_some()
    }

    /// What runs now.
    pub fn graph(&self) -> Arc<Graph> {
        Arc::clone(&self.graph)
    }

    /// How often the disk has carried out or completed an operation.
    pub fn disk_moves(&self) -> u64 {
        self.disk.moves()
    }

    /// How many operations the disk was given.
    pub fn disk_operations(&self) -> u64 {
        self.disk.operations()
    }

    /// How often the state of an epoch was compared with the reference.
    pub fn compared(&self) -> u64 {
        self.seen.get("compared epoch").copied().unwrap_or(0)
    }

    /// The newest checkpoint that was found or reported as sealed.
    pub fn newest_sealed(&self) -> Option<Epoch> {
        self.sealed
    }

    /// The first epoch of this life.
    pub fn open_epoch(&self) -> Epoch {
        self.coordinator().open()
    }

    /// The last statement of each feeder that may not get lost.
    pub fn acknowledged(&self) -> Vec<u64> {
        self.producers.iter().map(super::Producer::acknowledged).collect()
    }
}

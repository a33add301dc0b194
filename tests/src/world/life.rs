//! What lives between two crashes: the database and all who talk to it.

use sluicedb::core::coordinator::Coordinator;
use sluicedb::core::effect::{Order, Poison, Report};
use sluicedb::core::feeder::{FEEDER_IDLE, Feeder, Progress};
use sluicedb::core::frame::{Fed, Frame};
use sluicedb::core::ids::{Epoch, FeederId, LaneId, ShardId};
use sluicedb::core::morsel::Pool;
use sluicedb::core::shard::Shard;
use std::collections::VecDeque;

use super::read::Reading;
use super::subscriber::Subscriber;
use crate::lane::Lane;
use crate::reference::Change;

/// One life of the database.
pub(super) struct Life {
    pub(super) seats: Vec<Seat>,
    pub(super) coordinator: Option<Coordinator>,
    /// What the coordinator takes for the time.
    pub(super) coordinator_ns: u64,
    /// Lanes between shards, by id.
    pub(super) lanes: Vec<ShardLane>,
    pub(super) mouths: Vec<Mouth>,
    /// How many feeders the database knows.
    pub(super) known: usize,
    /// What happens to feeders at the end of the epoch that is closing.
    pub(super) changes: Vec<Change>,
    /// The first epoch.
    pub(super) first: Epoch,
    /// The epoch that is passed next.
    pub(super) passing: Epoch,
    /// The open epoch, where feeders read it.
    pub(super) open: Epoch,
    /// Whether feeders may push.
    pub(super) ready: bool,
    pub(super) reading: Option<Reading>,
    /// The last epoch that was readable.
    pub(super) read: Epoch,
    /// By view.
    pub(super) subscribers: Vec<Option<Subscriber>>,
    /// Why the database stopped, and when it is opened again.
    pub(super) poison: Option<(Poison, u64)>,
    /// The epoch in which a query was given up last.
    pub(super) gave_up: Option<Epoch>,
    /// Whether the barrier that ends the run was asked for.
    pub(super) asked: bool,
    /// The turn before which nobody asks for a barrier.
    pub(super) wants_after: u64,
}

/// A shard and what leads to it and from it.
pub(super) struct Seat {
    pub(super) shard: Shard,
    pub(super) orders: VecDeque<Order>,
    pub(super) reports: VecDeque<Report>,
    /// Whether it was given something since it last ran out of work.
    pub(super) hungry: bool,
    pub(super) paused_until: u64,
    /// What it takes for the time.
    pub(super) clock_ns: u64,
    /// By feeder: how far a look at it has come.
    pub(super) looks: Vec<Look>,
    /// Whether it was told of a failed disk operation.
    pub(super) failed: bool,
}

/// A look at a feeder: its word is read, then its lane, then its progress.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Look {
    Away,
    Word(u64),
    Empty(u64),
}

/// A lane between two shards and what its checker remembers.
pub(super) struct ShardLane {
    pub(super) id: LaneId,
    pub(super) lane: Lane<Frame>,
    /// The last barrier that was sent.
    pub(super) barrier: Option<Epoch>,
    /// The last watermark of each edge that was sent.
    pub(super) watermarks: Vec<i64>,
}

/// Whether a feeder counts.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Stand {
    Away,
    Coming,
    There,
    Going,
}

/// A feeder at work, and what shards read of it.
pub(super) struct Mouth {
    pub(super) stand: Stand,
    /// The turn before which it neither comes nor goes.
    pub(super) change_at: u64,
    /// How often it came in this life.
    pub(super) comings: u64,
    pub(super) feeder: Feeder,
    pub(super) pool: Pool,
    pub(super) word: u64,
    pub(super) progress: Progress,
    /// The open epoch as it last read it.
    pub(super) open: Epoch,
    pub(super) lanes: Vec<Lane<Fed>>,
    /// The turn before which it does not try again.
    pub(super) retry: u64,
}

impl Life {
    /// Before the first one.
    pub(super) fn none() -> Life {
        Life {
            seats: Vec::new(),
            coordinator: None,
            coordinator_ns: 0,
            lanes: Vec::new(),
            mouths: Vec::new(),
            known: 0,
            changes: Vec::new(),
            first: Epoch(0),
            passing: Epoch(0),
            open: Epoch(0),
            ready: false,
            reading: None,
            read: Epoch(0),
            subscribers: Vec::new(),
            poison: None,
            gave_up: None,
            asked: false,
            wants_after: 0,
        }
    }

    pub(super) fn lane(&self, id: LaneId) -> usize {
        let found = self.lanes.binary_search_by_key(&id, |lane| lane.id);
        found.unwrap_or_else(|_| panic!("{id} is not a lane of the graph"))
    }

    pub(super) fn feeders_rest(&self) -> bool {
        self.mouths.iter().all(|mouth| mouth.feeder.rests())
    }

    /// Whether state ran out; a restart would only run out again.
    pub(super) fn exhausted(&self) -> Option<&Poison> {
        let poison = self.poison.as_ref().map(|(poison, _)| poison);
        poison.filter(|poison| matches!(poison, Poison::Memory { .. }))
    }

    pub(super) fn paused_until(&self) -> Option<u64> {
        self.seats.iter().map(|seat| seat.paused_until).filter(|until| *until > 0).min()
    }

    pub(super) fn unpause(&mut self) {
        self.seats.iter_mut().for_each(|seat| seat.paused_until = 0);
    }
}

impl Seat {
    pub(super) fn new(shard: Shard, feeders: usize) -> Seat {
        Seat {
            shard,
            orders: VecDeque::new(),
            reports: VecDeque::new(),
            hungry: true,
            paused_until: 0,
            clock_ns: 0,
            looks: vec![Look::Away; feeders],
            failed: false,
        }
    }

    pub(super) fn id(&self) -> ShardId {
        self.shard.id()
    }
}

impl Mouth {
    pub(super) fn new(feeder: Feeder, pool: Pool, places: usize, shards: u16) -> Mouth {
        Mouth {
            stand: Stand::Away,
            change_at: 0,
            comings: 0,
            word: FEEDER_IDLE,
            progress: *feeder.progress(),
            open: Epoch(0),
            lanes: (0..shards).map(|_| Lane::new(places)).collect(),
            retry: 0,
            feeder,
            pool,
        }
    }

    pub(super) fn id(&self) -> FeederId {
        self.feeder.id()
    }
}

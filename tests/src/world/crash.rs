//! Faults that strike, loss of power, and what must be there after it.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use sluicedb::core::arena::Region;
use sluicedb::core::ids::{LaneId, ShardId};
use sluicedb::core::recovery::{DatabaseOptions, Opened, history, open};
use sluicedb_wal::Options as LogOptions;

use super::actions::Menu;
use super::life::{Life, Seat, ShardLane};
use super::subscriber::Subscriber;
use super::{Phase, World};
use crate::disk::CrashMode;
use crate::lane::Lane;

impl World {
    /// Lets a fault strike, if one does; tells whether the turn is over.
    pub(super) fn strike(&mut self) -> bool {
        let moves = self.disk.moves();
        if let Some((_, mode)) = self.crash_at.pop_front_if(|(at, _)| *at <= moves) {
            self.crash(mode);
            return true;
        }
        if let Some((_, until)) = &self.life.poison
            && *until <= self.turn
            && self.life.exhausted().is_none()
        {
            self.crash_now();
            return true;
        }
        // The loss of a query is rarely sealed before all is pushed.
        if self.losses_left > 0 && self.life.gave_up.is_some_and(|at| self.sealed > Some(at)) {
            self.losses_left -= 1;
            self.crash_now();
            return true;
        }
        if self.rest() {
            self.crash_now();
            return true;
        }
        if !self.is_rough() {
            return false;
        }
        // A changed graph is rarely sealed while faults strike; where it is, a crash is worth more.
        let odds = if self.growth.is_sealed(self.sealed) { 40 } else { 400 };
        if self.crashes_left > 0 && self.chaos.below(odds) == 0 {
            self.crash_now();
            return true;
        }
        if self.options.faults.pause && self.chaos.below(300) == 0 {
            let shard = self.chaos.below(self.life.seats.len());
            let turns = 1 + self.chaos.below(300) as u64;
            let seat = &mut self.life.seats[shard];
            seat.paused_until = self.turn + turns;
            self.trace.add(self.turn, &seat.id(), format_args!("pause turns={turns}"));
            self.saw("paused shard");
            return true;
        }
        false
    }

    /// Power is lost, in a way the seed decides.
    pub(super) fn crash_now(&mut self) {
        self.crashes_left = self.crashes_left.saturating_sub(1);
        let torn = self.options.faults.torn;
        let random = CrashMode::Random { torn };
        let mode = *self.chaos.pick(&[CrashMode::DropAll, CrashMode::KeepAll, random, random]);
        self.crash(mode);
    }

    /// What would be if power were lost now, in this way: all that outlives a crash is copied.
    pub fn struck(&self, mode: CrashMode) -> World {
        let Life { passing, ready, ref changes, .. } = self.life;
        let fate = format!("{mode:?} behind move {}", self.disk.moves());
        let mut copy = World {
            options: self.options.clone(),
            load: Arc::clone(&self.load),
            graph: Arc::clone(&self.graph),
            growth: self.growth.clone(),
            schedule: self.schedule.clone(),
            chaos: self.chaos.split(&fate),
            phase: self.phase,
            disk: self.disk.clone(),
            life: Life { passing, ready, changes: changes.clone(), ..Life::none() },
            producers: self.producers.clone(),
            sinks: self.sinks.clone(),
            letters: self.letters.clone(),
            outside: self.outside.clone(),
            clocks: self.clocks.clone(),
            cuts: self.cuts.clone(),
            crash_at: VecDeque::new(),
            hidden: BTreeSet::new(),
            views: self.views.clone(),
            trace: self.trace.clone(),
            seen: self.seen.clone(),
            menu: Menu::default(),
            reshaping: self.reshaping.clone(),
            ..*self
        };
        copy.crash(mode);
        copy
    }

    /// Power is lost in this way.
    pub fn crash(&mut self, mode: CrashMode) {
        self.trace.add(self.turn, &"crash", format_args!("mode={mode:?}"));
        self.saw("crash");
        if !self.life.ready {
            self.saw("crash before the database was ready");
        }
        if mode == (CrashMode::Random { torn: true }) {
            self.saw("torn crash");
        }
        if self.phase == Phase::Drain {
            self.phase = Phase::Calm { since: self.turn };
        }
        self.raise_before_crash();
        self.life = Life::none();
        self.disk.crash(mode, &mut self.chaos);
        self.open();
    }

    /// Opens the database and checks what was found.
    pub(super) fn open(&mut self) {
        self.lives += 1;
        let history = match history(&self.disk) {
            Ok(history) => history,
            Err(error) => panic!("the history cannot be read: {error}"),
        };
        self.graph = self.growth.recalled(&history);
        let opened = match self.recover_some() {
            Ok(opened) => opened,
            Err(error) => panic!("the database cannot be opened: {error}"),
        };
        let Opened { sealed, replayed, ref feeders, ref producers, ref sinks, .. } = opened;
        self.letters.check(sealed, &opened.letters);
        let start = opened.coordinator.open();
        let found = sealed.map_or("nothing".to_owned(), |epoch| epoch.to_string());
        self.trace.add(self.turn, &"open", format_args!("found={found} replay={replayed} {start}"));
        assert!(sealed >= self.sealed, "{sealed:?} was found after {:?} was sealed", self.sealed);
        assert!(
            sealed.is_none_or(|epoch| epoch <= self.checkpointed && epoch < start),
            "{sealed:?} was found and {} is the last checkpoint",
            self.checkpointed
        );
        if !history.is_empty() {
            self.saw("changed graph recovered");
        }
        self.growth.go_back(&history, sealed);
        self.sealed = sealed;
        self.recover_feeders(feeders, producers);
        self.recover_sinks(sinks);
        if replayed > 0 {
            self.saw("replay");
        }
        let fresh = sealed.is_none() && replayed == 0;
        self.begin(opened, fresh);
    }

    pub(super) fn recover(&mut self) -> Result<Opened, sluicedb::core::recovery::RecoverError> {
        let options = self.database_options();
        let (state, shadow) = (self.options.state_blocks, self.options.shadow_blocks);
        open(&self.disk, &self.graph, &options, |_| (Region::heap(state), Region::heap(shadow)))
    }

    fn database_options(&mut self) -> DatabaseOptions {
        let sources = self.graph.sources.len();
        DatabaseOptions {
            shards: self.options.shards,
            logged: (0..sources).map(|source| self.options.logged >> source & 1 == 1).collect(),
            log: Some(LogOptions {
                segment_blocks: self.options.segment_blocks,
                ..LogOptions::default()
            }),
            epoch_interval_ns: self.options.epoch_interval_ns,
            checkpoint_interval_ns: self.options.checkpoint_interval_ns,
            checkpoint_deltas_max: self.options.checkpoint_deltas_max,
            checkpoint_writes_max: self.options.checkpoint_writes_max,
            seed: self.chaos.bits(),
        }
    }

    /// Starts a life with what was opened.
    fn begin(&mut self, opened: Opened, fresh: bool) {
        let Opened { shards, coordinator, feeders, .. } = opened;
        let mouths = self.mouths();
        let mut subscribers: Vec<_> = (0..self.graph.views.len()).map(|_| None).collect();
        for (at, view) in self.graph.views.places() {
            subscribers[at] = Some(Subscriber::new(&view.name, fresh));
        }
        self.now_ns = 0;
        self.life = Life {
            subscribers,
            first: coordinator.open(),
            passing: coordinator.open(),
            coordinator: Some(coordinator),
            lanes: self.lanes(),
            known: feeders.len(),
            seats: shards.into_iter().map(|shard| Seat::new(shard, mouths.len())).collect(),
            mouths,
            ..Life::none()
        };
        for shard in 0..self.life.seats.len() {
            let mut effects = Vec::new();
            self.life.seats[shard].shard.launch(&mut effects);
            self.absorb(shard, effects);
        }
        self.attach_those_there();
    }

    fn lanes(&self) -> Vec<ShardLane> {
        let shards = self.options.shards;
        let ids = self.graph.stages.iter().flat_map(|stage| {
            (0..shards).flat_map(move |shard| stage.outgoing(ShardId(shard), shards))
        });
        let mut ids: Vec<LaneId> = ids.collect();
        ids.sort_unstable();
        let lane = |id| ShardLane {
            id,
            lane: Lane::new(self.options.lane_frames),
            barrier: None,
            watermarks: vec![i64::MIN; self.graph.edges.len()],
        };
        ids.into_iter().map(lane).collect()
    }
}

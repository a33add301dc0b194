//! The graph of a shard becomes another one.
//!
//! Invariants:
//! - It does so in one step, when all stages have passed the barrier of the epoch that is the last of
//!   the old graph, and before the coordinator hears of that. So a checkpoint of the epoch has the old
//!   operators, and the next epoch closes when every shard has the new ones.
//! - From the barrier on until then, a stage takes nothing: what comes may be of the new graph. It
//!   waits for lower stages and other shards only, which wait for nothing behind that barrier.

use std::sync::Arc;

use super::build::{self, Built, zone};
use super::stage::{Renewal, SourceRows, Stage};
use super::{Shard, retained};
use crate::core::arena::Headroom;
use crate::core::effect::{Effect, Poison, Report};
use crate::core::frame::Barrier;
use crate::core::graph::{Change, Graph, Kind, StageSpec};
use crate::core::ids::{OperatorId, SourceId, Time};
use crate::core::limits::OPERATOR_BLOCKS_MIN;
use crate::core::operator::{Operator, ViewReader};

type Made = (OperatorId, Box<dyn Operator>, crate::core::arena::ZoneId);

impl Shard {
    /// Another graph comes at the end of the open epoch.
    pub(super) fn announce(&mut self, change: Arc<Change>) {
        assert!(self.change.is_none(), "one change of the graph at a time");
        self.stages.iter_mut().for_each(Stage::announce);
        self.change = Some(change);
    }

    /// The barrier has been passed: reports that, and goes on with the next graph if there is one.
    pub(super) fn become_next(&mut self, barrier: Barrier, effects: &mut Vec<Effect>) {
        if let Some(change) = self.change.take() {
            // What the operators begin with, before their first row asks for more.
            let blocks = (change.come.len() * OPERATOR_BLOCKS_MIN) as u32;
            let need = Headroom { state_blocks: blocks, shadow_blocks: 0 };
            let mut fits = self.has_room(need);
            while !fits && self.shed() {
                fits = self.has_room(need);
            }
            let retains = |id: &OperatorId| {
                let operator = change.graph.operator(*id);
                operator.is_some_and(|operator| matches!(operator.kind, Kind::Retain(_)))
            };
            if !fits && change.come.iter().any(retains) {
                let blocks_max = self.arena.blocks_max();
                return self.poison_with(Poison::Memory { blocks_max }, effects);
            }
            let sources = std::mem::take(&mut self.changed_at);
            self.install(&change, barrier, (&sources, fits));
            self.give_up_readers(effects);
            if !fits {
                self.give_up_at_birth(&change.come, effects);
            }
            effects.push(Effect::Changed(change));
        }
        effects.push(Effect::Tell(Report::Passed(barrier.epoch)));
    }

    /// Commits memory, if there is some.
    fn has_room(&mut self, need: Headroom) -> bool {
        self.arena.headroom().covers(need) && self.arena.reserve(need).is_ok()
    }

    /// Goes over to the next graph. Where there is no memory for what comes, it comes without zones.
    fn install(
        &mut self,
        change: &Arc<Change>,
        barrier: Barrier,
        (sources, fits): (&[Time], bool),
    ) {
        let epoch = barrier.epoch.next();
        self.graph = Arc::clone(&change.graph);
        self.pool.extend(&self.graph.shapes);
        for zone in change.gone.iter().map(|operator| zone(*operator)) {
            // What was given up has none.
            if self.arena.has_zone(zone) {
                self.arena.drop_zone(zone);
            }
        }
        for &operator in change.come.iter().filter(|_| fits) {
            self.arena.create_zone_as(zone(operator), epoch.0);
        }
        self.options.logged.resize(self.graph.sources.len(), false);
        let places = self.sources.len().max(self.graph.sources.len());
        self.sources.resize_with(places, || None);
        for source in &change.sources_gone {
            self.sources[source.index()] = None;
        }
        for source in change.sources_come.iter().chain(&change.keyed) {
            let spec = &self.graph.sources[source.index()];
            self.sources[source.index()] = Some(SourceRows::new(spec));
        }
        for source in &change.sources_come {
            self.options.logged[source.index()] = change.logged;
        }
        self.renew_stages(change, sources);
        for stage in &change.graph.stages[self.stages.len()..] {
            let operators = made(&change.graph, stage, self, change);
            let operators = operators.into_iter().map(|(_, made, zone)| (made, zone)).collect();
            let (shard, shards) = (self.options.shard, self.options.shards);
            let mut fresh = Stage::new(stage, shard, shards, Built { operators });
            fresh.start(epoch, None);
            fresh.create(&mut self.arena);
            self.stages.push(fresh);
        }
        self.renew_readers(change);
    }

    fn renew_stages(&mut self, change: &Change, sources: &[Time]) {
        let mut stages = std::mem::take(&mut self.stages);
        for (stage, spec) in stages.iter_mut().zip(&change.graph.stages) {
            let renewal = Renewal {
                change,
                come: made(&change.graph, spec, self, change),
                shards: self.options.shards,
                sources: &|source: SourceId| sources[source.index()],
            };
            stage.renew(spec, self.options.shard, renewal, &mut self.arena, &mut self.pool);
        }
        self.stages = stages;
    }

    fn renew_readers(&mut self, change: &Change) {
        for view in &change.views_gone {
            self.readers[view.index()] = None;
            self.stopped.remove(view);
        }
        // The roots of zones that stay are where they were.
        self.retained = retained(&self.graph, &self.arena);
        let places = self.readers.len().max(self.graph.views.len());
        self.readers.resize_with(places, || None);
        for (at, view) in self.graph.views.places() {
            let comes = change.come.binary_search(&view.operator).is_ok();
            let comes = comes && self.arena.has_zone(zone(view.operator));
            if let Some(options) = view.kept.as_ref().filter(|_| comes) {
                let root = self.arena.root(zone(view.operator));
                let reader = ViewReader::new(options, root);
                self.readers[at] = Some(reader.expect("the change was checked"));
            }
        }
    }
}

/// The operators of a stage that come, over their zones.
fn made(graph: &Graph, spec: &StageSpec, shard: &Shard, change: &Change) -> Vec<Made> {
    let (id, shards) = (shard.options.shard, shard.options.shards);
    let come = spec.operators.iter();
    let come = come.filter(|operator| change.come.binary_search(&operator.id).is_ok());
    let made = come.map(|operator| {
        let made = build::made(graph, operator, id, shards, &shard.arena);
        (operator.id, made.expect("the change was checked"), zone(operator.id))
    });
    made.collect()
}

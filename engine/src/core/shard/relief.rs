//! What a shard gives up when its memory for state is full: rows that sources keep as long as nobody
//! else wants the memory, and then the query that keeps the most.
//!
//! Invariants:
//! - A query is given up with all that reads it: in place of its operators stands nothing, and their
//!   zones are gone. An operator without a zone is one that was given up, and a checkpoint tells that
//!   by the zones that it lacks.
//! - What other shards have of it goes when the coordinator says so. That needs no barrier: nobody is
//!   shown a result of what was given up.
//! - Whoever reads a view is shown its rows, or that it was given up.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Shard;
use super::build::zone;
use crate::core::arena::{Arena, BLOCK_BYTES, FreezeKind};
use crate::core::effect::{Effect, Poison, Report, Stopped};
use crate::core::graph::{Graph, Kind, OperatorSpec};
use crate::core::ids::{OperatorId, ViewId};
use crate::core::operator::ViewReader;

/// What is known of one relation that might be given up.
struct Weighed {
    blocks: u32,
    /// Its operator that keeps the most, and how much.
    most: (u32, OperatorId),
}

impl Shard {
    /// Makes room for an operator that found none; whether another attempt may find some at once.
    #[cold]
    pub(super) fn relieve(&mut self, effects: &mut Vec<Effect>) -> bool {
        if self.stages_left == 0 && is_frozen(&self.arena) {
            // All have passed the barrier, so that nothing but the freeze is waited for.
            return false;
        }
        if self.shed() {
            return true;
        }
        let Some(largest) = self.largest() else {
            let blocks_max = self.arena.blocks_max();
            self.poison_with(Poison::Memory { blocks_max }, effects);
            return false;
        };
        let stopped = Arc::new(self.stopped_with(largest));
        effects.push(Effect::Tell(Report::Stopped(Arc::clone(&stopped))));
        self.give_up(&stopped, effects);
        true
    }

    /// Gives up some of what is kept as long as nobody else wants the memory; whether there was any.
    pub(super) fn shed(&mut self) -> bool {
        let before = self.arena.headroom().state_blocks;
        self.stages.iter_mut().for_each(|stage| stage.shed(&mut self.arena));
        self.arena.headroom().state_blocks > before
    }

    /// The operator that keeps the most of the query that keeps the most. What a freeze reads is not
    /// looked at: it would not come back before those pass its barrier who wait for room.
    fn largest(&self) -> Option<OperatorId> {
        let mut relations: BTreeMap<&str, Weighed> = BTreeMap::new();
        for operator in operators(&self.graph) {
            let (id, at) = (operator.id, zone(operator.id));
            let kept_anyway = matches!(operator.kind, Kind::Retain(_));
            if kept_anyway || !self.arena.has_zone(at) || is_read(&self.arena, id) {
                continue;
            }
            let blocks = self.arena.zone_blocks(at);
            let relation = operator.origin.relation.as_str();
            let fresh = Weighed { blocks: 0, most: (0, id) };
            let weighed = relations.entry(relation).or_insert(fresh);
            weighed.blocks += blocks;
            weighed.most = weighed.most.max((blocks, id));
        }
        let most = relations.into_values().max_by_key(|weighed| weighed.blocks);
        most.map(|weighed| weighed.most.1)
    }

    fn stopped_with(&self, operator: OperatorId) -> Stopped {
        let of = self.graph.operator(operator).expect("an operator of the graph");
        let relation = &of.origin.relation;
        let own = operators(&self.graph).filter(|other| other.origin.relation == *relation);
        let blocks: u32 = own.map(|own| self.arena.zone_blocks(zone(own.id))).sum();
        stopped(&self.graph, relation, &self.graph.reach([operator]), blocks, &self.arena)
    }

    /// Gives up a query, as far as there is anything left of it, with all that reads it here.
    pub(super) fn give_up(&mut self, stopped: &Arc<Stopped>, effects: &mut Vec<Effect>) {
        let there = |id: &OperatorId| self.graph.operator(*id).is_some();
        let all = self.graph.reach(stopped.operators.iter().copied().filter(there));
        self.stages.iter_mut().for_each(|stage| stage.give_up(&all));
        for view in views(&self.graph, &all) {
            self.stopped.entry(view).or_insert_with(|| Arc::clone(stopped));
            let Some(reader) = self.readers.get_mut(view.index()).and_then(Option::take) else {
                continue;
            };
            let zone = zone(self.graph.views[view.index()].operator);
            if self.front.is_some() && self.arena.has_joined(zone, FreezeKind::Checkpoint) {
                self.leaving.push(reader);
            }
        }
        drop_zones(&mut self.arena, &all);
        if all.iter().any(|id| !stopped.operators.contains(id)) {
            // What reads it came while that was on its way here.
            let (operators, views) = (all.iter().copied().collect(), views(&self.graph, &all));
            let more = Stopped { operators, views, ..Stopped::clone(stopped) };
            effects.push(Effect::Tell(Report::Stopped(Arc::new(more))));
        }
    }

    /// Gives up what has just come to read what was given up before.
    pub(super) fn give_up_readers(&mut self, effects: &mut Vec<Effect>) {
        let gone: Vec<OperatorId> = gone(&self.graph, &self.arena).map(|of| of.id).collect();
        for operator in gone {
            let read = self.graph.reach([operator]);
            if !read.iter().any(|id| self.arena.has_zone(zone(*id))) {
                continue;
            }
            let of_it = |stopped: &&Arc<Stopped>| stopped.operators.contains(&operator);
            let cause = self.stopped.values().find(of_it).map(|cause| Stopped::clone(cause));
            let cause = cause.unwrap_or_else(|| self.stopped_with(operator));
            let (operators, views) = (vec![operator], Vec::new());
            self.give_up(&Arc::new(Stopped { operators, views, ..cause }), effects);
        }
    }

    /// Gives up operators that have come, and find no memory to begin with.
    pub(super) fn give_up_at_birth(&mut self, come: &[OperatorId], effects: &mut Vec<Effect>) {
        let all: BTreeSet<OperatorId> = come.iter().copied().collect();
        let named = views(&self.graph, &all).into_iter().next();
        let relation = named.map_or("", |view| &self.graph.views[view.index()].name);
        let stopped = Arc::new(stopped(&self.graph, relation, &all, 0, &self.arena));
        effects.push(Effect::Tell(Report::Stopped(Arc::clone(&stopped))));
        self.give_up(&stopped, effects);
    }

    /// Tells of what was given up before this life.
    pub(super) fn tell_given_up(&self, effects: &mut Vec<Effect>) {
        let mut told: Vec<&Arc<Stopped>> = Vec::new();
        for stopped in self.stopped.values() {
            if !told.iter().any(|other| Arc::ptr_eq(other, stopped)) {
                told.push(stopped);
                effects.push(Effect::Tell(Report::Stopped(Arc::clone(stopped))));
            }
        }
    }

    /// Why a view or stream has nothing to show, if it was given up.
    pub fn stopped(&self, view: ViewId) -> Option<&Arc<Stopped>> {
        self.stopped.get(&view)
    }
}

/// What was given up of state that was read back: what lacks a zone, and what reads that. Nothing is left
/// of it.
pub(super) fn restore(graph: &Graph, arena: &mut Arena) -> BTreeMap<ViewId, Arc<Stopped>> {
    let mut found = BTreeMap::new();
    for operator in gone(graph, arena) {
        let relation = &operator.origin.relation;
        let all = graph.reach([operator.id]);
        let stopped = Stopped { state_bytes: None, ..stopped(graph, relation, &all, 0, arena) };
        let stopped = Arc::new(stopped);
        for view in &stopped.views {
            found.entry(*view).or_insert_with(|| Arc::clone(&stopped));
        }
    }
    for stopped in found.values() {
        drop_zones(arena, &stopped.operators.iter().copied().collect());
    }
    found
}

/// What was given up on some of the shards of `before`: it has no zones on those that take over, and the
/// second figure is the digest of what others of them had of it.
pub(crate) fn give_up_everywhere(
    graph: &Graph,
    before: &mut [Arena],
    now: &mut [Arena],
) -> (BTreeSet<OperatorId>, u64) {
    let gone = before.iter().flat_map(|arena| gone(graph, arena)).map(|operator| operator.id);
    let all = graph.reach(gone.collect::<BTreeSet<_>>());
    let mut digest = 0_u64;
    for (arena, view) in before.iter().flat_map(|arena| {
        let views = views(graph, &all).into_iter();
        views.map(move |view| (arena, &graph.views[view.index()]))
    }) {
        let zone = zone(view.operator);
        if let Some(options) = view.kept.as_ref().filter(|_| arena.has_zone(zone)) {
            let reader = ViewReader::new(options, arena.root(zone));
            let reader = reader.expect("an operator of a checkpoint was made before");
            digest = digest.wrapping_add(reader.recount(arena).1);
        }
    }
    before.iter_mut().chain(now).for_each(|arena| drop_zones(arena, &all));
    (all, digest)
}

fn stopped(
    graph: &Graph,
    relation: &str,
    all: &BTreeSet<OperatorId>,
    blocks: u32,
    arena: &Arena,
) -> Stopped {
    let bytes = |blocks: u32| u64::from(blocks) * BLOCK_BYTES as u64;
    Stopped {
        relation: relation.to_owned(),
        operators: all.iter().copied().collect(),
        views: views(graph, all),
        state_bytes: Some(bytes(blocks)),
        state_bytes_max: bytes(arena.blocks_max()),
    }
}

fn operators(graph: &Graph) -> impl Iterator<Item = &OperatorSpec> {
    graph.stages.iter().flat_map(|stage| &stage.operators)
}

/// The operators that were given up.
fn gone<'a>(graph: &'a Graph, arena: &Arena) -> impl Iterator<Item = &'a OperatorSpec> {
    operators(graph).filter(|operator| !arena.has_zone(zone(operator.id)))
}

/// The views and streams that some operators publish.
fn views(graph: &Graph, operators: &BTreeSet<OperatorId>) -> Vec<ViewId> {
    let views = graph.views.places().filter(|(_, view)| operators.contains(&view.operator));
    views.map(|(at, _)| ViewId(at as u16)).collect()
}

fn drop_zones(arena: &mut Arena, operators: &BTreeSet<OperatorId>) {
    for zone in operators.iter().map(|id| zone(*id)) {
        if arena.has_zone(zone) {
            arena.drop_zone(zone);
        }
    }
}

const KINDS: [FreezeKind; 2] = [FreezeKind::Read, FreezeKind::Checkpoint];

/// Whether a freeze is open.
fn is_frozen(arena: &Arena) -> bool {
    KINDS.into_iter().any(|kind| arena.frozen_epoch(kind).is_some())
}

/// Whether an open freeze reads what an operator keeps.
fn is_read(arena: &Arena, operator: OperatorId) -> bool {
    KINDS.into_iter().any(|kind| arena.has_joined(zone(operator), kind))
}

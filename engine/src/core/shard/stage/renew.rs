//! A stage of one graph becomes the same stage of the next one.
//!
//! Invariants:
//! - It has passed the barrier in front and nothing behind it: all operators are idle, and only rows
//!   of the next epoch wait.
//! - What stays keeps its state, its watermarks and the room on its lanes.
//! - An input that comes to read what was there is told the watermark that is known there; one that
//!   reads a view is first given the rows that the view holds.

use std::collections::BTreeMap;

use super::{Entry, Node, Outlet, Queued, Stage, Tally, Turnover, heeds_time, leaves};
use crate::core::align::Align;
use crate::core::arena::{Arena, ZoneId};
use crate::core::graph::{Change, EntryKey, Kind, Output, Reader, StageSpec, Target};
use crate::core::ids::{OperatorId, ShardId, SourceId, Time};
use crate::core::morsel::Pool;
use crate::core::operator::{Item, Lanes, Operator, Owing, Port, Reading};
use crate::core::watermark::Watermarks;

/// What a stage is renewed with.
pub(in crate::core::shard) struct Renewal<'a> {
    pub(in crate::core::shard) change: &'a Change,
    /// The operators of the stage that come, in order.
    pub(in crate::core::shard) come: Vec<(OperatorId, Box<dyn Operator>, ZoneId)>,
    pub(in crate::core::shard) shards: u16,
    /// How far each source had come at the barrier.
    pub(in crate::core::shard) sources: &'a dyn Fn(SourceId) -> Time,
}

impl Stage {
    /// Goes on as a stage of the next graph.
    pub(in crate::core::shard) fn renew(
        &mut self,
        spec: &StageSpec,
        shard: ShardId,
        renewal: Renewal<'_>,
        arena: &mut Arena,
        pool: &mut Pool,
    ) {
        assert_eq!(self.turnover, Turnover::Ended, "a stage is renewed behind its barrier");
        assert!(self.idle() && self.passing.is_none(), "a barrier finds all operators idle");
        let Renewal { change, come, shards, sources } = renewal;
        let heeds = heeds_time(&spec.operators);
        self.renew_entries(spec, &heeds, shards, pool);
        self.renew_operators(spec, &heeds, come, arena);
        self.renew_lanes(spec, shard, shards);
        self.turnover = Turnover::None;
        self.greet(spec, &heeds, change, sources);
    }

    fn renew_entries(&mut self, spec: &StageSpec, heeds: &[bool], shards: u16, pool: &mut Pool) {
        let keys: Vec<EntryKey> = self.entries.iter().map(|entry| entry.key).collect();
        let old = std::mem::take(&mut self.entries).into_iter();
        let mut old: BTreeMap<EntryKey, Entry> = old.map(|entry| (entry.key, entry)).collect();
        let entry = |(key, targets): &(EntryKey, Vec<Target>)| {
            let outlet = Outlet::new(targets, heeds);
            if let Some(entry) = old.remove(key) {
                return Entry { outlet, ..entry };
            }
            let watermarks = match key {
                EntryKey::Edge(_) => Watermarks::new(usize::from(shards)),
                EntryKey::Source(_) => Watermarks::new(0),
            };
            Entry { key: *key, watermarks, outlet, rows: 0 }
        };
        self.entries = spec.entries.iter().map(entry).collect();
        let place = |at: usize| self.entries.iter().position(|entry| entry.key == keys[at]);
        for queued in std::mem::take(&mut self.queue) {
            // What waits for a source that is gone was pushed when nobody knew.
            let stays = match queued {
                Queued::Rows { entry, morsel } => match place(entry) {
                    Some(entry) => Queued::Rows { entry, morsel },
                    None => {
                        pool.put(morsel);
                        continue;
                    }
                },
                Queued::Watermark { entry, time } => match place(entry) {
                    Some(entry) => Queued::Watermark { entry, time },
                    None => continue,
                },
                Queued::Barrier(barrier) => Queued::Barrier(barrier),
            };
            self.queue.push_back(stays);
        }
    }

    fn renew_operators(
        &mut self,
        spec: &StageSpec,
        heeds: &[bool],
        come: Vec<(OperatorId, Box<dyn Operator>, ZoneId)>,
        arena: &mut Arena,
    ) {
        let old = std::mem::take(&mut self.operators).into_iter();
        let mut old: BTreeMap<OperatorId, Node> = old.map(|node| (node.id, node)).collect();
        let mut come = come.into_iter();
        for made in &spec.operators {
            let outputs = made.outputs.iter().map(|targets| Outlet::new(targets, heeds)).collect();
            let node = match old.remove(&made.id) {
                Some(node) => Node { outputs, ..node },
                None => {
                    let (id, mut operator, zone) = come.next().expect("what comes was made");
                    assert_eq!(id, made.id, "operators come in the order of their stage");
                    operator.create(arena);
                    let (tally, leaves) = (Tally::default(), leaves(&made.kind));
                    Node { id, operator, busy: true, zone, outputs, tally, leaves }
                }
            };
            self.operators.push(node);
        }
        assert!(come.next().is_none(), "an operator was made for another stage");
        self.busy_below = self.operators.len();
    }

    fn renew_lanes(&mut self, spec: &StageSpec, shard: ShardId, shards: u16) {
        let incoming = spec.incoming(shard, shards);
        if incoming != self.incoming {
            self.align = Some(Align::new(incoming.len()));
            self.incoming = incoming;
        }
        let mut lanes = Lanes::new(spec.outgoing(shard, shards).into_iter());
        let known: Vec<_> = self.lanes.ids().collect();
        for lane in known {
            lanes.set_room(lane, self.lanes.room(lane));
        }
        self.lanes = lanes;
    }

    /// Gives those who come to read what was there what they must know of it.
    fn greet(
        &mut self,
        spec: &StageSpec,
        heeds: &[bool],
        change: &Change,
        sources: &dyn Fn(SourceId) -> Time,
    ) {
        let readers = change.readers.iter().filter(|reader| reader.stage == self.id);
        let readers: Vec<Reader> = readers.copied().collect();
        for (at, made) in spec.operators.iter().enumerate() {
            let from = Output::Operator { id: made.id, port: Port(0) };
            if !spec.is_kept(from) {
                continue;
            }
            let owed = readers.iter().filter(|reader| reader.from == from);
            let owed: Vec<&Reader> = owed.collect();
            let read = !made.outputs[0].is_empty();
            // A change has one who goes on, or such who come.
            let owing = owed.first().map(|first| {
                assert!(owed.iter().all(|r| r.since == first.since), "owed from one place on");
                Owing { since: first.since, time: self.known_time(spec, from, sources) }
            });
            let mark = change.marks.iter().find(|mark| mark.operator == made.id);
            let owed: Vec<Target> = owed.iter().map(|reader| reader.target).collect();
            let node = &mut self.operators[at];
            // They are given what it holds on a port of their own.
            node.outputs.push(Outlet::new(&owed, heeds));
            node.busy |= !owed.is_empty() || mark.is_some();
            let mark = mark.map(|mark| mark.mark);
            node.operator.read(Reading { passes_on: read, owed: owing, mark });
        }
        for reader in readers.iter().rev().filter(|reader| !spec.is_kept(reader.from)) {
            let time = self.known_time(spec, reader.from, sources);
            if heeds[reader.target.operator] && time > Time::MIN {
                self.deliveries.push((reader.target, Item::Watermark(time)));
            }
        }
    }

    /// The watermark that has come out somewhere: the least of the inputs that it is made of.
    fn known_time(
        &self,
        spec: &StageSpec,
        output: Output,
        sources: &dyn Fn(SourceId) -> Time,
    ) -> Time {
        let operator = match output {
            Output::Entry(EntryKey::Source(source)) => return sources(source),
            Output::Entry(key) => return self.entries[self.entry(key)].watermarks.least(),
            Output::Operator { id, .. } => spec.position(id).expect("what is read is there"),
        };
        let inputs = match spec.operators[operator].kind {
            Kind::Join(_) => 2,
            _ => 1,
        };
        let known = |port| match feeding(spec, Target { operator, port: Port(port) }) {
            Some(below) => self.known_time(spec, below, sources),
            // It stands still, and tells what it comes to know when it goes on.
            None => Time::MIN,
        };
        (0..inputs).map(known).min().expect("an operator has inputs")
    }
}

/// What an input reads.
fn feeding(spec: &StageSpec, target: Target) -> Option<Output> {
    let entries = spec.entries.iter().filter(|(_, targets)| targets.contains(&target));
    let mut entries = entries.map(|(key, _)| Output::Entry(*key));
    let mut operators = spec.operators.iter().flat_map(|operator| {
        let ports = operator.outputs.iter().enumerate();
        let ports = ports.filter(|(_, targets)| targets.contains(&target));
        ports.map(|(port, _)| Output::Operator { id: operator.id, port: Port(port as u8) })
    });
    entries.next().or_else(|| operators.next())
}

//! Reads all views, and what sources keep, from the frozen state, a slice at a time, while the shards
//! go on.
//!
//! A stream cannot be read: what it told its subscribers is compared with the reference alone.

use std::collections::{BTreeMap, BTreeSet};

use sluicedb::core::effect::CoordinatorInput;
use sluicedb::core::ids::{Epoch, SourceId, ViewId};
use sluicedb::core::operator::{RetainCursor, ViewCursor};
use sluicedb::core::shard::Shard;
use sluicedb_sql::Column;
use sluicedb_sql::plan::NodeId;

use super::World;
use super::producer::Producer;
use crate::reference::{Input, Relation, evaluate_since, same, same_relation};

/// A read under way.
pub(super) struct Reading {
    epoch: Epoch,
    /// The view or, behind all views, the source that is read, and the shard.
    relation: usize,
    shard: usize,
    /// What is there at the end of the epoch and still when it is read.
    names: BTreeSet<String>,
    from: Cursor,
    /// By view, then by source; nothing is ever found of what keeps nothing.
    found: Vec<Relation>,
    views: usize,
}

/// Where a read goes on.
#[derive(Clone, Copy)]
enum Cursor {
    Start,
    View(ViewCursor),
    Source(RetainCursor),
}

impl World {
    /// The frozen state of an epoch may be read.
    pub(super) fn readable(&mut self, epoch: Epoch) {
        assert!(self.life.reading.is_none(), "{epoch} is readable while another is read");
        assert!(epoch > self.life.read, "{epoch} is readable after {}", self.life.read);
        self.trace.add(self.turn, &"reader", format_args!("readable {epoch}"));
        let views = self.graph.views.len();
        let found = vec![Relation::new(); views + self.graph.sources.len()];
        let (from, names) = (Cursor::Start, self.growth.names_at(epoch));
        self.life.reading =
            Some(Reading { epoch, relation: 0, shard: 0, names, from, found, views });
    }

    /// Reads one slice; behind the last one, compares and releases.
    pub(super) fn read_some(&mut self) {
        let mut reading = self.life.reading.take().expect("listed because there is one");
        let (shard, at) = (reading.shard, reading.relation);
        if at < reading.found.len() {
            let max = 1 + self.schedule.below(64);
            let what = format_args!("read {} r{at} s{shard} slots={max}", reading.epoch);
            self.trace.add(self.turn, &"reader", what);
            let found = &mut reading.found[at];
            let read = &self.life.seats[shard].shard;
            let next = if at >= reading.views {
                kept_slice(read, SourceId((at - reading.views) as u16), reading.from, max, found)
            } else {
                let spec = self.graph.views.get(at);
                match spec.filter(|view| reading.names.contains(&view.name)) {
                    Some(_) => slice(read, ViewId(at as u16), reading.from, max, found),
                    None => None,
                }
            };
            reading.advance(next, self.life.seats.len());
            self.life.reading = Some(reading);
            return;
        }
        let Reading { epoch, mut found, names, views, .. } = reading;
        let kept = found.split_off(views);
        self.compare_kept(epoch, &kept);
        self.compare(epoch, found, &names);
        self.life.read = epoch;
        self.coordinate(CoordinatorInput::ReadDone);
    }

    /// Compares what sources keep with what they were given: no run gives one more than it keeps.
    fn compare_kept(&mut self, epoch: Epoch, kept: &[Relation]) {
        let mut rows = 0;
        for (at, source) in self.graph.sources.places().filter(|(_, of)| of.retained.is_some()) {
            let mut given = Relation::new();
            let of = self.producers.iter().filter(|producer| producer.source.index() == at);
            for row in of.flat_map(|producer| producer.rows(epoch)) {
                *given.entry(row.values.clone()).or_insert(0) += 1;
            }
            rows += given.len();
            if self.is_starved() {
                // Its oldest rows may be gone.
                let there = kept[at].iter().all(|(row, n)| given.get(row).is_some_and(|g| g >= n));
                assert!(there, "{} keeps at the end of {epoch} what it was not given", source.name);
                continue;
            }
            if let Err(difference) = same_relation(&source.name, &given, &kept[at]) {
                panic!("what is kept at the end of {epoch} is wrong: {difference}");
            }
        }
        if rows > 0 {
            self.saw("compared what sources keep");
        }
    }

    /// Compares what was read with the reference, and with what subscribers were told.
    fn compare(&mut self, epoch: Epoch, found: Vec<Relation>, names: &BTreeSet<String>) {
        let names = &(names - &self.names_given_up());
        let views = self.graph.views.places();
        let read = views.filter(|(_, view)| view.kept.is_some() && names.contains(&view.name));
        let found: BTreeMap<String, Relation> =
            read.map(|(at, view)| (view.name.clone(), found[at].clone())).collect();
        let rows: usize = found.values().map(Relation::len).sum();
        self.trace.add(self.turn, &"reader", format_args!("compare {epoch} rows={rows}"));
        self.trace.fold(format!("{found:?}").as_bytes());
        self.saw("compared epoch");
        if rows > 0 {
            self.saw("compared epoch with rows");
        }
        for (view, relation) in &found {
            let negative = relation.iter().find(|(_, weight)| **weight < 0);
            assert!(negative.is_none(), "{view} holds {negative:?} at the end of {epoch}");
        }
        let inputs = self.inputs(epoch);
        if inputs.iter().flat_map(|input| &input.rows).any(|row| row.behind > i64::MIN) {
            self.saw("row behind its watermark");
        }
        let plan = self.growth.plan_at(epoch);
        let since = |node: NodeId, source: usize| {
            if let Some(given) = self.given_before(epoch, node, source) {
                return Some(given);
            }
            if self.graph.sources[source].retained.is_some() {
                return None;
            }
            let before = self.growth.since(node)?.iter();
            let of = self.producers.iter().zip(before);
            let of = of.filter(|(producer, _)| producer.source.index() == source);
            let rows = of.flat_map(|(producer, n)| producer.rows_behind(*n, epoch)).cloned();
            Some(Input { rows: rows.collect(), watermark: inputs[source].watermark })
        };
        let expected = evaluate_since(plan, &inputs, since).expect("the workload is supported");
        let expected = expected.into_iter().filter(|(name, _)| names.contains(name));
        let (kept, streams): (BTreeMap<_, _>, BTreeMap<_, _>) =
            expected.partition(|(name, _)| plan.view(name).is_some());
        if let Err(difference) = same(&kept, &found) {
            panic!("the state at the end of {epoch} is wrong: {difference}");
        }
        let views = self.graph.views.places().filter(|(_, view)| names.contains(&view.name));
        for (at, view) in views {
            let subscriber = self.life.subscribers[at].as_mut().expect("every view has one");
            let content = streams.get(&view.name).unwrap_or_else(|| &found[&view.name]);
            subscriber.check(epoch, content);
        }
        self.check_sinks(epoch, |name| {
            let there = names.contains(name);
            there.then(|| streams.get(name).unwrap_or_else(|| &found[name]))
        });
        self.views = found;
    }

    /// What the views held when they were last read.
    pub fn views(&self) -> &BTreeMap<String, Relation> {
        &self.views
    }

    /// What each source was given by the end of an epoch.
    fn inputs(&self, epoch: Epoch) -> Vec<Input> {
        let clocks = &self.cuts[&epoch];
        let input = |source: usize| {
            let of = || self.producers.iter().filter(move |p| p.source.index() == source);
            Input {
                rows: of().flat_map(|producer| producer.rows(epoch)).cloned().collect(),
                watermark: clocks.sources[source],
            }
        };
        (0..self.graph.sources.len()).map(input).collect()
    }

    /// Whether everything was pushed, acknowledged, and compared once more after that.
    pub(super) fn is_done(&self) -> bool {
        let last = self.producers.iter().map(Producer::last_epoch).max().unwrap_or(Epoch(0));
        self.life.asked
            && self.life.poison.is_none()
            && self.life.reading.is_none()
            && self.life.read >= last
            && self.life.read > Epoch(0)
            && self.producers.iter().all(Producer::is_acknowledged)
    }

    /// What keeps the run from its end.
    pub(super) fn unfinished(&self) -> String {
        let mut text =
            format!("asked={} read={} open={}", self.life.asked, self.life.read, self.life.open);
        for (feeder, producer) in self.producers.iter().enumerate() {
            let (stamped, acknowledged) = (producer.stamped(), producer.acknowledged());
            text += &format!(" f{feeder}: pushed={stamped} acknowledged={acknowledged}");
        }
        text
    }
}

impl Reading {
    /// A relation is gone before it was compared.
    pub(super) fn forget(&mut self, name: &str) {
        self.names.remove(name);
    }

    fn advance(&mut self, next: Option<Cursor>, shards: usize) {
        self.from = next.unwrap_or(Cursor::Start);
        if next.is_none() {
            self.shard += 1;
        }
        if self.shard == shards {
            self.shard = 0;
            self.relation += 1;
        }
    }
}

/// Adds some rows of a view on one shard; returns where to go on.
fn slice(
    shard: &Shard,
    view: ViewId,
    from: Cursor,
    max: usize,
    found: &mut Relation,
) -> Option<Cursor> {
    let from = if let Cursor::View(from) = from { from } else { ViewCursor::default() };
    let frozen = shard.frozen().expect("the state is frozen until the reader is done");
    let reader = shard.reader(view)?;
    let fields = shard.graph().views[view.index()].schema.fields().iter();
    let mut columns: Vec<Column> = fields.map(|field| Column::new(field.data_type)).collect();
    let mut weights = Vec::new();
    let next = reader.rows(&frozen, from, max, &mut columns, &mut weights);
    for (row, weight) in weights.into_iter().enumerate() {
        let values = columns.iter().map(|column| column.value(row)).collect();
        *found.entry(values).or_insert(0) += weight;
    }
    found.retain(|_, weight| *weight != 0);
    next.map(Cursor::View)
}

/// The same of what a source keeps.
fn kept_slice(
    shard: &Shard,
    source: SourceId,
    from: Cursor,
    max: usize,
    found: &mut Relation,
) -> Option<Cursor> {
    let from = if let Cursor::Source(from) = from { from } else { RetainCursor::default() };
    let frozen = shard.frozen().expect("the state is frozen until the reader is done");
    let reader = shard.retained(source)?;
    let mut columns = reader.columns();
    let next = reader.rows(&frozen, from, max, &mut columns);
    for row in 0..columns[0].len() {
        let values = columns.iter().map(|column| column.value(row)).collect();
        *found.entry(values).or_insert(0) += 1;
    }
    next.map(Cursor::Source)
}

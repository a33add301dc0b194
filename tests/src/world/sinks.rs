//! Sinks outside, which write in step with checkpoints. What they have written outlives a crash, and
//! is cut off behind the checkpoint that is found.
//!
//! Invariant: what a sink has, up to the end of an epoch, adds up to the view, or to what the stream
//! would hold: each change is there once, whatever crashed in between.

use std::collections::BTreeMap;

use sluicedb::core::effect::{CoordinatorInput, SinkId, SinkMark};
use sluicedb::core::feeder::Position;
use sluicedb::core::graph::Change;
use sluicedb::core::ids::{Epoch, StageId, ViewId};
use sluicedb_sql::Value;

use super::World;
use crate::reference::{Relation, same_relation};

/// The turns that a sink needs at most to make safe what it has.
const WRITE_TURNS_MAX: usize = 200;
/// One in so many times it fails instead, while things go wrong.
const FAILS: usize = 60;

/// A change, and the epoch that it belongs to.
type Entry = (Epoch, Vec<Value>, i64);

/// One sink.
#[derive(Clone)]
pub(super) struct Sink {
    view: ViewId,
    number: u64,
    written: Vec<Entry>,
    /// By shard: whether its mark was reached, while others have not come to theirs.
    marked: Vec<bool>,
    /// What came behind those marks.
    aside: Vec<Entry>,
    /// What is being made safe: of which epoch, how many entries, and the turn in which it is.
    writing: Option<(Epoch, usize, u64)>,
    /// Whether its stream is there.
    runs: bool,
    failed: bool,
}

impl Sink {
    fn new(SinkId { view, number }: SinkId, shards: u16) -> Sink {
        let marked = vec![false; usize::from(shards)];
        let (written, aside) = (Vec::new(), Vec::new());
        let writing = None;
        Sink { view, number, written, marked, aside, writing, runs: true, failed: false }
    }

    pub(super) fn id(&self) -> SinkId {
        SinkId { view: self.view, number: self.number }
    }

    /// Whether it is given what a view publishes.
    pub(super) fn follows(&self, view: ViewId) -> bool {
        self.runs && self.view == view
    }

    /// It is given nothing more; whether it had not failed before.
    pub(super) fn fail(&mut self) -> bool {
        self.writing = None;
        !std::mem::replace(&mut self.failed, true)
    }

    fn mark(&mut self, shard: usize, epoch: Epoch, due: u64) -> bool {
        let before = std::mem::replace(&mut self.marked[shard], true);
        assert!(!before, "{} has a mark of shard {shard} twice", self.view);
        if self.marked.contains(&false) {
            return false;
        }
        self.marked.fill(false);
        let early = self.written.iter().all(|(of, ..)| *of <= epoch);
        let late = self.aside.iter().all(|(of, ..)| *of > epoch);
        assert!(early && late, "the mark of {epoch} stands at another place in {}", self.view);
        self.writing = Some((epoch, self.written.len(), due));
        self.written.append(&mut self.aside);
        true
    }
}

impl World {
    /// Streams and views come that sinks follow.
    pub(super) fn sinks_come(&mut self, change: &Change) {
        for sink in &change.sinks_come {
            let name = &change.graph.views[sink.view.index()].name;
            let shards = self.options.shards;
            self.sinks.entry(name.clone()).or_insert_with(|| Sink::new(*sink, shards));
        }
    }

    /// All shards are without these. What was marked before is still made safe.
    pub(super) fn sinks_go(&mut self, change: &Change) {
        for view in &change.views_gone {
            if let Some(sink) = self.running_sink(*view) {
                sink.runs = false;
            }
        }
    }

    fn running_sink(&mut self, view: ViewId) -> Option<&mut Sink> {
        self.sinks.values_mut().find(|sink| sink.runs && sink.view == view)
    }

    /// Deltas of a view, if a sink follows it.
    pub(super) fn give_sink(
        &mut self,
        view: ViewId,
        (shard, epoch): (usize, Epoch),
        deltas: impl Iterator<Item = (Vec<Value>, i64)>,
    ) {
        let Some(sink) = self.running_sink(view).filter(|sink| !sink.failed) else { return };
        let to = if sink.marked[shard] { &mut sink.aside } else { &mut sink.written };
        to.extend(deltas.map(|(row, weight)| (epoch, row, weight)));
    }

    /// A stage has published all of an epoch.
    pub(super) fn mark_sinks(&mut self, stage: StageId, (shard, epoch): (usize, Epoch)) {
        let spec = &self.graph.stages[stage.index()];
        let of_stage = self.graph.views.places();
        let of_stage = of_stage.filter(|(_, view)| spec.position(view.operator).is_some());
        let views: Vec<ViewId> = of_stage.map(|(at, _)| ViewId(at as u16)).collect();
        for view in views {
            let due = self.turn + 1 + self.outside.below(WRITE_TURNS_MAX) as u64;
            let Some(sink) = self.running_sink(view).filter(|sink| !sink.failed) else { continue };
            if sink.mark(shard, epoch, due) {
                self.saw("sink marked");
            }
        }
    }

    /// Sinks that have made safe what they had.
    pub(super) fn sinks_due(&self) -> impl Iterator<Item = usize> + '_ {
        let turn = self.turn;
        let due = move |sink: &Sink| sink.writing.is_some_and(|(.., at)| at <= turn);
        self.sinks.values().enumerate().filter(move |(_, sink)| due(sink)).map(|(at, _)| at)
    }

    /// The turn in which the next one will have.
    pub(super) fn sinks_due_at(&self) -> Option<u64> {
        self.sinks.values().filter_map(|sink| sink.writing.map(|(.., at)| at)).min()
    }

    /// A sink has made safe what it had, or has failed.
    pub(super) fn sink_written(&mut self, at: usize) {
        let fails = self.is_rough() && self.outside.below(FAILS) == 0;
        let (_, sink) = self.sinks.iter_mut().nth(at).expect("listed because there is one");
        let (epoch, entries, _) = sink.writing.take().expect("listed because it is writing");
        let (view, id) = (sink.view, sink.id());
        if fails {
            sink.failed = true;
            self.trace.add(self.turn, &view, format_args!("its sink fails"));
            self.saw("sink failed");
            return self.coordinate(CoordinatorInput::Failed { sink: id });
        }
        self.trace.add(self.turn, &view, format_args!("its sink has {entries} by {epoch}"));
        let position = Position { offset: entries as u64, check: epoch.0 };
        self.coordinate(CoordinatorInput::Written { sink: view, epoch, position });
    }

    /// The database was opened again, and knows of these.
    pub(super) fn recover_sinks(&mut self, marks: &[SinkMark]) {
        let sealed = self.sealed.unwrap_or(Epoch(0));
        let shards = self.options.shards;
        let mut found = BTreeMap::new();
        for SinkMark { sink: view, position, failed } in marks {
            let name = self.graph.views[view.index()].name.clone();
            let mut sink = Sink::new(SinkId { view: *view, number: 0 }, shards);
            let before = self.sinks.remove(&name).expect("it came, and nobody forgot it");
            assert!(!failed || before.failed, "{name} has not failed");
            sink.failed = *failed;
            if let Some(Position { offset, check }) = position {
                let (kept, cut) = before.written.split_at(*offset as usize);
                assert!(*failed || *check == sealed.0, "{name} is at {check}, not at {sealed}");
                let early = kept.iter().all(|(of, ..)| of.0 <= *check);
                // What came by the end of that epoch is safe, and what came later comes again.
                let late = before.failed || cut.iter().all(|(of, ..)| *of > sealed);
                assert!(early && late, "{name} goes on at a wrong place behind {sealed}");
                sink.written = kept.to_vec();
                self.saw(if cut.is_empty() { "sink goes on" } else { "sink cut off" });
            }
            found.insert(name, sink);
        }
        self.sinks = found;
    }

    /// Compares what sinks have with what their views and streams hold.
    pub(super) fn check_sinks<'a>(
        &self,
        epoch: Epoch,
        content: impl Fn(&str) -> Option<&'a Relation>,
    ) {
        for (name, sink) in self.sinks.iter().filter(|(_, sink)| sink.runs && !sink.failed) {
            let Some(content) = content(name) else { continue };
            let mut sum = Relation::new();
            let entries = sink.written.iter().chain(&sink.aside);
            for (_, row, weight) in entries.filter(|(of, ..)| *of <= epoch) {
                *sum.entry(row.clone()).or_insert(0) += weight;
            }
            sum.retain(|_, weight| *weight != 0);
            if let Err(difference) = same_relation(name, content, &sum) {
                panic!("the sink of {name} is wrong at the end of {epoch}: {difference}");
            }
        }
    }
}

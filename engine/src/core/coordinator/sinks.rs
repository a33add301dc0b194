//! Sinks that write in step with checkpoints, and those that a checkpoint waits for.
//!
//! Invariants:
//! - A checkpoint is sealed only when every sink that ran in its epoch, and has not failed, has made
//!   safe what it was given in front of the mark.
//! - A sink that has failed stays at the position of the last checkpoint that was sealed with it, over
//!   restarts too: what it was given later is not there, and nobody can give it again.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::effect::SinkMark;
use crate::core::feeder::Position;
use crate::core::graph::Change;
use crate::core::ids::ViewId;

/// The sinks that run.
pub(super) struct Sinks {
    known: BTreeMap<ViewId, SinkMark>,
}

/// What a checkpoint has of the sinks that ran in its epoch.
pub(super) struct Gathered {
    marks: BTreeMap<ViewId, SinkMark>,
    /// Those that have yet to tell.
    awaited: BTreeSet<ViewId>,
    /// Those that are gone since, and in whose place there may be others.
    gone: BTreeSet<ViewId>,
}

impl Sinks {
    pub(super) fn new(marks: Vec<SinkMark>) -> Sinks {
        Sinks { known: marks.into_iter().map(|mark| (mark.sink, mark)).collect() }
    }

    /// What the checkpoint of the open epoch waits for.
    pub(super) fn gather(&self) -> Gathered {
        let works = self.known.values().filter(|mark| !mark.failed);
        Gathered {
            marks: self.known.clone(),
            awaited: works.map(|mark| mark.sink).collect(),
            gone: BTreeSet::new(),
        }
    }

    /// The graph becomes another one behind the epoch that closes.
    pub(super) fn change(&mut self, change: &Change) {
        for view in &change.views_gone {
            self.known.remove(view);
        }
        let fresh = |&sink: &ViewId| (sink, SinkMark { sink, position: None, failed: false });
        self.known.extend(change.sinks_come.iter().map(fresh));
    }

    /// A sink can write no more.
    pub(super) fn failed(&mut self, sink: ViewId) {
        if let Some(mark) = self.known.get_mut(&sink) {
            mark.failed = true;
        }
    }

    /// A checkpoint is on its way with this.
    pub(super) fn sealed(&mut self, gathered: &Gathered) {
        for (sink, mark) in &gathered.marks {
            if let Some(known) = self.known.get_mut(sink)
                && !gathered.gone.contains(sink)
            {
                known.position = mark.position;
            }
        }
    }
}

impl Gathered {
    /// A sink has made safe what it was given.
    pub(super) fn written(&mut self, sink: ViewId, position: Position) {
        // One that was taken for another that has failed is not waited for.
        if self.awaited.remove(&sink) {
            let mark = self.marks.get_mut(&sink).expect("it is waited for");
            mark.position = Some(position);
        }
    }

    /// A sink can write no more, and is not waited for.
    pub(super) fn failed(&mut self, sink: ViewId) {
        if self.awaited.remove(&sink) {
            let mark = self.marks.get_mut(&sink).expect("it is waited for");
            mark.failed = true;
        }
    }

    /// The graph becomes another one behind the epoch of the checkpoint.
    pub(super) fn change(&mut self, change: &Change) {
        self.gone.extend(&change.views_gone);
    }

    /// Whether all have told.
    pub(super) fn is_whole(&self) -> bool {
        self.awaited.is_empty()
    }

    pub(super) fn marks(&self) -> Vec<SinkMark> {
        self.marks.values().copied().collect()
    }
}

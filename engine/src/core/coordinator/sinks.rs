//! Sinks that write in step with checkpoints, and those that a checkpoint waits for.
//!
//! Invariants:
//! - A checkpoint is sealed only when every sink that ran in its epoch, and has not failed, has made
//!   safe what it was given in front of the mark.
//! - A sink that has failed stays at the position of the last checkpoint that was sealed with it, over
//!   restarts too: what it was given later is not there, and nobody can give it again.

use std::collections::{BTreeMap, BTreeSet};

use crate::core::effect::{SinkId, SinkMark};
use crate::core::feeder::Position;
use crate::core::graph::Change;
use crate::core::ids::ViewId;

/// The sinks that run.
pub(super) struct Sinks {
    known: BTreeMap<ViewId, Known>,
}

struct Known {
    mark: SinkMark,
    /// Of its [`SinkId`].
    number: u64,
}

/// What a checkpoint has of the sinks that ran in its epoch.
pub(super) struct Gathered {
    marks: BTreeMap<ViewId, SinkMark>,
    /// Those that have yet to tell, with their numbers.
    awaited: BTreeMap<ViewId, u64>,
    /// Those that are gone since, and in whose place there may be others.
    gone: BTreeSet<ViewId>,
}

impl Sinks {
    pub(super) fn new(marks: Vec<SinkMark>) -> Sinks {
        let known = marks.into_iter().map(|mark| (mark.sink, Known { mark, number: 0 }));
        Sinks { known: known.collect() }
    }

    /// What the checkpoint of the open epoch waits for.
    pub(super) fn gather(&self) -> Gathered {
        let works = self.known.iter().filter(|(_, known)| !known.mark.failed);
        Gathered {
            marks: self.known.iter().map(|(view, known)| (*view, known.mark)).collect(),
            awaited: works.map(|(view, known)| (*view, known.number)).collect(),
            gone: BTreeSet::new(),
        }
    }

    /// The graph becomes another one behind the epoch that closes.
    pub(super) fn change(&mut self, change: &Change) {
        for view in &change.views_gone {
            self.known.remove(view);
        }
        let fresh = |&SinkId { view, number }: &SinkId| {
            let mark = SinkMark { sink: view, position: None, failed: false };
            (view, Known { mark, number })
        };
        self.known.extend(change.sinks_come.iter().map(fresh));
    }

    /// A sink can write no more. If it is gone, what has the number of its stream now goes on.
    pub(super) fn failed(&mut self, sink: SinkId) {
        let known = self.known.get_mut(&sink.view).filter(|known| known.number == sink.number);
        if let Some(known) = known {
            known.mark.failed = true;
        }
    }

    /// A checkpoint is on its way with this.
    pub(super) fn sealed(&mut self, gathered: &Gathered) {
        for (sink, mark) in &gathered.marks {
            if let Some(known) = self.known.get_mut(sink)
                && !gathered.gone.contains(sink)
            {
                known.mark.position = mark.position;
            }
        }
    }
}

impl Gathered {
    /// A sink has made safe what it was given.
    pub(super) fn written(&mut self, sink: ViewId, position: Position) {
        // One that was taken for another that has failed is not waited for.
        if self.awaited.remove(&sink).is_some() {
            let mark = self.marks.get_mut(&sink).expect("it is waited for");
            mark.position = Some(position);
        }
    }

    /// A sink can write no more, and is not waited for.
    pub(super) fn failed(&mut self, SinkId { view, number }: SinkId) {
        if self.awaited.get(&view) == Some(&number) {
            self.awaited.remove(&view);
            let mark = self.marks.get_mut(&view).expect("it is waited for");
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::core::graph::Graph;

    #[test]
    fn a_sink_that_is_gone_fails_for_the_checkpoint_that_waits_for_it_alone() {
        let (view, change) = (ViewId(3), |gone: &[ViewId], come: &[SinkId]| Change {
            graph: Arc::new(Graph::empty()),
            come: Vec::new(),
            gone: Vec::new(),
            sources_come: Vec::new(),
            sources_gone: Vec::new(),
            keyed: Vec::new(),
            views_gone: gone.to_vec(),
            sinks_come: come.to_vec(),
            readers: Vec::new(),
            marks: Vec::new(),
            pairs: Vec::new(),
            logged: false,
            history: Arc::from([]),
        });
        let [old, new] = [1, 2].map(|number| SinkId { view, number });
        let mut sinks = Sinks::new(Vec::new());
        sinks.change(&change(&[], &[old]));
        let mut gathered = sinks.gather();
        let next = change(&[view], &[new]);
        sinks.change(&next);
        gathered.change(&next);
        sinks.failed(old);
        gathered.failed(new);
        assert!(!gathered.is_whole(), "it waits for the one that was there");
        gathered.failed(old);
        assert!(gathered.is_whole() && gathered.marks()[0].failed);
        assert!(!sinks.gather().is_whole(), "the one in its place works");
        sinks.failed(new);
        assert!(sinks.gather().is_whole());
    }
}

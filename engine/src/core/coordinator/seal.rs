//! Turns the parts of a checkpoint into a sealed one, and removes what nobody needs after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use sluicedb_wal::publish::Publisher;
use sluicedb_wal::{
    DiskOp, Failure, FileName, Issued, Lsn, Manifest, ShardPart, Ticket, Tickets, retire,
};

use super::CoordinatorOptions;
use super::front::Front;
use super::sinks::{Gathered, Sinks};
use crate::core::effect::{FeederMark, Part, ProducerMark, SinkId, SinkMark};
use crate::core::feeder::Position;
use crate::core::graph::Change;
use crate::core::ids::{Epoch, ShardId, ViewId};

/// Manifests that are kept: should the newest turn out to be rotten, the one before tells what was.
const KEPT: usize = 2;
/// Owners of the coordinator's tickets; those of shards lie below.
const PUBLISHER: u16 = u16::MAX;
const REMOVER: u16 = u16::MAX - 1;

/// A checkpoint that is sealed.
pub(super) struct Sealed {
    pub(super) epoch: Epoch,
    /// By shard: no manifest that is kept replays records below it.
    pub(super) log_from: Vec<Lsn>,
    pub(super) feeders: Vec<FeederMark>,
}

/// The checkpoint that is being written, and those that are there.
pub(super) struct Seal {
    database: u128,
    running: Running,
    sinks: Sinks,
    shards: usize,
    state: State,
    /// The newest last.
    kept: Vec<Manifest>,
    /// Those whose files somebody copies.
    pinned: Vec<Arc<Manifest>>,
    /// All files but segments, which their logs know.
    files: BTreeSet<FileName>,
    /// Segments of shards that there are no more: they go with the last manifest that names such.
    strays: Vec<FileName>,
    remover: Tickets,
    removals: BTreeMap<Ticket, FileName>,
}

/// The graph that runs.
#[derive(Clone)]
pub(super) struct Running {
    /// Names it.
    pub(super) plan: u128,
    /// How it came about.
    pub(super) history: Arc<[u8]>,
}

enum State {
    Closed,
    /// Some shards have not acknowledged, or some sinks have not made safe what they have.
    Gathering {
        epoch: Epoch,
        /// What ran in the epoch.
        running: Running,
        producers: Vec<ProducerMark>,
        parts: Vec<Option<Part>>,
        sinks: Gathered,
    },
    /// The manifest is on its way to the disk.
    Publishing {
        manifest: Manifest,
        feeders: Vec<FeederMark>,
        publisher: Publisher,
    },
}

impl Seal {
    pub(super) fn new(
        options: &CoordinatorOptions,
        kept: Vec<Manifest>,
        files: Vec<FileName>,
        sinks: Vec<SinkMark>,
    ) -> Seal {
        assert!(kept.is_sorted_by_key(|manifest| manifest.epoch), "the newest manifest comes last");
        let ours = |file: &FileName| !matches!(file, FileName::Segment { .. });
        let stray = |file: &&FileName| matches!(file, FileName::Segment { shard, .. } if *shard >= options.shards);
        Seal {
            database: options.database,
            running: Running { plan: options.plan, history: Arc::clone(&options.history) },
            sinks: Sinks::new(sinks),
            shards: usize::from(options.shards),
            state: State::Closed,
            kept,
            pinned: Vec::new(),
            strays: files.iter().filter(stray).copied().collect(),
            files: files.into_iter().filter(ours).collect(),
            remover: Tickets::of(REMOVER),
            removals: BTreeMap::new(),
        }
    }

    /// Whether a checkpoint is being written.
    pub(super) fn is_open(&self) -> bool {
        !matches!(self.state, State::Closed)
    }

    /// Begins a checkpoint, by whose end these feeders belong to producers with names.
    pub(super) fn open(&mut self, epoch: Epoch, producers: Vec<ProducerMark>) {
        assert!(!self.is_open(), "one checkpoint at a time");
        let (running, parts) = (self.running.clone(), vec![None; self.shards]);
        let sinks = self.sinks.gather();
        self.state = State::Gathering { epoch, running, producers, parts, sinks };
    }

    /// Another graph runs behind the last checkpoint that was begun.
    pub(super) fn becomes(&mut self, running: Running, change: &Change) {
        self.running = running;
        self.sinks.change(change);
        if let State::Gathering { sinks, .. } = &mut self.state {
            sinks.change(change);
        }
    }

    /// A sink has made safe what it was given by the end of an epoch.
    pub(super) fn written(
        &mut self,
        (sink, at): (ViewId, Epoch),
        position: Position,
        issued: &mut Vec<Issued>,
    ) {
        if let State::Gathering { epoch, sinks, .. } = &mut self.state
            && *epoch == at
        {
            sinks.written(sink, position);
            self.publish(issued);
        }
    }

    /// A sink can write no more: checkpoints go on without it.
    pub(super) fn failed(&mut self, sink: SinkId, issued: &mut Vec<Issued>) {
        self.sinks.failed(sink);
        if let State::Gathering { sinks, .. } = &mut self.state {
            sinks.failed(sink);
            self.publish(issued);
        }
    }

    /// Takes a shard's part.
    pub(super) fn acknowledged(&mut self, from: ShardId, part: Part, issued: &mut Vec<Issued>) {
        let State::Gathering { epoch, parts, .. } = &mut self.state else {
            panic!("{from} acknowledged {} when no checkpoint waits for parts", part.epoch)
        };
        assert_eq!(part.epoch, *epoch, "{from} acknowledged another epoch");
        let place = &mut parts[from.index()];
        assert!(place.is_none(), "{from} acknowledged {epoch} twice");
        *place = Some(part);
        self.publish(issued);
    }

    /// Writes the manifest, once all parts are there and all sinks have told.
    fn publish(&mut self, issued: &mut Vec<Issued>) {
        let State::Gathering { epoch, running, producers, parts, sinks } = &mut self.state else {
            return;
        };
        if parts.iter().any(Option::is_none) || !sinks.is_whole() {
            return;
        }
        self.sinks.sealed(sinks);
        let (sinks, producers) = (sinks.marks(), std::mem::take(producers));
        let parts: Vec<Part> = parts.drain(..).flatten().collect();
        let (epoch, Running { plan, history }) = (*epoch, running.clone());
        let sources = parts[0].sources.clone();
        assert!(parts.iter().all(|part| part.sources == sources), "shards end {epoch} apart");
        let feeders = merge_marks(parts.iter().map(|part| part.feeders.as_slice()));
        let marks = feeders.clone();
        let front = Front { plan, history, sources, sinks, producers, feeders: marks };
        let manifest = Manifest {
            database: self.database,
            epoch: epoch.0,
            previous: self.kept.last().map_or(0, Manifest::hash),
            shards: parts.into_iter().map(shard_part).collect(),
            front: front.encode(),
        };
        let mut publisher = Publisher::new(&manifest, Tickets::of(PUBLISHER));
        publisher.pump(issued);
        self.state = State::Publishing { manifest, feeders, publisher };
    }

    /// Reports how a disk operation ended; tells if that sealed the checkpoint.
    pub(super) fn completed(
        &mut self,
        ticket: Ticket,
        result: Result<(), Failure>,
        issued: &mut Vec<Issued>,
    ) -> Result<Option<Sealed>, Failure> {
        if let Some(file) = self.removals.remove(&ticket) {
            if result.is_err() {
                // A file too many harms nobody: the next checkpoint tries again.
                self.files.insert(file);
            }
            return Ok(None);
        }
        let State::Publishing { publisher, .. } = &mut self.state else {
            panic!("{ticket:?} completed when no manifest is being written")
        };
        publisher.completed(ticket, result, issued);
        if let Some(failure) = publisher.poisoned() {
            return Err(failure.clone());
        }
        if !publisher.sealed() {
            return Ok(None);
        }
        let State::Publishing { manifest, feeders, .. } =
            std::mem::replace(&mut self.state, State::Closed)
        else {
            unreachable!("looked at above")
        };
        let epoch = Epoch(manifest.epoch);
        self.files.insert(FileName::Manifest { epoch: manifest.epoch });
        self.files.extend(manifest.shards.iter().flat_map(|part| &part.files).map(|f| f.name));
        self.kept.push(manifest);
        self.kept.drain(..self.kept.len().saturating_sub(KEPT));
        self.remove_unneeded(issued);
        Ok(Some(Sealed { epoch, log_from: self.log_from(), feeders }))
    }

    /// Keeps the files of the newest manifest until it is unpinned.
    pub(super) fn pin(&mut self) -> Arc<Manifest> {
        let newest = self.kept.last().expect("a pin is asked for when a checkpoint is sealed");
        let newest = Arc::new(newest.clone());
        self.pinned.push(Arc::clone(&newest));
        newest
    }

    /// Lets them go, if nobody else has pinned them and no manifest that is kept names them.
    pub(super) fn unpin(&mut self, epoch: Epoch, issued: &mut Vec<Issued>) {
        let at = self.pinned.iter().position(|manifest| manifest.epoch == epoch.0);
        self.pinned.swap_remove(at.expect("what is unpinned was pinned"));
        self.remove_unneeded(issued);
    }

    fn remove_unneeded(&mut self, issued: &mut Vec<Issued>) {
        let listing: Vec<FileName> = self.files.iter().copied().collect();
        let pinned = self.pinned.iter().map(|manifest| manifest.as_ref().clone());
        let needed: Vec<Manifest> = self.kept.iter().cloned().chain(pinned).collect();
        let mut unneeded = retire::unneeded(&needed, &listing, &[]);
        if needed.iter().all(|manifest| manifest.shards.len() <= self.shards) {
            unneeded.append(&mut self.strays);
        }
        for file in unneeded {
            self.files.remove(&file);
            let ticket = self.remover.take();
            self.removals.insert(ticket, file);
            issued.push(Issued { ticket, op: DiskOp::Remove { file } });
        }
    }

    /// Where replay starts at the earliest, by shard.
    fn log_from(&self) -> Vec<Lsn> {
        // One of before may not know the shard.
        let of = |shard: usize| {
            let parts = self.kept.iter().filter_map(move |manifest| manifest.shards.get(shard));
            parts.map(|part| part.log_from)
        };
        (0..self.shards).map(|shard| of(shard).min().expect("a manifest is kept")).collect()
    }
}

fn shard_part(part: Part) -> ShardPart {
    let Part { epoch: _, files, log_from, log_durable, digest, feeders: _, sources: _ } = part;
    ShardPart { files, log_from, log_durable, digest }
}

/// How far each feeder had come, over all shards.
fn merge_marks<'a>(parts: impl Iterator<Item = &'a [FeederMark]>) -> Vec<FeederMark> {
    let mut merged: Vec<FeederMark> = Vec::new();
    for part in parts {
        if merged.is_empty() {
            merged.extend(part);
            continue;
        }
        assert_eq!(merged.len(), part.len(), "all shards know all feeders");
        for (mark, seen) in merged.iter_mut().zip(part) {
            mark.reach(seen);
        }
    }
    merged
}

//! From the files of a stopped database to shards, a coordinator and feeders that go on.
//!
//! Invariants:
//! - What is recovered is the newest sealed checkpoint, and behind it the longest prefixes of the
//!   logs in which every statement has all its parts and follows all earlier ones of its feeder.
//! - Epochs that may have left a trace are not used again.
//! - Another number of shards takes up a checkpoint behind which no statement is.

mod error;
mod feeders;
pub mod loss;
mod reshard;

use std::sync::Arc;

use sluicedb_wal::options::Options as LogOptions;
use sluicedb_wal::replay::{Replayed, Resume, Seek, replay};
use sluicedb_wal::settle::settled;
use sluicedb_wal::{
    Failure, FileName, Files, Log, Lsn, Manifest, OpenError, ShardPart, Tickets, checkpoint,
    identity, manifest,
};

use super::arena::{Arena, Image, ImageError, Region};
use super::coordinator::{Coordinator, CoordinatorOptions, CoordinatorStart, Front};
use super::effect::{FeederMark, ProducerMark, SinkMark};
use super::graph::Graph;
use super::ids::{Epoch, ShardId};
use super::limits::{
    BATCH_BYTES_MAX, CHECKPOINT_DELTAS_MAX, OPERATOR_BLOCKS_MIN, SHARDS_MAX, STAGES_MAX,
};
use super::shard::{
    Applied, ApplyError, Restored, Shard, ShardOptions, ShardStart, decode_watermarks, log_owner,
    zone,
};

pub use error::RecoverError;

/// How the graph of a stopped database came about, as [`Change::history`](super::graph::Change) told
/// it; empty where no graph was changed, or nothing sealed.
pub fn history(files: &dyn Files) -> Result<Arc<[u8]>, RecoverError> {
    let Some(newest) = manifest::newest(files)? else { return Ok(Arc::from([])) };
    let (shard, what) = (ShardId(0), "its front has another form");
    let front = Front::decode(&newest.front);
    front.map(|front| front.history).ok_or(RecoverError::AnotherPlan { shard, what })
}

/// How many shards wrote what the files hold, if they hold anything.
pub fn shards(files: &dyn Files) -> Result<Option<usize>, RecoverError> {
    Ok(written_by(files, manifest::newest(files)?.as_ref()))
}

/// The files of a database that lives in memory: there are none.
#[derive(Clone, Copy, Debug)]
pub struct NoFiles;

impl Files for NoFiles {
    fn list(&self) -> Vec<FileName> {
        Vec::new()
    }

    fn size(&self, _file: &FileName) -> Option<u64> {
        None
    }

    fn read(&self, file: &FileName, _offset: u64, _len: u64) -> Result<Vec<u8>, Failure> {
        Err(Failure { errno: None, said: format!("{file} does not exist") })
    }
}

/// Epochs of one life, at one a millisecond more than a month; see [`next_epoch`].
const EPOCHS_PER_SEGMENT: u64 = 1 << 32;
/// Bytes of a group or record of the log, at most.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// How a database is laid out and kept.
#[derive(Clone, Debug)]
pub struct DatabaseOptions {
    /// How many shards there are.
    pub shards: u16,
    /// By source: whether its rows are logged before they are acknowledged.
    pub logged: Vec<bool>,
    /// Limits of the logs; none keeps the database in memory.
    pub log: Option<LogOptions>,
    /// The longest an epoch stays open that has rows.
    pub epoch_interval_ns: u64,
    /// The longest that rows wait for a checkpoint, counted from the one before.
    pub checkpoint_interval_ns: u64,
    /// Deltas between two full checkpoints.
    pub checkpoint_deltas_max: usize,
    /// Disk writes of a checkpoint in flight at a time.
    pub checkpoint_writes_max: usize,
    /// A fresh random number: tells log segments of this life from remains of others.
    pub seed: u64,
}

/// What a shard that wrote a checkpoint kept of refused rows: of the base, then of the deltas on it.
pub type Letters = Vec<Vec<u8>>;

/// A database that is ready to run.
pub struct Opened {
    /// The shards, by id. Each is to be launched.
    pub shards: Vec<Shard>,
    /// The coordinator.
    pub coordinator: Coordinator,
    /// How far each feeder that the files know had come; all are detached.
    pub feeders: Vec<FeederMark>,
    /// Those of them that belong to producers with names.
    pub producers: Vec<ProducerMark>,
    /// How far each sink had come that writes in step with checkpoints.
    pub sinks: Vec<SinkMark>,
    /// The checkpoint that was found.
    pub sealed: Option<Epoch>,
    /// Statements that were found in the logs behind it.
    pub replayed: usize,
    /// What was kept of refused rows, as [`Input::Letters`](super::effect::Input::Letters) told it: by
    /// shard that wrote it, of which there may be more or fewer, and by file.
    pub letters: Vec<Letters>,
}

impl DatabaseOptions {
    fn check(&self, graph: &Graph) -> Result<(), RecoverError> {
        let sources = graph.sources.len() as u64;
        let deltas = self.checkpoint_deltas_max as u64;
        let ranges = [
            ("shards", u64::from(self.shards), 1, SHARDS_MAX as u64),
            ("the number of durability choices", self.logged.len() as u64, sources, sources),
            ("epoch_interval_ns", self.epoch_interval_ns, 1, u64::MAX),
            ("checkpoint_interval_ns", self.checkpoint_interval_ns, 1, u64::MAX),
            ("checkpoint_writes_max", self.checkpoint_writes_max as u64, 1, 1 << 16),
            ("checkpoint_deltas_max", deltas, 0, CHECKPOINT_DELTAS_MAX as u64),
            ("the number of stages", graph.stages.len() as u64, 1, STAGES_MAX as u64),
        ];
        let log = self.log.as_ref().map(|log| {
            let [segment, group, record] =
                [log.segment_blocks, log.group_bytes_max, log.record_bytes_max].map(u64::from);
            [
                ("segment_blocks", segment, 2, u64::from(u32::MAX)),
                ("group_bytes_max", group, 1, LOG_BYTES_MAX),
                ("record_bytes_max", record, BATCH_BYTES_MAX as u64, LOG_BYTES_MAX),
            ]
        });
        for (name, found, least, most) in ranges.into_iter().chain(log.into_iter().flatten()) {
            if !(least..=most).contains(&found) {
                return Err(RecoverError::Option { name, found, least, most });
            }
        }
        Ok(())
    }
}

/// Opens a database: reads back what its files hold, or begins one where there is only the identity
/// file, with which whoever made the directory founded it.
///
/// `memory` hands out the memory of each shard, for state and for the copies that freezes need.
pub fn open(
    files: &dyn Files,
    graph: &Arc<Graph>,
    options: &DatabaseOptions,
    mut memory: impl FnMut(ShardId) -> (Region, Region),
) -> Result<Opened, RecoverError> {
    options.check(graph)?;
    // Without a log nothing of this life is kept, and nothing of another is read.
    let files = if options.log.is_some() { files } else { &NoFiles };
    let database = database(files, options)?;
    let manifests = manifests(files, database)?;
    let newest = manifests.last();
    let plan = graph.fingerprint();
    let asked = usize::from(options.shards);
    let found = written_by(files, newest).unwrap_or(asked);
    let base = feeders::base(newest, plan, graph)?;
    let epoch = next_epoch(files, newest);
    let logs = logs(files, (database, found), newest, &base.feeders, options)?;
    let moves = found != asked;
    if moves && logs.iter().any(|log| !log.records.is_empty()) {
        return Err(RecoverError::Shards { found, asked });
    }
    let replays = logs.iter().enumerate();
    let replays = replays.map(|(at, log)| feeders::frames(log, graph, ShardId(at as u16)));
    let mut replays = replays.collect::<Result<Vec<_>, _>>()?;
    let reached = feeders::reached(&base.feeders, &replays)?;
    let marks = feeders::before_replay(&base.feeders, &reached);
    let mut shards = Vec::with_capacity(asked);
    let mut replayed = 0;
    let States { shards: states, letters, given_up } =
        states(files, newest, graph, (epoch, options.shards), &mut memory)?;
    for (shard, restored) in (0..options.shards).map(ShardId).zip(states) {
        let replay = replays.get_mut(shard.index()).map(std::mem::take).unwrap_or_default();
        replayed += replay.len();
        let log = log(files, (database, shard), (newest, logs.get(shard.index())), options);
        let (feeders, sources) = (marks.clone(), base.sources.clone());
        let start = ShardStart { epoch, log, restored, feeders, sources, replay };
        let memory = match start.restored {
            Some(_) => None,
            None => Some(checked_memory(graph, memory(shard))?),
        };
        let options = shard_options(options, database, shard);
        shards.push(Shard::new(options, graph.clone(), start, memory)?);
    }
    check_digests(&shards, newest, given_up)?;
    let sealed = newest.map(|manifest| Epoch(manifest.epoch));
    let (files, sinks, producers) = (files.list(), base.sinks, base.producers);
    let start = CoordinatorStart {
        epoch,
        files,
        feeders: reached.clone(),
        producers: producers.clone(),
        sinks: sinks.clone(),
        manifests,
        moves,
    };
    let told = coordinator_options(options, database, (plan, base.history));
    let coordinator = Coordinator::new(told, graph, start);
    let feeders = reached;
    Ok(Opened { shards, coordinator, feeders, producers, sinks, sealed, replayed, letters })
}

/// The database that the directory was founded for; the one in memory has no name.
fn database(files: &dyn Files, options: &DatabaseOptions) -> Result<u128, RecoverError> {
    if options.log.is_none() {
        return Ok(0);
    }
    let file = FileName::Identity;
    Ok(identity::read(files)?.ok_or(OpenError::Missing { file })?)
}

/// The newest manifest, and before it the one before, if that can be read.
fn manifests(files: &dyn Files, database: u128) -> Result<Vec<Manifest>, RecoverError> {
    let Some(newest) = manifest::newest(files)? else { return Ok(Vec::new()) };
    if newest.database != database {
        let (found, expected) = (newest.database, database);
        let file = FileName::Manifest { epoch: newest.epoch };
        return Err(OpenError::Foreign { file, found, expected }.into());
    }
    let older = files.list().into_iter().filter_map(|name| match name {
        FileName::Manifest { epoch } if epoch < newest.epoch => Some(epoch),
        _ => None,
    });
    let before = older.max().and_then(|epoch| manifest::read(files, epoch).ok());
    Ok(before.into_iter().chain([newest]).collect())
}

/// How many shards wrote what there is: the newest checkpoint, or logs that none has.
fn written_by(files: &dyn Files, newest: Option<&Manifest>) -> Option<usize> {
    let segments = files.list().into_iter().filter_map(|file| match file {
        FileName::Segment { shard, .. } => Some(usize::from(shard) + 1),
        _ => None,
    });
    newest.map(|manifest| manifest.shards.len()).or(segments.max())
}

/// What shards begin with.
struct States {
    /// Their state at the newest checkpoint, none of any where there is none.
    shards: Vec<Option<Restored>>,
    /// The letters of those that wrote it.
    letters: Vec<Letters>,
    /// The digest of views that some of these had, and that go on nowhere because another one of them had
    /// given them up.
    given_up: u64,
}

fn states(
    files: &dyn Files,
    newest: Option<&Manifest>,
    graph: &Arc<Graph>,
    (epoch, shards): (Epoch, u16),
    mut memory: impl FnMut(ShardId) -> (Region, Region),
) -> Result<States, RecoverError> {
    let Some(manifest) = newest else {
        let shards = (0..shards).map(|_| None).collect();
        return Ok(States { shards, letters: Vec::new(), given_up: 0 });
    };
    if manifest.shards.len() != usize::from(shards) {
        return reshard::moved(files, manifest, graph, (epoch, shards), memory);
    }
    let restored = manifest.shards.iter().zip((0..shards).map(ShardId)).map(|(part, shard)| {
        let memory = checked_memory(graph, memory(shard))?;
        let (restored, letters) = restore(files, manifest, part, graph, shard, memory)?;
        Ok((Some(restored), letters))
    });
    let (shards, letters) = restored.collect::<Result<Vec<_>, RecoverError>>()?.into_iter().unzip();
    Ok(States { shards, letters, given_up: 0 })
}

/// A shard's log, behind what was found of it. What lies there of a shard that wrote none of what is taken
/// up is of another life.
fn log(
    files: &dyn Files,
    (database, shard): (u128, ShardId),
    (newest, found): (Option<&Manifest>, Option<&Replayed>),
    options: &DatabaseOptions,
) -> Option<Log> {
    let limits = options.log.clone()?;
    let anew = || Resume::anew(files, database, shard.0);
    let from = found.map_or_else(anew, Replayed::resume);
    let tickets = Tickets::of(log_owner(shard));
    let mut log = Log::resume(limits, from, options.seed ^ u64::from(shard.0), tickets);
    log.sealed(newest.map_or(0, |manifest| manifest.epoch));
    Some(log)
}

/// The logs of all shards that wrote some, cut to what is settled; none without a disk.
fn logs(
    files: &dyn Files,
    (database, shards): (u128, usize),
    newest: Option<&Manifest>,
    base: &[FeederMark],
    options: &DatabaseOptions,
) -> Result<Vec<Replayed>, RecoverError> {
    if options.log.is_none() {
        return Ok(Vec::new());
    }
    let sealed = newest.map_or(0, |manifest| manifest.epoch);
    let mut logs = Vec::with_capacity(shards);
    for shard in (0..shards).map(|shard| shard as u16) {
        let part = newest.map(|manifest| &manifest.shards[usize::from(shard)]);
        let (from, witness) = part.map_or((Lsn(0), Lsn(0)), |p| (p.log_from, p.log_durable));
        logs.push(replay(files, &Seek { database, shard, from, witness, sealed })?);
    }
    let statements: Vec<_> = logs.iter().map(Replayed::statements).collect();
    let before: Vec<u64> = base.iter().map(|mark| mark.sequence).collect();
    for (log, kept) in logs.iter_mut().zip(settled(&statements, &before)) {
        log.keep(kept);
    }
    Ok(logs)
}

/// An epoch above all that anybody may have seen.
///
/// Epochs between two checkpoints leave no trace of their own. But each life begins a segment of
/// every log before its first epoch, so the number of the newest segment tells lives apart: it is
/// the upper half of the epochs of the life that follows.
fn next_epoch(files: &dyn Files, newest: Option<&Manifest>) -> Epoch {
    let sealed = newest.map_or(0, |manifest| manifest.epoch);
    let named = files.list().into_iter().map(|name| match name {
        FileName::Checkpoint { epoch, .. }
        | FileName::Manifest { epoch }
        | FileName::ManifestDraft { epoch } => epoch,
        FileName::Segment { number, .. } => number.saturating_mul(EPOCHS_PER_SEGMENT),
        FileName::Identity | FileName::Backup => 0,
    });
    Epoch(named.fold(sealed, u64::max)).next()
}

/// Memory that the operators of a graph can at least begin with.
fn checked_memory(
    graph: &Graph,
    (state, shadow): (Region, Region),
) -> Result<(Region, Region), RecoverError> {
    let least = (graph.operators.max(1) * OPERATOR_BLOCKS_MIN) as u64;
    let found = u64::from(state.blocks_max());
    if found < least {
        let most = u64::from(super::arena::BLOCKS_MAX);
        return Err(RecoverError::Option { name: "blocks of state", found, least, most });
    }
    Ok((state, shadow))
}

fn restore(
    files: &dyn Files,
    manifest: &Manifest,
    part: &ShardPart,
    graph: &Graph,
    shard: ShardId,
    (state, shadow): (Region, Region),
) -> Result<(Restored, Letters), RecoverError> {
    let another = |what| RecoverError::AnotherPlan { shard, what };
    let blocks_max = state.blocks_max();
    let mut image = Image::new(state);
    let (mut watermarks, mut letters) = (Vec::new(), Vec::new());
    for file in &part.files {
        let mut applied = Applied::over(&mut image);
        let read = checkpoint::read(files, manifest.database, file, |entry| applied.take(&entry))?;
        watermarks = decode_watermarks(&read.front)
            .ok_or_else(|| another("its front section has another form"))?;
        let complete = applied.complete().map_err(|error| match error {
            ApplyError::Form(what) => another(what),
            ApplyError::Image(ImageError::Memory(_) | ImageError::Range) => {
                RecoverError::Memory { shard, blocks_max }
            }
            ApplyError::Image(_) => another("its blocks and tables do not agree"),
        })?;
        letters.push(complete);
    }
    let arena =
        Arena::restore(image, shadow).map_err(|_| another("its blocks do not form an arena"))?;
    // What was given up has no zone; what a source keeps is never given up.
    if arena.zone_count() > graph.operators || watermarks.len() != graph.stages.len() {
        return Err(another("it has another number of operators or stages"));
    }
    let mut retained = graph.sources.iter().filter_map(|source| source.retained.as_ref());
    if !retained.all(|(operator, _)| arena.has_zone(zone(*operator))) {
        return Err(another("it lacks the rows that a source keeps"));
    }
    for (stage, lanes) in graph.stages.iter().zip(&watermarks) {
        if stage.entries.len() != lanes.len() {
            return Err(another("a stage has another number of inputs"));
        }
    }
    let (epoch, files) = (Epoch(manifest.epoch), part.files.clone());
    Ok((Restored { arena, watermarks, epoch, files }, letters))
}

/// Compares what views hold with what they held when the checkpoint was written: shard by shard, or on all
/// of them together where there are more or fewer.
fn check_digests(
    shards: &[Shard],
    newest: Option<&Manifest>,
    given_up: u64,
) -> Result<(), RecoverError> {
    let Some(manifest) = newest else { return Ok(()) };
    if manifest.shards.len() != shards.len() {
        let digests = manifest.shards.iter().map(|part| part.digest);
        let expected = digests.fold(0, u64::wrapping_add).wrapping_sub(given_up);
        let found = shards.iter().map(Shard::recounted_digest).fold(0, u64::wrapping_add);
        let same = found == expected;
        return same.then_some(()).ok_or(RecoverError::Moved { found, expected });
    }
    for (shard, part) in shards.iter().zip(&manifest.shards) {
        let (shard, found, expected) = (shard.id(), shard.recounted_digest(), part.digest);
        if found != expected {
            return Err(RecoverError::Digest { shard, found, expected });
        }
    }
    Ok(())
}

fn shard_options(options: &DatabaseOptions, database: u128, shard: ShardId) -> ShardOptions {
    ShardOptions {
        shard,
        shards: options.shards,
        logged: options.logged.iter().map(|&logged| logged && options.log.is_some()).collect(),
        database,
        checkpoint_deltas_max: options.checkpoint_deltas_max,
        checkpoint_writes_max: options.checkpoint_writes_max,
    }
}

fn coordinator_options(
    options: &DatabaseOptions,
    database: u128,
    (plan, history): (u128, Arc<[u8]>),
) -> CoordinatorOptions {
    CoordinatorOptions {
        shards: options.shards,
        epoch_interval_ns: options.epoch_interval_ns,
        checkpoint_interval_ns: options.log.is_some().then_some(options.checkpoint_interval_ns),
        database,
        plan,
        history,
    }
}

#[cfg(test)]
mod tests;

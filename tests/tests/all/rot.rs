//! Every bit of every byte of the files of a small database is flipped, and every block is put in the place
//! of every other of its file: what is read then is what was there, or nothing is. One bit of each eighth
//! byte, and every block, goes through the whole of opening a database too.
//!
//! The one thing that cannot be told from a write which a crash tore is rot of a log's last group
//! before anything stands behind it. So there are two sets of files: one that an empty group ends, as
//! an idle database leaves it, where no exception is made, and one without.

use std::ops::AddAssign;
use std::sync::Arc;

use sluicedb::core::arena::Region;
use sluicedb::core::effect::FeederMark;
use sluicedb::core::graph::{Graph, Route};
use sluicedb::core::ids::Epoch;
use sluicedb::core::recovery::{DatabaseOptions, RecoverError, history, open};
use sluicedb_tests::load::Load;
use sluicedb_tests::options::{Comings, Faults, Options, Weights};
use sluicedb_tests::prng::Prng;
use sluicedb_tests::report;
use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{World, quietly};
use sluicedb_wal::replay::{Seek, replay};
use sluicedb_wal::{
    FileName, Files, Lsn, Manifest, OpenError, Record, ShardPart, checkpoint, identity, manifest,
};

use crate::golden::Memory;

const BLOCK: usize = 4096;
/// The most that the files of a set may have.
const BYTES_MAX: usize = 256 << 10;
const STATE_BLOCKS: u32 = 512;

/// What a database is opened with, and what there is then.
struct Set {
    files: Memory,
    graph: Arc<Graph>,
    options: DatabaseOptions,
    read: Read,
    found: Found,
    /// Whether the last group of a log has something behind it.
    sealed: bool,
}

/// What the files say. Checkpoints are those that the manifest has the hashes of.
#[derive(PartialEq, Debug)]
struct Read {
    manifest: Option<Manifest>,
    /// By shard, what its log holds behind the checkpoint.
    records: Vec<Vec<(Lsn, Record)>>,
}

/// What a database that is opened with them starts from.
#[derive(PartialEq, Debug)]
struct Found {
    sealed: Option<Epoch>,
    history: Arc<[u8]>,
    feeders: Vec<FeederMark>,
    digests: Vec<u64>,
    replayed: usize,
}

fn world_options() -> Options {
    Options {
        shards: 1,
        feeders: 2,
        lane_frames: 4,
        feeder_lane_frames: 4,
        fuel_max: 100,
        route: Route::Aligned,
        logged: u64::MAX,
        segment_blocks: 5,
        epoch_interval_ns: 10_000_000,
        checkpoint_interval_ns: 200_000_000,
        checkpoint_deltas_max: 2,
        checkpoint_writes_max: 2,
        state_blocks: STATE_BLOCKS,
        shadow_blocks: 64,
        statements: 24,
        rows_max: 3,
        disk_turns_max: 10,
        weights: Weights::EVEN,
        comings: Comings::NONE,
        installs: 2,
        reshapings: 0,
        faults: Faults::NONE,
    }
}

/// The files of some moment at which the log is idle and holds something behind the checkpoint, and
/// relations have come.
fn set(sealed: bool) -> Set {
    let (mut files, graph, options) = first_moment(ends_with_a_seal, |found| found.replayed > 3);
    if !sealed {
        unseal(&mut files);
    }
    // Room, as it is written ahead on a disk.
    let (_, content) = files.0.iter_mut().rfind(|(name, _)| is_log(name)).expect("a log");
    content.resize(content.len() + 2 * BLOCK, 0);
    let read = read(&files).expect("nothing is wrong with it");
    let found = look(&files, &graph, &options).expect("nothing is wrong with it");
    Set { files, graph, options, read, found, sealed }
}

/// The first moment of any run at which relations have come, and files and what is found are as wanted.
fn first_moment(
    lie: impl Fn(&Memory) -> bool,
    wanted: impl Fn(&Found) -> bool,
) -> (Memory, Arc<Graph>, DatabaseOptions) {
    (0..100).find_map(|seed| moment(seed, &lie, &wanted)).expect("some run has one")
}

/// The first such moment in the run of a seed.
fn moment(
    seed: u64,
    lie: impl Fn(&Memory) -> bool,
    wanted: impl Fn(&Found) -> bool,
) -> Option<(Memory, Arc<Graph>, DatabaseOptions)> {
    let options = world_options();
    let load = Load::draw(&mut Prng::new(seed).split("input"), &options);
    let mut world = World::new(seed, options.clone(), load).expect("the plan is one of ours");
    let mut moves = 0;
    while !world.is_over() {
        world.next_turn();
        if std::mem::replace(&mut moves, world.disk_moves()) == world.disk_moves() {
            continue;
        }
        let files = Memory::of(world.files());
        if !lie(&files) {
            continue;
        }
        let graph = world.graph();
        let options = DatabaseOptions {
            shards: options.shards,
            logged: vec![true; graph.sources.len()],
            log: Some(Default::default()),
            epoch_interval_ns: 1,
            checkpoint_interval_ns: 1,
            checkpoint_deltas_max: 2,
            checkpoint_writes_max: 2,
            seed: 1,
        };
        // What is on its way may be of another graph.
        let Ok(found) = look(&files, &graph, &options) else { continue };
        let bytes: usize = files.0.values().map(Vec::len).sum();
        let has_all = found.sealed.is_some() && !found.history.is_empty() && wanted(&found);
        if has_all && bytes <= BYTES_MAX / 2 {
            return Some((files, graph, options));
        }
    }
    None
}

fn is_log(name: &FileName) -> bool {
    matches!(name, FileName::Segment { .. })
}

/// Whether the newest segment ends with an empty group behind another one.
fn ends_with_a_seal(files: &Memory) -> bool {
    let newest = files.0.iter().rfind(|(name, _)| is_log(name));
    newest.is_some_and(|(_, content)| {
        content.len() > 3 * BLOCK && content[content.len() - BLOCK + 44..][..4] == [0; 4]
    })
}

/// Takes it away.
fn unseal(files: &mut Memory) {
    let (_, content) = files.0.iter_mut().rfind(|(name, _)| is_log(name)).expect("a log");
    content.truncate(content.len() - BLOCK);
}

/// Reads all that recovery reads.
fn read(files: &dyn Files) -> Result<Read, OpenError> {
    let database = identity::read(files)?.ok_or(OpenError::Missing { file: FileName::Identity })?;
    let manifest = manifest::newest(files)?;
    let sealed = manifest.as_ref().map_or(0, |manifest| manifest.epoch);
    let mut records = Vec::new();
    for (shard, part) in (0..).zip(manifest.iter().flat_map(|manifest| &manifest.shards)) {
        let (from, witness) = (part.log_from, part.log_durable);
        records.push(replay(files, &Seek { database, shard, from, witness, sealed })?.records);
        for file in &part.files {
            checkpoint::read(files, database, file, |_| ())?;
        }
    }
    Ok(Read { manifest, records })
}

/// Opens a database.
fn look(
    files: &dyn Files,
    graph: &Arc<Graph>,
    options: &DatabaseOptions,
) -> Result<Found, RecoverError> {
    let history = history(files)?;
    let memory = |_| (Region::heap(STATE_BLOCKS), Region::heap(64));
    let opened = open(files, graph, options, memory)?;
    Ok(Found {
        sealed: opened.sealed,
        history,
        feeders: opened.feeders,
        digests: opened.shards.iter().map(|shard| shard.recounted_digest()).collect(),
        replayed: opened.replayed,
    })
}

/// What came of damage.
#[derive(Clone, Copy, Default, Debug)]
struct Ran {
    refused: u64,
    harmless: u64,
    torn: u64,
}

impl AddAssign for Ran {
    fn add_assign(&mut self, Ran { refused, harmless, torn }: Ran) {
        self.refused += refused;
        self.harmless += harmless;
        self.torn += torn;
    }
}

impl Set {
    /// Reads files in which something was done to `file`, first at byte `at`; opens them where it is asked
    /// for, which must come to the same.
    fn judge(&self, files: &Memory, file: FileName, at: usize, opens: bool) -> Result<Ran, String> {
        let read = quietly(|| read(files))?;
        if opens {
            let found = quietly(|| look(files, &self.graph, &self.options))?;
            self.agree(&read, &found)?;
        }
        match read {
            Err(error) => refused(&error, file, at),
            Ok(read) if read == self.read => Ok(Ran { harmless: 1, ..Ran::default() }),
            Ok(read) => self.torn(&read, file),
        }
    }

    /// Whether a database is opened with what was read, or refused with the same words.
    fn agree(
        &self,
        read: &Result<Read, OpenError>,
        found: &Result<Found, RecoverError>,
    ) -> Result<(), String> {
        let same = match (read, found) {
            (Err(error), Err(RecoverError::Files(refusal))) => error == refusal,
            (Ok(read), Ok(found)) if *read == self.read => *found == self.found,
            (Ok(read), Ok(found)) => {
                let records: usize = read.records.iter().map(Vec::len).sum();
                found.replayed == records && found.digests == self.found.digests
            }
            _ => false,
        };
        if same { Ok(()) } else { Err(format!("{read:?} was read, and {found:?} opened")) }
    }

    /// Only the last group may be gone, and only where nothing stands behind it.
    fn torn(&self, read: &Read, file: FileName) -> Result<Ran, String> {
        let prefix = read
            .records
            .iter()
            .zip(&self.read.records)
            .all(|(read, all)| read.len() <= all.len() && read[..] == all[..read.len()]);
        if self.sealed || !is_log(&file) || !prefix || read.manifest != self.read.manifest {
            return Err(format!("other data: {read:?}\ninstead of {:?}", self.read));
        }
        Ok(Ran { torn: 1, ..Ran::default() })
    }

    /// Flips every bit of a block, one at a time.
    fn flip(&self, file: FileName, block: usize) -> Result<Ran, String> {
        let mut files = self.files.clone();
        let mut ran = Ran::default();
        let end = files.0[&file].len().min((block + 1) * BLOCK);
        for at in block * BLOCK..end {
            for bit in 0..8 {
                files.0.get_mut(&file).expect("it is there")[at] ^= 1 << bit;
                let judged = self.judge(&files, file, at, at % 8 == 0 && bit == at / 8 % 8);
                ran +=
                    judged.map_err(|said| format!("bit {bit} of byte {at} of {file}: {said}"))?;
                files.0.get_mut(&file).expect("it is there")[at] ^= 1 << bit;
            }
        }
        Ok(ran)
    }

    /// A block is zero, or is another block of the file; the file ends with it, or is not there.
    fn misplace(&self, file: FileName, block: usize) -> Result<Ran, String> {
        let mut ran = Ran::default();
        let whole = self.files.0[&file].clone();
        let at = block * BLOCK;
        let own = at..whole.len().min(at + BLOCK);
        let others = whole.chunks(BLOCK).map(<[u8]>::to_vec);
        for other in others.chain([vec![0; BLOCK], vec![0xff; BLOCK]]) {
            if other.len() != own.len() || whole[own.clone()] == other {
                continue;
            }
            let mut files = self.files.clone();
            let content = files.0.get_mut(&file).expect("it is there");
            content[own.clone()].copy_from_slice(&other);
            let judged = self.judge(&files, file, at + BLOCK - 1, true);
            ran += judged.map_err(|said| format!("another block {block} of {file}: {said}"))?;
        }
        Ok(ran)
    }
}

/// The error says where the damage is.
fn refused(error: &OpenError, file: FileName, at: usize) -> Result<Ran, String> {
    match error {
        OpenError::Corrupt { file: named, offset, .. }
            if *named == file && *offset <= at as u64 =>
        {
            Ok(Ran { refused: 1, ..Ran::default() })
        }
        error => Err(format!("the error names another place: {error}")),
    }
}

/// All blocks of all files; without a seal only those of logs, for the others are the same.
fn blocks(set: &Set) -> Vec<(FileName, usize)> {
    let of = |(file, content): (&FileName, &Vec<u8>)| {
        let file = *file;
        (0..content.len().div_ceil(BLOCK)).map(move |block| (file, block))
    };
    set.files.0.iter().filter(|(file, _)| set.sealed || is_log(file)).flat_map(of).collect()
}

fn everywhere(set: &Set, damage: impl Fn(FileName, usize) -> Result<Ran, String> + Sync) -> Ran {
    let blocks = blocks(set);
    let one = |at: u64| {
        let (file, block) = blocks[at as usize];
        damage(file, block)
    };
    let mut ran = Ran::default();
    if let Err(problem) = spread(blocks.len() as u64, one, |of| ran += *of) {
        panic!("{problem}");
    }
    ran
}

#[test]
fn every_flipped_bit_is_refused_with_its_place_or_changes_nothing() {
    let mut counts = Vec::new();
    for sealed in [true, false] {
        let set = set(sealed);
        let all: usize = set.files.0.values().map(Vec::len).sum();
        assert!(all <= BYTES_MAX, "{all} bytes of files");
        for kind in ["identity", "manifest-", ".checkpoint", ".log"] {
            let there = set.files.0.keys().any(|file| file.to_string().contains(kind));
            assert!(there, "no file is a {kind}");
        }
        let bits: usize = blocks(&set)
            .iter()
            .map(|(file, block)| 8 * BLOCK.min(set.files.0[file].len() - block * BLOCK))
            .sum();
        let Ran { refused, harmless, torn } = everywhere(&set, |file, block| set.flip(file, block));
        let name = if sealed { "bits flipped" } else { "bits flipped in a log without a seal" };
        counts.push((name, refused + harmless + torn, bits as u64));
        counts.push(("refused", refused, bits as u64 / 4));
        counts.push(("harmless", harmless, 1));
        counts.push(("like a torn write", torn, if sealed { 0 } else { 64 * 8 }));
        let Ran { refused, harmless, torn } =
            everywhere(&set, |file, block| set.misplace(file, block));
        counts.push(("blocks out of place", refused + harmless + torn, 50));
    }
    report::lane(5, &counts);
}

/// A manifest that is gone whole leaves the one before and sound logs, which know of it once they were
/// idle.
#[test]
fn a_newest_manifest_that_is_gone_is_missed() {
    // The log says that it knows the newest.
    let knows = |files: &Memory| {
        let Ok(Some(Manifest { database, epoch, shards, .. })) = manifest::newest(files) else {
            return false;
        };
        let ShardPart { log_from: from, log_durable: witness, .. } = shards[0];
        let seek = Seek { database, shard: 0, from, witness, sealed: epoch - 1 };
        let file = FileName::Manifest { epoch };
        replay(files, &seek).is_err_and(|error| error == OpenError::Missing { file })
    };
    for replayed in [0, 1, 4] {
        let (mut files, graph, options) = first_moment(knows, |found| found.replayed >= replayed);
        let is_manifest = |name: &FileName| matches!(name, FileName::Manifest { .. });
        let gone = *files.0.keys().rfind(|name| is_manifest(name)).expect("it was read");
        files.0.remove(&gone);
        match look(&files, &graph, &options) {
            Err(RecoverError::Files(OpenError::Missing { file })) => assert_eq!(file, gone),
            other => panic!("{other:?} without {gone}"),
        }
    }
}

/// Bytes of which one has a bit flipped, where all of the state goes to other shards with each.
const STEP: usize = 61;

#[test]
fn a_flipped_bit_is_refused_too_where_the_number_of_shards_changes() {
    let (files, graph, options) = first_moment(|_| true, |found| found.replayed == 0);
    let options = DatabaseOptions { shards: 3, ..options };
    let together = |found: &Found| found.digests.iter().copied().fold(0, u64::wrapping_add);
    let whole = look(&files, &graph, &options).expect("nothing is wrong with it");
    assert_eq!(whole.digests.len(), 3);
    let mut tried: Vec<(FileName, usize)> = Vec::new();
    for (file, content) in &files.0 {
        tried.extend((0..content.len()).step_by(STEP).map(|at| (*file, at)));
    }
    let one = |number: u64| -> Result<bool, String> {
        let (file, at) = tried[number as usize];
        let mut files = files.clone();
        files.0.get_mut(&file).expect("it is there")[at] ^= 1 << (at / STEP % 8);
        match quietly(|| look(&files, &graph, &options))? {
            Err(RecoverError::Files(error)) => refused(&error, file, at).map(|_| true),
            Ok(found) if together(&found) == together(&whole) && found.sealed == whole.sealed => {
                // Older files, and what a crash may have torn.
                Ok(false)
            }
            other => Err(format!("byte {at} of {file}: {other:?}")),
        }
    };
    let mut refused = 0;
    if let Err(problem) = spread(tried.len() as u64, one, |was| refused += usize::from(*was)) {
        panic!("{problem}");
    }
    assert!(refused > tried.len() / 4 && tried.len() > 500, "{refused} of {}", tried.len());
}

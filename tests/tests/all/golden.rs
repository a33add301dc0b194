//! Files of each format version, committed: every later build reads them, and so does a second reader
//! that knows `wal/FORMAT.md` alone.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use sluicedb_tests::prng::Prng;
use sluicedb_wal::checkpoint::{CheckpointId, Entry, Writer};
use sluicedb_wal::manifest::newest;
use sluicedb_wal::{
    DiskOp, Failure, FileName, FileRef, Files, Issued, Log, Lsn, Manifest, OpenError, Options,
    Publisher, Record, Seek, ShardPart, Statement, Tail, Tickets, replay,
};

const DATABASE: u128 = 0x0123_4567_89ab_cdef_0011_2233_4455_6677;
/// Set, the files are written again: only before a release, while the format may change.
const RENEW: &str = "SLUICE_RENEW_GOLDEN";

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// Files in memory, where all is done at once.
#[derive(Clone, Default)]
pub(crate) struct Memory(pub(crate) BTreeMap<FileName, Vec<u8>>);

impl Memory {
    /// Copies of these files.
    pub(crate) fn of(files: &dyn Files) -> Memory {
        let copy = |file: FileName| {
            let bytes = files.size(&file).expect("it is listed");
            (file, files.read(&file, 0, bytes).expect("it is read"))
        };
        Memory(files.list().into_iter().map(copy).collect())
    }

    /// The committed files of a version.
    fn committed(version: &str) -> Memory {
        let entries = std::fs::read_dir(folder().join(version)).expect("the version is there");
        let files = entries.map(|entry| {
            let path = entry.expect("it is listed").path();
            let name = path.file_name().and_then(|name| name.to_str()).expect("plain names");
            let file = FileName::parse(name).unwrap_or_else(|| panic!("{name} is not ours"));
            (file, std::fs::read(&path).expect("it is read"))
        });
        Memory(files.collect())
    }

    /// Does what was issued; the tickets, in order.
    fn carry_out(&mut self, op: DiskOp) {
        match op {
            DiskOp::Create { file } => drop(self.0.insert(file, Vec::new())),
            DiskOp::Write { file, offset, bytes } => {
                let content = self.0.get_mut(&file).expect("it was created");
                let (offset, end) = (offset as usize, offset as usize + bytes.len());
                content.resize(content.len().max(end), 0);
                content[offset..end].copy_from_slice(&bytes);
            }
            DiskOp::Rename { from, to } => {
                let content = self.0.remove(&from).expect("it is there");
                self.0.insert(to, content);
            }
            DiskOp::Remove { file } => drop(self.0.remove(&file)),
            DiskOp::Sync { .. } | DiskOp::SyncDirectory => {}
        }
    }

    fn settle(&mut self, log: &mut Log) {
        let mut issued = Vec::new();
        log.pump(&mut issued);
        while !issued.is_empty() {
            for Issued { ticket, op } in std::mem::take(&mut issued) {
                self.carry_out(op);
                log.completed(ticket, Ok(()), &mut issued);
            }
        }
    }

    fn publish(&mut self, manifest: &Manifest) {
        let mut publisher = Publisher::new(manifest, Tickets::of(9));
        let mut issued = Vec::new();
        publisher.pump(&mut issued);
        while !issued.is_empty() {
            for Issued { ticket, op } in std::mem::take(&mut issued) {
                self.carry_out(op);
                publisher.completed(ticket, Ok(()), &mut issued);
            }
        }
        assert!(publisher.sealed());
    }

    fn checkpoint(&mut self, shard: u16) -> FileRef {
        let id = CheckpointId { database: DATABASE, shard, epoch: 2, base: None };
        let mut writer = Writer::new(id, b"front", 1, Tickets::of(8));
        let mut issued = Vec::new();
        writer.pump(&mut issued);
        let mut entries = 0..3_u8;
        while writer.done().is_none() {
            for Issued { ticket, op } in std::mem::take(&mut issued) {
                self.carry_out(op);
                writer.completed(ticket, Ok(()), &mut issued);
            }
            while writer.wants()
                && let Some(byte) = entries.next()
            {
                writer.entry(Entry { head: Default::default(), block: &[byte; 1000] });
                if byte == 2 {
                    writer.finish();
                }
            }
            writer.pump(&mut issued);
        }
        writer.done().expect("it has just said so")
    }

    fn segment(&mut self, shard: u16, number: u64) -> &mut Vec<u8> {
        self.0.get_mut(&FileName::Segment { shard, number }).expect("it was written")
    }
}

impl Files for Memory {
    fn list(&self) -> Vec<FileName> {
        self.0.keys().copied().collect()
    }

    fn size(&self, file: &FileName) -> Option<u64> {
        self.0.get(file).map(|bytes| bytes.len() as u64)
    }

    fn read(&self, file: &FileName, offset: u64, len: u64) -> Result<Vec<u8>, Failure> {
        let bytes = &self.0[file];
        Ok(bytes[offset as usize..(offset + len) as usize].to_vec())
    }
}

fn options() -> Options {
    Options { segment_blocks: 6, group_bytes_max: 6000, record_bytes_max: 20_000 }
}

fn record(shard: u16, sequence: u64) -> Record {
    let mut prng = Prng::new(sequence);
    // Small ones, and each seventh in several pieces.
    let bytes = if sequence % 7 == 3 { 9000 + prng.below(3000) } else { prng.below(900) };
    let payload = (0..bytes).map(|_| prng.bits() as u8).collect();
    let statement = Statement { feeder: u32::from(shard), sequence, parts: 1 << shard };
    Record { epoch: 1 + sequence / 10, statement, payload }
}

fn append(files: &mut Memory, log: &mut Log, shard: u16, sequences: std::ops::Range<u64>) {
    for sequence in sequences {
        log.append(&record(shard, sequence));
        // Some gather in a group.
        if sequence % 3 != 0 {
            files.settle(log);
        }
    }
    files.settle(log);
}

/// A set of committed files.
struct Set {
    name: &'static str,
    shards: u16,
    /// The epoch whose manifest the logs know of in their second life; zero in those of builds that did
    /// not write it down.
    sealed: u64,
}

const SETS: [Set; 2] =
    [Set { name: "1", shards: 3, sealed: 0 }, Set { name: "1-sealed", shards: 1, sealed: 3 }];

/// Two lives of up to three shards: one whose log was cut and gone on with, one that ends torn, and one
/// that ends with a witness and room behind it.
fn make(set: &Set) -> Memory {
    let mut files = Memory::default();
    let mut parts = Vec::new();
    for shard in 0..set.shards {
        let mut log = Log::create(options(), shard, DATABASE, 7, Tickets::of(shard));
        append(&mut files, &mut log, shard, 1..20);
        let seek = Seek { database: DATABASE, shard, from: Lsn(0), witness: Lsn(0), sealed: 0 };
        let mut replayed = replay(&files, &seek).expect("it was just written");
        replayed.keep(17);
        let from = replayed.records[4].0;
        let mut log = Log::resume(options(), replayed.resume(), 8, Tickets::of(shard));
        log.sealed(set.sealed);
        append(&mut files, &mut log, shard, 18..33);
        if shard == 2 {
            log.witness();
            files.settle(&mut log);
        }
        let reference = files.checkpoint(shard);
        parts.push(ShardPart {
            files: vec![reference; usize::from(shard)],
            log_from: from,
            log_durable: replayed.records[16].0,
            digest: 40 + u64::from(shard),
        });
        let number = log.spans().last().expect("one is written").number;
        let newest = files.segment(shard, number);
        match shard {
            1 => newest.truncate(newest.len() - 4000),
            2 => newest.resize(newest.len() + 16_384, 0),
            _ => {}
        }
    }
    for epoch in [2, 3] {
        let previous = newest(&files).expect("it is whole").map_or(0, |manifest| manifest.hash());
        let (shards, front) = (parts.clone(), (0..=255).collect());
        files.publish(&Manifest { database: DATABASE, epoch, previous, shards, front });
    }
    files
}

/// What recovery starts from, in the words of the second reader.
fn read(files: &Memory) -> String {
    let manifest = newest(files).expect("it is whole").expect("there is one");
    let Manifest { database, epoch, previous, shards, front } = &manifest;
    let mut out =
        format!("manifest epoch={epoch} database={database:032x} previous={previous:032x}\n");
    let mut say = |line: String| writeln!(out, "{line}").expect("a string takes it");
    for (shard, part) in shards.iter().enumerate() {
        let ShardPart { files, log_from, log_durable, digest } = part;
        say(format!("shard {shard} from={} durable={} digest={digest}", log_from.0, log_durable.0));
        for FileRef { name, bytes, hash } in files {
            let FileName::Checkpoint { shard, epoch } = name else { panic!("{name}") };
            say(format!("file shard={shard} epoch={epoch} bytes={bytes} hash={hash:032x}"));
        }
    }
    say(format!("front bytes={} crc={}", front.len(), crc32fast::hash(front)));
    for (shard, part) in (0..).zip(shards) {
        let (from, witness) = (part.log_from, part.log_durable);
        let seek = Seek { database: *database, shard, from, witness, sealed: *epoch };
        let replayed = replay(files, &seek).expect("the log is whole");
        for (end, Record { epoch, statement, payload }) in &replayed.records {
            let Statement { feeder, sequence, parts } = statement;
            let (bytes, crc) = (payload.len(), crc32fast::hash(payload));
            say(format!(
                "record shard={shard} end={} epoch={epoch} feeder={feeder} sequence={sequence} \
                 parts={parts} bytes={bytes} crc={crc}",
                end.0
            ));
        }
        let tail = if replayed.tail == Tail::Clean { "clean" } else { "torn" };
        say(format!("log shard={shard} end={} tail={tail}", replayed.end.0));
    }
    out
}

fn told(set: &Set) -> PathBuf {
    folder().join(format!("{}.txt", set.name))
}

#[test]
fn the_committed_files_are_written_and_read_as_they_were() {
    let mut all = String::new();
    for set in &SETS {
        let made = make(set);
        let place = folder().join(set.name);
        if std::env::var_os(RENEW).is_some() {
            std::fs::create_dir_all(&place).unwrap();
            for (name, bytes) in &made.0 {
                std::fs::write(place.join(name.to_string()), bytes).unwrap();
            }
            std::fs::write(told(set), read(&made)).unwrap();
        }
        let committed = Memory::committed(set.name);
        assert!(made.0 == committed.0, "this build writes other bytes than {}", set.name);
        let expected = std::fs::read_to_string(told(set)).unwrap();
        assert_eq!(read(&committed), expected);
        all += &expected;
    }
    let kinds = ["record shard=0", "tail=torn", "tail=clean", "file shard=2"];
    assert!(kinds.iter().all(|kind| all.contains(kind)), "{all}");
}

/// Whether the second reader takes the files in a folder, and its words; an error where there is no
/// Python.
fn second_reader(place: &Path) -> Result<(bool, String), String> {
    let script = folder().join("read.py");
    let output = Command::new("python3").arg("-B").arg(script).arg(place).output();
    let output = output.map_err(|error| format!("skipped: no python3 here ({error})"))?;
    let said = if output.status.success() { output.stdout } else { output.stderr };
    Ok((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn a_second_reader_that_knows_the_format_alone_reads_the_same() {
    for set in &SETS {
        let (good, said) = match second_reader(&folder().join(set.name)) {
            Ok(read) => read,
            Err(why) => return println!("{why}"),
        };
        assert!(good, "{said}");
        assert_eq!(said, std::fs::read_to_string(told(set)).unwrap());
    }
}

/// Without the newest manifest the one before is whole, and so are the logs, which know of it.
#[test]
fn both_readers_miss_a_manifest_that_the_log_knows_of() {
    let mut files = Memory::committed("1-sealed");
    let gone = FileName::Manifest { epoch: 3 };
    files.0.remove(&gone).expect("it is the newest");
    let before = newest(&files).expect("it is whole").expect("there is one before");
    let ShardPart { log_from: from, log_durable: witness, .. } = before.shards[0];
    let seek = Seek { database: DATABASE, shard: 0, from, witness, sealed: before.epoch };
    assert_eq!(replay(&files, &seek).unwrap_err(), OpenError::Missing { file: gone });
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gone-{}", std::process::id()));
    std::fs::create_dir_all(&place).unwrap();
    for (name, bytes) in &files.0 {
        std::fs::write(place.join(name.to_string()), bytes).unwrap();
    }
    let read = second_reader(&place);
    std::fs::remove_dir_all(&place).unwrap();
    match read {
        Ok((good, said)) => assert!(!good && said.contains(&gone.to_string()), "{said}"),
        Err(why) => println!("{why}"),
    }
}

/// Both readers meet the same rot: each refuses it, or both find the same.
#[test]
fn both_readers_judge_rot_alike() {
    let place = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("rot-{}", std::process::id()));
    let mut committed = Memory::committed("1");
    std::fs::create_dir_all(&place).unwrap();
    for (name, bytes) in &committed.0 {
        std::fs::write(place.join(name.to_string()), bytes).unwrap();
    }
    let names: Vec<FileName> = committed.list();
    let mut prng = Prng::new(5);
    let (mut refused, mut told) = (0, 0);
    for round in 0..60 {
        let name = names[round % names.len()];
        let bytes = committed.0.get_mut(&name).unwrap();
        let (at, bit) = (prng.below(bytes.len()), 1 << prng.below(8));
        bytes[at] ^= bit;
        std::fs::write(place.join(name.to_string()), &*bytes).unwrap();
        let (good, said) = match second_reader(&place) {
            Ok(read) => read,
            Err(why) => return println!("{why}"),
        };
        let own = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| read(&committed)));
        match own {
            Ok(own) => assert_eq!((good, said), (true, own), "byte {at} of {name}"),
            Err(_) => assert!(!good, "byte {at} of {name}: {said}"),
        }
        if good {
            told += 1
        } else {
            refused += 1
        }
        let bytes = committed.0.get_mut(&name).unwrap();
        bytes[at] ^= bit;
        std::fs::write(place.join(name.to_string()), &*bytes).unwrap();
    }
    std::fs::remove_dir_all(&place).unwrap();
    println!("{refused} refused, {told} read alike");
    assert!(refused >= 20, "{refused} of 60 were refused");
}

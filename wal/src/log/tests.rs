//! Lives of a log on the twin disk: appended, crashed, replayed, resumed.

use super::*;
use crate::disk::Files;
use crate::error::OpenError;
use crate::record::Statement;
use crate::replay::{Replayed, Resume, Seek, Tail, replay};
use crate::twin::{CRASHES, Crash, Disk, Prng};

const DATABASE: u128 = 0xD0;
const SHARD: u16 = 3;

fn options(segment_blocks: u32, group_bytes_max: u32) -> Options {
    Options { segment_blocks, group_bytes_max, record_bytes_max: 20_000 }
}

fn record(sequence: u64, payload_bytes: usize) -> Record {
    let statement = Statement { feeder: 1, sequence, parts: 1 << SHARD };
    let payload = Prng(sequence).bytes(payload_bytes);
    Record { epoch: sequence / 5, statement, payload }
}

fn seek(from: Lsn, witness: Lsn) -> Seek {
    Seek { database: DATABASE, shard: SHARD, from, witness, sealed: 0 }
}

type Records = Vec<(Lsn, Record)>;

/// A database that is one log, over several lives.
struct Life {
    prng: Prng,
    options: Options,
    disk: Disk,
    log: Log,
    /// What the log holds, from its first record.
    records: Records,
    /// What it held when recovery cut it, and how much of that was kept.
    uncut: Records,
    kept: usize,
    /// A checkpoint covers everything up to here.
    from: Lsn,
    /// The highest position that was ever durable.
    durable: Lsn,
    sequence: u64,
}

impl Life {
    fn new(seed: u64, options: Options) -> Life {
        Life {
            prng: Prng(seed),
            disk: Disk::default(),
            log: Log::create(options.clone(), SHARD, DATABASE, seed, Tickets::of(9)),
            options,
            records: Vec::new(),
            uncut: Vec::new(),
            kept: 0,
            from: Lsn(0),
            durable: Lsn(0),
            sequence: 0,
        }
    }

    fn append(&mut self, payload_bytes: usize) {
        self.sequence += 1;
        let record = record(self.sequence, payload_bytes);
        let before = self.log.end();
        let end = self.log.append(&record);
        assert_eq!(end, before.after(record.encoded_bytes()));
        self.records.push((end, record));
    }

    /// Runs until everything is written or so many operations completed.
    fn run(&mut self, appends: usize, steps_max: usize) {
        let mut left = appends;
        let mut issued = Vec::new();
        let mut witnessed = false;
        while self.disk.steps < steps_max {
            if left > 0 && self.prng.below(3) > 0 {
                left -= 1;
                let size = [0, 10, 500, 3000, 9000][self.prng.below(5)];
                self.append(size);
            }
            if self.prng.below(2) == 0 || left == 0 {
                self.log.pump(&mut issued);
            }
            self.disk.take(&mut issued);
            if let Some((ticket, result)) = self.disk.step(&mut self.prng) {
                self.log.completed(ticket, result, &mut issued);
                assert!(issued.len() <= 2, "one group is in flight");
                self.disk.take(&mut issued);
            } else if left == 0 && self.log.durable() == self.log.end() && self.log.is_open() {
                if witnessed {
                    break;
                }
                self.log.witness();
                witnessed = true;
            }
            assert!(self.log.durable() >= self.durable || !self.log.is_open());
            self.durable = self.durable.max(self.log.durable());
        }
    }

    fn calm(&mut self, appends: usize) {
        self.run(appends, usize::MAX);
        assert!(self.disk.is_idle());
    }

    /// Everything up to some durable record is in a checkpoint; older segments go.
    fn checkpoint(&mut self) {
        let durable: Vec<Lsn> = self
            .records
            .iter()
            .map(|(end, _)| *end)
            .filter(|end| *end > self.from && *end <= self.log.durable())
            .collect();
        if durable.is_empty() || !self.log.is_open() {
            return;
        }
        self.from = durable[self.prng.below(durable.len())];
        for file in self.log.retire(self.from) {
            self.disk.remove(file);
        }
    }

    fn behind(&self, records: &Records) -> Records {
        records.iter().filter(|(end, _)| *end > self.from).cloned().collect()
    }

    /// What a start after a power loss finds must be what was durable, and nothing unheard of.
    fn crash(&mut self, crash: Crash) -> Replayed {
        self.disk = self.disk.crash(crash, &mut self.prng);
        let replayed = replay(&self.disk, &seek(self.from, self.durable)).unwrap();
        let mut expected = self.behind(&self.records);
        // Until the log is open, what recovery cut off is still there.
        if !self.log.is_open() && !expected.starts_with(&replayed.records) {
            expected = self.behind(&self.uncut);
        }
        assert!(expected.starts_with(&replayed.records), "a prefix, each record once, in order");
        if self.log.is_open() {
            let durable = self.behind(&self.records);
            let durable = durable.iter().filter(|(end, _)| *end <= self.log.durable()).count();
            assert!(replayed.records.len() >= durable, "what was durable is there");
        } else {
            assert!(replayed.records.len() >= self.kept, "what was kept is there");
        }
        replayed
    }

    fn resume(&mut self, mut replayed: Replayed, keep: usize) {
        let before: Records =
            self.records.iter().filter(|(end, _)| *end <= self.from).cloned().collect();
        self.uncut = before.clone();
        self.uncut.extend(replayed.records.iter().cloned());
        replayed.keep(keep);
        self.kept = keep;
        self.records = before;
        self.records.extend(replayed.records.iter().cloned());
        let seed = self.prng.next();
        self.log = Log::resume(self.options.clone(), replayed.resume(), seed, Tickets::of(9));
    }
}

#[test]
fn a_log_misses_a_manifest_that_it_knows_of() {
    let mut life = Life::new(1, options(5, 5000));
    life.log.sealed(7);
    life.calm(3);
    // Nothing but the manifest is new, and a group says so.
    let (steps, end) = (life.disk.steps, life.log.end());
    life.log.sealed(9);
    life.log.sealed(9);
    life.calm(0);
    assert!(life.disk.steps > steps && life.log.end() == end);
    for (newest, missing) in [(0, true), (8, true), (9, false), (10, false)] {
        let read = replay(&life.disk, &Seek { sealed: newest, ..seek(Lsn(0), Lsn(0)) });
        let file = FileName::Manifest { epoch: 9 };
        assert_eq!(read.err(), missing.then_some(OpenError::Missing { file }));
    }
}

#[test]
fn what_was_durable_survives_a_crash_after_any_operation() {
    for segment_blocks in [2, 5] {
        for seed in 0..3 {
            let mut calm = Life::new(seed, options(segment_blocks, 5000));
            calm.calm(12);
            let steps = calm.disk.steps;
            assert!(steps > 20);
            for step in 0..=steps {
                for crash in CRASHES {
                    let mut life = Life::new(seed, options(segment_blocks, 5000));
                    life.run(12, step);
                    let replayed = life.crash(crash);
                    let keep = replayed.records.len();
                    life.resume(replayed, keep);
                    life.calm(3);
                    let replayed = life.crash(Crash::DropAll);
                    assert_eq!(replayed.tail, Tail::Clean);
                    assert_eq!(replayed.records, life.records);
                }
            }
        }
    }
}

#[test]
fn many_lives_with_cuts_and_retired_segments_lose_and_revive_nothing() {
    for seed in 0..400 {
        let mut prng = Prng(seed ^ 0xABCD);
        let blocks = 2 + u32::try_from(prng.below(6)).unwrap();
        let group_bytes_max = [1, 600, 10_000][prng.below(3)];
        let mut life = Life::new(seed, options(blocks, group_bytes_max));
        for _ in 0..6 {
            let (appends, steps) = (prng.below(10), prng.below(40));
            life.run(appends, steps);
            if prng.below(2) == 0 {
                life.checkpoint();
                let steps = life.disk.steps + prng.below(10);
                life.run(2, steps);
            }
            let replayed = life.crash(CRASHES[prng.below(4)]);
            let found = replayed.records.len();
            // Before the log is open again, other shards have not moved: the cut is the same.
            let keep = if life.log.is_open() && prng.below(3) == 0 {
                prng.below(found + 1)
            } else if life.log.is_open() {
                found
            } else {
                found.min(life.kept)
            };
            life.resume(replayed, keep);
        }
        life.calm(4);
        let replayed = life.crash(Crash::DropAll);
        assert_eq!(replayed.records, life.behind(&life.records));
    }
}

#[test]
fn records_gather_while_a_group_is_in_flight() {
    let mut life = Life::new(1, options(64, 10_000));
    life.calm(0);
    let mut issued = Vec::new();
    life.append(10);
    life.log.pump(&mut issued);
    assert!(matches!(issued[..], [Issued { op: DiskOp::Write { .. }, .. }]));
    life.append(10);
    life.append(10);
    life.log.pump(&mut issued);
    assert_eq!(issued.len(), 1, "one group is in flight");
    assert_eq!(life.log.durable(), Lsn(0));
    let write = issued.remove(0);
    life.log.completed(write.ticket, Ok(()), &mut issued);
    assert!(matches!(issued[..], [Issued { op: DiskOp::Sync { .. }, .. }]));
    assert_eq!(life.log.durable(), Lsn(0), "a write is not durable before its sync");
    let sync = issued.remove(0);
    life.log.completed(sync.ticket, Ok(()), &mut issued);
    assert_eq!(life.log.durable(), life.records[0].0);
    assert!(matches!(issued[..], [Issued { op: DiskOp::Write { .. }, .. }]));
    assert_eq!(life.log.pending_bytes(), 0, "both that waited are in the next group");
}

#[test]
fn a_failed_operation_poisons_the_log_and_is_not_tried_again() {
    let mut calm = Life::new(7, options(3, 4000));
    calm.calm(8);
    for fail_at in 1..=calm.disk.steps {
        let mut life = Life::new(7, options(3, 4000));
        life.disk.fail_at = Some(fail_at);
        life.run(8, fail_at);
        assert!(life.log.poisoned().is_some());
        let durable = life.log.durable();
        let mut issued = Vec::new();
        life.append(10);
        life.log.witness();
        life.log.pump(&mut issued);
        life.disk.take(&mut issued);
        while let Some((ticket, result)) = life.disk.step(&mut life.prng) {
            life.log.completed(ticket, result, &mut issued);
        }
        life.log.pump(&mut issued);
        assert!(issued.is_empty(), "nothing is issued after operation {fail_at} failed");
        assert_eq!(life.log.durable(), durable);
        life.crash(Crash::DropAll);
    }
}

/// A log of three segments whose last record has no witness.
fn small_log() -> Life {
    let mut life = Life::new(5, options(3, 100));
    life.calm(0);
    let mut issued = Vec::new();
    for size in [100, 200, 300, 400] {
        life.append(size);
        life.log.pump(&mut issued);
        life.disk.take(&mut issued);
        while let Some((ticket, result)) = life.disk.step(&mut life.prng) {
            life.log.completed(ticket, result, &mut issued);
            life.disk.take(&mut issued);
        }
    }
    assert_eq!(life.log.durable(), life.log.end());
    assert_eq!(life.disk.list().len(), 3);
    life
}

/// Flips each bit of each file; the results that are not errors naming the file.
fn rot(disk: &Disk, seek: &Seek) -> Vec<(FileName, usize, Replayed)> {
    let mut survived = Vec::new();
    let mut disk = disk.clone();
    let mut flipped = 0;
    for file in disk.list() {
        let bytes = usize::try_from(disk.size(&file).unwrap()).unwrap();
        flipped += bytes * 8;
        for bit in 0..bytes * 8 {
            disk.flip(file, bit);
            match replay(&disk, seek) {
                Ok(replayed) => survived.push((file, bit, replayed)),
                Err(OpenError::Corrupt { file: named, offset, .. }) => {
                    assert!(offset <= u64::try_from(bit / 8).unwrap(), "{named} {offset} {bit}");
                    // A group that goes missing at the end of a segment is missed by the next.
                    assert!(named == file, "bit {bit} of {file} is named as {named}");
                }
                Err(other) => panic!("bit {bit} of {file}: {other}"),
            }
            disk.flip(file, bit);
        }
    }
    println!("{flipped} bits were flipped, {} unnoticed", survived.len());
    assert!(flipped >= 7 * 4096 * 8, "{flipped} bits are no log of three segments");
    survived
}

#[test]
fn every_flipped_bit_of_a_log_with_a_witness_is_an_error_that_names_the_place() {
    let life = small_log();
    let survived = rot(&life.disk, &seek(Lsn(0), life.log.durable()));
    assert!(survived.is_empty(), "{:?}", survived.first());
}

#[test]
fn without_a_witness_only_rot_of_the_last_group_looks_torn() {
    let life = small_log();
    let newest = life.disk.list().into_iter().max().unwrap();
    let last = life.disk.bytes(newest).len() - 4096;
    let survived = rot(&life.disk, &seek(Lsn(0), Lsn(0)));
    assert_eq!(survived.len(), 4096 * 8);
    for (file, bit, replayed) in survived {
        assert!(file == newest && bit / 8 >= last);
        assert_eq!(replayed.records, life.records[..3]);
        assert!(matches!(replayed.tail, Tail::Torn { offset, .. } if offset as usize == last));
    }
}

#[test]
fn an_empty_group_at_the_end_is_witness_enough() {
    let mut life = small_log();
    life.calm(0);
    let survived = rot(&life.disk, &seek(Lsn(0), Lsn(0)));
    assert!(!survived.is_empty(), "the empty group itself has no witness");
    for (_, _, replayed) in survived {
        assert_eq!(replayed.records, life.records, "and nothing is lost with it");
    }
}

#[test]
fn room_behind_the_last_group_ends_the_log_and_its_rot_loses_nothing() {
    let life = small_log();
    let mut disk = life.disk.clone();
    let newest = disk.list().into_iter().max().unwrap();
    let mut bytes = disk.bytes(newest);
    let end = bytes.len();
    bytes.resize(end + 4096, 0);
    disk.put(newest, bytes);
    let seek = seek(Lsn(0), life.log.durable());
    assert_eq!(replay(&disk, &seek).unwrap().tail, Tail::Clean);
    let survived = rot(&disk, &seek);
    assert_eq!(survived.len(), 4096 * 8);
    for (file, bit, replayed) in survived {
        assert!(file == newest && bit / 8 >= end, "bit {bit} of {file}");
        assert_eq!(replayed.records, life.records);
        assert!(matches!(replayed.tail, Tail::Torn { offset, .. } if offset as usize == end));
    }
}

#[test]
fn a_file_that_is_missing_or_cut_is_noticed() {
    let life = small_log();
    let seek = seek(Lsn(0), life.log.durable());
    for file in life.disk.list() {
        let mut disk = life.disk.clone();
        disk.remove(file);
        assert!(replay(&disk, &seek).is_err(), "without {file}");
        for bytes in (0..life.disk.bytes(file).len()).step_by(512) {
            let mut disk = life.disk.clone();
            disk.cut(file, bytes);
            let error = replay(&disk, &seek).unwrap_err();
            assert!(matches!(error, OpenError::Corrupt { .. }), "{file} cut to {bytes}: {error}");
        }
    }
}

#[test]
fn a_log_can_be_read_from_behind_any_record_and_from_nowhere_else() {
    let life = small_log();
    for from in 0..=life.log.end().0 + 1 {
        let from = Lsn(from);
        let at = life.records.iter().position(|(end, _)| *end == from).map(|at| at + 1);
        let at = if from == Lsn(0) { Some(0) } else { at };
        match replay(&life.disk, &seek(from, from)) {
            Ok(replayed) => assert_eq!(replayed.records, life.records[at.unwrap()..]),
            Err(error) => assert!(at.is_none(), "{from}: {error}"),
        }
    }
}

#[test]
fn a_log_of_another_database_is_foreign() {
    let life = small_log();
    let seek = Seek { database: 1, ..seek(Lsn(0), Lsn(0)) };
    let error = replay(&life.disk, &seek).unwrap_err();
    assert!(matches!(error, OpenError::Foreign { found: DATABASE, expected: 1, .. }));
}

#[test]
fn rot_does_not_revive_what_recovery_cut_off() {
    let mut life = small_log();
    let replayed = life.crash(Crash::KeepAll);
    life.resume(replayed, 2);
    life.calm(0);
    for (file, bit, replayed) in rot(&life.disk, &seek(Lsn(0), Lsn(0))) {
        assert_eq!(replayed.records, life.records, "bit {bit} of {file}");
    }
}

#[test]
fn a_log_that_begins_anew_has_nothing_of_the_one_before() {
    for crash in CRASHES {
        let mut life = small_log();
        let before = life.disk.list();
        for _ in 0..2 {
            life.disk = life.disk.crash(crash, &mut life.prng);
            let resume = Resume::anew(&life.disk, DATABASE, SHARD);
            life.log = Log::resume(life.options.clone(), resume, life.prng.next(), Tickets::of(9));
            (life.records, life.durable) = (Vec::new(), Lsn(0));
            life.calm(7);
            let replayed = life.crash(Crash::DropAll);
            assert_eq!(replayed.records, life.records, "from lsn 0 on");
        }
        let gone = life.log.retire(Lsn(0));
        assert!(before.iter().all(|file| gone.contains(file)), "{gone:?} of {before:?}");
    }
}

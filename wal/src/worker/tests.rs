//! Logs, manifests and checkpoints on real files.

use std::fs;
use std::path::Path;
use std::sync::mpsc::{Receiver, channel};

use super::*;
use crate::checkpoint::{self, CheckpointId, Entry, Writer};
use crate::directory::temp::Temp;
use crate::twin::Prng;
use crate::{
    FileName, Files, Log, Lsn, Manifest, Options, Publisher, Record, Replayed, Seek, ShardPart,
    Statement, Tail, Tickets, manifest, replay,
};

fn disk_options(threads: usize, files_max: usize) -> DiskOptions {
    DiskOptions { threads, files_max, room_bytes: 16_384, ..DiskOptions::default() }
}

fn many() -> DiskOptions {
    disk_options(4, 8)
}

/// The ways to sync that this process may have.
fn paths() -> impl Iterator<Item = SyncPath> {
    let may = |path: &SyncPath| probe::ring(*path, &[]).is_none_or(|ring| ring.is_ok());
    SyncPath::ALL.into_iter().filter(may)
}

/// The same options for each of them.
fn each_path(options: &DiskOptions) -> Vec<DiskOptions> {
    paths().map(|path| DiskOptions { sync_path: Some(path), ..options.clone() }).collect()
}

/// A way to the disk whose owner sleeps until there is something to take.
struct Owner {
    disk: Disk,
    woken: Receiver<()>,
}

impl Owner {
    fn new(disks: &mut Disks) -> Owner {
        let (wake, woken) = channel();
        // An owner that is gone is woken in vain.
        let disk = disks.disk(Box::new(move || wake.send(()).unwrap_or_default()));
        Owner { disk, woken }
    }

    fn take(&mut self) -> Vec<Completion> {
        let mut completions = Vec::new();
        while completions.is_empty() {
            self.woken.recv().unwrap();
            self.disk.completions(&mut completions);
        }
        completions
    }

    /// Carries one operation out.
    fn run(&mut self, op: DiskOp) -> Result<(), Failure> {
        let ticket = Ticket(77);
        self.disk.submit(Issued { ticket, op });
        let (completed, result) = self.take().remove(0);
        assert_eq!(completed, ticket);
        result
    }

    /// Carries out what was issued and what that leads to.
    fn settle(
        &mut self,
        mut issued: Vec<Issued>,
        mut completed: impl FnMut(Completion, &mut Vec<Issued>),
    ) {
        loop {
            issued.drain(..).for_each(|issued| self.disk.submit(issued));
            if self.disk.in_flight() == 0 {
                return;
            }
            for completion in self.take() {
                completed(completion, &mut issued);
            }
        }
    }
}

fn start(path: &Path, options: &DiskOptions) -> (Disks, u128) {
    let directory = Directory::open(path).unwrap();
    let database = directory.database();
    (Disks::start(directory, options).unwrap(), database)
}

fn file(number: u64) -> FileName {
    FileName::Segment { shard: 0, number }
}

fn write(number: u64, byte: u8) -> DiskOp {
    DiskOp::Write { file: file(number), offset: 0, bytes: vec![byte; 4096] }
}

fn record(shard: u16, sequence: u64, payload_bytes: usize) -> Record {
    let statement = Statement { feeder: 0, sequence, parts: 1 << shard };
    Record { epoch: 1, statement, payload: Prng(sequence).bytes(payload_bytes) }
}

fn log_options() -> Options {
    Options { segment_blocks: 4, group_bytes_max: 6000, record_bytes_max: 20_000 }
}

fn seek(database: u128, shard: u16) -> Seek {
    Seek { database, shard, from: Lsn(0), witness: Lsn(0), sealed: 0 }
}

fn read_back(path: &Path, shard: u16) -> Replayed {
    let directory = Directory::open(path).unwrap();
    replay(&directory, &seek(directory.database(), shard)).unwrap()
}

/// Appends `count` records of a shard, with their numbers from `first`, and waits until they are
/// durable and nothing is left to do.
fn append(owner: &mut Owner, log: &mut Log, shard: u16, first: u64, count: u64) {
    let mut issued = Vec::new();
    for sequence in first..first + count {
        log.append(&record(shard, sequence, 10 + sequence as usize * 700 % 9000));
        log.pump(&mut issued);
    }
    owner.settle(issued, |(ticket, result), issued| log.completed(ticket, result, issued));
    assert_eq!((log.durable(), log.poisoned()), (log.end(), None));
}

fn expect_records(replayed: &Replayed, shard: u16, count: u64) {
    let found: Vec<Record> = replayed.records.iter().map(|(_, record)| record.clone()).collect();
    let expected = (0..count).map(|at| record(shard, at, 10 + at as usize * 700 % 9000));
    assert!(found == expected.collect::<Vec<_>>(), "{} records were found", found.len());
}

#[test]
fn logs_of_several_shards_come_back_over_several_lives() {
    for options in [disk_options(1, 1), many()].iter().flat_map(each_path) {
        let temp = Temp::new();
        for life in 0..3 {
            let directory = Directory::open(&temp).unwrap();
            let database = directory.database();
            let logs = (0..4_u16).map(|shard| {
                let replayed = replay(&directory, &seek(database, shard)).unwrap();
                expect_records(&replayed, shard, life * 20);
                let tickets = Tickets::of(shard);
                (shard, Log::resume(log_options(), replayed.resume(), 1 + life, tickets))
            });
            let logs: Vec<(u16, Log)> = logs.collect();
            let mut disks = Disks::start(directory, &options).unwrap();
            let shards = logs.into_iter().map(|(shard, mut log)| {
                let mut owner = Owner::new(&mut disks);
                Builder::new().spawn(move || append(&mut owner, &mut log, shard, life * 20, 20))
            });
            let shards: Vec<_> = shards.map(Result::unwrap).collect();
            shards.into_iter().for_each(|shard| shard.join().unwrap());
        }
        (0..4).for_each(|shard| expect_records(&read_back(&temp, shard), shard, 60));
    }
}

#[test]
fn a_tail_that_was_cut_in_a_block_is_torn_and_the_log_goes_on() {
    for options in each_path(&disk_options(1, 1)) {
        cut_in_a_block(&options);
    }
}

fn cut_in_a_block(options: &DiskOptions) {
    let temp = Temp::new();
    let (mut disks, database) = start(&temp, options);
    let mut log = Log::create(log_options(), 0, database, 1, Tickets::of(0));
    let mut owner = Owner::new(&mut disks);
    append(&mut owner, &mut log, 0, 0, 1);
    append(&mut owner, &mut log, 0, 1, 1);
    drop(disks);
    let newest = temp.join(file(1).to_string());
    let bytes = fs::read(&newest).unwrap();
    // Behind the last group is room.
    let end = bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1;
    assert!(bytes.len().is_multiple_of(16_384) && bytes.len() >= end, "{}", bytes.len());
    let cut = fs::OpenOptions::new().write(true).open(&newest).unwrap();
    cut.set_len(end as u64 - 10).unwrap();
    drop(cut);
    let replayed = read_back(&temp, 0);
    assert!(matches!(&replayed.tail, Tail::Torn { file, .. } if *file == self::file(1)));
    expect_records(&replayed, 0, 1);
    let mut log = Log::resume(log_options(), replayed.resume(), 2, Tickets::of(0));
    let (mut disks, _) = start(&temp, options);
    append(&mut Owner::new(&mut disks), &mut log, 0, 1, 5);
    drop(disks);
    expect_records(&read_back(&temp, 0), 0, 6);
}

#[test]
fn a_checkpoint_and_its_manifest_are_found_again() {
    let temp = Temp::new();
    let (mut disks, database) = start(&temp, &many());
    let mut owner = Owner::new(&mut disks);
    let id = CheckpointId { database, shard: 0, epoch: 5, base: None };
    let mut writer = Writer::new(id, b"front", 3, Tickets::of(1));
    let block = Prng(3).bytes(4096);
    let mut issued = Vec::new();
    for _ in 0..100 {
        writer.pump(&mut issued);
        let entry = Entry { head: Default::default(), block: &block };
        while !writer.wants() {
            issued.drain(..).for_each(|issued| owner.disk.submit(issued));
            for (ticket, result) in owner.take() {
                writer.completed(ticket, result, &mut issued);
            }
        }
        writer.entry(entry);
    }
    writer.finish();
    writer.pump(&mut issued);
    owner.settle(issued, |(ticket, result), issued| writer.completed(ticket, result, issued));
    let reference = writer.done().unwrap();
    for epoch in [5, 6] {
        let part = ShardPart { files: vec![reference], ..ShardPart::default() };
        let manifest = Manifest { database, epoch, shards: vec![part], ..Manifest::default() };
        let mut publisher = Publisher::new(&manifest, Tickets::of(2));
        let mut issued = Vec::new();
        publisher.pump(&mut issued);
        owner.settle(issued, |(ticket, result), issued| {
            publisher.completed(ticket, result, issued);
        });
        assert!(publisher.sealed());
    }
    owner.run(DiskOp::Remove { file: FileName::Manifest { epoch: 5 } }).unwrap();
    let gone = owner.run(DiskOp::Remove { file: FileName::Manifest { epoch: 5 } });
    assert_eq!(gone.unwrap_err().errno, Some(2));
    drop(disks);
    let directory = Directory::open(&temp).unwrap();
    let newest = manifest::newest(&directory).unwrap().unwrap();
    assert_eq!((newest.epoch, newest.shards[0].files[0]), (6, reference));
    let read = checkpoint::read(&directory, database, &reference, |_| ()).unwrap();
    assert_eq!((read.front.as_slice(), read.entry_count), (&b"front"[..], 100));
    let expected = [id.file(), FileName::Manifest { epoch: 6 }, FileName::Identity];
    assert_eq!(directory.list(), expected);
}

#[test]
fn after_a_failed_sync_nothing_is_done_for_anybody() {
    let temp = Temp::new();
    let (before, after) = (temp.join("before"), temp.join("after"));
    let (mut disks, _) = start(&before, &many());
    let (mut one, mut other) = (Owner::new(&mut disks), Owner::new(&mut disks));
    one.run(DiskOp::Create { file: file(1) }).unwrap();
    // What the path leads to cannot be made durable through what is held.
    fs::rename(&before, &after).unwrap();
    fs::create_dir(&before).unwrap();
    let failure = one.run(DiskOp::SyncDirectory).unwrap_err();
    let expected = "syncing the directory: the directory was moved while it was open";
    assert_eq!((failure.errno, failure.said.as_str()), (None, expected));
    fs::remove_dir(&before).unwrap();
    fs::rename(&after, &before).unwrap();
    let (from, to) = (file(1), file(2));
    let ops = [
        DiskOp::SyncDirectory,
        write(1, 7),
        DiskOp::Sync { file: from },
        DiskOp::Create { file: to },
        DiskOp::Rename { from, to },
        DiskOp::Remove { file: from },
    ];
    for op in ops {
        assert_eq!(other.run(op), Err(failure.clone()));
    }
    drop(disks);
    let directory = Directory::open(&before).unwrap();
    assert_eq!((directory.size(&file(1)), directory.size(&file(2))), (Some(0), None));
}

#[test]
fn a_full_disk_stops_the_log_and_what_was_durable_comes_back() {
    each_path(&many()).iter().for_each(fill_the_disk);
}

fn fill_the_disk(options: &DiskOptions) {
    let temp = match Temp::mount("size=1m") {
        Ok(temp) => temp,
        Err(why) => return println!("skipped: {why}"),
    };
    let (mut disks, database) = start(&temp, options);
    let (mut owner, mut other) = (Owner::new(&mut disks), Owner::new(&mut disks));
    let mut log = Log::create(log_options(), 0, database, 1, Tickets::of(0));
    let mut issued = Vec::new();
    for sequence in 0.. {
        if log.poisoned().is_some() {
            break;
        }
        log.append(&record(0, sequence, 9000));
        log.pump(&mut issued);
        let issued = std::mem::take(&mut issued);
        owner.settle(issued, |(ticket, result), issued| log.completed(ticket, result, issued));
    }
    let failure = log.poisoned().unwrap();
    assert_eq!(failure.errno, Some(28), "{failure}");
    assert!(failure.said.ends_with(": No space left on device"), "{failure}");
    if failure.said.starts_with("writing a group") {
        // It may have been the sync: nobody is told that anything is durable after it.
        assert_eq!(other.run(DiskOp::SyncDirectory), Err(failure.clone()));
        let last = file(log.spans().last().unwrap().number);
        assert_eq!(owner.run(DiskOp::Sync { file: last }), Err(failure.clone()));
    }
    drop(disks);
    // A directory without room is not opened.
    let roomy = Temp::new();
    for entry in fs::read_dir(&*temp).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), roomy.join(entry.file_name())).unwrap();
    }
    let replayed = read_back(&roomy, 0);
    let durable = replayed.records.iter().filter(|(end, _)| *end <= log.durable()).count();
    assert_eq!(replayed.records[durable - 1].0, log.durable());
    assert!(durable > 50, "{durable} records went into a megabyte");
}

#[test]
fn what_was_submitted_is_carried_out_before_the_threads_end() {
    let temp = Temp::new();
    let (mut disks, _) = start(&temp, &many());
    let mut owner = Owner::new(&mut disks);
    owner.run(DiskOp::Create { file: file(1) }).unwrap();
    for block in 0..200_u64 {
        let bytes = vec![block as u8; 4096];
        let op = DiskOp::Write { file: file(1), offset: block * 4096, bytes };
        owner.disk.submit(Issued { ticket: Ticket(block), op });
    }
    drop(owner);
    drop(disks);
    let found = fs::read(temp.join(file(1).to_string())).unwrap();
    let expected: Vec<u8> = (0..200_u8).flat_map(|block| [block; 4096]).collect();
    assert!(found == expected, "{} bytes were written", found.len());
}

/// The segments of shard 0 in a directory, with their bytes.
fn segments(path: &Path) -> Vec<(FileName, Vec<u8>)> {
    let numbers = (1..).map(file);
    let found = numbers.map_while(|file| Some((file, fs::read(path.join(file.to_string())).ok()?)));
    found.collect()
}

#[test]
fn every_path_writes_the_same_bytes() {
    let mut all = Vec::new();
    for options in each_path(&many()) {
        let temp = Temp::new();
        let (mut disks, _) = start(&temp, &options);
        assert_eq!(Some(disks.sync_path()), options.sync_path);
        let mut log = Log::create(log_options(), 0, 7, 1, Tickets::of(0));
        let mut owner = Owner::new(&mut disks);
        append(&mut owner, &mut log, 0, 0, 30);
        log.witness();
        let mut issued = Vec::new();
        log.pump(&mut issued);
        owner.settle(issued, |(ticket, result), issued| log.completed(ticket, result, issued));
        drop(disks);
        all.push(segments(&temp));
    }
    assert!(all[0].len() > 5, "{} segments", all[0].len());
    assert!(all.iter().all(|segments| *segments == all[0]));
}

#[test]
fn what_one_path_wrote_another_goes_on_with() {
    let temp = Temp::new();
    for life in 0..6_u64 {
        let all: Vec<SyncPath> = paths().collect();
        let path = Some(all[life as usize % all.len()]);
        let replayed = read_back(&temp, 0);
        expect_records(&replayed, 0, life * 5);
        assert_eq!(replayed.tail, Tail::Clean);
        let mut log = Log::resume(log_options(), replayed.resume(), 1 + life, Tickets::of(0));
        let (mut disks, _) = start(&temp, &DiskOptions { sync_path: path, ..many() });
        append(&mut Owner::new(&mut disks), &mut log, 0, life * 5, 5);
    }
}

fn group(number: u64, block: u64, byte: u8) -> DiskOp {
    DiskOp::Write { file: file(number), offset: block * 4096, bytes: vec![byte; 4096] }
}

#[test]
fn groups_that_were_submitted_are_carried_out_before_the_end() {
    for options in each_path(&many()) {
        let temp = Temp::new();
        let (mut disks, _) = start(&temp, &options);
        let mut owner = Owner::new(&mut disks);
        owner.run(DiskOp::Create { file: file(1) }).unwrap();
        for block in 1..=40 {
            let op = group(1, block, block as u8);
            owner.disk.submit(Issued { ticket: Ticket(block), op });
        }
        drop(disks);
        let mut completions = Vec::new();
        owner.disk.completions(&mut completions);
        assert_eq!((completions.len(), owner.disk.in_flight()), (40, 0));
        assert!(completions.iter().all(|(_, result)| result.is_ok()), "{completions:?}");
        let found = fs::read(temp.join(file(1).to_string())).unwrap();
        let expected: Vec<u8> = (0..=40_u8).flat_map(|block| [block; 4096]).collect();
        assert!(found.starts_with(&expected) && found[expected.len()..].iter().all(|b| *b == 0));
        for op in [group(1, 41, 9), DiskOp::Sync { file: file(1) }] {
            let ended = owner.run(op).unwrap_err();
            assert_eq!(ended.said, "the database is closed; open it again");
        }
    }
}

#[test]
fn a_sync_behind_groups_alone_is_over_at_once_and_behind_anything_else_is_not() {
    for options in each_path(&many()) {
        let temp = Temp::new();
        let (mut disks, _) = start(&temp, &options);
        let mut owner = Owner::new(&mut disks);
        let mut over_at_once = |op| {
            let sync = Issued { ticket: Ticket(1), op: DiskOp::Sync { file: file(1) } };
            owner.run(op).unwrap();
            owner.disk.submit(sync);
            let over = owner.disk.done.len() == 1;
            assert_eq!(owner.take(), [(Ticket(1), Ok(()))]);
            over
        };
        assert!(!over_at_once(DiskOp::Create { file: file(1) }));
        assert!(!over_at_once(write(1, 1)));
        assert!(over_at_once(group(1, 1, 2)));
        assert!(over_at_once(group(1, 2, 2)));
        assert!(!over_at_once(write(1, 3)));
        assert!(over_at_once(group(1, 3, 2)));
    }
}

#[test]
fn a_segment_that_is_not_there_fails_its_group_and_nothing_else() {
    for options in each_path(&many()) {
        let temp = Temp::new();
        let (mut disks, _) = start(&temp, &options);
        let mut owner = Owner::new(&mut disks);
        let failure = owner.run(group(1, 1, 1)).unwrap_err();
        assert_eq!(failure.errno, Some(2), "{failure}");
        assert!(failure.said.starts_with("opening shard-00000-"), "{failure}");
        owner.run(DiskOp::Create { file: file(1) }).unwrap();
        owner.run(group(1, 1, 1)).unwrap();
    }
}

#[test]
fn what_comes_after_the_end_fails() {
    let temp = Temp::new();
    let (mut disks, _) = start(&temp, &many());
    let mut owner = Owner::new(&mut disks);
    owner.run(DiskOp::Create { file: file(1) }).unwrap();
    drop(disks);
    // The end wakes everybody, once.
    assert_eq!(owner.woken.try_iter().count(), 1);
    owner.disk.submit(Issued { ticket: Ticket(9), op: write(1, 7) });
    let mut completions = Vec::new();
    owner.disk.completions(&mut completions);
    assert_eq!((completions.len(), owner.disk.in_flight()), (1, 0));
    let (ticket, result) = completions.remove(0);
    assert_eq!(
        (ticket, result.unwrap_err().said.as_str()),
        (Ticket(9), "the database is closed; open it again")
    );
}

#[test]
fn few_files_stay_open_but_all_that_wait_for_a_sync() {
    let temp = Temp::new();
    let (mut disks, _) = start(&temp, &disk_options(1, 3));
    let mut owner = Owner::new(&mut disks);
    // The directory and its lock.
    let others = temp.descriptors();
    assert_eq!(others, 2);
    for number in 1..=10 {
        owner.run(DiskOp::Create { file: file(number) }).unwrap();
        owner.run(write(number, 1)).unwrap();
    }
    assert_eq!(temp.descriptors() - others, 10);
    for number in 1..=10 {
        owner.run(DiskOp::Sync { file: file(number) }).unwrap();
    }
    // The last one closes what is open with the next operation, as it was in use itself.
    owner.run(DiskOp::Sync { file: file(10) }).unwrap();
    assert_eq!(temp.descriptors() - others, 3);
    drop(disks);
    assert_eq!(temp.descriptors(), 0);
}

#[test]
fn names_lead_to_the_files_that_have_them_at_the_time() {
    let temp = Temp::new();
    let (mut disks, _) = start(&temp, &many());
    let mut owner = Owner::new(&mut disks);
    let others = temp.descriptors();
    for number in 1..=4 {
        owner.run(DiskOp::Create { file: file(number) }).unwrap();
        owner.run(write(number, 1)).unwrap();
    }
    owner.run(DiskOp::Rename { from: file(1), to: file(2) }).unwrap();
    owner.run(DiskOp::Write { file: file(2), offset: 4096, bytes: vec![2; 4096] }).unwrap();
    owner.run(DiskOp::Create { file: file(3) }).unwrap();
    owner.run(DiskOp::Remove { file: file(4) }).unwrap();
    assert_eq!(owner.run(write(1, 9)).unwrap_err().errno, Some(2));
    assert_eq!(owner.run(write(4, 9)).unwrap_err().errno, Some(2));
    // Groups are written through a descriptor of their own.
    assert_eq!(temp.descriptors() - others, 3);
    let renamed = fs::read(temp.join(file(2).to_string())).unwrap();
    assert!(renamed[..8192] == [[1; 4096], [2; 4096]].concat());
    assert!(renamed[8192..].iter().all(|byte| *byte == 0), "room alone is behind the group");
    assert_eq!(fs::read(temp.join(file(3).to_string())).unwrap(), b"");
    drop(disks);
}

/// Runs itself in a process of its own, in which nobody else opens files or starts threads.
#[test]
fn a_thousand_openings_leave_nothing_behind() {
    let name = "a_thousand_openings_leave_nothing_behind";
    if !std::env::args().any(|argument| argument == "--exact") {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args([&format!("worker::tests::{name}"), "--exact", "--nocapture"]);
        let output = child.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.contains("1 passed"), "{said}{why}");
        return;
    }
    let count = |what| fs::read_dir(format!("/proc/self/{what}")).unwrap().count();
    let temp = Temp::new();
    let before = count("task");
    let mut descriptors = None;
    for _ in 0..=1000 {
        let (mut disks, _) = start(&temp, &many());
        let mut owner = Owner::new(&mut disks);
        owner.run(DiskOp::Create { file: file(1) }).unwrap();
        drop(disks);
        drop(owner);
        let left = count("fd");
        assert_eq!(*descriptors.get_or_insert(left), left);
    }
    // The system lists a thread for a moment after it was joined; a leak would show a thousand.
    assert!(count("task") < before + 100, "{} threads are left", count("task"));
}

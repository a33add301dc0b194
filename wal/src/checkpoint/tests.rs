//! Writing with completions in any order, reading back, rot.

use super::*;
use crate::disk::Files;
use crate::error::OpenError;
use crate::twin::{Crash, Disk, Prng};

const ID: CheckpointId = CheckpointId { database: 0xD0, shard: 2, epoch: 7, base: Some(4) };

type Entries = Vec<([u8; ENTRY_HEAD_BYTES], Vec<u8>)>;

fn entries(count: usize, block_bytes: usize) -> Entries {
    let mut prng = Prng(9);
    (0..count).map(|n| ([n as u8; ENTRY_HEAD_BYTES], prng.bytes(block_bytes))).collect()
}

/// Writes a checkpoint; nothing if the disk failed.
fn write(disk: &mut Disk, front: &[u8], entries: &Entries, seed: u64) -> Option<FileRef> {
    let mut prng = Prng(seed);
    let in_flight_max = 1 + prng.below(3);
    let mut writer = Writer::new(ID, front, in_flight_max, Tickets::of(4));
    let mut issued = Vec::new();
    let mut left = entries.iter();
    let mut finished = false;
    loop {
        while !finished && writer.wants() {
            match left.next() {
                Some((head, block)) => writer.entry(Entry { head: *head, block }),
                None => {
                    writer.finish();
                    finished = true;
                }
            }
        }
        writer.pump(&mut issued);
        assert!(issued.len() <= in_flight_max.max(2));
        disk.take(&mut issued);
        let Some((ticket, result)) = disk.step(&mut prng) else { break };
        assert!(writer.done().is_none(), "not done while something is in flight");
        writer.completed(ticket, result, &mut issued);
        disk.take(&mut issued);
    }
    assert!(writer.done().is_some() != writer.poisoned().is_some());
    writer.done()
}

fn check(disk: &Disk, file: &FileRef, front: &[u8], entries: &Entries) {
    let mut found = Entries::new();
    let each = |entry: Entry<'_>| found.push((entry.head, entry.block.to_vec()));
    let read = read(disk, ID.database, file, each).unwrap();
    assert_eq!((read.id, &read.front[..]), (ID, front));
    assert_eq!(read.entry_count, wide(entries.len()));
    assert!(found == *entries);
}

#[test]
fn a_checkpoint_is_read_back_after_a_crash_once_it_is_done() {
    for (seed, (front_bytes, count, block_bytes)) in
        [(0, 0, 0), (5, 1, 0), (65_512, 0, 0), (65_513, 3, 1), (200_000, 50, 4096), (1, 2, 100_000)]
            .into_iter()
            .enumerate()
    {
        let mut disk = Disk::default();
        let (front, entries) = (Prng(1).bytes(front_bytes), entries(count, block_bytes));
        let file = write(&mut disk, &front, &entries, wide(seed)).unwrap();
        assert_eq!(file.hash, crate::hash::hash(&disk.bytes(file.name)));
        assert_eq!(Some(file.bytes), disk.size(&file.name));
        check(&disk.crash(Crash::DropAll, &mut Prng(0)), &file, &front, &entries);
    }
}

#[test]
fn what_an_abandoned_attempt_left_is_emptied() {
    let mut disk = Disk::default();
    let entries = entries(3, 100);
    disk.put(ID.file(), vec![0xFF; 1 << 20]);
    let file = write(&mut disk, b"front", &entries, 0).unwrap();
    check(&disk, &file, b"front", &entries);
}

#[test]
fn every_flipped_bit_is_an_error_that_names_the_place() {
    let mut disk = Disk::default();
    let file = write(&mut disk, b"front", &entries(3, 1500), 0).unwrap();
    for bit in 0..usize::try_from(file.bytes).unwrap() * 8 {
        disk.flip(file.name, bit);
        match read(&disk, ID.database, &file, |_| ()).unwrap_err() {
            OpenError::Corrupt { file: named, offset, .. } => {
                assert_eq!(named, file.name);
                assert!((offset..offset + 65_536).contains(&wide(bit / 8)), "{offset} {bit}");
            }
            error => panic!("bit {bit}: {error}"),
        }
        disk.flip(file.name, bit);
    }
}

#[test]
fn a_whole_file_that_is_not_the_one_meant_is_refused() {
    let mut disk = Disk::default();
    let file = write(&mut disk, b"front", &entries(3, 1500), 0).unwrap();
    let other = FileRef { hash: file.hash ^ 1, ..file };
    assert!(matches!(read(&disk, ID.database, &other, |_| ()), Err(OpenError::Corrupt { .. })));
    assert!(matches!(read(&disk, 1, &file, |_| ()), Err(OpenError::Foreign { .. })));
    for bytes in (0..usize::try_from(file.bytes).unwrap()).step_by(512).rev() {
        disk.cut(file.name, bytes);
        assert!(matches!(read(&disk, ID.database, &file, |_| ()), Err(OpenError::Corrupt { .. })));
        // A manifest that lies about the length is no reason to panic either.
        let short = FileRef { bytes: wide(bytes), ..file };
        assert!(matches!(read(&disk, ID.database, &short, |_| ()), Err(OpenError::Corrupt { .. })));
    }
    disk.remove(file.name);
    assert!(matches!(read(&disk, ID.database, &file, |_| ()), Err(OpenError::Missing { .. })));
}

#[test]
fn a_failed_operation_ends_the_writing() {
    let mut calm = Disk::default();
    write(&mut calm, b"front", &entries(40, 4096), 1).unwrap();
    for fail_at in 1..=calm.steps {
        let mut disk = Disk::failing(fail_at);
        assert!(write(&mut disk, b"front", &entries(40, 4096), 1).is_none());
    }
}

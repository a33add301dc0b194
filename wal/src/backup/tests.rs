use std::fs;

use super::*;
use crate::checkpoint::{CheckpointId, Entry, Writer};
use crate::directory::temp::Temp;
use crate::directory::{Directory, DirectoryError};
use crate::disk::{DiskOp, Issued, Tickets};
use crate::manifest;
use crate::replay::{Seek, replay};

const DATABASE: u128 = 0xD0;
const EPOCH: u64 = (3 << 32) + 7;

/// Writes a checkpoint of so many entries into a directory.
fn checkpoint(path: &Path, shard: u16, epoch: u64, entries: u8) -> FileRef {
    let base = (epoch != EPOCH).then_some(1);
    let id = CheckpointId { database: DATABASE, shard, epoch, base };
    let mut writer = Writer::new(id, b"front", 4, Tickets::of(1));
    let (mut issued, mut left) = (Vec::new(), 0..entries);
    let mut finished = false;
    while writer.done().is_none() {
        while !finished && writer.wants() {
            match left.next() {
                Some(n) => writer.entry(Entry { head: [n; 24], block: &[n ^ 0x55; 4096] }),
                None => {
                    writer.finish();
                    finished = true;
                }
            }
        }
        writer.pump(&mut issued);
        let Some(Issued { ticket, op }) = issued.pop() else { continue };
        if let DiskOp::Write { file, offset, bytes } = &op {
            let name = path.join(file.to_string());
            let mut whole = fs::read(&name).unwrap_or_default();
            let (from, to) = (*offset as usize, *offset as usize + bytes.len());
            whole.resize(whole.len().max(to), 0);
            whole[from..to].copy_from_slice(bytes);
            fs::write(name, whole).unwrap();
        }
        writer.completed(ticket, Ok(()), &mut issued);
    }
    writer.done().unwrap()
}

/// A directory with the files of an epoch of two shards, and more.
fn database() -> (Temp, Manifest) {
    let temp = Temp::new();
    let part = |files| ShardPart { files, log_from: Lsn(9), log_durable: Lsn(77), digest: 5 };
    let first = vec![checkpoint(&temp, 0, EPOCH, 3), checkpoint(&temp, 0, EPOCH + 1, 40)];
    let second = vec![checkpoint(&temp, 1, EPOCH, 0)];
    let shards = vec![part(first), part(second)];
    let front = b"what the engine says".to_vec();
    fs::write(temp.join("shard-00000-00000000000000000009.log"), "a log").unwrap();
    let manifest = Manifest { database: DATABASE, epoch: EPOCH + 1, previous: 4, shards, front };
    (temp, manifest)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).into_iter().flatten();
    let entries = entries.map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_is_restored_is_a_database_of_its_own_with_the_same_contents() {
    let (from, manifest) = database();
    let (saved, to) = (from.join("saved"), from.join("restored"));
    let taken = take(&manifest, &from, &saved).unwrap();
    assert_eq!((&taken.manifest, taken.files), (&manifest, 3));
    let sizes = names(&saved).into_iter().map(|name| fs::metadata(saved.join(name)).unwrap().len());
    assert_eq!(sizes.sum::<u64>(), taken.bytes);
    let before = names(&saved);
    let restored = restore(&saved, &to).unwrap().manifest;
    assert_eq!(names(&saved), before);
    let directory = Directory::open(&to).unwrap();
    assert!(!directory.founded());
    assert_eq!(directory.database(), restored.database);
    assert_ne!(restored.database, DATABASE);
    assert_eq!(manifest::newest(&directory).unwrap().unwrap(), restored);
    assert_eq!((restored.epoch, &restored.front), (manifest.epoch, &manifest.front));
    for (shard, (was, is)) in manifest.shards.iter().zip(&restored.shards).enumerate() {
        assert_eq!(was.digest, is.digest);
        for (was, is) in was.files.iter().zip(&is.files) {
            let [mut old, mut new] = [Vec::new(), Vec::new()];
            let was = crate::checkpoint::read(&Folder::new(&from), DATABASE, was, |entry| {
                old.push((entry.head, entry.block.to_vec()));
            });
            let is = crate::checkpoint::read(&directory, restored.database, is, |entry| {
                new.push((entry.head, entry.block.to_vec()));
            });
            let (was, is) = (was.unwrap(), is.unwrap());
            assert_eq!((&was.front, was.id.base), (&is.front, is.id.base));
            assert_eq!(old, new);
        }
        let (database, shard) = (restored.database, shard as u16);
        let seek = Seek { database, shard, from: Lsn(0), witness: Lsn(0), sealed: 0 };
        let log = replay(&directory, &seek).unwrap();
        assert_eq!((log.records.len(), log.end), (0, Lsn(0)));
        // Epochs of the next life are above the one that was saved.
        assert_eq!(log.resume().next_number, 5);
    }
    drop(directory);
    let again = from.join("again");
    assert_ne!(restore(&saved, &again).unwrap().manifest.database, restored.database);
}

#[test]
fn a_flipped_bit_anywhere_in_a_backup_is_refused_and_nothing_is_left() {
    let (from, manifest) = database();
    let saved = from.join("saved");
    take(&manifest, &from, &saved).unwrap();
    let to = from.join("restored");
    let mut flipped = 0;
    for name in names(&saved) {
        let path = saved.join(&name);
        let bytes = fs::read(&path).unwrap();
        // Prime, so that every field of a block has its turn somewhere.
        for at in (0..bytes.len()).step_by(2003) {
            let mut other = bytes.clone();
            other[at] ^= 1 << (at % 8);
            fs::write(&path, &other).unwrap();
            let error = restore(&saved, &to).unwrap_err();
            assert!(error.to_string().contains(&name), "byte {at} of {name}: {error}");
            assert!(names(&to).iter().all(|name| name == "LOCK"), "{:?}", names(&to));
            flipped += 1;
        }
        fs::write(&path, &bytes).unwrap();
    }
    println!("{flipped} flipped bits were refused");
    assert!(flipped > 90, "{flipped}");
    restore(&saved, &to).unwrap();
}

#[test]
fn a_file_that_rotted_is_not_saved() {
    let (from, manifest) = database();
    let name = manifest.shards[0].files[1].name.to_string();
    let mut bytes = fs::read(from.join(&name)).unwrap();
    bytes[70_000] ^= 4;
    fs::write(from.join(&name), bytes).unwrap();
    let error = take(&manifest, &from, &from.join("saved")).unwrap_err().to_string();
    assert!(error.contains(&format!("{name} is corrupt at byte 69632")), "{error}");
    assert!(!from.join("saved").exists());
}

#[test]
fn a_place_that_holds_something_is_left_as_it_is() {
    let (from, manifest) = database();
    let (saved, full) = (from.join("saved"), from.join("full"));
    fs::create_dir(&full).unwrap();
    fs::write(full.join("notes.txt"), "mine").unwrap();
    let full_error = BackupError::NotEmpty { path: full.clone(), file: "notes.txt".to_owned() };
    assert_eq!(take(&manifest, &from, &full), Err(full_error.clone()));
    take(&manifest, &from, &saved).unwrap();
    let twice = take(&manifest, &from, &saved).unwrap_err().to_string();
    assert!(twice.contains("name an empty or missing directory"), "{twice}");
    assert_eq!(restore(&saved, &full), Err(full_error));
    assert_eq!(names(&full), ["notes.txt"]);
    let nowhere = from.join("no/such");
    let error = restore(&saved, &nowhere).unwrap_err();
    assert_eq!(error, BackupError::Place(DirectoryError::NoParent { path: nowhere }));
    let held = Directory::open(&from.join("held")).unwrap();
    let error = restore(&saved, held.path()).unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty { .. }), "{error}");
}

#[test]
fn a_backup_that_was_cut_short_is_none() {
    let (from, manifest) = database();
    let saved = from.join("saved");
    take(&manifest, &from, &saved).unwrap();
    let error = Directory::open(&saved).unwrap_err();
    assert!(error.to_string().contains("sluice restore"), "{error}");
    let first = saved.join(manifest.shards[0].files[0].name.to_string());
    let bytes = fs::read(&first).unwrap();
    fs::remove_file(&first).unwrap();
    let error = restore(&saved, &from.join("to")).unwrap_err().to_string();
    assert!(error.contains("is missing"), "{error}");
    fs::write(&first, bytes).unwrap();
    fs::remove_file(saved.join("backup")).unwrap();
    let error = restore(&saved, &from.join("to")).unwrap_err();
    assert_eq!(error, BackupError::NoBackup { path: saved });
    assert!(matches!(restore(&from, &from.join("to")), Err(BackupError::NoBackup { .. })));
}

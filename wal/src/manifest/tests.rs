//! Encoding, rot, and publishing with a crash after each operation.

use super::*;
use crate::disk::Tickets;
use crate::publish::Publisher;
use crate::twin::{CRASHES, Disk, Prng};

fn sample(epoch: u64, previous: u128) -> Manifest {
    let name = FileName::Checkpoint { shard: 0, epoch };
    let file = FileRef { name, bytes: 8192, hash: 1 << 100 };
    let part = ShardPart {
        files: vec![file],
        log_from: Lsn(epoch * 100),
        log_durable: Lsn(epoch * 100 + 50),
        digest: 77,
    };
    let shards = vec![part, ShardPart::default()];
    Manifest { database: 5, epoch, previous, shards, front: b"offsets".to_vec() }
}

fn file(epoch: u64) -> FileName {
    FileName::Manifest { epoch }
}

fn put(disk: &mut Disk, manifest: &Manifest) {
    disk.put(file(manifest.epoch), manifest.encode());
    for part in manifest.shards.iter().flat_map(|part| &part.files) {
        disk.put(part.name, vec![0; usize::try_from(part.bytes).unwrap()]);
    }
}

#[test]
fn a_manifest_is_read_back_and_every_flipped_bit_is_seen() {
    let long = Manifest { front: Prng(3).bytes(9000), ..sample(4, 9) };
    for manifest in [Manifest::default(), sample(4, 9), long] {
        let mut bytes = manifest.encode();
        assert_eq!(Manifest::decode(file(4), &bytes), Ok(manifest));
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            let error = Manifest::decode(file(4), &bytes).unwrap_err();
            assert!(matches!(error, OpenError::Corrupt { .. }), "bit {bit}: {error}");
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        for cut in 0..bytes.len() {
            assert!(Manifest::decode(file(4), &bytes[..cut]).is_err());
        }
        bytes.resize(bytes.len() + 4096, 0);
        assert!(Manifest::decode(file(4), &bytes).is_err());
    }
}

#[test]
fn the_newest_manifest_is_the_truth_even_if_it_cannot_be_read() {
    let mut disk = Disk::default();
    assert_eq!(newest(&disk), Ok(None));
    disk.put(FileName::ManifestDraft { epoch: 9 }, vec![1; 4096]);
    assert_eq!(newest(&disk), Ok(None), "drafts are ignored");
    let old = sample(1, 0);
    let new = sample(2, old.hash());
    put(&mut disk, &old);
    assert_eq!(newest(&disk), Ok(Some(old)));
    put(&mut disk, &new);
    assert_eq!(newest(&disk), Ok(Some(new)));
    disk.flip(file(2), 800);
    let error = newest(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { file: named, .. } if named == file(2)));
}

#[test]
fn a_manifest_under_the_name_of_another_epoch_is_corrupt() {
    let mut disk = Disk::default();
    disk.put(file(3), sample(2, 0).encode());
    assert!(matches!(newest(&disk), Err(OpenError::Corrupt { .. })));
}

#[test]
fn files_that_a_manifest_names_must_be_there_in_full() {
    let mut disk = Disk::default();
    let manifest = sample(2, 0);
    put(&mut disk, &manifest);
    let name = manifest.shards[0].files[0].name;
    disk.cut(name, 4096);
    let error = newest(&disk).unwrap_err();
    assert!(matches!(error, OpenError::Corrupt { file, offset: 4096, .. } if file == name));
    disk.remove(name);
    assert_eq!(newest(&disk), Err(OpenError::Missing { file: name }));
}

#[test]
fn a_crash_at_any_operation_leaves_the_old_manifest_or_the_new_one() {
    let old = sample(1, 0);
    let new = sample(2, old.hash());
    for steps in 0..=5 {
        for crash in CRASHES {
            for seed in 0..20 {
                let mut prng = Prng(seed);
                let mut disk = Disk::default();
                put(&mut disk, &old);
                for part in &new.shards[0].files {
                    disk.put(part.name, vec![0; 8192]);
                }
                let mut publisher = Publisher::new(&new, Tickets::of(1));
                let mut issued = Vec::new();
                publisher.pump(&mut issued);
                disk.take(&mut issued);
                for _ in 0..steps {
                    let (ticket, result) = disk.step(&mut prng).unwrap();
                    publisher.completed(ticket, result, &mut issued);
                    disk.take(&mut issued);
                }
                assert_eq!(publisher.sealed(), steps == 5);
                let found = newest(&disk.crash(crash, &mut prng)).unwrap().unwrap();
                let expected = if publisher.sealed() { [&new, &new] } else { [&old, &new] };
                assert!(expected.contains(&&found), "after {steps} operations, {crash:?}");
            }
        }
    }
}

#[test]
fn a_failed_operation_ends_the_publishing() {
    for fail_at in 1..=5 {
        let mut disk = Disk::failing(fail_at);
        let mut publisher = Publisher::new(&sample(2, 0), Tickets::of(1));
        let mut issued = Vec::new();
        publisher.pump(&mut issued);
        disk.take(&mut issued);
        while let Some((ticket, result)) = disk.step(&mut Prng(0)) {
            publisher.completed(ticket, result, &mut issued);
            publisher.pump(&mut issued);
            disk.take(&mut issued);
        }
        assert_eq!(disk.steps, fail_at, "nothing is tried again");
        assert!(!publisher.sealed() && publisher.poisoned().is_some());
    }
}

#[test]
fn the_identity_is_read_back_and_every_flipped_bit_is_seen() {
    let mut disk = Disk::default();
    assert_eq!(crate::identity::read(&disk), Ok(None));
    disk.put(FileName::Identity, crate::identity::encode(1 << 77));
    assert_eq!(crate::identity::read(&disk), Ok(Some(1 << 77)));
    for bit in 0..4096 * 8 {
        disk.flip(FileName::Identity, bit);
        assert!(crate::identity::read(&disk).is_err());
        disk.flip(FileName::Identity, bit);
    }
}

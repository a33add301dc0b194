use super::*;
use crate::prng::Prng;

const A: FileName = FileName::Manifest { epoch: 1 };
const B: FileName = FileName::Manifest { epoch: 2 };
const DRAFT: FileName = FileName::ManifestDraft { epoch: 1 };
const AT_ONCE: Latency = Latency { apply: 0, complete: 0 };

/// Carries out operations in words: `op` issues and finishes one, `op..` only carries it out,
/// `op?` leaves it queued, `op!` fails it.
fn run(disk: &mut Disk, script: &str) {
    for (ticket, word) in script.split(", ").enumerate() {
        let op = match word.trim_end_matches(['.', '?', '!']) {
            "create a" => DiskOp::Create { file: A },
            "create b" => DiskOp::Create { file: B },
            "create draft" => DiskOp::Create { file: DRAFT },
            "write a" => DiskOp::Write { file: A, offset: 0, bytes: vec![7; 4096] },
            "write draft" => DiskOp::Write { file: DRAFT, offset: 0, bytes: vec![7; 4096] },
            "sync a" => DiskOp::Sync { file: A },
            "sync draft" => DiskOp::Sync { file: DRAFT },
            "sync names" => DiskOp::SyncDirectory,
            "rename" => DiskOp::Rename { from: DRAFT, to: A },
            "remove a" => DiskOp::Remove { file: A },
            other => panic!("what is {other}?"),
        };
        let ticket = Ticket(disk.serial * 100 + ticket as u64);
        disk.issue(Issued { ticket, op }, 0, AT_ONCE, word.ends_with('!'));
        let moves = if word.ends_with('?') { 0 } else { 2 - usize::from(word.ends_with("..")) };
        for _ in 0..moves {
            disk.advance(disk.pending.len() - 1, 0);
        }
    }
}

/// The files after power was lost, each with its length.
fn after(script: &str, mode: CrashMode) -> String {
    let mut disk = Disk::default();
    run(&mut disk, script);
    disk.crash(mode, &mut Prng::new(1));
    let files = disk.list().into_iter().map(|file| format!("{file}={}", disk.size(&file).unwrap()));
    files.collect::<Vec<_>>().join(" ").replace("00000000000000000", "")
}

#[test]
fn what_was_not_synced_is_lost_or_kept() {
    assert_eq!(after("create a, write a", CrashMode::DropAll), "");
    assert_eq!(after("create a, write a", CrashMode::KeepAll), "manifest-001=4096");
    assert_eq!(after("create a, sync names, write a", CrashMode::DropAll), "manifest-001=0");
}

#[test]
fn content_without_a_name_is_gone() {
    assert_eq!(after("create a, write a, sync a", CrashMode::DropAll), "");
}

#[test]
fn a_sync_covers_what_was_completed_before_it_was_issued() {
    let done = "create a, sync names, write a, sync a";
    assert_eq!(after(done, CrashMode::DropAll), "manifest-001=4096");
    let early = "create a, sync names, write a.., sync a";
    assert_eq!(after(early, CrashMode::DropAll), "manifest-001=0");
    let unheard = "create a, sync names, write a, sync a..";
    assert_eq!(after(unheard, CrashMode::DropAll), "manifest-001=4096");
}

#[test]
fn what_is_queued_never_happened() {
    assert_eq!(after("create a, sync names, write a?", CrashMode::KeepAll), "manifest-001=0");
}

#[test]
fn a_sync_after_one_that_failed_saves_nothing() {
    let script = "create a, sync names, write a, sync a!, sync a";
    assert_eq!(after(script, CrashMode::DropAll), "manifest-001=0");
}

#[test]
fn a_rename_is_whole_or_not_there() {
    let script = "create draft, write draft, sync draft, sync names, rename";
    assert_eq!(after(script, CrashMode::DropAll), "manifest-001.draft=4096");
    assert_eq!(after(script, CrashMode::KeepAll), "manifest-001=4096");
    let synced = format!("{script}, sync names");
    assert_eq!(after(&synced, CrashMode::DropAll), "manifest-001=4096");
}

#[test]
fn a_removal_comes_back_until_it_is_synced() {
    let script = "create a, write a, sync a, sync names, remove a";
    assert_eq!(after(script, CrashMode::DropAll), "manifest-001=4096");
    assert_eq!(after(&format!("{script}, sync names"), CrashMode::DropAll), "");
}

#[test]
fn sectors_and_names_go_their_own_way() {
    let mut seen = BTreeSet::new();
    for seed in 0..200 {
        let mut disk = Disk::default();
        run(&mut disk, "create a, sync names, write a, create b");
        disk.crash(CrashMode::Random { torn: true }, &mut Prng::new(seed));
        let bytes = disk.read(&A, 0, disk.size(&A).unwrap()).unwrap();
        let sectors = bytes.chunks(SECTOR_BYTES);
        let kept = sectors.filter(|sector| sector.iter().all(|byte| *byte == 7)).count();
        let garbage = bytes.iter().any(|byte| ![0, 7].contains(byte));
        seen.insert((kept > 0, kept < 8, garbage, disk.size(&B).is_some()));
    }
    // None, some or all of the sectors; garbage among them only where something is missing.
    let sectors =
        [(false, true, false), (true, true, false), (true, true, true), (true, false, false)];
    for (some, missing, garbage) in sectors {
        for name in [false, true] {
            assert!(seen.contains(&(some, missing, garbage, name)), "{seen:?}");
        }
    }
}

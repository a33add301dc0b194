//! A file system that stands still takes no write, and what it has is all that a loss of power would
//! leave. So whoever is told that a row is durable is held to it at that very moment, and a copy that
//! takes its time takes it for certain.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use sluicedb::db::{Database, SyncPath};
use sluicedb::plan::Plan;
use sluicedb_tests::report;

use crate::directory::{Place, count, paths};
use crate::fixture::{Tick, small, tick_plan};
use crate::rig::{Whole, skip};
use crate::watchdog::within;

/// How often the file system of each sync path stands still.
const ROUNDS: u64 = 6;
/// Rows that are pushed before one is known to be safe.
const AHEAD: u64 = 8;
/// Rows that are safe before it stands still.
const ROWS: i64 = 20;
/// How long it does: much longer than a wrong word takes. A right one does not come at all.
const STILL: Duration = Duration::from_millis(30);

fn open(place: &Path, path: SyncPath) -> Database {
    small(2).directory(place).sync_path(path).start(&tick_plan()).unwrap()
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
    }
}

/// Pushes rows from the first that is missing on, and says how many are safe.
fn push(db: &Database, first: i64, (told, stop): (&AtomicI64, &AtomicBool)) {
    let mut source = db.source::<Tick>("ticks").unwrap();
    let before = source.durable();
    for id in first.. {
        source.push_wait(&Tick { id }).unwrap();
        while source.pushed() - source.durable() >= AHEAD {
            if stop.load(Ordering::Acquire) {
                return;
            }
            told.store(first + (source.durable() - before) as i64, Ordering::Release);
            std::thread::sleep(Duration::from_micros(50));
        }
    }
}

/// One row after another is pushed while the file system stands still; what it has then has all rows that
/// were said to be durable.
fn round(disk: &Whole, path: SyncPath, image: &Path) -> i64 {
    let place = disk.path().join("db");
    let db = Arc::new(open(&place, path));
    let first = count(&db);
    let shared = Arc::new((AtomicI64::new(first), AtomicBool::new(false)));
    let (pushing, words) = (Arc::clone(&db), Arc::clone(&shared));
    let producer = std::thread::spawn(move || push(&pushing, first, (&words.0, &words.1)));
    while shared.0.load(Ordering::Acquire) < first + ROWS {
        std::thread::sleep(Duration::from_micros(100));
    }
    let still = disk.freeze();
    std::thread::sleep(STILL);
    let told = shared.0.load(Ordering::Acquire);
    copy(&place, image);
    drop(still);
    shared.1.store(true, Ordering::Release);
    producer.join().unwrap();
    drop(db);
    let found = count(&open(image, SyncPath::Blocking));
    std::fs::remove_dir_all(image).unwrap();
    assert!(found >= told, "{told} rows were said to be durable, and {found} are there ({path})");
    found
}

/// Seen to fail where a log calls a group durable when its write is issued (`durable = closed` at the end
/// of `Log::write_group`), which a kill alone does not show: what a process has handed to the kernel
/// outlives it.
#[test]
fn no_row_is_acknowledged_before_the_disk_has_it() {
    within("a file system that stands still", || {
        let place = Place::new("still");
        std::fs::create_dir(place.path()).unwrap();
        let (mut rounds, mut rows) = (0, 0);
        for path in paths() {
            let disk = match Whole::mount() {
                Ok(disk) => disk,
                Err(why) => return skip(3, &why),
            };
            for _ in 0..ROUNDS {
                rows = round(&disk, path, &place.path().join("image"));
                rounds += 1;
            }
        }
        let least = ROUNDS * paths().len() as u64;
        report::lane(3, &[("standstills", rounds, least), ("rows", rows as u64, 100)]);
    });
}

/// Seen to fail where `Session::backup` lets the checkpoint go before it is copied.
#[test]
fn a_backup_keeps_its_files_until_they_are_copied() {
    within("a backup that takes its time", || {
        let disk = match Whole::mount() {
            Ok(disk) => disk,
            Err(why) => return skip(3, &why),
        };
        let place = Place::new("slow-backup");
        let db = small(2).directory(place.path()).start(&Plan::empty()).unwrap();
        db.execute("CREATE SOURCE s (id BIGINT)").unwrap();
        db.execute("CREATE MATERIALIZED VIEW v AS SELECT id, count(*) AS n FROM s GROUP BY id")
            .unwrap();
        db.execute("INSERT INTO s SELECT * FROM generate_series(1, 1000)").unwrap();
        let (db, saved) = (Arc::new(db), disk.path().join("saved"));
        let still = disk.freeze();
        let (saving, to) = (Arc::clone(&db), saved.clone());
        let backup = std::thread::spawn(move || saving.backup_to(&to).map(|_| ()));
        // It waits for its first file meanwhile.
        std::thread::sleep(STILL * 3);
        for id in 0..40 {
            db.execute(&format!("INSERT INTO s VALUES ({id})")).unwrap();
            db.execute("CHECKPOINT").unwrap();
        }
        drop(still);
        backup.join().unwrap().unwrap();
        let again = place.path().with_extension("again");
        Database::restore(&saved, &again).unwrap();
        let restored = small(2).directory(&again).start(&Plan::empty()).unwrap();
        assert!(restored.query("SELECT id FROM v").unwrap().len() >= 1000);
        drop(restored);
        std::fs::remove_dir_all(&again).unwrap();
    });
}

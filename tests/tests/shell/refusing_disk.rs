//! Disks that fill up or fail under a database: whoever waits is told, nothing is acknowledged after it,
//! and what had been acknowledged is there once the disk is well again.

use std::path::Path;
use std::time::Duration;

use sluicedb::db::{Builder as Options, Database, Durability, Row, SyncPath, schema};
use sluicedb::plan::{Builder, Plan};
use sluicedb_tests::report;

use crate::directory::{count, paths};
use crate::fixture::small;
use crate::rig::{Memory, Short, skip};
use crate::watchdog::within_time;

/// How many disks fill up and how many fail, where it is not the usual number.
const CYCLES: &str = "SLUICE_DISK_CYCLES";
const CYCLES_USUAL: u64 = 10;
/// Far beyond what a cycle takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a disk has in a cycle beside what is on it already, and when it is well, in MiB.
const ROOM: u32 = 3;
const WELL: u32 = 512;

/// A row of which few fill a disk.
#[derive(Row)]
struct Heavy {
    id: i64,
    body: String,
}

fn plan() -> Plan {
    let mut b = Builder::new();
    let ticks = b.source("ticks", schema::<Heavy>().unwrap(), None).unwrap();
    b.view(ticks, "rows", &["id"]).unwrap();
    b.finish().unwrap()
}

fn options(place: &Path, path: SyncPath, durability: Durability) -> Options {
    small(2).directory(place).sync_path(path).durability(durability)
}

/// Pushes rows from `first` on until the database ends: the first that was not acknowledged, and why it
/// ended.
fn fill(db: &Database, first: i64) -> (i64, String) {
    let mut source = db.source::<Heavy>("ticks").unwrap();
    let before = source.durable();
    let body = "x".repeat(10_000);
    let why = loop {
        let id = first + (source.pushed() - before) as i64;
        if let Err(error) = source.push_wait(&Heavy { id, body: body.clone() }) {
            break error.to_string();
        }
        // Nobody is far ahead of the disk.
        if id % 50 == 0
            && let Err(error) = wait(db, || source.pushed() - source.durable() > 100)
        {
            break error;
        }
    };
    let acknowledged = source.durable();
    let again = source.push_wait(&Heavy { id: -1, body }).unwrap_err().to_string();
    assert_eq!(again, why, "every later call is told the same");
    std::thread::sleep(Duration::from_millis(5));
    assert_eq!(source.durable(), acknowledged, "acknowledged after the end");
    (first + (acknowledged - before) as i64, why)
}

/// Waits while it is `behind`, or until the database ends.
fn wait(db: &Database, behind: impl Fn() -> bool) -> Result<(), String> {
    while behind() {
        db.flush().map_err(|error| error.to_string())?;
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(())
}

fn cycles() -> u64 {
    std::env::var(CYCLES).map_or(CYCLES_USUAL, |n| n.parse().expect("a number"))
}

#[test]
fn a_full_disk_ends_the_database_and_loses_nothing_that_was_acknowledged() {
    let cycles = cycles();
    within_time("a full disk", PATIENCE * cycles as u32, move || {
        let disk = match Memory::mount(WELL) {
            Ok(disk) => disk,
            Err(why) => return skip(7, &why),
        };
        let place = disk.path().join("db");
        let (mut rows, mut told, mut pushed) = (0, 0, 0);
        for cycle in 0..cycles {
            let durability = [Durability::Log, Durability::Checkpoint][cycle as usize % 2];
            let db = options(&place, SyncPath::Blocking, durability).start(&plan()).unwrap();
            let found = count(&db);
            assert!(found >= rows, "cycle {cycle}: {rows} acknowledged, {found} there");
            let used = (u64::from(WELL) << 20) - free(disk.path());
            disk.resize((used >> 20) as u32 + ROOM).unwrap();
            let (acknowledged, why) = fill(&db, found);
            let said = why.contains("disk is full") && why.contains("free space");
            assert!(said && why.contains("53100"), "cycle {cycle}: {why}");
            told += 1;
            pushed += acknowledged - found;
            rows = acknowledged;
            drop(db);
            disk.resize(WELL).unwrap();
        }
        let db = options(&place, SyncPath::Blocking, Durability::Log).start(&plan()).unwrap();
        let found = count(&db);
        assert!(found >= rows, "{rows} acknowledged, {found} there");
        db.close().unwrap();
        let rows = u64::try_from(pushed).unwrap();
        report::lane(
            7,
            &[
                ("cycles of a full disk", told, cycles),
                ("rows acknowledged in them and found again", rows, cycles),
            ],
        );
    });
}

/// Bytes that are free on a file system.
fn free(place: &Path) -> u64 {
    sluicedb_wal::directory::free_bytes(place).unwrap().expect("it counts")
}

#[test]
fn a_sync_that_fails_on_a_real_device_is_believed() {
    let cycles = cycles();
    within_time("failing devices", PATIENCE * cycles as u32, move || {
        let (mut failures, mut pushed) = (0, 0);
        for (number, path) in (0..cycles).zip(paths().into_iter().cycle()) {
            let disk = match Short::mount() {
                Ok(disk) => disk,
                Err(why) => return skip(6, &why),
            };
            // The log goes past the kernel's cache, and checkpoints through it: there a write is good,
            // and the sync behind it fails.
            let durability = if number % 2 == 0 { Durability::Checkpoint } else { Durability::Log };
            let db = options(&disk.path().join("db"), path, durability).start(&plan()).unwrap();
            let (rows, why) = fill(&db, 0);
            assert!(why.contains("the database stopped because its disk"), "{why}");
            drop(db);
            let disk = disk.replace().unwrap();
            let db = options(&disk.path().join("db"), path, durability).start(&plan()).unwrap();
            let found = count(&db);
            println!("{path}, {durability:?}: {rows} acknowledged, {found} there: {why}");
            assert!(found >= rows, "{path}, {durability:?}: {rows} acknowledged, {found} there");
            db.close().unwrap();
            failures += 1;
            pushed += u64::try_from(rows).unwrap();
        }
        report::lane(
            6,
            &[
                ("failures of a real device", failures, cycles),
                ("rows acknowledged before them and found again", pushed, cycles),
            ],
        );
    });
}

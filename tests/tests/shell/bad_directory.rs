//! Directories that a database does not open as they are: the error names the file, what is wrong and
//! what can be done, and nothing in the directory changes. Where corruption is proven, what cannot be
//! read may be given up.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sluicedb::Value;
use sluicedb::db::{Builder, Database, values};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::small;
use crate::rig::Memory;
use crate::watchdog::within;

const BLOCK: usize = 4096;
/// Rows that are in a checkpoint, and rows that are in the log behind it; two a statement.
const SEALED: i64 = 20;
const LOGGED: i64 = 40;

type Files = BTreeMap<String, Vec<u8>>;

/// No checkpoint comes by itself.
fn options(place: &Path) -> Builder {
    small(1).directory(place).checkpoint_interval(Duration::from_secs(3600))
}

fn open(place: &Path) -> Result<Database, String> {
    options(place).start(&Plan::empty()).map_err(|error| error.to_string())
}

fn rows(db: &Database) -> i64 {
    let found = db.query("SELECT count(*) FROM v").unwrap();
    let row = found.batches.iter().flat_map(values).next().unwrap();
    let Value::BigInt(rows) = row[0] else { panic!("{row:?}") };
    rows
}

fn insert(db: &Database, rows: std::ops::Range<i64>) {
    for id in rows.step_by(2) {
        db.execute(&format!("INSERT INTO s VALUES ({id}), ({})", id + 1)).unwrap();
    }
}

/// A directory with objects, checkpoints, and a log with something behind them.
fn make(name: &str) -> Place {
    let place = Place::new(name);
    let db = open(place.path()).unwrap();
    db.execute("CREATE SOURCE s (id BIGINT)").unwrap();
    db.execute("CREATE MATERIALIZED VIEW v AS SELECT id, count(*) AS n FROM s GROUP BY id")
        .unwrap();
    insert(&db, 0..SEALED);
    db.close().unwrap();
    let db = open(place.path()).unwrap();
    assert_eq!(rows(&db), SEALED);
    insert(&db, SEALED..SEALED + LOGGED);
    // An idle log is sealed.
    std::thread::sleep(Duration::from_millis(100));
    drop(db);
    place
}

/// Replaces what the directory holds.
fn put(place: &Path, files: &Files) {
    for name in files_of(place).keys().filter(|name| !files.contains_key(*name)) {
        std::fs::remove_file(place.join(name)).unwrap();
    }
    files.iter().for_each(|(name, bytes)| std::fs::write(place.join(name), bytes).unwrap());
}

/// Every file and its bytes, but for who holds it.
fn files_of(place: &Path) -> Files {
    let entries = std::fs::read_dir(place).unwrap().map(Result::unwrap);
    let files = entries.filter(|entry| entry.file_type().unwrap().is_file());
    let read = |entry: std::fs::DirEntry| {
        let name = entry.file_name().into_string().unwrap();
        (name, std::fs::read(entry.path()).unwrap())
    };
    files.map(read).filter(|(name, _)| name != "LOCK").collect()
}

/// What opening files says, which leaves them as they are; nothing where all rows are there.
fn refused(place: &Path, files: &Files) -> Option<String> {
    put(place, files);
    match open(place) {
        Ok(db) => {
            assert_eq!(rows(&db), SEALED + LOGGED, "it was opened with other data");
            None
        }
        Err(error) => {
            assert!(files_of(place) == *files, "it was refused, and has changed: {error}");
            Some(error)
        }
    }
}

/// The newest file of a kind.
fn newest(files: &Files, kind: &str) -> String {
    let of_kind = |name: &&String| name.contains(kind) && !name.ends_with(".draft");
    files.keys().rfind(of_kind).expect("there is one").clone()
}

/// The kinds of files, each with the length of what the checksum in its head covers.
fn kinds(files: &Files) -> Vec<(String, usize)> {
    let manifest = newest(files, "manifest-");
    let whole = files[&manifest].len();
    let blocks = ["identity", ".checkpoint", ".log"].map(|kind| (newest(files, kind), BLOCK));
    [&[(manifest, whole)], &blocks[..]].concat()
}

#[test]
fn a_newer_format_is_refused_with_the_version_that_reads_it() {
    within("a newer format", || {
        let place = make("newer");
        let files = files_of(place.path());
        for (name, covered) in kinds(&files) {
            let mut newer = files.clone();
            let bytes = newer.get_mut(&name).unwrap();
            bytes[8] = 2;
            let mut hasher = crc32fast::Hasher::new();
            hasher.update(&bytes[..12]);
            hasher.update(&bytes[16..covered]);
            bytes[12..16].copy_from_slice(&hasher.finalize().to_le_bytes());
            let error = refused(place.path(), &newer).expect("it is refused");
            let told =
                error.contains(&format!("{name} has format 2")) && error.contains("format 1");
            assert!(told && error.contains("a version of SluiceDB that reads format 2"), "{error}");
        }
    });
}

#[test]
fn a_missing_file_is_named_with_what_can_be_done() {
    within("a missing file", || {
        let place = make("missing");
        let files = files_of(place.path());
        let mut named = 0;
        for name in files.keys() {
            let mut fewer = files.clone();
            fewer.remove(name);
            // Nothing names the newest segment but itself.
            if *name == newest(&files, ".log") {
                continue;
            }
            let is_needed = *name == newest(&files, "manifest-");
            let Some(error) = refused(place.path(), &fewer) else {
                assert!(!is_needed, "without {name} it is an older database");
                continue;
            };
            let (missing, choice) = (format!("{name} is missing"), error.contains("from a copy"));
            assert!(error.contains(&missing) || name == "identity", "{name}: {error}");
            assert!(choice, "{name}: {error}");
            named += 1;
        }
        assert!(named >= 3, "identity, manifest and a checkpoint at least, not {named}");
    });
}

#[test]
fn a_file_of_another_database_is_named_with_both() {
    within("a foreign file", || {
        let (place, other) = (make("own"), make("others"));
        let (files, others) = (files_of(place.path()), files_of(other.path()));
        for (kind, words) in [
            ("identity", "belongs to database"),
            ("manifest-", "belongs to database"),
            (".log", "belongs to database"),
            (".checkpoint", "belongs to database"),
        ] {
            let mut mixed = files.clone();
            let name = newest(&files, kind);
            mixed.insert(name.clone(), others[&newest(&others, kind)].clone());
            let error = refused(place.path(), &mixed).expect("it is refused");
            // With another identity every other file is foreign.
            let another = "is corrupt at byte";
            assert!(error.contains(words) || error.contains(another), "{error}");
            assert!(error.contains(&name) || kind == "identity", "{kind}: {error}");
            assert!(error.contains("othing was changed"), "{kind}: {error}");
        }
    });
}

#[test]
fn a_flipped_bit_is_named_with_its_place_or_changes_nothing() {
    within("a flipped bit", || {
        let place = make("flipped");
        let files = files_of(place.path());
        let mut named = 0;
        for (name, bytes) in &files {
            let used = bytes.iter().rposition(|byte| *byte != 0).unwrap_or(0);
            for at in [0, 9, 20, used / 3, used / 2, used] {
                let mut rotten = files.clone();
                rotten.get_mut(name).unwrap()[at] ^= 4;
                let Some(error) = refused(place.path(), &rotten) else { continue };
                let told = error.contains(&format!("{name} is corrupt at byte "));
                assert!(told, "byte {at} of {name}: {error}");
                assert!(error.contains("from a copy"), "byte {at} of {name}: {error}");
                let gives_up = error.contains("--accept-data-loss");
                assert!(gives_up || name == "identity", "byte {at} of {name}: {error}");
                named += 1;
            }
        }
        assert!(named > 12, "{named} were refused");
    });
}

#[test]
fn a_file_system_that_takes_nothing_is_named_and_nothing_is_changed() {
    within("a file system that takes nothing", || {
        let disk = match Memory::mount(64) {
            Ok(disk) => disk,
            Err(why) => return println!("skipped: {why}"),
        };
        let made = make("elsewhere");
        let place = disk.path().join("db");
        std::fs::create_dir(&place).unwrap();
        let files = files_of(made.path());
        put(&place, &files);
        disk.set_read_only(true).unwrap();
        let error = open(&place).map(drop).unwrap_err();
        assert!(error.contains("takes no writes"), "{error}");
        assert!(files_of(&place) == files);
        disk.set_read_only(false).unwrap();
        let free = sluicedb_wal::directory::free_bytes(disk.path()).unwrap().unwrap();
        let ballast = disk.path().join("ballast");
        std::fs::write(&ballast, vec![1; free as usize - (300 << 10)]).unwrap();
        let error = open(&place).map(drop).unwrap_err();
        assert!(
            error.contains("file system that is full") && error.contains("free space"),
            "{error}"
        );
        assert!(files_of(&place) == files);
        std::fs::remove_file(&ballast).unwrap();
        assert_eq!(rows(&open(&place).unwrap()), SEALED + LOGGED);
    });
}

/// Opens a directory and accepts what is lost; what was said of it.
fn accept(place: &Path) -> (Database, Option<String>) {
    let said = Arc::new(Mutex::new(None));
    let hear = Arc::clone(&said);
    let builder = options(place).accept_data_loss(move |loss| {
        assert!(loss.folder().is_dir());
        *hear.lock().unwrap() = Some(loss.to_string());
    });
    let db = builder.start(&Plan::empty()).unwrap();
    let said = said.lock().unwrap().take();
    (db, said)
}

/// The blocks of a segment in which groups begin that hold something, one block each.
fn groups(segment: &[u8]) -> Vec<usize> {
    let records = |block: &[u8]| u32::from_le_bytes(block[44..48].try_into().unwrap());
    let blocks = segment.chunks(BLOCK).enumerate().skip(1);
    blocks.filter(|(_, block)| records(block) > 0).map(|(at, _)| at).collect()
}

/// The folder that what was given up lies in.
fn aside(place: &Path) -> Files {
    files_of(&place.join("given-up-1"))
}

#[test]
fn a_log_that_rotted_is_given_up_from_there_on_and_says_which_rows() {
    within("a rotten log", || {
        let place = make("given-up-log");
        let mut files = files_of(place.path());
        let log = newest(&files, ".log");
        // The sixth statement rots.
        let at = groups(&files[&log])[5] * BLOCK;
        files.get_mut(&log).unwrap()[at + 100] ^= 1;
        let error = refused(place.path(), &files).expect("it is refused");
        assert!(error.contains(&log), "{error}");
        let (db, said) = accept(place.path());
        let said = said.expect("something is given up");
        for words in [
            "the log of shard 0 behind its first 5 records",
            &format!("{} rows of source \"s\": epochs ", LOGGED - 12),
            "bytes of records in the log of shard 0, unreadable",
        ] {
            assert!(said.contains(words), "{words} is not in: {said}");
        }
        let aside = aside(place.path());
        assert!(aside[&log] == files[&log], "the old log lies beside");
        let text = String::from_utf8(aside["what-was-given-up.txt"].clone()).unwrap();
        assert_eq!(text, said);
        assert_eq!(rows(&db), SEALED + 10);
        insert(&db, 1000..1004);
        drop(db);
        // From here on nothing is wrong, and nothing more is given up.
        let (db, said) = accept(place.path());
        assert_eq!((rows(&db), said), (SEALED + 14, None));
        insert(&db, 2000..2002);
        db.close().unwrap();
        assert_eq!(rows(&open(place.path()).unwrap()), SEALED + 16);
    });
}

#[test]
fn behind_a_checkpoint_that_rotted_the_one_before_and_the_log_have_all_that_is_logged() {
    within("a rotten checkpoint", || {
        for kind in ["manifest-", ".checkpoint"] {
            let place = make("given-up-checkpoint");
            let mut files = files_of(place.path());
            let name = newest(&files, kind);
            files.get_mut(&name).unwrap()[50] ^= 1;
            assert!(refused(place.path(), &files).is_some());
            let (db, said) = accept(place.path());
            let said = said.expect("something is given up");
            let cause = format!("{name} is corrupt at byte");
            assert!(said.contains("what checkpoints alone have of epochs"), "{said}");
            assert!(said.contains(&cause), "{said}");
            assert!(aside(place.path())[&name] == files[&name], "the old file lies beside");
            assert_eq!(rows(&db), SEALED + LOGGED, "the log has them all");
            db.close().unwrap();
            assert_eq!(rows(&open(place.path()).unwrap()), SEALED + LOGGED);
        }
    });
}

#[test]
fn a_manifest_that_vanished_is_given_up_once() {
    within("a manifest that vanished", || {
        let place = make("given-up-manifest");
        let mut files = files_of(place.path());
        let name = newest(&files, "manifest-");
        files.remove(&name);
        let error = refused(place.path(), &files).expect("it is refused");
        assert!(error.contains(&format!("{name} is missing")), "{error}");
        assert!(error.contains("--accept-data-loss"), "{error}");
        let (db, said) = accept(place.path());
        let said = said.expect("something is given up");
        assert!(said.contains("what checkpoints alone have of epochs"), "{said}");
        assert!(said.contains(&name) && !said.contains("the log of shard"), "{said}");
        assert_eq!(rows(&db), SEALED + LOGGED, "the log has them all");
        drop(db);
        // Before another checkpoint comes the logs know of none but the one that was gone on from.
        let (db, said) = accept(place.path());
        assert_eq!((rows(&db), said), (SEALED + LOGGED, None));
        db.close().unwrap();
        assert_eq!(rows(&open(place.path()).unwrap()), SEALED + LOGGED);
    });
}

#[test]
fn nothing_is_given_up_of_a_sound_directory_or_one_of_others() {
    within("a sound directory", || {
        let place = make("sound");
        let files = files_of(place.path());
        let (db, said) = accept(place.path());
        assert_eq!((rows(&db), said), (SEALED + LOGGED, None));
        drop(db);
        // What is no loss is refused as ever.
        let other = make("another");
        let mut mixed = files;
        let name = newest(&mixed, ".log");
        let others = files_of(other.path());
        mixed.insert(name, others[&newest(&others, ".log")].clone());
        put(place.path(), &mixed);
        let accepting = options(place.path()).accept_data_loss(|loss| panic!("{loss}"));
        let error = accepting.start(&Plan::empty()).map(drop).unwrap_err().to_string();
        assert!(error.contains("belongs to database"), "{error}");
        assert!(files_of(place.path()) == mixed);
    });
}

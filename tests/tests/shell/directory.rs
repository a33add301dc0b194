//! Databases that are kept in a directory: what was acknowledged is there when they are opened again.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sluicedb::db::{Database, Durability, SyncPath, schema};
use sluicedb::plan::{Builder, Plan, Retain};

use crate::child::{argument, is_child, start};
use crate::fixture::{Tick, has, small, stream_plan, tick_plan};
use crate::watchdog::within;

/// A directory of one test, removed when it passes.
pub(crate) struct Place(PathBuf);

impl Place {
    pub(crate) fn new(name: &str) -> Place {
        let own = format!("shell-{name}-{}", std::process::id());
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(own);
        let _ = std::fs::remove_dir_all(&path);
        Place(path)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// Every file and its bytes, but for who holds it.
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(&self.0).unwrap().map(Result::unwrap);
        let read = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().unwrap();
            (name, std::fs::read(entry.path()).unwrap())
        };
        entries.map(read).filter(|(name, _)| name != "LOCK").collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }
}

fn open(place: &Path, shards: usize) -> Result<Database, sluicedb::db::Error> {
    small(shards).directory(place).start(&tick_plan())
}

/// Rows that may have been pushed behind those that are known to be safe.
const AHEAD: i64 = 300;

/// How many rows from the first on are there, each once; there is none behind a gap.
pub(crate) fn count(db: &Database) -> i64 {
    let mut view = db.view("rows").unwrap();
    let rows = (0..).find(|id| !has(&mut view, *id)).unwrap();
    let behind = (rows..rows + 2 * AHEAD).filter(|id| has(&mut view, *id)).count();
    assert_eq!(behind, 0, "rows behind {rows}, which is missing");
    rows
}

#[test]
fn what_a_source_keeps_is_there_once_when_it_is_opened_again() {
    let rows_of = |db: &Database, query: &str| db.query(query).unwrap().len();
    for durability in [Durability::Log, Durability::Checkpoint] {
        for shards in [1, 2] {
            within("close and open", move || {
                let place = Place::new(&format!("kept-{durability:?}-{shards}"));
                let mut b = Builder::new();
                let ticks = b.source("ticks", schema::<Tick>().unwrap(), None).unwrap();
                b.retain(ticks, Retain::rows(10_000)).unwrap();
                b.view(ticks, "rows", &["id"]).unwrap();
                let plan = b.finish().unwrap();
                let mut rows = 0;
                for life in 0..4 {
                    let builder = small(shards).durability(durability).directory(place.path());
                    let db = builder.start(&plan).unwrap();
                    let found = rows_of(&db, "SELECT id FROM ticks");
                    assert_eq!(found, rows, "life {life} with {durability:?}");
                    assert_eq!(rows_of(&db, "SELECT DISTINCT id FROM ticks"), rows);
                    let mut source = db.source::<Tick>("ticks").unwrap();
                    for _ in 0..900 {
                        source.push_wait(&Tick { id: rows as i64 }).unwrap();
                        rows += 1;
                    }
                    assert_eq!(rows_of(&db, "SELECT id FROM ticks"), rows);
                    if life == 3 {
                        let later = "CREATE MATERIALIZED VIEW later AS SELECT id FROM ticks";
                        db.execute(later).unwrap();
                        assert_eq!(rows_of(&db, "SELECT id FROM later"), rows);
                        assert_eq!(rows_of(&db, "SELECT id FROM rows"), rows);
                    }
                    db.close().unwrap();
                }
            });
        }
    }
}

#[test]
fn what_was_closed_is_there_when_it_is_opened_again() {
    for durability in [Durability::Log, Durability::Checkpoint] {
        for shards in [1, 2] {
            within("close and open", move || {
                let place = Place::new(&format!("closed-{durability:?}-{shards}"));
                let open = || {
                    let builder = small(shards).durability(durability);
                    builder.directory(place.path()).start(&tick_plan()).unwrap()
                };
                let mut rows = 0;
                for life in 0..4 {
                    let db = open();
                    assert_eq!(count(&db), rows, "life {life} with {durability:?}");
                    let mut source = db.source::<Tick>("ticks").unwrap();
                    for _ in 0..500 {
                        source.push_wait(&Tick { id: rows }).unwrap();
                        rows += 1;
                    }
                    db.close().unwrap();
                }
            });
        }
    }
}

#[test]
fn an_inline_database_in_a_directory_goes_on_where_it_was() {
    within("inline in a directory", || {
        let place = Place::new("inline");
        for life in 0..3 {
            let builder = Database::builder().memory_limit(256 << 20).directory(place.path());
            let mut db = builder.inline(&tick_plan()).unwrap();
            let mut view = db.view("rows").unwrap();
            for id in 0..life {
                assert_eq!(db.get(&mut view, id).unwrap().len(), 1, "row {id} in life {life}");
            }
            let mut source = db.source::<Tick>("ticks").unwrap();
            source.push(&Tick { id: life }).unwrap();
            while source.durable() < source.pushed() {
                db.turn();
            }
        }
    });
}

/// The ways to sync that this process may have.
pub(crate) fn paths() -> Vec<SyncPath> {
    let ring = sluicedb::shell::probe::io_uring();
    if let Err(why) = &ring {
        println!("only one way to sync: {why}");
    }
    SyncPath::ALL.into_iter().filter(|path| ring.is_ok() || !path.is_ring()).collect()
}

#[test]
fn rows_are_durable_on_every_way_to_sync_and_one_goes_on_where_another_was() {
    within("each way to sync", || {
        let place = Place::new("ways");
        let mut rows = 0;
        for path in paths().repeat(2) {
            let db = small(2).directory(place.path()).sync_path(path).start(&tick_plan()).unwrap();
            assert_eq!(db.sync_path(), Some(path));
            assert_eq!(count(&db), rows, "before {path}");
            let mut source = db.source::<Tick>("ticks").unwrap();
            let (pushed, before) = (200, source.durable());
            for _ in 0..pushed {
                source.push_wait(&Tick { id: rows }).unwrap();
                rows += 1;
            }
            // Nobody asks for a checkpoint: the log alone makes them durable, and its shards sleep
            // until it has.
            while source.durable() - before < pushed {
                std::thread::sleep(std::time::Duration::from_micros(100));
            }
            drop(source);
            db.close().unwrap();
        }
        let db = open(place.path(), 2).unwrap();
        assert_eq!(count(&db), rows);
        assert!(db.sync_path().is_some_and(|path| paths().contains(&path)));
        assert_eq!(small(1).start(&tick_plan()).unwrap().sync_path(), None);
    });
}

#[test]
fn objects_that_come_and_go_leave_a_directory_as_small_as_it_was() {
    within("objects come and go", || {
        let place = Place::new("shortened");
        let open = || small(1).directory(place.path()).start(&Plan::empty()).unwrap();
        let rows = |db: &Database| db.query("SELECT id FROM kept").unwrap().len();
        let manifest = || {
            let mut files =
                place.files().into_iter().filter(|(name, _)| name.starts_with("manifest-"));
            files.next_back().expect("there is a checkpoint").1.len()
        };
        let db = open();
        db.execute("CREATE SOURCE ticks (id BIGINT NOT NULL)").unwrap();
        let words = "long words ".repeat(300);
        let mut last = String::new();
        for round in 0..40 {
            let create =
                format!("CREATE MATERIALIZED VIEW v{round} /* {words} */ AS SELECT id FROM ticks");
            db.execute(&create).unwrap();
            let drop = std::mem::replace(&mut last, format!("DROP MATERIALIZED VIEW v{round}"));
            if round == 20 {
                db.execute("CREATE MATERIALIZED VIEW kept AS SELECT id FROM ticks").unwrap();
            }
            if round > 0 {
                db.execute(&drop).unwrap();
            }
        }
        db.execute("INSERT INTO ticks VALUES (1), (2), (3)").unwrap();
        db.close().unwrap();
        let bytes = manifest();
        assert!(bytes < 96 << 10, "{bytes} bytes for 40 texts of {}", words.len());
        let db = open();
        assert_eq!(rows(&db), 3);
        db.execute("INSERT INTO ticks VALUES (4)").unwrap();
        db.execute("CREATE MATERIALIZED VIEW more AS SELECT id FROM ticks").unwrap();
        db.execute("DROP MATERIALIZED VIEW v39").unwrap();
        db.close().unwrap();
        assert_eq!(rows(&open()), 4);
    });
}

const HELD: &str = "directory::a_directory_that_is_open_is_refused_and_its_holder_named";

#[test]
fn a_directory_that_is_open_is_refused_and_its_holder_named() {
    if is_child(HELD) {
        let error = open(Path::new(&argument()), 1).map(drop).unwrap_err();
        println!("told: {error}");
        return;
    }
    within("a second open", || {
        let place = Place::new("held");
        let db = open(place.path(), 1).unwrap();
        let error = open(place.path(), 1).map(drop).unwrap_err().to_string();
        assert!(error.contains("open in this process"), "{error}");
        let out = start(HELD, place.path().to_str().unwrap()).wait_with_output().unwrap();
        let text = String::from_utf8(out.stdout).unwrap();
        let holder = format!("in use by process {}", std::process::id());
        assert!(text.contains(&holder) && text.contains("stop that process"), "{text}");
        // Whoever was refused has disturbed nothing.
        db.source::<Tick>("ticks").unwrap().push(&Tick { id: 0 }).unwrap();
        db.close().unwrap();
        let db = open(place.path(), 1).unwrap();
        assert_eq!(count(&db), 1);
        drop(db);
        // Dropped, it is free at once.
        open(place.path(), 1).unwrap();
    });
}

#[test]
fn a_directory_of_others_is_left_alone() {
    within("foreign", || {
        let place = Place::new("foreign");
        std::fs::create_dir(place.path()).unwrap();
        std::fs::write(place.path().join("letter.txt"), "dear all").unwrap();
        let before = place.files();
        let error = open(place.path(), 1).map(drop).unwrap_err().to_string();
        assert!(error.contains("letter.txt") && error.contains("empty"), "{error}");
        assert_eq!(place.files(), before);
        let file = place.path().join("letter.txt");
        let error = open(&file, 1).map(drop).unwrap_err().to_string();
        assert!(error.contains("not a directory: name another"), "{error}");
        let missing = place.path().join("no/such");
        let error = open(&missing, 1).map(drop).unwrap_err().to_string();
        assert!(error.contains("missing: make that one"), "{error}");
        assert_eq!(place.files(), before);
    });
}

#[test]
fn a_directory_is_refused_to_another_plan() {
    within("another plan", || {
        let place = Place::new("another");
        let db = open(place.path(), 2).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        (0..100).for_each(|id| source.push(&Tick { id }).unwrap());
        db.close().unwrap();
        let before = place.files();
        let other = small(2).directory(place.path()).start(&stream_plan());
        let error = other.map(drop).unwrap_err().to_string();
        assert!(
            error.contains("another plan") && error.contains("the plan that wrote it"),
            "{error}"
        );
        assert_eq!(place.files(), before, "files are as they were");
        assert_eq!(count(&open(place.path(), 2).unwrap()), 100);
    });
}

//! Machines that refuse what the engine would like: it runs without, or says what to do.

use sluicedb::db::SyncPath;
use sluicedb::shell::Runtime;

use crate::child::{holdings, in_child};
use crate::fixture::{Tick, has, small, tick_plan};
use crate::seccomp::{forbid_io_uring, limit};
use crate::watchdog::within;

/// Runs a database to its end, and returns what turned it, and why not the usual.
fn serve() -> (Runtime, Option<String>) {
    let db = small(2).start(&tick_plan()).unwrap();
    let mut source = db.source::<Tick>("ticks").unwrap();
    (0..3_000).for_each(|id| source.push_wait(&Tick { id }).unwrap());
    db.flush().unwrap();
    let mut view = db.view("rows").unwrap();
    assert!((0..3_000).all(|id| has(&mut view, id)));
    let told = (db.runtime(), db.fallback().map(str::to_owned));
    db.close().unwrap();
    told
}

#[test]
fn without_io_uring_plain_threads_give_the_same_results() {
    in_child("limits::without_io_uring_plain_threads_give_the_same_results", || {
        within("no io_uring", || {
            if let Err(error) = forbid_io_uring() {
                println!("no seccomp here ({error}): plain threads by choice");
                small(1).runtime(Runtime::Thread).start(&tick_plan()).unwrap().close().unwrap();
                return;
            }
            let (runtime, why) = serve();
            assert_eq!(runtime, Runtime::Thread);
            let why = why.expect("it says why");
            println!("{why}");
            assert!(why.contains("io_uring") && why.contains("seccomp"), "{why}");
            let asked = small(1).runtime(Runtime::Glommio).start(&tick_plan());
            let error = asked.map(drop).unwrap_err().to_string();
            assert!(error.starts_with("runtime: ") && error.contains("io_uring"), "{error}");
            // A directory is served by plain files.
            let place = crate::directory::Place::new("no_io_uring");
            let db = small(2).directory(place.path()).start(&tick_plan()).unwrap();
            assert_eq!(db.sync_path(), Some(SyncPath::Blocking));
            db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
            db.close().unwrap();
            let db = small(2).directory(place.path()).start(&tick_plan()).unwrap();
            assert!(has(&mut db.view("rows").unwrap(), 1));
            drop(db);
            let ring = small(2).directory(place.path()).sync_path(SyncPath::Linked);
            let error = ring.start(&tick_plan()).map(drop).unwrap_err().to_string();
            assert!(error.contains("wants an io_uring") && error.contains("blocking"), "{error}");
        });
    });
}

#[test]
fn little_memory_to_lock_is_no_reason_to_die() {
    in_child("limits::little_memory_to_lock_is_no_reason_to_die", || {
        within("memlock", || {
            limit(libc::RLIMIT_MEMLOCK, 64 << 10).unwrap();
            let (runtime, why) = serve();
            assert_eq!(runtime, Runtime::Thread);
            let why = why.expect("it says why");
            assert!(why.contains("ulimit -l"), "{why}");
        });
    });
}

#[test]
fn few_descriptors_are_an_error_that_names_them_and_the_process_lives() {
    in_child("limits::few_descriptors_are_an_error_that_names_them_and_the_process_lives", || {
        within("nofile", || {
            let (_, used, _) = holdings();
            let (mut refused, mut served) = (0, 0);
            for more in 0..40 {
                limit(libc::RLIMIT_NOFILE, used as u64 + more).unwrap();
                match small(2).start(&tick_plan()) {
                    Ok(db) => {
                        db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
                        db.close().unwrap();
                        served += 1;
                    }
                    Err(error) => {
                        let text = error.to_string();
                        assert!(text.contains("ulimit -n"), "{text}");
                        refused += 1;
                    }
                }
            }
            println!("refused {refused} times, served {served} times");
            limit(libc::RLIMIT_NOFILE, 1024).unwrap();
            serve();
        });
    });
}

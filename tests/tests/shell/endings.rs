//! Callbacks and guests: what they may not do, and what happens when they panic or hold the
//! database themselves.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread;

use sluicedb::db::{Error, PushError};
use sluicedb::shell::{Ending, Runtime};

use crate::fixture::{Tick, small, tick_plan};
use crate::watchdog::within;

const RUNTIMES: [Option<Runtime>; 2] = [None, Some(Runtime::Thread)];

fn on(runtime: Option<Runtime>, shards: usize) -> sluicedb::db::Builder {
    match runtime {
        Some(runtime) => small(shards).runtime(runtime),
        None => small(shards),
    }
}

#[test]
fn a_callback_that_panics_ends_the_database_with_its_message() {
    for runtime in RUNTIMES {
        within("a callback that panics", move || {
            let db = on(runtime, 2).start(&tick_plan()).unwrap();
            let mut source = db.source::<Tick>("ticks").unwrap();
            let mut view = db.view("rows").unwrap();
            let mut subscription = db.subscribe("all").unwrap();
            let waiter = thread::spawn(move || subscription.find_map(Result::err));
            db.on_changes("all", |_| panic!("the order book is upside down")).unwrap();
            source.push(&Tick { id: 1 }).unwrap();
            let told = "upside down";
            let error = waiter.join().unwrap().expect("an ending by panic is an error");
            assert!(error.to_string().contains(told), "{error}");
            let error = db.flush().unwrap_err().to_string();
            assert!(error.contains(told) && error.contains("callback"), "{error}");
            let error = loop {
                match source.push_wait(&Tick { id: 2 }) {
                    Ok(()) => {}
                    Err(error) => break error,
                }
            };
            assert!(matches!(&error, PushError::Ended(Ending::Panicked(_))), "{error}");
            assert!(view.get(1).unwrap_err().to_string().contains(told));
            drop(db);
            // The hosts are free for the next one.
            let db = on(runtime, 2).start(&tick_plan()).unwrap();
            db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
            db.close().unwrap();
        });
    }
}

#[test]
fn what_a_panicking_callback_holds_may_panic_as_well() {
    struct Sore(Arc<Mutex<()>>);
    impl Drop for Sore {
        fn drop(&mut self) {
            let _held = self.0.lock();
            if !thread::panicking() {
                panic!("dropped");
            }
        }
    }
    for runtime in RUNTIMES {
        within("a callback whose captures panic", move || {
            let db = on(runtime, 1).start(&tick_plan()).unwrap();
            let sore = Arc::new(Sore(Arc::default()));
            db.on_changes("all", move |changes| {
                assert!(changes.is_empty(), "{:p}", Arc::as_ptr(&sore));
            })
            .unwrap();
            db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
            drop(db);
        });
    }
}

#[test]
fn calls_that_wait_are_refused_in_a_callback_and_leave_nothing_behind() {
    for runtime in RUNTIMES {
        within("waiting in a callback", move || {
            let db = on(runtime, 1).lane_frames(2).start(&tick_plan()).unwrap();
            let mut view = db.view("rows").unwrap();
            let view = Arc::new(Mutex::new(view.get(0).is_ok().then_some(view)));
            let subscription = Arc::new(Mutex::new(db.subscribe("all").unwrap()));
            let filler = Arc::new(Mutex::new(db.source::<Tick>("ticks").unwrap()));
            let (told, heard) = mpsc::channel();
            let inner = db.clone();
            let mut first = true;
            db.on_changes("all", move |_| {
                if !std::mem::take(&mut first) {
                    return;
                }
                let mut errors: Vec<Error> = Vec::new();
                errors.extend(inner.flush().err());
                errors.extend(inner.subscribe("all").err());
                errors.extend(inner.source::<Tick>("ticks").map(drop).err());
                errors.extend(inner.view("rows").map(drop).err());
                let late = told.clone();
                let call = move |_: &sluicedb::db::Changes<'_>| {
                    late.send(Err("a refused callback was called".to_owned())).unwrap();
                };
                errors.extend(inner.on_changes("all", call).err());
                errors.extend(inner.clone().close().err());
                errors.extend(subscription.lock().unwrap().next().and_then(Result::err));
                let mut view = view.lock().unwrap();
                errors.extend(view.as_mut().unwrap().get(1).err());
                let mut filler = filler.lock().unwrap();
                let full = (0..100).find_map(|id| filler.push_wait(&Tick { id }).err());
                let refused = matches!(full, Some(PushError::WouldWait));
                let waits = |error: &Error| matches!(error, Error::WouldWait);
                assert!(refused && errors.iter().all(waits), "{full:?}, {errors:?}");
                told.send(Ok(errors.len())).unwrap();
            })
            .unwrap();
            let mut source = db.source::<Tick>("ticks").unwrap();
            source.push(&Tick { id: 1 }).unwrap();
            assert_eq!(heard.recv().unwrap(), Ok(8), "every call was refused");
            // The database runs on, and nothing that was refused was done.
            source.push_wait(&Tick { id: 2 }).unwrap();
            db.flush().unwrap();
            assert_eq!(heard.try_recv().ok(), None);
            db.close().unwrap();
        });
    }
}

#[test]
fn the_last_handle_may_be_dropped_on_a_thread_of_a_shard() {
    for runtime in RUNTIMES {
        for round in 0..20 {
            within("the last drop on a shard", move || {
                let db = on(runtime, 1 + round % 2).start(&tick_plan()).unwrap();
                let mut source = db.source::<Tick>("ticks").unwrap();
                let mut subscription = db.subscribe("all").unwrap();
                source.push(&Tick { id: 1 }).unwrap();
                let (give, take) = mpsc::channel();
                let other = db.clone();
                other
                    .run_on(0, move || match take.recv() {
                        Ok(db) => {
                            drop::<sluicedb::db::Database>(db);
                            None
                        }
                        Err(_) => None,
                    })
                    .unwrap();
                drop(other);
                give.send(db).unwrap();
                // It ends by itself, and whoever listens hears that.
                assert!(subscription.by_ref().all(|set| set.is_ok()));
                assert!(source.push_wait(&Tick { id: 2 }).is_err());
            });
        }
    }
}

#[test]
fn a_callback_that_holds_the_last_handle_ends_with_its_panic() {
    for runtime in RUNTIMES {
        within("a handle in a callback that panics", move || {
            let db = on(runtime, 2).start(&tick_plan()).unwrap();
            let mut source = db.source::<Tick>("ticks").unwrap();
            let mut subscription = db.subscribe("all").unwrap();
            let held = db.clone();
            db.on_changes("all", move |_| panic!("{held:?} is held")).unwrap();
            drop(db);
            source.push(&Tick { id: 1 }).unwrap();
            assert!(subscription.find_map(Result::err).is_some());
            // A host that waited for itself would be missing for the next one.
            let db = on(runtime, 2).start(&tick_plan()).unwrap();
            db.flush().unwrap();
        });
    }
}

#[test]
fn a_guest_pushes_from_the_shard_itself() {
    within("a guest", || {
        let db = small(1).start(&tick_plan()).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        let (done, is_done) = mpsc::channel();
        let mut id = 0;
        db.run_on(0, move || {
            if source.push(&Tick { id }).is_ok() {
                id += 1;
            }
            if id < 10_000 {
                return Some(true);
            }
            done.send(()).unwrap();
            None
        })
        .unwrap();
        is_done.recv().unwrap();
        db.flush().unwrap();
        let mut view = db.view("rows").unwrap();
        assert!((0..10_000).all(|id| crate::fixture::has(&mut view, id)));
        let error = db.run_on(7, || None).unwrap_err().to_string();
        assert!(error.contains("there is no shard 7"), "{error}");
    });
}

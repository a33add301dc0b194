//! Databases come and go in one process, and leave nothing behind; handles outlive them.

use std::thread;

use sluicedb::db::{BatchSource, BatchStream, Database, Source, Subscription, View};
use sluicedb::shell::Runtime;
use sluicedb::shell::topology::{Topology, bind_thread, parse_cpus};

use crate::child::{holdings, in_child};
use crate::fixture::{Tick, has, small, tick_plan};
use crate::watchdog::within;

const LIVES: usize = 1_000;
/// After so many everything is there that stays: threads, and what the allocator keeps.
const WARM: usize = 50;
/// Mappings that the allocator may add or merge without any of ours.
const MAPS_NOISE: usize = 8;

fn one_life(runtime: Option<Runtime>, at: usize) {
    let builder = small(1 + at % 2);
    let builder = match runtime {
        Some(runtime) => builder.runtime(runtime),
        None => builder,
    };
    let db = builder.start(&tick_plan()).unwrap();
    let mut source = db.source::<Tick>("ticks").unwrap();
    let subscription = db.subscribe("all").unwrap();
    source.push(&Tick { id: at as i64 }).unwrap();
    if at.is_multiple_of(3) {
        assert!({
            db.flush().unwrap();
            has(&mut db.view("rows").unwrap(), at as i64)
        });
        db.close().unwrap();
    } else {
        // What was pushed last may be on its way.
        drop(db);
    }
    assert!(source.push(&Tick { id: 0 }).is_err(), "the handle has outlived its database");
    drop(subscription);
}

#[test]
fn a_thousand_lives_add_no_thread_descriptor_or_mapping() {
    in_child("life::a_thousand_lives_add_no_thread_descriptor_or_mapping", || {
        for runtime in [None, Some(Runtime::Thread)] {
            let (before, after) = within("a thousand lives", move || {
                (0..WARM).for_each(|at| one_life(runtime, at));
                let before = holdings();
                (WARM..LIVES).for_each(|at| one_life(runtime, at));
                (before, holdings())
            });
            println!("{runtime:?}: threads, descriptors, mappings {before:?}, then {after:?}");
            assert_eq!((before.0, before.1), (after.0, after.1), "threads and descriptors");
            assert!(after.2 <= before.2 + MAPS_NOISE, "mappings: {before:?}, then {after:?}");
        }
    });
}

#[test]
fn a_thousand_subscribers_and_views_of_one_idle_database_leave_nothing() {
    in_child("life::a_thousand_subscribers_and_views_of_one_idle_database_leave_nothing", || {
        within("subscribers that come and go", || {
            let db = small(2).start(&tick_plan()).unwrap();
            let visit = || {
                drop(db.subscribe("all").unwrap());
                drop(db.view("rows").unwrap());
                drop(db.source::<Tick>("ticks").unwrap());
            };
            (0..200).for_each(|_| visit());
            let before = crate::child::status_bytes("VmRSS");
            (0..2_000).for_each(|_| visit());
            let after = crate::child::status_bytes("VmRSS");
            println!("{before} bytes resident, then {after}");
            // A subscription's rings alone are above 100 kB: a leak of them all would be 400 MB.
            assert!(after < before + (40 << 20), "{before} bytes resident, then {after}");
        });
    });
}

#[test]
fn a_view_subscription_and_source_that_outlive_their_database_say_so() {
    within("handles without a database", || {
        let db = small(2).start(&tick_plan()).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        let mut batches = db.batch_source("ticks").unwrap();
        let mut view = db.view("rows").unwrap();
        let mut subscription = db.subscribe("all").unwrap();
        source.push(&Tick { id: 7 }).unwrap();
        let clone = db.clone();
        db.close().unwrap();
        let closed = "the database is closed";
        assert_eq!(source.push(&Tick { id: 8 }).unwrap_err().to_string(), closed);
        assert_eq!(source.push_wait(&Tick { id: 8 }).unwrap_err().to_string(), closed);
        let ids = arrow::array::Int64Array::from(vec![1]);
        let batch = arrow::array::RecordBatch::try_from_iter_with_nullable([(
            "id",
            std::sync::Arc::new(ids) as arrow::array::ArrayRef,
            false,
        )])
        .unwrap();
        assert_eq!(batches.push(batch.clone()).unwrap_err().to_string(), closed);
        assert_eq!(batches.push_wait(batch).unwrap_err().to_string(), closed);
        assert_eq!(view.get(7).unwrap_err().to_string(), closed);
        assert_eq!(clone.flush().unwrap_err().to_string(), closed);
        assert_eq!(clone.subscribe("all").map(drop).unwrap_err().to_string(), closed);
        clone.close().expect("one that is closed stays so");
        // What was published before the end is still handed out; then it is over.
        let set = subscription.next().expect("close drains").unwrap();
        assert_eq!(set.changes().len(), 1);
        assert!(subscription.next().is_none());
        assert!(subscription.next().is_none());
    });
}

#[test]
fn close_drains_what_was_pushed_before() {
    within("close drains", || {
        for rows in [1, 5_000] {
            let db = small(2).start(&tick_plan()).unwrap();
            let subscription = db.subscribe("all").unwrap();
            let mut source = db.source::<Tick>("ticks").unwrap();
            (0..rows).for_each(|id| source.push_wait(&Tick { id }).unwrap());
            db.close().unwrap();
            let taken: usize = subscription.map(|set| set.unwrap().changes().len()).sum();
            assert_eq!(taken, rows as usize);
        }
    });
}

#[test]
fn a_drop_while_producers_push_and_subscribers_wait_ends_them_all() {
    within("a drop in the middle", || {
        for round in 0..30 {
            let db = small(1 + round % 3).lane_frames(2).start(&tick_plan()).unwrap();
            let producers: Vec<_> = (0..2)
                .map(|_| {
                    let mut source = db.source::<Tick>("ticks").unwrap();
                    thread::spawn(move || {
                        (0_i64..).find_map(|id| source.push_wait(&Tick { id }).err()).unwrap()
                    })
                })
                .collect();
            let subscriber = db.subscribe("all").unwrap();
            let subscriber = thread::spawn(move || subscriber.filter_map(Result::err).last());
            let mut view = db.view("rows").unwrap();
            let asker = thread::spawn(move || {
                loop {
                    if let Err(error) = view.get(1) {
                        return error;
                    }
                }
            });
            drop(db);
            for producer in producers {
                assert_eq!(producer.join().unwrap().to_string(), "the database is closed");
            }
            assert_eq!(asker.join().unwrap().to_string(), "the database is closed");
            // It may have been slow, which is another reason to end.
            drop(subscriber.join().unwrap());
        }
    });
}

#[test]
fn a_subscriber_that_sleeps_wakes_up_when_the_database_ends() {
    within("a sleeping subscriber", || {
        for _ in 0..20 {
            let db = small(2).start(&tick_plan()).unwrap();
            let mut subscription = db.subscribe("all").unwrap();
            let waiter = thread::spawn(move || subscription.next().is_none());
            db.flush().unwrap();
            drop(db);
            assert!(waiter.join().unwrap(), "the end is the end of the iterator");
        }
    });
}

#[test]
fn handles_go_to_other_threads_as_far_as_they_are_sound_there() {
    fn sent<T: Send>() {}
    fn shared<T: Send + Sync>() {}
    shared::<Database>();
    shared::<sluicedb::db::Error>();
    shared::<sluicedb::db::PushError>();
    sent::<Source<Tick>>();
    sent::<BatchSource>();
    sent::<Subscription>();
    sent::<BatchStream>();
    sent::<View>();
    sent::<sluicedb::db::Builder>();
}

/// On which CPUs this thread may run.
fn own_cpus() -> Vec<u32> {
    let status = std::fs::read_to_string("/proc/thread-self/status").unwrap();
    let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
    parse_cpus(list.unwrap().trim()).unwrap()
}

#[test]
fn a_shard_without_a_cpu_of_its_own_runs_where_the_placement_says() {
    within("unpinned shards", || {
        let opened = thread::spawn(|| {
            let allowed = Topology::read().topology.allowed();
            // Whoever opens the database keeps to one CPU; that is none of its shards' business.
            bind_thread(&allowed[..1]).unwrap();
            for runtime in [Runtime::Thread, Runtime::Glommio] {
                let builder = small(allowed.len() + 1).runtime(runtime);
                let Ok(db) = builder.start(&tick_plan()) else { continue };
                assert_eq!(db.placement().shared, allowed);
                let (tell, told) = std::sync::mpsc::channel();
                let look = move || {
                    tell.send(own_cpus()).unwrap();
                    None
                };
                db.run_on(allowed.len(), look).unwrap();
                assert_eq!(told.recv().unwrap(), allowed, "{runtime:?}");
                db.close().unwrap();
            }
        });
        opened.join().unwrap();
    });
}

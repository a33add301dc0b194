//! Producers that are faster than the engine: push says full, memory stays within its limit, nothing
//! is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread;

use sluicedb::db::{Database, Row, schema};
use sluicedb::plan::Builder;
use sluicedb::shell::memory::Budget;

use crate::child::{in_child, status_bytes};
use crate::fixture::{Tick, small, stream_plan, tick_plan};
use crate::subscribers::block_on;
use crate::watchdog::within;

#[derive(Row)]
struct Note {
    id: i64,
    text: String,
}

const NOTES: i64 = 300_000;

#[test]
fn a_fast_producer_and_a_slow_callback_stay_within_the_memory_limit() {
    in_child("pressure::a_fast_producer_and_a_slow_callback_stay_within_the_memory_limit", || {
        within("a slow callback", slow_callback)
    });
}

fn slow_callback() {
    let mut b = Builder::new();
    let notes = b.source("notes", schema::<Note>().unwrap(), None).unwrap();
    b.stream(notes, "all").unwrap();
    let limit = Budget::minimum_bytes(2);
    let before = status_bytes("VmHWM");
    let builder = Database::builder().shards(2).memory_limit(limit).lane_frames(64);
    let db = builder.start(&b.finish().unwrap()).unwrap();
    let sum = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&sum);
    db.on_changes("all", move |changes| {
        let ids = changes.column::<i64>("id").unwrap();
        for row in 0..changes.len() {
            (0..200).for_each(|_| std::hint::spin_loop());
            seen.fetch_add(1 + ids.get(row) as u64, Ordering::Relaxed);
        }
    })
    .unwrap();
    let mut source = db.source::<Note>("notes").unwrap();
    let mut full = 0_u64;
    let text = "x".repeat(200);
    for id in 0..NOTES {
        let note = Note { id, text: text.clone() };
        while let Err(error) = source.push(&note) {
            assert!(error.is_full(), "{error}");
            full += 1;
            thread::yield_now();
        }
    }
    db.close().unwrap();
    let grown = status_bytes("VmHWM") - before;
    println!("full {full} times; {grown} bytes more at most, limit {limit}");
    assert!(full > 0, "the producer was faster");
    assert!(grown < limit, "{grown} bytes resident, limit {limit}");
    let ids = NOTES as u64;
    assert_eq!(sum.load(Ordering::Relaxed), ids + ids * (ids - 1) / 2, "each row once");
}

#[test]
fn feeders_that_are_slowed_down_by_full_memory_are_counted() {
    within("state near its limit", || {
        let mut b = Builder::new();
        let notes = b.source("notes", schema::<Note>().unwrap(), None).unwrap();
        b.view(notes, "kept", &["id"]).unwrap();
        let limit = Budget::minimum_bytes(1);
        let builder = Database::builder().memory_limit(limit).lane_frames(8);
        let mut db = builder.inline(&b.finish().unwrap()).unwrap();
        let mut source = db.source::<Note>("notes").unwrap();
        let mut note = Note { id: 0, text: "x".repeat(2000) };
        let mut fill = |source: &mut sluicedb::db::Source<Note>| {
            while source.push(&note).is_ok() {
                note.id += 1;
            }
        };
        fill(&mut source);
        assert_eq!(db.stats().feeders_slowed, 0);
        while db.stats().feeders_slowed == 0 {
            fill(&mut source);
            db.turn();
            db.check().expect("feeders are slowed before there is no memory left");
        }
        let before = db.stats();
        // As of the last epoch: how much has come since depends on the clock.
        assert!((1..before.state_bytes_max).contains(&before.state_bytes), "{before:?}");
        fill(&mut source);
        db.turn();
        let after = db.stats();
        assert_eq!((after.feeders_slowed, after.rows_in - before.rows_in), (1, 1), "{after:?}");
        while db.turn() {}
        let end = db.stats();
        assert_eq!(
            (end.feeders_slowed, end.rows_in, end.rows_out),
            (0, source.pushed(), end.rows_in)
        );
    });
}

#[test]
fn what_shards_have_taken_and_put_out_adds_up() {
    within("rows in and out", || {
        let db = small(2).start(&tick_plan()).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        for id in 0..500 {
            source.push_wait(&Tick { id }).unwrap();
        }
        let rows: Vec<Tick> = (500..1000).map(|id| Tick { id }).collect();
        source.push_all_wait(&rows).unwrap();
        db.flush().unwrap();
        let (all, shards) = (db.stats(), db.stats_by_shard());
        // Each row leaves by the view and by the stream.
        assert_eq!((all.rows_in, all.rows_out), (1000, 2000));
        assert!(shards.len() == 2 && shards.iter().all(|shard| shard.rows_in > 300), "{shards:?}");
        assert_eq!(shards.iter().map(|shard| shard.rows_out).sum::<u64>(), 2000);
        db.close().unwrap();
    });
}

#[test]
fn a_batch_that_finds_no_room_comes_back_as_it_was() {
    within("a batch comes back", || {
        let builder = Database::builder().memory_limit(256 << 20).lane_frames(2);
        let mut db = builder.inline(&stream_plan()).unwrap();
        let mut source = db.batch_source("ticks").unwrap();
        let seen = std::rc::Rc::new(std::cell::RefCell::new(Vec::new()));
        let address = std::rc::Rc::clone(&seen);
        db.on_changes("all", move |changes| {
            let ids = changes.column::<i64>("id").unwrap();
            address.borrow_mut().extend((0..changes.len()).map(|row| ids.get(row)));
        })
        .unwrap();
        let batch = |from: i64| {
            let ids = arrow::array::Int64Array::from_iter_values(from..from + 10);
            let column = Arc::new(ids) as arrow::array::ArrayRef;
            arrow::array::RecordBatch::try_from_iter_with_nullable([("id", column, false)]).unwrap()
        };
        let buffer = |batch: &arrow::array::RecordBatch| {
            let ids = batch.column(0).as_any().downcast_ref::<arrow::array::Int64Array>();
            ids.unwrap().values().inner().data_ptr()
        };
        source.push(batch(0)).unwrap();
        source.push(batch(10)).unwrap();
        let third = batch(20);
        let address = buffer(&third);
        let refused = source.push(third).unwrap_err();
        assert!(refused.is_full(), "{refused}");
        let mut third = refused.into_batch();
        assert_eq!(buffer(&third), address, "nothing was copied");
        let column = third.remove_column(0);
        let alone = Arc::strong_count(&column);
        assert_eq!(alone, 1, "the source holds nothing of what it gave back");
        while db.turn() {}
        let again = arrow::array::RecordBatch::try_from_iter_with_nullable([("id", column, false)]);
        source.push(again.unwrap()).unwrap();
        while db.turn() {}
        assert_eq!(*seen.borrow(), (0..30).collect::<Vec<i64>>(), "nothing is lost");
        let other = [("number", batch(0).column(0).clone(), false)];
        let other = arrow::array::RecordBatch::try_from_iter_with_nullable(other).unwrap();
        let refused = source.push(other.clone()).unwrap_err();
        assert!(!refused.is_full() && refused.to_string().contains("number"), "{refused}");
        assert_eq!(refused.into_batch(), other);
    });
}

/// A database whose callback stands still until it is let go.
fn held() -> (Database, mpsc::Sender<()>, Arc<AtomicU64>) {
    let db = small(1).lane_frames(8).start(&stream_plan()).unwrap();
    let (go, gone) = mpsc::channel::<()>();
    let gone = Arc::new(std::sync::Mutex::new(gone));
    let taken = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&taken);
    db.on_changes("all", move |changes| {
        // Once the sender is gone it stands still no more.
        let _ = gone.lock().unwrap().recv();
        seen.fetch_add(changes.len() as u64, Ordering::Relaxed);
    })
    .unwrap();
    (db, go, taken)
}

#[test]
fn push_says_full_and_a_push_that_waits_goes_on_when_there_is_room() {
    within("push_wait and push_async", || {
        for waits in [true, false] {
            let (db, go, taken) = held();
            let mut source = db.source::<Tick>("ticks").unwrap();
            let mut id = 0;
            let full = loop {
                match source.push(&Tick { id }) {
                    Ok(()) => id += 1,
                    Err(error) => break error,
                }
                assert!(id < 1_000_000, "nothing stops it");
            };
            assert!(full.is_full() && full.to_string().contains("try again"), "{full}");
            let pusher = thread::spawn(move || {
                for id in id..id + 100 {
                    if waits {
                        source.push_wait(&Tick { id }).unwrap();
                    } else {
                        block_on(source.push_async(&Tick { id })).unwrap();
                    }
                }
            });
            drop(go);
            pusher.join().unwrap();
            db.close().unwrap();
            assert_eq!(taken.load(Ordering::Relaxed), id as u64 + 100);
        }
    });
}

#[test]
fn a_push_that_waits_as_a_task_hears_of_the_end() {
    within("push_async and the end", || {
        let (db, go, _) = held();
        let mut source = db.source::<Tick>("ticks").unwrap();
        while source.push(&Tick { id: 0 }).is_ok() {}
        let pusher = thread::spawn(move || {
            std::iter::repeat_with(|| block_on(source.push_async(&Tick { id: 0 })))
                .find_map(Result::err)
        });
        let closer = thread::spawn(move || drop(db));
        drop(go);
        closer.join().unwrap();
        let error = pusher.join().unwrap().expect("repeats until it fails");
        assert_eq!(error.to_string(), "the database is closed");
    });
}

#[test]
fn a_statement_that_touches_a_full_shard_is_taken_whole_or_not_at_all() {
    within("all or nothing", || {
        let (db, go, taken) = held();
        let mut source = db.source::<Tick>("ticks").unwrap();
        let rows: Vec<Tick> = (0..1000).map(|id| Tick { id }).collect();
        let mut pushed = 0;
        while source.push_all(&rows).is_ok() {
            pushed += 1;
        }
        assert_eq!(source.pushed(), pushed, "what was refused is no statement");
        drop(go);
        db.close().unwrap();
        assert_eq!(taken.load(Ordering::Relaxed), pushed * 1000);
    });
}

#[test]
fn a_batch_that_no_lane_ever_holds_is_refused_for_good() {
    within("a batch larger than the lanes", || {
        let db = small(1).lane_frames(2).start(&stream_plan()).unwrap();
        let mut source = db.batch_source("ticks").unwrap();
        let ids = arrow::array::Int64Array::from_iter_values(0..5_000);
        let column = Arc::new(ids) as arrow::array::ArrayRef;
        let batch = arrow::array::RecordBatch::try_from_iter_with_nullable([("id", column, false)]);
        let batch = batch.unwrap();
        let error = source.push(batch).unwrap_err();
        assert!(!error.is_full(), "whoever tries again on full never comes to an end: {error}");
        let text = error.to_string();
        assert!(text.contains("push_wait") && text.contains("lane_frames"), "{text}");
        source.push_wait(error.into_batch()).unwrap();
        db.close().unwrap();
    });
}

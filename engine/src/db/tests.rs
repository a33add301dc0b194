//! How databases end, and how those who wait hear of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use ::arrow::array::{Int64Array, RecordBatch, TimestampMicrosecondArray};

use super::*;
use crate::Plan;
use crate::plan::{self, AggregateSpec, Call, Emit};
use crate::shell::{Ending, Runtime, in_turn};

#[derive(Row)]
struct Pair {
    a: i64,
    b: i64,
}

/// The pairs as a stream, and how many there are of each `a` and of each `b`.
fn pairs() -> Plan {
    let mut plan = plan::Builder::new();
    let pairs = plan.source("pairs", schema::<Pair>().unwrap(), None).unwrap();
    plan.stream(pairs, "all").unwrap();
    for key in ["a", "b"] {
        let spec = AggregateSpec {
            window: None,
            keys: vec![key.to_owned()],
            calls: vec![Call::count_rows("n")],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        };
        let counts = plan.aggregate(pairs, &spec).unwrap();
        plan.view(counts, &format!("by_{key}"), &[key]).unwrap();
    }
    plan.finish().unwrap()
}

fn small() -> Builder {
    Database::builder().memory_limit(256 << 20).runtime(Runtime::Thread)
}

#[test]
fn a_subscriber_that_sleeps_hears_that_the_database_was_closed() {
    let db = small().shards(1).start(&pairs()).unwrap();
    let mut changes = db.subscribe("all").unwrap();
    let subscriber = thread::spawn(move || changes.next().is_none());
    db.close().unwrap();
    assert!(subscriber.join().unwrap());
}

#[test]
fn the_last_handle_may_be_dropped_by_a_callback() {
    let db = small().shards(1).start(&pairs()).unwrap();
    let mut changes = db.subscribe("all").unwrap();
    let mut source = db.source::<Pair>("pairs").unwrap();
    let handle = Arc::new(Mutex::new(None));
    let last = Arc::clone(&handle);
    db.on_changes("all", move |_| drop(last.lock().unwrap().take())).unwrap();
    *handle.lock().unwrap() = Some(db);
    source.push(&Pair { a: 1, b: 1 }).unwrap();
    assert_eq!(changes.by_ref().filter(|set| set.is_ok()).count(), 1);
    assert!(handle.lock().unwrap().is_none());
    assert!(matches!(source.push(&Pair { a: 1, b: 1 }), Err(PushError::Ended(Ending::Closed))));
}

#[test]
fn what_a_callback_held_may_panic_when_it_is_dropped() {
    #[derive(Clone)]
    struct Loud;
    impl Drop for Loud {
        fn drop(&mut self) {
            assert!(!in_turn(), "dropped on the thread of a shard");
        }
    }
    for called in [false, true] {
        let db = small().shards(2).start(&pairs()).unwrap();
        let loud = Loud;
        let call = move |_: &Changes<'_>| {
            let _held = &loud;
            panic!("called");
        };
        db.on_changes("all", call).unwrap();
        let mut source = db.source::<Pair>("pairs").unwrap();
        if called {
            source.push(&Pair { a: 1, b: 1 }).unwrap();
        }
        assert_eq!(db.close().is_err(), called);
    }
}

#[test]
fn a_shard_that_waits_for_room_to_another_is_woken_when_there_is_some() {
    // It is not always asleep when there is room.
    (0..5).for_each(|_| wait_for_room_to_another());
}

fn wait_for_room_to_another() {
    let db = small().shards(2).latency(Latency::Eco).exchange_frames(2);
    let db = db.start(&pairs()).unwrap();
    let open = Arc::new(AtomicBool::new(false));
    let gate = Arc::clone(&open);
    // All changes of the view are on one shard; the other fills the lane to it.
    let call = move |_: &Changes<'_>| {
        while !gate.load(Ordering::Acquire) {
            thread::yield_now();
        }
        // Slow enough for the other to go to sleep between two frames; if not, less is tested.
        (0..1000).for_each(|_| thread::yield_now());
    };
    db.on_changes("by_b", call).unwrap();
    let mut source = db.batch_source("pairs").unwrap();
    for _ in 0..20 {
        source.push(batch(1024)).unwrap();
    }
    thread::scope(|scope| {
        let flush = scope.spawn(|| db.flush());
        (0..1000).for_each(|_| thread::yield_now());
        open.store(true, Ordering::Release);
        flush.join().unwrap().unwrap();
    });
    let mut view = db.view("by_b").unwrap();
    let counts = view.get(7).unwrap();
    assert_eq!(counts.column::<i64>("n").unwrap().get(0), 20 * 1024, "{}", db.explain());
}

#[test]
fn a_panic_in_an_inline_turn_ends_the_database_and_the_turn() {
    let mut db = Database::builder().memory_limit(256 << 20).inline(&pairs()).unwrap();
    db.on_changes("all", |_| panic!("no")).unwrap();
    let mut changes = db.subscribe("all").unwrap();
    let mut source = db.source::<Pair>("pairs").unwrap();
    source.push(&Pair { a: 1, b: 1 }).unwrap();
    while db.turn() {}
    assert!(!in_turn());
    assert!(matches!(db.check(), Err(Error::Ended(Ending::Panicked(_)))));
    while db.turn() {}
    assert!(matches!(changes.try_next(), Err(Error::Ended(Ending::Panicked(_)))));
}

#[test]
fn a_call_that_may_not_wait_has_no_effect() {
    let db = small().shards(1).start(&pairs()).unwrap();
    let mut source = db.source::<Pair>("pairs").unwrap();
    let called = Arc::new(AtomicBool::new(false));
    let refused = Arc::new(AtomicBool::new(false));
    let (inner, calls, refusals) = (db.clone(), Arc::clone(&called), Arc::clone(&refused));
    let handle = Arc::new(Mutex::new(Some(inner)));
    let call = move |_: &Changes<'_>| {
        let Some(inner) = handle.lock().unwrap().take() else { return };
        let calls = Arc::clone(&calls);
        let asked = inner.on_changes("all", move |_| calls.store(true, Ordering::Relaxed));
        refusals.store(matches!(asked, Err(Error::WouldWait)), Ordering::Relaxed);
    };
    db.on_changes("all", call).unwrap();
    for row in 0..2 {
        source.push(&Pair { a: row, b: 0 }).unwrap();
        db.flush().unwrap();
    }
    assert!(refused.load(Ordering::Relaxed) && !called.load(Ordering::Relaxed));
}

#[test]
fn a_batch_that_never_fits_is_refused_for_good() {
    let db = small().shards(1).lane_frames(2).start(&pairs()).unwrap();
    let mut source = db.batch_source("pairs").unwrap();
    let error = source.push(batch(3 * 1024)).unwrap_err();
    assert!(!error.is_full() && error.to_string().contains("3 is more than"), "{error}");
    source.push_wait(batch(3 * 1024)).unwrap();
    db.flush().unwrap();
    source.push(batch(2 * 1024)).unwrap();
}

#[test]
fn a_source_that_is_finished_closes_every_window() {
    for shards in [1, 2] {
        let db = small().shards(shards).start(&Plan::empty()).unwrap();
        db.execute("CREATE SOURCE s (k BIGINT, ts TIMESTAMP, WATERMARK FOR ts)").unwrap();
        db.execute(
            "CREATE MATERIALIZED VIEW v AS SELECT k, count(*) AS n FROM s \
             GROUP BY k, tumble(ts, INTERVAL '1' SECOND) EMIT ON WINDOW CLOSE",
        )
        .unwrap();
        let mut source = db.batch_source("s").unwrap();
        let schemas = arrow::BatchSchemas::new(source.schema()).unwrap();
        let keys = Arc::new(Int64Array::from_iter_values([1, 2, 1]));
        let times = Arc::new(TimestampMicrosecondArray::from_iter_values([0, 5, 7]));
        let rows = RecordBatch::try_new(schemas.schema(false).clone(), vec![keys, times]);
        source.push(rows.unwrap()).unwrap();
        db.flush().unwrap();
        assert_eq!(db.query("SELECT * FROM v").unwrap().len(), 0);
        source.finish().unwrap();
        db.flush().unwrap();
        assert_eq!(db.query("SELECT * FROM v").unwrap().len(), 2);
    }
}

fn batch(rows: i64) -> RecordBatch {
    let fields = arrow::BatchSchemas::new(&schema::<Pair>().unwrap()).unwrap();
    let a = Arc::new(Int64Array::from_iter_values(0..rows));
    let b = Arc::new(Int64Array::from_iter_values((0..rows).map(|_| 7)));
    RecordBatch::try_new(fields.schema(false).clone(), vec![a, b]).unwrap()
}

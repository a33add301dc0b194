//! Subscribers that do not keep up: each policy does what it says, and the engine is not held up
//! unasked.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use futures_core::Stream;
use sluicedb::db::{Error, SubscribeOptions, Weights};
use sluicedb::shell::Overflow;

use crate::fixture::{Tick, small, stream_plan};
use crate::watchdog::within;

const ROWS: i64 = 20_000;

fn ids(set: &sluicedb::db::ChangeSet) -> Vec<i64> {
    let changes = set.changes();
    let column = changes.column::<i64>("id").unwrap();
    (0..changes.len()).map(|row| column.get(row)).collect()
}

#[test]
fn a_subscriber_that_is_skipped_knows_exactly_how_many_it_missed() {
    for shards in [1, 2] {
        within("skip", move || {
            let db = small(shards).start(&stream_plan()).unwrap();
            let options = SubscribeOptions { capacity: 2, overflow: Overflow::Skip };
            let mut subscription = db.subscribe_with("all", options).unwrap();
            let mut source = db.source::<Tick>("ticks").unwrap();
            let mut taken = BTreeSet::new();
            for id in 0..ROWS {
                source.push_wait(&Tick { id }).unwrap();
                if id % 5_000 == 0 {
                    db.flush().unwrap();
                    let set = subscription.try_next().unwrap();
                    taken.extend(set.iter().flat_map(ids));
                }
            }
            db.close().unwrap();
            while let Some(set) = subscription.try_next().unwrap() {
                taken.extend(ids(&set));
            }
            let missed = subscription.missed();
            assert!(missed > 0, "it was slow");
            assert_eq!(taken.len() as u64 + missed, ROWS as u64);
        });
    }
}

#[test]
fn a_subscriber_that_is_cut_hears_of_it_after_what_it_was_given() {
    for shards in [1, 2] {
        within("disconnect", move || {
            let db = small(shards).start(&stream_plan()).unwrap();
            let options = SubscribeOptions { capacity: 2, overflow: Overflow::Disconnect };
            let mut subscription = db.subscribe_with("all", options).unwrap();
            let mut source = db.source::<Tick>("ticks").unwrap();
            (0..ROWS).for_each(|id| {
                source.push_wait(&Tick { id }).unwrap();
                // Many morsels rather than a few large ones.
                if id % 100 == 0 {
                    db.flush().unwrap();
                }
            });
            db.flush().unwrap();
            let mut taken = 0;
            let missed = loop {
                match subscription.next() {
                    Some(Ok(set)) => taken += set.changes().len() as u64,
                    Some(Err(Error::Disconnected { missed })) => break missed,
                    other => panic!("{other:?}"),
                }
            };
            assert!(missed > 0 && taken > 0 && taken + missed <= ROWS as u64);
            assert!(subscription.next().is_none(), "it is over");
            // The engine was not held up, and another subscriber finds it running.
            let mut next = db.subscribe("all").unwrap();
            source.push(&Tick { id: ROWS }).unwrap();
            assert_eq!(ids(&next.next().unwrap().unwrap()), [ROWS]);
        });
    }
}

#[test]
fn a_subscriber_that_is_cut_while_it_sleeps_wakes_up() {
    within("cut asleep", || {
        for _ in 0..200 {
            let db = small(1).start(&stream_plan()).unwrap();
            let options = SubscribeOptions { capacity: 1, overflow: Overflow::Disconnect };
            let subscription = db.subscribe_with("all", options).unwrap();
            let waiter = thread::spawn(move || {
                // Only an ending ends this.
                for set in subscription {
                    match set {
                        Ok(set) => drop(set),
                        Err(Error::Disconnected { missed }) => return missed,
                        Err(other) => panic!("{other}"),
                    }
                }
                1
            });
            let mut source = db.source::<Tick>("ticks").unwrap();
            (0..400).for_each(|id| source.push_wait(&Tick { id }).unwrap());
            db.flush().unwrap();
            drop(source);
            db.close().unwrap();
            assert!(waiter.join().unwrap() > 0, "a cut says how many it cost");
        }
    });
}

#[test]
fn a_subscriber_that_blocks_loses_nothing_and_sees_the_order() {
    within("block", || {
        let db = small(1).start(&stream_plan()).unwrap();
        let options = SubscribeOptions { capacity: 1, overflow: Overflow::Block };
        let subscription = db.subscribe_with("all", options).unwrap();
        let subscriber = thread::spawn(move || {
            let mut seen = Vec::new();
            for set in subscription {
                seen.extend(ids(&set.unwrap()));
                thread::yield_now();
            }
            seen
        });
        let mut source = db.source::<Tick>("ticks").unwrap();
        let rows: Vec<Tick> = (0..ROWS * 10).map(|id| Tick { id }).collect();
        for part in rows.chunks(1024) {
            while let Err(error) = source.push_all(part) {
                assert!(error.is_full());
                thread::yield_now();
            }
        }
        db.close().unwrap();
        let seen = subscriber.join().unwrap();
        assert!(seen.iter().copied().eq(0..ROWS * 10), "{} rows, all in order", seen.len());
    });
}

#[test]
fn a_database_ends_though_a_subscriber_blocks_it() {
    within("the end of a blocked database", || {
        let db = small(2).lane_frames(4).start(&stream_plan()).unwrap();
        let options = SubscribeOptions { capacity: 1, overflow: Overflow::Block };
        let subscription = db.subscribe_with("all", options).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        let full = (0..).find_map(|id| source.push(&Tick { id }).err()).unwrap();
        assert!(full.is_full(), "pressure travels back: {full}");
        drop(db);
        assert!(subscription.filter_map(Result::err).next().is_none());
    });
}

#[test]
fn a_blocking_subscriber_that_leaves_lets_the_engine_go_on() {
    within("a blocking subscriber that leaves", || {
        let db = small(1).lane_frames(4).start(&stream_plan()).unwrap();
        let options = SubscribeOptions { capacity: 1, overflow: Overflow::Block };
        let subscription = db.subscribe_with("all", options).unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        assert!((0..).any(|id| source.push(&Tick { id }).is_err()));
        drop(subscription);
        (0..ROWS).for_each(|id| source.push_wait(&Tick { id }).unwrap());
        db.close().unwrap();
    });
}

#[test]
fn waiting_for_changes_ends_with_the_time_given_and_not_before_the_end_of_time() {
    within("next_timeout", || {
        let db = small(1).start(&stream_plan()).unwrap();
        let mut subscription = db.subscribe("all").unwrap();
        assert!(subscription.next_timeout(Duration::ZERO).unwrap().is_none());
        assert!(subscription.next_timeout(Duration::from_millis(2)).unwrap().is_none());
        db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
        let set = subscription.next_timeout(Duration::MAX).unwrap();
        assert_eq!(ids(&set.expect("there is all time")), [1]);
        drop(db);
        assert!(subscription.next_timeout(Duration::MAX).unwrap().is_none());
    });
}

/// Wakes a thread.
struct Unpark(thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future on this thread.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(done) => return done,
            Poll::Pending => thread::park(),
        }
    }
}

#[test]
fn a_stream_of_batches_ends_with_the_database() {
    within("a stream of batches", || {
        let db = small(2).start(&stream_plan()).unwrap();
        let options = SubscribeOptions { capacity: 2, overflow: Overflow::Block };
        let mut batches = db.subscribe_with("all", options).unwrap().batches(Weights::WhereNeeded);
        let taker = thread::spawn(move || {
            let mut rows = 0;
            loop {
                let next = std::future::poll_fn(|context| {
                    std::pin::Pin::new(&mut batches).poll_next(context)
                });
                match block_on(next) {
                    Some(batch) => rows += batch.unwrap().num_rows(),
                    None => return rows,
                }
            }
        });
        let mut source = db.source::<Tick>("ticks").unwrap();
        block_on(async {
            for id in 0..ROWS {
                source.push_async(&Tick { id }).await.unwrap();
            }
        });
        db.close().unwrap();
        assert_eq!(taker.join().unwrap(), ROWS as usize);
        assert!(block_on(source.push_async(&Tick { id: 0 })).is_err());
    });
}

//! The database that its caller turns gives the same results without a thread.

use std::cell::Cell;
use std::rc::Rc;

use sluicedb::db::{Database, Error, InlineDatabase, PushError};
use sluicedb_tests::reference::{Relation, same};

use crate::fixture::{
    Owner, Tick, Trade, WIDE, add, found, last_trade, owners, tick_plan, trade, trades_batch,
    wide_plan, wide_result,
};
use crate::watchdog::within;

const TRADES: u64 = 3_000;

fn inline(plan: &sluicedb::Plan, frames: usize) -> InlineDatabase {
    let builder = Database::builder().memory_limit(256 << 20);
    builder.lane_frames(frames).inline(plan).unwrap()
}

#[test]
fn an_inline_database_gives_the_results_of_the_reference() {
    within("inline", || {
        for frames in [2, 256] {
            let mut db = inline(&wide_plan(), frames);
            let mut subscriptions = WIDE.map(|name| (name, db.subscribe(name).unwrap()));
            let mut sums = WIDE.map(|name| (name.to_owned(), Relation::new()));
            let mut source = db.source::<Trade>("trades").unwrap();
            let mut batches = db.batch_source("trades").unwrap();
            db.source::<Owner>("owners").unwrap().push_all(&owners()).unwrap();
            let mut take = |db: &mut InlineDatabase| {
                db.turn();
                for ((_, subscription), (_, sum)) in subscriptions.iter_mut().zip(&mut sums) {
                    while let Some(set) = subscription.try_next().unwrap() {
                        add(sum, &set.changes());
                        subscription.recycle(set);
                    }
                }
            };
            for i in 0..TRADES / 2 {
                while let Err(error) = source.push(&trade(i)) {
                    assert!(error.is_full());
                    take(&mut db);
                }
            }
            let rest: Vec<Trade> = (TRADES / 2..TRADES).map(trade).collect();
            for part in rest.chunks(500) {
                while let Err(error) = batches.push(trades_batch(part)) {
                    assert!(error.is_full());
                    take(&mut db);
                }
            }
            while source.push(&last_trade()).is_err()
                || batches.push(trades_batch(&[last_trade()])).is_err()
            {
                take(&mut db);
            }
            // Waits, and so turns by itself.
            db.flush().unwrap();
            take(&mut db);
            check(&mut db, &sums);
        }
    });
}

fn check(db: &mut InlineDatabase, sums: &[(String, Relation)]) {
    // `last_trade` may have been pushed more than once by one feeder; count how often.
    let expected = wide_result(TRADES, 2);
    let sums = sums.iter().cloned().collect();
    same(&expected, &sums).unwrap();
    let mut totals = db.view("totals").unwrap();
    for row in expected["totals"].keys() {
        assert_eq!(found(&db.get(&mut totals, &row[0]).unwrap()), [(row.clone(), 1)]);
    }
}

#[test]
fn a_push_that_would_wait_for_its_own_caller_is_refused() {
    within("push_wait inline", || {
        let mut db = inline(&tick_plan(), 4);
        let mut source = db.source::<Tick>("ticks").unwrap();
        let mut taken = 0;
        let error = loop {
            match source.push_wait(&Tick { id: taken }) {
                Ok(()) => taken += 1,
                Err(error) => break error,
            }
        };
        assert_eq!(error, PushError::WouldWait);
        assert!(error.to_string().contains("turn"), "{error}");
        let mut view = db.view("rows").unwrap();
        db.flush().unwrap();
        for id in 0..taken {
            assert_eq!(db.get(&mut view, id).unwrap().len(), 1);
        }
        assert_eq!(db.get(&mut view, taken).unwrap().len(), 0);
        let waits = |error: Error| matches!(error, Error::WouldWait);
        assert!(view.get(0).map(drop).is_err_and(waits));
        let mut subscription = db.subscribe("all").unwrap();
        assert!(subscription.next().unwrap().is_err_and(waits));
        // A lookup between two turns sees what the turns before it did.
        source.push(&Tick { id: 1000 }).unwrap();
        assert_eq!(db.get(&mut view, 1000).unwrap().len(), 0);
        while db.turn() {}
        assert_eq!(db.get(&mut view, 1000).unwrap().len(), 1);
        assert_eq!(subscription.try_next().unwrap().unwrap().changes().len(), 1);
    });
}

#[test]
fn handles_of_an_inline_database_hear_of_its_end() {
    within("the end inline", || {
        let mut db = inline(&tick_plan(), 4);
        let mut source = db.source::<Tick>("ticks").unwrap();
        let mut subscription = db.subscribe("all").unwrap();
        source.push(&Tick { id: 1 }).unwrap();
        drop(db);
        assert!(matches!(source.push(&Tick { id: 2 }), Err(PushError::Ended(_))));
        while subscription.try_next().unwrap().is_some() {}
        assert!(subscription.next().is_none());
    });
}

#[test]
fn a_callback_that_panics_in_a_turn_ends_the_inline_database() {
    within("a panic inline", || {
        let mut db = inline(&tick_plan(), 4);
        // What stays on one thread may go to a callback that does.
        let armed = Rc::new(Cell::new(true));
        let sensitive = Rc::clone(&armed);
        db.on_changes("all", move |_| {
            assert!(!sensitive.get(), "the callback is sore");
        })
        .unwrap();
        let mut source = db.source::<Tick>("ticks").unwrap();
        source.push(&Tick { id: 1 }).unwrap();
        for _ in 0..10 {
            db.turn();
        }
        let error = db.check().unwrap_err().to_string();
        assert!(error.contains("the callback is sore"), "{error}");
        assert!(matches!(source.push(&Tick { id: 2 }), Err(PushError::Ended(_))));
        assert!(db.flush().unwrap_err().to_string().contains("sore"));
        drop(db);
        // The thread can wait for other databases.
        let other = crate::fixture::small(1).start(&tick_plan()).unwrap();
        other.flush().unwrap();
        other.close().unwrap();
    });
}

#[test]
fn an_inline_database_takes_no_seats() {
    for builder in [Database::builder().shards(2), Database::builder().cores([0])] {
        let error = builder.inline(&tick_plan()).map(drop).unwrap_err().to_string();
        assert!(error.contains("leave shards and cores out"), "{error}");
    }
    let turned = Database::builder().shards(1).memory_limit(256 << 20).inline(&tick_plan());
    assert!(turned.is_ok());
}

//! Relations come and go while the database runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use sluicedb::db::{Database, Error, PushError, Row, SqlError, schema};
use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Function, NodeId, Plan, Window};
use sluicedb::shell::Ending;
use sluicedb_tests::reference::{Input, Relation, Row as ReferenceRow, evaluate};

use crate::child::{holdings, in_child};
use crate::fixture::{
    END_US, Owner, Tick, Trade, found, has, last_trade, owners, small, tick_plan, trade,
};
use crate::watchdog::within;

/// Windows that change, windows that close, and a join with an aggregate above it.
fn queries(b: &mut Builder, trades: NodeId, owners: NodeId) -> Result<(), SqlError> {
    let window = Window::Tumble { time: "ts".into(), size_us: 1_000_000, offset_us: 0 };
    for (name, emit) in [("bars", Emit::Changes), ("closed", Emit::OnClose)] {
        let spec = AggregateSpec {
            window: Some(window.clone()),
            keys: vec!["symbol".to_owned()],
            calls: vec![Call::count_rows("trades"), Call::of("high", Function::Max, "price")],
            emit,
            allowed_lateness_us: 0,
        };
        let bars = b.aggregate(trades, &spec)?;
        b.view(bars, name, &["symbol", "window_start"])?;
    }
    let pairs = b.join(trades, owners, &[("account", "id")])?;
    let totals = b.aggregate(pairs, &totals("name"))?;
    b.view(totals, "totals", &["name"])?;
    Ok(())
}

fn totals(key: &str) -> AggregateSpec {
    AggregateSpec {
        window: None,
        keys: vec![key.to_owned()],
        calls: vec![Call::count_rows("n")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    }
}

fn sources(b: &mut Builder) -> Result<[NodeId; 2], SqlError> {
    let trades = b.source("trades", schema::<Trade>()?, Some(("ts", 0)))?;
    Ok([trades, b.source("owners", schema::<Owner>()?, None)?])
}

/// What the queries come to over so many trades and the last one.
fn expected(count: u64) -> std::collections::BTreeMap<String, Relation> {
    let mut b = Builder::new();
    let [trades, owned] = sources(&mut b).unwrap();
    queries(&mut b, trades, owned).unwrap();
    let row = |values| ReferenceRow { values, tie: 0, behind: i64::MIN };
    let trades = (0..count).map(trade).chain([last_trade()]).map(|trade| {
        use sluicedb::Value;
        let Trade { symbol, account, price, ts } = trade;
        row(vec![
            Value::text(&symbol),
            Value::BigInt(account),
            Value::BigInt(price),
            Value::Timestamp(ts),
        ])
    });
    let trades = Input { rows: trades.collect(), watermark: END_US };
    let owned = owners().into_iter().map(|Owner { id, name }| {
        row(vec![sluicedb::Value::BigInt(id), sluicedb::Value::text(&name)])
    });
    let owned = Input { rows: owned.collect(), watermark: i64::MIN };
    evaluate(&b.finish().unwrap(), &[trades, owned]).unwrap()
}

/// Compares views with what they are to hold, by one lookup for each row and a count of all.
fn compare(db: &Database, count: u64) {
    for (name, rows) in expected(count) {
        let mut view = db.view(&name).unwrap();
        for (row, weight) in &rows {
            use sluicedb::Value::{Text, Timestamp};
            let changes = match row.as_slice() {
                [Timestamp(start), _, Text(symbol), ..] => view.get((&**symbol, *start)),
                [Text(owner), ..] => view.get(&**owner),
                other => panic!("{name} has no such rows: {other:?}"),
            };
            assert_eq!(found(&changes.unwrap()), [(row.clone(), *weight)], "{name}");
        }
    }
}

#[test]
fn views_that_come_to_a_view_hold_what_was_pushed_before_them() {
    for (shards, before) in [(1, 0), (1, 5_000), (3, 5_000), (3, 9_000)] {
        within("views on a view", move || {
            let db = small(shards).start(&Plan::empty()).unwrap();
            let mut b = Builder::over(&db.plan());
            let [trades, owned] = sources(&mut b).unwrap();
            // By another key than any query asks for, so that rows change shards.
            let kept = b.view(trades, "kept", &["price"]).unwrap();
            let known = b.view(owned, "known", &["name"]).unwrap();
            db.install(&b.finish().unwrap()).unwrap();
            let mut trades = db.source::<Trade>("trades").unwrap();
            let mut owned = db.source::<Owner>("owners").unwrap();
            owners().iter().for_each(|owner| owned.push_wait(owner).unwrap());
            (0..before).for_each(|i| trades.push_wait(&trade(i)).unwrap());
            let mut b = Builder::over(&db.plan());
            queries(&mut b, kept, known).unwrap();
            db.install(&b.finish().unwrap()).unwrap();
            (before..9_000).for_each(|i| trades.push_wait(&trade(i)).unwrap());
            trades.push_wait(&last_trade()).unwrap();
            db.flush().unwrap();
            compare(&db, 9_000);
        });
    }
}

#[test]
fn windows_that_closed_before_a_view_came_are_closed_in_it() {
    let db = small(2).start(&Plan::empty()).unwrap();
    let mut b = Builder::over(&db.plan());
    let [trades, owned] = sources(&mut b).unwrap();
    let kept = b.view(trades, "kept", &[]).unwrap();
    let known = b.view(owned, "known", &[]).unwrap();
    db.install(&b.finish().unwrap()).unwrap();
    let mut trades = db.source::<Trade>("trades").unwrap();
    let mut owned = db.source::<Owner>("owners").unwrap();
    owners().iter().for_each(|owner| owned.push_wait(owner).unwrap());
    (0..3_000).for_each(|i| trades.push_wait(&trade(i)).unwrap());
    trades.push_wait(&last_trade()).unwrap();
    db.flush().unwrap();
    let mut b = Builder::over(&db.plan());
    queries(&mut b, kept, known).unwrap();
    db.install(&b.finish().unwrap()).unwrap();
    db.flush().unwrap();
    compare(&db, 3_000);
}

#[test]
fn a_view_that_comes_to_a_source_holds_what_is_pushed_behind_it() {
    let mut db = Database::builder().inline(&tick_plan()).unwrap();
    let mut ticks = db.source::<Tick>("ticks").unwrap();
    ticks.push(&Tick { id: 1 }).unwrap();
    let mut b = Builder::over(&db.plan());
    let source = db.plan().source("ticks").unwrap();
    let more = b.view(source, "more", &["id"]).unwrap();
    db.install(&b.finish().unwrap()).unwrap();
    ticks.push(&Tick { id: 2 }).unwrap();
    db.flush().unwrap();
    let (mut rows, mut later) = (db.view("rows").unwrap(), db.view("more").unwrap());
    let mut held = |id: i64| {
        let held = |changes: Result<sluicedb::db::Changes<'_>, Error>| changes.unwrap().len();
        (held(db.get(&mut rows, id)), held(db.get(&mut later, id)))
    };
    assert_eq!((held(1), held(2)), ((1, 0), (1, 1)));
    db.install(&db.plan().without(&[more]).unwrap()).unwrap();
    let gone = db.get(&mut later, 2).map(|changes| changes.len());
    assert!(matches!(gone, Err(Error::Ended(Ending::Dropped(name))) if name == "more"));
}

fn is_dropped<T>(result: Result<T, Error>, wanted: &str) -> bool {
    matches!(result, Err(Error::Ended(Ending::Dropped(name))) if name == wanted)
}

#[derive(Row)]
struct Other {
    name: String,
}

#[test]
fn handles_of_what_is_dropped_say_so_and_do_not_reach_what_takes_its_place() {
    within("drop and create again", || {
        let db = small(2).start(&tick_plan()).unwrap();
        let mut ticks = db.source::<Tick>("ticks").unwrap();
        let mut rows = db.view("rows").unwrap();
        let mut all = db.subscribe("all").unwrap();
        ticks.push(&Tick { id: 7 }).unwrap();
        db.install(&db.plan().without(&db.plan().ids().collect::<Vec<_>>()).unwrap()).unwrap();
        let mut b = Builder::over(&db.plan());
        let others = b.source("ticks", schema::<Other>().unwrap(), None).unwrap();
        b.view(others, "rows", &["name"]).unwrap();
        b.stream(others, "all").unwrap();
        db.install(&b.finish().unwrap()).unwrap();
        let mut others = db.source::<Other>("ticks").unwrap();
        others.push(&Other { name: "a".to_owned() }).unwrap();
        db.flush().unwrap();
        let refused = ticks.push(&Tick { id: 8 });
        assert!(matches!(refused, Err(PushError::Ended(Ending::Dropped(name))) if name == "ticks"));
        assert!(is_dropped(rows.get(7).map(|_| ()), "rows"));
        let set = all.next().unwrap().unwrap();
        assert_eq!(set.changes().len(), 1, "what was pushed before is handed on");
        assert!(is_dropped(all.next().unwrap(), "all"));
        assert!(all.next().is_none(), "it is told once");
        drop(ticks);
        let mut again = db.source::<Other>("ticks").unwrap();
        again.push(&Other { name: "b".to_owned() }).unwrap();
        db.flush().unwrap();
        let mut rows = db.view("rows").unwrap();
        assert_eq!((rows.get("a").unwrap().len(), rows.get("b").unwrap().len()), (1, 1));
    });
}

#[test]
fn a_plan_that_does_not_go_on_from_the_one_that_runs_is_refused() {
    let db = small(1).start(&tick_plan()).unwrap();
    let old = db.plan();
    let mut b = Builder::over(&old);
    b.view(old.source("ticks").unwrap(), "more", &[]).unwrap();
    db.install(&b.finish().unwrap()).unwrap();
    let mut b = Builder::over(&old);
    b.view(old.source("ticks").unwrap(), "other", &[]).unwrap();
    let stale = db.install(&b.finish().unwrap());
    assert!(matches!(stale, Err(Error::Sql(error)) if error.sqlstate == "22023"));
    db.install(&db.plan()).unwrap();
    assert!(db.explain().contains("view more") && !db.explain().contains("other"));
}

#[test]
fn an_install_from_a_callback_is_refused_and_from_many_threads_they_follow_each_other() {
    within("installs of many threads", || {
        let db = small(2).start(&tick_plan()).unwrap();
        let (seen, inside) = (Arc::new(Mutex::new(None)), db.clone());
        let told = Arc::clone(&seen);
        db.on_changes("all", move |_| {
            let refused = inside.install(&inside.plan());
            *told.lock().unwrap() = Some(matches!(refused, Err(Error::WouldWait)));
        })
        .unwrap();
        db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
        let one = |db: Database, at: usize| {
            move || loop {
                let plan = db.plan();
                let mut b = Builder::over(&plan);
                b.view(plan.view("rows").unwrap(), &format!("view{at}"), &["id"]).unwrap();
                // Somebody else may have been faster.
                if db.install(&b.finish().unwrap()).is_ok() {
                    return;
                }
            }
        };
        let threads: Vec<_> = (0..8).map(|at| thread::spawn(one(db.clone(), at))).collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        db.flush().unwrap();
        assert!((0..8).all(|at| has(&mut db.view(&format!("view{at}")).unwrap(), 1)));
        assert_eq!(*seen.lock().unwrap(), Some(true));
        db.close().unwrap();
    });
}

/// Bytes of state once a shard has had turns enough to tell: the same three times over.
fn settled_state(db: &Database) -> u64 {
    let mut last = (0, 0);
    loop {
        db.flush().unwrap();
        thread::sleep(Duration::from_millis(20));
        let state = db.stats().state_bytes;
        last = if state == last.0 { (state, last.1 + 1) } else { (state, 1) };
        if last.1 == 3 {
            return state;
        }
    }
}

#[test]
fn a_thousand_views_come_and_go_and_leave_nothing() {
    in_child("catalog::a_thousand_views_come_and_go_and_leave_nothing", || {
        within("a thousand views", || {
            let db = small(2).start(&tick_plan()).unwrap();
            let (stop, pushed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
            let mut ticks = db.source::<Tick>("ticks").unwrap();
            let (stops, counts) = (Arc::clone(&stop), Arc::clone(&pushed));
            let feeder = thread::spawn(move || {
                while !stops.load(Ordering::Relaxed) {
                    let id = counts.fetch_add(1, Ordering::Relaxed) as i64 % 500;
                    ticks.push_wait(&Tick { id }).unwrap();
                    thread::yield_now();
                }
            });
            let mut warm = None;
            for at in 0..1_000 {
                let plan = db.plan();
                let mut b = Builder::over(&plan);
                let counts = b.aggregate(plan.view("rows").unwrap(), &totals("id")).unwrap();
                let view = b.view(counts, "counts", &["n"]).unwrap();
                db.install(&b.finish().unwrap()).unwrap();
                let mut lookup = db.view("counts").unwrap();
                let mut changes = db.subscribe("counts").unwrap();
                db.install(&db.plan().without(&[counts, view]).unwrap()).unwrap();
                assert!(is_dropped(lookup.get(1).map(|_| ()), "counts"));
                let over = std::iter::from_fn(|| changes.next()).last();
                assert!(is_dropped(over.unwrap(), "counts"));
                if at == 100 {
                    // The view below has all of its rows from here on.
                    while pushed.load(Ordering::Relaxed) <= 500 {
                        thread::yield_now();
                    }
                    let state = settled_state(&db);
                    warm = Some((holdings(), state));
                }
            }
            stop.store(true, Ordering::Relaxed);
            feeder.join().unwrap();
            let (warm, state) = warm.unwrap();
            let state_after = settled_state(&db);
            let after = holdings();
            println!("{warm:?} and {state} bytes, then {after:?} and {state_after} bytes");
            // The feeder has ended meanwhile.
            assert_eq!((warm.0, warm.1), (after.0 + 1, after.1), "threads and descriptors");
            assert!(after.2 <= warm.2 + 8, "mappings");
            assert_eq!(state, state_after, "blocks of what is gone are free");
        });
    });
}

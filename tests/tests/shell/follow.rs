//! Subscriptions to queries, and subscriptions that begin with the rows that are there.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use sluicedb::db::{Database, Outcome, Subscription, Value, values};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::small;
use crate::watchdog::within;

fn database(shards: usize) -> Database {
    let db = Database::builder().memory_limit(256 << 20).shards(shards);
    let db = db.start(&Plan::empty()).unwrap();
    for text in [
        "CREATE SOURCE trades (symbol TEXT, price BIGINT) WITH (retain = 0)",
        "CREATE MATERIALIZED VIEW totals AS \
         SELECT symbol, count(*) AS trades, sum(price) AS total FROM trades GROUP BY symbol",
        "CREATE STREAM large AS SELECT * FROM trades WHERE price > 10",
    ] {
        db.execute(text).unwrap();
    }
    db
}

fn follow(db: &Database, text: &str) -> Subscription {
    match db.execute(text).unwrap() {
        Outcome::Changes(changes) => *changes,
        _ => panic!("{text} follows nothing"),
    }
}

/// The net of all changes that are there: rows and how often.
fn net(changes: &mut Subscription, into: &mut BTreeMap<String, i64>) {
    while let Some(set) = changes.try_next().unwrap() {
        let rows = set.changes();
        for row in 0..rows.len() {
            let width = rows.schema().len();
            let cells = (0..width).map(|at| rows.row(row).value(at).to_string());
            let cells: Vec<String> = cells.collect();
            let weight = into.entry(cells.join(" ")).or_default();
            *weight += rows.weight(row);
        }
    }
    into.retain(|_, weight| *weight != 0);
}

fn caught_up(db: &Database, changes: &mut Subscription) -> Vec<String> {
    db.flush().unwrap();
    let mut found = BTreeMap::new();
    net(changes, &mut found);
    let mut found: Vec<(String, i64)> = found.into_iter().collect();
    found.sort_by_key(|(_, weight)| *weight);
    found.into_iter().map(|(row, weight)| format!("{weight:+} {row}")).collect()
}

fn all_of(db: &Database, query: &str) -> BTreeMap<String, i64> {
    let found = db.query(query).unwrap();
    let row = |row: Vec<Value>| {
        let cells: Vec<String> = row.iter().map(Value::to_string).collect();
        (cells.join(" "), 1)
    };
    found.batches.iter().flat_map(values).map(row).collect()
}

#[test]
fn a_query_is_followed_from_the_moment_of_subscribing_on() {
    for shards in [1, 2] {
        let db = database(shards);
        db.execute("INSERT INTO trades VALUES ('A', 1), ('B', 20)").unwrap();
        let text = "SUBSCRIBE TO (SELECT symbol, price * 2 AS twice FROM trades WHERE price > 1)";
        let mut rows = follow(&db, text);
        let mut sums = follow(&db, "SUBSCRIBE TO SELECT sum(total) AS all_of_them FROM totals");
        let mut many =
            follow(&db, "SUBSCRIBE TO (SELECT symbol, total FROM totals WHERE total > 20)");
        db.execute("INSERT INTO trades VALUES ('A', 5), ('A', 1)").unwrap();
        assert_eq!(caught_up(&db, &mut rows), ["+1 A 10"]);
        // What was there before is no change.
        assert_eq!(caught_up(&db, &mut many), [""; 0]);
        // The old row goes though it was never seen to come.
        assert_eq!(caught_up(&db, &mut sums), ["-1 21", "+1 27"]);
    }
}

#[test]
fn a_snapshot_comes_first_and_then_each_change_once() {
    for shards in [1, 2] {
        let db = database(shards);
        db.execute("INSERT INTO trades VALUES ('A', 1), ('B', 20), ('A', 2)").unwrap();
        let mut totals = follow(&db, "SUBSCRIBE TO totals WITH SNAPSHOT");
        assert_eq!(caught_up(&db, &mut totals), ["+1 A 2 3", "+1 B 1 20"]);
        let text = "SUBSCRIBE TO (SELECT symbol FROM totals WHERE total > 3) WITH SNAPSHOT";
        let mut large = follow(&db, text);
        assert_eq!(caught_up(&db, &mut large), ["+1 B"]);
        db.execute("INSERT INTO trades VALUES ('A', 4)").unwrap();
        assert_eq!(caught_up(&db, &mut large), ["+1 A"]);
        let mut found = BTreeMap::from([("A 2 3".to_owned(), 1), ("B 1 20".to_owned(), 1)]);
        net(&mut totals, &mut found);
        assert_eq!(found, all_of(&db, "SELECT * FROM totals"));
    }
}

#[test]
fn snapshots_taken_while_rows_are_pushed_add_up_to_the_view() {
    within("snapshots beside producers", || {
        let db = database(2);
        let stop = AtomicBool::new(false);
        thread::scope(|scope| {
            let producers: Vec<_> = (0..2)
                .map(|producer| {
                    let (db, stop) = (db.clone(), &stop);
                    scope.spawn(move || {
                        let mut insert = db.prepare("INSERT INTO trades VALUES ($1, $2)").unwrap();
                        let mut count = 0_i64;
                        // However slow it goes: some rows come beside the snapshots.
                        while count < 20 || !stop.load(Ordering::Relaxed) {
                            let symbol = format!("S{}", (count * 7 + producer) % 40);
                            db.execute_with(&mut insert, (symbol, count)).unwrap();
                            count += 1;
                        }
                        count
                    })
                })
                .collect();
            let mut followed = Vec::new();
            for _ in 0..12 {
                followed.push((follow(&db, "SUBSCRIBE TO totals WITH SNAPSHOT"), BTreeMap::new()));
                thread::sleep(Duration::from_millis(5));
                for (changes, found) in &mut followed {
                    net(changes, found);
                    let taken_back = found.iter().find(|(_, weight)| **weight < 0);
                    assert_eq!(taken_back, None, "a row went that had not come");
                }
            }
            stop.store(true, Ordering::Relaxed);
            let pushed: i64 = producers.into_iter().map(|producer| producer.join().unwrap()).sum();
            assert!(pushed >= 40, "{pushed} rows beside the snapshots");
            db.flush().unwrap();
            let expected = all_of(&db, "SELECT * FROM totals");
            for (at, (changes, found)) in followed.iter_mut().enumerate() {
                net(changes, found);
                assert_eq!(*found, expected, "subscriber {at}");
            }
        });
    });
}

#[test]
fn subscriptions_to_queries_leave_nothing_when_they_are_dropped() {
    within("200 subscriptions", || {
        let db = database(1);
        let nodes = |db: &Database| db.plan().ids().count();
        let before = nodes(&db);
        for round in 0..200 {
            let snapshot = if round % 2 == 0 { " WITH SNAPSHOT" } else { "" };
            let text =
                format!("SUBSCRIBE TO (SELECT symbol FROM totals WHERE total > {round}){snapshot}");
            drop(follow(&db, &text));
        }
        gone(&db, before);
        assert!(db.query("SHOW STREAMS").unwrap().len() == 1, "nobody sees them");
        // Many at once, and dropped on the turn of a shard.
        let held: Vec<Subscription> =
            (0..10).map(|_| follow(&db, "SUBSCRIBE TO (SELECT price FROM trades)")).collect();
        assert!(nodes(&db) > before);
        let held = std::sync::Arc::new(std::sync::Mutex::new(held));
        db.on_changes("large", move |_| held.lock().unwrap().clear()).unwrap();
        db.execute("INSERT INTO trades VALUES ('A', 100)").unwrap();
        gone(&db, before);
        db.close().unwrap();
    });
}

fn gone(db: &Database, before: usize) {
    let began = Instant::now();
    while db.plan().ids().count() > before {
        assert!(began.elapsed() < Duration::from_secs(20), "streams are left behind");
        thread::sleep(Duration::from_millis(1));
    }
    assert_eq!(db.plan().ids().count(), before);
}

#[test]
fn who_follows_a_query_hears_that_its_source_is_dropped() {
    let db = database(1);
    let mut rows = follow(&db, "SUBSCRIBE TO (SELECT symbol FROM trades)");
    db.execute("DROP SOURCE trades CASCADE").unwrap();
    let ended = rows.next().unwrap().map(drop).unwrap_err().to_string();
    assert!(ended.contains("was dropped"), "{ended}");
    drop(rows);
    db.flush().unwrap();
}

#[test]
fn an_inline_database_takes_left_streams_away_in_its_next_turn() {
    let mut db = Database::builder().memory_limit(64 << 20).inline(&Plan::empty()).unwrap();
    db.execute("CREATE SOURCE trades (symbol TEXT, price BIGINT)").unwrap();
    db.execute("CREATE MATERIALIZED VIEW all_trades AS SELECT * FROM trades").unwrap();
    db.execute("INSERT INTO trades VALUES ('A', 1)").unwrap();
    let before = db.plan().ids().count();
    let text = "SUBSCRIBE TO (SELECT symbol FROM all_trades) WITH SNAPSHOT";
    let Outcome::Changes(mut changes) = db.execute(text).unwrap() else { panic!("it follows") };
    db.flush().unwrap();
    let set = changes.try_next().unwrap().expect("the row that was there");
    assert_eq!(set.changes().row(0).value(0), Value::text("A"));
    drop(changes);
    db.turn();
    assert_eq!(db.plan().ids().count(), before);
}

#[test]
fn what_cannot_be_followed_is_refused_with_what_to_do() {
    let db = database(1);
    for (text, part) in [
        ("SUBSCRIBE TO large WITH SNAPSHOT", "keeps no rows for a snapshot"),
        ("SUBSCRIBE TO (SELECT * FROM trades) WITH SNAPSHOT", "\"trades\" keeps no rows"),
        ("SUBSCRIBE TO trades WITH SNAPSHOT", "\"trades\" keeps no rows"),
        ("SUBSCRIBE TO (SELECT x FROM trades)", "column \"x\" does not exist"),
        ("SUBSCRIBE TO (SELECT price FROM trades ORDER BY price)", "ORDER BY"),
        ("SUBSCRIBE TO (SELECT price FROM trades WHERE price = $1)", "no parameter $1"),
    ] {
        let refused = db.execute(text).map(drop).unwrap_err().to_string();
        assert!(refused.contains(part), "{text}: {refused}");
    }
    assert_eq!(db.plan().ids().count(), database(1).plan().ids().count());
}

/// A subscription in a directory, on so many shards in each life.
fn followed_in_a_directory(snapshot: &str, lives: &[usize]) {
    let place = Place::new("followed");
    let (mut expected, mut nodes) = (BTreeMap::new(), 0);
    for (life, shards) in lives.iter().enumerate() {
        let db = small(*shards).directory(place.path()).start(&Plan::empty()).unwrap();
        if life == 0 {
            db.execute("CREATE SOURCE trades (symbol TEXT, price BIGINT)").unwrap();
            db.execute("CREATE MATERIALIZED VIEW dear AS SELECT * FROM trades WHERE price > 10")
                .unwrap();
            nodes = db.plan().ids().count();
        }
        assert_eq!(db.plan().ids().count(), nodes, "subscribers of before are forgotten");
        assert_eq!(all_of(&db, "SELECT * FROM dear"), expected);
        let text = "SUBSCRIBE TO SELECT symbol, sum(price) FROM dear GROUP BY symbol";
        let mut first = follow(&db, &format!("{text}{snapshot}"));
        let with_first = db.plan().ids().count();
        let second = follow(&db, "SUBSCRIBE TO (SELECT symbol FROM trades)");
        drop(caught_up(&db, &mut first));
        let insert = |symbol: &str, price: i64| {
            db.execute(&format!("INSERT INTO trades VALUES ('{symbol}', {price})")).unwrap();
        };
        insert(&format!("S{life}"), 20);
        assert_eq!(caught_up(&db, &mut first), [format!("+1 S{life} 20")]);
        db.execute("CHECKPOINT").unwrap();
        // Behind the checkpoint one goes and one comes.
        drop(second);
        gone(&db, with_first);
        let mut third = follow(&db, "SUBSCRIBE TO (SELECT price FROM trades)");
        insert("A", life as i64);
        assert_eq!(caught_up(&db, &mut third), [format!("+1 {life}")]);
        expected.insert(format!("S{life} 20"), 1);
        if life % 2 == 1 {
            // With subscribers that are still there.
            db.close().unwrap();
        }
    }
}

#[test]
fn a_subscription_to_a_query_in_a_directory_goes_with_its_process() {
    within("followed", || followed_in_a_directory("", &[1, 1, 2, 2, 1]));
    within("followed with a snapshot", || {
        followed_in_a_directory(" WITH SNAPSHOT", &[2, 2, 1]);
    });
}

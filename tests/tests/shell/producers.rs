//! Producers with names: what they push again is dropped, over restarts too.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use sluicedb::db::{Database, Durability, Error, PushError, Pushed, values};
use sluicedb::plan::Plan;

use crate::directory::Place;
use crate::fixture::{Tick, small, tick_plan};
use crate::watchdog::within;

fn count(db: &Database) -> usize {
    db.query("SELECT id FROM rows").unwrap().len()
}

#[test]
fn what_is_pushed_again_under_a_name_is_there_once_over_restarts() {
    for durability in [Durability::Log, Durability::Checkpoint] {
        for shards in [1, 3] {
            within("push again", move || {
                let place = Place::new(&format!("producers-{durability:?}-{shards}"));
                let mut rows = 0;
                for life in 0..4_u64 {
                    let builder = small(shards).durability(durability).directory(place.path());
                    let db = builder.start(&tick_plan()).unwrap();
                    let mut first = db.producer::<Tick>("ticks", "first").unwrap();
                    let mut second = db.producer::<Tick>("ticks", "second").unwrap();
                    let before = (life > 0).then(|| life * 1000);
                    assert_eq!(first.last_sequence(), before);
                    assert_eq!(first.durable(), before);
                    // The last number again, one in a gap, and one behind both.
                    let from = life * 1000;
                    for sequence in [from, from.saturating_sub(7)].iter().filter(|_| life > 0) {
                        let again = first.push_at_wait(*sequence, &Tick { id: -1 }).unwrap();
                        assert_eq!(again, Pushed::Known);
                    }
                    for step in 1..=100 {
                        let sequence = from + step * 10;
                        let some = [rows, rows + 1, rows + 2].map(|id| Tick { id });
                        let pushed = first.push_all_at_wait(sequence, &some).unwrap();
                        assert_eq!(pushed, Pushed::Taken);
                        // The other one has numbers of its own.
                        let pushed = second.push_at_wait(sequence, &Tick { id: rows + 3 }).unwrap();
                        assert_eq!(pushed, Pushed::Taken);
                        rows += 4;
                    }
                    assert_eq!(first.last_sequence(), Some(from + 1000));
                    assert_eq!((first.repeated(), second.repeated()), (2 * u64::from(life > 0), 0));
                    first.wait_durable().unwrap();
                    assert_eq!(first.durable(), Some(from + 1000));
                    assert_eq!(count(&db), rows as usize);
                    db.close().unwrap();
                }
            });
        }
    }
}

#[test]
fn a_name_has_one_handle_at_a_time() {
    within("one handle", || {
        let place = Place::new("producers-one");
        let db = small(2).directory(place.path()).start(&tick_plan()).unwrap();
        let mut held = db.producer::<Tick>("ticks", "gate").unwrap();
        let refused = db.producer::<Tick>("ticks", "gate").err().unwrap();
        let Error::Sql(error) = &refused else { panic!("{refused}") };
        assert_eq!(error.sqlstate, "55006");
        assert_eq!(error.message, "producer \"gate\" of \"ticks\" has a handle already");
        assert!(error.hint.is_some());
        for round in 1..20 {
            assert_eq!(held.push_at(round, &Tick { id: round as i64 }).unwrap(), Pushed::Taken);
            // The next handle waits for the one before to be gone, and has all that it pushed.
            drop(held);
            held = db.producer::<Tick>("ticks", "gate").unwrap();
            assert_eq!((held.last_sequence(), held.durable()), (Some(round), Some(round)));
        }
        // Handles without a name never push with what belongs to a name.
        let others: Vec<_> = (0..4).map(|_| db.source::<Tick>("ticks").unwrap()).collect();
        assert!(others.iter().all(|other| other.pushed() == 0));
        assert_eq!(count(&db), 19);
    });
}

#[test]
fn a_name_goes_with_its_source() {
    within("a source goes", || {
        let place = Place::new("producers-gone");
        let db = small(2).directory(place.path()).start(&Plan::empty()).unwrap();
        for round in 0..3 {
            db.execute("CREATE SOURCE ticks (id BIGINT)").unwrap();
            let mut gate = db.producer::<Tick>("ticks", "gate").unwrap();
            assert_eq!(gate.last_sequence(), None, "round {round}");
            assert_eq!(gate.push_at(7, &Tick { id: 1 }).unwrap(), Pushed::Taken);
            if round == 1 {
                drop(gate);
                db.execute("DROP SOURCE ticks").unwrap();
            } else {
                db.execute("DROP SOURCE ticks").unwrap();
                assert!(matches!(gate.push_at(8, &Tick { id: 1 }), Err(PushError::Ended(_))));
            }
        }
        db.close().unwrap();
        let db = small(2).directory(place.path()).start(&Plan::empty()).unwrap();
        db.execute("CREATE SOURCE ticks (id BIGINT)").unwrap();
        assert_eq!(db.producer::<Tick>("ticks", "gate").unwrap().last_sequence(), None);
    });
}

#[test]
fn a_name_that_is_dropped_begins_anew() {
    let all = |db: &Database| {
        let found = db.query("SELECT * FROM sluice.producers").unwrap();
        let rows = found.batches.iter().flat_map(values);
        rows.map(|row| row.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")).collect()
    };
    within("dropped", move || {
        let place = Place::new("producers-dropped");
        let open = || small(2).directory(place.path()).start(&tick_plan()).unwrap();
        let mut db = open();
        let mut gate = db.producer::<Tick>("ticks", "gate-1").unwrap();
        let quiet = db.producer::<Tick>("ticks", "quiet").unwrap();
        for number in [5, 7] {
            assert_eq!(gate.push_at(number, &Tick { id: number as i64 }).unwrap(), Pushed::Taken);
        }
        db.flush().unwrap();
        let seen: Vec<String> = all(&db);
        assert_eq!(seen, ["ticks gate-1 7 true", "ticks quiet NULL true"]);
        let refused = db.execute("DROP PRODUCER 'gate-1' ON ticks").map(drop).unwrap_err();
        assert!(refused.to_string().contains("has a handle"), "{refused}");
        drop((gate, quiet));
        db.execute("DROP PRODUCER quiet ON ticks").unwrap();
        drop(db);
        db = open();
        let seen: Vec<String> = all(&db);
        assert_eq!(seen, ["ticks gate-1 7 false"]);
        db.execute("DROP PRODUCER \"gate-1\" ON ticks").unwrap();
        for missing in ["DROP PRODUCER 'gate-1' ON ticks", "DROP PRODUCER gate ON nowhere"] {
            let refused = db.execute(missing).map(drop).unwrap_err().to_string();
            assert!(refused.contains("does not exist"), "{refused}");
        }
        db.execute("DROP PRODUCER IF EXISTS 'gate-1' ON ticks").unwrap();
        // Whoever comes without a name may push with what belonged to it.
        let mut others: Vec<_> = (0..3).map(|_| db.source::<Tick>("ticks").unwrap()).collect();
        for (id, other) in (10..).zip(&mut others) {
            other.push_wait(&Tick { id }).unwrap();
            other.wait_durable().unwrap();
        }
        drop((others, db));
        db = open();
        let mut gate = db.producer::<Tick>("ticks", "gate-1").unwrap();
        assert_eq!(gate.last_sequence(), None, "it has not come before");
        assert_eq!(gate.push_at(1, &Tick { id: 1 }).unwrap(), Pushed::Taken);
        gate.wait_durable().unwrap();
        assert_eq!(count(&db), 6, "the rows of before stay");
    });
}

fn batch(ids: impl IntoIterator<Item = i64>) -> RecordBatch {
    let ids = Int64Array::from_iter_values(ids);
    RecordBatch::try_from_iter_with_nullable([("id", Arc::new(ids) as _, false)]).unwrap()
}

#[test]
fn a_batch_with_a_number_is_one_statement() {
    within("batches", || {
        let place = Place::new("producers-batches");
        let db = small(3).directory(place.path()).start(&tick_plan()).unwrap();
        let mut gate = db.batch_producer("ticks", "gate").unwrap();
        let whole = batch(0..1024);
        assert_eq!(gate.push_at_wait(1, &whole).unwrap(), Pushed::Taken);
        assert_eq!(gate.push_at_wait(1, &whole).unwrap(), Pushed::Known);
        let refused = gate.push_at(2, &batch(0..1025)).unwrap_err();
        let PushError::Sql(error) = refused else { panic!("{refused}") };
        assert_eq!(error.sqlstate, "54000");
        assert_eq!(gate.last_sequence(), Some(1), "nothing of it was taken");
        // A number without rows is no gap to whoever asks.
        assert_eq!(gate.push_at(2, &batch([])).unwrap(), Pushed::Taken);
        assert_eq!(gate.push_at_wait(3, &batch(1024..1030)).unwrap(), Pushed::Taken);
        gate.wait_durable().unwrap();
        assert_eq!(gate.durable(), Some(3));
        assert_eq!(count(&db), 1030);
        let strange = RecordBatch::try_from_iter([("x", Arc::new(Int64Array::from(vec![1])) as _)]);
        assert!(matches!(gate.push_at(4, &strange.unwrap()), Err(PushError::Sql(_))));
    });
}

#[test]
fn a_name_that_cannot_be_one_is_refused() {
    within("names", || {
        let db = small(1).start(&tick_plan()).unwrap();
        let refused = |source: &str, name: &str| match db.producer::<Tick>(source, name) {
            Err(Error::Sql(error)) => error.sqlstate,
            Err(error) => panic!("{error}"),
            Ok(_) => "taken",
        };
        assert_eq!(refused("ticks", ""), "42602");
        assert_eq!(refused("ticks", &"x".repeat(256)), "54000");
        assert_eq!(refused("ticks", &"x".repeat(255)), "taken");
        assert_eq!(refused("tocks", "gate"), "42P01");
    });
}

#[test]
fn in_memory_numbers_last_as_long_as_the_database() {
    within("memory", || {
        let db = small(2).start(&tick_plan()).unwrap();
        for round in 0..3 {
            let mut gate = db.producer::<Tick>("ticks", "gate").unwrap();
            assert_eq!(gate.last_sequence(), (round > 0).then_some(round));
            let pushed = gate.push_at(round + 1, &Tick { id: 1 }).unwrap();
            assert_eq!(pushed, Pushed::Taken);
            assert_eq!(gate.push_at(round, &Tick { id: 1 }).unwrap(), Pushed::Known);
            assert_eq!(gate.durable(), None);
            let refused = gate.wait_durable().unwrap_err();
            assert!(refused.to_string().contains("in memory"), "{refused}");
        }
        assert_eq!(count(&db), 3);
    });
}

#[test]
fn an_inline_database_knows_names_too() {
    within("inline", || {
        let place = Place::new("producers-inline");
        for life in 1..4 {
            let builder = Database::builder().memory_limit(256 << 20).directory(place.path());
            let mut db = builder.inline(&tick_plan()).unwrap();
            let mut gate = db.producer::<Tick>("ticks", "gate").unwrap();
            assert_eq!(gate.last_sequence(), (life > 1).then(|| life - 1));
            let pushed = gate.push_at(life, &Tick { id: life as i64 }).unwrap();
            assert_eq!(pushed, Pushed::Taken);
            assert!(matches!(gate.wait_durable(), Err(Error::WouldWait)));
            while gate.durable() < Some(life) {
                db.turn();
            }
            let rows = db.query("SELECT id FROM rows").unwrap().len();
            assert_eq!(rows as u64, life);
        }
    });
}

//! What does not fit is refused with what is wrong and what to do, and the database runs on.

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch};
use sluicedb::Value;
use sluicedb::db::{Database, Row, SubscribeOptions, schema};
use sluicedb::plan::Builder;

use crate::fixture::{Tick, Trade, has, small, tick_plan, trade, trades_batch, wide_plan};
use crate::watchdog::within;

/// The error says all of this.
fn says<T, E: Display>(result: Result<T, E>, parts: &[&str]) {
    let text = match result {
        Ok(_) => panic!("it was accepted, and not refused with {parts:?}"),
        Err(error) => error.to_string(),
    };
    for part in parts {
        assert!(text.contains(part), "`{part}` is not in: {text}");
    }
}

#[derive(Row)]
struct WrongName {
    number: i64,
}

#[derive(Row)]
struct WrongType {
    id: i32,
}

#[derive(Row)]
struct TooMany {
    id: i64,
    more: i64,
}

#[derive(Row)]
struct Nullable {
    id: Option<i64>,
}

fn batch(name: &str, array: ArrayRef) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable([(name, array, true)]).unwrap()
}

#[test]
fn rows_and_batches_of_another_schema_are_refused() {
    within("another schema", || {
        let db = small(2).start(&tick_plan()).unwrap();
        says(db.source::<WrongName>("ticks"), &["\"number\"", "\"id\"", "name"]);
        says(db.source::<WrongType>("ticks"), &["INT", "BIGINT", "Make the field i64"]);
        says(db.source::<TooMany>("ticks"), &["\"more\"", "Take the field out"]);
        says(db.source::<Nullable>("ticks"), &["NOT NULL", "Take the Option off"]);
        let mut source = db.batch_source("ticks").unwrap();
        let ids: ArrayRef = Arc::new(Int64Array::from(vec![1, 2]));
        says(source.push(batch("number", Arc::clone(&ids))), &["number", "id"]);
        says(source.push(batch("id", Arc::new(Float64Array::from(vec![1.0])))), &["id", "Float64"]);
        let nulls = Arc::new(Int64Array::from(vec![Some(1), None]));
        says(source.push(batch("id", nulls)), &["id", "NULL"]);
        let two = [("id", Arc::clone(&ids), false), ("more", ids, false)];
        let two = RecordBatch::try_from_iter_with_nullable(two).unwrap();
        says(source.push(two.clone()), &["column"]);
        says(source.push_wait(two), &["column"]);
        // Nothing of them was taken, and the database runs.
        source.push(batch("id", Arc::new(Int64Array::from(vec![5])))).unwrap();
        db.flush().unwrap();
        let mut view = db.view("rows").unwrap();
        assert!(has(&mut view, 5) && !has(&mut view, 1));
    });
}

#[test]
fn values_out_of_range_are_refused_one_by_one_and_in_statements() {
    within("values out of range", || {
        let db = small(1).start(&wide_plan()).unwrap();
        let mut source = db.source::<Trade>("trades").unwrap();
        let mut batches = db.batch_source("trades").unwrap();
        let late = Trade { ts: i64::MAX, ..trade(1) };
        let early = Trade { ts: i64::MIN, ..trade(1) };
        let long = Trade { symbol: "x".repeat((1 << 20) + 1), ..trade(1) };
        for (row, parts) in [
            (&late, ["\"ts\"", "farther from 1970"]),
            (&early, ["\"ts\"", "farther from 1970"]),
            (&long, ["symbol", "1048576"]),
        ] {
            says(source.push(row), &parts);
            says(source.push_wait(row), &parts);
            says(source.push_all([&trade(0), row]), &parts);
            says(source.push_all([&trade(0), row]), &["row 1"]);
            says(batches.push(trades_batch(std::slice::from_ref(row))), &parts[..1]);
        }
        let many: Vec<Trade> = (0..1025).map(trade).collect();
        says(source.push_all(&many), &["1025", "1024", "split it"]);
        let texts = Trade { symbol: "x".repeat(1 << 20), ..trade(1) };
        says(source.push_all([&texts; 5]), &["bytes of text", "split it"]);
        source.push_all(&[]).unwrap();
        // The longest that fits, does.
        source.push(&texts).unwrap();
        assert_eq!(source.pushed(), 1, "what was refused is no statement");
        db.flush().unwrap();
        let mut view = db.view("bars").unwrap();
        assert_eq!(view.get((&texts.symbol, 0)).unwrap().len(), 0, "its price is filtered");
        db.close().unwrap();
    });
}

#[derive(Row)]
struct Hand {
    id: i64,
}

/// A row written by hand that forgets, and one that says too much.
struct Narrow;
struct Wide;
/// One that has another type than it says.
struct Liar;
/// One that has NULL for a column that may have none.
struct Void;

macro_rules! by_hand {
    ($type:ty, |$cells:ident| $write:expr) => {
        impl Row for $type {
            fn fields() -> Vec<sluicedb::Field> {
                Hand::fields()
            }

            fn write(&self, $cells: &mut impl sluicedb::db::Cells) {
                $write
            }
        }
    };
}

by_hand!(Narrow, |cells| {
    let _ = cells;
});
by_hand!(Wide, |cells| {
    cells.i64(1);
    cells.i64(2);
});
by_hand!(Void, |cells| cells.null());
by_hand!(Liar, |cells| cells.text("seven"));

#[test]
fn rows_that_are_written_by_hand_and_wrong_are_refused() {
    within("rows by hand", || {
        let db = small(1).start(&tick_plan()).unwrap();
        let mut narrow = db.source::<Narrow>("ticks").unwrap();
        says(narrow.push(&Narrow), &["0 values", "1 columns"]);
        says(narrow.push_all(&[Narrow]), &["0 values", "1 columns"]);
        let mut wide = db.source::<Wide>("ticks").unwrap();
        says(wide.push(&Wide), &["2 values", "1 columns"]);
        says(wide.push_all(&[Wide]), &["2 values", "1 columns"]);
        let mut void = db.source::<Void>("ticks").unwrap();
        says(void.push(&Void), &["NULL", "id"]);
        says(void.push_all(&[Void]), &["NULL", "id"]);
        // A value of another type than its field is a bug of the application's code, and panics there.
        let mut liar = db.source::<Liar>("ticks").unwrap();
        let pushed = std::panic::AssertUnwindSafe(|| liar.push(&Liar));
        assert!(std::panic::catch_unwind(pushed).is_err());
        drop(liar);
        db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
        db.flush().unwrap();
        assert!(has(&mut db.view("rows").unwrap(), 1));
    });
}

#[test]
fn options_out_of_range_are_refused_with_what_they_may_be() {
    within("options", || {
        let refused = |builder: sluicedb::db::Builder, parts: &[&str]| {
            says(builder.start(&tick_plan()), parts);
        };
        refused(small(0), &["0 shards", "1 to 64"]);
        refused(small(65), &["65 shards", "1 to 64"]);
        refused(small(1).cores([9_999]), &["cores", "9999"]);
        refused(small(1).cores([]), &["cores", "leave it out"]);
        refused(small(2).memory_limit(1 << 20), &["memory_limit", "2 shards need", "MiB"]);
        refused(small(1).memory_limit(0), &["memory_limit", "at least", "MiB"]);
        refused(small(1).lane_frames(1), &["lane_frames", "between 2 and"]);
        refused(small(1).lane_frames(1 << 30), &["lane_frames", "between 2 and"]);
        refused(small(1).exchange_frames(0), &["exchange_frames", "between 2 and"]);
        refused(small(1).epoch_interval(Duration::ZERO), &["epoch_interval"]);
        refused(small(1).directory("/proc/no/such"), &["/proc/no/such"]);
        let db = small(1).start(&tick_plan()).unwrap();
        for capacity in [0, usize::MAX] {
            let options = SubscribeOptions { capacity, ..SubscribeOptions::default() };
            says(db.subscribe_with("all", options).map(drop), &["capacity", "between 1 and"]);
        }
        // Extremes that mean something run.
        let long = small(1).epoch_interval(Duration::MAX).spin(Duration::MAX);
        let db = long.start(&tick_plan()).unwrap();
        db.source::<Tick>("ticks").unwrap().push(&Tick { id: 1 }).unwrap();
        db.flush().unwrap();
        db.close().unwrap();
    });
}

#[test]
fn names_that_are_not_there_are_refused_with_those_that_are() {
    within("names", || {
        let db = small(1).start(&tick_plan()).unwrap();
        says(db.source::<Tick>("rows"), &["source", "rows", "There are: ticks"]);
        says(db.batch_source("tick"), &["source", "tick", "There are: ticks"]);
        says(db.subscribe("row").map(drop), &["row", "There are: rows, all"]);
        says(db.view("nothing"), &["nothing", "There are: rows, all"]);
        says(db.on_changes("ticks", |_| {}), &["ticks", "There are: rows, all"]);
        let mut b = Builder::new();
        b.source("lonely", schema::<Tick>().unwrap(), None).unwrap();
        let db = small(1).start(&b.finish().unwrap()).unwrap();
        says(db.view("any"), &["This database has no view or stream"]);
        db.source::<Tick>("lonely").unwrap().push(&Tick { id: 1 }).unwrap();
        db.close().unwrap();
    });
}

#[test]
fn lookups_that_cannot_be_answered_are_refused() {
    within("lookups", || {
        let db = small(2).start(&wide_plan()).unwrap();
        says(db.view("closed"), &["\"closed\"", "stream", "Make it a view, or subscribe"]);
        let mut bars = db.view("bars").unwrap();
        let key = "The key is (symbol TEXT, window_start TIMESTAMP)";
        says(bars.get("S1"), &["2 columns, not 1", key]);
        says(bars.get(("S1", 0, 0)), &["2 columns, not 3", key]);
        says(bars.get((0, 0)), &["\"symbol\"", "TEXT", key]);
        says(bars.get(("S1", "S1")), &["\"window_start\"", "TIMESTAMP", key]);
        says(bars.get((&Value::Boolean(true), 0)), &["BOOLEAN", key]);
        // Keys that no row can have are no error.
        assert_eq!(bars.get(("x".repeat(2 << 20), 0)).unwrap().len(), 0);
        assert_eq!(bars.get((&Value::Null, 0)).unwrap().len(), 0);
        db.source::<Trade>("trades").unwrap().push(&trade(50)).unwrap();
        db.flush().unwrap();
        assert_eq!(bars.get((trade(50).symbol, 0)).unwrap().len(), 1);
        assert_eq!(bars.get((trade(50).symbol, i64::MAX)).unwrap().len(), 0);
    });
}

#[test]
fn a_view_without_a_key_is_looked_up_by_the_whole_row_or_not_at_all() {
    within("a view without a key", || {
        let db = small(2).start(&wide_plan()).unwrap();
        match db.view("pairs") {
            Ok(mut pairs) => says(pairs.get("S1"), &["columns, not 1", "The key is ("]),
            Err(error) => says(Err::<(), _>(error), &["\"pairs\"", "no key", "Name the key"]),
        }
        assert!(Database::memory(&tick_plan()).is_ok());
    });
}

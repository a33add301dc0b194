//! The same result whatever the shards, the lanes and the way in: that of the slow obvious evaluator.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use sluicedb::db::{Changes, Database, SubscribeOptions};
use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Function, Plan, Window};
use sluicedb::shell::{Overflow, Runtime};
use sluicedb_tests::reference::{Relation, same};

use crate::fixture::{
    Owner, Trade, WIDE, found, last_trade, owners, small, sum_to_the_end, trade, trades_batch,
    wide_plan, wide_result,
};
use crate::watchdog::{within, within_time};

const TRADES: u64 = 6_000;
const FEEDERS: usize = 3;

/// Pushes every third trade from the `feeder`th on, in one of three ways.
fn feed(db: &Database, feeder: usize) -> Box<dyn FnOnce() -> Box<dyn Send> + Send> {
    let rows: Vec<Trade> =
        (0..TRADES).filter(|i| *i % FEEDERS as u64 == feeder as u64).map(trade).collect();
    match feeder {
        0 => {
            let mut source = db.source::<Trade>("trades").unwrap();
            Box::new(move || {
                rows.iter().for_each(|row| source.push_wait(row).unwrap());
                source.push_wait(&last_trade()).unwrap();
                Box::new(source)
            })
        }
        1 => {
            let mut source = db.source::<Trade>("trades").unwrap();
            Box::new(move || {
                let mut left = &rows[..];
                while !left.is_empty() {
                    let (now, rest) = left.split_at(left.len().min(1 + left.len() * 31 % 300));
                    while let Err(error) = source.push_all(now) {
                        assert!(error.is_full(), "{error}");
                        thread::yield_now();
                    }
                    left = rest;
                }
                source.push_wait(&last_trade()).unwrap();
                Box::new(source)
            })
        }
        _ => {
            let mut source = db.batch_source("trades").unwrap();
            Box::new(move || {
                for (at, part) in rows.chunks(700).enumerate() {
                    // Some are larger than a morsel together, some are a slice of an array.
                    let whole = trades_batch(part);
                    let cut = part.len().min(at * 50);
                    source.push_wait(whole.slice(0, cut)).unwrap();
                    source.push_wait(whole.slice(cut, part.len() - cut)).unwrap();
                }
                source.push_wait(trades_batch(&[last_trade()])).unwrap();
                Box::new(source)
            })
        }
    }
}

fn run(shards: usize, frames: usize, runtime: Option<Runtime>) -> BTreeMap<String, Relation> {
    let builder = small(shards).lane_frames(frames).exchange_frames(frames);
    let builder = match runtime {
        Some(runtime) => builder.runtime(runtime),
        None => builder,
    };
    let db = builder.start(&wide_plan()).unwrap();
    assert!(db.explain().contains("stage 1"), "rows change shards: {}", db.explain());
    let options = SubscribeOptions { capacity: 3, overflow: Overflow::Block };
    let subscribers: Vec<_> = WIDE
        .iter()
        .map(|name| {
            let subscription = db.subscribe_with(name, options).unwrap();
            (*name, thread::spawn(move || sum_to_the_end(subscription)))
        })
        .collect();
    // All attached before the first row, so that no row is late.
    let feeders: Vec<_> = (0..FEEDERS).map(|feeder| feed(&db, feeder)).collect();
    let mut static_rows = db.source::<Owner>("owners").unwrap();
    static_rows.push_all(&owners()).unwrap();
    let feeders: Vec<_> = feeders.into_iter().map(thread::spawn).collect();
    let kept: Vec<_> = feeders.into_iter().map(|feeder| feeder.join().unwrap()).collect();
    db.flush().unwrap();
    check_lookups(&db);
    drop(kept);
    db.close().unwrap();
    subscribers.into_iter().map(|(name, sums)| (name.to_owned(), sums.join().unwrap())).collect()
}

/// Each row of the keyed views is found by its key, on whatever shard it is.
fn check_lookups(db: &Database) {
    let expected = wide_result(TRADES, FEEDERS);
    let mut bars = db.view("bars").unwrap();
    let schema = db.view("bars").unwrap().get(("S0", 0)).unwrap().schema().clone();
    let (symbol, start) =
        (schema.index_of("symbol").unwrap(), schema.index_of("window_start").unwrap());
    for row in expected["bars"].keys() {
        let changes = bars.get((&row[symbol], &row[start])).unwrap();
        assert_eq!(found(&changes), [(row.clone(), 1)]);
    }
    let mut totals = db.view("totals").unwrap();
    for row in expected["totals"].keys() {
        assert_eq!(found(&totals.get(&row[0]).unwrap()), [(row.clone(), 1)]);
    }
    assert_eq!(totals.get("nobody").unwrap().len(), 0);
}

#[test]
fn the_result_is_that_of_the_reference_whatever_shards_lanes_and_runtime() {
    let expected = Arc::new(wide_result(TRADES, FEEDERS));
    assert!(WIDE.iter().all(|name| expected[*name].len() > 5), "every relation has rows");
    for (shards, frames, runtime) in [
        (1, 2, None),
        (1, 256, None),
        (2, 2, None),
        (2, 256, None),
        (3, 2, None),
        (3, 256, None),
        (3, 2, Some(Runtime::Thread)),
        (2, 256, Some(Runtime::Thread)),
    ] {
        let what = format!("{shards} shards, lanes of {frames} frames, {runtime:?}");
        let result = within(&what, move || run(shards, frames, runtime));
        same(&expected, &result).unwrap_or_else(|wrong| panic!("{what}: {wrong}"));
    }
}

/// Rows of the long run: 10^8 where `SLUICE_SOAK_ROWS` says so.
fn long_rows() -> u64 {
    match std::env::var("SLUICE_SOAK_ROWS") {
        Ok(rows) => rows.parse().expect("SLUICE_SOAK_ROWS is a number"),
        Err(_) => 1_000_000,
    }
}

const SYMBOLS: usize = 1000;

/// By symbol, each times how often a row is there: 1, the count of its trades, and their total. What
/// is taken back leaves no trace, and a run of any length fits.
type Sums = Vec<[i128; 3]>;

fn no_sums() -> Sums {
    vec![[0; 3]; SYMBOLS]
}

fn add_sums(sums: &mut Sums, changes: &Changes<'_>) {
    let symbols = changes.column::<&str>("symbol").unwrap();
    let trades = changes.column::<i64>("trades").unwrap();
    let totals = changes.column::<Option<i128>>("total").unwrap();
    for row in 0..changes.len() {
        let symbol: usize = symbols.get(row)[1..].parse().unwrap();
        let total = totals.get(row).expect("every group has a price");
        let facts = [1, i128::from(trades.get(row)), total];
        let weight = i128::from(changes.weight(row));
        sums[symbol].iter_mut().zip(facts).for_each(|(sum, fact)| *sum += weight * fact);
    }
}

/// Every second trade from the first one on, up to a batch of them. Made as fast as the machine
/// allows: a run is to wait for the engine.
fn long_batch(first: u64, rows: u64, names: &[String]) -> RecordBatch {
    let all = (first..rows).step_by(2).take(1024);
    let symbols = all.clone().map(|i| names[i as usize % SYMBOLS].as_str());
    let columns: [(&str, ArrayRef); 4] = [
        ("symbol", Arc::new(StringArray::from_iter_values(symbols))),
        ("account", Arc::new(Int64Array::from_iter_values(all.clone().map(|i| i as i64 % 23)))),
        ("price", Arc::new(Int64Array::from_iter_values(all.clone().map(|i| i as i64 % 101)))),
        ("ts", Arc::new(TimestampMicrosecondArray::from_iter_values(all.map(|i| i as i64 * 1000)))),
    ];
    RecordBatch::try_from_iter(columns).unwrap()
}

/// Windows by account, and above an exchange counts and totals by symbol.
fn long_plan() -> Plan {
    let mut b = Builder::new();
    let schema = sluicedb::db::schema::<Trade>().unwrap();
    let trades = b.source("trades", schema, Some(("ts", 0))).unwrap();
    let by = |keys: &[&str], window| AggregateSpec {
        window,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        calls: vec![Call::count_rows("trades"), Call::of("total", Function::Sum, "price")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let window = Window::Tumble { time: "ts".into(), size_us: 1 << 50, offset_us: 0 };
    // The first asks for the source by account, so that the second needs an exchange.
    let accounts = b.aggregate(trades, &by(&["account"], Some(window))).unwrap();
    b.view(accounts, "accounts", &["account"]).unwrap();
    let symbols = b.aggregate(trades, &by(&["symbol"], None)).unwrap();
    b.view(symbols, "symbols", &["symbol"]).unwrap();
    b.finish().unwrap()
}

/// What two feeders come to that push every second trade each.
fn long_run(rows: u64, frames: usize) -> Sums {
    let builder = small(2).lane_frames(frames).exchange_frames(frames);
    let db = builder.start(&long_plan()).unwrap();
    let options = SubscribeOptions { capacity: 4, overflow: Overflow::Block };
    let mut subscription = db.subscribe_with("symbols", options).unwrap();
    let subscriber = thread::spawn(move || {
        let mut sums = no_sums();
        while let Some(set) = subscription.next() {
            let set = set.expect("no change is missed");
            add_sums(&mut sums, &set.changes());
            subscription.recycle(set);
        }
        sums
    });
    let names: Arc<[String]> = (0..SYMBOLS).map(|symbol| format!("S{symbol}")).collect();
    let feeder = |half: u64| {
        let mut source = db.batch_source("trades").unwrap();
        let names = Arc::clone(&names);
        move || {
            for first in (half..rows).step_by(2 * 1024) {
                source.push_wait(long_batch(first, rows, &names)).unwrap();
            }
            source
        }
    };
    let feeders: Vec<_> = [feeder(0), feeder(1)].into_iter().map(thread::spawn).collect();
    let kept: Vec<_> = feeders.into_iter().map(|feeder| feeder.join().unwrap()).collect();
    db.flush().unwrap();
    let mut looked_up = no_sums();
    let mut view = db.view("symbols").unwrap();
    for name in names.iter() {
        add_sums(&mut looked_up, &view.get(name.as_str()).unwrap());
    }
    drop(kept);
    db.close().unwrap();
    assert_eq!(subscriber.join().unwrap(), looked_up, "changes add up to the view");
    looked_up
}

#[test]
fn many_rows_cross_two_shards_over_short_and_long_lanes_with_one_result() {
    let rows = long_rows();
    let mut expected = no_sums();
    for i in 0..rows {
        let [present, trades, total] = &mut expected[i as usize % SYMBOLS];
        (*present, *trades, *total) = (1, *trades + 1, *total + i128::from(i % 101));
    }
    for frames in [2, 256] {
        let what = format!("{rows} rows over lanes of {frames} frames");
        let patience = Duration::from_secs(120 + rows / 20_000);
        let start = Instant::now();
        let result = within_time(&what, patience, move || long_run(rows, frames));
        println!("{what}: {:.1} s", start.elapsed().as_secs_f64());
        assert_eq!(result, expected, "{what}");
    }
}

//! Analytics inside an application: several threads push trades, and everybody reads results that are
//! up to date: bars of one second as they close, and the present state of a symbol by its key.
//!
//! `cargo run --release --example embedded_analytics`

#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicedb::db::{Database, FromRow, PushError, Row, Source, SqlError, schema};
use sluicedb::expr::Expr;
use sluicedb::plan::{AggregateSpec, Builder, Call, Function, Plan};

const SYMBOLS: [&str; 4] = ["ACME", "INIT", "UMBR", "WAYN"];
const PRODUCERS: usize = 3;
const TRADES_EACH: usize = 200_000;
/// All of it happens in five seconds of event time, however fast it is pushed.
const MICROS_PER_TRADE: f64 = 5e6 / (PRODUCERS * TRADES_EACH) as f64;

#[derive(Row)]
struct Trade<'a> {
    symbol: &'a str,
    price: f64, // money that must stay exact is an i128 with #[row(decimal(12, 2))]
    size: i64,
    #[row(timestamp)]
    ts: i64, // microseconds since 1970
}

#[derive(FromRow)]
struct Bar {
    #[row(timestamp)]
    window_start: i64,
    symbol: String,
    open: f64,
    high: f64,
    low: f64,
    close: f64,
    vwap: f64,
}

fn main() -> Result<(), Box<dyn Error>> {
    let db = Database::memory(&plan()?)?;
    let bars = db.subscribe("bars")?;
    let mut latest = db.view("latest")?;
    // All handles before the first row: the watermark of a source is the least of its handles, so
    // that one which comes later would find its seconds closed.
    let sources = (0..PRODUCERS).map(|_| db.source::<Trade>("trades"));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;

    let left = AtomicUsize::new(PRODUCERS);
    let mut lookups = 0;
    thread::scope(|scope| {
        for (number, source) in sources.into_iter().enumerate() {
            let left = &left;
            scope.spawn(move || {
                push(source, number).expect("the database runs");
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        while left.load(Ordering::Relaxed) > 0 {
            let found = latest.get(SYMBOLS[lookups % SYMBOLS.len()])?;
            // Nothing is there before the first trade, and one row a symbol after it.
            assert!(found.len() <= 1);
            lookups += 1;
        }
        Ok::<_, sluicedb::db::Error>(())
    })?;
    // What was pushed is in the views when this returns.
    db.flush()?;
    println!("{lookups} lookups while {} trades flowed; now:", PRODUCERS * TRADES_EACH);
    for symbol in SYMBOLS {
        let found = latest.get(symbol)?;
        let (trades, price) = (found.column::<i64>("trades")?, found.column::<f64>("price")?);
        println!("  {symbol}: {} trades, the last at {:.2}", trades.get(0), price.get(0));
    }

    // A subscription is an iterator. It ends with the database.
    db.close()?;
    println!("\nThe last second is still open: no later trade has closed it. Those before it:");
    println!("second  symbol    open    high     low   close      VWAP");
    for set in bars {
        for row in set?.changes().rows() {
            let (Bar { window_start, symbol, open, high, low, close, vwap }, _weight) = row?;
            let second = window_start / 1_000_000;
            print!("{second:>6}  {symbol:<6} {open:>7.2} {high:>7.2} {low:>7.2} {close:>7.2} ");
            println!("{vwap:>9.4}");
        }
    }
    Ok(())
}

fn push(mut trades: Source<Trade>, producer: usize) -> Result<(), PushError> {
    for n in 0..TRADES_EACH {
        let at = n * PRODUCERS + producer;
        trades.push_wait(&Trade {
            symbol: SYMBOLS[at % 7 % 4],
            price: 100.0 + (at / 100 % 300 + at % 17) as f64 / 100.0,
            size: 1 + at as i64 % 500,
            ts: (at as f64 * MICROS_PER_TRADE) as i64,
        })?;
    }
    Ok(())
}

fn plan() -> Result<Plan, SqlError> {
    let mut plan = Builder::new();
    let trades = plan.source("trades", schema::<Trade>()?, Some(("ts", 0)))?;

    let keep = |name: &str| (name.to_owned(), Expr::col(name));
    let value = ("value".to_owned(), Expr::col("price").mul(Expr::col("size")));
    let columns = ["symbol", "price", "size", "ts"].map(keep).into_iter().chain([value]);
    let valued = plan.project(trades, columns.collect())?;
    let bars = AggregateSpec::by(["symbol"])
        .tumble("ts", 1_000_000)
        .call(Call::by("open", Function::First, "price", "ts"))
        .compute("high", Function::Max, "price")
        .compute("low", Function::Min, "price")
        .call(Call::by("close", Function::Last, "price", "ts"))
        .compute("value", Function::Sum, "value")
        .compute("volume", Function::Sum, "size")
        .on_close();
    let bars = plan.aggregate(valued, &bars)?;
    let vwap = ("vwap".to_owned(), Expr::col("value").div(Expr::col("volume")));
    let columns = ["window_start", "symbol", "open", "high", "low", "close"].map(keep);
    let bars = plan.project(bars, columns.into_iter().chain([vwap]).collect())?;
    plan.stream(bars, "bars")?;

    let latest = AggregateSpec::by(["symbol"]).count_rows("trades").call(Call::by(
        "price",
        Function::Last,
        "price",
        "ts",
    ));
    let latest = plan.aggregate(trades, &latest)?;
    plan.view(latest, "latest", &["symbol"])?;
    plan.finish()
}

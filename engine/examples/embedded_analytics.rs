//! Analytics inside an application: several threads push trades, and everybody reads results that are
//! up to date: bars of one second as they close, and the present state of a symbol by its key.
//!
//! `cargo run --release -p sluicedb --example embedded_analytics`

#![expect(clippy::print_stdout, reason = "it shows what it does")]

use std::error::Error;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use sluicedb::db::{DataType, Database, FromRow, PushError, Row, Source, SqlError, schema};
use sluicedb::expr::Expr;
use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Function, Plan, Window};

const SYMBOLS: [&str; 4] = ["ACME", "INIT", "UMBR", "WAYN"];
const PRODUCERS: i64 = 3;
const TRADES_EACH: i64 = 200_000;
/// All of it happens in five seconds of event time, however fast it is pushed.
const SPAN_US: i64 = 5_000_000;

#[derive(Row)]
struct Trade<'a> {
    symbol: &'a str,
    #[row(decimal(12, 2))]
    price: i128, // in cents
    size: i64,
    #[row(timestamp)]
    ts: i64, // microseconds since 1970
}

#[derive(FromRow)]
struct Bar {
    #[row(timestamp)]
    window_start: i64,
    symbol: String,
    #[row(decimal(12, 2))]
    open: i128,
    #[row(decimal(12, 2))]
    high: i128,
    #[row(decimal(12, 2))]
    low: i128,
    #[row(decimal(12, 2))]
    close: i128,
    vwap: f64,
}

fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let db = Database::memory(&plan()?)?;
    println!("The plan as it runs:\n{}", db.explain());

    let bars = db.subscribe("bars")?;
    let mut latest = db.view("latest")?;
    // All handles before the first row: the watermark of a source is the least of its handles, so
    // that one which comes later would find its seconds closed.
    let sources = (0..PRODUCERS).map(|_| db.source::<Trade>("trades"));
    let sources = sources.collect::<Result<Vec<_>, _>>()?;

    let pushing = AtomicBool::new(true);
    let lookups = thread::scope(|scope| {
        let numbers = 0..PRODUCERS;
        let producers: Vec<_> = sources.into_iter().zip(numbers).collect();
        let producers =
            producers.into_iter().map(|(source, n)| scope.spawn(move || push(source, n)));
        let producers: Vec<_> = producers.collect();
        let reader = scope.spawn(|| {
            let mut lookups = 0_u64;
            while pushing.load(Ordering::Relaxed) {
                let found = latest.get(SYMBOLS[lookups as usize % SYMBOLS.len()])?;
                // Nothing is there before the first trade, and one row a symbol after it.
                assert!(found.len() <= 1);
                lookups += 1;
            }
            Ok::<_, Box<dyn Error + Send + Sync>>(lookups)
        });
        let ended = producers.into_iter().map(|producer| producer.join().expect("no panic"));
        let ended = ended.collect::<Result<(), PushError>>();
        pushing.store(false, Ordering::Relaxed);
        ended?;
        reader.join().expect("no panic")
    })?;
    // What was pushed is in the views when this returns.
    db.flush()?;
    println!("{lookups} lookups while {} trades flowed; now:", PRODUCERS * TRADES_EACH);
    for symbol in SYMBOLS {
        let found = latest.get(symbol)?;
        let (trades, price) = (found.column::<i64>("trades")?, found.column::<i128>("price")?);
        println!(
            "  {symbol}: {} trades, the last at {}",
            trades.get(0),
            price.get(0) as f64 / 100.0
        );
    }

    // A subscription is an iterator. It ends with the database.
    db.close()?;
    println!("\nsecond  symbol    open    high     low   close      VWAP");
    for set in bars {
        for row in set?.changes().rows::<Bar>() {
            let (bar, _weight) = row?;
            let [o, h, l, c] = [bar.open, bar.high, bar.low, bar.close].map(|p| p as f64 / 100.0);
            let (second, symbol, vwap) = (bar.window_start / 1_000_000, bar.symbol, bar.vwap);
            println!("{second:>6}  {symbol:<6} {o:>7.2} {h:>7.2} {l:>7.2} {c:>7.2} {vwap:>9.4}");
        }
    }
    Ok(())
}

fn push(mut trades: Source<Trade>, producer: i64) -> Result<(), PushError> {
    for n in 0..TRADES_EACH {
        let at = n * PRODUCERS + producer;
        trades.push_wait(&Trade {
            symbol: SYMBOLS[(at % 7 % 4) as usize],
            price: 10_000 + i128::from(at / 100 % 300) + i128::from(at % 17),
            size: 1 + at % 500,
            ts: at * SPAN_US / (TRADES_EACH * PRODUCERS),
        })?;
    }
    Ok(())
}

fn plan() -> Result<Plan, SqlError> {
    let mut plan = Builder::new();
    let trades = plan.source("trades", schema::<Trade>()?, Some(("ts", 0)))?;

    let keep = |name: &str| (name.to_owned(), Expr::col(name));
    let value = ("value".to_owned(), Expr::col("price").mul(Expr::col("size")));
    let columns = vec![keep("symbol"), keep("price"), keep("size"), keep("ts"), value];
    let valued = plan.project(trades, columns)?;
    let bars = AggregateSpec {
        window: Some(Window::Tumble { time: "ts".into(), size_us: 1_000_000, offset_us: 0 }),
        keys: vec!["symbol".into()],
        calls: vec![
            Call::by("open", Function::First, "price", "ts"),
            Call::of("high", Function::Max, "price"),
            Call::of("low", Function::Min, "price"),
            Call::by("close", Function::Last, "price", "ts"),
            Call::of("value", Function::Sum, "value"),
            Call::of("volume", Function::Sum, "size"),
        ],
        emit: Emit::OnClose,
        allowed_lateness_us: 0,
    };
    let bars = plan.aggregate(valued, &bars)?;
    let mut columns = ["window_start", "symbol", "open", "high", "low", "close"].map(keep).to_vec();
    let vwap = Expr::col("value").div(Expr::col("volume")).cast(DataType::Double);
    columns.push(("vwap".to_owned(), vwap));
    let bars = plan.project(bars, columns)?;
    plan.stream(bars, "bars")?;

    let latest = AggregateSpec {
        window: None,
        keys: vec!["symbol".into()],
        calls: vec![Call::count_rows("trades"), Call::by("price", Function::Last, "price", "ts")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let latest = plan.aggregate(trades, &latest)?;
    plan.view(latest, "latest", &["symbol"])?;
    plan.finish()
}

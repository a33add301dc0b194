//! A database inside an application's own loop: no thread, no hop. The loop pushes a quote, turns the
//! database, and has the answer when the turn returns.
//!
//! `cargo run --release --example inline_loop`; under `taskset -c 1` the loop is pinned,
//! as such loops are.

#![expect(clippy::print_stdout, reason = "it shows what it does")]
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it reads the clock")]

use std::cell::Cell;
use std::error::Error;
use std::rc::Rc;
use std::time::Instant;

use sluicedb::db::{Database, InlineDatabase, Row, SqlError, schema};
use sluicedb::expr::{Expr, lit};
use sluicedb::plan::{AggregateSpec, Builder, Function, Plan};

#[derive(Row)]
struct Quote<'a> {
    symbol: &'a str,
    bid: i64, // in hundredths
    ask: i64,
}

const SYMBOLS: [&str; 4] = ["ACME", "INIT", "UMBR", "WAYN"];
/// A quote with a wider spread is a signal.
const WIDE: i64 = 20;
const WARM_UP: usize = 50_000;
const ROUNDS: usize = 500_000;

/// What the callback leaves for the loop.
#[derive(Default)]
struct Signals {
    count: Cell<usize>,
    last_spread: Cell<i64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut db: InlineDatabase = Database::builder().inline(&plan()?)?;
    let signals = Rc::new(Signals::default());
    let heard = Rc::clone(&signals);
    // Runs within `turn`, on this thread.
    db.on_changes("wide", move |changes| {
        let spread = changes.column::<i64>("spread").expect("the plan has it");
        heard.count.update(|count| count + changes.len());
        heard.last_spread.set(spread.get(changes.len() - 1));
    })?;
    let mut quotes = db.source::<Quote>("quotes")?;
    let mut widest = db.view("widest")?;

    let mut taken_ns = Vec::with_capacity(ROUNDS);
    for round in 0..WARM_UP + ROUNDS {
        let before = signals.count.get();
        let quote = quote(round as i64);
        let is_wide = quote.ask - quote.bid > WIDE;

        let start = Instant::now();
        quotes.push(&quote)?;
        db.turn();
        let took = start.elapsed();

        // Whatever else the loop does goes here. The answer is there already.
        let answered = signals.count.get() > before;
        assert_eq!(answered, is_wide, "round {round}");
        if is_wide {
            assert_eq!(signals.last_spread.get(), quote.ask - quote.bid);
        }
        if round >= WARM_UP {
            taken_ns.push(took.as_nanos() as u64);
        }
    }

    taken_ns.sort_unstable();
    let at = |share: f64| taken_ns[((taken_ns.len() - 1) as f64 * share) as usize];
    let found = signals.count.get();
    println!("{} quotes, {found} signals; push and turn took, in ns:", WARM_UP + ROUNDS);
    let shares = [("p50", 0.5), ("p90", 0.9), ("p99", 0.99), ("p99.9", 0.999), ("max", 1.0)];
    for (name, share) in shares {
        println!("  {name:<6} {:>9}", at(share));
    }

    // A lookup reads the view where it lies.
    db.flush()?;
    println!("the widest spread of each symbol:");
    for symbol in SYMBOLS {
        let start = Instant::now();
        let spread = db.get(&mut widest, symbol)?.column::<i64>("spread")?.get(0);
        println!("  {symbol}  {spread:>3}  (looked up in {} ns)", start.elapsed().as_nanos());
    }
    db.check()?;
    Ok(())
}

fn quote(round: i64) -> Quote<'static> {
    let bid = 10_000 + round * 7 % 300;
    let symbol = SYMBOLS[(round * 31 % 127 % 4) as usize];
    Quote { symbol, bid, ask: bid + 1 + round * 13 % 25 }
}

fn plan() -> Result<Plan, SqlError> {
    let mut plan = Builder::new();
    let quotes = plan.source("quotes", schema::<Quote>()?, None)?;
    let spread = Expr::col("ask").sub(Expr::col("bid"));
    let columns = vec![("symbol".into(), Expr::col("symbol")), ("spread".into(), spread)];
    let spreads = plan.project(quotes, columns)?;
    let wide = plan.filter(spreads, &Expr::col("spread").gt(lit(WIDE)))?;
    plan.stream(wide, "wide")?;
    let widest = AggregateSpec::by(["symbol"]).compute("spread", Function::Max, "spread");
    let widest = plan.aggregate(spreads, &widest)?;
    plan.view(widest, "widest", &["symbol"])?;
    plan.finish()
}

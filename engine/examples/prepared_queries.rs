//! SQL in an application's hands: a function of its own, prepared statements, and rows as structs.
//!
//! `cargo run --release --example prepared_queries` prints what a prepared query for one
//! key costs, beside the same query as text.

#![expect(clippy::print_stdout, reason = "it shows what it does")]
#![expect(clippy::disallowed_types, clippy::disallowed_methods, reason = "it reads the clock")]

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use arrow::array::{AsArray, Float64Array};
use arrow::datatypes::Float64Type;
use sluicedb::db::{DataType, Database, FromRow};
use sluicedb::plan::Plan;

#[derive(FromRow)]
struct Spread {
    symbol: Option<String>,
    widest: Option<f64>,
    quotes: i64,
}

const SYMBOLS: [&str; 4] = ["ACME", "INIT", "UMBR", "WAYN"];
const QUERY: &str = "SELECT symbol, widest, quotes FROM spreads WHERE symbol = ";

fn main() -> Result<(), Box<dyn Error>> {
    let types = [DataType::Double, DataType::Double];
    let db = Database::builder()
        .shards(1)
        .scalar_function("spread", &types, DataType::Double, |args| {
            let (bid, ask) =
                (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>());
            let both = bid.iter().zip(ask.iter());
            Ok(Arc::new(both.map(|(bid, ask)| Some(ask? - bid?)).collect::<Float64Array>()))
        })
        .start(&Plan::empty())?;
    db.execute("CREATE SOURCE quotes (symbol TEXT, bid DOUBLE, ask DOUBLE)")?;
    db.execute(
        "CREATE MATERIALIZED VIEW spreads AS
         SELECT symbol, max(spread(bid, ask)) AS widest, count(*) AS quotes
         FROM quotes GROUP BY symbol",
    )?;
    let mut quote = db.prepare("INSERT INTO quotes VALUES ($1, $2, $3)")?;
    for (at, symbol) in SYMBOLS.into_iter().cycle().take(20).enumerate() {
        db.execute_with(&mut quote, (symbol, 100.0, 100.25 + at as f64))?;
    }
    let mut by_symbol = db.prepare(&format!("{QUERY}$1"))?;
    for symbol in SYMBOLS {
        for spread in db.query_with(&mut by_symbol, symbol)?.iter::<Spread>() {
            let Spread { symbol, widest, quotes } = spread?;
            let (symbol, widest) = (symbol.unwrap_or_default(), widest.unwrap_or_default());
            println!("{symbol}: {quotes} quotes, at most {widest} wide");
        }
    }
    let prepared = each(20_000, |at| {
        let found = db.query_with(&mut by_symbol, SYMBOLS[at % SYMBOLS.len()])?;
        Ok(found.len())
    })?;
    let text = each(200, |at| {
        let found = db.query(&format!("{QUERY}'{}'", SYMBOLS[at % SYMBOLS.len()]))?;
        Ok(found.len())
    })?;
    println!("a query for one key: {prepared:.1} us prepared, {text:.1} us as text");
    Ok(db.close()?)
}

/// Microseconds of one of so many calls, each of which finds one row.
fn each(
    calls: usize,
    mut call: impl FnMut(usize) -> Result<usize, Box<dyn Error>>,
) -> Result<f64, Box<dyn Error>> {
    let began = Instant::now();
    for at in 0..calls {
        assert_eq!(call(at)?, 1, "each symbol has been quoted");
    }
    Ok(began.elapsed().as_secs_f64() * 1e6 / calls as f64)
}

//! The workload: trades of a thousand symbols, a hundred thousand a second of event time.

use sluicedb_sql::expr::{Expr, lit};
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Emit, Function, Plan, Window};
use sluicedb_sql::{DataType, Field, Schema, SqlError};

/// What is computed of the trades.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Query {
    /// Half of the rows pass a filter, and two columns of them are computed.
    Filter,
    /// Count, volume, highest and lowest price by symbol and second.
    Tumble,
}

/// Columns of a stretch of trades.
#[derive(Clone, Debug, Default)]
pub struct Trades {
    /// The symbol of each trade, as an index into [`symbols`].
    pub symbols: Vec<usize>,
    /// Price in hundredths.
    pub prices: Vec<i64>,
    /// Number of shares.
    pub sizes: Vec<i64>,
    /// Event time in microseconds.
    pub times: Vec<i64>,
}

/// How many symbols there are.
pub const SYMBOLS: usize = 1000;
const PRICE_SPREAD: u64 = 10_000;
const MICROS_PER_TRADE: usize = 10;
const SECOND: i64 = 1_000_000;

/// The names of the symbols.
pub fn symbols() -> Vec<String> {
    (0..SYMBOLS).map(|n| format!("SYM{n:04}")).collect()
}

/// `rows` trades; the same for the same seed.
pub fn trades(rows: usize, seed: u64) -> Trades {
    let mut state = seed;
    let mut random = move || {
        // SplitMix64: a counter, and a mixer of its bits.
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    let mut trades = Trades::default();
    for row in 0..rows {
        let bits = random();
        trades.symbols.push((bits % SYMBOLS as u64) as usize);
        trades.prices.push(((bits >> 20) % PRICE_SPREAD) as i64 + 1);
        trades.sizes.push(((bits >> 44) % 1000) as i64 + 1);
        trades.times.push((row / MICROS_PER_TRADE * 100) as i64);
    }
    trades
}

/// The plan of a query, with one view or stream.
pub fn plan(query: Query) -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let fields = vec![
        Field::not_null("symbol", DataType::Text),
        Field::not_null("price", DataType::BigInt),
        Field::not_null("size", DataType::BigInt),
        Field::not_null("ts", DataType::Timestamp),
    ];
    let trades = builder.source("trades", Schema::new(fields)?, Some(("ts", 0)))?;
    match query {
        Query::Filter => {
            let half = PRICE_SPREAD as i64 / 2;
            let dear = builder.filter(trades, &Expr::col("price").gt(lit(half)))?;
            let value = Expr::col("price").mul(Expr::col("size"));
            let outputs = vec![("symbol".into(), Expr::col("symbol")), ("value".into(), value)];
            let projected = builder.project(dear, outputs)?;
            // Subscribers are all it serves: a view would keep every row for ever.
            builder.stream(projected, "dear")?;
        }
        Query::Tumble => {
            let spec = AggregateSpec {
                window: Some(Window::Tumble { time: "ts".into(), size_us: SECOND, offset_us: 0 }),
                keys: vec!["symbol".into()],
                calls: vec![
                    Call::count_rows("trades"),
                    Call::of("volume", Function::Sum, "size"),
                    Call::of("high", Function::Max, "price"),
                    Call::of("low", Function::Min, "price"),
                ],
                emit: Emit::OnClose,
                allowed_lateness_us: 0,
            };
            let bars = builder.aggregate(trades, &spec)?;
            builder.view(bars, "bars", &[])?;
        }
    }
    builder.finish()
}

/// The same by hand: columns in, one hash table, no engine. The yardstick of a run.
pub fn by_hand(query: Query, trades: &Trades, names: &[String]) -> u64 {
    match query {
        Query::Filter => {
            let mut kept = 0u64;
            for row in 0..trades.prices.len() {
                if trades.prices[row] > PRICE_SPREAD as i64 / 2 {
                    let value = trades.prices[row].wrapping_mul(trades.sizes[row]);
                    kept =
                        kept.wrapping_add((value as u64) ^ names[trades.symbols[row]].len() as u64);
                }
            }
            kept
        }
        Query::Tumble => {
            let mut bars: rustc_hash::FxHashMap<&str, [i64; 4]> = rustc_hash::FxHashMap::default();
            let (mut second, mut check) = (0, 0u64);
            for row in 0..trades.prices.len() {
                if trades.times[row] / SECOND != second {
                    second = trades.times[row] / SECOND;
                    let closed = bars.drain().map(|(_, bar)| bar.iter().sum::<i64>() as u64);
                    check = closed.fold(check, u64::wrapping_add);
                }
                let (price, size) = (trades.prices[row], trades.sizes[row]);
                let bar = bars.entry(names[trades.symbols[row]].as_str()).or_insert([
                    0,
                    0,
                    i64::MIN,
                    i64::MAX,
                ]);
                bar[0] += 1;
                bar[1] += size;
                bar[2] = bar[2].max(price);
                bar[3] = bar[3].min(price);
            }
            check
        }
    }
}

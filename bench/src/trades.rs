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
    /// Filter, projection and totals by symbol, in a view that is looked up by symbol.
    Lookup,
}

impl Query {
    /// All of them.
    pub const ALL: [Query; 3] = [Query::Filter, Query::Tumble, Query::Lookup];

    /// What it is called on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Query::Filter => "filter",
            Query::Tumble => "tumble",
            Query::Lookup => "lookup",
        }
    }

    /// The view or stream that its plan makes.
    pub fn relation(self) -> &'static str {
        match self {
            Query::Filter => "dear",
            Query::Tumble => "bars",
            Query::Lookup => "totals",
        }
    }
}

/// SplitMix64: a counter, and a mixer of its bits.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The same numbers for the same seed.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
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

impl Trades {
    /// Those of the symbols that are wanted, in their order.
    pub fn only(&self, wanted: impl Fn(usize) -> bool) -> Trades {
        let rows: Vec<usize> =
            (0..self.symbols.len()).filter(|row| wanted(self.symbols[*row])).collect();
        let of = |column: &[i64]| rows.iter().map(|row| column[*row]).collect();
        Trades {
            symbols: rows.iter().map(|row| self.symbols[*row]).collect(),
            prices: of(&self.prices),
            sizes: of(&self.sizes),
            times: of(&self.times),
        }
    }
}

/// How many symbols there are.
pub const SYMBOLS: usize = 1000;
/// Prices are from 1 to this.
pub const PRICE_SPREAD: u64 = 10_000;
/// What the filter takes is above this.
pub const DEAR: i64 = PRICE_SPREAD as i64 / 2;
const MICROS_PER_TRADE: usize = 10;
/// A second of event time.
pub const SECOND: i64 = 1_000_000;

/// The names of the symbols.
pub fn symbols() -> Vec<String> {
    (0..SYMBOLS).map(|n| format!("SYM{n:04}")).collect()
}

/// `rows` trades; the same for the same seed.
pub fn trades(rows: usize, seed: u64) -> Trades {
    let mut random = Random::new(seed);
    let mut trades = Trades::default();
    for row in 0..rows {
        let bits = random.bits();
        trades.symbols.push((bits % SYMBOLS as u64) as usize);
        trades.prices.push(((bits >> 20) % PRICE_SPREAD) as i64 + 1);
        trades.sizes.push(((bits >> 44) % 1000) as i64 + 1);
        trades.times.push((row / MICROS_PER_TRADE * 100) as i64);
    }
    trades
}

/// One trade of a paced run. All pass the filter, and a thousand in a row are of as many symbols, so
/// that every trade has an answer of its own.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tick {
    /// The symbol, as an index into [`symbols`].
    pub symbol: usize,
    /// Price in hundredths.
    pub price: i64,
    /// Number of shares.
    pub size: i64,
    /// Event time in microseconds: when it was due.
    pub ts_us: i64,
    /// When it was due, in nanoseconds of the clock of the run.
    pub sent: i64,
}

impl Tick {
    /// The trade that is sent as number `at`.
    pub fn new(at: usize, due_ns: u64) -> Tick {
        Tick {
            symbol: at % SYMBOLS,
            price: DEAR + 1 + (at as i64 % DEAR),
            size: 100,
            ts_us: (due_ns / 1000) as i64,
            sent: due_ns as i64,
        }
    }
}

/// The plan of a query, with one view or stream.
pub fn plan(query: Query) -> Result<Plan, SqlError> {
    build(query, false)
}

/// The same over trades that bear when they were due, in a further column `sent`; the last column of
/// the result is that of the latest trade in the row. Aggregates put out every change at once.
pub fn timed_plan(query: Query) -> Result<Plan, SqlError> {
    build(query, true)
}

fn build(query: Query, timed: bool) -> Result<Plan, SqlError> {
    let mut builder = Builder::new();
    let mut fields = vec![
        Field::not_null("symbol", DataType::Text),
        Field::not_null("price", DataType::BigInt),
        Field::not_null("size", DataType::BigInt),
        Field::not_null("ts", DataType::Timestamp),
    ];
    if timed {
        fields.push(Field::not_null("sent", DataType::BigInt));
    }
    let trades = builder.source("trades", Schema::new(fields)?, Some(("ts", 0)))?;
    let sent = timed.then(|| Call::of("sent", Function::Max, "sent"));
    let dear = |builder: &mut Builder| {
        let dear = builder.filter(trades, &Expr::col("price").gt(lit(DEAR)))?;
        let value = Expr::col("price").mul(Expr::col("size"));
        let mut outputs = vec![("symbol".into(), Expr::col("symbol")), ("value".into(), value)];
        outputs.extend(timed.then(|| ("sent".into(), Expr::col("sent"))));
        builder.project(dear, outputs)
    };
    match query {
        Query::Filter => {
            let rows = dear(&mut builder)?;
            // Subscribers are all it serves: a view would keep every row for ever.
            builder.stream(rows, query.relation())?;
        }
        Query::Tumble => {
            let mut calls = vec![
                Call::count_rows("trades"),
                Call::of("volume", Function::Sum, "size"),
                Call::of("high", Function::Max, "price"),
                Call::of("low", Function::Min, "price"),
            ];
            calls.extend(sent);
            let spec = AggregateSpec {
                window: Some(Window::Tumble { time: "ts".into(), size_us: SECOND, offset_us: 0 }),
                keys: vec!["symbol".into()],
                calls,
                emit: if timed { Emit::Changes } else { Emit::OnClose },
                allowed_lateness_us: 0,
            };
            let bars = builder.aggregate(trades, &spec)?;
            builder.view(bars, query.relation(), &[])?;
        }
        Query::Lookup => {
            let rows = dear(&mut builder)?;
            let mut calls =
                vec![Call::count_rows("trades"), Call::of("value", Function::Sum, "value")];
            calls.extend(sent);
            let keys = vec!["symbol".into()];
            let (emit, allowed_lateness_us) = (Emit::Changes, 0);
            let spec = AggregateSpec { window: None, keys, calls, emit, allowed_lateness_us };
            let totals = builder.aggregate(rows, &spec)?;
            builder.view(totals, query.relation(), &["symbol"])?;
        }
    }
    builder.finish()
}

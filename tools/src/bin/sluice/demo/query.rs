//! What is asked of the trades.

use sluicedb::db::{DataType, FromRow, Row, SqlError, schema};
use sluicedb::expr::{Expr, lit};
use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Function, Plan, Window};

/// A trade as it is pushed.
#[derive(Row)]
pub(super) struct Trade<'a> {
    pub(super) symbol: &'a str,
    #[row(decimal(12, 2))]
    pub(super) price: i128,
    pub(super) size: i64,
    #[row(timestamp)]
    pub(super) ts: i64,
    /// When it was due, in nanoseconds of the demo's clock.
    pub(super) sent: i64,
}

/// One symbol in one second.
#[derive(FromRow, Clone, Debug)]
pub(super) struct Bar {
    #[row(timestamp)]
    pub(super) window_start: i64,
    pub(super) symbol: String,
    #[row(decimal(12, 2))]
    pub(super) open: i128,
    #[row(decimal(12, 2))]
    pub(super) high: i128,
    #[row(decimal(12, 2))]
    pub(super) low: i128,
    #[row(decimal(12, 2))]
    pub(super) close: i128,
    #[row(decimal(18, 4))]
    pub(super) vwap: i128,
    pub(super) trades: i64,
}

/// A trade is large from this many shares on: one in ten is.
const LARGE: i64 = 900;
/// Sizes are from 0 to below this.
pub(super) const SIZES: u64 = 1000;
/// A window, in microseconds.
pub(super) const SECOND_US: i64 = 1_000_000;

/// In SQL:
///
/// ```sql
/// CREATE STREAM bars AS SELECT window_start, symbol, first(price), max(price), min(price),
///     last(price), sum(price * size) / sum(size), count(*) FROM trades
///     GROUP BY tumble(ts, INTERVAL '1' SECOND), symbol EMIT ON WINDOW CLOSE;
/// CREATE MATERIALIZED VIEW large AS SELECT symbol, sum(price * size) / sum(size), max(sent)
///     FROM trades WHERE size >= 900 GROUP BY symbol;
/// ```
pub(super) fn plan() -> Result<Plan, SqlError> {
    let mut plan = Builder::new();
    let trades = plan.source("trades", schema::<Trade>()?, Some(("ts", 0)))?;
    let all = ["symbol", "price", "size", "ts", "sent"];
    let mut columns: Vec<_> = all.map(|name| (name.to_owned(), Expr::col(name))).into();
    columns.push(("value".to_owned(), Expr::col("price").mul(Expr::col("size"))));
    let valued = plan.project(trades, columns)?;

    let bars = plan.aggregate(
        valued,
        &AggregateSpec {
            window: Some(Window::Tumble { time: "ts".into(), size_us: SECOND_US, offset_us: 0 }),
            keys: vec!["symbol".into()],
            calls: vec![
                Call::by("open", Function::First, "price", "ts"),
                Call::of("high", Function::Max, "price"),
                Call::of("low", Function::Min, "price"),
                Call::by("close", Function::Last, "price", "ts"),
                Call::of("value", Function::Sum, "value"),
                Call::of("volume", Function::Sum, "size"),
                Call::count_rows("trades"),
            ],
            emit: Emit::OnClose,
            allowed_lateness_us: 0,
        },
    )?;
    let shown = ["window_start", "symbol", "open", "high", "low", "close"];
    let mut columns: Vec<_> = shown.map(|name| (name.to_owned(), Expr::col(name))).into();
    columns.push(vwap());
    columns.push(("trades".to_owned(), Expr::col("trades")));
    let bars = plan.project(bars, columns)?;
    plan.stream(bars, "bars")?;

    let large = plan.filter(valued, &Expr::col("size").gt_eq(lit(LARGE)))?;
    let large = plan.aggregate(
        large,
        &AggregateSpec {
            window: None,
            keys: vec!["symbol".into()],
            calls: vec![
                Call::of("value", Function::Sum, "value"),
                Call::of("volume", Function::Sum, "size"),
                Call::of("sent", Function::Max, "sent"),
            ],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        },
    )?;
    let columns = ["symbol", "sent"].map(|name| (name.to_owned(), Expr::col(name)));
    let large = plan.project(large, columns.into_iter().chain([vwap()]).collect())?;
    plan.view(large, "large", &["symbol"])?;
    plan.finish()
}

/// The mean price by volume, of the sums.
fn vwap() -> (String, Expr) {
    let mean = Expr::col("value").div(Expr::col("volume"));
    ("vwap".to_owned(), mean.cast(DataType::Decimal { precision: 18, scale: 4 }))
}

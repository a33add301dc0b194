//! Rows, plans and readers that the tests share.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};
use sluicedb::db::{Changes, Database, Row, Subscription, View, schema};
use sluicedb::expr::{Expr, lit};
use sluicedb::plan::{AggregateSpec, Builder, Call, Emit, Function, NodeId, Plan, Window};
use sluicedb::{DataType, Value};
use sluicedb_tests::reference::{Input, Relation, Row as ReferenceRow, evaluate};

/// The end of the last window that a run closes.
pub(crate) const END_US: i64 = 1 << 40;

#[derive(Row, Clone, Debug)]
pub(crate) struct Trade {
    pub(crate) symbol: String,
    pub(crate) account: i64,
    pub(crate) price: i64,
    #[row(timestamp)]
    pub(crate) ts: i64,
}

#[derive(Row, Clone, Debug)]
pub(crate) struct Owner {
    pub(crate) id: i64,
    pub(crate) name: String,
}

/// Trade number `i` of a stream that moves on by a millisecond each.
pub(crate) fn trade(i: u64) -> Trade {
    Trade {
        symbol: format!("S{}", i * 7919 % 17),
        account: (i % 23) as i64,
        price: (i % 101) as i64,
        ts: i as i64 * 1000,
    }
}

/// The trade that closes every window before it.
pub(crate) fn last_trade() -> Trade {
    Trade { symbol: "END".to_owned(), account: 0, price: 1, ts: END_US }
}

pub(crate) fn owners() -> Vec<Owner> {
    (0..20).map(|id| Owner { id, name: format!("owner {}", id % 7) }).collect()
}

pub(crate) fn trades_batch(rows: &[Trade]) -> RecordBatch {
    let texts: StringArray = rows.iter().map(|row| Some(row.symbol.as_str())).collect();
    let accounts: Int64Array = rows.iter().map(|row| Some(row.account)).collect();
    let prices: Int64Array = rows.iter().map(|row| Some(row.price)).collect();
    let times: TimestampMicrosecondArray = rows.iter().map(|row| Some(row.ts)).collect();
    let columns: [(&str, Arc<dyn Array>); 4] = [
        ("symbol", Arc::new(texts)),
        ("account", Arc::new(accounts)),
        ("price", Arc::new(prices)),
        ("ts", Arc::new(times)),
    ];
    RecordBatch::try_from_iter_with_nullable(columns.map(|(name, array)| (name, array, false)))
        .expect("columns of one length")
}

fn tumble(builder: &mut Builder, input: NodeId, keys: &[&str], emit: Emit) -> NodeId {
    let window = Window::Tumble { time: "ts".into(), size_us: 1_000_000, offset_us: 0 };
    let spec = AggregateSpec {
        window: Some(window),
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        calls: vec![
            Call::count_rows("trades"),
            Call::of("turnover", Function::Sum, "turnover"),
            Call::of("high", Function::Max, "turnover"),
        ],
        emit,
        allowed_lateness_us: 0,
    };
    builder.aggregate(input, &spec).expect("a plan that is written down")
}

/// Filter, projection, windows over two different keys, a join, an aggregate above it; views and
/// streams. Whatever key the source goes by, some rows change shards.
pub(crate) fn wide_plan() -> Plan {
    let mut b = Builder::new();
    let trades = b.source("trades", schema::<Trade>().unwrap(), Some(("ts", 0))).unwrap();
    let owners = b.source("owners", schema::<Owner>().unwrap(), None).unwrap();
    let large = b.filter(trades, &Expr::col("price").gt(lit(10_i64))).unwrap();
    let columns = vec![
        ("symbol".to_owned(), Expr::col("symbol")),
        ("account".to_owned(), Expr::col("account")),
        ("turnover".to_owned(), Expr::col("price").mul(lit(2_i64))),
        ("ts".to_owned(), Expr::col("ts")),
    ];
    let large = b.project(large, columns).unwrap();
    let bars = tumble(&mut b, large, &["symbol"], Emit::Changes);
    b.view(bars, "bars", &["symbol", "window_start"]).unwrap();
    let closed = tumble(&mut b, large, &["account"], Emit::OnClose);
    b.stream(closed, "closed").unwrap();
    let pairs = b.join(large, owners, &[("account", "id")]).unwrap();
    b.view(pairs, "pairs", &[]).unwrap();
    let totals = AggregateSpec {
        window: None,
        keys: vec!["name".to_owned()],
        calls: vec![Call::count_rows("trades"), Call::of("total", Function::Sum, "turnover")],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let totals = b.aggregate(pairs, &totals).unwrap();
    b.view(totals, "totals", &["name"]).unwrap();
    b.stream(large, "large").unwrap();
    b.finish().unwrap()
}

/// The relations of [`wide_plan`].
pub(crate) const WIDE: [&str; 5] = ["bars", "closed", "pairs", "totals", "large"];

/// What [`wide_plan`] comes to over so many trades and, from each feeder, the last one.
pub(crate) fn wide_result(trades: u64, feeders: usize) -> BTreeMap<String, Relation> {
    let behind = i64::MIN;
    let row = |row: &Trade, tie| ReferenceRow {
        values: vec![
            Value::text(&row.symbol),
            Value::BigInt(row.account),
            Value::BigInt(row.price),
            Value::Timestamp(row.ts),
        ],
        tie,
        behind,
    };
    let mut rows: Vec<ReferenceRow> = (0..trades).map(|i| row(&trade(i), u128::from(i))).collect();
    rows.extend((0..feeders).map(|_| row(&last_trade(), 0)));
    let owner = |owner: &Owner| ReferenceRow {
        values: vec![Value::BigInt(owner.id), Value::text(&owner.name)],
        tie: 0,
        behind,
    };
    let owners = owners().iter().map(owner).collect();
    let inputs = [Input { rows, watermark: END_US }, Input { rows: owners, watermark: i64::MIN }];
    evaluate(&wide_plan(), &inputs).expect("the reference knows this plan")
}

/// Row `row` as values.
pub(crate) fn values(changes: &Changes<'_>, row: usize) -> Vec<Value> {
    let found = changes.row(row);
    let fields = changes.schema().fields().iter().enumerate();
    let value = |(at, data_type): (usize, DataType)| -> Option<Value> {
        match data_type {
            DataType::Boolean => found.get::<Option<bool>>(at).unwrap().map(Value::Boolean),
            DataType::Int => found.get::<Option<i32>>(at).unwrap().map(Value::Int),
            DataType::BigInt => found.get::<Option<i64>>(at).unwrap().map(Value::BigInt),
            DataType::Timestamp => found.get::<Option<i64>>(at).unwrap().map(Value::Timestamp),
            DataType::Double => found.get::<Option<f64>>(at).unwrap().map(Value::Double),
            DataType::Text => found.get::<Option<&str>>(at).unwrap().map(Value::text),
            DataType::Decimal { scale, .. } => {
                found.get::<Option<i128>>(at).unwrap().map(|units| Value::Decimal { units, scale })
            }
            other => unreachable!("no relation here has a column of {other}"),
        }
    };
    fields.map(|(at, field)| value((at, field.data_type)).unwrap_or(Value::Null)).collect()
}

/// Adds changes to a relation; what comes to nothing leaves it.
pub(crate) fn add(relation: &mut Relation, changes: &Changes<'_>) {
    for row in 0..changes.len() {
        let values = values(changes, row);
        let sum = relation.get(&values).copied().unwrap_or(0) + changes.weight(row);
        match sum {
            0 => relation.remove(&values),
            _ => relation.insert(values, sum),
        };
    }
}

/// Takes all changes of a subscription until the database ends, and sums them.
pub(crate) fn sum_to_the_end(subscription: Subscription) -> Relation {
    let mut relation = Relation::new();
    let mut subscription = subscription;
    while let Some(set) = subscription.next() {
        let set = set.expect("no change is missed");
        add(&mut relation, &set.changes());
        subscription.recycle(set);
    }
    relation
}

/// The rows of a view that a lookup finds.
pub(crate) fn found(changes: &Changes<'_>) -> Vec<(Vec<Value>, i64)> {
    (0..changes.len()).map(|row| (values(changes, row), changes.weight(row))).collect()
}

/// One stream of numbers, and a view of them by number.
#[derive(Row, Clone, Copy, Debug)]
pub(crate) struct Tick {
    pub(crate) id: i64,
}

pub(crate) fn tick_plan() -> Plan {
    let mut b = Builder::new();
    let ticks = b.source("ticks", schema::<Tick>().unwrap(), None).unwrap();
    b.view(ticks, "rows", &["id"]).unwrap();
    b.stream(ticks, "all").unwrap();
    b.finish().unwrap()
}

/// Only the stream: keeps nothing.
pub(crate) fn stream_plan() -> Plan {
    let mut b = Builder::new();
    let ticks = b.source("ticks", schema::<Tick>().unwrap(), None).unwrap();
    b.stream(ticks, "all").unwrap();
    b.finish().unwrap()
}

/// A small database in memory.
pub(crate) fn small(shards: usize) -> sluicedb::db::Builder {
    Database::builder().shards(shards).memory_limit(256 << 20)
}

/// Whether the view of [`tick_plan`] has the row, exactly once.
pub(crate) fn has(view: &mut View, id: i64) -> bool {
    let changes = view.get(id).expect("the database runs");
    match changes.len() {
        0 => false,
        1 => {
            assert_eq!(changes.weight(0), 1, "row {id} is there once");
            true
        }
        rows => panic!("{rows} rows with key {id}"),
    }
}

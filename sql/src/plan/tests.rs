use super::*;
use crate::expr::lit;
use crate::{DataType, Field, SqlError};

const SECOND: i64 = 1_000_000;

fn trades() -> Schema {
    Schema::new(vec![
        Field::nullable("symbol", DataType::Text),
        Field::not_null("price", DataType::Decimal { precision: 18, scale: 4 }),
        Field::not_null("volume", DataType::Int),
        Field::not_null("ts", DataType::Timestamp),
    ])
    .unwrap()
}

fn with_source() -> (Builder, NodeId) {
    let mut builder = Builder::new();
    let source = builder.source("trades", trades(), Some(("ts", 5 * SECOND))).unwrap();
    (builder, source)
}

fn per_minute(emit: Emit, lateness_us: i64) -> AggregateSpec {
    let time = "ts".to_owned();
    AggregateSpec {
        window: Some(Window::Tumble { time, size_us: 60 * SECOND, offset_us: 0 }),
        keys: vec!["symbol".into()],
        calls: vec![Call::count_rows("n"), Call::of("v", Function::Sum, "volume")],
        emit,
        allowed_lateness_us: lateness_us,
    }
}

fn state<T>(result: Result<T, SqlError>) -> &'static str {
    result.err().map_or("ok", |error| error.sqlstate)
}

#[test]
fn a_plan_is_explained_with_one_line_a_node() {
    let (mut builder, source) = with_source();
    let big = builder.filter(source, &Expr::col("volume").gt(lit(10_i64))).unwrap();
    let spec = AggregateSpec {
        calls: vec![
            Call::count_rows("n"),
            Call::of("mean", Function::Avg, "price"),
            Call::by("close", Function::Last, "price", "ts"),
        ],
        ..per_minute(Emit::OnClose, 2 * SECOND)
    };
    let bars = builder.aggregate(big, &spec).unwrap();
    builder.view(bars, "bars", &["symbol", "window_start"]).unwrap();
    builder.late(bars).unwrap();
    builder.stream(big, "big").unwrap();
    let plan = builder.finish().unwrap();
    assert_eq!((plan.stream("big"), plan.stream("bars")), (Some(NodeId(5)), None));
    let trade = "(symbol TEXT, price DECIMAL(18,4) NOT NULL, volume INT NOT NULL, \
                 ts TIMESTAMP NOT NULL)";
    let bar = "(window_start TIMESTAMP NOT NULL, window_end TIMESTAMP NOT NULL, symbol TEXT, \
               n BIGINT NOT NULL, mean DECIMAL(38,16) NOT NULL, close DECIMAL(18,4) NOT NULL) \
               [window_start >= watermark - 61999999 us] \
               [window_end >= watermark - 1999999 us] [retracts]";
    let expected = format!(
        "#0 source trades by ts - 5000000 us -> {trade} [ts >= watermark - 0 us]\n\
         #1 filter #0: CAST(volume AS BIGINT) > 10 -> {trade} [ts >= watermark - 0 us]\n\
         #2 aggregate #1: tumble(ts, 60000000 us, 0 us) by symbol COUNT(*), AVG(price), \
         LAST(price by ts) emit on close late by 2000000 us -> {bar}\n\
         #3 view bars #2 by symbol, window_start -> {bar}\n\
         #4 late #2 -> {trade}\n\
         #5 stream big #1 -> {trade} [ts >= watermark - 0 us]\n"
    );
    assert_eq!(plan.explain(), expected);
    assert_eq!(plan.view("bars"), Some(NodeId(3)));
    assert_eq!(plan.source("trades"), Some(NodeId(0)));
    assert_eq!(plan.view("trades"), None);
}

/// Replays one window over one time column and checks the claimed lags against every row put out.
#[test]
fn no_row_of_a_window_is_behind_the_lag_that_its_columns_claim() {
    for (size, lateness) in [(10, 0), (10, 3), (7, 20), (1, 0)] {
        let mut builder = Builder::new();
        let source = builder.source("t", trades(), Some(("ts", 0))).unwrap();
        let window = Window::Tumble { time: "ts".to_owned(), size_us: size, offset_us: 0 };
        let spec = AggregateSpec { window: Some(window), ..per_minute(Emit::OnClose, lateness) };
        let id = builder.aggregate(source, &spec).unwrap();
        let node = builder.finish().unwrap().node(id).clone();
        let mut tight = false;
        for passed_on in 0..100 {
            // What comes after this watermark: rows of windows still open or open to corrections.
            for start in (0..200).step_by(size as usize) {
                let end = start + size;
                let over = passed_on >= end + lateness;
                let behind = start < passed_on - node.times[0].lag_us;
                let end_behind = end < passed_on - node.times[1].lag_us;
                assert!(over || !behind && !end_behind, "window at {start}, watermark {passed_on}");
                tight |= !over && start == passed_on - node.times[0].lag_us;
            }
        }
        assert!(tight, "the lag is not larger than it must be");
    }
}

#[test]
fn only_changes_and_corrections_retract() {
    let (mut builder, source) = with_source();
    let mut retracts = |emit, lateness| {
        let id = builder.aggregate(source, &per_minute(emit, lateness)).unwrap();
        let late = builder.late(id).unwrap();
        let again = builder.node(late).unwrap().retracts;
        (builder.node(id).unwrap().retracts, again)
    };
    assert_eq!(retracts(Emit::Changes, 0), (true, false));
    assert_eq!(retracts(Emit::OnClose, 0), (false, false));
    assert_eq!(retracts(Emit::OnClose, 1), (true, false));
}

#[test]
fn a_closed_window_over_windows_that_change_puts_out_rows_once() {
    let (mut builder, source) = with_source();
    let inner = builder.aggregate(source, &per_minute(Emit::Changes, 0)).unwrap();
    let outer = AggregateSpec {
        window: Some(Window::Tumble {
            time: "window_start".into(),
            size_us: 3600 * SECOND,
            offset_us: 0,
        }),
        keys: vec![],
        calls: vec![Call::of("n", Function::Sum, "n")],
        emit: Emit::OnClose,
        allowed_lateness_us: 0,
    };
    let id = builder.aggregate(inner, &outer).unwrap();
    let late = builder.late(id).unwrap();
    assert!(!builder.node(id).unwrap().retracts);
    assert!(builder.node(late).unwrap().retracts);
    // The inner windows lag by a minute less one microsecond, the outer by an hour more.
    let expected = EventTime::new(0, 3660 * SECOND - 2);
    assert_eq!(builder.node(id).unwrap().times[0], expected);
}

#[test]
fn event_time_survives_in_columns_that_are_passed_through() {
    let (mut builder, source) = with_source();
    let outputs = vec![
        ("v".to_owned(), Expr::col("volume")),
        ("at".to_owned(), Expr::col("ts")),
        ("later".to_owned(), Expr::col("ts").cast(DataType::BigInt).cast(DataType::Timestamp)),
    ];
    let id = builder.project(source, outputs).unwrap();
    assert_eq!(builder.node(id).unwrap().times, [EventTime::new(1, 0)]);
    let on_close = |time: &str| AggregateSpec {
        window: Some(Window::Tumble { time: time.into(), size_us: 1, offset_us: 0 }),
        keys: vec![],
        calls: vec![],
        emit: Emit::OnClose,
        allowed_lateness_us: 0,
    };
    assert_eq!(state(builder.aggregate(id, &on_close("at"))), "ok");
    let error = builder.aggregate(id, &on_close("later")).unwrap_err();
    assert_eq!(
        error.message,
        "EMIT ON WINDOW CLOSE: windows never close: \"later\" is computed as \
         CAST(CAST(ts AS BIGINT) AS TIMESTAMP), and a watermark follows columns as they are"
    );
    let changes = AggregateSpec { emit: Emit::Changes, ..on_close("later") };
    let unbound = builder.aggregate(id, &changes).unwrap();
    assert!(builder.node(unbound).unwrap().times.is_empty());
    assert_eq!(state(builder.late(unbound)), "22023");
    let late = AggregateSpec { allowed_lateness_us: 1, ..changes };
    assert_eq!(state(builder.aggregate(id, &late)), "22023");
}

#[test]
fn a_join_that_compares_no_times_ends_event_time_and_retracts_if_a_side_does() {
    let (mut builder, source) = with_source();
    let names = |prefix: &'static str| {
        ["symbol", "volume"].map(|name| (format!("{prefix}{name}"), Expr::col(name))).to_vec()
    };
    let left = builder.project(source, names("l_")).unwrap();
    let right = builder.project(source, names("r_")).unwrap();
    let id = builder.join(left, right, &[("l_symbol", "r_symbol")]).unwrap();
    let node = builder.node(id).unwrap();
    assert!(node.times.is_empty() && !node.retracts && node.schema.len() == 4);
    assert_eq!(state(builder.join(left, right, &[("l_symbol", "r_volume")])), "42804");
    assert_eq!(state(builder.join(left, right, &[])), "0A000");
    assert_eq!(state(builder.join(left, left, &[("l_symbol", "l_symbol")])), "42701");
    let global = AggregateSpec {
        window: None,
        keys: vec!["symbol".into()],
        calls: vec![],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let symbols = builder.aggregate(source, &global).unwrap();
    let id = builder.join(left, symbols, &[("l_symbol", "symbol")]).unwrap();
    assert!(builder.node(id).unwrap().retracts);
}

#[test]
fn results_of_functions_have_the_types_of_sql() {
    let decimal = |precision, scale| DataType::Decimal { precision, scale };
    let result = |function: Function, argument| function.result_type(argument).unwrap();
    assert_eq!(result(Function::Count, DataType::Text), DataType::BigInt);
    assert_eq!(result(Function::Sum, DataType::Int), DataType::BigInt);
    assert_eq!(result(Function::Sum, DataType::BigInt), decimal(38, 0));
    assert_eq!(result(Function::Sum, decimal(9, 3)), decimal(38, 3));
    assert_eq!(result(Function::Avg, DataType::BigInt), decimal(38, 16));
    assert_eq!(result(Function::Avg, decimal(30, 20)), decimal(38, 20));
    assert_eq!(result(Function::Avg, DataType::Double), DataType::Double);
    assert_eq!(result(Function::First, DataType::Boolean), DataType::Boolean);
    assert_eq!(state(Function::Sum.result_type(DataType::Timestamp)), "42883");
}

#[test]
fn a_sum_over_no_group_may_be_null_and_a_count_may_not() {
    let (mut builder, source) = with_source();
    let spec = AggregateSpec {
        window: None,
        keys: vec![],
        calls: vec![
            Call::of("s", Function::Sum, "volume"),
            Call::of("c", Function::Count, "volume"),
        ],
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    };
    let id = builder.aggregate(source, &spec).unwrap();
    assert_eq!(builder.node(id).unwrap().schema.to_string(), "(s BIGINT, c BIGINT NOT NULL)");
}

#[test]
fn what_cannot_be_is_refused() {
    let (mut builder, source) = with_source();
    assert_eq!(state(builder.source("trades", trades(), None)), "42P07");
    assert_eq!(state(builder.source("", trades(), None)), "42602");
    assert_eq!(state(builder.source("a", trades(), Some(("volume", 0)))), "42804");
    assert_eq!(state(builder.source("a", trades(), Some(("ts", -1)))), "22023");
    assert_eq!(state(builder.source("a", trades(), Some(("x", 0)))), "42703");
    assert_eq!(state(builder.view(source, "trades", &[])), "42P07");
    assert_eq!(state(builder.view(source, "v", &["nope"])), "42703");
    assert_eq!(state(builder.view(source, "v", &["ts", "ts"])), "42701");
    assert_eq!(state(builder.filter(source, &Expr::col("volume"))), "42804");
    assert_eq!(state(builder.filter(NodeId(9), &lit(true))), "22023");
    assert_eq!(state(builder.late(source)), "22023");
    let twice = vec![("a".to_owned(), lit(1)), ("a".to_owned(), lit(2))];
    assert_eq!(state(builder.project(source, twice)), "42701");
    assert_eq!(state(Builder::new().finish()), "22023");
}

#[test]
fn an_aggregate_refuses_calls_that_cannot_be() {
    let (mut builder, source) = with_source();
    let base = per_minute(Emit::OnClose, 0);
    let mut with = |call: Call<String>| {
        state(builder.aggregate(source, &AggregateSpec { calls: vec![call], ..base.clone() }))
    };
    assert_eq!(with(Call::of("x", Function::Sum, "symbol")), "42883");
    assert_eq!(with(Call::of("x", Function::First, "price")), "22023");
    assert_eq!(with(Call::by("x", Function::Sum, "price", "ts")), "22023");
    assert_eq!(with(Call::by("x", Function::Last, "price", "volume")), "42804");
    assert_eq!(with(Call::of("x", Function::CountRows, "price")), "22023");
    assert_eq!(with(Call::of("x", Function::Max, "prise")), "42703");
    assert_eq!(with(Call::of("window_end", Function::Max, "price")), "42701");
    let no_window = AggregateSpec { window: None, ..base };
    assert_eq!(state(builder.aggregate(source, &no_window)), "0A000");
    assert_eq!(state(builder.aggregate(source, &per_minute(Emit::OnClose, -1))), "22023");
    assert_eq!(state(builder.aggregate(source, &per_minute(Emit::OnClose, i64::MAX))), "22023");
}

#[test]
fn a_call_says_whom_it_skips_and_what_it_takes() {
    let fields = vec![
        Field::not_null("name", DataType::Text),
        Field::not_null("kind", DataType::Text),
        Field::not_null("amount", DataType::Int),
        Field::not_null("rate", DataType::Double),
        Field::not_null("big", DataType::Boolean),
    ];
    let mut builder = Builder::new();
    let source = builder.source("s", Schema::new(fields).unwrap(), None).unwrap();
    let half = Function::PercentileDisc(Fraction::HALF);
    let mut made = |call: Call<String>| {
        let base = AggregateSpec {
            window: None,
            keys: vec!["name".into()],
            calls: vec![call],
            emit: Emit::Changes,
            allowed_lateness_us: 0,
        };
        match builder.aggregate(source, &base) {
            Ok(id) => {
                let Field { name, data_type, nullable } =
                    &builder.node(id).unwrap().schema.fields()[1];
                format!("{name} {data_type}{}", if *nullable { "" } else { " NOT NULL" })
            }
            Err(error) => error.sqlstate.to_owned(),
        }
    };
    let count = || Call::of("x", Function::Count, "amount");
    let joined = || Call::of("x", Function::StringAgg, "kind");
    assert_eq!(made(count().filter("big").distinct()), "x BIGINT NOT NULL");
    assert_eq!(made(Call::count_rows("x").filter("big")), "x BIGINT NOT NULL");
    assert_eq!(made(Call::of("x", Function::Sum, "amount").filter("big")), "x BIGINT");
    assert_eq!(made(count().filter("rate")), "42804");
    assert_eq!(made(Call::count_rows("x").distinct()), "22023");
    assert_eq!(made(Call::of("x", half, "kind").descending()), "x TEXT NOT NULL");
    assert_eq!(made(Call::of("x", half, "kind").distinct()), "22023");
    assert_eq!(made(count().descending()), "22023");
    assert_eq!(made(count().separator(",")), "22023");
    assert_eq!(made(Call::of("x", Function::MEDIAN, "amount")), "x DOUBLE NOT NULL");
    assert_eq!(made(Call::of("x", Function::MEDIAN, "kind")), "42883");
    assert_eq!(made(Call::of_two("x", Moment::Corr, "amount", "rate")), "x DOUBLE");
    assert_eq!(made(Call::of_two("x", Moment::Corr, "amount", "kind")), "42883");
    assert_eq!(made(Call::of_two("x", Moment::VarPop, "amount", "rate")), "22023");
    assert_eq!(made(Call::of("x", Function::Moment(Moment::Corr), "rate")), "22023");
    assert_eq!(made(Call::of("x", Function::BoolAnd, "big")), "x BOOLEAN NOT NULL");
    assert_eq!(made(Call::of("x", Function::BoolOr, "rate")), "42883");
    assert_eq!(made(joined().ordered("rate").separator(", ")), "x TEXT NOT NULL");
    assert_eq!(made(joined().ordered("name")), "0A000");
    assert_eq!(made(joined().ordered("kind").distinct()), "x TEXT NOT NULL");
    assert_eq!(made(joined().ordered("rate").distinct()), "22023");
    assert_eq!(made(Call::of("x", Function::StringAgg, "rate")), "42883");
    assert!(Fraction::new(1.01).is_err() && Fraction::new(f64::NAN).is_err());
    assert_eq!(Fraction::new(-0.0), Fraction::new(0.0));
}

#[test]
fn the_end_of_a_session_follows_the_watermark_and_its_start_does_not() {
    let (mut builder, source) = with_source();
    let window = Some(Window::Session { time: "ts".into(), gap_us: SECOND });
    let spec = AggregateSpec { window, ..per_minute(Emit::OnClose, 3) };
    let id = builder.aggregate(source, &spec).unwrap();
    let node = builder.node(id).unwrap();
    assert_eq!(node.times, [EventTime::new(1, 2)]);
    assert!(builder.late(id).is_ok());
}

#[test]
fn event_time_that_may_be_null_is_refused() {
    let schema = Schema::new(vec![Field::nullable("ts", DataType::Timestamp)]).unwrap();
    let error = Builder::new().source("s", schema, Some(("ts", 0))).unwrap_err();
    assert_eq!(error.sqlstate, "22023");
    assert!(error.hint.is_some_and(|hint| hint.contains("NOT NULL")));
}

/// A source, a filter on it that has no name, and a view of that.
fn running() -> (Plan, [NodeId; 3]) {
    let (mut builder, source) = with_source();
    let some = builder.filter(source, &lit(true)).unwrap();
    let view = builder.view(some, "some", &[]).unwrap();
    (builder.finish().unwrap(), [source, some, view])
}

#[test]
fn a_plan_is_gone_on_from_over_its_named_relations_only() {
    let (plan, [source, some, view]) = running();
    let mut builder = Builder::over(&plan);
    assert_eq!(state(builder.view(some, "inner", &[])), "22023");
    assert_eq!(state(builder.view(source, "some", &[])), "42P07");
    let more = builder.view(view, "more", &[]).unwrap();
    assert_eq!(more, NodeId(3), "what is there keeps its id");
    let grown = builder.finish().unwrap();
    assert_eq!(grown.nodes()[..3], *plan.nodes());
    assert_eq!(grown.since(&plan), Ok((vec![], vec![more])));
}

#[test]
fn what_is_left_out_frees_its_name_and_leaves_its_id_unused() {
    let (plan, [source, some, view]) = running();
    assert_eq!(state(plan.without(&[source])), "2BP01");
    assert_eq!(state(plan.without(&[NodeId(9)])), "22023");
    let less = plan.without(&[some, view]).unwrap();
    assert_eq!((less.nodes().len(), less.view("some")), (1, None));
    let mut builder = Builder::over(&less);
    assert_eq!(state(builder.filter(some, &lit(true))), "22023");
    let again = builder.view(source, "some", &[]).unwrap();
    assert_eq!(again, NodeId(3));
    let renewed = builder.finish().unwrap();
    assert_eq!(renewed.view("some"), Some(again));
    assert_eq!(renewed.node(again).op.inputs().next(), Some(source));
    assert_eq!(renewed.since(&plan), Ok((vec![some, view], vec![again])));
    assert_eq!(state(renewed.without(&[some])), "22023", "it is gone already");
    assert_eq!(less.without(&[source]).unwrap().nodes(), []);
}

#[test]
fn a_plan_that_was_made_over_another_one_is_told_apart() {
    let (plan, [_, _, view]) = running();
    let less = plan.without(&[view]).unwrap();
    assert_eq!(state(plan.since(&less)), "22023", "what is gone does not come back");
    assert_eq!(state(Plan::empty().since(&plan)), "22023", "its ids would be given again");
    let (mut builder, source) = with_source();
    builder.filter(source, &lit(false)).unwrap();
    builder.view(source, "some", &[]).unwrap();
    assert_eq!(state(builder.finish().unwrap().since(&plan)), "22023");
}

#[test]
fn the_limit_of_a_plan_counts_what_is_there() {
    let mut plan = Plan::empty();
    for _ in 0..3 * crate::limits::PLAN_NODES_MAX {
        let mut builder = Builder::over(&plan);
        let id = builder.source("again", trades(), None).unwrap();
        plan = builder.finish().unwrap().without(&[id]).unwrap();
    }
    assert_eq!(plan.next_id().index(), 3 * crate::limits::PLAN_NODES_MAX);
}

#[test]
fn a_source_says_what_it_keeps_while_it_is_made() {
    let mut builder = Builder::new();
    let source = builder.source("trades", trades(), Some(("ts", 0))).unwrap();
    builder.retain(source, Retain::rows(50)).unwrap();
    let plan = builder.finish().unwrap();
    let kept: Vec<String> = plan.kept(source).iter().map(ToString::to_string).collect();
    assert_eq!(kept, ["keeps its latest rows, bounded to 50 rows, 268435456 bytes"]);
    let mut later = Builder::over(&plan);
    assert_eq!(state(later.retain(source, Retain::DEFAULT)), "22023");
    let counts = AggregateSpec::of_all().count_rows("n");
    let counts = later.aggregate(source, &counts).unwrap();
    assert_eq!(state(later.retain(counts, Retain::DEFAULT)), "22023");
    let timeless = later.source("timeless", trades(), None).unwrap();
    assert_eq!(state(later.retain(timeless, Retain::age_us(1))), "22023");
    assert_eq!(state(later.retain(timeless, Retain::rows(0))), "22023");
    later.retain(timeless, Retain::bytes(1 << 20)).unwrap();
}

//! Which stages a plan is cut into.

use sluicedb_sql::Field;
use sluicedb_sql::expr::lit;
use sluicedb_sql::plan::{AggregateSpec, Builder, Call, Retain, Window};

use super::*;

const SECOND: i64 = 1_000_000;

fn trades(builder: &mut Builder) -> NodeId {
    let fields = vec![
        Field::not_null("symbol", DataType::Text),
        Field::not_null("venue", DataType::Text),
        Field::not_null("price", DataType::BigInt),
        Field::not_null("ts", DataType::Timestamp),
    ];
    builder.source("trades", Schema::new(fields).unwrap(), Some(("ts", SECOND))).unwrap()
}

fn count_by(keys: &[&str]) -> AggregateSpec {
    AggregateSpec {
        window: Some(Window::Tumble { time: "ts".into(), size_us: SECOND, offset_us: 0 }),
        keys: keys.iter().map(|&key| key.into()).collect(),
        calls: vec![Call::count_rows("n")],
        emit: Emit::OnClose,
        allowed_lateness_us: 0,
    }
}

fn check(route: Route, build: impl Fn(&mut Builder), expected: &str) {
    let mut builder = Builder::new();
    build(&mut builder);
    let graph = lower(&builder.finish().unwrap(), route).unwrap();
    assert_eq!(graph.to_string(), expected);
}

#[test]
fn a_source_that_is_placed_by_the_group_key_needs_no_exchange() {
    let build = |builder: &mut Builder| {
        let trades = trades(builder);
        let dear = builder.filter(trades, &Expr::col("price").gt(lit(10i64))).unwrap();
        let counts = builder.aggregate(dear, &count_by(&["symbol"])).unwrap();
        builder.view(counts, "counts", &[]).unwrap();
    };
    check(
        Route::Aligned,
        build,
        "stage 0\n  \
           source trades by [0] -> o0\n  \
           o0 filter -> o1\n  \
           o1 aggregate by [0] -> o2\n  \
           o2 view counts\n",
    );
    check(
        Route::Rows,
        build,
        "stage 0\n  \
           source trades by [0, 1, 2, 3] -> o0\n  \
           o0 filter -> o1\n  \
           o1 exchange x0 by [0] to stage 1\n\
         stage 1\n  \
           x0 from stage 0 -> o2\n  \
           o2 aggregate by [0] -> o3\n  \
           o3 view counts\n",
    );
}

#[test]
fn a_source_that_keeps_its_rows_hands_them_on_and_is_placed_as_before() {
    let build = |builder: &mut Builder| {
        let trades = trades(builder);
        builder.retain(trades, Retain::DEFAULT).unwrap();
        let counts = builder.aggregate(trades, &count_by(&["symbol"])).unwrap();
        builder.view(counts, "counts", &[]).unwrap();
    };
    check(
        Route::Aligned,
        build,
        "stage 0\n  \
           source trades by [0] -> o0\n  \
           o0 retain -> o1\n  \
           o1 aggregate by [0] -> o2\n  \
           o2 view counts\n",
    );
}

#[test]
fn who_comes_first_to_a_source_that_keeps_its_rows_says_where_they_lie_until_it_is_fed() {
    let mut builder = Builder::new();
    let id = trades(&mut builder);
    builder.retain(id, Retain::DEFAULT).unwrap();
    let plan = builder.finish().unwrap();
    let graph = lower(&plan, Route::Aligned).unwrap();
    let mut builder = Builder::over(&plan);
    let counts = builder.aggregate(id, &count_by(&["venue"])).unwrap();
    builder.view(counts, "counts", &[]).unwrap();
    let after = builder.finish().unwrap();
    for fed in [false, true] {
        let fed = if fed { BTreeSet::from([SourceId(0)]) } else { BTreeSet::new() };
        let exchanges = fed.len();
        let growth = Growth { route: Route::Aligned, tied: true, fed, logged: false };
        let change = change(&graph, &plan, &after, &growth).unwrap();
        assert_eq!(change.graph.edges.iter().count(), exchanges, "{}", change.graph);
        let [reader] = change.readers[..] else { panic!("{:?}", change.readers) };
        assert!(change.graph.stages[0].is_kept(reader.from), "it is owed what is kept");
    }
}

#[test]
fn a_filter_is_fused_into_the_projection_that_alone_reads_it() {
    check(
        Route::Aligned,
        |builder| {
            let trades = trades(builder);
            let dear = builder.filter(trades, &Expr::col("price").gt(lit(10i64))).unwrap();
            let named = vec![("p".into(), Expr::col("price")), ("s".into(), Expr::col("symbol"))];
            let named = builder.project(dear, named).unwrap();
            builder.view(named, "dear", &["s"]).unwrap();
        },
        "stage 0\n  \
           source trades by [0] -> o0\n  \
           o0 filter and project -> o1\n  \
           o1 view dear\n",
    );
}

#[test]
fn the_two_paths_of_a_self_join_meet_in_one_stage() {
    check(
        Route::Rows,
        |builder| {
            let trades = trades(builder);
            let counts = builder.aggregate(trades, &count_by(&["symbol"])).unwrap();
            let named = vec![("s".into(), Expr::col("symbol")), ("n".into(), Expr::col("n"))];
            let named = builder.project(counts, named).unwrap();
            let joined = builder.join(trades, named, &[("symbol", "s")]).unwrap();
            builder.view(joined, "joined", &[]).unwrap();
        },
        "stage 0\n  \
           source trades by [0, 1, 2, 3] -> o0, o3\n  \
           o0 exchange x0 by [0] to stage 1\n  \
           o3 exchange x1 by [0] to stage 1\n\
         stage 1\n  \
           x0 from stage 0 -> o1\n  \
           x1 from stage 0 -> o4\n  \
           o1 aggregate by [0] -> o2\n  \
           o2 project -> o4.1\n  \
           o4 join on [0] = [0] -> o5\n  \
           o5 view joined, by epoch\n",
    );
}

#[test]
fn a_side_that_comes_from_a_lower_stage_skips_the_ones_between() {
    check(
        Route::Rows,
        |builder| {
            let trades = trades(builder);
            let counts = builder.aggregate(trades, &count_by(&["venue"])).unwrap();
            let named = vec![("v".into(), Expr::col("venue")), ("n".into(), Expr::col("n"))];
            let named = builder.project(counts, named).unwrap();
            let dear = builder.filter(trades, &Expr::col("price").gt(lit(10i64))).unwrap();
            let joined = builder.join(dear, named, &[("price", "n")]).unwrap();
            builder.view(joined, "joined", &["symbol"]).unwrap();
        },
        "stage 0\n  \
           source trades by [0, 1, 2, 3] -> o0, o3\n  \
           o0 exchange x0 by [1] to stage 1\n  \
           o3 filter -> o4\n  \
           o4 exchange x1 by [2] to stage 2\n\
         stage 1\n  \
           x0 from stage 0 -> o1\n  \
           o1 aggregate by [1] -> o2\n  \
           o2 project -> o5\n  \
           o5 exchange x2 by [1] to stage 2\n\
         stage 2\n  \
           x1 from stage 0 -> o6\n  \
           x2 from stage 1 -> o6.1\n  \
           o6 join on [2] = [1] -> o7\n  \
           o7 exchange x3 by [0] to stage 3\n\
         stage 3\n  \
           x3 from stage 2 -> o8\n  \
           o8 view joined, by epoch\n",
    );
}

#[test]
fn a_stream_publishes_at_once_and_what_reads_it_reads_its_input() {
    check(
        Route::Aligned,
        |builder| {
            let trades = trades(builder);
            let dear = builder.filter(trades, &Expr::col("price").gt(lit(10i64))).unwrap();
            let dear = builder.stream(dear, "dear").unwrap();
            let counts = builder.aggregate(dear, &count_by(&["symbol"])).unwrap();
            builder.stream(counts, "counts").unwrap();
        },
        "stage 0\n  \
           source trades by [0] -> o0\n  \
           o0 filter -> o1, o2\n  \
           o1 stream dear\n  \
           o2 aggregate by [0] -> o3\n  \
           o3 stream counts\n",
    );
}

#[test]
fn a_stream_above_paths_that_rejoin_sums_up_each_epoch() {
    check(
        Route::Aligned,
        |builder| {
            let trades = trades(builder);
            let named = vec![("s".into(), Expr::col("symbol"))];
            let named = builder.project(trades, named).unwrap();
            let joined = builder.join(trades, named, &[("symbol", "s")]).unwrap();
            builder.stream(joined, "pairs").unwrap();
        },
        "stage 0\n  \
           source trades by [0] -> o0, o1\n  \
           o0 project -> o1.1\n  \
           o1 join on [0] = [0] -> o2\n  \
           o2 stream pairs, by epoch\n",
    );
}

#[test]
fn a_view_on_a_view_reads_what_makes_the_first() {
    check(
        Route::Aligned,
        |builder| {
            let trades = trades(builder);
            let counts = builder.aggregate(trades, &count_by(&["symbol"])).unwrap();
            let first = builder.view(counts, "first", &["symbol"]).unwrap();
            let busy = builder.filter(first, &Expr::col("n").gt(lit(3i64))).unwrap();
            builder.view(busy, "second", &[]).unwrap();
        },
        "stage 0\n  \
           source trades by [0] -> o0\n  \
           o0 aggregate by [0] -> o1, o2\n  \
           o1 view first\n  \
           o2 filter -> o3\n  \
           o3 view second\n",
    );
}

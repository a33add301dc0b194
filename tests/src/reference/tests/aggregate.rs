//! Groups and what is computed of them.

use super::*;

/// The groups of one source.
fn groups(spec: &AggregateSpec, input: &str) -> Vec<String> {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let groups = builder.aggregate(rows, spec).unwrap();
    builder.view(groups, "out", &[]).unwrap();
    view(builder, &[fed(0, input)])
}

#[test]
fn null_keys_are_one_group_and_null_arguments_are_skipped() {
    let calls = vec![
        Call::count_rows("n"),
        Call::of("c", Function::Count, "v"),
        Call::of("s", Function::Sum, "v"),
        Call::of("min", Function::Min, "v"),
        Call::of("max", Function::Max, "v"),
        Call::of("avg", Function::Avg, "v"),
    ];
    assert_eq!(
        groups(&spec(&["k"], calls), "a 1 1, - 5 2, a - 3, a 2 4, - - 5, b - 6"),
        [
            "a 3 2 3 1 2 1.5000000000000000",
            "b 1 0 NULL NULL NULL NULL",
            "NULL 2 1 5 5 5 5.0000000000000000",
        ]
    );
}

#[test]
fn without_keys_there_is_one_group_even_over_nothing() {
    let calls = || vec![Call::count_rows("n"), Call::of("s", Function::Sum, "v")];
    assert_eq!(groups(&spec(&[], calls()), ""), ["0 NULL"]);
    assert_eq!(groups(&spec(&[], calls()), "a 1 1, b 2 2"), ["2 3"]);
    assert_eq!(groups(&spec(&["k"], calls()), ""), [""; 0]);
    let windowed = AggregateSpec { window: tumble("ts", 10), ..spec(&[], calls()) };
    assert_eq!(groups(&windowed, ""), [""; 0]);
}

#[test]
fn first_and_last_go_by_time_then_by_arrival_and_skip_null() {
    let calls = || {
        vec![Call::by("f", Function::First, "v", "ts"), Call::by("l", Function::Last, "v", "ts")]
    };
    assert_eq!(groups(&spec(&[], calls()), "a 3 5, a 1 4, a 2 6"), ["1 2"]);
    assert_eq!(groups(&spec(&[], calls()), "a 9 5, a 1 5, a 4 5"), ["9 4"]);
    assert_eq!(groups(&spec(&[], calls()), "a - 1, a 1 5, a - 9"), ["1 1"]);
    assert_eq!(groups(&spec(&[], calls()), "a - 1"), ["NULL NULL"]);
}

#[test]
fn ties_between_feeders_break_by_feeder() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let calls = vec![Call::by("l", Function::Last, "v", "ts")];
    let groups = builder.aggregate(rows, &spec(&[], calls)).unwrap();
    builder.view(groups, "out", &[]).unwrap();
    let (mut input, low) = (fed(2, "a 1 5"), fed(1, "a 2 5, a 3 5, a 4 5"));
    input.rows.extend(low.rows);
    assert_eq!(view(builder, &[input]), ["1"]);
}

#[test]
fn a_group_whose_result_does_not_fit_is_withheld() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let large = DataType::Decimal { precision: 38, scale: 0 };
    let times = Expr::decimal(10_i128.pow(37), 38, 0).mul(Expr::col("v"));
    let outputs = vec![("k".to_owned(), Expr::col("k")), ("v".to_owned(), times.cast(large))];
    let rows = builder.project(rows, outputs).unwrap();
    let sums = spec(&["k"], vec![Call::of("s", Function::Sum, "v")]);
    let groups = builder.aggregate(rows, &sums).unwrap();
    builder.view(groups, "out", &[]).unwrap();
    // Group a reaches 10^38 and b comes back from there.
    let input = fed(0, "a 5 1, a 5 2, b 9 3, b 9 4, b -9 5");
    assert_eq!(view(builder, &[input]), [format!("b 9{}", "0".repeat(37))]);
}

#[test]
fn an_average_is_rounded_half_away_from_zero() {
    let avg = |input| groups(&spec(&[], vec![Call::of("a", Function::Avg, "v")]), input);
    assert_eq!(avg("a 1 1, a 1 2, a 0 3"), ["0.6666666666666667"]);
    assert_eq!(avg("a -1 1, a -1 2, a 0 3"), ["-0.6666666666666667"]);
}

#[test]
fn a_window_holds_its_start_and_not_its_end() {
    let counts = || vec![Call::count_rows("n")];
    let tumbling = AggregateSpec { window: tumble("ts", 10), ..spec(&[], counts()) };
    assert_eq!(groups(&tumbling, "a 1 -1, a 1 0, a 1 9, a 1 10"), ["-10 0 1", "0 10 2", "10 20 1"]);
    let hop = |size_us, slide_us, offset_us| {
        Some(Window::Hop { time: "ts".to_owned(), size_us, slide_us, offset_us })
    };
    let hopping = AggregateSpec { window: hop(10, 4, 1), ..spec(&[], counts()) };
    assert_eq!(groups(&hopping, "a 1 4"), ["-3 7 1", "1 11 1"]);
    assert_eq!(groups(&hopping, "a 1 5"), ["-3 7 1", "1 11 1", "5 15 1"]);
}

#[test]
fn a_moment_whose_window_does_not_fit_is_in_none() {
    let spec = AggregateSpec { window: tumble("ts", 10), ..spec(&[], vec![Call::count_rows("n")]) };
    assert_eq!(groups(&spec, "a 1 9223372036854775807"), [""; 0]);
}

#[test]
fn an_aggregate_above_an_aggregate_sees_its_rows_and_no_others() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let sums = spec(&["k"], vec![Call::of("s", Function::Sum, "v")]);
    let sums = builder.aggregate(rows, &sums).unwrap();
    let counts = builder.aggregate(sums, &spec(&["s"], vec![Call::count_rows("n")])).unwrap();
    builder.view(counts, "out", &[]).unwrap();
    assert_eq!(view(builder, &[fed(0, "a 1 1, b 2 2, c 3 3, a 2 4")]), ["2 1", "3 2"]);
}

//! Named cases, each with what must come out.

use super::*;
use sluicedb_sql::plan::Fraction;

const BIGINT: DataType = DataType::BigInt;
const TIME: DataType = DataType::Timestamp;

fn delta(values: Vec<Value>, weight: i64) -> Delta {
    Delta { values, weight, tie: 0, behind: Time::MIN }
}

/// A row of time and key, of a source whose watermark is `behind`.
fn timed(time: i64, key: i64, behind: Time) -> Delta {
    let values = vec![Value::Timestamp(time), Value::BigInt(key)];
    Delta { values, weight: 1, tie: 0, behind }
}

/// Every change as text: the weight and the row.
fn trace(bench: &Bench) -> Vec<String> {
    let line = |(row, weight): &(Vec<Value>, i64)| {
        let values: Vec<String> = row
            .iter()
            .map(|value| match value {
                Value::Timestamp(us) => us.to_string(),
                other => other.to_string(),
            })
            .collect();
        format!("{weight:+} {}", values.join(" "))
    };
    bench.trace.iter().map(line).collect()
}

fn windowed(window: Window, lateness: i64, on_close: bool) -> AggregateOptions {
    let window = WindowOptions { window, lag_us: Some(0), allowed_lateness_us: lateness, on_close };
    let calls = vec![call(Function::CountRows, None, None)];
    options(&[TIME, BIGINT], Some(window), &[1], calls, false)
}

#[test]
fn a_query_without_keys_has_a_row_before_any_input() {
    let calls = vec![call(Function::CountRows, None, None), call(Function::Sum, Some(0), None)];
    let mut bench = Bench::new(options(&[DataType::Int], None, &[], calls, true), 1);
    assert_eq!(trace(&bench), ["+1 0 NULL"]);
    bench.feed_morsel(&[delta(vec![Value::Int(5)], 1)]);
    bench.feed_morsel(&[delta(vec![Value::Int(5)], -1)]);
    assert_eq!(trace(&bench)[1..], ["-1 0 NULL", "+1 1 5", "-1 1 5", "+1 0 NULL"]);
}

#[test]
fn a_window_closes_at_its_end_and_not_before() {
    let mut bench = Bench::new(windowed(tumble(0, 10), 0, true), 2);
    bench.feed_morsel(&[timed(9, 1, Time::MIN), timed(10, 1, Time::MIN), timed(3, 1, Time::MIN)]);
    bench.advance(Time(9));
    assert_eq!(trace(&bench), [""; 0]);
    bench.advance(Time(10));
    assert_eq!(trace(&bench), ["+1 0 10 1 2"]);
    bench.advance(Time(20));
    assert_eq!(trace(&bench)[1..], ["+1 10 20 1 1"]);
}

#[test]
fn a_closed_window_corrects_itself_while_late_rows_are_allowed() {
    for (window, starts) in [(tumble(0, 10), vec![0]), (hop(0, 10, 5), vec![-5, 0])] {
        let mut bench = Bench::new(windowed(window, 5, true), 3);
        bench.feed_morsel(&[timed(1, 1, Time::MIN)]);
        bench.advance(Time(10));
        let closed = starts.iter().map(|start| format!("+1 {start} {} 1 1", start + 10));
        assert_eq!(trace(&bench), closed.collect::<Vec<_>>());
        bench.feed_morsel(&[timed(2, 1, Time(14))]);
        assert_eq!(trace(&bench)[starts.len()..], ["-1 0 10 1 1", "+1 0 10 1 2"]);
        bench.feed_morsel(&[timed(2, 1, Time(15))]);
        assert_eq!(bench.late.len(), 1, "the watermark of the row's source decides");
        assert_eq!(trace(&bench).len(), starts.len() + 2);
    }
}

#[test]
fn a_row_late_for_some_windows_counts_in_the_others_whatever_is_closed_here() {
    for closed_first in [false, true] {
        let mut bench = Bench::new(windowed(hop(0, 12, 4), 0, true), 4);
        bench.feed_morsel(&[timed(1, 1, Time::MIN)]);
        if closed_first {
            bench.advance(Time(8));
        }
        // Of the windows [-8, 4), [-4, 8) and [0, 12) only the last still takes it.
        bench.feed_morsel(&[timed(3, 1, Time(8))]);
        bench.advance(Time(12));
        assert_eq!(trace(&bench), ["+1 -8 4 1 1", "+1 -4 8 1 1", "+1 0 12 1 2"]);
    }
}

#[test]
fn the_first_rows_of_a_large_window_do_not_wait_for_a_full_morsel() {
    let mut bench = Bench::new(windowed(tumble(0, 10), 0, true), 5);
    let rows: Vec<Delta> = (0..1000).map(|key| timed(5, key, Time::MIN)).collect();
    bench.feed_morsel(&rows);
    let item = Item::Watermark(Time(10));
    bench.accept(item);
    let mut sizes = Vec::new();
    while let Work::Emit(_, Item::Rows(rows)) = bench.work(5000) {
        sizes.push(rows.rows());
    }
    assert_eq!(sizes, [1, 8, 64, 512, 415]);
}

#[test]
fn every_value_that_a_closing_window_takes_over_costs_fuel() {
    let mut options = windowed(hop(0, 12, 4), 0, true);
    options.calls = vec![call(Function::Min, Some(1), None)];
    let options = super::options(&options.input, options.window, &[], options.calls, true);
    let mut bench = Bench::new(options, 12);
    let rows: Vec<Delta> = (0..1000).map(|value| timed(1, value, Time::MIN)).collect();
    bench.feed_morsel(&rows);
    let burned = bench.burned;
    bench.advance(Time(4));
    assert_eq!(trace(&bench), ["+1 -8 4 0"]);
    assert!(bench.burned - burned >= rows.len(), "{} of fuel", bench.burned - burned);
}

#[test]
fn a_sum_that_does_not_fit_is_withheld_until_it_fits_again() {
    let calls = vec![call(Function::Sum, Some(1), None)];
    let mut bench = Bench::new(options(&[BIGINT, DataType::Int], None, &[0], calls, true), 6);
    bench.checks = false;
    let row = |value, weight| delta(vec![Value::BigInt(1), Value::Int(value)], weight);
    bench.feed_morsel(&[row(i32::MAX, 1 << 31)]);
    assert_eq!(bench.told_withheld, 0);
    bench.feed_morsel(&[row(i32::MAX, 1 << 32)]);
    bench.feed_morsel(&[row(3, 1)]);
    assert_eq!((bench.told_withheld, bench.aggregate.withheld(&bench.arena)), (1, 1));
    bench.feed_morsel(&[row(i32::MAX, -(1 << 32))]);
    assert_eq!((bench.told_withheld, bench.aggregate.withheld(&bench.arena)), (0, 0));
    let fits = i64::from(i32::MAX) << 31;
    let all = [format!("+1 1 {fits}"), format!("-1 1 {fits}"), format!("+1 1 {}", fits + 3)];
    assert_eq!(trace(&bench), all);
}

#[test]
fn a_decimal_of_39_digits_is_withheld_until_it_fits_again() {
    let input = DataType::Decimal { precision: 38, scale: 0 };
    let calls = vec![call(Function::Sum, Some(0), None)];
    let mut bench = Bench::new(options(&[input], None, &[], calls, true), 7);
    let most = 10_i128.pow(38) - 1;
    let row = |units, weight| delta(vec![Value::Decimal { units, scale: 0 }], weight);
    bench.feed_morsel(&[row(most, 1)]);
    bench.feed_morsel(&[row(most, 1), row(1, 1)]);
    bench.feed_morsel(&[row(most, -1)]);
    bench.feed_morsel(&[row(1, -1)]);
    let most = most.to_string();
    let all = ["+1 NULL", "-1 NULL", &format!("+1 {most}"), &format!("-1 {most}")];
    assert_eq!(trace(&bench)[..4], all);
    assert_eq!(trace(&bench)[4..], [format!("+1 {most}")]);
}

#[test]
fn doubles_that_come_and_go_leave_no_drift() {
    let calls = vec![call(Function::Sum, Some(0), None), call(Function::Avg, Some(0), None)];
    let mut bench = Bench::new(options(&[DataType::Double], None, &[], calls, true), 8);
    let row = |value, weight| delta(vec![Value::Double(value)], weight);
    bench.feed_morsel(&[row(0.1, 1)]);
    bench.feed_morsel(&[row(1e300, 1), row(0.2, 1)]);
    bench.feed_morsel(&[row(f64::NAN, 1), row(f64::INFINITY, 1)]);
    bench.feed_morsel(&[row(1e300, -1), row(f64::NAN, -1)]);
    bench.feed_morsel(&[row(f64::INFINITY, -1), row(0.2, -1)]);
    let last = trace(&bench).pop();
    assert_eq!(last.as_deref(), Some("+1 0.1 0.1"));
}

#[test]
fn a_retraction_that_comes_before_its_row_withholds_the_group() {
    let calls = vec![
        call(Function::Max, Some(1), None),
        call(Function::Sum, Some(1), None),
        call(Function::CountRows, None, None),
    ];
    let mut bench = Bench::new(options(&[BIGINT, BIGINT], None, &[0], calls, true), 9);
    bench.checks = false;
    let row = |value, weight| delta(vec![Value::BigInt(1), Value::BigInt(value)], weight);
    bench.feed_morsel(&[row(7, -1)]);
    bench.feed_morsel(&[row(5, 1)]);
    assert_eq!(trace(&bench), [""; 0], "the rows add up to none, but the group is not gone");
    bench.feed_morsel(&[row(3, 1)]);
    bench.feed_morsel(&[row(7, 1)]);
    assert_eq!(trace(&bench), ["+1 1 5 1 1", "-1 1 5 1 1", "+1 1 5 8 2"]);
}

#[test]
fn first_and_last_follow_time_then_tie_then_value() {
    let calls =
        vec![call(Function::First, Some(1), Some(0)), call(Function::Last, Some(1), Some(0))];
    let text = |time, tie, value: &str| Delta {
        values: vec![Value::Timestamp(time), Value::text(value)],
        weight: 1,
        tie,
        behind: Time::MIN,
    };
    for retracts in [false, true] {
        let options = options(&[TIME, DataType::Text], None, &[], calls.clone(), retracts);
        let mut bench = Bench::new(options, 10);
        bench.feed_morsel(&[text(5, 2, "the same time, later"), text(5, 1, "b"), text(5, 1, "a")]);
        assert_eq!(trace(&bench).pop().as_deref(), Some("+1 a the same time, later"));
        bench.feed_morsel(&[text(9, 0, "last of all of them"), text(4, 9, "earliest")]);
        assert_eq!(trace(&bench).pop().as_deref(), Some("+1 earliest last of all of them"));
    }
}

#[test]
fn texts_that_are_not_wanted_any_more_are_freed() {
    let calls = vec![call(Function::Max, Some(1), None), call(Function::Last, Some(1), Some(0))];
    for retracts in [false, true] {
        let options = options(&[TIME, DataType::Text], None, &[1], calls.clone(), retracts);
        let options = AggregateOptions { keys: if retracts { vec![1] } else { vec![] }, ..options };
        let options = AggregateOptions {
            output: options.output[usize::from(!retracts)..].to_vec(),
            ..options
        };
        let mut bench = Bench::new(options, 11);
        bench.checks = false;
        let mut blocks = Vec::new();
        for time in 0..300 {
            let text = Value::text(&format!("{time:03} {}", "long".repeat(500)));
            let row = |weight| delta(vec![Value::Timestamp(time), text.clone()], weight);
            bench.feed_morsel(&[row(1)]);
            if retracts {
                bench.feed_morsel(&[row(-1)]);
            }
            blocks.push(bench.arena.used_blocks());
        }
        assert_eq!(blocks[20], blocks[299], "what is kept does not grow");
    }
}

#[test]
fn long_texts_that_start_alike_stay_in_order_while_others_come_and_go() {
    let calls = vec![
        call(Function::Min, Some(1), None),
        call(Function::Max, Some(1), None),
        call(Function::First, Some(1), Some(0)),
        call(Function::Last, Some(1), Some(0)),
    ];
    let row = |number: usize, weight| {
        let time = Value::Timestamp(number as i64 % 3);
        delta(vec![time, Value::text(&format!("the same start {number:04}"))], weight)
    };
    for seed in 13..17 {
        let options = options(&[TIME, DataType::Text], None, &[], calls.clone(), true);
        let mut bench = Bench::new(options, seed);
        let mut prng = Prng(seed);
        let (mut here, mut gone) = (Vec::new(), (0..2000).collect::<Vec<usize>>());
        for (count, weight) in [(900, 1), (600, -1), (900, 1), (800, -1), (700, 1), (1100, -1)] {
            let (from, to) =
                if weight > 0 { (&mut gone, &mut here) } else { (&mut here, &mut gone) };
            let mut deltas = Vec::new();
            for _ in 0..count {
                let number = from.swap_remove(prng.below(from.len()));
                deltas.push(row(number, weight));
                to.push(number);
            }
            bench.feed(&deltas);
        }
        assert!(here.is_empty());
    }
}

#[test]
fn more_calls_than_a_header_has_room_for_are_refused() {
    let many = |count| {
        let calls = vec![call(Function::Min, Some(0), None); count];
        let mut arena = Arena::new(Region::heap(64), Region::heap(64));
        let zone = arena.create_zone(1);
        let place = Place { operator: OperatorId(0), zone };
        let options = options(&[BIGINT], None, &[], calls, true);
        Aggregate::new(place, options, arena.root(zone), true).err().map(|error| error.sqlstate)
    };
    assert_eq!(many(100), None);
    assert_eq!(many(200), Some("54000"));
}

fn session(gap_us: i64, lateness: i64, on_close: bool) -> AggregateOptions {
    windowed(Window::Session { time: 0, gap_us }, lateness, on_close)
}

#[test]
fn a_row_between_two_sessions_makes_them_one() {
    let mut bench = Bench::new(session(10, 0, false), 4);
    bench.feed_morsel(&[timed(0, 1, Time::MIN), timed(18, 1, Time::MIN), timed(5, 2, Time::MIN)]);
    bench.feed_morsel(&[timed(9, 1, Time::MIN)]);
    let opened = ["+1 0 10 1 1", "+1 18 28 1 1", "+1 5 15 2 1"];
    assert_eq!(trace(&bench)[..3], opened);
    assert_eq!(trace(&bench)[3..], ["-1 0 10 1 1", "+1 0 28 1 3", "-1 18 28 1 1"]);
}

#[test]
fn a_session_closes_a_gap_behind_its_last_row_and_rows_a_gap_apart_are_two() {
    let mut bench = Bench::new(session(10, 0, true), 5);
    bench.feed_morsel(&[timed(0, 1, Time::MIN), timed(7, 1, Time::MIN), timed(17, 1, Time::MIN)]);
    bench.advance(Time(16));
    assert_eq!(trace(&bench), [""; 0]);
    bench.advance(Time(17));
    assert_eq!(trace(&bench), ["+1 0 17 1 2"]);
    bench.feed_morsel(&[timed(16, 1, Time(17)), timed(26, 1, Time(17))]);
    bench.advance(Time(36));
    assert_eq!(trace(&bench)[1..], ["+1 17 36 1 2"]);
}

#[test]
fn a_late_row_that_is_allowed_takes_a_closed_session_back() {
    let mut bench = Bench::new(session(10, 30, true), 6);
    bench.feed_morsel(&[timed(0, 1, Time::MIN), timed(18, 1, Time::MIN)]);
    bench.advance(Time(12));
    bench.feed_morsel(&[timed(9, 1, Time(12))]);
    assert_eq!(trace(&bench), ["+1 0 10 1 1", "-1 0 10 1 1"]);
    bench.advance(Time(28));
    assert_eq!(trace(&bench)[2..], ["+1 0 28 1 3"]);
}

/// The same row again, taken back.
fn back(delta: Delta) -> Delta {
    Delta { weight: -delta.weight, ..delta }
}

#[test]
fn a_session_comes_apart_where_its_middle_is_taken_back() {
    let options = AggregateOptions { retracts: true, ..session(10, 0, false) };
    let row = |time| timed(time, 1, Time::MIN);
    let mut bench = Bench::new(options, 7);
    bench.feed_morsel(&[row(0), row(9), row(18), row(27)]);
    assert_eq!(trace(&bench), ["+1 0 37 1 4"]);
    bench.feed_morsel(&[back(row(9))]);
    assert_eq!(trace(&bench)[1..], ["-1 0 37 1 4", "+1 18 37 1 2", "+1 0 10 1 1"]);
    bench.feed_morsel(&[back(row(0))]);
    assert_eq!(trace(&bench)[4..], ["-1 0 10 1 1"]);
    bench.feed_morsel(&[back(row(18))]);
    bench.feed_morsel(&[row(18)]);
    assert_eq!(trace(&bench)[5..][..2], ["-1 18 37 1 2", "+1 27 37 1 1"]);
    assert_eq!(trace(&bench)[7..], ["-1 27 37 1 1", "+1 18 37 1 2"]);
}

#[test]
fn a_session_whose_end_goes_is_over_earlier() {
    let options = AggregateOptions { retracts: true, ..session(10, 20, true) };
    let mut bench = Bench::new(options, 8);
    bench.feed_morsel(&[timed(0, 1, Time::MIN), timed(8, 1, Time::MIN)]);
    bench.advance(Time(12));
    assert_eq!(trace(&bench), [""; 0]);
    bench.feed_morsel(&[back(timed(8, 1, Time(12)))]);
    assert_eq!(trace(&bench), ["+1 0 10 1 1"]);
    bench.feed_morsel(&[timed(8, 1, Time(12)), back(timed(0, 1, Time(12)))]);
    assert_eq!(trace(&bench)[1..], ["-1 0 10 1 1"]);
    bench.advance(Time(18));
    assert_eq!(trace(&bench)[2..], ["+1 8 18 1 1"]);
}

#[test]
fn a_value_counts_once_until_its_last_row_is_taken_back() {
    let distinct = Call { distinct: true, ..call(Function::Count, Some(0), None) };
    let sum = Call { distinct: true, ..call(Function::Sum, Some(0), None) };
    let mut bench = Bench::new(options(&[DataType::Int], None, &[], vec![distinct, sum], true), 7);
    let changes = [(5, 1), (5, 1), (3, 1), (5, -1), (5, -1)];
    for (value, weight) in changes {
        bench.feed_morsel(&[delta(vec![Value::Int(value)], weight)]);
    }
    let rows: Vec<String> =
        trace(&bench).into_iter().filter(|line| line.starts_with('+')).collect();
    assert_eq!(rows, ["+1 0 NULL", "+1 1 5", "+1 2 8", "+1 1 3"]);
}

/// A window has most groups of a slice from the slices before it, and some only from this one.
#[test]
fn slices_with_the_same_groups_and_with_others_become_one_window() {
    let window = WindowOptions {
        window: hop(0, 30, 10),
        lag_us: Some(0),
        allowed_lateness_us: 0,
        on_close: true,
    };
    let calls = vec![
        call(Function::CountRows, None, None),
        call(Function::Sum, Some(2), None),
        call(Function::Min, Some(2), None),
        call(Function::Max, Some(1), None),
    ];
    let types = [TIME, DataType::Text, BIGINT];
    let mut bench = Bench::new(options(&types, Some(window), &[1], calls, false), 11);
    let row = |time: i64, key: &str, number| {
        delta(vec![Value::Timestamp(time), Value::Text(key.into()), Value::BigInt(number)], 1)
    };
    // As long as each other, so that one is where the other is in the heap of another slice.
    let long = ["longer than what a slot holds", "longer than what a shelf says"];
    let mut rows = Vec::new();
    for slice in 0..3 {
        rows.extend((0..600).map(|at| row(slice * 10 + at % 10, &format!("k{at}"), at + slice)));
        let turned = slice as usize % 2;
        rows.push(row(slice * 10, long[turned], slice + 10));
        rows.push(row(slice * 10, long[1 - turned], slice + 20));
    }
    rows.push(row(25, "last", 7));
    for part in rows.chunks(1000) {
        bench.feed_morsel(part);
    }
    bench.advance(Time(30));
    let (rows, of_all) = (trace(&bench), "+1 0 30 ");
    assert_eq!(rows.iter().filter(|line| line.starts_with(of_all)).count(), 603);
    let [one, other] = [(long[0], 43, 10), (long[1], 53, 11)]
        .map(|(key, sum, least)| format!("{key} 3 {sum} {least} {key}"));
    for row in ["k599 3 1800 599 k599", &one, &other, "last 1 7 7 last"] {
        assert!(rows.contains(&format!("{of_all}{row}")), "{row} is not in {rows:?}");
    }
}

/// Most rows of a morsel bring a value that an earlier morsel, or an earlier row, has brought.
#[test]
fn values_count_once_where_no_row_is_taken_back() {
    let distinct = |column| Call { distinct: true, ..call(Function::Count, Some(column), None) };
    let sum = Call { distinct: true, ..call(Function::Sum, Some(1), None) };
    let types = [BIGINT, BIGINT, DataType::Text];
    let calls = vec![distinct(1), distinct(2), sum];
    let mut bench = Bench::new(options(&types, None, &[0], calls, false), 10);
    let text = |at: i64| match at % 6 {
        0 => Value::Null,
        at if at % 2 == 0 => Value::Text(format!("{at} is longer than what a slot holds").into()),
        at => Value::Text(at.to_string().into()),
    };
    let number = |at: i64| if at % 11 == 0 { Value::Null } else { Value::BigInt(at % 10) };
    let row = |at: i64| delta(vec![Value::BigInt(at % 2), number(at), text(at)], 1);
    for from in [0, 0, 300] {
        bench.feed_morsel(&(from..from + 400).map(row).collect::<Vec<Delta>>());
    }
    let last = trace(&bench);
    assert!(last.contains(&"+1 0 5 2 20".to_owned()), "{last:?}");
    assert!(last.contains(&"+1 1 5 3 25".to_owned()), "{last:?}");
}

#[test]
fn ranks_are_those_of_postgresql() {
    let part = |part| Fraction::new(part).unwrap();
    let calls = vec![
        call(Function::PercentileDisc(part(0.25)), Some(0), None),
        call(Function::PercentileDisc(part(0.26)), Some(0), None),
        call(Function::PercentileCont(part(0.25)), Some(0), None),
        Call { descending: true, ..call(Function::PercentileCont(part(0.25)), Some(0), None) },
        call(Function::MEDIAN, Some(0), None),
        call(Function::Mode, Some(0), None),
    ];
    let mut bench = Bench::new(options(&[DataType::Int], None, &[], calls, true), 8);
    let rows: Vec<Delta> =
        [40, 10, 20, 40].iter().map(|value| delta(vec![Value::Int(*value)], 1)).collect();
    bench.feed_morsel(&rows);
    assert_eq!(trace(&bench).pop().unwrap(), "+1 10 20 17.5 40 30 40");
}

/// Slices of one window meet as it closes: what both have seen counts once.
#[test]
fn sketches_of_slices_become_one() {
    let window = WindowOptions {
        window: hop(0, 20, 10),
        lag_us: Some(0),
        allowed_lateness_us: 0,
        on_close: true,
    };
    let calls = vec![call(Function::ApproxDistinct, Some(1), None)];
    let mut bench = Bench::new(options(&[TIME, BIGINT], Some(window), &[], calls, false), 9);
    bench.checks = false;
    for (time, from) in [(1, 0), (11, 500)] {
        let rows: Vec<Delta> = (from..from + 1000).map(|at| timed(time, at, Time::MIN)).collect();
        bench.feed_morsel(&rows);
    }
    bench.advance(Time(30));
    let counts = bench.trace.iter().map(|(row, _)| match row[2] {
        Value::BigInt(count) => count,
        ref other => panic!("{other}"),
    });
    let near = |count: i64, of: i64| (count - of).abs() * 20 < of;
    let counts: Vec<i64> = counts.collect();
    assert!(near(counts[0], 1000) && near(counts[1], 1500) && near(counts[2], 1000), "{counts:?}");
}

/// What slices of a window brought is taken back behind its close.
#[test]
fn a_state_that_was_put_together_is_of_no_rows_once_all_are_taken_back() {
    let window = WindowOptions {
        window: hop(0, 20, 10),
        lag_us: Some(0),
        allowed_lateness_us: 100,
        on_close: true,
    };
    let calls = vec![call(Function::CountRows, None, None), squares::call(1, true)];
    let mut bench = Bench::new(options(&[TIME, DataType::Int], Some(window), &[], calls, true), 1);
    let row = |time: i64, value: Value, weight: i64, behind: Time| Delta {
        behind,
        ..delta(vec![Value::Timestamp(time), value], weight)
    };
    let [three, four] = [3, 4].map(Value::Int);
    bench.feed_morsel(&[
        row(1, three.clone(), 1, Time::MIN),
        row(11, four.clone(), 1, Time::MIN),
        row(12, Value::Null, 1, Time::MIN),
    ]);
    bench.advance(Time(20));
    assert_eq!(trace(&bench), ["+1 -10 10 1 9", "+1 0 20 3 25"]);
    bench.feed_morsel(&[row(11, four, -1, Time(20))]);
    bench.feed_morsel(&[row(1, three, -1, Time(20))]);
    assert_eq!(trace(&bench).pop().unwrap(), "+1 0 20 1 NULL");
}

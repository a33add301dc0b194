//! Which windows are put out, and which rows come too late for them. The watermark of the source
//! is two behind the latest time.

use super::*;

fn closing(size_us: i64, allowed_lateness_us: i64) -> AggregateSpec {
    let calls = vec![Call::count_rows("n")];
    let window = tumble("ts", size_us);
    AggregateSpec { window, emit: Emit::OnClose, allowed_lateness_us, ..spec(&[], calls) }
}

/// The windows and the late rows of one source.
fn windows(spec: &AggregateSpec, input: &str) -> (Vec<String>, Vec<String>) {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let windows = builder.aggregate(rows, spec).unwrap();
    builder.view(windows, "out", &[]).unwrap();
    let late = builder.late(windows).unwrap();
    builder.view(late, "late", &[]).unwrap();
    let views = evaluate(&builder.finish().unwrap(), &[fed(0, input)]).unwrap();
    (text(&views["out"]), text(&views["late"]))
}

fn strings(lines: &[&str]) -> Vec<String> {
    lines.iter().map(|line| (*line).to_owned()).collect()
}

#[test]
fn a_window_closes_when_the_watermark_reaches_its_end() {
    assert_eq!(windows(&closing(10, 0), "a 1 3, a 1 11").0, strings(&[]));
    assert_eq!(windows(&closing(10, 0), "a 1 3, a 1 12").0, strings(&["0 10 1"]));
}

#[test]
fn a_row_is_late_once_its_feeder_has_passed_the_end() {
    // The watermark is 9 when the first row of time 3 comes and 10 at the second.
    let (out, late) = windows(&closing(10, 0), "a 1 11, b 2 3, a 1 12, c 3 3");
    assert_eq!((out, late), (strings(&["0 10 1"]), strings(&["c 3 3"])));
}

#[test]
fn allowed_lateness_lets_corrections_count() {
    let input = "a 1 12, b 2 3, a 1 14, c 3 4, a 1 15, d 4 5";
    let (out, late) = windows(&closing(10, 3), input);
    assert_eq!((out, late), (strings(&["0 10 2"]), strings(&["d 4 5"])));
}

#[test]
fn changes_show_open_windows_and_refuse_the_same_rows() {
    let changes = AggregateSpec { emit: Emit::Changes, ..closing(10, 0) };
    let (out, late) = windows(&changes, "a 1 11, b 2 3, a 1 12, c 3 3");
    assert_eq!((out, late), (strings(&["0 10 1", "10 20 2"]), strings(&["c 3 3"])));
}

#[test]
fn a_row_late_for_some_of_its_windows_counts_in_the_others() {
    let time = "ts".to_owned();
    let window = Some(Window::Hop { time, size_us: 10, slide_us: 5, offset_us: 0 });
    let hop = AggregateSpec { window, ..closing(10, 0) };
    // At watermark 12 the row of time 7 is too late for [0, 10) and not for [5, 15).
    let (out, late) = windows(&hop, "a 1 14, b 2 7, a 1 17, c 3 7");
    let expected = strings(&["5 15 2"]);
    assert_eq!((out, late), (expected, strings(&["c 3 7"])));
}

#[test]
fn a_window_above_a_window_closes_when_no_row_can_come_any_more() {
    let outer = |input: &str| {
        let mut builder = Builder::new();
        let rows = source(&mut builder, "s");
        let inner = builder.aggregate(rows, &closing(10, 0)).unwrap();
        let outer = AggregateSpec {
            window: tumble("window_start", 20),
            calls: vec![Call::of("s", Function::Sum, "n")],
            ..closing(20, 0)
        };
        let outer = builder.aggregate(inner, &outer).unwrap();
        builder.view(outer, "out", &[]).unwrap();
        view(builder, &[fed(0, input)])
    };
    // Rows of [0, 20) are those of the inner windows at 0 and 10; the last closes at 20, and
    // `window_start` is then known to be at least 11. It passes 20 at watermark 29.
    assert_eq!(outer("a 1 3, a 1 13, a 1 14, a 1 30"), strings(&[]));
    assert_eq!(outer("a 1 3, a 1 13, a 1 14, a 1 31"), strings(&["0 20 3"]));
}

#[test]
fn a_late_row_is_not_late_for_another_aggregate_with_longer_windows() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let short = builder.aggregate(rows, &closing(10, 0)).unwrap();
    let late = builder.late(short).unwrap();
    let kept = builder.aggregate(late, &spec(&["k"], vec![Call::count_rows("n")])).unwrap();
    builder.view(kept, "late", &[]).unwrap();
    let long = builder.aggregate(rows, &closing(20, 0)).unwrap();
    builder.view(long, "out", &[]).unwrap();
    let input = fed(0, "a 1 13, b 1 2, b 2 3, a 1 22");
    let views = evaluate(&builder.finish().unwrap(), &[input]).unwrap();
    assert_eq!(text(&views["late"]), ["b 2"]);
    assert_eq!(text(&views["out"]), ["0 20 3"]);
}

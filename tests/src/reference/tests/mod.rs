//! Small cases that a person can work out.

mod aggregate;
mod expr;
mod functions;
mod lateness;
mod programs;

use sluicedb_sql::expr::{Expr, lit};
use sluicedb_sql::plan::{
    AggregateSpec, Builder, Call, Emit, Function, JoinKind, NodeId, SourceTime, Window,
};
use sluicedb_sql::{DataType, Field, Schema, Value};

use super::join::Join;
use super::*;

/// Columns `k` TEXT, `v` INT and `ts`, with a watermark two behind the latest `ts`.
fn source(builder: &mut Builder, name: &str) -> NodeId {
    let fields = vec![
        Field::nullable("k", DataType::Text),
        Field::nullable("v", DataType::Int),
        Field::not_null("ts", DataType::Timestamp),
    ];
    builder.source(name, Schema::new(fields).unwrap(), Some(("ts", 2))).unwrap()
}

/// The rows of one feeder, written as `k v ts`; `-` stands for NULL.
fn fed(feeder: u16, text: &str) -> Input {
    let mut marker = Marker::new(feeder, Some(SourceTime::of(2, 2)));
    let mut row = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        let or_null = |at: usize, value: &dyn Fn(&str) -> Value| match words[at] {
            "-" => Value::Null,
            word => value(word),
        };
        marker.mark(vec![
            or_null(0, &Value::text),
            or_null(1, &|word| Value::Int(word.parse().unwrap())),
            Value::Timestamp(words[2].parse().unwrap()),
        ])
    };
    let rows = text.split(',').filter(|line| !line.trim().is_empty()).map(&mut row).collect();
    Input { rows, watermark: marker.watermark() }
}

/// A relation as lines, timestamps as plain numbers.
fn text(relation: &Relation) -> Vec<String> {
    let value = |value: &Value| match value {
        Value::Timestamp(micros) => micros.to_string(),
        other => other.to_string(),
    };
    let line = |(row, weight): (&Vec<Value>, &i64)| {
        let values: Vec<String> = row.iter().map(value).collect();
        let times = if *weight == 1 { String::new() } else { format!(" x{weight}") };
        format!("{}{times}", values.join(" "))
    };
    relation.iter().map(line).collect()
}

/// The rows of view `out` over the sources.
fn view(builder: Builder, sources: &[Input]) -> Vec<String> {
    let plan = builder.finish().unwrap();
    text(&evaluate(&plan, sources).unwrap()["out"])
}

fn spec(keys: &[&str], calls: Vec<Call<String>>) -> AggregateSpec {
    AggregateSpec {
        window: None,
        keys: keys.iter().map(|key| (*key).to_owned()).collect(),
        calls,
        emit: Emit::Changes,
        allowed_lateness_us: 0,
    }
}

fn tumble(time: &str, size_us: i64) -> Option<Window<String>> {
    Some(Window::Tumble { time: time.into(), size_us, offset_us: 0 })
}

#[test]
fn a_view_counts_equal_rows() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    builder.view(rows, "out", &[]).unwrap();
    assert_eq!(view(builder, &[fed(0, "a 1 5, b 2 6, a 1 5")]), ["a 1 5 x2", "b 2 6"]);
}

#[test]
fn a_filter_keeps_what_is_true_and_leaves_out_rows_that_fail() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let predicate = lit(10).div(Expr::col("v")).gt(lit(2));
    let few = builder.filter(rows, &predicate).unwrap();
    builder.view(few, "out", &[]).unwrap();
    assert_eq!(view(builder, &[fed(0, "a 3 1, b 0 2, c - 3, d 5 4")]), ["a 3 1"]);
}

#[test]
fn a_row_that_one_output_of_a_projection_fails_for_is_left_out() {
    let mut builder = Builder::new();
    let rows = source(&mut builder, "s");
    let outputs =
        vec![("k".to_owned(), Expr::col("k")), ("next".to_owned(), Expr::col("v").add(lit(1)))];
    let next = builder.project(rows, outputs).unwrap();
    builder.view(next, "out", &[]).unwrap();
    let input = fed(0, "a 1 1, b 2147483647 2, c - 3");
    assert_eq!(view(builder, &[input]), ["a 2", "c NULL"]);
}

#[test]
fn a_join_pairs_all_rows_with_equal_keys_and_none_with_null() {
    let mut builder = Builder::new();
    let left = source(&mut builder, "l");
    let right = source(&mut builder, "r");
    let named = |prefix: &str| {
        let column = |name: &str| (format!("{prefix}{name}"), Expr::col(name));
        vec![column("k"), column("v")]
    };
    let left = builder.project(left, named("l_")).unwrap();
    let right = builder.project(right, named("r_")).unwrap();
    let pairs = builder.join(left, right, &[("l_k", "r_k")]).unwrap();
    builder.view(pairs, "out", &[]).unwrap();
    let inputs = [fed(0, "a 1 1, a 1 2, - 3 3, b 4 4"), fed(1, "a 5 1, a 6 2, - 7 3, c 8 4")];
    assert_eq!(view(builder, &inputs), ["a 1 a 5 x2", "a 1 a 6 x2"]);
}

#[test]
fn a_joined_row_comes_from_where_both_sides_come_from() {
    let row = |tie| Row { values: vec![Value::Int(1)], tie, behind: 7 };
    let join = Join {
        kind: JoinKind::Inner,
        keys: [&[0], &[0]],
        widths: [1, 1],
        nulls_equal: false,
        condition: None,
        within: None,
    };
    let pairs = join.rows(&[row(5 << 64 | 3)], &[row(9 << 64 | 4)]).unwrap();
    let values = vec![Value::Int(1), Value::Int(1)];
    assert_eq!(pairs, [Row { values, tie: 3 << 64 | 4, behind: i64::MIN }]);
    let semi = Join { kind: JoinKind::Semi, ..join };
    let left = semi.rows(&[row(5 << 64 | 3)], &[row(9 << 64 | 4)]).unwrap();
    assert_eq!(left, [Row { tie: 3, behind: i64::MIN, ..row(0) }]);
}

#[test]
fn a_marker_numbers_rows_and_says_which_are_behind() {
    let input = fed(3, "a 1 10, a 1 8, a 1 7, a 1 12, a 1 9");
    let first = 3 << 48;
    let ties: Vec<u128> = input.rows.iter().map(|row| row.tie - first).collect();
    let behind: Vec<i64> = input.rows.iter().map(|row| row.behind).collect();
    assert_eq!(ties, [0, 1, 2, 3, 4]);
    assert_eq!(behind, [i64::MIN, i64::MIN, 8, i64::MIN, 10]);
    assert_eq!(input.watermark, 10);
    let mut timeless = Marker::new(0, None);
    assert_eq!(timeless.mark(vec![]), Row { values: vec![], tie: 0, behind: i64::MIN });
    assert_eq!(timeless.watermark(), i64::MIN);
}

#[test]
fn a_difference_names_view_row_and_both_weights() {
    let relation = |rows: &[(i32, i64)]| -> Relation {
        rows.iter().map(|(value, weight)| (vec![Value::Int(*value)], *weight)).collect()
    };
    let views = |rows| BTreeMap::from([("v".to_owned(), relation(rows))]);
    assert_eq!(same(&views(&[(1, 2)]), &views(&[(1, 2), (3, 0)])), Ok(()));
    assert_eq!(
        same(&views(&[(1, 2), (2, 1)]), &views(&[(1, 1), (2, 1), (4, -1)])).unwrap_err(),
        "view v: 2 rows differ\n  (1) expected 2 times, found 1 times\n  \
         (4) expected 0 times, found -1 times"
    );
    assert_eq!(same(&views(&[]), &BTreeMap::new()).unwrap_err(), "view v is not there");
    assert_eq!(same(&BTreeMap::new(), &views(&[])).unwrap_err(), "view v should not be there");
}

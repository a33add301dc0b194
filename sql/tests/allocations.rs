//! A warm program of native functions asks the allocator for nothing.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, Date32Array, Float64Array, Int64Array, StringViewBuilder, Time64MicrosecondArray,
    TimestampMicrosecondArray,
};
use sluicedb_sql::column::arrow::Incoming;
use sluicedb_sql::expr::{Expr, Failures, Native, Program, lit};
use sluicedb_sql::{Column, DataType, Field, Schema, Value};

/// The system's allocator, counted by thread.
struct Counting;

thread_local! {
    static ASKED: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: all memory comes from the system's allocator, with the layout of the caller.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ASKED.set(ASKED.get() + 1);
        // SAFETY: the caller keeps the contract of `alloc`, which is the same.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: the caller keeps the contract of `dealloc`, which is the same.
        unsafe { System.dealloc(at, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const ROWS: usize = 1000;

fn schema() -> Schema {
    Schema::new(vec![
        Field::nullable("s", DataType::Text),
        Field::nullable("p", DataType::Text),
        Field::not_null("l", DataType::BigInt),
        Field::nullable("d", DataType::Double),
        Field::nullable("t", DataType::Timestamp),
        Field::nullable("j", DataType::Json),
        Field::nullable("b", DataType::Boolean),
    ])
    .expect("the names differ")
}

fn row(at: usize) -> Vec<Value> {
    let texts =
        ["", "short", "Ärger mit Umlauten und mehr", "a text that lies on the heap, https://x/y/z"];
    let json = ["{\"a\": {\"b\": [1, \"x\\ny\"]}, \"c\": null}", "[1, 2, {\"a\": 3}]"];
    let known =
        |value: Value, every: usize| if at.is_multiple_of(every) { Value::Null } else { value };
    vec![
        known(Value::text(texts[at % texts.len()]), 7),
        known(Value::text(["%te%", "a_", "h%p%"][at % 3]), 11),
        Value::BigInt(at as i64 % 9 - 4),
        known(Value::Double(at as f64 / 8.0), 5),
        known(Value::Timestamp(at as i64 * 7_777_777_777), 13),
        known(Value::Json(sluicedb_sql::json::Json::parse(json[at % 2]).expect("it is JSON")), 17),
        known(Value::Boolean(at.is_multiple_of(3)), 19),
    ]
}

/// Calls of every family.
fn calls() -> Vec<Expr> {
    use Native as N;
    let col = Expr::col;
    let (s, p, l) = (|| col("s"), || col("p"), || col("l"));
    let (d, t, j) = (|| col("d"), || col("t"), || col("j"));
    let call = Expr::native;
    let numbers = (0..20_i64).map(lit).collect::<Vec<_>>();
    vec![
        call(N::Like, vec![s(), lit("%heap%")]),
        call(N::Like, vec![s(), lit("a%t_xt%")]),
        call(N::Like, vec![s(), p()]),
        call(N::ILike, vec![s(), lit("ä%")]),
        call(N::Lower, vec![s()]),
        call(N::Upper, vec![s()]),
        call(N::Substr, vec![s(), l(), lit(20_i64)]),
        call(N::SplitPart, vec![s(), lit("/"), lit(4)]),
        call(N::Concat, vec![s(), lit("-"), p(), l(), d(), t(), s()]),
        call(N::ConcatWs, vec![lit(", "), s(), p(), s()]),
        call(N::Replace, vec![s(), lit("e"), lit("EEE")]),
        call(N::PadLeft, vec![s(), lit(40), lit("*")]),
        call(N::Reverse, vec![s()]),
        call(N::Length, vec![s()]),
        call(N::Position, vec![s(), lit("t")]),
        call(N::RegexpLike, vec![s(), lit("h(e|t)a?p")]),
        call(N::RegexpCapture, vec![s(), lit("(https?)://([^/]*)"), lit(2)]),
        call(N::RegexpReplace, vec![s(), lit("[aeiou]"), lit("<\\&>"), lit("g")]),
        call(N::Coalesce, vec![s(), p(), lit("nothing")]),
        call(N::Greatest, vec![d(), lit(3.0), d().negate()]),
        call(N::NullIf, vec![s(), lit("short")]),
        call(N::Distinct, vec![s(), p()]),
        call(N::InList, [vec![l()], numbers].concat()),
        call(N::IsTrue, vec![col("b")]),
        call(N::Round, vec![d(), lit(1)]),
        call(N::Power, vec![d(), l()]),
        call(N::DatePart, vec![lit("week"), t()]),
        call(N::DateTrunc, vec![lit("month"), t()]),
        call(N::ToChar, vec![t(), lit("YYYY-MM-DD Day HH24:MI")]),
        call(N::TumbleStart, vec![t(), lit(60_000_000_i64)]),
        call(N::Hash64, vec![s(), l(), d()]),
        call(N::JsonGetText, vec![j(), lit("a")]),
        call(N::JsonExtractPathText, vec![j(), lit("a"), lit("b"), lit("1")]),
        call(N::JsonTypeof, vec![j()]),
        Expr::case(vec![(l().gt(lit(0_i64)), s())], Some(p())),
        lit(1_i64).div(l()),
    ]
}

#[test]
fn a_warm_program_allocates_nothing() {
    let schema = schema();
    let rows: Vec<Vec<Value>> = (1..=ROWS).map(row).collect();
    let column =
        |at: usize| Column::of(schema.field(at).data_type, rows.iter().map(|row| &row[at]));
    let input: Vec<Column> = (0..schema.len()).map(column).collect();
    for call in calls() {
        let program = Program::compile(std::slice::from_ref(&call), &schema).unwrap();
        assert_eq!(program.counts().library, 0);
        let (mut scratch, mut failures) = (program.scratch(), Failures::new());
        for _ in 0..2 {
            program.run(&input, ROWS, &mut scratch, &mut failures);
        }
        let before = ASKED.get();
        for _ in 0..3 {
            program.run(&input, ROWS, &mut scratch, &mut failures);
        }
        assert_eq!(ASKED.get() - before, 0, "{}", call.text(&schema));
    }
}

#[test]
fn the_buffers_of_a_batch_become_columns_without_an_allocation() {
    let text = |at: i64| format!("a text that lies on the heap, with the number {at}");
    let numbers = || 0..ROWS as i64;
    // All in one buffer, as a column has them.
    let mut texts = StringViewBuilder::new().with_fixed_block_size(100_000);
    numbers().for_each(|number| texts.append_value(text(number)));
    let arrays: Vec<(DataType, ArrayRef)> = vec![
        (DataType::BigInt, Arc::new(Int64Array::from_iter_values(numbers()))),
        (DataType::Double, Arc::new(Float64Array::from_iter_values(numbers().map(|n| n as f64)))),
        (DataType::Timestamp, Arc::new(TimestampMicrosecondArray::from_iter_values(numbers()))),
        (DataType::Time, Arc::new(Time64MicrosecondArray::from_iter_values(numbers()))),
        (DataType::Date, Arc::new(Date32Array::from_iter_values(0..ROWS as i32))),
        (DataType::Text, Arc::new(texts.finish())),
    ];
    for (data_type, array) in arrays {
        let field = Field::not_null("c", data_type);
        let before = ASKED.get();
        let column = Incoming::new(array, &field).expect("it fits").into_column();
        assert_eq!(ASKED.get() - before, 0, "{data_type}");
        let expected = match data_type {
            DataType::BigInt => Value::BigInt(7),
            DataType::Double => Value::Double(7.0),
            DataType::Timestamp => Value::Timestamp(7),
            DataType::Time => Value::Time(7),
            DataType::Date => Value::Date(7),
            _ => Value::text(&text(7)),
        };
        assert_eq!(column.value(7), expected);
    }
}

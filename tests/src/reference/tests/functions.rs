//! Native functions over random columns against the same functions value by value.

use sluicedb_sql::expr::{Failures, Native, Program};
use sluicedb_sql::json::Json;
use sluicedb_sql::{Column, Field};

use super::super::expr;
use super::*;
use crate::prng::Prng;

const ROWS: usize = 150;
const ROUNDS: usize = 12;

const T: DataType = DataType::Text;
const I: DataType = DataType::Int;
const L: DataType = DataType::BigInt;
const D: DataType = DataType::Double;
const N: DataType = DataType::Decimal { precision: 12, scale: 3 };
const B: DataType = DataType::Boolean;
const M: DataType = DataType::Timestamp;
const J: DataType = DataType::Json;

/// Those whose types can be written down.
const FIXED: &[(Native, &[DataType])] = {
    use Native as F;
    &[
        (F::Like, &[T, T]),
        (F::Like, &[T, T, T]),
        (F::ILike, &[T, T]),
        (F::Lower, &[T]),
        (F::Upper, &[T]),
        (F::Substr, &[T, L]),
        (F::Substr, &[T, L, L]),
        (F::SplitPart, &[T, T, L]),
        (F::Concat, &[T, T, T, T, T]),
        (F::ConcatWs, &[T, T, T]),
        (F::Append, &[T, T]),
        (F::Length, &[T]),
        (F::OctetLength, &[T]),
        (F::Trim, &[T]),
        (F::Trim, &[T, T]),
        (F::TrimStart, &[T, T]),
        (F::TrimEnd, &[T, T]),
        (F::Replace, &[T, T, T]),
        (F::Translate, &[T, T, T]),
        (F::Position, &[T, T]),
        (F::Left, &[T, L]),
        (F::Right, &[T, L]),
        (F::StartsWith, &[T, T]),
        (F::EndsWith, &[T, T]),
        (F::Contains, &[T, T]),
        (F::Reverse, &[T]),
        (F::Repeat, &[T, L]),
        (F::PadLeft, &[T, L, T]),
        (F::PadRight, &[T, L]),
        (F::Ascii, &[T]),
        (F::Chr, &[L]),
        (F::Abs, &[I]),
        (F::Abs, &[N]),
        (F::Round, &[N]),
        (F::Round, &[N, L]),
        (F::Trunc, &[N, L]),
        (F::Floor, &[N]),
        (F::Ceil, &[N]),
        (F::Sign, &[N]),
        (F::Round, &[D]),
        (F::Floor, &[D]),
        (F::Sign, &[D]),
        (F::Sqrt, &[D]),
        (F::Ln, &[D]),
        (F::Exp, &[D]),
        (F::Power, &[D, D]),
        (F::Coalesce, &[T, T, T]),
        (F::Coalesce, &[I, I]),
        (F::Greatest, &[D, D, D]),
        (F::Least, &[T, T]),
        (F::NullIf, &[N, N]),
        (F::Distinct, &[T, T]),
        (F::IsTrue, &[B]),
        (F::IsFalse, &[B]),
        (F::DatePart, &[T, M]),
        (F::DateTrunc, &[T, M]),
        (F::OfSeconds, &[L]),
        (F::OfMillis, &[L]),
        (F::OfMicros, &[L]),
        (F::OfNanos, &[L]),
        (F::TumbleStart, &[M, L]),
        (F::TumbleEnd, &[M, L, L]),
        (F::Hash64, &[T]),
        (F::Hash64, &[D]),
        (F::JsonGet, &[J, T]),
        (F::JsonGet, &[J, L]),
        (F::JsonGetText, &[J, T]),
        (F::JsonExtractPath, &[J, T, T]),
        (F::JsonExtractPathText, &[J, T]),
        (F::JsonTypeof, &[J]),
        (F::JsonArrayLength, &[J]),
        (F::JsonExists, &[J, T]),
    ]
};

/// Functions and the types of their arguments.
fn calls() -> Vec<(Native, Vec<DataType>)> {
    use Native as F;
    let ints = DataType::array(I).unwrap();
    let texts = DataType::array(T).unwrap();
    let mut calls: Vec<(Native, Vec<DataType>)> =
        FIXED.iter().map(|(native, types)| (*native, types.to_vec())).collect();
    calls.extend([
        (F::Subscript, vec![ints, L]),
        (F::Subscript, vec![texts, L]),
        (F::Cardinality, vec![ints]),
        (F::ArrayLength, vec![texts, L]),
        (F::ArrayContains, vec![texts, T]),
        (F::EqualsAny, vec![ints, I]),
        (F::ArrayPosition, vec![texts, T]),
        (F::MapGet, vec![DataType::Map, T]),
    ]);
    calls
}

fn text(prng: &mut Prng) -> String {
    let letters =
        ["a", "b", "A", "ä", "%", "_", "\\", " ", "日", "", "bc", "a longer piece of text "];
    (0..prng.below(5)).map(|_| *prng.pick(&letters)).collect()
}

fn value(prng: &mut Prng, native: Native, at: usize, of: DataType) -> Value {
    if prng.chance(15) {
        return Value::Null;
    }
    let small = prng.range(-6..7);
    match of {
        DataType::Text if at == 0 && matches!(native, Native::DatePart | Native::DateTrunc) => {
            let fields = ["year", "quarter", "month", "day", "hour", "minute", "second"];
            Value::text(prng.pick::<&str>(&fields))
        }
        DataType::Text if at > 0 && format!("{native:?}").starts_with("Json") => {
            Value::text(prng.pick::<&str>(&["a", "b", "c", "1"]))
        }
        DataType::Text if at > 0 && prng.chance(50) => {
            Value::text(prng.pick::<&str>(&["a", "b", "1", "c", "%a%", "a%", "%ä", "a\\", "0"]))
        }
        DataType::Text => Value::text(&text(prng)),
        DataType::Boolean => Value::Boolean(prng.chance(50)),
        DataType::Int => Value::Int(if prng.chance(5) { i32::MIN } else { small as i32 }),
        DataType::BigInt => Value::BigInt(if prng.chance(5) { i64::MIN } else { small }),
        DataType::Double => {
            let odd = [0.0, -0.0, f64::NAN, f64::INFINITY, 1e300, -1e300, 2.5];
            Value::Double(if prng.chance(30) { *prng.pick(&odd) } else { small as f64 / 2.0 })
        }
        DataType::Decimal { scale, .. } => {
            Value::Decimal { units: i128::from(small * 250 + prng.range(-2..3)), scale }
        }
        DataType::Timestamp => {
            Value::Timestamp(prng.range(-90_000_000_000_000_000..90_000_000_000_000_000))
        }
        DataType::Json => Value::Json(
            Json::parse(prng.pick::<&str>(&[
                "{\"a\": {\"b\": [1, \"x\\n\"]}, \"c\": null}",
                "[1, {\"a\": \"b\"}, [], \"a\", null]",
                "{\"b\": \"a\", \"1\": 2}",
                "\"a\"",
                "-12.50",
                "null",
                "[]",
            ]))
            .unwrap(),
        ),
        DataType::Array(element) => {
            let items = (0..prng.below(4)).map(|_| value(prng, native, 1, *element)).collect();
            Value::array(*element, items).unwrap()
        }
        DataType::Map => {
            let pairs: Vec<(String, Option<String>)> = (0..prng.below(4))
                .map(|_| {
                    (
                        (*prng.pick(&["a", "b", "c", "1"])).to_owned(),
                        prng.chance(70).then(|| text(prng)),
                    )
                })
                .collect();
            Value::Map(sluicedb_sql::nested::Map::new(pairs))
        }
        other => panic!("{other} is not drawn"),
    }
}

/// Compares a call whose arguments are columns, but for those that `constants` names by bits.
fn compare(prng: &mut Prng, native: Native, types: &[DataType], constants: usize) -> [usize; 2] {
    let field = |at: usize| Field::nullable(format!("c{at}"), types[at]);
    let schema = Schema::new((0..types.len()).map(field).collect()).unwrap();
    let args = (0..types.len()).map(|at| match constants >> at & 1 {
        1 => Expr::Literal(value(prng, native, at, types[at]), types[at]),
        _ => Expr::Column(at),
    });
    let call = Expr::native(native, args.collect());
    // A constant pattern that is none is refused at once.
    let Ok(bound) = call.bind(&schema) else { return [0, 0] };
    let program = Program::compile(std::slice::from_ref(&bound), &schema).unwrap();
    let rows: Vec<Vec<Value>> = (0..ROWS)
        .map(|_| types.iter().enumerate().map(|(at, of)| value(prng, native, at, *of)).collect())
        .collect();
    let columns: Vec<Column> =
        (0..types.len()).map(|at| Column::of(types[at], rows.iter().map(|row| &row[at]))).collect();
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    program.run(&columns, ROWS, &mut scratch, &mut failures);
    let found = program.output(&scratch, &columns, 0);
    let mut counts = [0, 0];
    for (at, row) in rows.iter().enumerate() {
        let what = || format!("{} over {row:?}", bound.text(&schema));
        match expr::evaluate(&bound, row) {
            Ok(value) => {
                assert_eq!(failures.of(at as u32), None, "{}", what());
                assert_eq!(found.value(at), value, "{}", what());
                counts[usize::from(value.is_null())] += 1;
            }
            Err(Failure::Row(_)) => assert!(failures.of(at as u32).is_some(), "{}", what()),
            Err(Failure::Unsupported(what)) => panic!("{what}"),
        }
    }
    counts
}

#[test]
fn native_functions_give_what_they_give_value_by_value() {
    let mut prng = Prng::new(4);
    for (native, types) in calls() {
        let mut counts = [0, 0];
        for round in 0..ROUNDS {
            let constants = if round == 0 { 0 } else { prng.below(1 << types.len()) };
            let [known, null] = compare(&mut prng, native, &types, constants);
            counts = [counts[0] + known, counts[1] + null];
        }
        assert!(counts[0] >= 10, "{native:?} of {types:?} gave {counts:?}");
    }
}

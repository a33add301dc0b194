//! Value tables, thought out from the documentation of PostgreSQL 17, chapter 9.

mod choose;
mod nested;
mod number;
mod text;
mod time;

use super::*;
use crate::expr::{Expr, Program};
use crate::schema::{Field, Schema};
use crate::value::Value;

/// Rows of the morsel that a call runs over.
const ROWS: usize = 3;

/// Checks calls against what they give, or against the reason why they fail.
fn check(table: &[(&str, &str)]) {
    for (call, expected) in table {
        assert_eq!(evaluate(call), *expected, "{call}");
    }
}

/// The result of a call of constants, which must be the same with constants folded, with all
/// arguments as columns, and with the first one alone as a column.
fn evaluate(call: &str) -> String {
    let (name, args) = parse(call);
    let folded = run(name, &args, 0);
    // What a list holds are constants, and constant digits narrow a type.
    let columns = match name {
        "in_list" | "round" | "trunc" => 1,
        _ => args.len(),
    };
    for columns in [1.min(args.len()), columns] {
        let by_row = run(name, &args, columns);
        let state = |text: &str| text.rsplit_once('(').map(|(_, state)| state.to_owned());
        let same = folded == by_row || state(&folded).is_some() && state(&folded) == state(&by_row);
        assert!(same, "{call}: {folded} folded, {by_row} with {columns} columns");
    }
    folded
}

/// Runs a call whose first `columns` arguments are columns.
fn run(name: &str, args: &[(Value, DataType)], columns: usize) -> String {
    let field = |at: usize| Field::nullable(format!("c{at}"), args[at].1);
    let schema = Schema::new((0..columns).map(field).collect()).unwrap();
    let native = Native::named(name).unwrap_or_else(|| panic!("no function {name}"));
    let arg = |(at, (value, of)): (usize, &(Value, DataType))| match at < columns {
        true => Expr::Column(at),
        false => Expr::Literal(value.clone(), *of),
    };
    let expr = Expr::native(native, args.iter().enumerate().map(arg).collect());
    let program = match Program::compile(std::slice::from_ref(&expr), &schema) {
        Ok(program) => program,
        Err(error) => return format!("{} ({})", error.message, error.sqlstate),
    };
    let bound = expr.bind(&schema).unwrap();
    assert_eq!(bound.bind(&schema), Ok(bound.clone()), "binding {name} twice changes nothing");
    assert_eq!(bound.data_type(&schema), Ok(program.data_type(0)), "the type of {name}");
    let column =
        |(value, of): &(Value, DataType)| Column::of(*of, std::iter::repeat_n(value, ROWS));
    let input: Vec<Column> = args[..columns].iter().map(column).collect();
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    let mut last = None;
    // The second run is over memory that the first one left.
    for _ in 0..2 {
        program.run(&input, ROWS, &mut scratch, &mut failures);
        for row in 0..ROWS {
            let found = match failures.of(row as u32) {
                Some(error) => format!("{error} ({})", error.sqlstate()),
                None => program.output(&scratch, &input, 0).value(row).to_string(),
            };
            assert_eq!(last.get_or_insert_with(|| found.clone()), &found, "{name} in row {row}");
        }
    }
    last.unwrap()
}

/// `name(arg, ..)`, where an argument is a text in quotes, a number, a truth or NULL, perhaps with
/// `::type` behind it.
fn parse(call: &str) -> (&str, Vec<(Value, DataType)>) {
    let (name, rest) = call.split_once('(').expect("a call has arguments");
    let mut rest = rest.trim();
    let mut args = Vec::new();
    while rest != ")" {
        let (arg, behind) = argument(rest);
        args.push(arg);
        rest = behind.trim_start().trim_start_matches(',').trim_start();
    }
    (name, args)
}

fn argument(text: &str) -> ((Value, DataType), &str) {
    if let Some(quoted) = text.strip_prefix('\'') {
        let mut end = quoted.find('\'').expect("the quote is closed");
        while quoted[end + 1..].starts_with('\'') {
            end = end + 2 + quoted[end + 2..].find('\'').expect("the quote is closed");
        }
        let (value, behind) = (&quoted[..end], &quoted[end + 1..]);
        return typed(Value::text(&value.replace("''", "'")), DataType::Text, behind);
    }
    let end = text.find([',', ')', ':']).expect("the call is closed");
    let (word, behind) = text.split_at(end);
    let (value, of) = match word {
        "NULL" => (Value::Null, DataType::Text),
        "true" | "false" => (Value::Boolean(word == "true"), DataType::Boolean),
        number if number.contains('e') || number == "NaN" => {
            (Value::Double(number.parse().unwrap()), DataType::Double)
        }
        number if number.contains('.') => {
            let scale = number.split_once('.').unwrap().1.len() as u8;
            let units: i128 = number.replace('.', "").parse().unwrap();
            let precision = (number.trim_start_matches('-').len() - 1) as u8;
            (Value::Decimal { units, scale }, DataType::Decimal { precision, scale })
        }
        number => match number.parse() {
            Ok(int) => (Value::Int(int), DataType::Int),
            Err(_) => (Value::BigInt(number.parse().unwrap()), DataType::BigInt),
        },
    };
    typed(value, of, behind)
}

fn typed(value: Value, of: DataType, behind: &str) -> ((Value, DataType), &str) {
    let Some(rest) = behind.strip_prefix("::") else { return ((value, of), behind) };
    let end = rest.find([',', ')']).expect("the call is closed");
    let (to, rest) = rest.split_at(end);
    let to = match to {
        "bool" => DataType::Boolean,
        "int" => DataType::Int,
        "bigint" => DataType::BigInt,
        "double" => DataType::Double,
        "text" => DataType::Text,
        "smallint" => DataType::SmallInt,
        "timestamp" => DataType::Timestamp,
        "timestamptz" => DataType::TimestampTz,
        "date" => DataType::Date,
        "time" => DataType::Time,
        "interval" => DataType::Interval,
        "json" => DataType::Json,
        "map" => DataType::Map,
        "int[]" => DataType::array(DataType::Int).unwrap(),
        "text[]" => DataType::array(DataType::Text).unwrap(),
        "double[]" => DataType::array(DataType::Double).unwrap(),
        "numeric" => DataType::Decimal { precision: 38, scale: 10 },
        other => panic!("no type {other}"),
    };
    let cast = Expr::Literal(value, of).cast(to);
    let empty = Schema::new(Vec::new()).unwrap();
    let program = Program::compile(&[cast], &empty).unwrap();
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    program.run(&[], 1, &mut scratch, &mut failures);
    assert!(failures.is_empty(), "{behind}: {failures:?}");
    ((program.output(&scratch, &[], 0).value(0), to), rest)
}

/// The value of an expression without columns.
fn value(expr: &Expr, schema: &Schema) -> String {
    let program = Program::compile(std::slice::from_ref(expr), schema).unwrap();
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    program.run(&[], 1, &mut scratch, &mut failures);
    match failures.of(0) {
        Some(error) => format!("{error} ({})", error.sqlstate()),
        None => program.output(&scratch, &[], 0).value(0).to_string(),
    }
}

use datafusion::functions;

use super::*;
use crate::expr::{Expr, Function, Program};
use crate::schema::Schema;
use crate::value::Value;

fn known(udf: Arc<ScalarUDF>, args: &[DataType]) -> Arc<dyn LibraryFunction> {
    let args: Vec<Argument<'_>> =
        args.iter().map(|of| Argument { data_type: *of, constant: None }).collect();
    library(udf, &args).unwrap()
}

/// Runs a function over columns of these rows.
fn results(
    function: Arc<dyn LibraryFunction>,
    types: &[DataType],
    rows: &[Vec<Value>],
) -> Vec<String> {
    let field = |(at, of): (usize, &DataType)| Field::nullable(format!("c{at}"), *of);
    let schema = Schema::new(types.iter().enumerate().map(field).collect()).unwrap();
    let args = (0..types.len()).map(Expr::Column).collect();
    let call = Expr::call(Function::Library(function), args);
    let program = Program::compile(&[call.clone(), call], &schema).unwrap();
    assert_eq!((program.counts().native, program.counts().library), (0, 1));
    let column = |(at, of): (usize, &DataType)| Column::of(*of, rows.iter().map(|row| &row[at]));
    let input: Vec<Column> = types.iter().enumerate().map(column).collect();
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    program.run(&input, rows.len(), &mut scratch, &mut failures);
    let row = |row: usize| match failures.of(row as u32) {
        Some(error) => error.to_string(),
        None => program.output(&scratch, &input, 0).value(row).to_string(),
    };
    (0..rows.len()).map(row).collect()
}

#[test]
fn a_function_of_the_library_runs_over_columns_with_nulls() {
    let md5 = known(functions::crypto::md5(), &[DataType::Text]);
    let rows = [vec![Value::text("abc")], vec![Value::Null], vec![Value::text("")]];
    assert_eq!(
        results(md5, &[DataType::Text], &rows),
        ["900150983cd24fb0d6963f7d28e17f72", "NULL", "d41d8cd98f00b204e9800998ecf8427e"]
    );
}

#[test]
fn numbers_are_cast_to_what_the_function_takes() {
    let factorial = known(functions::math::factorial(), &[DataType::Int]);
    let rows = [vec![Value::Int(5)], vec![Value::Int(0)]];
    assert_eq!(results(factorial, &[DataType::Int], &rows), ["120", "1"]);
}

#[test]
fn only_the_rows_that_are_to_blame_fail() {
    let factorial = known(functions::math::factorial(), &[DataType::BigInt]);
    let rows: Vec<Vec<Value>> =
        [3, 21, 4].into_iter().map(|value| vec![Value::BigInt(value)]).collect();
    let found = results(factorial, &[DataType::BigInt], &rows);
    assert_eq!(found, ["6", "the function refused its arguments", "24"]);
}

#[test]
fn constants_are_folded_and_given_as_one_value() {
    let types = [DataType::Text, DataType::BigInt];
    let args = [
        Argument { data_type: DataType::Text, constant: None },
        Argument { data_type: DataType::BigInt, constant: Some(&Value::BigInt(2)) },
    ];
    let function = library(functions::string::repeat(), &args).unwrap();
    let schema = Schema::new(vec![Field::nullable("a", types[0])]).unwrap();
    let two = || Expr::Literal(Value::BigInt(2), types[1]);
    let call = |text| Expr::call(Function::Library(Arc::clone(&function)), vec![text, two()]);
    let folded = call(Expr::Literal(Value::text("ab"), DataType::Text));
    let program = Program::compile(&[folded, call(Expr::Column(0))], &schema).unwrap();
    assert_eq!(program.counts().library, 1);
    let input = [Column::of(DataType::Text, [&Value::text("x"), &Value::Null])];
    let (mut scratch, mut failures) = (program.scratch(), Failures::new());
    program.run(&input, 2, &mut scratch, &mut failures);
    assert_eq!(program.output(&scratch, &input, 0).value(1), Value::text("abab"));
    assert_eq!(program.output(&scratch, &input, 1).value(0), Value::text("xx"));
    assert!(program.output(&scratch, &input, 1).is_null(1));
}

#[test]
fn what_is_not_pure_or_takes_other_arguments_is_refused() {
    let state = |udf, args: &[DataType]| {
        let args: Vec<Argument<'_>> =
            args.iter().map(|of| Argument { data_type: *of, constant: None }).collect();
        library(udf, &args).unwrap_err().sqlstate
    };
    assert_eq!(state(functions::math::random(), &[]), "0A000");
    assert_eq!(state(functions::crypto::md5(), &[DataType::Text, DataType::Text]), "42883");
}

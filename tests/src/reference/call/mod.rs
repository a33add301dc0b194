//! Functions of one row: what each argument is, is looked at anew for every value.

mod choose;
mod nested;
mod number;
mod text;
mod time;

use sluicedb_sql::Value;
use sluicedb_sql::expr::{Expr, Function, Native};

use super::expr::{Computed, Failure, evaluate};

/// The row is to blame, whatever the reason is called.
const REFUSED: Failure = Failure::Row("the function refuses its arguments");

/// The value of a call over a row.
pub(super) fn call(function: &Function, args: &[Expr], row: &[Value]) -> Computed {
    let Function::Native(native) = function else {
        return Err(Failure::Unsupported(format!("function {}", function.name())));
    };
    if *native == Native::Coalesce {
        return choose::coalesce(args, row);
    }
    let mut values = Vec::new();
    for arg in args {
        values.push(evaluate(arg, row)?);
    }
    let known = values.iter().all(|value| !value.is_null());
    if native.is_strict() && !known {
        return Ok(Value::Null);
    }
    let families = [choose::call, text::call, number::call, time::call, nested::call];
    let found = families.iter().find_map(|family| family(*native, &values));
    found.unwrap_or_else(|| Err(Failure::Unsupported(format!("function {}", native.name()))))
}

fn text_of(value: &Value) -> &str {
    match value {
        Value::Text(text) => text,
        other => panic!("{other:?} is no text"),
    }
}

fn whole_of(value: &Value) -> i64 {
    match value {
        Value::BigInt(value) => *value,
        Value::Int(value) => i64::from(*value),
        other => panic!("{other:?} is no whole number"),
    }
}

fn double_of(value: &Value) -> f64 {
    match value {
        Value::Double(value) => *value,
        other => panic!("{other:?} is no double"),
    }
}

//! Functions that choose among values.

use sluicedb::core::hash::hash_rows;
use sluicedb_sql::expr::{Expr, Native};
use sluicedb_sql::{Column, DataType, Value};

use super::super::expr::{Computed, evaluate};

/// What is behind the first value that is not NULL does not matter.
pub(super) fn coalesce(args: &[Expr], row: &[Value]) -> Computed {
    for arg in args {
        let value = evaluate(arg, row)?;
        if !value.is_null() {
            return Ok(value);
        }
    }
    Ok(Value::Null)
}

pub(super) fn call(native: Native, args: &[Value]) -> Option<Computed> {
    let known = || args.iter().filter(|value| !value.is_null()).cloned();
    let truth = |value: bool| Value::Boolean(value);
    Some(Ok(match native {
        Native::Greatest => known().max().unwrap_or(Value::Null),
        Native::Least => known().min().unwrap_or(Value::Null),
        Native::NullIf if args[0] == args[1] => Value::Null,
        Native::NullIf => args[0].clone(),
        Native::Distinct => truth(args[0] != args[1]),
        Native::IsTrue => truth(args[0] == truth(true)),
        Native::IsFalse => truth(args[0] == truth(false)),
        Native::InList if args[0].is_null() => Value::Null,
        Native::InList if args[1..].contains(&args[0]) => truth(true),
        Native::InList if args[1..].contains(&Value::Null) => Value::Null,
        Native::InList => truth(false),
        Native::Hash64 => {
            let column =
                |value: &Value| Column::of(value.data_type().unwrap_or(DataType::Text), [value]);
            let columns: Vec<Column> = args.iter().map(column).collect();
            let mut hashes = Vec::new();
            hash_rows(columns.iter(), 1, &mut hashes);
            Value::BigInt(hashes[0] as i64)
        }
        _ => return None,
    }))
}

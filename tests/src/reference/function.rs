//! What a group computes of its rows.

use std::collections::BTreeSet;

use sluicedb_sql::limits::TEXT_BYTES_MAX;
use sluicedb_sql::plan::{AggregateFunction, Arguments, Call, CustomCall, Function};
use sluicedb_sql::{Column, DataType, Field, Schema, Value};

use super::Row;
use super::expr::{DIGITS_MAX, QUOTIENT_DIGITS};
use super::number::Number;
use super::statistics::{between, double, mode, moment, percentile, ranged, sketched};

/// The result of a call over the rows of a group, whose columns are those of `schema`; `None`
/// where it does not fit its type. `retracts` says that rows may have been taken back.
pub(super) fn result(call: &Call, schema: &Schema, rows: &[&Row], retracts: bool) -> Option<Value> {
    let passes =
        |row: &&&Row| call.filter.is_none_or(|filter| row.values[filter] == Value::Boolean(true));
    let rows: Vec<&Row> = rows.iter().filter(passes).copied().collect();
    if let Some(CustomCall { function, args }) = &call.custom {
        return custom(function, args, schema, &rows);
    }
    let Some(argument) = call.argument else { return Some(Value::BigInt(rows.len() as i64)) };
    let nulls = call.function == Function::ArrayAgg;
    let some = rows.iter().filter(|row| nulls || !row.values[argument].is_null());
    let mut values: Vec<&Value> = some.clone().map(|row| &row.values[argument]).collect();
    let data_type = schema.field(argument).data_type;
    if call.distinct {
        values.sort();
        values.dedup();
    }
    match call.function {
        Function::Custom => unreachable!("it was called above"),
        Function::CountRows | Function::Count => Some(Value::BigInt(values.len() as i64)),
        Function::ApproxDistinct => {
            let exact = || values.iter().collect::<BTreeSet<_>>().len() as i64;
            let count = if retracts { exact() } else { sketched(&values, data_type) };
            Some(Value::BigInt(count))
        }
        Function::Moment(kind) => moment(call, kind, &rows),
        _ if values.is_empty() => Some(Value::Null),
        Function::Sum => sum(&values, data_type),
        Function::Avg => average(&values, data_type),
        Function::Min | Function::BoolAnd => values.into_iter().min().cloned(),
        Function::Max | Function::BoolOr => values.into_iter().max().cloned(),
        Function::First | Function::Last => {
            let order = call.order.expect("the builder asks for an order");
            let placed = some.filter(|row| !row.values[order].is_null());
            let placed = placed.map(|row| (&row.values[order], row.tie, &row.values[argument]));
            let found = if call.function == Function::First { placed.min() } else { placed.max() };
            Some(found.map_or(Value::Null, |(_, _, value)| value.clone()))
        }
        Function::StringAgg => {
            let values = listed(call, argument, some.copied().collect(), &values);
            let texts: Vec<String> = values.into_iter().map(Value::to_string).collect();
            let text = texts.join(&call.separator);
            (text.len() <= TEXT_BYTES_MAX).then(|| Value::text(&text))
        }
        Function::ArrayAgg => {
            let values = listed(call, argument, some.copied().collect(), &values);
            Value::array(data_type, values.into_iter().cloned().collect()).ok()
        }
        Function::PercentileCont(_)
        | Function::PercentileDisc(_)
        | Function::ApproxPercentile(_)
        | Function::Mode => Some(ranked(call, values, retracts)),
    }
}

/// What a function of the application's gives for rows, one after the other.
fn custom(
    function: &AggregateFunction,
    args: &[usize],
    schema: &Schema,
    rows: &[&Row],
) -> Option<Value> {
    let column = |(at, field): (usize, &Field)| {
        Column::of(field.data_type, rows.iter().map(|row| &row.values[at]))
    };
    let columns: Vec<Column> = schema.fields().iter().enumerate().map(column).collect();
    let (mut state, mut fresh) = (vec![0; function.body.state_bytes()], true);
    for row in 0..rows.len() {
        let args = Arguments::new(&columns, args, row);
        if function.body.takes(args) {
            function.update(&mut state, fresh, args, 1).ok()?;
            fresh = false;
        }
    }
    function.finish((!fresh).then_some(&state)).ok()
}

fn ranked(call: &Call, mut values: Vec<&Value>, retracts: bool) -> Value {
    values.sort();
    if call.descending {
        values.reverse();
    }
    match call.function {
        Function::PercentileCont(part) => between(&values, part),
        Function::PercentileDisc(part) => percentile(&values, part),
        Function::ApproxPercentile(part) => {
            let number = double(&percentile(&values, part));
            Value::Double(if retracts { number } else { ranged(number) })
        }
        _ => mode(&values),
    }
}

/// The values in the order of the call; `distinct` are those that differ, in order.
fn listed<'a>(
    call: &Call,
    argument: usize,
    mut rows: Vec<&'a Row>,
    distinct: &[&'a Value],
) -> Vec<&'a Value> {
    let order = |row: &Row| call.order.map(|order| row.values[order].clone());
    rows.sort_by_cached_key(|row| (row.tie, row.values[argument].clone()));
    rows.sort_by(|left, right| {
        let by_order = order(left).cmp(&order(right));
        if call.descending { by_order.reverse() } else { by_order }
    });
    if !call.distinct {
        return rows.iter().map(|row| &row.values[argument]).collect();
    }
    let mut values = distinct.to_vec();
    if call.descending {
        values.reverse();
    }
    values
}

fn sum(values: &[&Value], data_type: DataType) -> Option<Value> {
    match data_type {
        DataType::Double => Some(Value::Double(double_sum(values))),
        DataType::Int => {
            let sum = exact_sum(values).units(DIGITS_MAX)?;
            i64::try_from(sum).map(Value::BigInt).ok()
        }
        DataType::BigInt => {
            let units = exact_sum(values).units(DIGITS_MAX)?;
            Some(Value::Decimal { units, scale: 0 })
        }
        DataType::Decimal { scale, .. } => {
            let units = exact_sum(values).units(DIGITS_MAX)?;
            Some(Value::Decimal { units, scale })
        }
        other => unreachable!("the builder refuses SUM of {other}"),
    }
}

fn average(values: &[&Value], data_type: DataType) -> Option<Value> {
    let scale = match data_type {
        DataType::Double => {
            return Some(Value::Double(double_sum(values) / values.len() as f64));
        }
        DataType::Decimal { scale, .. } => scale,
        _ => 0,
    };
    let to = scale.max(QUOTIENT_DIGITS);
    let sum = exact_sum(values).rescaled(scale, to);
    let units = sum.divided_rounded(&Number::of(values.len() as i128)).units(DIGITS_MAX)?;
    Some(Value::Decimal { units, scale: to })
}

/// The sum of integers, or of the units of decimals of one scale.
fn exact_sum(values: &[&Value]) -> Number {
    values.iter().fold(Number::ZERO, |sum, value| match value {
        Value::Int(value) => sum.plus(&Number::of(i128::from(*value))),
        Value::BigInt(value) => sum.plus(&Number::of(i128::from(*value))),
        Value::Decimal { units, .. } => sum.plus(&Number::of(*units)),
        other => unreachable!("the builder refuses sums of {other}"),
    })
}

/// The sum of doubles in the order given. Workloads sum doubles only where every order gives the
/// same: multiples of a fraction of 2 that are far below 2^53 of them.
fn double_sum(values: &[&Value]) -> f64 {
    values.iter().fold(0.0, |sum, value| match value {
        Value::Double(value) => sum + value,
        other => unreachable!("{other} is no double"),
    })
}

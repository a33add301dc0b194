//! The obvious evaluator: all results from all rows, with nothing shared but the value types.

use std::collections::BTreeMap;

use sluicedb_sql::plan::{Call, Function, Window};
use sluicedb_sql::{DataType, Value};

use super::{AggregateOptions, Delta, Sum, WindowOptions, add};
use crate::core::ids::Time;

/// What should have come out.
pub(super) struct Expected {
    pub(super) results: Sum,
    pub(super) late: Sum,
    pub(super) late_rows: u64,
    pub(super) untimed: u64,
}

/// A window, or none, and the key.
type Key = (Option<(i64, i64)>, Vec<Value>);

pub(super) fn evaluate(options: &AggregateOptions, given: &[Delta], watermark: Time) -> Expected {
    let mut expected = Expected { results: Sum::new(), late: Sum::new(), late_rows: 0, untimed: 0 };
    let mut groups: BTreeMap<Key, Vec<&Delta>> = BTreeMap::new();
    if options.window.is_none() && options.keys.is_empty() {
        groups.insert((None, Vec::new()), Vec::new());
    }
    for delta in given {
        let key: Vec<Value> = options.keys.iter().map(|&key| delta.values[key].clone()).collect();
        let Some(window) = &options.window else {
            groups.entry((None, key)).or_default().push(delta);
            continue;
        };
        let Some(all) = windows_of(&window.window, delta) else {
            expected.untimed += 1;
            continue;
        };
        let entered = limit(window, delta.behind);
        let taken: Vec<_> = all
            .into_iter()
            .filter(|&(start, end)| {
                let end = if window.window.is_session() { start + 1 } else { end };
                i128::from(end) + i128::from(window.allowed_lateness_us) > entered
            })
            .collect();
        if taken.is_empty() {
            expected.late_rows += 1;
            add(&mut expected.late, delta.values.clone(), delta.weight);
        }
        for window in taken {
            groups.entry((Some(window), key.clone())).or_default().push(delta);
        }
    }
    if let Some(Window::Session { time, gap_us }) = options.window.as_ref().map(|own| &own.window) {
        groups = sessions(groups, *time, *gap_us);
    }
    for ((window, key), deltas) in groups {
        if let (Some((_, end)), Some(options)) = (window, &options.window)
            && options.on_close
            && i128::from(end) > limit(options, watermark)
        {
            continue;
        }
        let Some(calls) = results(options, &deltas, window.is_none() && key.is_empty()) else {
            continue;
        };
        let mut row = Vec::new();
        if let Some((start, end)) = window {
            row.extend([Value::Timestamp(start), Value::Timestamp(end)]);
        }
        row.extend(key);
        row.extend(calls);
        add(&mut expected.results, row, 1);
    }
    expected
}

/// Puts rows of one key together while they are less than a gap apart. Rows that were taken back
/// hold nothing together.
fn sessions(
    rows: BTreeMap<Key, Vec<&Delta>>,
    time: usize,
    gap_us: i64,
) -> BTreeMap<Key, Vec<&Delta>> {
    let mut keys: BTreeMap<Vec<Value>, BTreeMap<i64, Vec<&Delta>>> = BTreeMap::new();
    for ((_, key), deltas) in rows {
        for delta in deltas {
            let Value::Timestamp(at) = delta.values[time] else { unreachable!() };
            keys.entry(key.clone()).or_default().entry(at).or_default().push(delta);
        }
    }
    keys.values_mut().flat_map(BTreeMap::values_mut).for_each(drop_pairs);
    let mut groups: BTreeMap<Key, Vec<&Delta>> = BTreeMap::new();
    for (key, mut moments) in keys {
        moments.retain(|_, deltas| !deltas.is_empty());
        let moments: Vec<(i64, Vec<&Delta>)> = moments.into_iter().collect();
        for session in moments.chunk_by(|left, right| right.0.abs_diff(left.0) < gap_us as u64) {
            let span = (session[0].0, session[session.len() - 1].0 + gap_us);
            let deltas = session.iter().flat_map(|(_, deltas)| deltas.iter().copied()).collect();
            groups.insert((Some(span), key.clone()), deltas);
        }
    }
    groups
}

/// Leaves out the rows of one moment that were taken back as often as they came.
fn drop_pairs(deltas: &mut Vec<&Delta>) {
    let row = |delta: &Delta| format!("{:?} {}", delta.values, delta.tie);
    let mut weights: BTreeMap<String, i64> = BTreeMap::new();
    for delta in deltas.iter() {
        *weights.entry(row(delta)).or_default() += delta.weight;
    }
    deltas.retain(|delta| weights[&row(delta)] != 0);
}

/// The windows of a row; none where it has no time that they can hold.
fn windows_of(window: &Window, delta: &Delta) -> Option<Vec<(i64, i64)>> {
    let Value::Timestamp(time) = delta.values[*window.time()] else { return None };
    let (size, slide) = (i128::from(window.size_us()), i128::from(window.slide_us()));
    let (time, offset) = (i128::from(time), i128::from(window.offset_us()));
    if window.is_session() {
        let start = i64::try_from(time).ok()?;
        return Some(vec![(start, start.checked_add(window.size_us())?)]);
    }
    if let Window::Cumulate { .. } = window {
        let start = time - (time - offset).rem_euclid(size);
        let ends = (1..=size / slide).map(|steps| start + steps * slide);
        let spans = ends.filter(|end| *end > time).map(|end| (start, end));
        let span = |(start, end)| Some((i64::try_from(start).ok()?, i64::try_from(end).ok()?));
        return spans.map(span).collect();
    }
    let mut start = time - (time - offset).rem_euclid(slide);
    let mut all = Vec::new();
    while start + size > time {
        all.push((i64::try_from(start).ok()?, i64::try_from(start + size).ok()?));
        start -= slide;
    }
    Some(all)
}

fn limit(window: &WindowOptions, time: Time) -> i128 {
    match (window.lag_us, time) {
        (None, _) | (_, Time::MIN) => i128::MIN,
        (_, Time::MAX) => i128::MAX,
        (Some(lag), Time(us)) => i128::from(us) - i128::from(lag),
    }
}

/// The results of a group; none where it has no row.
fn results(options: &AggregateOptions, deltas: &[&Delta], global: bool) -> Option<Vec<Value>> {
    let rows: i64 = deltas.iter().map(|delta| delta.weight).sum();
    if rows <= 0 && !global {
        return None;
    }
    options.calls.iter().map(|call| result(options, call, deltas, rows)).collect()
}

/// The values of the rows that are there, in the order of the call.
fn present(call: &Call, argument: usize, deltas: &[&Delta]) -> Vec<Value> {
    let mut rows: BTreeMap<(Option<Value>, u128, Value), i64> = BTreeMap::new();
    let timed = matches!(call.function, Function::First | Function::Last);
    let array = call.function == Function::ArrayAgg;
    let listed = array || call.function == Function::StringAgg;
    let by_value = call.distinct || call.order == Some(argument);
    for delta in deltas {
        let value = delta.values[argument].clone();
        let order = call.order.map(|order| delta.values[order].clone());
        if value.is_null() && !array || timed && order.as_ref().is_some_and(Value::is_null) {
            continue;
        }
        let (order, tie) = match by_value {
            true => (None, 0),
            false => (order, if timed || listed { delta.tie } else { 0 }),
        };
        *rows.entry((order, tie, value)).or_default() += delta.weight;
    }
    let mut rows: Vec<_> = rows.into_iter().collect();
    if call.descending && by_value {
        rows.reverse();
    } else if call.descending && listed {
        rows.sort_by(|((left, ..), _), ((right, ..), _)| right.cmp(left));
    }
    let mut values = Vec::new();
    for ((_, _, value), count) in rows {
        assert!(count >= 0, "the twin is asked while a retraction waits for its row");
        values.extend(std::iter::repeat_n(value, count as usize));
    }
    values
}

fn result(options: &AggregateOptions, call: &Call, deltas: &[&Delta], rows: i64) -> Option<Value> {
    let passes = |delta: &&&Delta| match call.filter {
        Some(filter) => delta.values[filter] == Value::Boolean(true),
        None => true,
    };
    let kept: Vec<&Delta> = deltas.iter().filter(passes).copied().collect();
    let deltas = &kept[..];
    if let Some(custom) = &call.custom {
        return super::squares::result(custom.args[0], deltas);
    }
    let Some(argument) = call.argument else {
        let kept = deltas.iter().map(|delta| delta.weight).sum();
        return Some(Value::BigInt(if call.filter.is_some() { kept } else { rows }));
    };
    if let Function::Moment(moment) = call.function {
        return super::statistics::moment(call, moment, &options.input, deltas);
    }
    let mut values = present(call, argument, deltas);
    if call.distinct || call.function == Function::ApproxDistinct {
        values.dedup();
    }
    let count = values.len();
    if matches!(call.function, Function::Count | Function::ApproxDistinct) {
        return Some(Value::BigInt(count as i64));
    }
    if count == 0 {
        return Some(Value::Null);
    }
    match call.function {
        Function::CountRows | Function::Count | Function::Custom => unreachable!(),
        Function::Min | Function::First => Some(values[0].clone()),
        Function::Max | Function::Last => Some(values[count - 1].clone()),
        Function::BoolAnd => Some(values[0].clone()),
        Function::BoolOr => Some(values[count - 1].clone()),
        Function::ArrayAgg => Some(Value::array(options.input[argument], values).unwrap()),
        Function::StringAgg => {
            let texts: Vec<String> = values.iter().map(Value::to_string).collect();
            let text = texts.join(&call.separator);
            (text.len() <= crate::core::limits::TEXT_BYTES_MAX).then(|| Value::text(&text))
        }
        Function::PercentileDisc(_)
        | Function::PercentileCont(_)
        | Function::Mode
        | Function::ApproxPercentile(_) => {
            let rounds = !options.retracts;
            Some(super::statistics::ranked(call, values, rounds))
        }
        Function::ApproxDistinct | Function::Moment(_) => unreachable!("worked out above"),
        Function::Sum | Function::Avg => {
            let mean = call.function == Function::Avg;
            let input = options.input[argument];
            let output = call.function.result_type(input).unwrap();
            match output {
                DataType::Double => sum_doubles(&values, mean),
                _ => sum_exact(&values, input, output, mean),
            }
        }
    }
}

fn sum_doubles(values: &[Value], mean: bool) -> Option<Value> {
    let doubles = values.iter().map(|value| match value {
        Value::Double(value) => *value,
        other => panic!("{other:?} is no double"),
    });
    let finite = doubles.clone().all(f64::is_finite);
    // Largest first, so that what cancels does so before the small ones come.
    let mut sorted: Vec<f64> = doubles.collect();
    sorted.sort_by(|left, right| right.abs().total_cmp(&left.abs()));
    let sum: f64 = sorted.iter().sum();
    if finite && !sum.is_finite() {
        return None;
    }
    Some(Value::Double(if mean { sum / values.len() as f64 } else { sum }))
}

fn sum_exact(values: &[Value], input: DataType, output: DataType, mean: bool) -> Option<Value> {
    const HALF: i128 = 10_i128.pow(19);
    let (mut high, mut low) = (0_i128, 0_i128);
    for value in values {
        let units = match value {
            Value::Int(value) => i128::from(*value),
            Value::BigInt(value) => i128::from(*value),
            Value::Decimal { units, .. } => *units,
            other => panic!("{other:?} is no number"),
        };
        high += units / HALF;
        low += units % HALF;
    }
    let sum = high.checked_mul(HALF).and_then(|high| high.checked_add(low));
    let scale = |data_type| match data_type {
        DataType::Decimal { scale, .. } => u32::from(scale),
        _ => 0,
    };
    let result = if mean {
        // The columns whose mean is taken hold numbers small enough for this.
        let sum = sum.unwrap() * 10_i128.pow(scale(output) - scale(input));
        let count = values.len() as i128;
        let (quotient, rest) = (sum / count, sum % count);
        quotient + if rest.abs() * 2 >= count { sum.signum() } else { 0 }
    } else {
        sum?
    };
    match output {
        DataType::BigInt => i64::try_from(result).ok().map(Value::BigInt),
        DataType::Decimal { scale, .. } if result.abs() < 10_i128.pow(38) => {
            Some(Value::Decimal { units: result, scale })
        }
        _ => None,
    }
}

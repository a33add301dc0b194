//! The obvious percentiles and moments, of all values at once.

use sluicedb_sql::plan::{Call, Function, Moment};
use sluicedb_sql::{DataType, Value, decimal};

use super::Delta;

/// A percentile or mode of values in their order. `rounds` says that approximations are rounded.
pub(super) fn ranked(call: &Call, mut values: Vec<Value>, rounds: bool) -> Value {
    if call.descending {
        values.reverse();
    }
    let last = values.len() - 1;
    let disc = |part: f64| {
        let rank = (part * values.len() as f64).ceil().max(1.0) as usize - 1;
        values[rank.min(last)].clone()
    };
    match call.function {
        Function::PercentileDisc(part) => disc(part.get()),
        Function::ApproxPercentile(part) => {
            let number = number(&disc(part.get()));
            if !rounds || number == 0.0 || !number.is_finite() {
                return Value::Double(number);
            }
            // The middle of one of 64 ranges between two powers of two.
            let mut power = 1.0;
            while number.abs() >= power * 2.0 {
                power *= 2.0;
            }
            while number.abs() < power {
                power /= 2.0;
            }
            let middle = ((number.abs() / power * 64.0).floor() + 0.5) / 64.0 * power;
            Value::Double(if number < 0.0 { -middle } else { middle })
        }
        Function::PercentileCont(part) => {
            let place = part.get() * last as f64;
            let at = |place: f64| number(&values[place as usize]);
            let (low, high) = (at(place.floor()), at(place.ceil()));
            let same = low == high || place.floor() == place.ceil();
            Value::Double(if same { low } else { low + (high - low) * (place - place.floor()) })
        }
        Function::Mode => {
            let count = |value: &Value| values.iter().filter(|other| *other == value).count();
            let most = values.iter().map(count).max();
            values.iter().find(|value| Some(count(value)) == most).expect("there are some").clone()
        }
        other => unreachable!("{other} has no rank"),
    }
}

/// A number as a double.
fn number(value: &Value) -> f64 {
    match value {
        Value::Int(value) => f64::from(*value),
        Value::BigInt(value) => *value as f64,
        Value::Double(value) => *value,
        Value::Decimal { units, scale } => decimal::to_f64(*units, *scale),
        other => panic!("{other} is no number"),
    }
}

/// A moment; none where it does not fit. Sums are taken in whole eighths, which the rows of the
/// tests are multiples of where moments are asked for.
pub(super) fn moment(
    call: &Call,
    moment: Moment,
    input: &[DataType],
    deltas: &[&Delta],
) -> Option<Value> {
    let y = call.argument.expect("a moment has an argument");
    let x = call.second.unwrap_or(y);
    assert!(input[x].is_numeric() && input[y].is_numeric());
    let some = |delta: &&&Delta| !delta.values[y].is_null() && !delta.values[x].is_null();
    let mut pairs: Vec<(f64, f64, i64)> = Vec::new();
    for delta in deltas.iter().filter(some) {
        let pair = (number(&delta.values[y]), number(&delta.values[x]));
        let same = |(y, x, _): &&mut (f64, f64, i64)| {
            y.total_cmp(&pair.0).is_eq() && x.total_cmp(&pair.1).is_eq()
        };
        match pairs.iter_mut().find(same) {
            Some((.., weight)) => *weight += delta.weight,
            None => pairs.push((pair.0, pair.1, delta.weight)),
        }
    }
    pairs.retain(|(.., weight)| *weight != 0);
    if call.distinct {
        pairs.sort_by(|left, right| left.0.total_cmp(&right.0));
        pairs.iter_mut().for_each(|pair| pair.2 = 1);
        // Both zeros are one value.
        pairs.dedup_by(|left, right| left.0 == right.0 || left.0.is_nan() && right.0.is_nan());
    }
    let n: i64 = pairs.iter().map(|(.., weight)| weight).sum();
    let sampled = matches!(moment, Moment::VarSamp | Moment::StddevSamp | Moment::CovarSamp);
    if n < if sampled { 2 } else { 1 } {
        return Some(Value::Null);
    }
    if pairs.iter().any(|(y, x, _)| !y.is_finite() || !x.is_finite()) {
        return Some(Value::Double(f64::NAN));
    }
    let eighths = |value: f64| (value * 8.0).round() as i128;
    let sum = |of: &dyn Fn(i128, i128) -> i128| -> i128 {
        pairs.iter().map(|&(y, x, weight)| of(eighths(y), eighths(x)) * i128::from(weight)).sum()
    };
    let (sy, sx) = (sum(&|y, _| y), sum(&|_, x| x));
    let count = i128::from(n);
    let spread = |product: i128, squares: i128| (count * product - squares) as f64 / 64.0;
    let yy = spread(sum(&|y, _| y * y), sy * sy);
    let xx = spread(sum(&|_, x| x * x), sx * sx);
    let xy = spread(sum(&|y, x| y * x), sy * sx);
    let (n, mean) = (n as f64, |sum: i128| sum as f64 / 8.0 / n as f64);
    let correlation = (yy != 0.0 && xx != 0.0).then(|| xy / (xx.sqrt() * yy.sqrt()));
    let slope = (xx != 0.0).then(|| xy / xx);
    let result = match moment {
        Moment::VarPop => Some(yy / (n * n)),
        Moment::VarSamp => Some(yy / (n * (n - 1.0))),
        Moment::StddevPop => Some((yy / (n * n)).sqrt()),
        Moment::StddevSamp => Some((yy / (n * (n - 1.0))).sqrt()),
        Moment::CovarPop => Some(xy / (n * n)),
        Moment::CovarSamp => Some(xy / (n * (n - 1.0))),
        Moment::Corr => correlation.map(|part| part.clamp(-1.0, 1.0)),
        Moment::RegrSlope => slope,
        Moment::RegrIntercept => slope.map(|slope| mean(sy) - slope * mean(sx)),
        Moment::RegrR2 if xx == 0.0 => None,
        Moment::RegrR2 if yy == 0.0 => Some(1.0),
        Moment::RegrR2 => correlation.map(|part| part.clamp(-1.0, 1.0).powi(2)),
    };
    Some(result.map_or(Value::Null, Value::Double))
}

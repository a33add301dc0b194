//! Whether two results say the same.

use std::cmp::Ordering;

use sluicedb_sql::Value;

/// How exactly the values of a column must agree.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Check {
    /// As they are; numbers by what they mean, whatever their type.
    Exact,
    /// Within 1e-12 of a sum of magnitudes.
    Sum,
    /// The root of what is within 1e-12 of such a sum.
    Root,
    /// Within this part of the value, or of one.
    Near(f64),
    /// A number of different values, estimated: a standard error of 1.6 %, five times.
    Distinct,
}

/// What is relative to the sum of magnitudes.
const EXACTNESS: f64 = 1e-12;

/// A row, and what the other side says about how exact its values can be.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) values: Vec<Value>,
    /// By column, where its check asks for it.
    pub(super) scales: Vec<Option<f64>>,
}

impl Row {
    pub(super) fn plain(values: Vec<Value>) -> Row {
        Row { scales: vec![None; values.len()], values }
    }

    /// Takes the scales off the end, in the order of the columns that have one.
    pub(super) fn with_scales(mut values: Vec<Value>, checks: &[Check]) -> Row {
        let mut found = values.split_off(checks.len()).into_iter();
        let scales = checks.iter().map(|check| match check {
            Check::Sum | Check::Root => found.next().and_then(|scale| number(&scale)),
            _ => None,
        });
        Row { scales: scales.collect(), values }
    }
}

/// The first difference between two results, whose rows may be in any order.
pub(super) fn difference(ours: Vec<Row>, theirs: Vec<Row>, checks: &[Check]) -> Option<String> {
    if ours.len() != theirs.len() {
        return Some(format!("{} rows, and {} in the bounded result", ours.len(), theirs.len()));
    }
    let (ours, theirs) = (sorted(ours, checks), sorted(theirs, checks));
    ours.iter().zip(&theirs).find_map(|(ours, theirs)| {
        let mut cells = ours.values.iter().zip(&theirs.values).zip(checks).zip(&theirs.scales);
        let same =
            |(((ours, theirs), check), scale): (((&Value, &Value), &Check), &Option<f64>)| {
                agree(ours, theirs, *check, *scale)
            };
        let all = ours.values.len() == theirs.values.len() && cells.all(same);
        (!all).then(|| format!("{}\nand in the bounded result\n{}", text(ours), text(theirs)))
    })
}

/// A row as a line.
pub(super) fn text(row: &Row) -> String {
    let cells: Vec<String> = row.values.iter().map(Value::to_string).collect();
    format!("({})", cells.join(", "))
}

/// By what must be equal; of equals by the rest.
fn sorted(rows: Vec<Row>, checks: &[Check]) -> Vec<Row> {
    let mut keyed: Vec<(Vec<String>, Vec<f64>, Row)> = rows
        .into_iter()
        .map(|row| {
            let (mut exact, mut loose) = (Vec::new(), Vec::new());
            for (value, check) in row.values.iter().zip(checks) {
                match check {
                    Check::Exact => exact.push(canonical(value)),
                    _ => loose.push(number(value).unwrap_or(f64::MAX)),
                }
            }
            (exact, loose, row)
        })
        .collect();
    keyed.sort_by(|left, right| left.0.cmp(&right.0).then_with(|| by_number(&left.1, &right.1)));
    keyed.into_iter().map(|(_, _, row)| row).collect()
}

fn by_number(left: &[f64], right: &[f64]) -> Ordering {
    let first = left.iter().zip(right).map(|(left, right)| left.total_cmp(right));
    first.into_iter().find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

/// The text that values which mean the same share.
fn canonical(value: &Value) -> String {
    match value {
        Value::SmallInt(_) | Value::Int(_) | Value::BigInt(_) => value.to_string(),
        Value::Decimal { .. } => {
            let text = value.to_string();
            match text.contains('.') {
                true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
                false => text,
            }
        }
        // A whole number is one whatever its type.
        Value::Real(of) => float(f64::from(*of)),
        Value::Double(of) => float(*of),
        other => other.to_string(),
    }
}

fn float(of: f64) -> String {
    if of == 0.0 { "0".to_owned() } else { format!("{of}") }
}

fn number(value: &Value) -> Option<f64> {
    Some(match value {
        Value::SmallInt(of) => f64::from(*of),
        Value::Int(of) => f64::from(*of),
        Value::BigInt(of) => *of as f64,
        Value::Real(of) => f64::from(*of),
        Value::Double(of) => *of,
        Value::Decimal { units, scale } => *units as f64 / 10_f64.powi(i32::from(*scale)),
        _ => return None,
    })
}

/// What a decimal cannot say of a quotient: it is rounded to its last digit.
fn rounding(value: &Value) -> f64 {
    match value {
        Value::Decimal { scale, .. } => 0.51 * 10_f64.powi(-i32::from(*scale)),
        Value::Real(of) => f64::from(of.abs()) * 1e-6,
        _ => 0.0,
    }
}

fn agree(ours: &Value, theirs: &Value, check: Check, scale: Option<f64>) -> bool {
    if check == Check::Exact || ours.is_null() || theirs.is_null() {
        return canonical(ours) == canonical(theirs);
    }
    let (Some(left), Some(right)) = (number(ours), number(theirs)) else { return false };
    if left.is_nan() || right.is_nan() {
        return left.is_nan() && right.is_nan();
    }
    let scale = scale.unwrap_or(0.0).max(1.0);
    match check {
        Check::Exact => unreachable!("looked at above"),
        Check::Sum => (left - right).abs() <= EXACTNESS * scale + rounding(ours),
        Check::Root => (left * left - right * right).abs() <= EXACTNESS * scale,
        Check::Near(part) => (left - right).abs() <= part * right.abs().max(1.0) + rounding(ours),
        Check::Distinct => (left - right).abs() <= (5.0 * 0.016 * right).max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn differ(ours: Value, theirs: Value, check: Check, scale: f64) -> bool {
        !agree(&ours, &theirs, check, Some(scale))
    }

    #[test]
    fn numbers_are_compared_by_what_they_mean() {
        let decimal = Value::Decimal { units: 1500, scale: 3 };
        assert!(!differ(decimal.clone(), Value::Double(1.5), Check::Exact, 0.0));
        assert!(!differ(Value::Int(7), Value::BigInt(7), Check::Exact, 0.0));
        assert!(differ(decimal, Value::Double(1.51), Check::Exact, 0.0));
        assert!(differ(Value::Null, Value::Int(0), Check::Near(1.0), 0.0));
    }

    #[test]
    fn sums_of_floats_agree_within_their_magnitude_and_no_further() {
        let (one, other) = (Value::Double(1.0), Value::Double(1.0 + 1e-7));
        assert!(!differ(one.clone(), other.clone(), Check::Sum, 1e6));
        assert!(differ(one, other, Check::Sum, 1e4));
    }

    #[test]
    fn rows_are_found_whatever_their_order_and_counted() {
        let rows = |of: &[i32]| -> Vec<Row> {
            of.iter().map(|value| Row::plain(vec![Value::Int(*value)])).collect()
        };
        assert_eq!(difference(rows(&[1, 2, 2]), rows(&[2, 1, 2]), &[Check::Exact]), None);
        assert!(difference(rows(&[1, 1, 2]), rows(&[2, 1, 2]), &[Check::Exact]).is_some());
        assert!(difference(rows(&[1]), rows(&[1, 1]), &[Check::Exact]).is_some());
    }
}

//! Percentiles, moments and approximations, from all values at once.

use std::collections::{BTreeMap, BTreeSet};

use sluicedb::core::hash::hash_rows;
use sluicedb_sql::plan::{Call, Fraction, Moment};
use sluicedb_sql::{Column, DataType, Value};

use super::Row;
use super::number::Number;

/// A value of which so large a part of the values is not behind it; `values` are in order.
pub(super) fn percentile(values: &[&Value], part: Fraction) -> Value {
    let wanted = part.get() * values.len() as f64;
    let reached = (1..=values.len()).find(|count| *count as f64 >= wanted);
    values[reached.expect("all values are all") - 1].clone()
}

/// What lies at so large a part of the way from the first value to the last.
pub(super) fn between(values: &[&Value], part: Fraction) -> Value {
    let place = part.get() * (values.len() - 1) as f64;
    let low = double(values[place.floor() as usize]);
    let high = double(values[place.ceil() as usize]);
    let whole = place.floor() == place.ceil();
    let way = place - place.floor();
    Value::Double(if whole || low == high { low } else { low + (high - low) * way })
}

/// The most frequent of values in order, the first of several.
pub(super) fn mode(values: &[&Value]) -> Value {
    let mut counts: BTreeMap<&Value, usize> = BTreeMap::new();
    values.iter().for_each(|value| *counts.entry(value).or_default() += 1);
    let most = counts.values().max().copied();
    let found = values.iter().find(|value| Some(counts[*value]) == most);
    (*found.expect("there are values")).clone()
}

/// The middle of the range of a number: of 64 between two powers of two.
pub(super) fn ranged(number: f64) -> f64 {
    if number == 0.0 || !number.is_finite() {
        return number;
    }
    let mut power = 1.0;
    while number.abs() >= power * 2.0 {
        power *= 2.0;
    }
    while number.abs() < power {
        power /= 2.0;
    }
    let range = (number.abs() / power * 64.0).floor();
    (range + 0.5) / 64.0 * power * number.signum()
}

/// A number as the nearest double.
pub(super) fn double(value: &Value) -> f64 {
    match value {
        Value::Double(value) => *value,
        number => number.to_string().parse().expect("a number is written as digits"),
    }
}

/// How many values a HyperLogLog of 4096 registers sees.
pub(super) fn sketched(values: &[&Value], data_type: DataType) -> i64 {
    let values: BTreeSet<&Value> = values.iter().copied().collect();
    let mut registers = [0_u32; 4096];
    for value in values {
        let column = Column::of(data_type, std::iter::once(value));
        let mut hashes = Vec::new();
        hash_rows(std::iter::once(&column), 1, &mut hashes);
        let mixed = (hashes[0] ^ hashes[0] >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = mixed ^ mixed >> 32;
        let register = &mut registers[(mixed >> 52) as usize];
        let zeros = (mixed << 12).leading_zeros().min(52);
        *register = (*register).max(zeros + 1);
    }
    let with = |rank: u32| registers.iter().filter(|register| **register == rank).count() as f64;
    // Ertl's estimate; sigma and tau are sums that stop changing.
    let (full, empty) = (1.0 - with(53) / 4096.0, with(0) / 4096.0);
    let mut sum = 4096.0 * tau(full);
    for rank in (1..=52).rev() {
        sum = (sum + with(rank)) / 2.0;
    }
    sum += 4096.0 * sigma(empty);
    (4096.0 * 4096.0 / (2.0 * std::f64::consts::LN_2 * sum)).round() as i64
}

fn sigma(part: f64) -> f64 {
    if part == 1.0 {
        return f64::INFINITY;
    }
    let (mut sum, mut power, mut weight) = (part, part, 1.0);
    loop {
        power *= power;
        let before = sum;
        sum += power * weight;
        weight *= 2.0;
        if sum == before {
            return sum;
        }
    }
}

fn tau(part: f64) -> f64 {
    if part == 0.0 || part == 1.0 {
        return 0.0;
    }
    let (mut sum, mut root, mut weight) = (1.0 - part, part, 1.0);
    loop {
        root = root.sqrt();
        let before = sum;
        weight /= 2.0;
        sum -= (1.0 - root) * (1.0 - root) * weight;
        if sum == before {
            return sum / 3.0;
        }
    }
}

/// Pairs of numbers without rounding: whole numbers of `2^-digits`.
struct Pairs {
    ys: Vec<Number>,
    xs: Vec<Number>,
    digits: i32,
}

/// The moment of the rows of a group; none where it does not fit.
pub(super) fn moment(call: &Call, moment: Moment, rows: &[&Row]) -> Option<Value> {
    let y = call.argument.expect("a moment has an argument");
    let x = call.second.unwrap_or(y);
    let some = rows.iter().filter(|row| !row.values[y].is_null() && !row.values[x].is_null());
    let mut pairs: Vec<[&Value; 2]> = some.map(|row| [&row.values[y], &row.values[x]]).collect();
    if call.distinct {
        pairs.sort();
        pairs.dedup();
    }
    let pairs: Vec<[f64; 2]> = pairs.into_iter().map(|pair| pair.map(double)).collect();
    let sampled = matches!(moment, Moment::VarSamp | Moment::StddevSamp | Moment::CovarSamp);
    if pairs.len() < if sampled { 2 } else { 1 } {
        return Some(Value::Null);
    }
    if pairs.iter().flatten().any(|number| !number.is_finite()) {
        return Some(Value::Double(f64::NAN));
    }
    let result = Pairs::of(&pairs).moment(moment)?;
    Some(result.map_or(Value::Null, Value::Double))
}

impl Pairs {
    fn of(pairs: &[[f64; 2]]) -> Pairs {
        let scaled = |number: f64, digits: i32| number * 2_f64.powi(digits);
        let whole = |digits: i32| {
            let mut numbers = pairs.iter().flatten();
            numbers.all(|number| scaled(*number, digits).fract() == 0.0)
        };
        let digits = (0..400).find(|digits| whole(*digits));
        let digits = digits.expect("workloads have no smaller numbers");
        let numbers = |at: usize| {
            let text = |pair: &[f64; 2]| format!("{:.0}", scaled(pair[at], digits));
            let numbers = pairs.iter().map(|pair| Number::read(&text(pair)));
            numbers.collect::<Option<Vec<Number>>>().expect("a whole number is digits")
        };
        Pairs { ys: numbers(0), xs: numbers(1), digits }
    }

    /// `n * sum(left * right) - sum(left) * sum(right)`, rounded once.
    fn spread(&self, lefts: &[Number], rights: &[Number]) -> f64 {
        let count = Number::of(lefts.len() as i128);
        let products = lefts.iter().zip(rights);
        let products =
            products.fold(Number::ZERO, |sum, (left, right)| sum.plus(&left.times(right)));
        let squares = total(lefts).times(&total(rights));
        let spread = count.times(&products).plus(&squares.negated());
        nearest(&spread) * 2_f64.powi(-self.digits) * 2_f64.powi(-self.digits)
    }

    fn mean(&self, numbers: &[Number]) -> f64 {
        nearest(&total(numbers)) * 2_f64.powi(-self.digits) / numbers.len() as f64
    }

    /// None where it is beyond all doubles; `Some(None)` where there is no result.
    fn moment(&self, moment: Moment) -> Option<Option<f64>> {
        let n = self.ys.len() as f64;
        let yy = self.spread(&self.ys, &self.ys);
        let xx = self.spread(&self.xs, &self.xs);
        let xy = self.spread(&self.xs, &self.ys);
        let correlation =
            (yy != 0.0 && xx != 0.0).then(|| (xy / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0));
        let slope = (xx != 0.0).then(|| xy / xx);
        let result = match moment {
            Moment::VarPop => Some(yy / (n * n)),
            Moment::VarSamp => Some(yy / (n * (n - 1.0))),
            Moment::StddevPop => Some((yy / (n * n)).sqrt()),
            Moment::StddevSamp => Some((yy / (n * (n - 1.0))).sqrt()),
            Moment::CovarPop => Some(xy / (n * n)),
            Moment::CovarSamp => Some(xy / (n * (n - 1.0))),
            Moment::Corr => correlation,
            Moment::RegrSlope => slope,
            Moment::RegrIntercept => {
                slope.map(|slope| self.mean(&self.ys) - slope * self.mean(&self.xs))
            }
            Moment::RegrR2 if xx == 0.0 => None,
            Moment::RegrR2 if yy == 0.0 => Some(1.0),
            Moment::RegrR2 => correlation.map(|part| part * part),
        };
        if result.is_some_and(f64::is_infinite) { None } else { Some(result) }
    }
}

fn total(numbers: &[Number]) -> Number {
    numbers.iter().fold(Number::ZERO, |sum, number| sum.plus(number))
}

/// The nearest double.
fn nearest(number: &Number) -> f64 {
    number.to_string().parse().expect("digits are a number")
}

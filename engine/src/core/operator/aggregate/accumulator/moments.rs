//! Variances, covariances, correlation and regression: number, sums and sums of products.
//!
//! State: the number of rows, how many of them have a NaN or an infinity, how many a value of 2^400
//! or more; then the sums. Over input that can retract these have no rounding (`limbs`); over
//! other input each is three doubles, each being what the one before lost: nothing is rounded until
//! a sum needs more than 159 bits, so that what does not vary has a variance of zero.
//!
//! Either way the end is the same: `n * sum(xy) - sum(x) * sum(y)` is worked out without rounding
//! and rounded once.

use sluicedb_sql::plan::Moment;
use sluicedb_sql::{Column, DataType};

use super::limbs::{self, Big, PRODUCT_BYTES, SUM_BYTES, UNIT_BITS, Units};
use super::rows::{Numbers, Rows};
use super::{Store, add_i64, i64_at};

const ODD_AT: usize = 8;
const LARGE_AT: usize = 16;
const SUMS_AT: usize = 24;

/// Bytes of a sum that is three doubles.
const TRIPLE_BYTES: usize = 24;

/// A moment of one column or two.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moments {
    moment: Moment,
    y: (usize, DataType),
    /// The other column.
    x: Option<(usize, DataType)>,
    /// Whether values can be taken back.
    exact: bool,
}

/// The sums of a group: `y`, `yy`, and with a second column `x`, `xx` and `xy`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sum {
    Y,
    Yy,
    X,
    Xx,
    Xy,
}

const SUMS: [Sum; 5] = [Sum::Y, Sum::Yy, Sum::X, Sum::Xx, Sum::Xy];

impl Sum {
    fn is_product(self) -> bool {
        !matches!(self, Sum::X | Sum::Y)
    }

    /// Bytes of the sum where nothing is rounded.
    fn bytes(self) -> usize {
        if self.is_product() { PRODUCT_BYTES } else { SUM_BYTES }
    }

    /// The factors of what is summed.
    fn factors<T: Copy>(self, y: T, x: T) -> (T, Option<T>) {
        match self {
            Sum::Y => (y, None),
            Sum::Yy => (y, Some(y)),
            Sum::X => (x, None),
            Sum::Xx => (x, Some(x)),
            Sum::Xy => (x, Some(y)),
        }
    }
}

impl Moments {
    /// The moment of column `y`, or of `y` and `x`.
    pub(super) fn new(
        moment: Moment,
        input: &[DataType],
        y: usize,
        x: Option<usize>,
        exact: bool,
    ) -> Moments {
        assert_eq!(moment.takes_two(), x.is_some(), "the plan gives as many columns as it takes");
        Moments { moment, y: (y, input[y]), x: x.map(|x| (x, input[x])), exact }
    }

    fn sums(&self) -> &'static [Sum] {
        if self.x.is_some() { &SUMS } else { &SUMS[..2] }
    }

    /// Where a sum is in the state.
    fn at(&self, wanted: Sum) -> usize {
        let before = SUMS.iter().take_while(|sum| **sum != wanted);
        SUMS_AT
            + before.map(|sum| if self.exact { sum.bytes() } else { TRIPLE_BYTES }).sum::<usize>()
    }

    /// Bytes of the state.
    pub(super) fn bytes(&self) -> usize {
        let last = *self.sums().last().expect("there are sums");
        self.at(last) + if self.exact { last.bytes() } else { TRIPLE_BYTES }
    }

    pub(super) fn update(&self, store: &mut Store<'_>, rows: Rows<'_>) {
        let numbers =
            |(column, data_type): (usize, DataType)| Numbers::new(&rows.columns[column], data_type);
        let (ys, xs) = (numbers(self.y), numbers(self.x.unwrap_or(self.y)));
        for entry in rows.entries {
            let row = entry.row as usize;
            if let (Some(y), Some(x)) = (ys.get(row), xs.get(row)) {
                let state = &mut store.state_mut(entry.group)[..self.bytes()];
                self.add(state, y, x, rows.weight(row));
            }
        }
    }

    fn add(&self, state: &mut [u8], y: f64, x: f64, weight: i64) {
        add_i64(state, weight);
        if !y.is_finite() || !x.is_finite() {
            return add_i64(&mut state[ODD_AT..], weight);
        }
        if y.abs().max(x.abs()) >= 2_f64.powi(UNIT_BITS) {
            return add_i64(&mut state[LARGE_AT..], weight);
        }
        if !self.exact {
            for &sum in self.sums() {
                let added = match sum.factors(y, x) {
                    (value, None) => (value, 0.0),
                    (left, Some(right)) => two_product(left, right),
                };
                let at = self.at(sum);
                add_weighted(&mut state[at..at + TRIPLE_BYTES], added, weight);
            }
            return;
        }
        let (y, x) = (Units::of(y, UNIT_BITS), Units::of(x, UNIT_BITS));
        for &sum in self.sums() {
            let at = self.at(sum);
            let bytes = &mut state[at..at + sum.bytes()];
            match sum.factors(y, x) {
                (value, None) => limbs::add(bytes, value, weight),
                (left, Some(right)) => limbs::add_product(bytes, left, right, weight),
            }
        }
    }

    /// Adds one group's state to another's.
    pub(super) fn merge(&self, from: &[u8], into: &mut [u8]) {
        for at in [0, ODD_AT, LARGE_AT] {
            add_i64(&mut into[at..], i64_at(from, at));
        }
        for &sum in self.sums() {
            let at = self.at(sum);
            if self.exact {
                limbs::merge(&mut into[at..at + sum.bytes()], &from[at..at + sum.bytes()]);
            } else {
                for part in triple(&from[at..]) {
                    add_double(&mut into[at..at + TRIPLE_BYTES], part);
                }
            }
        }
    }

    /// Whether the result has a place among the doubles.
    pub(super) fn fits(&self, state: &[u8]) -> bool {
        let result = || self.result(state).is_none_or(|result| !result.is_infinite());
        i64_at(state, 0) >= 0 && i64_at(state, LARGE_AT) == 0 && result()
    }

    /// Appends the result.
    pub(super) fn push(&self, state: &[u8], out: &mut Column) {
        match self.result(state) {
            Some(result) => out.push_f64(result),
            None => out.push_null(),
        }
    }

    fn result(&self, state: &[u8]) -> Option<f64> {
        let count = i64_at(state, 0);
        let least = match self.moment {
            Moment::VarSamp | Moment::StddevSamp | Moment::CovarSamp => 2,
            _ => 1,
        };
        if count < least {
            return None;
        }
        if i64_at(state, ODD_AT) != 0 {
            return Some(f64::NAN);
        }
        let spread = |product, left, right| self.spread(state, product, left, right);
        let (all, others) = (count as f64 * count as f64, count as f64 * (count - 1) as f64);
        let (yy, xx, xy) = (
            || spread(Sum::Yy, Sum::Y, Sum::Y),
            || spread(Sum::Xx, Sum::X, Sum::X),
            || spread(Sum::Xy, Sum::X, Sum::Y),
        );
        let correlation = || {
            let (yy, xx) = (yy(), xx());
            let defined = yy != 0.0 && xx != 0.0;
            defined.then(|| (xy() / (xx.sqrt() * yy.sqrt())).clamp(-1.0, 1.0))
        };
        let slope = || Some(xx()).filter(|xx| *xx != 0.0).map(|xx| xy() / xx);
        match self.moment {
            Moment::VarPop => Some(yy() / all),
            Moment::VarSamp => Some(yy() / others),
            Moment::StddevPop => Some((yy() / all).sqrt()),
            Moment::StddevSamp => Some((yy() / others).sqrt()),
            Moment::CovarPop => Some(xy() / all),
            Moment::CovarSamp => Some(xy() / others),
            Moment::Corr => correlation(),
            Moment::RegrSlope => slope(),
            Moment::RegrIntercept => {
                let mean = |sum| self.sum(state, sum).round(UNIT_BITS) / count as f64;
                slope().map(|slope| mean(Sum::Y) - slope * mean(Sum::X))
            }
            // What does not vary is explained by anything that does.
            Moment::RegrR2 if yy() == 0.0 => slope().map(|_| 1.0),
            Moment::RegrR2 => correlation().map(|part| part * part),
        }
    }

    /// `n * product - left * right`, rounded once.
    fn spread(&self, state: &[u8], product: Sum, left: Sum, right: Sum) -> f64 {
        let count = i64_at(state, 0).unsigned_abs();
        let squares = self.sum(state, left).times(&self.sum(state, right));
        self.sum(state, product).scaled(count).minus(&squares).round(2 * UNIT_BITS)
    }

    fn sum(&self, state: &[u8], sum: Sum) -> Big {
        let at = self.at(sum);
        if self.exact {
            return Big::read(&state[at..at + sum.bytes()]);
        }
        let unit_bits = if sum.is_product() { 2 * UNIT_BITS } else { UNIT_BITS };
        let mut bytes = [0; PRODUCT_BYTES];
        let bytes = &mut bytes[..sum.bytes()];
        for part in triple(&state[at..]) {
            limbs::add(bytes, Units::of(part, unit_bits), 1);
        }
        Big::read(bytes)
    }
}

/// The product, and what rounding took from it.
fn two_product(left: f64, right: f64) -> (f64, f64) {
    let product = left * right;
    (product, left.mul_add(right, -product))
}

fn triple(state: &[u8]) -> [f64; 3] {
    [0, 8, 16].map(|at| f64::from_bits(i64_at(state, at) as u64))
}

/// Adds what two doubles add up to, so many times.
fn add_weighted(state: &mut [u8], (first, rest): (f64, f64), weight: i64) {
    if weight == 1 {
        add_double(state, first);
        return add_double(state, rest);
    }
    for part in [first, rest] {
        let (product, lost) = two_product(part, weight as f64);
        add_double(state, product);
        add_double(state, lost);
    }
}

/// Adds to a sum that is three doubles.
fn add_double(state: &mut [u8], value: f64) {
    let mut value = value;
    for bytes in state.chunks_exact_mut(8) {
        let own = f64::from_bits(i64_at(bytes, 0) as u64);
        let sum = own + value;
        let back = sum - own;
        value = (own - (sum - back)) + (value - back);
        bytes.copy_from_slice(&sum.to_le_bytes());
        if value == 0.0 {
            return;
        }
    }
}

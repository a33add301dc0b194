//! Whole numbers of any size, digit by digit as on paper.

use std::cmp::Ordering;
use std::fmt;

/// A sign and decimal digits.
///
/// Invariant: the last digit, which is the most significant, is not 0; zero has no digits and is
/// not negative.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number {
    negative: bool,
    /// Units first.
    digits: Vec<u8>,
}

impl Number {
    pub(super) const ZERO: Number = Number { negative: false, digits: Vec::new() };

    pub(super) fn of(value: i128) -> Number {
        Number::read(&value.to_string()).expect("a whole number is written as digits")
    }

    /// Reads digits with or without a sign before them.
    pub(super) fn read(text: &str) -> Option<Number> {
        let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
        let number = !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
        let values = digits.bytes().rev().map(|digit| digit - b'0').collect();
        number.then(|| Number::tidy(text.starts_with('-'), values))
    }

    fn tidy(negative: bool, mut digits: Vec<u8>) -> Number {
        while digits.last() == Some(&0) {
            digits.pop();
        }
        Number { negative: negative && !digits.is_empty(), digits }
    }

    pub(super) fn is_zero(&self) -> bool {
        self.digits.is_empty()
    }

    /// The number as units of a decimal, if it has at most `precision` digits.
    pub(super) fn units(&self, precision: u8) -> Option<i128> {
        if self.digits.len() > usize::from(precision) {
            return None;
        }
        let units =
            self.digits.iter().rev().fold(0, |units, digit| units * 10 + i128::from(*digit));
        Some(if self.negative { -units } else { units })
    }

    /// Times 10 to the power of `zeros`.
    pub(super) fn shifted(&self, zeros: u8) -> Number {
        let digits = [vec![0; usize::from(zeros)], self.digits.clone()].concat();
        Number::tidy(self.negative, digits)
    }

    pub(super) fn negated(&self) -> Number {
        Number::tidy(!self.negative, self.digits.clone())
    }

    pub(super) fn plus(&self, other: &Number) -> Number {
        if self.negative == other.negative {
            return Number::tidy(self.negative, add(&self.digits, &other.digits));
        }
        match compare(&self.digits, &other.digits) {
            Ordering::Less => Number::tidy(other.negative, subtract(&other.digits, &self.digits)),
            _ => Number::tidy(self.negative, subtract(&self.digits, &other.digits)),
        }
    }

    pub(super) fn times(&self, other: &Number) -> Number {
        let mut product = vec![0; self.digits.len() + other.digits.len() + 1];
        for (at, &left) in self.digits.iter().enumerate() {
            let mut carry = 0;
            for (over, digit) in product[at..].iter_mut().enumerate() {
                let right = other.digits.get(over).copied().unwrap_or(0);
                let sum = *digit + left * right + carry;
                (*digit, carry) = (sum % 10, sum / 10);
            }
        }
        Number::tidy(self.negative != other.negative, product)
    }

    /// The quotient towards zero and what is left, which has the sign of `self`.
    pub(super) fn divided(&self, divisor: &Number) -> (Number, Number) {
        assert!(!divisor.is_zero(), "callers look for zero first");
        let mut rest: Vec<u8> = Vec::new();
        let mut quotient = vec![0; self.digits.len()];
        for at in (0..self.digits.len()).rev() {
            rest.insert(0, self.digits[at]);
            rest = Number::tidy(false, rest).digits;
            while compare(&rest, &divisor.digits) != Ordering::Less {
                rest = Number::tidy(false, subtract(&rest, &divisor.digits)).digits;
                quotient[at] += 1;
            }
        }
        let negative = self.negative != divisor.negative;
        (Number::tidy(negative, quotient), Number::tidy(self.negative, rest))
    }

    /// The quotient, rounded half away from zero.
    pub(super) fn divided_rounded(&self, divisor: &Number) -> Number {
        let (quotient, rest) = self.divided(divisor);
        let twice = add(&rest.digits, &rest.digits);
        if compare(&Number::tidy(false, twice).digits, &divisor.digits) == Ordering::Less {
            return quotient;
        }
        let away = if self.negative == divisor.negative { 1 } else { -1 };
        quotient.plus(&Number::of(away))
    }

    /// A decimal's units at another scale, rounded half away from zero.
    pub(super) fn rescaled(&self, from: u8, to: u8) -> Number {
        if from <= to {
            self.shifted(to - from)
        } else {
            self.divided_rounded(&Number::of(1).shifted(from - to))
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits: String =
            self.digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect();
        f.pad_integral(!self.negative, "", if digits.is_empty() { "0" } else { &digits })
    }
}

/// The order of two numbers that are not negative and have no leading zeros.
fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let by_digit = || left.iter().rev().cmp(right.iter().rev());
    left.len().cmp(&right.len()).then_with(by_digit)
}

fn add(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut carry = 0;
    let digit = |at: usize| {
        let digits = left.get(at).unwrap_or(&0) + right.get(at).unwrap_or(&0) + carry;
        carry = digits / 10;
        digits % 10
    };
    (0..left.len().max(right.len()) + 1).map(digit).collect()
}

/// The difference, where `left` is not the smaller one.
fn subtract(left: &[u8], right: &[u8]) -> Vec<u8> {
    let mut borrowed = 0;
    let digit = |(at, digit): (usize, &u8)| {
        let taken = right.get(at).unwrap_or(&0) + borrowed;
        borrowed = u8::from(*digit < taken);
        digit + 10 * borrowed - taken
    };
    left.iter().enumerate().map(digit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers of every size and sign that fit half of 128 bits.
    fn some() -> Vec<i128> {
        let mut numbers = vec![0, 1, 5, 9, 10, 49, 50, 99, 100, 12345, i128::from(i64::MAX)];
        numbers.extend(numbers.clone().iter().map(|number| -number));
        numbers
    }

    #[test]
    fn small_numbers_compute_as_the_machine_does() {
        for left in some() {
            for right in some() {
                let (a, b) = (Number::of(left), Number::of(right));
                assert_eq!(a.plus(&b), Number::of(left + right), "{left} + {right}");
                assert_eq!(a.times(&b), Number::of(left * right), "{left} * {right}");
                if right != 0 {
                    let expected = (Number::of(left / right), Number::of(left % right));
                    assert_eq!(a.divided(&b), expected, "{left} / {right}");
                }
            }
        }
    }

    #[test]
    fn a_quotient_is_rounded_half_away_from_zero() {
        let rounded = |left, right| Number::of(left).divided_rounded(&Number::of(right)).units(38);
        assert_eq!(rounded(25, 10), Some(3));
        assert_eq!(rounded(-25, 10), Some(-3));
        assert_eq!(rounded(24, -10), Some(-2));
        assert_eq!(rounded(2, 3), Some(1));
    }

    #[test]
    fn a_number_may_be_larger_than_the_machine_has() {
        let large = Number::of(i128::MAX).times(&Number::of(i128::MAX));
        assert_eq!(large.units(38), None);
        assert_eq!(large.divided(&Number::of(i128::MAX)), (Number::of(i128::MAX), Number::ZERO));
        assert_eq!(large.plus(&large.negated()), Number::ZERO);
        assert_eq!(Number::of(7).rescaled(0, 40).rescaled(40, 0), Number::of(7));
    }
}

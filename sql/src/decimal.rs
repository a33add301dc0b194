//! Exact decimal arithmetic on units of 10^-scale in an `i128`.
//!
//! A result that needs more than 38 digits is `None`. Rounding is half away from zero, as in
//! PostgreSQL.

use std::cmp::Ordering;
use std::fmt::{self, Write as _};

use crate::short_text::ShortText;

/// Digits of the widest decimal.
pub const PRECISION_MAX: u8 = 38;

/// Digits behind the point that a quotient has at least.
pub const QUOTIENT_SCALE: u8 = 16;

const POWERS: [i128; 39] = {
    let mut powers = [1; 39];
    let mut index = 1;
    while index < powers.len() {
        powers[index] = powers[index - 1] * 10;
        index += 1;
    }
    powers
};

/// 10 to the power of `exponent`, which is at most 38.
pub fn power(exponent: u8) -> i128 {
    POWERS[usize::from(exponent)]
}

/// Whether `units` has at most `precision` digits.
pub fn fits(units: i128, precision: u8) -> bool {
    units.unsigned_abs() < power(precision).unsigned_abs()
}

fn fit(units: i128) -> Option<i128> {
    fits(units, PRECISION_MAX).then_some(units)
}

/// The order of two decimals of any scales; never overflows.
pub fn compare(left: i128, left_scale: u8, right: i128, right_scale: u8) -> Ordering {
    if left_scale == right_scale {
        return left.cmp(&right);
    }
    // Whole parts first; what is left of each is below 10^scale, so that it can be widened to the
    // larger scale without leaving 10^38. Both divisions truncate, so equal whole parts leave
    // remainders that order as the numbers do.
    let scale = left_scale.max(right_scale);
    let split = |units: i128, of: u8| {
        let unit = power(of);
        (units / unit, units % unit * power(scale - of))
    };
    split(left, left_scale).cmp(&split(right, right_scale))
}

/// The same number at another scale, rounded where digits are lost.
pub fn rescale(units: i128, from: u8, to: u8) -> Option<i128> {
    match from.cmp(&to) {
        Ordering::Equal => Some(units),
        Ordering::Less => units.checked_mul(power(to - from)).and_then(fit),
        Ordering::Greater => Some(divide_rounded(units, power(from - to))),
    }
}

/// `units / divisor` rounded half away from zero, for a positive divisor.
fn divide_rounded(units: i128, divisor: i128) -> i128 {
    let (quotient, rest) = (units / divisor, units % divisor);
    let up = rest.unsigned_abs() >= divisor.unsigned_abs().div_ceil(2);
    if up { quotient + units.signum() } else { quotient }
}

/// The sum at `scale`, the larger one of both. An operand too wide for that scale overflows.
pub fn add(left: i128, left_scale: u8, right: i128, right_scale: u8) -> Option<i128> {
    let scale = left_scale.max(right_scale);
    let sum = rescale(left, left_scale, scale)?.checked_add(rescale(right, right_scale, scale)?);
    sum.and_then(fit)
}

/// The remainder at the larger scale of both, with the sign of `left`; `right` is not zero.
pub fn remainder(left: i128, left_scale: u8, right: i128, right_scale: u8) -> Option<i128> {
    let scale = left_scale.max(right_scale);
    Some(rescale(left, left_scale, scale)? % rescale(right, right_scale, scale)?)
}

/// The product of two numbers whose scales add up to `scale`, brought to `min(scale, 38)` digits
/// behind the point.
pub fn multiply(left: i128, right: i128, scale: u8) -> Option<i128> {
    if scale <= PRECISION_MAX {
        return left.checked_mul(right).and_then(fit);
    }
    let divisor = power(scale - PRECISION_MAX).unsigned_abs();
    let (high, low) = left.unsigned_abs().widening(right.unsigned_abs());
    let (quotient, rest) = divide_wide(high, low, divisor)?;
    sign_and_round(quotient, rest, divisor, (left < 0) != (right < 0))
}

/// `left * 10^shift / right`, rounded; `right` is not zero.
pub fn divide(left: i128, right: i128, shift: u8) -> Option<i128> {
    let negative = (left < 0) != (right < 0);
    let (left, right) = (left.unsigned_abs(), right.unsigned_abs());
    // Long division, at most 38 digits at a time: what the first step leaves is the start of the
    // second.
    let (first, second) = (shift.min(PRECISION_MAX), shift - shift.min(PRECISION_MAX));
    let (high, low) = left.widening(power(first).unsigned_abs());
    let (mut quotient, mut rest) = divide_wide(high, low, right)?;
    if second > 0 {
        let factor = power(second).unsigned_abs();
        let (high, low) = rest.widening(factor);
        let (digits, last) = divide_wide(high, low, right)?;
        quotient = quotient.checked_mul(factor)?.checked_add(digits)?;
        rest = last;
    }
    sign_and_round(quotient, rest, right, negative)
}

fn sign_and_round(quotient: u128, rest: u128, divisor: u128, negative: bool) -> Option<i128> {
    let up = rest >= divisor.div_ceil(2);
    let units = i128::try_from(quotient.checked_add(u128::from(up))?).ok()?;
    fit(if negative { -units } else { units })
}

trait Widening {
    /// The product as its upper and lower half.
    fn widening(self, factor: u128) -> (u128, u128);
}

impl Widening for u128 {
    fn widening(self, factor: u128) -> (u128, u128) {
        const LOW: u128 = u64::MAX as u128;
        let (a, b, c, d) = (self >> 64, self & LOW, factor >> 64, factor & LOW);
        let (low, ad, bc) = (b * d, a * d, b * c);
        let middle = (low >> 64) + (ad & LOW) + (bc & LOW);
        (a * c + (ad >> 64) + (bc >> 64) + (middle >> 64), middle << 64 | low & LOW)
    }
}

/// Quotient and remainder of a 256-bit number; `None` where the quotient has more than 128 bits.
fn divide_wide(high: u128, low: u128, divisor: u128) -> Option<(u128, u128)> {
    assert!(divisor != 0, "callers report a zero divisor themselves");
    if high == 0 {
        return Some((low / divisor, low % divisor));
    }
    if high >= divisor {
        return None;
    }
    let (mut rest, mut quotient) = (high, 0);
    for bit in (0..128).rev() {
        let carry = rest >> 127;
        rest = rest << 1 | low >> bit & 1;
        if carry == 1 || rest >= divisor {
            rest = rest.wrapping_sub(divisor);
            quotient |= 1 << bit;
        }
    }
    Some((quotient, rest))
}

/// Writes the number with all digits of its scale.
pub fn format(units: i128, scale: u8, f: &mut impl fmt::Write) -> fmt::Result {
    let sign = if units < 0 { "-" } else { "" };
    let (units, unit) = (units.unsigned_abs(), power(scale).unsigned_abs());
    write!(f, "{sign}{}", units / unit)?;
    if scale > 0 {
        write!(f, ".{:0width$}", units % unit, width = usize::from(scale))?;
    }
    Ok(())
}

/// Why a text is not a decimal of the wanted kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Not a number at all.
    Invalid,
    /// More digits than `precision` allows.
    TooWide,
}

/// Reads `[+-]digits[.digits][e[+-]digits]`, rounded to `scale`.
pub fn parse(text: &str, precision: u8, scale: u8) -> Result<i128, ParseError> {
    let text = text.trim_ascii();
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            (mantissa, exponent.parse::<i32>().map_err(|_| ParseError::Invalid)?)
        }
        None => (text, 0),
    };
    let (negative, digits) = match mantissa.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        all => (false, all),
    };
    let point = digits.iter().position(|b| *b == b'.').unwrap_or(digits.len());
    let (whole, fraction) = (&digits[..point], digits.get(point + 1..).unwrap_or_default());
    if whole.is_empty() && fraction.is_empty() {
        return Err(ParseError::Invalid);
    }
    // `kept` digits make up the result, the one behind them rounds it. Zeros follow where the
    // exponent reaches beyond the digits.
    let kept = (point as i64).saturating_add(i64::from(exponent)) + i64::from(scale);
    let (mut units, mut position, mut round_up) = (0_i128, 0_i64, false);
    for byte in whole.iter().chain(fraction) {
        if !byte.is_ascii_digit() {
            return Err(ParseError::Invalid);
        }
        let digit = i128::from(byte - b'0');
        if position < kept {
            if units >= power(PRECISION_MAX - 1) {
                return Err(ParseError::TooWide);
            }
            units = units * 10 + digit;
        } else if position == kept {
            round_up = digit >= 5;
        }
        position += 1;
    }
    while units != 0 && position < kept {
        if units >= power(PRECISION_MAX - 1) {
            return Err(ParseError::TooWide);
        }
        units *= 10;
        position += 1;
    }
    units += i128::from(round_up);
    if !fits(units, precision) {
        return Err(ParseError::TooWide);
    }
    Ok(if negative { -units } else { units })
}

/// The nearest double.
pub fn to_f64(units: i128, scale: u8) -> f64 {
    // Up to 2^53 and 10^22 both operands are exact, so that the one division rounds once.
    if units.unsigned_abs() <= 1 << 53 && scale <= 22 {
        return units as f64 / power(scale) as f64;
    }
    let text = ShortText::of(|text| format(units, scale, text));
    text.as_str().parse().expect("digits with a point are a number")
}

/// The decimal with the 15 digits that every double keeps, as PostgreSQL casts; `None` for what
/// is not finite or too wide.
pub fn from_f64(value: f64, precision: u8, scale: u8) -> Option<i128> {
    let text = ShortText::of(|text| write!(text, "{value:.14e}"));
    if value.is_finite() { parse(text.as_str(), precision, scale).ok() } else { None }
}

/// The decimal with the 6 digits that every REAL keeps, as PostgreSQL casts; `None` for what is not
/// finite or too wide.
pub fn from_f32(value: f32, precision: u8, scale: u8) -> Option<i128> {
    let text = ShortText::of(|text| write!(text, "{value:.5e}"));
    if value.is_finite() { parse(text.as_str(), precision, scale).ok() } else { None }
}

#[cfg(test)]
mod tests;

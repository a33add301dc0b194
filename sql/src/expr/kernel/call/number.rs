//! Functions of numbers.

use crate::column::{Column, Values};
use crate::decimal;
use crate::expr::failure::RowError;
use crate::expr::function::Native;
use crate::expr::kernel::call::fill::numbers;
use crate::expr::kernel::{Found, map};
use crate::expr::program::{Operand, Register};
use crate::types::DataType;

const OVERFLOW: RowError = RowError::Overflow;

pub(super) fn abs(args: &[Operand<'_>], out: &mut Register) {
    match args[0].column.values() {
        Values::I32(values) => {
            let least = match args[0].column.data_type() {
                DataType::SmallInt => i32::from(i16::MIN),
                _ => i32::MIN,
            };
            map(values, out, Column::i32s_mut, |value| {
                if value == least { Err(OVERFLOW) } else { Ok(value.abs()) }
            });
        }
        Values::I64(values) => {
            map(values, out, Column::i64s_mut, |value| value.checked_abs().ok_or(OVERFLOW));
        }
        Values::F64(values) => map(values, out, Column::f64s_mut, |value| Ok(value.abs())),
        Values::I128(values) => map(values, out, Column::i128s_mut, |value| Ok(value.abs())),
        _ => unreachable!("{} has no sign", args[0].column.data_type()),
    }
}

/// `round`, `trunc`, `floor`, `ceil` and `sign`, to whole numbers or to digits.
pub(super) fn rounded(native: Native, args: &[Operand<'_>], out: &mut Register) {
    let digits = args.get(1).map(|digits| digits.column.i64s());
    match args[0].column.data_type() {
        DataType::Decimal { scale, .. } => decimals(native, args[0].column, scale, digits, out),
        _ => doubles(native, args[0].column.f64s(), digits, out),
    }
}

fn doubles(native: Native, values: &[f64], digits: Option<&[i64]>, out: &mut Register) {
    let slots = Column::f64s_mut;
    match (native, digits) {
        (Native::Round, None) => map(values, out, slots, |value| Ok(value.round_ties_even())),
        (Native::Trunc, None) => map(values, out, slots, |value| Ok(value.trunc())),
        (Native::Floor, _) => map(values, out, slots, |value| Ok(value.floor())),
        (Native::Ceil, _) => map(values, out, slots, |value| Ok(value.ceil())),
        (Native::Sign, _) => map(values, out, slots, |value| {
            Ok(f64::from(i8::from(value > 0.0) - i8::from(value < 0.0)))
        }),
        (Native::Round, Some(digits)) => {
            numbers(out, slots, |row| Ok(to_digits(values[row], digits[row], f64::round_ties_even)))
        }
        (Native::Trunc, Some(digits)) => {
            numbers(out, slots, |row| Ok(to_digits(values[row], digits[row], f64::trunc)));
        }
        (other, _) => unreachable!("{other:?} does not round"),
    }
}

/// Rounds where the digits are, or leaves a number that has none there.
fn to_digits(value: f64, digits: i64, round: fn(f64) -> f64) -> f64 {
    // A double has at most 17 digits and its first is within 324 places of the point.
    let digits = digits.clamp(-400, 400) as i32;
    if digits < 0 {
        let unit = 10_f64.powi(-digits);
        let found = round(value / unit);
        return if found == 0.0 { found } else { found * unit };
    }
    let unit = 10_f64.powi(digits);
    let scaled = value * unit;
    // From 2^53 on every double is whole.
    if scaled.abs() < 9_007_199_254_740_992.0 { round(scaled) / unit } else { value }
}

fn decimals(native: Native, input: &Column, scale: u8, digits: Option<&[i64]>, out: &mut Register) {
    let DataType::Decimal { precision, scale: to } = out.column.data_type() else {
        unreachable!("rounding a decimal gives one")
    };
    let units = input.i128s();
    let fit = |units: i128| if decimal::fits(units, precision) { Ok(units) } else { Err(OVERFLOW) };
    numbers(out, Column::i128s_mut, |row| {
        let units = units[row];
        if native == Native::Sign {
            return Ok(units.signum());
        }
        let digits = digits.map_or(0, |digits| digits[row]);
        fit(decimal_to_digits(native, units, scale, digits, to)?)
    });
}

/// Rounds `units` of `scale` to so many digits behind the point and brings that to scale `to`.
fn decimal_to_digits(native: Native, units: i128, scale: u8, digits: i64, to: u8) -> Found<i128> {
    let dropped = i64::from(scale).saturating_sub(digits);
    let kept = match u8::try_from(dropped.max(0)) {
        Ok(dropped) if dropped <= decimal::PRECISION_MAX => {
            let unit = decimal::power(dropped);
            cut(native, units, unit).checked_mul(unit).ok_or(OVERFLOW)?
        }
        // Half of what is dropped is more than any decimal.
        _ => 0,
    };
    decimal::rescale(kept, scale, to).ok_or(OVERFLOW)
}

/// `units / unit` as a whole number.
fn cut(native: Native, units: i128, unit: i128) -> i128 {
    match native {
        Native::Trunc => units / unit,
        Native::Floor => units.div_euclid(unit),
        Native::Ceil => -(-units).div_euclid(unit),
        _ => {
            let up = (units % unit).unsigned_abs() >= unit.unsigned_abs().div_ceil(2);
            let away = if up && unit > 1 { units.signum() } else { 0 };
            units / unit + away
        }
    }
}

pub(super) fn sqrt(args: &[Operand<'_>], out: &mut Register) {
    map(args[0].column.f64s(), out, Column::f64s_mut, |value| {
        if value < 0.0 { Err(RowError::InvalidPower) } else { Ok(value.sqrt()) }
    });
}

pub(super) fn exp(args: &[Operand<'_>], out: &mut Register) {
    map(args[0].column.f64s(), out, Column::f64s_mut, |value| {
        let found = value.exp();
        match found {
            f64::INFINITY if value.is_finite() => Err(OVERFLOW),
            0.0 if value.is_finite() => Err(RowError::Underflow),
            found => Ok(found),
        }
    });
}

fn positive(value: f64) -> Found<f64> {
    if value <= 0.0 { Err(RowError::InvalidLogarithm) } else { Ok(value) }
}

pub(super) fn ln(args: &[Operand<'_>], out: &mut Register) {
    map(args[0].column.f64s(), out, Column::f64s_mut, |value| positive(value).map(f64::ln));
}

/// To base 10, or to the base that comes first.
pub(super) fn log(args: &[Operand<'_>], out: &mut Register) {
    let [first, rest @ ..] = args else { unreachable!("a logarithm has an argument") };
    let first = first.column.f64s();
    match rest {
        [] => map(first, out, Column::f64s_mut, |value| positive(value).map(f64::log10)),
        [values, ..] => {
            let values = values.column.f64s();
            numbers(out, Column::f64s_mut, |row| {
                let (base, value) = (positive(first[row])?, positive(values[row])?);
                let unit = base.ln();
                if unit == 0.0 { Err(RowError::DivisionByZero) } else { Ok(value.ln() / unit) }
            });
        }
    }
}

pub(super) fn power(args: &[Operand<'_>], out: &mut Register) {
    let (bases, exponents) = (args[0].column.f64s(), args[1].column.f64s());
    numbers(out, Column::f64s_mut, |row| to_power(bases[row], exponents[row]));
}

fn to_power(base: f64, exponent: f64) -> Found<f64> {
    let finite = base.is_finite() && exponent.is_finite();
    if base == 0.0 && exponent < 0.0 {
        return Err(RowError::InvalidPower);
    }
    if base < 0.0 && exponent.is_finite() && exponent.fract() != 0.0 {
        return Err(RowError::InvalidPower);
    }
    let found = base.powf(exponent);
    match found {
        found if finite && found.is_infinite() => Err(OVERFLOW),
        0.0 if finite && base != 0.0 => Err(RowError::Underflow),
        found => Ok(found),
    }
}

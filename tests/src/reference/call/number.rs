//! Functions of numbers.

use sluicedb_sql::Value;
use sluicedb_sql::expr::Native;

use super::super::expr::{Computed, DIGITS_MAX, OVERFLOW};
use super::super::number::Number;
use super::{REFUSED, double_of, whole_of};

pub(super) fn call(native: Native, args: &[Value]) -> Option<Computed> {
    match (native, args.first()?) {
        (Native::Abs, value) => Some(abs(value)),
        (_, Value::Decimal { units, scale }) => rounded(native, *units, *scale, args.get(1)),
        (_, Value::Double(value)) => of_double(native, *value, args),
        _ => None,
    }
}

fn abs(value: &Value) -> Computed {
    match value {
        Value::Int(value) => value.checked_abs().map(Value::Int).ok_or(OVERFLOW),
        Value::BigInt(value) => value.checked_abs().map(Value::BigInt).ok_or(OVERFLOW),
        Value::Decimal { units, scale } => Ok(Value::Decimal { units: units.abs(), scale: *scale }),
        other => Ok(Value::Double(double_of(other).abs())),
    }
}

/// A decimal without the digits behind a place.
fn rounded(native: Native, units: i128, scale: u8, digits: Option<&Value>) -> Option<Computed> {
    let digits = digits.map_or(0, whole_of).clamp(-60, 60);
    let dropped = i64::from(scale) - digits;
    if native == Native::Sign {
        return Some(Ok(Value::Decimal { units: units.signum(), scale: 0 }));
    }
    if dropped <= 0 {
        return Some(Ok(Value::Decimal { units, scale }));
    }
    let unit = Number::of(1).shifted(dropped as u8);
    // Cut off, and then one more where the rest says so.
    let (cut, rest) = Number::of(units).divided(&unit);
    let nearest = Number::of(units).divided_rounded(&unit);
    let zero = rest.units(DIGITS_MAX + 1) == Some(0);
    let one = |sign: i128| cut.plus(&Number::of(sign));
    let found = match native {
        Native::Round => nearest,
        Native::Trunc => cut,
        Native::Floor if units < 0 && !zero => one(-1),
        Native::Ceil if units > 0 && !zero => one(1),
        Native::Floor | Native::Ceil => cut,
        _ => return None,
    };
    let units = found.shifted(dropped as u8).units(DIGITS_MAX);
    Some(units.map(|units| Value::Decimal { units, scale }).ok_or(OVERFLOW))
}

fn of_double(native: Native, value: f64, args: &[Value]) -> Option<Computed> {
    let finite = args.iter().all(|arg| matches!(arg, Value::Double(value) if value.is_finite()));
    let result = match (native, args) {
        (Native::Round, [_]) => value.round_ties_even(),
        (Native::Trunc, [_]) => value.trunc(),
        (Native::Floor, [_]) => value.floor(),
        (Native::Ceil, [_]) => value.ceil(),
        (Native::Sign, _) if value > 0.0 => 1.0,
        (Native::Sign, _) if value < 0.0 => -1.0,
        (Native::Sign, _) => 0.0,
        (Native::Sqrt, _) if value < 0.0 => return Some(Err(REFUSED)),
        (Native::Sqrt, _) => value.sqrt(),
        (Native::Ln | Native::Log, [_]) if value <= 0.0 => return Some(Err(REFUSED)),
        (Native::Ln, _) => value.ln(),
        (Native::Log, [_]) => value.log10(),
        (Native::Exp, _) => value.exp(),
        (Native::Power, [_, exponent]) => {
            let exponent = double_of(exponent);
            let fraction = exponent.is_finite() && exponent.trunc() != exponent;
            if value == 0.0 && exponent < 0.0 || value < 0.0 && fraction {
                return Some(Err(REFUSED));
            }
            value.powf(exponent)
        }
        _ => return None,
    };
    let vanishes = matches!(native, Native::Exp) || native == Native::Power && value != 0.0;
    let lost = result.is_infinite() || result == 0.0 && vanishes;
    let checked = matches!(native, Native::Exp | Native::Power);
    Some(if checked && finite && lost { Err(OVERFLOW) } else { Ok(Value::Double(result)) })
}

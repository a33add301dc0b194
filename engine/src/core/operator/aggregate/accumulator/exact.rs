//! Sums of doubles without rounding: what is taken back leaves no drift.
//!
//! The accumulator is one integer of 35 limbs that counts units of 2^-1074, the smallest double.
//! Doubles reach bit 2098, a weight adds 63 and the number of rows 63 more: 2224 bits and a sign.
//!
//! Invariant: equal multisets of values leave equal bytes, whatever came and went in between.

/// Limbs of the accumulator.
const LIMBS: usize = 35;

/// Bytes of an accumulator in a group.
pub(super) const EXACT_BYTES: usize = LIMBS * 8;

/// Bits of the fraction of a double, and the exponent of its lowest unit.
const FRACTION_BITS: u32 = 52;
const UNIT_EXPONENT: i32 = -1074;

/// Adds `value * weight`; the value is finite.
pub(super) fn add(bytes: &mut [u8], value: f64, weight: i64) {
    assert!(value.is_finite(), "what is not finite is counted apart");
    let bits = value.to_bits();
    let exponent = (bits >> FRACTION_BITS & 0x7ff) as u32;
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    // Subnormal numbers have the unit of the smallest normal ones and no hidden bit.
    let (mantissa, shift) = match exponent {
        0 => (fraction, 0),
        _ => (fraction | 1 << FRACTION_BITS, exponent - 1),
    };
    let product = u128::from(mantissa) * u128::from(weight.unsigned_abs());
    let (limb, bit) = ((shift / 64) as usize, shift % 64);
    let low = product << bit;
    let high = if bit == 0 { 0 } else { (product >> (128 - bit)) as u64 };
    let parts = [low as u64, (low >> 64) as u64, high];
    if value.is_sign_negative() == (weight < 0) {
        carry_up(bytes, limb, parts, u64::overflowing_add);
    } else {
        carry_up(bytes, limb, parts, u64::overflowing_sub);
    }
}

/// Adds or subtracts three limbs at `at` and carries as far as needed.
#[inline]
fn carry_up(bytes: &mut [u8], at: usize, parts: [u64; 3], apply: fn(u64, u64) -> (u64, bool)) {
    let mut carry = false;
    for limb in at..LIMBS {
        let part = parts.get(limb - at).copied().unwrap_or(0);
        if limb - at >= parts.len() && !carry {
            break;
        }
        let (first, over) = apply(read(bytes, limb), part);
        let (second, again) = apply(first, u64::from(carry));
        write(bytes, limb, second);
        carry = over || again;
    }
}

/// Adds another accumulator.
pub(super) fn merge(bytes: &mut [u8], other: &[u8]) {
    let mut carry = false;
    for limb in 0..LIMBS {
        let (first, over) = read(bytes, limb).overflowing_add(read(other, limb));
        let (second, again) = first.overflowing_add(u64::from(carry));
        write(bytes, limb, second);
        carry = over || again;
    }
}

/// The nearest double, ties to even; infinite where the sum is beyond the largest.
pub(super) fn round(bytes: &[u8]) -> f64 {
    let mut limbs: [u64; LIMBS] = std::array::from_fn(|limb| read(bytes, limb));
    let negative = limbs[LIMBS - 1] >> 63 == 1;
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            let (value, over) = (!*limb).overflowing_add(u64::from(carry));
            (*limb, carry) = (value, over);
        }
    }
    let size = round_size(&limbs);
    if negative { -size } else { size }
}

fn round_size(limbs: &[u64; LIMBS]) -> f64 {
    let Some(top) = limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
    let width = top as u32 * 64 + limbs[top].ilog2() + 1;
    if width <= FRACTION_BITS + 1 {
        // At most 53 bits: every such number of units is a double.
        return f64::from_bits(limbs[0]);
    }
    let shift = width - (FRACTION_BITS + 1);
    let mantissa = bits_from(limbs, shift) & ((1 << (FRACTION_BITS + 1)) - 1);
    let half = bits_from(limbs, shift - 1) & 1 == 1;
    let rest = any_below(limbs, shift - 1);
    let up = half && (rest || mantissa & 1 == 1);
    // Rounding up may carry into the exponent, which is then the right one.
    let exponent = u64::from(shift + 1);
    if exponent > 0x7fe {
        return f64::INFINITY;
    }
    let bits = (exponent << FRACTION_BITS) + (mantissa - (1 << FRACTION_BITS)) + u64::from(up);
    f64::from_bits(bits)
}

/// 64 bits from bit `at` on.
fn bits_from(limbs: &[u64; LIMBS], at: u32) -> u64 {
    let (limb, bit) = ((at / 64) as usize, at % 64);
    let low = limbs[limb] >> bit;
    let high = limbs.get(limb + 1).copied().unwrap_or(0);
    if bit == 0 { low } else { low | high << (64 - bit) }
}

fn any_below(limbs: &[u64; LIMBS], at: u32) -> bool {
    let (limb, bit) = ((at / 64) as usize, at % 64);
    limbs[..limb].iter().any(|limb| *limb != 0) || limbs[limb] & ((1 << bit) - 1) != 0
}

#[inline]
fn read(bytes: &[u8], limb: usize) -> u64 {
    u64::from_le_bytes(bytes[limb * 8..limb * 8 + 8].try_into().expect("eight bytes"))
}

#[inline]
fn write(bytes: &mut [u8], limb: usize, value: u64) {
    bytes[limb * 8..limb * 8 + 8].copy_from_slice(&value.to_le_bytes());
}

const _: () = assert!(LIMBS * 64 > 2098 + 63 + 63);
const _: () = assert!(f64::MIN_EXP - f64::MANTISSA_DIGITS as i32 == UNIT_EXPONENT);

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[(f64, i64)]) -> f64 {
        let mut bytes = [0; EXACT_BYTES];
        values.iter().for_each(|&(value, weight)| add(&mut bytes, value, weight));
        round(&bytes)
    }

    #[test]
    fn what_was_swallowed_comes_back() {
        assert_eq!(sum(&[(1e300, 1), (1.0, 1), (1e300, -1)]), 1.0);
        assert_eq!(
            sum(&[(0.1, 10), (0.1, -10), (f64::MIN_POSITIVE / 2.0, 1)]),
            1.1125369292536007e-308
        );
        assert_eq!(sum(&[(f64::MAX, 1), (f64::MAX, 1), (f64::MAX, -1)]), f64::MAX);
        assert_eq!(sum(&[(-1e-320, 1), (1e16, 1), (1e16, -1)]), -1e-320);
    }

    #[test]
    fn a_single_value_is_itself_in_both_signs() {
        let mut bits = 1_u64;
        for _ in 0..20_000 {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            let value = f64::from_bits(bits);
            if value.is_finite() {
                assert_eq!(sum(&[(value, 1)]), value);
                assert_eq!(sum(&[(value, -1)]), -value);
                assert_eq!(sum(&[(value, 4), (value, -3)]), value);
            }
        }
    }

    #[test]
    fn pairs_round_as_the_processor_rounds() {
        let mut bits = 7_u64;
        let mut next = || {
            bits = bits
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            // Exponents near each other, so that both matter.
            f64::from_bits((bits & !(0x7ff << 52)) | (1000 + (bits >> 57)) << 52)
        };
        for _ in 0..20_000 {
            let (left, right) = (next(), next());
            assert_eq!(sum(&[(left, 1), (right, 1)]), left + right, "{left:e} + {right:e}");
        }
    }

    #[test]
    fn a_sum_beyond_all_doubles_is_infinite_until_it_fits_again() {
        let mut bytes = [0; EXACT_BYTES];
        add(&mut bytes, f64::MAX, i64::MAX);
        add(&mut bytes, f64::MAX, i64::MAX);
        assert_eq!(round(&bytes), f64::INFINITY);
        let mut negative = [0; EXACT_BYTES];
        add(&mut negative, -f64::MAX, i64::MAX);
        merge(&mut bytes, &negative);
        merge(&mut bytes, &negative);
        assert!(bytes == [0; EXACT_BYTES] && round(&bytes) == 0.0);
        // Half a unit above the largest double rounds to even, which is beyond.
        assert_eq!(sum(&[(f64::MAX, 1), (2.0_f64.powi(970), 1)]), f64::INFINITY);
        assert_eq!(sum(&[(f64::MAX, 1), (2.0_f64.powi(969), 1)]), f64::MAX);
    }
}

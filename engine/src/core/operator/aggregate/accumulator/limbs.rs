//! Whole numbers of many bits, for sums of products without rounding.
//!
//! A sum of doubles counts units of 2^-400, a sum of products of two units of 2^-800. A value is
//! cut to whole units first, whatever its weight, so that what is taken back leaves no drift; one
//! of 2^400 or more has no place and is counted apart.

/// Bits of a unit of a sum of values; a product has twice as many.
pub(super) const UNIT_BITS: i32 = 400;

/// Limbs of a sum of values: 800 bits, 63 of a weight, 63 of the number of rows, and a sign.
pub(super) const SUM_LIMBS: usize = 15;

/// Limbs of a sum of products: 1600 bits, 63 of a weight, 63 of the number of rows, and a sign.
pub(super) const PRODUCT_LIMBS: usize = 28;

const LIMB_BYTES: usize = 8;

/// Bytes of a sum of values.
pub(super) const SUM_BYTES: usize = SUM_LIMBS * LIMB_BYTES;

/// Bytes of a sum of products.
pub(super) const PRODUCT_BYTES: usize = PRODUCT_LIMBS * LIMB_BYTES;

const FRACTION_BITS: u32 = 52;

/// A number of units.
#[derive(Clone, Copy, Debug)]
pub(super) struct Units {
    negative: bool,
    mantissa: u64,
    /// How far the mantissa is shifted up.
    shift: u32,
}

/// A number of any sign with room for the product of two sums.
#[derive(Clone, Debug)]
pub(super) struct Big {
    negative: bool,
    limbs: [u64; BIG_LIMBS],
}

const BIG_LIMBS: usize = 32;
const _: () = assert!(2 * SUM_LIMBS < BIG_LIMBS && PRODUCT_LIMBS + 1 < BIG_LIMBS);
const _: () = assert!(SUM_LIMBS * 64 > 2 * UNIT_BITS as usize + 127);
const _: () = assert!(PRODUCT_LIMBS * 64 > 4 * UNIT_BITS as usize + 127);

impl Units {
    /// A finite double in units of 2^-`unit_bits`, towards zero.
    pub(super) fn of(value: f64, unit_bits: i32) -> Units {
        assert!(value.is_finite(), "what is not finite is counted apart");
        let bits = value.to_bits();
        let exponent = (bits >> FRACTION_BITS & 0x7ff) as i32;
        let fraction = bits & ((1 << FRACTION_BITS) - 1);
        let (mantissa, exponent) = match exponent {
            0 => (fraction, -1074),
            _ => (fraction | 1 << FRACTION_BITS, exponent - 1075),
        };
        let shift = exponent + unit_bits;
        let negative = value.is_sign_negative();
        match u32::try_from(shift) {
            Ok(shift) => Units { negative, mantissa, shift },
            Err(_) => {
                let mantissa = mantissa.checked_shr(shift.unsigned_abs()).unwrap_or(0);
                Units { negative, mantissa, shift: 0 }
            }
        }
    }
}

/// Adds `value * weight` to a sum.
pub(super) fn add(sum: &mut [u8], value: Units, weight: i64) {
    let size = u128::from(value.mantissa);
    add_sized(sum, size, value.shift, weight, value.negative);
}

/// Adds `left * right * weight` to a sum of products.
pub(super) fn add_product(sum: &mut [u8], left: Units, right: Units, weight: i64) {
    let size = u128::from(left.mantissa) * u128::from(right.mantissa);
    add_sized(sum, size, left.shift + right.shift, weight, left.negative != right.negative);
}

fn add_sized(sum: &mut [u8], size: u128, shift: u32, weight: i64, negative: bool) {
    let factor = u128::from(weight.unsigned_abs());
    let low = (size & u128::from(u64::MAX)) * factor;
    let high = (size >> 64) * factor + (low >> 64);
    let whole = [low as u64, high as u64, (high >> 64) as u64];
    let (limb, bit) = ((shift / 64) as usize, shift % 64);
    let mut parts = [0; 4];
    for (at, &part) in whole.iter().enumerate() {
        parts[at] |= part << bit;
        if bit > 0 {
            parts[at + 1] |= part >> (64 - bit);
        }
    }
    if negative == (weight < 0) {
        carry_up(sum, limb, parts, u64::overflowing_add);
    } else {
        carry_up(sum, limb, parts, u64::overflowing_sub);
    }
}

/// Adds or subtracts four limbs at `at` and carries as far as needed.
#[inline]
fn carry_up(sum: &mut [u8], at: usize, parts: [u64; 4], apply: fn(u64, u64) -> (u64, bool)) {
    let mut carry = false;
    for (limb, bytes) in sum.chunks_exact_mut(LIMB_BYTES).enumerate().skip(at) {
        let part = parts.get(limb - at).copied().unwrap_or(0);
        if limb - at >= parts.len() && !carry {
            break;
        }
        let (first, over) = apply(limb_of(bytes), part);
        let (second, again) = apply(first, u64::from(carry));
        bytes.copy_from_slice(&second.to_le_bytes());
        carry = over || again;
    }
}

/// Adds another sum of the same kind.
pub(super) fn merge(sum: &mut [u8], other: &[u8]) {
    let mut carry = false;
    let others = other.chunks_exact(LIMB_BYTES);
    for (bytes, other) in sum.chunks_exact_mut(LIMB_BYTES).zip(others) {
        let (first, over) = limb_of(bytes).overflowing_add(limb_of(other));
        let (second, again) = first.overflowing_add(u64::from(carry));
        bytes.copy_from_slice(&second.to_le_bytes());
        carry = over || again;
    }
}

fn limb_of(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes.try_into().expect("eight bytes"))
}

impl Big {
    /// Reads a sum.
    pub(super) fn read(sum: &[u8]) -> Big {
        let mut limbs = [0; BIG_LIMBS];
        for (limb, bytes) in limbs.iter_mut().zip(sum.chunks_exact(LIMB_BYTES)) {
            *limb = limb_of(bytes);
        }
        let len = sum.len() / LIMB_BYTES;
        let negative = limbs[len - 1] >> 63 == 1;
        if negative {
            let mut carry = true;
            for limb in &mut limbs[..len] {
                let (value, over) = (!*limb).overflowing_add(u64::from(carry));
                (*limb, carry) = (value, over);
            }
        }
        Big { negative, limbs }
    }

    /// `self * factor`.
    pub(super) fn scaled(&self, factor: u64) -> Big {
        let (mut limbs, mut carry) = ([0; BIG_LIMBS], 0);
        for (limb, &own) in limbs.iter_mut().zip(&self.limbs) {
            let product = u128::from(own) * u128::from(factor) + u128::from(carry);
            (*limb, carry) = (product as u64, (product >> 64) as u64);
        }
        assert_eq!(carry, 0, "a product has room");
        Big { negative: self.negative, limbs }
    }

    /// `self * other`, of two sums of values.
    pub(super) fn times(&self, other: &Big) -> Big {
        let mut limbs = [0; BIG_LIMBS];
        for (at, &left) in self.limbs[..=SUM_LIMBS].iter().enumerate() {
            let mut carry = 0;
            let rights = other.limbs[..=SUM_LIMBS].iter();
            for (limb, &right) in limbs[at..].iter_mut().zip(rights) {
                let sum =
                    u128::from(left) * u128::from(right) + u128::from(*limb) + u128::from(carry);
                (*limb, carry) = (sum as u64, (sum >> 64) as u64);
            }
        }
        Big { negative: self.negative != other.negative, limbs }
    }

    /// `self - other`.
    pub(super) fn minus(&self, other: &Big) -> Big {
        if self.negative != other.negative {
            return Big { negative: self.negative, limbs: plus(&self.limbs, &other.limbs) };
        }
        match self.limbs.iter().rev().cmp(other.limbs.iter().rev()) {
            std::cmp::Ordering::Less => {
                Big { negative: !self.negative, limbs: less(&other.limbs, &self.limbs) }
            }
            _ => Big { negative: self.negative, limbs: less(&self.limbs, &other.limbs) },
        }
    }

    /// The nearest double to so many units of 2^-`unit_bits`, ties to even; infinite where it is
    /// beyond the largest.
    pub(super) fn round(&self, unit_bits: i32) -> f64 {
        let Some(top) = self.limbs.iter().rposition(|limb| *limb != 0) else { return 0.0 };
        let width = top as u32 * 64 + self.limbs[top].ilog2() + 1;
        let shift = width.saturating_sub(FRACTION_BITS + 1);
        let mut mantissa = self.bits_from(shift) & ((1 << (FRACTION_BITS + 1)) - 1);
        if shift > 0 {
            let half = self.bits_from(shift - 1) & 1 == 1;
            let rest = self.any_below(shift - 1);
            mantissa += u64::from(half && (rest || mantissa & 1 == 1));
        }
        let exponent = shift as i32 - unit_bits;
        // Two factors, because one may be beyond all doubles where the product is not.
        let size = mantissa as f64 * power_of_two(exponent / 2);
        let size = size * power_of_two(exponent - exponent / 2);
        if self.negative { -size } else { size }
    }

    /// 64 bits from bit `at` on.
    fn bits_from(&self, at: u32) -> u64 {
        let (limb, bit) = ((at / 64) as usize, at % 64);
        let low = self.limbs[limb] >> bit;
        let high = self.limbs.get(limb + 1).copied().unwrap_or(0);
        if bit == 0 { low } else { low | high << (64 - bit) }
    }

    fn any_below(&self, at: u32) -> bool {
        let (limb, bit) = ((at / 64) as usize, at % 64);
        self.limbs[..limb].iter().any(|limb| *limb != 0) || self.limbs[limb] & ((1 << bit) - 1) != 0
    }
}

fn plus(left: &[u64; BIG_LIMBS], right: &[u64; BIG_LIMBS]) -> [u64; BIG_LIMBS] {
    let (mut sum, mut carry) = ([0; BIG_LIMBS], false);
    for (at, limb) in sum.iter_mut().enumerate() {
        let (first, over) = left[at].overflowing_add(right[at]);
        let (second, again) = first.overflowing_add(u64::from(carry));
        (*limb, carry) = (second, over || again);
    }
    sum
}

/// The difference, where `left` is not the smaller one.
fn less(left: &[u64; BIG_LIMBS], right: &[u64; BIG_LIMBS]) -> [u64; BIG_LIMBS] {
    let (mut rest, mut borrow) = ([0; BIG_LIMBS], false);
    for (at, limb) in rest.iter_mut().enumerate() {
        let (first, under) = left[at].overflowing_sub(right[at]);
        let (second, again) = first.overflowing_sub(u64::from(borrow));
        (*limb, borrow) = (second, under || again);
    }
    rest
}

/// 2 to the power of a number between -1022 and 1023.
fn power_of_two(exponent: i32) -> f64 {
    f64::from_bits(((exponent + 1023) as u64) << FRACTION_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum_of(values: &[(f64, i64)]) -> [u8; SUM_BYTES] {
        let mut sum = [0; SUM_BYTES];
        values
            .iter()
            .for_each(|&(value, weight)| add(&mut sum, Units::of(value, UNIT_BITS), weight));
        sum
    }

    #[test]
    fn what_is_taken_back_leaves_no_trace() {
        let values = [1e100, -3.7, 1e-100, 2_f64.powi(-401), -1e120, 0.1];
        let mut sum = sum_of(&values.map(|value| (value, 3)));
        let mut products = [0; PRODUCT_BYTES];
        for (weight, times) in [(3, 1), (-1, 3)] {
            for _ in 0..times {
                for left in values.map(|value| Units::of(value, UNIT_BITS)) {
                    let right = Units::of(-7.3e50, UNIT_BITS);
                    add_product(&mut products, left, right, weight);
                }
            }
        }
        values.iter().for_each(|value| add(&mut sum, Units::of(*value, UNIT_BITS), -3));
        assert_eq!((sum, products), ([0; SUM_BYTES], [0; PRODUCT_BYTES]));
    }

    #[test]
    fn a_sum_is_rounded_once() {
        let cases: [(&[(f64, i64)], f64); 5] = [
            (&[(1e100, 1), (1.0, 1), (-1e100, 1)], 1.0),
            (&[(0.1, 3)], 0.300_000_000_000_000_04),
            (&[(1.0, 1), (2_f64.powi(-53), 1)], 1.0),
            (&[(1.0, 1), (2_f64.powi(-53), 1), (2_f64.powi(-300), 1)], 1.0 + f64::EPSILON),
            (&[(-5.5, 2), (1.0, 4)], -7.0),
        ];
        for (values, expected) in cases {
            assert_eq!(Big::read(&sum_of(values)).round(UNIT_BITS), expected, "{values:?}");
        }
    }

    #[test]
    fn products_and_differences_are_those_of_small_numbers() {
        let numbers = [0.0, 1.0, -1.0, 3.5, -1024.25, 1e9];
        for left in numbers {
            for right in numbers {
                let (a, b) = (Big::read(&sum_of(&[(left, 1)])), Big::read(&sum_of(&[(right, 1)])));
                assert_eq!(a.times(&b).round(2 * UNIT_BITS), left * right);
                assert_eq!(a.minus(&b).round(UNIT_BITS), left - right);
                assert_eq!(a.scaled(12).round(UNIT_BITS), left * 12.0);
                let mut product = [0; PRODUCT_BYTES];
                let units = [left, right].map(|value| Units::of(value, UNIT_BITS));
                add_product(&mut product, units[0], units[1], 5);
                let other = product;
                merge(&mut product, &other);
                assert_eq!(Big::read(&product).round(2 * UNIT_BITS), left * right * 10.0);
            }
        }
    }
}

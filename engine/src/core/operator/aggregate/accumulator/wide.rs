//! 256-bit integers, wide enough that no sum of weighted values overflows.
//!
//! Invariant: values have at most 128 bits, weights 64, and a group has fewer than 2^63 rows: a sum
//! stays below 2^254. So additions need no check, and only results are tested against their type.

/// A signed number of 256 bits, two's complement, least limb first.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(in crate::core::operator) struct Wide([u64; 4]);

/// Bytes of a number in a group.
pub(super) const WIDE_BYTES: usize = 32;

impl Wide {
    /// Reads what [`Wide::write`] wrote.
    #[inline]
    pub(super) fn read(bytes: &[u8]) -> Wide {
        Wide(std::array::from_fn(|limb| u64_at(bytes, limb * 8)))
    }

    /// Writes the number, little-endian.
    #[inline]
    pub(super) fn write(self, bytes: &mut [u8]) {
        for (limb, value) in self.0.iter().enumerate() {
            bytes[limb * 8..][..8].copy_from_slice(&value.to_le_bytes());
        }
    }

    /// Adds to the number in `bytes`. The upper half changes with a carry or a borrow only, which
    /// small values seldom cause.
    #[inline]
    pub(super) fn add_i64(bytes: &mut [u8], value: i64) {
        let (low, high) = bytes[..WIDE_BYTES].split_at_mut(WIDE_BYTES / 2);
        let half = |bytes: &[u8]| u128::from_le_bytes(bytes.try_into().expect("sixteen bytes"));
        let (sum, carry) = half(low).overflowing_add(i128::from(value) as u128);
        low.copy_from_slice(&sum.to_le_bytes());
        let change = i128::from(carry) - i128::from(value < 0);
        if change != 0 {
            let sum = (half(high) as i128).checked_add(change);
            let sum = sum.expect("a group has fewer than 2^63 rows");
            high.copy_from_slice(&sum.to_le_bytes());
        }
    }

    /// `value * weight`.
    #[inline]
    pub(in crate::core::operator) fn product(value: i128, weight: i64) -> Wide {
        if let Some(product) = value.checked_mul(i128::from(weight)) {
            return Wide::from(product);
        }
        let (size, factor) = (value.unsigned_abs(), u128::from(weight.unsigned_abs()));
        let low = (size as u64 as u128) * factor;
        let high = (size >> 64) * factor + (low >> 64);
        let size = Wide([low as u64, high as u64, (high >> 64) as u64, 0]);
        if (value < 0) == (weight < 0) { size } else { size.negated() }
    }

    /// The sum of both.
    #[inline]
    #[must_use]
    pub(in crate::core::operator) fn plus(self, other: Wide) -> Wide {
        let mut sum = [0; 4];
        let mut carry = false;
        for (limb, slot) in sum.iter_mut().enumerate() {
            let (first, over) = self.0[limb].overflowing_add(other.0[limb]);
            let (second, again) = first.overflowing_add(u64::from(carry));
            *slot = second;
            carry = over || again;
        }
        let sum = Wide(sum);
        let overflows =
            self.is_negative() == other.is_negative() && self.is_negative() != sum.is_negative();
        assert!(!overflows, "a group has fewer than 2^63 rows");
        sum
    }

    /// The number, if 128 bits are enough.
    #[inline]
    pub(in crate::core::operator) fn narrow(self) -> Option<i128> {
        let [first, second, third, last] = self.0;
        let sign = ((second as i64) >> 63) as u64;
        let low = u128::from(second) << 64 | u128::from(first);
        (third == sign && last == sign).then_some(low as i128)
    }

    /// `self * factor / divisor`, rounded half away from zero, if 128 bits are enough. The divisor
    /// is positive.
    pub(in crate::core::operator) fn scaled_quotient(
        self,
        factor: u64,
        divisor: i64,
    ) -> Option<i128> {
        assert!(divisor > 0, "a mean is taken of at least one value");
        let divisor = divisor.unsigned_abs();
        let negative = self.is_negative();
        let size = if negative { self.negated() } else { self };
        let mut limbs = [0; 5];
        let mut carry = 0;
        for (limb, slot) in limbs.iter_mut().enumerate() {
            let product = u128::from(size.0.get(limb).copied().unwrap_or(0)) * u128::from(factor);
            let sum = product + u128::from(carry);
            (*slot, carry) = (sum as u64, (sum >> 64) as u64);
        }
        let mut rest = 0;
        for slot in limbs.iter_mut().rev() {
            let part = u128::from(rest) << 64 | u128::from(*slot);
            *slot = (part / u128::from(divisor)) as u64;
            rest = (part % u128::from(divisor)) as u64;
        }
        if limbs[2..] != [0; 3] {
            return None;
        }
        let quotient = u128::from(limbs[1]) << 64 | u128::from(limbs[0]);
        let up = rest >= divisor.div_ceil(2);
        let size = i128::try_from(quotient.checked_add(u128::from(up))?).ok()?;
        Some(if negative { -size } else { size })
    }

    fn is_negative(self) -> bool {
        self.0[3] >> 63 == 1
    }

    fn negated(self) -> Wide {
        let mut carry = true;
        Wide(self.0.map(|limb| {
            let (limb, over) = (!limb).overflowing_add(u64::from(carry));
            carry = over;
            limb
        }))
    }
}

impl From<i128> for Wide {
    #[inline]
    fn from(value: i128) -> Wide {
        let sign = (value >> 127) as u64;
        Wide([value as u64, (value >> 64) as u64, sign, sign])
    }
}

#[inline]
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sum_beyond_128_bits_comes_back_when_its_parts_leave() {
        let mut sum = Wide::default();
        let big = [(i128::MAX, i64::MAX), (i128::MIN, 7), (-1, i64::MIN), (i128::MIN, i64::MIN)];
        for (value, weight) in big {
            sum = sum.plus(Wide::product(value, weight));
            assert_eq!(sum.narrow(), None);
        }
        for (value, weight) in big {
            let gone = Wide::product(value, weight).negated();
            sum = sum.plus(gone);
        }
        assert_eq!((sum, sum.narrow()), (Wide::default(), Some(0)));
    }

    #[test]
    fn products_and_sums_agree_with_128_bits_where_those_are_enough() {
        let values = [0, 1, -1, 5, -7, i128::from(i64::MAX), i128::from(i64::MIN), 1 << 100];
        for left in values {
            for weight in [1, -1, 3, -3, 1 << 20] {
                for right in values {
                    let sum = Wide::product(left, weight).plus(Wide::from(right));
                    assert_eq!(sum.narrow(), Some(left * i128::from(weight) + right));
                    let mut bytes = [0; WIDE_BYTES];
                    sum.write(&mut bytes);
                    assert_eq!(Wide::read(&bytes), sum);
                    for value in [0, 1, -1, weight, i64::MAX, i64::MIN] {
                        sum.write(&mut bytes);
                        Wide::add_i64(&mut bytes, value);
                        assert_eq!(Wide::read(&bytes), sum.plus(Wide::from(i128::from(value))));
                    }
                }
            }
        }
    }

    #[test]
    fn quotients_round_half_away_from_zero() {
        let quotient = |value: i128, factor, divisor| {
            Wide::from(value).scaled_quotient(factor, divisor).unwrap()
        };
        assert_eq!((quotient(5, 1, 2), quotient(-5, 1, 2)), (3, -3));
        assert_eq!((quotient(4, 1, 3), quotient(5, 1, 3)), (1, 2));
        assert_eq!((quotient(-4, 1, 3), quotient(-5, 1, 3)), (-1, -2));
        assert_eq!((quotient(1, 1, i64::MAX), quotient(7, 10, 7)), (0, 10));
        assert_eq!(quotient(i128::MAX, 1_000, 1_000), i128::MAX);
        assert_eq!(Wide::from(i128::MAX).scaled_quotient(10, 9), None);
        let three = Wide::product(i128::MAX, 3);
        assert_eq!(three.scaled_quotient(1, 3), Some(i128::MAX));
        assert_eq!(three.scaled_quotient(1 << 60, 3), None);
    }
}

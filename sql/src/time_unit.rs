//! Moments as numbers that count from 1970 on.

use crate::limits::TIMESTAMP_US_MAX;

/// What a BIGINT counts that tells a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimeUnit {
    /// Seconds.
    Seconds,
    /// Thousandths of a second.
    Millis,
    /// What TIMESTAMP counts.
    #[default]
    Micros,
    /// Thousandths of a microsecond.
    Nanos,
}

impl TimeUnit {
    /// A value in microseconds, rounded down, if a TIMESTAMP can say it.
    #[inline]
    pub fn to_us(self, value: i64) -> Option<i64> {
        let micros = match self {
            TimeUnit::Seconds => value.checked_mul(1_000_000),
            TimeUnit::Millis => value.checked_mul(1_000),
            TimeUnit::Micros => Some(value),
            TimeUnit::Nanos => Some(value.div_euclid(1_000)),
        };
        micros.filter(|micros| micros.unsigned_abs() <= TIMESTAMP_US_MAX as u64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_a_timestamp_cannot_say_has_no_microseconds() {
        assert_eq!(TimeUnit::Seconds.to_us(-2), Some(-2_000_000));
        assert_eq!(TimeUnit::Millis.to_us(3), Some(3_000));
        assert_eq!(TimeUnit::Micros.to_us(TIMESTAMP_US_MAX), Some(TIMESTAMP_US_MAX));
        assert_eq!(TimeUnit::Micros.to_us(TIMESTAMP_US_MAX + 1), None);
        assert_eq!(TimeUnit::Nanos.to_us(-1), Some(-1));
        assert_eq!(TimeUnit::Millis.to_us(i64::MAX), None);
        assert_eq!(TimeUnit::Seconds.to_us(i64::MIN), None);
    }
}

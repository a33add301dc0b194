//! The event time of a source: which column tells it, and what moves the watermark.

use std::fmt;

use super::aggregate::check_timestamp;
use crate::error::SqlError;
use crate::schema::Schema;
use crate::time_unit::TimeUnit;
use crate::types::DataType;

/// The event time of a source. Column `C` is a position, or a name before it is resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SourceTime<C = usize> {
    /// A TIMESTAMP or TIMESTAMPTZ column, or a BIGINT one that counts from 1970 on.
    pub column: C,
    /// What a BIGINT column counts; microseconds of the others.
    pub unit: TimeUnit,
    /// How far the watermark stays behind the largest time seen.
    pub delay_us: i64,
    /// Which times are too far in the future to move the watermark.
    pub ahead: Ahead,
    /// When a feeder counts as idle; never where absent.
    pub idle: Option<Idle>,
    /// The column whose values have a watermark each, of which the least is the feeder's.
    pub by: Option<C>,
}

/// When nobody waits for a feeder any more: it does not hold the watermark of its source back then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle {
    /// How long it has pushed nothing.
    pub timeout_us: i64,
    /// Whether event time goes on with the clock once all feeders are idle.
    pub advances: bool,
}

/// Which times are too far ahead of the clock to move the watermark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// None.
    Any,
    /// Those that are further ahead, in microseconds, unless event time has nothing to do with the
    /// clock: unless the first time that came was further ahead, too.
    Near(i64),
    /// Those that are further ahead, in microseconds.
    Within(i64),
}

impl<C> SourceTime<C> {
    /// The same with columns of another kind.
    pub fn map<'a, D>(&'a self, column: impl Fn(&'a C) -> D) -> SourceTime<D> {
        let SourceTime { column: time, unit, delay_us, ahead, idle, by } = self;
        let (unit, delay_us, ahead, idle) = (*unit, *delay_us, *ahead, *idle);
        SourceTime {
            column: column(time),
            unit,
            delay_us,
            ahead,
            idle,
            by: by.as_ref().map(column),
        }
    }

    /// A TIMESTAMP column whose watermark stays this far behind, and nothing else asked for.
    pub const fn of(column: C, delay_us: i64) -> SourceTime<C> {
        SourceTime {
            column,
            unit: TimeUnit::Micros,
            delay_us,
            ahead: Ahead::Any,
            idle: None,
            by: None,
        }
    }
}

impl SourceTime<&str> {
    /// The same by positions; refused where a column cannot be what it is to be.
    pub(super) fn resolve(&self, schema: &Schema) -> Result<SourceTime, SqlError> {
        let SourceTime { column, unit, delay_us, ahead, idle, by } = *self;
        let by = by.map(|by| schema.resolve(by)).transpose()?;
        let column = schema.resolve(column)?;
        let field = schema.field(column);
        match (field.data_type, unit) {
            (DataType::BigInt, _) => {}
            (DataType::Timestamp | DataType::TimestampTz, TimeUnit::Micros) => {}
            (DataType::Timestamp | DataType::TimestampTz, _) => {
                return Err(SqlError::invalid_parameter(format!(
                    "column \"{}\" is {} and has no unit",
                    field.name, field.data_type
                ))
                .hint("Leave the unit out: it says what a BIGINT column counts."));
            }
            _ => check_timestamp(field, "the event time of a source")?,
        }
        if field.nullable {
            return Err(SqlError::invalid_parameter(format!(
                "column \"{}\" is the event time of a source and may be NULL",
                field.name
            ))
            .hint("Declare it NOT NULL: a row without a time belongs to no window."));
        }
        if delay_us < 0 {
            return Err(SqlError::invalid_parameter(format!(
                "the delay of a watermark is {delay_us} us: it must not be below 0"
            )));
        }
        if let Some(Idle { timeout_us: ..1, .. }) = idle {
            return Err(SqlError::invalid_parameter("an idle timeout must be above 0"));
        }
        Ok(SourceTime { column, unit, delay_us, ahead, idle, by })
    }
}

impl fmt::Display for SourceTime {
    /// What is said of the column, behind its name; what holds where nobody says anything is left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The columns are named by whoever knows them.
        let SourceTime { column: _, unit, delay_us, ahead, idle, by: _ } = self;
        match unit {
            TimeUnit::Micros => {}
            unit => write!(f, " in {}", format!("{unit:?}").to_lowercase())?,
        }
        write!(f, " - {delay_us} us")?;
        match ahead {
            Ahead::Any | Ahead::Near(_) => {}
            Ahead::Within(us) => write!(f, ", at most {us} us ahead of the clock")?,
        }
        let Some(Idle { timeout_us, advances }) = idle else { return Ok(()) };
        write!(f, ", idle after {timeout_us} us")?;
        if *advances { f.write_str(" and on with the clock") } else { Ok(()) }
    }
}

impl Ahead {
    /// The greatest time that moves a watermark from `watermark_us` on while the clock shows `now_us`.
    pub fn ceiling_us(self, watermark_us: i64, now_us: i64) -> i64 {
        match self {
            Ahead::Any => i64::MAX,
            Ahead::Within(us) => now_us.saturating_add(us),
            Ahead::Near(us) => {
                let ceiling = now_us.saturating_add(us);
                let follows_the_clock = watermark_us != i64::MIN && watermark_us <= ceiling;
                if follows_the_clock { ceiling } else { i64::MAX }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_follow_the_clock_is_not_held_to_it() {
        assert_eq!(Ahead::Any.ceiling_us(0, 100), i64::MAX);
        assert_eq!(Ahead::Near(5).ceiling_us(i64::MIN, 100), i64::MAX);
        assert_eq!(Ahead::Near(5).ceiling_us(3, 100), 105);
        assert_eq!(Ahead::Near(5).ceiling_us(106, 100), i64::MAX);
        assert_eq!(Ahead::Within(5).ceiling_us(i64::MIN, 100), 105);
        assert_eq!(Ahead::Within(5).ceiling_us(106, 100), 105);
    }
}

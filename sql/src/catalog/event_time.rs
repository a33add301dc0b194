//! The event time of a source, as its clause and its options say it.

use crate::SqlError;
use crate::dialect::options::Reader;
use crate::dialect::syntax::CreateSource;
use crate::plan::{Ahead, Idle, SourceTime};
use crate::schema::Field;
use crate::time_unit::TimeUnit;
use crate::types::DataType;

/// How far ahead of the clock a time may be that moves the watermark, where nobody says so: clocks of
/// producers differ by less, and what is further off is broken.
const MAX_AHEAD_US: i64 = 5 * 60 * 1_000_000;

/// What a BIGINT column counts, where nobody says so.
const UNIT: TimeUnit = TimeUnit::Millis;

const UNITS: [(&str, TimeUnit); 4] = [
    ("s", TimeUnit::Seconds),
    ("ms", TimeUnit::Millis),
    ("us", TimeUnit::Micros),
    ("ns", TimeUnit::Nanos),
];

/// The event time that `create` declares, if it does.
pub(super) fn event_time(
    create: &CreateSource,
    fields: &[Field],
    mut reader: Reader<'_>,
) -> Result<Option<SourceTime<String>>, SqlError> {
    let lateness = reader.duration_us("allowed_lateness")?;
    let declared = reader.text("watermark")?;
    let unit = reader.choice("unit", &UNITS.map(|(name, _)| name))?;
    let max_ahead = reader.duration_us_or_none("max_ahead")?;
    let max_ahead = max_ahead.map(|us| us.map_or(Ahead::Any, Ahead::Within));
    let timeout_us = reader.duration_us("idle_timeout")?;
    let advances = reader.boolean("idle_advance")?;
    let by = reader.text("watermark_by")?;
    reader.finish()?;
    let (column, delay_us) = match (&create.watermark, declared) {
        (Some(watermark), None) => {
            let delay_us = watermark.delay_us.or(lateness).unwrap_or(0);
            (watermark.column.clone(), delay_us)
        }
        (None, Some(column)) => (column, lateness.unwrap_or(0)),
        (Some(watermark), Some(_)) => {
            return Err(SqlError::syntax("the watermark is declared twice").at(watermark.at));
        }
        (None, None) => {
            let said = [
                ("allowed_lateness", lateness.is_some()),
                ("unit", unit.is_some()),
                ("max_ahead", max_ahead.is_some()),
                ("idle_timeout", timeout_us.is_some()),
                ("idle_advance", advances.is_some()),
                ("watermark_by", by.is_some()),
            ];
            let Some((name, _)) = said.iter().find(|(_, said)| *said) else { return Ok(None) };
            return Err(SqlError::invalid_parameter(format!("{name} without a watermark"))
                .hint("Add watermark = 'ts', the column of event time."));
        }
    };
    let counts = fields.iter().find(|field| field.name == column);
    let counts = counts.is_some_and(|field| field.data_type == DataType::BigInt);
    let unit = match unit {
        Some(unit) => UNITS.iter().find(|(name, _)| *name == unit).map_or(UNIT, |(_, unit)| *unit),
        None if counts => UNIT,
        None => TimeUnit::Micros,
    };
    let ahead = max_ahead.unwrap_or(Ahead::Near(MAX_AHEAD_US));
    let idle = idle(timeout_us, advances)?;
    Ok(Some(SourceTime { column, unit, delay_us, ahead, idle, by }))
}

fn idle(timeout_us: Option<i64>, advances: Option<bool>) -> Result<Option<Idle>, SqlError> {
    match (timeout_us, advances) {
        (Some(timeout_us), advances) => {
            Ok(Some(Idle { timeout_us, advances: advances.unwrap_or(false) }))
        }
        (None, Some(true)) => Err(SqlError::invalid_parameter("idle_advance without idle_timeout")
            .hint("Add idle_timeout = INTERVAL '10' SECOND: how long nothing has come then.")),
        (None, _) => Ok(None),
    }
}

//! `AT TIME ZONE`: from what clocks show to a moment, and from a moment to what they show.

use crate::column::Column;
use crate::expr::failure::RowError;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::numbers;
use crate::expr::kernel::call::time::field::in_range;
use crate::expr::program::{Operand, Register};
use crate::interval::Interval;
use crate::types::DataType;
use crate::zone::Zone;

/// `timezone(zone, moment)`; a zone is a name, or how far clocks are ahead of UTC.
pub(in crate::expr::kernel::call) fn at_zone(
    constant: Option<Zone>,
    args: &[Operand<'_>],
    out: &mut Register,
) {
    let zones = args[0].column;
    let moments = args[1].column.i64s();
    let to_clock = args[1].column.data_type() == DataType::TimestampTz;
    let moved = |zone: Zone, moment: i64| {
        let found = if to_clock { zone.local(moment) } else { zone.meant(moment) };
        in_range(found.ok_or(RowError::DatetimeOverflow)?)
    };
    if let Some(zone) = constant {
        return numbers(out, Column::i64s_mut, |row| moved(zone, moments[row]));
    }
    if zones.data_type() == DataType::Interval {
        let ahead = zones.i128s();
        return numbers(out, Column::i64s_mut, |row| {
            let ahead = ahead_us(Interval::of_i128(ahead[row]))?;
            let found = match to_clock {
                true => moments[row].checked_add(ahead),
                false => moments[row].checked_sub(ahead),
            };
            in_range(found.ok_or(RowError::DatetimeOverflow)?)
        });
    }
    let names = zones.texts();
    numbers(out, Column::i64s_mut, |row| {
        let name = names.get(row);
        moved(Zone::named(name).map_err(|_| RowError::InvalidArgument)?, moments[row])
    });
}

/// How far clocks are ahead: no day, which is not always as long.
fn ahead_us(interval: Interval) -> Found<i64> {
    match (interval.months(), interval.days()) {
        (0, 0) => Ok(interval.micros()),
        _ => Err(RowError::InvalidArgument),
    }
}

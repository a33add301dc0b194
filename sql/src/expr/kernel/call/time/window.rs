//! Moments brought to a grid: division that rounds down, so that nothing is special about 1970.

use crate::column::Column;
use crate::expr::failure::RowError;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::numbers;
use crate::expr::kernel::call::time::field::in_range;
use crate::expr::program::{Operand, Register};
use crate::interval::{DAY_US, Interval};
use crate::types::DataType;

/// Microseconds by row, of a column of BIGINT or INTERVAL.
fn micros(column: &Column) -> impl Fn(usize) -> Found<i64> {
    move |row| {
        if column.data_type() != DataType::Interval {
            return Ok(column.i64s()[row]);
        }
        let interval = Interval::of_i128(column.i128s()[row]);
        if interval.months() != 0 {
            // A month is no number of microseconds.
            return Err(RowError::InvalidArgument);
        }
        let days = i64::from(interval.days()).checked_mul(DAY_US);
        days.and_then(|days| days.checked_add(interval.micros())).ok_or(RowError::DatetimeOverflow)
    }
}

/// The last moment of the grid that is not behind `moment`.
fn start(moment: i64, size: i64, origin: i64) -> Found<i64> {
    if size <= 0 {
        return Err(RowError::InvalidArgument);
    }
    let (moment, size, origin) = (i128::from(moment), i128::from(size), i128::from(origin));
    let start = moment - (moment - origin).rem_euclid(size);
    in_range(i64::try_from(start).map_err(|_| RowError::DatetimeOverflow)?)
}

/// `date_bin(stride, moment [, origin])`
pub(in crate::expr::kernel::call) fn bin(args: &[Operand<'_>], out: &mut Register) {
    let (strides, moments) = (micros(args[0].column), args[1].column.i64s());
    let origins = args.get(2).map(|origins| origins.column.i64s());
    numbers(out, Column::i64s_mut, |row| {
        start(moments[row], strides(row)?, origins.map_or(0, |origins| origins[row]))
    });
}

/// `tumble_start(moment, size [, offset])` and `tumble_end`.
pub(in crate::expr::kernel::call) fn tumble(end: bool, args: &[Operand<'_>], out: &mut Register) {
    let (moments, sizes) = (args[0].column.i64s(), micros(args[1].column));
    let offsets = args.get(2).map(|offsets| micros(offsets.column));
    numbers(out, Column::i64s_mut, |row| {
        let offset = offsets.as_ref().map_or(Ok(0), |offsets| offsets(row))?;
        let size = sizes(row)?;
        let start = start(moments[row], size, offset)?;
        match end {
            false => Ok(start),
            true => in_range(start.checked_add(size).ok_or(RowError::DatetimeOverflow)?),
        }
    });
}

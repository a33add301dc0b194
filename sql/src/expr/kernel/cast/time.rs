//! Dates, times, moments and intervals into one another. A moment without zone is at UTC.

use crate::column::{Column, Values};
use crate::expr::kernel::map;
use crate::expr::program::Register;
use crate::interval::{DAY_US, Interval};
use crate::types::DataType;

pub(super) fn cast(input: &Column, out: &mut Register) {
    let (i32s, i64s, i128s) = (Column::i32s_mut, Column::i64s_mut, Column::i128s_mut);
    match (input.values(), input.data_type(), out.column.data_type()) {
        // Every date is a moment: that bounds the dates.
        (Values::I32(days), DataType::Date, DataType::Timestamp | DataType::TimestampTz) => {
            map(days, out, i64s, |days| Ok(i64::from(days) * DAY_US));
        }
        (Values::I64(moments), DataType::Timestamp | DataType::TimestampTz, to) => match to {
            DataType::Date => map(moments, out, i32s, |us| Ok(us.div_euclid(DAY_US) as i32)),
            DataType::Time => map(moments, out, i64s, |us| Ok(us.rem_euclid(DAY_US))),
            DataType::Timestamp | DataType::TimestampTz => map(moments, out, i64s, Ok),
            other => unreachable!("a moment to {other}"),
        },
        (Values::I64(times), DataType::Time, DataType::Interval) => {
            map(times, out, i128s, |us| Ok(Interval::of_micros(us).to_i128()));
        }
        (Values::I128(intervals), DataType::Interval, DataType::Time) => {
            map(intervals, out, i64s, |packed| {
                Ok(Interval::of_i128(packed).micros().rem_euclid(DAY_US))
            });
        }
        (_, from, to) => unreachable!("{from} to {to}"),
    }
}

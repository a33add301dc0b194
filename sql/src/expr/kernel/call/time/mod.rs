//! Functions of dates, times and intervals.

mod civil;
mod field;
mod make;
mod pattern;
mod window;
mod zone;

use crate::column::{Column, Text};
use crate::error::SqlError;
use crate::expr::failure::RowError;
use crate::expr::function::Argument;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::{numbers, some_texts};
use crate::expr::program::{Operand, Register};
use crate::interval::Interval;
use crate::types::DataType;
use crate::value::Value;

pub(in crate::expr) use field::Field;
pub(super) use make::{make_date, make_timestamp, of_count, to_timestamp};
use pattern::Day;
pub(in crate::expr) use pattern::Pattern;
pub(super) use window::{bin, tumble};
pub(super) use zone::at_zone;

/// The field that a constant names, for a call of `native` over `args`.
pub(super) fn constant_field(name: &Value, of: DataType, cuts: bool) -> Result<Field, SqlError> {
    let Value::Text(name) = name else { unreachable!("a field is named by a text") };
    let refuse = |what: &str| {
        SqlError::invalid_parameter(format!("{what} '{name}' of {of}"))
            .hint("Fields are year, quarter, month, week, day, hour, minute, second and others.")
    };
    let field = Field::named(name).ok_or_else(|| refuse("there is no field"))?;
    // A field fails for all values of a type or for none.
    let works = match (of, cuts) {
        (DataType::Interval, true) => field::truncate_interval(field, Interval::default()).is_ok(),
        (DataType::Interval, false) => field.of_interval(Interval::default()).is_ok(),
        (DataType::Time, _) => field.of_time(0).is_ok(),
        (_, true) => field::truncate(field, 0).is_ok(),
        (_, false) => field.of_moment(0).is_ok(),
    };
    if works { Ok(field) } else { Err(refuse("no use can be made of field")) }
}

/// The pattern of a constant.
pub(super) fn constant_pattern(args: &[Argument<'_>]) -> Option<Pattern> {
    let Some(Value::Text(text)) = args[1].constant else { return None };
    let mut pattern = Pattern::default();
    pattern.read(text);
    Some(pattern)
}

/// Fields by row: prepared, or by name.
fn fields<'a>(constant: Option<Field>, names: &'a Column) -> impl Fn(usize) -> Found<Field> + 'a {
    let names: Option<&Text> = constant.is_none().then(|| names.texts());
    move |row| match names {
        Some(names) => Field::named(names.get(row)).ok_or(RowError::InvalidArgument),
        None => Ok(constant.expect("prepared, or there are names")),
    }
}

pub(super) fn date_part(constant: Option<Field>, args: &[Operand<'_>], out: &mut Register) {
    let field = fields(constant, args[0].column);
    let (column, slots) = (args[1].column, Column::f64s_mut);
    match column.data_type() {
        DataType::Interval => {
            let intervals = column.i128s();
            numbers(out, slots, |row| field(row)?.of_interval(Interval::of_i128(intervals[row])));
        }
        DataType::Time => {
            let times = column.i64s();
            numbers(out, slots, |row| field(row)?.of_time(times[row]));
        }
        _ => {
            let moments = column.i64s();
            numbers(out, slots, |row| field(row)?.of_moment(moments[row]));
        }
    }
}

pub(super) fn date_trunc(constant: Option<Field>, args: &[Operand<'_>], out: &mut Register) {
    let field = fields(constant, args[0].column);
    let column = args[1].column;
    match column.data_type() {
        DataType::Interval => {
            let intervals = column.i128s();
            numbers(out, Column::i128s_mut, |row| {
                let interval = Interval::of_i128(intervals[row]);
                field::truncate_interval(field(row)?, interval).map(Interval::to_i128)
            });
        }
        _ => {
            let moments = column.i64s();
            numbers(out, Column::i64s_mut, |row| {
                field::in_range(field::truncate(field(row)?, moments[row])?)
            });
        }
    }
}

pub(super) fn to_char(pattern: Option<&Pattern>, args: &[Operand<'_>], out: &mut Register) {
    let moments = args[0].column.i64s();
    if let Some(pattern) = pattern {
        // Rows near one another are most often of one day.
        let mut day = Day::of(pattern, std::mem::take(&mut out.work.other));
        some_texts(out, |row, text| {
            pattern.write_on(&mut day, moments[row], text);
            Ok(true)
        });
        out.work.other = day.into_text();
        return;
    }
    let patterns = args[1].column.texts();
    let mut pattern = std::mem::take(&mut out.work.moments);
    some_texts(out, |row, text| {
        pattern.read(patterns.get(row));
        pattern.write(moments[row], text);
        Ok(true)
    });
    out.work.moments = pattern;
}

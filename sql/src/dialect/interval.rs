//! Spans of time as a user writes them, in one form.

use std::fmt;

use sqlparser::ast::{DateTimeField, Expr, Interval as Written, UnaryOperator, Value};

use crate::error::SqlError;

/// Microseconds of a second.
const SECOND_US: i64 = 1_000_000;
/// Microseconds of a day of 24 hours.
const DAY_US: i64 = 86_400 * SECOND_US;

/// A span of time in PostgreSQL's three parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Interval {
    /// Months, which have no fixed length.
    pub months: i32,
    /// Days, which have none either where a time zone matters.
    pub days: i32,
    /// Microseconds.
    pub micros: i64,
}

/// What one of a unit is worth.
#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Days(i64),
    Micros(i64),
}

impl Interval {
    /// Its length with days of 24 hours; `None` with months, or beyond what an i64 holds.
    pub fn length_us(&self) -> Option<i64> {
        if self.months != 0 {
            return None;
        }
        i64::from(self.days).checked_mul(DAY_US)?.checked_add(self.micros)
    }

    /// Reads `'5 seconds'`, `'5m'`, `'1 day 02:03:04'`; a bare number counts `unit`.
    fn read(text: &str, unit: Option<Unit>) -> Option<Interval> {
        let mut interval = Interval::default();
        let mut pieces = pieces(text)?.into_iter().peekable();
        pieces.peek()?;
        while let Some(piece) = pieces.next() {
            let Piece::Number(number) = piece else { return None };
            if number.contains(':') {
                interval.micros = interval.micros.checked_add(clock(&number)?)?;
                continue;
            }
            let unit = match pieces.peek() {
                Some(Piece::Word(word)) => {
                    let unit = unit_of(word);
                    pieces.next();
                    unit
                }
                _ => unit,
            };
            interval.add(&number, unit?)?;
        }
        Some(interval)
    }

    /// Adds `number` times `unit`; what is no whole part goes to the next smaller one.
    fn add(&mut self, number: &str, unit: Unit) -> Option<()> {
        let (whole, millionths) = fixed(number)?;
        match unit {
            Unit::Months(each) => {
                let months = whole.checked_mul(each)?;
                let part = millionths.checked_mul(each)?;
                let months = months.checked_add(part / 1_000_000)?;
                self.months = self.months.checked_add(i32::try_from(months).ok()?)?;
                (part % 1_000_000 == 0).then_some(())
            }
            Unit::Days(each) => {
                let part = millionths.checked_mul(each)?;
                let days = whole.checked_mul(each)?.checked_add(part / 1_000_000)?;
                self.days = self.days.checked_add(i32::try_from(days).ok()?)?;
                let rest = (part % 1_000_000).checked_mul(DAY_US / 1_000_000)?;
                self.micros = self.micros.checked_add(rest)?;
                Some(())
            }
            Unit::Micros(each) => {
                let micros = i128::from(whole) * i128::from(each)
                    + i128::from(millionths) * i128::from(each) / 1_000_000;
                self.micros = self.micros.checked_add(i64::try_from(micros).ok()?)?;
                Some(())
            }
        }
    }

    fn negated(self) -> Option<Interval> {
        Some(Interval {
            months: self.months.checked_neg()?,
            days: self.days.checked_neg()?,
            micros: self.micros.checked_neg()?,
        })
    }
}

/// The interval a quoted text stands for, as in `'5 seconds'` or `'5m'`.
pub fn parse(text: &str) -> Result<Interval, SqlError> {
    Interval::read(text, None).ok_or_else(|| invalid(text))
}

/// The interval an expression stands for, if it is a literal of one: `INTERVAL '5' SECOND`,
/// `INTERVAL 5 SECOND`, `INTERVAL '5 seconds'`, `'5 seconds'`, `- INTERVAL ..`.
pub fn of_expr(expr: &Expr) -> Result<Option<Interval>, SqlError> {
    match expr {
        Expr::Interval(written) => of_written(written),
        Expr::Value(value) => match text_of(&value.value) {
            Some(text) => parse(text).map(Some),
            None => Ok(None),
        },
        Expr::Nested(inner) => of_expr(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => {
            let Some(interval) = of_expr(expr)? else { return Ok(None) };
            interval.negated().map(Some).ok_or_else(|| invalid(&expr.to_string()))
        }
        Expr::Cast { expr, data_type: sqlparser::ast::DataType::Interval { .. }, .. } => {
            of_expr(expr)
        }
        _ => Ok(None),
    }
}

/// The interval of an `INTERVAL ..` literal; `None` where its value is no literal.
pub(super) fn of_written(written: &Written) -> Result<Option<Interval>, SqlError> {
    let negative = matches!(&*written.value, Expr::UnaryOp { op: UnaryOperator::Minus, .. });
    let value = match &*written.value {
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => &**expr,
        _ => &*written.value,
    };
    let Expr::Value(value) = value else { return Ok(None) };
    let text = match &value.value {
        Value::Number(digits, _) => digits.as_str(),
        other => match text_of(other) {
            Some(text) => text,
            None => return Ok(None),
        },
    };
    let read = match (&written.leading_field, &written.last_field) {
        (Some(from), Some(to)) => of_fields(text, from, to),
        (Some(field), None) => Interval::read(
            text,
            Some(unit_of(&field.to_string()).ok_or_else(|| {
                SqlError::syntax(format!("{field} is no unit of an interval")).hint(UNITS)
            })?),
        ),
        (None, _) => Interval::read(text, None),
    };
    let read = if negative { read.and_then(Interval::negated) } else { read };
    read.map(Some).ok_or_else(|| invalid(text))
}

fn text_of(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text) | Value::EscapedStringLiteral(text) => Some(text),
        _ => None,
    }
}

/// `'1-2' YEAR TO MONTH`, `'1 02:03' DAY TO MINUTE`, `'02:03' MINUTE TO SECOND`.
fn of_fields(text: &str, from: &DateTimeField, to: &DateTimeField) -> Option<Interval> {
    let mut interval = Interval::default();
    match (from, to) {
        (DateTimeField::Year, DateTimeField::Month) => {
            let (years, months) = text.trim().split_once('-')?;
            interval.add(years, Unit::Months(12))?;
            interval.add(months, Unit::Months(1))?;
            Some(interval)
        }
        (DateTimeField::Minute, DateTimeField::Second) => {
            let (minutes, seconds) = text.trim().split_once(':')?;
            interval.add(minutes, Unit::Micros(60 * SECOND_US))?;
            interval.add(seconds, Unit::Micros(SECOND_US))?;
            Some(interval)
        }
        _ => Interval::read(text, Some(Unit::Days(1))),
    }
}

const UNITS: &str = "The units are microsecond, millisecond, second, minute, hour, day, week, \
                     month and year.";

fn invalid(text: &str) -> SqlError {
    SqlError::invalid_interval(text).hint("Write it like INTERVAL '5' SECOND or '5 seconds'.")
}

enum Piece {
    Number(String),
    Word(String),
}

/// Cuts a text into numbers and the words between them.
fn pieces(text: &str) -> Option<Vec<Piece>> {
    let mut pieces = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let number = |c: char| c.is_ascii_digit() || matches!(c, '.' | ':' | '-' | '+');
        let word = |c: char| c.is_alphabetic();
        let (piece, len): (fn(String) -> Piece, usize) = if number(first) {
            (Piece::Number, rest.find(|c| !number(c)).unwrap_or(rest.len()))
        } else if word(first) {
            (Piece::Word, rest.find(|c| !word(c)).unwrap_or(rest.len()))
        } else {
            return None;
        };
        pieces.push(piece(rest[..len].to_lowercase()));
        rest = rest[len..].trim_start();
    }
    Some(pieces)
}

/// A number as whole part and millionths, both with its sign.
fn fixed(number: &str) -> Option<(i64, i64)> {
    let negative = number.starts_with('-');
    let digits = number.strip_prefix(['-', '+']).unwrap_or(number);
    let (whole, part) = digits.split_once('.').unwrap_or((digits, ""));
    let all_digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    if !all_digits(whole) || !all_digits(part) || whole.len() + part.len() == 0 || part.len() > 6 {
        return None;
    }
    let whole: i64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let part: i64 = format!("{part:0<6}").parse().ok()?;
    Some(if negative { (-whole, -part) } else { (whole, part) })
}

/// `hours:minutes[:seconds]` in microseconds.
fn clock(text: &str) -> Option<i64> {
    let negative = text.starts_with('-');
    let mut parts = text.strip_prefix(['-', '+']).unwrap_or(text).split(':');
    let mut interval = Interval::default();
    interval.add(parts.next()?, Unit::Micros(3600 * SECOND_US))?;
    interval.add(parts.next()?, Unit::Micros(60 * SECOND_US))?;
    if let Some(seconds) = parts.next() {
        interval.add(seconds, Unit::Micros(SECOND_US))?;
    }
    let whole = parts.next().is_none();
    whole.then_some(if negative { -interval.micros } else { interval.micros })
}

fn unit_of(word: &str) -> Option<Unit> {
    Some(match word.to_ascii_lowercase().as_str() {
        "us" | "usec" | "usecs" | "microsecond" | "microseconds" => Unit::Micros(1),
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => Unit::Micros(1000),
        "s" | "sec" | "secs" | "second" | "seconds" => Unit::Micros(SECOND_US),
        "m" | "min" | "mins" | "minute" | "minutes" => Unit::Micros(60 * SECOND_US),
        "h" | "hr" | "hrs" | "hour" | "hours" => Unit::Micros(3600 * SECOND_US),
        "d" | "day" | "days" => Unit::Days(1),
        "w" | "week" | "weeks" => Unit::Days(7),
        "mon" | "mons" | "month" | "months" => Unit::Months(1),
        "quarter" | "quarters" => Unit::Months(3),
        "y" | "yr" | "yrs" | "year" | "years" => Unit::Months(12),
        _ => return None,
    })
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let mut part = |count: i64, one: &str| {
            let plural = if count == 1 { "" } else { "s" };
            parts.push(format!("{count} {one}{plural}"));
        };
        if self.months != 0 {
            part(self.months.into(), "month");
        }
        if self.days != 0 {
            part(self.days.into(), "day");
        }
        if self.micros != 0 || self.months == 0 && self.days == 0 {
            match self.micros {
                us if us % (3600 * SECOND_US) == 0 && us != 0 => {
                    part(us / SECOND_US / 3600, "hour")
                }
                us if us % (60 * SECOND_US) == 0 && us != 0 => part(us / SECOND_US / 60, "minute"),
                us if us % SECOND_US == 0 => part(us / SECOND_US, "second"),
                us if us % 1000 == 0 => part(us / 1000, "millisecond"),
                us => part(us, "microsecond"),
            }
        }
        f.write_str(&parts.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        parse(text).map_or_else(|error| error.sqlstate.to_owned(), |interval| interval.to_string())
    }

    #[test]
    fn an_interval_is_read_in_every_form_and_printed_in_one() {
        assert_eq!(text("5 seconds"), "5 seconds");
        assert_eq!(text(" 5m"), "5 minutes");
        assert_eq!(text("1.5h"), "90 minutes");
        assert_eq!(text("1 day 02:03:04"), "1 day 7384 seconds");
        assert_eq!(text("1 year 2 mons"), "14 months");
        assert_eq!(text("250 ms"), "250 milliseconds");
        assert_eq!(text("-1 hour"), "-1 hours");
        assert_eq!(text("0 s"), "0 seconds");
        assert_eq!(text("0.5 day"), "12 hours");
    }

    #[test]
    fn what_is_no_interval_is_refused_and_never_overflows() {
        for wrong in ["", "5", "five minutes", "5 parsecs", "1:2:3:4", "1..2 s", "-", "5 5", "m"] {
            assert_eq!(text(wrong), "22007", "{wrong:?}");
        }
        assert_eq!(text("99999999999999999999 s"), "22007");
        assert_eq!(text("9223372036854775807 hours"), "22007");
        assert_eq!(text("9223372036854775807 years"), "22007");
    }

    #[test]
    fn only_an_interval_without_months_has_a_length() {
        assert_eq!(parse("1 day 1 s").ok().and_then(|i| i.length_us()), Some(86_401_000_000));
        assert_eq!(parse("1 month").ok().and_then(|i| i.length_us()), None);
    }
}

//! Intervals out of text: as PostgreSQL writes them, ISO 8601, and what people type.

use super::{DAY_US, Interval};
use crate::expr::RowError;
use crate::timestamp::read_fraction;

const INVALID: RowError = RowError::InvalidTimestamp;
const OUT_OF_RANGE: RowError = RowError::DatetimeOverflow;

type Found<T> = Result<T, RowError>;

/// Reads `1 year 2 mons -3 days 04:05:06.7`, `1d 2h`, `1-2`, `P1Y2M3DT4H5M6S`, `5 minutes ago`.
pub(crate) fn parse(text: &str) -> Found<Interval> {
    let text = text.trim_ascii();
    let mut sum = Sum::default();
    match text.strip_prefix(['P', 'p']) {
        Some(rest) => iso(rest, &mut sum)?,
        None => words(text, &mut sum)?,
    }
    sum.finish()
}

/// Fields on their way, wide enough for any sum of them.
#[derive(Default)]
struct Sum {
    months: i128,
    days: i128,
    micros: i128,
    any: bool,
}

/// A number with digits behind its point.
#[derive(Clone, Copy)]
struct Number {
    negative: bool,
    whole: i64,
    /// Millionths of one.
    millionths: i64,
}

/// The longest name of a unit and what it is, in months, days or microseconds.
const UNITS: [(&[&str], Unit); 11] = [
    (&["microseconds", "microsecond", "microsecs", "usecs", "usec", "us"], Unit::Micros(1)),
    (&["milliseconds", "millisecond", "msecs", "msec", "ms"], Unit::Micros(1000)),
    (&["seconds", "second", "secs", "sec", "s"], Unit::Micros(1_000_000)),
    (&["minutes", "minute", "mins", "min", "m"], Unit::Micros(60_000_000)),
    (&["hours", "hour", "hrs", "hr", "h"], Unit::Micros(3_600_000_000)),
    (&["days", "day", "d"], Unit::Days(1)),
    (&["weeks", "week", "w"], Unit::Days(7)),
    (&["months", "month", "mons", "mon"], Unit::Months(1)),
    (&["years", "year", "yrs", "yr", "y"], Unit::Months(12)),
    (&["decades", "decade"], Unit::Months(120)),
    (&["centuries", "century", "c"], Unit::Months(1200)),
];

#[derive(Clone, Copy)]
enum Unit {
    Months(i64),
    Days(i64),
    Micros(i64),
}

impl Sum {
    /// What of a month or a day is not whole spills into the smaller ones, at 30 days a month.
    fn add(&mut self, number: Number, unit: Unit) {
        let sign = if number.negative { -1 } else { 1 };
        let (whole, part) = (sign * i128::from(number.whole), sign * i128::from(number.millionths));
        const MILLION: i128 = 1_000_000;
        self.any = true;
        match unit {
            Unit::Months(months) => {
                let months = i128::from(months);
                let parts = part * months;
                self.months += whole * months + parts / MILLION;
                // A year's fraction is whole months in PostgreSQL; a month's is days.
                if months == 1 {
                    self.add_days(parts % MILLION * 30);
                }
            }
            Unit::Days(days) => {
                self.days += whole * i128::from(days);
                self.add_days(part * i128::from(days));
            }
            Unit::Micros(micros) => {
                let parts = part * i128::from(micros);
                self.micros += whole * i128::from(micros) + rounded(parts, MILLION);
            }
        }
    }

    fn add_days(&mut self, millionths: i128) {
        const MILLION: i128 = 1_000_000;
        self.days += millionths / MILLION;
        self.micros += rounded(millionths % MILLION * i128::from(DAY_US), MILLION);
    }

    fn finish(self) -> Found<Interval> {
        if !self.any {
            return Err(INVALID);
        }
        let months = i32::try_from(self.months).map_err(|_| OUT_OF_RANGE)?;
        let days = i32::try_from(self.days).map_err(|_| OUT_OF_RANGE)?;
        let micros = i64::try_from(self.micros).map_err(|_| OUT_OF_RANGE)?;
        Interval::new(months, days, micros).ok_or(OUT_OF_RANGE)
    }
}

fn rounded(value: i128, divisor: i128) -> i128 {
    (value + value.signum() * (divisor / 2)) / divisor
}

fn words(text: &str, sum: &mut Sum) -> Found<()> {
    let text = text.strip_prefix('@').unwrap_or(text);
    let mut words = text.split_ascii_whitespace().peekable();
    let mut pending: Option<Number> = None;
    while let Some(word) = words.next() {
        if word.eq_ignore_ascii_case("ago") && sum.any && words.peek().is_none() {
            *sum = Sum { months: -sum.months, days: -sum.days, micros: -sum.micros, any: true };
        } else if let Some(number) = pending.take() {
            sum.add(number, unit(word)?);
        } else if word.contains(':') {
            sum.micros += clock(word)?;
            sum.any = true;
        } else {
            pending = compact(word, sum)?;
        }
        // A number alone at the end is seconds; one before a clock is days.
        if pending.is_some() && words.peek().is_none_or(|next| next.contains(':')) {
            let unit = if words.peek().is_none() { Unit::Micros(1_000_000) } else { Unit::Days(1) };
            sum.add(pending.take().expect("there is one"), unit);
        }
    }
    Ok(())
}

/// `1d2h`, `1-2` for a year and two months, or a number whose unit is the next word.
fn compact(word: &str, sum: &mut Sum) -> Found<Option<Number>> {
    let mut rest = word;
    while !rest.is_empty() {
        let (read, after) = number(rest)?;
        if let Some(months) = after.strip_prefix('-').filter(|_| read.millionths == 0) {
            let months = Number { negative: read.negative, ..number(months)?.0 };
            sum.add(read, Unit::Months(12));
            sum.add(months, Unit::Months(1));
            return if months.whole < 12 { Ok(None) } else { Err(OUT_OF_RANGE) };
        }
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        if end == 0 {
            return if after.is_empty() { Ok(Some(read)) } else { Err(INVALID) };
        }
        sum.add(read, unit(&after[..end])?);
        rest = &after[end..];
    }
    Ok(None)
}

fn unit(word: &str) -> Found<Unit> {
    let is = |name: &&str| word.eq_ignore_ascii_case(name);
    let found = UNITS.iter().find(|(names, _)| names.iter().any(&is));
    found.map(|(_, unit)| *unit).ok_or(INVALID)
}

/// The number at the start of a text, and what is behind it.
fn number(text: &str) -> Found<(Number, &str)> {
    let (negative, rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let digits = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (whole, mut rest) = rest.split_at(digits(rest));
    let mut fraction = "";
    if let Some(after) = rest.strip_prefix('.') {
        (fraction, rest) = after.split_at(digits(after));
    }
    if whole.is_empty() && fraction.is_empty() {
        return Err(INVALID);
    }
    let whole = if whole.is_empty() { Ok(0) } else { whole.parse() };
    let whole = whole.map_err(|_| OUT_OF_RANGE)?;
    Ok((Number { negative, whole, millionths: read_fraction(fraction)? }, rest))
}

/// `[-]HH:MM[:SS[.f]]`, hours without bound.
fn clock(word: &str) -> Found<i128> {
    let (negative, text) = match word.as_bytes().first() {
        Some(b'-') => (true, &word[1..]),
        Some(b'+') => (false, &word[1..]),
        _ => (false, word),
    };
    let mut parts = text.split(':');
    let whole = |text: &str| -> Found<i128> {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        if digits { text.parse().map_err(|_| OUT_OF_RANGE) } else { Err(INVALID) }
    };
    let hours = whole(parts.next().ok_or(INVALID)?)?;
    let minutes = whole(parts.next().ok_or(INVALID)?)?;
    let seconds = parts.next().unwrap_or("0");
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, ""));
    let seconds = whole(seconds)?;
    if parts.next().is_some() {
        return Err(INVALID);
    }
    if minutes > 59 || seconds > 60 || hours > i128::from(i64::MAX) {
        return Err(OUT_OF_RANGE);
    }
    let seconds = (hours * 60 + minutes) * 60 + seconds;
    let micros = seconds * 1_000_000 + i128::from(read_fraction(fraction)?);
    Ok(if negative { -micros } else { micros })
}

/// What stands behind the P of ISO 8601 with designators.
fn iso(text: &str, sum: &mut Sum) -> Found<()> {
    let (mut rest, mut time) = (text, false);
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(['T', 't']) {
            if time || after.is_empty() {
                return Err(INVALID);
            }
            (rest, time) = (after, true);
            continue;
        }
        let (read, after) = number(rest)?;
        let unit = match (after.bytes().next().ok_or(INVALID)?.to_ascii_uppercase(), time) {
            (b'Y', false) => Unit::Months(12),
            (b'M', false) => Unit::Months(1),
            (b'W', false) => Unit::Days(7),
            (b'D', false) => Unit::Days(1),
            (b'H', true) => Unit::Micros(3_600_000_000),
            (b'M', true) => Unit::Micros(60_000_000),
            (b'S', true) => Unit::Micros(1_000_000),
            _ => return Err(INVALID),
        };
        sum.add(read, unit);
        rest = &after[1..];
    }
    Ok(())
}

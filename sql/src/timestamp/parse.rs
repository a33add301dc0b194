//! Dates and times out of text, as PostgreSQL reads ISO 8601 and its own output.

use super::{date_of, days_of};
use crate::expr::RowError;
use crate::interval::DAY_US;
use crate::limits::{DATE_DAYS_MAX, TIMESTAMP_US_MAX};

const INVALID: RowError = RowError::InvalidTimestamp;
const OUT_OF_RANGE: RowError = RowError::DatetimeOverflow;

/// No zone is farther from UTC.
const OFFSET_SECONDS_MAX: i64 = 16 * 3600 - 1;

type Found<T> = Result<T, RowError>;

/// Reads a TIMESTAMP. A zone is read and has no meaning.
pub(crate) fn parse(text: &str) -> Found<i64> {
    let moment = Moment::of(text)?;
    micros(moment.days, moment.time.unwrap_or(0))
}

/// Reads a TIMESTAMPTZ. Without a zone the moment is at UTC.
pub(crate) fn parse_tz(text: &str) -> Found<i64> {
    let moment = Moment::of(text)?;
    micros(moment.days, moment.time.unwrap_or(0) - moment.offset.unwrap_or(0) * 1_000_000)
}

/// Reads a DATE. A time behind it is read and has no meaning.
pub(crate) fn parse_date(text: &str) -> Found<i32> {
    let days = Moment::of(text)?.days;
    let days = i32::try_from(days).map_err(|_| OUT_OF_RANGE)?;
    if days.abs() > DATE_DAYS_MAX { Err(OUT_OF_RANGE) } else { Ok(days) }
}

/// Reads a TIME: alone, or behind a date.
pub(crate) fn parse_time(text: &str) -> Found<i64> {
    let text = text.trim_ascii();
    let is_date = text.split([' ', 'T', 't', ':']).next().is_some_and(|word| {
        word.trim_start_matches('-').contains(['-', '/']) && !word.starts_with(':')
    });
    if is_date {
        return Moment::of(text)?.time.ok_or(INVALID);
    }
    let mut rest = Rest::default();
    for word in text.split_ascii_whitespace() {
        rest.word(word)?;
    }
    rest.time()?.ok_or(INVALID)
}

fn micros(days: i64, time: i64) -> Found<i64> {
    let micros = i128::from(days) * i128::from(DAY_US) + i128::from(time);
    let micros = i64::try_from(micros).map_err(|_| OUT_OF_RANGE)?;
    if micros.unsigned_abs() > TIMESTAMP_US_MAX as u64 { Err(OUT_OF_RANGE) } else { Ok(micros) }
}

struct Moment {
    days: i64,
    time: Option<i64>,
    /// Seconds east of UTC.
    offset: Option<i64>,
}

impl Moment {
    fn of(text: &str) -> Found<Moment> {
        let text = text.trim_ascii();
        if text.eq_ignore_ascii_case("epoch") {
            return Ok(Moment { days: 0, time: None, offset: None });
        }
        if ["infinity", "-infinity"].iter().any(|word| text.eq_ignore_ascii_case(word)) {
            return Err(OUT_OF_RANGE);
        }
        let mut words = text.split_ascii_whitespace();
        let first = words.next().ok_or(INVALID)?;
        // A `T` between digits parts date and time.
        let (date, time) = match first.split_once(['T', 't']) {
            Some((date, time)) if time.starts_with(|c: char| c.is_ascii_digit()) => {
                (date, Some(time))
            }
            _ => (first, None),
        };
        // A day alone may have a zone too.
        let (date, zone) = match date.strip_suffix(['Z', 'z']) {
            Some(date) if time.is_none() => (date, Some("Z")),
            _ => (date, None),
        };
        let mut rest = Rest::default();
        for word in time.into_iter().chain(zone).chain(words) {
            rest.word(word)?;
        }
        let days = day(date, rest.bc)?;
        Ok(Moment { days, time: rest.time()?, offset: rest.offset })
    }
}

/// What stands behind the date.
#[derive(Default)]
struct Rest {
    clock: Option<i64>,
    offset: Option<i64>,
    afternoon: Option<bool>,
    bc: bool,
}

impl Rest {
    fn word(&mut self, word: &str) -> Found<()> {
        if !word.starts_with(|c: char| c.is_ascii_digit()) {
            return self.suffix(word);
        }
        if self.clock.is_some() {
            return Err(INVALID);
        }
        let end = word.find(|c: char| !c.is_ascii_digit() && !matches!(c, ':' | '.'));
        let (clock, suffix) = word.split_at(end.unwrap_or(word.len()));
        self.clock = Some(read_clock(clock)?);
        if suffix.is_empty() { Ok(()) } else { self.suffix(suffix) }
    }

    fn suffix(&mut self, word: &str) -> Found<()> {
        let is = |wanted: &str| word.eq_ignore_ascii_case(wanted);
        if is("am") || is("pm") {
            return set(&mut self.afternoon, is("pm"));
        }
        if is("bc") && !self.bc {
            self.bc = true;
            return Ok(());
        }
        if is("ad") {
            return Ok(());
        }
        if ["z", "utc", "gmt", "zulu"].into_iter().any(is) {
            return set(&mut self.offset, 0);
        }
        set(&mut self.offset, read_offset(word)?)
    }

    /// Microseconds since midnight.
    fn time(&self) -> Found<Option<i64>> {
        const HALF: i64 = DAY_US / 2;
        let Some(clock) = self.clock else {
            return if self.afternoon.is_some() { Err(INVALID) } else { Ok(None) };
        };
        Ok(Some(match self.afternoon {
            None => clock,
            Some(_) if !(DAY_US / 24..HALF + DAY_US / 24).contains(&clock) => {
                return Err(OUT_OF_RANGE);
            }
            Some(afternoon) => clock % HALF + if afternoon { HALF } else { 0 },
        }))
    }
}

fn set<T>(place: &mut Option<T>, value: T) -> Found<()> {
    if place.replace(value).is_some() { Err(INVALID) } else { Ok(()) }
}

/// `HH:MM[:SS[.f]]`, or the digits without colons.
fn read_clock(text: &str) -> Found<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut fields = [0; 3];
    if whole.contains(':') {
        let mut count = 0;
        for part in whole.split(':') {
            *fields.get_mut(count).ok_or(INVALID)? = number(part, 1, 2)?;
            count += 1;
        }
        if count == 2 && text.contains('.') {
            return Err(INVALID);
        }
    } else {
        if !matches!(whole.len(), 4 | 6) {
            return Err(INVALID);
        }
        for (at, field) in fields.iter_mut().enumerate().take(whole.len() / 2) {
            *field = number(whole.get(at * 2..at * 2 + 2).ok_or(INVALID)?, 2, 2)?;
        }
    }
    let [hour, minute, second] = fields;
    if hour > 24 || minute > 59 || second > 60 {
        return Err(OUT_OF_RANGE);
    }
    let micros = ((hour * 60 + minute) * 60 + second) * 1_000_000 + read_fraction(fraction)?;
    if micros > DAY_US { Err(OUT_OF_RANGE) } else { Ok(micros) }
}

/// Digits behind the point of a second as microseconds, rounded.
pub(crate) fn read_fraction(digits: &str) -> Found<i64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(INVALID);
    }
    let digit = |at: usize| digits.as_bytes().get(at).map_or(0, |byte| i64::from(byte - b'0'));
    let micros = (0..6).fold(0, |micros, at| micros * 10 + digit(at));
    Ok(micros + i64::from(digit(6) >= 5))
}

/// `+HH`, `+HHMM`, `+HH:MM` or `+HH:MM:SS`, in seconds.
fn read_offset(text: &str) -> Found<i64> {
    let (sign, text) = match text.as_bytes().first() {
        Some(b'+') => (1, &text[1..]),
        Some(b'-') => (-1, &text[1..]),
        _ => return Err(INVALID),
    };
    let mut fields = [0; 3];
    if let [hour @ .., _, _] = text.as_bytes()
        && matches!(hour.len(), 1 | 2)
        && !text.contains(':')
    {
        let (hour, minute) = text.split_at_checked(hour.len()).ok_or(INVALID)?;
        fields = [number(hour, 1, 2)?, number(minute, 2, 2)?, 0];
    } else {
        for (at, part) in text.split(':').enumerate() {
            *fields.get_mut(at).ok_or(INVALID)? = number(part, 1, 2)?;
        }
    }
    let seconds = (fields[0] * 60 + fields[1]) * 60 + fields[2];
    let fits = fields[1] < 60 && fields[2] < 60 && seconds <= OFFSET_SECONDS_MAX;
    if fits { Ok(sign * seconds) } else { Err(OUT_OF_RANGE) }
}

/// `YYYY-MM-DD`, `YYYYMMDD` or, as the default of PostgreSQL, `MM-DD-YYYY`; `/` parts as well as
/// `-`, and a month may be a name.
fn day(text: &str, bc: bool) -> Found<i64> {
    let (negative, text) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text),
    };
    let (year, month, day) = if text.len() == 8 && text.bytes().all(|b| b.is_ascii_digit()) {
        (&text[..4], &text[4..6], &text[6..])
    } else {
        let mut parts = text.split(['-', '/']);
        let mut part = || parts.next().ok_or(INVALID);
        let (first, second, third) = (part()?, part()?, part()?);
        if parts.next().is_some() {
            return Err(INVALID);
        }
        let year_first = first.len() >= 3 && first.bytes().all(|b| b.is_ascii_digit());
        match (year_first, month_name(first), month_name(second)) {
            (true, ..) => (first, second, third),
            (false, None, Some(_)) => (third, second, first),
            (false, ..) => (third, first, second),
        }
    };
    let year = number(year, 3, 6)?;
    let month = month_name(month).map_or_else(|| number(month, 1, 2), Ok)?;
    let day = number(day, 1, 2)?;
    if bc && negative || !negative && year == 0 {
        return Err(OUT_OF_RANGE);
    }
    let year = if bc {
        1 - year
    } else if negative {
        -year
    } else {
        year
    };
    // A day that its month does not have comes back as another date.
    let days = if (1..=12).contains(&month) { days_of(year, month, day) } else { i64::MIN };
    if days == i64::MIN || date_of(days) != (year, month, day) {
        return Err(OUT_OF_RANGE);
    }
    Ok(days)
}

fn month_name(text: &str) -> Option<i64> {
    const NAMES: [&str; 12] = [
        "january",
        "february",
        "march",
        "april",
        "may",
        "june",
        "july",
        "august",
        "september",
        "october",
        "november",
        "december",
    ];
    let is = |name: &&str| text.eq_ignore_ascii_case(name) || text.eq_ignore_ascii_case(&name[..3]);
    NAMES.iter().position(is).map(|at| at as i64 + 1)
}

/// `min` to `max` decimal digits and nothing else.
fn number(text: &str, min: usize, max: usize) -> Found<i64> {
    let digits = (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().map_err(|_| INVALID) } else { Err(INVALID) }
}

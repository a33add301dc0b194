//! Timestamps as text: `2024-02-29 12:00:00.5`, proleptic Gregorian, without time zone.

use std::fmt;

const DAY_US: i64 = 86_400_000_000;

/// Writes microseconds since the Unix epoch as date and time.
pub(crate) fn format(micros: i64, f: &mut impl fmt::Write) -> fmt::Result {
    let (year, month, day) = date_of(micros.div_euclid(DAY_US));
    let rest = micros.rem_euclid(DAY_US);
    let (seconds, fraction) = (rest / 1_000_000, rest % 1_000_000);
    let sign = if year < 0 { "-" } else { "" };
    write!(f, "{sign}{:04}-{month:02}-{day:02} ", year.abs())?;
    write!(f, "{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)?;
    if fraction == 0 {
        return Ok(());
    }
    let (mut fraction, mut width) = (fraction, 6);
    while fraction % 10 == 0 {
        fraction /= 10;
        width -= 1;
    }
    write!(f, ".{fraction:0width$}")
}

/// Reads `YYYY-MM-DD`, optionally followed by a space or `T` and `HH:MM[:SS[.ffffff]]`, and an
/// optional `Z`. `None` where the text is anything else or the moment does not fit.
pub(crate) fn parse(text: &str) -> Option<i64> {
    let text = text.trim_ascii();
    let text = text.strip_suffix('Z').unwrap_or(text);
    let (date, time) = match text.split_once([' ', 'T']) {
        Some((date, time)) => (date, time),
        None => (text, "00:00"),
    };
    let (negative, date) = match date.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, date),
    };
    let mut parts = date.split('-');
    let year = number(parts.next()?, 4, 6)? * if negative { -1 } else { 1 };
    let month = number(parts.next()?, 1, 2)?;
    let day = number(parts.next()?, 1, 2)?;
    if parts.next().is_some() || !(1..=12).contains(&month) {
        return None;
    }
    let days = days_of(year, month, day);
    // A day that its month does not have comes back as another date.
    if date_of(days) != (year, month, day) {
        return None;
    }
    let micros = i128::from(days) * i128::from(DAY_US) + i128::from(parse_time(time)?);
    i64::try_from(micros).ok()
}

fn parse_time(text: &str) -> Option<i64> {
    let mut parts = text.split(':');
    let hour = number(parts.next()?, 1, 2)?;
    let minute = number(parts.next()?, 2, 2)?;
    let seconds = parts.next().unwrap_or("00");
    if parts.next().is_some() {
        return None;
    }
    let (second, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let second = number(second, 2, 2)?;
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let digits = u32::try_from(fraction.len()).ok()?;
    let fraction = number(fraction, 1, 6)? * 10_i64.pow(6 - digits);
    Some(((hour * 60 + minute) * 60 + second) * 1_000_000 + fraction)
}

/// `min` to `max` decimal digits and nothing else.
fn number(text: &str, min: usize, max: usize) -> Option<i64> {
    let digits = (min..=max).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    if digits { text.parse().ok() } else { None }
}

/// Days since the epoch to year, month, day. Years begin in March here, so that the leap day is
/// the last of its year, and 400 years are a cycle of 146097 days.
fn date_of(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year + era * 400 + i64::from(month <= 2), month, day)
}

fn days_of(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(micros: i64) -> String {
        let mut out = String::new();
        format(micros, &mut out).unwrap();
        out
    }

    #[test]
    fn known_moments_are_written_as_in_postgresql() {
        assert_eq!(text(0), "1970-01-01 00:00:00");
        assert_eq!(text(-1), "1969-12-31 23:59:59.999999");
        assert_eq!(text(1_709_208_000_500_000), "2024-02-29 12:00:00.5");
        assert_eq!(text(-2_208_988_800_000_000), "1900-01-01 00:00:00");
    }

    #[test]
    fn every_day_of_a_cycle_and_the_ends_of_the_range_are_read_back() {
        for day in (-1_000_000..146_100).step_by(7) {
            assert_eq!(parse(&text(day * DAY_US + 7)), Some(day * DAY_US + 7));
        }
        for micros in [i64::MIN, i64::MIN + 1, i64::MAX - 1, i64::MAX] {
            assert_eq!(parse(&text(micros)), Some(micros));
        }
    }

    #[test]
    fn what_is_no_moment_is_refused() {
        for text in [
            "",
            "2024",
            "2023-02-29",
            "2024-13-01",
            "2024-00-10",
            "2024-01-32",
            "2024-01-01 24:00",
            "2024-01-01 1:2",
            "2024-01-01 00:00:60",
            "2024-01-01 00:00:00.1234567",
            "999999-01-01",
            "2024-01-01 00:00:00 x",
            "--2024-01-01",
            "2024-+1-01",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }

    #[test]
    fn the_time_and_its_seconds_may_be_left_out() {
        assert_eq!(parse("1970-01-02"), Some(DAY_US));
        assert_eq!(parse(" 1970-01-01T01:00Z "), Some(3_600_000_000));
    }
}

use super::*;
use crate::expr::RowError;
use crate::limits::TIMESTAMP_US_MAX;

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
        assert_eq!(parse(&text(day * DAY_US + 7)), Ok(day * DAY_US + 7));
    }
    for micros in [-TIMESTAMP_US_MAX, TIMESTAMP_US_MAX] {
        assert_eq!(parse(&text(micros)), Ok(micros));
    }
}

#[test]
fn what_is_no_moment_is_refused_with_the_reason() {
    let (syntax, range) = (RowError::InvalidTimestamp, RowError::DatetimeOverflow);
    for (text, error) in [
        ("", syntax),
        ("2024", syntax),
        ("2024-01-01 00:00:00 x", syntax),
        ("--2024-01-01", syntax),
        ("2024-+1-01", syntax),
        ("2024-01-01 00:00:00+00+00", syntax),
        ("2024-01-01 12:00 12:00", syntax),
        ("2023-02-29", range),
        ("2024-13-01", range),
        ("2024-00-10", range),
        ("2024-01-32", range),
        ("0000-01-01", range),
        ("2024-01-01 24:00:01", range),
        ("2024-01-01 12:60", range),
        ("2024-01-01 13:00 PM", range),
        ("2024-01-01 00:00+16", range),
        ("999999-01-01", range),
        ("infinity", range),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn moments_are_read_as_postgresql_reads_them() {
    let is = |text: &str, wanted: &str| {
        let mut out = String::new();
        format_tz(parse_tz(text).unwrap(), &mut out).unwrap();
        assert_eq!(out, wanted, "{text}");
    };
    is("2015-07-15 00:00:00+00", "2015-07-15 00:00:00+00");
    is("2015-07-15T02:30:00+05:30", "2015-07-14 21:00:00+00");
    is("2015-07-15 00:00:00-0130", "2015-07-15 01:30:00+00");
    is("20150715 04:05:06.1234567Z", "2015-07-15 04:05:06.123457+00");
    is("2015-Jul-15 12:00 am UTC", "2015-07-15 00:00:00+00");
    is("15-jul-2015 12:30 PM", "2015-07-15 12:30:00+00");
    is("7/15/2015 24:00", "2015-07-16 00:00:00+00");
    is("0044-03-15 BC", "0044-03-15 00:00:00+00 BC");
    is("epoch", "1970-01-01 00:00:00+00");
    assert_eq!(parse("2015-07-15 00:00:00+05"), parse("2015-07-15"), "a zone has no meaning");
    assert_eq!(parse_date("2015-07-15 23:59").unwrap(), 16_631);
    assert_eq!(parse_time("04:05:06.5").unwrap(), 14_706_500_000);
    assert_eq!(parse_time("040506").unwrap(), 14_706_000_000);
    assert_eq!(parse_time("2015-07-15 04:05"), parse_time("04:05 AM"));
    assert_eq!(parse_time("24:00"), Ok(DAY_US));
}

#[test]
fn the_time_and_its_seconds_may_be_left_out() {
    assert_eq!(parse("1970-01-02"), Ok(DAY_US));
    assert_eq!(parse(" 1970-01-01T01:00Z "), Ok(3_600_000_000));
}

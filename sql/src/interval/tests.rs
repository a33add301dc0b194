use super::*;
use crate::expr::RowError;

fn interval(text: &str) -> Interval {
    parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn intervals_are_read_and_written_as_postgresql_does() {
    for (text, wanted) in [
        ("1 day 02:00:00", "1 day 02:00:00"),
        (
            "1 year 2 months 3 days 4 hours 5 minutes 6.789 seconds",
            "1 year 2 mons 3 days 04:05:06.789",
        ),
        ("-1 day +2:03", "-1 days +02:03:00"),
        ("1 mon -1 day", "1 mon -1 days"),
        ("2 weeks", "14 days"),
        ("5", "00:00:05"),
        ("1 12:00", "1 day 12:00:00"),
        ("1-2", "1 year 2 mons"),
        ("1.5 months", "1 mon 15 days"),
        ("0.5 day", "12:00:00"),
        ("1d2h3m", "1 day 02:03:00"),
        ("5 minutes ago", "-00:05:00"),
        ("P1Y2M3DT4H5M6.5S", "1 year 2 mons 3 days 04:05:06.5"),
        ("@ 100 hours", "100:00:00"),
        ("0", "00:00:00"),
        ("13 months", "1 year 1 mon"),
    ] {
        let found = interval(text);
        assert_eq!(found.to_string(), wanted, "{text}");
        assert_eq!(interval(wanted).to_i128(), found.to_i128(), "{wanted}");
    }
    for (text, error) in [
        ("", RowError::InvalidTimestamp),
        ("day", RowError::InvalidTimestamp),
        ("1 fortnight", RowError::InvalidTimestamp),
        ("1:2:3:4", RowError::InvalidTimestamp),
        ("P", RowError::InvalidTimestamp),
        ("P1DT", RowError::InvalidTimestamp),
        ("99999999999 days", RowError::DatetimeOverflow),
        ("1:99", RowError::DatetimeOverflow),
    ] {
        assert_eq!(parse(text), Err(error), "{text}");
    }
}

#[test]
fn equal_spans_are_equal_and_what_they_are_comes_back_from_a_column() {
    let (months, days) = (INTERVAL_MONTHS_MAX, INTERVAL_DAYS_MAX);
    let mut all = Vec::new();
    for months in [-months, -1, 0, 1, 13, months] {
        for days in [-days, -30, 0, 1, 30, days] {
            for micros in [i64::MIN, -DAY_US, -1, 0, 1, DAY_US, i64::MAX] {
                all.push(Interval::new(months, days, micros).unwrap());
            }
        }
    }
    for one in &all {
        let packed = one.to_i128();
        let back = Interval::of_i128(packed);
        assert_eq!((back.months, back.days, back.micros), (one.months, one.days, one.micros));
        assert_eq!(span_of(packed), one.span());
        for other in &all {
            let by_span = one.cmp(other);
            assert_eq!(span_of(packed).cmp(&span_of(other.to_i128())), by_span);
            if by_span.is_ne() {
                assert_eq!(packed.cmp(&other.to_i128()), by_span, "{one} and {other}");
            }
        }
    }
    assert_eq!(interval("1 mon"), interval("30 days"));
    assert_eq!(interval("1 day"), interval("24:00"));
    assert!(Interval::new(months + 1, 0, 0).is_none() && Interval::new(0, days + 1, 0).is_none());
}

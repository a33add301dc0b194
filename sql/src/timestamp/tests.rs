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

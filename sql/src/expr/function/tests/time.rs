//! Tables of what functions of moments give.

use super::check;

#[test]
fn fields_of_moments_are_those_of_postgresql() {
    check(&[
        ("date_part('century', '2000-12-16 12:21:13'::timestamp)", "20"),
        ("date_part('century', '2001-02-16 20:38:40'::timestamp)", "21"),
        ("date_part('day', '2001-02-16 20:38:40'::timestamp)", "16"),
        ("date_part('decade', '2001-02-16 20:38:40'::timestamp)", "200"),
        ("date_part('dow', '2001-02-16 20:38:40'::timestamp)", "5"),
        ("date_part('doy', '2001-02-16 20:38:40'::timestamp)", "47"),
        ("date_part('epoch', '2001-02-16 20:38:40.12'::timestamp)", "982355920.12"),
        ("date_part('epoch', '1969-12-31 23:59:59.5'::timestamp)", "-0.5"),
        ("date_part('hour', '2001-02-16 20:38:40'::timestamp)", "20"),
        ("date_part('isodow', '2001-02-18 20:38:40'::timestamp)", "7"),
        ("date_part('dow', '2001-02-18 20:38:40'::timestamp)", "0"),
        ("date_part('isoyear', '2006-01-01'::date)", "2005"),
        ("date_part('week', '2006-01-01'::date)", "52"),
        ("date_part('isoyear', '2006-01-02'::date)", "2006"),
        ("date_part('week', '2012-12-31'::date)", "1"),
        ("date_part('julian', '2006-01-01'::date)", "2453737"),
        ("date_part('julian', '2006-01-01 12:00'::timestamp)", "2453737.5"),
        ("date_part('microseconds', '17:12:28.5'::time)", "28500000"),
        ("date_part('MILLISECONDS', '17:12:28.5'::time)", "28500"),
        ("date_part('second', '17:12:28.5'::time)", "28.5"),
        ("date_part('millennium', '2001-02-16 20:38:40'::timestamp)", "3"),
        ("date_part('millennium', '2000-12-31'::date)", "2"),
        ("date_part('minute', '2001-02-16 20:38:40'::timestamptz)", "38"),
        ("date_part('month', '2001-02-16 20:38:40'::timestamp)", "2"),
        ("date_part('quarter', '2001-02-16 20:38:40'::timestamp)", "1"),
        ("date_part('year', '2001-02-16 20:38:40'::timestamp)", "2001"),
        ("date_part('year', '1969-12-31 23:59:59'::timestamp)", "1969"),
        ("date_part('timezone', '2001-02-16 20:38:40'::timestamptz)", "0"),
        ("date_part('month', '2 years 3 months'::interval)", "3"),
        ("date_part('month', '2 years 13 months'::interval)", "1"),
        ("date_part('hour', '30 hours'::interval)", "30"),
        ("date_part('day', '40 days 1 minute'::interval)", "40"),
        ("date_part('epoch', '5 days 3 hours'::interval)", "442800"),
        ("date_part('epoch', '1 year'::interval)", "31557600"),
        ("date_part(NULL, '2001-02-16'::timestamp)", "NULL"),
        ("date_part('day', NULL::timestamp)", "NULL"),
        (
            "date_part('lustrum', '2001-02-16'::timestamp)",
            "there is no field 'lustrum' of TIMESTAMP (22023)",
        ),
        (
            "date_part('year', '17:12:28.5'::time)",
            "no use can be made of field 'year' of TIME (22023)",
        ),
    ]);
}

#[test]
fn moments_are_cut_to_their_fields() {
    check(&[
        ("date_trunc('hour', '2001-02-16 20:38:40'::timestamp)", "2001-02-16 20:00:00"),
        ("date_trunc('year', '2001-02-16 20:38:40'::timestamp)", "2001-01-01 00:00:00"),
        ("date_trunc('day', '1969-12-31 20:38:40'::timestamp)", "1969-12-31 00:00:00"),
        (
            "date_trunc('milliseconds', '1969-12-31 23:59:59.9999'::timestamp)",
            "1969-12-31 23:59:59.999",
        ),
        ("date_trunc('week', '2001-02-18 20:38:40'::timestamp)", "2001-02-12 00:00:00"),
        ("date_trunc('week', '1970-01-01'::timestamp)", "1969-12-29 00:00:00"),
        ("date_trunc('quarter', '2001-08-16'::date)", "2001-07-01 00:00:00"),
        ("date_trunc('decade', '2001-02-16'::timestamp)", "2000-01-01 00:00:00"),
        ("date_trunc('century', '2000-02-16'::timestamp)", "1901-01-01 00:00:00"),
        ("date_trunc('millennium', '2001-02-16'::timestamp)", "2001-01-01 00:00:00"),
        ("date_trunc('day', '2001-02-16 20:38:40'::timestamptz)", "2001-02-16 00:00:00+00"),
        ("date_trunc('hour', '3 days 2 hours 47 minutes 33 seconds'::interval)", "3 days 02:00:00"),
        ("date_trunc('month', '1 year 2 mons 3 days'::interval)", "1 year 2 mons"),
        (
            "date_trunc('dow', '2001-02-16'::timestamp)",
            "no use can be made of field 'dow' of TIMESTAMP (22023)",
        ),
    ]);
}

#[test]
fn grids_of_time_have_no_seam_at_1970() {
    check(&[
        (
            "date_bin('15 minutes'::interval, '2020-02-11 15:44:17'::timestamp, '2001-01-01'::timestamp)",
            "2020-02-11 15:30:00",
        ),
        (
            "date_bin('15 minutes'::interval, '2020-02-11 15:44:17'::timestamp, '2001-01-01 00:02:30'::timestamp)",
            "2020-02-11 15:32:30",
        ),
        ("date_bin('1 day'::interval, '1969-12-31 23:59:59'::timestamp)", "1969-12-31 00:00:00"),
        ("date_bin('1 month'::interval, '2020-02-11'::timestamp)", "argument out of range (22023)"),
        ("date_bin('0 s'::interval, '2020-02-11'::timestamp)", "argument out of range (22023)"),
        ("tumble_start('1970-01-01 00:00:07'::timestamp, 5000000)", "1970-01-01 00:00:05"),
        ("tumble_end('1970-01-01 00:00:07'::timestamp, 5000000)", "1970-01-01 00:00:10"),
        ("tumble_start('1969-12-31 23:59:59'::timestamp, 5000000)", "1969-12-31 23:59:55"),
        ("tumble_start('1970-01-01 00:00:07'::timestamp, 5000000, 1000000)", "1970-01-01 00:00:06"),
        ("tumble_start('1970-01-01 00:00:00'::timestamp, 5000000, 1000000)", "1969-12-31 23:59:56"),
        (
            "tumble_start('2020-01-01 10:17'::timestamptz, '10 minutes'::interval)",
            "2020-01-01 10:10:00+00",
        ),
    ]);
}

#[test]
fn counts_since_1970_are_moments() {
    check(&[
        ("to_timestamp_seconds(-1)", "1969-12-31 23:59:59"),
        ("to_timestamp_millis(1704067200123)", "2024-01-01 00:00:00.123"),
        ("to_timestamp_micros(1704067200123456)", "2024-01-01 00:00:00.123456"),
        ("to_timestamp_nanos(-1)", "1969-12-31 23:59:59.999999"),
        ("to_timestamp_seconds(9223372036854775807)", "date/time field value out of range (22008)"),
    ]);
}

#[test]
fn moments_are_written_by_patterns() {
    check(&[
        ("to_char('2002-04-20 17:31:12.66'::timestamp, 'HH12:MI:SS')", "05:31:12"),
        (
            "to_char('2002-04-20 17:31:12.66'::timestamp, 'YYYY-MM-DD HH24:MI:SS.MS')",
            "2002-04-20 17:31:12.660",
        ),
        ("to_char('2002-04-20 17:31:12.66'::timestamp, 'US FF2 SSSS')", "660000 66 63072"),
        ("to_char('2002-04-06 00:05:09'::timestamp, 'FMHH12:FMMI FMDD')", "12:5 6"),
        ("to_char('2002-04-06 07:05:09'::timestamp, 'HH AM am P.M.')", "07 AM am A.M."),
        ("to_char('2002-04-20'::timestamp, 'Day, DD  Month|')", "Saturday , 20  April    |"),
        ("to_char('2002-04-20'::timestamp, 'FMDay, FMDDth FMMonth')", "Saturday, 20th April"),
        (
            "to_char('2002-04-02'::timestamp, 'Dy DY dy Mon MON mon FMDDTH')",
            "Tue TUE tue Apr APR apr 2ND",
        ),
        (
            "to_char('2002-04-20'::timestamp, 'D DDD ID Q WW IW IYYY W CC J')",
            "7 110 6 2 16 16 2002 3 21 2452385",
        ),
        ("to_char('2002-04-20'::timestamp, 'YYY YY Y Y,YYY')", "002 02 2 2,002"),
        ("to_char('2002-04-20'::timestamp, '\"Year\" YYYY \"MM\"')", "Year 2002 MM"),
        ("to_char('2002-04-20'::timestamp, 'RM| rm| FMRM|')", "IV  | iv  | IV|"),
        ("to_char('2002-04-20'::date, 'YYYYMMDD')", "20020420"),
        ("to_char('2002-04-20'::timestamp, 'yyyy-mm-dd')", "2002-04-20"),
        ("to_char('2002-04-20'::timestamp, 'ü?')", "ü?"),
        ("to_char('2002-04-20'::timestamp, NULL)", "NULL"),
    ]);
}

#[test]
fn moments_are_made_of_numbers() {
    check(&[
        ("to_timestamp(1284352323.5e0)", "2010-09-13 04:32:03.5+00"),
        ("to_timestamp(-1)", "1969-12-31 23:59:59+00"),
        ("to_timestamp(1e300)", "date/time field value out of range (22008)"),
        ("to_timestamp(NaN)", "date/time field value out of range (22008)"),
        ("make_date(2013, 7, 15)", "2013-07-15"),
        ("make_date(2013, 2, 29)", "date/time field value out of range (22008)"),
        ("make_date(0, 7, 15)", "date/time field value out of range (22008)"),
        ("make_date(-44, 3, 15)", "0044-03-15 BC"),
        ("make_timestamp(2013, 7, 15, 8, 15, 23.5e0)", "2013-07-15 08:15:23.5"),
        ("make_timestamp(2013, 7, 15, 24, 0, 0)", "2013-07-16 00:00:00"),
        ("make_timestamp(2013, 7, 15, 24, 0, 1)", "date/time field value out of range (22008)"),
        ("make_timestamp(2013, 13, 15, 8, 0, 1)", "date/time field value out of range (22008)"),
    ]);
}

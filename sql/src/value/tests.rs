use super::*;
use crate::limits::DATE_DAYS_MAX;

#[test]
fn nan_is_the_largest_double_and_null_the_largest_value() {
    let mut values =
        [Value::Null, Value::Double(f64::NAN), Value::Double(f64::INFINITY), Value::Double(-1.0)];
    values.sort();
    let text: Vec<String> = values.iter().map(Value::to_string).collect();
    assert_eq!(text, ["-1", "Infinity", "NaN", "NULL"]);
    assert_eq!(Value::Double(f64::NAN), Value::Double(-f64::NAN));
    assert_eq!(Value::Double(0.0), Value::Double(-0.0));
}

#[test]
fn decimals_are_equal_whatever_their_scale() {
    let decimal = |units, scale| Value::Decimal { units, scale };
    assert_eq!(decimal(15, 1), decimal(150, 2));
    assert!(decimal(15, 1) < decimal(151, 2));
}

#[test]
fn doubles_are_written_as_postgresql_writes_them() {
    let text = |value| Value::Double(value).to_string();
    assert_eq!(text(1e15), "1e+15");
    assert_eq!(text(999_999_999_999_999.0), "999999999999999");
    assert_eq!(text(0.0001), "0.0001");
    assert_eq!(text(-1.5e-5), "-1.5e-05");
    assert_eq!(text(1e300), "1e+300");
    assert_eq!(text(-0.0), "-0");
}

#[test]
fn a_value_that_a_column_cannot_hold_is_refused_with_the_reason() {
    let data_type = DataType::Decimal { precision: 3, scale: 1 };
    let state = |value: Value, nullable| {
        let field = Field { name: "a".into(), data_type, nullable };
        value.fits(&field).err().map_or("ok", |error| error.sqlstate)
    };
    assert_eq!(state(Value::Decimal { units: 999, scale: 1 }, false), "ok");
    assert_eq!(state(Value::Decimal { units: 1000, scale: 1 }, false), "22003");
    assert_eq!(state(Value::Decimal { units: 1, scale: 2 }, false), "42804");
    assert_eq!(state(Value::Int(1), false), "42804");
    assert_eq!(state(Value::Null, false), "23502");
    assert_eq!(state(Value::Null, true), "ok");
}

#[test]
fn a_text_has_a_bound() {
    let field = Field::nullable("a", DataType::Text);
    assert!(Value::text(&"x".repeat(TEXT_BYTES_MAX)).fits(&field).is_ok());
    assert!(Value::text(&"x".repeat(TEXT_BYTES_MAX + 1)).fits(&field).is_err());
}

/// Texts of values of a type in ascending order, as they are written.
fn ladders() -> Vec<(DataType, Vec<&'static str>)> {
    use DataType::*;
    let pair = DataType::structure([("a", Int), ("b", Text)]).unwrap();
    vec![
        (Boolean, vec!["false", "true"]),
        (SmallInt, vec!["-32768", "-1", "0", "32767"]),
        (Int, vec!["-2147483648", "0", "2147483647"]),
        (BigInt, vec!["-9223372036854775808", "-1", "9223372036854775807"]),
        (Real, vec!["-Infinity", "-3.4028235e+38", "0", "1e-45", "0.1", "1e+06", "NaN"]),
        (Double, vec!["-1e+300", "0", "0.1", "1e+15", "Infinity", "NaN"]),
        (Decimal { precision: 10, scale: 2 }, vec!["-1.50", "0.00", "12345678.90"]),
        (Text, vec!["", "a", "a text that is too long for a view", "ab", "b"]),
        (Bytea, vec!["\\x", "\\x00", "\\x0aff", "\\x7f", "\\xff00000000000000000000000000"]),
        (
            Uuid,
            vec![
                "00000000-0000-0000-0000-000000000000",
                "7fffffff-ffff-ffff-ffff-ffffffffffff",
                "80000000-0000-0000-0000-000000000000",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ],
        ),
        (Date, vec!["0044-03-15 BC", "1969-12-31", "1970-01-01", "2015-07-15", "10000-01-01"]),
        (Time, vec!["00:00:00", "00:00:00.000001", "23:59:59.999999", "24:00:00"]),
        (Timestamp, vec!["0001-12-31 23:00:00 BC", "1969-12-31 23:59:59.5", "2015-07-15 00:00:00"]),
        (TimestampTz, vec!["0001-12-31 23:00:00+00 BC", "2015-07-15 00:00:00+00"]),
        (
            Interval,
            vec!["-1 mons", "00:00:00", "1 day 02:00:00", "1 mon -1 days", "1 mon", "31 days"],
        ),
        (Json, vec!["\"a\"", "[1, 2]", "{\"k\": \"v\"}"]),
        (DataType::array(Text).unwrap(), vec!["{}", "{a}", "{a,b}", "{\"b c\",NULL}", "{NULL}"]),
        (Map, vec!["{}", "{\"k\": \"v\"}", "{\"k\": null}"]),
        (pair, vec!["(-1,b)", "(1,a)", "(1,)", "(,)"]),
    ]
}

#[test]
fn every_type_is_read_written_ordered_and_kept_by_a_column() {
    for (data_type, texts) in ladders() {
        let parse = |text: &&str| {
            Value::parse(text, data_type).unwrap_or_else(|error| panic!("{data_type}: {error}"))
        };
        let values: Vec<Value> = texts.iter().map(parse).collect();
        let column = crate::Column::of(data_type, values.iter().chain([&Value::Null]));
        for (at, (value, text)) in values.iter().zip(&texts).enumerate() {
            assert_eq!(value.to_string(), *text, "{data_type}");
            assert!(value.is_of(data_type));
            assert!(value.fits(&Field::not_null("c", data_type)).is_ok());
            assert_eq!(column.value(at).to_string(), *text, "{data_type} out of a column");
            for (other, right) in values.iter().enumerate() {
                assert_eq!(value.cmp(right), at.cmp(&other), "{data_type} {value} and {right}");
                assert_eq!(column.equal(at, &column, other), at == other);
            }
        }
        assert!(column.is_null(values.len()) && column.value(values.len()).is_null());
    }
}

#[test]
fn a_text_that_is_no_value_is_refused_with_the_text_and_the_type() {
    use DataType::*;
    for (data_type, text, state, message) in [
        (SmallInt, "32768", "22003", "value \"32768\" is out of range for type smallint"),
        (Int, "x", "22P02", "invalid input syntax for type integer: \"x\""),
        (Real, "1e39", "22003", "value \"1e39\" is out of range for type real"),
        (Uuid, "1-2", "22P02", "invalid input syntax for type uuid: \"1-2\""),
        (Date, "today", "22007", "invalid input syntax for type date: \"today\""),
        (Time, "25:00", "22008", "date/time field value out of range for type time: \"25:00\""),
        (Interval, "a day", "22007", "invalid input syntax for type interval: \"a day\""),
        (Bytea, "\\xg0", "22P02", "invalid input syntax for type bytea: \"\\xg0\""),
    ] {
        let error = Value::parse(text, data_type).unwrap_err();
        assert_eq!((error.sqlstate, error.message.as_str()), (state, message));
    }
}

#[test]
fn a_value_outside_of_the_range_of_its_column_is_refused() {
    let state = |value: Value, data_type| {
        let fits = value.fits(&Field::nullable("a", data_type));
        fits.err().map_or("ok", |error| error.sqlstate)
    };
    assert_eq!(state(Value::Date(DATE_DAYS_MAX), DataType::Date), "ok");
    assert_eq!(state(Value::Date(DATE_DAYS_MAX + 1), DataType::Date), "22003");
    assert_eq!(state(Value::Time(-1), DataType::Time), "22003");
    assert_eq!(state(Value::TimestampTz(i64::MAX), DataType::TimestampTz), "22003");
    let narrow = DataType::Decimal { precision: 2, scale: 0 };
    let items = |units| vec![Value::Decimal { units, scale: 0 }];
    let list = |units| Value::array(narrow, items(units)).unwrap();
    let data_type = DataType::array(narrow).unwrap();
    assert_eq!((state(list(99), data_type), state(list(100), data_type)), ("ok", "22003"));
    let large = Value::bytea(&vec![0; TEXT_BYTES_MAX]);
    assert_eq!(state(large.clone(), DataType::Bytea), "ok");
    // Every zero takes two bytes inside of an array.
    let list = Value::array(DataType::Bytea, vec![large]).unwrap();
    assert_eq!(state(list, DataType::array(DataType::Bytea).unwrap()), "54000");
}

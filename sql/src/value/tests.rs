use super::*;

#[test]
fn nan_is_the_largest_double_and_null_the_largest_value() {
    let mut values = [
        Value::Null,
        Value::Double(f64::NAN),
        Value::Double(f64::INFINITY),
        Value::Double(-1.0),
    ];
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

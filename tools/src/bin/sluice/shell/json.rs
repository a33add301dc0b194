//! JSON as PostgreSQL's `row_to_json` writes it. A DECIMAL and a BIGINT are numbers with all their
//! digits; what reads them as doubles loses some. NaN and infinities, which JSON does not have, are
//! texts.

use std::fmt::Write as _;

use sluicedb::db::Value;

/// An object of one row.
pub(crate) fn object(names: &[String], row: &[Value]) -> String {
    members(names.iter().map(String::as_str).zip(row))
}

fn members<'a>(pairs: impl Iterator<Item = (&'a str, &'a Value)>) -> String {
    let pairs = pairs.map(|(name, value)| format!("{}:{}", text(name), json(value)));
    format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
}

fn json(value: &Value) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Boolean(_)
        | Value::SmallInt(_)
        | Value::Int(_)
        | Value::BigInt(_)
        | Value::Decimal { .. }
        | Value::Json(_) => value.to_string(),
        Value::Real(number) if number.is_finite() => value.to_string(),
        Value::Double(number) if number.is_finite() => value.to_string(),
        Value::Timestamp(_) => text(&value.to_string().replacen(' ', "T", 1)),
        Value::TimestampTz(_) => {
            let shown = value.to_string().replacen(' ', "T", 1);
            // PostgreSQL writes the minutes of the zone in JSON, and leaves them out elsewhere.
            let whole = shown.strip_suffix("+00").map(|time| format!("{time}+00:00"));
            text(&whole.unwrap_or(shown))
        }
        Value::Array { items, .. } => {
            let items: Vec<String> = items.iter().map(json).collect();
            format!("[{}]", items.join(","))
        }
        Value::Map(map) => {
            let value = |value: Option<&str>| value.map_or_else(|| "null".to_owned(), text);
            let pairs = map.pairs().map(|(key, of)| format!("{}:{}", text(key), value(of)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(","))
        }
        Value::Struct { of, values } => {
            members(of.fields.iter().map(|field| field.name).zip(values.iter()))
        }
        value => text(&value.to_string()),
    }
}

fn text(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decimals_keep_every_digit_and_texts_are_escaped() {
        let names = ["d", "t", "f", "ts"].map(str::to_owned);
        let decimal = Value::Decimal { units: 123_456_789_012_345_678_901_i128, scale: 2 };
        let row = [decimal, Value::text("a\"\u{1}"), Value::Double(f64::NAN), Value::Timestamp(0)];
        let expected = "{\"d\":1234567890123456789.01,\"t\":\"a\\\"\\u0001\",\"f\":\"NaN\",\
                        \"ts\":\"1970-01-01T00:00:00\"}";
        assert_eq!(object(&names, &row), expected);
    }

    #[test]
    fn a_time_with_zone_names_the_minutes_of_its_zone() {
        assert_eq!(json(&Value::TimestampTz(0)), "\"1970-01-01T00:00:00+00:00\"");
    }
}

//! Rows as objects of JSON, whose values are read again as they were.

use super::{Json, quote};
use crate::value::Value;

/// Writes a row as an object, without the end of a line; `more` is a number behind its columns.
pub fn write_row<'a>(
    row: impl Iterator<Item = (&'a str, Value)>,
    more: Option<(&str, i64)>,
    out: &mut String,
) {
    out.push('{');
    let mut first = true;
    let mut key = |name: &str, out: &mut String| {
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        quote(name, out);
        out.push(':');
    };
    for (name, value) in row {
        key(name, out);
        write(&value, out);
    }
    if let Some((name, number)) = more {
        key(name, out);
        out.push_str(&number.to_string());
    }
    out.push('}');
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Boolean(_) | Value::SmallInt(_) | Value::Int(_) | Value::BigInt(_) => {
            out.push_str(&value.to_string());
        }
        Value::Decimal { .. } => out.push_str(&value.to_string()),
        Value::Real(number) if number.is_finite() => out.push_str(&value.to_string()),
        Value::Double(number) if number.is_finite() => out.push_str(&value.to_string()),
        Value::Json(json) => out.push_str(Json::as_str(json)),
        Value::Array { items, .. } => {
            out.push('[');
            for (at, item) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                write(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            let text = |text: Option<&str>| text.map_or(Value::Null, Value::text);
            write_row(map.pairs().map(|(key, value)| (key, text(value))), None, out);
        }
        Value::Struct { of, values } => {
            let fields = of.fields.iter().map(|field| field.name);
            write_row(fields.zip(values.iter().cloned()), None, out);
        }
        other => quote(&other.to_string(), out),
    }
}

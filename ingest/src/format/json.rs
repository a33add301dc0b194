//! JSON, one object a line: a key for each column. A key that is missing is NULL, and one that no
//! column has is left out.

use sluicedb::db::{DataType, Json, Map, Schema, Value};
use sluicedb_sql::json::Tree;

/// Reads an object as a row.
pub(crate) fn read(text: &str, schema: &Schema) -> Result<Vec<Value>, String> {
    let tree = Tree::parse(text).map_err(|_| "the line is no JSON".to_owned())?;
    let Tree::Object(pairs) = tree else {
        return Err("the line is JSON, and no object".to_owned());
    };
    let columns = schema.fields().iter().map(|field| {
        let Some((_, tree)) = pairs.iter().find(|(key, _)| *key == field.name) else {
            return Ok(Value::Null);
        };
        value(tree, field.data_type).map_err(|why| format!("column \"{}\": {why}", field.name))
    });
    columns.collect()
}

fn value(tree: &Tree, data_type: DataType) -> Result<Value, String> {
    let parse = |text: &str| Value::parse(text, data_type).map_err(|error| error.message);
    match (tree, data_type) {
        (Tree::Null, _) => Ok(Value::Null),
        (tree, DataType::Json) => parse(&text_of(tree)?),
        (Tree::Array(items), DataType::Array(element)) => {
            let items: Result<Vec<Value>, String> =
                items.iter().map(|item| value(item, *element)).collect();
            Value::array(*element, items?).map_err(|error| error.message)
        }
        (Tree::Object(pairs), DataType::Struct(of)) => {
            let fields = of.fields.iter().map(|field| {
                let found = pairs.iter().find(|(key, _)| key == field.name);
                found.map_or(Ok(Value::Null), |(_, tree)| value(tree, field.data_type))
            });
            Ok(Value::Struct { of, values: fields.collect::<Result<_, _>>()? })
        }
        (Tree::Object(pairs), DataType::Map) => map(pairs),
        (Tree::String(text), _) => parse(text),
        (Tree::Number(digits), _) => parse(digits),
        (Tree::Bool(value), DataType::Boolean) => Ok(Value::Boolean(*value)),
        (Tree::Bool(value), DataType::Text) => parse(&value.to_string()),
        (tree, _) => Err(format!("{} is no {data_type}", text_of(tree)?)),
    }
}

fn map(pairs: &[(String, Tree)]) -> Result<Value, String> {
    let pairs: Result<Vec<(String, Option<String>)>, String> = pairs
        .iter()
        .map(|(key, tree)| {
            Ok((
                key.clone(),
                match tree {
                    Tree::Null => None,
                    Tree::String(text) => Some(text.clone()),
                    other => Some(text_of(other)?),
                },
            ))
        })
        .collect();
    Ok(Value::Map(Map::new(pairs?)))
}

fn text_of(tree: &Tree) -> Result<String, String> {
    tree.to_text().map_err(|_| "the value is too long".to_owned())
}

/// Writes a row as an object, without the end of the line.
pub(crate) fn write_row<'a>(
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

fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
}

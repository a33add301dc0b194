//! JSON, one object a line: a key for each column. A key that is missing is NULL, and one that no
//! column has is left out.

use sluicedb::db::{DataType, Map, Schema, Value};
use sluicedb_sql::json::Tree;

pub(crate) use sluicedb_sql::json::write_row;

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

//! Functions of JSON, arrays and maps, over whole trees.

use sluicedb_sql::Value;
use sluicedb_sql::expr::Native;
use sluicedb_sql::json::{Json, Tree};

use super::super::expr::Computed;
use super::{REFUSED, text_of, whole_of};

pub(super) fn call(native: Native, args: &[Value]) -> Option<Computed> {
    match args.first()? {
        Value::Json(json) => of_json(native, &json.tree(), args),
        Value::Array { items, .. } => of_array(native, items, args),
        Value::Null if native == Native::ArrayPosition => Some(Ok(Value::Null)),
        Value::Map(map) if native == Native::MapGet => {
            Some(Ok(map.get(text_of(&args[1])).flatten().map_or(Value::Null, Value::text)))
        }
        _ => None,
    }
}

fn of_json(native: Native, tree: &Tree, args: &[Value]) -> Option<Computed> {
    let found = match native {
        Native::JsonTypeof => {
            return Some(Ok(Value::text(match tree {
                Tree::Null => "null",
                Tree::Bool(_) => "boolean",
                Tree::Number(_) => "number",
                Tree::String(_) => "string",
                Tree::Array(_) => "array",
                Tree::Object(_) => "object",
            })));
        }
        Native::JsonArrayLength => {
            return Some(match tree {
                Tree::Array(items) => Ok(Value::Int(items.len() as i32)),
                _ => Err(REFUSED),
            });
        }
        Native::JsonExists => {
            let key = text_of(&args[1]);
            let string = |tree: &Tree| matches!(tree, Tree::String(text) if text == key);
            return Some(Ok(Value::Boolean(match tree {
                Tree::Object(pairs) => pairs.iter().any(|(other, _)| other == key),
                Tree::Array(items) => items.iter().any(string),
                other => string(other),
            })));
        }
        Native::JsonGet | Native::JsonGetText => match &args[1] {
            Value::Text(key) => field(tree, key),
            place => item(tree, whole_of(place)),
        },
        Native::JsonExtractPath | Native::JsonExtractPathText => {
            args[1..].iter().try_fold(tree, |tree, name| {
                let name = text_of(name);
                match tree {
                    Tree::Array(_) => name.trim().parse().ok().and_then(|place| item(tree, place)),
                    _ => field(tree, name),
                }
            })
        }
        _ => return None,
    };
    let text = matches!(native, Native::JsonGetText | Native::JsonExtractPathText);
    Some(Ok(match found {
        None => Value::Null,
        Some(Tree::Null) if text => Value::Null,
        Some(Tree::String(string)) if text => Value::text(string),
        Some(tree) => {
            let written = tree.to_text().expect("a part is shorter than the whole");
            match text {
                true => Value::text(&written),
                false => Value::Json(Json::parse(&written).expect("a tree was written")),
            }
        }
    }))
}

fn field<'a>(tree: &'a Tree, key: &str) -> Option<&'a Tree> {
    let Tree::Object(pairs) = tree else { return None };
    pairs.iter().find(|(other, _)| other == key).map(|(_, value)| value)
}

fn item(tree: &Tree, place: i64) -> Option<&Tree> {
    let Tree::Array(items) = tree else { return None };
    let place = if place < 0 { place + items.len() as i64 } else { place };
    items.get(usize::try_from(place).ok()?)
}

fn of_array(native: Native, items: &[Value], args: &[Value]) -> Option<Computed> {
    let count = Value::Int(items.len() as i32);
    Some(Ok(match native {
        Native::Cardinality => count,
        Native::ArrayLength if items.is_empty() || whole_of(&args[1]) != 1 => Value::Null,
        Native::ArrayLength => count,
        Native::Subscript => {
            let place = usize::try_from(whole_of(&args[1]).wrapping_sub(1)).ok();
            place.and_then(|place| items.get(place).cloned()).unwrap_or(Value::Null)
        }
        Native::ArrayContains => Value::Boolean(items.contains(&args[1])),
        Native::EqualsAny if items.contains(&args[1]) => Value::Boolean(true),
        Native::EqualsAny if items.contains(&Value::Null) => Value::Null,
        Native::EqualsAny => Value::Boolean(false),
        Native::ArrayPosition => {
            let place = items.iter().position(|item| *item == args[1]);
            place.map_or(Value::Null, |place| Value::Int(place as i32 + 1))
        }
        _ => return None,
    }))
}

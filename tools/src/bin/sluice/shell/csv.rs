//! CSV as PostgreSQL's COPY writes it: NULL is nothing, an empty text is `""`.

use sluicedb::db::Value;

/// One line of names.
pub(crate) fn names(names: &[String]) -> String {
    let fields: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    fields.join(",") + "\n"
}

/// One line of values.
pub(crate) fn line(row: &[Value]) -> String {
    let field = |value: &Value| match value {
        Value::Null => String::new(),
        value => quoted(&value.to_string()),
    };
    let fields: Vec<String> = row.iter().map(field).collect();
    fields.join(",") + "\n"
}

fn quoted(text: &str) -> String {
    let plain = !text.is_empty() && !text.contains(['"', ',', '\n', '\r']);
    if plain { text.to_owned() } else { format!("\"{}\"", text.replace('"', "\"\"")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_text_and_null_differ_and_quotes_are_doubled() {
        let row = [Value::Null, Value::text(""), Value::text("a\"b,c"), Value::Int(1)];
        assert_eq!(line(&row), ",\"\",\"a\"\"b,c\",1\n");
    }
}

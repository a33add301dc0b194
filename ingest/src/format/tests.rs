//! Texts as tables: what is read of each line, and what is written of that.

use sluicedb::db::{DataType, Field, Schema, Value};

use super::{csv, json};

fn schema(types: &[DataType]) -> Schema {
    let fields = types
        .iter()
        .zip('a'..)
        .map(|(data_type, name)| Field::nullable(name.to_string(), *data_type));
    Schema::new(fields.collect::<Vec<_>>()).unwrap()
}

/// The fields of a record, quoted ones in brackets.
fn record(text: &str) -> String {
    match csv::fields(text, ',') {
        Err(why) => why,
        Ok(fields) => {
            let show = |field: &csv::Field<'_>| match field.quoted {
                true => format!("[{}]", field.text),
                false => field.text.to_string(),
            };
            fields.iter().map(show).collect::<Vec<_>>().join("|")
        }
    }
}

#[test]
fn records_of_csv_are_taken_apart() {
    let table = [
        ("a,b,c", "a|b|c"),
        ("a,,", "a||"),
        ("", ""),
        ("\"a,b\",c", "[a,b]|c"),
        ("\"say \"\"so\"\"\",\"\"", "[say \"so\"]|[]"),
        ("\"\"\"\"", "[\"]"),
        ("\"two\nlines\",x", "[two\nlines]|x"),
        ("\"open", "a quoted field does not end"),
        ("\"a\"b", "text stands behind the closing quote of a field"),
    ];
    for (text, expected) in table {
        assert_eq!(record(text), expected, "{text}");
    }
}

#[test]
fn what_csv_writes_it_reads_again() {
    let table = [
        (Value::text("plain"), "plain\n"),
        (Value::text(""), "\"\"\n"),
        (Value::Null, "\n"),
        (Value::text("a,\"b\"\nc"), "\"a,\"\"b\"\"\nc\"\n"),
        (Value::BigInt(-5), "-5\n"),
        (Value::Double(0.1), "0.1\n"),
        (Value::Timestamp(1_500_000), "1970-01-01 00:00:01.5\n"),
    ];
    for (value, expected) in table {
        let mut text = String::new();
        csv::write_row([value.clone()].into_iter(), ',', "", &mut text);
        assert_eq!(text, expected);
        let data_type = value.data_type().unwrap_or(DataType::Text);
        let fields = csv::fields(text.strip_suffix('\n').unwrap(), ',').unwrap();
        assert_eq!(csv::value(&fields[0], "", data_type).unwrap(), value);
    }
}

#[test]
fn what_json_writes_it_reads_again() {
    let list = DataType::array(DataType::Int).unwrap();
    let schema = schema(&[
        DataType::BigInt,
        DataType::Text,
        DataType::Double,
        list,
        DataType::Json,
        DataType::Map,
        DataType::Boolean,
        DataType::Timestamp,
    ]);
    let text = "{\"a\":-7,\"b\":\"\\\"quoted\\\"\\n\\u0001\",\"c\":null,\"d\":[1,null,3],\
                \"e\":{\"k\": [1, 2]},\"f\":{\"x\":\"1\",\"y\":null},\"g\":true,\
                \"h\":\"1970-01-01 00:00:01\"}";
    let row = json::read(text, &schema).unwrap();
    let mut written = String::new();
    json::write_row(schema.names().zip(row), None, &mut written);
    assert_eq!(written, text);
}

#[test]
fn lines_of_json_that_are_no_rows_say_why() {
    let schema = schema(&[DataType::Int, DataType::Text]);
    let table = [
        ("{\"a\": 1", "the line is no JSON"),
        ("[1]", "the line is JSON, and no object"),
        ("{\"a\": true}", "column \"a\": true is no INT"),
        ("{\"a\": \"x\"}", "column \"a\": invalid input syntax for type integer: \"x\""),
    ];
    for (text, expected) in table {
        assert_eq!(json::read(text, &schema).unwrap_err(), expected);
    }
    let found = json::read("{\"b\": 5, \"other\": []}", &schema).unwrap();
    assert_eq!(found, [Value::Null, Value::text("5")]);
}

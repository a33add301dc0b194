//! Arrays, maps, structs and JSON into one another, value by value.

use super::text::bytes;
use crate::column::Column;
use crate::expr::failure::RowError;
use crate::expr::kernel::Found;
use crate::expr::program::Register;
use crate::limits::TEXT_BYTES_MAX;
use crate::nested::encoded;
use crate::types::DataType;
use crate::value::Value;

pub(super) fn cast(input: &Column, out: &mut Register) {
    let (from, to) = (input.data_type(), out.column.data_type());
    bytes(out, |row| {
        let bytes = match convert(input.value(row), from, to)? {
            Value::Json(json) => json.as_str().as_bytes().to_vec(),
            value => encoded(&value, to),
        };
        if bytes.len() > TEXT_BYTES_MAX { Err(RowError::TooLong) } else { Ok(bytes) }
    });
}

fn convert(value: Value, from: DataType, to: DataType) -> Found<Value> {
    match (value, from, to) {
        (Value::Null, ..) => Ok(Value::Null),
        (value, from, to) if from == to => Ok(value),
        (Value::Array { items, .. }, DataType::Array(from), DataType::Array(element)) => {
            let items = items.into_iter().map(|item| convert(item, *from, *element));
            Ok(Value::Array { element, items: items.collect::<Found<_>>()? })
        }
        (Value::Struct { values, .. }, DataType::Struct(from), DataType::Struct(of)) => {
            let pairs = values.into_iter().zip(from.fields.iter().zip(of.fields));
            let values =
                pairs.map(|(value, (from, to))| convert(value, from.data_type, to.data_type));
            Ok(Value::Struct { of, values: values.collect::<Found<_>>()? })
        }
        // A map is written as a JSON object.
        (value @ (Value::Map(_) | Value::Json(_)), ..) => Value::parse_text(&value.to_string(), to),
        (value, from, to) => scalar(&value, from, to),
    }
}

fn scalar(value: &Value, from: DataType, to: DataType) -> Found<Value> {
    let mut out = Register::new(to);
    out.column.resize(1);
    super::cast(&Column::of(from, [value]), &mut out);
    out.failed.settle();
    match out.failed.of(0) {
        Some(error) => Err(error),
        None => Ok(out.column.value(0)),
    }
}

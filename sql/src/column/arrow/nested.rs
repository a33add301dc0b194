//! Values out of lists, maps and structs.

use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::cast;
use arrow::datatypes::DataType as ArrowType;

use super::Incoming;
use crate::column::Column;
use crate::error::SqlError;
use crate::nested::Map;
use crate::schema::Field;
use crate::types::DataType;
use crate::value::Value;

/// The value of every row.
pub(super) fn values(array: ArrayRef, field: &Field) -> Result<Vec<Value>, SqlError> {
    match field.data_type {
        DataType::Array(element) => lists(array, element, field),
        DataType::Map => maps(&array, field),
        DataType::Struct(of) => {
            let array = array.as_struct();
            let columns = of.fields.iter().zip(array.columns()).map(|(part, values)| {
                let name = format!("{}.{}", field.name, part.name);
                column(values.clone(), &Field::nullable(name, part.data_type))
            });
            let columns = columns.collect::<Result<Vec<Column>, SqlError>>()?;
            let row = |row| {
                if array.is_null(row) {
                    return Value::Null;
                }
                Value::Struct { of, values: columns.iter().map(|part| part.value(row)).collect() }
            };
            Ok((0..array.len()).map(row).collect())
        }
        other => unreachable!("{other} is not nested"),
    }
}

/// A whole array as a column, of any length.
fn column(array: ArrayRef, field: &Field) -> Result<Column, SqlError> {
    let incoming = Incoming::new(array, field)?;
    let mut column = Column::new(field.data_type);
    incoming.append_to(0..incoming.len(), &mut column);
    Ok(column)
}

fn lists(
    array: ArrayRef,
    element: &'static DataType,
    field: &Field,
) -> Result<Vec<Value>, SqlError> {
    let array = match array.data_type() {
        ArrowType::List(_) | ArrowType::LargeList(_) => array,
        ArrowType::ListView(item) | ArrowType::FixedSizeList(item, _) => {
            cast(&array, &ArrowType::LargeList(item.clone())).map_err(|error| {
                SqlError::datatype_mismatch(format!("column \"{}\": {error}", field.name))
            })?
        }
        other => unreachable!("{other} is refused for an array"),
    };
    let (items, offsets): (ArrayRef, Vec<usize>) = match array.as_list_opt::<i32>() {
        Some(list) => {
            (list.values().clone(), list.offsets().iter().map(|at| *at as usize).collect())
        }
        None => {
            let list = array.as_list::<i64>();
            (list.values().clone(), list.offsets().iter().map(|at| *at as usize).collect())
        }
    };
    let (first, last) = (offsets[0], offsets[array.len()]);
    let inner = Field::nullable(format!("{}[]", field.name), *element);
    let items = column(items.slice(first, last - first), &inner)?;
    let item = |row: usize| items.value(row);
    let range = |row: usize| -> Range<usize> { offsets[row] - first..offsets[row + 1] - first };
    let value = |row: usize| match array.is_null(row) {
        true => Value::Null,
        false => Value::Array { element, items: range(row).map(item).collect() },
    };
    Ok((0..array.len()).map(value).collect())
}

fn maps(array: &ArrayRef, field: &Field) -> Result<Vec<Value>, SqlError> {
    let map = array.as_map();
    let part = |array: &ArrayRef, name: &str| {
        let name = format!("{}.{name}", field.name);
        column(array.clone(), &Field::nullable(name, DataType::Text))
    };
    let (keys, values) = (part(map.keys(), "keys")?, part(map.values(), "values")?);
    let offsets = map.offsets();
    let text = |column: &Column, row: usize| {
        (!column.is_null(row)).then(|| Box::<str>::from(column.text(row)))
    };
    let value = |row: usize| {
        if map.is_null(row) {
            return Value::Null;
        }
        let range = offsets[row] as usize..offsets[row + 1] as usize;
        let pair = |at| (keys.text(at), text(&values, at));
        Value::Map(Map::new(range.map(pair)))
    };
    Ok((0..map.len()).map(value).collect())
}

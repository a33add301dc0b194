//! Constants of the planner as values of ours.

use datafusion::common::ScalarValue;

use crate::SqlError;
use crate::column::arrow::Incoming;
use crate::front::types::type_of_field;
use crate::schema::Field;
use crate::types::DataType;
use crate::value::Value;

/// The value of a constant, and the type that its field says it has.
pub(crate) fn value_of(
    scalar: &ScalarValue,
    field: &arrow::datatypes::Field,
) -> Result<(Value, DataType), SqlError> {
    if type_of_field(field) != Ok(DataType::Json) || scalar.is_null() {
        return value(scalar);
    }
    // To the planner JSON is a text; only the field knows.
    let array = scalar.to_array().map_err(super::of_planner)?;
    let column = Incoming::new(array, &Field::nullable("constant", DataType::Json))?.into_column();
    Ok((column.value(0), DataType::Json))
}

/// The value and its type. A bare NULL is a TEXT, which whoever takes it casts.
pub(crate) fn value(scalar: &ScalarValue) -> Result<(Value, DataType), SqlError> {
    if *scalar == ScalarValue::Null {
        return Ok((Value::Null, DataType::Text));
    }
    // The planner compares what its window functions count with unsigned numbers.
    if let ScalarValue::UInt64(Some(number)) = *scalar {
        let number = i64::try_from(number).map_err(|_| SqlError::out_of_range("BIGINT"))?;
        return Ok((Value::BigInt(number), DataType::BigInt));
    }
    let field = arrow::datatypes::Field::new("constant", scalar.data_type(), true);
    let data_type = type_of_field(&field)?;
    if scalar.is_null() {
        return Ok((Value::Null, data_type));
    }
    let array = scalar.to_array().map_err(|error| {
        SqlError::unsupported(format!("the constant {scalar} has no column: {error}"))
    })?;
    let column = Incoming::new(array, &Field::nullable("constant", data_type))?.into_column();
    Ok((column.value(0), data_type))
}

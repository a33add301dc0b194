//! Arrow's types, which are the planner's, and ours.

use arrow::datatypes::{DataType as ArrowType, Field as ArrowField, FieldRef, TimeUnit};
use std::sync::Arc;

use crate::SqlError;
use crate::schema::Field;
use crate::types::DataType;

/// The field of a column.
pub(crate) fn arrow_field(field: &Field) -> FieldRef {
    Arc::new(crate::column::arrow::arrow_field(&field.name, field.data_type, field.nullable))
}

/// The type of a field. The planner reads moments to the nanosecond, and we keep microseconds.
pub(crate) fn type_of_field(field: &ArrowField) -> Result<DataType, SqlError> {
    match field.data_type() {
        ArrowType::Timestamp(TimeUnit::Nanosecond, None) => Ok(DataType::Timestamp),
        ArrowType::Timestamp(TimeUnit::Nanosecond, Some(_)) => Ok(DataType::TimestampTz),
        // Ranks, which no query has too many of.
        ArrowType::UInt64 => Ok(DataType::BigInt),
        // A bare NULL is of any type.
        ArrowType::Null => Ok(DataType::Text),
        other => crate::column::arrow::type_of_field(field)?.ok_or_else(|| {
            SqlError::datatype_mismatch(format!("no column holds values of the type {other}"))
                .hint("Cast it to a type that a column can have.")
        }),
    }
}

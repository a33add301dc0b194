//! Types and schemas in both directions.

use std::sync::Arc;

use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, Schema as ArrowSchema, TimeUnit,
};

use crate::error::SqlError;
use crate::schema::{Field, Schema};
use crate::types::DataType;

/// Microseconds of a day.
const DAY_US: i64 = 86_400_000_000;

/// The Arrow type whose arrays are laid out like columns of this type.
pub fn arrow_type(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::Int => ArrowType::Int32,
        DataType::BigInt => ArrowType::Int64,
        DataType::Double => ArrowType::Float64,
        DataType::Decimal { precision, scale } => ArrowType::Decimal128(precision, scale as i8),
        DataType::Text => ArrowType::Utf8View,
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, None),
    }
}

/// The Arrow schema of a relation.
pub fn arrow_schema(schema: &Schema) -> ArrowSchema {
    let field =
        |field: &Field| ArrowField::new(&field.name, arrow_type(field.data_type), field.nullable);
    ArrowSchema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// The schema of a relation that takes batches of this Arrow schema; refuses what no column holds
/// exactly, with the type to cast to.
pub fn schema_of(schema: &ArrowSchema) -> Result<Schema, SqlError> {
    let field = |field: &Arc<ArrowField>| {
        let data_type = data_type_of(field.data_type()).ok_or_else(|| {
            let (name, found) = (field.name(), field.data_type());
            SqlError::datatype_mismatch(format!("column \"{name}\" is {found} in Arrow"))
                .hint(format!("No column holds that. {}", cast_advice(found)))
        })?;
        Ok(Field { name: field.name().clone(), data_type, nullable: field.is_nullable() })
    };
    Schema::new(schema.fields().iter().map(field).collect::<Result<_, SqlError>>()?)
}

/// The type of the column that holds every value of an Arrow type exactly.
fn data_type_of(arrow: &ArrowType) -> Option<DataType> {
    Some(match arrow {
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int32 => DataType::Int,
        ArrowType::Int64 => DataType::BigInt,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal128(precision, scale) => {
            DataType::Decimal { precision: *precision, scale: u8::try_from(*scale).ok()? }
        }
        ArrowType::Utf8View | ArrowType::Utf8 | ArrowType::LargeUtf8 => DataType::Text,
        other => return microseconds(other).map(|_| DataType::Timestamp),
    })
}

/// How many microseconds one unit of an Arrow type of moments is; `None` where the type is not of
/// moments without zone, or finer.
pub(super) fn microseconds(arrow: &ArrowType) -> Option<i64> {
    match arrow {
        ArrowType::Timestamp(TimeUnit::Second, None) => Some(1_000_000),
        ArrowType::Timestamp(TimeUnit::Millisecond, None) | ArrowType::Date64 => Some(1000),
        ArrowType::Timestamp(TimeUnit::Microsecond, None) => Some(1),
        ArrowType::Date32 => Some(DAY_US),
        _ => None,
    }
}

fn cast_advice(arrow: &ArrowType) -> String {
    let target = match arrow {
        ArrowType::Int8 | ArrowType::Int16 | ArrowType::UInt8 | ArrowType::UInt16 => {
            ArrowType::Int32
        }
        ArrowType::UInt32 | ArrowType::UInt64 => ArrowType::Int64,
        ArrowType::Float16 | ArrowType::Float32 => ArrowType::Float64,
        ArrowType::Timestamp(..) => arrow_type(DataType::Timestamp),
        ArrowType::Decimal128(..) => {
            return "Cast it to a Decimal128 whose scale is not negative.".to_owned();
        }
        ArrowType::Decimal32(precision, scale) | ArrowType::Decimal64(precision, scale) => {
            ArrowType::Decimal128(*precision, *scale)
        }
        ArrowType::Decimal256(..) => {
            return "Cast it to a Decimal128 of at most 38 digits.".to_owned();
        }
        _ => ArrowType::Utf8View,
    };
    format!("Cast it to {target}.")
}

/// Refuses an array whose values a column cannot take over exactly.
pub(super) fn check_type(found: &ArrowType, field: &Field) -> Result<(), SqlError> {
    let fits = match (field.data_type, data_type_of(found)) {
        // Digits are checked value by value.
        (DataType::Decimal { scale: wanted, .. }, Some(DataType::Decimal { scale, .. })) => {
            scale == wanted
        }
        (wanted, found) => found == Some(wanted),
    };
    if fits {
        return Ok(());
    }
    let (name, wanted) = (&field.name, field.data_type);
    let target = arrow_type(wanted);
    Err(SqlError::datatype_mismatch(format!(
        "column \"{name}\" is {wanted} and was given an Arrow array of {found}"
    ))
    .hint(format!("Cast the array to {target}.")))
}

/// Refuses a batch whose columns are not, in order, those of the relation. Types are checked with
/// the arrays.
pub fn check_columns(batch: &ArrowSchema, schema: &Schema) -> Result<(), SqlError> {
    let names = || schema.names().collect::<Vec<_>>().join(", ");
    let advice = || format!("Columns go by position. Select them as: {}.", names());
    if batch.fields().len() != schema.len() {
        let (found, wanted) = (batch.fields().len(), schema.len());
        let message = format!("the batch has {found} columns and the relation has {wanted}");
        return Err(SqlError::datatype_mismatch(message).hint(advice()));
    }
    let mut pairs = batch.fields().iter().zip(schema.fields()).enumerate();
    match pairs.find(|(_, (found, wanted))| *found.name() != wanted.name) {
        None => Ok(()),
        Some((at, (found, wanted))) => {
            let (number, found, wanted) = (at + 1, found.name(), &wanted.name);
            let message = format!(
                "column {number} of the batch is \"{found}\" and that of the relation \"{wanted}\""
            );
            Err(SqlError::datatype_mismatch(message).hint(advice()))
        }
    }
}

//! Types and schemas in both directions.

use std::sync::Arc;

use arrow::datatypes::{
    DataType as ArrowType, Field as ArrowField, IntervalUnit, Schema as ArrowSchema, TimeUnit,
};

use crate::error::SqlError;
use crate::schema::{Field, Schema};
use crate::types::{DataType, StructField};

/// Says in the metadata of an Arrow field what its values mean beyond their type.
const EXTENSION: &str = "ARROW:extension:name";
const JSON_EXTENSION: &str = "arrow.json";
const UUID_EXTENSION: &str = "arrow.uuid";

/// The Arrow type of arrays of this type.
pub fn arrow_type(data_type: DataType) -> ArrowType {
    match data_type {
        DataType::Boolean => ArrowType::Boolean,
        DataType::SmallInt => ArrowType::Int16,
        DataType::Int => ArrowType::Int32,
        DataType::BigInt => ArrowType::Int64,
        DataType::Real => ArrowType::Float32,
        DataType::Double => ArrowType::Float64,
        DataType::Decimal { precision, scale } => ArrowType::Decimal128(precision, scale as i8),
        DataType::Text | DataType::Json => ArrowType::Utf8View,
        DataType::Bytea => ArrowType::BinaryView,
        DataType::Uuid => ArrowType::FixedSizeBinary(16),
        DataType::Date => ArrowType::Date32,
        DataType::Time => ArrowType::Time64(TimeUnit::Microsecond),
        DataType::Timestamp => ArrowType::Timestamp(TimeUnit::Microsecond, None),
        DataType::TimestampTz => ArrowType::Timestamp(TimeUnit::Microsecond, Some("+00:00".into())),
        DataType::Interval => ArrowType::Interval(IntervalUnit::MonthDayNano),
        DataType::Array(element) => ArrowType::List(Arc::new(arrow_field("item", *element, true))),
        DataType::Map => ArrowType::Map(map_entries(), true),
        DataType::Struct(of) => {
            let field = |field: &StructField| arrow_field(field.name, field.data_type, true);
            ArrowType::Struct(of.fields.iter().map(field).collect())
        }
    }
}

/// The field that holds keys and values of a MAP.
pub(super) fn map_entries() -> Arc<ArrowField> {
    let fields = vec![
        ArrowField::new("keys", ArrowType::Utf8, false),
        ArrowField::new("values", ArrowType::Utf8, true),
    ];
    Arc::new(ArrowField::new_struct("entries", fields, false))
}

/// The Arrow field of a column: its type, and what JSON and UUID add to it.
pub fn arrow_field(name: &str, data_type: DataType, nullable: bool) -> ArrowField {
    let field = ArrowField::new(name, arrow_type(data_type), nullable);
    let extension = match data_type {
        DataType::Json => JSON_EXTENSION,
        DataType::Uuid => UUID_EXTENSION,
        _ => return field,
    };
    field.with_metadata([(EXTENSION.to_owned(), extension.to_owned())].into())
}

/// The Arrow schema of a relation.
pub fn arrow_schema(schema: &Schema) -> ArrowSchema {
    let field = |field: &Field| arrow_field(&field.name, field.data_type, field.nullable);
    ArrowSchema::new(schema.fields().iter().map(field).collect::<Vec<_>>())
}

/// The schema of a relation that takes batches of this Arrow schema; refuses what no column holds
/// exactly, with the type to cast to.
pub fn schema_of(schema: &ArrowSchema) -> Result<Schema, SqlError> {
    let field = |field: &Arc<ArrowField>| {
        let data_type = type_of_field(field)?.ok_or_else(|| {
            let (name, found) = (field.name(), field.data_type());
            SqlError::datatype_mismatch(format!("column \"{name}\" is {found} in Arrow"))
                .hint(format!("No column holds that. {}", cast_advice(found)))
        })?;
        Ok(Field { name: field.name().clone(), data_type, nullable: field.is_nullable() })
    };
    Schema::new(schema.fields().iter().map(field).collect::<Result<_, SqlError>>()?)
}

/// The type of the column that holds every value of an Arrow field exactly; `None` where there is
/// none.
pub fn type_of_field(field: &ArrowField) -> Result<Option<DataType>, SqlError> {
    let extension = field.metadata().get(EXTENSION).map(String::as_str);
    let found = data_type_of(field.data_type())?;
    Ok(match (found, extension) {
        (Some(DataType::Text), Some(JSON_EXTENSION)) => Some(DataType::Json),
        (found, _) => found,
    })
}

/// The same of a type alone.
pub fn data_type_of(arrow: &ArrowType) -> Result<Option<DataType>, SqlError> {
    Ok(Some(match arrow {
        ArrowType::Boolean => DataType::Boolean,
        ArrowType::Int8 | ArrowType::UInt8 | ArrowType::Int16 => DataType::SmallInt,
        ArrowType::UInt16 | ArrowType::Int32 => DataType::Int,
        ArrowType::UInt32 | ArrowType::Int64 => DataType::BigInt,
        ArrowType::Float16 | ArrowType::Float32 => DataType::Real,
        ArrowType::Float64 => DataType::Double,
        ArrowType::Decimal32(precision, scale)
        | ArrowType::Decimal64(precision, scale)
        | ArrowType::Decimal128(precision, scale) => {
            let Ok(scale) = u8::try_from(*scale) else { return Ok(None) };
            DataType::Decimal { precision: *precision, scale }
        }
        ArrowType::Utf8View | ArrowType::Utf8 | ArrowType::LargeUtf8 => DataType::Text,
        ArrowType::Dictionary(_, values) if data_type_of(values)? == Some(DataType::Text) => {
            DataType::Text
        }
        ArrowType::FixedSizeBinary(16) => DataType::Uuid,
        ArrowType::Binary
        | ArrowType::LargeBinary
        | ArrowType::BinaryView
        | ArrowType::FixedSizeBinary(_) => DataType::Bytea,
        ArrowType::Date32 => DataType::Date,
        ArrowType::Time32(_) | ArrowType::Time64(TimeUnit::Microsecond) => DataType::Time,
        ArrowType::Interval(_) => DataType::Interval,
        ArrowType::Timestamp(TimeUnit::Nanosecond, _) => return Ok(None),
        ArrowType::Timestamp(_, None) | ArrowType::Date64 => DataType::Timestamp,
        ArrowType::Timestamp(_, Some(_)) => DataType::TimestampTz,
        ArrowType::List(item)
        | ArrowType::LargeList(item)
        | ArrowType::ListView(item)
        | ArrowType::FixedSizeList(item, _) => match type_of_field(item)? {
            Some(element) => DataType::array(element)?,
            None => return Ok(None),
        },
        ArrowType::Map(entries, _) => {
            let ArrowType::Struct(fields) = entries.data_type() else { return Ok(None) };
            let types: Result<Vec<_>, _> = fields.iter().map(|f| type_of_field(f)).collect();
            match types?[..] {
                [Some(DataType::Text), Some(DataType::Text)] => DataType::Map,
                _ => return Ok(None),
            }
        }
        ArrowType::Struct(fields) => {
            let mut found = Vec::with_capacity(fields.len());
            for field in fields {
                let Some(data_type) = type_of_field(field)? else { return Ok(None) };
                found.push((field.name().as_str(), data_type));
            }
            DataType::structure(found)?
        }
        _ => return Ok(None),
    }))
}

fn cast_advice(arrow: &ArrowType) -> String {
    let target = match arrow {
        ArrowType::UInt64 => ArrowType::Int64,
        ArrowType::Timestamp(_, None) => arrow_type(DataType::Timestamp),
        ArrowType::Timestamp(..) => arrow_type(DataType::TimestampTz),
        ArrowType::Time64(_) => arrow_type(DataType::Time),
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
    if takes(field.data_type, found, data_type_of(found)?) {
        return Ok(());
    }
    let (name, wanted) = (&field.name, field.data_type);
    let target = arrow_type(wanted);
    Err(SqlError::datatype_mismatch(format!(
        "column \"{name}\" is {wanted} and was given an Arrow array of {found}"
    ))
    .hint(format!("Cast the array to {target}.")))
}

/// Whether a column of a type takes an Arrow array whose own type is `found`.
fn takes(wanted: DataType, arrow: &ArrowType, found: Option<DataType>) -> bool {
    match (wanted, found) {
        (DataType::Timestamp, _) if matches!(arrow, ArrowType::Timestamp(_, None)) => true,
        (DataType::TimestampTz, _) if matches!(arrow, ArrowType::Timestamp(_, Some(_))) => true,
        (DataType::Time, _) => matches!(arrow, ArrowType::Time32(_) | ArrowType::Time64(_)),
        // A day is a moment, its first.
        (DataType::Timestamp, Some(DataType::Date)) => true,
        // JSON is told from text by the field, which whoever declared the column has seen.
        (DataType::Json, Some(DataType::Text)) => true,
        (DataType::Text, Some(DataType::Json)) => true,
        (DataType::Bytea, _) if matches!(arrow, ArrowType::FixedSizeBinary(_)) => true,
        (DataType::SmallInt | DataType::Int | DataType::BigInt, Some(found)) => {
            found.is_integer() && found <= wanted
        }
        (DataType::Real | DataType::Double, Some(found)) => found.is_float() && found <= wanted,
        (DataType::Array(wanted), Some(DataType::Array(_))) => match arrow {
            ArrowType::List(item)
            | ArrowType::LargeList(item)
            | ArrowType::ListView(item)
            | ArrowType::FixedSizeList(item, _) => {
                takes(*wanted, item.data_type(), data_type_of(item.data_type()).ok().flatten())
            }
            _ => false,
        },
        (DataType::Struct(wanted), Some(DataType::Struct(_))) => match arrow {
            ArrowType::Struct(fields) => {
                fields.len() == wanted.fields.len()
                    && fields.iter().zip(wanted.fields).all(|(found, wanted)| {
                        let own = data_type_of(found.data_type()).ok().flatten();
                        takes(wanted.data_type, found.data_type(), own)
                    })
            }
            _ => false,
        },
        // Digits are checked value by value.
        (wanted, found) => found.is_some_and(|found| wanted.holds(found)),
    }
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

//! The types users write, as the types of columns.

use sqlparser::ast::{
    ArrayElemTypeDef, DataType as Written, ExactNumberInfo, StructField, TimezoneInfo,
};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::Parser;

use super::cursor::Cursor;
use super::grammar;
use super::near::nearest;
use crate::error::SqlError;
use crate::types::DataType;

/// Reads the type of a column.
pub(super) fn parse(cursor: &mut Cursor<'_>) -> Result<DataType, SqlError> {
    let at = cursor.position();
    let written = grammar::data_type(cursor)?;
    of_written(&written).map_err(|error| error.at(at))
}

/// Our type of a type as `sqlparser` has it. Lengths of VARCHAR are not kept: it is TEXT.
pub fn of_written(written: &Written) -> Result<DataType, SqlError> {
    let data_type = match written {
        Written::Boolean | Written::Bool => DataType::Boolean,
        Written::Int(None) | Written::Integer(None) | Written::Int4(None) => DataType::Int,
        Written::BigInt(None) | Written::Int8(None) => DataType::BigInt,
        Written::Double(_)
        | Written::DoublePrecision
        | Written::Float8
        | Written::Float(ExactNumberInfo::None) => DataType::Double,
        Written::Numeric(info) | Written::Decimal(info) | Written::Dec(info) => decimal(info)?,
        Written::SmallInt(None) | Written::Int2(None) | Written::TinyInt(None) => {
            DataType::SmallInt
        }
        Written::Real | Written::Float4 => DataType::Real,
        Written::Bytea | Written::Blob(_) | Written::Binary(_) | Written::Varbinary(_) => {
            DataType::Bytea
        }
        Written::Uuid => DataType::Uuid,
        Written::Date => DataType::Date,
        Written::Time(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => DataType::Time,
        Written::Timestamp(_, TimezoneInfo::Tz | TimezoneInfo::WithTimeZone) => {
            DataType::TimestampTz
        }
        Written::Interval { .. } => DataType::Interval,
        Written::JSON | Written::JSONB => DataType::Json,
        Written::Array(
            ArrayElemTypeDef::AngleBracket(element)
            | ArrayElemTypeDef::SquareBracket(element, _)
            | ArrayElemTypeDef::Parenthesis(element),
        ) => DataType::array(of_written(element)?)?,
        Written::Map(key, value) => map(key, value)?,
        Written::Struct(fields, _) => structure(fields)?,
        Written::Text
        | Written::String(None)
        | Written::Varchar(_)
        | Written::CharacterVarying(_)
        | Written::CharVarying(_) => DataType::Text,
        Written::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            DataType::Timestamp
        }
        Written::Custom(name, modifiers) if !modifiers.is_empty() => {
            match (name.to_string().to_lowercase().as_str(), &modifiers[..]) {
                ("map", [key, value]) if is_text(key) && is_text(value) => DataType::Map,
                _ => return Err(undefined(&name.to_string())),
            }
        }
        Written::Custom(name, _) => {
            return Err(undefined(&name.to_string()));
        }
        other => {
            let message = format!("columns of type {other} are not supported");
            return Err(SqlError::unsupported(message).hint(TYPES));
        }
    };
    data_type.check()?;
    Ok(data_type)
}

/// A type as `sqlparser` has it, if it has it.
pub(crate) fn written(data_type: DataType) -> Option<Written> {
    let text = data_type.to_string();
    let parser = Parser::new(&GenericDialect {}).try_with_sql(&text);
    let found = parser.and_then(|mut parser| parser.parse_data_type()).ok()?;
    (of_written(&found) == Ok(data_type)).then_some(found)
}

const TYPES: &str = "The types are BOOLEAN, SMALLINT, INT, BIGINT, REAL, DOUBLE, DECIMAL(p, s), \
                     TEXT, BYTEA, UUID, DATE, TIME, TIMESTAMP, TIMESTAMPTZ, INTERVAL, JSON, arrays, \
                     MAP<TEXT, TEXT> and STRUCT.";

fn undefined(name: &str) -> SqlError {
    let known = [
        "BOOLEAN",
        "INT",
        "INTEGER",
        "BIGINT",
        "DOUBLE",
        "FLOAT",
        "DECIMAL",
        "NUMERIC",
        "TEXT",
        "VARCHAR",
        "TIMESTAMP",
        "TIMESTAMPTZ",
        "SMALLINT",
        "REAL",
        "BYTEA",
        "UUID",
        "DATE",
        "TIME",
        "INTERVAL",
        "JSON",
        "JSONB",
        "MAP",
        "STRUCT",
    ];
    let error = SqlError::undefined_object("type", name);
    match nearest(name, known) {
        Some(near) => error.hint(format!("Did you mean {near}?")),
        None => error.hint(TYPES),
    }
}

/// Tags are texts by text.
fn map(key: &Written, value: &Written) -> Result<DataType, SqlError> {
    match (of_written(key)?, of_written(value)?) {
        (DataType::Text, DataType::Text) => Ok(DataType::Map),
        (key, value) => Err(SqlError::unsupported(format!("MAP of {key} to {value}"))
            .hint("Use MAP<TEXT, TEXT>, or JSON.")),
    }
}

fn is_text(name: &str) -> bool {
    ["text", "varchar", "string"].iter().any(|text| name.eq_ignore_ascii_case(text))
}

fn structure(fields: &[StructField]) -> Result<DataType, SqlError> {
    let mut named = Vec::with_capacity(fields.len());
    for field in fields {
        let Some(name) = &field.field_name else {
            return Err(SqlError::syntax("a field of a STRUCT has a name and a type"));
        };
        named.push((name.value.as_str(), of_written(&field.field_type)?));
    }
    DataType::structure(named)
}

/// DECIMAL without digits is DECIMAL(38, 10), as the planner has it.
fn decimal(info: &ExactNumberInfo) -> Result<DataType, SqlError> {
    let (precision, scale) = match *info {
        ExactNumberInfo::None => (38, 10),
        ExactNumberInfo::Precision(precision) => (precision, 0),
        ExactNumberInfo::PrecisionAndScale(precision, scale) => (precision, scale),
    };
    match (u8::try_from(precision), u8::try_from(scale)) {
        (Ok(precision), Ok(scale)) => Ok(DataType::Decimal { precision, scale }),
        _ => Err(SqlError::invalid_parameter(format!(
            "DECIMAL({precision},{scale}): the precision must be between 1 and 38, and the scale \
             between 0 and the precision"
        ))),
    }
}

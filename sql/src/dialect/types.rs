//! The types users write, as the types of columns.

use sqlparser::ast::{DataType as Written, ExactNumberInfo, TimezoneInfo};

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
        Written::Text
        | Written::String(None)
        | Written::Varchar(_)
        | Written::CharacterVarying(_)
        | Written::CharVarying(_) => DataType::Text,
        Written::Timestamp(_, TimezoneInfo::None | TimezoneInfo::WithoutTimeZone) => {
            DataType::Timestamp
        }
        Written::Custom(name, modifiers) if modifiers.is_empty() => {
            return Err(undefined(&name.to_string()));
        }
        other => {
            let message = format!("columns of type {other} are not supported yet");
            return Err(SqlError::unsupported(message).hint(TYPES));
        }
    };
    data_type.check()?;
    Ok(data_type)
}

const TYPES: &str =
    "The types are BOOLEAN, INT, BIGINT, DOUBLE, DECIMAL(p, s), TEXT and TIMESTAMP.";

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
    ];
    let error = SqlError::undefined_object("type", name);
    match nearest(name, known) {
        Some(near) => error.hint(format!("Did you mean {near}?")),
        None => error.hint(TYPES),
    }
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

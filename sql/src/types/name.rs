//! Types by name: as statements write them, and as PostgreSQL calls them.

use std::fmt;

use super::DataType;

impl fmt::Display for DataType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DataType::Boolean => f.write_str("BOOLEAN"),
            DataType::SmallInt => f.write_str("SMALLINT"),
            DataType::Int => f.write_str("INT"),
            DataType::BigInt => f.write_str("BIGINT"),
            DataType::Real => f.write_str("REAL"),
            DataType::Double => f.write_str("DOUBLE"),
            DataType::Decimal { precision, scale } => write!(f, "DECIMAL({precision},{scale})"),
            DataType::Text => f.write_str("TEXT"),
            DataType::Bytea => f.write_str("BYTEA"),
            DataType::Uuid => f.write_str("UUID"),
            DataType::Date => f.write_str("DATE"),
            DataType::Time => f.write_str("TIME"),
            DataType::Timestamp => f.write_str("TIMESTAMP"),
            DataType::TimestampTz => f.write_str("TIMESTAMPTZ"),
            DataType::Interval => f.write_str("INTERVAL"),
            DataType::Json => f.write_str("JSON"),
            DataType::Array(element) => write!(f, "{element}[]"),
            DataType::Map => f.write_str("MAP<TEXT, TEXT>"),
            DataType::Struct(of) => {
                f.write_str("STRUCT<")?;
                for (at, field) in of.fields.iter().enumerate() {
                    let separator = if at == 0 { "" } else { ", " };
                    write!(f, "{separator}{} {}", field.name, field.data_type)?;
                }
                f.write_str(">")
            }
        }
    }
}

impl DataType {
    /// What PostgreSQL calls the type, in its errors and its catalogs.
    pub fn postgres_name(self) -> String {
        let name = match self {
            DataType::Boolean => "boolean",
            DataType::SmallInt => "smallint",
            DataType::Int => "integer",
            DataType::BigInt => "bigint",
            DataType::Real => "real",
            DataType::Double => "double precision",
            DataType::Decimal { .. } => "numeric",
            DataType::Text => "text",
            DataType::Bytea => "bytea",
            DataType::Uuid => "uuid",
            DataType::Date => "date",
            DataType::Time => "time",
            DataType::Timestamp => "timestamp",
            DataType::TimestampTz => "timestamp with time zone",
            DataType::Interval => "interval",
            DataType::Json => "json",
            DataType::Array(element) => return format!("{}[]", element.postgres_name()),
            DataType::Map => "map",
            DataType::Struct(_) => "record",
        };
        name.to_owned()
    }
}

//! The columns of a relation.

use std::fmt;
use std::sync::Arc;

use crate::error::SqlError;
use crate::limits::{COLUMNS_MAX, NAME_BYTES_MAX};
use crate::types::DataType;

/// One column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// Unique within the schema; case matters.
    pub name: String,
    /// The type of every value that is not NULL.
    pub data_type: DataType,
    /// Whether NULL may occur.
    pub nullable: bool,
}

impl Field {
    /// A column that may hold NULL.
    pub fn nullable(name: impl Into<String>, data_type: DataType) -> Field {
        Field { name: name.into(), data_type, nullable: true }
    }

    /// A column that never holds NULL.
    pub fn not_null(name: impl Into<String>, data_type: DataType) -> Field {
        Field { name: name.into(), data_type, nullable: false }
    }
}

/// The columns of a relation, in order. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Schema {
    fields: Arc<[Field]>,
}

impl Schema {
    /// Refuses names that are empty, too long or there twice, types that cannot be, and more than
    /// [`COLUMNS_MAX`] columns.
    pub fn new(fields: Vec<Field>) -> Result<Schema, SqlError> {
        if fields.len() > COLUMNS_MAX {
            return Err(SqlError::limit_exceeded(
                "columns of a relation",
                fields.len(),
                COLUMNS_MAX,
            ));
        }
        let mut names: Vec<&str> = Vec::with_capacity(fields.len());
        for field in &fields {
            check_name("column", &field.name)?;
            field.data_type.check()?;
            names.push(&field.name);
        }
        names.sort_unstable();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(SqlError::duplicate_column(pair[0]));
        }
        Ok(Schema { fields: fields.into() })
    }

    /// All columns.
    pub fn fields(&self) -> &[Field] {
        &self.fields
    }

    /// How many columns there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are no columns.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    /// Column `index`, which must exist.
    pub fn field(&self, index: usize) -> &Field {
        &self.fields[index]
    }

    /// The position of the column called `name`.
    pub fn index_of(&self, name: &str) -> Option<usize> {
        self.fields.iter().position(|field| field.name == name)
    }

    /// The position of the column called `name`, or the error that says which there are.
    pub fn resolve(&self, name: &str) -> Result<usize, SqlError> {
        self.index_of(name).ok_or_else(|| SqlError::undefined_column(name, self.names()))
    }

    /// The names in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().map(|field| field.name.as_str())
    }
}

/// Refuses what cannot name a `what`.
pub(crate) fn check_name(what: &str, name: &str) -> Result<(), SqlError> {
    if name.is_empty() {
        return Err(SqlError::invalid_name(format!("the name of a {what} is empty")));
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(SqlError::limit_exceeded(
            &format!("bytes of the name of a {what}"),
            name.len(),
            NAME_BYTES_MAX,
        ));
    }
    Ok(())
}

impl fmt::Display for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (index, field) in self.fields.iter().enumerate() {
            let separator = if index == 0 { "" } else { ", " };
            let not_null = if field.nullable { "" } else { " NOT NULL" };
            write!(f, "{separator}{} {}{not_null}", field.name, field.data_type)?;
        }
        f.write_str(")")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn state(fields: Vec<Field>) -> &'static str {
        Schema::new(fields).err().map_or("ok", |error| error.sqlstate)
    }

    #[test]
    fn a_schema_refuses_names_that_are_empty_long_or_there_twice() {
        let field = |name: &str| Field::nullable(name, DataType::Int);
        assert_eq!(state(vec![field("a"), field("A")]), "ok");
        assert_eq!(state(vec![field("a"), field("b"), field("a")]), "42701");
        assert_eq!(state(vec![field("")]), "42602");
        assert_eq!(state(vec![field(&"x".repeat(256))]), "54000");
    }

    #[test]
    fn a_schema_has_at_most_1024_columns() {
        let fields = |count| (0..count).map(|i| Field::nullable(format!("c{i}"), DataType::Int));
        assert_eq!(state(fields(1024).collect()), "ok");
        assert_eq!(state(fields(1025).collect()), "54000");
    }

    #[test]
    fn a_schema_refuses_a_decimal_that_cannot_be() {
        let data_type = DataType::Decimal { precision: 39, scale: 0 };
        assert_eq!(state(vec![Field::nullable("a", data_type)]), "22023");
    }
}

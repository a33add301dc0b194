//! What can be wrong with a statement, a schema or a value: the one error of this crate.

use std::fmt;

/// Why something the user wrote cannot be accepted, with the facts needed to repair it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// The five characters by which PostgreSQL clients tell errors apart.
    pub sqlstate: &'static str,
    /// What is wrong, with the name and the bound.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl SqlError {
    fn of(sqlstate: &'static str, message: impl Into<String>) -> SqlError {
        SqlError { sqlstate, message: message.into(), hint: None }
    }

    /// 42703: a column that is not there; lists those that are.
    pub fn undefined_column<'a>(
        name: &str,
        columns: impl IntoIterator<Item = &'a str>,
    ) -> SqlError {
        let columns: Vec<&str> = columns.into_iter().collect();
        let error = SqlError::of("42703", format!("column \"{name}\" does not exist"));
        let near = columns.iter().find(|column| column.eq_ignore_ascii_case(name));
        match near {
            Some(near) => error.hint(format!("There is a column \"{near}\": case matters.")),
            None if columns.is_empty() => error.hint("There are no columns here."),
            None => error.hint(format!("The columns are: {}.", columns.join(", "))),
        }
    }

    /// 42P01: a relation that is not there.
    pub fn undefined_relation(what: &str, name: &str) -> SqlError {
        SqlError::of("42P01", format!("{what} \"{name}\" does not exist"))
    }

    /// 42804: a type that does not fit its place.
    pub fn datatype_mismatch(message: impl Into<String>) -> SqlError {
        SqlError::of("42804", message)
    }

    /// 42701: two columns of one name.
    pub fn duplicate_column(name: &str) -> SqlError {
        SqlError::of("42701", format!("column \"{name}\" is there more than once"))
            .hint("Give one of them another name.")
    }

    /// 42P07: two relations of one name.
    pub fn duplicate_relation(name: &str) -> SqlError {
        SqlError::of("42P07", format!("relation \"{name}\" already exists"))
    }

    /// 42602: something that cannot be a name.
    pub fn invalid_name(message: impl Into<String>) -> SqlError {
        SqlError::of("42602", message)
    }

    /// 54000: more of something than there may be.
    pub fn limit_exceeded(what: &str, count: usize, max: usize) -> SqlError {
        SqlError::of("54000", format!("{what}: {count} is more than the limit of {max}"))
    }

    /// 22023: a parameter outside its bounds.
    pub fn invalid_parameter(message: impl Into<String>) -> SqlError {
        SqlError::of("22023", message)
    }

    /// 0A000: well formed, but nothing here can run it.
    pub fn unsupported(message: impl Into<String>) -> SqlError {
        SqlError::of("0A000", message)
    }

    /// 23502: NULL where a value must be.
    pub fn not_null(name: &str) -> SqlError {
        SqlError::of("23502", format!("column \"{name}\" is NOT NULL and was given NULL"))
    }

    /// 22003: a number outside the range of its type.
    pub fn out_of_range(message: impl Into<String>) -> SqlError {
        SqlError::of("22003", message)
    }

    /// The same error with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> SqlError {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.message, self.sqlstate)?;
        match &self.hint {
            Some(hint) => write!(f, " {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for SqlError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_column_lists_the_columns_there_are() {
        let error = SqlError::undefined_column("c", ["a", "b"]);
        assert_eq!(error.to_string(), "column \"c\" does not exist (42703) The columns are: a, b.");
    }

    #[test]
    fn an_unknown_column_that_differs_in_case_is_told_so() {
        let error = SqlError::undefined_column("Price", ["ts", "price"]);
        assert_eq!(error.hint.as_deref(), Some("There is a column \"price\": case matters."));
    }
}

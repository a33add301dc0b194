//! What is said of errors: where, what, and what to do.

use sluicedb::db::{Error, SqlError};

/// A text and where it is from.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    /// The file, where it is from one.
    pub(crate) file: Option<&'a str>,
    /// All of it.
    pub(crate) text: &'a str,
}

impl Origin<'_> {
    /// The error of a statement that begins at byte `start`, in which its position counts.
    pub(crate) fn error(&self, error: &Error, start: usize) -> String {
        match error {
            Error::Sql(error) => self.sql(error, start),
            error => format!("{}ERROR:  {error}\n", self.place(start)),
        }
    }

    fn sql(&self, error: &SqlError, start: usize) -> String {
        let mut error = error.clone();
        error.position = error.position.map(|at| start + at);
        let SqlError { sqlstate, message, hint, position } = &error;
        let place = self.place(position.unwrap_or(start));
        let caret = error.caret(self.text);
        let hint = hint.as_ref().map(|hint| format!("HINT:  {hint}\n")).unwrap_or_default();
        // Lines behind the first say more than an error is.
        let (first, more) = message.split_at(message.find('\n').unwrap_or(message.len()));
        format!("{place}ERROR:  {first} ({sqlstate}){more}\n{caret}{hint}")
    }

    /// The file, the line and the column of a byte.
    pub(crate) fn place(&self, at: usize) -> String {
        let Some(file) = self.file else { return String::new() };
        let found = SqlError::syntax("").at(at).line_column(self.text);
        found.map(|(line, column)| format!("{file}:{line}:{column}: ")).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_names_file_line_and_column_and_draws_a_caret() {
        let text = "SELECT 1;\nSELECT x;";
        let error = Error::Sql(SqlError::syntax("no x").at(7).hint("Say y."));
        let shown = Origin { file: Some("a.sql"), text }.error(&error, 10);
        let expected = "a.sql:2:8: ERROR:  no x (42601)\nLINE 2: SELECT x;\n               ^\n\
                        HINT:  Say y.\n";
        assert_eq!(shown, expected);
        let shown = Origin { file: None, text }.error(&Error::Sql(SqlError::syntax("no x")), 10);
        assert_eq!(shown, "ERROR:  no x (42601)\n");
    }
}

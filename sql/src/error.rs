//! What can be wrong with a statement, a schema or a value: the one error of this crate.

use std::fmt;

use crate::expr::RowError;
use crate::types::DataType;

/// Why something the user wrote cannot be accepted, with the facts needed to repair it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// The five characters by which PostgreSQL clients tell errors apart.
    pub sqlstate: &'static str,
    /// What is wrong, with the name and the bound.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The byte of the text at which it is wrong, where that is known.
    pub position: Option<usize>,
}

impl SqlError {
    fn of(sqlstate: &'static str, message: impl Into<String>) -> SqlError {
        SqlError { sqlstate, message: message.into(), hint: None, position: None }
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

    /// 42883: a function that is not there, or takes other arguments.
    pub fn undefined_function(name: &str, args: &[DataType]) -> SqlError {
        let args: Vec<String> = args.iter().map(DataType::to_string).collect();
        let message = format!("function {name}({}) does not exist", args.join(", "));
        SqlError::of("42883", message).hint("Cast the arguments to the types it takes.")
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

    /// 2BP01: something that goes is read by something that stays.
    pub fn dependent(read: &str, reader: &str) -> SqlError {
        SqlError::of("2BP01", format!("{read} cannot be dropped: {reader} reads it"))
            .hint("Drop that first.")
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

    /// A constant pattern that no row could use, with the state of what is wrong.
    pub fn invalid_pattern(what: &str, pattern: &str, error: RowError) -> SqlError {
        SqlError::of(error.sqlstate(), format!("{what} '{pattern}': {error}"))
    }

    /// 0A000: well formed, but nothing here can run it.
    pub fn unsupported(message: impl Into<String>) -> SqlError {
        SqlError::of("0A000", message)
    }

    /// 23502: NULL where a value must be.
    pub fn not_null(name: &str) -> SqlError {
        SqlError::of("23502", format!("column \"{name}\" is NOT NULL and was given NULL"))
    }

    /// P0004: rows that are not those that are expected.
    pub fn unexpected_rows(message: impl Into<String>) -> SqlError {
        SqlError::of("P0004", message)
    }

    /// 55000: something that is not as it has to be for what is asked.
    pub fn not_ready(message: impl Into<String>) -> SqlError {
        SqlError::of("55000", message)
    }

    /// 55006: something that somebody else has.
    pub fn in_use(message: impl Into<String>) -> SqlError {
        SqlError::of("55006", message)
    }

    /// 22003: a number outside the range of its type.
    pub fn out_of_range(message: impl Into<String>) -> SqlError {
        SqlError::of("22003", message)
    }

    /// 42P02: a parameter that nothing gives a value.
    pub fn undefined_parameter(name: &str) -> SqlError {
        SqlError::of("42P02", format!("there is no parameter {name} here"))
    }

    /// 42P18: a value whose type nothing says.
    pub fn indeterminate(message: impl Into<String>) -> SqlError {
        SqlError::of("42P18", message)
    }

    /// 42723: two functions of one name.
    pub fn duplicate_function(name: &str) -> SqlError {
        SqlError::of("42723", format!("function {name} already exists"))
    }

    /// 26000: a name that no prepared statement has.
    pub fn undefined_statement(name: &str) -> SqlError {
        SqlError::of("26000", format!("prepared statement \"{name}\" does not exist"))
    }

    /// 42P05: two prepared statements of one name.
    pub fn duplicate_statement(name: &str) -> SqlError {
        SqlError::of("42P05", format!("prepared statement \"{name}\" already exists"))
    }

    /// 38000: a function of the application's that failed.
    pub fn external(message: impl Into<String>) -> SqlError {
        SqlError::of("38000", message)
    }

    /// 42601: text that is no statement.
    pub fn syntax(message: impl Into<String>) -> SqlError {
        SqlError::of("42601", message)
    }

    /// 42702: a name that two columns have.
    pub fn ambiguous_column(name: &str) -> SqlError {
        SqlError::of("42702", format!("column \"{name}\" is in more than one relation"))
    }

    /// 42P10: a place that nothing stands at.
    pub fn invalid_reference(message: impl Into<String>) -> SqlError {
        SqlError::of("42P10", message)
    }

    /// 42803: a value that is not the same for all rows of its group.
    pub fn grouping(message: impl Into<String>) -> SqlError {
        SqlError::of("42803", message)
    }

    /// 42883: a name that is no function.
    pub fn unknown_function(message: impl Into<String>) -> SqlError {
        SqlError::of("42883", message)
    }

    /// 2BP01: something that others need.
    pub fn depended_on(message: impl Into<String>) -> SqlError {
        SqlError::of("2BP01", message)
    }

    /// 42809: a relation of another kind than the statement takes.
    pub fn wrong_kind(message: impl Into<String>) -> SqlError {
        SqlError::of("42809", message)
    }

    /// The code and the text of a row that failed.
    pub fn of_row(error: crate::expr::RowError) -> SqlError {
        SqlError::of(error.sqlstate(), error.to_string())
    }

    /// An error that was text for a while; none where the code is not one of ours.
    #[cfg(feature = "planner")]
    pub(crate) fn with_state(sqlstate: &str, message: &str) -> Option<SqlError> {
        const STATES: [&str; 36] = [
            "0A000", "22000", "22003", "22007", "22008", "22011", "22012", "22023", "22025",
            "2201B", "2201E", "2201F", "22P02", "23502", "2BP01", "38000", "42601", "42602",
            "42701", "42702", "42703", "42704", "42723", "42803", "42804", "42809", "42883",
            "42P01", "42P02", "42P07", "42P10", "42P18", "53000", "53200", "54000", "54001",
        ];
        let state = STATES.into_iter().find(|state| *state == sqlstate)?;
        Some(SqlError::of(state, message))
    }

    /// 53200: there is no memory for it.
    pub fn out_of_memory(message: impl Into<String>) -> SqlError {
        SqlError::of("53200", message)
    }

    /// 53000: the machine has none left of what is needed.
    pub fn resources(message: impl Into<String>) -> SqlError {
        SqlError::of("53000", message)
    }

    /// 22007: a text that is no interval.
    pub fn invalid_interval(text: &str) -> SqlError {
        SqlError::of("22007", format!("\"{text}\" is no interval"))
    }

    /// 42704: a type, a setting or another thing that is not there.
    pub fn undefined_object(what: &str, name: &str) -> SqlError {
        SqlError::of("42704", format!("{what} \"{name}\" does not exist"))
    }

    /// 54001: a statement too deep or too involved to be taken in.
    pub fn too_complex(message: impl Into<String>) -> SqlError {
        SqlError::of("54001", message)
    }

    /// The same error at byte `position` of the text, unless it has a place already.
    #[must_use]
    pub fn at(mut self, position: usize) -> SqlError {
        self.position = self.position.or(Some(position));
        self
    }

    /// 22P02: a text that is no value of its type.
    pub fn invalid_text(message: impl Into<String>) -> SqlError {
        SqlError::of("22P02", message)
    }

    /// 22007: a text that is no date and no time.
    pub fn invalid_datetime(message: impl Into<String>) -> SqlError {
        SqlError::of("22007", message)
    }

    /// 22008: a date or a time outside the range of its type.
    pub fn datetime_overflow(message: impl Into<String>) -> SqlError {
        SqlError::of("22008", message)
    }

    /// The same error with advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> SqlError {
        self.hint = Some(hint.into());
        self
    }
}

impl SqlError {
    /// Line and column of the mistake in `text`, counted from 1 in characters.
    pub fn line_column(&self, text: &str) -> Option<(usize, usize)> {
        let before = before(text, self.position?);
        let line = before.matches('\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        Some((line, before[start..].chars().count() + 1))
    }

    /// The line of `text` that holds the mistake with a caret under it; empty where the place is
    /// not known. Of a long line only what stands around the mistake is shown.
    pub fn caret(&self, text: &str) -> String {
        let Some(((line, column), position)) = self.line_column(text).zip(self.position) else {
            return String::new();
        };
        let before = before(text, position);
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        let whole = text[start..].lines().next().unwrap_or("");
        let skipped = (column - 1).saturating_sub(CARET_CHARS_BEFORE);
        let mut shown = String::new();
        let dots = |cut: bool| if cut { "..." } else { "" };
        shown.push_str(dots(skipped > 0));
        let kept = whole.chars().skip(skipped).take(CARET_CHARS_BEFORE + CARET_CHARS_AFTER);
        // A tab is one character here, so that the caret stands where it points.
        shown.extend(kept.map(|c| if c.is_control() { ' ' } else { c }));
        let more = whole.chars().count() > skipped + CARET_CHARS_BEFORE + CARET_CHARS_AFTER;
        let label = format!("LINE {line}: ");
        let indent = label.len() + dots(skipped > 0).len() + column - 1 - skipped;
        format!("{label}{shown}{}\n{:indent$}^\n", dots(more), "")
    }
}

/// Characters of a line shown before the one that is wrong.
const CARET_CHARS_BEFORE: usize = 60;
/// Characters of a line shown from the one that is wrong on.
const CARET_CHARS_AFTER: usize = 40;

/// What stands before byte `position`, or before the character that holds it.
fn before(text: &str, position: usize) -> &str {
    &text[..text.floor_char_boundary(position)]
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
    fn the_caret_stands_under_the_mistake() {
        let text = "SELECT 1\nFROM\tgr\u{fc}n, x";
        let at = |position| SqlError::syntax("").at(position);
        assert_eq!(at(21).line_column(text), Some((2, 12)));
        assert_eq!(at(21).caret(text), "LINE 2: FROM gr\u{fc}n, x\n                   ^\n");
        assert_eq!(SqlError::syntax("").caret(text), "");
        // Inside a character, and behind the end.
        assert_eq!(at(17).line_column(text), Some((2, 8)));
        assert_eq!(at(999).line_column(text), Some((2, 13)));
    }

    #[test]
    fn of_a_long_line_only_what_stands_around_the_mistake_is_shown() {
        let text = "x".repeat(500);
        let caret = SqlError::syntax("").at(250).caret(&text);
        let lines: Vec<&str> = caret.lines().collect();
        assert_eq!(lines[0].len(), "LINE 1: ".len() + 3 + 100 + 3);
        assert_eq!(lines[1].len(), "LINE 1: ".len() + 3 + 60 + 1);
    }

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

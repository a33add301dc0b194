//! Text in, statements out: what is read, how it prints back, and what is refused with which words.

use super::*;

/// The statements of a text as they print, one a line; or the error with its caret and its hint.
fn show(text: &str) -> String {
    match parse(text) {
        Ok(parsed) => {
            let lines = parsed.iter().map(|parsed| parsed.statement.to_string());
            lines.collect::<Vec<_>>().join("\n")
        }
        Err(error) => {
            let hint = error.hint.as_deref().unwrap_or("-");
            format!("{}: {}\n{}{hint}", error.sqlstate, error.message, error.caret(text))
        }
    }
}

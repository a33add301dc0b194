//! Text in, statements out: what is read, how it prints back, and what is refused with which words.

mod broken;
mod errors;
mod statements;
mod windows;

use super::syntax::{Subscribe, SubscribeTo};
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

/// The queries of a text with their windows rewritten, one a line, and the notices after each.
fn rewritten(text: &str) -> String {
    let parsed = match parse(text) {
        Ok(parsed) => parsed,
        Err(_) => return show(text),
    };
    let mut lines = Vec::new();
    for mut statement in parsed.into_iter().map(|parsed| parsed.statement) {
        let query = match &mut statement {
            Statement::Query(query) => query,
            Statement::CreateQuery(create) => &mut create.query.query,
            Statement::Subscribe(Subscribe { target: SubscribeTo::Query(query), .. }) => {
                &mut query.query
            }
            _ => continue,
        };
        match window::rewrite(query, text) {
            Ok(notices) => {
                lines.push(query.to_string());
                lines
                    .extend(notices.into_iter().map(|notice| format!("NOTICE {}", notice.message)));
            }
            Err(error) => {
                let hint = error.hint.as_deref().unwrap_or("-");
                lines.push(format!(
                    "{}: {}\n{}{hint}",
                    error.sqlstate,
                    error.message,
                    error.caret(text)
                ));
            }
        }
    }
    lines.join("\n")
}

/// Every statement of the two documents.
fn corpus() -> Vec<&'static str> {
    let texts = [include_str!("tests/nexmark.sql"), include_str!("tests/seeds.sql")];
    texts.iter().flat_map(|text| scan::split(text).into_iter().map(|p| &text[p.range])).collect()
}

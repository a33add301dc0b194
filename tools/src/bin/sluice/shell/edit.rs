//! The shell that a person types into: lines, history, completion.

use std::fs;
use std::path::PathBuf;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use sluicedb::db::{Database, is_unfinished, system_tables};

use super::meta;
use super::report::Origin;
use super::session::{Next, Session};
use crate::command::Failure;

const KEYWORDS: &[&str] = &[
    "ALL",
    "AND",
    "ARRAY",
    "AS",
    "ASC",
    "ASOF",
    "AVG",
    "BETWEEN",
    "BIGINT",
    "BOOLEAN",
    "BY",
    "CASE",
    "CAST",
    "CHANGES",
    "CHECKPOINT",
    "CLOSE",
    "COMMENT",
    "COUNT",
    "CREATE",
    "CUMULATE",
    "DATA",
    "DATE",
    "DECIMAL",
    "DESC",
    "DESCRIBE",
    "DISTINCT",
    "DOUBLE",
    "DROP",
    "ELSE",
    "EMIT",
    "END",
    "EXCEPT",
    "EXISTS",
    "EXPLAIN",
    "FALSE",
    "FILE",
    "FILTER",
    "FINAL",
    "FIRST",
    "FROM",
    "FULL",
    "GENERATOR",
    "GROUP",
    "HAVING",
    "HOP",
    "IF",
    "IN",
    "INNER",
    "INSERT",
    "INT",
    "INTERSECT",
    "INTERVAL",
    "INTO",
    "IS",
    "JOIN",
    "JSON",
    "KEY",
    "LAST",
    "LATE",
    "LEFT",
    "LIKE",
    "LIMIT",
    "MAP",
    "MATERIALIZED",
    "MAX",
    "MIN",
    "NOT",
    "NULL",
    "OFFSET",
    "ON",
    "OR",
    "ORDER",
    "OUTER",
    "OVER",
    "PARTITION",
    "PAUSE",
    "PRIMARY",
    "QUALIFY",
    "REAL",
    "REPLACE",
    "RESET",
    "RESUME",
    "RIGHT",
    "ROW",
    "ROWS",
    "SELECT",
    "SESSION",
    "SET",
    "SHOW",
    "SINK",
    "SINKS",
    "SLIDE",
    "SMALLINT",
    "SOURCE",
    "SOURCES",
    "STREAM",
    "STREAMS",
    "STRUCT",
    "SUBSCRIBE",
    "SUM",
    "TABLE",
    "TABLES",
    "TEXT",
    "THEN",
    "TIME",
    "TIMESTAMP",
    "TIMESTAMPTZ",
    "TO",
    "TRUE",
    "TUMBLE",
    "UNION",
    "USING",
    "UUID",
    "VALUES",
    "VARCHAR",
    "VIEW",
    "VIEWS",
    "WATERMARK",
    "WHEN",
    "WHERE",
    "WINDOW",
    "WITH",
];

/// Reads and runs statements until Ctrl-D.
pub(crate) fn interact(session: &mut Session<'_>) -> Result<(), Failure> {
    let failed = |error: ReadlineError| Failure::Failed(format!("the terminal: {error}"));
    let config = Config::builder().completion_type(CompletionType::List).auto_add_history(false);
    let config = config.history_ignore_space(true).build();
    let mut editor: Editor<Assist, DefaultHistory> = Editor::with_config(config).map_err(failed)?;
    editor.set_helper(Some(Assist { db: session.db.clone() }));
    let history = history();
    if let Some(path) = &history {
        // There is none at first.
        let _ = editor.load_history(path);
    }
    loop {
        let line = match editor.readline("sluice> ") {
            Ok(line) => line,
            Err(ReadlineError::Interrupted) => continue,
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(failed(error)),
        };
        if line.trim().is_empty() {
            continue;
        }
        // A history that cannot be kept is no reason to stop.
        let _ = editor.add_history_entry(line.as_str());
        if let Some(path) = &history {
            let _ = editor.append_history(path);
        }
        session.interrupt.clear();
        match session.run(Origin { file: None, text: &line }) {
            Ok(Next::Quit) if !session.interrupt.is_asked() => return Ok(()),
            Ok(_) | Err(Failure::Told) => {}
            Err(failure) => return Err(failure),
        }
        session.interrupt.clear();
    }
}

/// The file of the history in the user's data directory, whose folder is made.
fn history() -> Option<PathBuf> {
    let data = std::env::var_os("XDG_DATA_HOME").filter(|path| !path.is_empty());
    let home = || Some(PathBuf::from(std::env::var_os("HOME")?).join(".local/share"));
    let folder = data.map(PathBuf::from).or_else(home)?.join("sluice");
    fs::create_dir_all(&folder).ok()?;
    Some(folder.join("history"))
}

struct Assist {
    db: Database,
}

impl Completer for Assist {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        at: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let catalog = self.db.objects();
        let columns = catalog.objects().flat_map(|object| object.schema.names());
        let names = catalog.objects().map(|object| object.name.as_str());
        let system = system_tables().iter().map(|table| table.name);
        Ok(complete(&line[..at], names.chain(columns).chain(system)))
    }
}

impl Validator for Assist {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        let done = is_command(context.input()) || !is_unfinished(context.input());
        let more = ValidationResult::Incomplete;
        Ok(if done { ValidationResult::Valid(None) } else { more })
    }
}

impl Hinter for Assist {
    type Hint = String;
}

impl Highlighter for Assist {}

impl Helper for Assist {}

fn is_command(text: &str) -> bool {
    text.trim_start().starts_with('\\')
}

/// Where the word before the cursor begins, and what it may become.
fn complete<'a>(before: &str, names: impl Iterator<Item = &'a str>) -> (usize, Vec<String>) {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '.' | '\\');
    let start = before
        .rfind(|c| !part(c))
        .map_or(0, |at| at + before[at..].chars().next().map_or(0, char::len_utf8));
    let word = &before[start..];
    if word.is_empty() {
        return (start, Vec::new());
    }
    let mut found: Vec<String> = Vec::new();
    if word.starts_with('\\') {
        let commands = meta::NAMES.iter().filter(|name| name.starts_with(word));
        found.extend(commands.map(|name| (*name).to_owned()));
        return (start, found);
    }
    let begins = |name: &str| {
        let beginning = name.get(..word.len());
        beginning.is_some_and(|beginning| beginning.eq_ignore_ascii_case(word))
    };
    found.extend(names.filter(|name| begins(name)).map(str::to_owned));
    found.sort();
    found.dedup();
    let lower = word.chars().all(|c| !c.is_ascii_uppercase());
    let keyword = |name: &&str| if lower { name.to_lowercase() } else { (*name).to_owned() };
    found.extend(KEYWORDS.iter().filter(|name| begins(name)).map(keyword));
    (start, found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(before: &str) -> (usize, Vec<String>) {
        complete(before, ["orders", "order_id", "sluice.sources"].into_iter())
    }

    #[test]
    fn names_come_before_keywords_and_keywords_in_the_case_that_is_typed() {
        let expected = ["order_id", "orders", "order"].map(str::to_owned).to_vec();
        assert_eq!(found("select * from ord"), (14, expected));
        assert_eq!(found("SEL"), (0, vec!["SELECT".to_owned()]));
        assert_eq!(found("FROM sluice.so"), (5, vec!["sluice.sources".to_owned()]));
        assert_eq!(found("\\ti"), (0, vec!["\\timing".to_owned()]));
        assert_eq!(found("SELECT "), (7, Vec::new()));
    }

    #[test]
    fn commands_need_no_semicolon_and_statements_do() {
        assert!(is_command(" \\d x"));
        assert!(!is_command("SELECT '\\d'") && is_unfinished("SELECT '\\d'"));
    }
}

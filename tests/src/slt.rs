//! Holds a database to a script in the format of sqllogictest.
//!
//! A script is records with empty lines between them: `statement ok`, `statement error <regex>`,
//! `query <types> [rowsort]` and `query error <regex>`, each with its SQL on the lines behind it;
//! the rows of a query stand behind `----`, one a line, their values with a blank between them.
//! Values are PostgreSQL's text, NULL is `NULL`, and an empty text `(empty)`. `#` begins a comment.

use std::fmt::Write as _;

use regex::Regex;
use sluicedb::db::{Database, Outcome, RowSet};
use sluicedb_sql::column::arrow::{Incoming, type_of_field};
use sluicedb_sql::{Column, Field, SqlError, Value};

/// How much of a script there was to run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Statements, whether they are to be carried out or refused.
    pub statements: usize,
    /// Queries whose rows are compared.
    pub queries: usize,
}

/// What a record asks for.
#[derive(Debug)]
enum Expected {
    Done,
    Refused(Regex),
    Rows { columns: usize, sorted: bool, lines: Vec<String> },
}

#[derive(Debug)]
struct Record {
    line: usize,
    sql: String,
    expected: Expected,
}

/// Runs all records of a script, also those behind one that fails.
///
/// # Errors
///
/// What the script's text has wrong, or all records that came out otherwise than it says.
pub fn run(text: &str, database: &Database) -> Result<Counts, String> {
    let mut counts = Counts::default();
    let mut failed = String::new();
    for record in records(text)? {
        match record.expected {
            Expected::Rows { .. } => counts.queries += 1,
            Expected::Done | Expected::Refused(_) => counts.statements += 1,
        }
        if let Err(what) = hold(&record, database) {
            let Record { line, sql, .. } = &record;
            write!(failed, "line {line}: {sql}\n{what}\n").expect("a text takes all");
        }
    }
    if failed.is_empty() { Ok(counts) } else { Err(failed) }
}

fn hold(record: &Record, database: &Database) -> Result<(), String> {
    let outcome = database.execute(&record.sql).map_err(|error| error.to_string());
    match (&record.expected, outcome) {
        (Expected::Done, Ok(_)) => Ok(()),
        (Expected::Done | Expected::Rows { .. }, Err(error)) => Err(format!("  error: {error}")),
        (Expected::Refused(wanted), Err(error)) if wanted.is_match(&error) => Ok(()),
        (Expected::Refused(wanted), Err(error)) => {
            Err(format!("  error:  {error}\n  wanted: {wanted}"))
        }
        (Expected::Refused(wanted), Ok(_)) => Err(format!("  no error\n  wanted: {wanted}")),
        (Expected::Rows { columns, sorted, lines }, Ok(Outcome::Rows(rows))) => {
            compare(&rows, *columns, *sorted, lines)
        }
        (Expected::Rows { .. }, Ok(_)) => Err("  gives no rows".to_owned()),
    }
}

fn compare(rows: &RowSet, columns: usize, sorted: bool, wanted: &[String]) -> Result<(), String> {
    let mut found = written(rows).map_err(|error| format!("  error: {error}"))?;
    let mut wanted = wanted.to_vec();
    if sorted {
        found.sort();
        wanted.sort();
    }
    let width = rows.schema.fields().len();
    if found == wanted && width == columns {
        return Ok(());
    }
    let list = |lines: &[String]| lines.join("\n    ");
    Err(format!("  found {width} columns:\n    {}\n  wanted:\n    {}", list(&found), list(&wanted)))
}

/// The rows of a query, a line each.
fn written(rows: &RowSet) -> Result<Vec<String>, SqlError> {
    let mut lines = Vec::with_capacity(rows.len());
    for batch in &rows.batches {
        let fields = rows.schema.fields().iter().zip(batch.columns());
        let columns = fields.map(|(field, array)| {
            let found = type_of_field(field)?.ok_or_else(|| {
                let data_type = field.data_type();
                SqlError::datatype_mismatch(format!(
                    "a column of {data_type}, which is none of ours"
                ))
            })?;
            let field = Field::nullable(field.name(), found);
            Ok(Incoming::new(array.clone(), &field)?.into_column())
        });
        let columns = columns.collect::<Result<Vec<Column>, SqlError>>()?;
        for row in 0..batch.num_rows() {
            let cells: Vec<String> = columns.iter().map(|of| cell(&of.value(row))).collect();
            lines.push(cells.join(" "));
        }
    }
    Ok(lines)
}

/// A value as a line holds it.
fn cell(value: &Value) -> String {
    let text = value.to_string();
    if text.is_empty() { "(empty)".to_owned() } else { text.replace('\n', "\\n") }
}

/// A script's records in order.
fn records(text: &str) -> Result<Vec<Record>, String> {
    let mut lines = text.lines().enumerate().map(|(at, line)| (at + 1, line.trim_end()));
    let mut records = Vec::new();
    while let Some((line, head)) = lines.next() {
        if head.is_empty() || head.starts_with('#') {
            continue;
        }
        let body = lines.by_ref().map(|(_, line)| line).take_while(|line| !line.is_empty());
        let body: Vec<&str> = body.filter(|line| !line.starts_with('#')).collect();
        let record = record(head, &body).map_err(|what| format!("line {line}: {what}"))?;
        records.push(Record { line, ..record });
    }
    Ok(records)
}

fn record(head: &str, body: &[&str]) -> Result<Record, String> {
    let words: Vec<&str> = head.split_whitespace().collect();
    let refused = || {
        let wanted = head.split_once("error").map_or("", |(_, wanted)| wanted.trim());
        Regex::new(wanted).map(Expected::Refused).map_err(|error| error.to_string())
    };
    let rows_at = body.iter().position(|line| *line == "----");
    let (sql, rows) = match rows_at {
        Some(at) => (&body[..at], Some(&body[at + 1..])),
        None => (body, None),
    };
    let expected = match (&words[..], rows) {
        (["statement", "ok"], None) => Expected::Done,
        (["statement" | "query", "error", ..], None) => refused()?,
        (["query", types], Some(rows)) => expected_rows(types, false, rows),
        (["query", types, "rowsort"], Some(rows)) => expected_rows(types, true, rows),
        _ => return Err(format!("\"{head}\" begins no record, or its rows are not what it says")),
    };
    if sql.is_empty() {
        return Err(format!("\"{head}\" has no SQL"));
    }
    Ok(Record { line: 0, sql: sql.join("\n"), expected })
}

fn expected_rows(types: &str, sorted: bool, rows: &[&str]) -> Expected {
    let lines = rows.iter().map(|line| (*line).to_owned()).collect();
    Expected::Rows { columns: types.len(), sorted, lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluicedb::plan::Plan;

    fn held(text: &str) -> Result<Counts, String> {
        let builder = Database::builder().memory_limit(256 << 20).shards(1);
        run(text, &builder.start(&Plan::empty()).expect("a database in memory opens"))
    }

    #[test]
    fn a_script_that_holds_is_counted() {
        let text = "# A comment.\nstatement error 42P01\nSELECT * FROM s\n\n\
                    query IT rowsort\nSELECT 2 AS a, 'x y'\n----\n2 x y\n";
        assert_eq!(held(text), Ok(Counts { statements: 1, queries: 1 }));
    }

    #[test]
    fn whatever_differs_fails() {
        for text in [
            "statement ok\nSELECT * FROM s",
            "statement error\nSELECT 1",
            "statement error 42601\nSELECT * FROM s",
            "query I\nSELECT 1\n----\n2",
            "query I\nSELECT 1\n----",
            "query II\nSELECT 1\n----\n1",
            "query I\nSELECT 1",
            "query\nSELECT 1\n----\n1",
            "statement ok",
        ] {
            assert!(held(text).is_err(), "{text}");
        }
    }
}

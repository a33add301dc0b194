//! Whether what was computed is what should have been.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sluicedb_sql::Value;

use super::Relation;

/// Differences that are written out.
const SHOWN_MAX: usize = 5;

/// Compares all views. The error names view and rows, and how often each should be there and is.
pub fn same(
    expected: &BTreeMap<String, Relation>,
    found: &BTreeMap<String, Relation>,
) -> Result<(), String> {
    for (view, relation) in expected {
        let found = found.get(view).ok_or_else(|| format!("view {view} is not there"))?;
        same_relation(view, relation, found)?;
    }
    match found.keys().find(|view| !expected.contains_key(*view)) {
        Some(view) => Err(format!("view {view} should not be there")),
        None => Ok(()),
    }
}

/// Compares the rows of one view. The error names the rows and how often each should be there and
/// is.
pub fn same_relation(view: &str, expected: &Relation, found: &Relation) -> Result<(), String> {
    let weight = |relation: &Relation, row: &Vec<Value>| relation.get(row).copied().unwrap_or(0);
    let rows = expected.keys().chain(found.keys().filter(|row| !expected.contains_key(*row)));
    let differ = |row: &&Vec<Value>| weight(expected, row) != weight(found, row);
    let differing: Vec<&Vec<Value>> = rows.filter(differ).collect();
    if differing.is_empty() {
        return Ok(());
    }
    let mut text = format!("view {view}: {} rows differ", differing.len());
    for row in differing.iter().take(SHOWN_MAX) {
        let (wanted, is) = (weight(expected, row), weight(found, row));
        let _ = write!(text, "\n  {} expected {wanted} times, found {is} times", line(row));
    }
    if differing.len() > SHOWN_MAX {
        text.push_str("\n  and more");
    }
    Err(text)
}

fn line(row: &[Value]) -> String {
    let values: Vec<String> = row.iter().map(Value::to_string).collect();
    format!("({})", values.join(", "))
}

//! Tables for people, as wide as the terminal.

use std::fmt::Write as _;

use sluicedb::db::Value;
use unicode_width::UnicodeWidthStr as _;

use super::sheet::Sheet;

/// A column is not made narrower to fit; rows are written as records then.
const COLUMN_WIDTH_MIN: usize = 8;

/// The table, or one line for each value where it does not fit `width`.
pub(crate) fn table(sheet: &Sheet, width: Option<usize>) -> String {
    let cells: Vec<Vec<String>> = sheet.rows.iter().map(|row| cells(row)).collect();
    let Some(widths) = fit(&natural(&sheet.names, &cells), width) else {
        return records(sheet, &cells);
    };
    let mut text = head(&sheet.names, &widths);
    for row in &cells {
        text.push_str(&line(row, &sheet.numeric, &widths));
    }
    text
}

/// How many rows there are, in words.
pub(crate) fn count(rows: usize) -> String {
    if rows == 1 { "1 row".to_owned() } else { format!("{rows} rows") }
}

/// The texts of a row, each on one line.
pub(crate) fn cells(row: &[Value]) -> Vec<String> {
    row.iter().map(|value| printable(&value.to_string())).collect()
}

/// The names and a rule beneath them.
pub(crate) fn head(names: &[String], widths: &[usize]) -> String {
    let names: Vec<String> = names.iter().map(|name| printable(name)).collect();
    let mut text = line(&names, &vec![false; names.len()], widths);
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    text.push_str(&rules.join("+"));
    text.push('\n');
    text
}

/// One row, numbers to the right.
pub(crate) fn line(cells: &[String], numeric: &[bool], widths: &[usize]) -> String {
    let mut text = String::new();
    for (at, cell) in cells.iter().enumerate() {
        let cell = cut(cell, widths[at]);
        let space = " ".repeat(widths[at].saturating_sub(cell.width()));
        text.push_str(if at == 0 { " " } else { " | " });
        let (before, behind) = if numeric[at] { (&*space, "") } else { ("", &*space) };
        let _ = write!(text, "{before}{cell}{behind}");
    }
    text.truncate(text.trim_end().len());
    text.push('\n');
    text
}

/// The width of each column that shows all of it.
pub(crate) fn natural(names: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let mut widths: Vec<usize> = names.iter().map(|name| name.width()).collect();
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    widths
}

/// Takes from the widest column until all fit; none where they do not.
fn fit(natural: &[usize], width: Option<usize>) -> Option<Vec<usize>> {
    let mut widths = natural.to_vec();
    let Some(most) = width else { return Some(widths) };
    loop {
        let total: usize = widths.iter().map(|width| width + 3).sum();
        if total <= most + 1 {
            return Some(widths);
        }
        let widest = widths.iter_mut().max()?;
        if *widest <= COLUMN_WIDTH_MIN {
            return None;
        }
        *widest -= 1;
    }
}

fn records(sheet: &Sheet, cells: &[Vec<String>]) -> String {
    let widest = sheet.names.iter().map(|name| name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (at, row) in cells.iter().enumerate() {
        let _ = writeln!(text, "-[ row {} ]-", at + 1);
        for (name, cell) in sheet.names.iter().zip(row) {
            let space = " ".repeat(widest - name.width());
            let _ = writeln!(text, "{name}{space} | {cell}");
        }
    }
    text
}

/// Without what would move the cursor.
fn printable(text: &str) -> String {
    if !text.contains(char::is_control) {
        return text.to_owned();
    }
    let escape = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(escape).collect()
}

/// The text, or its beginning and dots.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    for c in text.chars() {
        kept.push(c);
        if kept.width() + 3 > width {
            kept.pop();
            break;
        }
    }
    kept + "..."
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sheet() -> Sheet {
        let row = |name: &str, price: Option<i64>| {
            vec![Value::text(name), price.map_or(Value::Null, Value::BigInt)]
        };
        let names = vec!["name".to_owned(), "price".to_owned()];
        let rows = vec![row("gr\u{fc}n", Some(7)), row("a\nb", None)];
        Sheet { names, numeric: vec![false, true], rows }
    }

    #[test]
    fn numbers_stand_to_the_right_and_every_row_on_one_line() {
        let shown = table(&sheet(), None);
        let expected = " name | price\n------+-------\n gr\u{fc}n |     7\n a\\nb |  NULL\n";
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_column_that_is_too_wide_is_cut_and_the_others_stay_whole() {
        let mut wide = sheet();
        wide.rows[0][0] = Value::text(&"x".repeat(100));
        let shown = table(&wide, Some(30));
        assert!(shown.contains(" xxxxxxxxxxxxxxxxx... |     7\n"), "{shown}");
        assert!(shown.lines().all(|line| line.width() <= 30), "{shown}");
    }

    #[test]
    fn a_table_of_too_many_columns_is_written_as_records() {
        let shown = table(&sheet(), Some(5));
        assert!(shown.starts_with("-[ row 1 ]-\nname  | gr\u{fc}n\nprice | 7\n"), "{shown}");
    }
}

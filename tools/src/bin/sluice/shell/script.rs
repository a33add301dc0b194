//! A text of statements and commands of the shell, one after another.

use std::ops::Range;

use sluicedb::db::{is_unfinished, statements};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A line that begins with a backslash, between statements.
    Meta(Range<usize>),
    /// A statement, without the `;`.
    Sql(Range<usize>),
}

/// The parts of a text, in order.
pub(crate) fn items(text: &str) -> Vec<Item> {
    let mut items = Vec::new();
    let (mut start, mut end) = (0, 0);
    for line in text.split_inclusive('\n') {
        let begins = start == end;
        if begins && line.trim_start().starts_with('\\') {
            let lead = line.len() - line.trim_start().len();
            items.push(Item::Meta(end + lead..end + line.trim_end().len()));
            end += line.len();
            start = end;
            continue;
        }
        end += line.len();
        // Other lines end neither a statement nor a comment.
        let may_end = begins || line.contains(';') || line.contains("*/");
        if may_end && !is_unfinished(&text[start..end]) {
            items.extend(found(text, start..end));
            start = end;
        }
    }
    items.extend(found(text, start..end));
    items
}

fn found(text: &str, within: Range<usize>) -> impl Iterator<Item = Item> {
    let start = within.start;
    let ranges = statements(&text[within]).into_iter();
    ranges.map(move |range| Item::Sql(start + range.start..start + range.end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backslash_begins_a_command_only_between_statements() {
        let text =
            "-- a; b\n/* c\n d; */\n\\d x\nSELECT '\n\\q\n'; SELECT 2;\n  \\timing\nSELECT 3";
        let shown = items(text).into_iter().map(|item| match item {
            Item::Meta(range) => format!("meta {}", &text[range]),
            Item::Sql(range) => format!("sql {}", &text[range]),
        });
        let expected =
            ["meta \\d x", "sql SELECT '\n\\q\n'", "sql SELECT 2", "meta \\timing", "sql SELECT 3"];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}

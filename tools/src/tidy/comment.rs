//! What comments may not hold.

use super::Finding;
use super::scan::{Line, has_word};

/// Marks of unfinished work that nobody has put a name to.
pub(super) fn unfinished(path: &str, lines: &[Line]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        for mark in ["FIXME", "XXX"] {
            if has_word(&line.comment, mark) {
                let mend = "mend it, or state the limit as a fact";
                findings.push(Finding::new(path, at + 1, format!("`{mark}`"), mend));
            }
        }
        if has_word(&line.comment, "TODO") && !named(&line.comment) {
            let mend = "do it, or write who will: `TODO(name): ..`";
            findings.push(Finding::new(path, at + 1, "`TODO` without a name", mend));
        }
    }
    findings
}

fn named(comment: &str) -> bool {
    comment.split("TODO").skip(1).all(|rest| {
        let name = rest.strip_prefix('(').and_then(|rest| rest.split_once("):"));
        name.is_some_and(|(name, _)| !name.trim().is_empty())
    })
}

/// Code that was put into a comment instead of being deleted. Doc comments may show code.
pub(super) fn dead_code(path: &str, lines: &[Line]) -> Vec<Finding> {
    let mend = "delete it: git remembers";
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| !line.is_doc() && looks_like_code(line.comment_text()))
        .map(|(at, _)| Finding::new(path, at + 1, "commented-out code", mend))
        .collect()
}

/// Few false alarms matter more than finding all: prose has semicolons and parentheses too.
fn looks_like_code(text: &str) -> bool {
    if matches!(text, "}" | "};" | "});" | "})" | "}," | "{" | "} else {") {
        return true;
    }
    if text.starts_with("#[") && text.ends_with(']') {
        return true;
    }
    let keyword =
        |list: &[&str]| list.contains(&text.split([' ', '(', ';']).next().unwrap_or_default());
    if text.ends_with('{') {
        let opens = ["fn", "pub", "if", "for", "while", "match", "impl", "struct", "enum", "loop"];
        return keyword(&opens) || text.contains(" = ") || text.contains("=> {");
    }
    let Some(statement) = text.strip_suffix(';') else { return false };
    keyword(&["let", "use", "return", "pub", "const", "static", "break", "continue", "mod"])
        || is_path(statement.split_once(" = ").map_or("", |(left, _)| left))
        || is_path(statement.split_once(" += ").map_or("", |(left, _)| left))
        || (statement.ends_with([')', '?'])
            && is_path(statement.split('(').next().unwrap_or_default().trim_end_matches('!')))
}

/// `a`, `a.b[i]`, `a::b`: what stands before `=` or a call.
fn is_path(text: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || "_.:[]*&".contains(c);
    !text.is_empty() && text.chars().all(part)
}

/// History and praise: the first belongs to the commit, the second to nobody.
pub(super) fn words(path: &str, lines: &[Line]) -> Vec<Finding> {
    let list = [
        ("previously", "say what is; the commit says what was"),
        ("no longer", "say what is; the commit says what was"),
        ("refactored", "say what is; the commit says what was"),
        ("production-ready", "state the fact behind it"),
        ("blazing", "state the fact behind it"),
    ];
    let mut findings = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let comment = line.comment.to_lowercase();
        for (word, mend) in list.iter().filter(|(word, _)| has_word(&comment, word)) {
            findings.push(Finding::new(path, at + 1, format!("`{word}` in a comment"), *mend));
        }
    }
    findings
}

/// Lines drawn to part a file.
pub(super) fn decoration(path: &str, lines: &[Line]) -> Vec<Finding> {
    let drawn = |text: &str| {
        ["====", "----", "****", "####", "~~~~", "////"].iter().any(|b| text.starts_with(b))
    };
    lines
        .iter()
        .enumerate()
        .filter(|(_, line)| {
            let body = line.comment.trim_start();
            let body = body.strip_prefix("//").unwrap_or(body).trim_start_matches([' ', '!']);
            drawn(body) || drawn(body.trim_start_matches('/').trim_start())
        })
        .map(|(at, _)| Finding::new(path, at + 1, "a section banner", "make the section a module"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::{scan, shown};
    use super::*;

    fn check(rule: fn(&str, &[Line]) -> Vec<Finding>, text: &str, expected: &str) {
        assert_eq!(shown(&rule("a.rs", &scan::lines(text))), expected);
    }

    #[test]
    fn unfinished_work_has_a_name() {
        check(
            unfinished,
            "// TODO: later\nlet a = 1; // FIXME\n/* XXX */\n",
            "a.rs:1: `TODO` without a name\na.rs:2: `FIXME`\na.rs:3: `XXX`",
        );
        check(unfinished, "// TODO(ada): the second half.\n\"TODO\"", "");
    }

    #[test]
    fn commented_out_code_is_found() {
        let code =
            ["let a = 1;", "}", "fn f() {", "self.x = y;", "f(a, b)?;", "#[test]", "return;"];
        for code in code {
            check(dead_code, &format!("// {code}\n"), "a.rs:1: commented-out code");
        }
    }

    #[test]
    fn prose_is_not_taken_for_code() {
        let prose = [
            "// The head is written first;\n// then (and only then) the body;",
            "// For each lane (at most 64);",
            "// a crash between two acknowledgements = a newer epoch;",
            "/// let a = 1;",
            "//! let a = 1;",
            "let a = 1;",
        ];
        for prose in prose {
            check(dead_code, prose, "");
        }
    }

    #[test]
    fn history_and_praise_are_found_in_comments_only() {
        check(
            words,
            "// Previously a queue.\n/// It no longer waits.\nlet previously = 1;\n",
            "a.rs:1: `previously` in a comment\na.rs:2: `no longer` in a comment",
        );
    }

    #[test]
    fn banners_are_found() {
        check(decoration, "// ==== Barriers ====\n", "a.rs:1: a section banner");
        check(
            decoration,
            "//////////////\n//---------\n",
            "a.rs:1: a section banner\na.rs:2: a section banner",
        );
        check(decoration, "/// | --- | --- |\n// a == b\n// -1\n", "");
    }
}

//! Rust text, line by line, with code, literals and comments told apart.

/// One line of a source file.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Line {
    /// Everything but comments; of string and character literals only the quotes are left.
    pub(super) code: String,
    /// What is commented, with its slashes.
    pub(super) comment: String,
}

impl Line {
    /// Whether the comment is one that rustdoc reads.
    pub(super) fn is_doc(&self) -> bool {
        let c = self.comment.trim_start();
        c.starts_with("//!") || (c.starts_with("///") && !c.starts_with("////"))
    }

    /// The words of the comment, without what marks it as one.
    pub(super) fn comment_text(&self) -> &str {
        self.comment.trim().trim_start_matches(['/', '!', '*']).trim()
    }
}

#[derive(Clone, Copy)]
enum State {
    Code,
    LineComment,
    BlockComment { depth: u32 },
    Literal { quote: char },
    RawString { hashes: usize },
}

/// Takes `text` apart. Text that is not valid Rust gives some answer, never an error.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut scanner = Scanner { rest: text, state: State::Code, lines: vec![Line::default()] };
    while !scanner.rest.is_empty() {
        scanner.step();
    }
    if text.ends_with('\n') {
        scanner.lines.pop();
    }
    scanner.lines
}

struct Scanner<'a> {
    rest: &'a str,
    state: State,
    lines: Vec<Line>,
}

impl Scanner<'_> {
    fn step(&mut self) {
        match self.state {
            State::Code => self.step_code(),
            State::LineComment => {
                if self.rest.starts_with('\n') {
                    self.state = State::Code;
                }
                self.take_comment(1);
            }
            State::BlockComment { depth } => self.step_block(depth),
            State::Literal { quote } => {
                if self.rest.starts_with('\\') {
                    self.skip(2);
                } else if self.rest.starts_with(quote) {
                    self.state = State::Code;
                    self.take_code(1);
                } else {
                    self.skip(1);
                }
            }
            State::RawString { hashes } => {
                let after = self.rest.strip_prefix('"');
                if after.is_some_and(|rest| leading(rest, '#') >= hashes) {
                    self.state = State::Code;
                    self.take_code(1 + hashes);
                } else {
                    self.skip(1);
                }
            }
        }
    }

    fn step_code(&mut self) {
        if self.rest.starts_with("//") {
            self.state = State::LineComment;
        } else if self.rest.starts_with("/*") {
            self.state = State::BlockComment { depth: 1 };
            self.take_comment(2);
        } else if let Some((prefix, hashes)) = self.raw_string() {
            self.state = State::RawString { hashes };
            self.take_code(prefix);
        } else if self.rest.starts_with('"') {
            self.state = State::Literal { quote: '"' };
            self.take_code(1);
        } else if self.char_literal() {
            self.state = State::Literal { quote: '\'' };
            self.take_code(1);
        } else {
            self.take_code(1);
        }
    }

    fn step_block(&mut self, depth: u32) {
        if self.rest.starts_with("/*") {
            self.state = State::BlockComment { depth: depth + 1 };
            self.take_comment(2);
        } else if self.rest.starts_with("*/") {
            self.state =
                if depth == 1 { State::Code } else { State::BlockComment { depth: depth - 1 } };
            self.take_comment(2);
        } else {
            self.take_comment(1);
        }
    }

    /// Length of the opening of a raw string and its number of hashes, if one starts here.
    fn raw_string(&self) -> Option<(usize, usize)> {
        let inside_word = self.code().ends_with(is_word);
        let after = ["br", "cr", "r"].iter().find_map(|mark| self.rest.strip_prefix(mark))?;
        let hashes = leading(after, '#');
        let opens = after[hashes..].starts_with('"');
        (opens && !inside_word).then(|| (self.rest.len() - after.len() + hashes + 1, hashes))
    }

    /// A quote opens a character if one character or an escape is before the next quote; else it
    /// is a lifetime.
    fn char_literal(&self) -> bool {
        let mut chars = self.rest.chars();
        chars.next() == Some('\'')
            && match chars.next() {
                Some('\\') => true,
                Some('\'') | None => false,
                Some(_) => chars.next() == Some('\''),
            }
    }

    fn code(&self) -> &str {
        self.lines.last().map_or("", |line| &line.code)
    }

    fn take_code(&mut self, count: usize) {
        self.take(count, |line, c| line.code.push(c));
    }

    fn take_comment(&mut self, count: usize) {
        self.take(count, |line, c| line.comment.push(c));
    }

    fn skip(&mut self, count: usize) {
        self.take(count, |_, _| ());
    }

    fn take(&mut self, count: usize, mut put: impl FnMut(&mut Line, char)) {
        let mut chars = self.rest.chars();
        for c in chars.by_ref().take(count) {
            if c == '\n' {
                self.lines.push(Line::default());
            } else if let Some(line) = self.lines.last_mut() {
                put(line, c);
            }
        }
        self.rest = chars.as_str();
    }
}

fn leading(text: &str, c: char) -> usize {
    text.len() - text.trim_start_matches(c).len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// Whether `text` holds `word` as a whole word.
pub(super) fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].ends_with(is_word) && word.starts_with(is_word);
        let after = text[at + word.len()..].starts_with(is_word) && word.ends_with(is_word);
        !before && !after
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[(&str, &str)]) {
        let found = lines(text);
        let found: Vec<_> = found.iter().map(|l| (l.code.as_str(), l.comment.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn code_and_comment_of_a_line_are_told_apart() {
        check("let a = 1; // one\n/// two\n", &[("let a = 1; ", "// one"), ("", "/// two")]);
    }

    #[test]
    fn literals_leave_their_quotes_only() {
        check(r#"f("a // \" b", 'x', '"', '\'')"#, &[(r#"f("", '', '', '')"#, "")]);
        check(r##"f(r#"a " // b"#, br"\")"##, &[(r##"f(r#""#, br"")"##, "")]);
    }

    #[test]
    fn a_string_goes_on_over_lines() {
        check("f(\"a\n// b\nc\")", &[("f(\"", ""), ("", ""), ("\")", "")]);
    }

    #[test]
    fn a_lifetime_opens_no_literal() {
        check("fn f<'a>(x: &'a str) {} // y", &[("fn f<'a>(x: &'a str) {} ", "// y")]);
    }

    #[test]
    fn block_comments_nest() {
        check("a /* b /* c */ d\n e */ f", &[("a ", "/* b /* c */ d"), (" f", " e */")]);
    }

    #[test]
    fn words_end_where_letters_and_underscores_end() {
        assert!(has_word("use libc;", "libc"));
        assert!(!has_word("use libcrypto;", "libc"));
        assert!(!has_word("unsafe_code", "unsafe"));
        assert!(has_word("#[ignore]", "#[ignore"));
    }
}

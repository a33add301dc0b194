//! Broken and hostile text: it is refused, and never by a panic, a full stack or a long wait.

use super::*;
use crate::limits::{IN_LIST_MAX, NESTING_MAX, STATEMENT_DEPTH_MAX};

fn state(text: &str) -> &'static str {
    parse(text).err().map_or("ok", |error| error.sqlstate)
}

/// Reads a text and does all that can be done with what comes out of it; whether it was refused.
fn exercise(text: &str) -> bool {
    match parse(text) {
        Ok(_) => {
            assert!(rewritten(text).len() < 10_000_000);
            false
        }
        Err(error) => {
            assert!(error.position.is_none_or(|at| at <= text.len()), "{text}");
            error.caret(text);
            true
        }
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % bound.max(1) as u64).unwrap()
    }
}

const PIECES: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    ";",
    "'",
    "\"",
    "$$",
    "--",
    "/*",
    "*/",
    "::",
    "->",
    "=>",
    "=",
    "*",
    "-",
    "+",
    "||",
    "$1",
    "1e",
    "0x",
    "E'\\",
    "U&'",
    "X'",
    "N'x'",
    "INTERVAL",
    "CASE",
    "WHEN",
    "END",
    "NOT",
    "IN",
    "BETWEEN",
    "AND",
    "SELECT",
    "FROM",
    "GROUP BY",
    "EMIT",
    "LATE",
    "WITH",
    "AS",
    "CREATE",
    "TUMBLE(",
    "HOP(",
    "SESSION(",
    "time_bucket(",
    "window_start",
    "TABLE",
    "LATERAL",
    "ASOF",
    "JOIN",
    "ON",
    "OVER",
    "FILTER",
    "WITHIN",
    "EXISTS",
    "ARRAY",
    "MAP",
    "STRUCT",
    "<",
    ">",
    "file:///x",
    "'\u{e4}'",
    "\u{e0f0}",
    "\u{0}",
    "SYSTEM_TIME",
    "WATERMARK",
    "5",
    "''",
];

/// Changes a text in a few places.
fn mutate(text: &str, random: &mut Random) -> String {
    let mut words: Vec<String> =
        text.split_inclusive([' ', '\n', '(', ',']).map(Into::into).collect();
    for _ in 0..=random.below(3) {
        let (a, b) = (random.below(words.len()), random.below(words.len()));
        match random.below(7) {
            0 => drop(words.drain(a.min(b)..a.max(b))),
            1 if !words.is_empty() => words.swap(a, b),
            2 => words.insert(a, format!(" {} ", PIECES[random.below(PIECES.len())])),
            3 => words.truncate(a.max(1)),
            4 => {
                let piece = PIECES[random.below(PIECES.len())];
                words.insert(a, format!("{piece} ").repeat(random.below(300)));
            }
            5 if !words.is_empty() => {
                let cut = words[a].char_indices().nth(random.below(4)).map_or(0, |(at, _)| at);
                words[a].truncate(cut);
            }
            _ if !words.is_empty() => words.insert(a, words[b].clone()),
            _ => {}
        }
    }
    words.concat()
}

#[test]
fn broken_statements_never_panic() {
    let corpus = corpus();
    let mut random = Random(0x5eed_1e55);
    let (mut refused, cases) = (0, 10_000);
    for case in 0..cases {
        let text = mutate(corpus[case % corpus.len()], &mut random);
        refused += usize::from(exercise(&text));
    }
    assert!(refused > cases / 2, "only {refused} of {cases} were refused");
    assert!(refused < cases, "all were refused");
}

#[test]
fn words_that_may_mean_two_things_are_not_read_over_and_over() {
    let words = "INTERVAL DATE CAST TRIM CEIL POSITION SUBSTRING OVERLAY EXTRACT EXISTS NOT CASE MAP \
                 STRUCT ARRAY LATERAL TABLE UNNEST ANY ROW LEFT DECIMAL f";
    for keyword in words.split_whitespace() {
        for text in [
            format!("SELECT {}", format!("{keyword}(").repeat(35)),
            format!("SELECT {}", format!("{keyword} ").repeat(24)),
            format!("SELECT * FROM {}", format!("{keyword} (").repeat(35)),
            format!("SELECT {}1", format!("{keyword}('x', ").repeat(35)),
        ] {
            let _ = parse(&text);
        }
    }
}

#[test]
fn deep_statements_are_refused_with_the_limit() {
    for (open, close) in [("(", ")"), ("[", "]"), ("f(", ")"), ("CASE WHEN ", " THEN 1 END")] {
        let deep = |levels| format!("SELECT {}1{}", open.repeat(levels), close.repeat(levels));
        assert_eq!(state(&deep(10_000)), "54001", "{open}");
        assert_eq!(state(&deep(NESTING_MAX - 1)), "ok", "{open}");
        exercise(&deep(NESTING_MAX - 1));
        exercise(&deep(NESTING_MAX));
    }
    let queries = |levels: usize| {
        format!("{}SELECT 1{}", "SELECT * FROM (".repeat(levels), ") AS t".repeat(levels))
    };
    assert_eq!(state(&queries(10_000)), "54001");
    assert_eq!(state(&queries(NESTING_MAX - 1)), "ok");
    exercise(&queries(NESTING_MAX - 1));
}

#[test]
fn long_chains_are_refused_with_the_limit_and_the_longest_allowed_is_walked() {
    for operator in [" + ", " AND ", " OR ", "::INT::", " UNION SELECT ", " = ", " || ", " - - "] {
        let chain = |count: usize| format!("SELECT 1{}", format!("{operator}INT").repeat(count));
        assert_eq!(state(&chain(100_000)), "54001", "{operator}");
        exercise(&format!("SELECT 1{}", format!("{operator}1").repeat(STATEMENT_DEPTH_MAX - 3)));
    }
    assert_eq!(state(&format!("SELECT 1{}", " + 1".repeat(STATEMENT_DEPTH_MAX - 2))), "ok");
    for prefix in ["NOT ", "- ", "INTERVAL ", "~", "EXISTS ", "ROW ", "PRIOR ", "DATE "] {
        assert_eq!(state(&format!("SELECT {}1", prefix.repeat(10_000))), "54001", "{prefix}");
        exercise(&format!("SELECT {}1", prefix.repeat(23)));
    }
    assert_eq!(state(&format!("SELECT a{}", "[1]".repeat(10_000))), "54001");
}

#[test]
fn a_long_in_list_is_refused_with_the_limit_and_its_place() {
    let list = |count| format!("SELECT * FROM t WHERE a IN (1{})", ", 1".repeat(count - 1));
    assert_eq!(state(&list(IN_LIST_MAX)), "ok");
    let error = parse(&list(IN_LIST_MAX + 1)).unwrap_err();
    assert_eq!(error.sqlstate, "54000");
    assert_eq!(error.message, "elements of an IN list: 10001 is more than the limit of 10000");
    assert!(error.position.is_some());
    assert_eq!(state(&list(1_000_000)), "54000");
    assert_eq!(state(&format!("SELECT '{}'", "x".repeat(5 << 20))), "54000");
}

//! Changes of statements.

use crate::random::Random;

/// What texts are broken with: marks, words that begin something, numbers at the ends of types.
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
    "->>",
    "=>",
    "=",
    "<",
    ">",
    "<>",
    "*",
    "-",
    "+",
    "/",
    "%",
    "||",
    "~",
    "$1",
    "$0",
    "1e",
    "0x",
    "E'\\",
    "U&'",
    "X'",
    "NULL",
    "TRUE",
    "NaN",
    "''",
    "'\u{e4}'",
    "\u{e0f0}",
    "\u{0}",
    "\u{202e}",
    "9223372036854775808",
    "-9223372036854775808",
    "170141183460469231731687303715884105728",
    "1e400",
    "0.0000000000000000001",
    "INTERVAL '1' NANOSECOND",
    "INTERVAL '999999999 years'",
    "TIMESTAMP '294277-01-01'",
    "DATE 'epoch'",
    "CASE",
    "WHEN",
    "END",
    "NOT",
    "IN",
    "BETWEEN",
    "AND",
    "LIKE",
    "ESCAPE",
    "IS DISTINCT FROM",
    "SELECT",
    "FROM",
    "WHERE",
    "GROUP BY",
    "GROUPING SETS ((), (1))",
    "CUBE",
    "HAVING",
    "QUALIFY",
    "ORDER BY",
    "LIMIT",
    "UNION ALL",
    "EXCEPT",
    "VALUES",
    "WITH RECURSIVE",
    "EMIT CHANGES",
    "EMIT ON WINDOW CLOSE",
    "LATE DATA TO x",
    "WITH (",
    "AS",
    "CREATE",
    "OR REPLACE",
    "IF NOT EXISTS",
    "CASCADE",
    "tumble(ts, INTERVAL '1' SECOND)",
    "hop(ts, INTERVAL '1' SECOND, INTERVAL '1' DAY)",
    "session(ts, INTERVAL '1' SECOND)",
    "time_bucket('1m', ts)",
    "window_start",
    "LATERAL",
    "ASOF",
    "JOIN",
    "ON",
    "USING (",
    "OVER (PARTITION BY",
    "FILTER (WHERE",
    "WITHIN GROUP",
    "EXISTS (",
    "ARRAY[",
    "MAP<TEXT, TEXT>",
    "STRUCT<",
    "DECIMAL(39,40)",
    "CAST(",
    "count(",
    "sum(DISTINCT",
    "first(",
    "percentile_cont(2)",
    "regexp_replace(",
    "to_char(",
    "date_bin(",
    "repeat('a', 1000000000)",
    "chr(-1)",
    "file:///x",
    "SYSTEM_TIME",
    "WATERMARK FOR",
    "SUBSCRIBE TO",
    "EXPLAIN",
    "unnest(",
];

/// How deep a text is nested at most, by brackets around it.
const NESTED_MAX: usize = 3000;

/// A statement of the corpus after a few changes.
pub(crate) fn input(corpus: &[String], random: &mut Random) -> String {
    let mut text = corpus[random.below(corpus.len())].clone();
    for _ in 0..random.below(4) {
        text = changed(&text, corpus, random);
    }
    text
}

fn changed(text: &str, corpus: &[String], random: &mut Random) -> String {
    let mut tokens = tokens(text);
    if tokens.is_empty() {
        return random.pick(PIECES).to_owned();
    }
    let (a, b) = (random.below(tokens.len()), random.below(tokens.len()));
    let (from, to) = (a.min(b), a.max(b));
    let other = &corpus[random.below(corpus.len())];
    match random.below(9) {
        0 => drop(tokens.drain(from..to.min(from + 6))),
        1 => tokens.swap(a, b),
        2 => tokens.insert(a, random.pick(PIECES)),
        3 => tokens[a] = random.pick(PIECES),
        // A word of another statement in the place of one.
        4 => {
            let words = crate::mutate::tokens(other);
            if !words.is_empty() {
                let word = words[random.below(words.len())];
                return replaced(&tokens, a, word);
            }
        }
        // One half of this statement and one of another.
        5 => {
            let words = crate::mutate::tokens(other);
            let at = random.below(words.len() + 1);
            return [tokens[..a].concat(), words[at..].concat()].concat();
        }
        6 => {
            let again: Vec<&str> = tokens[from..to.min(from + 8)].to_vec();
            tokens.splice(to..to, again);
        }
        7 => return nested(&tokens, a, random),
        // Cut anywhere, within a word too.
        _ => {
            let cut = text.floor_char_boundary(random.below(text.len() + 1));
            return text[..cut].to_owned();
        }
    }
    tokens.concat()
}

fn replaced(tokens: &[&str], at: usize, word: &str) -> String {
    [&tokens[..at], &[word], &tokens[at + 1..]].concat().concat()
}

/// Something around a token, again and again.
fn nested(tokens: &[&str], at: usize, random: &mut Random) -> String {
    const AROUND: [(&str, &str); 6] = [
        ("(", ")"),
        ("-", ""),
        ("NOT ", ""),
        ("abs(", ")"),
        ("(SELECT ", ")"),
        ("CASE WHEN true THEN ", " END"),
    ];
    let (before, behind) = AROUND[random.below(AROUND.len())];
    let most = if random.below(4) == 0 { NESTED_MAX } else { 10 };
    let times = 1 + random.below(most);
    let inner = format!("{}{}{}", before.repeat(times), tokens[at], behind.repeat(times));
    replaced(tokens, at, &inner)
}

/// Words, numbers and single marks; what is between them sticks to the one before.
fn tokens(text: &str) -> Vec<&str> {
    let mut tokens = Vec::new();
    let mut start = 0;
    let mut within = false;
    for (at, letter) in text.char_indices() {
        let is_word = letter.is_alphanumeric() || letter == '_';
        if at > start && !(is_word && within) && !letter.is_whitespace() {
            tokens.push(&text[start..at]);
            start = at;
        }
        within = is_word;
    }
    if start < text.len() {
        tokens.push(&text[start..]);
    }
    tokens
}

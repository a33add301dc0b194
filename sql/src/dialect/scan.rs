//! Where statements end, and where addresses stand in them: a pass over characters that knows
//! quotes and comments and nothing else.

use std::ops::Range;

/// A statement before it is cut into tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Piece {
    /// Its bytes, from its first token to its last.
    pub(super) range: Range<usize>,
    /// The bytes of addresses like `kafka://orders` that stand in it without quotes.
    pub(super) addresses: Vec<Range<usize>>,
    /// Whether a `;` follows.
    pub(super) ended: bool,
}

/// Cuts `text` at each `;` that stands outside quotes and comments.
pub(super) fn split(text: &str) -> Vec<Piece> {
    let bytes = text.as_bytes();
    let mut pieces = Vec::new();
    let mut open: Option<Piece> = None;
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b';' {
            pieces.extend(open.take().map(|piece| Piece { ended: true, ..piece }));
            at += 1;
            continue;
        }
        if bytes[at].is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if let Some(end) = comment(bytes, at) {
            at = end;
            continue;
        }
        let piece = open.get_or_insert_with(|| Piece {
            range: at..at,
            addresses: Vec::new(),
            ended: false,
        });
        let address = address(bytes, at, piece.range.start);
        at = match &address {
            Some(range) => range.end,
            None => quoted(bytes, at).unwrap_or(at + 1),
        };
        piece.addresses.extend(address);
        piece.range.end = at;
    }
    pieces.extend(open);
    pieces
}

/// The end of the comment that starts at `at`.
fn comment(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes.get(at..at + 2)? {
        b"--" => {
            let rest = &bytes[at..];
            Some(rest.iter().position(|&b| b == b'\n').map_or(bytes.len(), |len| at + len + 1))
        }
        b"/*" => {
            let (mut depth, mut at) = (1_usize, at + 2);
            while depth > 0 && at < bytes.len() {
                match bytes.get(at..at + 2) {
                    Some(b"/*") => (depth, at) = (depth + 1, at + 2),
                    Some(b"*/") => (depth, at) = (depth - 1, at + 2),
                    _ => at += 1,
                }
            }
            Some(at)
        }
        _ => None,
    }
}

/// The end of the quoted text that starts at `at`, or of the whole text where it never ends.
fn quoted(bytes: &[u8], at: usize) -> Option<usize> {
    match bytes[at] {
        quote @ (b'\'' | b'"') => {
            let escapes = quote == b'\'' && is_escape_prefix(bytes, at);
            let mut at = at + 1;
            while at < bytes.len() {
                match bytes[at] {
                    b'\\' if escapes => at += 2,
                    b if b == quote && bytes.get(at + 1) == Some(&quote) => at += 2,
                    b if b == quote => return Some(at + 1),
                    _ => at += 1,
                }
            }
            Some(bytes.len())
        }
        b'$' if at == 0 || !is_name(bytes[at - 1]) => dollar_quoted(bytes, at),
        _ => None,
    }
}

/// Whether the quote at `at` is that of `E'..'`.
fn is_escape_prefix(bytes: &[u8], at: usize) -> bool {
    let letter = at.checked_sub(1).map(|before| bytes[before]);
    let before = at.checked_sub(2).map(|before| bytes[before]);
    matches!(letter, Some(b'e' | b'E')) && !before.is_some_and(is_name)
}

/// The end of `$tag$ .. $tag$`.
fn dollar_quoted(bytes: &[u8], at: usize) -> Option<usize> {
    let len = bytes[at + 1..].iter().position(|&b| b == b'$')?;
    let tag = &bytes[at..at + len + 2];
    let inner = &tag[1..=len];
    if inner.first().is_some_and(u8::is_ascii_digit) || !inner.iter().all(|&b| is_name(b)) {
        return None;
    }
    let body = at + tag.len();
    let end = bytes[body..].windows(tag.len()).position(|window| window == tag);
    Some(end.map_or(bytes.len(), |len| body + len + tag.len()))
}

/// The address that starts at `at`: `scheme://` and all up to a space, a comma, a quote, a `;` or
/// a closing parenthesis.
fn address(bytes: &[u8], at: usize, start: usize) -> Option<Range<usize>> {
    if !bytes[at].is_ascii_alphabetic() || at > start && is_name(bytes[at - 1]) {
        return None;
    }
    let scheme = bytes[at..].iter().take(SCHEME_BYTES_MAX).position(|&b| !is_scheme(b))?;
    if bytes.get(at + scheme..at + scheme + 3) != Some(b"://") {
        return None;
    }
    let body = at + scheme + 3;
    let ends = |b: &u8| b.is_ascii_whitespace() || matches!(b, b',' | b';' | b')' | b'\'' | b'"');
    let len = bytes[body..].iter().position(ends).unwrap_or(bytes.len() - body);
    Some(at..body + len)
}

/// No scheme in use is longer.
const SCHEME_BYTES_MAX: usize = 32;

fn is_scheme(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.' | b'_')
}

fn is_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_' || !b.is_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(text: &str) -> Vec<&str> {
        split(text).into_iter().map(|piece| &text[piece.range]).collect()
    }

    #[test]
    fn a_semicolon_inside_quotes_or_comments_ends_nothing() {
        let text = "a ';' b; -- c;\n/* ; /* ; */ ; */ \"d;\" ;;\n $$;$$ e; $x$ ; $ $x$; E'\\';' f";
        assert_eq!(parts(text), ["a ';' b", "\"d;\"", "$$;$$ e", "$x$ ; $ $x$", "E'\\';' f"]);
    }

    #[test]
    fn parameters_and_unfinished_quotes_are_taken_as_they_come() {
        assert_eq!(parts("$1 + $2; x"), ["$1 + $2", "x"]);
        assert_eq!(parts("a 'b; c"), ["a 'b; c"]);
        assert_eq!(parts("a /* b; c"), ["a"]);
        assert_eq!(parts("  ; -- only this"), Vec::<&str>::new());
    }

    #[test]
    fn an_address_ends_at_a_space_and_may_hold_what_else_would_be_a_comment() {
        let text = "FROM kafka://a-b, file:///x--y/*.csv) t 'http://no'";
        let piece = split(text).remove(0);
        let found: Vec<&str> = piece.addresses.into_iter().map(|range| &text[range]).collect();
        assert_eq!(found, ["kafka://a-b", "file:///x--y/*.csv"]);
    }
}

//! JSON out of text, after RFC 8259.

use super::Tree;
use crate::expr::RowError;
use crate::limits::{JSON_DEPTH_MAX, JSON_DIGITS_MAX};

const INVALID: RowError = RowError::InvalidText;

type Found<T> = Result<T, RowError>;

/// Where reading stands.
pub(super) struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a str) -> Reader<'a> {
        Reader { text, at: 0, depth: 0 }
    }

    /// One value and nothing behind it.
    pub(super) fn whole(mut self) -> Found<Tree> {
        let tree = self.value()?;
        self.space();
        if self.at == self.text.len() { Ok(tree) } else { Err(INVALID) }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn word(&mut self, word: &str, tree: Tree) -> Found<Tree> {
        let found = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += word.len();
        if found { Ok(tree) } else { Err(INVALID) }
    }

    fn value(&mut self) -> Found<Tree> {
        self.space();
        match self.peek().ok_or(INVALID)? {
            b'n' => self.word("null", Tree::Null),
            b't' => self.word("true", Tree::Bool(true)),
            b'f' => self.word("false", Tree::Bool(false)),
            b'"' => Ok(Tree::String(self.string()?)),
            b'[' => self.deeper(Reader::array),
            b'{' => self.deeper(Reader::object),
            _ => Ok(Tree::Number(self.number()?)),
        }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Found<Tree>) -> Found<Tree> {
        if self.depth == JSON_DEPTH_MAX {
            return Err(RowError::TooLong);
        }
        self.depth += 1;
        self.at += 1;
        self.space();
        let tree = read(self)?;
        self.depth -= 1;
        Ok(tree)
    }

    fn array(&mut self) -> Found<Tree> {
        let mut items = Vec::new();
        if self.eat(b']') {
            return Ok(Tree::Array(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            if self.eat(b']') {
                return Ok(Tree::Array(items));
            }
            if !self.eat(b',') {
                return Err(INVALID);
            }
        }
    }

    fn object(&mut self) -> Found<Tree> {
        let mut pairs = Vec::new();
        if self.eat(b'}') {
            return Ok(Tree::Object(pairs));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(INVALID);
            }
            let key = self.string()?;
            self.space();
            if !self.eat(b':') {
                return Err(INVALID);
            }
            pairs.push((key, self.value()?));
            self.space();
            if self.eat(b'}') {
                return Ok(Tree::object(pairs));
            }
            if !self.eat(b',') {
                return Err(INVALID);
            }
        }
    }

    fn string(&mut self) -> Found<String> {
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let end = rest.find(|c: char| matches!(c, '"' | '\\') || c < ' ').ok_or(INVALID)?;
            out.push_str(&rest[..end]);
            self.at += end + 1;
            match rest.as_bytes()[end] {
                b'"' => return Ok(out),
                b'\\' => out.push(self.escape()?),
                _ => return Err(INVALID),
            }
        }
    }

    fn escape(&mut self) -> Found<char> {
        let byte = self.peek().ok_or(INVALID)?;
        self.at += 1;
        Ok(match byte {
            b'"' | b'\\' | b'/' => char::from(byte),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.unicode(),
            _ => return Err(INVALID),
        })
    }

    fn unicode(&mut self) -> Found<char> {
        let first = self.unit()?;
        let code = match first {
            // What PostgreSQL cannot keep in a text.
            0 => return Err(INVALID),
            0xd800..0xdc00 => {
                if !(self.eat(b'\\') && self.eat(b'u')) {
                    return Err(INVALID);
                }
                let second = self.unit()?;
                if !(0xdc00..0xe000).contains(&second) {
                    return Err(INVALID);
                }
                0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)
            }
            other => other,
        };
        char::from_u32(code).ok_or(INVALID)
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Found<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4).ok_or(INVALID)?;
        self.at += 4;
        digits.iter().try_fold(0, |code, digit| {
            Ok(code << 4 | char::from(*digit).to_digit(16).ok_or(INVALID)?)
        })
    }

    fn digits(&mut self) -> &'a str {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        &self.text[start..self.at]
    }

    fn number(&mut self) -> Found<String> {
        let negative = self.eat(b'-');
        let whole = self.digits();
        if whole.is_empty() || whole.len() > 1 && whole.starts_with('0') {
            return Err(INVALID);
        }
        let mut fraction = "";
        if self.eat(b'.') {
            fraction = self.digits();
            if fraction.is_empty() {
                return Err(INVALID);
            }
        }
        let mut exponent = 0;
        if self.eat(b'e') || self.eat(b'E') {
            let minus = self.eat(b'-');
            if !minus {
                self.eat(b'+');
            }
            let digits = self.digits();
            if digits.is_empty() {
                return Err(INVALID);
            }
            let size: i64 = digits.parse().map_err(|_| RowError::Overflow)?;
            exponent = if minus { -size } else { size };
        }
        plain(negative, whole, fraction, exponent)
    }
}

/// The number without exponent, and without zeros that do not count.
fn plain(negative: bool, whole: &str, fraction: &str, exponent: i64) -> Found<String> {
    let all = [whole, fraction].concat();
    let leading = all.len() - all.trim_start_matches('0').len();
    let digits = all.trim_matches('0');
    if digits.is_empty() {
        return Ok("0".to_owned());
    }
    // Where the point stands, counted from the first digit that is not zero.
    let point = (whole.len() as i64 - leading as i64).saturating_add(exponent);
    let max = JSON_DIGITS_MAX as i64;
    // More digits than that are taken where they are written out.
    if point > max.max(all.len() as i64) || point < -max {
        return Err(RowError::Overflow);
    }
    let mut out = String::from(if negative { "-" } else { "" });
    if point <= 0 {
        out.push_str("0.");
        out.extend(std::iter::repeat_n('0', point.unsigned_abs() as usize));
        out.push_str(digits);
        return Ok(out);
    }
    let point = point as usize;
    match digits.split_at_checked(point) {
        Some((whole, "")) => out.push_str(whole),
        Some((whole, fraction)) => {
            out.push_str(whole);
            out.push('.');
            out.push_str(fraction);
        }
        None => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', point - digits.len()));
        }
    }
    Ok(out)
}

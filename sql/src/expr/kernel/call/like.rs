//! LIKE and ILIKE. A constant pattern is taken apart once.

use regex::bytes::Regex;

use crate::error::SqlError;
use crate::expr::failure::RowError;
use crate::expr::function::Argument;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::{some_truths, truths};
use crate::expr::kernel::call::letters::lower_into;
use crate::expr::program::{Operand, Register};
use crate::value::Value;

/// One step of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::expr) enum Token {
    /// This byte.
    Byte(u8),
    /// Any one character.
    One,
    /// Any characters or none.
    Any,
}

/// A constant pattern in its simplest form.
#[derive(Clone, Debug)]
pub(in crate::expr) enum Pattern {
    Equal(Box<[u8]>),
    Start(Box<[u8]>),
    End(Box<[u8]>),
    Contains(Regex),
    General(Box<[Token]>),
}

impl Pattern {
    /// The pattern of a call, if it is constant. `None` where rows bring it, or where it is NULL.
    pub(super) fn constant(args: &[Argument<'_>], fold: bool) -> Result<Option<Pattern>, SqlError> {
        let constant = |arg: &Argument<'_>| match arg.constant {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let escape = match args.get(2) {
            None => Some("\\".into()),
            Some(arg) => constant(arg),
        };
        let (Some(mut pattern), Some(escape)) = (constant(&args[1]), escape) else {
            return Ok(None);
        };
        if fold {
            let mut folded = String::new();
            lower_into(&pattern, &mut folded);
            pattern = folded.into();
        }
        let mut tokens = Vec::new();
        tokenize(&pattern, &escape, &mut tokens)
            .map_err(|error| SqlError::invalid_pattern("LIKE", &pattern, error))?;
        Ok(Some(Pattern::of(&tokens)))
    }

    fn of(tokens: &[Token]) -> Pattern {
        let bytes = |tokens: &[Token]| -> Option<Box<[u8]>> {
            let byte = |token: &Token| match token {
                Token::Byte(byte) => Some(*byte),
                Token::One | Token::Any => None,
            };
            tokens.iter().map(byte).collect()
        };
        let contains = |bytes: Box<[u8]>| {
            let text = std::str::from_utf8(&bytes).ok()?;
            Regex::new(&regex::escape(text)).ok().map(Pattern::Contains)
        };
        let simple = match tokens {
            [Token::Any, middle @ .., Token::Any] => bytes(middle).and_then(contains),
            [Token::Any, end @ ..] => bytes(end).map(Pattern::End),
            [start @ .., Token::Any] => bytes(start).map(Pattern::Start),
            all => bytes(all).map(Pattern::Equal),
        };
        simple.unwrap_or_else(|| Pattern::General(tokens.into()))
    }

    fn matches(&self, text: &[u8]) -> bool {
        match self {
            Pattern::Equal(all) => text == &**all,
            Pattern::Start(start) => text.starts_with(start),
            Pattern::End(end) => text.ends_with(end),
            Pattern::Contains(middle) => middle.is_match(text),
            Pattern::General(tokens) => matches(text, tokens),
        }
    }
}

/// Takes a pattern apart.
fn tokenize(pattern: &str, escape: &str, tokens: &mut Vec<Token>) -> Found<()> {
    let mut escapes = escape.chars();
    let escape = escapes.next();
    if escapes.next().is_some() {
        return Err(RowError::InvalidEscape);
    }
    tokens.clear();
    let mut chars = pattern.chars();
    let mut bytes = [0; 4];
    while let Some(one) = chars.next() {
        let literal = match one {
            one if Some(one) == escape => chars.next().ok_or(RowError::InvalidEscape)?,
            '%' => {
                if tokens.last() != Some(&Token::Any) {
                    tokens.push(Token::Any);
                }
                continue;
            }
            '_' => {
                tokens.push(Token::One);
                continue;
            }
            one => one,
        };
        tokens.extend(literal.encode_utf8(&mut bytes).bytes().map(Token::Byte));
    }
    Ok(())
}

/// Whether the tokens make up the whole text. Where a byte does not fit, the last `%` takes one
/// character more.
fn matches(text: &[u8], tokens: &[Token]) -> bool {
    let (mut at, mut token) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        match tokens.get(token) {
            Some(Token::Byte(byte)) if *byte == text[at] => {
                at += 1;
                token += 1;
            }
            Some(Token::One) => {
                at += char_bytes(text[at]);
                token += 1;
            }
            Some(Token::Any) => {
                token += 1;
                retry = Some((at, token));
            }
            _ => {
                let Some((from, next)) = retry else { return false };
                at = from + char_bytes(text[from]);
                token = next;
                retry = Some((at, token));
            }
        }
    }
    tokens[token..].iter().all(|token| *token == Token::Any)
}

/// Bytes of the character that begins with this one.
fn char_bytes(first: u8) -> usize {
    match first {
        0..0xc0 => 1,
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        _ => 4,
    }
}

pub(super) fn like(
    pattern: Option<&Pattern>,
    fold: bool,
    args: &[Operand<'_>],
    out: &mut Register,
) {
    let texts = args[0].column.texts();
    match pattern {
        Some(pattern) if !fold => truths(out, |row| pattern.matches(texts.bytes(row))),
        Some(pattern) => {
            let mut lower = std::mem::take(&mut out.work.text);
            some_truths(out, |row| {
                lower.clear();
                lower_into(texts.get(row), &mut lower);
                Ok(Some(pattern.matches(lower.as_bytes())))
            });
            out.work.text = lower;
        }
        None => by_row(fold, args, out),
    }
}

fn by_row(fold: bool, args: &[Operand<'_>], out: &mut Register) {
    let (texts, patterns) = (args[0].column.texts(), args[1].column.texts());
    let mut tokens = std::mem::take(&mut out.work.tokens);
    let mut lower = std::mem::take(&mut out.work.text);
    let mut lower_pattern = std::mem::take(&mut out.work.other);
    some_truths(out, |row| {
        let escape = args.get(2).map_or("\\", |escape| escape.column.texts().get(row));
        if !fold {
            tokenize(patterns.get(row), escape, &mut tokens)?;
            return Ok(Some(matches(texts.bytes(row), &tokens)));
        }
        lower.clear();
        lower_into(texts.get(row), &mut lower);
        lower_pattern.clear();
        lower_into(patterns.get(row), &mut lower_pattern);
        tokenize(&lower_pattern, escape, &mut tokens)?;
        Ok(Some(matches(lower.as_bytes(), &tokens)))
    });
    out.work.tokens = tokens;
    out.work.text = lower;
    out.work.other = lower_pattern;
}

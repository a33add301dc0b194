//! Regular expressions, as PostgreSQL reads them. A constant one is compiled once; of others the
//! last one is kept, so that only a change of pattern costs its compilation.

use regex::{CaptureLocations, Regex, RegexBuilder};

use crate::error::SqlError;
use crate::expr::failure::RowError;
use crate::expr::function::{Argument, Native};
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::{fits, some_slices, some_texts, some_truths};
use crate::expr::program::{Operand, Register};
use crate::value::Value;

/// Bytes of a compiled expression.
const REGEX_BYTES_MAX: usize = 1 << 20;

/// The last expression that was compiled for a row, and where its groups matched.
#[derive(Clone, Debug, Default)]
pub(in crate::expr) struct Last {
    pattern: String,
    flags: String,
    compiled: Option<Found<Compiled>>,
    places: Option<CaptureLocations>,
}

/// An expression and whether it is to replace all matches.
#[derive(Clone, Debug)]
pub(in crate::expr) struct Compiled {
    regex: Regex,
    all: bool,
}

impl Compiled {
    /// The expression of a call, if it is constant.
    pub(super) fn constant(
        native: Native,
        args: &[Argument<'_>],
    ) -> Result<Option<Compiled>, SqlError> {
        let text = |arg: &Argument<'_>| match arg.constant {
            Some(Value::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let flags = match flags_at(native).and_then(|at| args.get(at)) {
            None => Some("".into()),
            Some(arg) => text(arg),
        };
        let (Some(pattern), Some(flags)) = (text(&args[1]), flags) else { return Ok(None) };
        let compiled = Compiled::new(&pattern, &flags);
        compiled
            .map(Some)
            .map_err(|error| SqlError::invalid_pattern("regular expression", &pattern, error))
    }

    fn new(pattern: &str, flags: &str) -> Found<Compiled> {
        let mut all = false;
        let mut translated = String::with_capacity(pattern.len());
        translate(pattern, &mut translated);
        let (mut fold, mut lines, mut dot, mut spaced) = (false, false, true, false);
        for flag in flags.chars() {
            match flag {
                'g' => all = true,
                'i' => fold = true,
                'c' => fold = false,
                's' => (lines, dot) = (false, true),
                'n' | 'm' => (lines, dot) = (true, false),
                'p' => (lines, dot) = (false, false),
                'w' => (lines, dot) = (true, true),
                'x' => spaced = true,
                't' => spaced = false,
                'q' => translated = regex::escape(pattern),
                _ => return Err(RowError::InvalidArgument),
            }
        }
        let built = RegexBuilder::new(&translated)
            .case_insensitive(fold)
            .multi_line(lines)
            .dot_matches_new_line(dot)
            .ignore_whitespace(spaced)
            .size_limit(REGEX_BYTES_MAX)
            .build();
        let regex = built.map_err(|_| RowError::InvalidRegex)?;
        Ok(Compiled { regex, all })
    }
}

/// Where a call has its flags.
fn flags_at(native: Native) -> Option<usize> {
    match native {
        Native::RegexpLike => Some(2),
        Native::RegexpReplace => Some(3),
        _ => None,
    }
}

/// What PostgreSQL writes in its own way: the bounds of words and the end of the text.
fn translate(pattern: &str, out: &mut String) {
    let mut chars = pattern.chars();
    while let Some(one) = chars.next() {
        if one != '\\' {
            out.push(one);
            continue;
        }
        match chars.next() {
            Some('y') => out.push_str("\\b"),
            Some('Y') => out.push_str("\\B"),
            Some('m') => out.push_str("\\b{start}"),
            Some('M') => out.push_str("\\b{end}"),
            Some('Z') => out.push_str("\\z"),
            Some(other) => out.extend(['\\', other]),
            None => out.push('\\'),
        }
    }
}

/// The expressions of a call, row by row.
struct Expressions<'a> {
    constant: Option<&'a Compiled>,
    args: &'a [Operand<'a>],
    flags: Option<&'a Operand<'a>>,
    last: Last,
}

impl<'a> Expressions<'a> {
    fn new(
        native: Native,
        constant: Option<&'a Compiled>,
        args: &'a [Operand<'a>],
        out: &mut Register,
    ) -> Expressions<'a> {
        let last = std::mem::take(&mut out.work.regex);
        Expressions { constant, args, flags: flags_at(native).and_then(|at| args.get(at)), last }
    }

    /// The expression of a row, and where its groups are to be noted.
    fn of(&mut self, row: usize) -> Found<(&Compiled, &mut CaptureLocations)> {
        let Last { pattern, flags, compiled, places } = &mut self.last;
        let found = match self.constant {
            Some(constant) => constant,
            None => {
                let wanted = self.args[1].column.texts().get(row);
                let wanted_flags = self.flags.map_or("", |flags| flags.column.texts().get(row));
                if compiled.is_none() || wanted != pattern || wanted_flags != flags {
                    pattern.clear();
                    pattern.push_str(wanted);
                    flags.clear();
                    flags.push_str(wanted_flags);
                    *compiled = Some(Compiled::new(wanted, wanted_flags));
                    *places = None;
                }
                compiled.as_ref().expect("it was compiled").as_ref().map_err(|error| *error)?
            }
        };
        let places = places.get_or_insert_with(|| found.regex.capture_locations());
        Ok((found, places))
    }
}

pub(super) fn like(constant: Option<&Compiled>, args: &[Operand<'_>], out: &mut Register) {
    let mut expressions = Expressions::new(Native::RegexpLike, constant, args, out);
    let texts = args[0].column.texts();
    some_truths(out, |row| {
        let (compiled, _) = expressions.of(row)?;
        Ok(Some(compiled.regex.is_match(texts.get(row))))
    });
    out.work.regex = expressions.last;
}

/// Group n of the first match; the whole match where the expression has no groups.
pub(super) fn capture(constant: Option<&Compiled>, args: &[Operand<'_>], out: &mut Register) {
    let mut expressions = Expressions::new(Native::RegexpCapture, constant, args, out);
    let (texts, numbers) = (args[0].column.texts(), args[2].column.i64s());
    some_slices(out, |row| {
        let (compiled, places) = expressions.of(row)?;
        let text = texts.get(row);
        let Ok(number) = usize::try_from(numbers[row]) else { return Ok(None) };
        let group = match compiled.regex.captures_len() {
            1 if number == 1 => 0,
            1 => return Ok(None),
            groups if (1..groups).contains(&number) => number,
            _ => return Ok(None),
        };
        let found = compiled.regex.captures_read(places, text).is_some();
        let place = places.get(group).filter(|_| found);
        Ok(place.map(|(start, end)| &text[start..end]))
    });
    out.work.regex = expressions.last;
}

pub(super) fn replace(constant: Option<&Compiled>, args: &[Operand<'_>], out: &mut Register) {
    let mut expressions = Expressions::new(Native::RegexpReplace, constant, args, out);
    let (texts, replacements) = (args[0].column.texts(), args[2].column.texts());
    some_texts(out, |row, result| {
        let (compiled, places) = expressions.of(row)?;
        let (text, replacement) = (texts.get(row), replacements.get(row));
        let (mut copied, mut at) = (0, 0);
        while at <= text.len()
            && let Some(found) = compiled.regex.captures_read_at(places, text, at)
        {
            fits(result, found.start() - copied)?;
            result.push_str(&text[copied..found.start()]);
            insert(replacement, text, places, result)?;
            copied = found.end();
            if !compiled.all {
                break;
            }
            let next = text[copied..].chars().next();
            let empty = found.start() == found.end();
            at = copied + if empty { next.map_or(1, char::len_utf8) } else { 0 };
        }
        result.push_str(&text[copied..]);
        Ok(true)
    });
    out.work.regex = expressions.last;
}

/// Writes a replacement: `\1` to `\9` are groups, `\&` is the match, `\\` a backslash.
fn insert(replacement: &str, text: &str, places: &CaptureLocations, out: &mut String) -> Found<()> {
    let mut chars = replacement.chars();
    while let Some(one) = chars.next() {
        let group = match one {
            '\\' => match chars.next() {
                Some(digit @ '1'..='9') => digit as usize - '0' as usize,
                Some('&') => 0,
                Some('\\') | None => {
                    out.push('\\');
                    continue;
                }
                Some(other) => {
                    out.extend(['\\', other]);
                    continue;
                }
            },
            one => {
                out.push(one);
                continue;
            }
        };
        if let Some((start, end)) = places.get(group) {
            fits(out, end - start)?;
            out.push_str(&text[start..end]);
        }
    }
    Ok(())
}

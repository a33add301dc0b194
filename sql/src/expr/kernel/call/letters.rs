//! Functions of the characters of a text: case, places, lengths.

use crate::expr::failure::RowError;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::{fits, slices, texts};
use crate::expr::program::{Operand, Register};

/// Appends the text in lower case, character by character.
pub(super) fn lower_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        return out[start..].make_ascii_lowercase();
    }
    out.extend(text.chars().map(|one| single(one, one.to_lowercase())));
}

fn upper_into(text: &str, out: &mut String) {
    if text.is_ascii() {
        let start = out.len();
        out.push_str(text);
        return out[start..].make_ascii_uppercase();
    }
    out.extend(text.chars().map(|one| single(one, one.to_uppercase())));
}

/// A character whose other case is more than one character has none, as in PostgreSQL.
fn single(one: char, mut cased: impl Iterator<Item = char>) -> char {
    match (cased.next(), cased.next()) {
        (Some(cased), None) => cased,
        _ => one,
    }
}

pub(super) fn lower(args: &[Operand<'_>], out: &mut Register) {
    let input = args[0].column.texts();
    texts(out, |row, text| {
        lower_into(input.get(row), text);
        Ok(())
    });
}

pub(super) fn upper(args: &[Operand<'_>], out: &mut Register) {
    let input = args[0].column.texts();
    texts(out, |row, text| {
        upper_into(input.get(row), text);
        Ok(())
    });
}

/// Every run of letters and digits begins with a capital.
pub(super) fn initcap(args: &[Operand<'_>], out: &mut Register) {
    let input = args[0].column.texts();
    texts(out, |row, text| {
        let mut inside = false;
        text.extend(input.get(row).chars().map(|one| {
            let cased = match inside {
                true => single(one, one.to_lowercase()),
                false => single(one, one.to_uppercase()),
            };
            inside = one.is_alphanumeric();
            cased
        }));
        Ok(())
    });
}

/// Characters of UTF-8: bytes that do not continue one.
pub(super) fn count(bytes: &[u8]) -> usize {
    bytes.iter().filter(|byte| (**byte as i8) >= -0x40).count()
}

/// Where character `place` begins; the end where there are fewer.
fn offset(text: &str, place: usize) -> usize {
    if text.is_ascii() {
        return place.min(text.len());
    }
    text.char_indices().nth(place).map_or(text.len(), |(at, _)| at)
}

/// Characters `start..end`.
fn part(text: &str, start: usize, end: usize) -> &str {
    if text.is_ascii() {
        let end = end.min(text.len());
        return &text[start.min(end)..end];
    }
    let rest = &text[offset(text, start)..];
    &rest[..offset(rest, end.saturating_sub(start))]
}

/// Places count from 1, and those before it take part of the length.
pub(super) fn substr(args: &[Operand<'_>], out: &mut Register) {
    let (input, from) = (args[0].column.texts(), args[1].column.i64s());
    let place = |place: i64| usize::try_from(place).unwrap_or(0);
    match args.get(2) {
        None => slices(out, |row| {
            Ok(part(input.get(row), place(from[row].saturating_sub(1)), usize::MAX))
        }),
        Some(lengths) => {
            let lengths = lengths.column.i64s();
            slices(out, |row| {
                if lengths[row] < 0 {
                    return Err(RowError::NegativeLength);
                }
                let start = from[row].saturating_sub(1);
                let end = start.saturating_add(lengths[row]);
                Ok(part(input.get(row), place(start), place(end)))
            });
        }
    }
}

/// How many characters `left` and `right` take of `all`.
fn taken(wanted: i64, all: usize) -> usize {
    match usize::try_from(wanted) {
        Ok(wanted) => wanted.min(all),
        Err(_) => all.saturating_sub(usize::try_from(wanted.unsigned_abs()).unwrap_or(usize::MAX)),
    }
}

pub(super) fn left(args: &[Operand<'_>], out: &mut Register) {
    let (input, wanted) = (args[0].column.texts(), args[1].column.i64s());
    slices(out, |row| {
        let text = input.get(row);
        Ok(part(text, 0, taken(wanted[row], count(text.as_bytes()))))
    });
}

pub(super) fn right(args: &[Operand<'_>], out: &mut Register) {
    let (input, wanted) = (args[0].column.texts(), args[1].column.i64s());
    slices(out, |row| {
        let text = input.get(row);
        let all = count(text.as_bytes());
        Ok(part(text, all - taken(wanted[row], all), all))
    });
}

pub(super) fn reverse(args: &[Operand<'_>], out: &mut Register) {
    let input = args[0].column.texts();
    texts(out, |row, text| {
        text.extend(input.get(row).chars().rev());
        Ok(())
    });
}

pub(super) fn repeat(args: &[Operand<'_>], out: &mut Register) {
    let (input, times) = (args[0].column.texts(), args[1].column.i64s());
    texts(out, |row, text| {
        let one = input.get(row);
        let times = usize::try_from(times[row]).unwrap_or(0);
        if one.is_empty() {
            return Ok(());
        }
        fits(text, one.len().saturating_mul(times))?;
        (0..times).for_each(|_| text.push_str(one));
        Ok(())
    });
}

/// Filled up, or cut at its end, to so many characters.
pub(super) fn pad(start: bool, args: &[Operand<'_>], out: &mut Register) {
    let (input, wanted) = (args[0].column.texts(), args[1].column.i64s());
    texts(out, |row, text| {
        let one = input.get(row);
        let fill = args.get(2).map_or(" ", |fill| fill.column.texts().get(row));
        let wanted = usize::try_from(wanted[row]).unwrap_or(0);
        let have = count(one.as_bytes());
        if wanted <= have || fill.is_empty() {
            text.push_str(part(one, 0, wanted));
            return Ok(());
        }
        fits(text, wanted)?;
        if !start {
            text.push_str(one);
        }
        text.extend(fill.chars().cycle().take(wanted - have));
        if start {
            text.push_str(one);
        }
        Ok(())
    });
}

/// The code of the first character, 0 for none.
pub(super) fn ascii(text: &str) -> i32 {
    text.chars().next().map_or(0, |one| one as i32)
}

pub(super) fn chr(args: &[Operand<'_>], out: &mut Register) {
    let codes = args[0].column.i64s();
    texts(out, |row, text| {
        let code = u32::try_from(codes[row]).ok().filter(|code| *code != 0);
        text.push(code.and_then(char::from_u32).ok_or(RowError::NoCharacter)?);
        Ok(())
    });
}

/// Where `part` first begins, in characters from 1; 0 for nowhere.
pub(super) fn position(text: &str, part: &str) -> Found<i32> {
    Ok(text.find(part).map_or(0, |at| count(&text.as_bytes()[..at]) as i32 + 1))
}

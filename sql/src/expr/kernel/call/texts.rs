//! Functions that put texts together and take them apart.

use crate::column::Text;
use crate::expr::failure::RowError;
use crate::expr::function::Native;
use crate::expr::kernel::call::fill::{fits, slices, some_texts, texts};
use crate::expr::program::{Operand, Register};

/// NULL is nothing.
pub(super) fn concat(args: &[Operand<'_>], out: &mut Register) {
    spread_failures(args, out);
    texts(out, |row, text| {
        for arg in args {
            let one = arg.column.texts().get(row);
            fits(text, one.len())?;
            text.push_str(one);
        }
        Ok(())
    });
}

/// NULL only where the separator is.
pub(super) fn concat_ws(args: &[Operand<'_>], out: &mut Register) {
    spread_failures(args, out);
    let (separator, args) = args.split_first().expect("a call has a separator");
    some_texts(out, |row, text| {
        if separator.column.is_null(row) {
            return Ok(false);
        }
        let between = separator.column.texts().get(row);
        let present = args.iter().filter(|arg| !arg.column.is_null(row));
        for (at, arg) in present.enumerate() {
            let one = arg.column.texts().get(row);
            fits(text, one.len() + between.len())?;
            if at > 0 {
                text.push_str(between);
            }
            text.push_str(one);
        }
        Ok(true)
    });
}

/// Rows that failed for any argument fail and are NULL; other NULLs are the kernel's affair.
pub(super) fn spread_failures(args: &[Operand<'_>], out: &mut Register) {
    for arg in args {
        out.failed.add_if(arg.failed, |_| true);
        for (row, _) in arg.failed.rows() {
            out.column.set_null(*row as usize);
        }
    }
}

pub(super) fn append(args: &[Operand<'_>], out: &mut Register) {
    let (left, right) = (args[0].column.texts(), args[1].column.texts());
    texts(out, |row, text| {
        text.push_str(left.get(row));
        text.push_str(right.get(row));
        Ok(())
    });
}

pub(super) fn split_part(args: &[Operand<'_>], out: &mut Register) {
    let (input, by) = (args[0].column.texts(), args[1].column.texts());
    let numbers = args[2].column.i64s();
    slices(out, |row| {
        let (text, by, number) = (input.get(row), by.get(row), numbers[row]);
        if number == 0 {
            return Err(RowError::InvalidArgument);
        }
        if by.is_empty() {
            return Ok(if matches!(number, 1 | -1) { text } else { "" });
        }
        let count = usize::try_from(number.unsigned_abs()).unwrap_or(usize::MAX);
        let place = match number {
            1.. => Some(count - 1),
            // From the end, of the same fields.
            _ => text.split(by).count().checked_sub(count),
        };
        let found = place.and_then(|place| field(text, by, place));
        Ok(found.unwrap_or_default())
    });
}

/// Which ends of a text lose the characters.
pub(super) fn trim(native: Native, args: &[Operand<'_>], out: &mut Register) {
    let input = args[0].column.texts();
    let set: Option<&Text> = args.get(1).map(|set| set.column.texts());
    slices(out, |row| {
        let text = input.get(row);
        let set = set.map_or(" ", |set| set.get(row));
        let goes = |one: char| set.contains(one);
        Ok(match native {
            Native::TrimStart => text.trim_start_matches(goes),
            Native::TrimEnd => text.trim_end_matches(goes),
            _ => text.trim_matches(goes),
        })
    });
}

pub(super) fn replace(args: &[Operand<'_>], out: &mut Register) {
    let [input, from, to] = [&args[0], &args[1], &args[2]].map(|arg| arg.column.texts());
    texts(out, |row, text| {
        let (mut rest, from, to) = (input.get(row), from.get(row), to.get(row));
        if !from.is_empty() {
            while let Some((before, behind)) = split_once(rest, from) {
                fits(text, before.len() + to.len())?;
                text.push_str(before);
                text.push_str(to);
                rest = behind;
            }
        }
        text.push_str(rest);
        Ok(())
    });
}

/// The character, where a text is one: it is looked for without the set-up that a longer one needs.
fn only_char(text: &str) -> Option<char> {
    let mut chars = text.chars();
    chars.next().filter(|_| chars.as_str().is_empty())
}

fn split_once<'a>(text: &'a str, by: &str) -> Option<(&'a str, &'a str)> {
    match only_char(by) {
        Some(by) => text.split_once(by),
        None => text.split_once(by),
    }
}

fn field<'a>(text: &'a str, by: &str, place: usize) -> Option<&'a str> {
    match only_char(by) {
        Some(by) => text.split(by).nth(place),
        None => text.split(by).nth(place),
    }
}

/// A character without one at its place in the other set goes.
pub(super) fn translate(args: &[Operand<'_>], out: &mut Register) {
    let [input, from, to] = [&args[0], &args[1], &args[2]].map(|arg| arg.column.texts());
    texts(out, |row, text| {
        let (from, to) = (from.get(row), to.get(row));
        text.extend(input.get(row).chars().filter_map(|one| {
            match from.chars().position(|other| other == one) {
                Some(place) => to.chars().nth(place),
                None => Some(one),
            }
        }));
        Ok(())
    });
}

//! Loops that fill a register from a function of a row. Rows that are NULL already stay so.

use crate::column::Column;
use crate::expr::failure::RowError;
use crate::expr::kernel::compare::fill;
use crate::expr::kernel::{Found, note_failures};
use crate::expr::program::Register;
use crate::limits::TEXT_BYTES_MAX;

/// Plain values.
pub(super) fn numbers<T: Copy + Default>(
    out: &mut Register,
    slots: impl Fn(&mut Column) -> &mut [T],
    find: impl Fn(usize) -> Found<T>,
) {
    let mut any = false;
    for (row, slot) in slots(&mut out.column).iter_mut().enumerate() {
        let found = find(row);
        any |= found.is_err();
        *slot = found.unwrap_or_default();
    }
    if any {
        note_failures(out, find);
    }
}

/// Plain values, and NULLs among them.
pub(super) fn some_numbers<T: Copy + Default>(
    out: &mut Register,
    slots: impl Fn(&mut Column) -> &mut [T],
    find: impl Fn(usize) -> Found<Option<T>>,
) {
    for row in 0..out.column.len() {
        if out.column.is_null(row) {
            continue;
        }
        match find(row) {
            Ok(Some(value)) => slots(&mut out.column)[row] = value,
            Ok(None) => out.column.set_null(row),
            Err(error) => fail(out, row, error),
        }
    }
}

/// Truths that cannot fail.
pub(super) fn truths(out: &mut Register, find: impl Fn(usize) -> bool) {
    fill(out.column.bools_mut(), find);
}

/// Truths that may fail or be NULL.
pub(super) fn some_truths(out: &mut Register, mut find: impl FnMut(usize) -> Found<Option<bool>>) {
    for row in 0..out.column.len() {
        if out.column.is_null(row) {
            continue;
        }
        match find(row) {
            Ok(Some(value)) => out.column.bools_mut().set(row, value),
            Ok(None) => out.column.set_null(row),
            Err(error) => fail(out, row, error),
        }
    }
}

/// Fails a row.
pub(super) fn fail(out: &mut Register, row: usize, error: RowError) {
    out.failed.add(row as u32, error);
    out.column.set_null(row);
}

/// Texts that lie in a column of the input.
pub(super) fn slices<'a>(out: &mut Register, find: impl Fn(usize) -> Found<&'a str>) {
    some_slices(out, |row| find(row).map(Some));
}

/// Texts that lie in a column of the input, and NULLs among them.
pub(super) fn some_slices<'a>(
    out: &mut Register,
    mut find: impl FnMut(usize) -> Found<Option<&'a str>>,
) {
    push_texts(out, |row, column| {
        let text = find(row)?;
        column.texts_mut().push(text.unwrap_or_default());
        Ok(text.is_some())
    });
}

/// Texts that are put together.
pub(super) fn texts(out: &mut Register, write: impl Fn(usize, &mut String) -> Found<()>) {
    some_texts(out, |row, text| write(row, text).map(|()| true));
}

/// Texts that are put together; NULL where `write` says false.
pub(super) fn some_texts(
    out: &mut Register,
    mut write: impl FnMut(usize, &mut String) -> Found<bool>,
) {
    let mut text = std::mem::take(&mut out.work.text);
    push_texts(out, |row, column| {
        text.clear();
        let found = write(row, &mut text)?;
        if text.len() > TEXT_BYTES_MAX {
            return Err(RowError::TooLong);
        }
        column.texts_mut().push(&text);
        Ok(found)
    });
    out.work.text = text;
}

/// Pushes a text a row, or none where it fails; says whether it is one, or stands for NULL.
fn push_texts(out: &mut Register, mut push: impl FnMut(usize, &mut Column) -> Found<bool>) {
    let Register { column, failed, .. } = out;
    let rows = column.len();
    let mut none = std::mem::take(&mut out.work.rows);
    none.clear();
    column.texts_mut().clear();
    for row in 0..rows {
        if column.is_null(row) {
            column.texts_mut().push("");
            continue;
        }
        match push(row, column) {
            Ok(true) => {}
            Ok(false) => none.push(row as u32),
            Err(error) => {
                column.texts_mut().push("");
                failed.add(row as u32, error);
                none.push(row as u32);
            }
        }
    }
    none.iter().for_each(|row| column.set_null(*row as usize));
    out.work.rows = none;
}

/// Room for so many bytes behind those that are there, or the row fails.
pub(super) fn fits(text: &str, more: usize) -> Found<()> {
    if text.len() + more > TEXT_BYTES_MAX { Err(RowError::TooLong) } else { Ok(()) }
}

//! Functions of arrays and maps, over the bytes that columns hold of them.

use crate::column::Column;
use crate::expr::failure::RowError;
use crate::expr::kernel::Found;
use crate::expr::kernel::call::fill::{fail, fits, some_numbers, some_texts, some_truths};
use crate::expr::program::{Operand, Register};
use crate::limits::TEXT_BYTES_MAX;
use crate::nested;
use crate::types::DataType;
use crate::value::Value;

const END: u8 = 0;
const VALUE: u8 = 1;
const NULL: u8 = 2;
const ESCAPE: u8 = 0xff;

/// One item: its bytes without the mark; none for NULL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item<'a>(&'a [u8]);

impl<'a> Item<'a> {
    /// The bytes of a text that holds no zero byte.
    pub(super) fn text(self) -> &'a [u8] {
        &self.0[..self.0.len() - 1]
    }
}

/// The items of an array, in order.
pub(super) fn items(
    mut rest: &[u8],
    element: DataType,
) -> impl Iterator<Item = Option<Item<'_>>> + Clone {
    std::iter::from_fn(move || {
        let (mark, behind) = rest.split_first().expect("an array has an end");
        match *mark {
            END => None,
            NULL => {
                rest = behind;
                Some(None)
            }
            _ => {
                let (item, behind) = behind.split_at(value_bytes(behind, element));
                rest = behind;
                Some(Some(Item(item)))
            }
        }
    })
}

/// Bytes of the value that `bytes` begins with.
fn value_bytes(bytes: &[u8], of: DataType) -> usize {
    match of {
        DataType::Boolean => 1,
        DataType::SmallInt => 2,
        DataType::Int | DataType::Date => 4,
        DataType::BigInt
        | DataType::Time
        | DataType::Timestamp
        | DataType::TimestampTz
        | DataType::Real
        | DataType::Double => 8,
        DataType::Decimal { .. } | DataType::Uuid | DataType::Interval => 16,
        DataType::Text | DataType::Bytea | DataType::Json => {
            let mut at = 0;
            loop {
                at += bytes[at..].iter().position(|byte| *byte == END).expect("a text has an end");
                if bytes.get(at + 1) != Some(&ESCAPE) {
                    return at + 1;
                }
                at += 2;
            }
        }
        DataType::Array(element) => {
            let mut at = 0;
            while bytes[at] != END {
                at += item_bytes(&bytes[at..], *element);
            }
            at + 1
        }
        DataType::Map => {
            let mut at = 0;
            while bytes[at] != END {
                at += item_bytes(&bytes[at..], DataType::Text);
                at += item_bytes(&bytes[at..], DataType::Text);
            }
            at + 1
        }
        DataType::Struct(of) => {
            of.fields.iter().fold(0, |at, field| at + item_bytes(&bytes[at..], field.data_type))
        }
    }
}

fn item_bytes(bytes: &[u8], of: DataType) -> usize {
    if bytes[0] == VALUE { 1 + value_bytes(&bytes[1..], of) } else { 1 }
}

/// Appends an item to a column of its type.
fn push(item: Item<'_>, column: &mut Column) {
    let of = column.data_type();
    match of {
        DataType::Text | DataType::Json if !item.text().contains(&END) => {
            column.push_bytes(item.text());
        }
        DataType::Array(_) | DataType::Map | DataType::Struct(_) => column.push_bytes(item.0),
        _ => {
            let value = nested::decoded(item.0, of).expect("an item of the type of the array");
            column.push(&value);
        }
    }
}

/// Fills the register row by row from items; NULL where there is none.
fn fill_items<'a>(out: &mut Register, mut find: impl FnMut(usize) -> Option<Item<'a>>) {
    let rows = out.column.len();
    let mut nulls = std::mem::take(&mut out.work.rows);
    nulls.clear();
    nulls.extend((0..rows as u32).filter(|row| out.column.is_null(*row as usize)));
    out.column.clear();
    let mut null = nulls.iter().peekable();
    for row in 0..rows {
        let known = null.next_if(|next| **next == row as u32).is_none();
        match known.then(|| find(row)).flatten() {
            Some(item) => push(item, &mut out.column),
            None => out.column.push_null(),
        }
    }
    out.work.rows = nulls;
}

fn element(column: &Column) -> DataType {
    match column.data_type() {
        DataType::Array(element) => *element,
        other => unreachable!("{other} has no items"),
    }
}

/// `array[n]`, from 1; NULL outside.
pub(super) fn subscript(args: &[Operand<'_>], out: &mut Register) {
    let (arrays, places) = (args[0].column, args[1].column.i64s());
    let element = element(arrays);
    fill_items(out, |row| {
        let place = usize::try_from(places[row]).ok()?.checked_sub(1)?;
        items(arrays.bytes(row), element).nth(place)?
    });
}

/// `map[key]`; NULL where there is no such key.
pub(super) fn map_get(args: &[Operand<'_>], out: &mut Register) {
    let (maps, keys) = (args[0].column, args[1].column.texts());
    fill_items(out, |row| {
        let mut pairs = items(maps.bytes(row), DataType::Text);
        let key = keys.bytes(row);
        while let Some(found) = pairs.next() {
            let value = pairs.next()?;
            if found?.text() == key {
                return value;
            }
        }
        None
    });
}

/// How many items there are; `empty` for none.
pub(super) fn count(empty: Option<i32>, args: &[Operand<'_>], out: &mut Register) {
    let arrays = args[0].column;
    let element = element(arrays);
    let dimensions = args.get(1).map(|dimensions| dimensions.column.i64s());
    some_numbers(out, Column::i32s_mut, |row| {
        // There is one dimension.
        if dimensions.is_some_and(|dimensions| dimensions[row] != 1) {
            return Ok(None);
        }
        let count = items(arrays.bytes(row), element).count();
        Ok(if count == 0 { empty } else { Some(count as i32) })
    });
}

/// The bytes that an item equal to row `row` has.
fn encode(column: &Column, row: usize, out: &mut Vec<u8>) {
    out.clear();
    nested::encode(&column.value(row), column.data_type(), out);
}

/// `value = ANY (array)`: NULL where it is not found and there is a NULL, unless `plain`.
pub(super) fn contains(plain: bool, args: &[Operand<'_>], out: &mut Register) {
    let (arrays, values) = (args[0].column, args[1].column);
    let element = element(arrays);
    let mut wanted = std::mem::take(&mut out.work.bytes);
    some_truths(out, |row| {
        encode(values, row, &mut wanted);
        let mut null = false;
        for item in items(arrays.bytes(row), element) {
            match item {
                Some(item) if item.0 == wanted => return Ok(Some(true)),
                Some(_) => {}
                None => null = true,
            }
        }
        Ok(if null && !plain { None } else { Some(false) })
    });
    out.work.bytes = wanted;
}

/// Where a value first is, from 1; NULL for nowhere. NULL is looked for too.
pub(super) fn position(args: &[Operand<'_>], out: &mut Register) {
    let (arrays, values) = (args[0].column, args[1].column);
    let element = element(arrays);
    super::texts::spread_failures(args, out);
    let mut wanted = std::mem::take(&mut out.work.bytes);
    for row in 0..out.column.len() {
        if arrays.is_null(row) || out.column.is_null(row) {
            out.column.set_null(row);
            continue;
        }
        let null = values.is_null(row);
        if !null {
            encode(values, row, &mut wanted);
        }
        let found = items(arrays.bytes(row), element)
            .position(|item| item.map_or(null, |item| !null && item.0 == wanted));
        match found {
            Some(place) => out.column.i32s_mut()[row] = place as i32 + 1,
            None => out.column.set_null(row),
        }
    }
    out.work.bytes = wanted;
}

/// The items as texts with a separator between them; NULLs as another text, or left out.
pub(super) fn to_text(args: &[Operand<'_>], out: &mut Register) {
    let (arrays, separators) = (args[0].column, args[1].column);
    let element = element(arrays);
    let nulls = args.get(2).map(|nulls| nulls.column);
    super::texts::spread_failures(args, out);
    some_texts(out, |row, text| {
        if arrays.is_null(row) || separators.is_null(row) {
            return Ok(false);
        }
        let (separator, mut any) = (separators.text(row), false);
        for item in items(arrays.bytes(row), element) {
            let null = nulls.filter(|nulls| !nulls.is_null(row)).map(|nulls| nulls.text(row));
            if item.is_none() && null.is_none() {
                continue;
            }
            if any {
                text.push_str(separator);
            }
            any = true;
            match item {
                Some(item) => write(item, element, text),
                None => text.push_str(null.unwrap_or_default()),
            }
            fits(text, 0)?;
        }
        Ok(true)
    });
}

fn write(item: Item<'_>, of: DataType, out: &mut String) {
    match (of, std::str::from_utf8(item.0)) {
        (DataType::Text, Ok(text)) if !item.text().contains(&END) => {
            out.push_str(&text[..text.len() - 1]);
        }
        _ => match nested::decoded(item.0, of) {
            Some(Value::Text(text)) => out.push_str(&text),
            Some(Value::Boolean(truth)) => out.push(if truth { 't' } else { 'f' }),
            Some(other) => out.push_str(&other.to_string()),
            None => unreachable!("an item of the type of the array"),
        },
    }
}

/// The pieces of a text between separators; every character without a separator. Pieces that
/// equal the last argument are NULL.
pub(super) fn of_text(args: &[Operand<'_>], out: &mut Register) {
    let (input, separators) = (args[0].column, args[1].column);
    let nulls = args.get(2).map(|nulls| nulls.column);
    super::texts::spread_failures(args, out);
    let mut bytes = std::mem::take(&mut out.work.bytes);
    let rows = out.column.len();
    let mut failed = std::mem::take(&mut out.work.rows);
    failed.clear();
    failed.extend((0..rows as u32).filter(|row| out.column.is_null(*row as usize)));
    out.column.clear();
    for row in 0..rows {
        if input.is_null(row) || failed.binary_search(&(row as u32)).is_ok() {
            out.column.push_null();
            continue;
        }
        let text = input.text(row);
        let null = nulls.filter(|nulls| !nulls.is_null(row)).map(|nulls| nulls.text(row));
        bytes.clear();
        let fits = match () {
            () if text.is_empty() => Ok(()),
            () if separators.is_null(row) => {
                let ends = text.char_indices().map(|(at, one)| &text[at..at + one.len_utf8()]);
                put_all(ends, null, &mut bytes)
            }
            () if separators.text(row).is_empty() => {
                put_all(std::iter::once(text), null, &mut bytes)
            }
            () => put_all(text.split(separators.text(row)), null, &mut bytes),
        };
        bytes.push(END);
        match fits {
            Ok(()) => out.column.push_bytes(&bytes),
            Err(error) => {
                out.column.push_bytes(&[END]);
                fail(out, row, error);
            }
        }
    }
    out.work.bytes = bytes;
    out.work.rows = failed;
}

fn put_all<'a>(
    pieces: impl Iterator<Item = &'a str>,
    null: Option<&str>,
    out: &mut Vec<u8>,
) -> Found<()> {
    for piece in pieces {
        if Some(piece) == null {
            out.push(NULL);
            continue;
        }
        out.push(VALUE);
        for byte in piece.bytes() {
            out.push(byte);
            if byte == END {
                out.push(ESCAPE);
            }
        }
        out.push(END);
        if out.len() >= TEXT_BYTES_MAX {
            return Err(RowError::TooLong);
        }
    }
    Ok(())
}

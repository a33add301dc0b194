//! Morsels as bytes, for the log.
//!
//! Little endian. Rows; a byte that says which of weights, ties and behind follow; per column its
//! nulls, then its values; texts as lengths, then bytes. The reader knows the shape.

use std::fmt;

use sluicedb_sql::Column;
use sluicedb_sql::column::{Bitmap, Values};
use sluicedb_sql::nested;
use sluicedb_sql::types::Physical;

use super::{Morsel, Tie};
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;

const WEIGHTS: u8 = 1;
const TIES: u8 = 2;
const BEHIND: u8 = 4;

/// The bytes are not a morsel of the shape that was expected.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct DecodeError {
    /// Where reading stopped.
    pub offset: usize,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "not the rows of this source, from byte {} on", self.offset)
    }
}

impl std::error::Error for DecodeError {}

/// Appends the bytes of a morsel.
pub fn encode(morsel: &Morsel, out: &mut Vec<u8>) {
    out.extend(morsel.rows.to_le_bytes());
    let flag = |empty: bool, flag| if empty { 0 } else { flag };
    out.push(
        flag(morsel.weights.is_empty(), WEIGHTS)
            | flag(morsel.ties.is_empty(), TIES)
            | flag(morsel.behind.is_empty(), BEHIND),
    );
    encode_all(&morsel.weights, i64::to_le_bytes, out);
    encode_all(&morsel.ties, |tie| tie.0.to_le_bytes(), out);
    encode_all(&morsel.behind, |time| time.0.to_le_bytes(), out);
    morsel.columns.iter().for_each(|column| encode_column(column, out));
}

/// Appends what a morsel of one row has in front of its columns.
pub(crate) fn encode_row_marks(tie: Option<Tie>, behind: Time, out: &mut Vec<u8>) {
    let is_behind = behind > Time::MIN;
    out.extend(1_u32.to_le_bytes());
    out.push(if tie.is_some() { TIES } else { 0 } | if is_behind { BEHIND } else { 0 });
    tie.iter().for_each(|tie| out.extend(tie.0.to_le_bytes()));
    if is_behind {
        out.extend(behind.0.to_le_bytes());
    }
}

fn encode_column(column: &Column, out: &mut Vec<u8>) {
    out.push(u8::from(column.has_nulls()));
    if column.has_nulls() {
        encode_bits(column.nulls(), out);
    }
    match column.values() {
        Values::Bool(bits) => encode_bits(bits, out),
        Values::I32(values) => encode_all(values, i32::to_le_bytes, out),
        Values::I64(values) => encode_all(values, i64::to_le_bytes, out),
        Values::F64(values) => encode_all(values, f64::to_le_bytes, out),
        Values::I128(values) => encode_all(values, i128::to_le_bytes, out),
        Values::Text(text) => {
            let texts = (0..text.len()).map(|row| text.bytes(row));
            texts.clone().for_each(|bytes| out.extend((bytes.len() as u32).to_le_bytes()));
            texts.for_each(|bytes| out.extend(bytes));
        }
    }
}

/// Makes room once, so that the loop is a copy.
fn encode_all<T: Copy, const N: usize>(values: &[T], bytes: fn(T) -> [u8; N], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + values.len() * N, 0);
    for (place, &value) in out[start..].chunks_exact_mut(N).zip(values) {
        place.copy_from_slice(&bytes(value));
    }
}

fn encode_bits(bits: &Bitmap, out: &mut Vec<u8>) {
    bits.words().iter().for_each(|word| out.extend(word.to_le_bytes()));
}

/// Fills an empty morsel from the bytes of one of its shape; returns how many bytes that took.
pub fn decode(bytes: &[u8], morsel: &mut Morsel) -> Result<usize, DecodeError> {
    assert!(morsel.is_empty(), "rows are decoded into an empty morsel");
    let mut reader = Reader { bytes, offset: 0 };
    match reader.morsel(morsel) {
        Some(()) => Ok(reader.offset),
        None => {
            morsel.clear();
            Err(DecodeError { offset: reader.offset })
        }
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl Reader<'_> {
    fn morsel(&mut self, morsel: &mut Morsel) -> Option<()> {
        let rows = u32::from_le_bytes(self.array()?) as usize;
        if rows > MORSEL_ROWS_MAX {
            return None;
        }
        let [flags] = self.array()?;
        if flags & WEIGHTS != 0 {
            self.each(rows, |bytes| morsel.weights.push(i64::from_le_bytes(bytes)))?;
        }
        if flags & TIES != 0 {
            self.each(rows, |bytes| morsel.ties.push(Tie(u128::from_le_bytes(bytes))))?;
        }
        if flags & BEHIND != 0 {
            self.each(rows, |bytes| morsel.behind.push(Time(i64::from_le_bytes(bytes))))?;
        }
        for column in &mut morsel.columns {
            self.column(rows, column)?;
        }
        morsel.set_rows(rows);
        Some(())
    }

    fn column(&mut self, rows: usize, column: &mut Column) -> Option<()> {
        let [has_nulls] = self.array()?;
        let nulls = if has_nulls == 0 { None } else { Some(self.bits(rows)?) };
        match column.data_type().physical() {
            Physical::Bool => {
                let bits = self.bits(rows)?;
                (0..rows).for_each(|row| column.push_bool(bits.get(row)));
            }
            Physical::I32 => self.each(rows, |b| column.push_i32(i32::from_le_bytes(b)))?,
            Physical::I64 => self.each(rows, |b| column.push_i64(i64::from_le_bytes(b)))?,
            Physical::F64 => self.each(rows, |b| column.push_f64(f64::from_le_bytes(b)))?,
            Physical::I128 => self.each(rows, |b| column.push_i128(i128::from_le_bytes(b)))?,
            Physical::Text => self.texts(rows, nulls.as_ref(), column)?,
        }
        for row in nulls.iter().flat_map(Bitmap::ones) {
            column.set_null(row);
        }
        Some(())
    }

    fn texts(&mut self, rows: usize, nulls: Option<&Bitmap>, column: &mut Column) -> Option<()> {
        let data_type = column.data_type();
        let mut lengths = Vec::with_capacity(rows);
        self.each(rows, |bytes| lengths.push(u32::from_le_bytes(bytes)))?;
        for (row, length) in lengths.into_iter().enumerate() {
            let bytes = self.take(length as usize)?;
            if data_type.is_utf8() {
                column.push_text(std::str::from_utf8(bytes).ok()?);
                continue;
            }
            // A NULL has no bytes, which are no nested value.
            let null = nulls.is_some_and(|nulls| nulls.get(row));
            if data_type.is_nested() && !null && nested::decoded(bytes, data_type).is_none() {
                return None;
            }
            column.push_bytes(bytes);
        }
        Some(())
    }

    fn bits(&mut self, rows: usize) -> Option<Bitmap> {
        let mut bits = Bitmap::with_capacity(rows);
        bits.resize(rows);
        let mut words = Vec::with_capacity(rows.div_ceil(64));
        self.each(rows.div_ceil(64), |bytes| words.push(u64::from_le_bytes(bytes)))?;
        bits.fill_words(|at| words[at]);
        Some(bits)
    }

    fn each<const N: usize>(&mut self, count: usize, mut f: impl FnMut([u8; N])) -> Option<()> {
        for _ in 0..count {
            f(self.array()?);
        }
        Some(())
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        Some(self.take(N)?.try_into().expect("as many as were taken"))
    }

    fn take(&mut self, count: usize) -> Option<&[u8]> {
        let end = self.offset.checked_add(count)?;
        let taken = self.bytes.get(self.offset..end)?;
        self.offset = end;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;

//! Morsels as bytes, for the log and for what sources retain.
//!
//! Little endian. Rows; a byte that says which of weights, ties and behind follow, and whether the
//! ties are a run, of which only the first follows; per column its nulls, then its values; texts as
//! lengths, then bytes. The reader knows the shape.

use std::fmt;
use std::ops::Range;

use sluicedb_sql::Column;
use sluicedb_sql::column::{Bitmap, Text, Values};
use sluicedb_sql::nested;
use sluicedb_sql::types::Physical;
use zerocopy::{Immutable, IntoBytes};

use super::{Morsel, Tie, Ties};
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;

const WEIGHTS: u8 = 1;
const TIES: u8 = 2;
const BEHIND: u8 = 4;
const RUN: u8 = 8;

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

/// Where the bytes of a morsel go.
pub trait Sink {
    /// Takes the next bytes.
    fn put(&mut self, bytes: &[u8]);
}

impl Sink for Vec<u8> {
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }
}

/// Appends the bytes of a morsel.
pub fn encode(morsel: &Morsel, out: &mut impl Sink) {
    let mut pieces = Pieces::new(out);
    pieces.put(&morsel.rows.to_le_bytes());
    pieces.put(&[flags(morsel)]);
    pieces.put_numbers(&morsel.weights, i64::to_le_bytes);
    if let Some(first) = morsel.ties.as_run() {
        pieces.put(&first.0.to_le_bytes());
    }
    pieces.put_all(morsel.ties.as_list(), |tie| tie.0.to_le_bytes());
    pieces.put_all(&morsel.behind, |time| time.0.to_le_bytes());
    morsel.columns.iter().for_each(|column| pieces.put_column(column));
    pieces.flush();
}

/// How many bytes [`encode`] makes of a morsel.
pub fn encoded_len(morsel: &Morsel) -> usize {
    let ties = morsel.ties.as_run().map_or(16 * morsel.ties.as_list().len(), |_| 16);
    let marks = 8 * (morsel.weights.len() + morsel.behind.len()) + ties;
    4 + 1 + marks + morsel.columns.iter().map(column_len).sum::<usize>()
}

fn column_len(column: &Column) -> usize {
    let bits = |bits: &Bitmap| 8 * bits.words().len();
    let nulls = if column.has_nulls() { bits(column.nulls()) } else { 0 };
    let values = match column.values() {
        Values::Bool(values) => bits(values),
        Values::I32(values) => 4 * values.len(),
        Values::I64(values) => 8 * values.len(),
        Values::F64(values) => 8 * values.len(),
        Values::I128(values) => 16 * values.len(),
        Values::Text(text) => text.views().iter().map(|view| 4 + view.len()).sum(),
    };
    1 + nulls + values
}

fn flags(morsel: &Morsel) -> u8 {
    let flag = |there: bool, flag| if there { flag } else { 0 };
    flag(!morsel.weights.is_empty(), WEIGHTS)
        | flag(!morsel.ties.as_list().is_empty(), TIES)
        | flag(!morsel.behind.is_empty(), BEHIND)
        | flag(morsel.ties.as_run().is_some(), RUN)
}

/// Appends what a morsel of one row has in front of its columns.
pub(crate) fn encode_row_marks(tie: Option<Tie>, behind: Time, out: &mut Vec<u8>) {
    let is_behind = behind > Time::MIN;
    out.extend(1_u32.to_le_bytes());
    out.push(if tie.is_some() { RUN } else { 0 } | if is_behind { BEHIND } else { 0 });
    tie.iter().for_each(|tie| out.extend(tie.0.to_le_bytes()));
    if is_behind {
        out.extend(behind.0.to_le_bytes());
    }
}

/// Bytes that are gathered before they go on: few large pieces cost less than many small ones.
struct Pieces<'a, S> {
    out: &'a mut S,
    piece: [u8; PIECE_BYTES],
    len: usize,
}

const PIECE_BYTES: usize = 4096;
/// Long enough to go on by itself.
const LARGE_BYTES: usize = 256;

impl<'a, S: Sink> Pieces<'a, S> {
    fn new(out: &'a mut S) -> Pieces<'a, S> {
        Pieces { out, piece: [0; PIECE_BYTES], len: 0 }
    }

    fn flush(&mut self) {
        self.out.put(&self.piece[..self.len]);
        self.len = 0;
    }

    /// Has room for so many bytes, which are at most a piece.
    #[inline]
    fn make_room(&mut self, bytes: usize) {
        if self.len + bytes > PIECE_BYTES {
            self.flush();
        }
    }

    fn put(&mut self, bytes: &[u8]) {
        if bytes.len() >= LARGE_BYTES {
            self.flush();
            self.out.put(bytes);
            return;
        }
        self.make_room(bytes.len());
        self.piece[self.len..][..bytes.len()].copy_from_slice(bytes);
        self.len += bytes.len();
    }

    /// Whole pieces, so that the loop is a copy.
    #[inline]
    fn put_all<T: Copy, const N: usize>(&mut self, values: &[T], bytes: impl Fn(T) -> [u8; N]) {
        let mut rest = values;
        while !rest.is_empty() {
            self.make_room(N);
            let (some, more) = rest.split_at(rest.len().min((PIECE_BYTES - self.len) / N));
            let places = self.piece[self.len..].chunks_exact_mut(N);
            for (place, &value) in places.zip(some) {
                place.copy_from_slice(&bytes(value));
            }
            self.len += N * some.len();
            rest = more;
        }
    }

    /// The bytes of numbers, which are those in memory where that is little endian too.
    fn put_numbers<T: Copy + IntoBytes + Immutable, const N: usize>(
        &mut self,
        values: &[T],
        bytes: impl Fn(T) -> [u8; N],
    ) {
        if cfg!(target_endian = "little") {
            self.put(values.as_bytes());
        } else {
            self.put_all(values, bytes);
        }
    }

    fn put_column(&mut self, column: &Column) {
        self.put(&[u8::from(column.has_nulls())]);
        if column.has_nulls() {
            self.put_bits(column.nulls());
        }
        match column.values() {
            Values::Bool(bits) => self.put_bits(bits),
            Values::I32(values) => self.put_numbers(values, i32::to_le_bytes),
            Values::I64(values) => self.put_numbers(values, i64::to_le_bytes),
            Values::F64(values) => self.put_numbers(values, f64::to_le_bytes),
            Values::I128(values) => self.put_numbers(values, i128::to_le_bytes),
            Values::Text(text) => self.put_texts(text),
        }
    }

    fn put_texts(&mut self, text: &Text) {
        self.put_all(text.views(), |view| (view.len() as u32).to_le_bytes());
        let mut rows = 0..text.len();
        while !rows.is_empty() {
            self.put_short_texts(text, &mut rows);
            if let Some(row) = rows.next() {
                self.put(text.bytes(row));
            }
        }
    }

    /// The bytes of texts up to the first that is long.
    fn put_short_texts(&mut self, text: &Text, rows: &mut Range<usize>) {
        let mut len = self.len;
        for view in &text.views()[rows.clone()] {
            // All bytes that a short text may have, so that no copy has a length of its own.
            let Some((bytes, short)) = view.padded() else { break };
            if len + bytes.len() > PIECE_BYTES {
                self.len = len;
                self.flush();
                len = 0;
            }
            self.piece[len..][..bytes.len()].copy_from_slice(bytes);
            len += short;
            rows.start += 1;
        }
        self.len = len;
    }

    fn put_bits(&mut self, bits: &Bitmap) {
        self.put_all(bits.words(), u64::to_le_bytes);
    }
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
        if flags & RUN != 0 && flags & TIES != 0 {
            return None;
        }
        if flags & WEIGHTS != 0 {
            self.each(rows, |bytes| morsel.weights.push(i64::from_le_bytes(bytes)))?;
        }
        if flags & RUN != 0 {
            morsel.ties = Ties::run(Tie(u128::from_le_bytes(self.array()?)));
        }
        if flags & TIES != 0 {
            let mut row = 0..;
            self.each(rows, |bytes| {
                let before = row.next().expect("without an end");
                morsel.ties.push(before, Tie(u128::from_le_bytes(bytes)));
            })?;
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

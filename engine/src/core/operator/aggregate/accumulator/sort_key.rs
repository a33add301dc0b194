//! Values as bytes that compare as the values do, for MIN, MAX, FIRST and LAST.
//!
//! A key of FIRST or LAST starts with the time and the tie of its row; then comes the value. A text
//! is its first 8 bytes, its length and its place in the heap of the pane: bytes alone decide
//! unless two texts of more than 8 bytes start alike.
//!
//! Invariants:
//! - Equal values have equal keys: -0.0 becomes 0.0, all NaN become one, which is the greatest.
//!   Equal intervals keep keys of their own, next to each other, so that each is taken back as it
//!   came and the least of them is one and the same whatever their order.
//! - A text of more than 8 bytes that is kept lies in the heap once for each key that names it.

use std::cmp::Ordering;

use sluicedb_sql::column::Values;
use sluicedb_sql::{Column, DataType, Physical};

use crate::core::arena::bytes::sortable;
use crate::core::arena::{Arena, Blocks, Heap, HeapId, Order};
use crate::core::morsel::{Morsel, Tie};

use super::Entry;

/// Bytes of the longest key: time, tie and a value of 16 bytes.
pub(super) const SORT_KEY_BYTES_MAX: usize = TIME_BYTES + 16;

const TIME_BYTES: usize = 24;
const PREFIX_BYTES: usize = 8;
const LEN: usize = 8;
const PLACE: usize = 12;

/// How the values of one call become keys.
#[derive(Clone, Copy, Debug)]
pub(super) struct SortKey {
    data_type: DataType,
    column: usize,
    order: Option<usize>,
}

/// Values that are a key of eight bytes, for loops that compare numbers.
pub(super) enum Words<'a> {
    I64(&'a [i64]),
    F64(&'a [f64]),
}

/// Orders keys, of which one names `text` as `probe`.
#[derive(Clone, Copy, Debug)]
pub(super) struct TextOrder<'a> {
    /// Where the text of a key starts.
    pub(super) at: usize,
    pub(super) heap: Heap,
    pub(super) probe: HeapId,
    pub(super) text: &'a [u8],
}

/// Names the text that is looked for.
pub(super) const PROBE: HeapId = HeapId(u32::MAX);

impl SortKey {
    /// Keys of `column`, for FIRST and LAST behind the time in `order`.
    pub(super) fn new(input: &[DataType], column: usize, order: Option<usize>) -> SortKey {
        SortKey { data_type: input[column], column, order }
    }

    /// Bytes of a key.
    pub(super) fn bytes(&self) -> usize {
        let value = match self.data_type.physical() {
            Physical::Bool => 1,
            Physical::I32 => 4,
            Physical::I64 | Physical::F64 => 8,
            Physical::I128 | Physical::Text => 16,
        };
        self.value_at() + value
    }

    /// Whether a key may name a text in the heap.
    pub(super) fn is_text(&self) -> bool {
        self.data_type.physical() == Physical::Text
    }

    /// Where the value starts.
    pub(super) fn value_at(&self) -> usize {
        if self.order.is_some() { TIME_BYTES } else { 0 }
    }

    /// The column whose values are kept.
    pub(super) fn column(&self) -> usize {
        self.column
    }

    /// The values of the keys, if a key is one number of eight bytes and every row has one.
    pub(super) fn words<'a>(&self, morsel: &'a Morsel) -> Option<Words<'a>> {
        let column = &morsel.columns[self.column];
        if self.order.is_some() || column.has_nulls() {
            return None;
        }
        match column.values() {
            Values::I64(values) => Some(Words::I64(values)),
            Values::F64(values) => Some(Words::F64(values)),
            _ => None,
        }
    }

    /// Calls `visit` with the key of each row that has one, and the whole text that it stands for.
    pub(super) fn each(
        &self,
        morsel: &Morsel,
        entries: &[Entry],
        visit: impl FnMut(&Entry, &[u8], &[u8]),
    ) {
        let column = &morsel.columns[self.column];
        match column.values() {
            Values::Bool(bits) => {
                self.run(morsel, entries, |row, out| out[0] = u8::from(bits.get(row)), visit);
            }
            Values::I32(values) => {
                let write = |row: usize, out: &mut [u8]| out.copy_from_slice(&of_i32(values[row]));
                self.run(morsel, entries, write, visit);
            }
            Values::I64(values) => {
                let write = |row: usize, out: &mut [u8]| out.copy_from_slice(&of_i64(values[row]));
                self.run(morsel, entries, write, visit);
            }
            Values::F64(values) => {
                let write = |row: usize, out: &mut [u8]| out.copy_from_slice(&of_f64(values[row]));
                self.run(morsel, entries, write, visit);
            }
            Values::I128(values) => {
                let write = |row: usize, out: &mut [u8]| out.copy_from_slice(&of_i128(values[row]));
                self.run(morsel, entries, write, visit);
            }
            Values::Text(texts) => {
                let write = |row: usize, out: &mut [u8]| write_text(texts.bytes(row), PROBE, out);
                self.run(morsel, entries, write, visit);
            }
        }
    }

    #[inline]
    fn run(
        &self,
        morsel: &Morsel,
        entries: &[Entry],
        write: impl Fn(usize, &mut [u8]),
        mut visit: impl FnMut(&Entry, &[u8], &[u8]),
    ) {
        let column = &morsel.columns[self.column];
        let order = self.order.map(|order| &morsel.columns[order]);
        let mut buffer = [0; SORT_KEY_BYTES_MAX];
        let key = &mut buffer[..self.bytes()];
        for entry in entries {
            let row = entry.row as usize;
            if column.is_null(row) || order.is_some_and(|order| order.is_null(row)) {
                continue;
            }
            if let Some(order) = order {
                write_time(order.i64s()[row], morsel.tie(row), key);
            }
            write(row, &mut key[self.value_at()..]);
            let text = if self.is_text() { column.bytes(row) } else { &[] };
            visit(entry, key, text);
        }
    }

    /// Orders a kept key against one whose text is `text`.
    #[inline]
    pub(super) fn compare(
        &self,
        arena: &Arena,
        heap: Heap,
        kept: &[u8],
        key: &[u8],
        text: &[u8],
    ) -> Ordering {
        if !self.is_text() {
            return kept.cmp(key);
        }
        TextOrder { at: self.value_at(), heap, probe: PROBE, text }.compare(arena, kept, key)
    }

    /// The place in the heap that a key names, if its text is too long for the key.
    pub(super) fn place(&self, key: &[u8]) -> Option<(HeapId, usize)> {
        if !self.is_text() {
            return None;
        }
        let text = &key[self.value_at()..];
        let len = text_len(text);
        (len > PREFIX_BYTES).then(|| (place(text), len))
    }

    /// Makes a key name another place in the heap.
    pub(super) fn set_place(&self, key: &mut [u8], place: HeapId) {
        key[self.value_at() + PLACE..][..4].copy_from_slice(&place.0.to_le_bytes());
    }

    /// The bytes of the text that a kept key stands for; none for other values.
    pub(super) fn text_into(&self, arena: &Arena, heap: Heap, key: &[u8], out: &mut Vec<u8>) {
        out.clear();
        if let Some((id, len)) = self.place(key) {
            heap.copy_into(arena, id, len, out);
        } else if self.is_text() {
            let text = &key[self.value_at()..];
            out.extend_from_slice(&text[..text_len(text)]);
        }
    }

    /// Appends the value of a kept key to a column.
    pub(super) fn push(&self, arena: &Arena, heap: Heap, key: &[u8], out: &mut Column) {
        let value = &key[self.value_at()..];
        match self.data_type.physical() {
            Physical::Bool => out.push_bool(value[0] != 0),
            Physical::I32 => out.push_i32((u32::from_be_bytes(array(value)) ^ 1 << 31) as i32),
            Physical::I64 => out.push_i64(to_i64(array(value))),
            Physical::F64 => out.push_f64(to_f64(array(value))),
            Physical::I128 => out.push_i128((u128::from_be_bytes(array(value)) ^ 1 << 127) as i128),
            Physical::Text => match self.place(key) {
                None => out.push_bytes(&value[..text_len(value)]),
                Some((id, len)) => {
                    let mut pieces = Vec::new();
                    heap.visit(arena, id, len, |piece| match piece.len() == len {
                        true => out.push_bytes(piece),
                        false => pieces.extend_from_slice(piece),
                    });
                    if !pieces.is_empty() {
                        out.push_bytes(&pieces);
                    }
                }
            },
        }
    }
}

impl<B: Blocks> Order<B> for TextOrder<'_> {
    fn compare(&self, blocks: &B, left: &[u8], right: &[u8]) -> Ordering {
        let ((left_head, left), (right_head, right)) =
            (left.split_at(self.at), right.split_at(self.at));
        let heads = left_head.cmp(right_head).then_with(|| left[..LEN].cmp(&right[..LEN]));
        if heads.is_ne() {
            return heads;
        }
        let (left_len, right_len) = (text_len(left), text_len(right));
        if left_len <= PREFIX_BYTES || right_len <= PREFIX_BYTES {
            // A text that fits the key and starts as the other does is the start of it.
            return left_len.cmp(&right_len);
        }
        let (left_id, right_id) = (place(left), place(right));
        if left_id == right_id {
            Ordering::Equal
        } else if right_id == self.probe {
            self.heap.compare(blocks, left_id, left_len, self.text)
        } else {
            assert_eq!(left_id, self.probe, "one of two keys is the one that is looked for");
            self.heap.compare(blocks, right_id, right_len, self.text).reverse()
        }
    }
}

fn text_len(text: &[u8]) -> usize {
    u32::from_be_bytes(array(&text[LEN..])) as usize
}

fn place(text: &[u8]) -> HeapId {
    HeapId(u32::from_le_bytes(array(&text[PLACE..])))
}

fn write_time(time: i64, tie: Tie, out: &mut [u8]) {
    out[..8].copy_from_slice(&of_i64(time));
    out[8..TIME_BYTES].copy_from_slice(&tie.0.to_be_bytes());
}

fn write_text(text: &[u8], place: HeapId, out: &mut [u8]) {
    let short = text.len().min(PREFIX_BYTES);
    out.fill(0);
    out[..short].copy_from_slice(&text[..short]);
    out[LEN..PLACE].copy_from_slice(&(text.len() as u32).to_be_bytes());
    if text.len() > PREFIX_BYTES {
        out[PLACE..].copy_from_slice(&place.0.to_le_bytes());
    }
}

#[inline]
fn of_i32(value: i32) -> [u8; 4] {
    (value as u32 ^ 1 << 31).to_be_bytes()
}

/// Eight bytes that order as the number.
#[inline]
pub(in crate::core::operator::aggregate) fn of_i64(value: i64) -> [u8; 8] {
    (value as u64 ^ 1 << 63).to_be_bytes()
}

/// The number of which [`of_i64`] made eight bytes.
#[inline]
pub(in crate::core::operator::aggregate) fn to_i64(bytes: [u8; 8]) -> i64 {
    (u64::from_be_bytes(bytes) ^ 1 << 63) as i64
}

#[inline]
fn of_i128(value: i128) -> [u8; 16] {
    (value as u128 ^ 1 << 127).to_be_bytes()
}

#[inline]
pub(super) fn of_f64(value: f64) -> [u8; 8] {
    sortable(value).to_be_bytes()
}

pub(super) fn to_f64(bytes: [u8; 8]) -> f64 {
    let bits = u64::from_be_bytes(bytes);
    f64::from_bits(if bits >> 63 == 1 { bits & !(1 << 63) } else { !bits })
}

fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
    bytes[..N].try_into().expect("as many bytes as were sliced")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_order_as_postgresql_orders_them_and_come_back() {
        let sorted = [f64::NEG_INFINITY, -1e300, -1.0, -1e-320, 0.0, 1e-320, 1.0, f64::INFINITY];
        assert!(sorted.iter().map(|value| of_f64(*value)).is_sorted());
        assert!(of_f64(f64::INFINITY) < of_f64(f64::NAN) && of_f64(-f64::NAN) == of_f64(f64::NAN));
        assert_eq!(of_f64(-0.0), of_f64(0.0));
        assert!(sorted.iter().all(|value| to_f64(of_f64(*value)) == *value));
        assert!(to_f64(of_f64(f64::NAN)).is_nan());
    }

    #[test]
    fn integers_order_by_their_bytes() {
        let values = [i64::MIN, -5, -1, 0, 1, 5, i64::MAX];
        assert!(values.iter().map(|value| of_i64(*value)).is_sorted());
        assert!(values.iter().all(|value| to_i64(of_i64(*value)) == *value));
        assert!(of_i32(-1) < of_i32(0) && of_i128(i128::MIN) < of_i128(-1));
    }
}

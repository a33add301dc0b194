//! One value in the bytes of a slot.
//!
//! A text takes 16 bytes: its length, then up to 12 bytes of text, or its first 4 bytes, its place
//! in the heap and 4 bytes of zero. So most texts that differ are told apart in the slot.

use std::cmp::Ordering;

use sluicedb_sql::column::{Text, Values, View};
use sluicedb_sql::interval::span_of;
use sluicedb_sql::value::compare_doubles;
use sluicedb_sql::{Column, DataType, Physical};

use super::Spot;
use crate::core::arena::{Arena, Blocks, Heap, HeapId};

/// Bytes of the longest text that lies in the slot.
pub(super) const INLINE_BYTES: usize = 12;

/// A column's place in the slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) data_type: DataType,
    pub(super) offset: usize,
}

/// The `N` bytes from `at` on.
#[inline]
fn bytes_at<const N: usize>(slot: &[u8], at: usize) -> [u8; N] {
    let mut bytes = [0; N];
    bytes.copy_from_slice(&slot[at..at + N]);
    bytes
}

impl Cell {
    /// Bytes of a value.
    pub(super) fn width(data_type: DataType) -> usize {
        match data_type.physical() {
            Physical::Bool => 1,
            Physical::I32 => 4,
            Physical::I64 | Physical::F64 => 8,
            Physical::I128 | Physical::Text => 16,
        }
    }

    #[inline]
    fn text_len(self, slot: &[u8]) -> usize {
        u32::from_le_bytes(bytes_at(slot, self.offset)) as usize
    }

    /// The place of a text that is not in the slot itself.
    #[inline]
    pub(super) fn long_text(self, slot: &[u8]) -> Option<HeapId> {
        let text = self.data_type.physical() == Physical::Text;
        let long = text && self.text_len(slot) > INLINE_BYTES;
        long.then(|| HeapId(u32::from_le_bytes(bytes_at(slot, self.offset + 8))))
    }

    /// Bytes of a text that is not in the slot itself.
    #[inline]
    pub(super) fn long_text_bytes(self, slot: &[u8]) -> usize {
        if self.data_type.physical() != Physical::Text {
            return 0;
        }
        let bytes = self.text_len(slot);
        if bytes > INLINE_BYTES { bytes } else { 0 }
    }

    /// Encodes a value that is not NULL.
    pub(super) fn write(
        self,
        arena: &mut Arena,
        heap: Heap,
        column: &Column,
        row: usize,
        slot: &mut [u8],
    ) {
        let found = column.data_type();
        assert_eq!(found.physical(), self.data_type.physical(), "{found} is kept as another type");
        let mut put = |bytes: &[u8]| slot[self.offset..][..bytes.len()].copy_from_slice(bytes);
        match column.values() {
            Values::Bool(bits) => put(&[u8::from(bits.get(row))]),
            Values::I32(values) => put(&values[row].to_le_bytes()),
            Values::I64(values) => put(&values[row].to_le_bytes()),
            Values::F64(values) => put(&values[row].to_le_bytes()),
            Values::I128(values) => put(&values[row].to_le_bytes()),
            Values::Text(texts) => put(&text(arena, heap, texts, row)),
        }
    }

    /// Encodes the values of some rows of a column into slots of zeros that were taken in this step,
    /// those that are NULL as zeros too. Looks at the type once.
    pub(super) fn write_all(self, arena: &mut Arena, heap: Heap, column: &Column, spots: &[Spot]) {
        let found = column.data_type();
        assert_eq!(found.physical(), self.data_type.physical(), "{found} is kept as another type");
        match column.values() {
            Values::Bool(bits) => {
                self.put_all(arena, spots, |_, row| u8::from(bits.get(row)).to_le_bytes());
            }
            Values::I32(values) => self.put_all(arena, spots, |_, row| values[row].to_le_bytes()),
            Values::I64(values) => self.put_all(arena, spots, |_, row| values[row].to_le_bytes()),
            Values::F64(values) => self.put_all(arena, spots, |_, row| values[row].to_le_bytes()),
            Values::I128(values) => self.put_all(arena, spots, |_, row| values[row].to_le_bytes()),
            Values::Text(texts) => {
                self.put_all(arena, spots, |arena, row| text(arena, heap, texts, row));
            }
        }
    }

    #[inline(always)]
    fn put_all<const N: usize>(
        self,
        arena: &mut Arena,
        spots: &[Spot],
        bytes: impl Fn(&mut Arena, usize) -> [u8; N],
    ) {
        for spot in spots {
            let bytes = bytes(arena, spot.row as usize);
            let at = spot.at + self.offset;
            arena.written_mut(spot.block)[at..at + N].copy_from_slice(&bytes);
        }
    }

    /// Appends a value that is not NULL to a column.
    pub(super) fn read(self, blocks: &impl Blocks, heap: Heap, slot: &[u8], out: &mut Column) {
        let at = self.offset;
        match self.data_type.physical() {
            Physical::Bool => out.push_bool(slot[at] != 0),
            Physical::I32 => out.push_i32(i32::from_le_bytes(bytes_at(slot, at))),
            Physical::I64 => out.push_i64(i64::from_le_bytes(bytes_at(slot, at))),
            Physical::F64 => out.push_f64(f64::from_le_bytes(bytes_at(slot, at))),
            Physical::I128 => out.push_i128(i128::from_le_bytes(bytes_at(slot, at))),
            Physical::Text => {
                let len = self.text_len(slot);
                match self.long_text(slot) {
                    None => out.push_short(view(bytes_at(slot, at))),
                    Some(text) => read_long(blocks, heap, text, len, out),
                }
            }
        }
    }

    /// Whether a value that is not NULL is the same as one of a column: 0.0 and -0.0 are equal, but
    /// not the same, and so are a month and 30 days.
    #[inline]
    pub(super) fn is_same(
        self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        column: &Column,
        row: usize,
    ) -> bool {
        match column.values() {
            Values::F64(values) => bytes_at(slot, self.offset) == values[row].to_le_bytes(),
            Values::I128(values) => bytes_at(slot, self.offset) == values[row].to_le_bytes(),
            _ => self.equals(blocks, heap, slot, column, row),
        }
    }

    /// Whether a value that is not NULL equals one of a column.
    #[inline]
    pub(super) fn equals(
        self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        column: &Column,
        row: usize,
    ) -> bool {
        let at = self.offset;
        match (self.data_type.physical(), column.values()) {
            (Physical::Bool, Values::Bool(bits)) => (slot[at] != 0) == bits.get(row),
            (Physical::I32, Values::I32(values)) => {
                i32::from_le_bytes(bytes_at(slot, at)) == values[row]
            }
            (Physical::I64, Values::I64(values)) => {
                i64::from_le_bytes(bytes_at(slot, at)) == values[row]
            }
            (Physical::F64, Values::F64(values)) => {
                compare_doubles(f64::from_le_bytes(bytes_at(slot, at)), values[row]).is_eq()
            }
            (Physical::I128, Values::I128(values)) => {
                let value = i128::from_le_bytes(bytes_at(slot, at));
                match self.data_type {
                    DataType::Interval => span_of(value) == span_of(values[row]),
                    _ => value == values[row],
                }
            }
            (Physical::Text, Values::Text(texts)) => {
                self.equals_text(blocks, heap, slot, texts, row)
            }
            _ => panic!("{} is compared with {}", self.data_type, column.data_type()),
        }
    }

    /// Orders a value that is not NULL against one of a column: numbers as numbers, texts byte by
    /// byte. Values that order as equal are equal.
    pub(super) fn compare(
        self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        column: &Column,
        row: usize,
    ) -> Ordering {
        let at = self.offset;
        match column.values() {
            Values::Bool(bits) => (slot[at] != 0).cmp(&bits.get(row)),
            Values::I32(values) => i32::from_le_bytes(bytes_at(slot, at)).cmp(&values[row]),
            Values::I64(values) => i64::from_le_bytes(bytes_at(slot, at)).cmp(&values[row]),
            Values::F64(values) => {
                compare_doubles(f64::from_le_bytes(bytes_at(slot, at)), values[row])
            }
            Values::I128(values) => {
                let value = i128::from_le_bytes(bytes_at(slot, at));
                match self.data_type {
                    DataType::Interval => span_of(value).cmp(&span_of(values[row])),
                    _ => value.cmp(&values[row]),
                }
            }
            Values::Text(texts) => {
                let other = texts.bytes(row);
                let len = self.text_len(slot);
                match self.long_text(slot) {
                    None => slot[at + 4..at + 4 + len].cmp(other),
                    Some(id) => heap.compare(blocks, id, len, other),
                }
            }
        }
    }

    /// Orders a value that is equal to one of a column by what else tells them apart.
    pub(super) fn compare_bits(self, slot: &[u8], column: &Column, row: usize) -> Ordering {
        let at = self.offset;
        match column.values() {
            Values::F64(values) => {
                u64::from_le_bytes(bytes_at(slot, at)).cmp(&values[row].to_bits())
            }
            Values::I128(values) => i128::from_le_bytes(bytes_at(slot, at)).cmp(&values[row]),
            _ => Ordering::Equal,
        }
    }

    /// Whether the values of two slots, neither of them NULL, are equal.
    pub(super) fn equals_other(
        self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        other: &[u8],
    ) -> bool {
        let at = self.offset;
        match self.data_type.physical() {
            Physical::F64 => {
                let [left, right] = [slot, other].map(|of| f64::from_le_bytes(bytes_at(of, at)));
                compare_doubles(left, right).is_eq()
            }
            Physical::I128 if self.data_type == DataType::Interval => {
                let [left, right] = [slot, other].map(|of| i128::from_le_bytes(bytes_at(of, at)));
                span_of(left) == span_of(right)
            }
            Physical::Text => match (self.long_text(slot), self.long_text(other)) {
                (Some(left), Some(right)) => {
                    let len = self.text_len(slot);
                    let mut text = Vec::new();
                    len == self.text_len(other) && {
                        heap.copy_into(blocks, left, len, &mut text);
                        heap.equals(blocks, right, &text)
                    }
                }
                _ => slot[at..at + 16] == other[at..at + 16],
            },
            _ => {
                let width = Self::width(self.data_type);
                slot[at..at + width] == other[at..at + width]
            }
        }
    }

    #[inline]
    fn equals_text(
        self,
        blocks: &impl Blocks,
        heap: Heap,
        slot: &[u8],
        texts: &Text,
        row: usize,
    ) -> bool {
        let view = &texts.views()[row];
        if view.len() <= INLINE_BYTES {
            return bytes_at(slot, self.offset) == short(view);
        }
        let text = texts.bytes(row);
        let start = &slot[self.offset + 4..self.offset + 8];
        self.text_len(slot) == text.len()
            && *start == text[..4]
            && self.long_text(slot).is_some_and(|id| heap.equals(blocks, id, text))
    }
}

/// The cell of a text; one that does not lie in its view is put into the heap.
#[inline]
fn text(arena: &mut Arena, heap: Heap, texts: &Text, row: usize) -> [u8; 16] {
    let view = &texts.views()[row];
    if view.len() > INLINE_BYTES { long(arena, heap, texts.bytes(row)) } else { short(view) }
}

fn long(arena: &mut Arena, heap: Heap, text: &[u8]) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..4].copy_from_slice(&(text.len() as u32).to_le_bytes());
    bytes[4..8].copy_from_slice(&text[..4]);
    bytes[8..12].copy_from_slice(&heap.insert(arena, text).0.to_le_bytes());
    bytes
}

/// The cell of a text that lies in its view: both keep it behind its length, padded with zeros. No
/// cell, if it does not.
#[inline(always)]
pub(super) fn short(view: &View) -> [u8; 16] {
    let mut bytes = view.to_u128().to_ne_bytes();
    bytes[..4].copy_from_slice(&(view.len() as u32).to_le_bytes());
    bytes
}

/// What [`short`] made a cell of.
#[inline(always)]
fn view(mut bytes: [u8; 16]) -> View {
    let len = u32::from_le_bytes(bytes_at(&bytes, 0));
    bytes[..4].copy_from_slice(&len.to_ne_bytes());
    let bits = u128::from_ne_bytes(bytes);
    View::from_words([bits as u64, (bits >> 64) as u64])
}

fn read_long(blocks: &impl Blocks, heap: Heap, id: HeapId, len: usize, out: &mut Column) {
    // Only a text of more than a block comes in pieces, so most are copied once.
    let mut pieces = Vec::new();
    heap.visit(blocks, id, len, |piece| match piece.len() == len {
        true => out.push_bytes(piece),
        false => pieces.extend_from_slice(piece),
    });
    if !pieces.is_empty() {
        out.push_bytes(&pieces);
    }
}

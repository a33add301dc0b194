//! Texts: 16-byte views in front of a byte heap.

use std::ops::Range;

use crate::limits::{HEAP_BYTES_MAX, TEXT_BYTES_MAX};

const INLINE_BYTES: usize = 12;

/// One text, laid out like an element of Arrow's Utf8View: the length; then up to 12 bytes of text,
/// or its first 4 bytes, the index of the buffer (always 0) and the offset of the text in it.
/// Numbers have the byte order of the machine, unused bytes are zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(16))]
pub struct View([u8; 16]);

impl View {
    /// A text of at most 12 bytes; `None` for a longer one.
    #[inline]
    pub fn short(text: &str) -> Option<View> {
        View::inline(text.as_bytes())
    }

    /// The same of bytes that need not be text.
    #[inline]
    pub fn inline(text: &[u8]) -> Option<View> {
        let mut bytes = (short_bytes(text)? << 32).to_le_bytes();
        bytes[..4].copy_from_slice(&(text.len() as u32).to_ne_bytes());
        Some(View(bytes))
    }

    /// The view as two words, to be carried elsewhere.
    #[inline]
    pub fn to_words(self) -> [u64; 2] {
        let both = self.to_u128();
        [both as u64, (both >> 64) as u64]
    }

    /// What [`View::to_words`] gave.
    #[inline]
    pub fn from_words([low, high]: [u64; 2]) -> View {
        View((u128::from(high) << 64 | u128::from(low)).to_ne_bytes())
    }

    /// The bytes of a short text.
    ///
    /// # Panics
    /// If the text is on a heap.
    #[inline]
    pub fn short_bytes(&self) -> &[u8] {
        &self.0[4..4 + self.len()]
    }

    /// The bytes of a short text and zeroes behind them, and its length; `None` for a longer one.
    #[inline]
    pub fn padded(&self) -> Option<(&[u8; INLINE_BYTES], usize)> {
        let len = self.len();
        let bytes = self.0.last_chunk().expect("a view is longer");
        (len <= INLINE_BYTES).then_some((bytes, len))
    }

    fn on_heap(text: &[u8], offset: u32) -> View {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&(text.len() as u32).to_ne_bytes());
        bytes[4..8].copy_from_slice(&text[..4]);
        bytes[12..].copy_from_slice(&offset.to_ne_bytes());
        View(bytes)
    }

    fn number(&self, at: usize) -> usize {
        let bytes = [self.0[at], self.0[at + 1], self.0[at + 2], self.0[at + 3]];
        u32::from_ne_bytes(bytes) as usize
    }

    /// Bytes of the text.
    #[inline]
    pub fn len(&self) -> usize {
        self.number(0)
    }

    /// Whether the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The 16 bytes as Arrow keeps them.
    pub fn to_u128(self) -> u128 {
        u128::from_ne_bytes(self.0)
    }

    #[cfg(feature = "arrow")]
    fn of_u128(view: u128) -> View {
        View(view.to_ne_bytes())
    }

    /// The length and the first four bytes: different heads, different texts.
    #[inline]
    fn head(&self) -> [u8; 8] {
        std::array::from_fn(|index| self.0[index])
    }

    #[inline]
    fn bytes<'a>(&'a self, heap: &'a [u8]) -> &'a [u8] {
        let len = self.len();
        if len <= INLINE_BYTES {
            return &self.0[4..4 + len];
        }
        let offset = self.number(12);
        &heap[offset..offset + len]
    }
}

/// At most 12 bytes as a number, the first in the lowest place. Pieces that overlap agree, so that
/// no length needs a loop or a call.
#[inline]
fn short_bytes(text: &[u8]) -> Option<u128> {
    let len = text.len();
    if len > INLINE_BYTES {
        return None;
    }
    let piece = |low: u128, high: u128, width: usize| low | high << ((len - width) * 8);
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return Some(piece(u64::from_le_bytes(*first).into(), u64::from_le_bytes(*last).into(), 8));
    }
    if let (Some(first), Some(last)) = (text.first_chunk(), text.last_chunk()) {
        return Some(piece(u32::from_le_bytes(*first).into(), u32::from_le_bytes(*last).into(), 4));
    }
    let [first, .., last] = *text else { return Some(text.first().map_or(0, |&b| b.into())) };
    Some(piece(first.into(), last.into(), 1) | u128::from(text[1]) << 8)
}

/// The texts of a column.
#[derive(Clone, Debug, Default)]
pub struct Text {
    views: Vec<View>,
    heap: Vec<u8>,
}

impl Text {
    /// No texts, room for `rows` short ones.
    pub fn with_capacity(rows: usize) -> Text {
        Text { views: Vec::with_capacity(rows), heap: Vec::new() }
    }

    /// Texts whose views are laid out as Arrow's and point into `heap`, their only buffer.
    #[cfg(feature = "arrow")]
    pub(super) fn of_views(views: Vec<u128>, heap: Vec<u8>) -> Text {
        assert!(heap.len() <= HEAP_BYTES_MAX, "{} bytes of text", heap.len());
        // Collecting into items of the same layout keeps the allocation.
        Text { views: views.into_iter().map(View::of_u128).collect(), heap }
    }

    /// The views as Arrow keeps them, and the buffer that they point into, without a copy.
    #[cfg(feature = "arrow")]
    pub(super) fn into_views(self) -> (Vec<u128>, Vec<u8>) {
        (self.views.into_iter().map(View::to_u128).collect(), self.heap)
    }

    /// How many texts there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.views.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// One view a text.
    pub fn views(&self) -> &[View] {
        &self.views
    }

    /// What the views of long texts point into.
    pub fn heap(&self) -> &[u8] {
        &self.heap
    }

    /// The bytes of value `row`: UTF-8 for texts and JSON, anything for other types.
    #[inline]
    pub fn bytes(&self, row: usize) -> &[u8] {
        self.views[row].bytes(&self.heap)
    }

    /// Text `row`, of a column of texts or JSON.
    pub fn get(&self, row: usize) -> &str {
        std::str::from_utf8(self.bytes(row)).expect("only whole texts are pushed")
    }

    /// One more text.
    #[inline]
    pub fn push(&mut self, text: &str) {
        self.push_bytes(text.as_bytes());
    }

    /// One more value, as its bytes; for a column of texts they must be one.
    #[inline]
    pub fn push_bytes(&mut self, text: &[u8]) {
        if let Some(view) = View::inline(text) {
            self.views.push(view);
            return;
        }
        assert!(text.len() <= TEXT_BYTES_MAX, "a text of {} bytes came past its check", text.len());
        let offset = self.heap.len();
        assert!(offset + text.len() <= HEAP_BYTES_MAX, "{offset} bytes of text and {}", text.len());
        self.heap.extend_from_slice(text);
        self.views.push(View::on_heap(text, offset as u32));
    }

    /// One more text, which is short.
    #[inline]
    pub fn push_short(&mut self, view: View) {
        assert!(view.len() <= INLINE_BYTES, "the bytes of a longer text are elsewhere");
        self.views.push(view);
    }

    /// Appends text `row` of another column.
    #[inline]
    pub fn push_from(&mut self, from: &Text, row: usize) {
        let view = from.views[row];
        if view.len() <= INLINE_BYTES {
            self.views.push(view);
        } else {
            self.push_bytes(view.bytes(&from.heap));
        }
    }

    /// Appends texts `rows` of another column.
    pub(super) fn append(&mut self, from: &Text, rows: &[u32]) {
        if from.heap.is_empty() {
            // No view points anywhere.
            self.views.extend(rows.iter().map(|row| from.views[*row as usize]));
        } else {
            rows.iter().for_each(|row| self.push_from(from, *row as usize));
        }
    }

    /// Appends texts `rows` of another column.
    pub(super) fn append_range(&mut self, from: &Text, rows: Range<usize>) {
        let whole = self.is_empty() && self.heap.is_empty() && rows == (0..from.len());
        if whole || from.heap.is_empty() {
            self.views.extend_from_slice(&from.views[rows]);
            self.heap.extend_from_slice(&from.heap);
        } else {
            rows.for_each(|row| self.push_from(from, row));
        }
    }

    /// Repeats the last text until there are `rows`; the copies share its bytes.
    pub(crate) fn repeat_last(&mut self, rows: usize) {
        let last = *self.views.last().expect("there is a text to repeat");
        self.views.resize(rows.max(self.views.len()), last);
    }

    /// Whether text `row` is text `other_row` of `other`.
    #[inline]
    pub fn equal(&self, row: usize, other: &Text, other_row: usize) -> bool {
        let (left, right) = (&self.views[row], &other.views[other_row]);
        left.head() == right.head() && left.bytes(&self.heap) == right.bytes(&other.heap)
    }

    /// Forgets all texts and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        self.views.clear();
        self.heap.clear();
    }

    /// Makes it `rows` long; texts that are added are empty. The heap keeps what is cut off until
    /// the column is cleared or trimmed, because views may share bytes.
    pub fn resize(&mut self, rows: usize) {
        self.views.resize(rows, View::default());
        if rows == 0 {
            self.heap.clear();
        }
    }

    /// Gives up the bytes of the heap behind those of the last text that has some.
    pub(super) fn trim_heap(&mut self) {
        let long = self.views.iter().filter(|view| view.len() > INLINE_BYTES);
        let end = long.map(|view| view.number(12) + view.len()).max().unwrap_or(0);
        self.heap.truncate(end);
    }

    /// Makes text `row` empty.
    pub(crate) fn blank(&mut self, row: usize) {
        self.views[row] = View::default();
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.views.capacity() * size_of::<View>() + self.heap.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_view_has_the_layout_of_arrow() {
        let mut text = Text::default();
        text.push("hello");
        text.push("0123456789ab");
        text.push("first text behind the views");
        text.push("second text behind the views");
        let view = |row: usize| text.views()[row].to_u128().to_ne_bytes();
        assert_eq!(&view(0)[..4], 5_u32.to_ne_bytes());
        assert_eq!(&view(0)[4..], b"hello\0\0\0\0\0\0\0");
        assert_eq!(&view(1)[4..], b"0123456789ab");
        assert_eq!(&view(3)[4..8], b"seco");
        assert_eq!(&view(3)[8..12], 0_u32.to_ne_bytes());
        assert_eq!(&view(3)[12..], 27_u32.to_ne_bytes());
        assert_eq!((size_of::<View>(), align_of::<View>()), (16, align_of::<u128>()));
    }

    #[test]
    fn texts_around_the_inline_limit_come_back() {
        let mut text = Text::default();
        let letters = "abcdefghijklmnopqrst";
        let all: Vec<String> = (0..20).map(|len| letters[..len].to_owned()).collect();
        all.iter().for_each(|one| text.push(one));
        let mut copy = Text::default();
        (0..20).for_each(|row| copy.push_from(&text, row));
        for (row, one) in all.iter().enumerate() {
            assert_eq!((text.get(row), copy.get(row)), (one.as_str(), one.as_str()));
            assert!(copy.equal(row, &text, row));
            let view = View::short(one);
            assert_eq!(view.is_some(), row <= 12);
            if let Some(view) = view {
                assert_eq!(view.short_bytes(), one.as_bytes());
                assert_eq!(View::from_words(view.to_words()), text.views()[row]);
            }
            assert_eq!(copy.equal(row, &text, 13), row == 13);
        }
    }

    #[test]
    fn texts_are_appended_like_one_by_one_whether_they_are_long_or_not() {
        let all: Vec<String> = (0..40).map(|at| format!("{at:0width$}", width = at % 20)).collect();
        for longest in [12, 20] {
            let mut from = Text::default();
            all.iter().filter(|one| one.len() <= longest).for_each(|one| from.push(one));
            let rows: Vec<u32> = (0..from.len() as u32).rev().step_by(3).collect();
            for before in [0, 5] {
                let mut expected = Text::default();
                (0..before).for_each(|row| expected.push_from(&from, row));
                let mut picked = expected.clone();
                let mut range = expected.clone();
                rows.iter().for_each(|row| expected.push_from(&from, *row as usize));
                (0..from.len()).for_each(|row| expected.push_from(&from, row));
                picked.append(&from, &rows);
                picked.append_range(&from, 0..from.len());
                range.append_range(&from, 0..from.len());
                let texts = |text: &Text| -> Vec<String> {
                    (0..text.len()).map(|row| text.get(row).to_owned()).collect()
                };
                assert_eq!(texts(&picked), texts(&expected));
                assert_eq!(texts(&range)[before..], texts(&from));
            }
        }
    }
}

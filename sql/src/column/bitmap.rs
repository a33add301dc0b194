//! One bit a row.

/// Bits in words of 64, the first row in the lowest bit. Bits behind the last row are zero.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bitmap {
    words: Vec<u64>,
    len: usize,
}

impl Bitmap {
    /// No bits, room for `rows`.
    pub fn with_capacity(rows: usize) -> Bitmap {
        Bitmap { words: Vec::with_capacity(rows.div_ceil(64)), len: 0 }
    }

    /// The first `len` bits of these words.
    #[cfg(feature = "arrow")]
    pub(super) fn of_words(mut words: Vec<u64>, len: usize) -> Bitmap {
        assert!(words.len() >= len.div_ceil(64), "{len} bits of {} words", words.len());
        words.truncate(len.div_ceil(64));
        let mut bits = Bitmap { words, len };
        bits.mask_tail();
        bits
    }

    /// The words, without a copy.
    #[cfg(feature = "arrow")]
    pub(super) fn into_words(self) -> Vec<u64> {
        self.words
    }

    /// How many bits there are.
    #[inline]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bit `row`.
    #[inline]
    pub fn get(&self, row: usize) -> bool {
        assert!(row < self.len, "row {row} of {}", self.len);
        self.words[row / 64] >> (row % 64) & 1 == 1
    }

    /// Makes bit `row` what `bit` says.
    #[inline]
    pub fn set(&mut self, row: usize, bit: bool) {
        assert!(row < self.len, "row {row} of {}", self.len);
        let word = &mut self.words[row / 64];
        *word = *word & !(1 << (row % 64)) | u64::from(bit) << (row % 64);
    }

    /// One more bit.
    #[inline]
    pub fn push(&mut self, bit: bool) {
        if self.len.is_multiple_of(64) {
            self.words.push(0);
        }
        self.words[self.len / 64] |= u64::from(bit) << (self.len % 64);
        self.len += 1;
    }

    /// Forgets all bits and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        self.words.clear();
        self.len = 0;
    }

    /// Makes it `rows` long; bits that are added are zero.
    pub fn resize(&mut self, rows: usize) {
        self.words.resize(rows.div_ceil(64), 0);
        self.len = rows;
        self.mask_tail();
    }

    /// How many bits are one.
    pub fn count_ones(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The bits, 64 rows a word.
    #[inline]
    pub fn words(&self) -> &[u64] {
        &self.words
    }

    /// Replaces every word by what `word` says for its index. Bits behind the last row are dropped.
    #[inline]
    pub fn fill_words(&mut self, mut word: impl FnMut(usize) -> u64) {
        for (index, slot) in self.words.iter_mut().enumerate() {
            *slot = word(index);
        }
        self.mask_tail();
    }

    /// Appends bits `start..start + len` of another one.
    pub fn append_range(&mut self, from: &Bitmap, start: usize, len: usize) {
        assert!(start + len <= from.len, "rows {start}+{len} of {}", from.len);
        for done in (0..len).step_by(64) {
            let count = (len - done).min(64);
            self.push_word(from.word_from(start + done) & low_bits(count), count);
        }
    }

    /// Appends bits `rows` of another one.
    pub fn append(&mut self, from: &Bitmap, rows: &[u32]) {
        for chunk in rows.chunks(64) {
            let bits = chunk.iter().enumerate();
            let word =
                bits.fold(0, |word, (at, &row)| word | u64::from(from.get(row as usize)) << at);
            self.push_word(word, chunk.len());
        }
    }

    /// Appends the lowest `count` bits of a word, of which all others are zero.
    fn push_word(&mut self, word: u64, count: usize) {
        let used = self.len % 64;
        if used == 0 {
            self.words.push(word);
        } else {
            self.words[self.len / 64] |= word << used;
            if used + count > 64 {
                self.words.push(word >> (64 - used));
            }
        }
        self.len += count;
    }

    /// The bits from row `start` on, as many as a word holds; zeros behind the last row.
    fn word_from(&self, start: usize) -> u64 {
        let (at, skip) = (start / 64, start % 64);
        let low = self.words[at] >> skip;
        match self.words.get(at + 1) {
            Some(next) if skip > 0 => low | next << (64 - skip),
            _ => low,
        }
    }

    /// The rows whose bit is one.
    pub fn ones(&self) -> impl Iterator<Item = usize> {
        self.words.iter().enumerate().flat_map(|(index, word)| {
            let mut rest = *word;
            std::iter::from_fn(move || {
                let bit = (rest != 0).then(|| rest.trailing_zeros() as usize)?;
                rest &= rest - 1;
                Some(index * 64 + bit)
            })
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }

    #[inline]
    fn mask_tail(&mut self) {
        if let (Some(last), used @ 1..) = (self.words.last_mut(), self.len % 64) {
            *last &= (1 << used) - 1;
        }
    }
}

/// A word whose lowest `count` bits are one.
fn low_bits(count: usize) -> u64 {
    if count == 64 { u64::MAX } else { (1 << count) - 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shrinking_drops_the_bits_behind_the_end() {
        let mut bits = Bitmap::default();
        (0..130).for_each(|_| bits.push(true));
        bits.resize(65);
        bits.resize(130);
        assert_eq!(bits.count_ones(), 65);
        assert_eq!(bits.words(), [u64::MAX, 1, 0]);
    }

    #[test]
    fn bits_are_appended_across_words_like_one_by_one() {
        let mut from = Bitmap::default();
        (0..300_usize).for_each(|row| from.push(row * row % 7 < 3));
        for start in [0, 1, 63, 64, 100] {
            for len in [0, 1, 63, 64, 65, 130, 200] {
                for before in [0, 1, 40, 64] {
                    let mut expected = Bitmap::default();
                    expected.append_range(&from, 0, before);
                    let (mut range, mut picked) = (expected.clone(), expected.clone());
                    (start..start + len).for_each(|row| expected.push(from.get(row)));
                    range.append_range(&from, start, len);
                    let rows: Vec<u32> = (start as u32..(start + len) as u32).collect();
                    picked.append(&from, &rows);
                    assert_eq!((&range, &picked), (&expected, &expected), "{before} {start} {len}");
                }
            }
        }
    }

    #[test]
    fn ones_are_listed_in_order_across_words() {
        let mut bits = Bitmap::default();
        bits.resize(200);
        for row in [0, 63, 64, 199] {
            bits.set(row, true);
        }
        bits.set(63, false);
        assert_eq!(bits.ones().collect::<Vec<_>>(), [0, 64, 199]);
    }
}

//! The rows of a morsel, those of one partition next to each other.

use super::Ordered;
use crate::core::morsel::Morsel;
use crate::core::operator::Context;

/// Which rows of a morsel are to be worked on, and how far that is.
#[derive(Default)]
pub(in crate::core::operator) struct Picks {
    hashes: Vec<u64>,
    /// Rows with a weight, by the hash of their partition and then as they came.
    rows: Vec<u32>,
    /// How many of them are worked off.
    done: usize,
    /// Whether no row has a text beside its slot.
    plain: bool,
}

impl Picks {
    /// Begins with a morsel.
    pub(in crate::core::operator) fn begin(&mut self, ordered: &Ordered, morsel: &Morsel) {
        ordered.hash(&morsel.columns, morsel.rows(), &mut self.hashes);
        let rows = (0..morsel.rows()).filter(|&row| morsel.weight(row) != 0);
        self.rows.clear();
        self.rows.extend(rows.map(|row| row as u32));
        let hashes = &self.hashes;
        self.rows.sort_unstable_by_key(|&row| (hashes[row as usize], row));
        self.done = 0;
        self.plain = morsel.columns.iter().all(|column| column.text_bytes() == 0);
    }

    /// The next row, and the hash of its partition.
    pub(in crate::core::operator) fn next(&self) -> Option<(usize, u64)> {
        let row = *self.rows.get(self.done)? as usize;
        Some((row, self.hashes[row]))
    }

    /// Goes on behind that row.
    pub(in crate::core::operator) fn advance(&mut self) {
        self.done += 1;
    }

    /// How many of the next rows may be put at once.
    pub(in crate::core::operator) fn allow(
        &self,
        ordered: &Ordered,
        morsel: &Morsel,
        context: &mut Context<'_>,
    ) -> usize {
        let next = &self.rows[self.done..];
        if next.is_empty() {
            return 0;
        }
        let text = |row: &u32| morsel.text_bytes(*row as usize..*row as usize + 1);
        let texts = |rows: usize| match self.plain {
            true => 0,
            false => next[..rows].iter().map(text).sum(),
        };
        ordered.allow(next.len(), texts, context)
    }
}

//! Rows whose expression has no value.

use std::fmt;

/// Why an expression has no value for a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RowError {
    /// The result is outside the range of its type.
    Overflow,
    /// The result is closer to zero than its type can say.
    Underflow,
    /// The divisor is zero.
    DivisionByZero,
    /// The text is no value of the type it is cast to.
    InvalidText,
    /// The text is no moment.
    InvalidTimestamp,
}

impl RowError {
    /// The code by which PostgreSQL clients know it.
    pub const fn sqlstate(self) -> &'static str {
        match self {
            RowError::Overflow | RowError::Underflow => "22003",
            RowError::DivisionByZero => "22012",
            RowError::InvalidText => "22P02",
            RowError::InvalidTimestamp => "22007",
        }
    }
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RowError::Overflow => "value out of range: overflow",
            RowError::Underflow => "value out of range: underflow",
            RowError::DivisionByZero => "division by zero",
            RowError::InvalidText => "invalid input syntax",
            RowError::InvalidTimestamp => "invalid timestamp",
        })
    }
}

impl std::error::Error for RowError {}

/// The rows of a morsel that failed, each once, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    rows: Vec<(u32, RowError)>,
}

impl Failures {
    /// None.
    pub fn new() -> Failures {
        Failures::default()
    }

    /// Rows and reasons, by row.
    #[inline]
    pub fn rows(&self) -> &[(u32, RowError)] {
        &self.rows
    }

    /// Whether no row failed.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Forgets all and keeps the room.
    #[inline]
    pub fn clear(&mut self) {
        self.rows.clear();
    }

    /// Why row `row` failed, if it did.
    pub fn of(&self, row: u32) -> Option<RowError> {
        let index = self.rows.binary_search_by_key(&row, |failure| failure.0).ok()?;
        Some(self.rows[index].1)
    }

    /// Adds one; [`Failures::settle`] must follow before anything is read.
    pub(super) fn add(&mut self, row: u32, error: RowError) {
        self.rows.push((row, error));
    }

    /// Adds those that `keep` says.
    #[inline]
    pub(super) fn add_if(&mut self, others: &Failures, keep: impl Fn(usize) -> bool) {
        if others.is_empty() {
            return;
        }
        let kept = others.rows.iter().filter(|(row, _)| keep(*row as usize));
        self.rows.extend(kept);
    }

    /// Restores the order and keeps one reason a row: the least, whoever found it.
    #[inline]
    pub(super) fn settle(&mut self) {
        if !self.is_empty() {
            self.sort();
        }
    }

    fn sort(&mut self) {
        self.rows.sort_unstable();
        self.rows.dedup_by_key(|failure| failure.0);
    }
}

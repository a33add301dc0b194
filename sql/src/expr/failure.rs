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
    /// The text is no date and no time.
    InvalidTimestamp,
    /// A date, a time or an interval is outside the range of its type.
    DatetimeOverflow,
    /// The value has more bytes or levels than a value may have.
    TooLong,
    /// An argument is outside what the function takes.
    InvalidArgument,
    /// A length is below zero.
    NegativeLength,
    /// An escape that is not one character, or that is followed by nothing.
    InvalidEscape,
    /// A regular expression that cannot be read, or is too large.
    InvalidRegex,
    /// The logarithm of a number that is not above zero.
    InvalidLogarithm,
    /// A root or a power that is no real number.
    InvalidPower,
    /// No character has this code.
    NoCharacter,
    /// A function of the library refused the row.
    Library,
    /// The time that a window goes by is NULL.
    NoTime,
    /// An aggregate of the application's failed on the row.
    Aggregate,
}

impl RowError {
    /// All of them, by the numbers that they have in files: others come behind.
    pub const ALL: [RowError; 17] = [
        RowError::Overflow,
        RowError::Underflow,
        RowError::DivisionByZero,
        RowError::InvalidText,
        RowError::InvalidTimestamp,
        RowError::DatetimeOverflow,
        RowError::TooLong,
        RowError::InvalidArgument,
        RowError::NegativeLength,
        RowError::InvalidEscape,
        RowError::InvalidRegex,
        RowError::InvalidLogarithm,
        RowError::InvalidPower,
        RowError::NoCharacter,
        RowError::Library,
        RowError::NoTime,
        RowError::Aggregate,
    ];

    /// The code by which PostgreSQL clients know it.
    pub const fn sqlstate(self) -> &'static str {
        match self {
            RowError::Overflow | RowError::Underflow => "22003",
            RowError::DivisionByZero => "22012",
            RowError::InvalidText => "22P02",
            RowError::InvalidTimestamp => "22007",
            RowError::DatetimeOverflow => "22008",
            RowError::InvalidArgument => "22023",
            RowError::NegativeLength => "22011",
            RowError::InvalidEscape => "22025",
            RowError::InvalidRegex => "2201B",
            RowError::InvalidLogarithm => "2201E",
            RowError::InvalidPower => "2201F",
            RowError::NoCharacter | RowError::TooLong => "54000",
            RowError::Library => "22000",
            RowError::NoTime => "22004",
            RowError::Aggregate => "38000",
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
            RowError::DatetimeOverflow => "date/time field value out of range",
            RowError::TooLong => "the value has more bytes or levels than a value may have",
            RowError::InvalidArgument => "argument out of range",
            RowError::NegativeLength => "negative length",
            RowError::InvalidEscape => "invalid escape in a pattern",
            RowError::InvalidRegex => "invalid regular expression",
            RowError::InvalidLogarithm => "logarithm of a number that is not positive",
            RowError::InvalidPower => "the result is no real number",
            RowError::NoCharacter => "no character has this code",
            RowError::Library => "the function refused its arguments",
            RowError::NoTime => "a row without a time is in no window",
            RowError::Aggregate => "an aggregate of the application's failed on the row",
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

    /// Adds one. What fills a register may add them in any order, and a row twice.
    pub fn add(&mut self, row: u32, error: RowError) {
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

// Each has the number by which it is found.
const _: () = {
    let mut at = 0;
    while at < RowError::ALL.len() {
        assert!(RowError::ALL[at] as usize == at);
        at += 1;
    }
};

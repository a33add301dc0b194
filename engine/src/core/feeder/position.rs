//! How far a source that can be read again has been read.

/// A place in what a source is read from, in words of whoever reads it.
///
/// It travels with the rows in front of it, so that a checkpoint that has them has it too: what is read
/// from there on is what the checkpoint lacks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Position {
    /// Where reading goes on.
    pub offset: u64,
    /// Tells whether it is still the same that is read.
    pub check: u64,
}

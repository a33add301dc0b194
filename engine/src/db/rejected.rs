//! Rows from outside that are no rows of their source, and rows that a sink could not write: the
//! newest of them, in bounded memory.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::core::limits::{LETTERS_BYTES_MAX, LETTERS_ROWS_MAX};
use crate::shell::clock::wall_us;

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct Rejected {
    /// When, in microseconds since 1970.
    pub(super) seen_us: i64,
    /// The source or sink.
    pub(super) name: String,
    /// Where it stands, in words.
    pub(super) position: Option<String>,
    /// Where to go back to in the source.
    pub(super) offset: Option<u64>,
    /// Its bytes, or the first of them.
    pub(super) raw: Option<Vec<u8>>,
    pub(super) reason: String,
}

/// The newest of all sources and sinks of a database. Threads of connectors share it; no shard does.
#[derive(Debug, Default)]
pub(super) struct Rejections {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    rows: VecDeque<Rejected>,
    bytes: usize,
    gone: u64,
}

impl Rejected {
    pub(super) fn of(name: &str) -> Rejected {
        let (name, reason) = (name.to_owned(), String::new());
        Rejected { seen_us: wall_us(), name, position: None, offset: None, raw: None, reason }
    }

    fn held_bytes(&self) -> usize {
        let texts = self.name.len() + self.position.as_ref().map_or(0, String::len);
        let raw = self.raw.as_ref().map_or(0, Vec::len);
        size_of::<Rejected>() + texts + raw + self.reason.len()
    }
}

impl Rejections {
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one, and lets the oldest go.
    pub(super) fn keep(&self, rejected: Rejected) {
        let mut kept = self.lock();
        kept.bytes += rejected.held_bytes();
        kept.rows.push_back(rejected);
        while kept.rows.len() > LETTERS_ROWS_MAX || kept.bytes > LETTERS_BYTES_MAX {
            let Some(oldest) = kept.rows.pop_front() else { return };
            kept.bytes -= oldest.held_bytes();
            kept.gone += 1;
        }
    }

    /// All that are kept, the oldest first.
    pub(super) fn look(&self) -> Vec<Rejected> {
        self.lock().rows.iter().cloned().collect()
    }

    /// How many were kept and have gone.
    pub(super) fn gone(&self) -> u64 {
        self.lock().gone
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_bounded_in_rows_and_bytes() {
        let rejections = Rejections::default();
        let all = LETTERS_ROWS_MAX + 10;
        for row in 0..all {
            rejections.keep(Rejected { offset: Some(row as u64), ..Rejected::of("s") });
        }
        let kept = rejections.look();
        assert_eq!((kept.len(), kept[0].offset), (LETTERS_ROWS_MAX, Some(10)));
        assert_eq!(rejections.gone(), 10);
        for _ in 0..100 {
            rejections.keep(Rejected { raw: Some(vec![7; 64 << 10]), ..Rejected::of("s") });
        }
        let bytes: usize = rejections.look().iter().map(Rejected::held_bytes).sum();
        assert!(bytes <= LETTERS_BYTES_MAX);
        assert_eq!(rejections.gone() as usize + rejections.look().len(), all + 100);
    }
}

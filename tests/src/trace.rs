//! What happened, one line an action: its hash tells whether two runs are the same run.

use std::collections::VecDeque;
use std::fmt::Write as _;

/// Lines that a failure shows.
const TAIL_LINES: usize = 50;

/// The lines of one run.
#[derive(Clone, Debug)]
pub struct Trace {
    hash: u64,
    lines: VecDeque<String>,
    /// Whether more than the tail is kept.
    whole: bool,
    count: u64,
}

impl Default for Trace {
    fn default() -> Trace {
        Trace::new()
    }
}

impl Trace {
    /// An empty trace that keeps its tail.
    pub fn new() -> Trace {
        Trace { hash: 0xcbf2_9ce4_8422_2325, lines: VecDeque::new(), whole: false, count: 0 }
    }

    /// Keeps all lines from here on.
    pub fn keep_all(&mut self) {
        self.whole = true;
    }

    /// Adds what happened at a turn, and to whom.
    pub fn add(&mut self, turn: u64, who: &dyn std::fmt::Display, what: std::fmt::Arguments<'_>) {
        let mut line = match self.lines.len() {
            TAIL_LINES.. if !self.whole => self.lines.pop_front().expect("looked at above"),
            _ => String::with_capacity(96),
        };
        line.clear();
        let _ = write!(line, "t={turn:06} {who} {what}");
        self.fold(line.as_bytes());
        self.count += 1;
        self.lines.push_back(line);
    }

    /// Adds what leaves no line.
    pub fn fold(&mut self, bytes: &[u8]) {
        let step = |hash: u64, byte: &u8| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        self.hash = bytes.iter().fold(self.hash, step);
    }

    /// Stands for everything that happened.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// How many lines there were.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// The lines that were kept.
    pub fn lines(&self) -> impl Iterator<Item = &str> {
        self.lines.iter().map(String::as_str)
    }

    /// The last `count` lines, of which some may be gone.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &str> {
        self.lines().skip(self.lines.len().saturating_sub(count))
    }

    /// The last lines that a failure shows.
    pub fn tail(&self) -> impl Iterator<Item = &str> {
        self.last(TAIL_LINES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_kept_and_every_line_counts() {
        let run = |first: &str| {
            let mut trace = Trace::new();
            trace.add(1, &"s0", format_args!("{first}"));
            (2..=60).for_each(|turn| trace.add(turn, &"s1", format_args!("work")));
            trace
        };
        assert_eq!(run("work").hash(), run("work").hash());
        assert_ne!(run("work").hash(), run("rest").hash());
        assert_eq!(run("work").tail().next(), Some("t=000011 s1 work"));
        assert_eq!(run("work").tail().count(), TAIL_LINES);
    }
}

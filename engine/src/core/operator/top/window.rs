//! The window of a partition before and after deltas, and what is owed of the difference.

use sluicedb_sql::plan::Ranking;

use super::TopOptions;
use crate::core::arena::{Arena, SlotId};
use crate::core::operator::ordered::Ordered;

/// A row in the window, so many times under one number.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Entry {
    slot: SlotId,
    /// Zero where numbers are not put out.
    number: u64,
    copies: u64,
}

impl Entry {
    fn key(&self) -> (SlotId, u64) {
        (self.slot, self.number)
    }
}

/// A delta that is owed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owed {
    pub(super) slot: SlotId,
    pub(super) number: u64,
    pub(super) weight: i64,
}

/// The window of one partition before and after deltas.
#[derive(Debug, Default)]
pub(super) struct Changes {
    before: Vec<Entry>,
    after: Vec<Entry>,
    /// One of them by its keys: scratch space.
    sorted: Vec<Entry>,
    owed: Vec<Owed>,
    /// How many of those are put out.
    paid: usize,
}

impl Changes {
    /// Whether anything is owed.
    pub(super) fn owes(&self) -> bool {
        self.paid < self.owed.len()
    }

    /// Takes the next of what is owed.
    pub(super) fn next_owed(&mut self) -> Option<Owed> {
        let owed = self.owed.get(self.paid).copied();
        self.paid += usize::from(owed.is_some());
        owed
    }

    /// Looks at the window of a partition that is about to change.
    pub(super) fn before(
        &mut self,
        ordered: &Ordered,
        options: &TopOptions,
        arena: &Arena,
        partition: SlotId,
    ) {
        assert!(!self.owes(), "changes are put out before the next are made");
        self.before.clear();
        Walk::new(options, &mut self.before).run(ordered, arena, partition, None);
    }

    /// Looks at it after the change, and owes the difference; returns the row behind which none can be
    /// in the window. The rows behind the window are added to `rest`.
    pub(super) fn after(
        &mut self,
        ordered: &Ordered,
        options: &TopOptions,
        arena: &Arena,
        partition: SlotId,
        rest: Option<&mut Vec<SlotId>>,
    ) -> Option<SlotId> {
        self.after.clear();
        let mark = Walk::new(options, &mut self.after).run(ordered, arena, partition, rest);
        self.owe();
        mark
    }

    /// Owes the difference: first what is taken back, then what is new, both in order.
    fn owe(&mut self) {
        self.owed.clear();
        self.paid = 0;
        let pairs = self.before.iter().zip(&self.after);
        let same = pairs.take_while(|(before, after)| before == after).count();
        let (before, after) = (&self.before[same..], &self.after[same..]);
        let pairs = before.iter().rev().zip(after.iter().rev());
        let same = pairs.take_while(|(before, after)| before == after).count();
        let (before, after) = (&before[..before.len() - same], &after[..after.len() - same]);
        owe_surplus((before, after), -1, &mut self.sorted, &mut self.owed);
        owe_surplus((after, before), 1, &mut self.sorted, &mut self.owed);
    }
}

/// Owes what entries have more than others, with this sign.
fn owe_surplus(
    (entries, others): (&[Entry], &[Entry]),
    sign: i64,
    sorted: &mut Vec<Entry>,
    owed: &mut Vec<Owed>,
) {
    sorted.clear();
    sorted.extend_from_slice(others);
    sorted.sort_unstable_by_key(Entry::key);
    for entry in entries {
        let found = sorted.binary_search_by_key(&entry.key(), Entry::key);
        let other = found.map_or(0, |at| sorted[at].copies);
        if let Some(more) = entry.copies.checked_sub(other).filter(|&more| more > 0) {
            let Entry { slot, number, .. } = *entry;
            owed.push(Owed { slot, number, weight: sign * more as i64 });
        }
    }
}

/// A look at the rows of a partition, from the first on.
struct Walk<'a> {
    options: &'a TopOptions,
    out: &'a mut Vec<Entry>,
    /// Rows so far, each as often as it is there.
    rows: u64,
    /// The number of the last row.
    number: u64,
    last: Option<SlotId>,
    /// The last row of the window, if no row behind it can be in it.
    mark: Option<SlotId>,
}

impl<'a> Walk<'a> {
    fn new(options: &'a TopOptions, out: &'a mut Vec<Entry>) -> Walk<'a> {
        Walk { options, out, rows: 0, number: 0, last: None, mark: None }
    }

    /// Writes down the window, and the rows behind it where they are asked for; returns the mark.
    fn run(
        mut self,
        ordered: &Ordered,
        arena: &Arena,
        partition: SlotId,
        mut rest: Option<&mut Vec<SlotId>>,
    ) -> Option<SlotId> {
        let mut over = false;
        ordered.walk(arena, partition, |slot, weight| {
            over = over || !self.take(ordered, arena, slot, weight as u64);
            if over && let Some(rest) = &mut rest {
                rest.push(slot);
            }
            !over || rest.is_some()
        });
        self.mark
    }

    /// Takes the next row, if it is not behind the window.
    fn take(&mut self, ordered: &Ordered, arena: &Arena, slot: SlotId, copies: u64) -> bool {
        let &TopOptions { ranking, first, last, numbered, .. } = self.options;
        if let Ranking::RowNumber = ranking {
            if self.rows >= last {
                return false;
            }
            let (from, to) = (first.max(self.rows + 1), last.min(self.rows.saturating_add(copies)));
            if numbered {
                self.out.extend((from..=to).map(|number| Entry { slot, number, copies: 1 }));
            } else if from <= to {
                self.out.push(Entry { slot, number: 0, copies: to - from + 1 });
            }
            self.rows = self.rows.saturating_add(copies);
            self.mark = (self.rows >= last).then_some(slot);
            return true;
        }
        let is_peer = self.last.is_some_and(|before| ordered.are_peers(arena, before, slot));
        if !is_peer {
            self.number = match ranking {
                Ranking::Rank => self.rows + 1,
                _ => self.number + 1,
            };
        }
        if self.number > last {
            return false;
        }
        if self.number >= first {
            let number = if numbered { self.number } else { 0 };
            self.out.push(Entry { slot, number, copies });
        }
        self.rows = self.rows.saturating_add(copies);
        self.last = Some(slot);
        let full = if ranking == Ranking::Rank { self.rows } else { self.number };
        self.mark = (full >= last).then_some(slot);
        true
    }
}

//! What feeders send becomes morsels: a batch is whatever is there.
//!
//! Rows of one source that wait are put together, so that the way through the operators is paid for
//! by many. Rows only move forward, past watermarks and past rows of other sources, never past a
//! barrier: a watermark is a promise, which may be late, and which rows are late was decided where
//! they entered.

use std::collections::VecDeque;

use sluicedb_sql::TimeUnit;

use super::{Queued, Stage};
use crate::core::feeder::RecordLayout;
use crate::core::frame::FeederRow;
use crate::core::graph::{EntryKey, SourceSpec};
use crate::core::ids::{SourceId, Time};
use crate::core::limits::{
    MERGE_ROWS_MAX, MERGE_TEXT_BYTES_MAX, MORSEL_ROWS_MAX, STAGE_QUEUE_FRAMES,
};
use crate::core::morsel::{Morsel, Pool, ShapeId};

/// What a shard knows of the rows of a source.
#[derive(Debug)]
pub(in crate::core::shard) struct SourceRows {
    pub(in crate::core::shard) layout: RecordLayout,
    pub(in crate::core::shard) shape: ShapeId,
    pub(in crate::core::shard) tied: bool,
    /// The column of event time, and what it counts.
    time: Option<(usize, TimeUnit)>,
}

impl SourceRows {
    pub(in crate::core::shard) fn new(source: &SourceSpec) -> SourceRows {
        let layout = RecordLayout::new(&source.schema);
        let time = source.time.map(|time| (time.column, time.unit));
        SourceRows { layout, shape: source.shape, tied: source.tied, time }
    }

    /// What a row is behind of which its feeder says `behind`, if it came to a source that had reached
    /// `floor`.
    fn behind(unit: TimeUnit, count: i64, behind: Time, floor: Time) -> Time {
        let late = unit.to_us(count).is_some_and(|us| us < floor.0);
        if late { behind.max(floor) } else { behind }
    }

    /// Marks the rows that are behind `floor`, whatever their feeder knew.
    pub(in crate::core::shard) fn raise(&self, rows: &mut Morsel, floor: Time) {
        let Some((column, unit)) = self.time else { return };
        rows.behind.resize(rows.rows(), Time::MIN);
        for (count, behind) in rows.columns[column].i64s().iter().zip(&mut rows.behind) {
            *behind = SourceRows::behind(unit, *count, *behind, floor);
        }
        if rows.behind.iter().all(|behind| *behind == Time::MIN) {
            rows.behind.clear();
        }
    }

    /// The same of one row.
    pub(in crate::core::shard) fn raised(&self, row: &FeederRow, floor: Time) -> FeederRow {
        let mut row = *row;
        if let Some((column, unit)) = self.time {
            let count = self.layout.count(&row.record, column);
            row.behind = SourceRows::behind(unit, count, row.behind, floor);
        }
        row
    }
}

impl Stage {
    /// Whether a feeder's next frame may be queued.
    #[inline]
    pub(in crate::core::shard) fn has_room_for_rows(&self) -> bool {
        (self.queue.len() < STAGE_QUEUE_FRAMES || self.frames() < STAGE_QUEUE_FRAMES)
            && self.idle()
            && !self.turns()
    }

    fn frames(&self) -> usize {
        let frames = self.queue.iter().filter(|queued| matches!(queued, Queued::Rows { .. }));
        frames.count()
    }

    /// Queues a row of a source; returns whether it joined others.
    #[inline]
    pub(in crate::core::shard) fn gather_row(
        &mut self,
        row: &FeederRow,
        rows: &SourceRows,
        pool: &mut Pool,
    ) -> bool {
        let entry = self.entry(EntryKey::Source(row.source));
        if let Some(last) = last_rows(&mut self.queue, entry)
            && last.rows() < MORSEL_ROWS_MAX
        {
            row.append(&rows.layout, rows.tied, last);
            return true;
        }
        let mut morsel = pool.take(rows.shape);
        row.append(&rows.layout, rows.tied, &mut morsel);
        self.queue.push_back(Queued::Rows { entry, morsel });
        false
    }

    /// Queues rows of a source; returns whether they joined others.
    pub(in crate::core::shard) fn gather(
        &mut self,
        source: SourceId,
        morsel: Morsel,
        pool: &mut Pool,
    ) -> bool {
        let entry = self.entry(EntryKey::Source(source));
        if morsel.rows() <= MERGE_ROWS_MAX
            && let Some(last) = last_rows(&mut self.queue, entry)
            && last.rows() + morsel.rows() <= MORSEL_ROWS_MAX
            && heap_bytes(last) + heap_bytes(&morsel) <= MERGE_TEXT_BYTES_MAX
        {
            last.append(&morsel);
            pool.put(morsel);
            return true;
        }
        self.queue.push_back(Queued::Rows { entry, morsel });
        false
    }

    /// Queues the watermark of a source, or raises the one that is behind its last rows.
    #[inline]
    pub(in crate::core::shard) fn source_watermark(&mut self, source: SourceId, time: Time) {
        let entry = self.entry(EntryKey::Source(source));
        if self.entries[entry].outlet.times.is_empty() {
            return;
        }
        for queued in self.queue.iter_mut().rev() {
            match queued {
                Queued::Watermark { entry: of, time: promised } if *of == entry => {
                    assert!(*promised <= time, "the watermark of a source never goes back");
                    *promised = time;
                    return;
                }
                Queued::Rows { entry: of, .. } if *of == entry => break,
                Queued::Barrier(_) => break,
                Queued::Rows { .. } | Queued::Watermark { .. } => {}
            }
        }
        self.watermark(entry, time);
    }
}

/// The last rows of an entry that no barrier is behind.
#[inline]
fn last_rows(queue: &mut VecDeque<Queued>, entry: usize) -> Option<&mut Morsel> {
    for queued in queue.iter_mut().rev() {
        match queued {
            Queued::Rows { entry: of, morsel } if *of == entry => return Some(morsel),
            Queued::Barrier(_) => return None,
            Queued::Rows { .. } | Queued::Watermark { .. } => {}
        }
    }
    None
}

fn heap_bytes(morsel: &Morsel) -> usize {
    morsel.columns.iter().map(|column| column.text_bytes()).sum()
}

#[cfg(test)]
mod tests;

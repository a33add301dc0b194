//! The rows that a source keeps go to the shards that own them now, in an order in which they may have
//! come: rows of one key keep theirs, and no row comes behind a watermark that was told behind it.

use super::contents::Stored;
use super::{Contents, Retain};
use crate::core::arena::{Arena, Headroom};
use crate::core::ids::Time;
use crate::core::limits::MARKS_MAX;
use crate::core::morsel::Pool;
use crate::core::operator::MarkId;
use crate::core::operator::rehome::{Dealt, Home};

/// A record of a shard of before.
struct Entry {
    /// How many of the marks were made before it came.
    step: usize,
    watermark: Time,
    shard: usize,
    stored: Stored,
}

/// The marks that all shards have, in the order in which they were made.
struct Steps(Vec<MarkId>);

impl Steps {
    fn of(before: &[Home<'_, Retain>]) -> Steps {
        let marks = (0..MARKS_MAX).map(|mark| MarkId(mark as u8));
        let mut marks: Vec<MarkId> = marks.collect();
        // Rows only come, so that the one which counts more of them was made later.
        marks.sort_by_key(|mark| {
            let came = |home: &Home<'_, Retain>| home.operator.contents.mark(&*home.arena, *mark).0;
            before.iter().map(came).sum::<u64>()
        });
        Steps(marks)
    }

    /// How many of them were made before the row behind so many others came to a shard.
    fn before(&self, home: &Home<'_, Retain>, rows: u64) -> usize {
        let passed = |mark: &MarkId| home.operator.contents.mark(&*home.arena, *mark).0 <= rows;
        self.0.partition_point(passed)
    }
}

impl Retain {
    /// Moves the rows that a source keeps, each of which lies where the hash of these columns says.
    /// Where memory is short the oldest go.
    pub fn rehome(
        before: &mut [Home<'_, Retain>],
        now: &mut [Home<'_, Retain>],
        placed: &[usize],
        pool: &mut Pool,
    ) {
        let steps = Steps::of(before);
        let mut entries = Vec::new();
        for (shard, home) in before.iter().enumerate() {
            for (rows_before, stored) in home.operator.contents.stored(&*home.arena) {
                let step = steps.before(home, rows_before);
                entries.push(Entry { step, watermark: stored.watermark(), shard, stored });
            }
        }
        entries.sort_by_key(|entry| (entry.step, entry.watermark));
        let mut dealt = Dealt::new(now.len());
        // By shard and step: how many rows it was given by the end of the step.
        let mut given = vec![vec![0_u64; steps.0.len() + 1]; now.len()];
        for Entry { step, watermark, shard, stored } in entries {
            let Home { operator, arena } = &mut before[shard];
            let mut rows = pool.take(operator.options.shape);
            operator.contents.read_stored(&**arena, stored, &mut rows);
            dealt.deal(&rows.columns, placed, rows.rows());
            for (shard, picks) in dealt.parts() {
                let Home { operator, arena } = &mut now[shard];
                let mut part = pool.take(operator.options.shape);
                part.gather(&rows, picks);
                operator.contents.pass(arena, watermark);
                operator.take_in(&part, arena);
                given[shard][step] += picks.len() as u64;
                pool.put(part);
            }
            pool.put(rows);
        }
        for (home, given) in now.iter_mut().zip(&given) {
            home.operator.remember_all(home.arena, before, &steps, given);
        }
        let missed = before.iter().map(|home| home.operator.contents.missed(&*home.arena)).sum();
        if let Some(Home { operator, arena }) = now.first_mut() {
            operator.contents.put_missed(arena, missed);
        }
    }

    /// Keeps rows as the latest.
    fn take_in(&mut self, rows: &crate::core::morsel::Morsel, arena: &mut Arena) {
        let bytes = Contents::record_bytes(rows);
        let need = Contents::headroom(bytes);
        self.spare(need.state_blocks, arena);
        let need = Headroom { shadow_blocks: 0, ..need };
        let count = rows.rows() as u64;
        if arena.headroom().covers(need) && arena.reserve(need).is_ok() {
            self.contents.append(arena, rows, bytes);
        } else {
            self.contents.pass_over(arena, count);
        }
        let blocks_max = self.blocks_max;
        self.contents.drop_while(arena, |contents, arena, first| {
            contents.is_beyond(arena, first) || contents.blocks(arena) > blocks_max
        });
    }

    /// Has the marks where they were among the rows, and the watermark of the source.
    fn remember_all(
        &self,
        arena: &mut Arena,
        before: &[Home<'_, Retain>],
        steps: &Steps,
        given: &[u64],
    ) {
        let mut came = 0;
        for (mark, rows) in steps.0.iter().zip(given) {
            came += rows;
            let of = |home: &Home<'_, Retain>| home.operator.contents.mark(&*home.arena, *mark).1;
            let watermark = before.iter().map(of).max().unwrap_or(Time::MIN);
            self.contents.put_mark(arena, *mark, (came, watermark));
        }
        let watermarks = before.iter().map(|home| home.operator.contents.watermark(&*home.arena));
        self.contents.pass(arena, watermarks.max().unwrap_or(Time::MIN));
    }
}

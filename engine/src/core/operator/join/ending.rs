//! What the watermarks of both inputs set off: rows go that can match nothing more.
//!
//! Invariants:
//! - A row goes when the watermark of the other side has passed all that could match it, and that of its
//!   own side has passed the row itself: until then it may be taken back, or be one of those that
//!   decide whether a row of the other side is alone.
//! - Which rows are refused depends on their own marks alone. A row that is not refused never misses one
//!   that went: that had been passed by the watermark that the row is not behind.
//! - A watermark is passed on after all rows that it lets go, and remembered then.

use sluicedb_sql::Column;
use sluicedb_sql::plan::Within;

use super::side::Side;
use crate::core::arena::bytes::{i64_at, put_i64};
use crate::core::arena::{Arena, BlockId, Blocks};
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::Morsel;
use crate::core::operator::Context;

/// Where the watermarks of both inputs are in the root block.
const WATERMARKS: usize = 2 * Side::HEADER_BYTES;

/// What the time of rows says of them, and the watermark that is being worked off.
pub(super) struct Ending {
    within: Within,
    root: BlockId,
    /// The input that a watermark came from, and the watermark.
    come: Option<(usize, Time)>,
    /// Scratch space for rows that go, by side.
    columns: [Vec<Column>; 2],
    hashes: Vec<u64>,
}

/// How far a watermark was worked off.
pub(super) enum Ended {
    /// It lacks fuel, or memory for copies.
    Stuck,
    /// All of it; here is what follows for those above, if anything does.
    Done(Option<Time>),
}

impl Ending {
    pub(super) fn new(within: Within, root: BlockId, sides: &[Side; 2]) -> Ending {
        let scratch = |side: &Side| side.types().map(Column::new).collect();
        let columns = [scratch(&sides[0]), scratch(&sides[1])];
        Ending { within, root, come: None, columns, hashes: Vec::new() }
    }

    pub(super) fn create(&self, arena: &mut Arena) {
        [0, 1].into_iter().for_each(|side| self.set_watermark(arena, side, Time::MIN));
    }

    /// How far an input has come.
    pub(super) fn watermark(&self, blocks: &impl Blocks, side: usize) -> Time {
        Time(i64_at(blocks.block(self.root), WATERMARKS + side * 8))
    }

    pub(super) fn set_watermark(&self, arena: &mut Arena, side: usize, time: Time) {
        put_i64(arena.block_mut(self.root), WATERMARKS + side * 8, time.0);
    }

    /// Takes note of a watermark that is to be worked off.
    pub(super) fn begin(&mut self, side: usize, time: Time) {
        self.come = Some((side, time));
    }

    /// Whether a watermark is being worked off.
    pub(super) fn is_due(&self) -> bool {
        self.come.is_some()
    }

    /// Goes on with it.
    pub(super) fn work(&mut self, sides: &mut [Side; 2], context: &mut Context<'_>) -> Ended {
        let Some((from, time)) = self.come else { return Ended::Done(None) };
        let mut now = [0, 1].map(|side| self.watermark(&*context.arena, side));
        let before = now[0].min(now[1]);
        now[from] = now[from].max(time);
        for side in [0, 1] {
            if !self.forget(side, &mut sides[side], now, context) {
                return Ended::Stuck;
            }
        }
        if context.allow(1, |_| 0) == 0 {
            return Ended::Stuck;
        }
        context.burn(1);
        self.set_watermark(context.arena, from, now[from]);
        self.come = None;
        let least = now[0].min(now[1]);
        Ended::Done((least > before).then_some(least))
    }

    /// Lets the rows of a side go that may; false where fuel or memory is short.
    fn forget(
        &mut self,
        at: usize,
        side: &mut Side,
        watermarks: [Time; 2],
        context: &mut Context<'_>,
    ) -> bool {
        let Some(ahead_us) = self.within.ahead_us(at) else { return true };
        let limits = [0, 1].map(|side| watermarks[side].minus(self.within.lags_us[side]));
        let is_over = |&(time, _): &(i64, _)| {
            limits[at] > Time(time) && limits[1 - at] > Time(time.saturating_add(ahead_us))
        };
        let mut allowed = 0;
        while let Some(oldest) = side.oldest(&*context.arena).filter(is_over) {
            if allowed == 0 {
                let layout = side.layout();
                let wanted = MORSEL_ROWS_MAX.min(layout.rows_per_look());
                allowed = context.allow(wanted, |_| side.slack_bytes());
            }
            if allowed == 0 {
                return false;
            }
            allowed -= 1;
            context.burn(1);
            side.forget(context.arena, oldest, (&mut self.columns[at], &mut self.hashes));
        }
        true
    }

    /// The rows of a morsel that are refused, which are those behind the watermark where what they
    /// match may be gone.
    pub(super) fn refused(&self, side: usize, morsel: &Morsel) -> Vec<u32> {
        if morsel.behind.is_empty() || !self.within.refuses(side) {
            return Vec::new();
        }
        let times = morsel.columns[self.within.columns[side]].i64s();
        let is_late = |row: &usize| {
            let limit = morsel.behind(*row).minus(self.within.lags_us[side]);
            limit > Time(times[*row])
        };
        (0..morsel.rows()).filter(is_late).map(|row| row as u32).collect()
    }
}

//! Hands the rows that a view holds to those who come to read it.

use super::View;
use crate::core::arena::SlotId;
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::operator::{Context, Item, OWED, Work};

/// How far a view has come with what it owes.
pub(super) struct Owed {
    /// The next row; none once all were handed over.
    next: Option<SlotId>,
    /// The watermark that follows the rows.
    time: Time,
}

impl Owed {
    /// All rows, and behind them the watermark.
    pub(super) fn new(time: Time) -> Owed {
        Owed { next: Some(SlotId(0)), time }
    }
}

impl View {
    /// Goes on with what is owed; nothing if nothing is.
    #[inline]
    pub(super) fn pay(&mut self, context: &mut Context<'_>) -> Option<Work> {
        let owed = self.owed.take()?;
        let Some(from) = owed.next else {
            // Before the first watermark there is none to tell.
            let told = owed.time > Time::MIN;
            return told.then_some(Work::Emit(OWED, Item::Watermark(owed.time)));
        };
        Some(self.pay_rows(from, owed.time, context))
    }

    /// Rows of a view are present ones, whatever was late when they came.
    fn pay_rows(&mut self, from: SlotId, time: Time, context: &mut Context<'_>) -> Work {
        let most = MORSEL_ROWS_MAX.min(*context.fuel);
        if most == 0 {
            self.owed = Some(Owed { next: Some(from), time });
            return Work::Yield;
        }
        let mut morsel = context.pool.take(self.options.shape);
        let (contents, arena) = (&self.contents, &*context.arena);
        let next = contents.walk(arena, from, most, |slot| {
            let weight = contents.published(arena, slot);
            assert!(weight >= 0, "a view holds a row less than zero times at a barrier");
            if weight > 0 {
                contents.read(arena, slot, &mut morsel.columns);
                morsel.weights.push(weight);
            }
        });
        self.owed = Some(Owed { next, time });
        morsel.set_weighed_rows();
        context.burn(morsel.rows());
        if morsel.is_empty() {
            // A consolidated view may hold rows that nobody has seen; and the last look finds none.
            context.pool.put(morsel);
            return self.pay(context).unwrap_or(Work::Idle);
        }
        Work::Emit(OWED, Item::Rows(morsel))
    }
}

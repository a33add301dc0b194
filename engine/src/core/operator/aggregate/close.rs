//! What a watermark sets off: windows close in ascending order, and panes are freed.
//!
//! Invariants:
//! - The watermark is passed on after all rows that it releases, and remembered then.
//! - A window is put out once: windows are met in ascending order of their start, from the first
//!   that the last watermark left open.

use super::Spec;
use super::layout::{Group, Pane};
use super::merge::Merge;
use super::output::Shown;
use super::sessions::{Ended, Ending};
use super::windows::{Target, Windows};
use crate::core::arena::{Arena, SlotId};
use crate::core::ids::Time;
use crate::core::limits::MORSEL_ROWS_MAX;
use crate::core::morsel::Morsel;
use crate::core::operator::Context;

/// Rows of a window that are put out first. The view behind it misses the cache for each of them, so one
/// row comes soonest. Each morsel behind it may have `MORE` times as many.
const FIRST_ROWS: usize = 1;
const MORE: usize = 8;

/// A watermark that is being worked off, and scratch space for that.
#[derive(Debug)]
pub(super) struct Close {
    time: Time,
    limit: Time,
    /// No window before this one is left to close; none is where the range ends.
    next: Option<i64>,
    stage: Stage,
    merge: Merge,
    ending: Ending,
    groups: Vec<Group>,
    shown: Shown,
}

#[derive(Debug)]
enum Stage {
    /// Looks for the next window to close.
    Seek,
    /// Puts the slices of a window together.
    Merge,
    /// Puts out the groups of a window.
    Emit { start: i64, pane: Pane, from: Option<SlotId>, rows_max: usize },
    /// Frees the slices that no window behind this one needs.
    FreeSlices { closed: i64 },
    /// Frees the windows that take no more rows.
    Free,
    /// Puts out and frees sessions.
    Sessions,
}

/// How far a step came.
#[derive(Debug)]
pub(super) enum Step {
    /// Goes on.
    More,
    /// Rows to put out.
    Rows(Morsel),
    /// Lacks fuel or memory.
    Stuck,
    /// All done: the watermark can be passed on.
    Done(Time),
}

impl Close {
    /// Nothing to work off.
    pub(super) fn new(spec: &Spec) -> Close {
        Close {
            time: Time::MIN,
            limit: Time::MIN,
            next: None,
            stage: Stage::Free,
            merge: Merge::new(spec),
            ending: Ending::new(spec),
            groups: Vec::new(),
            shown: Shown::default(),
        }
    }

    /// Starts to work off a watermark.
    pub(super) fn begin(&mut self, spec: &Spec, arena: &Arena, time: Time) {
        let before = spec.root.watermark(arena);
        assert!(time >= before, "the watermark went back from {before} to {time}");
        let windows = spec.windows.as_ref().expect("only windows close");
        // The first whose end is behind the old limit.
        self.next = Some(windows.window().first_open(windows.limit(before).0));
        self.stage = match windows.on_close() {
            _ if windows.is_session() => Stage::Sessions,
            true => Stage::Seek,
            false => Stage::Free,
        };
        (self.time, self.limit) = (time, windows.limit(time));
    }

    /// Goes on by one move.
    pub(super) fn step(&mut self, spec: &Spec, context: &mut Context<'_>) -> Step {
        if spec.allow(context, 1, |_| 0) == 0 {
            return Step::Stuck;
        }
        let windows = spec.windows.as_ref().expect("only windows close");
        match &mut self.stage {
            Stage::Seek => {
                context.burn(1);
                self.stage = self.seek(spec, windows, context.arena);
                Step::More
            }
            Stage::Merge => match self.merge.work(spec, context) {
                None => Step::Stuck,
                Some(pane) => {
                    self.stage = emit(pane.span(context.arena).start, pane);
                    Step::More
                }
            },
            Stage::Emit { .. } => self.emit(spec, windows, context),
            Stage::FreeSlices { closed } => {
                let closed = *closed;
                context.burn(1);
                if !free_slice(spec, windows, context.arena, closed) {
                    self.stage = Stage::Seek;
                }
                Step::More
            }
            Stage::Free => {
                context.burn(1);
                self.free(spec, windows, context.arena)
            }
            Stage::Sessions => match self.ending.step(spec, context, self.limit) {
                Ended::Some(Some(rows)) => Step::Rows(rows),
                Ended::Some(None) => Step::More,
                Ended::Stuck => Step::Stuck,
                Ended::All => {
                    spec.root.set_watermark(context.arena, self.time);
                    Step::Done(self.time)
                }
            },
        }
    }

    fn seek(&mut self, spec: &Spec, windows: &Windows, arena: &mut Arena) -> Stage {
        let Some(next) = self.next else { return Stage::Free };
        if windows.sliced() {
            let found = first_of_slices(spec, windows, arena, next);
            return match found {
                Some(start) if windows.is_closed(start, self.limit) => {
                    self.merge.begin(spec, arena, start);
                    Stage::Merge
                }
                _ => Stage::Free,
            };
        }
        match spec.root.next_window(arena, next) {
            Some((start, pane)) if windows.is_closed(start, self.limit) => emit(start, pane),
            _ => Stage::Free,
        }
    }

    fn emit(&mut self, spec: &Spec, windows: &Windows, context: &mut Context<'_>) -> Step {
        let Stage::Emit { start, pane, from, rows_max } = &mut self.stage else {
            unreachable!("called while a window is put out");
        };
        self.groups.clear();
        let rows_allowed = (*rows_max).min(*context.fuel);
        while self.groups.len() < rows_allowed
            && let Some(group) = from.and_then(|from| pane.next(context.arena, from))
        {
            *from = group.slot.0.checked_add(1).map(SlotId);
            self.groups.push(group);
        }
        *rows_max = (*rows_max * MORE).min(MORSEL_ROWS_MAX);
        if self.groups.is_empty() {
            let (start, pane) = (*start, *pane);
            self.finish(spec, windows, context.arena, start, pane);
            return Step::More;
        }
        context.burn(self.groups.len());
        let mut morsel = context.pool.take(spec.options.output_shape);
        let columns = &mut morsel.columns;
        spec.write_rows(context.arena, &self.groups, &mut self.shown, columns, None);
        morsel.set_rows(self.shown.visible.len());
        spec.tell_withheld(&self.shown, context);
        if morsel.is_empty() {
            context.pool.put(morsel);
            return Step::More;
        }
        Step::Rows(morsel)
    }

    /// A window was put out: keeps or frees it.
    fn finish(
        &mut self,
        spec: &Spec,
        windows: &Windows,
        arena: &mut Arena,
        start: i64,
        pane: Pane,
    ) {
        match (windows.sliced(), windows.keeps_closed()) {
            (false, true) => {}
            (false, false) => spec.root.free(arena, Target::Window(start), pane),
            (true, true) if pane.groups(arena) > 0 => spec.root.keep(arena, pane),
            (true, _) => arena.free_extent(pane.extent(arena)),
        }
        self.next = start.checked_add(windows.window().slide_us());
        self.stage =
            if windows.sliced() { Stage::FreeSlices { closed: start } } else { Stage::Seek };
    }

    /// Frees one window that takes no more rows.
    fn free(&mut self, spec: &Spec, windows: &Windows, arena: &mut Arena) -> Step {
        if let Some((start, pane)) = spec.root.next_window(arena, i64::MIN)
            && windows.is_gone(start, self.limit)
        {
            spec.root.free(arena, Target::Window(start), pane);
            return Step::More;
        }
        spec.root.set_watermark(arena, self.time);
        Step::Done(self.time)
    }
}

fn emit(start: i64, pane: Pane) -> Stage {
    Stage::Emit { start, pane, from: Some(SlotId(0)), rows_max: FIRST_ROWS }
}

/// The first window from `next` on that has a row in a slice.
fn first_of_slices(spec: &Spec, windows: &Windows, arena: &Arena, next: i64) -> Option<i64> {
    let (next, reach) = (windows.align_up(i128::from(next)), windows.window().reach_us());
    let mut best: Option<i128> = None;
    spec.root.walk_slices(arena, i64::MIN, |span, _| {
        // All windows of this slice and of those behind it end after its start.
        if best.is_some_and(|best| i128::from(span.start) - i128::from(reach) >= best) {
            return false;
        }
        let window = next.max(i128::from(span.first));
        assert!(window <= i128::from(windows.last_window(span.start)), "closed slices are freed");
        best = Some(best.map_or(window, |best| best.min(window)));
        true
    });
    // The window is one of a slice that is there, so that it fits.
    best.and_then(|best| i64::try_from(best).ok())
}

/// Frees the first slice if its last window is `closed` or before it; whether it did.
fn free_slice(spec: &Spec, windows: &Windows, arena: &mut Arena, closed: i64) -> bool {
    let Some((span, pane)) = spec.root.first_slice(arena) else { return false };
    if windows.last_window(span.start) > closed {
        return false;
    }
    spec.root.free(arena, Target::Slice(span.start, span.first), pane);
    true
}

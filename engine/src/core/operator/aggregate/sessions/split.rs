//! What becomes of a session when moments of it go.
//!
//! That is settled when all rows of a part are in, because what is taken back is most often there
//! again with the next row. Until then a session reaches over moments that are gone.

use super::super::Spec;
use super::super::accumulator::{Entry, Scratch};
use super::super::layout::Group;
use super::super::part::Parts;
use super::kept::{Owner, Stretch};
use super::{Arrival, Extent, Sessions};
use crate::core::arena::Arena;
use crate::core::morsel::Morsel;
use crate::core::operator::Context;

/// Scratch space for rows on their way from one session to another.
#[derive(Debug, Default)]
pub(in crate::core::operator::aggregate) struct Moving {
    entries: Vec<Entry>,
    calls: Scratch,
}

/// Settles what became of the sessions of which moments may be gone. Returns how many rows moved.
pub(super) fn settle(
    parts: &mut Parts,
    spec: &Spec,
    context: &mut Context<'_>,
    morsel: &Morsel,
) -> usize {
    let gone = std::mem::take(&mut parts.gone);
    let keys = &spec.layout.keys().probe(&morsel.columns, &spec.options.keys);
    let mut moved = 0;
    for &at in &gone {
        let row = parts.arrival(keys, at);
        moved += settle_moment(parts, spec, context, row);
    }
    parts.gone = gone;
    parts.gone.clear();
    moved
}

fn settle_moment(
    parts: &mut Parts,
    spec: &Spec,
    context: &mut Context<'_>,
    row: Arrival<'_>,
) -> usize {
    let (sessions, layout, owner) = (Sessions::of(spec), &spec.layout, row.owner());
    let kept = parts.kept.as_ref().expect("moments go where rows are kept");
    let arena = &mut *context.arena;
    if kept.has(arena, owner, row.time) {
        return 0;
    }
    let holds = |group: &Group| layout.extent(arena, *group).last >= row.time;
    let Some(group) = sessions.near(layout, arena, row).before.filter(holds) else {
        // Other moments beside this one went too, and it was settled with those.
        return 0;
    };
    let Extent { first, last, .. } = layout.extent(arena, group);
    let before = kept.before(arena, owner, row.time).filter(|&time| time >= first);
    let after = kept.after(arena, owner, row.time).filter(|&time| time <= last);
    match (before, after) {
        (None, None) => {
            debug_assert!(spec.is_empty(arena, group), "a session without rows has a state");
            sessions.forget(spec, arena, group);
        }
        (Some(last), None) => {
            sessions.reach(layout, arena, group, row.hash, Stretch { first, last });
        }
        (None, Some(first)) => {
            sessions.reach(layout, arena, group, row.hash, Stretch { first, last });
        }
        (Some(end), Some(begin)) if sessions.apart(end, begin) => {
            let parted = [Stretch { first, last: end }, Stretch { first: begin, last }];
            return split(parts, spec, context, row, group, parted);
        }
        (Some(_), Some(_)) => {}
    }
    0
}

/// Makes two sessions of one: the part with fewer rows becomes one of its own.
fn split(
    parts: &mut Parts,
    spec: &Spec,
    context: &mut Context<'_>,
    row: Arrival<'_>,
    group: Group,
    [front, back]: [Stretch; 2],
) -> usize {
    let (sessions, layout) = (Sessions::of(spec), &spec.layout);
    let kept = parts.kept.as_ref().expect("a session is split where rows are kept");
    let (leaves, stays) = match kept.fewer(context.arena, row.owner(), [front, back]) {
        true => (front, back),
        false => (back, front),
    };
    sessions.reach(layout, context.arena, group, row.hash, stays);
    let other = sessions.begin(layout, context.arena, row, leaves, &mut parts.scratch);
    layout.set_mark(context.arena, other, true);
    parts.touched.push(other);
    move_rows(parts, spec, context, (row.owner(), leaves), [group, other])
}

/// Takes the rows of a stretch out of the states of one session and puts them into another's.
fn move_rows(
    parts: &mut Parts,
    spec: &Spec,
    context: &mut Context<'_>,
    which: (Owner<'_>, Stretch),
    [from, into]: [Group; 2],
) -> usize {
    let kept = parts.kept.as_mut().expect("a session is split where rows are kept");
    let mut batch = context.pool.take(spec.options.late_shape);
    let (mut last, mut moved) = (None, 0);
    loop {
        kept.read(context.arena, which, &mut last, &mut batch);
        if batch.is_empty() {
            context.pool.put(batch);
            return moved;
        }
        moved += batch.rows();
        for group in [from, into] {
            batch.weights.iter_mut().for_each(|weight| *weight = -*weight);
            add_all(spec, context.arena, &batch, group, &mut parts.moving);
        }
        batch.clear();
    }
}

fn add_all(spec: &Spec, arena: &mut Arena, rows: &Morsel, group: Group, moving: &mut Moving) {
    let place = spec.layout.locate(arena, group);
    let Moving { entries, calls } = moving;
    entries.clear();
    entries.extend((0..rows.rows() as u32).map(|row| Entry { row, group, place }));
    spec.layout.add_rows_at(arena, place, rows.weights.iter().sum());
    calls.begin();
    for call in &spec.accumulators {
        call.update(arena, &spec.layout, rows, entries, calls);
    }
}

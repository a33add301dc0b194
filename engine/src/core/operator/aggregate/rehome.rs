//! The groups of an aggregate go to the shards that own their keys now, window by window.

use std::collections::BTreeMap;

use sluicedb_sql::{Column, DataType};

use super::accumulator::Moved;
use super::layout::{Group, Pane};
use super::windows::Target;
use super::{Aggregate, Spec, sessions};
use crate::core::arena::{Arena, SlotId};
use crate::core::hash::hash_rows;
use crate::core::operator::rehome::{Home, NoRoom, make_room, shard_of};
use crate::core::row::Row;

/// Where the groups of a pane have gone, by their slots.
type Gone = BTreeMap<u32, (usize, Group)>;

/// Scratch space.
struct Hands {
    /// The key of a group.
    keys: Vec<Column>,
    picks: Vec<usize>,
    hashes: Vec<u64>,
    bytes: Vec<u8>,
    moved: Moved,
}

impl Aggregate {
    /// Moves the groups, each of which lies where the hash of these of its keys says.
    pub fn rehome(
        before: &mut [Home<'_, Aggregate>],
        now: &mut [Home<'_, Aggregate>],
        placed: &[usize],
    ) -> Result<(), NoRoom> {
        let withheld: u64 =
            before.iter().map(|home| home.operator.spec.root.withheld(home.arena)).sum();
        for home in before.iter_mut() {
            let spec = &home.operator.spec;
            let mut hands = Hands::new(spec);
            for (target, pane) in panes(spec, home.arena) {
                let gone =
                    hands.move_groups(spec, (&mut *home.arena, target, pane), now, placed)?;
                hands.move_cells(spec, (&mut *home.arena, pane), now, &gone)?;
            }
            move_kept(home, now, placed)?;
        }
        let watermark =
            before.iter().map(|home| home.operator.spec.root.watermark(home.arena)).max();
        for Home { operator, arena } in now.iter_mut() {
            // What was owed of the only group was put out before.
            operator.initial = false;
            watermark.iter().for_each(|time| operator.spec.root.set_watermark(arena, *time));
        }
        let counts = before.iter().map(|Home { operator, arena }| {
            (operator.late_rows(arena) as usize, operator.untimed_rows(arena) as usize)
        });
        let (late, untimed) =
            counts.fold((0, 0), |(late, untimed), (l, u)| (late + l, untimed + u));
        let Home { operator, arena } = &mut now[0];
        operator.spec.root.count(arena, late, untimed);
        if withheld > 0 {
            count_withheld(now, withheld);
        }
        Ok(())
    }
}

/// Moves the rows that sessions are put together from again where rows are taken back.
fn move_kept(
    before: &Home<'_, Aggregate>,
    now: &mut [Home<'_, Aggregate>],
    placed: &[usize],
) -> Result<(), NoRoom> {
    let Home { operator, arena } = before;
    let Some(kept) = &operator.spec.kept else { return Ok(()) };
    let (mut values, mut hashes) = (kept.columns_of_rows(), Vec::new());
    for entry in kept.entries(arena) {
        values.iter_mut().for_each(Column::clear);
        let keys = kept.read_row(arena, &entry, &mut values);
        hash_rows(placed.iter().map(|&key| &values[keys[key]]), 1, &mut hashes);
        let shard = shard_of(hashes[0], now.len());
        let text: usize = values.iter().map(Column::text_bytes).sum();
        make_room(now, shard, 1, text + operator.spec.extra_bytes())?;
        let Home { operator, arena: there } = &mut now[shard];
        let into = operator.spec.kept.as_mut().expect("the same operator");
        into.take_in(there, (kept, &**arena, &entry), &values);
    }
    Ok(())
}

/// Counts the groups again that have no row though they have rows, where they are now. Those that are
/// counted for ever, though their windows are gone, are no shard's more than another's.
fn count_withheld(now: &mut [Home<'_, Aggregate>], all: u64) {
    let mut found = 0;
    for Home { operator, arena } in now.iter_mut() {
        let spec = &operator.spec;
        let limit = spec.limit(arena);
        let shown =
            panes(spec, arena).into_iter().filter(|(target, _)| spec.puts_out(*target, limit));
        let groups = shown.flat_map(|(_, pane)| groups(arena, pane)).collect::<Vec<_>>();
        let count = spec.withheld_among(arena, &groups) as i64;
        spec.root.count_withheld(arena, count);
        found += count;
    }
    let Home { operator, arena } = &mut now[0];
    operator.spec.root.count_withheld(arena, (all as i64 - found).max(0));
}

/// All panes, each with the target that leads to it.
fn panes(spec: &Spec, arena: &Arena) -> Vec<(Target, Pane)> {
    if spec.windows.is_none() || spec.is_session() {
        return vec![(Target::All, spec.root.pane())];
    }
    let mut panes = Vec::new();
    let mut from = Some(i64::MIN);
    while let Some((window, pane)) = from.and_then(|from| spec.root.next_window(arena, from)) {
        panes.push((Target::Window(window), pane));
        from = window.checked_add(1);
    }
    spec.root.walk_slices(arena, i64::MIN, |span, pane| {
        panes.push((Target::Slice(span.start, span.first), pane));
        true
    });
    panes
}

/// All groups of a pane.
fn groups(arena: &Arena, pane: Pane) -> Vec<Group> {
    let mut groups = Vec::new();
    let mut from = SlotId(0);
    while let Some(group) = pane.next(arena, from) {
        groups.push(group);
        from = SlotId(group.slot.0 + 1);
    }
    groups
}

impl Hands {
    fn new(spec: &Spec) -> Hands {
        let types: Vec<DataType> =
            spec.options.keys.iter().map(|&column| spec.options.input[column]).collect();
        Hands {
            picks: (0..types.len()).collect(),
            keys: types.into_iter().map(Column::new).collect(),
            hashes: Vec::new(),
            bytes: Vec::new(),
            moved: Moved::new(&spec.options.input),
        }
    }

    fn move_groups(
        &mut self,
        spec: &Spec,
        (arena, target, pane): (&mut Arena, Target, Pane),
        now: &mut [Home<'_, Aggregate>],
        placed: &[usize],
    ) -> Result<Gone, NoRoom> {
        let mut gone = Gone::new();
        for group in groups(arena, pane) {
            self.keys.iter_mut().for_each(Column::clear);
            let key = spec.layout.key_of(arena, group);
            spec.layout.keys().read(&*arena, pane.heap(), key, &mut self.keys);
            hash_rows(placed.iter().map(|&key| &self.keys[key]), 1, &mut self.hashes);
            let shard = shard_of(self.hashes[0], now.len());
            let calls = spec.accumulators.iter();
            let texts: usize = calls.map(|call| call.text_bytes(arena, &spec.layout, group)).sum();
            let keys: usize = self.keys.iter().map(Column::text_bytes).sum();
            make_room(now, shard, 1, texts + keys + spec.extra_bytes())?;
            let into = self.move_group(spec, (&mut *arena, target, group), &mut now[shard]);
            gone.insert(group.slot.0, (shard, into));
        }
        Ok(gone)
    }

    /// Makes a group on the shard that it has now, of all but what is in trees and sets.
    fn move_group(
        &mut self,
        spec: &Spec,
        (arena, target, from): (&mut Arena, Target, Group),
        to: &mut Home<'_, Aggregate>,
    ) -> Group {
        let Home { operator, arena: there } = to;
        let Spec { place, layout, root, accumulators, .. } = &operator.spec;
        let pane = root.pane_of(there, layout, place.zone, target);
        let hash = spec.layout.hash(arena, from);
        let key = Row { columns: &self.keys, picks: &self.picks, row: 0 };
        // The only group of an aggregate without keys is there from the start.
        let only = if spec.is_global() { layout.find(there, pane, hash, key) } else { None };
        let slot = only.unwrap_or_else(|| layout.insert(there, pane, hash, key, &mut self.bytes));
        let into = Group { pane, slot };
        layout.add_rows(there, into, spec.layout.rows(arena, from));
        for call in accumulators {
            call.carry(layout, (&mut *arena, from), (&mut **there, into), &mut self.bytes);
        }
        if spec.is_session() {
            let extent = spec.layout.extent(arena, from);
            sessions::take_in(&operator.spec, there, into, extent);
        }
        into
    }

    fn move_cells(
        &mut self,
        spec: &Spec,
        (arena, pane): (&mut Arena, Pane),
        now: &mut [Home<'_, Aggregate>],
        gone: &Gone,
    ) -> Result<(), NoRoom> {
        for (at, call) in spec.accumulators.iter().enumerate() {
            let mut first = true;
            while call.next_cell(arena, &spec.layout, pane, first, &mut self.moved) {
                first = false;
                let (shard, group) = gone[&self.moved.slot.0];
                make_room(now, shard, 1, self.moved.text_bytes() + spec.extra_bytes())?;
                let Home { operator, arena: there } = &mut now[shard];
                let Spec { layout, accumulators, .. } = &operator.spec;
                accumulators[at].take_cell(there, layout, group, &self.moved);
            }
        }
        Ok(())
    }
}

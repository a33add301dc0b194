//! Sessions: groups that grow, meet and become one, and over input that takes rows back shrink and
//! come apart again.
//!
//! All groups lie in one pane, each with its first and last moment behind its key. Two trees lead to
//! them: by key and first moment, and by when something is to be done. The latter is not kept up as
//! a session grows: what comes too early is put back.
//!
//! A row is late once it is behind its own watermark by more than the allowed lateness, whatever is
//! there: so no row that is taken can reach a session that is gone, and which rows make up a session
//! does not depend on when shards learned of time. Nor does one that is taken back leave a session
//! that ends before it.
//!
//! Invariants:
//! - Sessions of one key are a gap or more apart.
//! - A session is closed when its end is not behind the limit of the watermark that was worked off,
//!   and closed sessions alone have a row where rows are put out on close.
//! - A session has one entry in either tree; the one in the second is not behind what is due next:
//!   its end, or once that is reached the moment from which it takes no more rows. It may have been
//!   reached when a late row changed the session.

mod kept;
mod split;

use sluicedb_sql::Column;

use super::Spec;
use super::accumulator::{Entry, Moved, of_i64, to_i64};
use super::changes::Changes;
use super::layout::{Group, Layout, Pair, Pane};
use super::output::Shown;
use super::part::{Given, Parts};
use super::windows::Root;
use crate::core::arena::{Arena, Bytes, SlotId};
use crate::core::ids::Time;
use crate::core::limits::{MORSEL_ROWS_MAX, TEXT_BYTES_MAX};
use crate::core::morsel::Morsel;
use crate::core::operator::Context;
use crate::core::row::{Probe, Row};

pub(super) use kept::Kept;
use kept::{Owner, Stretch};
pub(super) use split::Moving;

/// First and last moment of a session, and when something is to be done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) first: i64,
    pub(super) last: i64,
    pub(super) due: i64,
}

/// When a session is due that is in no tree.
const GONE: i64 = i64::MIN;

/// Bytes of an entry of the tree of keys, and of the one of times.
pub(super) const KEY_ENTRY_BYTES: usize = 20;
pub(super) const TIME_ENTRY_BYTES: usize = 12;

/// Bytes of the longest cell with its count, twice: where it comes from and where it goes.
const CELL_BYTES: usize = 256;

/// The neighbours of a row that it makes one.
#[derive(Clone, Copy, Debug, Default)]
struct Near {
    before: Option<Group>,
    after: Option<Group>,
}

/// A row on its way to its session.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) keys: &'a Probe<'a>,
    pub(super) row: usize,
    pub(super) hash: u64,
    pub(super) time: i64,
}

impl<'a> Arrival<'a> {
    fn owner(&self) -> Owner<'a> {
        Owner { hash: self.hash, key: self.keys.row(self.row) }
    }
}

/// Sessions of an aggregate.
#[derive(Clone, Copy, Debug)]
struct Sessions {
    root: Root,
    pane: Pane,
    gap_us: i64,
}

impl Sessions {
    fn of(spec: &Spec) -> Sessions {
        let windows = spec.windows.as_ref().expect("sessions are windows");
        let gap_us = windows.window().size_us();
        Sessions { root: spec.root, pane: spec.root.pane(), gap_us }
    }

    fn end(&self, extent: Extent) -> i64 {
        extent.last.checked_add(self.gap_us).expect("a row whose session has no end is not taken")
    }

    /// The sessions of the row's key that are less than a gap away.
    fn near(&self, layout: &Layout, arena: &Arena, row: Arrival<'_>) -> Near {
        let own = |slot: SlotId| {
            let group = Group { pane: self.pane, slot };
            let key = layout.key_of(arena, group);
            let same = row.keys.equals(arena, self.pane.heap(), key, row.row);
            same.then_some(group)
        };
        let tree = self.root.session_keys();
        let (mut before, mut after) = (None, None);
        let from = key_entry(row.hash, row.time, SlotId::NONE);
        tree.walk_back(arena, &Bytes, std::ops::Bound::Included(&from), |key, _| {
            let alike = key[..8] == row.hash.to_be_bytes();
            before = if alike { own(slot_of(&key[16..])) } else { None };
            alike && before.is_none()
        });
        tree.walk(arena, &Bytes, std::ops::Bound::Excluded(&from), |key, _| {
            let alike = key[..8] == row.hash.to_be_bytes();
            after = if alike { own(slot_of(&key[16..])) } else { None };
            alike && after.is_none()
        });
        Near {
            before: before.filter(|group| !self.apart(layout.extent(arena, *group).last, row.time)),
            after: after.filter(|group| !self.apart(row.time, layout.extent(arena, *group).first)),
        }
    }

    /// Whether two moments are a gap or more apart.
    fn apart(&self, left: i64, right: i64) -> bool {
        i128::from(right) - i128::from(left) >= i128::from(self.gap_us)
    }

    /// A session without rows that has the key of this one.
    fn begin(
        &self,
        layout: &Layout,
        arena: &mut Arena,
        row: Arrival<'_>,
        Stretch { first, last }: Stretch,
        scratch: &mut Vec<u8>,
    ) -> Group {
        let key = row.keys.row(row.row);
        let slot = layout.insert(arena, self.pane, row.hash, key, scratch);
        let group = Group { pane: self.pane, slot };
        let mut extent = Extent { first, last, due: 0 };
        extent.due = self.end(extent);
        layout.set_extent(arena, group, extent);
        let key = key_entry(row.hash, first, slot);
        assert!(self.root.session_keys().insert(arena, &Bytes, &key, &[]), "the slot is its own");
        let key = time_entry(extent.due, slot);
        assert!(self.root.session_times().insert(arena, &Bytes, &key, &[]), "it is its own");
        group
    }

    /// Has something done with a session when the limit has come to a moment.
    fn put_off(&self, layout: &Layout, arena: &mut Arena, group: Group, due: i64) {
        let extent = layout.extent(arena, group);
        let (times, slot) = (self.root.session_times(), group.slot);
        let old = time_entry(extent.due, slot);
        assert!(times.remove(arena, &Bytes, &old), "every session is in the tree");
        times.insert(arena, &Bytes, &time_entry(due, slot), &[]);
        layout.set_extent(arena, group, Extent { due, ..extent });
    }

    /// Makes a session go from one moment to another.
    fn reach(
        &self,
        layout: &Layout,
        arena: &mut Arena,
        group: Group,
        hash: u64,
        Stretch { first, last }: Stretch,
    ) {
        let before = layout.extent(arena, group);
        if first != before.first {
            let keys = self.root.session_keys();
            let old = key_entry(hash, before.first, group.slot);
            assert!(keys.remove(arena, &Bytes, &old), "every session is in the tree");
            keys.insert(arena, &Bytes, &key_entry(hash, first, group.slot), &[]);
        }
        let extent = Extent { first, last, ..before };
        if extent != before {
            layout.set_extent(arena, group, extent);
            self.hurry(layout, arena, group, extent);
        }
    }

    /// Sees to it that a session that changed is looked at when it ends: one that was closed and
    /// waits for late rows may have been opened again.
    fn hurry(&self, layout: &Layout, arena: &mut Arena, group: Group, extent: Extent) {
        let end = self.end(extent);
        if extent.due > end {
            self.put_off(layout, arena, group, end);
        }
    }

    /// Adds a session to another that is before it. It keeps its slot, without rows.
    fn join(
        &self,
        spec: &Spec,
        arena: &mut Arena,
        (from, into): (Group, Group),
        scratch: (&mut Vec<u8>, &mut Moved),
    ) {
        let layout = &spec.layout;
        let (text, moved) = scratch;
        let (near, far) = (layout.extent(arena, into), layout.extent(arena, from));
        let rows = layout.rows(arena, from);
        layout.add_rows(arena, into, rows);
        let [here, there] = [from, into].map(|group| layout.located(arena, group));
        let pair = [Pair { from: here, into: there }];
        for call in &spec.accumulators {
            call.merge(arena, layout, &pair, text);
            while call.take_out(arena, layout, from, moved) {
                call.take_cell(arena, layout, into, moved);
            }
            call.let_go(arena, layout, from);
        }
        let extent = Extent { last: near.last.max(far.last), ..near };
        layout.set_extent(arena, into, extent);
        self.hurry(layout, arena, into, extent);
        self.forget(spec, arena, from);
    }

    /// Takes a session whose states were emptied out of the trees. It has no rows then.
    fn forget(&self, spec: &Spec, arena: &mut Arena, group: Group) {
        let layout = &spec.layout;
        let rows = layout.rows(arena, group);
        layout.add_rows(arena, group, -rows);
        let extent = layout.extent(arena, group);
        let key = key_entry(layout.hash(arena, group), extent.first, group.slot);
        assert!(self.root.session_keys().remove(arena, &Bytes, &key), "it is in the tree");
        let key = time_entry(extent.due, group.slot);
        assert!(self.root.session_times().remove(arena, &Bytes, &key), "it is in the tree");
        layout.set_extent(arena, group, Extent { due: GONE, ..extent });
    }

    /// Frees a session.
    fn free(
        &self,
        spec: &Spec,
        arena: &mut Arena,
        group: Group,
        (scratch, moved): (&mut Vec<u8>, &mut Moved),
    ) {
        for call in &spec.accumulators {
            while call.take_out(arena, &spec.layout, group, moved) {}
            call.let_go(arena, &spec.layout, group);
        }
        self.forget(spec, arena, group);
        spec.layout.remove(arena, group, scratch);
    }

    /// The sessions with which something is to be done once the limit is there, at most `count`.
    fn due(&self, arena: &Arena, limit: Time, count: usize, out: &mut Vec<Group>) {
        out.clear();
        self.root.session_times().walk(arena, &Bytes, std::ops::Bound::Unbounded, |key, _| {
            let due = to_i64(key[..8].try_into().expect("eight bytes")) <= limit.0;
            if due && out.len() < count {
                out.push(Group { pane: self.pane, slot: slot_of(&key[8..]) });
            }
            due && out.len() < count
        });
    }
}

/// Scratch space for sessions that end.
#[derive(Debug)]
pub(super) struct Ending {
    due: Vec<Group>,
    /// Sessions that are put out now.
    newly: Vec<Group>,
    shown: Shown,
    scratch: Vec<u8>,
    moved: Moved,
    kept: Option<Kept>,
    /// The key of a session, and which columns that is.
    key: Vec<Column>,
    picks: Vec<usize>,
}

impl Ending {
    /// Nothing ends.
    pub(super) fn new(spec: &Spec) -> Ending {
        let moved = Moved::new(&spec.options.input);
        let (due, newly, scratch) = (Vec::new(), Vec::new(), Vec::new());
        let key = spec.options.keys.iter().map(|&key| Column::new(spec.options.input[key]));
        Ending {
            due,
            newly,
            shown: Shown::default(),
            scratch,
            moved,
            kept: spec.kept.clone(),
            key: key.collect(),
            picks: (0..spec.options.keys.len()).collect(),
        }
    }

    /// Has something done with the rows that are kept of a session.
    fn with_rows<T>(
        &mut self,
        spec: &Spec,
        arena: &mut Arena,
        group: Group,
        ask: impl FnOnce(&mut Kept, &mut Arena, Owner<'_>, Stretch) -> T,
    ) -> Option<T> {
        let (kept, layout) = (self.kept.as_mut()?, &spec.layout);
        self.key.iter_mut().for_each(Column::clear);
        let key = layout.key_of(arena, group);
        layout.keys().read(arena, group.pane.heap(), key, &mut self.key);
        let key = Row { columns: &self.key, picks: &self.picks, row: 0 };
        let Extent { first, last, .. } = layout.extent(arena, group);
        let owner = Owner { hash: layout.hash(arena, group), key };
        Some(ask(kept, arena, owner, Stretch { first, last }))
    }

    /// How many values and rows are kept of the sessions that are due.
    fn cells(&mut self, spec: &Spec, arena: &mut Arena) -> usize {
        let mut cells = 0;
        for at in 0..self.due.len() {
            let group = self.due[at];
            let calls = spec.accumulators.iter();
            cells += calls.map(|call| call.cells(arena, &spec.layout, group)).sum::<usize>();
            let rows = self.with_rows(spec, arena, group, |kept, arena, owner, stretch| {
                kept.count(arena, owner, stretch, usize::MAX)
            });
            cells += rows.unwrap_or(0);
        }
        cells
    }

    /// Puts out and frees the next sessions that a watermark with this limit ends.
    pub(super) fn step(&mut self, spec: &Spec, context: &mut Context<'_>, limit: Time) -> Ended {
        let sessions = Sessions::of(spec);
        let windows = spec.windows.as_ref().expect("sessions are windows");
        let layout = &spec.layout;
        sessions.due(context.arena, limit, MORSEL_ROWS_MAX.min(*context.fuel), &mut self.due);
        if self.due.is_empty() {
            return Ended::All;
        }
        let cells = self.cells(spec, context.arena);
        let allowed = spec.allow(context, self.due.len(), |_| cells.saturating_mul(CELL_BYTES));
        if allowed == 0 {
            return Ended::Stuck;
        }
        context.burn(allowed);
        self.due.truncate(allowed);
        let end = |arena: &Arena, group: Group| sessions.end(layout.extent(arena, group));
        let before = spec.limit(context.arena);
        let newly = |arena: &Arena, group: Group| {
            let end = end(arena, group);
            windows.on_close() && end > before.0 && end <= limit.0
        };
        self.newly.clear();
        self.newly.extend(self.due.iter().filter(|group| newly(context.arena, **group)));
        let mut morsel = context.pool.take(spec.options.output_shape);
        let columns = &mut morsel.columns;
        spec.write_rows(context.arena, &self.newly, &mut self.shown, columns, None);
        morsel.set_rows(self.shown.visible.len());
        spec.tell_withheld(&self.shown, context);
        for at in 0..self.due.len() {
            let group = self.due[at];
            let end = end(context.arena, group);
            let gone = end.saturating_add(windows.lateness_us());
            if end > limit.0 || gone > limit.0 {
                let due = if end > limit.0 { end } else { gone };
                sessions.put_off(layout, context.arena, group, due);
            } else {
                self.with_rows(spec, context.arena, group, Kept::free);
                let scratch = (&mut self.scratch, &mut self.moved);
                sessions.free(spec, context.arena, group, scratch);
            }
        }
        if morsel.is_empty() {
            context.pool.put(morsel);
            return Ended::Some(None);
        }
        Ended::Some(Some(morsel))
    }
}

/// How far a step came.
#[derive(Debug)]
pub(super) enum Ended {
    /// Some sessions were worked off; these are their rows, if any are put out.
    Some(Option<Morsel>),
    /// Lacks fuel or memory.
    Stuck,
    /// None is left.
    All,
}

/// Works on the next rows of a part. Returns how many that were; zero if none is allowed.
pub(super) fn work(
    parts: &mut Parts,
    spec: &Spec,
    context: &mut Context<'_>,
    given: &mut Given,
    changes: &mut Changes,
) -> usize {
    let (from, taken) = (given.listed, parts.assigned.taken.len() - given.listed);
    let text = |parts: &Parts, rows: usize| {
        let rows_ahead = parts.assigned.taken[from..].iter().take(rows);
        let bytes = rows_ahead.map(|&row| spec.text_bytes(&given.morsel, row as usize));
        bytes.max().unwrap_or(0) * rows
    };
    let mut allowed = spec.allow(context, taken, |rows| text(parts, rows));
    let cells = touch(parts, spec, context.arena, given, allowed);
    if cells > 0 {
        // What has to move if two sessions meet.
        let moving = cells.saturating_mul(CELL_BYTES) + TEXT_BYTES_MAX;
        allowed = spec.allow(context, allowed, |rows| text(parts, rows) + moving);
    }
    if allowed > 0 {
        changes.before(spec, context.arena, &parts.touched);
        parts.calls.begin();
        for at in from..from + allowed {
            add(parts, spec, context.arena, &given.morsel, at);
        }
        if !parts.gone.is_empty() {
            let moved = split::settle(parts, spec, context, &given.morsel);
            context.burn(moved.min(*context.fuel - allowed));
        }
        given.listed += allowed;
        parts.tell_failed(spec, context, &given.morsel);
        changes.more(parts.touched.len());
        changes.after(spec, context.arena, &parts.touched);
        changes.tell_withheld(spec, context);
    }
    release(parts, spec, context.arena);
    allowed
}

/// Remembers the sessions that rows may change. Returns how many cells those have.
fn touch(parts: &mut Parts, spec: &Spec, arena: &mut Arena, given: &Given, rows: usize) -> usize {
    let sessions = Sessions::of(spec);
    let keys = &spec.layout.keys().probe(&given.morsel.columns, &spec.options.keys);
    parts.touched.clear();
    let mut cells = 0;
    for at in given.listed..given.listed + rows {
        let arrival = parts.arrival(keys, at);
        let Near { before, after } = sessions.near(&spec.layout, arena, arrival);
        for group in before.into_iter().chain(after) {
            if !spec.layout.is_marked(arena, group) {
                spec.layout.set_mark(arena, group, true);
                parts.touched.push(group);
                let calls = spec.accumulators.iter();
                cells += calls.map(|call| call.cells(arena, &spec.layout, group)).sum::<usize>();
            }
        }
    }
    cells
}

/// Adds a row to its session, or takes it back.
fn add(parts: &mut Parts, spec: &Spec, arena: &mut Arena, morsel: &Morsel, at: usize) {
    let (sessions, layout) = (Sessions::of(spec), &spec.layout);
    let keys = &layout.keys().probe(&morsel.columns, &spec.options.keys);
    let row = parts.arrival(keys, at);
    let near = sessions.near(layout, arena, row);
    let group = match near {
        Near { before: Some(group), after: None } | Near { before: None, after: Some(group) } => {
            group
        }
        Near { before: Some(group), after: Some(other) } => {
            sessions.join(spec, arena, (other, group), (&mut parts.scratch, &mut parts.moved));
            group
        }
        Near { before: None, after: None } => {
            let alone = Stretch { first: row.time, last: row.time };
            let group = sessions.begin(layout, arena, row, alone, &mut parts.scratch);
            layout.set_mark(arena, group, true);
            parts.touched.push(group);
            group
        }
    };
    let Extent { first, last, .. } = layout.extent(arena, group);
    let grown = Stretch { first: first.min(row.time), last: last.max(row.time) };
    sessions.reach(layout, arena, group, row.hash, grown);
    if let Some(kept) = &mut parts.kept
        && kept.apply(arena, morsel, row, parts.row_hashes[row.row])
    {
        parts.gone.push(at);
    }
    let place = layout.locate(arena, group);
    layout.add_rows_at(arena, place, morsel.weight(row.row));
    let entries = &[Entry { row: row.row as u32, group, place }];
    for call in &spec.accumulators {
        call.update(arena, layout, morsel, entries, &mut parts.calls);
    }
}

/// Has a session where it was that was moved here, group and states.
pub(super) fn take_in(spec: &Spec, arena: &mut Arena, group: Group, extent: Extent) {
    let Sessions { root, .. } = Sessions::of(spec);
    spec.layout.set_extent(arena, group, extent);
    let key = key_entry(spec.layout.hash(arena, group), extent.first, group.slot);
    assert!(root.session_keys().insert(arena, &Bytes, &key, &[]), "the slot is its own");
    let key = time_entry(extent.due, group.slot);
    assert!(root.session_times().insert(arena, &Bytes, &key, &[]), "it is its own");
}

/// Takes the marks away, and frees the sessions that are part of others.
fn release(parts: &mut Parts, spec: &Spec, arena: &mut Arena) {
    for &group in &parts.touched {
        spec.layout.set_mark(arena, group, false);
        if spec.layout.extent(arena, group).due == GONE {
            spec.layout.remove(arena, group, &mut parts.scratch);
        }
    }
}

fn key_entry(hash: u64, first: i64, slot: SlotId) -> [u8; KEY_ENTRY_BYTES] {
    let mut entry = [0; KEY_ENTRY_BYTES];
    entry[..8].copy_from_slice(&hash.to_be_bytes());
    entry[8..16].copy_from_slice(&of_i64(first));
    entry[16..].copy_from_slice(&slot.0.to_be_bytes());
    entry
}

fn time_entry(due: i64, slot: SlotId) -> [u8; TIME_ENTRY_BYTES] {
    let mut entry = [0; TIME_ENTRY_BYTES];
    entry[..8].copy_from_slice(&of_i64(due));
    entry[8..].copy_from_slice(&slot.0.to_be_bytes());
    entry
}

fn slot_of(bytes: &[u8]) -> SlotId {
    SlotId(u32::from_be_bytes(bytes[..4].try_into().expect("four bytes")))
}

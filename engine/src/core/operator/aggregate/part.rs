//! A part of a morsel, as much as fuel and memory allow: rows to groups, groups to states.

use std::ops::Range;

use sluicedb_sql::expr::RowError;

use super::Spec;
use super::accumulator::{Entry, Moved, Scratch};
use super::assign::Assigned;
use super::changes::Changes;
use super::finder::{Finder, Wanted};
use super::layout::{Group, Pane, Place};
use super::sessions::{self, Arrival, Kept, Moving};
use super::windows::Target;
use crate::core::arena::{Arena, BlockId, SlotId};
use crate::core::effect::Effect;
use crate::core::hash::hash_rows;
use crate::core::ids::Time;
use crate::core::morsel::Morsel;
use crate::core::operator::Context;
use crate::core::row::Probe;

/// The morsel that is worked on, and how far.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) morsel: Morsel,
    /// Whether its rows were sorted out.
    sorted: bool,
    /// How many of the rows that are taken have had their targets listed.
    pub(super) listed: usize,
    /// How many of the listed targets of the last of them are done.
    done: usize,
}

/// Scratch space for parts.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) assigned: Assigned,
    /// Hashes of the keys of the rows that are taken.
    hashes: Vec<u64>,
    /// Slots that may be those of the groups that are looked for.
    guesses: Vec<u32>,
    targets: Vec<Target>,
    /// Panes that rows of this morsel went into, sorted by target.
    panes: Vec<(Target, Pane)>,
    /// As many as a part has ever had; the first `listed` are those of the part at hand.
    entries: Vec<Entry>,
    listed: usize,
    /// Groups whose change is put out, in the order of their first row.
    pub(super) touched: Vec<Group>,
    /// Other groups that may lose their last row.
    quiet: Vec<Group>,
    pub(super) scratch: Vec<u8>,
    pub(super) calls: Scratch,
    /// A cell on its way from one session to another.
    pub(super) moved: Moved,
    /// The rows of sessions, where they can be taken back.
    pub(super) kept: Option<Kept>,
    /// Hashes of those rows as they are kept.
    pub(super) row_hashes: Vec<u64>,
    /// Which of the rows that are taken were the last of theirs to go.
    pub(super) gone: Vec<usize>,
    /// Rows on their way from one session to another.
    pub(super) moving: Moving,
}

impl Given {
    /// A morsel of which nothing is done.
    pub(super) fn new(morsel: Morsel) -> Given {
        Given { morsel, sorted: false, listed: 0, done: 0 }
    }
}

impl Parts {
    /// Scratch space.
    pub(super) fn new(spec: &Spec) -> Parts {
        Parts {
            assigned: Assigned::default(),
            hashes: Vec::new(),
            guesses: Vec::new(),
            targets: Vec::new(),
            panes: Vec::new(),
            entries: Vec::new(),
            listed: 0,
            touched: Vec::new(),
            quiet: Vec::new(),
            scratch: Vec::new(),
            calls: Scratch::default(),
            moved: Moved::new(&spec.options.input),
            kept: spec.kept.clone(),
            row_hashes: Vec::new(),
            gone: Vec::new(),
            moving: Moving::default(),
        }
    }

    /// Row `at` of those that are taken, as sessions see it.
    pub(super) fn arrival<'a>(&self, keys: &'a Probe<'a>, at: usize) -> Arrival<'a> {
        let (row, time) = (self.assigned.taken[at] as usize, self.assigned.slices[at]);
        Arrival { keys, row, hash: self.hashes[at], time }
    }

    /// Sorts out the rows of a morsel. Returns those that are late.
    pub(super) fn sort(
        &mut self,
        spec: &Spec,
        context: &mut Context<'_>,
        given: &mut Given,
    ) -> Option<Morsel> {
        if std::mem::replace(&mut given.sorted, true) {
            return None;
        }
        let morsel = &given.morsel;
        let positive = || morsel.weights.iter().all(|weight| *weight >= 0);
        assert!(spec.options.retracts || positive(), "the plan says that no row is taken back");
        self.assigned.assign(spec.windows.as_ref(), morsel);
        self.panes.clear();
        self.targets.clear();
        let keys = spec.options.keys.iter().map(|&column| &morsel.columns[column]);
        hash_rows(keys, morsel.rows(), &mut self.hashes);
        if let Some(kept) = &self.kept {
            hash_rows(kept.of(morsel), morsel.rows(), &mut self.row_hashes);
        }
        let Assigned { taken, late, untimed, errors, .. } = &mut self.assigned;
        if taken.len() < morsel.rows() {
            // Row numbers ascend, so none is read behind where it was written.
            taken
                .iter()
                .enumerate()
                .for_each(|(at, &row)| self.hashes[at] = self.hashes[row as usize]);
        }
        spec.root.count(context.arena, late.len(), untimed.len());
        if !untimed.is_empty() {
            let mut dead = context.pool.take(spec.options.late_shape);
            dead.gather(morsel, untimed);
            let (operator, errors) = (spec.place.operator, std::mem::take(errors));
            let epoch = context.epoch;
            context.effects.push(Effect::DeadLetters { operator, epoch, morsel: dead, errors });
        }
        if late.is_empty() {
            return None;
        }
        let mut rows = context.pool.take(spec.options.late_shape);
        rows.gather(morsel, late);
        let (operator, epoch) = (spec.place.operator, context.epoch);
        let morsel = context.pool.copy(&rows);
        context.effects.push(Effect::Late { operator, epoch, morsel });
        Some(rows)
    }

    /// Whether all rows were worked on.
    pub(super) fn is_done(&self, given: &Given) -> bool {
        given.listed == self.assigned.taken.len() && given.done == self.targets.len()
    }

    /// Works on the next rows. Returns how many targets that were; zero if none is allowed.
    pub(super) fn work(
        &mut self,
        spec: &Spec,
        context: &mut Context<'_>,
        given: &mut Given,
        changes: &mut Changes,
    ) -> usize {
        if spec.is_session() {
            return sessions::work(self, spec, context, given, changes);
        }
        let from = given.listed.saturating_sub(1);
        let ahead = &self.assigned.taken[from..];
        let of_any = spec.text_bytes_of_any(&given.morsel);
        let text_bytes = |entries: usize| {
            if let Some(bytes) = of_any {
                return bytes * entries;
            }
            let rows = ahead.iter().take(entries + 1);
            let longest = rows.map(|&row| spec.text_bytes(&given.morsel, row as usize)).max();
            longest.unwrap_or(0) * entries
        };
        let allowed = spec.allow(context, usize::MAX, text_bytes);
        if allowed == 0 {
            return 0;
        }
        self.group(spec, context.arena, given, allowed);
        changes.before(spec, context.arena, &self.touched);
        let (weights, entries) = (&given.morsel.weights[..], &self.entries[..self.listed]);
        for entry in entries {
            let weight = if weights.is_empty() { 1 } else { weights[entry.row as usize] };
            spec.layout.add_rows_at(context.arena, entry.place, weight);
        }
        self.calls.begin();
        for call in &spec.accumulators {
            call.update(context.arena, &spec.layout, &given.morsel, entries, &mut self.calls);
        }
        self.tell_failed(spec, context, &given.morsel);
        changes.after(spec, context.arena, &self.touched);
        changes.tell_withheld(spec, context);
        self.release(spec, context.arena);
        self.listed
    }

    /// Tells of the rows that functions of the application's failed on.
    pub(super) fn tell_failed(&mut self, spec: &Spec, context: &mut Context<'_>, morsel: &Morsel) {
        let failed = &mut self.calls.failed;
        if failed.is_empty() {
            return;
        }
        failed.sort_unstable();
        failed.dedup();
        let mut dead = context.pool.take(spec.options.late_shape);
        dead.gather(morsel, failed);
        let errors = vec![RowError::Aggregate; failed.len()];
        failed.clear();
        let (operator, epoch) = (spec.place.operator, context.epoch);
        context.effects.push(Effect::DeadLetters { operator, epoch, morsel: dead, errors });
    }

    /// Finds or makes the groups of the next rows, at most `allowed` in all.
    fn group(&mut self, spec: &Spec, arena: &mut Arena, given: &mut Given, allowed: usize) {
        self.listed = 0;
        if self.entries.len() < allowed {
            let group = Group { pane: spec.root.pane(), slot: SlotId::NONE };
            let place = Place { block: BlockId::NONE, at: 0 };
            self.entries.resize(allowed, Entry { row: 0, group, place });
        }
        self.touched.clear();
        self.quiet.clear();
        let limit = spec.limit(arena);
        while self.listed < allowed {
            if given.done == self.targets.len() {
                if given.listed == self.assigned.taken.len() {
                    break;
                }
                self.list_targets(spec, &given.morsel, given.listed, limit);
                (given.listed, given.done) = (given.listed + 1, 0);
            }
            let first = given.listed - 1;
            let target = self.targets[given.done];
            given.done += 1;
            if self.targets.len() == 1 {
                given.listed += self.alike(spec, &given.morsel, first, allowed - self.listed);
            }
            let before = self.listed;
            self.find(spec, arena, &given.morsel, first..given.listed, target);
            let at_once = spec.puts_out(target, limit);
            if at_once || spec.options.retracts {
                self.touch(spec, arena, before, at_once);
            }
        }
    }

    /// How many of the `rows - 1` rows behind one have the same targets as it has.
    fn alike(&self, spec: &Spec, morsel: &Morsel, first: usize, rows: usize) -> usize {
        let Assigned { taken, slices, .. } = &self.assigned;
        let end = taken.len().min(first + rows);
        let Some(windows) = &spec.windows else { return end - first - 1 };
        let slice = slices[first];
        let others = slices[first + 1..end].iter();
        let same = others.take_while(|&&other| other == slice).count();
        if windows.single() || morsel.behind.is_empty() {
            return same;
        }
        let behind = |row: u32| morsel.behind(row as usize);
        let others = taken[first + 1..][..same].iter();
        others.take_while(|&&row| behind(row) == behind(taken[first])).count()
    }

    /// Finds or makes the groups of some of the rows that are taken.
    fn find(
        &mut self,
        spec: &Spec,
        arena: &mut Arena,
        morsel: &Morsel,
        rows: Range<usize>,
        target: Target,
    ) {
        let pane = self.pane(spec, arena, target);
        let keys = spec.layout.keys().probe(&morsel.columns, &spec.options.keys);
        let hashes = &self.hashes[rows.clone()];
        self.guesses.clear();
        Finder::new(&spec.layout, arena, pane).guess(hashes, &mut self.guesses);
        let rows = &self.assigned.taken[rows];
        let mut wanted = Wanted { rows, hashes, guesses: &self.guesses };
        loop {
            // Groups that are there are looked up in one go; one that is not changes the pane.
            let finder = Finder::new(&spec.layout, arena, pane);
            let found = finder.entries(wanted, &keys, &mut self.entries[self.listed..]);
            self.listed += found;
            wanted = wanted.from(found);
            let (Some(&row), Some(&hash)) = (wanted.rows.first(), wanted.hashes.first()) else {
                return;
            };
            let key = keys.row(row as usize);
            let slot = spec.layout.insert(arena, pane, hash, key, &mut self.scratch);
            let group = Group { pane, slot };
            self.entries[self.listed] =
                Entry { row, group, place: spec.layout.locate(arena, group) };
            self.listed += 1;
            wanted = wanted.from(1);
        }
    }

    fn list_targets(&mut self, spec: &Spec, morsel: &Morsel, at: usize, limit: Time) {
        self.targets.clear();
        match &spec.windows {
            None => self.targets.push(Target::All),
            Some(windows) => {
                let behind = morsel.behind(self.assigned.taken[at] as usize);
                windows.targets(self.assigned.slices[at], behind, limit, &mut self.targets);
            }
        }
    }

    #[inline]
    fn pane(&mut self, spec: &Spec, arena: &mut Arena, target: Target) -> Pane {
        match self.panes.binary_search_by_key(&target, |&(known, _)| known) {
            Ok(at) => self.panes[at].1,
            Err(at) => {
                let pane = spec.root.pane_of(arena, &spec.layout, spec.place.zone, target);
                self.panes.insert(at, (target, pane));
                pane
            }
        }
    }

    /// Remembers the groups of the entries from `from` on: they are put out at once, or may have
    /// to be freed.
    fn touch(&mut self, spec: &Spec, arena: &mut Arena, from: usize, at_once: bool) {
        let list = if at_once { &mut self.touched } else { &mut self.quiet };
        for &Entry { group, .. } in &self.entries[from..self.listed] {
            if !spec.layout.is_marked(arena, group) {
                spec.layout.set_mark(arena, group, true);
                list.push(group);
            }
        }
    }

    /// Takes the marks away, and frees the groups that lost everything.
    fn release(&mut self, spec: &Spec, arena: &mut Arena) {
        for &group in self.touched.iter().chain(&self.quiet) {
            spec.layout.set_mark(arena, group, false);
            if !spec.is_empty(arena, group) {
                continue;
            }
            spec.layout.remove(arena, group, &mut self.scratch);
            if spec.windows.is_some() && group.pane.groups(arena) == 0 {
                let at = self.panes.iter().position(|&(_, pane)| pane == group.pane);
                let (target, pane) = self.panes.remove(at.expect("the pane was looked up"));
                spec.root.free(arena, target, pane);
            }
        }
    }
}

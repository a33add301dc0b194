//! A part of a morsel, as much as fuel and memory allow: rows to groups, groups to states.

use super::Spec;
use super::accumulator::Entry;
use super::assign::Assigned;
use super::changes::Changes;
use super::layout::{Group, Pane};
use super::windows::Target;
use crate::core::arena::Arena;
use crate::core::hash::hash_rows;
use crate::core::ids::Time;
use crate::core::morsel::Morsel;
use crate::core::operator::Context;
use crate::core::row::Row;

/// The morsel that is worked on, and how far.
#[derive(Debug)]
pub(super) struct Given {
    pub(super) morsel: Morsel,
    /// Whether its rows were sorted out.
    sorted: bool,
    /// How many of the rows that are taken have had their targets listed.
    listed: usize,
    /// How many of the listed targets of the last of them are done.
    done: usize,
}

/// Scratch space for parts.
#[derive(Debug, Default)]
pub(super) struct Parts {
    assigned: Assigned,
    hashes: Vec<u64>,
    targets: Vec<Target>,
    /// Panes that rows of this morsel went into, sorted by target.
    panes: Vec<(Target, Pane)>,
    entries: Vec<Entry>,
    /// Groups whose change is put out, in the order of their first row.
    touched: Vec<Group>,
    /// Other groups that may lose their last row.
    quiet: Vec<Group>,
    scratch: Vec<u8>,
}

impl Given {
    /// A morsel of which nothing is done.
    pub(super) fn new(morsel: Morsel) -> Given {
        Given { morsel, sorted: false, listed: 0, done: 0 }
    }
}

impl Parts {
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
        let Assigned { late, untimed, .. } = &self.assigned;
        spec.root.count(context.arena, late.len(), *untimed);
        if late.is_empty() {
            return None;
        }
        let mut rows = context.pool.take(spec.options.late_shape);
        rows.gather(morsel, late);
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
        let from = given.listed.saturating_sub(1);
        let ahead = &self.assigned.taken[from..];
        let text_bytes = |entries: usize| {
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
        for entry in &self.entries {
            let weight = given.morsel.weight(entry.row as usize);
            spec.layout.add_rows_at(context.arena, entry.place, weight);
        }
        for call in &spec.accumulators {
            call.update(context.arena, &spec.layout, &given.morsel, &self.entries);
        }
        changes.after(spec, context.arena, &self.touched);
        self.release(spec, context.arena);
        self.entries.len()
    }

    /// Finds or makes the groups of the next rows, at most `allowed` in all.
    fn group(&mut self, spec: &Spec, arena: &mut Arena, given: &mut Given, allowed: usize) {
        self.entries.clear();
        self.touched.clear();
        self.quiet.clear();
        let limit = spec.limit(arena);
        while self.entries.len() < allowed {
            if given.done == self.targets.len() {
                if given.listed == self.assigned.taken.len() {
                    break;
                }
                self.list_targets(spec, &given.morsel, given.listed, limit);
                (given.listed, given.done) = (given.listed + 1, 0);
            }
            let row = self.assigned.taken[given.listed - 1];
            let target = self.targets[given.done];
            given.done += 1;
            let pane = self.pane(spec, arena, target);
            let hash = self.hashes[row as usize];
            let key = Row {
                columns: &given.morsel.columns,
                picks: &spec.options.keys,
                row: row as usize,
            };
            let slot = match spec.layout.find(arena, pane, hash, key) {
                Some(slot) => slot,
                None => spec.layout.insert(arena, pane, hash, key, &mut self.scratch),
            };
            let group = Group { pane, slot };
            let place = spec.layout.locate(arena, group);
            self.entries.push(Entry { row, group, place });
            self.touch(spec, arena, target, group, limit);
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

    /// Remembers a group that is put out at once, or may have to be freed.
    #[inline]
    fn touch(&mut self, spec: &Spec, arena: &mut Arena, target: Target, group: Group, limit: Time) {
        let at_once = spec.puts_out(target, limit);
        if !at_once && !spec.options.retracts {
            return;
        }
        if !spec.layout.is_marked(arena, group) {
            spec.layout.set_mark(arena, group, true);
            if at_once { &mut self.touched } else { &mut self.quiet }.push(group);
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

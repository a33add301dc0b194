//! A history without the statements about what is gone, so that a directory lives for ever.
//!
//! Invariant: what is left makes the same objects and the same graph, number by number: it is carried
//! out and compared before it takes the place of the longer one. Numbers are used again, so a statement
//! about what is gone may be needed all the same: it keeps a place taken that another one passed over.

use std::collections::{BTreeMap, BTreeSet};

use sluicedb_sql::catalog::{Catalog, Object};
use sluicedb_sql::dialect::Statement;

use super::{Entry, History, Resumed};
use crate::db::statement::single;

/// Bytes below which nobody looks for what could go.
pub(super) const LONG_BYTES: usize = 32 << 10;
/// Of the objects that nothing that lives was made beside, so many of the first and of the last are kept
/// in turn, until what is left makes the same: they may be what has used the most numbers.
const ENDS: [(usize, usize); 9] =
    [(0, 0), (1, 0), (0, 1), (1, 1), (2, 0), (0, 2), (2, 1), (1, 2), (2, 2)];
/// How often a shorter history is carried out after that to see what it makes, at most.
const TRIES_MAX: usize = 6;

/// Statements about objects that are all gone, together where they are about the same ones.
type Groups = Vec<Vec<usize>>;

impl History {
    /// Without what can go, where there is any; the same otherwise. `now` is what it all comes to.
    pub(in crate::db) fn shortened(&self, begin: &Resumed, now: &Resumed, logged: bool) -> History {
        let groups = self.gone(begin, logged).unwrap_or_default();
        let all: BTreeSet<usize> = (0..self.entries.len()).collect();
        let makes = |kept: &BTreeSet<usize>| self.only(kept).makes(begin, now, logged);
        let ends = ENDS
            .iter()
            .filter_map(|(first, last)| groups.get(*first..groups.len().checked_sub(*last)?));
        let found = ends.map(|gone| without(&all, gone)).find(|kept| makes(kept));
        let kept = found.unwrap_or_else(|| halved(&all, groups.clone(), makes));
        let mut history = self.only(&kept);
        history.long_bytes = LONG_BYTES.max(2 * history.bytes.len());
        history
    }

    /// Whether it is worth while to look for what can go.
    pub(in crate::db) fn is_long(&self) -> bool {
        self.bytes.len() > self.long_bytes
    }

    fn only(&self, kept: &BTreeSet<usize>) -> History {
        History::of(kept.iter().map(|at| self.entries[*at].clone()).collect())
    }

    fn makes(&self, begin: &Resumed, now: &Resumed, logged: bool) -> bool {
        let Ok(made) = self.replay(begin.clone(), logged) else { return false };
        let catalog = made.catalog.going_on_at(now.catalog.plan().next_id());
        catalog.plan() == now.catalog.plan()
            && made.graph.fingerprint() == now.graph.fingerprint()
            && objects(&catalog) == objects(&now.catalog)
    }

    /// What is all gone, the oldest first, but for what something that lives was made beside, and for
    /// what was there when there was last as much as ever.
    fn gone(&self, begin: &Resumed, logged: bool) -> Option<Groups> {
        let mut lives = Lives::over(&begin.catalog);
        let mut at = begin.clone();
        let (mut touched, mut counts) = (Vec::new(), Vec::new());
        for entry in &self.entries {
            let one = History::of(vec![entry.clone()]);
            let next = one.replay(at.clone(), logged).ok()?;
            touched.push(lives.touched(entry, &at.catalog, &next.catalog));
            counts.push(lives.alive.iter().filter(|alive| **alive).count());
            at = next;
        }
        let (gone, stay) = lives.groups(&touched);
        let peak = (0..counts.len()).max_by_key(|at| counts[*at]);
        let beside = |group: &Vec<usize>| {
            let (first, last) = (group[0], group[group.len() - 1]);
            peak.is_some_and(|peak| (first..last).contains(&peak))
                || stay.iter().flatten().any(|at| (first..last).contains(at))
        };
        Some(gone.into_iter().filter(|group| !beside(group)).collect())
    }
}

fn without(all: &BTreeSet<usize>, groups: &[Vec<usize>]) -> BTreeSet<usize> {
    let gone: BTreeSet<usize> = groups.iter().flatten().copied().collect();
    all - &gone
}

/// What is left where halves of halves go whose absence shows nowhere.
fn halved(
    all: &BTreeSet<usize>,
    groups: Groups,
    makes: impl Fn(&BTreeSet<usize>) -> bool,
) -> BTreeSet<usize> {
    let (mut kept, mut left) = (all.clone(), vec![groups]);
    for _ in 0..TRIES_MAX {
        let Some(mut groups) = left.pop() else { break };
        let fewer = without(&kept, &groups);
        if makes(&fewer) {
            kept = fewer;
        } else if groups.len() > 1 {
            left.push(groups.split_off(groups.len() / 2));
            left.push(groups);
        }
    }
    kept
}

/// All that is known of objects, as a text.
fn objects(catalog: &Catalog) -> Vec<String> {
    catalog.objects().map(|object| format!("{object:?}")).collect()
}

/// The objects there were, by number: a name may have been that of one after the other.
struct Lives {
    named: BTreeMap<String, usize>,
    alive: Vec<bool>,
}

impl Lives {
    fn over(catalog: &Catalog) -> Lives {
        let mut lives = Lives { named: BTreeMap::new(), alive: Vec::new() };
        for object in catalog.objects() {
            lives.born(&object.name);
        }
        lives
    }

    fn born(&mut self, name: &str) -> usize {
        let number = self.alive.len();
        self.alive.push(true);
        self.named.insert(name.to_owned(), number);
        number
    }

    /// The objects that a statement is about.
    fn touched(&mut self, entry: &Entry, before: &Catalog, after: &Catalog) -> BTreeSet<usize> {
        let mut touched = BTreeSet::new();
        let names = before.objects().chain(after.objects()).map(|object| object.name.clone());
        for name in names.collect::<BTreeSet<String>>() {
            let (was, is) = (before.object(&name), after.object(&name));
            let same = |was: &Object, is: &Object| was.node() == is.node() && was.nodes == is.nodes;
            match (was, is) {
                (Some(was), Some(is)) if std::ptr::eq(was, is) => {}
                (Some(was), Some(is)) if same(was, is) => {
                    touched.insert(self.named[&name]);
                }
                (was, is) => {
                    if was.is_some() {
                        let number = self.named.remove(&name).expect("it was born");
                        self.alive[number] = false;
                        touched.insert(number);
                    }
                    if is.is_some() {
                        touched.insert(self.born(&name));
                    }
                }
            }
        }
        let statement = single(&entry.text).ok().map(|parsed| parsed.statement);
        if let Some(Statement::Pause(target) | Statement::Resume(target)) = statement {
            touched.extend(self.named.get(&target.name.name));
        }
        touched
    }

    /// Statements that hang together: those about nothing that lives, and the others.
    fn groups(&self, touched: &[BTreeSet<usize>]) -> (Groups, Groups) {
        // Of each object the first statement about it; of each statement one that it hangs on.
        let mut first: Vec<Option<usize>> = vec![None; self.alive.len()];
        let mut parent: Vec<usize> = (0..touched.len()).collect();
        for (at, objects) in touched.iter().enumerate() {
            for object in objects {
                let other = *first[*object].get_or_insert(at);
                let (a, b) = (root(&parent, at), root(&parent, other));
                parent[a.max(b)] = a.min(b);
            }
        }
        let mut groups: BTreeMap<usize, (bool, Vec<usize>)> = BTreeMap::new();
        for (at, objects) in touched.iter().enumerate() {
            let (dead, group) = groups.entry(root(&parent, at)).or_insert((true, Vec::new()));
            *dead &= !objects.is_empty() && objects.iter().all(|object| !self.alive[*object]);
            group.push(at);
        }
        let (gone, stay): (Vec<_>, Vec<_>) = groups.into_values().partition(|(dead, _)| *dead);
        let of = |groups: Vec<(bool, Vec<usize>)>| groups.into_iter().map(|(_, of)| of).collect();
        (of(gone), of(stay))
    }
}

fn root(parent: &[usize], mut at: usize) -> usize {
    while parent[at] != at {
        at = parent[at];
    }
    at
}

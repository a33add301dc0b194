//! Runs many cases, and says what differed.
//!
//! A group of cases shares one relation: its rows are pushed once and all its views read them.
//! Databases are kept for the groups that come.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sluicedb::db::{Database, Latency};
use sluicedb::plan::Plan;

use super::bounded::Bounded;
use super::group::Group;
use super::tally::Tally;
use crate::prng::Prng;

/// Queries over one relation.
const CASES_OF_GROUP: usize = 10;
/// Threads that run groups, and the most shards of a database.
const THREADS: usize = 2;
const SHARDS_MAX: usize = 4;

/// What to run.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Where all draws come from.
    pub seed: u64,
    /// How many cases.
    pub cases: usize,
    /// Whether `seed` is the one of a group that is to run alone.
    pub one_group: bool,
}

/// Runs the cases.
pub fn run(options: Options) -> Tally {
    let Options { seed, cases, one_group } = options;
    if one_group {
        return Side::default().group(seed);
    }
    let next = AtomicUsize::new(0);
    let groups = cases.div_ceil(CASES_OF_GROUP);
    let base = Prng::new(seed);
    let work = || {
        let mut side = Side::default();
        let mut tally = Tally::default();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            if at >= groups {
                return tally;
            }
            tally.add(side.group(base.split(&format!("group {at}")).bits()));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(work)).collect();
        let mut tally = Tally::default();
        for thread in threads {
            tally.add(thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
        }
        tally
    })
}

/// What one thread keeps from group to group.
#[derive(Default)]
struct Side {
    databases: BTreeMap<usize, Database>,
    bounded: Option<Bounded>,
}

impl Side {
    fn group(&mut self, seed: u64) -> Tally {
        let mut prng = Prng::new(seed);
        let shards = 1 + prng.below(SHARDS_MAX);
        let database = self.databases.entry(shards).or_insert_with(|| {
            let builder = Database::builder().shards(shards).latency(Latency::Eco);
            let builder = builder.memory_limit(256 << 20);
            builder.start(&Plan::empty()).expect("a database in memory opens")
        });
        let bounded = self.bounded.get_or_insert_with(Bounded::new);
        Group::draw(&mut prng, seed, CASES_OF_GROUP).run(database, bounded)
    }
}

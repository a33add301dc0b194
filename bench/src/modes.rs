//! Who can be measured. A further mode is one line here and one file beside this one.

use crate::engine::{bulk, inline, paced, same};
use crate::subject::{Bulk, Collector, Load, Paced, Setup};
use crate::{core_mode, hand};

/// Builds what a paced run drives. Recorders come from the collector: one for each thread that sees
/// answers.
pub type BuildPaced = for<'a> fn(&'a Setup, &Collector) -> Result<Box<dyn Paced + 'a>, String>;

/// Builds what a bulk run drives, with all batches of the load ready.
pub type BuildBulk = for<'a> fn(&'a Setup, &'a Load) -> Result<Box<dyn Bulk + 'a>, String>;

/// One way to compute a query.
#[derive(Clone, Copy, Debug)]
pub struct Mode {
    /// What it is called on the command line.
    pub name: &'static str,
    /// What it is, for `--help`.
    pub about: &'static str,
    /// Whether trades and answers cross to another CPU and back: the floor is then a ring's.
    pub crosses: bool,
    /// For latencies.
    pub paced: BuildPaced,
    /// For speeds.
    pub bulk: BuildBulk,
}

/// All modes; the first is the default.
pub const MODES: &[Mode] = &[
    Mode {
        name: "cross",
        about: "the database on shards of its own, fed from another CPU; batches are Arrow's",
        crosses: true,
        paced: paced::cross,
        bulk: bulk::cross,
    },
    Mode {
        name: "cross-structs",
        about: "the same, with batches of structs that are written row by row",
        crosses: true,
        paced: paced::cross,
        bulk: bulk::cross_structs,
    },
    Mode {
        name: "same",
        about: "the database, fed by a function of the application on the shard's own thread",
        crosses: false,
        paced: same::paced,
        bulk: same::bulk,
    },
    Mode {
        name: "inline",
        about: "the database without threads, turned by the thread that sends",
        crosses: false,
        paced: inline::paced,
        bulk: inline::bulk,
    },
    Mode {
        name: "core",
        about: "one shard of the core on the calling thread, without lanes, disk or other CPUs",
        crosses: false,
        paced: core_mode::paced,
        bulk: core_mode::bulk,
    },
    Mode {
        name: hand::NAME,
        about: "a loop written by hand: columns and one hash table, no engine",
        crosses: false,
        paced: hand::paced,
        bulk: hand::bulk,
    },
];

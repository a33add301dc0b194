//! Less memory than the queries want: those that keep the most are given up, one after the other, and
//! all others have the results of the reference, through crashes, changes of the graph and other numbers
//! of shards.

use sluicedb::core::graph::lower;
use sluicedb_tests::load::Load;
use sluicedb_tests::options::Options;
use sluicedb_tests::prng::Prng;
use sluicedb_tests::sweep::spread;
use sluicedb_tests::world::{Outcome, Summary, run_load};

/// Blocks that an operator must have before its first row.
const OPERATOR_BLOCKS: u32 = 16;
/// Operators that may come while a run is under way.
const COMING: u32 = 16;
const SEEDS: u64 = 60;

/// Runs a load that is larger than the memory.
fn starve(seed: u64) -> Result<Summary, String> {
    let root = Prng::new(seed);
    let mut options = Options::draw(&mut root.split("options"));
    (options.statements, options.rows_max) = (120 + options.statements, 20);
    options.faults.crashes = options.faults.crashes.max(1);
    // Few shards have more to keep, each.
    options.shards = options.shards.min(3);
    let load = Load::draw(&mut root.split("input"), &options);
    // Who comes to a source is owed its rows, of which some may be gone.
    let keeps = load.features.contains("source that keeps its rows");
    options.installs = if keeps { 0 } else { options.installs.min(2) };
    let graph = lower(&load.plan, options.route).map_err(|error| error.to_string())?;
    let coming = if options.installs > 0 { COMING } else { 0 };
    let spared = [26, 40, 80][seed as usize % 3];
    options.state_blocks = (graph.operators as u32 + coming) * OPERATOR_BLOCKS + spared;
    run_load(seed, options, load, |_| {}, |_| {}).map_err(|failure| failure.to_string())
}

#[test]
fn what_is_not_given_up_goes_on_as_if_nothing_had_been() {
    let summaries = spread(SEEDS, starve, |_| {}).unwrap_or_else(|problem| panic!("\n{problem}"));
    assert!(summaries.iter().all(|summary| summary.outcome == Outcome::Done));
    let runs = |what: &str| summaries.iter().filter(|run| run.seen.contains_key(what)).count();
    let counts =
        ["query given up", "stays given up", "crash", "compared epoch with rows"].map(runs);
    println!("of {SEEDS} runs with a query given up, after a restart too, crash, rows: {counts:?}");
    assert!(counts[0] >= 15 && counts[1] >= 5 && counts[3] >= 40, "{counts:?}");
}
